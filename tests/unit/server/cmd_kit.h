/* cmd_kit.h - a node without threads and sockets: configuration, store, one loop that does not
 * turn, one connection.  A test says a line and looks at the bytes of the reply.
 *
 *     struct cmd_kit kit;
 *     cmd_kit_open(&kit, "server.requirepass=secret");
 *     cr_assert_str_eq(cmd_say(&kit, "PING"), "-NOAUTH Authentication required.\r\n");
 *     cmd_kit_close(&kit);
 */
#ifndef TESTS_UNIT_SERVER_CMD_KIT_H
#define TESTS_UNIT_SERVER_CMD_KIT_H

#include "core/server/conn.h"

struct cmd_kit {
    struct server server;
    struct loop loop;
    struct conn conn; /* a client that has just connected */
    struct reply reply;
    uint64_t now_ms;
    char *text; /* of the last reply */
};

/* cmd_kit_open - set: one more setting ("section.key=value"), or NULL. */
void cmd_kit_open(struct cmd_kit *kit, const char *set);
void cmd_kit_close(struct cmd_kit *kit);

/* cmd_say - one command as a person would type it; the reply, good until the next. */
const char *cmd_say(struct cmd_kit *kit, const char *line);
/* cmd_body - what is inside a bulk string that has just been said. */
const char *cmd_body(struct cmd_kit *kit, const char *line);
/* cmd_failures - say a line again and again, with the first, the second ... allocation failing,
 * until none does; each time there must be an error, or the reply it is when nothing fails.  How
 * many failed. */
uint64_t cmd_failures(struct cmd_kit *kit, const char *line);

struct cmd_step {
    const char *line, *reply;
};
/* cmd_steps - say each line; the test fails with the lines whose reply is another. */
void cmd_steps(struct cmd_kit *kit, const struct cmd_step *steps, size_t n);
#define CMD_STEPS(kit, ...)                                                                        \
    do {                                                                                           \
        static const struct cmd_step steps_[] = {__VA_ARGS__};                                     \
        cmd_steps(kit, steps_, sizeof steps_ / sizeof steps_[0]);                                  \
    } while (0)

#define OK "+OK\r\n"
#define SYNTAX "-ERR syntax error\r\n"

#endif
