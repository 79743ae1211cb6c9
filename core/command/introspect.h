/* introspect.h - the table of commands, told to clients and to readers. */
#ifndef CORE_COMMAND_INTROSPECT_H
#define CORE_COMMAND_INTROSPECT_H

#include <stdio.h>

#include "core/command/command.h"

/* command_document - docs/commands.md: every registered command as markdown, by group. */
void command_document(FILE *to);

/* Derived from a row, in Redis' words and order; how many were put in ret. */
#define INTROSPECT_WORDS_MAX 16
size_t introspect_flags(const struct command *row, const char *ret[INTROSPECT_WORDS_MAX]);
size_t introspect_categories(const struct command *row, const char *ret[INTROSPECT_WORDS_MAX]);

size_t introspect_n_children(const struct command *row);

/* introspect_reply_row - one element of COMMAND's reply, children included. */
void introspect_reply_row(struct reply *reply, const struct command *row);
/* introspect_reply_access - what a key of this command is used for: a set of RO, RW, access ... */
void introspect_reply_access(struct reply *reply, const struct command *row);
/* introspect_reply_docs - a row's name and map in COMMAND DOCS' reply. */
void introspect_reply_docs(struct reply *reply, const struct command *row);

#endif
