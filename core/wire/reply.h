/* reply.h - answers in RESP2 or RESP3, gathered for one write.
 *
 * A reply is a growing run of bytes, and a list of blobs that go between them: large values are
 * sent from where they are stored, held until they have left.
 *
 *     bytes   $65536 CRLF | CRLF +OK CRLF $40000 CRLF | CRLF
 *                         ^ blob 0                    ^ blob 1
 *
 * Usually it belongs to a thread and is used again for each read; what the socket did not take
 * moves into one that the connection owns (reply_move_rest).  Writing functions never report
 * errors: once memory or the limit is reached, `failed` says so, the rest is not written, and the
 * connection must be closed after what was complete before.  Thread: [owner].
 */
#ifndef CORE_WIRE_REPLY_H
#define CORE_WIRE_REPLY_H

#include <string.h>
#include <sys/uio.h>

#include <loomcache/storage.h>

#include "core/base/bytes.h"

enum reply_failure { REPLY_WELL = 0, REPLY_NOMEM, REPLY_OVER_LIMIT };

struct reply_blob {
    size_t at; /* the blob goes before this byte of the reply */
    struct loom_blob *blob;
    const char *from;
    size_t n;
};

/* Zeroed is empty, RESP2 and without limit; reply_begin() says otherwise. */
struct reply {
    char *at;
    size_t start, bytes; /* what waits is at[start] to at[bytes - 1] */
    size_t end;          /* bytes may grow to here: room and limit in one */
    size_t room;
    size_t limit; /* of reply_waiting(); 0: none */
    struct reply_blob *blobs;
    uint32_t blob_start, n_blobs, room_blobs;
    size_t blob_bytes; /* of those that wait */
    uint8_t proto;     /* 3: RESP3; else RESP2 */
    uint8_t failed;    /* enum reply_failure */
};

/* reply_begin - empty it, keeping a modest buffer, and set proto and limit. */
void reply_begin(struct reply *reply, int proto, size_t limit_bytes);
void reply_free(struct reply *reply);

/* reply_grow - the slow side of reply_reserve(). */
char *reply_grow(struct reply *reply, size_t bytes) __attribute__((cold));

/* reply_reserve - room for so many bytes; NULL: failed.  reply_commit() counts what was used. */
static inline char *reply_reserve(struct reply *reply, size_t bytes)
{
    if (__builtin_expect(reply->end - reply->bytes < bytes, 0)) return reply_grow(reply, bytes);
    return reply->at + reply->bytes;
}
static inline void reply_commit(struct reply *reply, const char *to)
{
    reply->bytes = (size_t)(to - reply->at);
}

#define REPLY_HEAD_BYTES 24 /* a mark, 20 digits, CRLF: what reply_head() may write */

/* reply_head - mark, number, CRLF at a reserved place; returns the end. */
static inline char *reply_head(char *at, char mark, uint64_t n)
{
    *at++ = mark;
    if (n < 10) {
        *at++ = (char)('0' + n);
    } else if (n < 100) {
        *at++ = (char)('0' + n / 10);
        *at++ = (char)('0' + n % 10);
    } else {
        at += bytes_from_u64(at, n);
    }
    at[0] = '\r';
    at[1] = '\n';
    return at + 2;
}

static inline void reply_raw(struct reply *reply, const void *bytes, size_t n)
{
    char *at = reply_reserve(reply, n);

    if (at == NULL) return;
    memcpy(at, bytes, n);
    reply->bytes += n;
}
static inline void reply_head_only(struct reply *reply, char mark, uint64_t n)
{
    char *at = reply_reserve(reply, REPLY_HEAD_BYTES);

    if (at != NULL) reply_commit(reply, reply_head(at, mark, n));
}

static inline void reply_ok(struct reply *reply) { reply_raw(reply, "+OK\r\n", 5); }
/* reply_simple - "+text"; text without CR and LF. */
void reply_simple(struct reply *reply, const char *text);

static inline void reply_int(struct reply *reply, int64_t value)
{
    char *at = reply_reserve(reply, REPLY_HEAD_BYTES);

    if (at == NULL) return;
    if (__builtin_expect(value >= 0, 1)) {
        at = reply_head(at, ':', (uint64_t)value);
    } else {
        *at++ = ':';
        at += bytes_from_i64(at, value);
        *at++ = '\r';
        *at++ = '\n';
    }
    reply_commit(reply, at);
}

/* What has a length, its bytes, and an end: $ bulk, = verbatim. */
static inline void reply_sized(struct reply *reply, char mark, const void *bytes, size_t n)
{
    char *at = reply_reserve(reply, n + REPLY_HEAD_BYTES + 2);

    if (at == NULL) return;
    at = reply_head(at, mark, n);
    if (n > 0) memcpy(at, bytes, n);
    at += n;
    at[0] = '\r';
    at[1] = '\n';
    reply_commit(reply, at + 2);
}
static inline void reply_bulk(struct reply *reply, const void *bytes, size_t n)
{
    reply_sized(reply, '$', bytes, n);
}
static inline void reply_text(struct reply *reply, const char *text)
{
    reply_bulk(reply, text, strlen(text));
}
void reply_bulk_int(struct reply *reply, int64_t value); /* the digits as a bulk string */

static inline void reply_null(struct reply *reply)
{
    if (reply->proto == 3) reply_raw(reply, "_\r\n", 3);
    else reply_raw(reply, "$-1\r\n", 5);
}
/* Where RESP2 has a null array: EXEC after a WATCHed key has changed. */
static inline void reply_null_array(struct reply *reply)
{
    if (reply->proto == 3) reply_raw(reply, "_\r\n", 3);
    else reply_raw(reply, "*-1\r\n", 5);
}

static inline void reply_array(struct reply *reply, uint64_t n) { reply_head_only(reply, '*', n); }
/* n pairs; in RESP2 an array of 2n. */
static inline void reply_map(struct reply *reply, uint64_t n)
{
    if (reply->proto == 3) reply_head_only(reply, '%', n);
    else reply_head_only(reply, '*', 2 * n);
}
static inline void reply_set(struct reply *reply, uint64_t n)
{
    reply_head_only(reply, reply->proto == 3 ? '~' : '*', n);
}
static inline void reply_push(struct reply *reply, uint64_t n)
{
    reply_head_only(reply, reply->proto == 3 ? '>' : '*', n);
}
static inline void reply_bool(struct reply *reply, bool value)
{
    if (reply->proto == 3) reply_raw(reply, value ? "#t\r\n" : "#f\r\n", 4);
    else reply_int(reply, value);
}
/* reply_double - the shortest digits that read back as the same number. */
void reply_double(struct reply *reply, double value);
/* reply_big_number - an optional '-' and digits of any length; in RESP2 a bulk string. */
void reply_big_number(struct reply *reply, struct slice digits);
/* reply_verbatim - text for people; kind has three letters ("txt"); in RESP2 a bulk string. */
void reply_verbatim(struct reply *reply, const char *kind, struct slice text);

/* reply_error - "ERR what happened": the code first, no mark.  CR and LF, which could come from
 * what the user sent, become blanks; beyond 512 bytes it is cut. */
void reply_error(struct reply *reply, const char *format, ...) LOOM_PRINTF(2, 3);

/* reply_blob - bytes of a blob as a bulk string, sent from where they are.  Takes a hold. */
void reply_blob(struct reply *reply, struct loom_blob *blob, const char *from, size_t n);

/* reply_later - leave a place for an array's or map's head whose number comes later.  Fill in the
 * inner ones first.  Cost of filling in: what was written since is moved once. */
size_t reply_later(struct reply *reply);
void reply_array_at(struct reply *reply, size_t place, uint64_t n);
void reply_map_at(struct reply *reply, size_t place, uint64_t n);

/* reply_rewind - forget what was written since bytes was this many.  Not in the middle of a value,
 * and nothing may have been cut in between.  A failure stays. */
void reply_rewind(struct reply *reply, size_t bytes);

/* reply_waiting - bytes to send, blobs included. */
static inline size_t reply_waiting(const struct reply *reply)
{
    return reply->bytes - reply->start + reply->blob_bytes;
}
/* reply_iovecs - what to send, from offset (in bytes as sent) on, at most cap pieces; how many. */
size_t reply_iovecs(const struct reply *reply, size_t offset, struct iovec *ret, size_t cap);
/* reply_cut - the first n bytes have been sent. */
void reply_cut(struct reply *reply, size_t n);
/* reply_move_rest - what from holds beyond offset goes to the end of to; from is then empty.
 * Bytes are copied, holds of blobs change hands.  to->failed when it has no room. */
void reply_move_rest(struct reply *to, struct reply *from, size_t offset);

#endif
