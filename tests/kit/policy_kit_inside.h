/* policy_kit_inside.h - what the kit's two files share: the host's half, the partition's half. */
#ifndef TESTS_KIT_POLICY_KIT_INSIDE_H
#define TESTS_KIT_POLICY_KIT_INSIDE_H

#include "policy_kit.h"

#define POLICY_KIT_CLASSES 8192u /* of 8 bytes each: entries up to 64 KiB */

struct policy_kit_slot {
    loom_ref ref; /* 0: empty */
    uint32_t tag; /* low half of the hash: its place, and saves a look at most other entries */
};

struct policy_kit {
    struct loom_host host; /* first: the policy hands it back to us */
    struct loom_eviction_env env;
    const struct loom_eviction_ops *ops;
    void *self;
    char *texts; /* the options' text, cut to pieces; values point into it */
    struct policy_kit_setup setup;

    size_t space_used;
    loom_ref free_list[POLICY_KIT_CLASSES];
    struct policy_kit_slot *table; /* open addressing, n_slots a power of two, at most half full */
    size_t n_slots;
    uint64_t n_items, n_claimed, bytes, random, now_ms;
    uint32_t clock;
    uint64_t capacity_items, capacity_bytes;

    uint64_t n_allocs, held_bytes, none_given;
    uint64_t counters[8];
    size_t n_counters;
    char fault[200];
    char refusal[200];
};

/* policy_kit_blame - a promise was broken; only the first one is kept. */
void policy_kit_blame(struct policy_kit *kit, const char *format, ...) LOOM_PRINTF(2, 3);

/* The finalizer of MurmurHash3 (Appleby, 2011). */
static inline uint64_t policy_kit_mix(uint64_t x)
{
    x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdull;
    x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53ull;
    return x ^ (x >> 33);
}

static inline bool is_claimed(const loom_entry *e)
{
    return (e->size_flags & LOOM_ENTRY_CLAIMED) != 0;
}

#endif
