/* call.h - more helpers for run functions, for those that read and write strings.
 *
 * Functions that return bool have written an error reply when they return false. */
#ifndef CORE_COMMAND_CALL_H
#define CORE_COMMAND_CALL_H

#include "core/command/command.h"

static inline bool call_is_string(const loom_entry *e)
{
    return loom_entry_type(e) <= LOOM_TYPE_STRING_LZ4;
}

/* call_view - the bytes of key i, to be given back with value_release(); absent: an empty view.
 * ret_e may be NULL. */
bool call_view(struct call *call, uint32_t i, enum store_look look, loom_entry **ret_e,
               struct value_view *ret);
/* call_reply_view - part of a view as a bulk; a large part of a blob goes out by reference. */
void call_reply_view(struct call *call, const struct value_view *view, uint64_t from,
                     uint64_t bytes);
/* call_blob - the blob that an argument was received in; NULL: it has none. */
static inline struct loom_blob *call_blob(const struct call *call, uint32_t arg)
{
    return call->blobs != NULL ? call->blobs[arg] : NULL;
}
/* call_put - store argument arg under key i.  old: as in struct store_put.  No reply when true. */
bool call_put(struct call *call, uint32_t i, uint32_t arg, loom_entry *old);
/* call_edit - partition_edit() of key i with its errors written. */
bool call_edit(struct call *call, uint32_t i, loom_entry *e, uint64_t bytes, char **ret_at);
/* call_room - may a string become this long?  Writes the error when not. */
bool call_room(struct call *call, uint64_t offset, uint64_t bytes);
/* call_range - start and end as clients give them, negative ones from the end, to positions in n
 * things, both included.  false: nothing lies between them.  Both before the first: that one, as in
 * Redis; GETRANGE and BITCOUNT ask first whether they are the wrong way round, BITPOS does not. */
bool call_range(int64_t *start, int64_t *end, int64_t n);
static inline bool call_range_reversed(int64_t start, int64_t end)
{
    return start < 0 && end < 0 && start > end;
}

#endif
