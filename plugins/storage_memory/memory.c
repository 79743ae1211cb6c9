/* memory.c - the storage backend that keeps everything in RAM: an index over the core's arena.
 *
 * Values up to the core's inline limit lie behind the key; larger ones stay in the blob they
 * arrived in, of which the entry keeps the address.
 */
#include <string.h>

#include "table.h"

#define SAMPLE_TRIES                                                                               \
    64 /* per entry asked for; the load is above 10 %, so this all but never fails */

struct memory {
    const struct loom_host *host;
    struct loom_storage_env env;
    struct table table;
};

static int init(void *self, const struct loom_host *host, const struct loom_storage_env *env)
{
    struct memory *m = self;

    m->host = host;
    m->env = *env;
    if (table_open(&m->table, host, env) != 0)
        return host->fail(host, LOOM_E_NOMEM, "no memory for an empty index of 4 KiB");
    return 0;
}

static struct loom_blob *blob_of(const loom_entry *e)
{
    struct loom_blob *blob;

    memcpy(&blob, loom_entry_key(e) + e->key_bytes, sizeof blob);
    return blob;
}

static loom_entry *find(void *self, const struct loom_key *key)
{
    return table_find(&((struct memory *)self)->table, key);
}

static size_t bytes_for(uint32_t key_bytes, const struct loom_value *value)
{
    return sizeof(loom_entry) + (value->expires_ms ? 8 : 0) + key_bytes +
           (value->blob ? sizeof value->blob : (size_t)value->bytes);
}

static uint64_t charge_of(void *self, uint32_t key_bytes, const struct loom_value *value)
{
    struct memory *m = self;

    return m->env.entry_charge(bytes_for(key_bytes, value)) +
           (value->blob ? m->env.blob_charge(value->blob) : 0);
}

static uint64_t charged(void *self, const loom_entry *e)
{
    struct memory *m = self;

    return m->env.entry_charge(loom_entry_bytes(e)) +
           ((e->size_flags & LOOM_ENTRY_OUTLINE) ? m->env.blob_charge(blob_of(e)) : 0);
}

static loom_entry *create(void *self, const struct loom_key *key, const struct loom_value *value)
{
    struct memory *m = self;
    loom_entry *e = m->env.entry_alloc(m->host, bytes_for(key->bytes, value));
    uint32_t value_bytes = value->blob ? (uint32_t)sizeof value->blob : (uint32_t)value->bytes;

    if (e == NULL) return NULL;
    e->size_flags = value_bytes | (value->expires_ms ? LOOM_ENTRY_EXPIRES : 0) |
                    (value->blob ? LOOM_ENTRY_OUTLINE : 0);
    e->key_bytes = key->bytes;
    e->kind = (uint8_t)(key->db << 4 | value->type);
    if (value->expires_ms) memcpy(e + 1, &value->expires_ms, sizeof value->expires_ms);
    memcpy(loom_entry_value(e) - key->bytes, key->at, key->bytes);
    if (value->blob != NULL) {
        struct loom_blob *blob = loom_blob_hold(value->blob);

        memcpy(loom_entry_value(e), &blob, sizeof blob);
    } else if (value->at != NULL) {
        memcpy(loom_entry_value(e), value->at, value->bytes);
    }
    return e;
}

static int insert(void *self, loom_entry *e, uint64_t hash)
{
    return table_insert(&((struct memory *)self)->table, e, hash);
}

static void replace(void *self, loom_entry *old, loom_entry *e, uint64_t hash)
{
    table_replace(&((struct memory *)self)->table, old, e, hash);
}

static void remove_entry(void *self, loom_entry *e, uint64_t hash)
{
    table_remove(&((struct memory *)self)->table, e, hash);
}

static void release(void *self, loom_entry *e)
{
    struct memory *m = self;

    if (e->size_flags & LOOM_ENTRY_OUTLINE) loom_blob_drop(blob_of(e));
    m->env.entry_free(m->host, e, loom_entry_bytes(e));
}

static int value_of(void *self, loom_entry *e, struct loom_value *ret)
{
    struct loom_blob *blob = blob_of(e);

    (void)self;
    *ret = (struct loom_value){.at = loom_blob_at(blob), .bytes = blob->bytes, .blob = blob,
                               .type = loom_entry_type(e)};
    return 0;
}

static uint64_t scan(void *self, uint64_t cursor, void (*each)(void *arg, loom_entry *e), void *arg)
{
    return table_visit(&((struct memory *)self)->table, cursor & 0xffffffffu, each, arg);
}

/* mix - one step of splitmix64 (Steele, Lea and Flood, 2014): many draws from one number. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static size_t sample(void *self, uint64_t random, loom_entry **ret, size_t n)
{
    struct memory *m = self;
    size_t found = 0;

    if (m->table.n_items == 0) return 0;
    for (size_t tries = 0; found < n && tries < n * SAMPLE_TRIES; tries++) {
        random += 0x9e3779b97f4a7c15u;
        loom_entry *e = table_sample(&m->table, mix(random));

        if (e != NULL) ret[found++] = e;
    }
    return found;
}

static void release_each(void *arg, loom_entry *e) { release(arg, e); }

static void release_all(struct memory *m)
{
    uint64_t cursor = 0;

    do cursor = table_visit(&m->table, cursor, release_each, m);
    while (cursor != 0);
}

static void fini(void *self)
{
    struct memory *m = self;

    release_all(m);
    table_clear(&m->table); /* the links of chains go back to the arena */
    table_close(&m->table);
}

static void clear(void *self)
{
    struct memory *m = self;

    release_all(m);
    table_clear(&m->table);
}

static void prefetch(void *self, uint64_t hash, int stage)
{
    table_prefetch(&((struct memory *)self)->table, hash, stage);
}

static void tick(void *self) { table_step(&((struct memory *)self)->table, 64); }

static bool verify(void *self, size_t n_resident)
{
    return table_verify(&((struct memory *)self)->table, n_resident);
}

static const struct loom_storage_ops ops = {
    .struct_size = sizeof ops,
    .instance_size = sizeof(struct memory),
    .init = init,
    .fini = fini,
    .find = find,
    .charge_of = charge_of,
    .charged = charged,
    .create = create,
    .insert = insert,
    .replace = replace,
    .remove = remove_entry,
    .release = release,
    .value = value_of,
    .scan = scan,
    .sample = sample,
    .clear = clear,
    .prefetch = prefetch,
    .tick = tick,
    .verify = verify,
};

LOOM_PLUGIN("LoomCache", "1.0", "Apache-2.0",
            LOOM_OFFER_STORAGE("memory", "entries in RAM, found through one cache line", &ops))
