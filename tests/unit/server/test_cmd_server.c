/* The table of this room's commands, HELP, and the commands about the node. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/command/introspect_syntax.h"
#include "tests/unit/server/cmd_kit.h"

#define WRONG_ARGS(name) "-ERR wrong number of arguments for '" name "' command\r\n"
#define NOT_INTEGER "-ERR value is not an integer or out of range\r\n"
#define NO_CLUSTER "-ERR This instance has cluster support disabled\r\n"
#define NO_SAVE "-ERR nothing can be saved: persistence is off in this configuration\r\n"

/* ---- the table ------------------------------------------------------------------------------- */

static void check_row(const struct command *row, const char *parent)
{
    struct syntax syntax;
    size_t n = parent ? strlen(parent) : 0;

    cr_expect_not_null(row->run, "%s", row->name);
    cr_expect_neq(row->arity, 0, "%s", row->name);
    cr_expect(row->group && *row->group && row->since && *row->since, "%s", row->name);
    cr_assert_not_null(row->syntax, "%s", row->name);
    cr_expect(syntax_parse(row->syntax, &syntax), "%s: %s", row->name, row->syntax);
    cr_assert_not_null(row->summary, "%s", row->name);
    cr_expect_eq(row->summary[strlen(row->summary) - 1], '.', "%s", row->name);
    cr_expect_eq(row->children != NULL, (row->flags & COMMAND_SUBCOMMANDS) != 0, "%s", row->name);
    if (parent != NULL)
        cr_expect(strncmp(row->name, parent, n) == 0 && row->name[n] == '|', "%s", row->name);
    for (const struct command *c = row->children; c != NULL && c->name != NULL; c++)
        check_row(c, row->name);
}

Test(cmd_server, rows)
{
    for (const struct command *c = command_rows_connection; c->name != NULL; c++)
        check_row(c, NULL);
    for (const struct command *c = command_rows_server; c->name != NULL; c++) check_row(c, NULL);
}

/* Every container explains itself: a line, then two for each subcommand. */
Test(cmd_server, help)
{
    static const char config[] = "*11\r\n+CONFIG <subcommand> [<arg> [value] [opt] ...]. "
                                 "Subcommands are:\r\n+GET parameter [parameter ...]\r\n";
    struct cmd_kit kit;
    char line[64], head[96];
    size_t n_containers = 0;

    cmd_kit_open(&kit, NULL);
    for (size_t i = 0; i < command_count(); i++) {
        const struct command *row = command_at(i);
        size_t n = 0;

        if (row->children == NULL || strcmp(row->name, "object") == 0 ||
            strcmp(row->name, "command") == 0)
            continue;
        while (row->children[n].name != NULL) n++;
        snprintf(line, sizeof line, "%s HELP", row->name);
        snprintf(head, sizeof head, "*%zu\r\n+", 1 + 2 * n);
        const char *reply = cmd_say(&kit, line);

        cr_expect_eq(strncmp(reply, head, strlen(head)), 0, "%s: %.40s", line, reply);
        cr_expect_not_null(strstr(reply, "\r\n+HELP\r\n+    Lists the subcommands.\r\n"), "%s",
                           line);
        n_containers++;
    }
    cr_expect_eq(n_containers, 9);
    cr_expect_eq(strncmp(cmd_say(&kit, "CONFIG help"), config, strlen(config)), 0);
    cmd_kit_close(&kit);
}

/* ---- what is there, and what is not ---------------------------------------------------------- */

Test(cmd_server, clock)
{
    struct cmd_kit kit;
    unsigned long long s = 0, us = 1u << 30;

    cmd_kit_open(&kit, NULL);
    cmd_say(&kit, "TIME");
    cr_expect_eq(sscanf(kit.text, "*2\r\n$10\r\n%llu\r\n$%*u\r\n%llu\r\n", &s, &us), 2);
    cr_expect_gt(s, 1700000000ull);
    cr_expect_lt(us, 1000000u);
    CMD_STEPS(&kit, {"LASTSAVE", ":1700000000\r\n"}, {"TIME x", WRONG_ARGS("time")},
              {"ROLE", "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"});
    cr_expect_not_null(strstr(cmd_body(&kit, "LOLWUT"), "Redis ver. 7.2.4"));
    cmd_kit_close(&kit);
}

Test(cmd_server, no_replicas_no_disk_no_cluster)
{
    struct cmd_kit kit;

    cmd_kit_open(&kit, NULL);
    CMD_STEPS(&kit, {"WAIT 1 100000", ":0\r\n"}, {"WAIT a 1", NOT_INTEGER},
              {"WAIT 0 a", "-ERR timeout is not an integer or out of range\r\n"},
              {"WAIT 0 -1", "-ERR timeout is negative\r\n"},
              {"WAITAOF 0 1 0", "*2\r\n:0\r\n:0\r\n"},
              {"WAITAOF 1 0 0", "-ERR WAITAOF cannot be used when numlocal is set but appendonly "
                                "is disabled.\r\n"},
              {"WAITAOF 2 0 0", "-ERR value is out of range, value must between 0 and 1\r\n"},
              {"REPLICAOF NO ONE", OK}, {"SLAVEOF no one", OK},
              {"REPLICAOF host 6379",
               "-ERR REPLICAOF is not supported: this node is always a master\r\n"},
              {"SAVE", NO_SAVE}, {"BGSAVE", NO_SAVE}, {"BGREWRITEAOF", NO_SAVE},
              {"CLUSTER INFO", NO_CLUSTER}, {"CLUSTER MYID", NO_CLUSTER}, {"READONLY", NO_CLUSTER},
              {"READWRITE", NO_CLUSTER}, {"MODULE LIST", "*0\r\n"},
              {"ACL WHOAMI", "$7\r\ndefault\r\n"}, {"ACL USERS", "*1\r\n$7\r\ndefault\r\n"},
              {"ACL CAT nosuch", "-ERR Unknown category 'nosuch'\r\n"},
              {"ACL SETUSER bob", "-ERR unknown subcommand 'SETUSER'. Try ACL HELP.\r\n"},
              {"SUBSCRIBE x", "-ERR unknown command 'SUBSCRIBE', with args beginning with: 'x' "
                              "\r\n"});
    cr_expect_not_null(strstr(cmd_say(&kit, "ACL CAT"), "$6\r\nstring\r\n"));
    cr_expect_not_null(strstr(cmd_say(&kit, "ACL CAT connection"), "$14\r\nclient|setname\r\n"));
    cr_expect_null(strstr(cmd_say(&kit, "ACL CAT connection"), "$3\r\nget\r\n"));
    cmd_kit_close(&kit);
}

/* SHUTDOWN itself stops the process: here what is refused. */
Test(cmd_server, shutdown_refused)
{
    struct cmd_kit kit;

    cmd_kit_open(&kit, NULL);
    CMD_STEPS(&kit, {"SHUTDOWN foo", SYNTAX}, {"SHUTDOWN SAVE NOSAVE", SYNTAX},
              {"SHUTDOWN ABORT NOW", SYNTAX},
              {"SHUTDOWN ABORT", "-ERR No shutdown in progress.\r\n"},
              {"SHUTDOWN SAVE", "-ERR SHUTDOWN SAVE is not possible: persistence is off in this "
                                "configuration\r\n"});
    cr_expect_eq(kit.server.stopping, 0);
    cr_expect(!kit.conn.session.close_after_reply);
    cmd_kit_close(&kit);
}

/* ---- PLUGIN, MEMORY -------------------------------------------------------------------------- */

Test(cmd_server, plugins)
{
    struct cmd_kit kit;
    const char *reply;

    cmd_kit_open(&kit, "eviction.policy=s3fifo");
    reply = cmd_say(&kit, "PLUGIN LIST");
    cr_expect_not_null(strstr(reply, "$4\r\nname\r\n$6\r\ns3fifo\r\n$4\r\nkind\r\n$8\r\neviction"
                                     "\r\n"), "%s", reply);
    reply = cmd_say(&kit, "PLUGIN INFO eviction.s3fifo");
    cr_expect_not_null(strstr(reply, "$9\r\ninstances\r\n:4\r\n"), "%s", reply);
    cr_expect_not_null(strstr(reply, "$11\r\nsmall_ratio\r\n$3\r\n0.1\r\n"), "%s", reply);
    cr_expect_not_null(strstr(reply, "$10\r\nghost_hits\r\n:0\r\n"), "%s", reply);
    /* Loaded, but without an instance here: the presets. */
    reply = cmd_say(&kit, "PLUGIN INFO static");
    cr_expect_not_null(strstr(reply, "$9\r\ninstances\r\n:0\r\n"), "%s", reply);
    cr_expect_not_null(strstr(reply, "$7\r\noptions\r\n"), "%s", reply);
    CMD_STEPS(&kit, {"PLUGIN INFO nosuch", "-ERR No such plugin 'nosuch'\r\n"},
              {"PLUGIN FOO", "-ERR unknown subcommand 'FOO'. Try PLUGIN HELP.\r\n"});
    cmd_kit_close(&kit);
}

Test(cmd_server, memory)
{
    struct cmd_kit kit;
    const char *reply;

    cmd_kit_open(&kit, NULL);
    cmd_say(&kit, "SET k v");
    reply = cmd_say(&kit, "MEMORY STATS");
    cr_expect_not_null(strstr(reply, "$10\r\nkeys.count\r\n:1\r\n"), "%s", reply);
    reply = cmd_say(&kit, "MEMORY USAGE k SAMPLES 0");
    cr_expect_eq(*reply, ':');
    cr_expect_gt(atoi(reply + 1), 2);
    cr_expect_gt(strlen(cmd_body(&kit, "MEMORY MALLOC-STATS")), 100);
    CMD_STEPS(&kit, {"MEMORY USAGE nosuch", "$-1\r\n"}, {"MEMORY PURGE", OK},
              {"MEMORY DOCTOR", "$24\r\nNothing to complain of.\n\r\n"});
    store_set_write_guard(kit.server.store, true);
    cr_expect_not_null(strstr(cmd_body(&kit, "MEMORY DOCTOR"), "storage.rss_max"));
    cr_expect_gt(cmd_failures(&kit, "MEMORY DOCTOR"), 0);
    cmd_kit_close(&kit);
}
