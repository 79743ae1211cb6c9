/* cmd_kit.c - see cmd_kit.h. */
#include "tests/unit/server/cmd_kit.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/server/latency.h"
#include "core/server/slowlog.h"
#include "core/wire/inline.h"
#include "tests/kit/scratch.h"

#define NOW_MS 1700000000000ull
#define FAILURES_MAX 10000

static void register_all(void)
{
    static const struct command *const tables[] = {
        command_rows_string,     command_rows_counter,    command_rows_bitmap,
        command_rows_keys,       command_rows_expire,     command_rows_scan,
        command_rows_dump,       command_rows_object,     command_rows_transaction,
        command_rows_introspect, command_rows_connection, command_rows_server,
    };

    if (command_count() != 0) return;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        cr_assert_eq(command_register(tables[i]), 0);
}

static void open_config(struct cmd_kit *kit, const char *set)
{
    struct config_args args = {0};
    struct error error = {0};
    char folder[1024];

    snprintf(folder, sizeof folder, "plugins.path=%s", plugins_path());
    args.sets[args.n_sets++] = folder;
    args.sets[args.n_sets++] = "storage.partitions=4";
    args.sets[args.n_sets++] = "eviction.policy=lru";
    args.sets[args.n_sets++] = "exporter.plugins=";
    if (set != NULL) args.sets[args.n_sets++] = set;
    cr_assert_eq(config_load(&args, NULL, &kit->server.config, &error), 0, "%s", error.text);
}

static void open_store(struct cmd_kit *kit)
{
    const struct config *config = kit->server.config;
    const struct store_settings settings = {
        .n_partitions = config->storage.partitions,
        .max_memory = config->storage.max_memory_bytes,
        .inline_max = (uint32_t)config->storage.inline_max_bytes,
        .hash_seed = 1};
    const struct store_plugins plugins = {.storage = config->storage_plugin,
                                          .policy = config->eviction_plugin};
    struct error error = {0};

    kit->server.store = store_open(&settings, &plugins, &error);
    cr_assert_not_null(kit->server.store, "%s", error.text);
}

static void open_loop(struct cmd_kit *kit)
{
    struct loop *loop = &kit->loop;
    struct error error = {0};

    loop->server = &kit->server;
    loop->now_ms = NOW_MS;
    pthread_mutex_init(&loop->conns_lock, NULL);
    cr_assert_eq(executor_open(&loop->executor, kit->server.store, &error), 0, "%s", error.text);
    cr_assert_eq(uv_loop_init(&loop->uv), 0);
    cr_assert_eq(uv_tcp_init(&loop->uv, &kit->conn.tcp), 0);
    kit->conn.loop = loop;
    kit->conn.created_ms = kit->conn.active_ms = NOW_MS;
    session_init(&kit->conn.session, 1);
    kit->conn.session.authenticated = !server_password_wanted(&kit->server);
    loop->conns = &kit->conn;
    loop->n_conns = 1;
    kit->server.loops[0] = loop;
    kit->server.n_loops = kit->server.n_clients = 1;
}

void cmd_kit_open(struct cmd_kit *kit, const char *set)
{
    struct server *server = &kit->server;

    memset(kit, 0, sizeof *kit);
    register_all();
    kit->now_ms = server->started_ms = NOW_MS;
    open_config(kit, set);
    memset(server->run_id, 'a', sizeof server->run_id - 1);
    pthread_mutex_init(&server->password_lock, NULL);
    cr_assert_eq(server_password_set(server, server->config->server.requirepass), 0);
    open_store(kit);
    server->slowlog = slowlog_create(-1, server->config->server.slowlog_len);
    server->latency = latency_create(0);
    cr_assert(server->slowlog != NULL && server->latency != NULL);
    open_loop(kit);
    server_the = server;
}

void cmd_kit_close(struct cmd_kit *kit)
{
    struct server *server = &kit->server;

    session_close(&kit->conn.session);
    uv_close((uv_handle_t *)&kit->conn.tcp, NULL);
    uv_run(&kit->loop.uv, UV_RUN_DEFAULT);
    cr_expect_eq(uv_loop_close(&kit->loop.uv), 0);
    executor_close(&kit->loop.executor);
    pthread_mutex_destroy(&kit->loop.conns_lock);
    reply_free(&kit->reply);
    free(kit->text);
    latency_free(server->latency);
    slowlog_free(server->slowlog);
    store_close(server->store);
    server_password_set(server, NULL);
    pthread_mutex_destroy(&server->password_lock);
    config_free(server->config);
    server_the = NULL;
}

/* ---- saying ---------------------------------------------------------------------------------- */

static void execute(struct cmd_kit *kit, const char *line)
{
    struct session *session = &kit->conn.session;
    struct execute_item item = {0};
    struct slice argv[256];
    char copy[4096];
    size_t n = strlen(line);
    int argc;

    cr_assert_lt(n, sizeof copy);
    memcpy(copy, line, n);
    argc = inline_split(copy, n, argv);
    cr_assert_gt(argc, 0, "not a command: %s", line);
    item.argc = (uint32_t)argc;
    item.argv = argv;
    reply_begin(&kit->reply, session->proto, 0);
    METRIC_ADD(kit->loop.stats.commands, 1);
    n = execute_batch(&kit->loop.executor, session, &kit->reply, &item, 1, kit->now_ms);
    cr_assert_eq(n, 1);
}

/* The reply as one string; NUL bytes as they are, so that the rest is not seen. */
static const char *shown(struct cmd_kit *kit)
{
    size_t n = reply_waiting(&kit->reply), at = 0;
    struct iovec pieces[64];

    free(kit->text);
    kit->text = malloc(n + 1);
    cr_assert_not_null(kit->text);
    n = reply_iovecs(&kit->reply, 0, pieces, 64);
    for (size_t i = 0; i < n; i++) {
        memcpy(kit->text + at, pieces[i].iov_base, pieces[i].iov_len);
        at += pieces[i].iov_len;
    }
    kit->text[at] = '\0';
    return kit->text;
}

const char *cmd_say(struct cmd_kit *kit, const char *line)
{
    execute(kit, line);
    cr_assert_eq(kit->reply.failed, REPLY_WELL);
    return shown(kit);
}

const char *cmd_body(struct cmd_kit *kit, const char *line)
{
    const char *reply = cmd_say(kit, line);
    char *body = strstr(kit->text, "\r\n"), *end = kit->text + strlen(kit->text);

    cr_assert_eq(*reply, '$', "%s: %.80s", line, reply);
    cr_assert(body != NULL && end - body >= 4);
    end[-2] = '\0';
    return body + 2;
}

uint64_t cmd_failures(struct cmd_kit *kit, const char *line)
{
    char *whole = strdup(cmd_say(kit, line));
    uint64_t k = 1;

    for (; k < FAILURES_MAX; k++) {
        reply_free(&kit->reply);
        mem_fail_at(k);
        execute(kit, line);
        bool failed = mem_count() >= k;

        mem_fail_at(0);
        if (!failed) break;
        if (kit->reply.failed == REPLY_WELL && strcmp(shown(kit), whole) != 0)
            cr_expect_eq(*kit->text, '-', "%s, allocation %llu: %s", line, (unsigned long long)k,
                         kit->text);
    }
    cr_expect_lt(k, FAILURES_MAX);
    free(whole);
    return k - 1;
}

void cmd_steps(struct cmd_kit *kit, const struct cmd_step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *reply = cmd_say(kit, steps[i].line);

        cr_expect_str_eq(reply, steps[i].reply, "step %zu: %s\ngot:\n%s\nexpected:\n%s", i + 1,
                         steps[i].line, reply, steps[i].reply);
    }
}
