/* info.h - INFO: what the node says of itself, and the sums behind it.
 *
 * Every thread counts in blocks of its own; whoever asks adds them up.  No partition is locked, so
 * INFO works inside EXEC and while a partition is busy.
 *
 * Thread: [any-thread], but for what is marked.
 */
#ifndef CORE_SERVER_INFO_H
#define CORE_SERVER_INFO_H

#include "core/server/cmd_text.h"
#include "core/server/loop.h"

/* What clients compare before they use a command. */
#define INFO_REDIS_VERSION "7.2.4"

void info_run(struct call *call);

/* info_write - the sections asked for, any case, each once; none, or "default": the usual ones;
 * "all", "everything".  Unknown names are ignored. */
void info_write(struct server *server, const struct slice *sections, size_t n, struct text *out);

/* info_tick - housekeeping came round, as it does every so often: remember a sample for the rates
 * and the peak, at most ten times a second. */
void info_tick(struct server *server, uint64_t every_ms);
/* info_hz - how often that is, per second. */
uint32_t info_hz(void);
/* info_reset - CONFIG RESETSTAT.  own: the calling thread's loop, at zero at once; the others are a
 * moment later.  LOOM_E_NOMEM: one of those was not told. */
int info_reset(struct server *server, struct loop *own);

/* ---- sums ------------------------------------------------------------------------------------ */

struct info_totals { /* of all loops */
    uint64_t commands, errors, bytes_in, bytes_out;
    uint64_t protocol_errors, output_overruns, idle_closed;
    uint64_t query_buffer_bytes;
    uint64_t turn_max_ns;
};
void info_totals(const struct server *server, struct info_totals *ret);
/* info_command - of all loops; ret_latency may be NULL, else it is added to. */
void info_command(const struct server *server, size_t index, struct command_stats *ret,
                  struct histogram *ret_latency);

struct info_memory {
    uint64_t used;    /* everything but the allocator's own waste */
    uint64_t peak;    /* of used, as far as it was sampled */
    uint64_t startup; /* of used, at the first sample */
    uint64_t dataset; /* what the limit counts: entries, blobs, index, policies */
    uint64_t rss;
    uint64_t arena_used, arena_spans; /* blocks of entries; the pages taken for them */
};
void info_memory(const struct server *server, struct info_memory *ret);

struct info_rates { /* per second, over the last one to two */
    uint64_t commands, bytes_in, bytes_out;
};
void info_rates(const struct server *server, struct info_rates *ret);
/* info_connections - received and rejected since the last reset. */
void info_connections(const struct server *server, uint64_t *ret_received, uint64_t *ret_rejected);

/* ---- the process ----------------------------------------------------------------------------- */

/* info_rss_bytes - the resident set; the system is asked at most every 100 ms. */
uint64_t info_rss_bytes(void);
const char *info_allocator(char *at, size_t room); /* "jemalloc-5.3.0", "libc" */
const char *info_system(char *at, size_t room);    /* "Linux 6.1.0 x86_64" */
const char *info_executable(char *at, size_t room);

/* ---- sections (info_sections.c, info_stats.c) ------------------------------------------------ */

struct info_view { /* gathered once for all sections */
    struct server *server;
    struct info_totals totals;
    struct info_memory memory;
    struct partition_stats stats;
    uint64_t now_us; /* unix */
};
void info_section_server(const struct info_view *view, struct text *out);
void info_section_clients(const struct info_view *view, struct text *out);
void info_section_memory(const struct info_view *view, struct text *out);
void info_section_persistence(const struct info_view *view, struct text *out);
void info_section_stats(const struct info_view *view, struct text *out);
void info_section_replication(const struct info_view *view, struct text *out);
void info_section_cpu(const struct info_view *view, struct text *out);
void info_section_commandstats(const struct info_view *view, struct text *out);
void info_section_latencystats(const struct info_view *view, struct text *out);
void info_section_cluster(const struct info_view *view, struct text *out);
void info_section_keyspace(const struct info_view *view, struct text *out);
void info_section_loomcache(const struct info_view *view, struct text *out);

#endif
