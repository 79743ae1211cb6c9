/* test_transaction_threads.c - four clients on four threads: nothing comes between the commands of
 * a transaction, nothing is lost, nobody waits in a circle.  Worth most under the thread sanitizer.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/wire/inline.h"
#include "tests/unit/command/fixture.h"

#define NULL_ARRAY "*-1\r\n"

static struct fixture f;

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
    if (sscanf(reply, "*3\r\n$%*d\r\n%ld\r\n*0\r\n$%*d\r\n%ld", &n, &m) == 2 && n != m)
        c->n_errors++;
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
