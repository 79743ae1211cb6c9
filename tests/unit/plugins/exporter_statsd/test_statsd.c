/* test_statsd.c - what arrives at a real UDP socket, line by line. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/kit/node_host.h"

#define DEADLINE_MS 10000

static struct node_host h;
static int v4, v6; /* v6: -1 on a machine without */
static uint16_t port;
static char got[1 << 20]; /* everything that has arrived, a newline behind each datagram */
static size_t n_got, n_datagrams, longest;

static void arrived(void *arg, int fd, bool readable, bool writable)
{
    ssize_t n = recv(fd, got + n_got, sizeof got - n_got - 2, MSG_DONTWAIT);

    (void)arg;
    (void)readable;
    (void)writable;
    if (n < 0) return;
    n_datagrams++;
    if ((size_t)n > longest) longest = (size_t)n;
    n_got += (size_t)n;
    got[n_got++] = '\n';
    got[n_got] = '\0';
}

static int bound(int family, const void *address, socklen_t bytes)
{
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1;

    if (fd < 0) return -1;
    if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (bind(fd, address, bytes) == 0) return fd;
    close(fd);
    return -1;
}

static void set_up(void)
{
    struct sockaddr_in at4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 at6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    socklen_t bytes = sizeof at4;

    node_host_init(&h);
    n_got = n_datagrams = longest = 0;
    got[0] = '\0';
    v4 = bound(AF_INET, &at4, sizeof at4);
    cr_assert_geq(v4, 0);
    cr_assert_eq(getsockname(v4, (struct sockaddr *)&at4, &bytes), 0);
    port = ntohs(at4.sin_port);
    at6.sin6_port = at4.sin_port;
    v6 = bound(AF_INET6, &at6, sizeof at6);
    node_host_watch(&h, v4, arrived, NULL);
    if (v6 >= 0) node_host_watch(&h, v6, arrived, NULL);
}

static void tear_down(void)
{
    node_host_fini(&h);
    close(v4);
    if (v6 >= 0) close(v6);
}

TestSuite(exporter_statsd, .init = set_up, .fini = tear_down, .timeout = 120);

static int start(const char *more)
{
    char settings[1024];

    snprintf(settings, sizeof settings, "port = %u\n%s", port, more);
    return node_exporter_start(&h, "exporter_statsd", settings);
}

/* --- metrics --------------------------------------------------------------------------------- */

static struct loom_metric metrics[4096];
static const struct loom_metric *list[4096];

static struct loom_metric *add(enum loom_metric_kind kind, const char *name, const char *labels,
                               double value)
{
    struct loom_metric *m = &metrics[h.n_metrics];

    *m = (struct loom_metric){.struct_size = sizeof *m, .kind = kind, .name = name,
                              .help = "Help.", .labels = labels, .value = value};
    list[h.n_metrics++] = m;
    h.metrics = list;
    return m;
}

static bool has_come(void *arg)
{
    return n_datagrams >= *(const size_t *)arg;
}

/* One interval: what arrives in so many datagrams. */
static const char *after_interval(size_t n)
{
    n_got = n_datagrams = 0;
    got[0] = '\0';
    node_host_advance(&h, node_host_next_ms(&h));
    node_host_turn(&h, 0);
    cr_assert(node_host_until(&h, DEADLINE_MS, has_come, &n), "%zu of %zu datagrams", n_datagrams,
              n);
    for (int i = 0; i < 3; i++) node_host_turn(&h, 0);
    cr_assert_eq(n_datagrams, n);
    return got;
}

Test(exporter_statsd, counters_are_what_was_added_and_gauges_what_stands)
{
    struct loom_metric *hits = add(LOOM_COUNTER, "loomcache_cache_hits_total", "", 5);
    struct loom_metric *misses = add(LOOM_COUNTER, "other_total", NULL, 0);
    struct loom_metric *bytes = add(LOOM_GAUGE, "loomcache_memory_bytes", "", 1.5e9);

    cr_assert_eq(start(""), 0, "%s", h.failure);
    cr_assert_str_eq(after_interval(1),
                     "loomcache.cache_hits_total:5|c\nloomcache.memory_bytes:1500000000|g\n");
    hits->value = 12;
    misses->value = 0.5;
    bytes->value = 0;
    cr_assert_str_eq(after_interval(1),
                     "loomcache.cache_hits_total:7|c\nloomcache.other_total:0.5|c\n"
                     "loomcache.memory_bytes:0|g\n");
    hits->value = 4; /* begun again */
    cr_assert_str_eq(after_interval(1),
                     "loomcache.cache_hits_total:4|c\nloomcache.memory_bytes:0|g\n");
    add(LOOM_COUNTER, "new_total", "", 3); /* begun since */
    cr_assert_str_eq(after_interval(1), "loomcache.memory_bytes:0|g\nloomcache.new_total:3|c\n");
    cr_assert_str_eq(after_interval(1), "loomcache.memory_bytes:0|g\n");
    cr_assert_eq(node_counter(&h, "datagrams_sent"), 5);
    cr_assert_eq(node_counter(&h, "datagrams_dropped"), 0);
}

Test(exporter_statsd, a_gauge_below_zero_is_set_and_not_subtracted)
{
    add(LOOM_GAUGE, "drift", "", -2.5);
    cr_assert_eq(start(""), 0);
    cr_assert_str_eq(after_interval(1), "loomcache.drift:0|g\nloomcache.drift:-2.5|g\n");
    node_stop(&h);
    cr_assert_eq(start("tags = dogstatsd"), 0);
    cr_assert_str_eq(after_interval(1), "loomcache.drift:-2.5|g\n");
}

Test(exporter_statsd, what_is_no_number_is_left_out)
{
    add(LOOM_GAUGE, "a", "", NAN);
    add(LOOM_GAUGE, "b", "", INFINITY);
    add(LOOM_COUNTER, "c", "", NAN);
    add(LOOM_COUNTER, "d", "", -1);
    add(77, "e", "", 1);
    add(LOOM_GAUGE, "f", "", 6);
    cr_assert_eq(start(""), 0);
    cr_assert_str_eq(after_interval(1), "loomcache.f:6|g\n");
}

static const struct {
    const char *labels, *none, *dogstatsd;
} labels[] = {
    {"policy=\"sieve\"", "loomcache.x.sieve:1|g\n", "loomcache.x:1|g|#policy:sieve\n"},
    {"a=\"1\",b=\"two-2_x\"", "loomcache.x.1.two-2_x:1|g\n", "loomcache.x:1|g|#a:1,b:two-2_x\n"},
    {"a=\"x.y/z:w\"", "loomcache.x.x_y_z_w:1|g\n", "loomcache.x:1|g|#a:x.y/z:w\n"},
    {"a=\"p|q,r#s@t\"", "loomcache.x.p_q_r_s_t:1|g\n", "loomcache.x:1|g|#a:p_q_r_s_t\n"},
    {"a=\"q\\\"r\\\\s\\nt\",b=\"=\\\"\"", "loomcache.x.q_r_s_t.__:1|g\n",
     "loomcache.x:1|g|#a:q_r_s_t,b:__\n"},
    {"a=\"\"", "loomcache.x.:1|g\n", "loomcache.x:1|g|#a:\n"},
    {"", "loomcache.x:1|g\n", "loomcache.x:1|g\n"},
    {"broken", "loomcache.x:1|g\n", "loomcache.x:1|g\n"},
    {"a=\"open", "loomcache.x.open:1|g\n", "loomcache.x:1|g|#a:open\n"},
    {"a=\"b\\", "loomcache.x.b_:1|g\n", "loomcache.x:1|g|#a:b_\n"},
};

Test(exporter_statsd, labels_are_tags_or_parts_of_the_name)
{
    struct loom_metric *x = add(LOOM_GAUGE, "loomcache_x", "", 1);

    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        x->labels = labels[i].labels;
        cr_assert_eq(start("tags = none"), 0);
        cr_assert_str_eq(after_interval(1), labels[i].none);
        node_stop(&h);
        cr_assert_eq(start("tags = dogstatsd"), 0);
        cr_assert_str_eq(after_interval(1), labels[i].dogstatsd);
        node_stop(&h);
    }
}

Test(exporter_statsd, series_of_one_name_are_told_apart)
{
    struct loom_metric *get = add(LOOM_COUNTER, "n_total", "c=\"get\"", 10);
    struct loom_metric *set = add(LOOM_COUNTER, "n_total", "c=\"set\"", 20);

    add(LOOM_COUNTER, "n_total", "c=\"set\"", 20); /* there already: not counted twice */
    cr_assert_eq(start("tags = dogstatsd\nprefix = "), 0);
    cr_assert_str_eq(after_interval(1), "n_total:10|c|#c:get\nn_total:20|c|#c:set\n");
    get->value = 11;
    set->value = 22;
    cr_assert_str_eq(after_interval(1), "n_total:1|c|#c:get\nn_total:2|c|#c:set\n");
}

static const double bounds[] = {1, 2, 4, 8};
static const double bounds_inf[] = {1, 2, 4, INFINITY};

Test(exporter_statsd, histograms_are_count_sum_and_quantiles_of_the_interval)
{
    static uint64_t buckets[] = {10, 20, 40, 40};
    struct loom_metric *m = add(LOOM_HISTOGRAM, "loomcache_wait_seconds", "c=\"get\"", 80);

    m->count = 40;
    m->bounds = bounds;
    m->buckets = buckets;
    m->n_buckets = 4;
    cr_assert_eq(start(""), 0);
    cr_assert_str_eq(after_interval(1),
                     "loomcache.wait_seconds.get.count:40|c\nloomcache.wait_seconds.get.sum:80|c\n"
                     "loomcache.wait_seconds.get.p50:2|g\nloomcache.wait_seconds.get.p99:3.96|g\n");
    m->count = 44; /* four more, all between 4 and 8: the old ones do not count again */
    m->value = 104;
    buckets[3] = 44;
    cr_assert_str_eq(after_interval(1),
                     "loomcache.wait_seconds.get.count:4|c\nloomcache.wait_seconds.get.sum:24|c\n"
                     "loomcache.wait_seconds.get.p50:6|g\nloomcache.wait_seconds.get.p99:7.96|g\n");
    add(LOOM_GAUGE, "g", "", 1);
    cr_assert_str_eq(after_interval(1), "loomcache.g:1|g\n", "no observation, no line");
    m->count = 50; /* beyond the last bound */
    m->value = 1000;
    cr_assert_str_eq(after_interval(1),
                     "loomcache.wait_seconds.get.count:6|c\n"
                     "loomcache.wait_seconds.get.sum:896|c\nloomcache.wait_seconds.get.p50:8|g\n"
                     "loomcache.wait_seconds.get.p99:8|g\nloomcache.g:1|g\n");
    m->bounds = bounds_inf;
    m->count = 60;
    m->value = 1010;
    buckets[3] = 54;
    cr_assert_str_eq(after_interval(1),
                     "loomcache.wait_seconds.get.count:10|c\n"
                     "loomcache.wait_seconds.get.sum:10|c\nloomcache.wait_seconds.get.p50:4|g\n"
                     "loomcache.wait_seconds.get.p99:4|g\nloomcache.g:1|g\n");
}

Test(exporter_statsd, a_histogram_without_buckets_has_no_quantiles)
{
    struct loom_metric *m = add(LOOM_HISTOGRAM, "w", "", 3);

    m->count = 2;
    cr_assert_eq(start("tags = dogstatsd"), 0);
    cr_assert_str_eq(after_interval(1), "loomcache.w.count:2|c\nloomcache.w.sum:3|c\n");
}

/* --- datagrams ------------------------------------------------------------------------------- */

static void many(size_t n)
{
    static char names[4096][16];

    for (size_t i = 0; i < n; i++) {
        snprintf(names[i], sizeof names[i], "m%04zu", i);
        add(LOOM_GAUGE, names[i], "", (double)i);
    }
}

Test(exporter_statsd, datagrams_hold_as_many_lines_as_fit)
{
    char line[64];
    size_t lines = 0;

    many(300); /* loomcache.m0123:123|g: 21 bytes at most, and a newline */
    cr_assert_eq(start("mtu = 128"), 0);
    after_interval(57); /* six lines of up to 20 bytes each, or five of 21 */
    cr_assert_leq(longest, 128);
    cr_assert_gt(longest, 128 - 22);
    for (const char *at = got; (at = strchr(at, '\n')) != NULL; at++) lines++;
    cr_assert_eq(lines, 300);
    for (size_t i = 0; i < 300; i++) {
        snprintf(line, sizeof line, "loomcache.m%04zu:%zu|g\n", i, i);
        cr_assert(strstr(got, line), "%s", line);
    }
    cr_assert_eq(node_counter(&h, "datagrams_sent"), 57);
    node_stop(&h);
    cr_assert_eq(start(""), 0);
    after_interval(5);
    cr_assert_leq(longest, 1432);
}

Test(exporter_statsd, a_line_longer_than_a_datagram_is_dropped_and_counted)
{
    static char long_label[3000];

    memset(long_label, 'v', sizeof long_label - 1);
    memcpy(long_label, "k=\"", 3);
    long_label[200] = '\0';
    add(LOOM_GAUGE, "a", long_label, 1);
    add(LOOM_GAUGE, "b", "", 2);
    cr_assert_eq(start("mtu = 128"), 0);
    cr_assert_str_eq(after_interval(1), "loomcache.b:2|g\n");
    cr_assert_eq(node_counter(&h, "lines_dropped"), 1);
    node_stop(&h);
    long_label[200] = 'v';
    cr_assert_eq(start("mtu = 9000"), 0); /* longer than any line may be */
    cr_assert_str_eq(after_interval(1), "loomcache.b:2|g\n");
    cr_assert_eq(node_counter(&h, "lines_dropped"), 1);
}

Test(exporter_statsd, the_newline_between_two_lines_counts)
{
    static char name[64]; /* "loomcache." and ":1|g" around it: 14 bytes */

    memset(name, 'n', 50);
    add(LOOM_GAUGE, name, "", 1);
    add(LOOM_GAUGE, name, "", 1);
    cr_assert_eq(start("mtu = 129"), 0);
    after_interval(1);
    cr_assert_eq(longest, 129);
    node_stop(&h);
    longest = 0;
    cr_assert_eq(start("mtu = 128"), 0);
    after_interval(2);
    cr_assert_eq(longest, 64);
}

Test(exporter_statsd, a_server_that_was_away_misses_only_what_it_missed)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons(port)};

    add(LOOM_GAUGE, "a", "", 1);
    cr_assert_eq(start(""), 0);
    after_interval(1);
    for (size_t i = 0; i < NODE_WATCHES_MAX; i++)
        if (h.watches[i].fd == v4) h.watches[i].id = 0;
    close(v4);
    after_interval(0); /* goes out; that nobody was there is reported to the next one */
    cr_assert_eq(node_counter(&h, "datagrams_dropped"), 0);
    v4 = bound(AF_INET, &at, sizeof at);
    cr_assert_geq(v4, 0);
    node_host_watch(&h, v4, arrived, NULL);
    cr_assert_str_eq(after_interval(1), "loomcache.a:1|g\n");
    cr_assert_eq(node_counter(&h, "datagrams_dropped"), 1);
    cr_assert(node_logged(&h, "are dropped: Connection refused"));
    after_interval(1);
    cr_assert(node_logged(&h, "go out again"));
    after_interval(1);
    cr_assert_eq(h.n_lines, 2, "news is told once");
}

/* --- the target ------------------------------------------------------------------------------ */

Test(exporter_statsd, addresses_and_names_are_targets)
{
    add(LOOM_GAUGE, "a", "", 1);
    cr_assert_eq(start("host = 127.0.0.1"), 0);
    after_interval(1);
    node_stop(&h);
    if (v6 >= 0) {
        cr_assert_eq(start("host = ::1"), 0);
        after_interval(1);
        node_stop(&h);
    }
    cr_assert_eq(start("host = localhost"), 0);
    after_interval(1);
    node_host_advance(&h, 120000); /* it is looked up again, and goes on */
    after_interval(1);
}

Test(exporter_statsd, without_an_address_nothing_is_sampled_and_nothing_is_lost)
{
    add(LOOM_COUNTER, "a_total", "", 5);
    cr_assert_eq(start("host = no-such-name.invalid.\ninterval = 10s"), 0);
    for (int i = 0; i < 5; i++) {
        node_host_advance(&h, 10000); /* past the look-up's deadline, too */
        node_host_turn(&h, 0);
    }
    cr_assert_eq(h.n_samples, 0);
    cr_assert(node_logged(&h, "no address for no-such-name.invalid.: "));
    cr_assert(node_logged(&h, "; nothing is sent"));
    cr_assert_eq(h.n_lines, 1, "once");
}

Test(exporter_statsd, port_0_sends_nothing)
{
    cr_assert_eq(node_exporter_start(&h, "exporter_statsd", "port = 0"), 0);
    cr_assert_eq(node_host_next_ms(&h), UINT64_MAX);
}

static const struct {
    const char *settings, *sentence;
} refused[] = {
    {"host = ", "host = : expected an address"},
    {"host = [::1]", "host = [::1]: expected an address (IPv6 without brackets) or a DNS name"},
    {"host = stats:8125", "host = stats:8125: expected an address"},
    {"tags = influx", "tags = influx: expected none or dogstatsd"},
    {"prefix = a|b", "prefix = a|b: a prefix has no blanks and none of : | @ #"},
};

Test(exporter_statsd, bad_settings_are_refused_with_a_sentence)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        cr_assert_eq(start(refused[i].settings), LOOM_E_CONFIG, "%s", refused[i].settings);
        cr_assert(strstr(h.failure, refused[i].sentence) == h.failure, "%s", h.failure);
    }
    h.no_loop = true;
    cr_assert_eq(start(""), LOOM_E_UNSUPPORTED);
    cr_assert_eq(h.n_counters, 4, "--describe sees the counters although init() failed");
}

Test(exporter_statsd, a_host_without_a_sample_is_a_skipped_interval)
{
    cr_assert_eq(start(""), 0);
    after_interval(0);
    cr_assert_eq(node_counter(&h, "samples_skipped"), 1);
    cr_assert_eq(node_counter(&h, "datagrams_sent"), 0);
}

static double sum_of_a(void)
{
    double sum = 0, added;

    for (const char *at = got; (at = strstr(at, "a_total:")) != NULL; at++)
        if (sscanf(at, "a_total:%lf|c", &added) == 1) sum += added;
    return sum;
}

static bool sum_is_20(void *arg)
{
    (void)arg;
    return sum_of_a() >= 20;
}

Test(exporter_statsd, the_kth_failure_loses_no_delta)
{
    uint64_t k;

    for (k = 1;; k++) {
        h.n_metrics = 0;
        struct loom_metric *a = add(LOOM_COUNTER, "a_total", "", 5);
        h.n_asked = 0;
        h.fail_at = k;
        int rc = start("prefix = ");
        if (rc != 0) {
            cr_assert_eq(rc, LOOM_E_NOMEM);
            cr_assert_str_eq(h.failure, "out of memory");
            continue;
        }
        n_got = 0;
        got[0] = '\0';
        for (int i = 0; i < 4; i++, a->value += 5) {
            node_host_advance(&h, node_host_next_ms(&h));
            node_host_turn(&h, 0);
        }
        cr_assert(node_host_until(&h, DEADLINE_MS, sum_is_20, NULL), "k %zu: %s", (size_t)k, got);
        cr_assert_eq(sum_of_a(), 20, "k %zu: %s", (size_t)k, got);
        node_stop(&h);
        if (k > h.n_asked) break;
    }
    cr_assert_geq(k, 8); /* 4 counters, the datagram, the timer, two tables */
}
