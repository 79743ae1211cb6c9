/* config_args.c - the command line. */
#include <stdio.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/server/config.h"

enum what {
    WHAT_CONFIG,
    WHAT_SET,
    WHAT_PORT,
    WHAT_CHECK,
    WHAT_DESCRIBE,
    WHAT_COMMANDS,
    WHAT_HEALTHCHECK,
    WHAT_JSON,
    WHAT_HELP,
    WHAT_VERSION
};
static const struct flag {
    const char *name, *value, *help; /* value: what it is called, NULL: takes none */
    enum what what;
} flags[] = {
    {"--config", "FILE", "read this configuration file (the same as naming it alone)",
     WHAT_CONFIG},
    {"--set", "SECTION.KEY=VALUE", "override a key; may be repeated, outranks file and environment",
     WHAT_SET},
    {"--port", "N", "the same as --set server.port=N", WHAT_PORT},
    {"--check-config", "FILE", "check the file and the plugins it names, then exit with 0 or 2",
     WHAT_CHECK},
    {"--describe", NULL, "print every option and metric of the core and of all plugins, then exit",
     WHAT_DESCRIBE},
    {"--commands", NULL, "print every command as markdown, then exit", WHAT_COMMANDS},
    {"--healthcheck", NULL, "ask the running node of this configuration, exit with 0 if it lives",
     WHAT_HEALTHCHECK},
    {"--json", NULL, "with --describe: one JSON object per line", WHAT_JSON},
    {"--help", NULL, "print this, then exit", WHAT_HELP},
    {"--version", NULL, "print the version, then exit", WHAT_VERSION},
};
#define FLAGS (sizeof flags / sizeof flags[0])

void config_usage(FILE *out)
{
    char name[64];

    fputs("Usage: loomcache [FILE] [OPTION...]\n\n", out);
    for (size_t i = 0; i < FLAGS; i++) {
        snprintf(name, sizeof name, "%s%s%s", flags[i].name, flags[i].value ? " " : "",
                 flags[i].value ? flags[i].value : "");
        fprintf(out, "  %-25s  %s\n", name, flags[i].help);
    }
    fputs("\nEvery key can also be set by the environment: LOOMCACHE_<SECTION>_<KEY>, such as\n"
          "LOOMCACHE_SERVER_PORT.  The command line outranks the environment, and that the file.\n",
          out);
}

/* "--set x" and "--set=x". */
static const struct flag *find_flag(const char *arg, const char **ret_value)
{
    for (size_t i = 0; i < FLAGS; i++) {
        size_t n = strlen(flags[i].name);
        if (strncmp(arg, flags[i].name, n) != 0 || (arg[n] != '\0' && arg[n] != '=')) continue;
        *ret_value = arg[n] == '=' ? arg + n + 1 : NULL;
        return &flags[i];
    }
    return NULL;
}

static int unknown_flag(const char *arg, struct error *error)
{
    const char *names[FLAGS], *near;
    char shown[64];

    for (size_t i = 0; i < FLAGS; i++) names[i] = flags[i].name;
    near = bytes_nearest(arg, names, FLAGS);
    option_printable(arg, shown, sizeof shown);
    if (near != NULL)
        return error_set(error, LOOM_E_CONFIG, "command line: unknown option %s; did you mean %s?",
                         shown, near);
    return error_set(error, LOOM_E_CONFIG, "command line: unknown option %s; see --help", shown);
}

static int take_file(struct config_args *args, const char *file, struct error *error)
{
    if (args->file != NULL)
        return error_set(error, LOOM_E_CONFIG,
                         "command line: two configuration files, %.100s and %.100s", args->file,
                         file);
    args->file = file;
    return 0;
}

static int take_set(struct config_args *args, const char *set, struct error *error)
{
    if (args->n_sets == CONFIG_ARGS_MAX)
        return error_set(error, LOOM_E_CONFIG, "command line: more than %d --set", CONFIG_ARGS_MAX);
    args->sets[args->n_sets++] = set;
    return 0;
}

static int take_flag(struct config_args *args, const struct flag *flag, const char *value,
                     struct error *error)
{
    switch (flag->what) {
    case WHAT_CONFIG: return take_file(args, value, error);
    case WHAT_SET: return take_set(args, value, error);
    case WHAT_PORT:
        if (args->port_set[0] != '\0')
            return error_set(error, LOOM_E_CONFIG, "command line: --port is there twice");
        snprintf(args->port_set, sizeof args->port_set, "server.port=%.16s", value);
        return take_set(args, args->port_set, error);
    case WHAT_CHECK: args->mode = CONFIG_CHECK; return take_file(args, value, error);
    case WHAT_DESCRIBE: args->mode = CONFIG_DESCRIBE; return 0;
    case WHAT_COMMANDS: args->mode = CONFIG_COMMANDS; return 0;
    case WHAT_HEALTHCHECK: args->mode = CONFIG_HEALTHCHECK; return 0;
    case WHAT_JSON: args->json = true; return 0;
    case WHAT_HELP: args->mode = CONFIG_HELP; return 0;
    default: args->mode = CONFIG_VERSION; return 0;
    }
}

int config_args_parse(int argc, char *const *argv, struct config_args *ret, struct error *error)
{
    int rc = 0;

    memset(ret, 0, sizeof *ret);
    for (int i = 1; i < argc && rc == 0; i++) {
        const char *value = NULL;
        const struct flag *flag = argv[i][0] == '-' ? find_flag(argv[i], &value) : NULL;
        if (argv[i][0] != '-') {
            rc = take_file(ret, argv[i], error);
            continue;
        }
        if (flag == NULL) return unknown_flag(argv[i], error);
        if (flag->value == NULL && value != NULL)
            return error_set(error, LOOM_E_CONFIG, "command line: %s takes no value", flag->name);
        if (flag->value != NULL && value == NULL && ++i < argc) value = argv[i];
        if (flag->value != NULL && value == NULL)
            return error_set(error, LOOM_E_CONFIG, "command line: %s needs a value: %s",
                             flag->name, flag->value);
        rc = take_flag(ret, flag, value, error);
    }
    return rc;
}
