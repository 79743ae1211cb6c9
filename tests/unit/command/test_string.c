/* test_string.c - GET, SET and the rest of the string commands, option by option. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/blob.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/command/lcs.h"
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

/* ---- GET and SET ------------------------------------------------------------------------------ */

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

/* ---- GET with an effect ----------------------------------------------------------------------- */

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

/* ---- several keys ----------------------------------------------------------------------------- */

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

/* ---- ranges ----------------------------------------------------------------------------------- */

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

/* ---- LCS -------------------------------------------------------------------------------------- */

Test(string, lcs)
{
    FIXTURE_STEPS(&f,
        {"MSET a ohmytext b mynewtext e \"\"", OK},
        {"LCS a b", BULK("6", "mytext")},
        {"LCS a b LEN", INT("6")},
        {"LCS a b IDX", ARRAY("4") BULK("7", "matches") ARRAY("2")
            ARRAY("2") ARRAY("2") INT("4") INT("7") ARRAY("2") INT("5") INT("8")
            ARRAY("2") ARRAY("2") INT("2") INT("3") ARRAY("2") INT("0") INT("1")
            BULK("3", "len") INT("6")},
        {"LCS a b IDX MINMATCHLEN 4", ARRAY("4") BULK("7", "matches") ARRAY("1")
            ARRAY("2") ARRAY("2") INT("4") INT("7") ARRAY("2") INT("5") INT("8")
            BULK("3", "len") INT("6")},
        {"LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN", ARRAY("4") BULK("7", "matches") ARRAY("1")
            ARRAY("3") ARRAY("2") INT("4") INT("7") ARRAY("2") INT("5") INT("8") INT("4")
            BULK("3", "len") INT("6")},
        {"LCS a b IDX MINMATCHLEN 9", ARRAY("4") BULK("7", "matches") ARRAY("0")
            BULK("3", "len") INT("6")},
        {"LCS a b IDX MINMATCHLEN -9 MINMATCHLEN 5", ARRAY("4") BULK("7", "matches") ARRAY("0")
            BULK("3", "len") INT("6")},
        {"LCS a e", BULK("0", "")},
        {"LCS a absent LEN", INT("0")},
        {"LCS absent gone IDX", ARRAY("4") BULK("7", "matches") ARRAY("0") BULK("3", "len")
            INT("0")},
        {"LCS a a", BULK("8", "ohmytext")},
        {"LCS a b LEN IDX", ERROR("ERR If you want both the length and indexes, please just use "
            "IDX.")},
        {"LCS a b MINMATCHLEN", SYNTAX},
        {"LCS a b MINMATCHLEN x", NOT_INTEGER},
        {"LCS a b FOO", SYNTAX},
        {"LCS a", WRONG_ARGS("lcs")});
    f.session.proto = 3;
    cr_expect_str_eq(fixture_say(&f, "LCS a e IDX"),
                     "%2\r\n" BULK("7", "matches") ARRAY("0") BULK("3", "len") INT("0"));
}

Test(string, lcs_is_bounded)
{
    FIXTURE_STEPS(&f,
        {"SETRANGE a 32768 x", INT("32769")},
        {"SETRANGE b 32767 x", INT("32768")},
        {"LCS a b LEN", ERROR("ERR Insufficient memory, transient memory for LCS exceeds "
            "proto-max-bulk-len")},
        {"LCS a c LEN", INT("0")},
        {"LCS b b LEN", INT("32768")});
}

/* The classic table, and Redis' way back through it. */
enum { LCS_BYTES = 200 };
struct lcs_model {
    unsigned length[LCS_BYTES + 1][LCS_BYTES + 1];
};

static void lcs_model_fill(struct lcs_model *m, struct slice a, struct slice b)
{
    for (size_t i = 0; i <= a.bytes; i++)
        for (size_t j = 0; j <= b.bytes; j++) {
            if (i == 0 || j == 0) m->length[i][j] = 0;
            else if (a.at[i - 1] == b.at[j - 1]) m->length[i][j] = m->length[i - 1][j - 1] + 1;
            else if (m->length[i - 1][j] > m->length[i][j - 1])
                m->length[i][j] = m->length[i - 1][j];
            else m->length[i][j] = m->length[i][j - 1];
        }
}

static void lcs_compare(const struct lcs_model *m, const struct lcs *lcs)
{
    struct lcs_walk walk = {lcs->a.bytes, lcs->b.bytes};
    struct lcs_match match;
    size_t i = walk.a, j = walk.b, sum = 0;

    cr_assert_eq(lcs->length, m->length[i][j]);
    while (lcs_next(lcs, &walk, &match)) {
        while (lcs->a.at[i - 1] != lcs->b.at[j - 1]) {
            if (m->length[i - 1][j] > m->length[i][j - 1]) i--;
            else j--;
        }
        i -= match.bytes;
        j -= match.bytes;
        cr_assert_eq(match.a_first, i);
        cr_assert_eq(match.b_first, j);
        cr_assert_eq(memcmp(lcs->a.at + i, lcs->b.at + j, match.bytes), 0);
        sum += match.bytes;
    }
    cr_assert_eq(sum, lcs->length);
}

Test(string, lcs_like_the_classic_table)
{
    static struct lcs_model model;
    struct random random;
    char a[LCS_BYTES], b[LCS_BYTES];

    random_seed(&random, 3);
    for (int round = 0; round < 1000; round++) {
        struct slice x = slice_of(a, random_below(&random, LCS_BYTES + 1));
        struct slice y = slice_of(b, random_below(&random, LCS_BYTES + 1));
        uint64_t letters = 1 + random_below(&random, 6);
        struct lcs lcs;

        for (size_t i = 0; i < LCS_BYTES; i++) {
            a[i] = (char)('a' + random_below(&random, letters));
            b[i] = (char)('a' + random_below(&random, letters));
        }
        lcs_model_fill(&model, x, y);
        cr_assert_eq(lcs_open(&lcs, x, y, true), 0);
        lcs_compare(&model, &lcs);
        lcs_close(&lcs);
        cr_assert_eq(lcs_open(&lcs, x, y, false), 0);
        cr_assert_eq(lcs.length, model.length[x.bytes][y.bytes]);
        lcs_close(&lcs);
    }
}

/* ---- accesses --------------------------------------------------------------------------------- */

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

/* Accesses as the policy sees them: the partition's clock ticks once for each, and for an insert. */
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

/* ---- large values ----------------------------------------------------------------------------- */

static struct loom_blob *blob_of(size_t bytes, unsigned seed)
{
    struct loom_blob *blob = blob_new(bytes);

    for (size_t i = 0; i < bytes; i++) loom_blob_at(blob)[i] = (char)('a' + (i * 7 + seed) % 26);
    return blob;
}

static const char *set_blob(struct fixture *g, const char *key, struct loom_blob *blob)
{
    struct slice argv[3] = {text("SET"), text(key), slice_of(loom_blob_at(blob), blob->bytes)};
    struct loom_blob *blobs[3] = {NULL, NULL, blob};

    return fixture_run(g, 3, argv, blobs);
}

Test(string, adopts_the_blob_of_a_large_argument)
{
    struct loom_blob *blob = blob_of(100000, 1);
    const char *reply;

    cr_expect_str_eq(set_blob(&f, "k", blob), OK);
    cr_expect_eq(blob->refs, 2, "the store holds it too: no copy");
    reply = fixture_say(&f, "GET k");
    cr_expect_eq(strncmp(reply, "$100000\r\n", 9), 0);
    cr_expect_eq(memcmp(reply + 9, loom_blob_at(blob), 100000), 0);
    cr_expect_eq(strlen(reply), 9 + 100000 + 2);
    cr_expect_str_eq(fixture_say(&f, "GETRANGE k 26 29"), BULK("4", "bipw"));
    cr_expect_eq(strncmp(fixture_say(&f, "GETRANGE k 26 50025"), "$50000\r\nbipw", 12), 0);
    /* Somebody else holds it, so that an edit makes a copy. */
    cr_expect_str_eq(fixture_say(&f, "SETRANGE k 0 ZZ"), INT("100000"));
    cr_expect_eq(loom_blob_at(blob)[0], 'b');
    cr_expect_eq(blob->refs, 1);
    cr_expect_str_eq(fixture_say(&f, "GETRANGE k 0 3"), BULK("4", "ZZpw"));
    loom_blob_drop(blob);
}

Test(string, a_reply_outlives_the_value_it_shows)
{
    struct loom_blob *blob = blob_of(50000, 2);
    const char *reply;

    cr_expect_str_eq(set_blob(&f, "k", blob), OK);
    reply = fixture_say(&f, "SET k small GET");
    cr_expect_eq(memcmp(reply, "$50000\r\ncjqx", 12), 0);
    cr_expect_eq(blob->refs, 1);
    cr_expect_str_eq(set_blob(&f, "k", blob), OK);
    reply = fixture_say(&f, "GETDEL k");
    cr_expect_eq(memcmp(reply, "$50000\r\ncjqx", 12), 0);
    cr_expect_eq(blob->refs, 1);
    cr_expect_str_eq(set_blob(&f, "k", blob), OK);
    reply = fixture_say(&f, "GETEX k PXAT 1");
    cr_expect_eq(memcmp(reply, "$50000\r\ncjqx", 12), 0);
    cr_expect_eq(blob->refs, 1);
    loom_blob_drop(blob);
}

static void large_strings(const struct fixture_setup *setup)
{
    struct fixture big;
    struct loom_blob *blob = blob_of(20000, 0);
    const char *reply;

    fixture_open(&big, setup);
    cr_expect_str_eq(set_blob(&big, "k", blob), OK);
    FIXTURE_STEPS(&big,
        {"STRLEN k", INT("20000")}, {"APPEND k \"-end\"", INT("20004")},
        {"GETRANGE k -6 -1", BULK("6", "cj-end")}, {"SETRANGE k 1 XY", INT("20004")},
        {"GETRANGE k 0 4", BULK("5", "aXYvc")}, {"PEXPIRE k 99", INT("1")},
        {"SETRANGE k 20010 !", INT("20011")}, {"PTTL k", INT("99")},
        {"GETRANGE k -8 -1", BULK("8", "d\\0\\0\\0\\0\\0\\0!")},
        {"SET k2 x IFEQ y", NIL}, {"INCR k", NOT_INTEGER}, {"LCS k k LEN", INT("20011")});
    cr_expect_str_eq(set_blob(&big, "k", blob), OK);
    reply = fixture_say(&big, "GETSET k short");
    cr_expect_eq(strncmp(reply, "$20000\r\n", 8), 0);
    cr_expect_eq(memcmp(reply + 8, loom_blob_at(blob), 20000), 0);
    cr_expect_str_eq(fixture_say(&big, "GET k"), BULK("5", "short"));
    loom_blob_drop(blob);
    fixture_close(&big);
}

Test(string, large_values_are_blobs) { large_strings(NULL); }

Test(string, large_values_are_inline)
{
    large_strings(&(struct fixture_setup){.inline_max = 30000});
}

Test(string, large_values_are_compressed)
{
    large_strings(&(struct fixture_setup){.compress_min = 64});
}

Test(string, a_value_may_reach_the_limit_and_not_pass_it)
{
    FIXTURE_STEPS(&f,
        {"SETRANGE k 536870911 x", INT("536870912")},
        {"APPEND k x", TOO_LONG},
        {"APPEND k \"\"", INT("536870912")},
        {"STRLEN k", INT("536870912")},
        {"GETBIT k 4294967295", INT("0")},
        {"GETRANGE k -2 -1", BULK("2", "\\0x")},
        {"DEL k", INT("1")});
}

/* ---- no room, no memory ----------------------------------------------------------------------- */

Test(string, without_room_nothing_changes)
{
    struct fixture full;
    char line[2048];
    int i = 0;

    fixture_open(&full, &(struct fixture_setup){.policy = "none", .max_memory = 256 << 10,
                                                .n_partitions = 1});
    fixture_say(&full, "SET k 1");
    do snprintf(line, sizeof line, "SET fill%d %01000d", i, 0);
    while (strcmp(fixture_say(&full, line), OK) == 0 && ++i < 1000);
    cr_assert_lt(i, 1000);
    snprintf(line, sizeof line, "SET k %01000d", 0);
    cr_expect_str_eq(fixture_say(&full, line), OOM);
    snprintf(line, sizeof line, "SET k %01000d GET", 0);
    cr_expect_str_eq(fixture_say(&full, line), OOM);
    snprintf(line, sizeof line, "GETSET k %01000d", 0);
    cr_expect_str_eq(fixture_say(&full, line), OOM);
    snprintf(line, sizeof line, "APPEND k %01000d", 0);
    cr_expect_str_eq(fixture_say(&full, line), OOM);
    snprintf(line, sizeof line, "MSETNX m1 %01000d m2 2", 0);
    cr_expect_str_eq(fixture_say(&full, line), OOM);
    FIXTURE_STEPS(&full,
        {"EXISTS m1 m2", INT("0")}, {"SETRANGE k 2000 x", OOM}, {"SETBIT k 20000 1", OOM},
        {"BITFIELD k SET u8 20000 1", OOM}, {"GET k", BULK("1", "1")}, {"INCR k", INT("2")});
    fixture_close(&full);
}

/* A SET of many keys is not left half done for lack of room: the first decides. */
Test(string, mset_is_all_or_nothing)
{
    struct fixture full;
    struct slice argv[41] = {text("MSET")};
    static char names[20][24], value[4000];
    int stored = 0;

    fixture_open(&full, &(struct fixture_setup){.policy = "none", .max_memory = 256 << 10});
    memset(value, 'v', sizeof value);
    for (int round = 0; round < 20; round++) {
        const char *reply;
        for (int i = 0; i < 20; i++) {
            snprintf(names[i], sizeof names[i], "%d-%d", round, i);
            argv[1 + 2 * i] = text(names[i]);
            argv[2 + 2 * i] = slice_of(value, sizeof value);
        }
        reply = fixture_run(&full, 41, argv, NULL);
        if (strcmp(reply, OK) == 0) stored += 20;
        else cr_assert_str_eq(reply, OOM);
    }
    cr_expect_geq(stored, 60);
    cr_expect_leq(stored, 80, "more than the limit and one command");
    cr_expect_eq(store_db_items(full.store, 0, &(uint64_t){0}), stored);
    fixture_close(&full);
}

Test(string, msetnx_without_memory_leaves_nothing)
{
    struct loom_blob *blob = blob_of(20000, 1);
    struct slice value = slice_of(loom_blob_at(blob), 20000);
    struct slice argv[] = {text("MSETNX"), text("a"), value, text("b"), value, text("c"), value};

    for (uint64_t k = 1, asked = k; asked >= k; k++) {
        const char *reply;
        mem_fail_at(k);
        reply = fixture_run(&f, 7, argv, NULL);
        asked = mem_count();
        mem_fail_at(0);
        if (strcmp(reply, INT("1")) != 0)
            cr_expect_str_eq(fixture_say(&f, "EXISTS a b c"), INT("0"), "%d: %s", (int)k, reply);
        fixture_say(&f, "DEL a b c");
        cr_assert_lt(k, 100);
    }
    loom_blob_drop(blob);
}

Test(string, survives_every_failed_allocation)
{
    static const char *const lines[] = {
        "SET k other", "SET k other GET", "GETSET k other", "APPEND k more", "SETRANGE k 30000 x",
        "GET k", "GETEX k EX 9", "LCS k k", "LCS k k IDX", "SET l x IFEQ y", "GETDEL k"};

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        for (uint64_t k = 1, asked = k; asked >= k; k++) {
            struct loom_blob *blob = blob_of(20000, 5);
            bool refused;

            cr_assert_str_eq(set_blob(&f, "k", blob), OK);
            loom_blob_drop(blob);
            reply_free(&f.reply); /* so that the reply has to ask again */
            mem_fail_at(k);
            refused = fixture_refused(&f, lines[i]);
            asked = mem_count();
            mem_fail_at(0);
            /* Either it was done, or the value is as it was. */
            if (refused)
                cr_expect_eq(strncmp(fixture_say(&f, "GET k"), "$20000\r\nfmt", 11), 0, "%s, %d",
                             lines[i], (int)k);
            cr_assert_lt(k, 200);
        }
    }
}
