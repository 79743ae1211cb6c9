/* test_model.c - every policy against a model that knows who is resident, over random steps. */
#include "policies.h"

#define KEYS 3000u
#define STEPS 1200000u
#define IN_FLIGHT 32u

/* What must be true, and nothing about order. */
struct model {
    struct policy_kit *kit;
    bool evicts;
    bool present[KEYS];
    uint64_t n_present;
    uint64_t max_items, max_bytes;
    uint64_t in_flight[IN_FLIGHT]; /* keys that were claimed, and may have been taken back since */
    size_t n_in_flight;
    uint64_t random;
    uint64_t n_left[LOOM_CLEARED + 1];
    uint64_t n_hits, n_refused, n_settled[2];
};

static void left(void *arg, uint64_t key, enum loom_removal why)
{
    struct model *m = arg;
    cr_assert(key < KEYS && m->present[key], "key %lu left and was not there", (unsigned long)key);
    m->present[key] = false;
    m->n_present--;
    m->n_left[why]++;
}

static uint64_t below(struct model *m, uint64_t n)
{
    return random_next(&m->random) % n;
}

/* Half of the draws fall on a sixteenth of the keys. */
static uint64_t some_key(struct model *m)
{
    return below(m, 2) ? below(m, KEYS / 16) : below(m, KEYS);
}

static void get(struct model *m)
{
    uint64_t key = some_key(m);
    bool hit = policy_kit_get(m->kit, key);
    cr_assert_eq(hit, m->present[key]);
    m->n_hits += hit;
}

static void set(struct model *m)
{
    uint64_t key = some_key(m);
    int rc = policy_kit_set(m->kit, key, (uint32_t)below(m, 200));
    if (rc < 0) {
        cr_assert_eq(rc, LOOM_E_NOSPACE);
        cr_assert(!m->evicts || m->n_in_flight > 0 || m->max_items < 2 || m->max_bytes > 0,
                  "a write was refused although there was somebody to evict");
        m->n_refused++;
        return;
    }
    if (m->present[key]) return;
    m->n_present++;
    m->present[key] = true;
    if (m->max_items > 0) cr_assert(policy_kit_items(m->kit) <= m->max_items);
    if (m->max_bytes > 0) cr_assert(policy_kit_bytes(m->kit) <= m->max_bytes);
}

static void claim(struct model *m)
{
    if (m->n_in_flight == IN_FLIGHT) return;
    loom_entry *e = policy_kit_claim(m->kit);
    if (e == NULL) return;
    uint64_t key = policy_kit_key(e);
    cr_assert(key < KEYS && m->present[key]);
    m->in_flight[m->n_in_flight++] = key;
}

/* A claim ends one way or the other; clients may have ended it before. */
static void settle(struct model *m)
{
    if (m->n_in_flight == 0) return;
    size_t i = below(m, m->n_in_flight);
    uint64_t key = m->in_flight[i];
    loom_entry *e = policy_kit_find(m->kit, key);
    m->in_flight[i] = m->in_flight[--m->n_in_flight];
    for (size_t k = 0; k < m->n_in_flight; k++)
        if (m->in_flight[k] == key) return; /* claimed again since: the other one counts */
    if (e == NULL || !(loom_entry_flags(e) & LOOM_ENTRY_CLAIMED)) return;
    bool evicted = below(m, 3) > 0;
    policy_kit_settle(m->kit, e, evicted);
    m->n_settled[evicted]++;
}

static void resize(struct model *m)
{
    uint64_t what = below(m, 8);
    m->max_items = what == 0 ? 1 + below(m, 20) : what < 6 ? 1 + below(m, KEYS / 2) : 0;
    m->max_bytes = what == 5 || what == 6 ? 400 + below(m, KEYS * 60) : 0;
    policy_kit_resize(m->kit, m->max_bytes, m->max_items);
}

static void step(struct model *m)
{
    uint64_t what = below(m, 10000);
    if (what < 5000) get(m);
    else if (what < 7800) set(m);
    else if (what < 8300) policy_kit_remove(m->kit, some_key(m), LOOM_DELETED);
    else if (what < 8500) policy_kit_remove(m->kit, some_key(m), LOOM_EXPIRED);
    else if (what < 8900) policy_kit_move(m->kit, some_key(m));
    else if (what < 9450) claim(m);
    else if (what < 9996) settle(m);
    else if (what < 9999 || below(m, 5) > 0) resize(m);
    else policy_kit_clear(m->kit);
}

static void compare(struct model *m)
{
    policy_kit_verify(m->kit);
    for (uint64_t key = 0; key < KEYS; key++)
        cr_assert_eq(policy_kit_find(m->kit, key) != NULL, m->present[key]);
    cr_assert(policy_kit_fault(m->kit) == NULL, "%s", policy_kit_fault(m->kit));
}

static void run(struct model *m, const struct loom_eviction_ops *ops,
                struct policy_kit_setup *setup, uint64_t steps)
{
    setup->left = left;
    setup->arg = m;
    m->random = setup->seed;
    m->evicts = LOOM_HAS(ops, evict);
    m->max_items = setup->capacity_items;
    m->kit = policy_open(ops, setup);
    for (uint64_t i = 0; i < steps; i++) {
        step(m);
        cr_assert_eq(policy_kit_items(m->kit), m->n_present);
        if (i % 4096 == 0) compare(m);
    }
    compare(m);
    cr_assert_eq(policy_kit_none_given(m->kit), 0, "evict() gave none although it could");
}

ParameterizedTestParameters(eviction_model, random_operations)
{
    static struct policy_name names[] = POLICY_NAMES;
    return cr_make_param_array(struct policy_name, names, N_POLICIES);
}

ParameterizedTest(struct policy_name *name, eviction_model, random_operations, .timeout = 240)
{
    static struct model m;
    struct policy_kit_setup setup = {.capacity_items = KEYS / 3, .seed = 20240411};
    run(&m, policy_load(name->text), &setup, STEPS);
    cr_assert(m.n_hits > STEPS / 20); /* and the run was what it was meant to be */
    if (m.evicts) {
        cr_assert(m.n_left[LOOM_EVICTED] > STEPS / 100);
        cr_assert(m.n_settled[0] > 1000 && m.n_settled[1] > 1000);
    }
    cr_assert(m.n_left[LOOM_DELETED] > 1000 && m.n_left[LOOM_EXPIRED] > 1000);
    cr_assert(m.n_left[LOOM_CLEARED] > 0 && m.n_refused > 0);
    policy_close(m.kit);
}

/* A policy that needs memory must do without when there is none: the k-th allocation fails, alone
 * or with all that follow, for all k. */
ParameterizedTestParameters(eviction_model, failing_allocations)
{
    static struct policy_name names[] = POLICY_NAMES;
    return cr_make_param_array(struct policy_name, names, N_POLICIES);
}

ParameterizedTest(struct policy_name *name, eviction_model, failing_allocations, .timeout = 240)
{
    static struct model m;
    const struct loom_eviction_ops *ops = policy_load(name->text);
    bool reached = true;
    for (uint64_t k = 1; reached; k++) {
        for (int later = 0; later < 2; later++) {
            struct policy_kit_setup setup = {.capacity_items = KEYS / 2,
                                             .seed = k,
                                             .fail_alloc = k,
                                             .fail_later = later == 1,
                                             .space_bytes = (size_t)16 << 20};
            memset(&m, 0, sizeof m);
            run(&m, ops, &setup, 12000);
            reached = policy_kit_allocs(m.kit) >= k;
            policy_close(m.kit);
        }
    }
}

/* A live node may change its policy: the new one takes over the entries as the old left them. */
ParameterizedTestParameters(eviction_model, takes_over_from_every_other)
{
    static struct policy_name names[] = POLICY_NAMES;
    return cr_make_param_array(struct policy_name, names, N_POLICIES);
}

ParameterizedTest(struct policy_name *name, eviction_model, takes_over_from_every_other)
{
    static struct model m;
    static const struct policy_name names[] = POLICY_NAMES;
    const struct loom_eviction_ops *ops = policy_load(name->text);
    for (size_t i = 0; i < N_POLICIES; i++) {
        struct policy_kit_setup setup = {.capacity_items = KEYS / 4, .seed = i + 1};
        memset(&m, 0, sizeof m);
        run(&m, policy_load(names[i].text), &setup, 8000);
        while (m.n_in_flight > 0) settle(&m);
        cr_assert_eq(policy_kit_swap(m.kit, ops, NULL), 0);
        m.evicts = LOOM_HAS(ops, evict);
        compare(&m);
        for (uint64_t key = 0; key < KEYS && ops->touch.kind == LOOM_TOUCH_COUNT; key++)
            if (m.present[key]) cr_assert_eq(policy_kit_find(m.kit, key)->touch, 0);
        for (int n = 0; n < 20000; n++) step(&m);
        compare(&m);
        policy_close(m.kit);
    }
}

/* However much was hit before, one eviction looks at a bounded number of entries: it happens under
 * the partition's lock.  Seen here by what it changed. */
ParameterizedTestParameters(eviction_model, one_eviction_is_bounded)
{
    static struct policy_name names[] = POLICY_NAMES;
    return cr_make_param_array(struct policy_name, names, N_POLICIES);
}

ParameterizedTest(struct policy_name *name, eviction_model, one_eviction_is_bounded)
{
    enum { N = 30000, BOUND = 8500 };
    static loom_entry before[N];
    const struct loom_eviction_ops *ops = policy_load(name->text);
    struct policy_kit_setup setup = {.capacity_items = N};
    struct policy_kit *kit = policy_open(ops, &setup);
    for (uint64_t key = 0; key < N; key++) policy_kit_set(kit, key, 8);
    for (int hits = 0; hits < 3; hits++)
        for (uint64_t key = 0; key < N; key++) cr_assert(policy_kit_get(kit, key));
    for (int evictions = 0; evictions < 8 && LOOM_HAS(ops, evict); evictions++) {
        size_t n_changed = 0;
        for (uint64_t key = 0; key < N; key++) before[key] = *policy_kit_find(kit, key);
        loom_entry *e = policy_kit_claim(kit);
        cr_assert(e != NULL);
        for (uint64_t key = 0; key < N; key++)
            n_changed += memcmp(&before[key], policy_kit_find(kit, key), sizeof *e) != 0;
        cr_assert_lt(n_changed, BOUND + 0u);
        policy_kit_settle(kit, e, false);
    }
    policy_close(kit);
}
