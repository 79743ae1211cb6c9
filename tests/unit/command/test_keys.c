/* test_keys.c - whole keys: removed, found, renamed, copied, moved; databases. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/base/blob.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "tests/unit/command/fixture.h"

static struct fixture f;
static void open_node(void) { fixture_open(&f, NULL); }
static void close_node(void) { fixture_close(&f); }

TestSuite(keys, .init = open_node, .fini = close_node);

#define OUT_OF_RANGE ERROR("ERR DB index is out of range")
#define NO_INT ERROR("ERR value is out of range, value must between -2147483648 and 2147483647")
#define NO_KEY ERROR("ERR no such key")
#define SAME ERROR("ERR source and destination objects are the same")

Test(keys, being_there)
{
    FIXTURE_STEPS(&f,
        {"MSET a 1 b 2 c 3", OK},
        {"EXISTS a b c d a", INT("4")},
        {"TOUCH a b c d a", INT("4")},
        {"TYPE a", "+string\r\n"},
        {"TYPE d", "+none\r\n"},
        {"DEL a a d", INT("1")},
        {"EXISTS a", INT("0")},
        {"UNLINK b c d", INT("2")},
        {"DBSIZE", INT("0")},
        {"DEL", WRONG_ARGS("del")},
        {"UNLINK", WRONG_ARGS("unlink")},
        {"EXISTS", WRONG_ARGS("exists")},
        {"TOUCH", WRONG_ARGS("touch")},
        {"TYPE", WRONG_ARGS("type")},
        {"TYPE a b", WRONG_ARGS("type")});
}

Test(keys, that_have_expired_are_not_there)
{
    FIXTURE_STEPS(&f, {"SET a 1 PX 10", OK}, {"SET b 2", OK}, {"EXISTS a", INT("1")});
    f.now_ms += 10;
    FIXTURE_STEPS(&f,
        {"TYPE a", "+none\r\n"}, {"EXISTS a b", INT("1")}, {"TOUCH a", INT("0")},
        {"DEL a", INT("0")}, {"RENAME a x", NO_KEY}, {"COPY a x", INT("0")},
        {"MOVE a 1", INT("0")});
}

Test(keys, expired_targets_do_not_count)
{
    FIXTURE_STEPS(&f, {"SET a 1", OK}, {"SET b 2 PX 10", OK}, {"SET c 3 PX 10", OK});
    f.now_ms += 10;
    FIXTURE_STEPS(&f,
        {"COPY a c", INT("1")}, {"RENAMENX a b", INT("1")}, {"GET b", BULK("1", "1")},
        {"GET c", BULK("1", "1")}, {"TTL b", INT("-1")}, {"TTL c", INT("-1")});
}

Test(keys, rename)
{
    FIXTURE_STEPS(&f,
        {"RENAME a b", NO_KEY},
        {"RENAME a a", NO_KEY},
        {"RENAMENX a b", NO_KEY},
        {"SET a one", OK},
        {"RENAME a a", OK},
        {"RENAMENX a a", INT("0")},
        {"RENAME a b", OK},
        {"GET a", NIL},
        {"GET b", BULK("3", "one")},
        {"SET c two PX 5000", OK},
        {"RENAME c b", OK}, /* overwrites, the expiry travels */
        {"GET b", BULK("3", "two")},
        {"PTTL b", INT("5000")},
        {"SET d three", OK},
        {"RENAMENX d b", INT("0")},
        {"RENAME d b", OK}, /* and takes the old one away */
        {"PTTL b", INT("-1")},
        {"RENAMENX b e", INT("1")},
        {"GET e", BULK("5", "three")},
        {"DBSIZE", INT("1")},
        {"RENAME a", WRONG_ARGS("rename")},
        {"RENAMENX a b c", WRONG_ARGS("renamenx")});
}

/* Many names, so that every pair of partitions is met in both orders, the same one too; values of
 * every size class, under names of another length. */
Test(keys, rename_across_partitions)
{
    static char value[1000], line[1200], expected[1200];

    for (size_t i = 0; i < sizeof value; i++)
        value[i] = (char)('a' + i % 26);
    for (int i = 0; i < 500; i++) {
        snprintf(line, sizeof line, "SET from:%d %.*s PX 77000", i, 1 + 2 * i, value);
        cr_assert_str_eq(fixture_say(&f, line), OK);
        snprintf(line, sizeof line, "RENAME from:%d t:%d", i, i * 7);
        cr_assert_str_eq(fixture_say(&f, line), OK);
        snprintf(line, sizeof line, "PTTL t:%d", i * 7);
        cr_assert_str_eq(fixture_say(&f, line), INT("77000"));
        snprintf(line, sizeof line, "GET t:%d", i * 7);
        snprintf(expected, sizeof expected, "$%d\r\n%.*s\r\n", 1 + 2 * i, 1 + 2 * i, value);
        cr_assert_str_eq(fixture_say(&f, line), expected);
    }
    cr_assert_str_eq(fixture_say(&f, "DBSIZE"), INT("500"));
}

Test(keys, copy)
{
    FIXTURE_STEPS(&f,
        {"COPY a b", INT("0")},
        {"SET a one PX 5000", OK},
        {"COPY a b", INT("1")},
        {"GET b", BULK("3", "one")},
        {"PTTL b", INT("5000")},
        {"APPEND b !", INT("4")},
        {"GET a", BULK("3", "one")},
        {"COPY a b", INT("0")},
        {"COPY a b REPLACE", INT("1")},
        {"GET b", BULK("3", "one")},
        {"COPY a a", SAME},
        {"COPY a a REPLACE", SAME},
        {"COPY no no", SAME},
        {"COPY a a DB 0", SAME},
        {"COPY a a DB 1", INT("1")},
        {"COPY a a DB 1", INT("0")},
        {"COPY a a replace db 1", INT("1")},
        {"COPY a c DB 2 DB 3", INT("1")}, /* the last one counts */
        {"SELECT 1", OK},
        {"GET a", BULK("3", "one")},
        {"PTTL a", INT("5000")},
        {"SELECT 2", OK},
        {"EXISTS c", INT("0")},
        {"SELECT 3", OK},
        {"EXISTS c", INT("1")},
        {"COPY a b DB", SYNTAX},
        {"COPY a b FOO", SYNTAX},
        {"COPY a b DB 16", OUT_OF_RANGE},
        {"COPY a b DB -1", OUT_OF_RANGE},
        {"COPY a b DB x", NOT_INTEGER},
        {"COPY a b DB 3000000000", NO_INT},
        {"COPY a", WRONG_ARGS("copy")});
}

Test(keys, move)
{
    FIXTURE_STEPS(&f,
        {"MOVE a 1", INT("0")},
        {"SET a one PX 5000", OK},
        {"MOVE a 0", SAME},
        {"MOVE a 1", INT("1")},
        {"EXISTS a", INT("0")},
        {"SET a two", OK},
        {"MOVE a 1", INT("0")},
        {"GET a", BULK("3", "two")},
        {"SELECT 1", OK},
        {"GET a", BULK("3", "one")},
        {"PTTL a", INT("5000")},
        {"MOVE a 16", OUT_OF_RANGE},
        {"MOVE a -1", OUT_OF_RANGE},
        {"MOVE a x", NOT_INTEGER},
        {"MOVE a 99999999999", NO_INT},
        {"MOVE a", WRONG_ARGS("move")});
}

Test(keys, databases)
{
    FIXTURE_STEPS(&f,
        {"SET a zero", OK},
        {"SELECT 15", OK},
        {"GET a", NIL},
        {"SET a fifteen", OK},
        {"SET b 1", OK},
        {"DBSIZE", INT("2")},
        {"SWAPDB 0 15", OK},
        {"GET a", BULK("4", "zero")},
        {"SWAPDB 15 15", OK},
        {"DBSIZE", INT("1")},
        {"SELECT 0", OK},
        {"GET a", BULK("7", "fifteen")},
        {"MOVE b 15", INT("1")},
        {"SELECT 15", OK},
        {"GET b", BULK("1", "1")},
        {"SELECT 16", OUT_OF_RANGE},
        {"SELECT -1", OUT_OF_RANGE},
        {"SELECT x", NOT_INTEGER},
        {"SELECT 99999999999", NO_INT},
        {"DBSIZE", INT("2")}, /* still in 15 */
        {"SWAPDB a 1", ERROR("ERR invalid first DB index")},
        {"SWAPDB 1 a", ERROR("ERR invalid second DB index")},
        {"SWAPDB 99999999999 1", ERROR("ERR invalid first DB index")},
        {"SWAPDB 1 99999999999", ERROR("ERR invalid second DB index")},
        {"SWAPDB 0 16", OUT_OF_RANGE},
        {"SWAPDB -1 0", OUT_OF_RANGE},
        {"SWAPDB 0", WRONG_ARGS("swapdb")},
        {"SELECT", WRONG_ARGS("select")});
}

Test(keys, flush)
{
    FIXTURE_STEPS(&f,
        {"MSET a 1 b 2 c 3", OK},
        {"SELECT 3", OK},
        {"MSET a 1 b 2", OK},
        {"FLUSHDB foo", SYNTAX},
        {"FLUSHDB ASYNC SYNC", SYNTAX},
        {"FLUSHALL foo", SYNTAX},
        {"FLUSHALL SYNC SYNC", SYNTAX},
        {"DBSIZE", INT("2")},
        {"FLUSHDB", OK},
        {"DBSIZE", INT("0")},
        {"GET a", NIL},
        {"SELECT 0", OK},
        {"DBSIZE", INT("3")},
        {"GET a", BULK("1", "1")},
        {"SWAPDB 0 3", OK}, /* the chosen database, by its number now */
        {"FLUSHDB async", OK},
        {"SELECT 3", OK},
        {"DBSIZE", INT("3")},
        {"FLUSHDB sync", OK},
        {"DBSIZE", INT("0")},
        {"MSET a 1 b 2", OK},
        {"SELECT 4", OK},
        {"SET a 1", OK},
        {"FLUSHALL async", OK},
        {"DBSIZE", INT("0")},
        {"SELECT 3", OK},
        {"DBSIZE", INT("0")},
        {"SET a again", OK},
        {"GET a", BULK("5", "again")},
        {"FLUSHALL sync", OK},
        {"FLUSHALL", OK},
        {"DBSIZE", INT("0")});
}

/* ---- large values --------------------------------------------------------------------------- */

#define LARGE_BYTES 100000

static void set_large(const char *name)
{
    static char bytes[LARGE_BYTES];
    struct slice argv[] = {slice_of("SET", 3), slice_of(name, strlen(name)),
                           slice_of(bytes, sizeof bytes)};

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)('a' + i % 23);
    cr_assert_str_eq(fixture_run(&f, 3, argv, NULL), OK);
}

Test(keys, large_values_move_without_a_copy)
{
    uint64_t used;

    set_large("a");
    used = mem_used(MEM_BLOB);
    cr_assert_geq(used, LARGE_BYTES);
    FIXTURE_STEPS(&f, {"RENAME a b", OK}, {"MOVE b 1", INT("1")}, {"SELECT 1", OK},
                  {"COPY b c", INT("1")}, {"STRLEN c", INT("100000")});
    cr_assert_eq(mem_used(MEM_BLOB), used, "the bytes are there once");
    FIXTURE_STEPS(&f, {"SETRANGE c 0 X", INT("100000")}, {"GETRANGE b 0 1", BULK("2", "ab")},
                  {"GETRANGE c 0 1", BULK("2", "Xb")}, {"DEL b", INT("1")},
                  {"GETRANGE c 0 1", BULK("2", "Xb")}, {"DEL c", INT("1")});
    cr_assert_eq(mem_used(MEM_BLOB), 0);
}

static uint64_t evictions(void)
{
    struct partition_stats stats;

    store_stats(f.store, &stats);
    return stats.evictions;
}

Test(keys_limit, renaming_a_large_value_pushes_nothing_out)
{
    char line[64];

    fixture_open(&f, &(struct fixture_setup){.max_memory = 220000, .n_partitions = 1});
    set_large("a");
    for (int i = 0; i < 1000; i++) {
        snprintf(line, sizeof line, "SET k%d v", i);
        cr_assert_str_eq(fixture_say(&f, line), OK);
    }
    cr_assert_eq(evictions(), 0);
    for (int i = 0; i < 8; i++)
        FIXTURE_STEPS(&f, {"RENAME a b", OK}, {"RENAME b a", OK}, {"MOVE a 1", INT("1")},
                      {"SELECT 1", OK}, {"MOVE a 0", INT("1")}, {"SELECT 0", OK});
    cr_assert_eq(evictions(), 0);
    fixture_close(&f);
}

Test(keys_limit, a_full_node_still_renames)
{
    fixture_open(&f, &(struct fixture_setup){.max_memory = 150000, .n_partitions = 1,
                                             .policy = "none"});
    set_large("a");
    FIXTURE_STEPS(&f, {"RENAME a b", OK}, {"STRLEN b", INT("100000")},
                  {"COPY b c", OOM}, {"EXISTS b c", INT("1")}, {"MOVE b 5", INT("1")});
    fixture_close(&f);
}

/* Making room for the copy takes the source: its value is in hand by then. */
Test(keys_limit, a_copy_outlives_its_source)
{
    char line[96];

    fixture_open(&f, &(struct fixture_setup){.max_items = 20, .n_partitions = 1, .policy = "fifo"});
    for (int i = 0; i < 20; i++) {
        snprintf(line, sizeof line, "SET key:%d abcdefghijklmnopqrstuvwxyzabcdefghijklmn:%d", i, i);
        cr_assert_str_eq(fixture_say(&f, line), OK);
    }
    FIXTURE_STEPS(&f, {"COPY key:0 copy:0", INT("1")}, {"EXISTS key:0", INT("0")},
                  {"GET copy:0", BULK("42", "abcdefghijklmnopqrstuvwxyzabcdefghijklmn:0")},
                  {"DBSIZE", INT("20")});
    fixture_close(&f);
}

Test(keys_limit, a_key_larger_than_a_lowered_limit_can_be_renamed)
{
    char line[3100];

    fixture_open(&f, &(struct fixture_setup){.policy = "none", .max_memory = 1 << 20});
    snprintf(line, sizeof line, "SET a %03000d", 7);
    cr_assert_str_eq(fixture_say(&f, line), OK);
    store_set_limits(f.store, 1000, 0);
    FIXTURE_STEPS(&f,
        {"RENAME a b", OK}, {"STRLEN b", INT("3000")}, {"MOVE b 1", INT("1")},
        {"COPY a c", INT("0")}, {"SELECT 1", OK}, {"STRLEN b", INT("3000")}, {"COPY b c", OOM});
    fixture_close(&f);
}

Test(keys_limit, compressed_values_travel)
{
    static char value[2001];
    struct slice set[] = {slice_of("SET", 3), slice_of("a", 1), slice_of(value, 2000)};

    memset(value, 'x', 2000);
    fixture_open(&f, &(struct fixture_setup){.compress_min = 100});
    cr_assert_str_eq(fixture_run(&f, 3, set, NULL), OK);
    FIXTURE_STEPS(&f, {"RENAME a b", OK}, {"COPY b c", INT("1")}, {"STRLEN b", INT("2000")},
                  {"GETRANGE c 1998 -1", BULK("2", "xx")});
    fixture_close(&f);
}

/* ---- when memory is short ------------------------------------------------------------------- */

/* With the k-th allocation failing: the command works, or says why and has changed nothing. */
static void fails_cleanly(const char *prepare, const char *line, const char *done,
                          const char *probe, const char *before, const char *after)
{
    uint64_t k = 1;

    for (;; k++) {
        const char *reply;
        bool worked;

        cr_assert_str_eq(fixture_say(&f, "FLUSHALL"), OK);
        cr_assert_str_eq(fixture_say(&f, prepare), OK);
        mem_fail_at(k);
        reply = fixture_say(&f, line);
        bool failed = mem_count() >= k;
        mem_fail_at(0);
        worked = strcmp(reply, done) == 0;
        cr_assert(worked || strncmp(reply, "-OOM ", 5) == 0, "%s: %s", line, reply);
        cr_assert_str_eq(fixture_say(&f, probe), worked ? after : before, "%s, k %lu", line, k);
        if (!failed) break;
    }
    cr_assert_gt(k, 1, "%s never allocated: nothing was tried", line);
}

#define BIG_TEXT                                                                                   \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890" \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890" \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890" \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"

Test(keys, allocation_failures)
{
    fails_cleanly("SET a " BIG_TEXT, "RENAME a b", OK, "EXISTS a b b", INT("1"), INT("2"));
    fails_cleanly("MSET a " BIG_TEXT " b x", "RENAME a b", OK, "STRLEN b", INT("1"), INT("364"));
    fails_cleanly("SET a " BIG_TEXT, "COPY a b", INT("1"), "EXISTS a b b", INT("1"), INT("3"));
    fails_cleanly("SET a " BIG_TEXT, "MOVE a 1", INT("1"), "EXISTS a", INT("1"), INT("0"));
}

/* A compressed value that is large all the same is packed anew where it goes to. */
Test(keys_limit, allocation_failures_while_packing)
{
    static char value[8001];
    struct slice set[] = {slice_of("SET", 3), slice_of("a", 1), slice_of(value, 8000)};
    struct random random;
    uint64_t k = 1;
    bool failed = true;

    random_seed(&random, 1);
    for (int i = 0; i < 8000; i++)
        value[i] = "0123456789abcdef"[random_below(&random, 16)];
    fixture_open(&f, &(struct fixture_setup){.compress_min = 100, .inline_max = 512});
    for (; failed; k++) {
        const char *reply;
        bool worked;

        cr_assert_str_eq(fixture_say(&f, "FLUSHALL"), OK);
        cr_assert_str_eq(fixture_run(&f, 3, set, NULL), OK);
        cr_assert_str_eq(fixture_say(&f, "PEXPIRE a 5000"), INT("1"));
        mem_fail_at(k);
        reply = fixture_say(&f, "RENAME a b");
        failed = mem_count() >= k;
        mem_fail_at(0);
        worked = strcmp(reply, OK) == 0;
        cr_assert(worked || strncmp(reply, "-OOM ", 5) == 0, "%s", reply);
        cr_assert_str_eq(fixture_say(&f, worked ? "PTTL b" : "PTTL a"), INT("5000"), "k %lu", k);
        cr_assert_str_eq(fixture_say(&f, worked ? "STRLEN b" : "STRLEN a"), INT("8000"));
        cr_assert_str_eq(fixture_say(&f, "DBSIZE"), INT("1"));
    }
    cr_assert_gt(k, 3);
    fixture_close(&f);
}
