/* server_kit.c - see server_kit.h. */
#include "server_kit.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"

static void open_config(struct server *server, const char *const *sets)
{
    static char path[4096];
    static const char *const always[] = {"exporter.plugins=",       "health.port=0",
                                         "discovery.plugin=static", "discovery.static.nodes=a,b",
                                         "storage.partitions=4",    "storage.max_memory=64MiB",
                                         "node.id=kit"};
    struct config_args args = {.mode = CONFIG_RUN};
    struct error error = {0};

    snprintf(path, sizeof path, "plugins.path=%s/plugins", getenv("LOOM_BUILD_DIR"));
    args.sets[args.n_sets++] = path;
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        args.sets[args.n_sets++] = always[i];
    for (; sets != NULL && *sets != NULL; sets++) args.sets[args.n_sets++] = *sets;
    cr_assert_eq(config_load(&args, NULL, &server->config, &error), 0, "%s", error.text);
}

void server_kit_open(struct server_kit *kit, const char *const *sets)
{
    struct server *server = &kit->server;
    const struct config *config;
    struct error error = {0};

    memset(kit, 0, sizeof *kit);
    server_the = server;
    open_config(server, sets);
    config = server->config;
    server->started_ms = clock_unix_ms();
    pthread_mutex_init(&server->password_lock, NULL);
    cr_assert_eq(uv_loop_init(&server->uv), 0);
    if (command_count() == 0) cr_assert_eq(command_register(command_rows_string), 0);
    const struct store_settings settings = {.n_partitions = config->storage.partitions,
                                            .max_memory = config->storage.max_memory_bytes,
                                            .inline_max = 4096};
    const struct store_plugins plugins = {.storage = config->storage_plugin,
                                          .policy = config->eviction_plugin};
    server->store = store_open(&settings, &plugins, &error);
    cr_assert_not_null(server->store, "%s", error.text);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(executor_open(&kit->loops[i].executor, server->store, &error), 0);
        server->loops[server->n_loops++] = &kit->loops[i];
    }
}

void server_kit_close(struct server_kit *kit)
{
    struct server *server = &kit->server;

    uv_run(&server->uv, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_close(&server->uv), 0, "a handle is left");
    for (int i = 0; i < 2; i++) executor_close(&kit->loops[i].executor);
    store_close(server->store);
    server_password_set(server, NULL);
    pthread_mutex_destroy(&server->password_lock);
    config_free(server->config);
}
