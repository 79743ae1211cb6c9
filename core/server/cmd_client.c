/* cmd_client.c - CLIENT: a connection looks at itself and changes how it is served.  Looking at
 * the others, and closing them: cmd_client_list.c. */
#include "core/server/cmd_client.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/server/cmd_rows.h"
#include "core/server/cmd_text.h"

/* ---- names ----------------------------------------------------------------------------------- */

bool client_text_check(struct call *call, const char *what, struct slice text)
{
    if (text.bytes > CLIENT_TEXT_MAX) {
        call_error(call, "%s cannot be longer than %u bytes", what, CLIENT_TEXT_MAX);
        return false;
    }
    for (size_t i = 0; i < text.bytes; i++) {
        if (text.at[i] >= '!' && text.at[i] <= '~') continue;
        call_error(call, "%s cannot contain spaces, newlines or special characters.", what);
        return false;
    }
    return true;
}

bool client_text_set(struct call *call, char **field, struct slice text)
{
    struct loop *loop = conn_of(call->session)->loop;
    char *copy = NULL, *old;

    if (text.bytes > 0) {
        copy = mem_alloc(MEM_CONN, text.bytes + 1);
        if (copy == NULL) {
            call_failed(call, LOOM_E_NOMEM);
            return false;
        }
        memcpy(copy, text.at, text.bytes);
        copy[text.bytes] = '\0';
    }
    pthread_mutex_lock(&loop->conns_lock);
    old = *field;
    *field = copy;
    pthread_mutex_unlock(&loop->conns_lock);
    mem_free(MEM_CONN, old);
    return true;
}

static void run_getname(struct call *call)
{
    if (call->session->name != NULL) reply_text(call->reply, call->session->name);
    else reply_null(call->reply);
}

static void run_setname(struct call *call)
{
    if (client_text_check(call, "Client names", call->argv[2]) &&
        client_text_set(call, &call->session->name, call->argv[2]))
        reply_ok(call->reply);
}

static void run_setinfo(struct call *call)
{
    struct session *session = call->session;
    struct slice option = call->argv[2];
    const char *what;
    char **field;

    if (slice_is(option, "lib-name")) {
        what = "lib-name";
        field = &session->lib_name;
    } else if (slice_is(option, "lib-ver")) {
        what = "lib-ver";
        field = &session->lib_version;
    } else {
        call_error(call, "Unrecognized option '%.*s'",
                   (int)(option.bytes < 128 ? option.bytes : 128), option.at);
        return;
    }
    if (client_text_check(call, what, call->argv[3]) && client_text_set(call, field, call->argv[3]))
        reply_ok(call->reply);
}

/* ---- looking at oneself ---------------------------------------------------------------------- */

static void run_id(struct call *call)
{
    reply_int(call->reply, (int64_t)call->session->id);
}

static void run_info(struct call *call)
{
    struct conn *conn = conn_of(call->session);
    struct text text = {0};
    char line[CLIENT_LINE_BYTES];
    size_t n;

    pthread_mutex_lock(&conn->loop->conns_lock);
    n = conn_describe(conn, line, sizeof line);
    pthread_mutex_unlock(&conn->loop->conns_lock);
    text_add(&text, "%.*s\n", (int)n, line);
    text_reply(call, &text);
}

/* ---- switches -------------------------------------------------------------------------------- */

static bool parse_switch(struct call *call, bool *ret)
{
    bool on = slice_is(call->argv[2], "on");

    if (!on && !slice_is(call->argv[2], "off")) {
        call_syntax_error(call);
        return false;
    }
    *ret = on;
    return true;
}

static void run_no_evict(struct call *call)
{
    if (parse_switch(call, &call->session->no_evict)) reply_ok(call->reply);
}

static void run_no_touch(struct call *call)
{
    if (parse_switch(call, &call->session->no_touch)) reply_ok(call->reply);
}

/* OFF and SKIP are not answered themselves. */
static void run_reply(struct call *call)
{
    struct session *session = call->session;

    if (slice_is(call->argv[2], "on")) {
        session->reply_off = session->reply_skip_next = false;
        reply_ok(call->reply);
    } else if (slice_is(call->argv[2], "off")) {
        session->reply_off = true;
    } else if (slice_is(call->argv[2], "skip")) {
        if (!session->reply_off) session->reply_skip_next = true;
    } else {
        call_syntax_error(call);
    }
}

/* ---- what is not there ----------------------------------------------------------------------- */

/* Commands of a paused client would have to wait somewhere; here they run as they come. */
static void run_pause(struct call *call)
{
    call_error(call, "CLIENT PAUSE is not supported: commands here never wait");
}

/* Nothing is ever paused, so nothing has to go on. */
static void run_unpause(struct call *call)
{
    reply_ok(call->reply);
}

/* No command blocks, so there is never a client to wake. */
static void run_unblock(struct call *call)
{
    int64_t id;

    if (call->argc > 4) {
        call_wrong_args(call);
    } else if (call->argc == 4 && !slice_is(call->argv[3], "timeout") &&
               !slice_is(call->argv[3], "error")) {
        call_error(call, "CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
    } else if (call_i64(call, 2, &id)) {
        reply_int(call->reply, 0);
    }
}

static void run_tracking(struct call *call)
{
    if (slice_is(call->argv[2], "off")) reply_ok(call->reply);
    else if (slice_is(call->argv[2], "on"))
        call_error(call, "CLIENT TRACKING is not supported: this server does not tell clients "
                         "which keys have changed");
    else call_syntax_error(call);
}

static void run_caching(struct call *call)
{
    call_error(call, "CLIENT CACHING can be called only when the client is in tracking mode with "
                     "OPTIN or OPTOUT mode enabled");
}

static void run_getredir(struct call *call)
{
    reply_int(call->reply, -1);
}

static void run_trackinginfo(struct call *call)
{
    struct reply *reply = call->reply;

    reply_map(reply, 3);
    reply_text(reply, "flags");
    reply_set(reply, 1);
    reply_text(reply, "off");
    reply_text(reply, "redirect");
    reply_int(reply, -1);
    reply_text(reply, "prefixes");
    reply_array(reply, 0);
}

/* ---- the table ------------------------------------------------------------------------------- */

#define ROW(name, run, arity, flags, since, syntax, summary)                                       \
    CMD_ROW("client|" name, run, arity, COMMAND_LOADING | (flags), "connection", since, syntax,    \
            summary)

const struct command cmd_rows_client[] = {
    ROW("caching", run_caching, 3, 0, "6.0.0", "<YES | NO>",
        "Part of tracking, which is not supported."),
    ROW("getname", run_getname, 2, 0, "2.6.9", "", "Replies the name of this connection."),
    ROW("getredir", run_getredir, 2, 0, "6.0.0", "", "Replies -1: there is no tracking."),
    ROW("help", cmd_help, 2, 0, "5.0.0", "", "Lists the subcommands."),
    ROW("id", run_id, 2, 0, "5.0.0", "", "Replies the id of this connection."),
    ROW("info", run_info, 2, 0, "6.2.0", "", "Describes this connection."),
    ROW("kill", client_kill, -3, COMMAND_ADMIN, "2.4.0",
        "<ip:port | [ID client-id] [TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [USER username] "
        "[ADDR ip:port] [LADDR ip:port] [SKIPME <YES | NO>] [MAXAGE seconds]>",
        "Closes the connections that all of the filters fit."),
    ROW("list", client_list, -2, COMMAND_ADMIN, "2.4.0",
        "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]",
        "Describes the connections, a line each."),
    ROW("no-evict", run_no_evict, 3, COMMAND_ADMIN, "7.0.0", "<ON | OFF>",
        "Noted; clients are not evicted here."),
    ROW("no-touch", run_no_touch, 3, 0, "7.2.0", "<ON | OFF>",
        "Whether commands of this connection count as accesses."),
    ROW("pause", run_pause, -3, COMMAND_ADMIN, "3.0.0", "timeout [WRITE | ALL]",
        "Not supported."),
    ROW("reply", run_reply, 3, 0, "3.2.0", "<ON | OFF | SKIP>",
        "Whether commands of this connection are answered."),
    ROW("setinfo", run_setinfo, 4, 0, "7.2.0", "<LIB-NAME libname | LIB-VER libver>",
        "Notes the client library's name or version."),
    ROW("setname", run_setname, 3, 0, "2.6.9", "connection-name", "Names this connection."),
    ROW("tracking", run_tracking, -3, 0, "6.0.0", "<ON | OFF>",
        "OFF is accepted, ON is not supported."),
    ROW("trackinginfo", run_trackinginfo, 2, 0, "6.2.0", "", "Says that there is no tracking."),
    ROW("unblock", run_unblock, -3, COMMAND_ADMIN, "5.0.0", "client-id [TIMEOUT | ERROR]",
        "Replies 0: no client ever waits."),
    ROW("unpause", run_unpause, 2, COMMAND_ADMIN, "6.2.0", "", "Accepted: nothing is paused."),
    CMD_END,
};
