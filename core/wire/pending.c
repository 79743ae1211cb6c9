/* pending.c - see pending.h; also resp_room() and what else concerns an unfinished command. */
#include "core/wire/pending.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/blob.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/wire/inline.h"

#define ERROR_BYTES      sizeof(((struct resp_batch *)NULL)->error)
#define BLOB_FIRST_BYTES ((UINT64_C(1) << 20) - sizeof(struct loom_blob)) /* believed, unseen */
#define ROOM_MIN_BYTES   (16u << 10) /* less is not worth a read of its own */

struct resp_pending *pending_new(void)
{
    return mem_zalloc(MEM_BUFFER, sizeof(struct resp_pending));
}

void pending_free(struct resp_pending *p)
{
    if (p->blobs != NULL)
        for (uint32_t i = 0; i < p->n_args; i++) loom_blob_drop(p->blobs[i]);
    loom_blob_drop(p->blob);
    mem_free(MEM_BUFFER, p->blobs);
    mem_free(MEM_BUFFER, p->args);
    mem_free(MEM_BUFFER, p->text);
    scratch_reset(&p->scratch, 0);
    mem_free(MEM_BUFFER, p);
}

static enum pending_result wrong(char *error, const char *text)
{
    snprintf(error, ERROR_BYTES, "Protocol error: %s", text);
    return PENDING_WRONG;
}

/* Room for one more argument: doubling, and never more than were announced. */
static bool args_grow(struct resp_pending *p)
{
    uint32_t room = p->room_args ? p->room_args * 2 : 8;
    struct slice *args;
    struct loom_blob **blobs;

    if (room > p->n_wanted) room = p->n_wanted;
    args = mem_realloc(MEM_BUFFER, p->args, room * sizeof *args);
    if (args == NULL) return false;
    p->args = args;
    if (p->blobs != NULL) {
        blobs = mem_realloc(MEM_BUFFER, p->blobs, room * sizeof(struct loom_blob *));
        if (blobs == NULL) return false;
        memset(blobs + p->room_args, 0, (room - p->room_args) * sizeof(struct loom_blob *));
        p->blobs = blobs;
    }
    p->room_args = room;
    return true;
}

/* The argument has arrived: body and blob move into the lists. */
static bool args_push(struct resp_pending *p)
{
    if (p->n_args == p->room_args && !args_grow(p)) return false;
    if (p->blob != NULL && p->blobs == NULL) {
        p->blobs = mem_zalloc(MEM_BUFFER, p->room_args * sizeof(struct loom_blob *));
        if (p->blobs == NULL) return false;
    }
    if (p->blob != NULL) {
        p->blob->bytes = p->body_bytes; /* without its end */
        p->blobs[p->n_args] = p->blob;
    }
    p->args[p->n_args++] = slice_of(p->body, p->body_bytes);
    p->blob = NULL;
    return true;
}

/* Make the blob twice as large, or as large as it will be.  The two bytes of the end go in, too,
 * so that one read can bring both. */
static bool blob_grow(struct resp_pending *p)
{
    uint64_t all = p->body_bytes + 2, room = p->blob ? p->room_blob * 2 : BLOB_FIRST_BYTES;
    struct loom_blob *blob;

    if (room + ROOM_MIN_BYTES > all) room = all;
    blob = p->blob ? blob_resize(p->blob, room) : blob_new(room);
    if (blob == NULL) return false;
    p->blob = blob;
    p->room_blob = room;
    p->body = loom_blob_at(blob);
    return true;
}

/* Collect a line up to CRLF in p->line, without it.  WAITS, READY, or WRONG: too long to be one. */
static enum pending_result line_feed(struct resp_pending *p, struct slice *input)
{
    while (input->bytes > 0) {
        char c = *input->at++;
        input->bytes--;
        p->n_taken++;
        if (c == '\n' && p->n_line > 0 && p->line[p->n_line - 1] == '\r') {
            p->n_line--;
            return PENDING_READY;
        }
        if (p->n_line == sizeof p->line) return PENDING_WRONG;
        p->line[p->n_line++] = c;
    }
    return PENDING_WAITS;
}

static enum pending_result count_feed(struct resp_pending *p, const struct resp_limits *limits,
                                      struct slice *input, char *error)
{
    int64_t n;
    enum pending_result r = line_feed(p, input);

    if (r == PENDING_WRONG) return wrong(error, "too big mbulk count string");
    if (r != PENDING_READY) return r;
    if (!bytes_to_i64(slice_of(p->line + 1, p->n_line - 1), &n) || n > INT32_MAX)
        return wrong(error, "invalid multibulk length");
    if (n > (int64_t)limits->max_args)
        return wrong(error, limits->unauthenticated ? "unauthenticated multibulk length"
                                                    : "invalid multibulk length");
    if (n <= 0) return PENDING_NONE;
    p->n_wanted = (uint32_t)n;
    p->state = PENDING_LENGTH;
    p->n_line = 0;
    return PENDING_READY;
}

static enum pending_result length_feed(struct resp_pending *p, const struct resp_limits *limits,
                                       struct slice *input, char *error)
{
    int64_t n;
    enum pending_result r;

    if (input->bytes == 0) return PENDING_WAITS;
    if (p->n_line == 0 && *input->at != '$') {
        unsigned char c = (unsigned char)*input->at;
        snprintf(error, ERROR_BYTES,
                 c >= 0x20 && c < 0x7f ? "Protocol error: expected '$', got '%c'"
                                       : "Protocol error: expected '$', got '\\x%02x'",
                 c);
        return PENDING_WRONG;
    }
    r = line_feed(p, input);
    if (r == PENDING_WRONG) return wrong(error, "too big bulk count string");
    if (r != PENDING_READY) return r;
    if (!bytes_to_i64(slice_of(p->line + 1, p->n_line - 1), &n) || n < 0)
        return wrong(error, "invalid bulk length");
    if ((uint64_t)n > limits->max_bulk_bytes)
        return wrong(error, limits->unauthenticated ? "unauthenticated bulk length"
                                                    : "invalid bulk length");
    if (p->n_taken + (uint64_t)n + 2 > limits->max_command_bytes)
        return wrong(error, "too big command");
    p->body_bytes = (uint64_t)n;
    p->n_body = 0;
    p->n_line = 0;
    p->state = PENDING_BODY;
    if ((uint64_t)n >= limits->big_bulk_bytes || (uint64_t)n >= BLOB_FIRST_BYTES)
        return blob_grow(p) ? PENDING_READY : PENDING_NOMEM;
    p->body = scratch_take(&p->scratch, p->body_bytes + 2);
    return p->body ? PENDING_READY : PENDING_NOMEM;
}

static enum pending_result body_feed(struct resp_pending *p, struct slice *input, char *error)
{
    uint64_t all = p->body_bytes + 2;

    while (p->n_body < all && input->bytes > 0) {
        uint64_t room = p->blob ? p->room_blob : all, n;
        if (room == p->n_body) {
            if (!blob_grow(p)) return PENDING_NOMEM;
            continue;
        }
        n = room - p->n_body < input->bytes ? room - p->n_body : input->bytes;
        memcpy(p->body + p->n_body, input->at, n);
        input->at += n;
        input->bytes -= n;
        p->n_body += n;
        p->n_taken += n;
    }
    /* A wrong first byte of the end is told when both are there, however they came. */
    if (p->n_body < all) return PENDING_WAITS;
    if (memcmp(p->body + p->body_bytes, "\r\n", 2) != 0)
        return wrong(error, "expected CRLF after a bulk string");
    if (!args_push(p)) return PENDING_NOMEM;
    p->state = PENDING_LENGTH;
    return PENDING_READY;
}

static bool text_push(struct resp_pending *p, struct slice piece)
{
    if (p->room_text - p->n_text < piece.bytes) {
        size_t room = (p->n_text + piece.bytes) * 2;
        char *text = mem_realloc(MEM_BUFFER, p->text, room);
        if (text == NULL) return false;
        p->text = text;
        p->room_text = room;
    }
    memcpy(p->text + p->n_text, piece.at, piece.bytes);
    p->n_text += piece.bytes;
    return true;
}

/* The line is complete in p->text, with its newline. */
static enum pending_result inline_ready(struct resp_pending *p, char *error)
{
    struct slice line = slice_of(p->text, p->n_text);
    bool http = inline_is_http(line);
    size_t n_most = http ? 1 : inline_count(line);
    int n;

    if (n_most == 0) return PENDING_NONE;
    p->args = mem_alloc(MEM_BUFFER, n_most * sizeof *p->args);
    if (p->args == NULL) return PENDING_NOMEM;
    if (http) {
        p->args[0] = line;
        p->n_args = 1;
        return PENDING_IS_HTTP;
    }
    n = inline_split(p->text, p->n_text - 1, p->args);
    if (n < 0) return wrong(error, "unbalanced quotes in request");
    p->n_args = (uint32_t)n;
    return PENDING_READY;
}

static enum pending_result inline_feed(struct resp_pending *p, const struct resp_limits *limits,
                                       struct slice *input, char *error)
{
    const char *newline;
    size_t n;

    if (input->bytes == 0) return PENDING_WAITS;
    newline = memchr(input->at, '\n', input->bytes);
    n = newline ? (size_t)(newline - input->at) : input->bytes;
    if (p->n_text + n > limits->max_inline_bytes) return wrong(error, "too big inline request");
    n += newline != NULL;
    if (!text_push(p, slice_of(input->at, n))) return PENDING_NOMEM;
    input->at += n;
    input->bytes -= n;
    return newline ? inline_ready(p, error) : PENDING_WAITS;
}

enum pending_result pending_feed(struct resp_pending *p, const struct resp_limits *limits,
                                 struct slice *input, char *error)
{
    enum pending_result r;

    do {
        switch (p->state) {
        case PENDING_START:
            if (input->bytes == 0) return PENDING_WAITS;
            p->state = *input->at == '*' ? PENDING_COUNT : PENDING_INLINE;
            r = PENDING_READY;
            break;
        case PENDING_COUNT: r = count_feed(p, limits, input, error); break;
        case PENDING_LENGTH: r = length_feed(p, limits, input, error); break;
        case PENDING_BODY: r = body_feed(p, input, error); break;
        default: return inline_feed(p, limits, input, error);
        }
    } while (r == PENDING_READY && (p->n_args == 0 || p->n_args < p->n_wanted));
    return r;
}

bool resp_room(struct resp_pending *p, char **ret_at, size_t *ret_bytes)
{
    uint64_t all;

    if (p == NULL || p->blob == NULL) return false;
    all = p->body_bytes + 2;
    if (all - p->n_body < ROOM_MIN_BYTES) return false;
    /* If it cannot grow, resp_parse() will meet the same and say so. */
    if (p->n_body == p->room_blob && !blob_grow(p)) return false;
    *ret_at = p->body + p->n_body;
    *ret_bytes = p->room_blob - p->n_body;
    return true;
}

void resp_filled(struct resp_pending *p, size_t n)
{
    LOOM_ASSERT(p->blob != NULL && n <= p->room_blob - p->n_body);
    p->n_body += n;
    p->n_taken += n;
}

size_t resp_pending_bytes(const struct resp_pending *p)
{
    if (p == NULL) return 0;
    return sizeof *p + p->scratch.held_bytes + p->room_text +
           p->room_args * (sizeof *p->args + (p->blobs ? sizeof *p->blobs : 0)) +
           (p->blob ? p->room_blob : 0);
}

void resp_forget(struct resp_pending **pending)
{
    if (*pending == NULL) return;
    pending_free(*pending);
    *pending = NULL;
}
