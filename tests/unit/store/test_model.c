/* Every policy over the storage backend, against a model: a plain array that says what each key
 * must hold.  Whatever the store does not evict or expire must be there, byte for byte. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "core/base/random.h"
#include "tests/kit/store_kit.h"

#define KEYS 3000
#define STEPS 120000

struct model_key {
    bool present;
    uint32_t seed;
    uint64_t bytes, expires_ms;
};

struct run {
    struct store *store;
    struct random random;
    uint64_t now_ms;
    struct model_key keys[KEYS];
    char *buffer;
    bool limited; /* absence may be an eviction */
};

static void fill(char *at, uint64_t bytes, uint32_t seed)
{
    for (uint64_t i = 0; i < bytes; i++) at[i] = (char)(seed + (i >> 3) * (seed | 1));
}

static uint64_t some_bytes(struct random *random)
{
    uint64_t dice = random_below(random, 100);

    if (dice < 60) return random_below(random, 200);
    if (dice < 95) return random_below(random, 4000);
    return 15000 + random_below(random, 30000);
}

static void key_of(struct run *run, uint32_t i, char *name, struct store_key *ret)
{
    int n = snprintf(name, 32, "key:%u", i);

    store_key_make(run->store, slice_of(name, (size_t)n), (uint8_t)(i % 3), ret);
}

/* sync - make the model forget what may have gone; what is there must be right. */
static loom_entry *sync(struct run *run, uint32_t i, const struct store_key *key,
                        enum store_look look)
{
    struct model_key *m = &run->keys[i];
    loom_entry *e = partition_find(key, look);
    bool expired = m->present && m->expires_ms != 0 && m->expires_ms <= run->now_ms;

    if (expired) m->present = false;
    if (e == NULL && run->limited) m->present = false;
    cr_assert_eq(e != NULL, m->present, "key %u: there %d, expected %d", i, e != NULL, m->present);
    if (e == NULL) return NULL;
    struct value_view view;

    cr_assert_eq(value_read(key->partition, e, &view), 0);
    cr_assert_eq(view.bytes, m->bytes, "key %u: %lu bytes, expected %lu", i, view.bytes, m->bytes);
    fill(run->buffer, m->bytes, m->seed);
    cr_assert_eq(memcmp(view.at, run->buffer, m->bytes), 0, "key %u: other bytes", i);
    cr_assert_eq(value_bytes(key->partition, e), m->bytes);
    value_release(&view);
    cr_assert_eq(loom_entry_expires_ms(e), m->expires_ms);
    return e;
}

static void step_put(struct run *run, uint32_t i, const struct store_key *key)
{
    struct model_key *m = &run->keys[i], next = *m;
    struct store_put put = {.old = sync(run, i, key, STORE_PEEK)};

    next.present = true;
    next.seed = (uint32_t)random_next(&run->random);
    next.bytes = some_bytes(&run->random);
    put.keep_expiry = random_below(&run->random, 2);
    put.expires_ms =
        random_below(&run->random, 3) ? 0 : run->now_ms + random_below(&run->random, 9000);
    next.expires_ms = put.keep_expiry && m->present ? m->expires_ms : put.expires_ms;
    fill(run->buffer, next.bytes, next.seed);
    put.value = slice_of(run->buffer, next.bytes);
    int rc = partition_put(key, &put, NULL);

    if (rc == 0) *m = next;
    else cr_assert(run->limited && rc == LOOM_E_NOSPACE, "put: %d", rc);
}

static void step_edit(struct run *run, uint32_t i, const struct store_key *key)
{
    struct model_key *m = &run->keys[i];
    loom_entry *e = sync(run, i, key, STORE_WRITE);
    uint64_t bytes = some_bytes(&run->random) + 1,
             keep = m->present && m->bytes < bytes ? m->bytes : bytes;
    char *at;
    int rc = partition_edit(key, e, bytes, &at);

    if (rc != 0) {
        cr_assert(run->limited && rc == LOOM_E_NOSPACE);
        return;
    }
    if (m->present) {
        fill(run->buffer, m->bytes, m->seed);
        cr_assert_eq(memcmp(at, run->buffer, keep < m->bytes ? keep : m->bytes), 0,
                     "edit lost bytes");
    }
    for (uint64_t k = m->present ? keep : 0; k < bytes; k++) cr_assert_eq(at[k], 0, "not zero");
    m->seed = (uint32_t)random_next(&run->random);
    m->bytes = bytes;
    fill(at, bytes, m->seed);
    if (!m->present) m->expires_ms = 0;
    m->present = true;
}

static void step_expire(struct run *run, uint32_t i, const struct store_key *key)
{
    loom_entry *e = sync(run, i, key, STORE_PEEK);
    uint64_t at =
        random_below(&run->random, 3) ? run->now_ms + 1 + random_below(&run->random, 5000) : 0;

    if (e == NULL) return;
    cr_assert_eq(partition_expire(key, e, at, NULL), 0);
    run->keys[i].expires_ms = at;
}

static void step_remove(struct run *run, uint32_t i, const struct store_key *key)
{
    loom_entry *e = sync(run, i, key, STORE_PEEK);

    if (e != NULL) partition_remove(key, e);
    run->keys[i].present = false;
}

static void step(struct run *run)
{
    uint32_t i = (uint32_t)random_below(&run->random, KEYS);
    uint64_t dice = random_below(&run->random, 100);
    char name[32];
    struct store_key key;

    if (random_below(&run->random, 50) == 0) run->now_ms += random_below(&run->random, 20);
    key_of(run, i, name, &key);
    partition_lock(key.partition, run->now_ms);
    if (dice < 45) sync(run, i, &key, STORE_READ);
    else if (dice < 75) step_put(run, i, &key);
    else if (dice < 82) step_edit(run, i, &key);
    else if (dice < 90) step_expire(run, i, &key);
    else step_remove(run, i, &key);
    partition_unlock(key.partition);
    store_settle(run->store, run->now_ms);
}

static void check_limits(struct run *run)
{
    struct partition_stats sum;

    store_stats(run->store, &sum);
    if (store_max_items(run->store) != 0)
        cr_assert_leq(sum.n_items, store_max_items(run->store), "%lu items", sum.n_items);
    /* The index may grow by a little between two writes; nothing else is beyond the limit. */
    if (store_max_memory(run->store) != 0)
        cr_assert_leq(sum.used_bytes, store_max_memory(run->store) + 65536, "%lu bytes",
                      sum.used_bytes);
}

static void flush_db(struct run *run, int db)
{
    struct partition_set all = {{0}};

    partition_set_all(&all, run->store);
    partition_set_lock(&all, run->store, run->now_ms);
    for (uint32_t i = 0; i < store_n_partitions(run->store); i++)
        partition_clear(store_partition(run->store, i), db);
    partition_set_unlock(&all, run->store);
    for (uint32_t i = 0; i < KEYS; i++)
        if (db < 0 || i % 3 == (uint32_t)db) run->keys[i].present = false;
}

static void run_model(const char *policy, uint64_t max_memory, uint64_t max_items,
                      enum store_compress compress)
{
    struct store_settings settings = {.n_partitions = 4,
                                      .inline_max = 16384,
                                      .max_memory = max_memory,
                                      .max_items = max_items,
                                      .compress = compress,
                                      .compress_min = 256};
    struct run *run = calloc(1, sizeof *run);

    run->store = store_kit_open(policy, &settings, NULL);
    cr_assert_not_null(run->store);
    run->buffer = malloc(1 << 20);
    run->limited = max_memory != 0 || max_items != 0;
    run->now_ms = 1000000;
    random_seed(&run->random, 42 + max_memory + max_items + compress);
    for (int n = 0; n < STEPS; n++) {
        step(run);
        if (run->limited) check_limits(run);
        if (n % 1000 == 0)
            for (uint32_t i = 0; i < 4; i++) store_tick(run->store, i, run->now_ms, 1000);
        if (n % 20000 == 19999) {
            cr_assert(store_kit_verify(run->store));
            flush_db(run, n % 40000 == 39999 ? -1 : 1);
            cr_assert(store_kit_verify(run->store));
        }
    }
    flush_db(run, -1);
    struct partition_stats sum;

    store_stats(run->store, &sum);
    cr_assert_eq(sum.n_items, 0);
    cr_assert_eq(sum.n_expiring, 0);
    cr_assert_eq(sum.raw_bytes, 0);
    cr_assert_eq(sum.packed_bytes, 0);
    store_close(run->store);
    free(run->buffer);
    free(run);
}

static struct criterion_test_params policies(void)
{
    static char names[16][16];
    size_t n = 0;

    for (; store_kit_policies[n] != NULL; n++) snprintf(names[n], 16, "%s", store_kit_policies[n]);
    return cr_make_param_array(char[16], names, n);
}

ParameterizedTestParameters(store, unlimited) { return policies(); }
ParameterizedTest(char name[16], store, unlimited) { run_model(name, 0, 0, STORE_COMPRESS_NONE); }

ParameterizedTestParameters(store, memory_limit) { return policies(); }
ParameterizedTest(char name[16], store, memory_limit)
{
    run_model(name, 3 << 20, 0, STORE_COMPRESS_NONE);
}

ParameterizedTestParameters(store, item_limit_compressed) { return policies(); }
ParameterizedTest(char name[16], store, item_limit_compressed)
{
    run_model(name, 0, 400, STORE_COMPRESS_LZ4);
}
