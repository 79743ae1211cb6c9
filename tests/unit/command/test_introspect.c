/* test_introspect.c - COMMAND tells what the rows say, in the shapes that clients expect. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/command/introspect.h"
#include "core/command/introspect_syntax.h"
#include "tests/unit/command/fixture.h"

static struct fixture f;
static void open_node(void) { fixture_open(&f, NULL); }
static void close_node(void) { fixture_close(&f); }

TestSuite(introspect, .init = open_node, .fini = close_node);

#define TEXT(s) "+" s "\r\n"
#define RANGE_SPEC(flags, index, last, step)                                                       \
    ARRAY("6") BULK("5", "flags") flags BULK("12", "begin_search") ARRAY("4") BULK("4", "type")    \
    BULK("5", "index") BULK("4", "spec") ARRAY("2") BULK("5", "index") INT(index)                  \
    BULK("9", "find_keys") ARRAY("4") BULK("4", "type") BULK("5", "range") BULK("4", "spec")       \
    ARRAY("6") BULK("7", "lastkey") INT(last) BULK("7", "keystep") INT(step) BULK("5", "limit")    \
    INT("0")
#define READS ARRAY("2") TEXT("RO") TEXT("access")
#define WRITES ARRAY("3") TEXT("RW") TEXT("access") TEXT("update")

Test(introspect, info)
{
    FIXTURE_STEPS(&f,
        {"COMMAND INFO get", ARRAY("1") ARRAY("10") BULK("3", "get") INT("2")
            ARRAY("2") TEXT("readonly") TEXT("fast") INT("1") INT("1") INT("1")
            ARRAY("3") TEXT("@read") TEXT("@string") TEXT("@fast") ARRAY("0")
            ARRAY("1") RANGE_SPEC(READS, "1", "0", "1") ARRAY("0")},
        {"COMMAND INFO nosuch MSET", ARRAY("2") NIL ARRAY("10") BULK("4", "mset") INT("-3")
            ARRAY("2") TEXT("write") TEXT("denyoom") INT("1") INT("-1") INT("2")
            ARRAY("3") TEXT("@write") TEXT("@string") TEXT("@slow") ARRAY("0")
            ARRAY("1") RANGE_SPEC(WRITES, "1", "-1", "2") ARRAY("0")},
        {"COMMAND INFO lcs", ARRAY("1") ARRAY("10") BULK("3", "lcs") INT("-3")
            ARRAY("1") TEXT("readonly") INT("1") INT("2") INT("1")
            ARRAY("3") TEXT("@read") TEXT("@string") TEXT("@slow") ARRAY("0")
            ARRAY("1") RANGE_SPEC(READS, "1", "1", "1") ARRAY("0")},
        {"COMMAND INFO command|count command|nosuch nosuch|x \"\"", ARRAY("4")
            ARRAY("10") BULK("13", "command|count") INT("2")
            ARRAY("2") TEXT("loading") TEXT("stale") INT("0") INT("0") INT("0")
            ARRAY("1") TEXT("@slow") ARRAY("0") ARRAY("0") ARRAY("0") NIL NIL NIL});
}

Test(introspect, info_in_resp3)
{
    f.session.proto = 3;
    cr_expect_str_eq(fixture_say(&f, "COMMAND INFO strlen nosuch"),
        ARRAY("2") ARRAY("10") BULK("6", "strlen") INT("2")
        "~2\r\n" TEXT("readonly") TEXT("fast") INT("1") INT("1") INT("1")
        "~3\r\n" TEXT("@read") TEXT("@string") TEXT("@fast") ARRAY("0")
        ARRAY("1") "%3\r\n" BULK("5", "flags") "~2\r\n" TEXT("RO") TEXT("access")
        BULK("12", "begin_search") "%2\r\n" BULK("4", "type") BULK("5", "index")
        BULK("4", "spec") "%1\r\n" BULK("5", "index") INT("1")
        BULK("9", "find_keys") "%2\r\n" BULK("4", "type") BULK("5", "range")
        BULK("4", "spec") "%3\r\n" BULK("7", "lastkey") INT("0") BULK("7", "keystep") INT("1")
        BULK("5", "limit") INT("0") ARRAY("0") "_\r\n");
}

/* ---- whole replies are valid ------------------------------------------------------------------ */

/* The end of the value at `at`; NULL when it is none. */
static const char *skip_value(const char *at)
{
    char mark = *at, *end;
    long n = strtol(at + 1, &end, 10);

    switch (mark) {
    case '+': return strstr(at, "\r\n") + 2;
    case ':': return end + 2;
    case '_': return at + 3;
    case '$': return n < 0 ? end + 2 : end + 2 + n + 2;
    case '%': n *= 2; /* fallthrough */
    case '*':
    case '~':
        at = end + 2;
        for (long i = 0; at != NULL && i < n; i++) at = skip_value(at);
        return at;
    default: return NULL;
    }
}

static void expect_one_value(const char *line)
{
    for (f.session.proto = 2; f.session.proto <= 3; f.session.proto++) {
        const char *reply = fixture_say(&f, line);
        const char *end = skip_value(reply);

        cr_assert_not_null(end, "%s", line);
        cr_expect_eq(end - reply, (long)strlen(reply), "%s", line);
    }
}

Test(introspect, replies_are_whole)
{
    char head[32];

    expect_one_value("COMMAND");
    expect_one_value("COMMAND INFO");
    expect_one_value("COMMAND DOCS");
    expect_one_value("COMMAND LIST");
    expect_one_value("COMMAND HELP");
    expect_one_value("COMMAND DOCS set command bitfield lcs mset");
    f.session.proto = 2;
    snprintf(head, sizeof head, "*%zu\r\n*10\r\n", command_count());
    cr_expect_eq(strncmp(fixture_say(&f, "COMMAND"), head, strlen(head)), 0);
    snprintf(head, sizeof head, ":%zu\r\n", command_count());
    cr_expect_str_eq(fixture_say(&f, "COMMAND COUNT"), head);
}

Test(introspect, every_syntax_line_can_be_parsed)
{
    for (size_t i = 0; i < command_count(); i++) {
        const struct command *row = command_at(i);
        struct syntax syntax;

        cr_expect(syntax_parse(row->syntax, &syntax), "%s: %s", row->name, row->syntax);
        for (size_t j = 0; j < introspect_n_children(row); j++)
            cr_expect(syntax_parse(row->children[j].syntax, &syntax), "%s: %s",
                      row->children[j].name, row->children[j].syntax);
    }
}

/* The tree written out again, with what a client would see. */
static void show(const struct syntax *s, uint8_t i, char *to)
{
    for (; i != 0; i = s->nodes[i].next) {
        const struct syntax_node *node = &s->nodes[i];
        static const char *const kinds[] = {"", "", "one", "block"};

        if (to[0] != '\0' && to[strlen(to) - 1] != '(') strcat(to, " ");
        sprintf(to + strlen(to), "%s%.*s%s%.*s", kinds[node->kind], (int)node->token.bytes,
                node->token.bytes ? node->token.at : "",
                node->token.bytes && node->name.bytes ? "=" : "", (int)node->name.bytes,
                node->name.bytes ? node->name.at : "");
        if (node->child != 0) {
            strcat(to, "(");
            show(s, node->child, to);
            strcat(to, ")");
        }
        if (node->optional) strcat(to, "?");
        if (node->multiple) strcat(to, "*");
    }
}

static const char *tree(const char *line)
{
    static char shown[1024];
    struct syntax syntax;

    shown[0] = '\0';
    if (!syntax_parse(line, &syntax)) return "bad";
    show(&syntax, syntax.nodes[0].child, shown);
    return shown;
}

Test(introspect, syntax_becomes_a_tree)
{
    cr_expect_str_eq(tree(""), "");
    cr_expect_str_eq(tree("key"), "key");
    cr_expect_str_eq(tree("key value"), "key value");
    cr_expect_str_eq(tree("key [key ...]"), "key*");
    cr_expect_str_eq(tree("[key [key ...]]"), "key?*");
    cr_expect_str_eq(tree("key value [key value ...]"), "block(key value)*");
    cr_expect_str_eq(tree("command [arg ...]"), "command arg?*");
    cr_expect_str_eq(tree("command [arg [arg ...]]"), "command arg?*");
    cr_expect_str_eq(tree("key [NX | XX] [EX seconds | KEEPTTL] [GET]"),
                     "key one(NX XX)? one(EX=seconds KEEPTTL)? GET?");
    cr_expect_str_eq(tree("<AND | OR> destkey key [key ...]"), "one(AND OR) destkey key*");
    cr_expect_str_eq(tree("key [start [end [BYTE | BIT]]]"),
                     "key block(start block(end one(BYTE BIT)?)?)?");
    cr_expect_str_eq(tree("key [GET encoding offset [GET encoding offset ...]]"),
                     "key blockGET(encoding offset)?*");
    cr_expect_str_eq(tree("k [A x | <B y | C> [A x | <B y | C> ...]]"),
                     "k one(A=x one(B=y C))?*");
    cr_expect_str_eq(tree("key ]"), "bad");
    cr_expect_str_eq(tree("key [a"), "bad");
    cr_expect_str_eq(tree("key [a>"), "bad");
    cr_expect_str_eq(tree("a | b"), "bad");
    cr_expect_str_eq(tree("[[[[[[[[[a]]]]]]]]]"), "bad");
    cr_expect_str_eq(tree("a b c d e f g h a b c d e f g h a b c d e f g h a b c d e f g h "
                          "a b c d e f g h a b c d e f g h a b c d e f g h a b c d e f g h"), "bad");
}

Test(introspect, docs)
{
    FIXTURE_STEPS(&f,
        {"COMMAND DOCS getex nosuch getdel", ARRAY("4") BULK("5", "getex") ARRAY("8")
            BULK("7", "summary")
            BULK("64", "Returns the value of a key and sets or removes its time to live.")
            BULK("5", "since") BULK("5", "6.2.0") BULK("5", "group") BULK("6", "string")
            BULK("9", "arguments") ARRAY("2")
            ARRAY("6") BULK("4", "name") BULK("3", "key") BULK("4", "type") BULK("3", "key")
            BULK("14", "key_spec_index") INT("0")
            ARRAY("8") BULK("4", "name") BULK("7", "seconds") BULK("4", "type") BULK("5", "oneof")
            BULK("5", "flags") ARRAY("1") TEXT("optional")
            BULK("9", "arguments") ARRAY("5")
            ARRAY("6") BULK("4", "name") BULK("7", "seconds") BULK("4", "type")
            BULK("7", "integer") BULK("5", "token") BULK("2", "EX")
            ARRAY("6") BULK("4", "name") BULK("12", "milliseconds") BULK("4", "type")
            BULK("7", "integer") BULK("5", "token") BULK("2", "PX")
            ARRAY("6") BULK("4", "name") BULK("17", "unix-time-seconds") BULK("4", "type")
            BULK("9", "unix-time") BULK("5", "token") BULK("4", "EXAT")
            ARRAY("6") BULK("4", "name") BULK("22", "unix-time-milliseconds") BULK("4", "type")
            BULK("9", "unix-time") BULK("5", "token") BULK("4", "PXAT")
            ARRAY("6") BULK("4", "name") BULK("7", "persist") BULK("4", "type")
            BULK("10", "pure-token") BULK("5", "token") BULK("7", "PERSIST")
            BULK("6", "getdel") ARRAY("8")
            BULK("7", "summary") BULK("42", "Returns the value of a key and deletes it.")
            BULK("5", "since") BULK("5", "6.2.0") BULK("5", "group") BULK("6", "string")
            BULK("9", "arguments") ARRAY("1")
            ARRAY("6") BULK("4", "name") BULK("3", "key") BULK("4", "type") BULK("3", "key")
            BULK("14", "key_spec_index") INT("0")},
        {"COMMAND DOCS nosuch", ARRAY("0")});
}

Test(introspect, list)
{
    FIXTURE_STEPS(&f,
        {"COMMAND LIST FILTERBY PATTERN bitf*", ARRAY("2") BULK("8", "bitfield")
            BULK("11", "bitfield_ro")},
        {"COMMAND LIST filterby pattern *|GetKeys", ARRAY("1") BULK("15", "command|getkeys")},
        {"COMMAND LIST FILTERBY ACLCAT bitmap", ARRAY("7") BULK("8", "bitcount")
            BULK("8", "bitfield") BULK("11", "bitfield_ro") BULK("5", "bitop") BULK("6", "bitpos")
            BULK("6", "getbit") BULK("6", "setbit")},
        {"COMMAND LIST FILTERBY ACLCAT nosuch", ARRAY("0")},
        {"COMMAND LIST FILTERBY ACLCAT \"\"", ARRAY("0")},
        {"COMMAND LIST FILTERBY MODULE m", ARRAY("0")},
        {"COMMAND LIST FILTERBY FOO m", SYNTAX},
        {"COMMAND LIST FILTERBY PATTERN", SYNTAX},
        {"COMMAND LIST FOO", SYNTAX});
    cr_expect_not_null(strstr(fixture_say(&f, "COMMAND LIST"), "$13\r\ncommand|count\r\n"));
}

Test(introspect, getkeys)
{
    FIXTURE_STEPS(&f,
        {"COMMAND GETKEYS GET a", ARRAY("1") BULK("1", "a")},
        {"COMMAND GETKEYS MSET a 1 b 2", ARRAY("2") BULK("1", "a") BULK("1", "b")},
        {"COMMAND GETKEYS BITOP and d a b", ARRAY("3") BULK("1", "d") BULK("1", "a")
            BULK("1", "b")},
        {"COMMAND GETKEYS LCS a b LEN", ARRAY("2") BULK("1", "a") BULK("1", "b")},
        {"COMMAND GETKEYSANDFLAGS STRLEN a", ARRAY("1") ARRAY("2") BULK("1", "a") READS},
        {"COMMAND GETKEYSANDFLAGS SET a 1", ARRAY("1") ARRAY("2") BULK("1", "a") WRITES},
        {"COMMAND GETKEYS nosuch a", ERROR("ERR Invalid command specified")},
        {"COMMAND GETKEYS COMMAND nosuch", ERROR("ERR Invalid command specified")},
        {"COMMAND GETKEYS COMMAND COUNT", ERROR("ERR The command has no key arguments")},
        {"COMMAND GETKEYS GET a b", ERROR("ERR Invalid number of arguments specified for command")},
        {"COMMAND GETKEYS SET a", ERROR("ERR Invalid number of arguments specified for command")},
        {"COMMAND GETKEYS", WRONG_ARGS("command|getkeys")},
        {"COMMAND NOSUCH", ERROR("ERR unknown subcommand 'NOSUCH'. Try COMMAND HELP.")},
        {"COMMAND COUNT 1", WRONG_ARGS("command|count")});
}

Test(introspect, the_document_has_every_command)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *to = open_memstream(&text, &bytes);

    cr_assert_not_null(to);
    command_document(to);
    fclose(to);
    cr_expect_eq(strncmp(text, "# Commands\n", 11), 0);
    cr_expect_not_null(strstr(text, "\n## String\n"));
    cr_expect_not_null(strstr(text, "| **SETNX** key value | Sets the value of a key that is absent. "
                                    "| 1.0.0 |\n"));
    cr_expect_not_null(strstr(text, "| **COMMAND GETKEYS** command \\[arg \\[arg ...\\]\\] |"));
    for (size_t i = 0; i < command_count(); i++) {
        char name[64];
        snprintf(name, sizeof name, "| **%s", command_at(i)->name);
        for (char *c = name; *c; c++) *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c);
        cr_expect_not_null(strstr(text, name), "%s", name);
    }
    free(text);
}
