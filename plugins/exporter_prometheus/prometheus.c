/* prometheus.c - the metrics as a page, in Prometheus' text format 0.0.4, for whoever scrapes it.
 *
 *   # HELP name sentence
 *   # TYPE name counter|gauge|histogram
 *   name{labels} value
 *
 * A page is rejected whole for one bad line, so what would spoil it is left out and counted: a
 * name that is none, a kind that is unknown, a series or a name that was there before.
 * Listener, parser and their limits are the host's; nothing is kept between two pages but the
 * table that finds duplicates.  Thread: [control].  Cost: O(series) per scrape, one sample.
 */
#include <loomcache/exporter.h>

#include <string.h>

#include "../common/series.h"

#define CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct prometheus {
    /* options */
    uint32_t port;
    const char *bind, *path;

    const struct loom_host *host;
    const struct loom_metric *const *(*sample)(void *from, size_t *ret_n);
    void *from;
    uint64_t *n_scrapes, *n_refused;
    struct series seen; /* names and series of the page being written */
};

/* --- a page ---------------------------------------------------------------------------------- */

struct page {
    const struct loom_sink *out;
    int rc; /* LOOM_E_NOMEM once and for all */
    size_t n;
    char buffer[4096];
};

static void flush(struct page *page)
{
    if (page->rc == 0 && page->n != 0)
        page->rc = page->out->write(page->out->to, page->buffer, page->n);
    page->n = 0;
}

static void put_bytes(struct page *page, const char *at, size_t bytes)
{
    while (bytes != 0) {
        size_t fits = sizeof page->buffer - page->n;
        if (fits > bytes) fits = bytes;
        memcpy(page->buffer + page->n, at, fits);
        page->n += fits;
        at += fits;
        bytes -= fits;
        if (page->n == sizeof page->buffer) flush(page);
    }
}

static void put(struct page *page, const char *text) { put_bytes(page, text, strlen(text)); }

static void put_help(struct page *page, const char *help)
{
    for (size_t plain; *help != '\0'; help += plain + 1) {
        plain = strcspn(help, "\\\n");
        put_bytes(page, help, plain);
        if (help[plain] == '\0') return;
        put(page, help[plain] == '\n' ? "\\n" : "\\\\");
    }
}

/* One sample; le is NULL but for buckets. */
static void put_line(struct page *page, const struct loom_metric *m, const char *suffix,
                     const char *le, double value)
{
    bool labels = m->labels != NULL && m->labels[0] != '\0';
    char number[SERIES_NUMBER_MAX];

    put(page, m->name);
    put(page, suffix);
    if (labels || le != NULL) put(page, "{");
    if (labels) put(page, m->labels);
    if (le != NULL) {
        put(page, labels ? ",le=\"" : "le=\"");
        put(page, le);
        put(page, "\"");
    }
    put(page, labels || le != NULL ? "} " : " ");
    put(page, series_number(value, number));
    put(page, "\n");
}

/* Counted while others count: a bucket is never less than the one before, nor the whole. */
static void put_histogram(struct page *page, const struct loom_metric *m)
{
    size_t n = series_n_buckets(m);
    uint64_t up_to = 0;
    char bound[SERIES_NUMBER_MAX];

    for (size_t i = 0; i < n; i++) {
        if (m->buckets[i] > up_to) up_to = m->buckets[i];
        series_number(m->bounds[i], bound);
        if (strcmp(bound, "+Inf") != 0) put_line(page, m, "_bucket", bound, (double)up_to);
    }
    if (m->count > up_to) up_to = m->count;
    put_line(page, m, "_bucket", "+Inf", (double)up_to);
    put_line(page, m, "_sum", NULL, m->value);
    put_line(page, m, "_count", NULL, (double)up_to);
}

/* --- the sample ------------------------------------------------------------------------------ */

static const char *type_of(const struct loom_metric *m)
{
    switch (m->kind) {
    case LOOM_COUNTER: return "counter";
    case LOOM_GAUGE: return "gauge";
    case LOOM_HISTOGRAM: return "histogram";
    default: return NULL;
    }
}

static bool is_name(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:");

    return n != 0 && text[n] == '\0' && !(text[0] >= '0' && text[0] <= '9');
}

/* The metrics of one name, which stand next to each other. */
static void put_group(struct prometheus *prometheus, struct page *page,
                      const struct loom_metric *const *group, size_t n)
{
    const struct loom_metric *first = group[0];
    const char *type = type_of(first);
    bool check = prometheus->seen.room != 0;

    if (type == NULL || !is_name(first->name) ||
        (check && !series_add(&prometheus->seen, series_key(first->name, NULL, 0), 0))) {
        loom_count(prometheus->n_refused, n);
        return;
    }
    put(page, "# HELP ");
    put(page, first->name);
    put(page, " ");
    put_help(page, first->help != NULL ? first->help : "");
    put(page, "\n# TYPE ");
    put(page, first->name);
    put(page, " ");
    put(page, type);
    put(page, "\n");
    for (size_t i = 0; i < n; i++) {
        const struct loom_metric *m = group[i];
        const char *labels = m->labels != NULL ? m->labels : "";
        if (m->kind != first->kind ||
            (check && !series_add(&prometheus->seen, series_key(m->name, labels, 0), 0)))
            loom_count(prometheus->n_refused, 1);
        else if (m->kind == LOOM_HISTOGRAM) put_histogram(page, m);
        else put_line(page, m, "", NULL, m->value);
    }
}

static int body(void *arg, const struct loom_sink *out)
{
    struct prometheus *prometheus = arg;
    struct page page = {.out = out};
    size_t n = 0, end;
    const struct loom_metric *const *all = prometheus->sample(prometheus->from, &n);

    loom_count(prometheus->n_scrapes, 1);
    if (all == NULL) {
        put(&page, "no metrics now: out of memory\n");
        flush(&page);
        return 503;
    }
    /* Without memory for it the page is as good as the sample. */
    (void)series_reset(&prometheus->seen, prometheus->host, 2 * n);
    for (size_t i = 0; i < n; i = end) {
        for (end = i + 1; end < n && strcmp(all[end]->name, all[i]->name) == 0;) end++;
        put_group(prometheus, &page, all + i, end - i);
    }
    flush(&page);
    return page.rc == 0 ? 200 : 503;
}

/* --- the plugin ------------------------------------------------------------------------------ */

static int init(void *self, const struct loom_host *host, const struct loom_metrics_source *source)
{
    struct prometheus *prometheus = self;
    const struct loom_http *http;

    prometheus->host = host;
    prometheus->sample = source->sample;
    prometheus->from = source->from;
    prometheus->n_scrapes = host->counter(host, "scrapes", "Pages asked for.");
    prometheus->n_refused = host->counter(
        host, "refused", "Series left out of a page: a bad name or kind, or there already.");
    if (prometheus->path[0] != '/')
        return host->fail(host, LOOM_E_CONFIG,
                          "path = %s: a path starts with '/', such as /metrics", prometheus->path);
    http = host->extension(host, LOOM_EXT_HTTP);
    if (http == NULL)
        return host->fail(host, LOOM_E_UNSUPPORTED, "this host does not offer " LOOM_EXT_HTTP);
    return http->serve(host, prometheus->bind, prometheus->port, prometheus->path, CONTENT_TYPE,
                       body, prometheus);
}

static void fini(void *self)
{
    struct prometheus *prometheus = self;

    series_free(&prometheus->seen, prometheus->host);
}

static const struct loom_option options[] = {
    LOOM_OPTION(U32, "port", struct prometheus, port, "9090", 0, 65535,
                "Port of the metrics page; 0: none."),
    LOOM_OPTION(STR, "bind", struct prometheus, bind, "localhost", 0, 0,
                "Addresses of that port, as in [server] bind."),
    LOOM_OPTION(STR, "path", struct prometheus, path, "/metrics", 0, 0, "Path of the page."),
    LOOM_OPTION_END};

static const struct loom_exporter_ops ops = {.struct_size = sizeof ops,
                                             .instance_size = sizeof(struct prometheus),
                                             .options = options,
                                             .init = init,
                                             .fini = fini};

LOOM_PLUGIN("LoomCache", "1.0.0", "Apache-2.0",
            LOOM_OFFER_EXPORTER("prometheus", "a metrics page for Prometheus to scrape", &ops))
