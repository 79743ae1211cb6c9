/* call.c - what run functions have in common: arguments read, values and errors written.
 *
 * The words of an error are part of the protocol: clients and their test suites match them, so
 * they are Redis', to the letter. */
#include "core/command/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COPY_MAX 4096 /* cheaper to copy than to hold, lend and let go */
/* What waits for a slow reader is counted by its length, while a hold keeps the whole blob: so only
 * a good part of it is lent, and what waits keeps at most this many times as much. */
#define LEND_PART 4

void call_error(struct call *call, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    reply_error(call->reply, "ERR %s", text);
}

void call_wrong_args(struct call *call)
{
    call_error(call, "wrong number of arguments for '%s' command", call->command->name);
}

void call_syntax_error(struct call *call) { call_error(call, "syntax error"); }

void call_failed(struct call *call, int code)
{
    switch (code) {
    case LOOM_E_NOSPACE:
        reply_error(call->reply, "OOM command not allowed when used memory > 'maxmemory'.");
        return;
    case LOOM_E_NOMEM:
        reply_error(call->reply, "OOM the machine has no memory left for this command");
        return;
    case LOOM_E_LIMIT:
        call_error(call, "string exceeds maximum allowed size (proto-max-bulk-len)");
        return;
    default:
        call_error(call, "%s", error_name(code));
        return;
    }
}

bool call_i64(struct call *call, uint32_t arg, int64_t *ret)
{
    if (bytes_to_i64(call->argv[arg], ret)) return true;
    call_error(call, "value is not an integer or out of range");
    return false;
}

bool call_expiry(struct call *call, uint32_t arg, int64_t unit_ms, bool absolute, uint64_t *ret)
{
    int64_t at;

    if (!call_i64(call, arg, &at)) return false;
    if (at <= 0 || __builtin_mul_overflow(at, unit_ms, &at) ||
        (!absolute && __builtin_add_overflow(at, (int64_t)call->now_ms, &at))) {
        call_error(call, "invalid expire time in '%s' command", call->command->name);
        return false;
    }
    *ret = (uint64_t)at;
    return true;
}

void call_reply_view(struct call *call, const struct value_view *view, uint64_t from,
                     uint64_t bytes)
{
    if (view->blob != NULL && bytes > COPY_MAX && bytes >= view->bytes / LEND_PART)
        reply_blob(call->reply, view->blob, view->at + from, bytes);
    else
        reply_bulk(call->reply, view->at + from, bytes);
}

/* A blob is lent to the reply, a compressed value is unpacked on the way. */
static bool reply_other_value(struct call *call, struct partition *p, loom_entry *e)
{
    struct value_view view;
    int rc = value_read(p, e, &view);

    if (rc != 0) {
        call_failed(call, rc);
        return false;
    }
    call_reply_view(call, &view, 0, view.bytes);
    value_release(&view);
    return true;
}

bool call_reply_value(struct call *call, struct partition *p, loom_entry *e)
{
    if (__builtin_expect((e->size_flags & LOOM_ENTRY_OUTLINE) == 0 &&
                             loom_entry_type(e) == LOOM_TYPE_STRING, 1)) {
        reply_bulk(call->reply, loom_entry_value(e), loom_entry_value_bytes(e));
        return true;
    }
    return reply_other_value(call, p, e);
}

bool call_string(struct call *call, uint32_t i, enum store_look look, loom_entry **ret)
{
    loom_entry *e = partition_find(&call->keys[i], look);

    if (e != NULL && !call_is_string(e)) {
        reply_error(call->reply,
                    "WRONGTYPE Operation against a key holding the wrong kind of value");
        return false;
    }
    *ret = e;
    return true;
}

bool call_view(struct call *call, uint32_t i, enum store_look look, loom_entry **ret_e,
               struct value_view *ret)
{
    loom_entry *e;
    int rc;

    if (!call_string(call, i, look, &e)) return false;
    memset(ret, 0, sizeof *ret);
    if (e != NULL && (rc = value_read(call->keys[i].partition, e, ret)) != 0) {
        call_failed(call, rc);
        return false;
    }
    if (ret_e != NULL) *ret_e = e;
    return true;
}

bool call_put(struct call *call, uint32_t i, uint32_t arg, loom_entry *old)
{
    struct store_put put = {
        .value = call->argv[arg], .blob = call_blob(call, arg), .old = old};
    int rc = partition_put(&call->keys[i], &put, NULL);

    if (__builtin_expect(rc == 0, 1)) return true;
    call_failed(call, rc);
    return false;
}

bool call_edit(struct call *call, uint32_t i, loom_entry *e, uint64_t bytes, char **ret_at)
{
    int rc = partition_edit(&call->keys[i], e, bytes, ret_at);

    if (rc == 0) return true;
    call_failed(call, rc);
    return false;
}

bool call_room(struct call *call, uint64_t offset, uint64_t bytes)
{
    if (offset <= STORE_VALUE_MAX && bytes <= STORE_VALUE_MAX - offset) return true;
    call_failed(call, LOOM_E_LIMIT);
    return false;
}

bool call_range(int64_t *start, int64_t *end, int64_t n)
{
    int64_t from = *start, to = *end;

    if (from < 0) from = from + n > 0 ? from + n : 0;
    if (to < 0) to = to + n > 0 ? to + n : 0;
    if (to >= n) to = n - 1;
    if (from > to) return false;
    *start = from;
    *end = to;
    return true;
}
