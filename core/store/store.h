/* store.h - the node's data: partitions, what commands may do to a key, and the memory limit.
 *
 * A partition is a contiguous range of slots with one lock, one storage instance, one policy
 * instance and one arena.  Any thread serves any partition: it takes the lock, works, lets go.
 *
 *   key -> slot (CRC16, public) -> partition (slot / width) -> storage->find(hash) -> entry
 *
 * The executor (core/command) locks the partitions of a command's keys, in ascending order, and
 * calls store_settle() after it has let go.  Functions named partition_* want the lock held; time
 * is passed in with it, one reading per loop turn.  Nothing here knows sockets or commands.
 *
 * The limit.  A node-wide pool holds what is not yet promised to a partition.  A partition that
 * needs room takes from the pool; when the pool is dry it evicts its own victims; when it is poor
 * (under half a fair share) it takes anyway, the pool goes below zero, and store_settle() makes
 * the richest partition pay before the reply leaves.  So one large value may use nearly all of the
 * memory, partitions drift to equal shares, and the overshoot is what is in flight.
 */
#ifndef CORE_STORE_STORE_H
#define CORE_STORE_STORE_H

#include <loomcache/eviction.h>
#include <loomcache/storage.h>
#include <pthread.h>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/metric.h"
#include "core/base/random.h"
#include "core/plugin/host.h"
#include "core/store/arena.h"

#define STORE_DBS 16u
#define STORE_PARTITIONS_MAX 256u
#define STORE_KEY_MAX 65535u
#define STORE_VALUE_MAX (512ull << 20)
#define STORE_INLINE_MAX 31744u /* with the longest key it still is a block of the arena */

enum store_compress { STORE_COMPRESS_NONE, STORE_COMPRESS_LZ4 };

struct store_settings {
    uint32_t n_partitions; /* power of two, 1 to STORE_PARTITIONS_MAX */
    uint64_t max_memory;   /* bytes; 0: unlimited */
    uint64_t max_items;    /* 0: unlimited */
    uint32_t inline_max;   /* larger values are blobs; at most STORE_INLINE_MAX */
    enum store_compress compress;
    uint64_t compress_min;
    uint64_t hash_seed; /* 0: drawn from the kernel */
};

/* What changes under the lock and is read by anybody: write with METRIC_ADD/SET, read with
 * METRIC_READ. */
struct partition_stats {
    uint64_t hits, misses;
    uint64_t inserts, overwrites, deletes;
    uint64_t evictions, evict_fallbacks, expired;
    uint64_t oom; /* writes refused for lack of room */
    uint64_t n_items, n_expiring;
    uint64_t used_bytes;      /* entries, blobs and index, as the limit counts them */
    uint64_t raw_bytes;       /* of compressed values: before ... */
    uint64_t packed_bytes;    /* ... and after */
    uint64_t lock_max_ns;     /* longest hold that was timed (housekeeping) */
};

struct quota {
    int64_t used, allowance;
};

struct watch;
#define PARTITION_WATCH_BUCKETS 256

struct partition {
    pthread_mutex_t lock;
    /* read-mostly: what a hit needs */
    const struct loom_storage_ops *storage_ops;
    void *storage;
    const struct loom_eviction_ops *policy_ops;
    void *policy;
    struct loom_space space;
    uint8_t touch_kind, touch_max;
    uint16_t index;
    uint32_t clock; /* accesses; policies stamp with it */
    uint64_t now_ms;
    struct store *store;
    struct partition_stats stats;
    struct quota bytes, items;
    int64_t entry_bytes;      /* of bytes.used: what residents are charged; the rest is index */
    loom_entry *pinned;       /* being overwritten: evicting it must be noticed */
    uint64_t db_items[STORE_DBS];     /* by physical database */
    uint64_t db_expiring[STORE_DBS];
    uint64_t expire_cursor;
    struct watch **watches; /* PARTITION_WATCH_BUCKETS chains; NULL until somebody watches */
    struct random random;
    struct arena arena;
    struct plugin_instance *storage_plugin, *policy_plugin;
    struct loom_storage_env storage_env; /* lent to the plugins until fini() */
    struct loom_eviction_env policy_env;
} __attribute__((aligned(64)));

struct store; /* its members: store_private.h */

/* A command's key, with everything that is computed from it once. */
struct store_key {
    struct loom_key key;
    struct partition *partition;
    uint16_t slot;
};

/* ---- the whole store ---------------------------------------------------------------- */

/* store_open - partitions with their plugin instances.  NULL with a sentence.  [init] */
struct store_plugins {
    const struct plugin *storage, *policy;
    const struct option_setting *storage_settings, *policy_settings; /* of their INI sections */
    size_t n_storage_settings, n_policy_settings;
};
struct store *store_open(const struct store_settings *settings, const struct store_plugins *plugins,
                         struct error *error);
void store_close(struct store *store);

uint32_t store_n_partitions(const struct store *store);
struct partition *store_partition(const struct store *store, uint32_t i);
struct partition *store_partition_of_slot(const struct store *store, uint16_t slot);

/* store_key_make - slot, partition and hash of a name in a logical database (SWAPDB moves those).
 */
void store_key_make(const struct store *store, struct slice name, uint8_t db,
                    struct store_key *ret);
uint8_t store_db(const struct store *store, uint8_t logical); /* -> physical */
/* store_swap_dbs - every lock held.  A key made before it names the other database now: whoever
 * locks after making a key compares key.db with store_db() again. */
void store_swap_dbs(struct store *store, uint8_t a, uint8_t b);

/* store_prefetch - fetch a key's lock, index line (stage 0), then its entry (stage 1).  No lock. */
void store_prefetch(const struct store_key *key, int stage);

/* store_settle - after the locks are gone: if the pool is below zero, make the richest partitions
 * evict.  One relaxed load when there is nothing to do. */
void store_settle(struct store *store, uint64_t now_ms);

/* store_can_write - false when RSS is over its guard: refuse growth with -OOM. */
bool store_can_write(const struct store *store);
void store_set_write_guard(struct store *store, bool refuse);

void store_set_limits(struct store *store, uint64_t max_memory, uint64_t max_items);
void store_set_compress(struct store *store, enum store_compress compress, uint64_t min_bytes);
uint64_t store_max_memory(const struct store *store);
uint64_t store_max_items(const struct store *store);

/* store_stats - the sum over partitions; consistent per counter, not across them. */
void store_stats(const struct store *store, struct partition_stats *ret);
uint64_t store_used_bytes(const struct store *store);
uint64_t store_db_items(const struct store *store, uint8_t logical, uint64_t *ret_expiring);
void store_reset_stats(struct store *store); /* CONFIG RESETSTAT */

/* store_tick - housekeeping of one partition: active expiry and index work, at most budget_us;
 * takes the lock by itself.  Budget 0: no expiry.  Returns entries expired. */
uint64_t store_tick(struct store *store, uint32_t partition, uint64_t now_ms, uint32_t budget_us);

/* ---- locks -------------------------------------------------------------------------- */

void partition_lock(struct partition *p, uint64_t now_ms);
void partition_unlock(struct partition *p);
/* partition_quiet - until it is switched off again, under the same hold of the lock: reads and
 * writes are no accesses for the policy. */
void partition_quiet(struct partition *p, bool quiet);

/* A set of partitions, locked in ascending order so that nobody waits in a circle. */
struct partition_set {
    uint64_t bits[STORE_PARTITIONS_MAX / 64];
};
static inline void partition_set_add(struct partition_set *set, uint32_t i)
{
    set->bits[i / 64] |= 1ull << (i % 64);
}
void partition_set_all(struct partition_set *set, const struct store *store);
void partition_set_lock(const struct partition_set *set, struct store *store, uint64_t now_ms);
void partition_set_unlock(const struct partition_set *set, struct store *store);

/* ---- keys, with the partition's lock held --------------------------------------------- */

enum store_look {
    STORE_READ,  /* counts a hit or a miss, and is an access for the policy */
    STORE_WRITE, /* an access for the policy, not counted as hit or miss */
    STORE_PEEK   /* neither: TTL, TYPE, OBJECT, EXISTS */
};
/* partition_find - the entry, or NULL when absent or expired (an expired one is removed). */
loom_entry *partition_find(const struct store_key *key, enum store_look look);

/* A value to be read.  Borrowed from the entry, or unpacked into memory of its own. */
struct value_view {
    const char *at;
    uint64_t bytes;
    struct loom_blob *blob; /* borrowed, when the value is one: hold it to use it after unlock */
    void *unpacked;         /* of a compressed value; value_release() frees it */
};
/* value_read - LOOM_E_NOMEM when a compressed value cannot be unpacked. */
int value_read(struct partition *p, loom_entry *e, struct value_view *ret);
void value_release(struct value_view *view);
/* value_bytes - its length as a client sees it, without unpacking. */
uint64_t value_bytes(struct partition *p, loom_entry *e);

/* What to put. */
struct store_put {
    struct slice value;
    struct loom_blob *blob; /* value lies in it: adopted without a copy when it is large */
    uint64_t expires_ms;    /* unix ms; 0: never */
    bool keep_expiry;       /* as it is on the entry that is overwritten */
    loom_entry *old;        /* what partition_find(STORE_WRITE or STORE_PEEK) returned for this key
                             * just now, under this lock; NULL: absent */
    bool overdraw;          /* of a command that has begun and must not stop half way: goes over the
                             * limit where it has to; store_settle() comes after it */
};
/* partition_put - insert or overwrite, evicting as needed.  An overwrite keeps the entry's place in
 * the policy's order and is one access.  *ret (may be NULL) is the entry now.
 * LOOM_E_NOSPACE: over the limit (reply -OOM); LOOM_E_NOMEM.  On failure nothing changed. */
int partition_put(const struct store_key *key, const struct store_put *put, loom_entry **ret);

/* partition_edit - make the value writable with this length, in place where it can be: bytes up to
 * the old length are kept, new ones are zero.  e may be NULL: a new key.  The entry may move.
 * *ret_at is good until the lock is released or the next call.  Errors as partition_put. */
int partition_edit(const struct store_key *key, loom_entry *e, uint64_t bytes, char **ret_at);

/* partition_expire - set (0: remove) the expiry; the entry may move, *ret (may be NULL) is it. */
int partition_expire(const struct store_key *key, loom_entry *e, uint64_t expires_ms,
                     loom_entry **ret);

/* partition_remove - delete a resident entry (found just now under this lock). */
void partition_remove(const struct store_key *key, loom_entry *e);
/* partition_remove_entry - the same when only the entry is known (expiry, eviction, FLUSHDB). */
void partition_remove_entry(struct partition *p, loom_entry *e, enum loom_removal why);

/* partition_clear - drop one physical database, or all (db < 0).  Returns entries dropped. */
uint64_t partition_clear(struct partition *p, int db);

/* partition_scan - a bounded step through the residents (expired ones are left out); cursor as in
 * storage.h.  each() must not change the partition. */
uint64_t partition_scan(struct partition *p, uint64_t cursor,
                        void (*each)(void *arg, loom_entry *e), void *arg);
/* partition_random - a resident of a physical database drawn at random; NULL when none was found.
 */
loom_entry *partition_random(struct partition *p, uint8_t db);

static inline bool entry_expired(const loom_entry *e, uint64_t now_ms)
{
    uint64_t at = loom_entry_expires_ms(e);
    return at != 0 && at <= now_ms;
}

/* ---- WATCH ---------------------------------------------------------------------------- */

/* A watched key: version rises with every change of it.  Counted: many may watch one key. */
struct watch *partition_watch(const struct store_key *key); /* NULL: no memory */
uint64_t watch_version(const struct watch *watch);
void partition_unwatch(struct partition *p, struct watch *watch);

#endif
