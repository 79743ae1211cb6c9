/* config_table.c - one row per key of the core: name, type, default, range, what it means.
 *
 * Everything else about configuration is generic.  A new key is a line in enum config_key, a field
 * in struct config and a row here; tests then ask for its line in config/loomcache.ini. */
#include "core/server/config.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"

static const char *const compress_choices[] = {"none", "lz4", NULL};
static const char *const level_choices[] = {"debug", "info", "warn", "error", NULL};
static const char *const format_choices[] = {"text", "json", NULL};

/* --- what type and range cannot say ----------------------------------------------------------- */

static int verify_id(const struct option_value *value, struct error *error)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    if (value->as.text[strspn(value->as.text, letters)] == '\0') return 0;
    return error_set(error, LOOM_E_CONFIG,
                     "expected letters, digits, dots, dashes and underscores only");
}

static int verify_bind(const struct option_value *value, struct error *error)
{
    struct config_address all[CONFIG_ADDRESSES_MAX];
    int n = config_addresses(value->as.text, all, CONFIG_ADDRESSES_MAX, error);

    return n < 0 ? n : 0;
}

static int verify_persistence(const struct option_value *value, struct error *error)
{
    if (!value->as.truth) return 0;
    return error_set(error, LOOM_E_CONFIG,
                     "expected false: this version keeps everything in memory and cannot persist "
                     "it; a node that only seems durable would lose data");
}

static int verify_databases(const struct option_value *value, struct error *error)
{
    if (value->as.whole == 16) return 0;
    return error_set(error, LOOM_E_CONFIG, "expected 16: the number of databases is fixed");
}

static int verify_partitions(const struct option_value *value, struct error *error)
{
    uint64_t n = value->as.whole;

    if (n != 0 && (n & (n - 1)) == 0) return 0;
    return error_set(error, LOOM_E_CONFIG,
                     "expected a power of two: 1, 2, 4, 8, 16, 32, 64, 128 or 256");
}

/* The same in words, for --describe. */
static const struct {
    int (*verify)(const struct option_value *value, struct error *error);
    const char *accepts;
} accepted[] = {
    {verify_id, "up to 64 letters, digits, dots, dashes and underscores"},
    {verify_bind, "localhost, * or numeric addresses, separated by commas"},
    {verify_persistence, "false"},
    {verify_databases, "16"},
    {verify_partitions, "a power of two from 1 to 256"},
};

/* --- the rows --------------------------------------------------------------------------------- */

#define KIB 1024.0
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)
#define MINUTE 60000.0
#define DAY (24 * 60 * MINUTE)

#define ROW(section_, type, key, field, preset, min, max, flags_, redis_, choices_, verify_, help) \
    {                                                                                              \
        .section = section_,                                                                       \
        .option = {key, type, (uint32_t)offsetof(struct config, field), preset, help, min, max},   \
        .flags = flags_, .redis = redis_, .choices = choices_, .verify = verify_                   \
    }
#define U32(s, key, field, preset, min, max, flags, redis, help)                                   \
    ROW(s, LOOM_OPT_U32, key, field, preset, min, max, flags, redis, NULL, NULL, help)
#define SIZE(s, key, field, preset, min, max, flags, redis, help)                                  \
    ROW(s, LOOM_OPT_SIZE, key, field, preset, min, max, flags, redis, NULL, NULL, help)
#define MS(s, key, field, preset, min, max, flags, redis, help)                                    \
    ROW(s, LOOM_OPT_MS, key, field, preset, min, max, flags, redis, NULL, NULL, help)
#define BOOL(s, key, field, preset, flags, verify, help)                                           \
    ROW(s, LOOM_OPT_BOOL, key, field, preset, 0, 0, flags, NULL, NULL, verify, help)
#define STR(s, key, field, preset, max, flags, redis, verify, help)                                \
    ROW(s, LOOM_OPT_STR, key, field, preset, 0, max, flags, redis, NULL, verify, help)
#define CHOICE(s, key, field, preset, flags, redis, choices, help)                                 \
    ROW(s, LOOM_OPT_U32, key, field, preset, 0, 0, flags, redis, choices, NULL, help)

static const struct config_row rows[CONFIG_KEYS] = {
    [CONFIG_NODE_ID] = STR("node", "id", node.id, "", 64, 0, NULL, verify_id,
        "Name of this node, shown in logs and metrics; empty: the host name."),

    [CONFIG_SERVER_ENABLED] = BOOL("server", "enabled", server.enabled, "true", 0, NULL,
        "Whether clients are served; false leaves only the health and metrics ports."),
    [CONFIG_SERVER_BIND] = STR("server", "bind", server.bind, "localhost", 1024, 0, NULL,
        verify_bind,
        "Addresses to listen on, separated by commas; localhost is 127.0.0.1 and ::1, "
        "* is every address."),
    [CONFIG_SERVER_PORT] = U32("server", "port", server.port, "7654", 0, 65535, 0, "port",
        "TCP port for clients; 0: no listener."),
    [CONFIG_SERVER_THREADS] = U32("server", "threads", server.threads, "0", 0, 64, 0, NULL,
        "I/O threads; 0: one per processor, at most 64."),
    [CONFIG_SERVER_ALLOW_OPEN] = BOOL("server", "allow_open", server.allow_open, "false", 0, NULL,
        "Allow other machines to connect without a password."),
    [CONFIG_SERVER_REQUIREPASS] = STR("server", "requirepass", server.requirepass, "", 512,
        CONFIG_LIVE | CONFIG_SECRET, "requirepass", NULL,
        "Password that clients send with AUTH; empty: none."),
    [CONFIG_SERVER_PERSISTENCE_ENABLED] = BOOL("server", "persistence_enabled",
        server.persistence_enabled, "false", 0, verify_persistence,
        "Keep data on disk; this version cannot yet, true is refused."),
    [CONFIG_SERVER_DATABASES] = ROW("server", LOOM_OPT_U32, "databases", server.databases, "16",
        0, 0, 0, "databases", NULL, verify_databases,
        "Databases to SELECT from; always 16."),
    [CONFIG_SERVER_MAX_CLIENTS] = U32("server", "max_clients", server.max_clients, "10000", 1,
        1000000, CONFIG_LIVE, "maxclients",
        "Connections at a time; one more gets an error and is closed."),
    [CONFIG_SERVER_QUERY_BUFFER_MAX] = SIZE("server", "query_buffer_max",
        server.query_buffer_max_bytes, "1GiB", MIB, TIB, CONFIG_LIVE, "client-query-buffer-limit",
        "Bytes one client may have sent that are not executed yet; beyond, it is closed."),
    [CONFIG_SERVER_BULK_MAX] = SIZE("server", "bulk_max", server.bulk_max_bytes, "512MiB", MIB,
        512 * MIB, CONFIG_LIVE, "proto-max-bulk-len",
        "Largest single argument, so also the largest value."),
    [CONFIG_SERVER_ARGS_MAX] = U32("server", "args_max", server.args_max, "1048576", 1024,
        16777216, CONFIG_LIVE, NULL,
        "Arguments of one command, its name included."),
    [CONFIG_SERVER_INLINE_MAX] = SIZE("server", "inline_max", server.inline_max_bytes, "64KiB",
        KIB, MIB, CONFIG_LIVE, NULL,
        "Length of a command typed as a plain line."),
    [CONFIG_SERVER_OUTPUT_BUFFER_MAX] = SIZE("server", "output_buffer_max",
        server.output_buffer_max_bytes, "1GiB", MIB, TIB, CONFIG_LIVE,
        "client-output-buffer-limit",
        "Bytes of replies waiting for one client that reads too slowly; beyond, it is closed."),
    [CONFIG_SERVER_IDLE_TIMEOUT] = MS("server", "idle_timeout", server.idle_timeout_ms, "0", 0,
        30 * DAY, CONFIG_LIVE, "timeout",
        "Close a client that has sent nothing for this long; 0: never."),
    [CONFIG_SERVER_TCP_KEEPALIVE] = MS("server", "tcp_keepalive", server.tcp_keepalive_ms, "300s",
        0, DAY, CONFIG_LIVE, "tcp-keepalive",
        "Probe a silent connection after this long, to find dead peers; 0: never."),
    [CONFIG_SERVER_BACKLOG] = U32("server", "backlog", server.backlog, "511", 1, 65535, 0,
        "tcp-backlog",
        "Connections the kernel keeps waiting to be accepted."),
    [CONFIG_SERVER_SLOWLOG_THRESHOLD] = ROW("server", OPTION_US, "slowlog_threshold",
        server.slowlog_threshold_us, "10ms", 0, 0, CONFIG_LIVE, "slowlog-log-slower-than", NULL,
        NULL, "Commands that take longer are kept for SLOWLOG; 0: all, off: none."),
    [CONFIG_SERVER_SLOWLOG_LEN] = U32("server", "slowlog_len", server.slowlog_len, "128", 0,
        100000, CONFIG_LIVE, "slowlog-max-len",
        "Slow commands that are remembered."),
    [CONFIG_SERVER_LATENCY_THRESHOLD] = MS("server", "latency_threshold",
        server.latency_threshold_ms, "0", 0, DAY, CONFIG_LIVE, "latency-monitor-threshold",
        "Events that take at least this long are kept for LATENCY; 0: off."),

    [CONFIG_STORAGE_BACKEND] = STR("storage", "backend", storage.backend, "memory",
        OPTION_KEY_MAX - 1, 0, NULL, NULL,
        "Storage plugin that holds the items."),
    [CONFIG_STORAGE_MAX_MEMORY] = SIZE("storage", "max_memory", storage.max_memory_bytes, "1GiB",
        0, 1024 * TIB, CONFIG_LIVE, "maxmemory",
        "Memory for items, counted as the allocator takes it; 0: no limit."),
    [CONFIG_STORAGE_MAX_ITEMS] = U32("storage", "max_items", storage.max_items, "0", 0, UINT32_MAX,
        CONFIG_LIVE, NULL,
        "Items at a time; 0: no limit."),
    [CONFIG_STORAGE_RSS_MAX] = SIZE("storage", "rss_max", storage.rss_max_bytes, "0", 0,
        1024 * TIB, CONFIG_LIVE, NULL,
        "Refuse writes while the process is larger than this; 0: no guard."),
    [CONFIG_STORAGE_PARTITIONS] = ROW("storage", LOOM_OPT_U32, "partitions", storage.partitions,
        "16", 1, 256, 0, NULL, NULL, verify_partitions,
        "Parts with a lock of their own; a power of two."),
    [CONFIG_STORAGE_COMPRESS] = CHOICE("storage", "compress", storage.compress, "none",
        CONFIG_LIVE, NULL, compress_choices,
        "Keep values compressed where that makes them smaller: none or lz4."),
    [CONFIG_STORAGE_COMPRESS_MIN] = SIZE("storage", "compress_min", storage.compress_min_bytes,
        "1KiB", 64, 512 * MIB, CONFIG_LIVE, NULL,
        "Smallest value that is worth compressing."),
    [CONFIG_STORAGE_INLINE_MAX] = SIZE("storage", "inline_max", storage.inline_max_bytes, "16KiB",
        KIB, 31 * KIB, 0, NULL,
        "Values up to this size lie beside their key; larger ones apart, and are sent uncopied."),
    [CONFIG_STORAGE_EXPIRE_INTERVAL] = MS("storage", "expire_interval", storage.expire_interval_ms,
        "100ms", 10, MINUTE, CONFIG_LIVE, NULL,
        "How often expired items that nobody asks for are looked for."),

    [CONFIG_EVICTION_POLICY] = STR("eviction", "policy", eviction.policy, "s3fifo",
        OPTION_KEY_MAX - 1, 0, "maxmemory-policy", NULL,
        "Eviction plugin that decides what leaves at the limit; none: nothing does, writes fail."),

    [CONFIG_DISCOVERY_PLUGIN] = STR("discovery", "plugin", discovery.plugin, "static",
        OPTION_KEY_MAX - 1, 0, NULL, NULL,
        "Discovery plugin that says who the peers are."),

    [CONFIG_EXPORTER_PLUGINS] = STR("exporter", "plugins", exporter.plugins, "prometheus", 400, 0,
        NULL, NULL,
        "Exporter plugins that publish the metrics, separated by commas; empty: none."),

    [CONFIG_PLUGINS_PATH] = STR("plugins", "path", plugins.path, "", 2048, 0, NULL, NULL,
        "Folders with plugins, separated by colons; empty: plugins/ beside the program, else where "
        "they were installed."),
    [CONFIG_PLUGINS_LOAD] = STR("plugins", "load", plugins.load, "", 2048, 0, NULL, NULL,
        "More plugin files to load, separated by commas: a path, or a name to look for in path."),

    [CONFIG_HEALTH_PORT] = U32("health", "port", health.port, "8080", 0, 65535, 0, NULL,
        "HTTP port for /health, /livez and /readyz; 0: no listener."),
    [CONFIG_HEALTH_BIND] = STR("health", "bind", health.bind, "localhost", 1024, 0, NULL,
        verify_bind,
        "Addresses of that port, as in [server] bind."),

    [CONFIG_LOG_LEVEL] = CHOICE("log", "level", log.level, "info", CONFIG_LIVE, "loglevel",
        level_choices,
        "Least important lines that are written: debug, info, warn or error."),
    [CONFIG_LOG_FORMAT] = CHOICE("log", "format", log.format, "text", CONFIG_LIVE, NULL,
        format_choices,
        "Lines for people or for programs: text or json."),
    [CONFIG_LOG_FILE] = STR("log", "file", log.file, "", 2048, CONFIG_LIVE, "logfile", NULL,
        "File to append to, opened again on SIGHUP; empty: standard error."),

    [CONFIG_SHUTDOWN_DRAIN] = MS("shutdown", "drain", shutdown.drain_ms, "200ms", 0, 10 * MINUTE,
        CONFIG_LIVE, NULL,
        "After a request to stop, wait this long for replies on their way before closing."),
};

/* --- using them ------------------------------------------------------------------------------- */

const struct config_row *config_row(enum config_key key)
{
    LOOM_ASSERT((unsigned)key < CONFIG_KEYS);
    return &rows[key];
}

enum config_key config_row_find(const char *section, const char *key)
{
    for (int i = 0; i < CONFIG_KEYS; i++)
        if (strcmp(rows[i].section, section) == 0 && strcmp(rows[i].option.key, key) == 0)
            return (enum config_key)i;
    return CONFIG_KEYS;
}

char *config_row_accepts(const struct config_row *row, char *at, size_t bytes)
{
    size_t used = 0;

    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        if (row->verify != accepted[i].verify) continue;
        snprintf(at, bytes, "%s", accepted[i].accepts);
        return at;
    }
    if (row->choices == NULL) return option_accepts(&row->option, at, bytes);
    for (size_t i = 0; row->choices[i] != NULL && used < bytes; i++)
        used += (size_t)snprintf(at + used, bytes - used, "%s%s", i == 0 ? "" : " or ",
                                 row->choices[i]);
    return at;
}

int config_row_parse(const struct config_row *row, const char *text, struct option_value *ret,
                     struct error *error)
{
    struct option_value value = {.type = row->option.type};
    char form[160];
    int rc;

    if (row->choices != NULL) {
        for (size_t i = 0; row->choices[i] != NULL; i++) {
            if (strcasecmp(row->choices[i], text) != 0) continue;
            value.as.whole = i;
            *ret = value;
            return 0;
        }
        return error_set(error, LOOM_E_CONFIG, "expected %s",
                         config_row_accepts(row, form, sizeof form));
    }
    rc = option_parse(&row->option, text, &value, error);
    if (rc == 0 && row->verify != NULL) rc = row->verify(&value, error);
    if (rc == 0) *ret = value;
    return rc;
}

char *config_row_format(const struct config_row *row, const struct option_value *value, char *at,
                        size_t bytes)
{
    if (row->choices == NULL) return option_format(value, at, bytes);
    snprintf(at, bytes, "%s", row->choices[value->as.whole]);
    return at;
}
