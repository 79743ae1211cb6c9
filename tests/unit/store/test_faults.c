/* Every allocation of the store's write paths fails once: the operation says so, what was there
 * stays, nothing leaks (the sanitizers see to that), and the sums stay right. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "tests/kit/store_kit.h"

#define KEYS 40

static char big[60000], text[20000];

static int put(struct store *store, const char *name, struct slice value, uint64_t expires_ms)
{
    struct store_key key;
    int rc;

    store_key_make(store, slice_of(name, strlen(name)), 0, &key);
    partition_lock(key.partition, 1000);
    struct store_put what = {
        .value = value, .expires_ms = expires_ms, .old = partition_find(&key, STORE_PEEK)};

    rc = partition_put(&key, &what, NULL);
    partition_unlock(key.partition);
    store_settle(store, 1000);
    return rc;
}

static int change(struct store *store, const char *name, uint64_t bytes)
{
    struct store_key key;
    char *at;
    int rc;

    store_key_make(store, slice_of(name, strlen(name)), 0, &key);
    partition_lock(key.partition, 1000);
    loom_entry *e = partition_find(&key, STORE_WRITE);

    rc = partition_edit(&key, e, bytes, &at);
    if (rc == 0 && (e = partition_find(&key, STORE_PEEK)) != NULL)
        rc = partition_expire(&key, e, 5000, &e);
    struct watch *watch = partition_watch(&key);

    if (watch != NULL) partition_unwatch(key.partition, watch);
    partition_unlock(key.partition);
    return rc;
}

static bool holds(struct store *store, const char *name, const char *value)
{
    struct store_key key;
    struct value_view view;
    bool same;

    store_key_make(store, slice_of(name, strlen(name)), 0, &key);
    partition_lock(key.partition, 1000);
    loom_entry *e = partition_find(&key, STORE_PEEK);

    same = e != NULL && value_read(key.partition, e, &view) == 0;
    if (same) {
        same = view.bytes == strlen(value) && memcmp(view.at, value, view.bytes) == 0;
        value_release(&view);
    }
    partition_unlock(key.partition);
    return same;
}

/* scenario - some of everything; returns how many operations said that memory was short. */
static int scenario(struct store *store)
{
    char name[32];
    int n_failed = 0;

    for (int i = 0; i < KEYS; i++) {
        snprintf(name, sizeof name, "small:%d", i);
        n_failed += put(store, name, slice_of("value", 5), i % 2 ? 9000 : 0) != 0;
        snprintf(name, sizeof name, "other:%d", i);
        n_failed += put(store, name, slice_of(text, (size_t)(200 + i * 40)), 0) != 0;
    }
    n_failed += put(store, "blob", slice_of(big, sizeof big), 0) != 0;
    n_failed += put(store, "small:1", slice_of(text, 3000), 0) != 0;
    n_failed += change(store, "small:2", 9000) != 0;
    n_failed += change(store, "blob", 70000) != 0;
    n_failed += change(store, "absent", 20000) != 0;
    return n_failed;
}

static void run(const char *policy, const struct store_settings *settings)
{
    uint64_t k = 1;
    int n_failures = 0;

    for (;; k++) {
        struct store *store = store_kit_open(policy, settings, NULL);

        cr_assert_not_null(store);
        cr_assert_eq(put(store, "before", slice_of("still here", 10), 0), 0);
        mem_fail_at(k);
        int n_failed = scenario(store);
        bool done = mem_count() < k;

        mem_fail_at(0);
        n_failures += n_failed;
        cr_assert_leq(n_failed, 1, "allocation %lu: %d operations failed", k, n_failed);
        if (settings->max_items == 0) cr_assert(holds(store, "before", "still here"));
        cr_assert(store_kit_verify(store), "allocation %lu", k);
        store_close(store);
        if (done) break;
    }
    cr_assert_gt(n_failures, 20, "only %d of %lu allocations mattered", n_failures, k);
}

static void fill_text(void)
{
    for (size_t i = 0; i < sizeof big; i++) big[i] = (char)('a' + i % 7);
    for (size_t i = 0; i < sizeof text; i++) text[i] = (char)('a' + i % 11);
}

TestSuite(store_faults, .init = fill_text);

Test(store_faults, every_allocation_of_plain_writes)
{
    const struct store_settings settings = {.n_partitions = 2, .inline_max = 16384};

    run("s3fifo", &settings);
}

Test(store_faults, every_allocation_while_evicting)
{
    const struct store_settings settings = {
        .n_partitions = 2, .inline_max = 16384, .max_items = 30};

    run("s3fifo", &settings);
    run("lru", &settings);
}

Test(store_faults, every_allocation_with_compression)
{
    const struct store_settings settings = {.n_partitions = 2,
                                            .inline_max = 16384,
                                            .compress = STORE_COMPRESS_LZ4,
                                            .compress_min = 100};

    run("sieve", &settings);
}

Test(store_faults, opening_fails_with_a_sentence)
{
    const struct store_settings settings = {.n_partitions = 4, .inline_max = 16384};
    struct error error = {0};
    struct store *store = store_kit_open("s3fifo", &settings, &error); /* loads the plugins */

    store_close(store);
    for (uint64_t k = 1;; k++) {
        mem_fail_at(k);
        error.text[0] = '\0';
        store = store_kit_open("s3fifo", &settings, &error);
        bool done = mem_count() < k;

        mem_fail_at(0);
        cr_assert(store != NULL || error.text[0] != '\0', "allocation %lu: no sentence", k);
        store_close(store);
        if (done) break;
    }
}

/* The index grows while memory is short: an entry is never lost between two arrays. */
Test(store_faults, growth_of_the_index_survives)
{
    const struct store_settings settings = {.n_partitions = 1, .inline_max = 16384};
    struct store *store = store_kit_open("fifo", &settings, NULL);
    char name[32];
    static bool there[6000];

    for (int i = 0; i < 6000; i++) {
        snprintf(name, sizeof name, "k%d", i);
        if (i % 3 == 0) mem_fail_at(1 + (uint64_t)(i % 5));
        there[i] = put(store, name, slice_of("v", 1), 0) == 0;
        mem_fail_at(0);
    }
    for (int i = 0; i < 6000; i++) {
        snprintf(name, sizeof name, "k%d", i);
        cr_assert_eq(holds(store, name, "v"), there[i], "%s", name);
    }
    cr_assert(store_kit_verify(store));
    store_close(store);
}
