/* test_transaction.c - MULTI, EXEC, DISCARD, WATCH, UNWATCH: one client, several, and threads. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/blob.h"
#include "core/base/mem.h"
#include "core/command/transaction.h"
#include "core/wire/inline.h"
#include "tests/unit/command/fixture.h"

static struct fixture f;
static void open_node(void) { fixture_open(&f, NULL); }
static void close_node(void) { fixture_close(&f); }

TestSuite(transaction, .init = open_node, .fini = close_node);

#define QUEUED "+QUEUED\r\n"
#define NULL_ARRAY "*-1\r\n"
#define ABORTED ERROR("EXECABORT Transaction discarded because of previous errors.")
#define NO_WATCH ERROR("ERR WATCH inside MULTI is not allowed")

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

/* ---- queueing ------------------------------------------------------------------------------------ */

Test(transaction, runs_what_was_queued)
{
    FIXTURE_STEPS(&f,
        {"MULTI", OK},
        {"SET a 1", QUEUED},
        {"INCR a", QUEUED},
        {"GET a", QUEUED},
        {"LPUSH", ERROR("ERR unknown command 'LPUSH', with args beginning with: ")},
        {"EXEC", ABORTED},
        {"GET a", NIL},
        {"MULTI", OK},
        {"SET a 1", QUEUED},
        {"INCR a", QUEUED},
        {"MSET b x c y", QUEUED},
        {"DEL a b", QUEUED},
        {"GET no", QUEUED},
        {"EXEC", ARRAY("5") OK INT("2") OK INT("2") NIL},
        {"MGET a b c", ARRAY("3") NIL NIL BULK("1", "y")},
        {"MULTI", OK},
        {"EXEC", ARRAY("0")},
        {"EXEC", ERROR("ERR EXEC without MULTI")},
        {"DISCARD", ERROR("ERR DISCARD without MULTI")},
        {"MULTI x", WRONG_ARGS("multi")},
        {"WATCH", WRONG_ARGS("watch")});
}

Test(transaction, errors_while_running_are_single)
{
    FIXTURE_STEPS(&f,
        {"MULTI", OK},
        {"SET a text", QUEUED},
        {"INCR a", QUEUED},
        {"SELECT 99", QUEUED},
        {"SET b 1", QUEUED},
        {"EXEC", ARRAY("4") OK NOT_INTEGER ERROR("ERR DB index is out of range") OK},
        {"GET b", BULK("1", "1")});
}

Test(transaction, errors_while_queueing_spoil_it)
{
    static const char *const bad[][2] = {
        {"SET a", WRONG_ARGS("set")},
        {"NOSUCH a b", ERROR("ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b' ")},
        {"OBJECT FOO", ERROR("ERR unknown subcommand 'FOO'. Try OBJECT HELP.")},
        {"OBJECT ENCODING", WRONG_ARGS("object|encoding")},
        {"RENAME a b c", WRONG_ARGS("rename")},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        FIXTURE_STEPS(&f, {"MULTI", OK}, {"SET k v", QUEUED});
        cr_expect_str_eq(fixture_say(&f, bad[i][0]), bad[i][1]);
        FIXTURE_STEPS(&f, {"SET l v", QUEUED}, {"EXEC", ABORTED}, {"EXISTS k l", INT("0")});
    }
    /* These are errors, but not of the transaction. */
    FIXTURE_STEPS(&f,
        {"MULTI", OK},
        {"MULTI", ERROR("ERR MULTI calls can not be nested")},
        {"WATCH a", NO_WATCH},
        {"SET k v", QUEUED},
        {"EXEC", ARRAY("1") OK});
}

Test(transaction, discard)
{
    FIXTURE_STEPS(&f,
        {"WATCH a", OK},
        {"MULTI", OK},
        {"SET a 1", QUEUED},
        {"DISCARD", OK},
        {"GET a", NIL},
        {"SET a 1", OK},
        {"MULTI", OK},
        {"PERSIST a", QUEUED}, /* the watch went with the transaction */
        {"EXEC", ARRAY("1") INT("0")},
        {"MULTI", OK},
        {"SET a", WRONG_ARGS("set")},
        {"DISCARD", OK},
        {"MULTI", OK},
        {"GET a", QUEUED}, /* and so did the error */
        {"EXEC", ARRAY("1") BULK("1", "1")});
    cr_assert_null(f.session.transaction);
}

Test(transaction, databases)
{
    FIXTURE_STEPS(&f,
        {"SET a zero", OK},
        {"MULTI", OK},
        {"SELECT 3", QUEUED},
        {"SET a three", QUEUED},
        {"GET a", QUEUED},
        {"SWAPDB 0 3", QUEUED},
        {"GET a", QUEUED},
        {"MOVE a 5", QUEUED},
        {"SELECT 5", QUEUED},
        {"GET a", QUEUED},
        {"EXEC", ARRAY("8") OK OK BULK("5", "three") OK BULK("4", "zero") INT("1") OK
                     BULK("4", "zero")},
        {"GET a", BULK("4", "zero")},
        {"SELECT 0", OK},
        {"GET a", BULK("5", "three")});
}

/* Commands that lock by themselves, or want everything. */
Test(transaction, commands_over_all_partitions)
{
    FIXTURE_STEPS(&f,
        {"MULTI", OK},
        {"SET a 1", QUEUED},
        {"DBSIZE", QUEUED},
        {"KEYS *", QUEUED},
        {"SCAN 0 COUNT 100", QUEUED},
        {"RANDOMKEY", QUEUED},
        {"UNWATCH", QUEUED},
        {"FLUSHALL", QUEUED},
        {"RANDOMKEY", QUEUED},
        {"SET b 1", QUEUED},
        {"FLUSHDB", QUEUED},
        {"DBSIZE", QUEUED},
        {"EXEC", ARRAY("11") OK INT("1") ARRAY("1") BULK("1", "a")
                     ARRAY("2") BULK("1", "0") ARRAY("1") BULK("1", "a") BULK("1", "a") OK OK NIL OK
                     OK INT("0")});
}

Test(transaction, one_batch)
{
    static const char *const words[][4] = {{"MULTI"}, {"SET", "a", "1"}, {"GET", "a"}, {"EXEC"},
                                           {"GET", "a"}};
    struct slice argv[5][4];
    struct execute_item items[5];
    struct iovec piece;

    for (size_t i = 0; i < 5; i++) {
        items[i] = (struct execute_item){.argc = 0, .argv = argv[i]};
        for (size_t k = 0; k < 4 && words[i][k] != NULL; k++)
            argv[i][items[i].argc++] = slice_of(words[i][k], strlen(words[i][k]));
    }
    reply_begin(&f.reply, 2, 0);
    cr_assert_eq(execute_batch(&f.executor, &f.session, &f.reply, items, 5, f.now_ms), 5);
    static const char expected[] = OK QUEUED QUEUED ARRAY("2") OK BULK("1", "1") BULK("1", "1");

    cr_assert_eq(reply_iovecs(&f.reply, 0, &piece, 1), 1);
    cr_assert_eq(piece.iov_len, sizeof expected - 1);
    cr_assert_arr_eq(piece.iov_base, expected, sizeof expected - 1);
    reply_begin(&f.reply, 2, 0);
}

/* Arguments are copied: what they came in is used again for the next read. */
Test(transaction, arguments_are_copied_and_blobs_held)
{
    struct loom_blob *blob = blob_new(100000), *blobs[3] = {NULL, NULL, blob};
    char key[] = "key", small[] = "small";
    struct slice set[] = {slice_of("SET", 3), slice_of(key, 3), slice_of(small, 5)};
    struct slice large[] = {slice_of("SET", 3), slice_of("large", 5),
                            slice_of(loom_blob_at(blob), 100000)};
    uint64_t used = mem_used(MEM_BLOB);

    memset(loom_blob_at(blob), 'x', 100000);
    cr_assert_str_eq(fixture_say(&f, "MULTI"), OK);
    cr_assert_str_eq(fixture_run(&f, 3, set, NULL), QUEUED);
    cr_assert_str_eq(fixture_run(&f, 3, large, blobs), QUEUED);
    memcpy(key, "???", 3);
    memcpy(small, "?????", 5);
    loom_blob_drop(blob);
    cr_assert_str_eq(fixture_say(&f, "EXEC"), ARRAY("2") OK OK);
    FIXTURE_STEPS(&f, {"GET key", BULK("5", "small")}, {"STRLEN large", INT("100000")});
    cr_assert_eq(mem_used(MEM_BLOB), used, "held, not copied");
    FIXTURE_STEPS(&f, {"DEL large", INT("1")});
    cr_assert_eq(mem_used(MEM_BLOB), 0);
}

Test(transaction, no_multi_commands_are_refused)
{
    static const struct command rows[] = {
        {.name = "alone", .run = NULL, .arity = 1, .flags = COMMAND_NO_MULTI, .group = "server"},
        {.name = NULL}};

    fixture_close(&f);
    cr_assert_eq(command_register(rows), 0);
    fixture_open(&f, NULL);
    FIXTURE_STEPS(&f,
        {"MULTI", OK},
        {"ALONE", ERROR("ERR Command not allowed inside a transaction")},
        {"SET a 1", QUEUED},
        {"EXEC", ABORTED},
        {"EXISTS a", INT("0")});
}

/* How many partitions are locked while a command of a transaction runs. */
static void run_held(struct call *call)
{
    int64_t n = 0;

    for (uint32_t i = 0; i < store_n_partitions(call->store); i++) {
        pthread_mutex_t *lock = &store_partition(call->store, i)->lock;

        if (pthread_mutex_trylock(lock) != 0) n++;
        else pthread_mutex_unlock(lock);
    }
    reply_int(call->reply, n);
}

Test(transaction, holds_every_lock_it_needs)
{
    static const struct command rows[] = {
        {.name = "held", .run = run_held, .arity = 1, .group = "server"},
        {.name = "heldall", .run = run_held, .arity = 1, .flags = COMMAND_ALL_KEYS,
         .group = "server"},
        {.name = "heldown", .run = run_held, .arity = 1, .flags = COMMAND_OWN_LOCKS,
         .group = "server"},
        {.name = NULL}};

    fixture_close(&f);
    cr_assert_eq(command_register(rows), 0);
    fixture_open(&f, &(struct fixture_setup){.n_partitions = 16});
    /* Slots of a, b, c, d: 15495, 3300, 7365, 11298, in 16 partitions of 1024 all apart. */
    FIXTURE_STEPS(&f,
        {"MULTI", OK}, {"HELD", QUEUED}, {"EXEC", ARRAY("1") INT("0")},
        {"MULTI", OK}, {"GET a", QUEUED}, {"HELD", QUEUED}, {"GET a", QUEUED},
        {"EXEC", ARRAY("3") NIL INT("1") NIL},
        {"WATCH b c", OK}, {"HELD", INT("0")},
        {"MULTI", OK}, {"HELD", QUEUED}, {"MGET a b d", QUEUED}, {"SELECT 3", QUEUED},
        {"EXEC", ARRAY("3") INT("4") ARRAY("3") NIL NIL NIL OK},
        {"MULTI", OK}, {"GET a", QUEUED}, {"HELDALL", QUEUED},
        {"EXEC", ARRAY("2") NIL INT("16")},
        {"MULTI", OK}, {"HELDOWN", QUEUED}, {"EXEC", ARRAY("1") INT("16")},
        {"HELD", INT("0")}, {"HELDALL", INT("16")}, {"HELDOWN", INT("0")});
}

/* ---- WATCH --------------------------------------------------------------------------------------- */

/* What another client does between WATCH and EXEC, and whether that is a change of the key. */
Test(transaction, what_counts_as_a_change)
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

Test(transaction, own_changes_count_too)
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

Test(transaction, expiry_is_a_change)
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

Test(transaction, eviction_is_a_change)
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

Test(transaction, resp3)
{
    f.session.proto = 3;
    FIXTURE_STEPS(&f, {"WATCH k", OK}, {"SET k v", OK}, {"MULTI", OK}, {"GET k", QUEUED},
                  {"EXEC", "_\r\n"}, {"MULTI", OK}, {"GET no", QUEUED},
                  {"EXEC", ARRAY("1") "_\r\n"});
}

/* ---- what is counted, what is refused ------------------------------------------------------------- */

static const struct command_stats *stats_of(const char *name)
{
    return &f.executor.stats[command_index(command_find(slice_of(name, strlen(name))))];
}

Test(transaction, its_commands_are_counted)
{
    FIXTURE_STEPS(&f, {"MULTI", OK}, {"SET a x", QUEUED}, {"SET b y", QUEUED}, {"INCR a", QUEUED},
                  {"OBJECT REFCOUNT a", QUEUED}, {"EXEC", ARRAY("4") OK OK NOT_INTEGER INT("1")});
    cr_assert_geq(stats_of("set")->calls, 2);
    cr_assert_geq(stats_of("incr")->calls, 1);
    cr_assert_eq(stats_of("incr")->failed, 1);
    cr_assert_geq(stats_of("object")->calls, 1);
    cr_assert_eq(stats_of("exec")->calls, 1);
    cr_assert_eq(stats_of("exec")->failed, 0);
}

Test(transaction, of_a_session)
{
    cr_assert_eq(session_queued(&f.session), -1);
    cr_assert_eq(session_watched(&f.session), 0);
    FIXTURE_STEPS(&f, {"WATCH a b c a", OK});
    cr_assert_eq(session_watched(&f.session), 3);
    FIXTURE_STEPS(&f, {"MULTI", OK});
    cr_assert_eq(session_queued(&f.session), 0);
    FIXTURE_STEPS(&f, {"GET a", QUEUED}, {"GET a", QUEUED});
    cr_assert_eq(session_queued(&f.session), 2);
    f.session.name = mem_strdup(MEM_CONN, "me");
    f.session.db = 3;
    session_reset(&f.session);
    cr_assert(f.session.id == 1 && f.session.db == 0 && f.session.name == NULL);
    cr_assert(!session_in_multi(&f.session) && session_watched(&f.session) == 0);
    cr_assert(!f.session.authenticated && f.session.proto == 2);
}

Test(transaction, growth_is_refused_when_the_machine_is_full)
{
    store_set_write_guard(f.store, true);
    FIXTURE_STEPS(&f, {"MULTI", OK}, {"GET a", QUEUED}, {"DEL a", QUEUED},
                  {"EXEC", ARRAY("2") NIL INT("0")}, {"MULTI", OK}, {"SET a 1", OOM},
                  {"EXEC", ABORTED});
    store_set_write_guard(f.store, false);
    FIXTURE_STEPS(&f, {"MULTI", OK}, {"SET a 1", QUEUED});
    store_set_write_guard(f.store, true);
    FIXTURE_STEPS(&f, {"EXEC", ERROR("EXECABORT Transaction discarded because of: OOM command not "
                                     "allowed when used memory > 'maxmemory'.")},
                  {"MULTI", OK}, {"EXEC", ARRAY("0")});
    store_set_write_guard(f.store, false);
    FIXTURE_STEPS(&f, {"EXISTS a", INT("0")});
}

#define TOO_LARGE                                                                                  \
    ERROR("ERR transaction is too large (the limits are 1000000 commands and 67108864 bytes)")

Test(transaction_limits, bytes, .init = open_node, .fini = close_node)
{
    const size_t bytes = 1 << 20;
    char *value = calloc(1, bytes);
    struct slice set[] = {slice_of("SET", 3), slice_of("k", 1), slice_of(value, bytes)};
    uint64_t before = mem_used(MEM_CONN) + mem_used(MEM_BUFFER);

    FIXTURE_STEPS(&f, {"MULTI", OK});
    for (int i = 0; i < 63; i++)
        cr_assert_str_eq(fixture_run(&f, 3, set, NULL), QUEUED);
    cr_assert_str_eq(fixture_run(&f, 3, set, NULL), TOO_LARGE);
    cr_assert_str_eq(fixture_run(&f, 3, set, NULL), QUEUED, "as Redis says, but it is not kept");
    FIXTURE_STEPS(&f, {"EXEC", ABORTED}, {"EXISTS k", INT("0")});
    cr_assert_lt(mem_used(MEM_CONN) + mem_used(MEM_BUFFER), before + (1 << 20));
    free(value);
}

Test(transaction_limits, held_blobs, .init = open_node, .fini = close_node)
{
    struct loom_blob *blob = blob_new(200 << 20), *blobs[3] = {NULL, NULL, blob};
    struct slice set[] = {slice_of("SET", 3), slice_of("k", 1),
                          slice_of(loom_blob_at(blob), 200 << 20)};

    FIXTURE_STEPS(&f, {"MULTI", OK});
    cr_assert_str_eq(fixture_run(&f, 3, set, blobs), QUEUED);
    cr_assert_str_eq(fixture_run(&f, 3, set, blobs), QUEUED);
    cr_assert_str_eq(fixture_run(&f, 3, set, blobs), TOO_LARGE);
    cr_assert_eq(blob->refs, 3);
    FIXTURE_STEPS(&f, {"DISCARD", OK});
    cr_assert_eq(blob->refs, 1);
    loom_blob_drop(blob);
}

Test(transaction_limits, commands, .init = open_node, .fini = close_node)
{
    struct slice dbsize = slice_of("DBSIZE", 6);
    struct execute_item items[1000];

    for (int i = 0; i < 1000; i++)
        items[i] = (struct execute_item){1, &dbsize, NULL};
    FIXTURE_STEPS(&f, {"MULTI", OK});
    for (int i = 0; i < 1000; i++) {
        reply_begin(&f.reply, 2, 0);
        execute_batch(&f.executor, &f.session, &f.reply, items, 1000, f.now_ms);
        cr_assert_eq(reply_waiting(&f.reply), 1000 * strlen(QUEUED));
    }
    FIXTURE_STEPS(&f, {"DBSIZE", TOO_LARGE});
    cr_assert(strcmp(fixture_say(&f, "EXEC"), ABORTED) == 0); /* no wish to see a million replies */
}

Test(transaction_limits, watches, .init = open_node, .fini = close_node)
{
    static char name[60000];
    struct slice watch[] = {slice_of("WATCH", 5), slice_of(name, sizeof name)};
    char line[64];
    uint64_t before;

    FIXTURE_STEPS(&f, {"WATCH a b c d e f g h i j k l", OK}, {"UNWATCH", OK});
    before = mem_used(MEM_CONN);
    for (int i = 0; i < 65536; i++) {
        snprintf(line, sizeof line, "WATCH name:%d", i);
        cr_assert_str_eq(fixture_say(&f, line), OK);
    }
    FIXTURE_STEPS(&f, {"WATCH name:5", OK}, {"WATCH one:more",
        ERROR("ERR too many watched keys (the limits are 65536 keys and 16777216 bytes of names)")},
        {"UNWATCH", OK});
    cr_assert_eq(mem_used(MEM_CONN), before);
    for (int i = 0; i < 279; i++) {
        snprintf(name, sizeof name, "%d", i);
        cr_assert_str_eq(fixture_run(&f, 2, watch, NULL), OK);
    }
    name[1000] = 'x';
    cr_assert_eq(strncmp(fixture_run(&f, 2, watch, NULL), "-ERR too many watched keys", 26), 0);
    FIXTURE_STEPS(&f, {"MULTI", OK}, {"EXEC", ARRAY("0")});
    cr_assert_eq(mem_used(MEM_CONN), before);
}

Test(transaction, key_too_long)
{
    static char name[65536];
    struct slice get[] = {slice_of("GET", 3), slice_of(name, sizeof name)};

    FIXTURE_STEPS(&f, {"MULTI", OK});
    cr_assert_eq(strncmp(fixture_run(&f, 2, get, NULL), "-ERR key is too long", 20), 0);
    FIXTURE_STEPS(&f, {"EXEC", ABORTED}, {"MULTI", OK});
    get[1].bytes--;
    cr_assert_str_eq(fixture_run(&f, 2, get, NULL), QUEUED);
    FIXTURE_STEPS(&f, {"EXEC", ARRAY("1") NIL});
}

/* ---- memory --------------------------------------------------------------------------------------- */

Test(transaction, memory_is_given_back)
{
    static const char *const ends[] = {"EXEC", "DISCARD", NULL};
    uint64_t conn, buffer;

    FIXTURE_STEPS(&f, {"WATCH a b c d e f g h i j k l m n o p", OK}, {"UNWATCH", OK},
                  {"MULTI", OK}, {"EXEC", ARRAY("0")},
                  {"MULTI", OK}, {"DISCARD", OK}, {"SET a 1", OK}, {"GET a", BULK("1", "1")});
    conn = mem_used(MEM_CONN);
    buffer = mem_used(MEM_BUFFER);
    for (int i = 0; i < 3; i++) {
        FIXTURE_STEPS(&f, {"WATCH a b c d e f g h i j k l m n o p", OK}, {"MULTI", OK},
                      {"SET a 1", QUEUED}, {"MGET a b c d e f g h i j k l m n o p", QUEUED});
        if (ends[i] != NULL) {
            fixture_say(&f, ends[i]);
        } else {
            session_close(&f.session);
            session_init(&f.session, 1);
        }
        cr_expect_eq(mem_used(MEM_CONN), conn, "%d", i);
        cr_expect_eq(mem_used(MEM_BUFFER), buffer, "%d", i);
    }
}

#define MANY "k1 v k2 v k3 v k4 v k5 v k6 v k7 v k8 v k9 v k10 v k11 v k12 v"

/* Everything with the k-th allocation failing: each command works or says why; what was not queued
 * whole is not run at all; nothing is kept afterwards. */
static bool transaction_fails(uint64_t k)
{
    static const struct fixture_step steps[] = {
        {"WATCH a b", OK}, {"MULTI", OK}, {"SET a text", QUEUED}, {"RENAME a c", QUEUED},
        {"MSET " MANY, QUEUED}, {"COPY c d", QUEUED}};
    const char *reply;
    bool spoiled = false, no_multi = false, failed;

    cr_assert_str_eq(fixture_say(&f, "FLUSHALL"), OK);
    mem_fail_at(k);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        reply = fixture_say(&f, steps[i].line);
        if (strcmp(reply, steps[i].reply) == 0) continue;
        if (no_multi) continue;
        cr_assert_eq(strncmp(reply, "-OOM ", 5), 0, "k %lu: %s", k, reply);
        if (i == 1) no_multi = true;
        if (i > 1) spoiled = true;
    }
    reply = fixture_say(&f, "EXEC");
    failed = mem_count() >= k;
    mem_fail_at(0);
    if (no_multi) cr_assert_str_eq(reply, ERROR("ERR EXEC without MULTI"));
    else if (spoiled) cr_assert_str_eq(reply, ABORTED);
    else cr_assert_eq(strncmp(reply, "*4\r\n", 4), 0, "k %lu: %s", k, reply);
    if (spoiled) cr_assert_str_eq(fixture_say(&f, "DBSIZE"), INT("0"));
    if (!spoiled && !no_multi && strstr(reply, "-OOM") == NULL)
        cr_assert_str_eq(fixture_say(&f, "EXISTS c d k12"), INT("3"));
    FIXTURE_STEPS(&f, {"UNWATCH", OK});
    cr_assert_null(f.session.transaction);
    return failed;
}

Test(transaction, allocation_failures)
{
    uint64_t k = 1, conn;

    FIXTURE_STEPS(&f, {"WATCH a b", OK}, {"UNWATCH", OK});
    fixture_say(&f, "COMMAND"); /* the reply has its room from now on */
    conn = mem_used(MEM_CONN);
    for (; transaction_fails(k); k++)
        cr_expect_eq(mem_used(MEM_CONN), conn, "k %lu", k);
    cr_assert_gt(k, 8);
}

/* ---- threads -------------------------------------------------------------------------------------- */

#define THREADS 4
#define ROUNDS 3000

struct client {
    struct executor executor;
    struct session session;
    struct reply reply;
    char text[4096];
    int id, n_retries, n_errors;
};

static const char *say(struct client *c, const char *line)
{
    char copy[256];
    struct slice argv[16];
    struct execute_item item = {.argv = argv};
    size_t n = strlen(line);

    memcpy(copy, line, n);
    item.argc = (uint32_t)inline_split(copy, n, argv);
    reply_begin(&c->reply, 2, 0);
    execute_batch(&c->executor, &c->session, &c->reply, &item, 1, f.now_ms);
    n = reply_waiting(&c->reply);
    memcpy(c->text, c->reply.at + c->reply.start, n < sizeof c->text ? n : sizeof c->text - 1);
    c->text[n < sizeof c->text ? n : sizeof c->text - 1] = '\0';
    return c->text;
}

static long number_in(const char *reply)
{
    return reply[1] == '-' ? 0 : atol(strchr(reply, '\n') + 1);
}

/* n and m are always raised together, whichever way. */
static void raise_watched(struct client *c)
{
    char line[64];

    for (int tries = 0; tries < 100000; tries++) {
        say(c, "WATCH n plain");
        snprintf(line, sizeof line, "SET n %ld", number_in(say(c, "GET n")) + 1);
        sched_yield(); /* lets somebody come in between, as they may */
        say(c, "MULTI");
        say(c, line);
        say(c, "INCR m");
        if (strncmp(say(c, "EXEC"), "*2\r\n+OK\r\n:", 10) == 0) return;
        if (strcmp(c->text, NULL_ARRAY) != 0) c->n_errors++;
        c->n_retries++;
    }
    c->n_errors++;
}

static void raise_plain(struct client *c)
{
    say(c, "MULTI");
    say(c, "INCR m");
    say(c, "INCR n");
    if (strncmp(say(c, "EXEC"), "*2\r\n:", 5) != 0) c->n_errors++;
}

/* Reads both at once, in one command or two, and asks for everything at times. */
static void look(struct client *c, int round)
{
    long n, m;
    const char *reply;

    reply = say(c, "MGET n m");
    if (sscanf(reply, "*2\r\n$%*d\r\n%ld\r\n$%*d\r\n%ld", &n, &m) == 2 && n != m) c->n_errors++;
    if (round % 50 != 0) return;
    say(c, "MULTI");
    say(c, "GET n");
    say(c, "KEYS nothing");
    say(c, "GET m");
    reply = say(c, "EXEC");
    if (sscanf(reply, "*3\r\n$%*d\r\n%ld\r\n*0\r\n$%*d\r\n%ld", &n, &m) == 2 && n != m) c->n_errors++;
    say(c, "KEYS nothing");
    say(c, "RANDOMKEY");
    say(c, "SWAPDB 8 9");
}

static void *run_client(void *arg)
{
    struct client *c = arg;
    char line[64];

    for (int i = 0; i < ROUNDS; i++) {
        if (i % 3 == 0) raise_watched(c);
        else raise_plain(c);
        if (strncmp(say(c, "INCR plain"), ":", 1) != 0) c->n_errors++;
        look(c, i);
        /* Two keys, locked in both orders by different threads. */
        snprintf(line, sizeof line, "RENAME %s", c->id % 2 ? "here there" : "there here");
        say(c, line);
    }
    return NULL;
}

Test(transaction_threads, sums_are_exact, .timeout = 250)
{
    static struct client clients[THREADS];
    pthread_t threads[THREADS];
    struct error error;
    int n_retries = 0;

    fixture_open(&f, &(struct fixture_setup){.n_partitions = 16});
    FIXTURE_STEPS(&f, {"SET here v", OK}, {"SET {n}other v", OK});
    cr_assert_neq(store_partition_of_slot(f.store, hash_slot("n", 1)),
                  store_partition_of_slot(f.store, hash_slot("m", 1)));
    for (int i = 0; i < THREADS; i++) {
        struct client *c = &clients[i];
        c->id = i;
        cr_assert_eq(executor_open(&c->executor, f.store, &error), 0);
        session_init(&c->session, (uint64_t)i + 10);
        c->session.authenticated = true;
    }
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, run_client, &clients[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    FIXTURE_STEPS(&f, {"GET n", BULK("5", "12000")}, {"GET m", BULK("5", "12000")},
                  {"GET plain", BULK("5", "12000")}, {"EXISTS here there", INT("1")});
    for (int i = 0; i < THREADS; i++) {
        cr_expect_eq(clients[i].n_errors, 0, "thread %d: %d errors", i, clients[i].n_errors);
        n_retries += clients[i].n_retries;
        session_close(&clients[i].session);
        executor_close(&clients[i].executor);
        reply_free(&clients[i].reply);
    }
    cr_log_info("%d transactions were refused and tried again", n_retries);
    fixture_close(&f);
}
