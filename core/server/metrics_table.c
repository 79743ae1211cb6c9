/* metrics_table.c - see metrics_table.h. */
#include "core/server/metrics_table.h"

#include "core/server/metrics.h"

const struct metrics_row metrics_table[METRICS_IDS] = {
#define X(id, kind_, name_, labels_, help_)                                                        \
    [METRICS_##id] = {.kind = LOOM_##kind_, .name = name_, .labels = labels_, .help = help_},
    METRICS_MAP(X)
#undef X
};

#define KIND_COUNTER "counter"
#define KIND_GAUGE "gauge"
#define KIND_HISTOGRAM "histogram"

const struct describe_metric *metrics_describe(size_t *ret_n)
{
    static const struct describe_metric all[METRICS_IDS] = {
#define X(id, kind_, name_, labels_, help_)                                                        \
    [METRICS_##id] = {.name = name_, .kind = KIND_##kind_, .help = help_, .labels = labels_},
        METRICS_MAP(X)
#undef X
    };

    *ret_n = METRICS_IDS;
    return all;
}
