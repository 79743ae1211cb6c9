/* cmd_memory.c - MEMORY: where the memory is, and what may be done about it.  USAGE, which looks at
 * a key, is the command room's. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/server/cmd_rows.h"
#include "core/server/cmd_text.h"
#include "core/server/info.h"

/* jemalloc's, when it is linked in. */
extern int mallctl(const char *name, void *old, size_t *old_bytes, void *new, size_t new_bytes)
    __attribute__((weak));
extern void malloc_stats_print(void (*write)(void *arg, const char *text), void *arg,
                               const char *options) __attribute__((weak));

#define EVERY_ARENA 4096 /* MALLCTL_ARENAS_ALL */

/* ---- STATS ----------------------------------------------------------------------------------- */

static double ratio(uint64_t a, uint64_t b)
{
    return b == 0 ? 0.0 : (double)a / (double)b;
}

static void stat_int(struct reply *reply, const char *name, uint64_t value)
{
    reply_text(reply, name);
    reply_int(reply, (int64_t)value);
}

static void stat_double(struct reply *reply, const char *name, double value)
{
    reply_text(reply, name);
    reply_double(reply, value);
}

static void run_stats(struct call *call)
{
    struct reply *reply = call->reply;
    size_t place = reply_later(reply);
    uint64_t n_keys = 0, n = 0, expires;
    struct info_memory m;

    info_memory(server_the, &m);
    for (uint8_t db = 0; db < STORE_DBS; db++)
        n_keys += store_db_items(server_the->store, db, &expires);
    stat_int(reply, "peak.allocated", m.peak), n++;
    stat_int(reply, "total.allocated", m.used), n++;
    stat_int(reply, "startup.allocated", m.startup), n++;
    stat_int(reply, "replication.backlog", 0), n++;
    stat_int(reply, "clients.slaves", 0), n++;
    stat_int(reply, "clients.normal", mem_used(MEM_CONN) + mem_used(MEM_BUFFER)), n++;
    stat_int(reply, "cluster.links", 0), n++;
    stat_int(reply, "aof.buffer", 0), n++;
    stat_int(reply, "overhead.total", m.used - m.dataset), n++;
    stat_int(reply, "keys.count", n_keys), n++;
    stat_int(reply, "keys.bytes-per-key", n_keys ? m.dataset / n_keys : 0), n++;
    stat_int(reply, "dataset.bytes", m.dataset), n++;
    stat_double(reply, "dataset.percentage", 100 * ratio(m.dataset, m.used)), n++;
    stat_double(reply, "peak.percentage", 100 * ratio(m.used, m.peak)), n++;
    stat_int(reply, "allocator.allocated", m.used), n++;
    stat_int(reply, "allocator.active", m.used - m.arena_used + m.arena_spans), n++;
    stat_int(reply, "allocator.resident", m.rss), n++;
    stat_double(reply, "allocator-fragmentation.ratio",
                ratio(m.used - m.arena_used + m.arena_spans, m.used)), n++;
    stat_int(reply, "allocator-fragmentation.bytes", m.arena_spans - m.arena_used), n++;
    stat_double(reply, "fragmentation", ratio(m.rss, m.used)), n++;
    stat_int(reply, "fragmentation.bytes", m.rss > m.used ? m.rss - m.used : 0), n++;
    reply_map_at(reply, place, n);
}

/* ---- DOCTOR ---------------------------------------------------------------------------------- */

#define LITTLE_BYTES (5u << 20)

static void run_doctor(struct call *call)
{
    uint64_t limit = store_max_memory(server_the->store);
    struct partition_stats stats;
    struct info_memory m;
    struct text text = {0};

    info_memory(server_the, &m);
    store_stats(server_the->store, &stats);
    if (!store_can_write(server_the->store))
        text_add(&text, " * Writes are refused: the process is larger than storage.rss_max.\n");
    if (stats.oom > 0)
        text_add(&text, " * %llu writes found no room under the memory limit, and the eviction "
                        "policy gave none: raise maxmemory, or choose a policy that evicts.\n",
                 (unsigned long long)stats.oom);
    if (limit > 0 && stats.used_bytes > limit)
        text_add(&text, " * More is stored than maxmemory allows; writes are making room.\n");
    if (m.dataset > LITTLE_BYTES && m.arena_spans > m.arena_used + m.arena_used / 2)
        text_add(&text, " * Entries fill less than two thirds of the pages taken for them: sizes "
                        "have changed since they were written.  Overwriting or deleting old keys "
                        "gives pages back.\n");
    if (m.used > LITTLE_BYTES && m.rss > m.used + m.used / 2)
        text_add(&text, " * The process is much larger than what it uses: MEMORY PURGE gives "
                        "unused pages back.\n");
    if (m.peak > m.used + m.used / 2 && m.peak > LITTLE_BYTES)
        text_add(&text, " * At its peak the node used more than one and a half times as much as "
                        "now; part of the process' size may stem from then.\n");
    if (text.used == 0 && !text.failed) text_add(&text, "Nothing to complain of.\n");
    text_reply(call, &text);
}

/* ---- the allocator --------------------------------------------------------------------------- */

static void run_purge(struct call *call)
{
    char name[32];

    if (mallctl != NULL) {
        snprintf(name, sizeof name, "arena.%d.purge", EVERY_ARENA);
        if (mallctl(name, NULL, NULL, NULL, 0) != 0) {
            call_error(call, "Error purging dirty pages");
            return;
        }
    } else {
        malloc_trim(0);
    }
    reply_ok(call->reply);
}

static void add_stats(void *arg, const char *line)
{
    text_add(arg, "%s", line);
}

static void run_malloc_stats(struct call *call)
{
    struct text text = {0};
    char *said = NULL;
    size_t bytes = 0;
    FILE *out;

    if (malloc_stats_print != NULL) {
        malloc_stats_print(add_stats, &text, NULL);
    } else if ((out = open_memstream(&said, &bytes)) != NULL) {
        malloc_info(0, out);
        fclose(out);
        text_add_bytes(&text, said, bytes);
        free(said);
    }
    text_reply(call, &text);
}

#define ROW(name, run, since, summary)                                                             \
    CMD_ROW("memory|" name, run, 2, COMMAND_LOADING, "server", since, "", summary)

const struct command cmd_rows_memory[] = {
    ROW("doctor", run_doctor, "4.0.0", "Says in sentences what is wrong with the memory."),
    ROW("help", cmd_help, "4.0.0", "Lists the subcommands."),
    ROW("malloc-stats", run_malloc_stats, "4.0.0", "Replies what the allocator says of itself."),
    ROW("purge", run_purge, "4.0.0", "Gives unused pages back to the system."),
    ROW("stats", run_stats, "4.0.0", "Replies where the memory is."),
    {.name = "memory|usage",
     .run = command_memory_usage,
     .arity = -3,
     .flags = COMMAND_READ,
     .first_key = 2,
     .last_key = 2,
     .key_step = 1,
     .group = "server",
     .since = "4.0.0",
     .syntax = "key [SAMPLES count]",
     .summary = "Replies the bytes that a key and its value take."},
    CMD_END,
};
