/* test_metrics.c - the table and what a sample makes of it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/server/metrics.h"
#include "http_kit.h"
#include "server_kit.h"

static struct server_kit kit;
static struct metrics *metrics;
static uint64_t used_before;

static void open_all(void)
{
    struct error error = {0};

    used_before = used_bytes();
    server_kit_open(&kit, NULL);
    cr_assert_eq(metrics_open(&kit.server, &metrics, &error), 0, "%s", error.text);
    kit.server.metrics = metrics;
}

static void close_all(void)
{
    metrics_close(metrics);
    server_kit_close(&kit);
    cr_assert_eq(used_bytes(), used_before);
}

TestSuite(metrics, .init = open_all, .fini = close_all);

/* The series of a name whose labels are these; NULL: not sampled. */
static const struct loom_metric *find(const char *name, const char *labels)
{
    size_t n;
    const struct loom_metric *const *all = metrics_sample(metrics, &n);

    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i]->name, name) == 0 && strcmp(all[i]->labels, labels) == 0) return all[i];
    return NULL;
}

static double value(const char *name, const char *labels)
{
    const struct loom_metric *metric = find(name, labels);

    cr_assert_not_null(metric, "%s{%s} is not sampled", name, labels);
    return metric->value;
}

static struct command_stats *command(int loop, const char *name)
{
    const struct command *row = command_find(slice_of(name, strlen(name)));

    return &kit.loops[loop].executor.stats[command_index(row)];
}

/* ---- the table ------------------------------------------------------------------------------ */

Test(metrics_table, rows_are_as_prometheus_wants_them)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    size_t n;
    const struct describe_metric *all = metrics_describe(&n);

    cr_assert_gt(n, 30u);
    for (size_t i = 0; i < n; i++) {
        const struct describe_metric *m = &all[i];
        size_t n_name = strlen(m->name), n_help = strlen(m->help);
        bool total = n_name > 6 && strcmp(m->name + n_name - 6, "_total") == 0, known = false;

        cr_assert_eq(strspn(m->name, "abcdefghijklmnopqrstuvwxyz_"), n_name, "%s", m->name);
        cr_assert_eq(total, strcmp(m->kind, "counter") == 0, "%s", m->name);
        for (int k = 0; k < 3; k++) known = known || strcmp(m->kind, kinds[k]) == 0;
        cr_assert(known, "%s: %s", m->name, m->kind);
        cr_assert(n_help > 8, "%s", m->name);
        cr_assert(strncmp(m->name, "loomcache_", 10) == 0 || strncmp(m->name, "process_", 8) == 0);
        for (size_t k = 0; k < i; k++) cr_assert_str_neq(m->name, all[k].name);
    }
}

/* ---- a sample ------------------------------------------------------------------------------- */

/* Every command ran, so that everything that can be sampled is. */
static void count_everything(void)
{
    for (size_t i = 0; i < command_count(); i++) {
        struct command_stats *stats = &kit.loops[i % 2].executor.stats[i];
        stats->calls = i + 1;
        stats->latency = mem_zalloc(MEM_METRIC, sizeof *stats->latency);
        histogram_add(stats->latency, 1000 * i, i + 1);
    }
}

static const struct describe_metric *row_of(const struct loom_metric *metric)
{
    size_t n;
    const struct describe_metric *all = metrics_describe(&n);

    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].name, metric->name) == 0) return &all[i];
    return NULL;
}

/* Are these the labels of the table, in its order?  policy="sieve",partition="3" is
 * policy,partition. */
static bool labels_fit(const char *labels, const char *names)
{
    char got[256] = "";

    while (*labels != '\0') {
        const char *value = strstr(labels, "=\""), *end = value ? strchr(value + 2, '"') : NULL;
        if (end == NULL) return false;
        if (got[0] != '\0') strcat(got, ",");
        strncat(got, labels, (size_t)(value - labels));
        labels = end + 1;
        if (*labels == ',') labels++;
    }
    return strcmp(got, names) == 0;
}

Test(metrics, every_name_is_documented_and_every_row_is_sampled)
{
    static const char plugin[] = "loomcache_plugin_";
    bool seen[100] = {false};
    size_t n, n_rows;
    const struct describe_metric *rows = metrics_describe(&n_rows);
    const struct loom_metric *const *all;

    count_everything();
    all = metrics_sample(metrics, &n);
    for (size_t i = 0; i < n; i++) {
        const struct describe_metric *row = row_of(all[i]);
        const char *kind = all[i]->kind == LOOM_COUNTER ? "counter"
                           : all[i]->kind == LOOM_GAUGE ? "gauge"
                                                        : "histogram";
        cr_assert_eq(all[i]->struct_size, sizeof(struct loom_metric));
        if (row == NULL) {
            cr_assert_eq(strncmp(all[i]->name, plugin, strlen(plugin)), 0, "%s", all[i]->name);
            cr_assert_eq(all[i]->kind, LOOM_COUNTER);
            cr_assert(labels_fit(all[i]->labels, "kind"), "%s", all[i]->labels);
            continue;
        }
        seen[row - rows] = true;
        cr_assert_str_eq(row->kind, kind, "%s", row->name);
        cr_assert_str_eq(row->help, all[i]->help);
        cr_assert(labels_fit(all[i]->labels, row->labels), "%s{%s}", row->name, all[i]->labels);
    }
    for (size_t i = 0; i < n_rows; i++)
        cr_assert(seen[i] || strcmp(rows[i].name, "loomcache_peers") == 0,
                  "%s is not sampled", rows[i].name); /* there is no discovery here */
}

Test(metrics, series_of_a_name_stand_together_and_are_there_once)
{
    size_t n;
    const struct loom_metric *const *all;

    count_everything();
    all = metrics_sample(metrics, &n);
    for (size_t i = 0; i < n; i++) {
        bool ended = false;
        for (size_t k = i + 1; k < n; k++) {
            bool same = strcmp(all[i]->name, all[k]->name) == 0;
            cr_assert_not(same && ended, "%s is in two places", all[i]->name);
            cr_assert_not(same && strcmp(all[i]->labels, all[k]->labels) == 0,
                          "%s{%s} is there twice", all[i]->name, all[i]->labels);
            ended = ended || !same;
        }
    }
}

Test(metrics, figures_are_sums_over_threads)
{
    kit.loops[0].stats = (struct loop_stats){.bytes_in = 10, .bytes_out = 100, .turn_max_ns = 5000};
    kit.loops[1].stats = (struct loop_stats){.bytes_in = 1, .bytes_out = 2, .turn_max_ns = 7000};
    command(0, "get")->calls = 3;
    command(1, "get")->calls = 4;
    command(1, "get")->failed = 2;
    command(0, "set")->rejected = 1;
    kit.server.n_clients = 9;
    kit.server.stats.audit_events = 5;
    cr_assert_eq(value("loomcache_network_bytes_total", "direction=\"in\""), 11);
    cr_assert_eq(value("loomcache_network_bytes_total", "direction=\"out\""), 102);
    cr_assert_float_eq(value("loomcache_loop_turn_max_seconds", ""), 7e-6, 1e-12);
    cr_assert_eq(value("loomcache_commands_total", "command=\"get\""), 7);
    cr_assert_eq(value("loomcache_command_failures_total", "command=\"get\""), 2);
    cr_assert_eq(value("loomcache_command_rejections_total", "command=\"set\""), 1);
    cr_assert_eq(value("loomcache_connections", ""), 9);
    cr_assert_eq(value("loomcache_audit_events_total", ""), 5);
    cr_assert_eq(value("loomcache_max_bytes", ""), 64 << 20);
    cr_assert_eq(value("loomcache_compression_ratio", ""), 1);
    cr_assert_gt(value("loomcache_rss_bytes", ""), 1 << 20);
    cr_assert_null(find("loomcache_commands_total", "command=\"append\""), "nobody sent one");
}

Test(metrics, the_store_is_seen)
{
    struct store_key key;
    const struct store_put put = {.value = slice_of("value", 5)};

    store_key_make(kit.server.store, slice_of("key", 3), 0, &key);
    partition_lock(key.partition, 1000);
    cr_assert_eq(partition_put(&key, &put, NULL), 0);
    cr_assert_not_null(partition_find(&key, STORE_READ));
    partition_unlock(key.partition);
    cr_assert_eq(value("loomcache_items", ""), 1);
    cr_assert_eq(value("loomcache_inserts_total", ""), 1);
    cr_assert_eq(value("loomcache_cache_hits_total", ""), 1);
    cr_assert_eq(value("loomcache_cache_misses_total", ""), 0);
    cr_assert_gt(value("loomcache_used_bytes", ""), 0);
    cr_assert_gt(value("loomcache_arena_bytes", "state=\"used\""), 0);
    cr_assert_geq(value("loomcache_arena_bytes", "state=\"span\""),
                  value("loomcache_arena_bytes", "state=\"used\""));
    cr_assert_eq(value("loomcache_writes_refused", ""), 0);
    store_set_write_guard(kit.server.store, true);
    cr_assert_eq(value("loomcache_writes_refused", ""), 1);
    cr_assert_gt(value("loomcache_plugin_memory_bytes", "kind=\"storage\",plugin=\"memory\""), 0);
}

Test(metrics, histograms_are_cumulative)
{
    const struct loom_metric *m;
    uint64_t last = 0;

    for (int i = 0; i < 2; i++) {
        struct command_stats *stats = command(i, "get");
        stats->calls = 3;
        stats->latency = mem_zalloc(MEM_METRIC, sizeof *stats->latency);
        histogram_add(stats->latency, 100, 1);              /* 100 ns */
        histogram_add(stats->latency, 3000, 1);             /* 3 us */
        histogram_add(stats->latency, 30000000000ull, 1);   /* 30 s */
    }
    m = find("loomcache_command_duration_seconds", "command=\"get\"");
    cr_assert_not_null(m);
    cr_assert_eq(m->count, 6u);
    cr_assert_float_eq(m->value, 60.0000062, 1e-6);
    cr_assert_gt(m->n_buckets, 8u);
    for (size_t i = 0; i < m->n_buckets; i++) {
        cr_assert(i == 0 || m->bounds[i] > m->bounds[i - 1]);
        cr_assert_geq(m->buckets[i], last);
        cr_assert_leq(m->buckets[i], m->count);
        last = m->buckets[i];
        if (m->bounds[i] < 1e-6) cr_assert_eq(m->buckets[i], 2u);
        if (m->bounds[i] > 4e-6) cr_assert_eq(m->buckets[i], 4u);
    }
}

/* ---- memory --------------------------------------------------------------------------------- */

Test(metrics, a_second_sample_allocates_nothing)
{
    size_t n, again;
    uint64_t used;
    double memory;

    count_everything();
    memory = value("loomcache_plugin_memory_bytes", "kind=\"storage\",plugin=\"memory\"");
    metrics_sample(metrics, &n);
    used = used_bytes();
    mem_fail_at(0);
    metrics_sample(metrics, &again);
    cr_assert_eq(mem_count(), 0u);
    cr_assert_eq(used_bytes(), used);
    cr_assert_eq(again, n);
    cr_assert_eq(value("loomcache_plugin_memory_bytes", "kind=\"storage\",plugin=\"memory\""),
                 memory, "summed anew");
}

/* Short of memory, series are missing; the others are right, and the next sample has them again. */
Test(metrics, without_memory_a_sample_is_shorter)
{
    struct metrics *fresh;
    size_t n, full;

    metrics_sample(metrics, &full);
    for (uint64_t k = 1;; k++) {
        uint64_t before = used_bytes();
        struct error error = {0};
        int rc;
        mem_fail_at(k);
        rc = metrics_open(&kit.server, &fresh, &error);
        if (rc != 0) {
            cr_assert_eq(rc, LOOM_E_NOMEM);
            cr_assert_eq(used_bytes(), before);
            continue;
        }
        metrics_sample(fresh, &n);
        cr_assert_leq(n, full);
        if (mem_count() >= k) {
            metrics_sample(fresh, &n);
            cr_assert_eq(n, full, "k %d", (int)k);
        }
        metrics_close(fresh);
        cr_assert_eq(used_bytes(), before);
        if (mem_count() < k) break;
    }
    mem_fail_at(0);
}
