/* test_transaction_watch.c - WATCH and UNWATCH: what counts as a change of a key. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/unit/command/fixture.h"

static struct fixture f;
static void open_node(void) { fixture_open(&f, NULL); }
static void close_node(void) { fixture_close(&f); }

TestSuite(transaction_watch, .init = open_node, .fini = close_node);

#define QUEUED "+QUEUED\r\n"
#define NULL_ARRAY "*-1\r\n"
#define ABORTED ERROR("EXECABORT Transaction discarded because of previous errors.")

/* A second client of the same node: says a line while the first one's transaction waits. */
static struct session other;
static const char *other_says(const char *line)
{
    struct session first = f.session;
    const char *reply;

    if (other.id == 0) {
        session_init(&other, 2);
        other.authenticated = true;
    }
    f.session = other;
    reply = fixture_say(&f, line);
    other = f.session;
    f.session = first;
    return reply;
}

/* What another client does between WATCH and EXEC, and whether that is a change of the key. */
Test(transaction_watch, what_counts_as_a_change)
{
    static const struct {
        const char *before, *meanwhile;
        bool changes;
    } cases[] = {
        {"SET k v", "GET k", false},
        {"SET k v", "TYPE k", false},
        {"SET k v", "SET l v", false},
        {"SET k v", "DEL no", false},
        {"SET k v", "SETNX k w", false},
        {"SET k v", "PERSIST k", false},
        {"SET k v", "EXPIRE k 10 XX", false},
        {"SET k v", "COPY k l", false},
        {"SET l v", "RENAMENX l l", false},
        {"DEL k", "DEL k", false},
        {"DEL k", "GET k", false},
        {"SET k v", "SET k v", true},
        {"SET k v", "SET k w", true},
        {"SET k v", "APPEND k w", true},
        {"SET k 1", "INCR k", true},
        {"SET k v", "SETRANGE k 0 w", true},
        {"SET k v", "EXPIRE k 10", true},
        {"SET k v EX 10", "PERSIST k", true},
        {"SET k v", "DEL k", true},
        {"SET k v", "GETDEL k", true},
        {"SET k v", "EXPIRE k -1", true},
        {"SET k v", "RENAME k l", true},
        {"SET l v", "RENAME l k", true},
        {"SET l v", "COPY l k REPLACE", true},
        {"SET k v", "MOVE k 5", true},
        {"SET k v", "SWAPDB 4 5", false},
        {"SET k v", "FLUSHDB", true},
        {"SET k v", "FLUSHALL", true},
        {"SET k v", "SWAPDB 0 1", true},
        {"DEL k", "SET k v", true},
        {"DEL k", "INCR k", true},
        {"SET k v", "MSET l 1 k 2", true},
        {"SET k v", "RESTORE k 0 \"\\x00\\xc0\\x00\\n\\x00\\x98@\\xa7x\\xf8P\\x03\\x08\" REPLACE",
         true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_str_eq(fixture_say(&f, "FLUSHALL"), OK);
        fixture_say(&f, cases[i].before);
        FIXTURE_STEPS(&f, {"WATCH other k", OK}, {"MULTI", OK}, {"EXISTS z", QUEUED});
        cr_assert_neq(other_says(cases[i].meanwhile)[0], '-', "%s", cases[i].meanwhile);
        cr_expect_str_eq(fixture_say(&f, "EXEC"),
                         cases[i].changes ? NULL_ARRAY : ARRAY("1") INT("0"), "%s; %s",
                         cases[i].before, cases[i].meanwhile);
    }
    session_close(&other);
}

Test(transaction_watch, own_changes_count_too)
{
    FIXTURE_STEPS(&f,
        {"WATCH k", OK},
        {"SET k 1", OK},
        {"MULTI", OK},
        {"SET k 2", QUEUED},
        {"EXEC", NULL_ARRAY},
        {"GET k", BULK("1", "1")},
        {"MULTI", OK}, /* EXEC has forgotten the watch */
        {"SET k 2", QUEUED},
        {"EXEC", ARRAY("1") OK},
        {"WATCH k", OK},
        {"MULTI", OK},
        {"SET k 3", QUEUED}, /* what the transaction does itself does not */
        {"SET k 4", QUEUED},
        {"EXEC", ARRAY("2") OK OK},
        {"WATCH k", OK},
        {"SET k 5", OK},
        {"UNWATCH", OK},
        {"MULTI", OK},
        {"GET k", QUEUED},
        {"EXEC", ARRAY("1") BULK("1", "5")},
        {"WATCH k k", OK},
        {"SET k 6", OK},
        {"WATCH k", OK}, /* as it was at the first */
        {"MULTI", OK},
        {"GET k", QUEUED},
        {"EXEC", NULL_ARRAY},
        {"WATCH k", OK},
        {"SET k 7", OK},
        {"MULTI", OK},
        {"UNWATCH", QUEUED}, /* too late */
        {"EXEC", NULL_ARRAY},
        {"UNWATCH", OK},
        {"WATCH k", OK},
        {"SET k 8", OK},
        {"MULTI", OK},
        {"SET k", WRONG_ARGS("set")},
        {"EXEC", ABORTED}, /* weighs more than the change */
        {"SELECT 1", OK},
        {"WATCH k", OK}, /* per database */
        {"SELECT 0", OK},
        {"SET k 9", OK},
        {"MULTI", OK},
        {"GET k", QUEUED},
        {"EXEC", ARRAY("1") BULK("1", "9")},
        {"SELECT 1", OK},
        {"WATCH k", OK},
        {"SELECT 0", OK},
        {"MOVE k 1", INT("1")},
        {"MULTI", OK},
        {"GET k", QUEUED},
        {"EXEC", NULL_ARRAY});
}

Test(transaction_watch, expiry_is_a_change)
{
    FIXTURE_STEPS(&f,
        {"SET k v PX 10", OK}, {"SET l v PX 5", OK}, {"WATCH k", OK}, {"MULTI", OK},
        {"GET k", QUEUED});
    f.now_ms += 9;
    FIXTURE_STEPS(&f, {"EXEC", ARRAY("1") BULK("1", "v")}, {"WATCH k", OK}, {"MULTI", OK},
                  {"SET k w", QUEUED});
    f.now_ms += 1; /* nobody has touched it */
    FIXTURE_STEPS(&f, {"EXEC", NULL_ARRAY}, {"GET k", NIL},
                  {"WATCH l", OK}, /* which expired before: absent, and so it stays */
                  {"MULTI", OK}, {"GET l", QUEUED}, {"EXEC", ARRAY("1") NIL});
    /* Housekeeping that removes it is the same. */
    FIXTURE_STEPS(&f, {"SET k v PX 10", OK}, {"WATCH k", OK}, {"MULTI", OK}, {"GET k", QUEUED});
    f.now_ms += 10;
    for (uint32_t i = 0; i < store_n_partitions(f.store); i++)
        store_tick(f.store, i, f.now_ms, 100000);
    f.now_ms -= 10;
    FIXTURE_STEPS(&f, {"EXEC", NULL_ARRAY});
}

Test(transaction_watch, eviction_is_a_change)
{
    struct fixture small;
    char line[32];

    fixture_open(&small, &(struct fixture_setup){.max_items = 10, .n_partitions = 1});
    FIXTURE_STEPS(&small, {"SET k v", OK}, {"WATCH k", OK});
    for (int i = 0; i < 10; i++) {
        snprintf(line, sizeof line, "SET other:%d v", i);
        cr_assert_str_eq(fixture_say(&small, line), OK);
    }
    FIXTURE_STEPS(&small, {"MULTI", OK}, {"GET k", QUEUED}, {"EXEC", NULL_ARRAY});
    fixture_close(&small);
}

Test(transaction_watch, resp3)
{
    f.session.proto = 3;
    FIXTURE_STEPS(&f, {"WATCH k", OK}, {"SET k v", OK}, {"MULTI", OK}, {"GET k", QUEUED},
                  {"EXEC", "_\r\n"}, {"MULTI", OK}, {"GET no", QUEUED},
                  {"EXEC", ARRAY("1") "_\r\n"});
}
