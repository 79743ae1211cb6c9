/* object.c - looking at one key from the inside: OBJECT, and MEMORY USAGE.
 *
 * The encodings are those that Redis would have chosen for the value: clients' tests ask for them,
 * although a value here is always kept in the same way.
 */
#include "core/command/command.h"

#define EMBSTR_MAX_BYTES 44u
#define INTEGER_MAX_BYTES 20u

const char *command_encoding(struct partition *p, loom_entry *e, int *ret_rc)
{
    struct value_view view;
    const char *name = "raw";
    int64_t number;

    *ret_rc = 0;
    if (value_bytes(p, e) > EMBSTR_MAX_BYTES) return name;
    *ret_rc = value_read(p, e, &view);
    if (*ret_rc != 0) return name;
    if (view.bytes <= INTEGER_MAX_BYTES && bytes_to_i64(slice_of(view.at, view.bytes), &number))
        name = "int";
    else name = "embstr";
    value_release(&view);
    return name;
}

static loom_entry *find_or_null(struct call *call)
{
    loom_entry *e = partition_find(&call->keys[0], STORE_PEEK);

    if (e == NULL) reply_null(call->reply);
    return e;
}

static void run_encoding(struct call *call)
{
    loom_entry *e = find_or_null(call);
    const char *name;
    int rc;

    if (e == NULL) return;
    name = command_encoding(call->keys[0].partition, e, &rc);
    if (rc != 0) call_failed(call, rc);
    else reply_text(call->reply, name);
}

static void run_refcount(struct call *call)
{
    if (find_or_null(call) != NULL) reply_int(call->reply, 1);
}

/* Policies order keys by accesses, not by the clock, and how often a key was used is their own
 * affair: neither can be told, and Redis has a sentence for each. */
static void run_idletime(struct call *call)
{
    if (find_or_null(call) != NULL)
        call_error(call, "An LFU maxmemory policy is selected, idle time not tracked. Please note "
                         "that when switching between policies at runtime LRU and LFU data will "
                         "take some time to adjust.");
}

static void run_freq(struct call *call)
{
    if (find_or_null(call) != NULL)
        call_error(call, "An LFU maxmemory policy is not selected, access frequency not tracked. "
                         "Please note that when switching between policies at runtime LRU and LFU "
                         "data will take some time to adjust.");
}

static void run_help(struct call *call)
{
    static const char *const lines[] = {
        "OBJECT <subcommand> <key>. Subcommands are:",
        "ENCODING <key>",
        "    The encoding that Redis would use for the value: int, embstr or raw.",
        "FREQ <key>",
        "    How often the key is used; no policy here tells.",
        "IDLETIME <key>",
        "    For how long the key was not used; no policy here tells.",
        "REFCOUNT <key>",
        "    References to the value; always 1.",
        "HELP",
        "    This text.",
    };
    size_t n = sizeof lines / sizeof lines[0];

    reply_array(call->reply, n);
    for (size_t i = 0; i < n; i++)
        reply_simple(call->reply, lines[i]);
}

/* The container's own row is never run: one word is too few, two choose a child. */
static void run_object(struct call *call) { call_wrong_args(call); }

void command_memory_usage(struct call *call)
{
    struct partition *p = call->keys[0].partition;
    loom_entry *e;

    for (uint32_t i = 3; i < call->argc; i += 2) {
        int64_t samples;

        if (!slice_is(call->argv[i], "samples") || i + 1 == call->argc) {
            call_syntax_error(call);
            return;
        }
        if (!call_i64(call, i + 1, &samples)) return;
        if (samples < 0) { /* accepted for what it says of other types; a string is one piece */
            call_syntax_error(call);
            return;
        }
    }
    e = find_or_null(call);
    if (e != NULL) reply_int(call->reply, (int64_t)p->storage_ops->charged(p->storage, e));
}

/* ---- the table ----------------------------------------------------------------------------------- */

#define OBJECT_ROW(name_, run_, since_, summary_)                                                  \
    {                                                                                              \
        .name = "object|" name_, .run = run_, .arity = 3, .flags = COMMAND_READ, .first_key = 2,   \
        .last_key = 2, .key_step = 1, .group = "generic", .since = since_, .syntax = "key",        \
        .summary = summary_                                                                        \
    }

static const struct command object_children[] = {
    OBJECT_ROW("encoding", run_encoding, "2.2.3", "Replies how Redis would encode a value."),
    OBJECT_ROW("refcount", run_refcount, "2.2.3", "Replies 1 for a key that exists."),
    OBJECT_ROW("idletime", run_idletime, "2.2.3", "Says that idle times are not kept."),
    OBJECT_ROW("freq", run_freq, "4.0.0", "Says that frequencies are not told."),
    {.name = "object|help",
     .run = run_help,
     .arity = 2,
     .flags = COMMAND_LOADING,
     .group = "generic",
     .since = "6.2.0",
     .syntax = "",
     .summary = "Lists the subcommands."},
    {.name = NULL},
};

const struct command command_rows_object[] = {
    {.name = "object",
     .run = run_object,
     .arity = -2,
     .flags = COMMAND_READ | COMMAND_SUBCOMMANDS,
     .group = "generic",
     .since = "2.2.3",
     .syntax = "subcommand [key]",
     .summary = "Looks at one key from the inside.",
     .children = object_children},
    {.name = NULL},
};
