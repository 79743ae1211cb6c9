/* pending.h - a command whose end has not arrived yet; resp.c's own, see resp.h.
 *
 * A small machine that takes bytes as they come and copies each once.  It stands in one of four
 * states, and what it decides depends on the bytes so far, never on where they were cut:
 *
 *   COUNT   *3\r\n          collecting the line that says how many arguments follow
 *   LENGTH  $5\r\n          collecting the line that says how long the next one is
 *   BODY    hello\r\n       filling that argument
 *   INLINE  set key 1\r\n   collecting a command without lengths
 */
#ifndef CORE_WIRE_PENDING_H
#define CORE_WIRE_PENDING_H

#include "core/wire/resp.h"

#define PENDING_LINE_BYTES 32 /* a count or length, with its mark: 20 digits and some */

struct resp_pending {
    struct resp_pending *next; /* in resp_batch.finished */
    enum { PENDING_START, PENDING_COUNT, PENDING_LENGTH, PENDING_BODY, PENDING_INLINE } state;
    uint32_t n_args, room_args, n_wanted;
    uint64_t n_taken; /* bytes of the command so far */
    struct slice *args;
    struct loom_blob **blobs; /* NULL until there is one, then room_args long */

    char line[PENDING_LINE_BYTES];
    uint32_t n_line;

    char *text; /* INLINE */
    size_t n_text, room_text;

    /* BODY: the argument and its end, body_bytes + 2 in all, in the scratch or in a blob. */
    char *body;
    uint64_t body_bytes, n_body;
    struct loom_blob *blob;
    uint64_t room_blob; /* grows as bytes arrive */
    struct scratch scratch;
};

/* pending_new - NULL: out of memory. */
struct resp_pending *pending_new(void);
void pending_free(struct resp_pending *p);

enum pending_result {
    PENDING_READY,   /* args are complete */
    PENDING_NONE,    /* it was an empty command */
    PENDING_WAITS,   /* the input is used up */
    PENDING_IS_HTTP, /* args[0] is the request line */
    PENDING_WRONG,   /* error says why */
    PENDING_NOMEM
};
/* pending_feed - take what belongs to this command from the input.
 *   error  room for 80 bytes */
enum pending_result pending_feed(struct resp_pending *p, const struct resp_limits *limits,
                                 struct slice *input, char *error);

#endif
