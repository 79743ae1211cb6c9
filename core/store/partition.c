/* partition.c - what may be done to a key, with its partition's lock held.  See store.h. */
#include <string.h>

#include "core/base/clock.h"
#include "core/store/store_private.h"

void partition_touch(struct partition *p, loom_entry *e)
{
    p->clock++;
    switch (p->touch_kind) {
    case LOOM_TOUCH_COUNT:
        if ((e->touch & LOOM_TOUCH_COUNT_MASK) < p->touch_max) e->touch++;
        break;
    case LOOM_TOUCH_STAMP: e->word.mark.stamp = p->clock; break;
    case LOOM_TOUCH_CALL:
        if (!(e->size_flags & LOOM_ENTRY_CLAIMED)) p->policy_ops->accessed(p->policy, e);
        break;
    default: break;
    }
}

void partition_quiet(struct partition *p, bool quiet)
{
    p->touch_kind = quiet ? LOOM_TOUCH_NONE : p->policy_ops->touch.kind;
}

static void missed(struct partition *p, uint64_t hash, enum store_look look)
{
    if (look != STORE_READ) return;
    METRIC_ADD(p->stats.misses, 1);
    if (LOOM_HAS(p->policy_ops, missed)) p->policy_ops->missed(p->policy, hash);
}

loom_entry *partition_find(const struct store_key *key, enum store_look look)
{
    struct partition *p = key->partition;
    loom_entry *e = p->storage_ops->find(p->storage, &key->key);

    if (e == NULL) {
        missed(p, key->key.hash, look);
        return NULL;
    }
    if ((e->size_flags & LOOM_ENTRY_EXPIRES) && entry_expired(e, p->now_ms)) {
        partition_remove_entry(p, e, LOOM_EXPIRED);
        missed(p, key->key.hash, look);
        return NULL;
    }
    if (look == STORE_PEEK) return e;
    if (look == STORE_READ) METRIC_ADD(p->stats.hits, 1);
    partition_touch(p, e);
    return e;
}

/* ---- leaving --------------------------------------------------------------------------------- */

static void count_items(struct partition *p, const loom_entry *e, int sign)
{
    uint8_t db = loom_entry_db(e);

    METRIC_ADD(p->stats.n_items, (uint64_t)(int64_t)sign);
    METRIC_ADD(p->db_items[db], (uint64_t)(int64_t)sign);
    if (e->size_flags & LOOM_ENTRY_EXPIRES) {
        METRIC_ADD(p->stats.n_expiring, (uint64_t)(int64_t)sign);
        METRIC_ADD(p->db_expiring[db], (uint64_t)(int64_t)sign);
    }
}

static void use_entry(struct partition *p, int64_t bytes, int64_t items)
{
    p->entry_bytes += bytes;
    room_use(p, bytes, items);
}

static void remove_hashed(struct partition *p, loom_entry *e, uint64_t hash, enum loom_removal why)
{
    int64_t charged = (int64_t)p->storage_ops->charged(p->storage, e);

    if (e == p->pinned) p->pinned = NULL;
    p->storage_ops->remove(p->storage, e, hash);
    if ((e->size_flags & LOOM_ENTRY_CLAIMED) && why != LOOM_EVICTED) {
        e->size_flags &= ~LOOM_ENTRY_CLAIMED;
        p->policy_ops->restored(p->policy, e);
    }
    p->policy_ops->removed(p->policy, e, hash, why);
    if (p->watches != NULL) watch_bump(p, e, hash);
    value_account(p, e, -1);
    count_items(p, e, -1);
    if (why == LOOM_EVICTED) METRIC_ADD(p->stats.evictions, 1);
    if (why == LOOM_EXPIRED) METRIC_ADD(p->stats.expired, 1);
    if (why == LOOM_DELETED) METRIC_ADD(p->stats.deletes, 1);
    p->storage_ops->release(p->storage, e);
    use_entry(p, -charged, -1);
}

void partition_remove(const struct store_key *key, loom_entry *e)
{
    remove_hashed(key->partition, e, key->key.hash, LOOM_DELETED);
}

void partition_remove_entry(struct partition *p, loom_entry *e, enum loom_removal why)
{
    uint64_t hash =
        hash_key(loom_entry_key(e), e->key_bytes, loom_entry_db(e), p->store->hash_seed);

    remove_hashed(p, e, hash, why);
}

/* ---- coming and changing --------------------------------------------------------------------- */

static int insert(const struct store_key *key, const struct loom_value *v, int64_t charge,
                  loom_entry **ret)
{
    struct partition *p = key->partition;
    loom_entry *e = p->storage_ops->create(p->storage, &key->key, v);

    if (e == NULL) return LOOM_E_NOMEM;
    if (p->storage_ops->insert(p->storage, e, key->key.hash) != 0) {
        p->storage_ops->release(p->storage, e);
        return LOOM_E_NOMEM;
    }
    p->clock++;
    p->policy_ops->inserted(p->policy, e, key->key.hash);
    METRIC_ADD(p->stats.inserts, 1);
    count_items(p, e, 1);
    use_entry(p, charge, 1);
    *ret = e;
    return 0;
}

static int replace(const struct store_key *key, loom_entry *old, const struct loom_value *v,
                   int64_t grown, loom_entry **ret)
{
    struct partition *p = key->partition;
    loom_entry *e = p->storage_ops->create(p->storage, &key->key, v);

    if (e == NULL) return LOOM_E_NOMEM;
    e->word = old->word;
    e->touch = old->touch;
    e->size_flags |= old->size_flags & LOOM_ENTRY_CLAIMED;
    p->storage_ops->replace(p->storage, old, e, key->key.hash);
    if (LOOM_HAS(p->policy_ops, moved))
        p->policy_ops->moved(p->policy, loom_ref_of(&p->space, old), e);
    value_account(p, old, -1);
    count_items(p, old, -1);
    p->storage_ops->release(p->storage, old);
    count_items(p, e, 1);
    use_entry(p, grown, 0);
    *ret = e;
    return 0;
}

int partition_install(const struct store_key *key, loom_entry *old, const struct loom_value *v,
                      enum room_mode mode, loom_entry **ret)
{
    struct partition *p = key->partition;
    int64_t charge = (int64_t)p->storage_ops->charge_of(p->storage, key->key.bytes, v);
    int rc;

    if (old != NULL) {
        int64_t grown = charge - (int64_t)p->storage_ops->charged(p->storage, old);

        /* Before anything is evicted for what cannot be kept in the end. */
        if (grown > 0 && !room_fits(p, charge, mode)) return room_make(p, charge, 0, mode);
        p->pinned = old;
        rc = grown > 0 ? room_make(p, grown, 0, mode) : 0;
        bool still = p->pinned == old;

        p->pinned = NULL;
        if (rc != 0) return rc;
        if (still) return replace(key, old, v, grown, ret);
    } /* else the entry itself was the victim: it is an insert now */
    rc = room_make(p, charge, 1, mode);
    return rc != 0 ? rc : insert(key, v, charge, ret);
}

/* overwrite - the new value into the old one's place, when it fits the same size class. */
static bool overwrite(struct partition *p, loom_entry *e, const struct loom_value *v)
{
    bool expires = v->expires_ms != 0;

    if (v->blob != NULL || (e->size_flags & LOOM_ENTRY_OUTLINE)) return false;
    if (expires != ((e->size_flags & LOOM_ENTRY_EXPIRES) != 0)) return false;
    uint32_t bytes = loom_entry_bytes(e);
    uint32_t bytes_now = bytes - loom_entry_value_bytes(e) + (uint32_t)v->bytes;

    if (bytes != bytes_now && arena_charge(bytes) != arena_charge(bytes_now)) return false;
    value_account(p, e, -1);
    e->size_flags = (e->size_flags & ~LOOM_ENTRY_VALUE_MASK) | (uint32_t)v->bytes;
    e->kind = (uint8_t)((e->kind & ~LOOM_TYPE_MASK) | v->type);
    if (expires) memcpy(e + 1, &v->expires_ms, sizeof v->expires_ms);
    if (v->bytes != 0) memcpy(loom_entry_value(e), v->at, v->bytes);
    if (LOOM_HAS(p->storage_ops, written)) p->storage_ops->written(p->storage, e);
    return true;
}

int partition_put(const struct store_key *key, const struct store_put *put, loom_entry **ret)
{
    struct partition *p = key->partition;
    loom_entry *e = put->old;
    struct value_packed packed;
    int rc = value_pack(p->store, put, &packed);

    if (rc != 0) return rc;
    packed.value.expires_ms = put->keep_expiry && e ? loom_entry_expires_ms(e) : put->expires_ms;
    if (e == NULL || !overwrite(p, e, &packed.value))
        rc = partition_install(key, e, &packed.value, put->overdraw ? ROOM_OVERDRAW : ROOM_EVICT,
                               &e);
    if (rc == 0) {
        value_account(p, e, 1);
        if (put->old != NULL) {
            METRIC_ADD(p->stats.overwrites, 1);
            partition_touch(p, e);
        }
        if (p->watches != NULL) watch_bump(p, e, key->key.hash);
        if (ret != NULL) *ret = e;
    }
    if (packed.buffer != NULL || packed.made != NULL) value_packed_free(&packed);
    return rc;
}

static int expire_in_place(struct partition *p, loom_entry *e, uint64_t expires_ms)
{
    bool has = (e->size_flags & LOOM_ENTRY_EXPIRES) != 0, wants = expires_ms != 0;
    uint32_t bytes = loom_entry_bytes(e);
    uint32_t bytes_now = bytes + (wants ? 8 : 0) - (has ? 8 : 0);

    if (arena_charge(bytes) != arena_charge(bytes_now)) return LOOM_E_UNSUPPORTED;
    count_items(p, e, -1);
    if (has != wants) {
        const char *from = loom_entry_key(e);
        uint32_t rest = e->key_bytes + loom_entry_value_bytes(e);

        memmove((char *)e + sizeof *e + (wants ? 8 : 0), from, rest);
        e->size_flags ^= LOOM_ENTRY_EXPIRES;
    }
    if (wants) memcpy(e + 1, &expires_ms, sizeof expires_ms);
    count_items(p, e, 1);
    if (LOOM_HAS(p->storage_ops, written)) p->storage_ops->written(p->storage, e);
    return 0;
}

int partition_expire(const struct store_key *key, loom_entry *e, uint64_t expires_ms,
                     loom_entry **ret)
{
    struct partition *p = key->partition;
    int rc = expire_in_place(p, e, expires_ms);

    if (rc != 0) {
        struct loom_value v = {.at = loom_entry_value(e), .bytes = loom_entry_value_bytes(e)};

        if (e->size_flags & LOOM_ENTRY_OUTLINE) {
            rc = p->storage_ops->value(p->storage, e, &v);
            if (rc != 0) return rc;
        }
        v.type = loom_entry_type(e);
        v.expires_ms = expires_ms;
        rc = partition_install(key, e, &v, ROOM_OVERDRAW, &e);
        if (rc != 0) return rc;
        value_account(p, e, 1);
    }
    if (p->watches != NULL) watch_bump(p, e, key->key.hash);
    if (ret != NULL) *ret = e;
    return 0;
}

/* ---- many ------------------------------------------------------------------------------------ */

#define COLLECT_MAX 256

struct collect {
    struct partition *p;
    int db; /* < 0: any */
    bool expired_only;
    uint32_t n;
    bool more; /* some did not fit: visit the same place again */
    loom_entry *entries[COLLECT_MAX];
};

static void collect_each(void *arg, loom_entry *e)
{
    struct collect *c = arg;

    if (c->db >= 0 && loom_entry_db(e) != c->db) return;
    if (c->expired_only && !entry_expired(e, c->p->now_ms)) return;
    if (c->n < COLLECT_MAX) c->entries[c->n++] = e;
    else c->more = true;
}

/* remove_matching - one bounded step; the next cursor. */
static uint64_t remove_matching(struct partition *p, uint64_t cursor, int db, bool expired_only,
                                uint64_t *n_removed)
{
    struct collect c;
    uint64_t next;

    c.p = p;
    c.db = db;
    c.expired_only = expired_only;
    do {
        c.n = 0;
        c.more = false;
        next = p->storage_ops->scan(p->storage, cursor, collect_each, &c);
        for (uint32_t i = 0; i < c.n; i++)
            partition_remove_entry(p, c.entries[i], expired_only ? LOOM_EXPIRED : LOOM_CLEARED);
        *n_removed += c.n;
    } while (c.more);
    return next;
}

static uint64_t clear_all(struct partition *p)
{
    uint64_t n = p->stats.n_items, removed = 0, cursor = 0;

    if (!LOOM_HAS(p->policy_ops, cleared)) {
        do cursor = remove_matching(p, cursor, -1, false, &removed);
        while (cursor != 0);
        return n;
    }
    p->policy_ops->cleared(p->policy);
    p->storage_ops->clear(p->storage);
    watch_bump_all(p, -1);
    METRIC_SET(p->stats.n_items, 0);
    METRIC_SET(p->stats.n_expiring, 0);
    METRIC_SET(p->stats.raw_bytes, 0);
    METRIC_SET(p->stats.packed_bytes, 0);
    for (uint32_t db = 0; db < STORE_DBS; db++) {
        METRIC_SET(p->db_items[db], 0);
        METRIC_SET(p->db_expiring[db], 0);
    }
    use_entry(p, -p->entry_bytes, -(int64_t)n);
    return n;
}

uint64_t partition_clear(struct partition *p, int db)
{
    uint64_t removed = 0, cursor = 0;

    if (db < 0 || METRIC_READ(p->db_items[db]) == p->stats.n_items) return clear_all(p);
    if (METRIC_READ(p->db_items[db]) == 0) return 0;
    do cursor = remove_matching(p, cursor, db, false, &removed);
    while (cursor != 0);
    return removed;
}

struct visit {
    struct partition *p;
    void (*each)(void *arg, loom_entry *e);
    void *arg;
};

static void visit_live(void *arg, loom_entry *e)
{
    const struct visit *visit = arg;

    if (!entry_expired(e, visit->p->now_ms)) visit->each(visit->arg, e);
}

uint64_t partition_scan(struct partition *p, uint64_t cursor,
                        void (*each)(void *arg, loom_entry *e), void *arg)
{
    struct visit visit = {p, each, arg};

    return p->storage_ops->scan(p->storage, cursor, visit_live, &visit);
}

loom_entry *partition_random(struct partition *p, uint8_t db)
{
    for (int tries = 0; tries < 128; tries++) {
        loom_entry *e;

        if (p->storage_ops->sample(p->storage, random_next(&p->random), &e, 1) == 0) return NULL;
        if (loom_entry_db(e) == db && !entry_expired(e, p->now_ms)) return e;
    }
    return NULL;
}

/* ---- housekeeping ---------------------------------------------------------------------------- */

uint64_t store_tick(struct store *store, uint32_t partition, uint64_t now_ms, uint32_t budget_us)
{
    struct partition *p = &store->partitions[partition];
    uint64_t removed = 0, start_ns, steps = 0;

    partition_lock(p, now_ms);
    start_ns = clock_monotonic_ns();
    if (LOOM_HAS(p->storage_ops, tick)) p->storage_ops->tick(p->storage);
    while (budget_us > 0 && p->stats.n_expiring > 0) {
        p->expire_cursor = remove_matching(p, p->expire_cursor, -1, true, &removed);
        if (p->expire_cursor == 0) break;
        if (++steps % 16 == 0 && clock_monotonic_ns() - start_ns > budget_us * 1000ull) break;
    }
    room_return(p);
    uint64_t held_ns = clock_monotonic_ns() - start_ns;

    if (held_ns > p->stats.lock_max_ns) METRIC_SET(p->stats.lock_max_ns, held_ns);
    partition_unlock(p);
    store_settle(store, now_ms);
    return removed;
}
