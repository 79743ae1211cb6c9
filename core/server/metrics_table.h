/* metrics_table.h - every metric of the core: one row each, from which names, kinds, --describe and
 * the sample come.  A new one is a row here and a line in metrics.c that gives it a value.
 *
 *   X(id, kind, name, labels, help)
 *
 * Names follow the conventions of Prometheus: base units (seconds, bytes), counters end in _total.
 * Not here: the counters of plugins, loomcache_plugin_<plugin>_<counter>_total{kind}; they are
 * known when a plugin has started.
 */
#ifndef CORE_SERVER_METRICS_TABLE_H
#define CORE_SERVER_METRICS_TABLE_H

#include <loomcache/exporter.h>

#define METRICS_MAP(X)                                                                             \
    X(INFO, GAUGE, "loomcache_info", "version,node,policy,storage",                                \
      "Always 1; what this node is, as labels.")                                                   \
    X(UPTIME, GAUGE, "loomcache_uptime_seconds", "", "Time since the node started.")               \
    X(HITS, COUNTER, "loomcache_cache_hits_total", "", "Keys that a read has found.")              \
    X(MISSES, COUNTER, "loomcache_cache_misses_total", "", "Keys that a read has not found.")      \
    X(INSERTS, COUNTER, "loomcache_inserts_total", "", "New keys stored.")                         \
    X(OVERWRITES, COUNTER, "loomcache_overwrites_total", "", "Values replaced by another one.")    \
    X(DELETES, COUNTER, "loomcache_deletes_total", "", "Keys removed by a command.")               \
    X(EVICTIONS, COUNTER, "loomcache_evictions_total", "policy", "Keys evicted to make room.")     \
    X(EVICT_FALLBACK, COUNTER, "loomcache_evict_fallback_total", "",                               \
      "Evictions for which the policy had no victim, so that one was drawn at random.")            \
    X(EXPIRED, COUNTER, "loomcache_expired_total", "", "Keys removed because their time was up.")  \
    X(OOM, COUNTER, "loomcache_oom_total", "", "Writes refused for lack of room.")                 \
    X(ITEMS, GAUGE, "loomcache_items", "", "Keys stored, expired ones included until removed.")    \
    X(ITEMS_EXPIRING, GAUGE, "loomcache_items_expiring", "", "Keys stored that have an expiry.")   \
    X(MAX_ITEMS, GAUGE, "loomcache_max_items", "", "storage.max_items; 0: no limit.")              \
    X(USED_BYTES, GAUGE, "loomcache_used_bytes", "",                                               \
      "Entries, large values and index, as the memory limit counts them.")                         \
    X(MAX_BYTES, GAUGE, "loomcache_max_bytes", "", "storage.max_memory; 0: no limit.")             \
    X(ARENA, GAUGE, "loomcache_arena_bytes", "state",                                              \
      "Memory of entries: used by them, and taken from the system in spans to hold them.")         \
    X(MEMORY, GAUGE, "loomcache_memory_bytes", "purpose",                                          \
      "Memory beside the entries, by what it is for.")                                             \
    X(RSS, GAUGE, "loomcache_rss_bytes", "", "Resident memory of the process.")                    \
    X(WRITES_REFUSED, GAUGE, "loomcache_writes_refused", "",                                       \
      "1 while the resident memory is over storage.rss_max.")                                      \
    X(COMPRESSED_RAW, GAUGE, "loomcache_compressed_raw_bytes", "",                                 \
      "Values that are kept compressed: their bytes before.")                                      \
    X(COMPRESSED_PACKED, GAUGE, "loomcache_compressed_packed_bytes", "",                           \
      "Values that are kept compressed: their bytes after.")                                       \
    X(COMPRESSION_RATIO, GAUGE, "loomcache_compression_ratio", "",                                 \
      "Bytes before by bytes after, of values that are kept compressed; 1: there are none.")       \
    X(CONNECTIONS, GAUGE, "loomcache_connections", "", "Clients connected.")                       \
    X(MAX_CONNECTIONS, GAUGE, "loomcache_max_connections", "", "server.max_clients.")              \
    X(CONNECTIONS_RECEIVED, COUNTER, "loomcache_connections_received_total", "",                   \
      "Client connections accepted by the listeners.")                                             \
    X(CONNECTIONS_REJECTED, COUNTER, "loomcache_connections_rejected_total", "",                   \
      "Client connections refused: too many clients, or no file descriptors.")                     \
    X(CONNECTIONS_IDLE, COUNTER, "loomcache_connections_idle_closed_total", "",                    \
      "Client connections closed after server.idle_timeout.")                                      \
    X(NETWORK, COUNTER, "loomcache_network_bytes_total", "direction",                              \
      "Bytes from (in) and to (out) clients.")                                                     \
    X(PROTOCOL_ERRORS, COUNTER, "loomcache_protocol_errors_total", "",                             \
      "Connections closed because of malformed requests.")                                         \
    X(OUTPUT_OVERRUNS, COUNTER, "loomcache_output_overruns_total", "",                             \
      "Clients cut because they read too slowly (server.output_buffer_max).")                      \
    X(QUERY_BUFFER, GAUGE, "loomcache_query_buffer_bytes", "", "Held by unfinished commands.")     \
    X(LOOP_TURN_MAX, GAUGE, "loomcache_loop_turn_max_seconds", "",                                 \
      "Longest batch of commands or housekeeping step of any I/O thread.")                         \
    X(LOCK_HOLD_MAX, GAUGE, "loomcache_lock_hold_max_seconds", "",                                 \
      "Longest time that housekeeping has held a partition's lock.")                               \
    X(AUDIT_EVENTS, COUNTER, "loomcache_audit_events_total", "",                                   \
      "Denied logins, changes of the configuration and administrative commands.")                  \
    X(PEERS, GAUGE, "loomcache_peers", "", "Peers that discovery has found.")                      \
    X(COMMANDS, COUNTER, "loomcache_commands_total", "command", "Commands run, by name.")          \
    X(COMMAND_FAILURES, COUNTER, "loomcache_command_failures_total", "command",                    \
      "Commands that ran and answered with an error.")                                             \
    X(COMMAND_REJECTIONS, COUNTER, "loomcache_command_rejections_total", "command",                \
      "Commands refused before they ran: wrong arguments, no authentication.")                     \
    X(COMMAND_DURATION, HISTOGRAM, "loomcache_command_duration_seconds", "command",                \
      "Time to run a command; short ones of one batch share its time.")                            \
    X(PLUGIN_MEMORY, GAUGE, "loomcache_plugin_memory_bytes", "kind,plugin",                        \
      "Memory that a plugin's instances hold.")                                                    \
    X(CPU, COUNTER, "process_cpu_seconds_total", "", "User and system time of the process.")       \
    X(MAX_FDS, GAUGE, "process_max_fds", "", "Limit on open files.")                               \
    X(START_TIME, GAUGE, "process_start_time_seconds", "", "When the node started, in unix time.")

enum metrics_id {
#define X(id, kind, name, labels, help) METRICS_##id,
    METRICS_MAP(X)
#undef X
        METRICS_IDS
};

struct metrics_row {
    enum loom_metric_kind kind;
    const char *name, *labels, *help;
};
extern const struct metrics_row metrics_table[METRICS_IDS];

#endif
