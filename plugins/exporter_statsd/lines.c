/* lines.c - see lines.h. */
#include "lines.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Parts of a histogram that are remembered, next to its buckets. */
enum { PART_VALUE = 0, PART_COUNT, PART_SUM, PART_BUCKETS };

struct text {
    char at[LINE_MAX_BYTES];
    size_t n;
    bool cut;
};

static void put_bytes(struct text *text, const char *at, size_t bytes)
{
    if (text->cut || bytes > sizeof text->at - text->n) {
        text->cut = true;
        return;
    }
    memcpy(text->at + text->n, at, bytes);
    text->n += bytes;
}

static void put(struct text *text, const char *string)
{
    put_bytes(text, string, strlen(string));
}

/* A label's value between its quotes, with what the protocol would misread made '_'.  Returns what
 * follows the closing quote. */
static const char *put_value(struct text *text, const char *at, bool dogstatsd)
{
    for (; *at != '\0' && *at != '"'; at++) {
        char c = *at;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '_' || c == '-';
        if (c == '\\' && at[1] != '\0') at++; /* an escaped character is none of the plain ones */
        else if (plain || (dogstatsd && (c == '.' || c == '/' || c == ':'))) {
            put_bytes(text, &c, 1);
            continue;
        }
        put(text, "_");
    }
    return *at == '"' ? at + 1 : at;
}

/* labels: key="value",key="value" */
static void put_labels(struct text *text, const char *labels, bool dogstatsd)
{
    const char *between = dogstatsd ? "|#" : ".";

    while (labels != NULL && *labels != '\0') {
        size_t key = strcspn(labels, "=");
        if (labels[key] == '\0' || labels[key + 1] != '"') return;
        put(text, between);
        if (dogstatsd) {
            put_bytes(text, labels, key);
            put(text, ":");
            between = ",";
        }
        labels = put_value(text, labels + key + 2, dogstatsd);
        labels += *labels == ',';
    }
}

static void put_line(struct lines *lines, struct text *text, const struct loom_metric *m,
                     const char *suffix, double value, const char *type)
{
    static const char ours[] = "loomcache_";
    bool strip = strncmp(m->name, ours, sizeof ours - 1) == 0;
    char number[SERIES_NUMBER_MAX];

    put(text, lines->prefix);
    put(text, strip ? m->name + sizeof ours - 1 : m->name);
    if (!lines->dogstatsd) put_labels(text, m->labels, false);
    put(text, suffix);
    put(text, ":");
    put(text, series_number(value, number));
    put(text, type);
    if (lines->dogstatsd) put_labels(text, m->labels, true);
}

static void emit(struct lines *lines, struct text *text)
{
    if (text->cut) lines->n_cut++;
    else lines->emit(lines->arg, text->at, text->n);
}

static void write_one(struct lines *lines, const struct loom_metric *m, const char *suffix,
                      double value, const char *type)
{
    struct text text = {.n = 0};

    if (!isfinite(value)) return;
    if (value < 0 && !lines->dogstatsd) {
        put_line(lines, &text, m, suffix, 0, type);
        put(&text, "\n");
    }
    put_line(lines, &text, m, suffix, value, type);
    emit(lines, &text);
}

/* What was added since the last sample.  A value that fell has begun again at 0; one that is new
 * has begun since then.  A series that stands there twice adds nothing the second time. */
static double delta(struct lines *lines, const struct loom_metric *m, uint64_t part, double value)
{
    uint64_t key = series_key(m->name, m->labels, part);
    const struct series_slot *last = series_find(&lines->last, key);

    if (!isfinite(value) || !series_add(&lines->now, key, value)) return 0;
    return last != NULL && last->value <= value ? value - last->value : value;
}

/* --- histograms ------------------------------------------------------------------------------ */

#define QUANTILES 2
static const struct {
    double q;
    const char *suffix;
} quantiles[QUANTILES] = {{0.5, ".p50"}, {0.99, ".p99"}};

/* Where between the bounds of bucket i does the rank lie? */
static double between(const struct loom_metric *m, size_t i, double rank, double below,
                      double up_to)
{
    double low = i > 0 ? m->bounds[i - 1] : m->bounds[0] < 0 ? m->bounds[0] : 0;

    if (isinf(m->bounds[i])) return low;
    return low + (m->bounds[i] - low) * (rank - below) / (up_to - below);
}

static void write_histogram(struct lines *lines, const struct loom_metric *m)
{
    double added = delta(lines, m, PART_COUNT, (double)m->count);
    double sum = delta(lines, m, PART_SUM, m->value);
    double up_to = 0, below, at[QUANTILES] = {NAN, NAN};
    size_t n = series_n_buckets(m);

    for (size_t i = 0; i < n; i++) {
        below = up_to;
        up_to = fmax(up_to, delta(lines, m, PART_BUCKETS + i, (double)m->buckets[i]));
        for (size_t q = 0; q < QUANTILES; q++)
            if (isnan(at[q]) && up_to > below && up_to >= quantiles[q].q * added)
                at[q] = between(m, i, quantiles[q].q * added, below, up_to);
    }
    if (added <= 0) return;
    write_one(lines, m, ".count", added, "|c");
    write_one(lines, m, ".sum", sum, "|c");
    for (size_t q = 0; q < QUANTILES && n > 0; q++) /* beyond the last bound: that bound */
        write_one(lines, m, quantiles[q].suffix, isnan(at[q]) ? m->bounds[n - 1] : at[q], "|g");
}

/* --- samples --------------------------------------------------------------------------------- */

int lines_begin(struct lines *lines, const struct loom_host *host,
                const struct loom_metric *const *all, size_t n)
{
    size_t parts = 0;

    for (size_t i = 0; i < n; i++)
        parts += all[i]->kind == LOOM_HISTOGRAM ? PART_BUCKETS + series_n_buckets(all[i]) : 1;
    return series_reset(&lines->now, host, parts);
}

void lines_write(struct lines *lines, const struct loom_metric *m)
{
    double added;

    switch (m->kind) {
    case LOOM_COUNTER:
        added = delta(lines, m, PART_VALUE, m->value);
        if (added > 0) write_one(lines, m, "", added, "|c");
        break;
    case LOOM_GAUGE:
        write_one(lines, m, "", m->value, "|g");
        break;
    case LOOM_HISTOGRAM:
        write_histogram(lines, m);
        break;
    default: /* of a host newer than this plugin */
        break;
    }
}

void lines_end(struct lines *lines)
{
    struct series older = lines->last;

    lines->last = lines->now;
    lines->now = older;
}

void lines_free(struct lines *lines, const struct loom_host *host)
{
    series_free(&lines->last, host);
    series_free(&lines->now, host);
}
