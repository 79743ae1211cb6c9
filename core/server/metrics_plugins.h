/* metrics_plugins.h - memory and counters of plugins, summed over their instances.
 *
 * The rows are kept from sample to sample: an instance may go while its figures are being sent, and
 * nothing is allocated once every plugin and counter has been seen.  Private to metrics.c.
 * Thread: [control].
 */
#ifndef CORE_SERVER_METRICS_PLUGINS_H
#define CORE_SERVER_METRICS_PLUGINS_H

#include "core/plugin/host.h"

#define METRICS_PLUGINS_MAX 64

struct metrics_counter {
    char name[160];   /* loomcache_plugin_sieve_ghost_hits_total */
    char counter[PLUGIN_COUNTER_NAME_MAX];
    char help[256];
    uint64_t value;
};

struct metrics_plugin {
    const struct plugin *plugin;
    uint32_t n_instances; /* 0: none is left, the row stays out */
    int64_t memory_bytes;
    char memory_labels[128], counter_labels[48];
    struct metrics_counter *counters[PLUGIN_COUNTERS_MAX];
    uint32_t n_counters;
};

struct metrics_plugins {
    struct metrics_plugin *at[METRICS_PLUGINS_MAX];
    uint32_t n;
    uint32_t n_counters; /* of all rows */
};

/* metrics_plugins_gather - what does not fit, or finds no memory, is left out. */
void metrics_plugins_gather(struct metrics_plugins *all, struct registry *registry);
void metrics_plugins_free(struct metrics_plugins *all);

#endif
