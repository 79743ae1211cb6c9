/* metrics_plugins.c - see metrics_plugins.h. */
#include "core/server/metrics_plugins.h"

#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/metric.h"

static struct metrics_plugin *row_of(struct metrics_plugins *all, const struct plugin *plugin)
{
    struct metrics_plugin *row;

    for (uint32_t i = 0; i < all->n; i++)
        if (all->at[i]->plugin == plugin) return all->at[i];
    if (all->n == METRICS_PLUGINS_MAX) return NULL;
    row = mem_zalloc(MEM_METRIC, sizeof *row);
    if (row == NULL) return NULL;
    row->plugin = plugin;
    snprintf(row->memory_labels, sizeof row->memory_labels, "kind=\"%s\",plugin=\"%.64s\"",
             plugin_kind_name(plugin->kind), plugin->name);
    snprintf(row->counter_labels, sizeof row->counter_labels, "kind=\"%s\"",
             plugin_kind_name(plugin->kind));
    all->at[all->n++] = row;
    return row;
}

static struct metrics_counter *counter_of(struct metrics_plugins *all, struct metrics_plugin *row,
                                          const struct plugin_counter *from)
{
    struct metrics_counter *counter;

    for (uint32_t i = 0; i < row->n_counters; i++)
        if (strcmp(row->counters[i]->counter, from->name) == 0) return row->counters[i];
    if (row->n_counters == PLUGIN_COUNTERS_MAX) return NULL;
    counter = mem_zalloc(MEM_METRIC, sizeof *counter);
    if (counter == NULL) return NULL;
    snprintf(counter->name, sizeof counter->name, "loomcache_plugin_%.64s_%s_total",
             row->plugin->name, from->name);
    snprintf(counter->counter, sizeof counter->counter, "%s", from->name);
    snprintf(counter->help, sizeof counter->help, "%s", from->help);
    row->counters[row->n_counters++] = counter;
    all->n_counters++;
    return counter;
}

static void add(void *arg, const struct plugin_instance *instance)
{
    struct metrics_plugins *all = arg;
    struct metrics_plugin *row = row_of(all, instance->plugin);
    uint32_t n = plugin_instance_counters(instance);

    if (row == NULL || instance->env.quiet) return;
    row->n_instances++;
    row->memory_bytes += METRIC_READ(instance->used_bytes);
    for (uint32_t i = 0; i < n; i++) {
        struct metrics_counter *counter = counter_of(all, row, instance->counters[i]);
        if (counter != NULL) counter->value += METRIC_READ(instance->counters[i]->value);
    }
}

void metrics_plugins_gather(struct metrics_plugins *all, struct registry *registry)
{
    for (uint32_t i = 0; i < all->n; i++) {
        struct metrics_plugin *row = all->at[i];
        row->n_instances = 0;
        row->memory_bytes = 0;
        for (uint32_t k = 0; k < row->n_counters; k++) row->counters[k]->value = 0;
    }
    plugin_instances_each(registry, add, all);
}

void metrics_plugins_free(struct metrics_plugins *all)
{
    for (uint32_t i = 0; i < all->n; i++) {
        for (uint32_t k = 0; k < all->at[i]->n_counters; k++)
            mem_free(MEM_METRIC, all->at[i]->counters[k]);
        mem_free(MEM_METRIC, all->at[i]);
    }
    *all = (struct metrics_plugins){.n = 0};
}
