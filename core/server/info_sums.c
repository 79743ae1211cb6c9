/* info_sums.c - the sums behind INFO: loops, commands, memory, and rates from samples of them. */
#include <pthread.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/server/info.h"

#define SAMPLES 32
#define SAMPLE_EVERY_NS 100000000ull
#define WINDOW_NS 1000000000ull /* rates look back at least so far, if samples reach */

struct sample {
    uint64_t at_ns; /* monotonic */
    uint64_t commands, bytes_in, bytes_out;
};

/* There is one node per process. */
static struct {
    pthread_mutex_t lock;
    struct sample samples[SAMPLES];
    uint32_t n, next;
    uint64_t peak, startup;
    uint64_t tick_ms; /* atomic */
    uint64_t received_before, rejected_before; /* the last reset */
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- loops and commands ---------------------------------------------------------------------- */

static uint32_t loops_of(const struct server *server)
{
    return __atomic_load_n(&server->n_loops, __ATOMIC_ACQUIRE);
}

void info_totals(const struct server *server, struct info_totals *ret)
{
    struct info_totals sum = {0};

    for (uint32_t i = 0; i < loops_of(server); i++) {
        const struct loop *loop = server->loops[i];
        uint64_t turn_ns = METRIC_READ(loop->stats.turn_max_ns);

        sum.commands += METRIC_READ(loop->stats.commands);
        sum.errors += METRIC_READ(loop->executor.n_errors);
        sum.bytes_in += METRIC_READ(loop->stats.bytes_in);
        sum.bytes_out += METRIC_READ(loop->stats.bytes_out);
        sum.protocol_errors += METRIC_READ(loop->stats.protocol_errors);
        sum.output_overruns += METRIC_READ(loop->stats.output_overruns);
        sum.idle_closed += METRIC_READ(loop->stats.idle_closed);
        sum.query_buffer_bytes += METRIC_READ(loop->stats.query_buffer_bytes);
        if (turn_ns > sum.turn_max_ns) sum.turn_max_ns = turn_ns;
    }
    *ret = sum;
}

void info_command(const struct server *server, size_t index, struct command_stats *ret,
                  struct histogram *ret_latency)
{
    struct command_stats sum = {0};

    for (uint32_t i = 0; i < loops_of(server); i++) {
        struct command_stats *one = &server->loops[i]->executor.stats[index];
        struct histogram *latency = __atomic_load_n(&one->latency, __ATOMIC_ACQUIRE);

        sum.calls += METRIC_READ(one->calls);
        sum.rejected += METRIC_READ(one->rejected);
        sum.failed += METRIC_READ(one->failed);
        sum.ns += METRIC_READ(one->ns);
        if (ret_latency != NULL && latency != NULL) histogram_merge(ret_latency, latency);
    }
    *ret = sum;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static uint64_t raise_peak(uint64_t used, uint64_t *ret_startup)
{
    pthread_mutex_lock(&state.lock);
    if (state.startup == 0) state.startup = used;
    if (used > state.peak) state.peak = used;
    uint64_t peak = state.peak;

    *ret_startup = state.startup;
    pthread_mutex_unlock(&state.lock);
    return peak;
}

void info_memory(const struct server *server, struct info_memory *ret)
{
    struct info_memory m = {.rss = info_rss_bytes()};

    for (uint32_t i = 0; i < store_n_partitions(server->store); i++) {
        const struct arena *arena = &store_partition(server->store, i)->arena;

        m.arena_used += METRIC_READ(arena->used_bytes);
        m.arena_spans += METRIC_READ(arena->span_bytes);
    }
    for (int i = 0; i < MEM_PURPOSES; i++) m.used += mem_used((enum mem_purpose)i);
    m.used += m.arena_used;
    m.dataset = store_used_bytes(server->store);
    /* Read one after another while others write. */
    if (m.dataset > m.used) m.dataset = m.used;
    if (m.arena_spans < m.arena_used) m.arena_spans = m.arena_used;
    m.peak = raise_peak(m.used, &m.startup);
    *ret = m;
}

/* ---- rates ----------------------------------------------------------------------------------- */

static struct sample sample_now(const struct server *server)
{
    struct info_totals totals;

    info_totals(server, &totals);
    return (struct sample){clock_monotonic_ns(), totals.commands, totals.bytes_in,
                           totals.bytes_out};
}

uint32_t info_hz(void)
{
    uint64_t ms = METRIC_READ(state.tick_ms);

    return ms == 0 ? 0 : ms < 1000 ? (uint32_t)(1000 / ms) : 1;
}

void info_tick(struct server *server, uint64_t every_ms)
{
    struct sample now = sample_now(server);
    struct info_memory memory;

    METRIC_SET(state.tick_ms, every_ms);
    pthread_mutex_lock(&state.lock);
    const struct sample *last = &state.samples[(state.next + SAMPLES - 1) % SAMPLES];
    bool due = state.n == 0 || now.at_ns - last->at_ns >= SAMPLE_EVERY_NS;

    if (due) {
        state.samples[state.next] = now;
        state.next = (state.next + 1) % SAMPLES;
        if (state.n < SAMPLES) state.n++;
    }
    pthread_mutex_unlock(&state.lock);
    if (due) info_memory(server, &memory); /* for the peak */
}

/* The youngest sample that is old enough to measure from, else the oldest there is. */
static bool sample_before(uint64_t now_ns, struct sample *ret)
{
    bool found = false;

    pthread_mutex_lock(&state.lock);
    for (uint32_t i = 1; i <= state.n; i++) {
        *ret = state.samples[(state.next + SAMPLES - i) % SAMPLES];
        found = true;
        if (now_ns - ret->at_ns >= WINDOW_NS) break;
    }
    pthread_mutex_unlock(&state.lock);
    return found;
}

static uint64_t rate(uint64_t before, uint64_t now, uint64_t ns)
{
    if (now <= before || ns == 0) return 0;
    return (uint64_t)((double)(now - before) * 1e9 / (double)ns);
}

void info_rates(const struct server *server, struct info_rates *ret)
{
    struct sample now = sample_now(server), before;

    *ret = (struct info_rates){0};
    if (!sample_before(now.at_ns, &before)) return;
    uint64_t ns = now.at_ns - before.at_ns;

    ret->commands = rate(before.commands, now.commands, ns);
    ret->bytes_in = rate(before.bytes_in, now.bytes_in, ns);
    ret->bytes_out = rate(before.bytes_out, now.bytes_out, ns);
}

/* ---- from zero again ------------------------------------------------------------------------- */

void info_connections(const struct server *server, uint64_t *ret_received, uint64_t *ret_rejected)
{
    pthread_mutex_lock(&state.lock);
    *ret_received = METRIC_READ(server->stats.connections_received) - state.received_before;
    *ret_rejected = METRIC_READ(server->stats.connections_rejected) - state.rejected_before;
    pthread_mutex_unlock(&state.lock);
}

static void reset_histogram(struct histogram *histogram)
{
    METRIC_SET(histogram->count, 0);
    METRIC_SET(histogram->sum, 0);
    METRIC_SET(histogram->max, 0);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) METRIC_SET(histogram->buckets[i], 0);
}

/* On the loop's own thread: its counters have one writer. */
static void reset_loop(struct loop *loop, void *arg)
{
    (void)arg;
    METRIC_SET(loop->stats.commands, 0);
    METRIC_SET(loop->stats.bytes_in, 0);
    METRIC_SET(loop->stats.bytes_out, 0);
    METRIC_SET(loop->stats.protocol_errors, 0);
    METRIC_SET(loop->stats.output_overruns, 0);
    METRIC_SET(loop->stats.idle_closed, 0);
    METRIC_SET(loop->stats.turn_max_ns, 0);
    METRIC_SET(loop->executor.n_errors, 0);
    for (size_t i = 0; i < command_count(); i++) {
        struct command_stats *stats = &loop->executor.stats[i];

        METRIC_SET(stats->calls, 0);
        METRIC_SET(stats->rejected, 0);
        METRIC_SET(stats->failed, 0);
        METRIC_SET(stats->ns, 0);
        if (stats->latency != NULL) reset_histogram(stats->latency);
    }
}

int info_reset(struct server *server, struct loop *own)
{
    int rc = 0;

    store_reset_stats(server->store);
    for (uint32_t i = 0; i < loops_of(server); i++) {
        struct loop *loop = server->loops[i];

        if (loop == own) reset_loop(loop, NULL);
        else if (loop_post(loop, reset_loop, NULL) != 0) rc = LOOM_E_NOMEM;
    }
    pthread_mutex_lock(&state.lock);
    state.n = state.next = 0;
    state.peak = 0;
    state.received_before = METRIC_READ(server->stats.connections_received);
    state.rejected_before = METRIC_READ(server->stats.connections_rejected);
    pthread_mutex_unlock(&state.lock);
    return rc;
}
