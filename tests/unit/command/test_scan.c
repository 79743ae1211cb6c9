/* test_scan.c - SCAN's options and its guarantee, KEYS, RANDOMKEY, DBSIZE. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/random.h"
#include "tests/unit/command/fixture.h"

static struct fixture f;
static void open_node(void) { fixture_open(&f, NULL); }
static void close_node(void) { fixture_close(&f); }

TestSuite(scan, .init = open_node, .fini = close_node);

#define BAD_CURSOR ERROR("ERR invalid cursor")
#define EMPTY ARRAY("2") BULK("1", "0") ARRAY("0")

Test(scan, options)
{
    FIXTURE_STEPS(&f,
        {"SCAN 0", EMPTY},
        {"SET key v", OK},
        {"SCAN 0", ARRAY("2") BULK("1", "0") ARRAY("1") BULK("3", "key")},
        {"SCAN 0 MATCH k?y", ARRAY("2") BULK("1", "0") ARRAY("1") BULK("3", "key")},
        {"SCAN 0 MATCH K*", EMPTY},
        {"scan 0 match * count 1000 type STRING",
         ARRAY("2") BULK("1", "0") ARRAY("1") BULK("3", "key")},
        {"SCAN 0 TYPE hash", EMPTY},
        {"SCAN 0 TYPE nonsense", EMPTY},
        {"SCAN 0 MATCH a* MATCH k*", ARRAY("2") BULK("1", "0") ARRAY("1") BULK("3", "key")},
        {"SCAN 0 COUNT 9223372036854775807", ARRAY("2") BULK("1", "0") ARRAY("1") BULK("3", "key")},
        {"SCAN 0 COUNT 0", SYNTAX},
        {"SCAN 0 COUNT -5", SYNTAX},
        {"SCAN 0 COUNT x", NOT_INTEGER},
        {"SCAN 0 COUNT", SYNTAX},
        {"SCAN 0 MATCH", SYNTAX},
        {"SCAN 0 TYPE", SYNTAX},
        {"SCAN 0 MATCH * FOO 1", SYNTAX},
        {"SCAN 0 FOO", SYNTAX},
        {"SCAN x", BAD_CURSOR},
        {"SCAN \"\"", BAD_CURSOR},
        {"SCAN -1", BAD_CURSOR},
        {"SCAN \" 0\"", BAD_CURSOR},
        {"SCAN 18446744073709551616", BAD_CURSOR},
        {"SCAN 18446744073709551615", BAD_CURSOR},
        {"SCAN 4398046511104", BAD_CURSOR}, /* partition 4 of 4 */
        {"SCAN x COUNT 0", BAD_CURSOR},
        {"SCAN", WRONG_ARGS("scan")},
        {"SELECT 1", OK},
        {"SCAN 0", EMPTY});
}

Test(scan, any_cursor_in_range_is_harmless)
{
    struct random random;
    char line[64];

    random_seed(&random, 5);
    for (int i = 0; i < 300; i++) {
        snprintf(line, sizeof line, "SET key:%d v", i);
        cr_assert_str_eq(fixture_say(&f, line), OK);
    }
    for (int i = 0; i < 2000; i++) {
        snprintf(line, sizeof line, "SCAN %lu", (unsigned long)random_below(&random, 4ull << 40));
        cr_assert_eq(fixture_say(&f, line)[0], '*');
    }
}

Test(scan, leaves_out_what_has_expired)
{
    FIXTURE_STEPS(&f, {"SET a 1 PX 5", OK}, {"SET b 2", OK});
    f.now_ms += 5;
    FIXTURE_STEPS(&f, {"SCAN 0", ARRAY("2") BULK("1", "0") ARRAY("1") BULK("1", "b")},
                  {"KEYS *", ARRAY("1") BULK("1", "b")}, {"RANDOMKEY", BULK("1", "b")});
}

/* ---- the guarantee ------------------------------------------------------------------------------ */

/* One key per number; what the scan has returned is counted per number. */
#define NUMBERS 20000
struct walk {
    struct fixture f;
    uint8_t resident[NUMBERS]; /* there now */
    uint8_t stayed[NUMBERS];   /* there since the scan began */
    uint16_t seen[NUMBERS];
    uint64_t cursor;
    int n_calls;
};

static void say_number(struct walk *w, const char *verb, unsigned number, const char *rest,
                       const char *expected)
{
    char line[64];

    snprintf(line, sizeof line, "%s number:%u%s", verb, number, rest);
    cr_assert_str_eq(fixture_say(&w->f, line), expected, "%s", line);
}

static void set(struct walk *w, unsigned number)
{
    say_number(w, "SET", number, " v", OK);
    w->resident[number] = 1;
}

static void del(struct walk *w, unsigned number)
{
    say_number(w, "DEL", number, "", w->resident[number] ? INT("1") : INT("0"));
    w->resident[number] = w->stayed[number] = 0;
}

/* One call of SCAN; counts what it returns.  false: the scan is over. */
static bool scan_on(struct walk *w, int count)
{
    char line[64];
    const char *at;

    snprintf(line, sizeof line, "SCAN %lu COUNT %d", (unsigned long)w->cursor, count);
    at = fixture_say(&w->f, line);
    cr_assert_eq(strncmp(at, "*2\r\n$", 5), 0);
    w->cursor = strtoull(strchr(at + 5, '\n') + 1, NULL, 10);
    cr_assert_lt(w->cursor, 1ull << 53);
    for (at = strstr(at, "\r\nnumber:"); at != NULL; at = strstr(at, "\r\nnumber:")) {
        unsigned long number = strtoul(at + 9, NULL, 10);
        cr_assert_lt(number, NUMBERS);
        w->seen[number]++;
        at += 9;
    }
    w->n_calls++;
    cr_assert_lt(w->n_calls, 10 * NUMBERS, "the scan does not come to its end");
    return w->cursor != 0;
}

static void check_all_seen(const struct walk *w, const char *what)
{
    for (unsigned i = 0; i < NUMBERS; i++)
        if (w->stayed[i]) cr_assert_geq(w->seen[i], 1, "%s: number:%u was not returned", what, i);
}

/* What happens between two calls of SCAN.  trend: > 0 the table grows, < 0 it shrinks. */
static void churn(struct walk *w, struct random *random, int trend)
{
    for (int i = 0; i < 40; i++) {
        unsigned number = (unsigned)random_below(random, NUMBERS);
        bool grows = (int)random_below(random, 10) < 5 + trend;

        if (grows) set(w, number);
        else del(w, number);
    }
}

static void scan_while_it_changes(uint32_t n_partitions, uint32_t seed, int from, int trend)
{
    struct walk *w = calloc(1, sizeof *w);
    struct random random;
    char what[64];

    snprintf(what, sizeof what, "%u partitions, seed %u, trend %d", n_partitions, seed, trend);
    random_seed(&random, seed);
    fixture_open(&w->f, &(struct fixture_setup){.n_partitions = n_partitions});
    for (int i = 0; i < from; i++)
        set(w, (unsigned)random_below(&random, NUMBERS));
    memcpy(w->stayed, w->resident, sizeof w->stayed);
    while (scan_on(w, 1 + (int)random_below(&random, 30)))
        churn(w, &random, trend);
    check_all_seen(w, what);
    fixture_close(&w->f);
    free(w);
}

static void scan_in_every_way(uint32_t n_partitions)
{
    for (uint32_t seed = 1; seed <= 3; seed++) {
        scan_while_it_changes(n_partitions, seed, 500, 4);
        scan_while_it_changes(n_partitions, seed, 4000, 0);
        scan_while_it_changes(n_partitions, seed, 15000, -4);
    }
}

Test(scan_guarantee, one_partition) { scan_in_every_way(1); }
Test(scan_guarantee, sixteen_partitions) { scan_in_every_way(16); }
Test(scan_guarantee, sixty_four_partitions) { scan_in_every_way(64); }

/* Housekeeping between the calls finishes what growing and shrinking began. */
Test(scan_guarantee, with_housekeeping)
{
    struct walk *w = calloc(1, sizeof *w);

    fixture_open(&w->f, &(struct fixture_setup){.n_partitions = 1});
    for (unsigned i = 0; i < 8000; i++)
        set(w, i);
    memcpy(w->stayed, w->resident, sizeof w->stayed);
    for (unsigned i = 100; scan_on(w, 10) && i < 8000;) {
        for (int n = 0; n < 100 && i < 8000; n++)
            del(w, i++);
        store_tick(w->f.store, 0, w->f.now_ms, 1000);
    }
    while (w->cursor != 0 && scan_on(w, 10))
        store_tick(w->f.store, 0, w->f.now_ms, 1000);
    check_all_seen(w, "shrinking with ticks");
    fixture_close(&w->f);
    free(w);
}

Test(scan_guarantee, nothing_twice_when_nothing_changes)
{
    struct walk *w = calloc(1, sizeof *w);
    int n_seen = 0;

    fixture_open(&w->f, &(struct fixture_setup){.n_partitions = 16});
    for (unsigned i = 0; i < 5000; i++)
        set(w, i);
    while (scan_on(w, 100))
        ;
    for (unsigned i = 0; i < NUMBERS; i++)
        n_seen += w->seen[i];
    cr_assert_eq(n_seen, 5000);
    /* COUNT is about what a call does, so that many calls are needed and not many more. */
    cr_assert(w->n_calls >= 25 && w->n_calls <= 80, "%d calls", w->n_calls);
    fixture_close(&w->f);
    free(w);
}

Test(scan_guarantee, a_huge_count_is_bounded)
{
    struct walk *w = calloc(1, sizeof *w);

    fixture_open(&w->f, &(struct fixture_setup){.n_partitions = 1});
    for (unsigned i = 0; i < NUMBERS; i++)
        set(w, i);
    memcpy(w->stayed, w->resident, sizeof w->stayed);
    cr_assert(scan_on(w, 1000000000), "all 20,000 keys in one call");
    while (scan_on(w, 1000000000))
        ;
    check_all_seen(w, "huge count");
    fixture_close(&w->f);
    free(w);
}

/* ---- KEYS ---------------------------------------------------------------------------------------- */

Test(scan, keys)
{
    char line[64];
    const char *reply;

    FIXTURE_STEPS(&f,
        {"KEYS *", ARRAY("0")},
        {"SET hello 1", OK},
        {"KEYS h*llo", ARRAY("1") BULK("5", "hello")},
        {"KEYS h[a-e]llo", ARRAY("1") BULK("5", "hello")},
        {"KEYS h[^e]llo", ARRAY("0")},
        {"KEYS Hello", ARRAY("0")},
        {"KEYS", WRONG_ARGS("keys")},
        {"KEYS a b", WRONG_ARGS("keys")},
        {"SELECT 2", OK},
        {"KEYS *", ARRAY("0")});
    for (int i = 0; i < 3000; i++) {
        snprintf(line, sizeof line, "SET key:%d v", i);
        cr_assert_str_eq(fixture_say(&f, line), OK);
    }
    cr_assert_eq(strncmp(fixture_say(&f, "KEYS *"), "*3000\r\n", 7), 0);
    cr_assert_eq(strncmp(fixture_say(&f, "KEYS key:1???"), "*1000\r\n", 7), 0);
    reply = fixture_say(&f, "KEYS key:29[0-9][37]");
    cr_assert_eq(strncmp(reply, "*20\r\n", 5), 0);
    cr_assert_not_null(strstr(reply, "$8\r\nkey:2963\r\n"));
}

Test(scan, keys_within_the_replys_limit)
{
    struct slice argv[] = {slice_of("KEYS", 4), slice_of("*", 1)};
    struct execute_item item = {2, argv, NULL};
    char line[64];

    for (int i = 0; i < 1000; i++) {
        snprintf(line, sizeof line, "SET key:%d v", i);
        cr_assert_str_eq(fixture_say(&f, line), OK);
    }
    reply_begin(&f.reply, 2, 1000);
    execute_batch(&f.executor, &f.session, &f.reply, &item, 1, f.now_ms);
    cr_assert_eq(f.reply.failed, REPLY_OVER_LIMIT);
    cr_assert_leq(reply_waiting(&f.reply), 1000);
    reply_begin(&f.reply, 2, 0);
}

/* ---- RANDOMKEY, DBSIZE -------------------------------------------------------------------------- */

Test(scan, randomkey_when_there_are_few)
{
    char line[64], expected[64];

    cr_assert_str_eq(fixture_say(&f, "RANDOMKEY"), NIL);
    for (int i = 0; i < 5000; i++) {
        snprintf(line, sizeof line, "SET crowd:%d v", i);
        cr_assert_str_eq(fixture_say(&f, line), OK);
    }
    /* One key among thousands of another database, wherever it lies. */
    FIXTURE_STEPS(&f, {"SELECT 1", OK}, {"RANDOMKEY", NIL});
    for (int i = 0; i < 50; i++) {
        snprintf(line, sizeof line, "SET only:%02d v", i);
        cr_assert_str_eq(fixture_say(&f, line), OK);
        snprintf(expected, sizeof expected, "$7\r\nonly:%02d\r\n", i);
        cr_assert_str_eq(fixture_say(&f, "RANDOMKEY"), expected);
        snprintf(line, sizeof line, "DEL only:%02d", i);
        cr_assert_str_eq(fixture_say(&f, line), INT("1"));
    }
    FIXTURE_STEPS(&f, {"RANDOMKEY", NIL}, {"RANDOMKEY x", WRONG_ARGS("randomkey")});
}

Test(scan, randomkey_never_one_that_has_expired)
{
    char line[64];

    for (int i = 0; i < 2000; i++) {
        snprintf(line, sizeof line, "SET gone:%d v PX 5", i);
        cr_assert_str_eq(fixture_say(&f, line), OK);
    }
    cr_assert_str_eq(fixture_say(&f, "SET here v"), OK);
    f.now_ms += 5;
    for (int i = 0; i < 20; i++)
        cr_assert_str_eq(fixture_say(&f, "RANDOMKEY"), BULK("4", "here"));
    FIXTURE_STEPS(&f, {"DEL here", INT("1")}, {"RANDOMKEY", NIL});
}

/* 100 keys over 4 partitions, 20,000 draws: 200 each, give or take; a partition's share of the
 * draws must not depend on how few keys it has. */
Test(scan, randomkey_is_fair)
{
    static int drawn[100];
    char line[64];

    for (int i = 0; i < 100; i++) {
        snprintf(line, sizeof line, "SET k:%02d v", i);
        cr_assert_str_eq(fixture_say(&f, line), OK);
    }
    for (int i = 0; i < 20000; i++) {
        int n = -1;

        cr_assert_eq(sscanf(fixture_say(&f, "RANDOMKEY"), "$4\r\nk:%d", &n), 1);
        drawn[n]++;
    }
    for (int i = 0; i < 100; i++)
        cr_expect(drawn[i] > 60 && drawn[i] < 500, "k:%02d was drawn %d times", i, drawn[i]);
}

Test(scan, dbsize)
{
    FIXTURE_STEPS(&f,
        {"DBSIZE", INT("0")}, {"MSET a 1 b 2 c 3 d 4 e 5", OK}, {"DBSIZE", INT("5")},
        {"DEL a", INT("1")}, {"DBSIZE", INT("4")}, {"SELECT 1", OK}, {"DBSIZE", INT("0")},
        {"DBSIZE x", WRONG_ARGS("dbsize")});
}

Test(scan, allocation_failures)
{
    char line[512], name[256];
    uint64_t k = 1;
    bool failed = true;

    memset(name, 'n', sizeof name);
    for (int i = 0; i < 100; i++) {
        snprintf(line, sizeof line, "SET %.*s%d v", (int)sizeof name, name, i);
        cr_assert_str_eq(fixture_say(&f, line), OK);
    }
    fixture_say(&f, "KEYS *"); /* the reply has its room from now on */
    for (; failed; k++) {
        const char *reply;

        mem_fail_at(k);
        reply = fixture_say(&f, "SCAN 0 COUNT 1000");
        failed = mem_count() >= k;
        mem_fail_at(0);
        cr_assert(strncmp(reply, "*2\r\n", 4) == 0 || strncmp(reply, "-OOM ", 5) == 0, "%s", reply);
    }
    cr_assert_gt(k, 3);
}
