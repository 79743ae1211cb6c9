/* INFO: the shape that tools parse, and that its numbers are the node's. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/server/info.h"
#include "tests/unit/server/cmd_kit.h"

/* The value of a field, good until the next; NULL: there is none such. */
static const char *field(struct cmd_kit *kit, const char *section, const char *name)
{
    static char value[256];
    char line[64], wanted[80];
    const char *text, *at;

    snprintf(line, sizeof line, "INFO %s", section);
    text = cmd_body(kit, line);
    snprintf(wanted, sizeof wanted, "\n%s:", name);
    at = strstr(text, wanted);
    if (at == NULL) return NULL;
    at += strlen(wanted);
    snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\r"), at);
    return value;
}

static uint64_t number(struct cmd_kit *kit, const char *section, const char *name)
{
    const char *value = field(kit, section, name);

    cr_assert_not_null(value, "no %s in %s", name, section);
    return strtoull(value, NULL, 10);
}

/* ---- shape ----------------------------------------------------------------------------------- */

static bool is_title(const char *line)
{
    return line[0] == '#' && line[1] == ' ' && line[2] >= 'A' && line[2] <= 'Z';
}

static bool is_field(const char *line)
{
    size_t n = strspn(line, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.|");

    return n > 0 && line[n] == ':';
}

/* Every line ends with CRLF and is a title after a blank line, or name:value with a new name. */
static size_t check_shape(const char *text)
{
    static char names[200][64];
    char line[512];
    size_t n = 0, titles = 0;
    bool blank = true;

    for (const char *at = text; *at != '\0';) {
        size_t bytes = strcspn(at, "\r\n");

        cr_assert_lt(bytes, sizeof line);
        memcpy(line, at, bytes);
        line[bytes] = '\0';
        at += bytes;
        cr_assert(at[0] == '\r' && at[1] == '\n', "no CRLF after: %s", line);
        at += 2;
        if (is_title(line)) {
            cr_expect(blank, "no blank line before %s", line);
            titles++;
        } else if (bytes > 0) {
            cr_expect(is_field(line), "neither title nor field: %s", line);
            snprintf(names[n], sizeof names[n], "%.*s", (int)strcspn(line, ":"), line);
            for (size_t i = 0; i < n; i++) cr_expect_str_neq(names[i], names[n]);
            cr_assert_lt(++n, 200);
        }
        blank = bytes == 0;
    }
    return titles;
}

Test(info, shape)
{
    struct cmd_kit kit;

    cmd_kit_open(&kit, NULL);
    cmd_say(&kit, "SET k v EX 100");
    cmd_say(&kit, "CONFIG GET nosuch");
    cmd_say(&kit, "GET");
    cr_expect_eq(check_shape(cmd_body(&kit, "INFO")), 10);
    cr_expect_eq(check_shape(cmd_body(&kit, "INFO all")), 12);
    cr_expect_eq(check_shape(cmd_body(&kit, "INFO everything default server")), 12);
    cr_expect_eq(check_shape(cmd_body(&kit, "INFO Server CPU server")), 2);
    cr_expect_eq(check_shape(cmd_body(&kit, "INFO keyspace")), 1);
    cr_expect_str_eq(cmd_body(&kit, "INFO keyspace"),
                     "# Keyspace\r\ndb0:keys=1,expires=1,avg_ttl=0\r\n");
    cr_expect_str_eq(cmd_say(&kit, "INFO nosuch"), "$0\r\n\r\n");
    cmd_say(&kit, "HELLO 3");
    cr_expect_eq(strncmp(cmd_say(&kit, "INFO cluster"), "=34\r\ntxt:# Cluster\r\n", 20), 0);
    cmd_kit_close(&kit);
}

/* What the tools and client libraries that we know of look up. */
Test(info, fields_that_tools_read)
{
    static const char *const fields[][2] = {
        {"server", "redis_version"}, {"server", "loomcache_version"}, {"server", "redis_mode"},
        {"server", "os"}, {"server", "arch_bits"}, {"server", "process_id"}, {"server", "run_id"},
        {"server", "tcp_port"}, {"server", "uptime_in_seconds"}, {"server", "uptime_in_days"},
        {"server", "hz"}, {"server", "executable"}, {"server", "config_file"},
        {"server", "io_threads_active"}, {"clients", "connected_clients"},
        {"clients", "maxclients"}, {"clients", "blocked_clients"}, {"memory", "used_memory"},
        {"memory", "used_memory_human"}, {"memory", "used_memory_rss"},
        {"memory", "used_memory_peak"}, {"memory", "used_memory_dataset"}, {"memory", "maxmemory"},
        {"memory", "maxmemory_human"}, {"memory", "maxmemory_policy"},
        {"memory", "mem_fragmentation_ratio"}, {"memory", "mem_allocator"},
        {"persistence", "loading"}, {"persistence", "rdb_last_save_time"},
        {"persistence", "aof_enabled"}, {"stats", "total_connections_received"},
        {"stats", "total_commands_processed"}, {"stats", "instantaneous_ops_per_sec"},
        {"stats", "total_net_input_bytes"}, {"stats", "rejected_connections"},
        {"stats", "expired_keys"}, {"stats", "evicted_keys"}, {"stats", "keyspace_hits"},
        {"stats", "keyspace_misses"}, {"replication", "role"}, {"replication", "connected_slaves"},
        {"replication", "master_replid"}, {"cpu", "used_cpu_sys"}, {"cluster", "cluster_enabled"},
        {"loomcache", "eviction_policy"}, {"loomcache", "partitions"},
        {"loomcache", "arena_fragmentation_ratio"}, {"loomcache", "compression_ratio"},
    };
    struct cmd_kit kit;

    cmd_kit_open(&kit, NULL);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        cr_expect_not_null(field(&kit, fields[i][0], fields[i][1]), "no %s in %s", fields[i][1],
                           fields[i][0]);
    cmd_kit_close(&kit);
}

/* ---- numbers --------------------------------------------------------------------------------- */

Test(info, numbers_are_the_nodes)
{
    struct cmd_kit kit;
    uint64_t before, after;

    cmd_kit_open(&kit, "storage.max_memory=64MiB");
    kit.server.limits.max_clients = 77;
    before = number(&kit, "memory", "used_memory_dataset");
    cmd_say(&kit, "SET a 1");
    cmd_say(&kit, "SET b 2 PX 100000");
    cmd_say(&kit, "GET a");
    cmd_say(&kit, "GET nosuch");
    cmd_say(&kit, "GET nosuch2");
    cmd_say(&kit, "GETX");
    after = number(&kit, "memory", "used_memory_dataset");
    cr_expect_gt(after, before);
    cr_expect_eq(after, store_used_bytes(kit.server.store));
    cr_expect_geq(number(&kit, "memory", "used_memory"), after);
    after = number(&kit, "memory", "used_memory");
    cr_expect_geq(number(&kit, "memory", "used_memory_peak"), after);
    cr_expect_gt(number(&kit, "memory", "used_memory_rss"), 1u << 20);
    cr_expect_eq(number(&kit, "memory", "maxmemory"), 64u << 20);
    cr_expect_str_eq(field(&kit, "memory", "maxmemory_human"), "64.00M");
    cr_expect_eq(number(&kit, "stats", "keyspace_hits"), 1);
    cr_expect_eq(number(&kit, "stats", "keyspace_misses"), 2);
    cr_expect_eq(number(&kit, "stats", "total_error_replies"), 1);
    cr_expect_eq(number(&kit, "stats", "total_commands_processed"), kit.loop.stats.commands);
    cr_expect_eq(number(&kit, "clients", "maxclients"), 77);
    cr_expect_eq(number(&kit, "clients", "connected_clients"), 1);
    cr_expect_eq(number(&kit, "loomcache", "items"), 2);
    cr_expect_eq(number(&kit, "loomcache", "items_expiring"), 1);
    cr_expect_eq(number(&kit, "loomcache", "partitions"), 4);
    cr_expect_str_eq(field(&kit, "loomcache", "eviction_policy"), "lru");
    cmd_say(&kit, "SELECT 3");
    cmd_say(&kit, "SET c 3");
    cr_expect_str_eq(cmd_body(&kit, "INFO keyspace"),
                     "# Keyspace\r\ndb0:keys=2,expires=1,avg_ttl=0\r\n"
                     "db3:keys=1,expires=0,avg_ttl=0\r\n");
    cmd_kit_close(&kit);
}

/* The same name of the policy wherever it is asked for. */
Test(info, policy_is_named_as_config_names_it)
{
    static const char *const sets[] = {"eviction.policy=none",        "eviction.policy=lru",
                                       "eviction.policy=lru_sampled", "eviction.policy=random",
                                       "eviction.policy=s3fifo",      "eviction.policy=fifo"};
    char wanted[128];
    struct cmd_kit kit;

    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        cmd_kit_open(&kit, sets[i]);
        const char *policy = field(&kit, "memory", "maxmemory_policy");

        snprintf(wanted, sizeof wanted, "*2\r\n$16\r\nmaxmemory-policy\r\n$%zu\r\n%s\r\n",
                 strlen(policy), policy);
        cr_expect_str_eq(cmd_say(&kit, "CONFIG GET maxmemory-policy"), wanted);
        cmd_kit_close(&kit);
    }
}

Test(info, commands_are_counted)
{
    struct cmd_kit kit;
    const char *stats;

    cmd_kit_open(&kit, NULL);
    cmd_say(&kit, "SET a x");
    cmd_say(&kit, "INCR a");
    cmd_say(&kit, "INCR a");
    cmd_say(&kit, "INCR");
    cmd_say(&kit, "INCR b");
    stats = field(&kit, "commandstats", "cmdstat_incr");
    cr_assert_not_null(stats);
    cr_expect_eq(strncmp(stats, "calls=3,usec=", 13), 0, "%s", stats);
    cr_expect_not_null(strstr(stats, "rejected_calls=1,failed_calls=2"), "%s", stats);
    cr_expect_null(field(&kit, "commandstats", "cmdstat_append"));
    stats = field(&kit, "latencystats", "latency_percentiles_usec_incr");
    cr_assert_not_null(stats);
    cr_expect_eq(sscanf(stats, "p50=%*f,p99=%*f,p99.9=%*f"), 0, "%s", stats);
    cmd_kit_close(&kit);
}

Test(info, resetstat)
{
    struct cmd_kit kit;

    cmd_kit_open(&kit, NULL);
    METRIC_SET(kit.server.stats.connections_received, 5);
    METRIC_SET(kit.server.stats.connections_rejected, 2);
    cmd_say(&kit, "GET nosuch");
    cmd_say(&kit, "NOSUCH");
    cr_expect_eq(number(&kit, "stats", "total_connections_received"), 5);
    cr_expect_eq(number(&kit, "stats", "keyspace_misses"), 1);
    cr_expect_str_eq(cmd_say(&kit, "CONFIG RESETSTAT"), OK);
    cr_expect_null(field(&kit, "commandstats", "cmdstat_get"));
    cr_expect_null(field(&kit, "latencystats", "latency_percentiles_usec_get"));
    cr_expect_eq(number(&kit, "stats", "total_connections_received"), 0);
    cr_expect_eq(number(&kit, "stats", "rejected_connections"), 0);
    cr_expect_eq(number(&kit, "stats", "keyspace_misses"), 0);
    cr_expect_eq(number(&kit, "stats", "total_error_replies"), 0);
    cr_expect_lt(number(&kit, "stats", "total_commands_processed"), 9);
    METRIC_SET(kit.server.stats.connections_received, 6);
    cr_expect_eq(number(&kit, "stats", "total_connections_received"), 1);
    cmd_kit_close(&kit);
}

Test(info, rates_come_from_samples)
{
    struct info_rates rates;
    struct cmd_kit kit;

    cmd_kit_open(&kit, NULL);
    info_rates(&kit.server, &rates);
    cr_expect_eq(rates.commands, 0, "no sample yet");
    info_tick(&kit.server, 50);
    cr_expect_eq(info_hz(), 20);
    cr_expect_eq(number(&kit, "server", "hz"), 20);
    METRIC_ADD(kit.loop.stats.commands, 1000000000);
    info_rates(&kit.server, &rates);
    cr_expect_gt(rates.commands, 1000000, "a thousand million since a moment ago");
    cr_expect_eq(rates.bytes_in, 0);
    cr_assert_eq(info_reset(&kit.server, &kit.loop), 0);
    info_rates(&kit.server, &rates);
    cr_expect_eq(rates.commands, 0);
    cmd_kit_close(&kit);
}

Test(info, works_inside_multi)
{
    struct cmd_kit kit;

    cmd_kit_open(&kit, NULL);
    CMD_STEPS(&kit, {"MULTI", OK}, {"SET k v", "+QUEUED\r\n"}, {"INFO keyspace", "+QUEUED\r\n"},
              {"MEMORY DOCTOR", "+QUEUED\r\n"},
              {"EXEC", "*3\r\n+OK\r\n$44\r\n# Keyspace\r\ndb0:keys=1,expires=0,avg_ttl=0\r\n\r\n"
                       "$24\r\nNothing to complain of.\n\r\n"});
    cmd_kit_close(&kit);
}

Test(info, without_memory_an_error)
{
    struct cmd_kit kit;

    cmd_kit_open(&kit, NULL);
    cr_expect_gt(cmd_failures(&kit, "INFO cluster"), 0);
    cmd_kit_close(&kit);
}
