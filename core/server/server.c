/* server.c - putting the node together and taking it apart; see server.h. */
#include "core/server/server.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/server/control.h"
#include "core/server/latency.h"
#include "core/server/listen.h"
#include "core/server/loop.h"
#include "core/server/metrics.h"
#include "core/server/run.h"
#include "core/server/slowlog.h"

struct server *server_the;

/* ---- the password ---------------------------------------------------------------------------- */

int server_password_set(struct server *server, const char *password)
{
    char *copy = NULL, *was;

    if (password != NULL && password[0] != '\0') {
        copy = mem_strdup(MEM_CONFIG, password);
        if (copy == NULL) return LOOM_E_NOMEM;
    }
    pthread_mutex_lock(&server->password_lock);
    was = server->password;
    __atomic_store_n(&server->password, copy, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&server->password_lock);
    mem_free(MEM_CONFIG, was);
    return 0;
}

bool server_password_is(struct server *server, struct slice attempt)
{
    bool same;

    pthread_mutex_lock(&server->password_lock);
    same = server->password == NULL ||
           bytes_equal_secret(slice_of(server->password, strlen(server->password)), attempt);
    pthread_mutex_unlock(&server->password_lock);
    return same;
}

bool server_password_wanted(const struct server *server)
{
    return __atomic_load_n(&server->password, __ATOMIC_ACQUIRE) != NULL;
}

void server_audit(struct server *server, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    __atomic_fetch_add(&server->stats.audit_events, 1, __ATOMIC_RELAXED);
    LOG_INFO("audit", "%s", text);
}

/* ---- live configuration ---------------------------------------------------------------------- */

static void copy_limits(struct server *server)
{
    const struct config *config = server->config;
    struct server_limits *limits = &server->limits;

    METRIC_SET(limits->max_clients, config->server.max_clients);
    METRIC_SET(limits->query_buffer_max, config->server.query_buffer_max_bytes);
    METRIC_SET(limits->bulk_max, config->server.bulk_max_bytes);
    METRIC_SET(limits->inline_max, config->server.inline_max_bytes);
    METRIC_SET(limits->output_buffer_max, config->server.output_buffer_max_bytes);
    METRIC_SET(limits->args_max, config->server.args_max);
    METRIC_SET(limits->idle_timeout_ms, config->server.idle_timeout_ms);
    METRIC_SET(limits->tcp_keepalive_ms, config->server.tcp_keepalive_ms);
}

static void set_slow(struct server *server)
{
    const struct config *config = server->config;

    slowlog_configure(server->slowlog, config->server.slowlog_threshold_us,
                      config->server.slowlog_len);
    latency_configure(server->latency, config->server.latency_threshold_ms);
    uint64_t slow_ns = slowlog_threshold_ns(server->slowlog);
    uint64_t spike_ns = latency_threshold_ns(server->latency);
    uint64_t ns = slow_ns < spike_ns ? slow_ns : spike_ns;

    for (uint32_t i = 0; i < server->n_loops; i++)
        METRIC_SET(server->loops[i]->executor.slow_ns, ns);
}

static int open_log(struct server *server, struct error *error)
{
    const struct config *config = server->config;
    const struct log_settings settings = {.level = config->log.level,
                                          .format = config->log.format,
                                          .file = config->log.file};

    return log_open(&settings, error);
}

int server_log_reopen(struct server *server, struct error *error)
{
    int rc;

    config_lock(server->config);
    rc = open_log(server, error);
    config_unlock(server->config);
    return rc;
}

static int on_change(void *arg, enum config_key key, struct error *error)
{
    struct server *server = arg;
    const struct config *config = server->config;

    switch (key) {
    case CONFIG_SERVER_REQUIREPASS:
        return server_password_set(server, config->server.requirepass)
                   ? error_set(error, LOOM_E_NOMEM, "no memory for a password")
                   : 0;
    case CONFIG_STORAGE_MAX_MEMORY:
    case CONFIG_STORAGE_MAX_ITEMS:
        store_set_limits(server->store, config->storage.max_memory_bytes,
                         config->storage.max_items);
        return 0;
    case CONFIG_STORAGE_COMPRESS:
    case CONFIG_STORAGE_COMPRESS_MIN:
        store_set_compress(server->store, (enum store_compress)config->storage.compress,
                           config->storage.compress_min_bytes);
        return 0;
    case CONFIG_STORAGE_EXPIRE_INTERVAL:
        for (uint32_t i = 0; i < server->n_loops; i++)
            loop_post(server->loops[i], loop_set_tick,
                      (void *)(uintptr_t)config->storage.expire_interval_ms);
        return 0;
    case CONFIG_LOG_LEVEL:
    case CONFIG_LOG_FORMAT:
    case CONFIG_LOG_FILE: return open_log(server, error);
    default:
        copy_limits(server);
        set_slow(server);
        return 0;
    }
}

/* ---- opening --------------------------------------------------------------------------------- */

static void raise_file_limit(struct server *server)
{
    struct rlimit limit;
    rlim_t wanted = server->config->server.max_clients + 256;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return;
    limit.rlim_cur = limit.rlim_max == RLIM_INFINITY || wanted <= limit.rlim_max ? wanted
                                                                                 : limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < wanted)
        LOG_WARN("server", "the limit on open files is %" PRIu64 ": about %" PRIu64
                           " clients at once, not %u (server.max_clients)",
                 (uint64_t)limit.rlim_cur, (uint64_t)limit.rlim_cur - 256,
                 server->config->server.max_clients);
}

static int open_store(struct server *server, struct error *error)
{
    const struct config *config = server->config;
    const struct store_settings settings = {
        .n_partitions = config->storage.partitions,
        .max_memory = config->storage.max_memory_bytes,
        .max_items = config->storage.max_items,
        .inline_max = (uint32_t)config->storage.inline_max_bytes,
        .compress = (enum store_compress)config->storage.compress,
        .compress_min = config->storage.compress_min_bytes};
    struct store_plugins plugins = {.storage = config->storage_plugin,
                                    .policy = config->eviction_plugin};

    plugins.storage_settings = config_settings(config, PLUGIN_STORAGE, config->storage.backend,
                                               &plugins.n_storage_settings);
    plugins.policy_settings = config_settings(config, PLUGIN_EVICTION, config->eviction.policy,
                                              &plugins.n_policy_settings);
    server->store = store_open(&settings, &plugins, error);
    return server->store ? 0 : error->code;
}

static int open_recorders(struct server *server, struct error *error)
{
    const struct config *config = server->config;

    server->slowlog =
        slowlog_create(config->server.slowlog_threshold_us, config->server.slowlog_len);
    server->latency = latency_create(config->server.latency_threshold_ms);
    if (server->slowlog == NULL || server->latency == NULL)
        return error_set(error, LOOM_E_NOMEM, "no memory for the slow log");
    return 0;
}

static int start_loops(struct server *server, struct error *error)
{
    uint32_t n = config_threads(server->config);

    for (uint32_t i = 0; i < n; i++) {
        server->loops[i] = loop_start(server, i, error);
        if (server->loops[i] == NULL) return error->code;
        __atomic_store_n(&server->n_loops, i + 1, __ATOMIC_RELEASE);
    }
    return 0;
}

int server_register_commands(struct error *error)
{
    static const struct command *const tables[] = {
        command_rows_string,      command_rows_counter, command_rows_bitmap,
        command_rows_keys,        command_rows_expire,  command_rows_scan,
        command_rows_dump,        command_rows_object,  command_rows_transaction,
        command_rows_introspect,  command_rows_connection, command_rows_server};

    if (command_count() > 0) return 0; /* a second server in one process: tests */
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (command_register(tables[i]) != 0)
            return error_set(error, LOOM_E_LIMIT,
                             "a command is registered twice, or there are too many");
    return 0;
}

static void name_run(struct server *server)
{
    uint8_t bytes[20];

    random_entropy(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(server->run_id + 2 * i, 3, "%02x", bytes[i]);
}

int server_open(struct server *server, struct config *config, struct error *error)
{
    int rc;

    memset(server, 0, sizeof *server);
    server_the = server;
    server->config = config;
    server->started_ms = clock_unix_ms();
    pthread_mutex_init(&server->password_lock, NULL);
    name_run(server);
    copy_limits(server);
    raise_file_limit(server);
    rc = uv_loop_init(&server->uv);
    if (rc != 0) return error_set(error, LOOM_E_IO, "no event loop: %s", uv_strerror(rc));
    rc = server_password_set(server, config->server.requirepass);
    if (rc == 0) rc = server_register_commands(error);
    if (rc == 0) rc = open_store(server, error);
    if (rc == 0) rc = open_recorders(server, error);
    if (rc == 0) rc = metrics_open(server, &server->metrics, error);
    /* The ports before the threads: a port that is taken should be known at once. */
    if (rc == 0) rc = listeners_open(server, &server->listeners, error);
    if (rc == 0) rc = start_loops(server, error);
    if (rc == 0) set_slow(server);
    if (rc == 0) rc = control_open(server, &server->control, error);
    if (rc == 0) rc = listeners_start(server->listeners, error);
    if (rc == 0) config_on_change(config, on_change, server);
    return rc;
}

/* ---- closing --------------------------------------------------------------------------------- */

void server_close(struct server *server)
{
    config_on_change(server->config, NULL, NULL);
    listeners_close(server->listeners);
    server->listeners = NULL;
    control_close(server->control);
    server->control = NULL;
    for (uint32_t i = 0; i < server->n_loops; i++) loop_stop(server->loops[i]);
    server->n_loops = 0;
    while (uv_run(&server->uv, UV_RUN_NOWAIT) != 0) continue; /* handles that are closing */
    metrics_close(server->metrics);
    latency_free(server->latency);
    slowlog_free(server->slowlog);
    store_close(server->store);
    uv_loop_close(&server->uv);
    server_password_set(server, NULL);
    pthread_mutex_destroy(&server->password_lock);
}
