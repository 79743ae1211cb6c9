/* DEBUG: what test suites rely on. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "tests/unit/server/cmd_kit.h"

#define NOTHING "0000000000000000000000000000000000000000"

static char *digest(struct cmd_kit *kit)
{
    const char *reply = cmd_say(kit, "DEBUG DIGEST");

    cr_assert(*reply == '+' && strlen(reply) == 43, "%s", reply);
    return strdup(reply + 1);
}

/* The digest is the same exactly when the contents are. */
Test(cmd_debug, digest)
{
    static const char *const changes[][2] = {
        {"SET a 2", "SET a 1"}, {"DEL b", "SET b 2"}, {"RENAME a c", "RENAME c a"},
        {"EXPIRE a 100", "PERSIST a"}, {"MOVE a 1", ""}, {"SWAPDB 0 2", "SWAPDB 0 2"},
    };
    struct cmd_kit kit;
    char *empty, *before, *after;

    cmd_kit_open(&kit, NULL);
    empty = digest(&kit);
    cr_expect_eq(strncmp(empty, NOTHING, 40), 0, "%s", empty);
    cmd_say(&kit, "SET a 1");
    cmd_say(&kit, "SET b 2");
    before = digest(&kit);
    cr_expect_str_neq(before, empty);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        cmd_say(&kit, changes[i][0]);
        after = digest(&kit);
        cr_expect_str_neq(after, before, "%s", changes[i][0]);
        free(after);
        if (*changes[i][1] == '\0') {
            cmd_say(&kit, "SELECT 1");
            cmd_say(&kit, "MOVE a 0");
            cmd_say(&kit, "SELECT 0");
        } else {
            cmd_say(&kit, changes[i][1]);
        }
        after = digest(&kit);
        cr_expect_str_eq(after, before, "%s", changes[i][1]);
        free(after);
    }
    cmd_say(&kit, "FLUSHALL");
    after = digest(&kit);
    cr_expect_str_eq(after, empty);
    free(after);
    free(before);
    free(empty);
    cmd_kit_close(&kit);
}

Test(cmd_debug, digest_value)
{
    struct cmd_kit kit;
    char first[64];
    const char *reply;

    cmd_kit_open(&kit, NULL);
    cmd_say(&kit, "MSET a same b same c other");
    reply = cmd_say(&kit, "DEBUG DIGEST-VALUE a b c nosuch");
    cr_assert_eq(strlen(reply), 4 + 4 * 43);
    memcpy(first, reply + 4, 43);
    cr_expect_eq(memcmp(first, reply + 4 + 43, 43), 0);
    cr_expect_neq(memcmp(first, reply + 4 + 86, 43), 0);
    cr_expect_str_eq(reply + 4 + 129, "+" NOTHING "\r\n");
    cmd_kit_close(&kit);
}

Test(cmd_debug, object)
{
    struct cmd_kit kit;

    cmd_kit_open(&kit, NULL);
    cmd_say(&kit, "MSET i 123 s short");
    cr_expect_not_null(strstr(cmd_say(&kit, "DEBUG OBJECT i"),
                              " refcount:1 encoding:int serializedlength:3\r\n"));
    cr_expect_not_null(strstr(cmd_say(&kit, "DEBUG OBJECT s"), " encoding:embstr "));
    CMD_STEPS(&kit, {"DEBUG OBJECT nosuch", "-ERR no such key\r\n"});
    cmd_kit_close(&kit);
}

Test(cmd_debug, switches_and_patterns)
{
    struct cmd_kit kit;

    cmd_kit_open(&kit, NULL);
    CMD_STEPS(&kit, {"DEBUG SET-ACTIVE-EXPIRE 0", OK});
    cr_expect_eq(kit.server.expire_paused, 1);
    CMD_STEPS(&kit, {"DEBUG SET-ACTIVE-EXPIRE 1", OK});
    cr_expect_eq(kit.server.expire_paused, 0);
    cr_expect_eq(kit.server.stats.audit_events, 2);
    CMD_STEPS(&kit, {"DEBUG STRINGMATCH-LEN 10 a*", ":1\r\n"},
              {"DEBUG STRINGMATCH-LEN 100000 a*a*a*a*a*a*a*a*a*a*a*b", ":0\r\n"},
              {"DEBUG STRINGMATCH-LEN 99999999 a",
               "-ERR DEBUG STRINGMATCH-LEN takes a length of at most 16777216\r\n"},
              {"DEBUG STRINGMATCH-LEN 0 *", ":1\r\n"}, {"DEBUG ERROR \"FOO bar\"", "-FOO bar\r\n"},
              {"DEBUG ERROR \"a\\r\\nb\"", "-a  b\r\n"},
              {"DEBUG RELOAD", "-ERR DEBUG RELOAD is not supported: persistence is off in this "
                               "configuration, there is nothing to load from\r\n"},
              {"DEBUG SEGFAULT", "-ERR unknown subcommand 'SEGFAULT'. Try DEBUG HELP.\r\n"});
    cmd_kit_close(&kit);
}

Test(cmd_debug, sleep)
{
    struct cmd_kit kit;
    uint64_t start_ns;

    cmd_kit_open(&kit, NULL);
    start_ns = clock_monotonic_ns();
    CMD_STEPS(&kit, {"DEBUG SLEEP 0.06", OK});
    cr_expect_geq(clock_monotonic_ns() - start_ns, 60000000u);
    kit.server.stopping = 1;
    start_ns = clock_monotonic_ns();
    CMD_STEPS(&kit, {"DEBUG SLEEP 30", OK},
              {"DEBUG SLEEP 61", "-ERR DEBUG SLEEP takes seconds, 0 to 60\r\n"},
              {"DEBUG SLEEP x", "-ERR DEBUG SLEEP takes seconds, 0 to 60\r\n"},
              {"DEBUG SLEEP -1", "-ERR DEBUG SLEEP takes seconds, 0 to 60\r\n"});
    cr_expect_lt(clock_monotonic_ns() - start_ns, 10000000000u, "a shutdown ends it");
    cmd_kit_close(&kit);
}

Test(cmd_debug, protocol)
{
    struct cmd_kit kit;

    cmd_kit_open(&kit, NULL);
    CMD_STEPS(&kit, {"DEBUG PROTOCOL integer", ":12345\r\n"},
              {"DEBUG PROTOCOL map", "*6\r\n:0\r\n:0\r\n:1\r\n:1\r\n:2\r\n:0\r\n"},
              {"DEBUG PROTOCOL null", "$-1\r\n"});
    cmd_say(&kit, "HELLO 3");
    CMD_STEPS(&kit, {"DEBUG PROTOCOL string", "$11\r\nHello World\r\n"},
              {"DEBUG PROTOCOL double", ",3.141\r\n"}, {"DEBUG PROTOCOL null", "_\r\n"},
              {"DEBUG PROTOCOL bignum", "(1234567999999999999999999999999999999\r\n"},
              {"DEBUG PROTOCOL verbatim", "=29\r\ntxt:This is a verbatim\nstring\r\n"},
              {"DEBUG PROTOCOL set", "~3\r\n:0\r\n:1\r\n:2\r\n"},
              {"DEBUG PROTOCOL map", "%3\r\n:0\r\n#f\r\n:1\r\n#t\r\n:2\r\n#f\r\n"},
              {"DEBUG PROTOCOL true", "#t\r\n"}, {"DEBUG PROTOCOL false", "#f\r\n"});
    cr_expect_eq(strncmp(cmd_say(&kit, "DEBUG PROTOCOL foo"), "-ERR Wrong protocol type name", 29),
                 0);
    cmd_kit_close(&kit);
}
