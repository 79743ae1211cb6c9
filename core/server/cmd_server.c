/* cmd_server.c - commands about the node as a whole: the clock, stopping, and what Redis has and
 * this node has not (replicas, a disk, a cluster); and the table of all of them. */
#include <inttypes.h>

#include "core/base/clock.h"
#include "core/server/cmd_rows.h"
#include "core/server/cmd_text.h"
#include "core/server/info.h"

static void run_time(struct call *call)
{
    uint64_t us = clock_unix_us();

    reply_array(call->reply, 2);
    reply_bulk_int(call->reply, (int64_t)(us / 1000000));
    reply_bulk_int(call->reply, (int64_t)(us % 1000000));
}

static void run_lolwut(struct call *call)
{
    struct text text = {0};

    text_add(&text, "LoomCache ver. %s, as Redis ver. %s\n", LOOM_VERSION, INFO_REDIS_VERSION);
    text_reply(call, &text);
}

/* ---- SHUTDOWN -------------------------------------------------------------------------------- */

struct shutdown {
    bool save, no_save, abort;
};

static bool parse_shutdown(struct call *call, struct shutdown *ret)
{
    struct shutdown how = {0};

    for (uint32_t i = 1; i < call->argc; i++) {
        if (slice_is(call->argv[i], "save")) how.save = true;
        else if (slice_is(call->argv[i], "nosave")) how.no_save = true;
        else if (slice_is(call->argv[i], "abort")) how.abort = true;
        else if (!slice_is(call->argv[i], "now") && !slice_is(call->argv[i], "force")) goto syntax;
    }
    if ((how.save && how.no_save) || (how.abort && call->argc > 2)) goto syntax;
    *ret = how;
    return true;
syntax:
    call_syntax_error(call);
    return false;
}

/* Success is not answered: the connection ends, as clients expect. */
static void run_shutdown(struct call *call)
{
    struct shutdown how;

    if (!parse_shutdown(call, &how)) return;
    if (how.abort) {
        call_error(call, "No shutdown in progress.");
        return;
    }
    if (how.save) {
        call_error(call, "SHUTDOWN SAVE is not possible: persistence is off in this configuration");
        return;
    }
    server_audit(server_the, "SHUTDOWN by client %" PRIu64, call->session->id);
    server_stop(server_the, "SHUTDOWN command");
    call->session->close_after_reply = true;
}

/* ---- no disk --------------------------------------------------------------------------------- */

static void run_save(struct call *call)
{
    call_error(call, "nothing can be saved: persistence is off in this configuration");
}

static void run_lastsave(struct call *call)
{
    reply_int(call->reply, (int64_t)(server_the->started_ms / 1000));
}

/* ---- no replicas ----------------------------------------------------------------------------- */

static void run_role(struct call *call)
{
    reply_array(call->reply, 3);
    reply_text(call->reply, "master");
    reply_int(call->reply, 0);
    reply_array(call->reply, 0);
}

static void run_replicaof(struct call *call)
{
    if (slice_is(call->argv[1], "no") && slice_is(call->argv[2], "one")) reply_ok(call->reply);
    else call_error(call, "REPLICAOF is not supported: this node is always a master");
}

static bool parse_timeout(struct call *call, uint32_t arg)
{
    int64_t timeout;

    if (!bytes_to_i64(call->argv[arg], &timeout)) {
        call_error(call, "timeout is not an integer or out of range");
        return false;
    }
    if (timeout >= 0) return true;
    call_error(call, "timeout is negative");
    return false;
}

/* Waiting would not bring replicas: the answer is known at once. */
static void run_wait(struct call *call)
{
    int64_t replicas;

    if (call_i64(call, 1, &replicas) && parse_timeout(call, 2)) reply_int(call->reply, 0);
}

static void run_waitaof(struct call *call)
{
    int64_t local, replicas;

    if (!call_i64(call, 1, &local)) return;
    if (local < 0 || local > 1) {
        call_error(call, "value is out of range, value must between 0 and 1");
        return;
    }
    if (!call_i64(call, 2, &replicas) || !parse_timeout(call, 3)) return;
    if (local != 0) {
        call_error(call, "WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
        return;
    }
    reply_array(call->reply, 2);
    reply_int(call->reply, 0);
    reply_int(call->reply, 0);
}

/* ---- no cluster ------------------------------------------------------------------------------ */

static void run_no_cluster(struct call *call)
{
    call_error(call, "This instance has cluster support disabled");
}

/* ---- the table ------------------------------------------------------------------------------- */

#define ROW(name, run, arity, flags, since, syntax, summary)                                       \
    CMD_ROW(name, run, arity, flags, "server", since, syntax, summary)
#define ADMIN COMMAND_ADMIN
#define LOADING COMMAND_LOADING
#define FAST (COMMAND_FAST | COMMAND_LOADING)

const struct command command_rows_server[] = {
    ROW("info", info_run, -1, LOADING, "1.0.0", "[section [section ...]]",
        "Replies what the node says of itself, as lines of name:value in sections."),
    ROW("time", run_time, 1, FAST, "2.6.0", "",
        "Replies the clock: seconds since 1970, and microseconds."),
    ROW("lastsave", run_lastsave, 1, FAST, "1.0.0", "",
        "Replies when the node started: nothing is ever saved."),
    ROW("lolwut", run_lolwut, -1, FAST, "5.0.0", "[VERSION version]", "Replies the version."),
    ROW("shutdown", run_shutdown, -1, ADMIN | LOADING | COMMAND_NO_MULTI, "1.0.0",
        "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]", "Stops the node in order."),
    ROW("save", run_save, 1, ADMIN | COMMAND_NO_MULTI, "1.0.0", "",
        "Refused: persistence is off."),
    ROW("bgsave", run_save, -1, ADMIN, "1.0.0", "[SCHEDULE]", "Refused: persistence is off."),
    ROW("bgrewriteaof", run_save, 1, ADMIN, "1.0.0", "", "Refused: persistence is off."),
    ROW("role", run_role, 1, FAST, "2.8.12", "", "Replies that this node is a master."),
    ROW("replicaof", run_replicaof, 3, ADMIN, "5.0.0", "<host port | NO ONE>",
        "NO ONE is accepted, anything else refused."),
    ROW("slaveof", run_replicaof, 3, ADMIN, "1.0.0", "<host port | NO ONE>",
        "The same as REPLICAOF."),
    ROW("wait", run_wait, 3, 0, "3.0.0", "numreplicas timeout",
        "Replies 0 at once: there are no replicas."),
    ROW("waitaof", run_waitaof, 4, 0, "7.2.0", "numlocal numreplicas timeout",
        "Replies 0 and 0 at once: there is neither a file nor a replica."),
    CMD_ROW("cluster", run_no_cluster, -2, 0, "cluster", "3.0.0", "[argument ...]",
            "Refused: this node is not part of a cluster."),
    CMD_ROW("readonly", run_no_cluster, 1, FAST, "cluster", "3.0.0", "",
            "Refused: this node is not part of a cluster."),
    CMD_ROW("readwrite", run_no_cluster, 1, FAST, "cluster", "3.0.0", "",
            "Refused: this node is not part of a cluster."),
    CMD_CONTAINER("acl", cmd_rows_acl, "server", "6.0.0", "Who may do what: one user, everything."),
    CMD_CONTAINER("config", cmd_rows_config, "server", "2.0.0", "Reads and changes settings."),
    CMD_CONTAINER("debug", cmd_rows_debug, "server", "1.0.0", "For test suites."),
    CMD_CONTAINER("latency", cmd_rows_latency, "server", "2.8.13", "When the node was slow."),
    CMD_CONTAINER("memory", cmd_rows_memory, "server", "4.0.0", "Where the memory is."),
    CMD_CONTAINER("module", cmd_rows_module, "server", "4.0.0", "There are none: see PLUGIN."),
    CMD_CONTAINER("plugin", cmd_rows_plugin, "server", "1.0.0", "Which plugins are loaded."),
    CMD_CONTAINER("slowlog", cmd_rows_slowlog, "server", "2.2.12", "Commands that were slow."),
    CMD_END,
};
