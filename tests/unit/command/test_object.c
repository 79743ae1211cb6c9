/* test_object.c - OBJECT and MEMORY USAGE. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/command/fixture.h"

/* The row of MEMORY belongs to the server room; what USAGE does is here. */
static const struct command memory_children[] = {{.name = "memory|usage",
                                                  .run = command_memory_usage,
                                                  .arity = -3,
                                                  .flags = COMMAND_READ,
                                                  .first_key = 2,
                                                  .last_key = 2,
                                                  .key_step = 1,
                                                  .group = "server"},
                                                 {.name = NULL}};
static const struct command memory_rows[] = {{.name = "memory",
                                              .run = command_memory_usage,
                                              .arity = -2,
                                              .flags = COMMAND_READ | COMMAND_SUBCOMMANDS,
                                              .group = "server",
                                              .children = memory_children},
                                             {.name = NULL}};

static struct fixture f;
static void open_node(void)
{
    fixture_register();
    cr_assert_eq(command_register(memory_rows), 0);
    fixture_open(&f, NULL);
}
static void close_node(void) { fixture_close(&f); }

TestSuite(object, .init = open_node, .fini = close_node);

#define INTEGER BULK("3", "int")
#define EMBSTR BULK("6", "embstr")
#define RAW BULK("3", "raw")
#define FORTY_FOUR "01234567890123456789012345678901234567890abc"

Test(object, encoding)
{
    FIXTURE_STEPS(&f,
        {"OBJECT ENCODING no", NIL},
        {"SET k 1", OK}, {"OBJECT ENCODING k", INTEGER},
        {"SET k -9223372036854775808", OK}, {"OBJECT ENCODING k", INTEGER},
        {"SET k 9223372036854775807", OK}, {"OBJECT ENCODING k", INTEGER},
        {"SET k 9223372036854775808", OK}, {"OBJECT ENCODING k", EMBSTR},
        {"SET k 01", OK}, {"object encoding k", EMBSTR},
        {"SET k \"\"", OK}, {"OBJECT ENCODING k", EMBSTR},
        {"SET k " FORTY_FOUR, OK}, {"OBJECT ENCODING k", EMBSTR},
        {"SET k " FORTY_FOUR "5", OK}, {"OBJECT ENCODING k", RAW});
}

Test(object, subcommands)
{
    FIXTURE_STEPS(&f,
        {"OBJECT", WRONG_ARGS("object")},
        {"OBJECT FOO", ERROR("ERR unknown subcommand 'FOO'. Try OBJECT HELP.")},
        {"OBJECT ENCODING", WRONG_ARGS("object|encoding")},
        {"OBJECT ENCODING a b", WRONG_ARGS("object|encoding")},
        {"OBJECT HELP me", WRONG_ARGS("object|help")},
        {"OBJECT REFCOUNT no", NIL},
        {"OBJECT IDLETIME no", NIL},
        {"OBJECT FREQ no", NIL},
        {"SET k v", OK},
        {"OBJECT REFCOUNT k", INT("1")},
        {"OBJECT IDLETIME k",
         ERROR("ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that "
               "when switching between policies at runtime LRU and LFU data will take some time to "
               "adjust.")},
        {"OBJECT FREQ k",
         ERROR("ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please "
               "note that when switching between policies at runtime LRU and LFU data will take "
               "some time to adjust.")});
    cr_assert_eq(strncmp(fixture_say(&f, "OBJECT HELP"), "*11\r\n+OBJECT ", 13), 0);
}

/* ---- MEMORY USAGE -------------------------------------------------------------------------------- */

static long used(void) { return (long)store_used_bytes(f.store); }

Test(object, memory_usage)
{
    static char value[100000];
    struct slice set[] = {slice_of("SET", 3), slice_of("large", 5), slice_of(value, sizeof value)};
    long before;

    cr_assert_str_eq(fixture_say(&f, "MEMORY USAGE no"), NIL);
    cr_assert_str_eq(fixture_say(&f, "MEMORY USAGE no SAMPLES 5"), NIL);
    before = used();
    FIXTURE_STEPS(&f, {"SET k value", OK});
    cr_assert_eq(atol(fixture_say(&f, "MEMORY USAGE k") + 1), used() - before, "what the limit counts");
    cr_assert_eq(atol(fixture_say(&f, "MEMORY USAGE k SAMPLES 0") + 1), used() - before);
    before = used();
    cr_assert_str_eq(fixture_run(&f, 3, set, NULL), OK);
    cr_assert_eq(atol(fixture_say(&f, "MEMORY USAGE large") + 1), used() - before);
    cr_assert_geq(used() - before, (long)sizeof value);
    cr_assert_str_eq(fixture_say(&f, "MEMORY USAGE k SAMPLES"), SYNTAX);
    cr_assert_str_eq(fixture_say(&f, "MEMORY USAGE k FOO 1"), SYNTAX);
    cr_assert_str_eq(fixture_say(&f, "MEMORY USAGE k SAMPLES -1"), SYNTAX);
    cr_assert_str_eq(fixture_say(&f, "MEMORY USAGE k SAMPLES x"), NOT_INTEGER);
}
