/* test_order.c - the exact policies, victim by victim, against the papers written down naively:
 * arrays of keys, searched from end to end.  With deletes, moves and victims that are given back,
 * which the traces do not have. */
#include "policies.h"

#define MOST 256
#define NOBODY UINT64_MAX

/* Oldest first. */
struct queue {
    uint64_t key[MOST];
    int n;
};

static int where(const struct queue *q, uint64_t key)
{
    int i = 0;
    while (i < q->n && q->key[i] != key) i++;
    return i;
}

static void push(struct queue *q, uint64_t key)
{
    cr_assert_lt(q->n, MOST);
    q->key[q->n++] = key;
}

static bool take(struct queue *q, uint64_t key)
{
    int i = where(q, key);
    if (i == q->n) return false;
    memmove(&q->key[i], &q->key[i + 1], (size_t)(--q->n - i) * sizeof q->key[0]);
    return true;
}

static uint64_t take_oldest(struct queue *q)
{
    uint64_t key = q->key[0];
    cr_assert(take(q, key));
    return key;
}

static struct queue queue, small, ghost; /* queue: the whole order, or S3-FIFO's main */
static int count[4 * MOST];              /* hits, by key */
static int hand;                         /* SIEVE: index of the next to examine */
static int capacity;

/* --- FIFO, LRU ----------------------------------------------------------------------------- */

static void insert_plain(uint64_t key)
{
    push(&queue, key);
}
static void remove_plain(uint64_t key)
{
    take(&queue, key);
}
static void hit_nothing(uint64_t key)
{
    (void)key;
}
static void hit_lru(uint64_t key)
{
    take(&queue, key);
    push(&queue, key);
}
static uint64_t evict_oldest(void)
{
    return take_oldest(&queue);
}

/* --- SIEVE --------------------------------------------------------------------------------- */

static void insert_sieve(uint64_t key)
{
    count[key] = 0;
    push(&queue, key);
}
static void remove_sieve(uint64_t key)
{
    int i = where(&queue, key);
    take(&queue, key);
    if (i < hand) hand--;
    if (hand == queue.n) hand = 0;
}
static void hit_sieve(uint64_t key)
{
    count[key] = 1;
}
static uint64_t evict_sieve(void)
{
    while (count[queue.key[hand]] > 0) {
        count[queue.key[hand]] = 0;
        hand = (hand + 1) % queue.n;
    }
    uint64_t key = queue.key[hand];
    remove_sieve(key);
    return key;
}

/* --- S3-FIFO ------------------------------------------------------------------------------- */

static bool was_small;

static void insert_s3fifo(uint64_t key)
{
    count[key] = 0;
    push(take(&ghost, key) ? &queue : &small, key);
    int limit = (int)(0.9 * capacity) > 0 ? (int)(0.9 * capacity) : 1;
    while (ghost.n > limit) take_oldest(&ghost);
}
static void remove_s3fifo(uint64_t key)
{
    if (!take(&queue, key)) take(&small, key);
}
static void hit_s3fifo(uint64_t key)
{
    if (count[key] < 3) count[key]++;
}
static uint64_t evict_s3fifo(void)
{
    int small_limit = (int)(0.1 * capacity) > 0 ? (int)(0.1 * capacity) : 1;
    bool from_main = queue.n > capacity - small_limit;
    while (!from_main && small.n > 0) {
        uint64_t key = take_oldest(&small);
        was_small = true;
        if (count[key] < 2) return key;
        count[key] = 0;
        push(&queue, key);
    }
    was_small = false;
    for (;;) {
        uint64_t key = take_oldest(&queue);
        if (count[key]-- == 0) return key;
        push(&queue, key);
    }
}

/* --- the comparison ------------------------------------------------------------------------ */

struct oracle {
    char name[16];
    void (*insert)(uint64_t key);
    void (*hit)(uint64_t key);
    void (*remove)(uint64_t key);
    uint64_t (*evict)(void);
};
static const struct oracle oracles[] = {
    {"fifo", insert_plain, hit_nothing, remove_plain, evict_oldest},
    {"lru", insert_plain, hit_lru, remove_plain, evict_oldest},
    {"sieve", insert_sieve, hit_sieve, remove_sieve, evict_sieve},
    {"s3fifo", insert_s3fifo, hit_s3fifo, remove_s3fifo, evict_s3fifo},
};
#define N_ORACLES 4

static uint64_t expected = NOBODY;
static uint64_t n_compared;

static void left(void *arg, uint64_t key, enum loom_removal why)
{
    const struct oracle *o = arg;
    if (why != LOOM_EVICTED) return;
    cr_assert_eq(key, expected, "%s with %d entries evicts %lu, the paper %lu", o->name, capacity,
                 (unsigned long)key, (unsigned long)expected);
    n_compared++;
    if (strcmp(o->name, "s3fifo") == 0 && was_small) push(&ghost, key);
    expected = NOBODY;
}

static bool full(struct policy_kit *kit)
{
    return policy_kit_items(kit) == (uint64_t)capacity;
}

static void access_key(struct policy_kit *kit, const struct oracle *o, uint64_t key)
{
    if (policy_kit_get(kit, key)) return o->hit(key);
    if (full(kit)) expected = o->evict();
    policy_kit_set(kit, key, 8);
    cr_assert_eq(expected, NOBODY, "nobody was evicted");
    o->insert(key);
}

/* A victim of the right name that is given back starts anew, at the newest end of its queue. */
static void give_back(struct policy_kit *kit, const struct oracle *o)
{
    uint64_t victim = o->evict();
    loom_entry *e = policy_kit_claim(kit);
    cr_assert(e != NULL && policy_kit_key(e) == victim);
    policy_kit_settle(kit, e, false);
    bool is_small = strcmp(o->name, "s3fifo") == 0 && was_small;
    count[victim] = e->touch & LOOM_TOUCH_COUNT_MASK;
    push(is_small ? &small : &queue, victim);
}

static void compare(const struct oracle *o, int entries, uint64_t n_keys, uint64_t seed)
{
    queue.n = small.n = ghost.n = hand = 0;
    capacity = entries;
    struct policy_kit_setup setup = {.capacity_items = (uint64_t)entries, .seed = seed,
                                     .left = left, .arg = (void *)(uintptr_t)o,
                                     .space_bytes = (size_t)16 << 20};
    struct policy_kit *kit = policy_open(policy_load(o->name), &setup);
    for (int i = 0; i < 60000; i++) {
        uint64_t what = random_next(&seed) % 100, key = random_next(&seed) % n_keys;
        if (what < 40) key %= n_keys / 3 + 1; /* some are more popular */
        if (what < 90) access_key(kit, o, key);
        else if (what < 94) policy_kit_move(kit, key);
        else if (what < 97 && full(kit)) give_back(kit, o);
        else if (what >= 97 && policy_kit_remove(kit, key, LOOM_DELETED)) o->remove(key);
    }
    policy_kit_verify(kit);
    policy_close(kit);
}

ParameterizedTestParameters(eviction_order, as_the_paper_says)
{
    return cr_make_param_array(struct oracle, (void *)(uintptr_t)oracles, N_ORACLES);
}

ParameterizedTest(struct oracle *given, eviction_order, as_the_paper_says, .timeout = 120)
{
    const struct oracle *o = oracles; /* its functions, at this process's addresses */
    while (strcmp(o->name, given->name) != 0) o++;
    for (int entries = 1; entries <= 12; entries++)
        compare(o, entries, (uint64_t)(3 * entries + 1), (uint64_t)entries);
    compare(o, 64, 200, 64);
    compare(o, 100, 120, 100);
    compare(o, 200, 1000, 200);
    cr_assert_gt(n_compared, 100000u);
}
