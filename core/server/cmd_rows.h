/* cmd_rows.h - the subcommands of this room's commands, file by file, and what they share. */
#ifndef CORE_SERVER_CMD_ROWS_H
#define CORE_SERVER_CMD_ROWS_H

#include "core/command/command.h"

#define CMD_ROW(name_, run_, arity_, flags_, group_, since_, syntax_, summary_)                    \
    {                                                                                              \
        .name = name_, .run = run_, .arity = arity_, .flags = flags_, .group = group_,             \
        .since = since_, .syntax = syntax_, .summary = summary_                                    \
    }
/* A command whose first argument chooses one of its children. */
#define CMD_CONTAINER(name_, children_, group_, since_, summary_)                                  \
    {                                                                                              \
        .name = name_, .run = cmd_help, .arity = -2, .flags = COMMAND_SUBCOMMANDS,                 \
        .group = group_, .since = since_, .syntax = "", .summary = summary_,                       \
        .children = children_                                                                      \
    }
#define CMD_END                                                                                    \
    {                                                                                              \
        .name = NULL                                                                               \
    }

extern const struct command cmd_rows_acl[];
extern const struct command cmd_rows_client[];
extern const struct command cmd_rows_config[];
extern const struct command cmd_rows_debug[];
extern const struct command cmd_rows_latency[];
extern const struct command cmd_rows_memory[];
extern const struct command cmd_rows_module[];
extern const struct command cmd_rows_plugin[];
extern const struct command cmd_rows_slowlog[];

/* cmd_help - HELP of any of them, from its rows. */
void cmd_help(struct call *call);

#endif
