/* test_string.c - GET, SET and the rest of the string commands, option by option. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/command/fixture.h"

static struct fixture f;
static void open_node(void) { fixture_open(&f, NULL); }
static void close_node(void) { fixture_close(&f); }

TestSuite(string, .init = open_node, .fini = close_node);

#define BAD_EXPIRY(name) ERROR("ERR invalid expire time in '" name "' command")
#define TOO_LONG ERROR("ERR string exceeds maximum allowed size (proto-max-bulk-len)")

static struct slice text(const char *s) { return slice_of(s, strlen(s)); }

static struct partition_stats stats(void)
{
    struct partition_stats sum;

    store_stats(f.store, &sum);
    return sum;
}

/* ---- GET and SET ----------------------------------------------------------------------------- */

Test(string, get_and_set)
{
    FIXTURE_STEPS(&f,
        {"GET k", NIL},
        {"SET k v", OK},
        {"get k", BULK("1", "v")},
        {"SET k \"\"", OK},
        {"GET k", BULK("0", "")},
        {"SET k \"a\\x00b\\r\\n\"", OK},
        {"GET k", BULK("5", "a\\0b\r\n")},
        {"SET \"\" empty", OK},
        {"GET \"\"", BULK("5", "empty")},
        {"SET \"k\\x00k\" nul", OK},
        {"GET k", BULK("5", "a\\0b\r\n")},
        {"GET \"k\\x00k\"", BULK("3", "nul")},
        {"GET", WRONG_ARGS("get")},
        {"GET a b", WRONG_ARGS("get")},
        {"SET k", WRONG_ARGS("set")});
}

Test(string, get_in_resp3)
{
    f.session.proto = 3;
    FIXTURE_STEPS(&f,
        {"GET k", "_\r\n"}, {"SET k v", OK}, {"GET k", BULK("1", "v")},
        {"SET k w NX", "_\r\n"}, {"MGET k nope", ARRAY("2") BULK("1", "v") "_\r\n"},
        {"GETDEL k", BULK("1", "v")}, {"GETDEL k", "_\r\n"}, {"GETSET k 1", "_\r\n"},
        {"BITFIELD k OVERFLOW FAIL SET u1 0 2", ARRAY("1") "_\r\n"});
}

Test(string, set_conditions)
{
    FIXTURE_STEPS(&f,
        {"SET k 1 XX", NIL},
        {"EXISTS k", INT("0")},
        {"SET k 1 NX", OK},
        {"SET k 2 nx", NIL},
        {"GET k", BULK("1", "1")},
        {"SET k 3 XX", OK},
        {"SET k 4 IFEQ 1", NIL},
        {"GET k", BULK("1", "3")},
        {"SET k 4 IFEQ 3", OK},
        {"GET k", BULK("1", "4")},
        {"SET absent 1 IFEQ x", NIL},
        {"EXISTS absent", INT("0")},
        {"SET k 5 IFEQ \"\"", NIL},
        {"SET k \"\" IFEQ 4", OK},
        {"SET k 6 IFEQ \"\"", OK},
        {"GET k", BULK("1", "6")},
        {"SET k 7 NX NX", NIL},
        {"SET k 7 XX XX", OK},
        {"SET k 8 NX XX", SYNTAX},
        {"SET k 8 XX NX", SYNTAX},
        {"SET k 8 IFEQ 7 XX", SYNTAX},
        {"SET k 8 NX IFEQ 7", SYNTAX},
        {"SET k 8 IFEQ", SYNTAX},
        {"SET k 8 IF 7", SYNTAX},
        {"SET k 8 NXX", SYNTAX},
        {"SET k 8 \"\"", SYNTAX},
        {"GET k", BULK("1", "7")});
}

Test(string, set_get)
{
    FIXTURE_STEPS(&f,
        {"SET k 1 GET", NIL},
        {"SET k 2 GET", BULK("1", "1")},
        {"SET k 3 NX GET", BULK("1", "2")},
        {"GET k", BULK("1", "2")},
        {"SET k 3 GET XX", BULK("1", "2")},
        {"GET k", BULK("1", "3")},
        {"SET absent 1 XX GET", NIL},
        {"EXISTS absent", INT("0")},
        {"SET absent 1 NX GET", NIL},
        {"GET absent", BULK("1", "1")},
        {"SET k 4 IFEQ 9 GET", BULK("1", "3")},
        {"GET k", BULK("1", "3")},
        {"SET k 4 IFEQ 3 GET", BULK("1", "3")},
        {"GET k", BULK("1", "4")},
        {"SET k 5 GET GET EX 10", BULK("1", "4")},
        {"TTL k", INT("10")},
        {"GETSET k 6", BULK("1", "5")},
        {"TTL k", INT("-1")},
        {"GETSET fresh 1", NIL},
        {"GET fresh", BULK("1", "1")},
        {"GETSET k", WRONG_ARGS("getset")});
}

Test(string, set_expiry)
{
    FIXTURE_STEPS(&f,
        {"SET k v EX 100", OK}, {"PTTL k", INT("100000")},
        {"SET k v PX 1500", OK}, {"PTTL k", INT("1500")},
        {"SET k v EXAT 1700000010", OK}, {"PTTL k", INT("10000")},
        {"SET k v PXAT 1700000000750", OK}, {"PTTL k", INT("750")},
        {"SET k w KEEPTTL", OK}, {"PTTL k", INT("750")}, {"GET k", BULK("1", "w")},
        {"SET k longer-than-before KEEPTTL", OK}, {"PTTL k", INT("750")},
        {"SET k v", OK}, {"PTTL k", INT("-1")},
        {"SET k v KEEPTTL", OK}, {"PTTL k", INT("-1")},
        {"SET absent v KEEPTTL", OK}, {"PTTL absent", INT("-1")},
        {"SET k v EX 5 EX 7", OK}, {"PTTL k", INT("7000")},
        {"SET k v nx ex 9", NIL}, {"PTTL k", INT("7000")},
        {"SET k v xx px 9 get", BULK("1", "v")}, {"PTTL k", INT("9")},
        {"SETEX k 20 a", OK}, {"PTTL k", INT("20000")}, {"GET k", BULK("1", "a")},
        {"PSETEX k 33 b", OK}, {"PTTL k", INT("33")}, {"GET k", BULK("1", "b")},
        {"SETNX k c", INT("0")}, {"PTTL k", INT("33")},
        {"MSET k d", OK}, {"PTTL k", INT("-1")},
        {"SET k v PXAT 1", OK}, {"GET k", NIL}, {"EXISTS k", INT("0")});
}

Test(string, set_refuses_expiries)
{
    FIXTURE_STEPS(&f,
        {"SET k v EX 0", BAD_EXPIRY("set")},
        {"SET k v EX -1", BAD_EXPIRY("set")},
        {"SET k v PX 0", BAD_EXPIRY("set")},
        {"SET k v EXAT 0", BAD_EXPIRY("set")},
        {"SET k v PXAT -5", BAD_EXPIRY("set")},
        {"SET k v EX 9223372036854775807", BAD_EXPIRY("set")},
        {"SET k v EX 9223372036854776", BAD_EXPIRY("set")},
        {"SET k v PX 9223372036854775807", BAD_EXPIRY("set")},
        {"SET k v EXAT 9223372036854776", BAD_EXPIRY("set")},
        {"SET k v EX x", NOT_INTEGER},
        {"SET k v EX 1.5", NOT_INTEGER},
        {"SET k v EX 9223372036854775808", NOT_INTEGER},
        {"SET k v EX", SYNTAX},
        {"SET k v EX 1 PX 1", SYNTAX},
        {"SET k v EX 1 EXAT 1", SYNTAX},
        {"SET k v PX 1 PXAT 1", SYNTAX},
        {"SET k v EX 1 KEEPTTL", SYNTAX},
        {"SET k v KEEPTTL PXAT 1", SYNTAX},
        {"SET k v PERSIST", SYNTAX},
        {"SET k v 10", SYNTAX},
        {"SETEX k 0 v", BAD_EXPIRY("setex")},
        {"SETEX k -1 v", BAD_EXPIRY("setex")},
        {"SETEX k x v", NOT_INTEGER},
        {"SETEX k 9223372036854775 v", BAD_EXPIRY("setex")},
        {"PSETEX k 0 v", BAD_EXPIRY("psetex")},
        {"SETEX k 1", WRONG_ARGS("setex")},
        {"PSETEX k 1", WRONG_ARGS("psetex")},
        {"EXISTS k", INT("0")},
        {"SET k v PXAT 9223372036854775807", OK},
        {"GET k", BULK("1", "v")});
}

Test(string, expires_to_the_millisecond)
{
    fixture_say(&f, "SET k v PX 100");
    f.now_ms += 99;
    cr_expect_str_eq(fixture_say(&f, "GET k"), BULK("1", "v"));
    f.now_ms += 1;
    FIXTURE_STEPS(&f,
        {"GET k", NIL}, {"STRLEN k", INT("0")}, {"SET k w XX", NIL}, {"SETNX k w", INT("1")},
        {"PTTL k", INT("-1")});
}

Test(string, setnx)
{
    FIXTURE_STEPS(&f,
        {"SETNX k a", INT("1")}, {"SETNX k b", INT("0")}, {"GET k", BULK("1", "a")},
        {"SETNX k", WRONG_ARGS("setnx")});
}

/* ---- GET with an effect ---------------------------------------------------------------------- */

Test(string, getdel)
{
    FIXTURE_STEPS(&f,
        {"GETDEL k", NIL}, {"SET k v", OK}, {"GETDEL k", BULK("1", "v")}, {"EXISTS k", INT("0")},
        {"GETDEL", WRONG_ARGS("getdel")});
}

Test(string, getex)
{
    FIXTURE_STEPS(&f,
        {"GETEX k", NIL},
        {"GETEX k EX 10", NIL},
        {"GETEX k EX 0", NIL},
        {"SET k v", OK},
        {"GETEX k", BULK("1", "v")}, {"PTTL k", INT("-1")},
        {"GETEX k EX 10", BULK("1", "v")}, {"PTTL k", INT("10000")},
        {"GETEX k", BULK("1", "v")}, {"PTTL k", INT("10000")},
        {"GETEX k px 77", BULK("1", "v")}, {"PTTL k", INT("77")},
        {"GETEX k PERSIST", BULK("1", "v")}, {"PTTL k", INT("-1")},
        {"GETEX k PERSIST", BULK("1", "v")}, {"PTTL k", INT("-1")},
        {"GETEX k EXAT 1700000010", BULK("1", "v")}, {"PTTL k", INT("10000")},
        {"GETEX k PXAT 1700000000010", BULK("1", "v")}, {"PTTL k", INT("10")},
        {"GETEX k EX 0", BAD_EXPIRY("getex")},
        {"GETEX k EX x", NOT_INTEGER},
        {"GETEX k EX", SYNTAX},
        {"GETEX k KEEPTTL", SYNTAX},
        {"GETEX k NX", SYNTAX},
        {"GETEX k GET", SYNTAX},
        {"GETEX k EX 10 PERSIST", SYNTAX},
        {"GETEX k PERSIST PX 10", SYNTAX},
        {"GETEX k EX 10 PX 10", SYNTAX},
        {"GETEX k PERSIST PERSIST", BULK("1", "v")},
        {"GETEX k PXAT 1699999999999", BULK("1", "v")}, {"DBSIZE", INT("0")},
        {"GETEX", WRONG_ARGS("getex")});
}

/* ---- several keys ---------------------------------------------------------------------------- */

Test(string, mget_and_mset)
{
    FIXTURE_STEPS(&f,
        {"MSET a 1 b 2 c 3", OK},
        {"MGET a b nope c a", ARRAY("5") BULK("1", "1") BULK("1", "2") NIL BULK("1", "3")
            BULK("1", "1")},
        {"MSET a x a y", OK},
        {"GET a", BULK("1", "y")},
        {"MSET a", WRONG_ARGS("mset")},
        {"MSET a 1 b", WRONG_ARGS("mset")},
        {"MGET", WRONG_ARGS("mget")},
        {"GET a", BULK("1", "y")});
}

Test(string, msetnx)
{
    FIXTURE_STEPS(&f,
        {"MSETNX a 1 b 2", INT("1")},
        {"MSETNX c 3 b 4", INT("0")},
        {"MGET a b c", ARRAY("3") BULK("1", "1") BULK("1", "2") NIL},
        {"MSETNX d 1 d 2", INT("1")},
        {"GET d", BULK("1", "2")},
        {"MSETNX e 1 f", WRONG_ARGS("msetnx")},
        {"EXISTS e f", INT("0")});
}

Test(string, many_keys_at_once)
{
    enum { KEYS = 500 };
    static char names[KEYS][16];
    struct slice argv[2 * KEYS + 1] = {text("MSET")};
    const char *reply;

    for (int i = 0; i < KEYS; i++) {
        snprintf(names[i], sizeof names[i], "key-%d", i);
        argv[1 + 2 * i] = argv[2 + 2 * i] = text(names[i]);
    }
    cr_expect_str_eq(fixture_run(&f, 2 * KEYS + 1, argv, NULL), OK);
    argv[0] = text("MGET");
    for (int i = 0; i < KEYS; i++) argv[1 + i] = text(names[i]);
    reply = fixture_run(&f, KEYS + 1, argv, NULL);
    cr_expect_eq(strncmp(reply, "*500\r\n$5\r\nkey-0\r\n$5\r\nkey-1\r\n", 28), 0);
    for (int i = 0; i < KEYS; i++) {
        cr_assert_not_null(reply = strstr(reply, names[i]), "%s", names[i]);
        reply += strlen(names[i]);
    }
    cr_expect_str_eq(reply, "\r\n");
}

/* ---- ranges ---------------------------------------------------------------------------------- */

Test(string, append_and_strlen)
{
    FIXTURE_STEPS(&f,
        {"STRLEN k", INT("0")},
        {"APPEND k \"\"", INT("0")},
        {"EXISTS k", INT("1")},
        {"APPEND k ab", INT("2")},
        {"APPEND k \"\"", INT("2")},
        {"APPEND k \"c\\x00\"", INT("4")},
        {"GET k", BULK("4", "abc\\0")},
        {"STRLEN k", INT("4")},
        {"PEXPIRE k 5000", INT("1")},
        {"APPEND k 0123456789", INT("14")},
        {"PTTL k", INT("5000")},
        {"GET k", BULK("14", "abc\\00123456789")},
        {"APPEND k", WRONG_ARGS("append")},
        {"STRLEN", WRONG_ARGS("strlen")});
}

Test(string, getrange)
{
    FIXTURE_STEPS(&f,
        {"GETRANGE k 0 -1", BULK("0", "")},
        {"SET k \"This is a string\"", OK},
        {"GETRANGE k 0 3", BULK("4", "This")},
        {"SUBSTR k 0 3", BULK("4", "This")},
        {"GETRANGE k -3 -1", BULK("3", "ing")},
        {"GETRANGE k 0 -1", BULK("16", "This is a string")},
        {"GETRANGE k 10 100", BULK("6", "string")},
        {"GETRANGE k 0 0", BULK("1", "T")},
        {"GETRANGE k 15 15", BULK("1", "g")},
        {"GETRANGE k 16 20", BULK("0", "")},
        {"GETRANGE k 5 3", BULK("0", "")},
        {"GETRANGE k -1 -5", BULK("0", "")},
        {"GETRANGE k -100 -17", BULK("1", "T")}, /* Redis puts both at the first byte */
        {"GETRANGE k -17 -16", BULK("1", "T")},
        {"GETRANGE k -100 3", BULK("4", "This")},
        {"GETRANGE k -9223372036854775808 9223372036854775807", BULK("16", "This is a string")},
        {"GETRANGE k x 1", NOT_INTEGER},
        {"GETRANGE k 0 x", NOT_INTEGER},
        {"SET k \"\"", OK},
        {"GETRANGE k 0 -1", BULK("0", "")},
        {"GETRANGE k 0", WRONG_ARGS("getrange")},
        {"SUBSTR k 0", WRONG_ARGS("substr")});
}

Test(string, setrange)
{
    FIXTURE_STEPS(&f,
        {"SETRANGE k 0 \"\"", INT("0")},
        {"EXISTS k", INT("0")},
        {"SETRANGE k 5 \"\"", INT("0")},
        {"SETRANGE k 3 ab", INT("5")},
        {"GET k", BULK("5", "\\0\\0\\0ab")},
        {"SET k \"Hello World\"", OK},
        {"SETRANGE k 6 Redis", INT("11")},
        {"GET k", BULK("11", "Hello Redis")},
        {"SETRANGE k 9 -long-", INT("15")},
        {"GET k", BULK("15", "Hello Red-long-")},
        {"SETRANGE k 0 J", INT("15")},
        {"SETRANGE k 100 \"\"", INT("15")},
        {"PEXPIRE k 7000", INT("1")},
        {"SETRANGE k 17 end", INT("20")},
        {"GETRANGE k 13 19", BULK("7", "g-\\0\\0end")},
        {"PTTL k", INT("7000")},
        {"SETRANGE k -1 x", ERROR("ERR offset is out of range")},
        {"SETRANGE k x x", NOT_INTEGER},
        {"SETRANGE k 536870912 x", TOO_LONG},
        {"SETRANGE k 536870911 xy", TOO_LONG},
        {"SETRANGE k 9223372036854775807 xy", TOO_LONG},
        {"SETRANGE absent 536870912 x", TOO_LONG},
        {"EXISTS absent", INT("0")},
        {"STRLEN k", INT("20")},
        {"SETRANGE k 1", WRONG_ARGS("setrange")});
}

/* ---- accesses ------------------------------------------------------------------------------ */

Test(string, counts_hits_and_misses_once)
{
    static const struct {
        const char *line;
        unsigned hits, misses;
    } cases[] = {
        {"GET k", 1, 0},          {"GET nope", 0, 1},        {"MGET k k nope", 2, 1},
        {"STRLEN k", 1, 0},       {"GETRANGE k 0 1", 1, 0},  {"GETEX k EX 100", 1, 0},
        {"SET k v", 0, 0},        {"SET k v XX", 0, 0},      {"SET nope v XX", 0, 0},
        {"SET k v GET", 0, 0},    {"SET k v NX GET", 1, 0},  {"GETSET k v", 0, 0},
        {"APPEND k x", 0, 0},     {"INCR n", 0, 0},          {"SETNX k v", 0, 0},
        {"MSET k v", 0, 0},       {"BITCOUNT k", 1, 0},      {"GETBIT k 0", 1, 0},
        {"BITFIELD k GET u8 0", 1, 0}, {"BITOP OR d k nope", 1, 1}, {"LCS k nope", 1, 1},
        {"GETDEL k", 1, 0},
    };

    fixture_say(&f, "SET k v");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct partition_stats before = stats(), after;

        fixture_say(&f, cases[i].line);
        after = stats();
        cr_expect_eq(after.hits - before.hits, cases[i].hits, "%s", cases[i].line);
        cr_expect_eq(after.misses - before.misses, cases[i].misses, "%s", cases[i].line);
    }
}

/* As the policy sees them: the partition's clock ticks once for each access and each insert. */
Test(string, every_command_is_one_access)
{
    static const struct {
        const char *line;
        unsigned accesses;
    } cases[] = {
        {"SET k 1", 1},       {"SET k 2", 1},          {"SET k 3 XX GET", 1},
        {"SET k 4 NX GET", 1}, {"SET k 4 IFEQ 3", 1},  {"GETSET k 5", 1},
        {"SETEX k 100 6", 1}, {"GET k", 1},            {"GET nope", 0},
        {"INCR k", 1},        {"INCRBY k 1000000", 1}, {"APPEND k x", 1},
        {"SETRANGE k 0 y", 1}, {"SETBIT k 1 1", 1},    {"BITFIELD k SET u8 0 1", 1},
        {"GETEX k PERSIST", 1}, {"MGET k k", 2},       {"MSET k a", 1},
        {"STRLEN k", 1},      {"SETNX k b", 0},        {"SET k b NX", 0},
        {"INCR fresh", 1},    {"APPEND fresh2 x", 1},  {"SETRANGE fresh3 5 x", 1},
    };
    struct fixture one;

    fixture_open(&one, &(struct fixture_setup){.n_partitions = 1});
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t before = store_partition(one.store, 0)->clock;

        fixture_say(&one, cases[i].line);
        cr_expect_eq(store_partition(one.store, 0)->clock - before, cases[i].accesses, "%s: %u",
                     cases[i].line, store_partition(one.store, 0)->clock - before);
    }
    fixture_close(&one);
}
