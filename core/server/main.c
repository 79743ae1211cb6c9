/* main.c - the program loomcache: one of run, check, describe, commands, healthcheck, help,
 * version. */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/log.h"
#include "core/command/introspect.h"
#include "core/server/config.h"
#include "core/server/healthcheck.h"
#include "core/server/metrics.h"
#include "core/server/run.h"

#define EXIT_CONFIG 2 /* the configuration is not acceptable */
#define EXIT_START 1  /* it is, but the node cannot start: a port is taken, no memory */

extern char **environ;

static int say(const struct error *error)
{
    fprintf(stderr, "loomcache: %s\n", error->text);
    return error->code == LOOM_E_CONFIG ? EXIT_CONFIG : EXIT_START;
}

static int run(const struct config_args *args)
{
    static struct server server;
    struct config *config;
    struct error error = {0};

    if (config_load(args, environ, &config, &error) != 0) {
        say(&error);
        return EXIT_CONFIG;
    }
    const struct log_settings settings = {.level = config->log.level,
                                          .format = config->log.format,
                                          .file = config->log.file};
    int code = 0;

    if (log_open(&settings, &error) != 0) {
        code = say(&error);
        config_free(config);
        return code;
    }
    for (size_t i = 0; i < config->n_warnings; i++) LOG_WARN("config", "%s", config->warnings[i]);
    if (server_open(&server, config, &error) == 0) code = server_run(&server);
    else code = say(&error);
    server_close(&server);
    config_free(config);
    return code;
}

/* What a container engine asks every few seconds: silent and 0, or a sentence and 1. */
static int healthcheck(const struct config_args *args)
{
    struct error error = {0};
    struct config *config;
    int rc = config_load(args, environ, &config, &error);

    if (rc == 0) {
        rc = healthcheck_ask(config->health.bind, config->health.port, &error);
        config_free(config);
    }
    if (rc != 0) fprintf(stderr, "loomcache: %s\n", error.text);
    return rc == 0 ? 0 : EXIT_START;
}

int main(int argc, char **argv)
{
    struct config_args args;
    struct error error = {0};
    size_t n_metrics;
    const struct describe_metric *metrics;

    if (config_args_parse(argc, argv, &args, &error) != 0) {
        fprintf(stderr, "loomcache: %s\n", error.text);
        return EXIT_CONFIG;
    }
    switch (args.mode) {
    case CONFIG_HELP: config_usage(stdout); return 0;
    case CONFIG_COMMANDS:
        if (server_register_commands(&error) != 0) return say(&error);
        command_document(stdout);
        return 0;
    case CONFIG_HEALTHCHECK: return healthcheck(&args);
    case CONFIG_VERSION: printf("loomcache %s\n", LOOM_VERSION); return 0;
    case CONFIG_CHECK: return config_check(&args, environ, stdout, stderr);
    case CONFIG_DESCRIBE:
        metrics = metrics_describe(&n_metrics);
        return config_describe(&args, environ, metrics, n_metrics, stdout, stderr);
    default: return run(&args);
    }
}
