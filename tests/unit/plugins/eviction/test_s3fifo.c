/* test_s3fifo.c - what the other tests do not reach: the ghost alone, memory, limits in bytes. */
#include "policies.h"

#include "plugins/eviction_s3fifo/ghost.c"

/* --- the ghost against an array ------------------------------------------------------------- */

static int64_t held_bytes;
static uint64_t n_allocs, fail_from = UINT64_MAX, fail_above = UINT64_MAX;

static void *counted_alloc(const struct loom_host *host, size_t bytes)
{
    (void)host;
    if (++n_allocs >= fail_from || bytes > fail_above) return NULL;
    held_bytes += (int64_t)bytes;
    return calloc(1, bytes);
}
static void counted_free(const struct loom_host *host, void *at, size_t bytes)
{
    (void)host;
    held_bytes -= (int64_t)bytes;
    free(at);
}
static const struct loom_host host = {.alloc = counted_alloc, .free = counted_free};

#define LIMIT 3000
static uint64_t known[2 * LIMIT]; /* oldest first */
static size_t n_known;

static bool array_take(uint64_t hash)
{
    for (size_t i = 0; i < n_known; i++) {
        if (known[i] != hash) continue;
        memmove(&known[i], &known[i + 1], (--n_known - i) * sizeof known[0]);
        return true;
    }
    return false;
}

/* Hashes that are told apart by their upper half, as fingerprints are. */
static uint64_t some_hash(uint64_t *random)
{
    return (random_next(random) % (3 * LIMIT)) * 0x9e3779b97f4a7c15u;
}

static void compare_with_array(struct ghost *g, uint64_t seed)
{
    uint32_t limit = LIMIT;
    n_known = 0;
    for (int i = 0; i < 60000; i++) {
        uint64_t hash = some_hash(&seed);
        cr_assert_eq(ghost_take(g, hash), array_take(hash));
        if (i % 4 == 0) continue;
        if (i % 9000 == 1) limit = (uint32_t)(1 + random_next(&seed) % LIMIT);
        hash = some_hash(&seed);
        while (ghost_take(g, hash)) cr_assert(array_take(hash)); /* once each */
        ghost_remember(g, hash);
        known[n_known++] = hash;
        ghost_trim(g, limit);
        while (n_known > limit) cr_assert(array_take(known[0]));
        cr_assert_eq(g->n, n_known);
        if (i % 1000 == 1) cr_assert(ghost_verify(g));
    }
    ghost_clear(g);
    cr_assert_eq(held_bytes, 0);
}

Test(eviction_s3fifo, ghost_forgets_the_oldest)
{
    struct ghost g = {.host = &host};
    compare_with_array(&g, 1);
    compare_with_array(&g, 2);
}

Test(eviction_s3fifo, ghost_places_wrap_around)
{
    struct ghost g = {.host = &host, .first = UINT32_MAX - 5 * BLOCK + 1};
    g.next = g.first;
    compare_with_array(&g, 3);
}

Test(eviction_s3fifo, ghost_without_memory_forgets)
{
    struct ghost g = {.host = &host};
    uint64_t seed = 4;
    for (uint64_t k = 1; k < 40; k++) {
        n_allocs = 0;
        fail_from = k;
        for (int i = 0; i < 6000; i++) {
            ghost_remember(&g, some_hash(&seed));
            ghost_trim(&g, LIMIT);
        }
        cr_assert(ghost_verify(&g));
        cr_assert(g.n <= LIMIT);
        ghost_clear(&g);
        cr_assert_eq(held_bytes, 0);
    }
}

/* Without memory for more heads the chains grow only so long. */
Test(eviction_s3fifo, ghost_with_few_heads_remembers_less)
{
    struct ghost g = {.host = &host};
    fail_above = sizeof(struct ghost_block);
    for (uint64_t i = 1; i < 50000; i++) {
        ghost_remember(&g, i << 32);
        ghost_trim(&g, 40000);
    }
    cr_assert_eq(g.n_heads, BLOCK * 2);
    cr_assert_leq(g.n, BLOCK * 2 * LONG_CHAIN);
    cr_assert(ghost_take(&g, 49999ull << 32));
    ghost_clear(&g);
}

/* --- the policy ---------------------------------------------------------------------------- */

static void fill(struct policy_kit *kit, uint64_t first, uint64_t n)
{
    for (uint64_t key = first; key < first + n; key++)
        if (!policy_kit_get(kit, key)) policy_kit_set(kit, key, key % 3 == 0 ? 0 : 8);
}

Test(eviction_s3fifo, holds_no_memory_before_the_first_eviction)
{
    struct policy_kit_setup setup = {.capacity_items = 50000};
    struct policy_kit *kit = policy_open(policy_load("s3fifo"), &setup);
    fill(kit, 0, 50000);
    cr_assert_eq(policy_kit_allocs(kit), 0);
    fill(kit, 50000, 1);
    cr_assert_gt(policy_kit_held_bytes(kit), 0u);
    cr_assert_lt(policy_kit_held_bytes(kit), 8192u);
    policy_close(kit);
}

/* However long it runs, the ghost stays in proportion to the residents. */
Test(eviction_s3fifo, ghost_is_bounded)
{
    struct policy_kit_setup setup = {.capacity_items = 10000};
    struct policy_kit *kit = policy_open(policy_load("s3fifo"), &setup);
    uint64_t most = 0, seed = 5;
    for (int i = 0; i < 400000; i++) {
        uint64_t key = random_next(&seed) % 25000;
        fill(kit, key, 1);
        if (policy_kit_held_bytes(kit) > most) most = policy_kit_held_bytes(kit);
    }
    cr_assert_gt(most, 10000u * 9);
    cr_assert_lt(most, 10000u * 36);
    policy_kit_clear(kit);
    cr_assert_eq(policy_kit_held_bytes(kit), 0);
    policy_close(kit);
}

/* With entries of one size, a limit in bytes is a limit in entries: the same hits, one by one. */
Test(eviction_s3fifo, a_limit_in_bytes_gives_the_same_victims)
{
    struct policy_kit_setup by_items = {.capacity_items = 2000, .seed = 7};
    struct policy_kit_setup by_bytes = {.capacity_bytes = 2000 * 32, .seed = 7};
    struct policy_kit *one = policy_open(policy_load("s3fifo"), &by_items);
    struct policy_kit *two = policy_open(policy_load("s3fifo"), &by_bytes);
    uint64_t seed = 6, n_hits = 0;
    for (int i = 0; i < 300000; i++) {
        uint64_t key = random_next(&seed) % (random_next(&seed) % 2 ? 1500 : 6000);
        bool hit = policy_kit_get(one, key);
        cr_assert_eq(policy_kit_get(two, key), hit);
        n_hits += hit;
        fill(one, key, !hit);
        fill(two, key, !hit);
    }
    cr_assert_eq(policy_kit_items(one), 2000u);
    cr_assert_eq(policy_kit_items(two), 2000u);
    cr_assert(n_hits > 100000);
    policy_close(one);
    policy_close(two);
}

Test(eviction_s3fifo, options)
{
    const struct loom_eviction_ops *ops = policy_load("s3fifo");
    const char *why = "";
    struct policy_kit_setup bad = {.capacity_items = 10, .options = "move_threshold=4"};
    cr_assert(policy_kit_open(ops, &bad, &why) == NULL);
    bad.options = "smal_ratio=0.1";
    cr_assert(policy_kit_open(ops, &bad, &why) == NULL);
    cr_assert(strstr(why, "smal_ratio") != NULL);

    /* One hit is enough for main with move_threshold 1, and not with 2. */
    for (int threshold = 1; threshold <= 2; threshold++) {
        struct policy_kit_setup setup = {.capacity_items = 10};
        setup.options = threshold == 1 ? "move_threshold=1" : "move_threshold=2";
        struct policy_kit *kit = policy_open(ops, &setup);
        fill(kit, 0, 10);
        policy_kit_get(kit, 0);
        fill(kit, 10, 5);
        cr_assert_eq(policy_kit_find(kit, 0) != NULL, threshold == 1);
        policy_close(kit);
    }
}
