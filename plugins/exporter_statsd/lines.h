/* lines.h - metrics as StatsD lines: what was added since the last sample, and what stands now.
 *
 *   counter     name:DELTA|c                 nothing when the delta is 0
 *   gauge       name:VALUE|g                 below 0 without tags: name:0|g first, since a sign
 *                                            alone means "change by" there
 *   histogram   name.count:DELTA|c  name.sum:DELTA|c  name.p50:Q|g  name.p99:Q|g
 *               quantiles of the observations since the last sample, linear inside a bucket (as
 *               Prometheus' histogram_quantile); nothing when there were none
 *   labels      dogstatsd: |#key:value,key:value      none: .value.value behind the name
 *
 * "loomcache_" at the head of a metric's name gives way to the configured prefix.  What is no
 * number (NaN, infinite) is left out.  Not a socket: lines go to emit(), without a newline.
 */
#ifndef PLUGINS_EXPORTER_STATSD_LINES_H
#define PLUGINS_EXPORTER_STATSD_LINES_H

#include "../common/series.h"

#define LINE_MAX_BYTES 2048 /* lines that would be longer are not sent and counted in n_cut */

struct lines {
    const char *prefix;
    bool dogstatsd;
    struct series last, now; /* values of the sample before, and of this one */
    uint64_t n_cut;
    /* One line, or two that belong together. */
    void (*emit)(void *arg, const char *at, size_t bytes);
    void *arg;
};

/* lines_begin - before the metrics of a sample.  On LOOM_E_NOMEM or LOOM_E_LIMIT the sample is to
 * be left out; deltas then reach back to the one before. */
int lines_begin(struct lines *lines, const struct loom_host *host,
                const struct loom_metric *const *all, size_t n);
/* lines_write - each metric of the sample. */
void lines_write(struct lines *lines, const struct loom_metric *m);
/* lines_end - this sample is the last one from now on. */
void lines_end(struct lines *lines);
void lines_free(struct lines *lines, const struct loom_host *host);

#endif
