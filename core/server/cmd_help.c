/* cmd_help.c - CONFIG HELP and its like, written from the table's rows. */
#include <stdio.h>
#include <string.h>

#include "core/server/cmd_rows.h"

#define LINE_BYTES 320

static void upper(char *at, const char *from, size_t bytes, size_t room)
{
    size_t n = bytes < room - 1 ? bytes : room - 1;

    for (size_t i = 0; i < n; i++)
        at[i] = (char)(from[i] >= 'a' && from[i] <= 'z' ? from[i] - 32 : from[i]);
    at[n] = '\0';
}

static void reply_child(struct reply *reply, const struct command *child)
{
    const char *bar = strchr(child->name, '|');
    const char *name = bar ? bar + 1 : child->name;
    char line[LINE_BYTES], word[32];

    upper(word, name, strlen(name), sizeof word);
    snprintf(line, sizeof line, "%s%s%s", word, *child->syntax ? " " : "", child->syntax);
    reply_simple(reply, line);
    snprintf(line, sizeof line, "    %s", child->summary);
    reply_simple(reply, line);
}

void cmd_help(struct call *call)
{
    const char *name = call->command->name, *bar = strchr(name, '|');
    size_t n_name = bar ? (size_t)(bar - name) : strlen(name), n = 0;
    const struct command *parent = command_find(slice_of(name, n_name));
    char line[LINE_BYTES], word[32];

    LOOM_ASSERT(parent != NULL && parent->children != NULL);
    while (parent->children[n].name != NULL) n++;
    upper(word, name, n_name, sizeof word);
    snprintf(line, sizeof line, "%s <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
             word);
    reply_array(call->reply, 1 + 2 * n);
    reply_simple(call->reply, line);
    for (size_t i = 0; i < n; i++) reply_child(call->reply, &parent->children[i]);
}
