/* resp.c - see resp.h.  Here: what lies whole in the input.  pending.c has the rest.
 *
 * The quick way only ever says yes: whatever is odd (a sign, a limit, an end that is missing) goes
 * to the careful way, which reads the command again from its beginning and decides.  That happens
 * once per input at most for an unfinished command, so the work stays linear.
 */
#include "core/wire/resp.h"

#include <string.h>

#include "core/wire/pending.h"

#define SCRATCH_KEEP_BYTES (128u << 10) /* by a thread, between batches */

/* A mark, a number without sign or leading zeros, CRLF: what follows it, or NULL when it is
 * anything else.  At most 9 digits. */
static inline const char *number(const char *p, const char *end, uint32_t *ret)
{
    uint32_t value;

    if (end - p < 4) return NULL;
    value = (uint32_t)(unsigned char)p[1] - '0';
    if (value > 9) return NULL;
    if (__builtin_expect(p[2] == '\r', 1)) {
        *ret = value;
        return p[3] == '\n' ? p + 4 : NULL;
    }
    if (value == 0) return NULL;
    end = end - p > 12 ? p + 12 : end;
    for (p += 2; p < end; p++) {
        uint32_t digit = (uint32_t)(unsigned char)*p - '0';
        if (digit > 9) break;
        value = value * 10 + digit;
    }
    if (end - p < 2 || p[0] != '\r' || p[1] != '\n') return NULL;
    *ret = value;
    return p + 2;
}

/* A command that lies whole in the input and is in no way odd. */
static inline bool parse_whole(struct resp_batch *batch, const struct resp_limits *limits,
                               struct slice *input, struct resp_command *ret)
{
    const char *p = input->at, *end = p + input->bytes;
    struct slice *args, *arg;
    uint32_t n;

    if (*p != '*' || (p = number(p, end, &n)) == NULL || n == 0 || n > limits->max_args)
        return false;
    /* No argument is sent in less than 6 bytes: do not reserve what cannot be there. */
    if ((size_t)(end - p) < (size_t)n * 6) return false;
    args = scratch_take(&batch->scratch, n * sizeof *args);
    if (args == NULL) return false;
    for (arg = args; arg < args + n; arg++) {
        uint32_t bytes;
        if (p == end || *p != '$' || (p = number(p, end, &bytes)) == NULL) goto odd;
        if ((size_t)(end - p) < (size_t)bytes + 2 || bytes > limits->max_bulk_bytes) goto odd;
        arg->at = p;
        arg->bytes = bytes;
        p += bytes;
        if (p[0] != '\r' || p[1] != '\n') goto odd;
        p += 2;
    }
    if ((size_t)(p - input->at) > limits->max_command_bytes) goto odd;
    input->bytes -= (size_t)(p - input->at);
    input->at = p;
    *ret = (struct resp_command){n, args, NULL};
    return true;
odd:
    scratch_untake(&batch->scratch, args);
    return false;
}

/* Blank lines, as telnet and older clients send them between commands. */
static void skip_blank_lines(struct slice *input)
{
    for (;;) {
        size_t n = 0;
        if (input->bytes >= 1 && input->at[0] == '\n') n = 1;
        if (input->bytes >= 2 && input->at[0] == '\r' && input->at[1] == '\n') n = 2;
        if (n == 0) return;
        input->at += n;
        input->bytes -= n;
    }
}

/* The pending command has come to an end, good or bad: it moves into the batch, or goes. */
static enum resp_result settle(struct resp_batch *batch, struct resp_pending **pending,
                               enum pending_result how, struct resp_command *ret)
{
    struct resp_pending *p = *pending;

    if (how == PENDING_READY || how == PENDING_IS_HTTP) {
        p->next = batch->finished;
        batch->finished = p;
        *pending = NULL;
        *ret = (struct resp_command){p->n_args, p->args, p->blobs};
        return how == PENDING_READY ? RESP_COMMAND : RESP_HTTP;
    }
    resp_forget(pending);
    return how == PENDING_WRONG ? RESP_ERROR : RESP_NOMEM;
}

enum resp_result resp_parse(struct resp_batch *batch, struct resp_pending **pending,
                            const struct resp_limits *limits, struct slice *input,
                            struct resp_command *ret)
{
    for (;;) {
        enum pending_result how;
        if (*pending == NULL) {
            if (input->bytes > 0 && *input->at != '*') skip_blank_lines(input);
            if (input->bytes == 0) return RESP_MORE;
            if (parse_whole(batch, limits, input, ret)) return RESP_COMMAND;
            *pending = pending_new();
            if (*pending == NULL) return RESP_NOMEM;
        }
        how = pending_feed(*pending, limits, input, batch->error);
        if (how == PENDING_WAITS) return RESP_MORE;
        if (how != PENDING_NONE) return settle(batch, pending, how, ret);
        resp_forget(pending);
    }
}

static void finished_free(struct resp_batch *batch)
{
    while (batch->finished != NULL) {
        struct resp_pending *p = batch->finished;
        batch->finished = p->next;
        pending_free(p);
    }
}

void resp_release(struct resp_batch *batch)
{
    if (batch->finished != NULL) finished_free(batch);
    scratch_reset(&batch->scratch, SCRATCH_KEEP_BYTES);
}

void resp_batch_free(struct resp_batch *batch)
{
    finished_free(batch);
    scratch_reset(&batch->scratch, 0);
}

/* ---- peeking --------------------------------------------------------------------------------- */

/* peek_line - the number behind this mark; moves behind the line's end.  false: it is not that. */
static bool peek_line(const char **at, const char *end, char mark, size_t *ret)
{
    const char *p = *at;
    size_t n = 0;

    if (p == end || *p++ != mark) return false;
    for (int digits = 0; p < end && *p >= '0' && *p <= '9' && digits < 9; digits++)
        n = n * 10 + (size_t)(*p++ - '0');
    if (end - p < 2 || p[0] != '\r' || p[1] != '\n') return false;
    *at = p + 2;
    *ret = n;
    return true;
}

bool resp_peek_key(struct slice input, struct slice *ret)
{
    const char *at = input.at, *end = input.at + input.bytes;
    size_t n;

    if (!peek_line(&at, end, '*', &n) || n < 2) return false;
    if (!peek_line(&at, end, '$', &n) || (size_t)(end - at) < n + 2) return false;
    at += n + 2;
    if (!peek_line(&at, end, '$', &n) || (size_t)(end - at) < n) return false;
    *ret = slice_of(at, n);
    return true;
}
