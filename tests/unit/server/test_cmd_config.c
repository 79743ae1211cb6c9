/* CONFIG: what reaches the configuration, and the replies. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/kit/scratch.h"
#include "tests/unit/server/cmd_kit.h"

#define WRONG_ARGS(name) "-ERR wrong number of arguments for '" name "' command\r\n"

TestSuite(cmd_config, .init = scratch_open, .fini = scratch_close);

Test(cmd_config, get)
{
    struct cmd_kit kit;

    cmd_kit_open(&kit, "storage.max_memory=64MiB");
    CMD_STEPS(&kit, {"CONFIG GET maxmemory", "*2\r\n$9\r\nmaxmemory\r\n$8\r\n67108864\r\n"},
              {"CONFIG GET MAXMEMORY", "*2\r\n$9\r\nmaxmemory\r\n$8\r\n67108864\r\n"},
              {"CONFIG GET storage.max_memory",
               "*2\r\n$18\r\nstorage.max_memory\r\n$5\r\n64MiB\r\n"},
              {"CONFIG GET nosuch", "*0\r\n"},
              /* Each once, whatever asks for it. */
              {"CONFIG GET maxmem?ry maxmemory timeout", "*4\r\n$9\r\nmaxmemory\r\n$8\r\n67108864"
                                                         "\r\n$7\r\ntimeout\r\n$1\r\n0\r\n"},
              {"CONFIG GET", WRONG_ARGS("config|get")});
    cmd_say(&kit, "HELLO 3");
    CMD_STEPS(&kit, {"CONFIG GET timeout", "%1\r\n$7\r\ntimeout\r\n$1\r\n0\r\n"},
              {"CONFIG GET nosuch", "%0\r\n"});
    cmd_kit_close(&kit);
}

Test(cmd_config, set)
{
    struct cmd_kit kit;

    cmd_kit_open(&kit, NULL);
    CMD_STEPS(&kit, {"CONFIG SET maxclients 77 timeout 5", OK},
              {"CONFIG GET maxclients timeout",
               "*4\r\n$10\r\nmaxclients\r\n$2\r\n77\r\n$7\r\ntimeout\r\n$1\r\n5\r\n"},
              {"CONFIG SET nosuch 1",
               "-ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'\r\n"},
              /* All or none. */
              {"CONFIG SET maxclients 78 nosuch 1",
               "-ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'\r\n"},
              {"CONFIG GET maxclients", "*2\r\n$10\r\nmaxclients\r\n$2\r\n77\r\n"},
              {"CONFIG SET maxclients", WRONG_ARGS("config|set")},
              {"CONFIG SET maxclients 1 timeout", SYNTAX});
    cr_expect_eq(kit.server.stats.audit_events, 3);
    const char *reply = cmd_say(&kit, "CONFIG SET maxclients many");
    static const char start[] = "-ERR CONFIG SET failed (possibly related to argument "
                                "'maxclients') - ";

    cr_expect_eq(strncmp(reply, start, strlen(start)), 0, "%s", reply);
    cr_expect_gt(strlen(reply), strlen(start) + 10, "a reason follows: %s", reply);
    reply = cmd_say(&kit, "CONFIG SET timeout 1 port 1");
    cr_expect_not_null(strstr(reply, "argument 'port') - "), "%s", reply);
    CMD_STEPS(&kit, {"MULTI", OK},
              {"CONFIG SET timeout 1", "-ERR Command not allowed inside a transaction\r\n"},
              {"EXEC", "-EXECABORT Transaction discarded because of previous errors.\r\n"});
    cmd_kit_close(&kit);
}

Test(cmd_config, rewrite)
{
    struct cmd_kit kit;

    cmd_kit_open(&kit, NULL);
    CMD_STEPS(&kit,
              {"CONFIG REWRITE", "-ERR The server is running without a config file\r\n"},
              {"CONFIG FOO", "-ERR unknown subcommand 'FOO'. Try CONFIG HELP.\r\n"});
    cmd_kit_close(&kit);
}

Test(cmd_config, without_memory_an_error)
{
    struct cmd_kit kit;

    cmd_kit_open(&kit, NULL);
    cr_expect_gt(cmd_failures(&kit, "CONFIG GET *"), 0);
    cr_expect_gt(cmd_failures(&kit, "CONFIG SET timeout 7"), 0);
    cmd_kit_close(&kit);
}
