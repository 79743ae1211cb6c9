/* cmd_config.c - CONFIG: the configuration, read and changed while the node runs.
 *
 * Not inside MULTI: EXEC holds locks of partitions, and a change of the memory limit wants them
 * while it holds the configuration's. */
#include <string.h>

#include "core/base/mem.h"
#include "core/plugin/options.h"
#include "core/server/cmd_rows.h"
#include "core/server/cmd_text.h"
#include "core/server/conn.h"
#include "core/server/info.h"

/* ---- GET ------------------------------------------------------------------------------------- */

struct got {
    struct reply *reply;
    struct text names; /* of those replied so far, each with its NUL */
    uint64_t n;
};

static bool seen(const struct got *got, const char *name)
{
    const char *at = got->names.at, *end = at + got->names.used;

    for (; at < end; at += strlen(at) + 1)
        if (strcmp(at, name) == 0) return true;
    return false;
}

static void get_one(void *arg, const char *name, const char *value)
{
    struct got *got = arg;

    if (seen(got, name)) return;
    text_add_bytes(&got->names, name, strlen(name) + 1);
    reply_text(got->reply, name);
    reply_text(got->reply, value);
    got->n++;
}

static void run_get(struct call *call)
{
    struct got got = {.reply = call->reply};
    size_t before = call->reply->bytes;
    size_t place = reply_later(call->reply);

    for (uint32_t i = 2; i < call->argc; i++)
        config_get(server_the->config, call->argv[i], get_one, &got);
    if (got.names.failed) {
        reply_rewind(call->reply, before);
        call_failed(call, LOOM_E_NOMEM);
    } else {
        reply_map_at(call->reply, place, got.n);
    }
    text_free(&got.names);
}

/* ---- SET ------------------------------------------------------------------------------------- */

static void reply_refused(struct call *call, struct slice name, int code, const struct error *error)
{
    int n = (int)(name.bytes < 128 ? name.bytes : 128);

    if (code == LOOM_E_UNSUPPORTED)
        call_error(call, "Unknown option or number of arguments for CONFIG SET - '%.*s'", n,
                   name.at);
    else
        call_error(call, "CONFIG SET failed (possibly related to argument '%.*s') - %s", n, name.at,
                   error->text);
}

/* The first name only, and no value: that may be a password. */
static void audit_set(const struct call *call, int code)
{
    struct slice first = call->argv[2];
    char name[64], shown[64];
    size_t n = first.bytes < sizeof name ? first.bytes : sizeof name - 1;

    memcpy(name, first.at, n);
    name[n] = '\0';
    server_audit(server_the, "CONFIG SET of %s%s by client %llu: %s",
                 option_printable(name, shown, sizeof shown), call->argc > 4 ? " and others" : "",
                 (unsigned long long)call->session->id, code == 0 ? "done" : "refused");
}

static void run_set(struct call *call)
{
    size_t n = (call->argc - 2) / 2, at = 0;
    struct config_pair *pairs;
    struct error error = {0};
    int code;

    if (call->argc % 2 != 0) {
        call_syntax_error(call);
        return;
    }
    pairs = mem_alloc(MEM_CONFIG, n * sizeof *pairs);
    if (pairs == NULL) {
        call_failed(call, LOOM_E_NOMEM);
        return;
    }
    for (size_t i = 0; i < n; i++)
        pairs[i] = (struct config_pair){call->argv[2 + 2 * i], call->argv[3 + 2 * i]};
    code = config_set(server_the->config, pairs, n, &at, &error);
    if (code == 0) reply_ok(call->reply);
    else reply_refused(call, pairs[at < n ? at : n - 1].name, code, &error);
    audit_set(call, code);
    mem_free(MEM_CONFIG, pairs);
}

/* ---- the others ------------------------------------------------------------------------------ */

static void run_rewrite(struct call *call)
{
    struct error error = {0};
    int code;

    if (config_file(server_the->config) == NULL) {
        call_error(call, "The server is running without a config file");
        return;
    }
    code = config_rewrite(server_the->config, &error);
    server_audit(server_the, "CONFIG REWRITE by client %llu: %s",
                 (unsigned long long)call->session->id, code == 0 ? "done" : "failed");
    if (code == 0) reply_ok(call->reply);
    else call_error(call, "Rewriting config file: %s", error.text);
}

static void run_resetstat(struct call *call)
{
    int rc = info_reset(server_the, conn_of(call->session)->loop);

    if (rc == 0) reply_ok(call->reply);
    else call_failed(call, rc);
}

#define ROW(name, run, arity, flags, syntax, summary)                                              \
    CMD_ROW("config|" name, run, arity, COMMAND_ADMIN | COMMAND_LOADING | (flags), "server",       \
            "2.0.0", syntax, summary)

const struct command cmd_rows_config[] = {
    ROW("get", run_get, -3, COMMAND_NO_MULTI, "parameter [parameter ...]",
        "Replies the settings that glob patterns match, by our names and by Redis'."),
    ROW("help", cmd_help, 2, 0, "", "Lists the subcommands."),
    ROW("resetstat", run_resetstat, 2, COMMAND_NO_MULTI, "",
        "Counts what INFO shows from zero again."),
    ROW("rewrite", run_rewrite, 2, COMMAND_NO_MULTI, "",
        "Writes what CONFIG SET changed into the configuration file."),
    ROW("set", run_set, -4, COMMAND_NO_MULTI | COMMAND_NO_SLOWLOG,
        "parameter value [parameter value ...]", "Changes settings: all of them or none."),
    CMD_END,
};
