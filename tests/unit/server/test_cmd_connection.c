/* PING ECHO QUIT RESET HELLO AUTH, and CLIENT about oneself. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/command/transaction.h"
#include "tests/unit/server/cmd_kit.h"

#define NO_AUTH "-NOAUTH Authentication required.\r\n"
#define WRONG_PASS "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
#define WRONG_ARGS(name) "-ERR wrong number of arguments for '" name "' command\r\n"
#define NO_SPACES "cannot contain spaces, newlines or special characters.\r\n"

Test(cmd_connection, ping_and_echo)
{
    struct cmd_kit kit;

    cmd_kit_open(&kit, NULL);
    CMD_STEPS(&kit, {"PING", "+PONG\r\n"}, {"PING hi", "$2\r\nhi\r\n"},
              {"PING a b", WRONG_ARGS("ping")}, {"ECHO \"a b\"", "$3\r\na b\r\n"},
              {"ECHO", WRONG_ARGS("echo")}, {"QUIT", OK});
    cr_expect(kit.conn.session.close_after_reply);
    cmd_kit_close(&kit);
}

Test(cmd_connection, password)
{
    struct cmd_kit kit;

    cmd_kit_open(&kit, "server.requirepass=secret");
    CMD_STEPS(&kit, {"PING", NO_AUTH}, {"CLIENT ID", NO_AUTH}, {"INFO", NO_AUTH},
              {"AUTH wrong", WRONG_PASS}, {"PING", NO_AUTH}, {"AUTH bob secret", WRONG_PASS},
              {"AUTH DEFAULT secret", WRONG_PASS}, {"AUTH a b c", SYNTAX},
              {"AUTH", WRONG_ARGS("auth")},
              {"HELLO 3", "-NOAUTH HELLO must be called with the client already authenticated, "
                          "otherwise the HELLO <proto> AUTH <user> <pass> option can be used to "
                          "authenticate the client and select the RESP protocol version at the "
                          "same time\r\n"},
              {"HELLO 2 AUTH default wrong", WRONG_PASS}, {"PING", NO_AUTH});
    cr_expect_eq(kit.server.stats.audit_events, 4, "every denied login");
    CMD_STEPS(&kit, {"AUTH secret", OK}, {"PING", "+PONG\r\n"},
              /* A wrong one later does not log out. */
              {"AUTH wrong", WRONG_PASS}, {"PING", "+PONG\r\n"}, {"RESET", "+RESET\r\n"},
              {"PING", NO_AUTH}, {"AUTH default secret", OK}, {"PING", "+PONG\r\n"});
    cmd_kit_close(&kit);
}

Test(cmd_connection, no_password)
{
    struct cmd_kit kit;

    cmd_kit_open(&kit, NULL);
    CMD_STEPS(&kit,
              {"AUTH x", "-ERR AUTH <password> called without any password configured for the "
                         "default user. Are you sure your configuration is correct?\r\n"},
              {"AUTH default anything", OK}, {"AUTH bob x", WRONG_PASS}, {"PING", "+PONG\r\n"});
    cmd_kit_close(&kit);
}

#define HELLO(map, modules, proto)                                                                 \
    map "$6\r\nserver\r\n$9\r\nloomcache\r\n$7\r\nversion\r\n$5\r\n7.2.4\r\n"                      \
        "$5\r\nproto\r\n:" proto "\r\n$2\r\nid\r\n:1\r\n"                                          \
        "$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n"                        \
        "$7\r\nmodules\r\n" modules

Test(cmd_connection, hello)
{
    struct cmd_kit kit;

    cmd_kit_open(&kit, NULL);
    CMD_STEPS(&kit, {"HELLO", HELLO("*14\r\n", "*0\r\n", "2")},
              {"HELLO 4", "-NOPROTO unsupported protocol version\r\n"},
              {"HELLO 1", "-NOPROTO unsupported protocol version\r\n"},
              {"HELLO x", "-ERR Protocol version is not an integer or out of range\r\n"},
              {"HELLO 3 FOO", "-ERR Syntax error in HELLO option 'FOO'\r\n"},
              {"HELLO 3 AUTH default", "-ERR Syntax error in HELLO option 'AUTH'\r\n"},
              {"HELLO 3 SETNAME \"a b\"", "-ERR Client names " NO_SPACES},
              {"GET nosuch", "$-1\r\n"},
              {"HELLO 3 AUTH default x SETNAME me", HELLO("%7\r\n", "*0\r\n", "3")},
              {"CLIENT GETNAME", "$2\r\nme\r\n"}, {"GET nosuch", "_\r\n"},
              {"HELLO", HELLO("%7\r\n", "*0\r\n", "3")},
              {"CLIENT TRACKINGINFO", "%3\r\n$5\r\nflags\r\n~1\r\n$3\r\noff\r\n$8\r\nredirect\r\n"
                                      ":-1\r\n$8\r\nprefixes\r\n*0\r\n"},
              {"HELLO 2", HELLO("*14\r\n", "*0\r\n", "2")}, {"GET nosuch", "$-1\r\n"});
    cmd_kit_close(&kit);
}

Test(cmd_connection, reset)
{
    struct cmd_kit kit;
    struct session *session = &kit.conn.session;

    cmd_kit_open(&kit, NULL);
    CMD_STEPS(&kit, {"CLIENT SETNAME me", OK}, {"SELECT 5", OK}, {"CLIENT NO-EVICT on", OK},
              {"WATCH k", OK}, {"MULTI", OK}, {"SET k v", "+QUEUED\r\n"}, {"RESET", "+RESET\r\n"},
              {"EXEC", "-ERR EXEC without MULTI\r\n"}, {"CLIENT GETNAME", "$-1\r\n"});
    cr_expect_null(session->transaction);
    cr_expect(session->db == 0 && session->id == 1 && !session->no_evict);
    CMD_STEPS(&kit, {"CLIENT REPLY OFF", ""}, {"PING", ""}, {"RESET", "+RESET\r\n"},
              {"PING", "+PONG\r\n"}, {"RESET x", WRONG_ARGS("reset")});
    cmd_say(&kit, "HELLO 3");
    CMD_STEPS(&kit, {"RESET", "+RESET\r\n"}, {"GET nosuch", "$-1\r\n"});
    cmd_kit_close(&kit);
}

/* ---- CLIENT ---------------------------------------------------------------------------------- */

Test(cmd_client, names)
{
    static char line[2000];
    struct cmd_kit kit;

    cmd_kit_open(&kit, NULL);
    CMD_STEPS(&kit, {"CLIENT ID", ":1\r\n"}, {"CLIENT GETNAME", "$-1\r\n"},
              {"CLIENT SETNAME a", OK}, {"CLIENT SETNAME \"a b\"", "-ERR Client names " NO_SPACES},
              {"CLIENT SETNAME \"a\\n\"", "-ERR Client names " NO_SPACES},
              {"CLIENT SETNAME \"\\xff\"", "-ERR Client names " NO_SPACES},
              {"CLIENT GETNAME", "$1\r\na\r\n"}, {"CLIENT SETNAME \"\"", OK},
              {"CLIENT GETNAME", "$-1\r\n"}, {"CLIENT SETINFO lib-name redis-py(x)", OK},
              {"CLIENT SETINFO LIB-VER 5.0", OK},
              {"CLIENT SETINFO lib-name \"a b\"", "-ERR lib-name " NO_SPACES},
              {"CLIENT SETINFO foo bar", "-ERR Unrecognized option 'foo'\r\n"},
              {"CLIENT SETINFO lib-name", WRONG_ARGS("client|setinfo")});
    cr_expect_str_eq(kit.conn.session.lib_name, "redis-py(x)");
    cr_expect_str_eq(kit.conn.session.lib_version, "5.0");
    memset(line, 'x', sizeof line - 1);
    memcpy(line, "CLIENT SETNAME ", 15);
    cr_expect_str_eq(cmd_say(&kit, line),
                     "-ERR Client names cannot be longer than 1024 bytes\r\n");
    cmd_kit_close(&kit);
}

Test(cmd_client, reply)
{
    struct cmd_kit kit;

    cmd_kit_open(&kit, NULL);
    CMD_STEPS(&kit, {"CLIENT REPLY foo", SYNTAX}, {"CLIENT REPLY SKIP", ""}, {"PING", ""},
              {"PING", "+PONG\r\n"}, {"CLIENT REPLY OFF", ""}, {"PING", ""}, {"NOSUCH", ""},
              {"CLIENT REPLY SKIP", ""}, {"CLIENT REPLY ON", OK}, {"PING", "+PONG\r\n"},
              {"CLIENT REPLY ON", OK});
    cmd_kit_close(&kit);
}

Test(cmd_client, what_is_not_there_says_so)
{
    struct cmd_kit kit;

    cmd_kit_open(&kit, NULL);
    CMD_STEPS(&kit, {"CLIENT UNBLOCK 1", ":0\r\n"}, {"CLIENT UNBLOCK 1 ERROR", ":0\r\n"},
              {"CLIENT UNBLOCK x", "-ERR value is not an integer or out of range\r\n"},
              {"CLIENT UNBLOCK 1 foo", "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR\r\n"},
              {"CLIENT TRACKING OFF", OK}, {"CLIENT TRACKING foo", SYNTAX},
              {"CLIENT TRACKING ON", "-ERR CLIENT TRACKING is not supported: this server does not "
                                     "tell clients which keys have changed\r\n"},
              {"CLIENT GETREDIR", ":-1\r\n"}, {"CLIENT UNPAUSE", OK},
              {"CLIENT PAUSE 100",
               "-ERR CLIENT PAUSE is not supported: commands here never wait\r\n"},
              {"CLIENT NO-TOUCH on", OK}, {"CLIENT NO-EVICT maybe", SYNTAX},
              {"CLIENT FOO", "-ERR unknown subcommand 'FOO'. Try CLIENT HELP.\r\n"},
              {"CLIENT", WRONG_ARGS("client")});
    cr_expect(kit.conn.session.no_touch);
    cmd_kit_close(&kit);
}

/* Two places, exact LRU: what was read last stays, unless reading was no access. */
Test(cmd_client, no_touch)
{
    struct cmd_kit kit;

    cmd_kit_open(&kit, "storage.partitions=1");
    store_set_limits(kit.server.store, 0, 2);
    CMD_STEPS(&kit, {"SET a 1", OK}, {"SET b 2", OK}, {"GET a", "$1\r\n1\r\n"}, {"SET c 3", OK},
              {"EXISTS a", ":1\r\n"}, {"EXISTS b", ":0\r\n"}, {"CLIENT NO-TOUCH on", OK},
              {"GET a", "$1\r\n1\r\n"}, {"MGET a a", "*2\r\n$1\r\n1\r\n$1\r\n1\r\n"},
              {"MULTI", OK}, {"GET a", "+QUEUED\r\n"}, {"EXEC", "*1\r\n$1\r\n1\r\n"},
              {"SET d 4", OK}, {"EXISTS a", ":0\r\n"}, {"EXISTS c", ":1\r\n"},
              {"TOUCH c", ":1\r\n"}, {"SET e 5", OK}, {"EXISTS c", ":1\r\n"},
              {"EXISTS d", ":0\r\n"}, {"CLIENT NO-TOUCH off", OK}, {"GET c", "$1\r\n3\r\n"},
              {"SET f 6", OK}, {"EXISTS c", ":1\r\n"});
    cmd_kit_close(&kit);
}

Test(cmd_client, list)
{
    struct cmd_kit kit;
    const char *line;

    cmd_kit_open(&kit, NULL);
    cmd_say(&kit, "CLIENT SETNAME me");
    line = cmd_body(&kit, "CLIENT LIST");
    cr_expect_eq(strncmp(line, "id=1 addr=", 10), 0, "%s", line);
    cr_expect_not_null(strstr(line, " name=me "), "%s", line);
    cr_expect_eq(line[strlen(line) - 1], '\n');
    line = cmd_body(&kit, "CLIENT INFO");
    cr_expect_eq(strncmp(line, "id=1 addr=", 10), 0, "%s", line);
    cr_expect_str_neq(cmd_body(&kit, "CLIENT LIST ID 7 1 9"), "");
    cr_expect_str_neq(cmd_body(&kit, "CLIENT LIST TYPE normal"), "");
    CMD_STEPS(&kit, {"CLIENT LIST ID 2 3", "$0\r\n\r\n"}, {"CLIENT LIST TYPE pubsub", "$0\r\n\r\n"},
              {"CLIENT LIST TYPE foo", "-ERR Unknown client type 'foo'\r\n"},
              {"CLIENT LIST ID x", "-ERR Invalid client ID\r\n"}, {"CLIENT LIST ID", SYNTAX},
              {"CLIENT LIST foo", SYNTAX});
    cmd_kit_close(&kit);
}

Test(cmd_client, kill)
{
    struct cmd_kit kit;
    struct session *session = &kit.conn.session;

    cmd_kit_open(&kit, NULL);
    CMD_STEPS(&kit, {"CLIENT KILL 1.2.3.4:5", "-ERR No such client\r\n"},
              {"CLIENT KILL ID 0", "-ERR client-id should be greater than 0\r\n"},
              {"CLIENT KILL ID x", "-ERR client-id should be greater than 0\r\n"},
              {"CLIENT KILL MAXAGE 0", "-ERR maxage should be greater than 0\r\n"},
              {"CLIENT KILL TYPE foo", "-ERR Unknown client type 'foo'\r\n"},
              {"CLIENT KILL USER foo", "-ERR No such user 'foo'\r\n"},
              {"CLIENT KILL SKIPME foo", SYNTAX}, {"CLIENT KILL ID 1 ADDR", SYNTAX},
              {"CLIENT KILL FOO 1", SYNTAX}, {"CLIENT KILL ID 99", ":0\r\n"},
              {"CLIENT KILL ID 1", ":0\r\n"}, {"CLIENT KILL USER default", ":0\r\n"},
              {"CLIENT KILL SKIPME no TYPE pubsub", ":0\r\n"},
              {"CLIENT KILL SKIPME no ID 2", ":0\r\n"},
              {"CLIENT KILL SKIPME no MAXAGE 10", ":0\r\n"});
    cr_expect(!session->close_after_reply);
    kit.now_ms += 10000;
    CMD_STEPS(&kit, {"CLIENT KILL SKIPME no MAXAGE 10", ":1\r\n"});
    cr_expect(session->close_after_reply);
    session->close_after_reply = false;
    CMD_STEPS(&kit, {"CLIENT KILL ID 1 SKIPME no", ":1\r\n"});
    cr_expect(session->close_after_reply);
    cmd_kit_close(&kit);
}

Test(cmd_client, without_memory_an_error)
{
    struct cmd_kit kit;

    cmd_kit_open(&kit, NULL);
    cr_expect_gt(cmd_failures(&kit, "CLIENT LIST ID 1 2 3"), 1);
    cr_expect_gt(cmd_failures(&kit, "CLIENT KILL USER default ID 1"), 0);
    cr_expect_gt(cmd_failures(&kit, "CLIENT SETNAME abc"), 0);
    cr_expect_gt(cmd_failures(&kit, "HELLO 2 SETNAME abc"), 0);
    cmd_kit_close(&kit);
}
