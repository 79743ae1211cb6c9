/* resp_said.h - what a client said, as text: the same stream, cut in different ways, must give the
 * same text.  For the unit tests and the fuzzer.
 *
 * Reads are as the server does them: each into a buffer that is gone after the read (so that the
 * address sanitizer sees who still points into it), all commands of a read parsed before the first
 * is looked at, and large arguments into the place that the parser names.
 */
#ifndef TESTS_KIT_RESP_SAID_H
#define TESTS_KIT_RESP_SAID_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/wire/resp.h"

struct said {
    char *text;
    size_t bytes, room;
    uint32_t n_direct; /* reads into a blob */
    bool nomem;        /* RESP_NOMEM was met */
};

struct said_cut {
    size_t (*next)(void *arg); /* bytes of the next read, at least 1 */
    void *arg;
};

static inline void said_add(struct said *said, const void *at, size_t bytes)
{
    if (said->room - said->bytes < bytes + 1) {
        said->room = (said->bytes + bytes + 1) * 2;
        said->text = realloc(said->text, said->room);
        if (said->text == NULL) abort();
    }
    if (bytes > 0) memcpy(said->text + said->bytes, at, bytes);
    said->bytes += bytes;
    said->text[said->bytes] = '\0';
}

static inline void said_print(struct said *said, const char *format, ...) LOOM_PRINTF(2, 3);
static inline void said_print(struct said *said, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    said_add(said, text, strlen(text));
}

/* [3:GET][1:k] and a newline; a blob must be the argument exactly. */
static inline void said_command(struct said *said, const struct resp_command *command)
{
    if (command->argc == 0) abort();
    for (uint32_t i = 0; i < command->argc; i++) {
        struct loom_blob *blob = resp_blob(command, i);
        if (blob != NULL &&
            (blob->bytes != command->argv[i].bytes || loom_blob_at(blob) != command->argv[i].at))
            abort();
        said_print(said, "[%zu:", command->argv[i].bytes);
        said_add(said, command->argv[i].at, command->argv[i].bytes);
        said_add(said, "]", 1);
    }
    said_add(said, "\n", 1);
}

/* All that one read brought.  false: the connection ends here. */
static inline bool said_read(struct said *said, struct resp_batch *batch,
                             struct resp_pending **pending, const struct resp_limits *limits,
                             struct slice input, size_t behind)
{
    struct resp_command *commands = NULL, command;
    size_t n = 0, room = 0;
    enum resp_result r;

    while ((r = resp_parse(batch, pending, limits, &input, &command)) == RESP_COMMAND) {
        if (n == room) {
            room = room ? room * 2 : 16;
            commands = realloc(commands, room * sizeof *commands);
            if (commands == NULL) abort();
        }
        commands[n++] = command;
    }
    for (size_t i = 0; i < n; i++) said_command(said, &commands[i]);
    free(commands);
    if (r == RESP_HTTP) {
        said_print(said, "http ");
        said_add(said, command.argv[0].at, command.argv[0].bytes);
        said_print(said, "and %zu bytes\n", input.bytes + behind);
    }
    if (r == RESP_ERROR) said_print(said, "error %s\n", batch->error);
    if (r == RESP_NOMEM) said->nomem = true;
    if (r == RESP_MORE && input.bytes != 0) abort();
    if (r != RESP_MORE && *pending != NULL) abort();
    resp_release(batch);
    return r == RESP_MORE;
}

static inline void said_stream(struct said *said, const struct resp_limits *limits,
                               struct slice stream, struct said_cut cut)
{
    struct resp_batch batch = {0};
    struct resp_pending *pending = NULL;
    bool open = true;

    while (open && stream.bytes > 0) {
        size_t n = cut.next(cut.arg), room;
        char *at, *buffer = NULL;
        if (resp_room(pending, &at, &room)) {
            n = n < room ? n : room;
            said->n_direct++;
        } else {
            room = 0;
        }
        n = n < stream.bytes ? n : stream.bytes;
        if (room == 0) at = buffer = malloc(n);
        if (at == NULL) abort();
        memcpy(at, stream.at, n);
        stream.at += n;
        stream.bytes -= n;
        if (room > 0) resp_filled(pending, n);
        open =
            said_read(said, &batch, &pending, limits, slice_of(at, buffer ? n : 0), stream.bytes);
        free(buffer);
    }
    if (open) said_print(said, pending != NULL ? "unfinished\n" : "end\n");
    if (pending != NULL && resp_pending_bytes(pending) == 0) abort();
    resp_forget(&pending);
    resp_batch_free(&batch);
}

static inline void said_free(struct said *said)
{
    free(said->text);
    *said = (struct said){0};
}

/* Cuts: everything at once, pieces of one size, two pieces. */
static inline size_t said_whole(void *arg)
{
    (void)arg;
    return SIZE_MAX;
}
static inline size_t said_each(void *arg) { return *(size_t *)arg; }
static inline size_t said_first(void *arg)
{
    size_t n = *(size_t *)arg;

    *(size_t *)arg = SIZE_MAX;
    return n;
}

#endif
