/* cmd_text.c - see cmd_text.h. */
#include "core/server/cmd_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"

#define FIRST_BYTES 4096

/* Room for so many more bytes; NULL: there is none. */
static char *reserve(struct text *text, size_t bytes)
{
    size_t room = text->room ? text->room : FIRST_BYTES;
    char *to;

    if (text->failed) return NULL;
    while (room - text->used < bytes) room *= 2;
    if (room != text->room) {
        to = mem_realloc(MEM_BUFFER, text->at, room);
        if (to == NULL) {
            text->failed = true;
            return NULL;
        }
        text->at = to;
        text->room = room;
    }
    return text->at + text->used;
}

void text_add(struct text *text, const char *format, ...)
{
    va_list args;
    char *at;
    int n;

    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0 || (at = reserve(text, (size_t)n + 1)) == NULL) return;
    va_start(args, format);
    vsnprintf(at, (size_t)n + 1, format, args);
    va_end(args);
    text->used += (size_t)n;
}

void text_add_bytes(struct text *text, const char *from, size_t bytes)
{
    char *at = reserve(text, bytes);

    if (at == NULL || bytes == 0) return;
    memcpy(at, from, bytes);
    text->used += bytes;
}

void text_free(struct text *text)
{
    mem_free(MEM_BUFFER, text->at);
    *text = (struct text){0};
}

void text_reply(struct call *call, struct text *text)
{
    if (text->failed) call_failed(call, LOOM_E_NOMEM);
    else reply_verbatim(call->reply, "txt", slice_of(text->at, text->used));
    text_free(text);
}
