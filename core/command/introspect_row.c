/* introspect_row.c - one row as COMMAND INFO tells it.
 *
 * Clients take two things from it: where the keys are, to route in a cluster, and whether the
 * command only reads.  Everything is derived from the row; nothing is kept twice. */
#include <string.h>

#include "core/command/introspect.h"

struct word {
    uint32_t flag;
    const char *text;
};

static size_t words_of(uint32_t flags, const struct word *words, size_t n_words, const char **ret)
{
    size_t n = 0;

    for (size_t i = 0; i < n_words; i++)
        if (flags & words[i].flag) ret[n++] = words[i].text;
    return n;
}

size_t introspect_flags(const struct command *row, const char *ret[INTROSPECT_WORDS_MAX])
{
    static const struct word words[] = {
        {COMMAND_WRITE, "write"},           {COMMAND_READ, "readonly"},
        {COMMAND_GROWS, "denyoom"},         {COMMAND_ADMIN, "admin"},
        {COMMAND_LOADING, "loading"},       {COMMAND_LOADING, "stale"},
        {COMMAND_NO_SLOWLOG, "skip_slowlog"}, {COMMAND_FAST, "fast"},
        {COMMAND_NO_AUTH, "no_auth"},       {COMMAND_NO_MULTI, "no_multi"},
        {COMMAND_KEYS_BY_COUNT, "movablekeys"},
    };

    return words_of(row->flags, words, sizeof words / sizeof words[0], ret);
}

size_t introspect_categories(const struct command *row, const char *ret[INTROSPECT_WORDS_MAX])
{
    enum { KEYSPACE = 1, READ = 2, WRITE = 4, STRING = 8, BITMAP = 16, ADMIN = 32, FAST = 64,
           SLOW = 128, CONNECTION = 256, TRANSACTION = 512 };
    static const struct word words[] = {
        {KEYSPACE, "@keyspace"}, {READ, "@read"},   {WRITE, "@write"},
        {STRING, "@string"},     {BITMAP, "@bitmap"}, {ADMIN, "@admin"},
        {FAST, "@fast"},         {SLOW, "@slow"},   {ADMIN, "@dangerous"},
        {CONNECTION, "@connection"}, {TRANSACTION, "@transaction"},
    };
    bool touches = (row->flags & (COMMAND_READ | COMMAND_WRITE)) != 0;
    uint32_t in = row->flags & COMMAND_FAST ? FAST : SLOW;

    if (row->flags & COMMAND_READ) in |= READ;
    if (row->flags & COMMAND_WRITE) in |= WRITE;
    if (row->flags & COMMAND_ADMIN) in |= ADMIN;
    if (strcmp(row->group, "string") == 0) in |= STRING;
    else if (strcmp(row->group, "bitmap") == 0) in |= BITMAP;
    else if (strcmp(row->group, "connection") == 0) in |= CONNECTION;
    else if (strcmp(row->group, "transactions") == 0) in |= TRANSACTION;
    else if (strcmp(row->group, "generic") == 0 || touches) in |= KEYSPACE;
    return words_of(in, words, sizeof words / sizeof words[0], ret);
}

size_t introspect_n_children(const struct command *row)
{
    size_t n = 0;

    while (row->children != NULL && row->children[n].name != NULL) n++;
    return n;
}

static void reply_words(struct reply *reply, const char *const *words, size_t n)
{
    reply_set(reply, n);
    for (size_t i = 0; i < n; i++) reply_simple(reply, words[i]);
}

void introspect_reply_access(struct reply *reply, const struct command *row)
{
    static const char *const reads[] = {"RO", "access"};
    static const char *const writes[] = {"RW", "access", "update"};

    if (row->flags & COMMAND_WRITE) reply_words(reply, writes, 3);
    else reply_words(reply, reads, 2);
}

static void reply_field(struct reply *reply, const char *name, int64_t value)
{
    reply_text(reply, name);
    reply_int(reply, value);
}

/* The head of a {type, spec} map; the spec's fields follow. */
static void reply_spec(struct reply *reply, const char *type, uint64_t n_fields)
{
    reply_map(reply, 2);
    reply_text(reply, "type");
    reply_text(reply, type);
    reply_text(reply, "spec");
    reply_map(reply, n_fields);
}

/* Where the keys are: from an argument's index on, a range or as many as an argument says. */
static void reply_key_specs(struct reply *reply, const struct command *row)
{
    bool by_count = (row->flags & COMMAND_KEYS_BY_COUNT) != 0;

    if (row->first_key <= 0) {
        reply_array(reply, 0);
        return;
    }
    reply_array(reply, 1);
    reply_map(reply, 3);
    reply_text(reply, "flags");
    introspect_reply_access(reply, row);
    reply_text(reply, "begin_search");
    reply_spec(reply, "index", 1);
    reply_field(reply, "index", by_count ? row->first_key - 1 : row->first_key);
    reply_text(reply, "find_keys");
    if (by_count) {
        reply_spec(reply, "keynum", 3);
        reply_field(reply, "keynumidx", 0);
        reply_field(reply, "firstkey", 1);
        reply_field(reply, "keystep", row->key_step);
    } else {
        int last = row->last_key < 0 ? row->last_key : row->last_key - row->first_key;
        reply_spec(reply, "range", 3);
        reply_field(reply, "lastkey", last);
        reply_field(reply, "keystep", row->key_step);
        reply_field(reply, "limit", 0);
    }
}

static void reply_row_and(struct reply *reply, const struct command *row, size_t n_children)
{
    const char *words[INTROSPECT_WORDS_MAX];

    reply_array(reply, 10);
    reply_text(reply, row->name);
    reply_int(reply, row->arity);
    reply_words(reply, words, introspect_flags(row, words));
    reply_int(reply, row->first_key);
    reply_int(reply, row->last_key);
    reply_int(reply, row->key_step);
    reply_words(reply, words, introspect_categories(row, words));
    reply_array(reply, 0); /* tips */
    reply_key_specs(reply, row);
    reply_array(reply, n_children);
}

void introspect_reply_row(struct reply *reply, const struct command *row)
{
    size_t n = introspect_n_children(row);

    reply_row_and(reply, row, n);
    for (size_t i = 0; i < n; i++) reply_row_and(reply, &row->children[i], 0);
}
