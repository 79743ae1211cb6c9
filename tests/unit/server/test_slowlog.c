/* The slow log: what is kept, how much of it, and for how long. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/server/slowlog.h"
#include "tests/unit/server/cmd_kit.h"

#define LENGTH 8

static const struct command row = {.name = "get"};

static void add(struct slowlog *log, uint32_t argc, const struct slice *argv, uint64_t ns)
{
    const struct call call = {.command = &row, .argc = argc, .argv = argv, .now_ms = 1234567};

    slowlog_add(log, &call, ns, "127.0.0.1:9", NULL);
}

static void add_text(struct slowlog *log, const char *text, uint64_t ns)
{
    struct slice arg = slice_of(text, strlen(text));

    add(log, 1, &arg, ns);
}

struct seen {
    size_t n;
    uint64_t ids[64];
    char first[200]; /* argument of the newest */
    uint32_t n_args; /* of the newest */
    char last_arg[200];
};

static void see(void *arg, const struct slowlog_entry *entry)
{
    struct seen *seen = arg;
    struct slice last = entry->args[entry->n_args - 1];

    cr_assert_lt(seen->n, 64);
    if (seen->n == 0) {
        snprintf(seen->first, sizeof seen->first, "%.*s", (int)entry->args[0].bytes,
                 entry->args[0].at);
        snprintf(seen->last_arg, sizeof seen->last_arg, "%.*s", (int)last.bytes, last.at);
        seen->n_args = entry->n_args;
        cr_expect_eq(entry->unix_s, 1234);
    }
    seen->ids[seen->n++] = entry->id;
}

static struct seen look(struct slowlog *log, size_t max)
{
    struct seen seen = {0};
    size_t n = slowlog_each(log, max, see, &seen);

    cr_expect_eq(n, seen.n);
    return seen;
}

Test(slowlog, keeps_the_newest_and_not_more)
{
    struct slowlog *log = slowlog_create(0, LENGTH);
    struct seen seen;
    char text[16];

    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "c%d", i);
        add_text(log, text, 5000);
    }
    cr_expect_eq(slowlog_count(log), LENGTH);
    seen = look(log, SIZE_MAX);
    cr_expect_eq(seen.n, LENGTH);
    cr_expect_str_eq(seen.first, "c99");
    for (size_t i = 0; i < seen.n; i++) cr_expect_eq(seen.ids[i], 99 - i);
    cr_expect_eq(look(log, 3).n, 3);

    slowlog_configure(log, 0, 2);
    seen = look(log, SIZE_MAX);
    cr_expect_eq(seen.n, 2);
    cr_expect_eq(seen.ids[1], 98);
    slowlog_configure(log, 0, 0);
    cr_expect_eq(slowlog_count(log), 0);
    add_text(log, "lost", 5000);
    cr_expect_eq(slowlog_count(log), 0);

    slowlog_configure(log, 0, 2);
    add_text(log, "a", 5000);
    slowlog_reset(log);
    cr_expect_eq(slowlog_count(log), 0);
    add_text(log, "b", 5000);
    cr_expect_eq(look(log, 1).ids[0], 102, "numbers go on over a reset");
    slowlog_free(log);
}

Test(slowlog, threshold_decides)
{
    struct slowlog *log = slowlog_create(10, LENGTH);

    cr_expect_eq(slowlog_threshold_ns(log), 10000);
    add_text(log, "fast", 9999);
    cr_expect_eq(slowlog_count(log), 0);
    add_text(log, "slow", 10000);
    cr_expect_eq(slowlog_count(log), 1);
    slowlog_configure(log, -1, LENGTH);
    cr_expect_eq(slowlog_threshold_ns(log), UINT64_MAX);
    add_text(log, "off", 1u << 30);
    cr_expect_eq(slowlog_count(log), 1);
    slowlog_free(log);
}

Test(slowlog, long_commands_are_cut)
{
    struct slowlog *log = slowlog_create(0, LENGTH);
    struct slice argv[50];
    char big[300];
    struct seen seen;

    memset(big, 'x', sizeof big);
    for (size_t i = 0; i < 50; i++) argv[i] = slice_of("arg", 3);
    argv[0] = slice_of(big, sizeof big);
    add(log, 50, argv, 5000);
    seen = look(log, 1);
    cr_expect_eq(seen.n_args, SLOWLOG_ARGS);
    cr_expect_str_eq(seen.last_arg, "... (19 more arguments)");
    cr_expect_eq(strspn(seen.first, "x"), SLOWLOG_ARG_BYTES);
    cr_expect_str_eq(seen.first + SLOWLOG_ARG_BYTES, "... (172 more bytes)");

    argv[0] = slice_of(big, SLOWLOG_ARG_BYTES);
    add(log, SLOWLOG_ARGS, argv, 5000);
    seen = look(log, 1);
    cr_expect_eq(seen.n_args, SLOWLOG_ARGS);
    cr_expect_str_eq(seen.last_arg, "arg");
    cr_expect_eq(strlen(seen.first), SLOWLOG_ARG_BYTES);
    slowlog_free(log);
}

Test(slowlog, without_memory_nothing_is_kept)
{
    struct slowlog *log = slowlog_create(0, LENGTH);

    mem_fail_at(1);
    add_text(log, "lost", 5000);
    mem_fail_at(0);
    cr_expect_eq(slowlog_count(log), 0);
    mem_fail_at(1);
    cr_expect_null(slowlog_create(0, LENGTH));
    mem_fail_at(0);
    slowlog_free(log);
}

static void *add_many(void *arg)
{
    for (int i = 0; i < 2000; i++) add_text(arg, "x", 5000);
    return NULL;
}

Test(slowlog, several_threads)
{
    struct slowlog *log = slowlog_create(0, LENGTH);
    pthread_t threads[2];

    for (int i = 0; i < 2; i++) cr_assert_eq(pthread_create(&threads[i], NULL, add_many, log), 0);
    for (int i = 0; i < 200; i++) {
        cr_expect_leq(look(log, SIZE_MAX).n, LENGTH);
        slowlog_configure(log, 0, i % 2 ? LENGTH : LENGTH / 2);
    }
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    cr_expect_eq(look(log, 1).ids[0], 3999);
    slowlog_free(log);
}

/* ---- the command ----------------------------------------------------------------------------- */

static void on_slow(void *arg, const struct call *call, uint64_t ns)
{
    struct cmd_kit *kit = arg;

    slowlog_add(kit->server.slowlog, call, ns < 1000 ? 1000 : ns, "127.0.0.1:9",
                call->session->name);
}

Test(slowlog, command)
{
    struct cmd_kit kit;
    const char *reply;

    cmd_kit_open(&kit, NULL);
    CMD_STEPS(&kit, {"SLOWLOG LEN", ":0\r\n"}, {"SLOWLOG GET", "*0\r\n"},
              {"SLOWLOG GET x", "-ERR count should be greater than or equal to -1\r\n"},
              {"SLOWLOG GET -2", "-ERR count should be greater than or equal to -1\r\n"},
              {"SLOWLOG GET 1 2", "-ERR wrong number of arguments for 'slowlog|get' command\r\n"},
              {"CLIENT SETNAME me", OK});
    slowlog_configure(kit.server.slowlog, 0, 100);
    kit.loop.executor.slow_ns = 0;
    kit.loop.executor.hooks = (struct execute_hooks){.slow = on_slow, .arg = &kit};
    cmd_say(&kit, "GET short");
    cmd_say(&kit, "AUTH secret");
    cmd_say(&kit, "HELLO 2 AUTH default secret");
    cmd_say(&kit, "CONFIG SET requirepass secret");
    kit.loop.executor.slow_ns = UINT64_MAX;
    reply = cmd_say(&kit, "SLOWLOG GET -1");
    cr_expect_eq(strncmp(reply, "*1\r\n*6\r\n:0\r\n:1700000000\r\n:", 26), 0, "%s", reply);
    cr_expect_not_null(strstr(reply, "*2\r\n$3\r\nGET\r\n$5\r\nshort\r\n$11\r\n127.0.0.1:9\r\n"
                                     "$2\r\nme\r\n"), "%s", reply);
    cr_expect_null(strstr(reply, "secret"), "%s", reply);
    CMD_STEPS(&kit, {"SLOWLOG GET 0", "*0\r\n"}, {"SLOWLOG LEN", ":1\r\n"}, {"SLOWLOG RESET", OK},
              {"SLOWLOG LEN", ":0\r\n"});
    cmd_kit_close(&kit);
}
