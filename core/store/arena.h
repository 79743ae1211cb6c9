/* arena.h - the memory of one partition's entries: fine size classes in one address range.
 *
 * Not a general allocator: it serves one partition, under that partition's lock, and knows the
 * size of what it is given back.  General allocators space their classes 20 to 25 % apart above a
 * few hundred bytes; here they are 8 bytes apart up to 256, 16 up to 1 KiB and 1/16 above, so a
 * 16+512 byte item wastes 8 bytes instead of 88.
 *
 *   range:  | span | span | span | ...        reserved once, committed as it grows
 *   span:   | block | block | ... | tail |    one size class each, 16 KiB or a multiple
 *
 * A block's reference is its distance from the base in units of 8 bytes, so 32 bits reach 32 GiB.
 * Spans that become empty go back to the system (beyond one kept per class).
 */
#ifndef CORE_STORE_ARENA_H
#define CORE_STORE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

#define ARENA_BLOCK_MAX 32768u /* larger things are blobs */
#define ARENA_UNIT_BYTES 16384u
#define ARENA_CLASSES 176u

struct arena_span; /* the side table's row for one unit */

struct arena {
    char *base;
    uint64_t reserved_bytes;
    uint32_t n_units, n_units_committed; /* used so far; readable and writable so far */
    uint64_t used_bytes;                 /* blocks handed out, by size class */
    uint64_t span_bytes;                 /* units that belong to spans: what the system sees */
    struct arena_span *spans;            /* one row per unit, reserved like the range */
    uint32_t free_runs;                  /* head of the list of free unit runs; 0: none */
    uint32_t partial[ARENA_CLASSES];     /* head of the spans with room, per class */
    uint32_t spare[ARENA_CLASSES];       /* one empty span kept per class; 0: none */
};

/* arena_open - reserve (not commit) up to range_bytes of address space; halves the wish down to
 * 1 GiB when the address space is limited.  LOOM_E_NOMEM with a sentence.  [init] */
int arena_open(struct arena *arena, uint64_t range_bytes, struct error *error);
void arena_close(struct arena *arena);

/* arena_alloc - bytes <= ARENA_BLOCK_MAX; 8-byte aligned, not zeroed.  NULL: the system gives no
 * more, or the range is full.  O(1).  [owner] */
void *arena_alloc(struct arena *arena, size_t bytes);
void arena_free(struct arena *arena, void *at, size_t bytes);
/* arena_charge - the size class that holds this many bytes.  [any-thread] */
size_t arena_charge(size_t bytes);
/* arena_verify - walk everything and check it; O(spans).  Tests. */
bool arena_verify(const struct arena *arena);

#endif
