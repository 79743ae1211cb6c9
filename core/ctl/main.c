/* main.c - the program loomctl: one command to one node, for people and for scripts. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "core/ctl/args.h"
#include "core/ctl/link.h"
#include "core/ctl/lists.h"
#include "core/ctl/status.h"

/* --- commands that say little ----------------------------------------------------------------- */

static int done(const struct ctl_args *args, const char *text)
{
    if (args->json) puts("{\"ok\":true}");
    else puts(text);
    return 0;
}

static int run_ping(struct link *link, const struct ctl_args *args, struct error *error)
{
    const char *words[] = {"PING"};
    int rc = link_tell(link, 1, words, error);

    return rc == 0 ? done(args, "PONG") : rc;
}

static int run_config_set(struct link *link, const struct ctl_args *args, struct error *error)
{
    const char *words[] = {"CONFIG", "SET", args->words[0], args->words[1]};
    int rc = link_tell(link, 4, words, error);

    return rc == 0 ? done(args, "OK; until restart, unless you also say: config rewrite") : rc;
}

static int run_config_rewrite(struct link *link, const struct ctl_args *args, struct error *error)
{
    const char *words[] = {"CONFIG", "REWRITE"};
    int rc = link_tell(link, 2, words, error);

    return rc == 0 ? done(args, "OK") : rc;
}

static int run_shutdown(struct link *link, const struct ctl_args *args, struct error *error)
{
    int rc = link_shutdown(link, error);

    return rc == 0 ? done(args, "OK; the node has hung up and is stopping") : rc;
}

const struct ctl_command ctl_commands[] = {
    {"status", "", "node, memory, hit ratio, load on one screen", 0, 0, status_run},
    {"watch", "[SECONDS]", "status every 2 seconds, or SECONDS", 0, 1, status_watch},
    {"ping", "", "whether the node answers", 0, 0, run_ping},
    {"plugins", "", "the plugins that are loaded, their settings and counters", 0, 0, list_plugins},
    {"config get", "PATTERN", "keys that match, such as 'storage.*'; passwords are not shown", 1, 1,
     list_config},
    {"config set", "KEY VALUE", "change a key while the node runs", 2, 2, run_config_set},
    {"config rewrite", "", "write the node's configuration back to its file", 0, 0,
     run_config_rewrite},
    {"slowlog", "[COUNT]", "the newest slow commands, 10 or COUNT", 0, 1, list_slowlog},
    {"clients", "", "who is connected", 0, 0, list_clients},
    {"shutdown", "", "stop the node", 0, 0, run_shutdown},
    {NULL, NULL, NULL, 0, 0, NULL},
};

/* --- the program ------------------------------------------------------------------------------ */

static int say(const struct error *error)
{
    fprintf(stderr, "loomctl: %s\n", error->text);
    return error->code == LOOM_E_CONFIG ? CTL_USAGE : CTL_FAILED;
}

static int run(const struct ctl_args *args)
{
    struct error error = {0};
    struct link link = {0};
    int code = CTL_OK;

    if (link_open(&link, args->host, args->port, args->password, &error) != 0) {
        say(&error);
        return CTL_FAILED;
    }
    if (args->command->run(&link, args, &error) != 0) code = say(&error);
    link_close(&link);
    return code;
}

int main(int argc, char **argv)
{
    struct ctl_args args;
    struct error error = {0};
    int code = CTL_OK;

    signal(SIGPIPE, SIG_IGN); /* a node that hangs up, and `| head`, are errors with a sentence */
    if (ctl_args_parse(argc, argv, &args, &error) != 0) return say(&error);
    if (args.help) ctl_usage(stdout);
    else if (args.version) printf("loomctl %s\n", LOOM_VERSION);
    else code = run(&args);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("loomctl: standard output cannot be written\n", stderr);
        return CTL_FAILED;
    }
    return code;
}
