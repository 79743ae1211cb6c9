/* loomcache/exporter.h - turn one consistent sample of the metrics into somebody's format.
 *
 * One instance per node, on the control thread.  A pull exporter serves a port with loom_http and
 * renders when asked; a push exporter sets a timer with loom_loop and sends.  Both ask for a sample
 * when they need one: the host gathers it then, and only then.
 */
#ifndef LOOMCACHE_EXPORTER_H
#define LOOMCACHE_EXPORTER_H

#include <loomcache/http.h>
#include <loomcache/loop.h>

#define LOOM_KIND_EXPORTER "loom.draft.exporter/1"

enum loom_metric_kind { LOOM_COUNTER = 1, LOOM_GAUGE, LOOM_HISTOGRAM };

/* One series.  Series of one name stand next to each other, and share help, unit and kind. */
struct loom_metric {
    uint32_t struct_size;
    uint32_t kind;      /* enum loom_metric_kind */
    const char *name;   /* loomcache_commands_total: [a-z0-9_]+, counters end in _total */
    const char *help;   /* one sentence */
    const char *labels; /* rendered: policy="sieve",partition="3"; "" when there are none */
    double value;       /* counter, gauge; a histogram's sum */
    uint64_t count;     /* histogram: observations */
    const double *bounds;    /* histogram: n_buckets upper bounds, ascending */
    const uint64_t *buckets; /* histogram: observations up to each bound, cumulative */
    size_t n_buckets;
};

/* The metrics as they are now.  Borrowed: good until sample() is called again or fini(). */
struct loom_metrics_source {
    uint32_t struct_size;
    const struct loom_metric *const *(*sample)(void *from, size_t *ret_n); /* [control] */
    void *from;
};

struct loom_exporter_ops {
    uint32_t struct_size;
    uint32_t instance_size;
    const struct loom_option *options;
    int (*init)(void *self, const struct loom_host *host, const struct loom_metrics_source *source);
    void (*fini)(void *self);
};
#define LOOM_OFFER_EXPORTER(name, about, ops)                                                      \
    {                                                                                              \
        LOOM_KIND_EXPORTER, name, about, ops                                                       \
    }

#endif
