/* config.h - what the operator wants: every key, where its value came from, how it changes.
 *
 * One row per key (config_table.c) drives everything: the INI file, the environment, the command
 * line, CONFIG GET and SET, --describe, --check-config and config/loomcache.ini.  Precedence:
 * command line, environment, file, default.  Sections of plugins ([eviction.s3fifo]) are checked
 * against the plugin's own table, so config_load() also loads the plugins.
 *
 * Threads.  Loading is single-threaded.  After that, config_get(), config_set(), config_reload(),
 * config_rewrite() are [any-thread]: they take the lock.  The fields of struct config may be read
 *   - directly by anybody, if the row says "restart" (CONFIG_LIVE is not set): they never change;
 *   - a live one only inside on_change() or between config_lock() and config_unlock().  What hot
 *     code needs, on_change() copies into an atomic of the reader's own.  A live string is freed
 *     by the next change: copy it.
 */
#ifndef CORE_SERVER_CONFIG_H
#define CORE_SERVER_CONFIG_H

#include <stdio.h>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/plugin/describe.h"
#include "core/plugin/options.h"
#include "core/plugin/registry.h"

/* The keys, in the order of the file.  The row of each is in config_table.c. */
enum config_key {
    CONFIG_NODE_ID,
    CONFIG_SERVER_ENABLED,
    CONFIG_SERVER_BIND,
    CONFIG_SERVER_PORT,
    CONFIG_SERVER_THREADS,
    CONFIG_SERVER_ALLOW_OPEN,
    CONFIG_SERVER_REQUIREPASS,
    CONFIG_SERVER_PERSISTENCE_ENABLED,
    CONFIG_SERVER_DATABASES,
    CONFIG_SERVER_MAX_CLIENTS,
    CONFIG_SERVER_QUERY_BUFFER_MAX,
    CONFIG_SERVER_BULK_MAX,
    CONFIG_SERVER_ARGS_MAX,
    CONFIG_SERVER_INLINE_MAX,
    CONFIG_SERVER_OUTPUT_BUFFER_MAX,
    CONFIG_SERVER_IDLE_TIMEOUT,
    CONFIG_SERVER_TCP_KEEPALIVE,
    CONFIG_SERVER_BACKLOG,
    CONFIG_SERVER_SLOWLOG_THRESHOLD,
    CONFIG_SERVER_SLOWLOG_LEN,
    CONFIG_SERVER_LATENCY_THRESHOLD,
    CONFIG_STORAGE_BACKEND,
    CONFIG_STORAGE_MAX_MEMORY,
    CONFIG_STORAGE_MAX_ITEMS,
    CONFIG_STORAGE_RSS_MAX,
    CONFIG_STORAGE_PARTITIONS,
    CONFIG_STORAGE_COMPRESS,
    CONFIG_STORAGE_COMPRESS_MIN,
    CONFIG_STORAGE_INLINE_MAX,
    CONFIG_STORAGE_EXPIRE_INTERVAL,
    CONFIG_EVICTION_POLICY,
    CONFIG_DISCOVERY_PLUGIN,
    CONFIG_EXPORTER_PLUGINS,
    CONFIG_PLUGINS_PATH,
    CONFIG_PLUGINS_LOAD,
    CONFIG_HEALTH_PORT,
    CONFIG_HEALTH_BIND,
    CONFIG_LOG_LEVEL,
    CONFIG_LOG_FORMAT,
    CONFIG_LOG_FILE,
    CONFIG_SHUTDOWN_DRAIN,
    CONFIG_KEYS
};

enum config_compress { CONFIG_COMPRESS_NONE = 0, CONFIG_COMPRESS_LZ4 };

enum config_origin {
    CONFIG_FROM_DEFAULT = 0,
    CONFIG_FROM_FILE,
    CONFIG_FROM_ENVIRONMENT,
    CONFIG_FROM_COMMAND_LINE,
    CONFIG_FROM_CLIENT /* CONFIG SET */
};

#define CONFIG_EXPORTERS_MAX 8
#define CONFIG_ADDRESSES_MAX 16
#define CONFIG_WARNINGS_MAX 64

struct config_plan; /* private: origins, settings, the file as it was read */

struct config {
    /* Fields marked * are live: see Threads above. */
    struct {
        const char *id; /* never empty: the host name unless set */
    } node;
    struct {
        bool enabled; /* false: no client listener */
        const char *bind; /* see config_addresses() */
        uint32_t port; /* 0: no client listener */
        uint32_t threads; /* 0: one per core; see config_threads() */
        bool allow_open;
        const char *requirepass; /* * "": none */
        bool persistence_enabled;
        uint32_t databases;
        uint32_t max_clients;           /* * */
        uint64_t query_buffer_max_bytes; /* * */
        uint64_t bulk_max_bytes;        /* * */
        uint32_t args_max;              /* * */
        uint64_t inline_max_bytes;      /* * */
        uint64_t output_buffer_max_bytes; /* * */
        uint32_t idle_timeout_ms;       /* * 0: never */
        uint32_t tcp_keepalive_ms;      /* * 0: off; for connections accepted from now on */
        uint32_t backlog;
        int64_t slowlog_threshold_us; /* * -1: off; 0: everything */
        uint32_t slowlog_len;         /* * */
        uint32_t latency_threshold_ms; /* * 0: off */
    } server;
    struct {
        const char *backend;
        uint64_t max_memory_bytes; /* * 0: no limit */
        uint32_t max_items;        /* * 0: no limit */
        uint64_t rss_max_bytes;    /* * 0: no guard */
        uint32_t partitions;       /* a power of two, 1 to 256 */
        uint32_t compress;         /* * enum config_compress */
        uint64_t compress_min_bytes; /* * */
        uint64_t inline_max_bytes; /* larger values are blobs */
        uint32_t expire_interval_ms; /* * */
    } storage;
    struct {
        const char *policy;
    } eviction;
    struct {
        const char *plugin;
    } discovery;
    struct {
        const char *plugins; /* comma list */
    } exporter;
    struct {
        const char *path; /* never empty after loading: the default is filled in */
        const char *load;
    } plugins;
    struct {
        uint32_t port; /* 0: no health listener */
        const char *bind;
    } health;
    struct {
        uint32_t level;  /* * enum loom_log_level */
        uint32_t format; /* * enum log_format */
        const char *file; /* * "": standard error */
    } log;
    struct {
        uint32_t drain_ms; /* * */
    } shutdown;

    /* The chosen plugins, loaded and checked. */
    struct registry *registry;
    const struct plugin *storage_plugin, *eviction_plugin, *discovery_plugin;
    const struct plugin *exporter_plugins[CONFIG_EXPORTERS_MAX];
    size_t n_exporters;

    /* Sentences for the log, once there is one: unknown LOOMCACHE_ variables. */
    char *warnings[CONFIG_WARNINGS_MAX];
    size_t n_warnings;

    struct config_plan *plan;
};

/* --- the command line (config_args.c) --------------------------------------------------------- */

enum config_mode {
    CONFIG_RUN,
    CONFIG_CHECK,
    CONFIG_DESCRIBE,
    CONFIG_COMMANDS,
    CONFIG_HEALTHCHECK,
    CONFIG_HELP,
    CONFIG_VERSION
};
#define CONFIG_ARGS_MAX 256

/* loomcache [FILE | --config FILE] [--port N] [--set section.key=value]... [--check-config FILE]
 *           [--describe] [--json] [--commands] [--healthcheck] [--help] [--version] */
struct config_args {
    enum config_mode mode;
    bool json;        /* --describe --json */
    const char *file; /* NULL: none */
    const char *sets[CONFIG_ARGS_MAX]; /* "section.key=value"; the last of one key wins */
    size_t n_sets;
    char port_set[32]; /* --port N as a set */
};
/* config_args_parse - LOOM_E_CONFIG: a usage error.  Borrows argv. */
int config_args_parse(int argc, char *const *argv, struct config_args *ret, struct error *error);
void config_usage(FILE *out);

/* --- loading ---------------------------------------------------------------------------------- */

/* config_load - everything: file, environment, command line, plugins, checks across keys.
 *   environment  as environ; NULL: none
 * Errors: LOOM_E_CONFIG, LOOM_E_IO (file), LOOM_E_NOMEM, with the place in the sentence. */
int config_load(const struct config_args *args, char *const *environment, struct config **ret,
                struct error *error);
/* config_free - also forgets the plugins: their instances must be gone.  NULL is fine. */
void config_free(struct config *config);

/* config_check - what `loomcache --check-config FILE` does: load, say so, exit code 0 or 2. */
int config_check(const struct config_args *args, char *const *environment, FILE *out, FILE *err);
/* config_describe - what `loomcache --describe` does, plugins of the path included.  The core's
 * metrics come from the caller.  Exit code 0 or 2. */
int config_describe(const struct config_args *args, char *const *environment,
                    const struct describe_metric *metrics, size_t n_metrics, FILE *out, FILE *err);

/* config_settings - the keys set for one plugin, to hand to plugin_instance_create(). */
const struct option_setting *config_settings(const struct config *config, enum plugin_kind kind,
                                             const char *name, size_t *ret_n);

/* config_threads - server.threads, resolved: at least 1, at most 64. */
uint32_t config_threads(const struct config *config);

/* One address to listen on. */
struct config_address {
    char text[46]; /* numeric */
    int family;    /* AF_INET, AF_INET6 */
    bool loopback;
    bool dual; /* "::" that takes IPv4 too: IPV6_V6ONLY off.  Without IPv6: try 0.0.0.0 */
};
/* config_addresses - a bind list taken apart: "localhost" is 127.0.0.1 and ::1 (either may be
 * missing on a machine, not both), "*" any address.  Returns how many, or LOOM_E_CONFIG. */
int config_addresses(const char *bind, struct config_address *ret, size_t room,
                     struct error *error);

/* --- while running ---------------------------------------------------------------------------- */

/* Called with the lock held, after the field has its new value.  Not 0: the change is refused,
 * the old value comes back (and is announced again).  Must not call config_*() except
 * config_addresses() and config_threads(). */
void config_on_change(struct config *config,
                      int (*on_change)(void *arg, enum config_key key, struct error *error),
                      void *arg);

void config_lock(struct config *config);
void config_unlock(struct config *config);

struct config_pair {
    struct slice name, value;
};
/* config_set - CONFIG SET: all pairs or none.  Names are ours ("server.max_clients") or Redis'
 * ("maxclients"), in any case.  *ret_at is the pair an error is about. */
int config_set(struct config *config, const struct config_pair *pairs, size_t n_pairs,
               size_t *ret_at, struct error *error);
/* config_get - CONFIG GET: every name of ours or Redis' that matches the glob, each once. */
void config_get(struct config *config, struct slice glob,
                void (*each)(void *arg, const char *name, const char *value), void *arg);
/* config_rewrite - CONFIG REWRITE: what CONFIG SET changed goes into the file; comments and order
 * stay.  A new file is renamed over the old one. */
int config_rewrite(struct config *config, struct error *error);
/* config_reload - SIGHUP: read the file again.  Keys whose value in the file has changed since it
 * was last read are applied if they are live, else reported; the others keep what CONFIG SET gave
 * them.  An error in the file: nothing is applied.  said(): one sentence per applied key, and per
 * key that needs a restart. */
int config_reload(struct config *config,
                  void (*said)(void *arg, enum loom_log_level level, const char *sentence),
                  void *arg, struct error *error);
const char *config_file(const struct config *config); /* NULL: none */

/* --- the table (config_table.c) --------------------------------------------------------------- */

#define CONFIG_LIVE 1u   /* CONFIG SET and SIGHUP may change it */
#define CONFIG_SECRET 2u /* never in a log or an error */

#define CONFIG_CHOICES_MAX 8
struct config_row {
    const char *section;
    struct loom_option option; /* offset in struct config */
    uint32_t flags;
    const char *redis; /* Redis' name of the key, NULL: none */
    const char *const *choices; /* words, NULL at the end: a U32 field holds the index.  Or NULL */
    /* What type and range cannot say; NULL: nothing.  The sentence starts with "expected ...". */
    int (*verify)(const struct option_value *value, struct error *error);
};
const struct config_row *config_row(enum config_key key);
/* config_row_find - by section and key; CONFIG_KEYS: no such key. */
enum config_key config_row_find(const char *section, const char *key);
/* config_row_parse - text to a checked value; LOOM_E_CONFIG with "expected ...", no place. */
int config_row_parse(const struct config_row *row, const char *text, struct option_value *ret,
                     struct error *error);
/* config_row_format - the value as the file would have it.  config_row_accepts - the accepted
 * form in words.  Both return at. */
char *config_row_format(const struct config_row *row, const struct option_value *value, char *at,
                        size_t bytes);
char *config_row_accepts(const struct config_row *row, char *at, size_t bytes);
enum config_origin config_origin(const struct config *config, enum config_key key);

#endif
