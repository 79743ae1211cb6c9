/* test_expire.c - EXPIRE and its family: conditions, overflow, the past; TTL and its family. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/command/fixture.h"

static struct fixture f;
static void open_node(void) { fixture_open(&f, NULL); }
static void close_node(void) { fixture_close(&f); }

TestSuite(expire, .init = open_node, .fini = close_node);

#define INVALID(name) ERROR("ERR invalid expire time in '" name "' command")
#define NX_ALONE ERROR("ERR NX and XX, GT or LT options at the same time are not compatible")
#define GT_OR_LT ERROR("ERR GT and LT options at the same time are not compatible")

/* The fixture's clock starts at 1700000000000. */
Test(expire, units_and_bases)
{
    FIXTURE_STEPS(&f,
        {"SET k v", OK},
        {"TTL k", INT("-1")},
        {"PTTL k", INT("-1")},
        {"EXPIRETIME k", INT("-1")},
        {"PEXPIRETIME k", INT("-1")},
        {"TTL no", INT("-2")},
        {"PTTL no", INT("-2")},
        {"EXPIRETIME no", INT("-2")},
        {"PEXPIRETIME no", INT("-2")},
        {"EXPIRE no 10", INT("0")},
        {"EXPIRE k 10", INT("1")},
        {"TTL k", INT("10")},
        {"PTTL k", INT("10000")},
        {"EXPIRETIME k", INT("1700000010")},
        {"PEXPIRETIME k", INT("1700000010000")},
        {"PEXPIRE k 1499", INT("1")},
        {"TTL k", INT("1")},
        {"PEXPIRE k 1500", INT("1")},
        {"TTL k", INT("2")}, /* the nearest */
        {"PTTL k", INT("1500")},
        {"EXPIREAT k 1700000100", INT("1")},
        {"PTTL k", INT("100000")},
        {"PEXPIREAT k 1700000000001", INT("1")},
        {"PTTL k", INT("1")},
        {"TTL k", INT("0")},
        {"EXPIRETIME k", INT("1700000000")},
        {"GET k", BULK("1", "v")});
}

Test(expire, to_the_millisecond)
{
    FIXTURE_STEPS(&f, {"SET k v", OK}, {"PEXPIRE k 10", INT("1")});
    f.now_ms += 9;
    FIXTURE_STEPS(&f, {"GET k", BULK("1", "v")}, {"PTTL k", INT("1")});
    f.now_ms += 1;
    FIXTURE_STEPS(&f, {"GET k", NIL}, {"PTTL k", INT("-2")}, {"DBSIZE", INT("0")});
}

Test(expire, persist)
{
    FIXTURE_STEPS(&f,
        {"PERSIST k", INT("0")},
        {"SET k v", OK},
        {"PERSIST k", INT("0")},
        {"EXPIRE k 10", INT("1")},
        {"PERSIST k", INT("1")},
        {"PERSIST k", INT("0")},
        {"TTL k", INT("-1")},
        {"GET k", BULK("1", "v")});
}

Test(expire, conditions)
{
    FIXTURE_STEPS(&f,
        {"SET k v", OK},
        {"EXPIRE k 10 XX", INT("0")},
        {"EXPIRE k 10 GT", INT("0")},
        {"TTL k", INT("-1")},
        {"EXPIRE k 100 NX", INT("1")},
        {"EXPIRE k 200 NX", INT("0")},
        {"TTL k", INT("100")},
        {"EXPIRE k 200 XX", INT("1")},
        {"EXPIRE k 100 GT", INT("0")},
        {"EXPIRE k 200 GT", INT("0")}, /* equal is not later */
        {"EXPIRE k 201 gt", INT("1")},
        {"EXPIRE k 300 LT", INT("0")},
        {"EXPIRE k 201 LT", INT("0")},
        {"EXPIRE k 200 lt", INT("1")},
        {"EXPIRE k 300 XX GT", INT("1")},
        {"EXPIRE k 250 LT XX", INT("1")},
        {"TTL k", INT("250")},
        {"PERSIST k", INT("1")},
        {"EXPIRE k 10 XX LT", INT("0")},
        {"EXPIRE k 10 LT", INT("1")}, /* for ever is later than any time */
        {"PEXPIREAT k 1700000005000 GT", INT("0")},
        {"PEXPIREAT k 1700000005000 LT", INT("1")},
        {"EXPIREAT k 1700000006 GT", INT("1")},
        {"PEXPIRE k 7000 GT GT", INT("1")},
        {"PTTL k", INT("7000")},
        {"EXPIRE no 10 NX", INT("0")});
}

Test(expire, refuses)
{
    FIXTURE_STEPS(&f,
        {"SET k v", OK},
        {"EXPIRE k", WRONG_ARGS("expire")},
        {"PEXPIREAT k", WRONG_ARGS("pexpireat")},
        {"TTL", WRONG_ARGS("ttl")},
        {"PERSIST k k", WRONG_ARGS("persist")},
        {"EXPIRE k x", NOT_INTEGER},
        {"EXPIRE k 1.5", NOT_INTEGER},
        {"EXPIRE k 9223372036854775808", NOT_INTEGER},
        {"EXPIRE k 10 FOO", ERROR("ERR Unsupported option FOO")},
        {"EXPIRE k x FOO", ERROR("ERR Unsupported option FOO")},
        {"EXPIRE k 10 NX XX", NX_ALONE},
        {"EXPIRE k 10 NX GT", NX_ALONE},
        {"EXPIRE k 10 LT NX", NX_ALONE},
        {"EXPIRE k 10 NX GT LT", NX_ALONE},
        {"EXPIRE k 10 GT LT", GT_OR_LT},
        {"EXPIRE k 10 XX LT GT", GT_OR_LT},
        {"EXPIRE k 9223372036854775807", INVALID("expire")},
        {"EXPIRE k -9223372036854775808", INVALID("expire")},
        {"EXPIRE k 9223372036854775", INVALID("expire")},
        {"EXPIREAT k 9223372036854776", INVALID("expireat")},
        {"PEXPIRE k 9223372036854775807", INVALID("pexpire")},
        {"PEXPIRE no 9223372036854775807", INVALID("pexpire")},
        {"TTL k", INT("-1")},
        {"PEXPIREAT k 9223372036854775807", INT("1")},
        {"PEXPIRETIME k", INT("9223372036854775807")},
        {"EXPIRETIME k", INT("9223372036854776")},
        {"PTTL k", INT("9223370336854775807")},
        {"EXPIREAT k 9223372036854775", INT("1")},
        {"EXPIRETIME k", INT("9223372036854775")});
}

Test(expire, the_past_deletes)
{
    FIXTURE_STEPS(&f,
        {"SET k v", OK}, {"EXPIRE k 0", INT("1")}, {"EXISTS k", INT("0")},
        {"SET k v", OK}, {"EXPIRE k -1", INT("1")}, {"EXISTS k", INT("0")},
        {"SET k v", OK}, {"PEXPIRE k -9223372036854775808", INT("1")}, {"EXISTS k", INT("0")},
        {"SET k v", OK}, {"EXPIREAT k 1", INT("1")}, {"EXISTS k", INT("0")},
        {"SET k v", OK}, {"PEXPIREAT k 1700000000000", INT("1")}, {"DBSIZE", INT("0")},
        {"SET k v", OK}, {"EXPIRE k -1 NX", INT("1")}, {"EXISTS k", INT("0")},
        {"SET k v", OK}, {"EXPIRE k -1 XX", INT("0")}, {"EXISTS k", INT("1")},
        {"EXPIRE k -1 GT", INT("0")}, {"EXISTS k", INT("1")},
        {"EXPIRE k -1 LT", INT("1")}, {"EXISTS k", INT("0")},
        {"DBSIZE", INT("0")});
}

/* Where the entry has to grow for its expiry, and where it need not; the value stays whole. */
Test(expire, for_every_size_of_value)
{
    char set[512], value[256], get[512];

    for (int n = 0; n < 200; n++) {
        memset(value, 'a' + n % 26, sizeof value);
        snprintf(set, sizeof set, "SET k \"%.*s\"", n, value);
        snprintf(get, sizeof get, "$%d\r\n%.*s\r\n", n, n, value);
        cr_assert_str_eq(fixture_say(&f, set), OK);
        FIXTURE_STEPS(&f, {"EXPIRE k 10", INT("1")}, {"TTL k", INT("10")});
        cr_assert_str_eq(fixture_say(&f, "GET k"), get);
        FIXTURE_STEPS(&f, {"EXPIRE k 20", INT("1")}, {"TTL k", INT("20")}, {"PERSIST k", INT("1")},
                      {"TTL k", INT("-1")});
        cr_assert_str_eq(fixture_say(&f, "GET k"), get);
    }
    cr_assert_str_eq(fixture_say(&f, "DBSIZE"), INT("1"));
}
