/* resp.h - bytes from a client become commands (RESP, inline commands), without sockets.
 *
 * Two things last.  A batch belongs to a thread: it holds what the commands parsed since the last
 * resp_release() point to.  A pending command belongs to a connection: one pointer, NULL as long
 * as nothing is unfinished, so an idle connection costs nothing.
 *
 *     read n bytes into the thread's buffer
 *     while (resp_parse(&batch, &conn->pending, &limits, &input, &command) == RESP_COMMAND)
 *         ... keep or execute command ...
 *     resp_release(&batch)
 *
 * A command that lies whole in the input is not copied: its arguments point into the input.  What
 * is unfinished at the end of the input is copied once into the pending command, which remembers
 * where it stopped: the work is linear in the bytes, however they arrive.  A large argument is
 * gathered in a blob that a command can keep, and resp_room() lets the socket write into it
 * directly.
 *
 * Whether a command is accepted, and what it says, never depends on how its bytes were cut.
 */
#ifndef CORE_WIRE_RESP_H
#define CORE_WIRE_RESP_H

#include <loomcache/storage.h>

#include "core/base/bytes.h"
#include "core/wire/scratch.h"

/* What a client may ask for; given with each call, so that it can change after AUTH. */
struct resp_limits {
    uint32_t max_args;          /* of one command */
    uint32_t max_inline_bytes;  /* of a command without lengths */
    uint64_t max_bulk_bytes;    /* of one argument */
    uint64_t max_command_bytes; /* of one command, as sent */
    uint32_t big_bulk_bytes;    /* an unfinished argument of this size is gathered in a blob */
    bool unauthenticated;       /* the words of the first two limits' errors */
};
#define RESP_LIMITS                                                                                \
    {                                                                                              \
        .max_args = 1024 * 1024, .max_inline_bytes = 64 << 10, .max_bulk_bytes = 512u << 20,       \
        .max_command_bytes = UINT64_C(1) << 30, .big_bulk_bytes = 32 << 10                         \
    }
/* Before authentication, as Redis has it. */
#define RESP_LIMITS_UNAUTHENTICATED                                                                \
    {                                                                                              \
        .max_args = 10, .max_inline_bytes = 64 << 10, .max_bulk_bytes = 16384,                     \
        .max_command_bytes = UINT64_C(1) << 30, .big_bulk_bytes = 32 << 10,                        \
        .unauthenticated = true                                                                    \
    }

struct resp_pending; /* the beginning of a command */

/* One command.  Good until resp_release(), and as long as the input that it points into. */
struct resp_command {
    uint32_t argc;            /* at least 1 */
    struct slice *argv;       /* the name is argv[0] */
    struct loom_blob **blobs; /* NULL, or argc of them: argv[i] is all of blobs[i], if not NULL */
};

/* The blob of an argument, borrowed (hold it to keep it); NULL: only the bytes are there. */
static inline struct loom_blob *resp_blob(const struct resp_command *command, uint32_t i)
{
    return command->blobs ? command->blobs[i] : NULL;
}

/* Owned by a thread.  Zeroed is ready. */
struct resp_batch {
    struct scratch scratch;
    struct resp_pending *finished; /* commands that were carried over, until the release */
    char error[80];                /* after RESP_ERROR: "Protocol error: ..." */
};

enum resp_result {
    RESP_COMMAND, /* *ret is one; there may be more in the input */
    RESP_MORE,    /* the input is used up */
    RESP_HTTP,    /* an HTTP request line: ret->argv[0] is the line with its end, argc 1; what
                     follows it is still in the input.  This is no RESP connection. */
    RESP_ERROR,   /* batch->error says why; answer it, then close */
    RESP_NOMEM    /* the command is lost, and so is the place in the stream: close */
};

/* resp_parse - the next command.
 *   pending  the connection's pointer
 *   input    what was read; moved past what was taken
 *   ret      untouched unless RESP_COMMAND or RESP_HTTP
 * Empty commands (blank lines, *0) are skipped as Redis does.
 * Cost: about 10 ns for a GET of 16 bytes that lies whole in the input (measured, -O3); then it
 * allocates nothing. */
enum resp_result resp_parse(struct resp_batch *batch, struct resp_pending **pending,
                            const struct resp_limits *limits, struct slice *input,
                            struct resp_command *ret);

/* resp_peek_key - a guess at the key of the first command: its second word, if the command lies
 * that far in the input and is no inline one.  A hint for prefetching; consumes nothing.  Some 10
 * ns. */
bool resp_peek_key(struct slice input, struct slice *ret);

/* resp_release - the commands of the batch have been executed: let go of what they pointed to. */
void resp_release(struct resp_batch *batch);
/* resp_batch_free - as the release, and nothing is kept for next time. */
void resp_batch_free(struct resp_batch *batch);

/* resp_room - where the socket may write next, if a large argument is on its way: true, and a
 * place for at most *ret_bytes bytes.  After n bytes have been put there call resp_filled(), then
 * resp_parse() with an empty input.  false: read elsewhere and call resp_parse() as usual. */
bool resp_room(struct resp_pending *pending, char **ret_at, size_t *ret_bytes);
void resp_filled(struct resp_pending *pending, size_t n);

/* resp_pending_bytes - memory that an unfinished command holds; 0 for NULL. */
size_t resp_pending_bytes(const struct resp_pending *pending);
/* resp_forget - the connection goes away in the middle of a command.  *pending becomes NULL. */
void resp_forget(struct resp_pending **pending);

#endif
