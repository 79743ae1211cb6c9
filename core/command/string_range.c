/* string_range.c - a part of a value: APPEND, STRLEN, GETRANGE (SUBSTR), SETRANGE.
 *
 * What changes a part of a value keeps the key's TTL. */
#include <string.h>

#include "core/command/call.h"
#include "core/command/string.h"

void string_append(struct call *call)
{
    struct slice more = call->argv[2];
    uint64_t bytes;
    loom_entry *e;
    char *at;

    if (!call_string(call, 0, STORE_WRITE, &e)) return;
    if (e == NULL) {
        if (call_put(call, 0, 2, NULL)) reply_int(call->reply, (int64_t)more.bytes);
        return;
    }
    bytes = value_bytes(call->keys[0].partition, e);
    if (more.bytes != 0) {
        if (!call_room(call, bytes, more.bytes)) return;
        if (!call_edit(call, 0, e, bytes + more.bytes, &at)) return;
        memcpy(at + bytes, more.at, more.bytes);
    }
    reply_int(call->reply, (int64_t)(bytes + more.bytes));
}

void string_strlen(struct call *call)
{
    loom_entry *e;

    if (!call_string(call, 0, STORE_READ, &e)) return;
    reply_int(call->reply, e ? (int64_t)value_bytes(call->keys[0].partition, e) : 0);
}

void string_getrange(struct call *call)
{
    struct value_view view;
    int64_t start, end, bytes;

    if (!call_i64(call, 2, &start) || !call_i64(call, 3, &end)) return;
    if (!call_view(call, 0, STORE_READ, NULL, &view)) return;
    bytes = (int64_t)view.bytes;
    if (!call_range_reversed(start, end) && call_range(&start, &end, bytes))
        call_reply_view(call, &view, (uint64_t)start, (uint64_t)(end - start + 1));
    else
        reply_bulk(call->reply, "", 0);
    value_release(&view);
}

void string_setrange(struct call *call)
{
    struct slice part = call->argv[3];
    uint64_t bytes = 0;
    int64_t offset;
    loom_entry *e;
    char *at;

    if (!call_i64(call, 2, &offset)) return;
    if (offset < 0) {
        call_error(call, "offset is out of range");
        return;
    }
    if (!call_string(call, 0, STORE_WRITE, &e)) return;
    if (e != NULL) bytes = value_bytes(call->keys[0].partition, e);
    if (part.bytes != 0) { /* writing nothing creates and changes nothing */
        uint64_t needed = (uint64_t)offset + part.bytes;
        if (!call_room(call, (uint64_t)offset, part.bytes)) return;
        if (needed > bytes) bytes = needed;
        if (!call_edit(call, 0, e, bytes, &at)) return;
        memcpy(at + offset, part.at, part.bytes);
    }
    reply_int(call->reply, (int64_t)bytes);
}
