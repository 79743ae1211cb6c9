/* policies.h - the policies that ship, and how these tests get at them. */
#ifndef TESTS_UNIT_PLUGINS_EVICTION_POLICIES_H
#define TESTS_UNIT_PLUGINS_EVICTION_POLICIES_H

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/kit/policy_kit.h"

/* By value, since each test runs in a process of its own. */
struct policy_name {
    char text[16];
};

#define POLICY_NAMES                                                                               \
    {                                                                                              \
        {"lru"}, {"lru_sampled"}, {"lfu"}, {"fifo"}, {"random"}, {"sieve"}, {"s3fifo"}, {"none"}   \
    }
#define N_POLICIES 8

static inline const struct loom_eviction_ops *policy_load(const char *name)
{
    char path[4096];
    const char *build = getenv("LOOM_BUILD_DIR"), *found = "", *why = "";
    snprintf(path, sizeof path, "%s/plugins/eviction_%s.so", build != NULL ? build : ".", name);
    const struct loom_eviction_ops *ops = policy_kit_load(path, &found, &why);
    cr_assert(ops != NULL, "%s", why);
    cr_assert_str_eq(found, name);
    return ops;
}

static inline struct policy_kit *policy_open(const struct loom_eviction_ops *ops,
                                             const struct policy_kit_setup *setup)
{
    const char *why = "";
    struct policy_kit *kit = policy_kit_open(ops, setup, &why);
    cr_assert(kit != NULL, "%s", why);
    return kit;
}

static inline void policy_close(struct policy_kit *kit)
{
    const char *fault = policy_kit_close(kit);
    cr_assert(fault == NULL, "%s", fault);
}

/* SplitMix64 (Steele, Lea, Flood, 2014). */
static inline uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

#endif
