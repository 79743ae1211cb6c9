/* test_counter.c - INCR and its family: numbers, their limits, and what they leave alone. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/command/fixture.h"

static struct fixture f;
static void open_node(void) { fixture_open(&f, NULL); }
static void close_node(void) { fixture_close(&f); }

TestSuite(counter, .init = open_node, .fini = close_node);

#define OVERFLOWS ERROR("ERR increment or decrement would overflow")
#define NOT_FLOAT ERROR("ERR value is not a valid float")

Test(counter, integers)
{
    FIXTURE_STEPS(&f,
        {"INCR n", INT("1")},
        {"GET n", BULK("1", "1")},
        {"INCRBY n 9", INT("10")},
        {"DECR n", INT("9")},
        {"DECRBY n 20", INT("-11")},
        {"DECRBY n -1", INT("-10")},
        {"INCRBY n 0", INT("-10")},
        {"STRLEN n", INT("3")},
        {"INCRBY fresh -5", INT("-5")},
        {"DECR fresh2", INT("-1")},
        {"SET n 9223372036854775806", OK},
        {"INCR n", INT("9223372036854775807")},
        {"INCR n", OVERFLOWS},
        {"GET n", BULK("19", "9223372036854775807")},
        {"SET n -9223372036854775807", OK},
        {"DECR n", INT("-9223372036854775808")},
        {"DECR n", OVERFLOWS},
        {"INCRBY n -1", OVERFLOWS},
        {"DECRBY n -9223372036854775808", ERROR("ERR decrement would overflow")},
        {"INCRBY n 9223372036854775807", INT("-1")});
}

Test(counter, refuses_what_is_no_integer)
{
    FIXTURE_STEPS(&f,
        {"SET s abc", OK}, {"INCR s", NOT_INTEGER},
        {"SET s \"\"", OK}, {"INCR s", NOT_INTEGER},
        {"SET s \" 1\"", OK}, {"INCR s", NOT_INTEGER},
        {"SET s \"1 \"", OK}, {"INCR s", NOT_INTEGER},
        {"SET s 1.5", OK}, {"INCR s", NOT_INTEGER},
        {"SET s +1", OK}, {"INCR s", NOT_INTEGER},
        {"SET s 01", OK}, {"INCR s", NOT_INTEGER},
        {"SET s -0", OK}, {"INCR s", NOT_INTEGER},
        {"SET s 9223372036854775808", OK}, {"DECR s", NOT_INTEGER},
        {"SET s \"1\\x00\"", OK}, {"INCR s", NOT_INTEGER},
        {"GET s", BULK("2", "1\\0")},
        {"INCRBY n x", NOT_INTEGER},
        {"INCRBY n 1.0", NOT_INTEGER},
        {"DECRBY n \"\"", NOT_INTEGER},
        {"INCRBY n 9223372036854775808", NOT_INTEGER},
        {"EXISTS n", INT("0")},
        {"INCR", WRONG_ARGS("incr")},
        {"INCR a b", WRONG_ARGS("incr")},
        {"INCRBY n", WRONG_ARGS("incrby")},
        {"DECRBY n 1 2", WRONG_ARGS("decrby")});
}

Test(counter, floats)
{
    FIXTURE_STEPS(&f,
        {"INCRBYFLOAT x 10.50", BULK("4", "10.5")},
        {"INCRBYFLOAT x 0.1", BULK("4", "10.6")},
        {"GET x", BULK("4", "10.6")},
        {"INCRBYFLOAT x -5", BULK("3", "5.6")},
        {"SET x 5.0e3", OK},
        {"INCRBYFLOAT x 2.0e2", BULK("4", "5200")},
        {"SET x 3", OK},
        {"INCRBYFLOAT x 1.1", BULK("3", "4.1")},
        {"INCRBYFLOAT x -4.1", BULK("1", "0")},
        {"SET x 100", OK},
        {"INCRBYFLOAT x 0", BULK("3", "100")},
        {"INCRBYFLOAT x 1e-17", BULK("21", "100.00000000000000001")},
        {"SET x 1", OK},
        {"INCRBYFLOAT x -1.00000000000000000001", BULK("1", "0")},
        {"INCRBYFLOAT x -1e-30", BULK("1", "0")}, /* not -0 */
        {"SET x 1e20", OK},
        {"INCRBYFLOAT x 1", BULK("21", "100000000000000000000")}, /* beyond 64 bits of mantissa */
        {"SET x 0x10", OK},
        {"INCRBYFLOAT x 1", BULK("2", "17")},
        {"SET x 10", OK},
        {"INCR x", INT("11")},
        {"INCRBYFLOAT x .5", BULK("4", "11.5")});
}

Test(counter, refuses_what_is_no_float)
{
    FIXTURE_STEPS(&f,
        {"SET s abc", OK}, {"INCRBYFLOAT s 1", NOT_FLOAT},
        {"SET s \"\"", OK}, {"INCRBYFLOAT s 1", NOT_FLOAT},
        {"SET s \" 1\"", OK}, {"INCRBYFLOAT s 1", NOT_FLOAT},
        {"SET s \"1 \"", OK}, {"INCRBYFLOAT s 1", NOT_FLOAT},
        {"SET s \"1\\x002\"", OK}, {"INCRBYFLOAT s 1", NOT_FLOAT},
        {"SET s nan", OK}, {"INCRBYFLOAT s 1", NOT_FLOAT},
        {"SET s 1e99999", OK}, {"INCRBYFLOAT s 1", NOT_FLOAT},
        {"SET s 1", OK},
        {"INCRBYFLOAT s abc", NOT_FLOAT},
        {"INCRBYFLOAT s nan", NOT_FLOAT},
        {"INCRBYFLOAT s \"1 2\"", NOT_FLOAT},
        {"INCRBYFLOAT s inf", ERROR("ERR increment would produce NaN or Infinity")},
        {"INCRBYFLOAT s -inf", ERROR("ERR increment would produce NaN or Infinity")},
        {"INCRBYFLOAT absent inf", ERROR("ERR increment would produce NaN or Infinity")},
        {"EXISTS absent", INT("0")},
        {"GET s", BULK("1", "1")},
        {"INCRBYFLOAT s", WRONG_ARGS("incrbyfloat")});
}

Test(counter, the_largest_float_has_all_its_digits)
{
    const char *reply = fixture_say(&f, "INCRBYFLOAT x 1e4932");

    cr_expect_eq(strncmp(reply, "$4933\r\n", 7), 0, "%.20s", reply);
    cr_expect_eq(strlen(reply), 7 + 4933 + 2);
    cr_expect_str_eq(fixture_say(&f, "STRLEN x"), INT("4933"));
}

Test(counter, keeps_the_ttl)
{
    FIXTURE_STEPS(&f,
        {"SET n 9 PX 5000", OK},
        {"INCR n", INT("10")}, /* one digit more */
        {"PTTL n", INT("5000")},
        {"DECRBY n 1000", INT("-990")},
        {"PTTL n", INT("5000")},
        {"INCRBYFLOAT n 0.5", BULK("6", "-989.5")},
        {"PTTL n", INT("5000")});
    f.now_ms += 5000;
    FIXTURE_STEPS(&f, {"INCR n", INT("1")}, {"PTTL n", INT("-1")});
}

Test(counter, counts_up_to_a_thousand)
{
    char reply[32];

    for (int i = 1; i <= 1000; i++) {
        snprintf(reply, sizeof reply, ":%d\r\n", i);
        cr_assert_str_eq(fixture_say(&f, "INCR n"), reply);
    }
}
