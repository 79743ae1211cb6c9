/* reply.c - see reply.h.  First what is written, then what is sent. */
#include "core/wire/reply.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/error.h"
#include "core/base/mem.h"

#define KEEP_BYTES  (256u << 10) /* a buffer up to this size stays from one use to the next */
#define KEEP_BLOBS  64u
#define FIRST_BYTES 1024u
#define ERROR_BYTES 512u

static void fail(struct reply *reply, enum reply_failure why)
{
    if (reply->failed == REPLY_WELL) reply->failed = (uint8_t)why;
    reply->end = reply->bytes; /* nothing more goes in */
}

/* How far bytes may grow: the buffer's end, or the limit if that is nearer. */
static void set_end(struct reply *reply)
{
    size_t most = reply->room;

    if (reply->failed != REPLY_WELL) {
        most = reply->bytes;
    } else if (reply->limit != 0) {
        size_t left = reply->limit > reply->blob_bytes ? reply->limit - reply->blob_bytes : 0;
        if (left < most - reply->start) most = reply->start + left;
        if (most < reply->bytes) most = reply->bytes;
    }
    reply->end = most;
}

char *reply_grow(struct reply *reply, size_t bytes)
{
    size_t room, waiting = reply_waiting(reply);
    char *to;

    if (reply->failed != REPLY_WELL) return NULL;
    if (bytes > SIZE_MAX / 4 - waiting ||
        (reply->limit != 0 && (waiting > reply->limit || bytes > reply->limit - waiting))) {
        fail(reply, REPLY_OVER_LIMIT);
        return NULL;
    }
    if (reply->room - reply->bytes < bytes) {
        room = reply->room < FIRST_BYTES ? FIRST_BYTES : reply->room * 2;
        if (reply->limit != 0 && room > reply->start + reply->limit)
            room = reply->start + reply->limit;
        if (room < reply->bytes + bytes) room = reply->bytes + bytes;
        to = mem_realloc(MEM_BUFFER, reply->at, room);
        if (to == NULL) {
            fail(reply, REPLY_NOMEM);
            return NULL;
        }
        reply->at = to;
        reply->room = room;
    }
    set_end(reply);
    return reply->at + reply->bytes;
}

static void drop_blobs(struct reply *reply, uint32_t from)
{
    for (uint32_t i = from; i < reply->n_blobs; i++) {
        reply->blob_bytes -= reply->blobs[i].n;
        loom_blob_drop(reply->blobs[i].blob);
    }
    reply->n_blobs = from;
}

void reply_begin(struct reply *reply, int proto, size_t limit_bytes)
{
    drop_blobs(reply, reply->blob_start);
    if (reply->room > KEEP_BYTES) {
        mem_free(MEM_BUFFER, reply->at);
        reply->at = NULL;
        reply->room = 0;
    }
    if (reply->room_blobs > KEEP_BLOBS) {
        mem_free(MEM_BUFFER, reply->blobs);
        reply->blobs = NULL;
        reply->room_blobs = 0;
    }
    reply->start = reply->bytes = 0;
    reply->blob_start = reply->n_blobs = 0;
    reply->failed = REPLY_WELL;
    reply->proto = (uint8_t)proto;
    reply->limit = limit_bytes;
    set_end(reply);
}

void reply_free(struct reply *reply)
{
    drop_blobs(reply, reply->blob_start);
    mem_free(MEM_BUFFER, reply->at);
    mem_free(MEM_BUFFER, reply->blobs);
    *reply = (struct reply){0};
}

void reply_simple(struct reply *reply, const char *text)
{
    size_t n = strlen(text);
    char *at = reply_reserve(reply, n + 3);

    if (at == NULL) return;
    *at = '+';
    memcpy(at + 1, text, n);
    memcpy(at + 1 + n, "\r\n", 2);
    reply->bytes += n + 3;
}

void reply_bulk_int(struct reply *reply, int64_t value)
{
    char digits[20];

    reply_bulk(reply, digits, bytes_from_i64(digits, value));
}

void reply_double(struct reply *reply, double value)
{
    char text[40];
    int n = 0;

    if (isnan(value)) {
        n = snprintf(text, sizeof text, "nan");
    } else if (isinf(value)) {
        n = snprintf(text, sizeof text, value > 0 ? "inf" : "-inf");
    } else {
        for (int digits = 15; digits <= 17; digits++) {
            n = snprintf(text, sizeof text, "%.*g", digits, value);
            if (strtod(text, NULL) == value) break;
        }
    }
    if (reply->proto == 3) {
        char *at = reply_reserve(reply, (size_t)n + 3);
        if (at == NULL) return;
        *at = ',';
        memcpy(at + 1, text, (size_t)n);
        memcpy(at + 1 + n, "\r\n", 2);
        reply->bytes += (size_t)n + 3;
    } else {
        reply_bulk(reply, text, (size_t)n);
    }
}

void reply_big_number(struct reply *reply, struct slice digits)
{
    char *at;

    if (reply->proto != 3) {
        reply_bulk(reply, digits.at, digits.bytes);
        return;
    }
    at = reply_reserve(reply, digits.bytes + 3);
    if (at == NULL) return;
    *at = '(';
    memcpy(at + 1, digits.at, digits.bytes);
    memcpy(at + 1 + digits.bytes, "\r\n", 2);
    reply->bytes += digits.bytes + 3;
}

void reply_verbatim(struct reply *reply, const char *kind, struct slice text)
{
    char *at;

    LOOM_ASSERT(strlen(kind) == 3);
    if (reply->proto != 3) {
        reply_bulk(reply, text.at, text.bytes);
        return;
    }
    at = reply_reserve(reply, text.bytes + REPLY_HEAD_BYTES + 6);
    if (at == NULL) return;
    at = reply_head(at, '=', text.bytes + 4);
    at = stpcpy(at, kind);
    *at++ = ':';
    if (text.bytes > 0) memcpy(at, text.at, text.bytes);
    at += text.bytes;
    *at++ = '\r';
    *at++ = '\n';
    reply_commit(reply, at);
}

void reply_error(struct reply *reply, const char *format, ...)
{
    char *at = reply_reserve(reply, ERROR_BYTES + 3);
    va_list args;
    int n;

    if (at == NULL) return;
    at[0] = '-';
    va_start(args, format);
    n = vsnprintf(at + 1, ERROR_BYTES, format, args);
    va_end(args);
    if (n < 0) n = 0;
    if (n >= (int)ERROR_BYTES) n = (int)ERROR_BYTES - 1;
    at++;
    for (char *end = at + n; at < end; at++)
        if (*at == '\r' || *at == '\n') *at = ' ';
    *at++ = '\r';
    *at++ = '\n';
    reply_commit(reply, at);
}

/* A place in the list, before the blob is held: a failure leaves nothing behind. */
static struct reply_blob *blob_place(struct reply *reply)
{
    if (reply->n_blobs == reply->room_blobs) {
        uint32_t room = reply->room_blobs ? reply->room_blobs * 2 : 8;
        struct reply_blob *blobs = mem_realloc(MEM_BUFFER, reply->blobs, room * sizeof *blobs);
        if (blobs == NULL) {
            fail(reply, REPLY_NOMEM);
            return NULL;
        }
        reply->blobs = blobs;
        reply->room_blobs = room;
    }
    return &reply->blobs[reply->n_blobs];
}

/* The blob goes to the end of what is there; the hold is the caller's. */
static bool blob_push(struct reply *reply, struct loom_blob *blob, const char *from, size_t n)
{
    size_t waiting = reply_waiting(reply);
    struct reply_blob *place;

    if (reply->failed != REPLY_WELL) return false;
    if (reply->limit != 0 && (waiting > reply->limit || n > reply->limit - waiting)) {
        fail(reply, REPLY_OVER_LIMIT);
        return false;
    }
    place = blob_place(reply);
    if (place == NULL) return false;
    *place = (struct reply_blob){reply->bytes, blob, from, n};
    reply->n_blobs++;
    reply->blob_bytes += n;
    set_end(reply);
    return true;
}

void reply_blob(struct reply *reply, struct loom_blob *blob, const char *from, size_t n)
{
    if (n == 0) {
        reply_bulk(reply, NULL, 0);
        return;
    }
    reply_head_only(reply, '$', n);
    if (!blob_push(reply, blob, from, n)) return;
    loom_blob_hold(blob);
    reply_raw(reply, "\r\n", 2);
}

size_t reply_later(struct reply *reply)
{
    size_t place = reply->bytes;

    if (reply_reserve(reply, REPLY_HEAD_BYTES) != NULL) reply->bytes += REPLY_HEAD_BYTES;
    return place;
}

/* Put the head in its place and close the gap behind it. */
static void head_at(struct reply *reply, size_t place, char mark, uint64_t n)
{
    size_t behind = place + REPLY_HEAD_BYTES, gap;
    char *end;

    if (reply->failed != REPLY_WELL) return;
    LOOM_ASSERT(place >= reply->start && behind <= reply->bytes);
    end = reply_head(reply->at + place, mark, n);
    gap = (size_t)(reply->at + behind - end);
    memmove(end, reply->at + behind, reply->bytes - behind);
    reply->bytes -= gap;
    for (uint32_t i = reply->n_blobs; i > reply->blob_start && reply->blobs[i - 1].at > place; i--)
        reply->blobs[i - 1].at -= gap;
}

void reply_array_at(struct reply *reply, size_t place, uint64_t n)
{
    head_at(reply, place, '*', n);
}

void reply_map_at(struct reply *reply, size_t place, uint64_t n)
{
    if (reply->proto == 3) head_at(reply, place, '%', n);
    else head_at(reply, place, '*', 2 * n);
}

void reply_rewind(struct reply *reply, size_t bytes)
{
    uint32_t keep = reply->n_blobs;

    LOOM_ASSERT(bytes >= reply->start && bytes <= reply->bytes);
    /* A blob stands between its head and its CRLF, never at the edge of a value. */
    while (keep > reply->blob_start && reply->blobs[keep - 1].at > bytes) keep--;
    drop_blobs(reply, keep);
    reply->bytes = bytes;
    set_end(reply);
}

/* One piece after the other as it is sent: bytes up to the next blob, the blob, and so on. */
struct walk {
    const struct reply *reply;
    size_t at;     /* in the reply's bytes */
    uint32_t next; /* blob */
};
/* The next piece, never empty; false: no more.  *ret_blob: NULL for bytes. */
static bool walk_next(struct walk *walk, struct slice *ret, const struct reply_blob **ret_blob)
{
    const struct reply *r = walk->reply;
    bool more = walk->next < r->n_blobs;
    size_t until = more ? r->blobs[walk->next].at : r->bytes;

    *ret_blob = NULL;
    if (walk->at < until) {
        *ret = slice_of(r->at + walk->at, until - walk->at);
        walk->at = until;
        return true;
    }
    if (!more) return false;
    *ret_blob = &r->blobs[walk->next++];
    *ret = slice_of((*ret_blob)->from, (*ret_blob)->n);
    return true;
}

size_t reply_iovecs(const struct reply *reply, size_t offset, struct iovec *ret, size_t cap)
{
    struct walk walk = {reply, reply->start, reply->blob_start};
    const struct reply_blob *blob;
    struct slice piece;
    size_t n = 0;

    while (n < cap && walk_next(&walk, &piece, &blob)) {
        if (offset >= piece.bytes) {
            offset -= piece.bytes;
            continue;
        }
        ret[n].iov_base = (char *)(uintptr_t)piece.at + offset;
        ret[n++].iov_len = piece.bytes - offset;
        offset = 0;
    }
    return n;
}

/* Bring what waits to the front once it is the smaller half: each byte moves once on average. */
static void compact(struct reply *reply)
{
    size_t waits = reply->bytes - reply->start;

    if (reply->start < waits || reply->start == 0) return;
    memmove(reply->at, reply->at + reply->start, waits);
    for (uint32_t i = reply->blob_start; i < reply->n_blobs; i++)
        reply->blobs[i].at -= reply->start;
    reply->start = 0;
    reply->bytes = waits;
}

static void compact_blobs(struct reply *reply)
{
    uint32_t waits = reply->n_blobs - reply->blob_start;

    if (reply->blob_start < waits || reply->blob_start == 0) return;
    memmove(reply->blobs, reply->blobs + reply->blob_start, waits * sizeof *reply->blobs);
    reply->blob_start = 0;
    reply->n_blobs = waits;
}

void reply_cut(struct reply *reply, size_t n)
{
    LOOM_ASSERT(n <= reply_waiting(reply));
    while (n > 0) {
        bool more = reply->blob_start < reply->n_blobs;
        struct reply_blob *blob = more ? &reply->blobs[reply->blob_start] : NULL;
        size_t before = (more ? blob->at : reply->bytes) - reply->start;
        size_t step = n < before ? n : before;
        reply->start += step;
        n -= step;
        if (n == 0 || !more) break;
        step = n < blob->n ? n : blob->n;
        blob->from += step;
        blob->n -= step;
        reply->blob_bytes -= step;
        n -= step;
        if (blob->n > 0) break;
        loom_blob_drop(blob->blob);
        reply->blob_start++;
    }
    compact(reply);
    compact_blobs(reply);
    set_end(reply);
}

void reply_move_rest(struct reply *to, struct reply *from, size_t offset)
{
    struct walk walk;
    const struct reply_blob *blob;
    struct slice piece;

    reply_cut(from, offset);
    walk = (struct walk){from, from->start, from->blob_start};
    while (to->failed == REPLY_WELL && walk_next(&walk, &piece, &blob)) {
        if (blob == NULL) reply_raw(to, piece.at, piece.bytes);
        else if (blob_push(to, blob->blob, piece.at, piece.bytes)) loom_blob_hold(blob->blob);
    }
    if (from->failed != REPLY_WELL && to->failed == REPLY_WELL)
        fail(to, (enum reply_failure)from->failed);
    reply_begin(from, from->proto, from->limit);
}
