/* args.c - options may stand before and behind the command; "--" ends them. */
#include "core/ctl/args.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/bytes.h"

#define PASSWORD_MAX 512 /* as server.requirepass */
#define PORT_PRESET 7654

enum what { WHAT_HOST, WHAT_PORT, WHAT_PASSWORD, WHAT_JSON, WHAT_COUNT, WHAT_HELP, WHAT_VERSION };
static const struct flag {
    const char *name, *brief, *value, *help; /* value NULL: takes none */
    enum what what;
} flags[] = {
    {"--host", "-h", "HOST", "the node's name or address (127.0.0.1)", WHAT_HOST},
    {"--port", "-p", "PORT", "its port for clients (7654)", WHAT_PORT},
    {"--password", "-a", "PASSWORD", "instead of LOOMCTL_PASSWORD in the environment",
     WHAT_PASSWORD},
    {"--json", NULL, NULL, "print JSON: one value per line", WHAT_JSON},
    {"--count", NULL, "N", "watch: stop after N times", WHAT_COUNT},
    {"--help", NULL, NULL, "print this", WHAT_HELP},
    {"--version", NULL, NULL, "print the version", WHAT_VERSION},
};
#define FLAGS (sizeof flags / sizeof flags[0])

void ctl_usage(FILE *out)
{
    char text[64];

    fputs("Usage: loomctl [OPTION...] COMMAND\n\nCommands:\n", out);
    for (const struct ctl_command *c = ctl_commands; c->name != NULL; c++) {
        snprintf(text, sizeof text, "%s %s", c->name, c->operands);
        fprintf(out, "  %-23s  %s\n", text, c->help);
    }
    fputs("\nOptions:\n", out);
    for (size_t i = 0; i < FLAGS; i++) {
        snprintf(text, sizeof text, "%s%s%s%s%s", flags[i].brief ? flags[i].brief : "",
                 flags[i].brief ? ", " : "", flags[i].name, flags[i].value ? " " : "",
                 flags[i].value ? flags[i].value : "");
        fprintf(out, "  %-23s  %s\n", text, flags[i].help);
    }
    fputs("\nExit code: 0 done, 1 the node cannot be reached or refused, 2 wrong usage.\n", out);
}

static const struct flag *find_flag(const char *arg, const char **ret_value)
{
    for (size_t i = 0; i < FLAGS; i++) {
        size_t n = strlen(flags[i].name);
        if (flags[i].brief != NULL && strcmp(arg, flags[i].brief) == 0) return &flags[i];
        if (strncmp(arg, flags[i].name, n) != 0 || (arg[n] != '\0' && arg[n] != '=')) continue;
        if (arg[n] == '=') *ret_value = arg + n + 1;
        return &flags[i];
    }
    return NULL;
}

static int usage(struct error *error, const char *what, const char *name)
{
    return error_set(error, LOOM_E_CONFIG, "%s%.60s; see loomctl --help", what, name);
}

static int take_number(const struct flag *flag, const char *value, uint64_t max, uint64_t *ret,
                       struct error *error)
{
    if (bytes_to_u64(slice_of(value, strlen(value)), ret) && *ret >= 1 && *ret <= max) return 0;
    return error_set(error, LOOM_E_CONFIG, "%s: expected a whole number from 1 to %llu, not %.40s",
                     flag->name, (unsigned long long)max, value);
}

/* The copy is what is used; the original is overwritten, since everybody can list processes. */
static int take_password(struct ctl_args *args, char *value, struct error *error)
{
    static char copy[PASSWORD_MAX + 1];
    size_t n = strlen(value);

    if (n > PASSWORD_MAX) return usage(error, "the password is too long", "");
    memcpy(copy, value, n + 1);
    memset(value, '*', n);
    args->password = copy;
    return 0;
}

static int take_flag(struct ctl_args *args, const struct flag *flag, char *value,
                     struct error *error)
{
    uint64_t n = 0;
    int rc = 0;

    switch (flag->what) {
    case WHAT_HOST: args->host = value; break;
    case WHAT_PORT:
        rc = take_number(flag, value, UINT16_MAX, &n, error);
        args->port = (uint16_t)n;
        break;
    case WHAT_PASSWORD: return take_password(args, value, error);
    case WHAT_JSON: args->json = true; break;
    case WHAT_COUNT:
        rc = take_number(flag, value, UINT32_MAX, &n, error);
        args->count = (uint32_t)n;
        break;
    case WHAT_HELP: args->help = true; break;
    default: args->version = true; break;
    }
    return rc;
}

/* "config get" is one name in two words. */
static size_t words_of_name(const char *name)
{
    return strchr(name, ' ') != NULL ? 2 : 1;
}

static bool is_named(const char *name, const char *const *words, size_t n_words)
{
    char given[128];

    if (n_words < words_of_name(name)) return false;
    if (words_of_name(name) == 1) return strcmp(name, words[0]) == 0;
    snprintf(given, sizeof given, "%.60s %.60s", words[0], words[1]);
    return strcmp(name, given) == 0;
}

static int take_command(struct ctl_args *args, const char *const *words, size_t n_words,
                        struct error *error)
{
    const struct ctl_command *c = ctl_commands;
    size_t n_name;

    if (n_words == 0) return usage(error, "which command?", "");
    while (c->name != NULL && !is_named(c->name, words, n_words)) c++;
    if (c->name == NULL) return usage(error, "there is no such command: ", words[0]);
    n_name = words_of_name(c->name);
    args->n_words = (int)(n_words - n_name);
    if (args->n_words < c->n_min || args->n_words > c->n_max)
        return error_set(error, LOOM_E_CONFIG, "expected loomctl %s %s", c->name, c->operands);
    for (int i = 0; i < args->n_words; i++) args->words[i] = words[n_name + (size_t)i];
    args->command = c;
    return 0;
}

/* "-1" is a value, as in config set slowlog-log-slower-than -1. */
static bool looks_like_option(const char *arg)
{
    return arg[0] == '-' && (arg[1] < '0' || arg[1] > '9');
}

int ctl_args_parse(int argc, char **argv, struct ctl_args *ret, struct error *error)
{
    const char *words[CTL_WORDS_MAX + 2]; /* the name's two, and the operands */
    struct ctl_args args = {.host = "127.0.0.1", .port = PORT_PRESET,
                            .password = getenv("LOOMCTL_PASSWORD")};
    size_t n_words = 0;
    bool options = true;
    int rc = 0;

    for (int i = 1; i < argc && rc == 0; i++) {
        const char *value = NULL;
        const struct flag *flag;
        if (options && strcmp(argv[i], "--") == 0) {
            options = false;
            continue;
        }
        if (!options || !looks_like_option(argv[i])) {
            if (n_words == sizeof words / sizeof words[0])
                return usage(error, "too many words: ", argv[i]);
            words[n_words++] = argv[i];
            continue;
        }
        flag = find_flag(argv[i], &value);
        if (flag == NULL) return usage(error, "unknown option ", argv[i]);
        if (flag->value == NULL && value != NULL)
            return usage(error, flag->name, " takes no value");
        if (flag->value != NULL && value == NULL && ++i < argc) value = argv[i];
        if (flag->value != NULL && value == NULL) return usage(error, flag->name, " needs a value");
        rc = take_flag(&args, flag, (char *)(uintptr_t)value, error);
    }
    if (rc == 0 && !args.help && !args.version) rc = take_command(&args, words, n_words, error);
    if (rc == 0) *ret = args;
    return rc;
}
