/* limit.c - the memory and item limits: one pool, a quota per partition.  The idea: store.h. */
#include <string.h>

#include "core/base/clock.h"
#include "core/store/store_private.h"

#define SETTLE_VICTIMS 64 /* evicted under one hold of a lock */

static int64_t load(const int64_t *at) { return __atomic_load_n(at, __ATOMIC_RELAXED); }

/* The other partitions read allowances (store_settle); only the lock's holder writes them. */
static void set(int64_t *at, int64_t value) { __atomic_store_n(at, value, __ATOMIC_RELAXED); }

/* What a partition takes from the pool at once, so that the pool's line is seldom fought over. */
static int64_t chunk_of(int64_t max, uint32_t n_partitions)
{
    int64_t chunk = max / ((int64_t)n_partitions * 256);

    return chunk < 1 ? 1 : chunk > 65536 ? 65536 : chunk;
}

/* grow - from the pool, if it has what is lacking.  Returns what is still lacking. */
static int64_t grow(struct partition *p, struct quota *q, int64_t *pool, int64_t max, int64_t need)
{
    int64_t lacking = q->used + need - q->allowance, chunk = chunk_of(max, p->store->n_partitions);

    if (max == 0 || lacking <= 0 || need <= 0) return 0;
    for (int64_t have = load(pool); have >= lacking;) {
        int64_t take = lacking > chunk ? lacking : chunk;

        if (take > have) take = have;
        if (__atomic_compare_exchange_n(pool, &have, have - take, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED)) {
            set(&q->allowance, q->allowance + take);
            return 0;
        }
    }
    return lacking;
}

static void overdraw(struct quota *q, int64_t *pool, int64_t lacking)
{
    set(&q->allowance, q->allowance + lacking);
    __atomic_fetch_sub(pool, lacking, __ATOMIC_RELAXED);
}

static bool poor(const struct partition *p, const struct quota *q, int64_t max)
{
    return q->used < max / p->store->n_partitions / 2;
}

bool partition_evict_one(struct partition *p)
{
    loom_entry *e = p->policy_ops->evict(p->policy);

    if (e != NULL) {
        e->size_flags |= LOOM_ENTRY_CLAIMED;
        partition_remove_entry(p, e, LOOM_EVICTED);
        return true;
    }
    /* A policy can be poor; it cannot stop the server: draw for it. */
    if (p->storage_ops->sample(p->storage, random_next(&p->random), &e, 1) == 0) return false;
    METRIC_ADD(p->stats.evict_fallbacks, 1);
    METRIC_ADD(p->stats.evictions, 1);
    partition_remove_entry(p, e, LOOM_DELETED);
    return true;
}

bool room_fits(const struct partition *p, int64_t bytes, enum room_mode mode)
{
    int64_t max = load(&p->store->max_memory);

    return max == 0 || bytes <= max || mode == ROOM_OVERDRAW;
}

int room_make(struct partition *p, int64_t bytes, int64_t items, enum room_mode mode)
{
    struct store *store = p->store;
    int64_t max_bytes = load(&store->max_memory), max_items = load(&store->max_items);
    bool may_evict = LOOM_HAS(p->policy_ops, evict);

    if (!room_fits(p, bytes, mode)) goto no_space;
    for (;;) {
        int64_t lack_bytes = grow(p, &p->bytes, &store->pool_bytes, max_bytes, bytes);
        int64_t lack_items = grow(p, &p->items, &store->pool_items, max_items, items);

        if (lack_bytes == 0 && lack_items == 0) return 0;
        if (mode == ROOM_EVICT && !may_evict) goto no_space;
        bool is_poor = (lack_bytes > 0 && poor(p, &p->bytes, max_bytes)) ||
                       (lack_items > 0 && poor(p, &p->items, max_items));

        if (mode == ROOM_EVICT && !is_poor && partition_evict_one(p)) continue;
        if (lack_bytes > 0) overdraw(&p->bytes, &store->pool_bytes, lack_bytes);
        if (lack_items > 0) overdraw(&p->items, &store->pool_items, lack_items);
        return 0;
    }
no_space:
    METRIC_ADD(p->stats.oom, 1);
    return LOOM_E_NOSPACE;
}

static void give_back(struct partition *p, struct quota *q, int64_t *pool, int64_t max,
                      int64_t keep)
{
    int64_t slack = q->allowance - (q->used > 0 ? q->used : 0);

    (void)p;
    if (max == 0 || slack <= keep) return;
    set(&q->allowance, q->allowance - slack);
    __atomic_fetch_add(pool, slack, __ATOMIC_RELAXED);
}

void room_return(struct partition *p)
{
    struct store *store = p->store;
    int64_t max_bytes = load(&store->max_memory), max_items = load(&store->max_items);
    uint32_t n = store->n_partitions;

    give_back(p, &p->bytes, &store->pool_bytes, max_bytes, 2 * chunk_of(max_bytes, n));
    give_back(p, &p->items, &store->pool_items, max_items, 2 * chunk_of(max_items, n));
}

void room_use(struct partition *p, int64_t bytes, int64_t items)
{
    p->bytes.used += bytes;
    p->items.used += items;
    METRIC_SET(p->stats.used_bytes, (uint64_t)p->bytes.used);
    if (bytes < 0 && p->store->n_partitions > 1) room_return(p);
}

/* ---- paying debts ---------------------------------------------------------------------------- */

static struct partition *richest(struct store *store, bool by_bytes)
{
    struct partition *best = &store->partitions[0];

    for (uint32_t i = 1; i < store->n_partitions; i++) {
        struct partition *p = &store->partitions[i];
        const struct quota *a = by_bytes ? &p->bytes : &p->items;
        const struct quota *b = by_bytes ? &best->bytes : &best->items;

        if (load(&a->allowance) > load(&b->allowance)) best = p;
    }
    return best;
}

static bool owes(const struct store *store)
{
    return (load(&store->max_memory) != 0 && load(&store->pool_bytes) < 0) ||
           (load(&store->max_items) != 0 && load(&store->pool_items) < 0);
}

void store_settle(struct store *store, uint64_t now_ms)
{
    if (__builtin_expect(!owes(store), 1)) return;
    uint32_t rounds = 4 * store->n_partitions + 64;

    for (; rounds > 0 && owes(store); rounds--) {
        bool by_bytes = load(&store->max_memory) != 0 && load(&store->pool_bytes) < 0;
        struct partition *p = richest(store, by_bytes);
        int64_t max_bytes = load(&store->max_memory), max_items = load(&store->max_items);
        bool evicted = false;

        partition_lock(p, now_ms);
        for (int i = 0; i < SETTLE_VICTIMS && owes(store); i++) {
            give_back(p, &p->bytes, &store->pool_bytes, max_bytes, 0);
            give_back(p, &p->items, &store->pool_items, max_items, 0);
            if (!owes(store)) break;
            if (!LOOM_HAS(p->policy_ops, evict) || !partition_evict_one(p)) break;
            evicted = true;
        }
        give_back(p, &p->bytes, &store->pool_bytes, max_bytes, 0);
        give_back(p, &p->items, &store->pool_items, max_items, 0);
        partition_unlock(p);
        if (!evicted && rounds < 4 * store->n_partitions) break; /* nobody has anything to give */
    }
}

void store_set_limits(struct store *store, uint64_t max_memory, uint64_t max_items)
{
    struct partition_set all = {{0}};

    partition_set_all(&all, store);
    partition_set_lock(&all, store, clock_unix_ms());
    __atomic_store_n(&store->max_memory, (int64_t)max_memory, __ATOMIC_RELAXED);
    __atomic_store_n(&store->max_items, (int64_t)max_items, __ATOMIC_RELAXED);
    int64_t bytes = (int64_t)max_memory, items = (int64_t)max_items;

    for (uint32_t i = 0; i < store->n_partitions; i++) {
        struct partition *p = &store->partitions[i];

        set(&p->bytes.allowance, p->bytes.used);
        set(&p->items.allowance, p->items.used);
        bytes -= p->bytes.used;
        items -= p->items.used;
        if (LOOM_HAS(p->policy_ops, set_capacity))
            p->policy_ops->set_capacity(p->policy, max_memory / store->n_partitions,
                                        max_items / store->n_partitions);
    }
    set(&store->pool_bytes, bytes);
    set(&store->pool_items, items);
    partition_set_unlock(&all, store);
}
