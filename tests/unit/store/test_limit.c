/* The memory limit: what is promised to partitions and what is in the pool add up to it, whatever
 * happens; and what cannot fit costs nobody anything. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/base/blob.h"
#include "core/store/store_private.h"
#include "tests/kit/store_kit.h"

#define STEPS 40000
#define NOW_MS 1000000

/* ---- the books ------------------------------------------------------------------------------- */

static void check_books(const struct store *store)
{
    int64_t bytes = store->pool_bytes, items = store->pool_items;

    for (uint32_t i = 0; i < store->n_partitions; i++) {
        const struct partition *p = &store->partitions[i];

        cr_assert_geq(p->bytes.used, 0);
        cr_assert_geq(p->entry_bytes, 0);
        cr_assert_leq(p->entry_bytes, p->bytes.used);
        cr_assert_eq(p->items.used, (int64_t)p->stats.n_items);
        cr_assert_eq((uint64_t)p->bytes.used, p->stats.used_bytes);
        bytes += p->bytes.allowance;
        items += p->items.allowance;
    }
    if (store->max_memory != 0)
        cr_assert_eq(bytes, store->max_memory, "pool and allowances are %ld of %ld bytes",
                     (long)bytes, (long)store->max_memory);
    if (store->max_items != 0)
        cr_assert_eq(items, store->max_items, "pool and allowances are %ld of %ld items",
                     (long)items, (long)store->max_items);
}

static void make(struct store *store, uint64_t number, struct store_key *ret, char name[32])
{
    int n = snprintf(name, 32, "key:%lu", (unsigned long)number);

    store_key_make(store, slice_of(name, (size_t)n), (uint8_t)(number % 3), ret);
}

static void step(struct store *store, struct random *random, const char *bytes, uint64_t now_ms)
{
    static const uint32_t sizes[] = {0, 7, 60, 500, 4000, 16384, 16385, 60000};
    uint64_t dice = random_below(random, 100);
    struct store_key key;
    char name[32], *at;

    make(store, random_below(random, 2000), &key, name);
    partition_lock(key.partition, now_ms);
    loom_entry *e = partition_find(&key, dice < 10 ? STORE_READ : STORE_PEEK);
    struct store_put put = {.value = slice_of(bytes, sizes[random_below(random, 8)]), .old = e};

    put.overdraw = dice % 7 == 0;
    put.expires_ms = dice % 5 == 0 ? now_ms + random_below(random, 50) + 1 : 0;
    if (dice < 60) (void)partition_put(&key, &put, NULL);
    else if (dice < 75) (void)partition_edit(&key, e, put.value.bytes, &at);
    else if (dice < 85 && e != NULL) (void)partition_expire(&key, e, put.expires_ms, NULL);
    else if (dice < 95 && e != NULL) partition_remove(&key, e);
    else if (dice == 99 && random_below(random, 40) == 0) partition_clear(key.partition, -1);
    else if (dice == 98 && random_below(random, 20) == 0) partition_clear(key.partition, 1);
    partition_unlock(key.partition);
    store_settle(store, now_ms);
}

struct worker {
    struct store *store;
    uint64_t seed;
    bool alone; /* the books may be looked at on the way */
};

static void *work(void *arg)
{
    static const char bytes[60000];
    struct worker *worker = arg;
    struct store *store = worker->store;
    struct random random;

    random_seed(&random, worker->seed);
    for (uint64_t n = 0; n < STEPS; n++) {
        step(store, &random, bytes, NOW_MS + n / 16);
        if (n % 500 == 0) store_tick(store, (uint32_t)(n / 500) % 4, NOW_MS + n / 16, 1000);
        if (n % 3000 == 2999)
            store_set_limits(store, (1 + random_below(&random, 4)) << 20,
                             random_below(&random, 3) * 300);
        if (worker->alone && n % 10 == 0) check_books(store);
    }
    return NULL;
}

ParameterizedTestParameters(limit, balances)
{
    static char names[16][16];
    size_t n = 0;

    for (; store_kit_policies[n] != NULL; n++) snprintf(names[n], 16, "%s", store_kit_policies[n]);
    return cr_make_param_array(char[16], names, n);
}

ParameterizedTest(char name[16], limit, balances)
{
    struct store_settings settings = {.n_partitions = 4, .inline_max = 16384,
                                      .max_memory = 2 << 20, .max_items = 500};
    struct store *store = store_kit_open(name, &settings, NULL);
    struct worker first = {store, 1, true}, second = {store, 2, false}, third = {store, 3, false};
    pthread_t thread;

    cr_assert_not_null(store);
    work(&first);
    cr_assert_eq(pthread_create(&thread, NULL, work, &second), 0);
    work(&third);
    pthread_join(thread, NULL);
    check_books(store);
    cr_assert(store_kit_verify(store));
    store_close(store);
}

/* ---- what cannot fit ------------------------------------------------------------------------- */

Test(limit, a_value_beyond_it_drives_nothing_out)
{
    struct store_settings settings = {
        .n_partitions = 1, .inline_max = 16384, .max_memory = 1 << 20};
    struct store *store = store_kit_open("lru", &settings, NULL);
    struct store_key big, small;
    char name[32], other[32];
    struct loom_blob *blob = blob_new(1200000);
    loom_entry *e;
    char *at;

    cr_assert(store != NULL && blob != NULL);
    memset(loom_blob_at(blob), 'x', 1200000);
    make(store, 1, &big, name);
    make(store, 2, &small, other);
    partition_lock(big.partition, NOW_MS);
    struct store_put put = {.value = slice_of(loom_blob_at(blob), 600000)};

    cr_assert_eq(partition_put(&big, &put, NULL), 0);
    put.value.bytes = 10;
    cr_assert_eq(partition_put(&small, &put, NULL), 0);
    put = (struct store_put){.value = slice_of(loom_blob_at(blob), 1200000), .blob = blob};
    put.old = partition_find(&big, STORE_PEEK);
    cr_expect_eq(partition_put(&big, &put, NULL), LOOM_E_NOSPACE);
    cr_expect_not_null(partition_find(&small, STORE_PEEK), "evicted for nothing");
    e = partition_find(&big, STORE_PEEK);
    cr_assert_not_null(e, "the old value is gone though the new one was refused");
    cr_expect_eq(partition_edit(&big, e, 1200000, &at), LOOM_E_NOSPACE);
    cr_expect_not_null(partition_find(&small, STORE_PEEK));
    e = partition_find(&big, STORE_PEEK);
    cr_assert_not_null(e);
    cr_expect_eq(value_bytes(big.partition, e), 600000);
    partition_unlock(big.partition);
    loom_blob_drop(blob);
    store_close(store);
}
