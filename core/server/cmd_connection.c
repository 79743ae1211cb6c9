/* cmd_connection.c - commands about the connection itself: PING ECHO QUIT RESET HELLO AUTH. */
#include <string.h>

#include "core/command/transaction.h"
#include "core/plugin/options.h"
#include "core/server/cmd_client.h"
#include "core/server/cmd_rows.h"
#include "core/server/info.h"

static void run_ping(struct call *call)
{
    if (call->argc > 2) call_wrong_args(call);
    else if (call->argc == 2) reply_bulk(call->reply, call->argv[1].at, call->argv[1].bytes);
    else reply_simple(call->reply, "PONG");
}

static void run_echo(struct call *call)
{
    reply_bulk(call->reply, call->argv[1].at, call->argv[1].bytes);
}

static void run_quit(struct call *call)
{
    reply_ok(call->reply);
    call->session->close_after_reply = true;
}

static void run_reset(struct call *call)
{
    struct session *session = call->session;
    struct loop *loop = conn_of(session)->loop;

    /* Before the lock: giving up WATCHes locks partitions. */
    transaction_free(session);
    pthread_mutex_lock(&loop->conns_lock);
    session_reset(session);
    pthread_mutex_unlock(&loop->conns_lock);
    session->authenticated = !server_password_wanted(server_the);
    call->reply->proto = session->proto;
    reply_simple(call->reply, "RESET");
}

/* ---- who are you ----------------------------------------------------------------------------- */

/* The session becomes the user's, or the error is written.  There is one user. */
static bool authenticate(struct call *call, struct slice user, struct slice password)
{
    char peer[64], name[32], shown[32];
    size_t n = user.bytes < sizeof name ? user.bytes : sizeof name - 1;

    if (slice_equal(user, slice_of("default", 7)) && server_password_is(server_the, password)) {
        call->session->authenticated = true;
        return true;
    }
    memcpy(name, user.at, n);
    name[n] = '\0';
    conn_peer(conn_of(call->session), peer, sizeof peer);
    server_audit(server_the, "login denied: user %s from %s",
                 option_printable(name, shown, sizeof shown), peer);
    reply_error(call->reply, "WRONGPASS invalid username-password pair or user is disabled.");
    return false;
}

static void run_auth(struct call *call)
{
    if (call->argc > 3) {
        call_syntax_error(call);
        return;
    }
    if (call->argc == 2 && !server_password_wanted(server_the)) {
        call_error(call, "AUTH <password> called without any password configured for the default "
                         "user. Are you sure your configuration is correct?");
        return;
    }
    struct slice user = call->argc == 3 ? call->argv[1] : slice_of("default", 7);

    if (authenticate(call, user, call->argv[call->argc - 1])) reply_ok(call->reply);
}

/* ---- HELLO ----------------------------------------------------------------------------------- */

struct hello {
    int64_t proto; /* 0: stays */
    const struct slice *auth; /* user, password; NULL: not given */
    const struct slice *name; /* NULL: not given */
};

static bool parse_hello(struct call *call, struct hello *ret)
{
    struct hello hello = {0};

    if (call->argc > 1) {
        if (!bytes_to_i64(call->argv[1], &hello.proto)) {
            call_error(call, "Protocol version is not an integer or out of range");
            return false;
        }
        if (hello.proto != 2 && hello.proto != 3) {
            reply_error(call->reply, "NOPROTO unsupported protocol version");
            return false;
        }
    }
    for (uint32_t i = 2; i < call->argc; i++) {
        uint32_t more = call->argc - 1 - i;

        if (slice_is(call->argv[i], "auth") && more >= 2) {
            hello.auth = &call->argv[i + 1];
            i += 2;
        } else if (slice_is(call->argv[i], "setname") && more >= 1) {
            hello.name = &call->argv[++i];
            if (!client_text_check(call, "Client names", *hello.name)) return false;
        } else {
            call_error(call, "Syntax error in HELLO option '%.*s'",
                       (int)(call->argv[i].bytes < 128 ? call->argv[i].bytes : 128),
                       call->argv[i].at);
            return false;
        }
    }
    *ret = hello;
    return true;
}

static void reply_hello(struct call *call)
{
    struct reply *reply = call->reply;

    reply_map(reply, 7);
    reply_text(reply, "server");
    reply_text(reply, "loomcache");
    reply_text(reply, "version");
    reply_text(reply, INFO_REDIS_VERSION);
    reply_text(reply, "proto");
    reply_int(reply, call->session->proto);
    reply_text(reply, "id");
    reply_int(reply, (int64_t)call->session->id);
    reply_text(reply, "mode");
    reply_text(reply, "standalone");
    reply_text(reply, "role");
    reply_text(reply, "master");
    reply_text(reply, "modules");
    reply_array(reply, 0);
}

static void run_hello(struct call *call)
{
    struct session *session = call->session;
    struct hello hello;

    if (!parse_hello(call, &hello)) return;
    if (hello.auth != NULL && !authenticate(call, hello.auth[0], hello.auth[1])) return;
    if (!session->authenticated) {
        reply_error(call->reply,
                    "NOAUTH HELLO must be called with the client already authenticated, otherwise "
                    "the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the "
                    "client and select the RESP protocol version at the same time");
        return;
    }
    if (hello.name != NULL && !client_text_set(call, &session->name, *hello.name)) return;
    if (hello.proto != 0) {
        METRIC_SET(session->proto, (uint8_t)hello.proto);
        call->reply->proto = session->proto;
    }
    reply_hello(call);
}

/* ---- the table ------------------------------------------------------------------------------- */

#define OPEN (COMMAND_FAST | COMMAND_LOADING | COMMAND_NO_AUTH)
#define ROW(name, run, arity, flags, since, syntax, summary)                                       \
    CMD_ROW(name, run, arity, flags, "connection", since, syntax, summary)

const struct command command_rows_connection[] = {
    ROW("ping", run_ping, -1, COMMAND_FAST | COMMAND_LOADING, "1.0.0", "[message]",
        "Replies PONG, or the message."),
    ROW("echo", run_echo, 2, COMMAND_FAST | COMMAND_LOADING, "1.0.0", "message",
        "Replies the message."),
    ROW("quit", run_quit, -1, OPEN | COMMAND_IN_MULTI, "1.0.0", "", "Closes the connection."),
    ROW("reset", run_reset, 1, OPEN | COMMAND_IN_MULTI | COMMAND_OWN_LOCKS, "6.2.0", "",
        "Makes the connection as it was when new."),
    ROW("auth", run_auth, -2, OPEN | COMMAND_NO_SLOWLOG, "1.0.0", "[username] password",
        "Authenticates the connection."),
    ROW("hello", run_hello, -1, OPEN | COMMAND_NO_SLOWLOG, "6.0.0",
        "[protover [AUTH username password] [SETNAME clientname]]",
        "Shakes hands: chooses RESP2 or RESP3, authenticates, names the connection."),
    CMD_CONTAINER("client", cmd_rows_client, "connection", "2.4.0", "Commands about connections."),
    CMD_END,
};
