/* loomcache/eviction.h - decide which entries leave first.
 *
 * One instance per partition; every function is called with that partition's lock held
 * ([owner]): a policy never locks, never blocks, and allocates only from its host.
 *
 * The hit path is data, not code: .touch says what the core writes into the entry on a hit, so
 * a hit costs no call and no cache line beyond the entry's own.  LOOM_TOUCH_CALL asks for a call.
 *
 * The life of an entry, seen from a policy:
 *
 *   inserted(e) -> [hits] -> evict() returns e -> removed(e, LOOM_EVICTED)
 *                        \-> removed(e, LOOM_DELETED | LOOM_EXPIRED | LOOM_CLEARED)
 *
 * evict() takes one entry out of the policy's order and hands it to the core: it is then
 * claimed.  Exactly one of removed(e, LOOM_EVICTED) and restored(e) follows, perhaps much
 * later (a replicated victim leaves when its log entry is applied).  A claimed entry that is
 * deleted or overwritten by a client is first restored; a read of it may leave its mark in the
 * touch byte or the stamp, but accessed() and moved() are never called for it.  So removed() must
 * unlink an entry from the order for every reason except LOOM_EVICTED, for which evict() has done
 * it already (and which is used for no other entries than those that evict() gave).
 *
 * An overwrite keeps the entry's place: the core calls moved() if the address changed, then
 * records a hit.  A GET that misses is at most missed(); the SET that follows is inserted():
 * one access, not two.
 */
#ifndef LOOMCACHE_EVICTION_H
#define LOOMCACHE_EVICTION_H

#include <loomcache/entry.h>

#define LOOM_KIND_EVICTION "loom.draft.eviction/1"

enum loom_touch_kind {
    LOOM_TOUCH_NONE = 0, /* FIFO, random: a hit leaves no trace */
    LOOM_TOUCH_COUNT,    /* touch & LOOM_TOUCH_COUNT_MASK rises by one, up to max: SIEVE, S3-FIFO */
    LOOM_TOUCH_STAMP,    /* word.mark.stamp = *env->clock: sampled LRU */
    LOOM_TOUCH_CALL      /* accessed() at once: exact LRU, LFU */
};
enum loom_removal {
    LOOM_EVICTED = 1, /* was claimed through evict() */
    LOOM_EXPIRED,
    LOOM_DELETED,
    LOOM_CLEARED /* FLUSHALL, or the instance is going away: nothing to remember */
};

/* What a policy knows about its partition.  Borrowed, valid until fini() returns. */
struct loom_eviction_env {
    uint32_t struct_size;
    struct loom_space space;
    const uint32_t *clock;    /* [owner] counts the partition's accesses; wraps */
    const uint64_t *n_items;  /* [owner] resident entries, claimed ones included */
    uint64_t capacity_bytes;  /* the partition's share; 0: unlimited */
    uint64_t capacity_items;  /* 0: unlimited */
    /* [owner] Up to n residents drawn at random, not claimed, possibly the same one twice. */
    size_t (*sample)(const struct loom_host *host, loom_entry **ret, size_t n);
    /* [owner] The hash of a resident's key (ghost lists want it; costs a hash of the key). */
    uint64_t (*hash)(const struct loom_host *host, const loom_entry *e);
};

struct loom_eviction_ops {
    uint32_t struct_size;
    uint32_t flags;         /* none yet */
    uint32_t instance_size; /* the core allocates it zeroed, options filled in */
    struct {
        uint8_t kind; /* enum loom_touch_kind */
        uint8_t max;  /* LOOM_TOUCH_COUNT: 1 to 15 */
    } touch;
    const struct loom_option *options; /* ends with LOOM_OPTION_END; may be NULL */

    int (*init)(void *self, const struct loom_host *host, const struct loom_eviction_env *env);
    void (*fini)(void *self); /* entries may still exist; they are not touched again */
    void (*inserted)(void *self, loom_entry *e, uint64_t hash);
    void (*removed)(void *self, loom_entry *e, uint64_t hash, enum loom_removal why);
                              /* e is readable until this returns */

    /* Optional from here on: NULL is fine. */
    loom_entry *(*evict)(void *self); /* claim the next victim; NULL: none to give.  A policy
                                       * without evict() never evicts: writes get -OOM.  When it
                                       * gives none although entries exist, the core samples for
                                       * itself and counts loomcache_evict_fallback_total. */
    void (*restored)(void *self, loom_entry *e); /* not evicted after all; needed with evict() */
    void (*accessed)(void *self, loom_entry *e); /* LOOM_TOUCH_CALL only */
    void (*missed)(void *self, uint64_t hash);   /* a read found nothing: sketches */
    void (*moved)(void *self, loom_ref from, loom_entry *to); /* to holds the word and the touch;
                                       * from is unreadable.  Needed if other entries or the
                                       * instance refer to an entry by reference. */
    void (*cleared)(void *self);       /* every entry is gone at once; NULL: removed() for each */
    void (*set_capacity)(void *self, uint64_t bytes, uint64_t items);
    bool (*verify)(void *self, size_t n_resident); /* conformance kit, debug builds: O(n);
                                       * n_resident does not include what is claimed */
};
#define LOOM_OFFER_EVICTION(name, about, ops)                                                      \
    {                                                                                              \
        LOOM_KIND_EVICTION, name, about, ops                                                       \
    }

#endif
