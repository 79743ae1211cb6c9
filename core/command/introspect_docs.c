/* introspect_docs.c - what is written about commands: COMMAND DOCS for clients (redis-cli makes
 * its hints from it) and docs/commands.md for people, both from the rows. */
#include <string.h>

#include "core/command/introspect.h"
#include "core/command/introspect_syntax.h"

/* ---- COMMAND DOCS ---------------------------------------------------------------------------- */

static bool is_key(struct slice name)
{
    static const char *const names[] = {"key",    "key1",   "key2", "newkey",
                                        "source", "destkey", "destination"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (slice_is(name, names[i])) return true;
    return false;
}

static const char *argument_type(struct slice name)
{
    static const char *const integers[] = {
        "seconds", "milliseconds", "increment", "decrement", "offset", "start", "end", "count",
        "cursor",  "bit",          "index",     "timeout",   "db",     "numkeys", "min-match-len"};

    if (is_key(name)) return "key";
    if (slice_is(name, "pattern")) return "pattern";
    if (name.bytes > 10 && memcmp(name.at, "unix-time-", 10) == 0) return "unix-time";
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++)
        if (slice_is(name, integers[i])) return "integer";
    return "string";
}

static const char *node_type(const struct syntax_node *node)
{
    switch (node->kind) {
    case SYNTAX_ARGUMENT: return argument_type(node->name);
    case SYNTAX_TOKEN: return "pure-token";
    case SYNTAX_ONE_OF: return "oneof";
    case SYNTAX_BLOCK: return "block";
    }
    return "string";
}

/* Names are lower case, also that of a token. */
static void reply_name(struct reply *reply, struct slice name)
{
    char lower[64];
    size_t n = name.bytes < sizeof lower ? name.bytes : sizeof lower;

    for (size_t i = 0; i < n; i++)
        lower[i] = (char)(name.at[i] >= 'A' && name.at[i] <= 'Z' ? name.at[i] + 32 : name.at[i]);
    reply_bulk(reply, lower, n);
}

static void reply_nodes(struct reply *reply, const struct syntax *syntax, uint8_t first);

static void reply_node(struct reply *reply, const struct syntax *syntax, uint8_t i)
{
    const struct syntax_node *node = &syntax->nodes[i];
    bool key = node->kind == SYNTAX_ARGUMENT && is_key(node->name);
    bool flags = node->optional || node->multiple;

    reply_map(reply, 2u + key + (node->token.bytes != 0) + flags + (node->child != 0));
    reply_text(reply, "name");
    reply_name(reply, syntax_name(syntax, i));
    reply_text(reply, "type");
    reply_text(reply, node_type(node));
    if (key) {
        reply_text(reply, "key_spec_index");
        reply_int(reply, 0);
    }
    if (node->token.bytes != 0) {
        reply_text(reply, "token");
        reply_bulk(reply, node->token.at, node->token.bytes);
    }
    if (flags) {
        reply_text(reply, "flags");
        reply_set(reply, (uint64_t)node->optional + node->multiple);
        if (node->optional) reply_simple(reply, "optional");
        if (node->multiple) reply_simple(reply, "multiple");
    }
    if (node->child != 0) {
        reply_text(reply, "arguments");
        reply_nodes(reply, syntax, node->child);
    }
}

static void reply_nodes(struct reply *reply, const struct syntax *syntax, uint8_t first)
{
    uint64_t n = 0;

    for (uint8_t i = first; i != 0; i = syntax->nodes[i].next) n++;
    reply_array(reply, n);
    for (uint8_t i = first; i != 0; i = syntax->nodes[i].next) reply_node(reply, syntax, i);
}

static void reply_fact(struct reply *reply, const char *name, const char *text)
{
    reply_text(reply, name);
    reply_text(reply, text);
}

void introspect_reply_docs(struct reply *reply, const struct command *row)
{
    struct syntax syntax;
    size_t n_children = introspect_n_children(row);
    bool arguments = syntax_parse(row->syntax, &syntax) && syntax.nodes[0].child != 0;

    reply_text(reply, row->name);
    reply_map(reply, 3u + arguments + (n_children != 0));
    reply_fact(reply, "summary", row->summary);
    reply_fact(reply, "since", row->since);
    reply_fact(reply, "group", row->group);
    if (arguments) {
        reply_text(reply, "arguments");
        reply_nodes(reply, &syntax, syntax.nodes[0].child);
    }
    if (n_children != 0) {
        reply_text(reply, "subcommands");
        reply_map(reply, n_children);
        for (size_t i = 0; i < n_children; i++) introspect_reply_docs(reply, &row->children[i]);
    }
}

/* ---- docs/commands.md ------------------------------------------------------------------------ */

/* The name as it is typed: CONFIG GET for config|get. */
static void print_name(FILE *to, const char *name)
{
    for (; *name != '\0'; name++)
        fputc(*name == '|' ? ' ' : *name >= 'a' && *name <= 'z' ? *name - 32 : *name, to);
}

/* Markdown would take < and > for tags, and | for the end of a table's cell. */
static void print_escaped(FILE *to, const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("<>|[]*_\\", *text) != NULL) fputc('\\', to);
        fputc(*text, to);
    }
}

static void print_row(FILE *to, const struct command *row)
{
    fputs("| **", to);
    print_name(to, row->name);
    fputs("**", to);
    if (row->syntax[0] != '\0') fputc(' ', to);
    print_escaped(to, row->syntax);
    fputs(" | ", to);
    print_escaped(to, row->summary);
    fprintf(to, " | %s |\n", row->since);
}

static void print_group(FILE *to, const char *group)
{
    fprintf(to, "\n## %c%s\n\n| Command | What it does | As in Redis |\n|---|---|---|\n",
            group[0] - 32, group + 1);
    for (size_t i = 0; i < command_count(); i++) {
        const struct command *row = command_at(i);
        if (strcmp(row->group, group) != 0) continue;
        if (introspect_n_children(row) == 0 || row->arity == -1) print_row(to, row);
        for (size_t j = 0; j < introspect_n_children(row); j++) print_row(to, &row->children[j]);
    }
}

void command_document(FILE *to)
{
    fputs("# Commands\n\n"
          "Made from the table of commands by `loomcache --commands`; do not edit.\n"
          "The last column is the version of Redis in which the command first appeared.\n",
          to);
    for (size_t i = 0; i < command_count(); i++) {
        const char *group = command_at(i)->group;
        bool seen = false;
        for (size_t j = 0; j < i && !seen; j++) seen = strcmp(command_at(j)->group, group) == 0;
        if (!seen) print_group(to, group);
    }
}
