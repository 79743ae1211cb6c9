/* store.c - the partitions together: opening, closing, sums, databases, locks.  See store.h. */
#include "core/store/store.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/store/store_private.h"

LOOM_STATIC_ASSERT(sizeof(loom_entry) + 8 + STORE_KEY_MAX + STORE_INLINE_MAX <= ARENA_BLOCK_MAX,
                   "the largest entry fits a block");

/* ---- what plugins call back ------------------------------------------------------------------ */

static loom_entry *entry_alloc(const struct loom_host *host, size_t bytes)
{
    struct partition *p = plugin_host_arg(host);

    if (bytes > ARENA_BLOCK_MAX || mem_refuse()) return NULL;
    loom_entry *e = arena_alloc(&p->arena, bytes);

    if (e != NULL) memset(e, 0, sizeof *e);
    return e;
}

static void entry_free(const struct loom_host *host, loom_entry *e, size_t bytes)
{
    struct partition *p = plugin_host_arg(host);

    arena_free(&p->arena, e, bytes);
}

static uint64_t entry_hash(const struct loom_host *host, const loom_entry *e)
{
    struct partition *p = plugin_host_arg(host);

    return hash_key(loom_entry_key(e), e->key_bytes, loom_entry_db(e), p->store->hash_seed);
}

static size_t sample_residents(const struct loom_host *host, loom_entry **ret, size_t n)
{
    struct partition *p = plugin_host_arg(host);
    size_t found = p->storage_ops->sample(p->storage, random_next(&p->random), ret, n), kept = 0;

    for (size_t i = 0; i < found; i++)
        if (!(ret[i]->size_flags & LOOM_ENTRY_CLAIMED)) ret[kept++] = ret[i];
    return kept;
}

/* Memory of the index and of a policy's side arrays counts against the limit like entries do. */
static void charge(void *arg, int64_t bytes) { room_use(arg, bytes, 0); }

/* ---- opening and closing --------------------------------------------------------------------- */

static int open_storage(struct partition *p, const struct store_plugins *plugins,
                        const struct plugin_env *env, struct error *error)
{
    p->storage_env = (struct loom_storage_env){.struct_size = sizeof p->storage_env,
                                               .space = p->space,
                                               .entry_alloc = entry_alloc,
                                               .entry_free = entry_free,
                                               .entry_charge = arena_charge,
                                               .blob_charge = value_blob_charge,
                                               .hash = entry_hash};
    int rc = plugin_instance_create(plugins->storage, plugins->storage_settings,
                                    plugins->n_storage_settings, env, &p->storage_plugin, error);

    if (rc != 0) return rc;
    p->storage_ops = plugins->storage->ops;
    p->storage = p->storage_plugin->self;
    rc = p->storage_ops->init(p->storage, &p->storage_plugin->host, &p->storage_env);
    if (rc == 0) return 0;
    rc = plugin_instance_failed(p->storage_plugin, rc, error);
    p->storage_plugin = NULL;
    return rc;
}

static int open_policy(struct partition *p, const struct store_plugins *plugins,
                       const struct plugin_env *env, struct error *error)
{
    const struct store *store = p->store;

    p->policy_env = (struct loom_eviction_env){
        .struct_size = sizeof p->policy_env,
        .space = p->space,
        .clock = &p->clock,
        .n_items = &p->stats.n_items,
        .capacity_bytes = (uint64_t)store->max_memory / store->n_partitions,
        .capacity_items = (uint64_t)store->max_items / store->n_partitions,
        .sample = sample_residents,
        .hash = entry_hash};
    int rc = plugin_instance_create(plugins->policy, plugins->policy_settings,
                                    plugins->n_policy_settings, env, &p->policy_plugin, error);

    if (rc != 0) return rc;
    p->policy_ops = plugins->policy->ops;
    p->policy = p->policy_plugin->self;
    p->touch_kind = p->policy_ops->touch.kind;
    p->touch_max = p->policy_ops->touch.max;
    rc = p->policy_ops->init(p->policy, &p->policy_plugin->host, &p->policy_env);
    if (rc == 0) return 0;
    rc = plugin_instance_failed(p->policy_plugin, rc, error);
    p->policy_plugin = NULL;
    return rc;
}

static int partition_open(struct partition *p, struct store *store, uint16_t index,
                          const struct store_plugins *plugins, struct error *error)
{
    const struct plugin_env env = {
        .partition = index, .now_ms = &p->now_ms, .charge = charge, .arg = p};
    uint64_t seed;
    int rc;

    p->store = store;
    p->index = index;
    random_entropy(&seed, sizeof seed);
    random_seed(&p->random, seed);
    pthread_mutex_init(&p->lock, NULL);
    rc = arena_open(&p->arena, 1ull << 35, error);
    if (rc != 0) return rc;
    p->space.base = p->arena.base;
    rc = open_storage(p, plugins, &env, error);
    return rc != 0 ? rc : open_policy(p, plugins, &env, error);
}

static void partition_close(struct partition *p)
{
    if (p->policy_plugin != NULL) p->policy_ops->fini(p->policy);
    plugin_instance_destroy(p->policy_plugin);
    if (p->storage_plugin != NULL) p->storage_ops->fini(p->storage);
    plugin_instance_destroy(p->storage_plugin);
    watch_close(p);
    arena_close(&p->arena);
    pthread_mutex_destroy(&p->lock);
}

struct store *store_open(const struct store_settings *settings, const struct store_plugins *plugins,
                         struct error *error)
{
    struct store *store = mem_zalloc(MEM_OTHER, sizeof *store);
    uint32_t n = settings->n_partitions;

    LOOM_ASSERT(n > 0 && n <= STORE_PARTITIONS_MAX && (n & (n - 1)) == 0);
    LOOM_ASSERT(settings->inline_max <= STORE_INLINE_MAX);
    if (store == NULL) goto no_memory;
    store->partitions = aligned_alloc(64, n * sizeof *store->partitions);
    if (store->partitions == NULL) goto no_memory;
    memset(store->partitions, 0, n * sizeof *store->partitions);
    store->slot_shift = 14 - (uint32_t)__builtin_ctz(n);
    store->hash_seed = settings->hash_seed;
    if (store->hash_seed == 0) random_entropy(&store->hash_seed, sizeof store->hash_seed);
    store->inline_max = settings->inline_max;
    store->compress = settings->compress;
    store->compress_min = settings->compress_min;
    store->max_memory = store->pool_bytes = (int64_t)settings->max_memory;
    store->max_items = store->pool_items = (int64_t)settings->max_items;
    for (uint8_t i = 0; i < STORE_DBS; i++) store->db_map[i] = i;
    store->n_partitions = n;
    for (uint32_t i = 0; i < n; i++) {
        if (partition_open(&store->partitions[i], store, (uint16_t)i, plugins, error) == 0)
            continue;
        store->n_partitions = i + 1;
        store_close(store);
        return NULL;
    }
    return store;
no_memory:
    error_set(error, LOOM_E_NOMEM, "no memory for %u partitions", n);
    mem_free(MEM_OTHER, store);
    return NULL;
}

void store_close(struct store *store)
{
    if (store == NULL) return;
    for (uint32_t i = 0; i < store->n_partitions; i++) partition_close(&store->partitions[i]);
    free(store->partitions);
    mem_free(MEM_OTHER, store);
}

/* ---- keys and databases ---------------------------------------------------------------------- */

uint32_t store_n_partitions(const struct store *store) { return store->n_partitions; }

struct partition *store_partition(const struct store *store, uint32_t i)
{
    return &store->partitions[i];
}

struct partition *store_partition_of_slot(const struct store *store, uint16_t slot)
{
    return &store->partitions[slot >> store->slot_shift];
}

uint8_t store_db(const struct store *store, uint8_t logical)
{
    return __atomic_load_n(&store->db_map[logical], __ATOMIC_RELAXED);
}

void store_swap_dbs(struct store *store, uint8_t a, uint8_t b)
{
    uint8_t was = store->db_map[a];

    if (a == b) return;
    __atomic_store_n(&store->db_map[a], store->db_map[b], __ATOMIC_RELAXED);
    __atomic_store_n(&store->db_map[b], was, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < store->n_partitions; i++) {
        watch_bump_all(&store->partitions[i], store->db_map[a]);
        watch_bump_all(&store->partitions[i], store->db_map[b]);
    }
}

void store_key_make(const struct store *store, struct slice name, uint8_t db, struct store_key *ret)
{
    uint8_t physical = store_db(store, db);

    ret->slot = hash_slot(name.at, name.bytes);
    ret->partition = store_partition_of_slot(store, ret->slot);
    ret->key = (struct loom_key){.at = name.at,
                                 .hash = hash_key(name.at, name.bytes, physical, store->hash_seed),
                                 .bytes = (uint16_t)name.bytes,
                                 .db = physical};
}

void store_prefetch(const struct store_key *key, int stage)
{
    const struct partition *p = key->partition;

    if (stage == 0) __builtin_prefetch(&p->lock, 1);
    if (LOOM_HAS(p->storage_ops, prefetch))
        p->storage_ops->prefetch(p->storage, key->key.hash, stage);
}

/* ---- settings while running ------------------------------------------------------------------ */

bool store_can_write(const struct store *store)
{
    return !__atomic_load_n(&store->refuse_writes, __ATOMIC_RELAXED);
}

void store_set_write_guard(struct store *store, bool refuse)
{
    __atomic_store_n(&store->refuse_writes, refuse, __ATOMIC_RELAXED);
}

void store_set_compress(struct store *store, enum store_compress compress, uint64_t min_bytes)
{
    __atomic_store_n(&store->compress, compress, __ATOMIC_RELAXED);
    __atomic_store_n(&store->compress_min, min_bytes, __ATOMIC_RELAXED);
}

uint64_t store_max_memory(const struct store *store)
{
    return (uint64_t)__atomic_load_n(&store->max_memory, __ATOMIC_RELAXED);
}

uint64_t store_max_items(const struct store *store)
{
    return (uint64_t)__atomic_load_n(&store->max_items, __ATOMIC_RELAXED);
}

/* ---- sums ------------------------------------------------------------------------------------ */

void store_stats(const struct store *store, struct partition_stats *ret)
{
    uint64_t *sum = (uint64_t *)(void *)ret;

    memset(ret, 0, sizeof *ret);
    for (uint32_t i = 0; i < store->n_partitions; i++) {
        const uint64_t *one = (const uint64_t *)(const void *)&store->partitions[i].stats;

        for (size_t k = 0; k < sizeof *ret / sizeof *sum; k++) sum[k] += METRIC_READ(one[k]);
    }
    ret->lock_max_ns = 0;
    for (uint32_t i = 0; i < store->n_partitions; i++) {
        uint64_t ns = METRIC_READ(store->partitions[i].stats.lock_max_ns);

        if (ns > ret->lock_max_ns) ret->lock_max_ns = ns;
    }
}

uint64_t store_used_bytes(const struct store *store)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < store->n_partitions; i++)
        sum += METRIC_READ(store->partitions[i].stats.used_bytes);
    return sum;
}

uint64_t store_db_items(const struct store *store, uint8_t logical, uint64_t *ret_expiring)
{
    uint8_t db = store_db(store, logical);
    uint64_t n = 0, expiring = 0;

    for (uint32_t i = 0; i < store->n_partitions; i++) {
        n += METRIC_READ(store->partitions[i].db_items[db]);
        expiring += METRIC_READ(store->partitions[i].db_expiring[db]);
    }
    if (ret_expiring != NULL) *ret_expiring = expiring;
    return n;
}

void store_reset_stats(struct store *store)
{
    for (uint32_t i = 0; i < store->n_partitions; i++) {
        struct partition *p = &store->partitions[i];

        pthread_mutex_lock(&p->lock);
        METRIC_SET(p->stats.hits, 0);
        METRIC_SET(p->stats.misses, 0);
        METRIC_SET(p->stats.evictions, 0);
        METRIC_SET(p->stats.expired, 0);
        METRIC_SET(p->stats.oom, 0);
        METRIC_SET(p->stats.lock_max_ns, 0);
        pthread_mutex_unlock(&p->lock);
    }
}

/* ---- locks ----------------------------------------------------------------------------------- */

void partition_lock(struct partition *p, uint64_t now_ms)
{
    pthread_mutex_lock(&p->lock);
    p->now_ms = now_ms;
}

void partition_unlock(struct partition *p) { pthread_mutex_unlock(&p->lock); }

void partition_set_all(struct partition_set *set, const struct store *store)
{
    for (uint32_t i = 0; i < store->n_partitions; i++) partition_set_add(set, i);
}

void partition_set_lock(const struct partition_set *set, struct store *store, uint64_t now_ms)
{
    for (uint32_t w = 0; w < STORE_PARTITIONS_MAX / 64; w++)
        for (uint64_t bits = set->bits[w]; bits != 0; bits &= bits - 1)
            partition_lock(&store->partitions[w * 64 + (uint32_t)__builtin_ctzll(bits)], now_ms);
}

void partition_set_unlock(const struct partition_set *set, struct store *store)
{
    for (uint32_t w = 0; w < STORE_PARTITIONS_MAX / 64; w++)
        for (uint64_t bits = set->bits[w]; bits != 0; bits &= bits - 1)
            partition_unlock(&store->partitions[w * 64 + (uint32_t)__builtin_ctzll(bits)]);
}
