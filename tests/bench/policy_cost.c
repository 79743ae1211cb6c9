/* policy_cost.c - what each policy costs, in nanoseconds, as a table in Markdown.
 *
 *     cmake --build build/release --target policy_cost && build/release/policy_cost build/release
 *
 * In one process, one thread, without a table, a protocol or a lock: only what the policy adds.
 *   hit     the mark or the call of a hit, on entries in random order, above the cost of reading
 *           the header of each, which a look-up has done anyway
 *   insert  evict(), removed() and inserted() of the entry that takes the room, after as many hits
 *           on random entries, which are not timed.  Drawing the samples is the host's work, and
 *           part of it
 * for a working set that fits the second-level cache and one that only fits the memory.  In the
 * latter, which entry is next is known when the header of the last one has been read, as between
 * requests: else the processor reads ten at once, and the measure is of how many.  Rounds are many
 * and short, so that a busy machine disturbs little: of a hit, the median of its differences to the
 * look-ups just before; of an insert, the least.  Exit code 1 when a hit of the default policy
 * costs more than 20 ns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/kit/policy_kit.h"

#define ENTRY_BYTES 128u
#define ROUNDS 150
#define BATCH 10000u /* operations per round */
#define DEFAULT_POLICY "s3fifo"
#define HIT_LIMIT_NS 20.0

static const char *const names[] = {"none", "fifo",        "random", "sieve",
                                    "lfu",  "lru_sampled", "lru",    "s3fifo"};
#define N_NAMES (sizeof names / sizeof names[0])

struct bench {
    const struct loom_eviction_ops *ops;
    struct policy_kit *kit;
    void *self;
    const struct loom_space *space;
    uint32_t *clock;
    loom_ref *order; /* every entry once, shuffled */
    size_t n;        /* a power of two */
    size_t at;
    bool far;
    uint64_t random, sum;
};

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint64_t random_next(struct bench *b)
{
    b->random ^= b->random << 13;
    b->random ^= b->random >> 7;
    b->random ^= b->random << 17;
    return b->random;
}

/* As the core does it: inline, the kind read from the policy's table. */
static inline void record_hit(const struct bench *b, loom_entry *e)
{
    ++*b->clock;
    switch (b->ops->touch.kind) {
    case LOOM_TOUCH_COUNT:
        if ((e->touch & LOOM_TOUCH_COUNT_MASK) < b->ops->touch.max) e->touch++;
        break;
    case LOOM_TOUCH_STAMP:
        e->word.mark.stamp = *b->clock;
        break;
    case LOOM_TOUCH_CALL:
        b->ops->accessed(b->self, e);
        break;
    default:
        break;
    }
}

/* Keys are of 8 bytes, all of them, but the processor cannot know that. */
static inline loom_entry *next_entry(struct bench *b)
{
    loom_entry *e = loom_at(b->space, b->order[b->at]);
    if (b->far) b->at = (b->at + e->key_bytes - 7) & (b->n - 1);
    else b->at = (b->at + 1) & (b->n - 1);
    return e;
}

static void lookups(struct bench *b)
{
    for (unsigned i = 0; i < BATCH; i++) b->sum += next_entry(b)->key_bytes;
}

static void hits(struct bench *b)
{
    for (unsigned i = 0; i < BATCH; i++) {
        loom_entry *e = next_entry(b);
        b->sum += e->key_bytes;
        record_hit(b, e);
    }
}

/* The victim's memory becomes the new entry: no allocator in the measure. */
static void inserts(struct bench *b)
{
    for (unsigned i = 0; i < BATCH; i++) {
        loom_entry *e = b->ops->evict(b->self);
        uint64_t hash = random_next(b);
        b->ops->removed(b->self, e, hash, LOOM_EVICTED);
        e->word.all = 0;
        ++*b->clock;
        b->ops->inserted(b->self, e, hash * 0x9e3779b97f4a7c15u);
    }
}

static double once(struct bench *b, void (*run)(struct bench *b))
{
    double start = now_ns();
    run(b);
    return (now_ns() - start) / BATCH;
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *all, size_t n)
{
    qsort(all, n, sizeof *all, by_size);
    return all[n / 2];
}

/* Residents whose place in the policy's order has nothing to do with their place in memory. */
static void fill(struct bench *b, const char *path, size_t n)
{
    const char *why = "";
    struct policy_kit_setup setup = {.space_bytes = n * ENTRY_BYTES + 4096};
    b->ops = policy_kit_load(path, NULL, &why);
    b->kit = b->ops != NULL ? policy_kit_open(b->ops, &setup, &why) : NULL;
    b->order = calloc(n, sizeof *b->order);
    if (b->kit == NULL || b->order == NULL) {
        fprintf(stderr, "policy_cost: %s\n", why);
        exit(2);
    }
    b->self = policy_kit_self(b->kit);
    b->space = policy_kit_space(b->kit);
    b->clock = policy_kit_clock(b->kit);
    b->random = 88172645463325252u;
    b->n = n;
    for (size_t i = 0; i < n; i++) { /* keys that carry no expiry: one size */
        uint32_t value_bytes = ENTRY_BYTES - (uint32_t)sizeof(loom_entry) - 8;
        policy_kit_set(b->kit, 3 * i + 1, value_bytes);
        b->order[i] = loom_ref_of(b->space, policy_kit_find(b->kit, 3 * i + 1));
    }
    for (size_t i = n - 1; i > 0; i--) {
        size_t k = random_next(b) % (i + 1);
        loom_ref swap = b->order[i];
        b->order[i] = b->order[k];
        b->order[k] = swap;
    }
    for (size_t i = 0; i < n; i++) {
        loom_entry *e = loom_at(b->space, b->order[i]);
        b->ops->removed(b->self, e, random_next(b), LOOM_DELETED);
        e->word.all = 0;
        b->ops->inserted(b->self, e, random_next(b));
    }
    for (size_t i = n - 1; i > 0; i--) { /* and another order for the hits */
        size_t k = random_next(b) % (i + 1);
        loom_ref swap = b->order[i];
        b->order[i] = b->order[k];
        b->order[k] = swap;
    }
}

struct cost {
    double lookup, hit, insert; /* ns; hit is above lookup */
};

static struct cost measure(const char *path, size_t n, bool far)
{
    struct bench b = {.far = far};
    double lookup = 1e18, above[ROUNDS], insert = 1e18;
    fill(&b, path, n);
    for (int round = 0; round < ROUNDS; round++) {
        double took = once(&b, lookups);
        above[round] = once(&b, hits) - took;
        lookup = least(lookup, took);
    }
    bool evicts = LOOM_HAS(b.ops, evict);
    for (size_t done = 0; evicts && done < 2 * n + ROUNDS * BATCH; done += BATCH) {
        hits(&b);
        double took = once(&b, inserts);
        if (done >= 2 * n) insert = least(insert, took); /* before, it is not yet as it will be */
    }
    free(b.order);
    policy_kit_close(b.kit);
    return (struct cost){lookup, median(above, ROUNDS), insert};
}

int main(int argc, char **argv)
{
    const size_t near = 4096, far = (size_t)1 << 21; /* 512 KiB and 256 MiB */
    double lookup[2] = {1e18, 1e18}, worst = 0;
    if (argc != 2) {
        fprintf(stderr, "usage: policy_cost BUILD_DIR\n");
        return 2;
    }
    printf("| policy | hit, ns (512 KiB) | hit (256 MiB) | insert + evict (512 KiB) "
           "| insert + evict (256 MiB) |\n|---|---:|---:|---:|---:|\n");
    for (size_t i = 0; i < N_NAMES; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/plugins/eviction_%s.so", argv[1], names[i]);
        struct cost a = measure(path, near, false), z = measure(path, far, true);
        if (strcmp(names[i], "none") == 0)
            printf("| %s | %.1f | %.1f | - | - |\n", names[i], a.hit, z.hit);
        else
            printf("| %s | %.1f | %.1f | %.0f | %.0f |\n", names[i], a.hit, z.hit, a.insert,
                   z.insert);
        fflush(stdout);
        if (a.lookup < lookup[0]) lookup[0] = a.lookup;
        if (z.lookup < lookup[1]) lookup[1] = z.lookup;
        if (strcmp(names[i], DEFAULT_POLICY) == 0) worst = a.hit > z.hit ? a.hit : z.hit;
    }
    printf("\nAbove reading the entry's header, which takes %.1f ns (512 KiB) and %.1f ns (256 MiB)"
           " by itself.\n%s: %.1f ns per hit, at most %.0f wanted.\n",
           lookup[0], lookup[1], DEFAULT_POLICY, worst, HIT_LIMIT_NS);
    return worst > HIT_LIMIT_NS ? 1 : 0;
}
