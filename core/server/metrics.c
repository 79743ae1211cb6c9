/* metrics.c - see metrics.h.  What there is: metrics_table.h; of plugins: metrics_plugins.h.
 *
 * Labels are written once, when the node starts, and room for every series of the core is taken
 * then; only plugins that start later make it grow.
 */
#include "core/server/metrics.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/server/control.h"
#include "core/server/loop.h"
#include "core/server/metrics_plugins.h"
#include "core/server/metrics_table.h"
#include "core/server/process.h"

#define COMMAND_LABEL_BYTES 64
#define BOUNDS 12

static const uint64_t bounds_ns[BOUNDS] = {
    500, 1000, 2000, 5000, 10000, 25000, 100000, 250000, 1000000, 10000000, 100000000, 1000000000};
static const double bounds_s[BOUNDS] = {5e-7, 1e-6,   2e-6, 5e-6, 1e-5, 2.5e-5,
                                        1e-4, 2.5e-4, 1e-3, 1e-2, 1e-1, 1};

/* One command, summed over the loops. */
struct command_sum {
    uint64_t calls, failed, rejected;
    uint64_t count, sum_ns, buckets[BOUNDS];
    char labels[COMMAND_LABEL_BYTES];
};

struct metrics {
    struct server *server;
    struct loom_metric *series;
    const struct loom_metric **all; /* as the exporters get them */
    size_t n, room;
    struct command_sum *commands; /* by command_index() */
    size_t n_commands;
    struct histogram scratch;
    struct metrics_plugins plugins;
    char info[640], policy[96], purposes[MEM_PURPOSES][48];
};

/* ---- opening -------------------------------------------------------------------------------- */

/* A label's value as the exposition format wants it. */
static void escape(char *at, size_t room, const char *value)
{
    size_t n = 0;

    for (; *value != '\0' && n + 3 < room; value++) {
        if (*value == '"' || *value == '\\' || *value == '\n') at[n++] = '\\';
        at[n++] = *value == '\n' ? 'n' : *value;
    }
    at[n] = '\0';
}

static void write_labels(struct metrics *m)
{
    const struct config *config = m->server->config;
    char node[512];

    escape(node, sizeof node, config->node.id);
    snprintf(m->info, sizeof m->info,
             "version=\"%s\",node=\"%.300s\",policy=\"%.64s\",storage=\"%.64s\"", LOOM_VERSION,
             node, config->eviction.policy, config->storage.backend);
    snprintf(m->policy, sizeof m->policy, "policy=\"%.64s\"", config->eviction.policy);
    for (int i = 0; i < MEM_PURPOSES; i++)
        snprintf(m->purposes[i], sizeof m->purposes[i], "purpose=\"%s\"",
                 mem_purpose_name((enum mem_purpose)i));
    for (size_t i = 0; i < m->n_commands; i++)
        snprintf(m->commands[i].labels, sizeof m->commands[i].labels, "command=\"%s\"",
                 command_at(i)->name);
}

/* make_room - at least this many series; what was sampled is gone.  false: as before. */
static bool make_room(struct metrics *m, size_t room)
{
    struct loom_metric *series;
    const struct loom_metric **all;

    if (room <= m->room) return true;
    series = mem_zalloc(MEM_METRIC, room * sizeof *series);
    all = mem_zalloc(MEM_METRIC, room * sizeof *all);
    if (series == NULL || all == NULL) {
        mem_free(MEM_METRIC, series);
        mem_free(MEM_METRIC, all);
        return false;
    }
    for (size_t i = 0; i < room; i++) all[i] = &series[i];
    mem_free(MEM_METRIC, m->series);
    mem_free(MEM_METRIC, m->all);
    m->series = series;
    m->all = all;
    m->room = room;
    return true;
}

static size_t core_series(const struct metrics *m)
{
    return METRICS_IDS + MEM_PURPOSES + 2 + 4 * m->n_commands;
}

int metrics_open(struct server *server, struct metrics **ret, struct error *error)
{
    struct metrics *m = mem_zalloc(MEM_METRIC, sizeof *m);

    if (m == NULL) goto no_memory;
    m->server = server;
    m->n_commands = command_count();
    m->commands = mem_zalloc(MEM_METRIC, m->n_commands * sizeof *m->commands);
    if (m->commands == NULL || !make_room(m, core_series(m))) goto no_memory;
    write_labels(m);
    *ret = m;
    return 0;

no_memory:
    metrics_close(m);
    return error_set(error, LOOM_E_NOMEM, "no memory for metrics");
}

void metrics_close(struct metrics *m)
{
    if (m == NULL) return;
    metrics_plugins_free(&m->plugins);
    mem_free(MEM_METRIC, m->commands);
    mem_free(MEM_METRIC, m->series);
    mem_free(MEM_METRIC, m->all);
    mem_free(MEM_METRIC, m);
}

/* ---- one series ----------------------------------------------------------------------------- */

static struct loom_metric *push(struct metrics *m, const char *name, const char *help,
                                enum loom_metric_kind kind, const char *labels, double value)
{
    struct loom_metric *metric = &m->series[m->n];

    if (m->n == m->room) return NULL;
    m->n++;
    *metric = (struct loom_metric){.struct_size = sizeof *metric,
                                   .kind = kind,
                                   .name = name,
                                   .help = help,
                                   .labels = labels,
                                   .value = value};
    return metric;
}

static void put_labelled(struct metrics *m, enum metrics_id id, const char *labels, double value)
{
    const struct metrics_row *row = &metrics_table[id];

    push(m, row->name, row->help, row->kind, labels, value);
}

static void put(struct metrics *m, enum metrics_id id, double value)
{
    put_labelled(m, id, "", value);
}

static void put_count(struct metrics *m, enum metrics_id id, uint64_t value)
{
    put_labelled(m, id, "", (double)value);
}

/* ---- the store ------------------------------------------------------------------------------ */

static void put_store(struct metrics *m)
{
    const struct store *store = m->server->store;
    uint64_t arena_used = 0, arena_span = 0;
    struct partition_stats s;

    store_stats(store, &s);
    for (uint32_t i = 0; i < store_n_partitions(store); i++) {
        const struct arena *arena = &store_partition(store, i)->arena;
        arena_used += METRIC_READ(arena->used_bytes);
        arena_span += METRIC_READ(arena->span_bytes);
    }
    put_count(m, METRICS_HITS, s.hits);
    put_count(m, METRICS_MISSES, s.misses);
    put_count(m, METRICS_INSERTS, s.inserts);
    put_count(m, METRICS_OVERWRITES, s.overwrites);
    put_count(m, METRICS_DELETES, s.deletes);
    put_labelled(m, METRICS_EVICTIONS, m->policy, (double)s.evictions);
    put_count(m, METRICS_EVICT_FALLBACK, s.evict_fallbacks);
    put_count(m, METRICS_EXPIRED, s.expired);
    put_count(m, METRICS_OOM, s.oom);
    put_count(m, METRICS_ITEMS, s.n_items);
    put_count(m, METRICS_ITEMS_EXPIRING, s.n_expiring);
    put_count(m, METRICS_MAX_ITEMS, store_max_items(store));
    put_count(m, METRICS_USED_BYTES, s.used_bytes);
    put_count(m, METRICS_MAX_BYTES, store_max_memory(store));
    put_labelled(m, METRICS_ARENA, "state=\"used\"", (double)arena_used);
    put_labelled(m, METRICS_ARENA, "state=\"span\"", (double)arena_span);
    put_count(m, METRICS_COMPRESSED_RAW, s.raw_bytes);
    put_count(m, METRICS_COMPRESSED_PACKED, s.packed_bytes);
    put(m, METRICS_COMPRESSION_RATIO,
        s.packed_bytes ? (double)s.raw_bytes / (double)s.packed_bytes : 1);
    put(m, METRICS_LOCK_HOLD_MAX, (double)s.lock_max_ns * 1e-9);
}

static void put_memory(struct metrics *m)
{
    for (int i = 0; i < MEM_PURPOSES; i++)
        put_labelled(m, METRICS_MEMORY, m->purposes[i], (double)mem_used((enum mem_purpose)i));
    put_count(m, METRICS_RSS, process_rss_bytes());
    put(m, METRICS_WRITES_REFUSED, !store_can_write(m->server->store));
}

/* ---- connections and loops ------------------------------------------------------------------ */

static void put_loops(struct metrics *m)
{
    const struct server *server = m->server;
    uint32_t n_loops = __atomic_load_n(&server->n_loops, __ATOMIC_ACQUIRE);
    struct loop_stats sum = {0};

    for (uint32_t i = 0; i < n_loops; i++) {
        const struct loop_stats *one = &server->loops[i]->stats;
        uint64_t turn_ns = METRIC_READ(one->turn_max_ns);
        sum.bytes_in += METRIC_READ(one->bytes_in);
        sum.bytes_out += METRIC_READ(one->bytes_out);
        sum.protocol_errors += METRIC_READ(one->protocol_errors);
        sum.output_overruns += METRIC_READ(one->output_overruns);
        sum.idle_closed += METRIC_READ(one->idle_closed);
        sum.query_buffer_bytes += METRIC_READ(one->query_buffer_bytes);
        if (turn_ns > sum.turn_max_ns) sum.turn_max_ns = turn_ns;
    }
    put_count(m, METRICS_CONNECTIONS, METRIC_READ(server->n_clients));
    put_count(m, METRICS_MAX_CONNECTIONS, METRIC_READ(server->limits.max_clients));
    put_count(m, METRICS_CONNECTIONS_RECEIVED, METRIC_READ(server->stats.connections_received));
    put_count(m, METRICS_CONNECTIONS_REJECTED, METRIC_READ(server->stats.connections_rejected));
    put_count(m, METRICS_CONNECTIONS_IDLE, sum.idle_closed);
    put_labelled(m, METRICS_NETWORK, "direction=\"in\"", (double)sum.bytes_in);
    put_labelled(m, METRICS_NETWORK, "direction=\"out\"", (double)sum.bytes_out);
    put_count(m, METRICS_PROTOCOL_ERRORS, sum.protocol_errors);
    put_count(m, METRICS_OUTPUT_OVERRUNS, sum.output_overruns);
    put_count(m, METRICS_QUERY_BUFFER, sum.query_buffer_bytes);
    put(m, METRICS_LOOP_TURN_MAX, (double)sum.turn_max_ns * 1e-9);
    put_count(m, METRICS_AUDIT_EVENTS, METRIC_READ(server->stats.audit_events));
    if (server->control != NULL)
        put_count(m, METRICS_PEERS, control_peers(server->control, NULL, NULL));
}

/* ---- commands ------------------------------------------------------------------------------- */

static void gather_command(struct metrics *m, size_t index)
{
    const struct server *server = m->server;
    uint32_t n_loops = __atomic_load_n(&server->n_loops, __ATOMIC_ACQUIRE);
    struct command_sum *sum = &m->commands[index];

    sum->calls = sum->failed = sum->rejected = sum->count = 0;
    for (uint32_t i = 0; i < n_loops; i++) {
        const struct command_stats *stats = &server->loops[i]->executor.stats[index];
        const struct histogram *latency = __atomic_load_n(&stats->latency, __ATOMIC_ACQUIRE);
        sum->calls += METRIC_READ(stats->calls);
        sum->failed += METRIC_READ(stats->failed);
        sum->rejected += METRIC_READ(stats->rejected);
        if (latency == NULL) continue;
        if (sum->count == 0) memset(&m->scratch, 0, sizeof m->scratch);
        histogram_merge(&m->scratch, latency);
        sum->count = 1; /* for now: there is something in scratch */
    }
    if (sum->count == 0) return;
    /* Of the buckets, not of the count beside them: a writer may be between the two, and no bucket
     * may hold more than the whole. */
    sum->count = histogram_up_to(&m->scratch, UINT64_MAX);
    sum->sum_ns = m->scratch.sum;
    for (int k = 0; k < BOUNDS; k++)
        sum->buckets[k] = histogram_up_to(&m->scratch, bounds_ns[k]);
}

static void put_durations(struct metrics *m)
{
    const struct metrics_row *row = &metrics_table[METRICS_COMMAND_DURATION];

    for (size_t i = 0; i < m->n_commands; i++) {
        const struct command_sum *sum = &m->commands[i];
        struct loom_metric *metric;
        if (sum->count == 0) continue;
        metric = push(m, row->name, row->help, row->kind, sum->labels, (double)sum->sum_ns * 1e-9);
        if (metric == NULL) return;
        metric->count = sum->count;
        metric->bounds = bounds_s;
        metric->buckets = sum->buckets;
        metric->n_buckets = BOUNDS;
    }
}

/* Those that somebody has sent: a hundred others would be zeros for ever. */
static void put_command(struct metrics *m, enum metrics_id id, size_t offset)
{
    for (size_t i = 0; i < m->n_commands; i++) {
        const struct command_sum *sum = &m->commands[i];
        uint64_t value;
        if (sum->calls + sum->rejected == 0) continue;
        memcpy(&value, (const char *)sum + offset, sizeof value);
        put_labelled(m, id, sum->labels, (double)value);
    }
}

static void put_commands(struct metrics *m)
{
    for (size_t i = 0; i < m->n_commands; i++) gather_command(m, i);
    put_command(m, METRICS_COMMANDS, offsetof(struct command_sum, calls));
    put_command(m, METRICS_COMMAND_FAILURES, offsetof(struct command_sum, failed));
    put_command(m, METRICS_COMMAND_REJECTIONS, offsetof(struct command_sum, rejected));
    put_durations(m);
}

/* ---- plugins -------------------------------------------------------------------------------- */

static bool same_family(const struct metrics_counter *a, const struct metrics_counter *b)
{
    return strcmp(a->name, b->name) == 0;
}

/* Did a plugin before this one, of the same name but another kind, have the same counter? */
static bool is_put(const struct metrics *m, uint32_t i, const struct metrics_counter *counter)
{
    for (uint32_t k = 0; k < i; k++)
        for (uint32_t c = 0; c < m->plugins.at[k]->n_counters; c++)
            if (same_family(m->plugins.at[k]->counters[c], counter)) return true;
    return false;
}

/* Every series of a counter's name, of this plugin and those after it: a name stands together. */
static void put_family(struct metrics *m, uint32_t i, const struct metrics_counter *counter)
{
    for (; i < m->plugins.n; i++) {
        const struct metrics_plugin *row = m->plugins.at[i];
        for (uint32_t c = 0; c < row->n_counters && row->n_instances > 0; c++)
            if (same_family(row->counters[c], counter))
                push(m, counter->name, counter->help, LOOM_COUNTER, row->counter_labels,
                     (double)row->counters[c]->value);
    }
}

static void put_plugins(struct metrics *m)
{
    const struct metrics_plugins *plugins = &m->plugins;

    for (uint32_t i = 0; i < plugins->n; i++)
        if (plugins->at[i]->n_instances > 0)
            put_labelled(m, METRICS_PLUGIN_MEMORY, plugins->at[i]->memory_labels,
                         (double)plugins->at[i]->memory_bytes);
    for (uint32_t i = 0; i < plugins->n; i++)
        for (uint32_t c = 0; c < plugins->at[i]->n_counters; c++)
            if (!is_put(m, i, plugins->at[i]->counters[c]))
                put_family(m, i, plugins->at[i]->counters[c]);
}

/* ---- all of it ------------------------------------------------------------------------------ */

const struct loom_metric *const *metrics_sample(struct metrics *m, size_t *ret_n)
{
    const struct server *server = m->server;
    uint64_t now_ms = clock_unix_ms();

    metrics_plugins_gather(&m->plugins, server->config->registry);
    make_room(m, core_series(m) + m->plugins.n + m->plugins.n_counters);
    m->n = 0;
    put_labelled(m, METRICS_INFO, m->info, 1);
    put(m, METRICS_UPTIME,
        now_ms > server->started_ms ? (double)(now_ms - server->started_ms) * 1e-3 : 0);
    put_store(m);
    put_memory(m);
    put_loops(m);
    put_commands(m);
    put_plugins(m);
    put(m, METRICS_CPU, process_cpu_seconds());
    put_count(m, METRICS_MAX_FDS, process_max_fds());
    put(m, METRICS_START_TIME, (double)server->started_ms * 1e-3);
    *ret_n = m->n;
    return m->all;
}
