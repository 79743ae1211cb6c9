/* watch.c - watched keys of a partition: a version per key, counted.  Lock held throughout. */
#include <string.h>

#include "core/base/mem.h"
#include "core/store/store_private.h"

struct watch {
    struct watch *next;
    uint64_t hash, version;
    uint32_t refs;
    uint16_t key_bytes;
    uint8_t db;
    char key[];
};

static struct watch **chain_of(struct partition *p, uint64_t hash)
{
    return &p->watches[(hash >> 32) % PARTITION_WATCH_BUCKETS];
}

static struct watch *find(struct partition *p, const void *key, uint16_t bytes, uint8_t db,
                          uint64_t hash)
{
    for (struct watch *w = *chain_of(p, hash); w != NULL; w = w->next)
        if (w->hash == hash && w->db == db && w->key_bytes == bytes && !memcmp(w->key, key, bytes))
            return w;
    return NULL;
}

struct watch *partition_watch(const struct store_key *key)
{
    struct partition *p = key->partition;
    const struct loom_key *k = &key->key;

    if (p->watches == NULL) {
        p->watches = mem_zalloc(MEM_CONN, PARTITION_WATCH_BUCKETS * sizeof *p->watches);
        if (p->watches == NULL) return NULL;
    }
    struct watch *w = find(p, k->at, k->bytes, k->db, k->hash);

    if (w == NULL) {
        w = mem_zalloc(MEM_CONN, sizeof *w + k->bytes);
        if (w == NULL) return NULL;
        w->hash = k->hash;
        w->db = k->db;
        w->key_bytes = k->bytes;
        memcpy(w->key, k->at, k->bytes);
        w->next = *chain_of(p, k->hash);
        *chain_of(p, k->hash) = w;
    }
    w->refs++;
    return w;
}

uint64_t watch_version(const struct watch *watch) { return watch->version; }

void partition_unwatch(struct partition *p, struct watch *watch)
{
    struct watch **at = chain_of(p, watch->hash);

    if (--watch->refs > 0) return;
    while (*at != watch) at = &(*at)->next;
    *at = watch->next;
    mem_free(MEM_CONN, watch);
}

void watch_bump(struct partition *p, const loom_entry *e, uint64_t hash)
{
    struct watch *w = find(p, loom_entry_key(e), e->key_bytes, loom_entry_db(e), hash);

    if (w != NULL) w->version++;
}

void watch_bump_all(struct partition *p, int db)
{
    if (p->watches == NULL) return;
    for (uint32_t i = 0; i < PARTITION_WATCH_BUCKETS; i++)
        for (struct watch *w = p->watches[i]; w != NULL; w = w->next)
            if (db < 0 || w->db == db) w->version++;
}

void watch_close(struct partition *p)
{
    if (p->watches == NULL) return;
    for (uint32_t i = 0; i < PARTITION_WATCH_BUCKETS; i++) LOOM_ASSERT(p->watches[i] == NULL);
    mem_free(MEM_CONN, p->watches);
}
