/* scratch.h - memory that is given out piece by piece and taken back all at once.
 *
 * A list of chunks, each twice the size of the one before up to a bound; a pointer moves through
 * the newest.  Pieces never move.  Zeroed is empty and holds nothing.  Thread: [owner].
 */
#ifndef CORE_WIRE_SCRATCH_H
#define CORE_WIRE_SCRATCH_H

#include <stddef.h>

struct scratch_chunk;
struct scratch {
    char *at, *end;               /* free part of the newest chunk */
    struct scratch_chunk *chunks; /* newest first */
    size_t held_bytes;            /* of all chunks */
};

/* scratch_more - a piece that the newest chunk has no room for.  Ask scratch_take(). */
void *scratch_more(struct scratch *scratch, size_t bytes);

/* scratch_take - some bytes (not 0), 8-byte aligned, not zeroed; NULL: out of memory. */
static inline void *scratch_take(struct scratch *scratch, size_t bytes)
{
    void *at = scratch->at;

    if (__builtin_expect((size_t)(scratch->end - scratch->at) < bytes, 0))
        return scratch_more(scratch, bytes);
    /* Chunks are a multiple of 8 long, so rounding up stays inside. */
    scratch->at += (bytes + 7) & ~(size_t)7;
    return at;
}

/* scratch_untake - give the piece taken last back. */
static inline void scratch_untake(struct scratch *scratch, void *at) { scratch->at = at; }

/* scratch_reset - take everything back; one chunk of at most keep_bytes stays for the next use. */
void scratch_reset(struct scratch *scratch, size_t keep_bytes);

#endif
