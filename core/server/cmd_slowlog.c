/* cmd_slowlog.c - SLOWLOG: the slow commands that slowlog.h remembers. */
#include "core/server/cmd_rows.h"
#include "core/server/server.h"
#include "core/server/slowlog.h"

#define GET_DEFAULT 10

static void reply_entry(void *arg, const struct slowlog_entry *entry)
{
    struct reply *reply = arg;

    reply_array(reply, 6);
    reply_int(reply, (int64_t)entry->id);
    reply_int(reply, (int64_t)entry->unix_s);
    reply_int(reply, (int64_t)entry->took_us);
    reply_array(reply, entry->n_args);
    for (uint32_t i = 0; i < entry->n_args; i++)
        reply_bulk(reply, entry->args[i].at, entry->args[i].bytes);
    reply_bulk(reply, entry->peer.at, entry->peer.bytes);
    reply_bulk(reply, entry->name.at, entry->name.bytes);
}

static void run_get(struct call *call)
{
    int64_t count = GET_DEFAULT;
    size_t place, n;

    if (call->argc > 3) {
        call_wrong_args(call);
        return;
    }
    if (call->argc == 3 && (!bytes_to_i64(call->argv[2], &count) || count < -1)) {
        call_error(call, "count should be greater than or equal to -1");
        return;
    }
    place = reply_later(call->reply);
    n = slowlog_each(server_the->slowlog, count < 0 ? SIZE_MAX : (size_t)count, reply_entry,
                     call->reply);
    reply_array_at(call->reply, place, n);
}

static void run_len(struct call *call)
{
    reply_int(call->reply, (int64_t)slowlog_count(server_the->slowlog));
}

static void run_reset(struct call *call)
{
    slowlog_reset(server_the->slowlog);
    reply_ok(call->reply);
}

#define ROW(name, run, arity, syntax, summary)                                                     \
    CMD_ROW("slowlog|" name, run, arity, COMMAND_ADMIN | COMMAND_LOADING, "server", "2.2.12",      \
            syntax, summary)

const struct command cmd_rows_slowlog[] = {
    ROW("get", run_get, -2, "[count]",
        "Replies the newest slow commands, 10 or count: number, time, microseconds, arguments, "
        "address and name of the client."),
    ROW("help", cmd_help, 2, "", "Lists the subcommands."),
    ROW("len", run_len, 2, "", "Counts the slow commands that are remembered."),
    ROW("reset", run_reset, 2, "", "Forgets them."),
    CMD_END,
};
