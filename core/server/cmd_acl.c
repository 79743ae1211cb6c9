/* cmd_acl.c - ACL and MODULE, as far as they have true answers here: there is one user, and modules
 * are plugins (see PLUGIN). */
#include <string.h>

#include "core/command/introspect.h"
#include "core/server/cmd_rows.h"

static void run_whoami(struct call *call)
{
    reply_text(call->reply, "default");
}

static void run_users(struct call *call)
{
    reply_array(call->reply, 1);
    reply_text(call->reply, "default");
}

/* ---- CAT ------------------------------------------------------------------------------------- */

#define CATEGORIES_MAX 32

/* Is the row in this category?  Names have an @ in front. */
static bool is_in(const struct command *row, struct slice category)
{
    const char *words[INTROSPECT_WORDS_MAX];
    size_t n = introspect_categories(row, words);

    while (n-- > 0)
        if (slice_is(category, words[n] + 1)) return true;
    return false;
}

/* Every category that some command is in. */
static void cat_all(struct reply *reply)
{
    const char *all[CATEGORIES_MAX], *words[INTROSPECT_WORDS_MAX];
    size_t n = 0, known;

    for (size_t i = 0; i < command_count(); i++) {
        size_t n_words = introspect_categories(command_at(i), words);

        for (size_t k = 0; k < n_words; k++) {
            for (known = 0; known < n && strcmp(all[known], words[k]) != 0; known++) continue;
            if (known == n && n < CATEGORIES_MAX) all[n++] = words[k];
        }
    }
    reply_array(reply, n);
    for (size_t i = 0; i < n; i++) reply_text(reply, all[i] + 1);
}

static uint64_t cat_row(struct reply *reply, const struct command *row, struct slice category)
{
    uint64_t n = 0;

    for (const struct command *c = row->children; c != NULL && c->name != NULL; c++)
        n += cat_row(reply, c, category);
    if (row->children != NULL || !is_in(row, category)) return n;
    reply_text(reply, row->name);
    return n + 1;
}

static void run_cat(struct call *call)
{
    size_t before = call->reply->bytes;
    uint64_t n = 0;
    size_t place;

    if (call->argc > 3) {
        call_wrong_args(call);
        return;
    }
    if (call->argc == 2) {
        cat_all(call->reply);
        return;
    }
    place = reply_later(call->reply);
    for (size_t i = 0; i < command_count(); i++)
        n += cat_row(call->reply, command_at(i), call->argv[2]);
    reply_array_at(call->reply, place, n);
    if (n > 0) return;
    reply_rewind(call->reply, before);
    call_error(call, "Unknown category '%.*s'",
               (int)(call->argv[2].bytes < 128 ? call->argv[2].bytes : 128), call->argv[2].at);
}

#define ROW(name, run, arity, flags, syntax, summary)                                              \
    CMD_ROW("acl|" name, run, arity, COMMAND_LOADING | (flags), "server", "6.0.0", syntax, summary)

const struct command cmd_rows_acl[] = {
    ROW("cat", run_cat, -2, 0, "[category]",
        "Replies the categories of commands, or the commands of one."),
    ROW("help", cmd_help, 2, 0, "", "Lists the subcommands."),
    ROW("users", run_users, 2, COMMAND_ADMIN, "", "Replies the one user there is."),
    ROW("whoami", run_whoami, 2, 0, "", "Replies default: there is no other user."),
    CMD_END,
};

/* ---- MODULE ---------------------------------------------------------------------------------- */

static void run_modules(struct call *call)
{
    reply_array(call->reply, 0);
}

const struct command cmd_rows_module[] = {
    CMD_ROW("module|help", cmd_help, 2, COMMAND_LOADING, "server", "5.0.0", "",
            "Lists the subcommands."),
    CMD_ROW("module|list", run_modules, 2, COMMAND_ADMIN, "server", "4.0.0", "",
            "Replies an empty list: see PLUGIN LIST."),
    CMD_END,
};
