/* info_sections.c - the sections of INFO that say what the node is and has; what it has done is
 * info_stats.c.  Names and forms of fields are Redis', since tools parse them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/server/info.h"

static double ratio(uint64_t a, uint64_t b)
{
    return b == 0 ? 0.0 : (double)a / (double)b;
}

/* name:bytes, and name_human:1.50M */
static void add_bytes(struct text *out, const char *name, uint64_t bytes)
{
    static const char units[] = "BKMGTPE";
    double value = (double)bytes;
    size_t unit = 0;

    for (; value >= 1024 && unit + 2 < sizeof units; unit++) value /= 1024;
    text_add(out, "%s:%" PRIu64 "\r\n%s_human:%.*f%c\r\n", name, bytes, name, unit ? 2 : 0, value,
             units[unit]);
}

/* ---- Server ---------------------------------------------------------------------------------- */

void info_section_server(const struct info_view *view, struct text *out)
{
    struct server *server = view->server;
    struct config *config = server->config;
    uint64_t now_ms = view->now_us / 1000;
    uint64_t up_s = now_ms > server->started_ms ? (now_ms - server->started_ms) / 1000 : 0;
    uint32_t hz = info_hz();
    char text[1024];

    text_add(out, "redis_version:%s\r\n", INFO_REDIS_VERSION);
    text_add(out, "server_name:loomcache\r\n");
    text_add(out, "loomcache_version:%s\r\n", LOOM_VERSION);
    text_add(out, "redis_mode:standalone\r\n");
    text_add(out, "os:%s\r\n", info_system(text, sizeof text));
    text_add(out, "arch_bits:%zu\r\n", 8 * sizeof(void *));
    text_add(out, "monotonic_clock:POSIX clock_gettime\r\n");
    text_add(out, "multiplexing_api:libuv %s\r\n", uv_version_string());
    text_add(out, "gcc_version:%d.%d.%d\r\n", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
    text_add(out, "process_id:%ld\r\n", (long)getpid());
    text_add(out, "run_id:%s\r\n", server->run_id);
    text_add(out, "tcp_port:%u\r\n", config->server.enabled ? config->server.port : 0);
    text_add(out, "server_time_usec:%" PRIu64 "\r\n", view->now_us);
    text_add(out, "uptime_in_seconds:%" PRIu64 "\r\n", up_s);
    text_add(out, "uptime_in_days:%" PRIu64 "\r\n", up_s / 86400);
    text_add(out, "hz:%u\r\nconfigured_hz:%u\r\n", hz, hz);
    text_add(out, "executable:%s\r\n", info_executable(text, sizeof text));
    text_add(out, "config_file:%s\r\n", config_file(config) ? config_file(config) : "");
    text_add(out, "io_threads_active:%d\r\n", server->n_loops > 1);
}

/* ---- Clients --------------------------------------------------------------------------------- */

void info_section_clients(const struct info_view *view, struct text *out)
{
    const struct server *server = view->server;

    text_add(out, "connected_clients:%u\r\n", METRIC_READ(server->n_clients));
    text_add(out, "cluster_connections:0\r\n");
    text_add(out, "maxclients:%u\r\n", METRIC_READ(server->limits.max_clients));
    text_add(out, "client_query_buffer_bytes:%" PRIu64 "\r\n", view->totals.query_buffer_bytes);
    text_add(out, "blocked_clients:0\r\n");
    text_add(out, "tracking_clients:0\r\n");
    text_add(out, "clients_in_timeout_table:0\r\n");
}

/* ---- Memory ---------------------------------------------------------------------------------- */

/* The nearest of Redis' names, the same as CONFIG GET maxmemory-policy shows. */
static const char *policy_name(const struct config *config)
{
    const char *policy = config->eviction.policy;

    if (strcmp(policy, "none") == 0) return "noeviction";
    if (strcmp(policy, "lru_sampled") == 0) return "allkeys-lru";
    if (strcmp(policy, "lfu") == 0) return "allkeys-lfu";
    if (strcmp(policy, "random") == 0) return "allkeys-random";
    return policy;
}

void info_section_memory(const struct info_view *view, struct text *out)
{
    const struct info_memory *m = &view->memory;
    uint64_t pages = (uint64_t)sysconf(_SC_PHYS_PAGES), page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t beyond_start = m->used > m->startup ? m->used - m->startup : 0;
    char text[64];

    add_bytes(out, "used_memory", m->used);
    add_bytes(out, "used_memory_rss", m->rss);
    add_bytes(out, "used_memory_peak", m->peak);
    text_add(out, "used_memory_peak_perc:%.2f%%\r\n", 100 * ratio(m->used, m->peak));
    text_add(out, "used_memory_overhead:%" PRIu64 "\r\n", m->used - m->dataset);
    text_add(out, "used_memory_startup:%" PRIu64 "\r\n", m->startup);
    text_add(out, "used_memory_dataset:%" PRIu64 "\r\n", m->dataset);
    text_add(out, "used_memory_dataset_perc:%.2f%%\r\n",
             m->dataset < beyond_start ? 100 * ratio(m->dataset, beyond_start) : 100.0);
    text_add(out, "allocator_allocated:%" PRIu64 "\r\n", m->used);
    text_add(out, "allocator_active:%" PRIu64 "\r\n", m->used - m->arena_used + m->arena_spans);
    text_add(out, "allocator_resident:%" PRIu64 "\r\n", m->rss);
    add_bytes(out, "total_system_memory", pages * page);
    text_add(out, "used_memory_lua:0\r\nused_memory_scripts:0\r\nnumber_of_cached_scripts:0\r\n");
    add_bytes(out, "maxmemory", store_max_memory(view->server->store));
    text_add(out, "maxmemory_policy:%s\r\n", policy_name(view->server->config));
    text_add(out, "allocator_frag_ratio:%.2f\r\n", ratio(m->arena_spans, m->arena_used));
    text_add(out, "allocator_frag_bytes:%" PRIu64 "\r\n", m->arena_spans - m->arena_used);
    text_add(out, "mem_fragmentation_ratio:%.2f\r\n", ratio(m->rss, m->used));
    text_add(out, "mem_fragmentation_bytes:%" PRId64 "\r\n", (int64_t)(m->rss - m->used));
    text_add(out, "mem_not_counted_for_evict:%" PRIu64 "\r\n", m->used - m->dataset);
    text_add(out, "mem_replication_backlog:0\r\nmem_clients_slaves:0\r\n");
    text_add(out, "mem_clients_normal:%" PRIu64 "\r\n", mem_used(MEM_CONN) + mem_used(MEM_BUFFER));
    text_add(out, "mem_cluster_links:0\r\nmem_aof_buffer:0\r\n");
    text_add(out, "mem_allocator:%s\r\n", info_allocator(text, sizeof text));
    text_add(out, "active_defrag_running:0\r\nlazyfree_pending_objects:0\r\n");
}

/* ---- what is not there ----------------------------------------------------------------------- */

void info_section_persistence(const struct info_view *view, struct text *out)
{
    text_add(out, "loading:0\r\nasync_loading:0\r\n");
    text_add(out, "rdb_changes_since_last_save:0\r\nrdb_bgsave_in_progress:0\r\n");
    text_add(out, "rdb_last_save_time:%" PRIu64 "\r\n", view->server->started_ms / 1000);
    text_add(out, "rdb_last_bgsave_status:ok\r\nrdb_last_bgsave_time_sec:-1\r\n");
    text_add(out, "rdb_current_bgsave_time_sec:-1\r\nrdb_saves:0\r\nrdb_last_cow_size:0\r\n");
    text_add(out, "aof_enabled:0\r\naof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0\r\n");
    text_add(out, "aof_last_rewrite_time_sec:-1\r\naof_current_rewrite_time_sec:-1\r\n");
    text_add(out, "aof_last_bgrewrite_status:ok\r\naof_last_write_status:ok\r\n");
    text_add(out, "aof_last_cow_size:0\r\nmodule_fork_in_progress:0\r\n");
}

void info_section_replication(const struct info_view *view, struct text *out)
{
    text_add(out, "role:master\r\nconnected_slaves:0\r\nmaster_failover_state:no-failover\r\n");
    text_add(out, "master_replid:%s\r\n", view->server->run_id);
    text_add(out, "master_replid2:%040d\r\n", 0);
    text_add(out, "master_repl_offset:0\r\nsecond_repl_offset:-1\r\n");
    text_add(out, "repl_backlog_active:0\r\nrepl_backlog_size:0\r\n");
    text_add(out, "repl_backlog_first_byte_offset:0\r\nrepl_backlog_histlen:0\r\n");
}

void info_section_cluster(const struct info_view *view, struct text *out)
{
    (void)view;
    text_add(out, "cluster_enabled:0\r\n");
}

/* ---- CPU, Keyspace --------------------------------------------------------------------------- */

static void add_cpu(struct text *out, const char *name, struct timeval t)
{
    text_add(out, "%s:%ld.%06ld\r\n", name, (long)t.tv_sec, (long)t.tv_usec);
}

void info_section_cpu(const struct info_view *view, struct text *out)
{
    struct rusage self = {0}, children = {0};

    (void)view;
    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    add_cpu(out, "used_cpu_sys", self.ru_stime);
    add_cpu(out, "used_cpu_user", self.ru_utime);
    add_cpu(out, "used_cpu_sys_children", children.ru_stime);
    add_cpu(out, "used_cpu_user_children", children.ru_utime);
}

void info_section_keyspace(const struct info_view *view, struct text *out)
{
    for (uint8_t db = 0; db < STORE_DBS; db++) {
        uint64_t expiring, n = store_db_items(view->server->store, db, &expiring);

        if (n > 0)
            text_add(out, "db%u:keys=%" PRIu64 ",expires=%" PRIu64 ",avg_ttl=0\r\n", db, n,
                     expiring);
    }
}
