/* test_traces.c - miss ratios on real traces, beside those of the reference simulator.
 *
 * The traces are not part of the repository: LOOMCACHE_TRACES names their folder, else
 * ../shared/traces beside the source is tried.  REFERENCE.csv there holds what libCacheSim found,
 * to four decimals, cold start, every object of size one.
 *
 * Criterion: lru, fifo, sieve and s3fifo must agree with every row for 1 % and 10 % of the unique
 * objects to within 0.00015: at most one in the last decimal that the reference prints, which is
 * tighter than equal to three decimals.  The policies that draw at random are printed beside the
 * nearest row, and must not be far off. */
#include <unistd.h>

#include "policies.h"

#define EXACT 0.00015

struct subject {
    char policy[16];
    char row[40];     /* its name in REFERENCE.csv */
    double tolerance; /* per row */
    double mean;      /* how far the mean of all rows may lie above the reference's */
};
/* The reference's Random takes the head of a random hash chain, which is not uniform: the rows
 * differ both ways.  Redis' LFU counts to 255 and, in a replay, never forgets: ours does. */
static const struct subject subjects[] = {
    {"lru", "LRU", EXACT, EXACT},
    {"fifo", "FIFO", EXACT, EXACT},
    {"sieve", "SIEVE", EXACT, EXACT},
    {"s3fifo", "S3-FIFO", EXACT, EXACT},
    {"lru_sampled", "redis-LRU(5+pool16)", 0.03, 0.002},
    {"lfu", "redis-LFU(5+pool16;no-decay)", 1, 0.002},
    {"random", "Random", 1, 0.01},
};
#define N_SUBJECTS (sizeof subjects / sizeof subjects[0])

struct row {
    char trace[40], fraction[12], policy[60];
    unsigned long capacity;
    double miss_ratio;
};

static char folder[4096];

static bool find_folder(void)
{
    const char *given = getenv("LOOMCACHE_TRACES"), *source = getenv("LOOM_SOURCE_DIR");
    if (given != NULL) snprintf(folder, sizeof folder, "%s", given);
    else snprintf(folder, sizeof folder, "%s/../shared/traces", source != NULL ? source : ".");
    return access(folder, R_OK) == 0;
}

/* The next row that is about this policy and one of the two sizes. */
static bool next_row(FILE *csv, const struct subject *s, struct row *ret)
{
    char line[300];
    while (fgets(line, sizeof line, csv) != NULL) {
        if (sscanf(line, "%*[^,],%39[^,],%lu,%11[^,],%59[^,],%lf", ret->trace, &ret->capacity,
                   ret->fraction, ret->policy, &ret->miss_ratio) != 5)
            continue;
        if (strcmp(ret->policy, s->row) == 0 &&
            (strcmp(ret->fraction, "0.01") == 0 || strcmp(ret->fraction, "0.1") == 0))
            return true;
    }
    return false;
}

/* Keys of a trace, read once and kept while the rows are about it. */
struct trace {
    char name[40];
    uint32_t *key;
    size_t n;
};

static void trace_load(struct trace *t, const char *name)
{
    char text[4300];
    size_t room = 0;
    if (strcmp(t->name, name) == 0) return;
    free(t->key);
    *t = (struct trace){.n = 0};
    snprintf(text, sizeof text, "%s/%s.csv.gz", folder, name);
    cr_assert(access(text, R_OK) == 0, "REFERENCE.csv names a trace that is absent: %s", text);
    snprintf(text, sizeof text, "exec gzip -dc '%s/%s.csv.gz'", folder, name);
    FILE *unpacked = popen(text, "r");
    cr_assert(unpacked != NULL);
    while (fgets(text, sizeof text, unpacked) != NULL) {
        if (t->n == room) {
            room = room > 0 ? 2 * room : 65536;
            t->key = realloc(t->key, room * sizeof *t->key);
            cr_assert(t->key != NULL);
        }
        t->key[t->n++] = (uint32_t)strtoul(text, NULL, 10);
    }
    cr_assert_eq(pclose(unpacked), 0);
    snprintf(t->name, sizeof t->name, "%s", name);
}

/* GET, and SET on a miss; the entries are all of one size. */
static double replay(const struct loom_eviction_ops *ops, const struct trace *t, uint64_t capacity)
{
    struct policy_kit_setup setup = {
        .capacity_items = capacity, .seed = 1, .space_bytes = (size_t)64 << 20};
    struct policy_kit *kit = policy_open(ops, &setup);
    size_t n_misses = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (policy_kit_get(kit, t->key[i])) continue;
        n_misses++;
        policy_kit_set(kit, t->key[i], t->key[i] % 3 == 0 ? 0 : 8);
    }
    policy_kit_verify(kit);
    policy_close(kit);
    return (double)n_misses / (double)t->n;
}

ParameterizedTestParameters(eviction_traces, miss_ratios)
{
    return cr_make_param_array(struct subject, (void *)(uintptr_t)subjects, N_SUBJECTS);
}

ParameterizedTest(struct subject *s, eviction_traces, miss_ratios, .timeout = 280)
{
    static char table[8192];
    static struct trace trace;
    struct row row;
    size_t at = 0, n_rows = 0, n_wrong = 0;
    double sum = 0, reference = 0;
    if (!find_folder()) {
        fprintf(stderr, "SKIPPED: no traces in %s; set LOOMCACHE_TRACES\n", folder);
        cr_skip_test("no traces in %s", folder);
    }
    snprintf(table, sizeof table, "%s/REFERENCE.csv", folder);
    FILE *csv = fopen(table, "r");
    cr_assert(csv != NULL, "%s is missing", table);
    const struct loom_eviction_ops *ops = policy_load(s->policy);
    at += (size_t)snprintf(table, sizeof table, "%s beside %s\n", s->policy, s->row);
    while (next_row(csv, s, &row)) {
        trace_load(&trace, row.trace);
        double ratio = replay(ops, &trace, row.capacity), off = ratio - row.miss_ratio;
        bool wrong = off > s->tolerance || off < -s->tolerance;
        at += (size_t)snprintf(table + at, sizeof table - at, "  %-14s %6lu  %.4f  %.4f  %+.4f%s\n",
                               row.trace, row.capacity, ratio, row.miss_ratio, off,
                               wrong ? "  <-- differs" : "");
        n_rows++;
        n_wrong += wrong;
        sum += ratio;
        reference += row.miss_ratio;
    }
    fclose(csv);
    free(trace.key);
    snprintf(table + at, sizeof table - at, "  mean of %zu rows        %.4f  %.4f\n", n_rows,
             sum / (double)n_rows, reference / (double)n_rows);
    fputs(table, stderr);
    cr_assert_geq(n_rows, 30u, "REFERENCE.csv has %zu rows about %s", n_rows, s->row);
    cr_assert_eq(n_wrong, 0u, "%zu of %zu rows differ", n_wrong, n_rows);
    cr_assert_lt((sum - reference) / (double)n_rows, s->mean);
}
