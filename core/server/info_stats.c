/* info_stats.c - the sections of INFO that say what the node has done; see info_sections.c. */
#include <inttypes.h>

#include "core/base/mem.h"
#include "core/server/info.h"

/* ---- Stats ----------------------------------------------------------------------------------- */

static void add(struct text *out, const char *name, uint64_t value)
{
    text_add(out, "%s:%" PRIu64 "\r\n", name, value);
}

void info_section_stats(const struct info_view *view, struct text *out)
{
    const struct info_totals *t = &view->totals;
    const struct partition_stats *s = &view->stats;
    uint64_t received, rejected;
    struct info_rates rates;

    info_connections(view->server, &received, &rejected);
    info_rates(view->server, &rates);
    add(out, "total_connections_received", received);
    add(out, "total_commands_processed", t->commands);
    add(out, "instantaneous_ops_per_sec", rates.commands);
    add(out, "total_net_input_bytes", t->bytes_in);
    add(out, "total_net_output_bytes", t->bytes_out);
    add(out, "total_net_repl_input_bytes", 0);
    add(out, "total_net_repl_output_bytes", 0);
    text_add(out, "instantaneous_input_kbps:%.2f\r\n", (double)rates.bytes_in / 1024);
    text_add(out, "instantaneous_output_kbps:%.2f\r\n", (double)rates.bytes_out / 1024);
    add(out, "rejected_connections", rejected);
    add(out, "sync_full", 0);
    add(out, "sync_partial_ok", 0);
    add(out, "sync_partial_err", 0);
    add(out, "expired_keys", s->expired);
    add(out, "evicted_keys", s->evictions);
    add(out, "evicted_clients", 0);
    add(out, "keyspace_hits", s->hits);
    add(out, "keyspace_misses", s->misses);
    add(out, "pubsub_channels", 0);
    add(out, "pubsub_patterns", 0);
    add(out, "latest_fork_usec", 0);
    add(out, "total_forks", 0);
    add(out, "migrate_cached_sockets", 0);
    add(out, "tracking_total_keys", 0);
    add(out, "total_error_replies", t->errors);
    add(out, "client_output_buffer_limit_disconnections", t->output_overruns);
}

/* ---- by command ------------------------------------------------------------------------------ */

void info_section_commandstats(const struct info_view *view, struct text *out)
{
    for (size_t i = 0; i < command_count(); i++) {
        struct command_stats sum;

        info_command(view->server, i, &sum, NULL);
        if (sum.calls + sum.rejected + sum.failed == 0) continue;
        text_add(out,
                 "cmdstat_%s:calls=%" PRIu64 ",usec=%" PRIu64 ",usec_per_call=%.2f,"
                 "rejected_calls=%" PRIu64 ",failed_calls=%" PRIu64 "\r\n",
                 command_at(i)->name, sum.calls, sum.ns / 1000,
                 sum.calls ? (double)sum.ns / 1000 / (double)sum.calls : 0.0, sum.rejected,
                 sum.failed);
    }
}

static double quantile_us(const struct histogram *latency, double q)
{
    return (double)histogram_quantile(latency, q) / 1000;
}

void info_section_latencystats(const struct info_view *view, struct text *out)
{
    for (size_t i = 0; i < command_count(); i++) {
        struct histogram latency = {0};
        struct command_stats sum;

        info_command(view->server, i, &sum, &latency);
        if (latency.count == 0) continue;
        text_add(out, "latency_percentiles_usec_%s:p50=%.3f,p99=%.3f,p99.9=%.3f\r\n",
                 command_at(i)->name, quantile_us(&latency, 0.5), quantile_us(&latency, 0.99),
                 quantile_us(&latency, 0.999));
    }
}

/* ---- LoomCache ------------------------------------------------------------------------------- */

static double ratio(uint64_t a, uint64_t b)
{
    return b == 0 ? 1.0 : (double)a / (double)b;
}

void info_section_loomcache(const struct info_view *view, struct text *out)
{
    const struct server *server = view->server;
    const struct partition_stats *s = &view->stats;
    const struct info_memory *m = &view->memory;

    text_add(out, "node_id:%s\r\n", server->config->node.id);
    text_add(out, "eviction_policy:%s\r\n", server->config->eviction.policy);
    text_add(out, "storage_backend:%s\r\n", server->config->storage.backend);
    add(out, "io_threads", server->n_loops);
    add(out, "partitions", store_n_partitions(server->store));
    add(out, "items", s->n_items);
    add(out, "items_expiring", s->n_expiring);
    add(out, "max_items", store_max_items(server->store));
    add(out, "stored_bytes", s->used_bytes);
    add(out, "arena_used_bytes", m->arena_used);
    add(out, "arena_span_bytes", m->arena_spans);
    text_add(out, "arena_fragmentation_ratio:%.3f\r\n", ratio(m->arena_spans, m->arena_used));
    add(out, "compressed_raw_bytes", s->raw_bytes);
    add(out, "compressed_packed_bytes", s->packed_bytes);
    text_add(out, "compression_ratio:%.3f\r\n", ratio(s->raw_bytes, s->packed_bytes));
    add(out, "evict_fallbacks", s->evict_fallbacks);
    add(out, "oom_errors", s->oom);
    add(out, "writes_refused", !store_can_write(server->store));
    add(out, "protocol_errors", view->totals.protocol_errors);
    add(out, "idle_closed", view->totals.idle_closed);
    add(out, "turn_max_usec", view->totals.turn_max_ns / 1000);
    add(out, "lock_max_usec", s->lock_max_ns / 1000);
    add(out, "audit_events", METRIC_READ(server->stats.audit_events));
    for (int i = 0; i < MEM_PURPOSES; i++)
        text_add(out, "memory_%s:%" PRIu64 "\r\n", mem_purpose_name((enum mem_purpose)i),
                 mem_used((enum mem_purpose)i));
}
