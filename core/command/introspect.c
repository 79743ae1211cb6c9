/* introspect.c - COMMAND: clients ask which commands there are, what they take, where keys are. */
#include "core/command/introspect.h"

#include <string.h>

static void run_command(struct call *call)
{
    reply_array(call->reply, command_count());
    for (size_t i = 0; i < command_count(); i++)
        introspect_reply_row(call->reply, command_at(i));
}

static void run_count(struct call *call)
{
    reply_int(call->reply, (int64_t)command_count());
}

/* "config|get" names a subcommand. */
static const struct command *row_of(struct slice name)
{
    const char *bar = name.bytes != 0 ? memchr(name.at, '|', name.bytes) : NULL;
    const struct command *row;
    size_t bytes;

    if (bar == NULL) return command_find(name);
    bytes = (size_t)(bar - name.at);
    row = command_find(slice_of(name.at, bytes));
    return row ? command_child(row, slice_of(bar + 1, name.bytes - bytes - 1)) : NULL;
}

static void run_info(struct call *call)
{
    if (call->argc == 2) {
        run_command(call);
        return;
    }
    reply_array(call->reply, call->argc - 2);
    for (uint32_t i = 2; i < call->argc; i++) {
        const struct command *row = row_of(call->argv[i]);
        if (row != NULL) introspect_reply_row(call->reply, row);
        else reply_null(call->reply);
    }
}

static void run_docs(struct call *call)
{
    uint64_t n = 0;

    if (call->argc == 2) {
        reply_map(call->reply, command_count());
        for (size_t i = 0; i < command_count(); i++)
            introspect_reply_docs(call->reply, command_at(i));
        return;
    }
    for (uint32_t i = 2; i < call->argc; i++) n += row_of(call->argv[i]) != NULL;
    reply_map(call->reply, n);
    for (uint32_t i = 2; i < call->argc; i++) {
        const struct command *row = row_of(call->argv[i]);
        if (row != NULL) introspect_reply_docs(call->reply, row);
    }
}

/* ---- LIST ------------------------------------------------------------------------------------ */

enum filter { FILTER_NONE, FILTER_MODULE, FILTER_CATEGORY, FILTER_PATTERN };

static bool passes(enum filter filter, struct slice wanted, const struct command *row)
{
    const char *words[INTROSPECT_WORDS_MAX];
    size_t n;

    switch (filter) {
    case FILTER_NONE: return true;
    case FILTER_MODULE: return false; /* modules there are none */
    case FILTER_PATTERN: return bytes_match(wanted, slice_of(row->name, strlen(row->name)), true);
    case FILTER_CATEGORY:
        n = introspect_categories(row, words);
        while (n-- > 0)
            if (slice_is(wanted, words[n] + 1)) return true; /* without the @ */
        return false;
    }
    return false;
}

static uint64_t reply_passing(struct reply *reply, enum filter filter, struct slice wanted,
                              const struct command *row)
{
    if (!passes(filter, wanted, row)) return 0;
    reply_text(reply, row->name);
    return 1;
}

static void run_list(struct call *call)
{
    enum filter filter = FILTER_NONE;
    struct slice wanted = {NULL, 0};
    size_t place;
    uint64_t n = 0;

    if (call->argc == 5 && slice_is(call->argv[2], "filterby")) {
        wanted = call->argv[4];
        if (slice_is(call->argv[3], "module")) filter = FILTER_MODULE;
        else if (slice_is(call->argv[3], "aclcat")) filter = FILTER_CATEGORY;
        else if (slice_is(call->argv[3], "pattern")) filter = FILTER_PATTERN;
    }
    if (call->argc != 2 && filter == FILTER_NONE) {
        call_syntax_error(call);
        return;
    }
    place = reply_later(call->reply);
    for (size_t i = 0; i < command_count(); i++) {
        const struct command *row = command_at(i);
        n += reply_passing(call->reply, filter, wanted, row);
        for (size_t j = 0; j < introspect_n_children(row); j++)
            n += reply_passing(call->reply, filter, wanted, &row->children[j]);
    }
    reply_array_at(call->reply, place, n);
}

/* ---- GETKEYS --------------------------------------------------------------------------------- */

/* The row of the command that begins with argument 2, and the number of its keys; NULL: replied. */
static const struct command *keys_of(struct call *call, int *ret_n)
{
    const struct command *row = command_find(call->argv[2]);
    int64_t argc = (int64_t)call->argc - 2;

    if (row != NULL && row->children != NULL && argc > 1) row = command_child(row, call->argv[3]);
    if (row == NULL) {
        call_error(call, "Invalid command specified");
    } else if (row->first_key <= 0) {
        call_error(call, "The command has no key arguments");
    } else if (row->arity > 0 ? argc != row->arity : argc < -row->arity) {
        call_error(call, "Invalid number of arguments specified for command");
    } else if ((*ret_n = command_keys(row, (uint32_t)argc, call->argv + 2, NULL, 0)) < 0) {
        call_error(call, "Invalid arguments specified for command");
    } else {
        return row;
    }
    return NULL;
}

static void reply_keys(struct call *call, bool with_flags)
{
    int n;
    const struct command *row = keys_of(call, &n);
    uint32_t step, at;

    if (row == NULL) return;
    reply_array(call->reply, (uint64_t)n);
    /* Keys are at equal distances: that they fit has been checked. */
    step = row->flags & COMMAND_KEYS_BY_COUNT ? 1 : (uint32_t)row->key_step;
    at = 2 + (uint32_t)row->first_key;
    for (int i = 0; i < n; i++, at += step) {
        if (with_flags) reply_array(call->reply, 2);
        reply_bulk(call->reply, call->argv[at].at, call->argv[at].bytes);
        if (with_flags) introspect_reply_access(call->reply, row);
    }
}

static void run_getkeys(struct call *call) { reply_keys(call, false); }
static void run_getkeysandflags(struct call *call) { reply_keys(call, true); }

static void run_help(struct call *call)
{
    static const char *const lines[] = {
        "COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "(no subcommand)",
        "    Return details about all commands.",
        "COUNT",
        "    Return the total number of commands in this server.",
        "LIST [FILTERBY <MODULE name | ACLCAT category | PATTERN pattern>]",
        "    Return the names of all commands, or of those that the filter lets through.",
        "INFO [<command-name> ...]",
        "    Return details about the named commands, or about all.",
        "DOCS [<command-name> ...]",
        "    Return documentation of the named commands, or of all.",
        "GETKEYS <full-command>",
        "    Return the keys from a full command.",
        "GETKEYSANDFLAGS <full-command>",
        "    Return the keys and the access flags from a full command.",
        "HELP",
        "    Print this help.",
    };
    const size_t n = sizeof lines / sizeof lines[0];

    reply_array(call->reply, n);
    for (size_t i = 0; i < n; i++) reply_simple(call->reply, lines[i]);
}

#define ASKS COMMAND_LOADING

static const struct command children[] = {
    {"command|count", run_count, 2, ASKS, 0, 0, 0, "server", "2.8.13", "",
     "Returns how many commands there are.", NULL},
    {"command|docs", run_docs, -2, ASKS, 0, 0, 0, "server", "7.0.0",
     "[command-name [command-name ...]]", "Returns what is documented about commands.", NULL},
    {"command|getkeys", run_getkeys, -4, ASKS, 0, 0, 0, "server", "2.8.13",
     "command [arg [arg ...]]", "Returns the keys in a command.", NULL},
    {"command|getkeysandflags", run_getkeysandflags, -4, ASKS, 0, 0, 0, "server", "7.0.0",
     "command [arg [arg ...]]", "Returns the keys in a command and what they are used for.", NULL},
    {"command|help", run_help, 2, ASKS, 0, 0, 0, "server", "5.0.0", "",
     "Returns a text about the subcommands.", NULL},
    {"command|info", run_info, -2, ASKS, 0, 0, 0, "server", "2.8.13",
     "[command-name [command-name ...]]", "Returns the details of some or all commands.", NULL},
    {"command|list", run_list, -2, ASKS, 0, 0, 0, "server", "7.0.0",
     "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
     "Returns the names of commands.", NULL},
    {0},
};

const struct command command_rows_introspect[] = {
    {"command", run_command, -1, ASKS | COMMAND_SUBCOMMANDS, 0, 0, 0, "server", "2.8.13", "",
     "Returns the details of all commands.", children},
    {0},
};
