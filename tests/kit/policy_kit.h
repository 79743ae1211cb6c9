/* policy_kit.h - a small host and a small partition that drive any eviction policy as core does.
 *
 * For tests of policies, ours and strangers': plain C, nothing of core, no test framework.  It
 * keeps entries of varying size in an address range of its own, finds them through a hash table,
 * and holds the policy to the promises of <loomcache/eviction.h>: victims are resident and not
 * claimed twice, a hit allocates nothing, memory goes back with the size it came with, all of it
 * by fini().  The first broken promise is kept as a sentence, see policy_kit_fault().
 *
 * A key is a number.  An entry that went is filled with a pattern, and poisoned where the address
 * sanitizer watches, so that a policy that keeps a reference too long is seen.
 *
 * Thread: one at a time per kit.
 */
#ifndef TESTS_KIT_POLICY_KIT_H
#define TESTS_KIT_POLICY_KIT_H

#include <loomcache/eviction.h>

struct policy_kit;

struct policy_kit_setup {
    uint64_t capacity_items; /* 0: unlimited */
    uint64_t capacity_bytes; /* of entries, as the kit sizes them; 0: unlimited */
    size_t space_bytes;      /* address range for entries; 0: 256 MiB.  Costs nothing unused */
    uint64_t seed;           /* of hashes and samples */
    const char *options;     /* "samples=10 small_ratio=0.2"; NULL: the presets */
    uint64_t fail_alloc;     /* the policy's allocation number this fails; 0: none */
    bool fail_later;         /* and all that follow */
    /* An entry has left, whatever the reason.  May be NULL. */
    void (*left)(void *arg, uint64_t key, enum loom_removal why);
    void *arg;
};

/* policy_kit_load - the eviction policy that a shared object offers.  NULL: ret_why says why not
 * (a static buffer).  The object stays loaded.  ret_name, ret_why may be NULL. */
const struct loom_eviction_ops *policy_kit_load(const char *path, const char **ret_name,
                                                const char **ret_why);
/* policy_kit_open - NULL: init() refused, or an option is unknown; ret_why says which. */
struct policy_kit *policy_kit_open(const struct loom_eviction_ops *ops,
                                   const struct policy_kit_setup *setup, const char **ret_why);
/* policy_kit_close - fini() and all.  The first broken promise, NULL when there was none. */
const char *policy_kit_close(struct policy_kit *kit);
/* policy_kit_fault - the first broken promise so far, NULL when there was none. */
const char *policy_kit_fault(const struct policy_kit *kit);

/* What clients do. */
bool policy_kit_get(struct policy_kit *kit, uint64_t key); /* true: a hit */
/* Insert or overwrite; evicts what it must first.  LOOM_E_NOSPACE: the policy gave too little. */
int policy_kit_set(struct policy_kit *kit, uint64_t key, uint32_t value_bytes);
bool policy_kit_remove(struct policy_kit *kit, uint64_t key, enum loom_removal why);
void policy_kit_clear(struct policy_kit *kit);

/* What core does by itself. */
/* A victim, claimed until policy_kit_settle(): evicted, or given back.  NULL: none was given. */
loom_entry *policy_kit_claim(struct policy_kit *kit);
void policy_kit_settle(struct policy_kit *kit, loom_entry *e, bool evicted);
void policy_kit_move(struct policy_kit *kit, uint64_t key); /* to another address */
void policy_kit_resize(struct policy_kit *kit, uint64_t bytes, uint64_t items);
/* policy_kit_swap - another policy takes over the residents where they lie; options are presets. */
int policy_kit_swap(struct policy_kit *kit, const struct loom_eviction_ops *ops,
                    const char **ret_why);
void policy_kit_verify(struct policy_kit *kit); /* the policy's and the kit's own state: O(n) */

/* What there is to see. */
loom_entry *policy_kit_find(struct policy_kit *kit, uint64_t key); /* leaves no trace */
uint64_t policy_kit_key(const loom_entry *e);
uint64_t policy_kit_items(const struct policy_kit *kit); /* claimed ones included */
uint64_t policy_kit_bytes(const struct policy_kit *kit);
uint64_t policy_kit_allocs(const struct policy_kit *kit);      /* asked for by the policy so far */
uint64_t policy_kit_held_bytes(const struct policy_kit *kit);  /* held by the policy now */
uint64_t policy_kit_none_given(const struct policy_kit *kit);  /* evict() gave none, but could */
const struct loom_space *policy_kit_space(const struct policy_kit *kit);
/* For a bench, which calls the policy itself: the instance, and the clock that it sees. */
void *policy_kit_self(struct policy_kit *kit);
uint32_t *policy_kit_clock(struct policy_kit *kit);
/* policy_kit_hit - what core does for a hit on a resident entry: the mark, or the call. */
void policy_kit_hit(struct policy_kit *kit, loom_entry *e);
uint64_t policy_kit_hash(const struct policy_kit *kit, uint64_t key);

#endif
