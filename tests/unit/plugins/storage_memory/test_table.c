/* The index alone, with hashes of our choosing: long chains, growth and shrinking under scans, and
 * memory that runs out in the middle of moving a bucket. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/storage_memory/table.c"

#define ENTRIES 40000
#define SPACE_BYTES (64u << 20)

static char *space;
static size_t used_bytes;
static bool refuse;
static int64_t charged;
static loom_entry *freed; /* links of chains, for reuse */
static struct table table;
static loom_entry *entries[ENTRIES];
static uint32_t n_seen[ENTRIES];

static loom_entry *entry_alloc(const struct loom_host *host, size_t bytes)
{
    (void)host;
    cr_assert_eq(bytes, 64, "the index allocates links of chains only");
    if (refuse) return NULL;
    if (freed != NULL) {
        loom_entry *e = freed;

        freed = *(loom_entry **)(void *)e;
        return e;
    }
    used_bytes += 64;
    cr_assert_lt(used_bytes, SPACE_BYTES);
    return (loom_entry *)(void *)(space + used_bytes - 64);
}

static void entry_free(const struct loom_host *host, loom_entry *e, size_t bytes)
{
    (void)host, (void)bytes;
    *(loom_entry **)(void *)e = freed;
    freed = e;
}

static uint64_t hash_of(const struct loom_host *host, const loom_entry *e)
{
    (void)host;
    return e->word.all;
}

static void charge(const struct loom_host *host, int64_t bytes)
{
    (void)host;
    charged += bytes;
}

static const struct loom_host host = {.struct_size = sizeof host, .charge = charge};

static void set_up(void)
{
    struct loom_storage_env env = {.struct_size = sizeof env,
                                   .entry_alloc = entry_alloc,
                                   .entry_free = entry_free,
                                   .hash = hash_of};

    space = aligned_alloc(64, SPACE_BYTES);
    used_bytes = 64;
    env.space.base = space;
    cr_assert_eq(table_open(&table, &host, &env), 0);
}

static void tear_down(void)
{
    table_clear(&table);
    table_close(&table);
    cr_assert_eq(charged, 0, "%ld bytes are still charged", charged);
    free(space);
}

TestSuite(table, .init = set_up, .fini = tear_down);

/* make - entry i with this hash; its key is i. */
static loom_entry *make(uint32_t i, uint64_t hash)
{
    loom_entry *e = (loom_entry *)(void *)(space + used_bytes);

    used_bytes += 64;
    memset(e, 0, 64);
    e->key_bytes = sizeof i;
    memcpy(e + 1, &i, sizeof i);
    e->word.all = hash;
    return entries[i] = e;
}

static loom_entry *look(uint32_t i)
{
    const struct loom_key key = {.at = &i, .hash = entries[i]->word.all, .bytes = sizeof i};

    return table_find(&table, &key);
}

static uint64_t scatter(uint64_t i)
{
    i = (i + 1) * 0x9e3779b97f4a7c15u;
    return i ^ (i >> 29);
}

static void see(void *arg, loom_entry *e)
{
    uint32_t i;

    (void)arg;
    memcpy(&i, e + 1, sizeof i);
    n_seen[i]++;
}

Test(table, finds_what_is_there_and_nothing_else)
{
    for (uint32_t i = 0; i < ENTRIES; i++)
        cr_assert_eq(table_insert(&table, make(i, scatter(i)), scatter(i)), 0);
    cr_assert(table_verify(&table, ENTRIES));
    for (uint32_t i = 0; i < ENTRIES; i += 2) table_remove(&table, entries[i], scatter(i));
    for (uint32_t i = 0; i < ENTRIES; i++)
        cr_assert_eq(look(i), i % 2 ? entries[i] : NULL, "entry %u", i);
    cr_assert(table_verify(&table, ENTRIES / 2));
}

Test(table, one_bucket_can_hold_them_all)
{
    for (uint32_t i = 0; i < 500; i++) {
        uint64_t hash = 0x1234000000000000u + i;

        cr_assert_eq(table_insert(&table, make(i, hash), hash), 0);
    }
    cr_assert(table_verify(&table, 500));
    for (uint32_t i = 0; i < 500; i++) cr_assert_eq(look(i), entries[i]);
    for (uint32_t i = 0; i < 500; i++) table_remove(&table, entries[i], entries[i]->word.all);
    cr_assert(table_verify(&table, 0));
    cr_assert_eq(table.n_overflow, 0, "links of chains were kept");
}

/* All hashes share their top bits, so every bucket that is moved needs links in the new array. */
Test(table, a_move_without_memory_is_undone)
{
    uint32_t n = 0, n_refused = 0;

    for (uint32_t i = 0; i < 3000; i++) {
        uint64_t hash = (uint64_t)(i % 8) << 58 | scatter(i) >> 30;

        refuse = i > 614 && i % 7 != 0; /* growth begins at 80 % of 768 */
        if (table_insert(&table, make(n, hash), hash) == 0) n++;
        else n_refused++;
        refuse = false;
        cr_assert(table_verify(&table, n), "after %u inserts, %u refused", n, n_refused);
    }
    cr_assert_gt(n_refused, 0);
    for (uint32_t i = 0; i < n; i++)
        cr_assert_eq(look(i), entries[i], "entry %u of %u is lost", i, n);
}

/* churn - a step of growing or shrinking between two steps of a scan; n entries are there. */
static uint32_t churn(uint32_t n, uint32_t stay, uint32_t turn, uint32_t round)
{
    if (turn / 150 % 2 == 0) {
        for (int k = 0; k < 40 && n < ENTRIES; k++, n++)
            table_insert(&table, entries[n] ? entries[n] : make(n, scatter(n)), scatter(n));
        return n;
    }
    for (int k = 0; k < 90 && n > stay; k++) n--, table_remove(&table, entries[n], scatter(n));
    table_step(&table, 1 + round % 9); /* odd ones stop in the middle of a pair of buckets */
    return n;
}

/* Residents are visited at least once, while the table grows and shrinks between the steps. */
Test(table, scan_misses_nothing_while_the_table_changes)
{
    const uint32_t stay = 300;
    uint32_t n = 0, n_shrunk = 0;

    for (; n < stay; n++) table_insert(&table, make(n, scatter(n)), scatter(n));
    for (uint32_t round = 0; round < 40; round++) {
        uint64_t cursor = 0;

        memset(n_seen, 0, sizeof n_seen);
        for (uint32_t turn = round; turn == round || cursor != 0; turn++) {
            cursor = table_visit(&table, cursor, see, NULL);
            n = churn(n, stay, turn, round);
            n_shrunk += table.to != NULL && table.to_bits < table.bits && table.moved % 2;
        }
        for (uint32_t i = 0; i < stay; i++)
            cr_assert_geq(n_seen[i], 1, "round %u: entry %u was passed over", round, i);
    }
    cr_assert_gt(n_shrunk, 100, "the test did not shrink the table under the scans");
    cr_assert(table_verify(&table, n));
}

Test(table, shrinks_when_it_is_nearly_empty)
{
    for (uint32_t i = 0; i < ENTRIES; i++) table_insert(&table, make(i, scatter(i)), scatter(i));
    uint32_t bits = table.bits;

    for (uint32_t i = 100; i < ENTRIES; i++) table_remove(&table, entries[i], scatter(i));
    for (int i = 0; i < 10000; i++) table_step(&table, 64);
    cr_assert_lt(table.bits, bits);
    cr_assert_eq(table.bits, TABLE_BITS_MIN);
    for (uint32_t i = 0; i < 100; i++) cr_assert_eq(look(i), entries[i]);
    cr_assert(table_verify(&table, 100));
}

/* A scan across the place where the old array ends and the new one begins, for every such place. */
Test(table, scan_passes_the_boundary_wherever_it_is)
{
    for (uint32_t i = 0; i < 1500; i++) table_insert(&table, make(i, scatter(i)), scatter(i));
    for (uint32_t i = 60; i < 1500; i++) table_remove(&table, entries[i], scatter(i));
    for (uint32_t step = 0; step < 400; step++) {
        uint64_t cursor = 0;

        table_step(&table, 1);
        memset(n_seen, 0, sizeof n_seen);
        do cursor = table_visit(&table, cursor, see, NULL);
        while (cursor != 0);
        for (uint32_t i = 0; i < 60; i++) cr_assert_geq(n_seen[i], 1, "step %u: entry %u", step, i);
    }
    cr_assert_eq(table.bits, TABLE_BITS_MIN);
}
