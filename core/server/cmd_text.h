/* cmd_text.h - a text that grows line by line and then becomes a reply. */
#ifndef CORE_SERVER_CMD_TEXT_H
#define CORE_SERVER_CMD_TEXT_H

#include "core/base/bytes.h"
#include "core/command/command.h"

struct text { /* zeroed is empty */
    char *at;
    size_t used, room;
    bool failed; /* no memory: what follows is not written */
};

void text_add(struct text *text, const char *format, ...) LOOM_PRINTF(2, 3);
void text_add_bytes(struct text *text, const char *from, size_t bytes);
void text_free(struct text *text);
/* text_reply - as a verbatim string, or an error when memory ran out; frees the text. */
void text_reply(struct call *call, struct text *text);

#endif
