/* test_string_large.c - values that are blobs, inline or compressed; and when there is no room for
 * them, or no memory. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/base/blob.h"
#include "core/base/mem.h"
#include "tests/unit/command/fixture.h"

static struct fixture f;
static void open_node(void) { fixture_open(&f, NULL); }
static void close_node(void) { fixture_close(&f); }

TestSuite(string_large, .init = open_node, .fini = close_node);

#define TOO_LONG ERROR("ERR string exceeds maximum allowed size (proto-max-bulk-len)")

static struct slice text(const char *s) { return slice_of(s, strlen(s)); }

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

Test(string_large, adopts_the_blob_of_a_large_argument)
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

Test(string_large, a_reply_outlives_the_value_it_shows)
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

/* What waits for a slow reader is counted by its length; a blob held for a small part of it would
 * be many times that. */
Test(string_large, a_small_part_does_not_hold_the_whole)
{
    struct loom_blob *blob = blob_of(1000000, 3);
    struct slice part[4] = {text("GETRANGE"), text("k"), text("7"), text("100006")};
    struct slice half[4] = {text("GETRANGE"), text("k"), text("0"), text("499999")};
    const struct execute_item items[2] = {{4, part, NULL}, {4, half, NULL}};
    struct reply reply = {0};

    cr_expect_str_eq(set_blob(&f, "k", blob), OK);
    cr_assert_eq(execute_batch(&f.executor, &f.session, &reply, &items[0], 1, f.now_ms), 1);
    cr_expect_eq(reply_waiting(&reply), 9 + 100000 + 2);
    cr_expect_eq(memcmp(reply.at, "$100000\r\na", 10), 0);
    cr_expect_eq(blob->refs, 2, "the store's and ours");
    cr_assert_eq(execute_batch(&f.executor, &f.session, &reply, &items[1], 1, f.now_ms), 1);
    cr_expect_eq(blob->refs, 3, "half of it is lent");
    reply_free(&reply);
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

Test(string_large, large_values_are_blobs) { large_strings(NULL); }

Test(string_large, large_values_are_inline)
{
    large_strings(&(struct fixture_setup){.inline_max = 30000});
}

Test(string_large, large_values_are_compressed)
{
    large_strings(&(struct fixture_setup){.compress_min = 64});
}

Test(string_large, a_value_may_reach_the_limit_and_not_pass_it)
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

/* ---- no room, no memory ---------------------------------------------------------------------- */

Test(string_large, without_room_nothing_changes)
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
Test(string_large, mset_is_all_or_nothing)
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
    cr_expect_eq(store_db_items(full.store, 0, &(uint64_t){0}), (uint64_t)stored);
    fixture_close(&full);
}

Test(string_large, msetnx_without_memory_leaves_nothing)
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

Test(string_large, survives_every_failed_allocation)
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
