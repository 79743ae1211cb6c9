/* test_prometheus.c - the page, byte by byte, and what promtool thinks of it. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/kit/node_host.h"

static struct node_host h;
static char *page;

static void set_up(void) { node_host_init(&h); }
static void tear_down(void)
{
    free(page);
    node_host_fini(&h);
}

TestSuite(exporter_prometheus, .init = set_up, .fini = tear_down, .timeout = 120);

#define METRIC(kind_, name_, help_, labels_, ...)                                                  \
    (struct loom_metric)                                                                           \
    {                                                                                              \
        .struct_size = sizeof(struct loom_metric), .kind = kind_, .name = name_, .help = help_,    \
        .labels = labels_, __VA_ARGS__                                                             \
    }
#define COUNTER(name_, help_, labels_, value_)                                                     \
    METRIC(LOOM_COUNTER, name_, help_, labels_, .value = value_)
#define GAUGE(name_, help_, labels_, value_)                                                       \
    METRIC(LOOM_GAUGE, name_, help_, labels_, .value = value_)
#define HISTOGRAM(name_, help_, labels_, sum_, count_, bounds_, buckets_)                          \
    METRIC(LOOM_HISTOGRAM, name_, help_, labels_, .value = sum_, .count = count_,                  \
           .bounds = bounds_, .buckets = buckets_, .n_buckets = sizeof bounds_ / sizeof bounds_[0])

/* The host's metrics from now on: a copy of what is given. */
static void show(const struct loom_metric *metrics, size_t n)
{
    static struct loom_metric copies[64];
    static const struct loom_metric *list[64];

    cr_assert_leq(n, 64);
    for (size_t i = 0; i < n; i++) {
        copies[i] = metrics[i];
        list[i] = &copies[i];
    }
    h.metrics = list;
    h.n_metrics = n;
}
#define SHOW(...)                                                                                  \
    do {                                                                                           \
        const struct loom_metric given_[] = {__VA_ARGS__};                                         \
        show(given_, sizeof given_ / sizeof given_[0]);                                            \
    } while (0)

static int scrape(void)
{
    free(page);
    page = NULL;
    return node_get(&h, "/metrics", &page);
}

static const double seconds[] = {0.001, 0.0025, 1};
static const uint64_t counts[] = {3, 5, 9};

Test(exporter_prometheus, the_page_is_this_page)
{
    cr_assert_eq(node_exporter_start(&h, "exporter_prometheus", ""), 0, "%s", h.failure);
    SHOW(COUNTER("loomcache_cache_hits_total", "Reads that found their key.", "", 1234567890123.0),
         COUNTER("loomcache_commands_total", "Commands run, by name.", "command=\"get\"", 7),
         COUNTER("loomcache_commands_total", "Commands run, by name.",
                 "command=\"set\",note=\"a\\\\b\\\"c\\nd\"", 0),
         GAUGE("loomcache_load", "One \\ two\nthree.", "", 0.1),
         HISTOGRAM("loomcache_seconds", "Time to serve.", "command=\"get\"", 1.5, 9, seconds,
                   counts),
         HISTOGRAM("loomcache_seconds", "Time to serve.", "command=\"set\"", 2, 12, seconds,
                   counts));
    cr_assert_eq(scrape(), 200);
    cr_assert_str_eq(page, "# HELP loomcache_cache_hits_total Reads that found their key.\n"
                           "# TYPE loomcache_cache_hits_total counter\n"
                           "loomcache_cache_hits_total 1234567890123\n"
                           "# HELP loomcache_commands_total Commands run, by name.\n"
                           "# TYPE loomcache_commands_total counter\n"
                           "loomcache_commands_total{command=\"get\"} 7\n"
                           "loomcache_commands_total{command=\"set\",note=\"a\\\\b\\\"c\\nd\"} 0\n"
                           "# HELP loomcache_load One \\\\ two\\nthree.\n"
                           "# TYPE loomcache_load gauge\n"
                           "loomcache_load 0.1\n"
                           "# HELP loomcache_seconds Time to serve.\n"
                           "# TYPE loomcache_seconds histogram\n"
                           "loomcache_seconds_bucket{command=\"get\",le=\"0.001\"} 3\n"
                           "loomcache_seconds_bucket{command=\"get\",le=\"0.0025\"} 5\n"
                           "loomcache_seconds_bucket{command=\"get\",le=\"1\"} 9\n"
                           "loomcache_seconds_bucket{command=\"get\",le=\"+Inf\"} 9\n"
                           "loomcache_seconds_sum{command=\"get\"} 1.5\n"
                           "loomcache_seconds_count{command=\"get\"} 9\n"
                           "loomcache_seconds_bucket{command=\"set\",le=\"0.001\"} 3\n"
                           "loomcache_seconds_bucket{command=\"set\",le=\"0.0025\"} 5\n"
                           "loomcache_seconds_bucket{command=\"set\",le=\"1\"} 9\n"
                           "loomcache_seconds_bucket{command=\"set\",le=\"+Inf\"} 12\n"
                           "loomcache_seconds_sum{command=\"set\"} 2\n"
                           "loomcache_seconds_count{command=\"set\"} 12\n");
    cr_assert_eq(h.n_samples, 1);
    cr_assert_eq(node_counter(&h, "scrapes"), 1);
    cr_assert_eq(node_counter(&h, "refused"), 0);
}

static const struct {
    double value;
    const char *text;
} numbers[] = {
    {0, "0"}, {-0.0, "0"}, {-17, "-17"}, {0.1, "0.1"}, {1e15, "1e+15"}, {2.5e-9, "2.5e-09"},
    {1.0 / 3, "0.3333333333333333"}, {999999999999999, "999999999999999"}, {NAN, "NaN"},
    {INFINITY, "+Inf"}, {-INFINITY, "-Inf"}, {DBL_MAX, "1.797693134862316e+308"},
    {0.30000000000000004, "0.30000000000000004"}, {1234.5678, "1234.5678"},
};

Test(exporter_prometheus, numbers_are_short_and_read_back)
{
    cr_assert_eq(node_exporter_start(&h, "exporter_prometheus", ""), 0);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char want[128];
        SHOW(GAUGE("x", "X.", NULL, numbers[i].value));
        cr_assert_eq(scrape(), 200);
        snprintf(want, sizeof want, "# HELP x X.\n# TYPE x gauge\nx %s\n", numbers[i].text);
        if (numbers[i].value == DBL_MAX) /* rounds up to what is no number in 16 digits */
            strcpy(want, "# HELP x X.\n# TYPE x gauge\nx 1.7976931348623157e+308\n");
        cr_assert_str_eq(page, want);
    }
}

static const double with_inf[] = {1, INFINITY};
static const double one_bound[] = {1};
static const uint64_t torn[] = {5, 3}, more_than_count[] = {8};

Test(exporter_prometheus, a_histogram_is_always_consistent)
{
    cr_assert_eq(node_exporter_start(&h, "exporter_prometheus", ""), 0);
    SHOW(HISTOGRAM("a", "A.", "", 4, 6, with_inf, torn),
         HISTOGRAM("b", "B.", NULL, 4, 6, one_bound, more_than_count));
    cr_assert_eq(scrape(), 200);
    cr_assert_str_eq(page, "# HELP a A.\n# TYPE a histogram\n"
                           "a_bucket{le=\"1\"} 5\na_bucket{le=\"+Inf\"} 6\na_sum 4\na_count 6\n"
                           "# HELP b B.\n# TYPE b histogram\n"
                           "b_bucket{le=\"1\"} 8\nb_bucket{le=\"+Inf\"} 8\nb_sum 4\nb_count 8\n");
}

Test(exporter_prometheus, an_old_hosts_metric_without_buckets_is_read_no_further)
{
    struct loom_metric old = {.struct_size = offsetof(struct loom_metric, bounds),
                              .kind = LOOM_HISTOGRAM, .name = "a", .help = "A.", .labels = "",
                              .value = 4, .count = 2, .bounds = (void *)8, .buckets = (void *)8,
                              .n_buckets = 99};

    cr_assert_eq(node_exporter_start(&h, "exporter_prometheus", ""), 0);
    SHOW(old);
    cr_assert_eq(scrape(), 200);
    cr_assert_str_eq(page, "# HELP a A.\n# TYPE a histogram\n"
                           "a_bucket{le=\"+Inf\"} 2\na_sum 4\na_count 2\n");
}

Test(exporter_prometheus, what_would_spoil_the_page_is_left_out_and_counted)
{
    struct loom_metric unknown = {.struct_size = sizeof unknown, .kind = 77, .name = "u"};

    cr_assert_eq(node_exporter_start(&h, "exporter_prometheus", ""), 0);
    SHOW(GAUGE("a", "A.", "x=\"1\"", 1), GAUGE("a", "A.", "x=\"1\"", 2), /* a series twice */
         GAUGE("a", "A.", "x=\"2\"", 3), COUNTER("a", "A.", "x=\"3\"", 4), /* another kind */
         GAUGE("b-c", "B.", "", 5), GAUGE("", "B.", "", 5), GAUGE("9b", "B.", "", 5), /* no names */
         unknown, GAUGE("d", "D.", NULL, 6), GAUGE("a", "A.", "x=\"9\"", 7)); /* a name again */
    cr_assert_eq(scrape(), 200);
    cr_assert_str_eq(page, "# HELP a A.\n# TYPE a gauge\na{x=\"1\"} 1\na{x=\"2\"} 3\n"
                           "# HELP d D.\n# TYPE d gauge\nd 6\n");
    cr_assert_eq(node_counter(&h, "refused"), 7);
    cr_assert_eq(scrape(), 200, "the next page starts afresh");
    cr_assert(strstr(page, "a{x=\"1\"} 1\n"));
}

Test(exporter_prometheus, a_page_longer_than_any_buffer_is_whole)
{
    static struct loom_metric many[3000];
    static const struct loom_metric *list[3000];
    static char labels[3000][32], long_help[10000];
    size_t lines = 0;

    memset(long_help, 'h', sizeof long_help - 1);
    for (size_t i = 0; i < 3000; i++) {
        snprintf(labels[i], sizeof labels[i], "n=\"%zu\"", i);
        many[i] = (struct loom_metric){.struct_size = sizeof many[0], .kind = LOOM_COUNTER,
                                       .name = "many_total", .help = long_help,
                                       .labels = labels[i], .value = (double)i};
        list[i] = &many[i];
    }
    cr_assert_eq(node_exporter_start(&h, "exporter_prometheus", ""), 0);
    h.metrics = list;
    h.n_metrics = 3000;
    cr_assert_eq(scrape(), 200);
    for (const char *at = page; (at = strchr(at, '\n')) != NULL; at++) lines++;
    cr_assert_eq(lines, 3002);
    cr_assert(strstr(page, "\nmany_total{n=\"2999\"} 2999\n"));
    cr_assert(strstr(page, "\nmany_total{n=\"1234\"} 1234\n"));
}

Test(exporter_prometheus, it_serves_where_the_options_say)
{
    cr_assert_eq(node_exporter_start(&h, "exporter_prometheus", ""), 0);
    cr_assert_eq(h.n_served, 1);
    cr_assert_eq(h.served[0].port, 9090);
    cr_assert_str_eq(h.served[0].bind, "localhost");
    cr_assert_str_eq(h.served[0].path, "/metrics");
    cr_assert_str_eq(h.served[0].content_type, "text/plain; version=0.0.4; charset=utf-8");
    node_stop(&h);
    cr_assert_eq(node_exporter_start(&h, "exporter_prometheus",
                                     "port = 9999\nbind = 10.0.0.1, ::1\npath = /m"), 0);
    cr_assert_eq(h.served[0].port, 9999);
    cr_assert_str_eq(h.served[0].bind, "10.0.0.1, ::1");
    cr_assert_str_eq(h.served[0].path, "/m");
    node_stop(&h);
    cr_assert_eq(node_exporter_start(&h, "exporter_prometheus", "port = 0"), 0);
    cr_assert_eq(h.n_served, 0);
}

Test(exporter_prometheus, what_cannot_be_served_is_a_sentence)
{
    cr_assert_eq(node_exporter_start(&h, "exporter_prometheus", "path = metrics"), LOOM_E_CONFIG);
    cr_assert(strstr(h.failure, "a path starts with '/'"), "%s", h.failure);
    h.serve_rc = LOOM_E_IO;
    cr_assert_eq(node_exporter_start(&h, "exporter_prometheus", ""), LOOM_E_IO);
    cr_assert_str_eq(h.failure, "cannot listen on port 9090");
    h.no_http = true;
    cr_assert_eq(node_exporter_start(&h, "exporter_prometheus", ""), LOOM_E_UNSUPPORTED);
    cr_assert(strstr(h.failure, "loom.draft.http/1"), "%s", h.failure);
}

Test(exporter_prometheus, a_host_without_a_sample_is_503)
{
    cr_assert_eq(node_exporter_start(&h, "exporter_prometheus", ""), 0);
    cr_assert_eq(scrape(), 503);
    cr_assert_str_eq(page, "no metrics now: out of memory\n");
}

Test(exporter_prometheus, the_kth_failure_is_a_503_or_a_whole_page)
{
    uint64_t k;
    uint32_t n_broken = 0;

    SHOW(COUNTER("a_total", "A.", "", 1), GAUGE("b", "B.", "", 2));
    for (k = 1;; k++) {
        h.n_asked = 0;
        h.fail_at = k;
        int rc = node_exporter_start(&h, "exporter_prometheus", "");
        if (rc != 0) {
            cr_assert_eq(rc, LOOM_E_NOMEM);
            n_broken++;
            continue;
        }
        if (scrape() != 200) n_broken++;
        else
            cr_assert_str_eq(page, "# HELP a_total A.\n# TYPE a_total counter\na_total 1\n"
                                   "# HELP b B.\n# TYPE b gauge\nb 2\n");
        node_stop(&h);
        if (k > h.n_asked) break;
    }
    cr_assert_geq(k, 5); /* 2 counters, serve, the table, one write */
    cr_assert_eq(n_broken, 2, "serve and the write; %u", n_broken);
}

/* --- promtool -------------------------------------------------------------------------------- */

/* scripts/get-promtool finds it, or unpacks it; there is no way around this test. */
static const char *promtool(void)
{
    static char path[4096];
    char command[4200];
    const char *source = getenv("LOOM_SOURCE_DIR");
    FILE *script;
    size_t n;

    snprintf(command, sizeof command, "'%s/scripts/get-promtool'", source ? source : ".");
    script = popen(command, "r");
    cr_assert_not_null(script);
    n = fread(path, 1, sizeof path - 1, script);
    path[n] = '\0';
    while (n > 0 && path[n - 1] == '\n') path[--n] = '\0';
    cr_assert_eq(pclose(script), 0, "no promtool: scripts/get-promtool failed, see above");
    return strrchr(path, '\n') ? strrchr(path, '\n') + 1 : path;
}

static int ask_promtool(const char *tool, const char *text)
{
    char command[4200];
    FILE *pipe;

    snprintf(command, sizeof command, "'%s' check metrics 1>&2", tool);
    pipe = popen(command, "w");
    cr_assert_not_null(pipe);
    fputs(text, pipe);
    return pclose(pipe);
}

Test(exporter_prometheus, promtool_finds_nothing_to_complain_about)
{
    const char *tool = promtool();

    cr_assert_eq(node_exporter_start(&h, "exporter_prometheus", ""), 0);
    SHOW(COUNTER("loomcache_cache_hits_total", "Reads that found \\ their\nkey.", "", 12),
         COUNTER("loomcache_commands_total", "Commands run, by name.",
                 "command=\"get\",note=\"a\\\\b\\\"c\\nd\"", 7),
         COUNTER("loomcache_commands_total", "Commands run, by name.", "command=\"set\"", 8e20),
         GAUGE("loomcache_memory_bytes", "Bytes in use.", "", 1.5e9),
         GAUGE("loomcache_load", "Odd values.", "kind=\"nan\"", NAN),
         GAUGE("loomcache_load", "Odd values.", "kind=\"inf\"", -INFINITY),
         HISTOGRAM("loomcache_command_seconds", "Time to serve.", "command=\"get\"", 1.5, 9,
                   seconds, counts),
         HISTOGRAM("loomcache_turn_seconds", "Time of a turn.", "", 0.25, 9, with_inf, torn));
    cr_assert_eq(scrape(), 200);
    cr_assert_eq(ask_promtool(tool, page), 0, "%s", page);
    cr_assert_neq(ask_promtool(tool, "# TYPE a counter\na 1\na 1\n"), 0,
                  "a promtool that accepts anything proves nothing");
}
