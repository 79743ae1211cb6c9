/* test_sampled.c - the policies that draw: what they prefer among those drawn, and that they draw
 * fairly.  With 64 samples of a handful of entries all of them are drawn, almost surely. */
#include "policies.h"

static uint64_t evicted_key;

static void left(void *arg, uint64_t key, enum loom_removal why)
{
    (void)arg;
    if (why == LOOM_EVICTED) evicted_key = key;
}

static struct policy_kit *small_kit(const char *name, const char *options, uint64_t n)
{
    struct policy_kit_setup setup = {.capacity_items = n, .options = options, .left = left,
                                     .seed = 11};
    struct policy_kit *kit = policy_open(policy_load(name), &setup);
    for (uint64_t key = 0; key < n; key++) policy_kit_set(kit, key, 8);
    return kit;
}

static void hit(struct policy_kit *kit, uint64_t key, int times)
{
    for (int i = 0; i < times; i++) cr_assert(policy_kit_get(kit, key));
}

Test(eviction_sampled, random_is_uniform)
{
    enum { N = 16, DRAWS = 160000 };
    int n[N] = {0};
    struct policy_kit *kit = small_kit("random", NULL, N);
    for (int i = 0; i < DRAWS; i++) {
        loom_entry *e = policy_kit_claim(kit);
        n[policy_kit_key(e)]++;
        policy_kit_settle(kit, e, false);
    }
    double chi2 = 0, mean = DRAWS / N;
    for (int i = 0; i < N; i++) chi2 += (n[i] - mean) * (n[i] - mean) / mean;
    cr_assert_lt(chi2, 44.3, "chi-square %.1f with 15 degrees of freedom", chi2); /* p = 0.0001 */
    policy_close(kit);
}

Test(eviction_sampled, lru_takes_the_longest_unused)
{
    struct policy_kit *kit = small_kit("lru_sampled", "samples=64", 8);
    for (uint64_t round = 0; round < 100; round++) {
        for (uint64_t key = round; key < round + 8; key++)
            if (key != round + 3) hit(kit, key, 1); /* all but one, and that moves */
        policy_kit_move(kit, round + 3);
        hit(kit, round, 1);
        policy_kit_set(kit, round + 8, 8);
        cr_assert_eq(evicted_key, round + 3);
        policy_kit_remove(kit, round, LOOM_DELETED);
        policy_kit_set(kit, round + 3, 8);
        policy_kit_verify(kit);
        /* The residents are now round + 1 to round + 8. */
    }
    policy_close(kit);
}

/* An entry that waits in the pool and is then used is not evicted. */
Test(eviction_sampled, lru_forgives_who_was_used_since)
{
    struct policy_kit *kit = small_kit("lru_sampled", "samples=64", 16);
    policy_kit_set(kit, 16, 8); /* draws all of them: the pool is full of the oldest */
    cr_assert_eq(evicted_key, 0);
    for (uint64_t key = 1; key < 15; key++) hit(kit, key, 1);
    policy_kit_set(kit, 17, 8);
    cr_assert_eq(evicted_key, 15);
    policy_close(kit);
}

Test(eviction_sampled, lfu_takes_the_least_used)
{
    struct policy_kit *kit = small_kit("lfu", "samples=64", 4);
    hit(kit, 0, 3);
    hit(kit, 1, 2);
    hit(kit, 3, 4);
    policy_kit_set(kit, 4, 8); /* 2 was never used */
    cr_assert_eq(evicted_key, 2);
    hit(kit, 4, 5);
    policy_kit_set(kit, 5, 8);
    cr_assert_eq(evicted_key, 1);
    policy_close(kit);
}

/* What was popular long ago gives way to what is used a little now: counts halve with accesses. */
Test(eviction_sampled, lfu_forgets)
{
    struct policy_kit *kit = small_kit("lfu", "samples=64 half_life=4", 4);
    hit(kit, 0, 200);
    policy_kit_set(kit, 4, 8); /* the first eviction starts the ageing */
    cr_assert_neq(evicted_key, 0);
    uint64_t gone = evicted_key;
    for (int i = 0; i < 70; i++)
        for (uint64_t key = 1; key < 5; key++)
            if (key != gone) hit(kit, key, 1);
    policy_kit_set(kit, 5, 8);
    cr_assert_eq(evicted_key, 0);
    policy_close(kit);
}

/* Counts neither overflow nor wrap: used a million times, it is still the most used. */
Test(eviction_sampled, lfu_saturates)
{
    struct policy_kit *kit = small_kit("lfu", "samples=64 half_life=1000", 4);
    hit(kit, 0, (1 << 20) + 300); /* what wraps looks like 300 */
    for (uint64_t key = 1; key < 4; key++) hit(kit, key, 1000);
    policy_kit_set(kit, 4, 8);
    cr_assert_neq(evicted_key, 0);
    policy_close(kit);
}
