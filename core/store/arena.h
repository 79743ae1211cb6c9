/* arena.h - the memory of one partition's entries: fine size classes in one address range.
 *
 * Not a general allocator: it serves one partition, under that partition's lock, and knows the
 * size of what it is given back.  General allocators space their classes 20 to 25 % apart above a
 * few hundred bytes; here they are 8 bytes apart up to 256, 16 up to 1 KiB and 1/16 above, so a
 * 24+512 byte item wastes 8 bytes instead of 88.
 *
 *   range:  | (unused) | slot | slot | ...     128 KiB each; reserved once, committed as it grows
 *   slot:   | one span of a class over 1 KiB |   or carved into
 *           | span | span | ... 8 of 16 KiB, each of a class up to 1 KiB |
 *   span:   | block | block | ... | tail |
 *
 * A block's reference is its distance from the base in units of 8 bytes, so 32 bits reach 32 GiB.
 * A slot that becomes empty goes back to the system, but for a few kept at hand.
 */
#ifndef CORE_STORE_ARENA_H
#define CORE_STORE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

#define ARENA_BLOCK_MAX 98304u /* a key of 64 KiB and a value of 16 fit; larger ones are blobs */
#define ARENA_CLASSES 185u

struct arena_row; /* the side table: one row per 16 KiB unit */

struct arena {
    char *base;
    uint64_t reserved_bytes;
    uint32_t n_slots;           /* used so far, the unused first one included */
    uint32_t n_slots_committed; /* readable and writable so far */
    uint32_t n_slots_max;
    uint32_t n_slots_cached;    /* free, but not given back to the system */
    uint64_t used_bytes;        /* blocks handed out, by size class; METRIC_READ() */
    uint64_t span_bytes;        /* of all spans, what fragmentation costs included; METRIC_READ() */
    struct arena_row *rows;
    uint32_t free_slots;  /* head of the list of free slots (unit number); 0: none */
    uint32_t open_slots;  /* head of the list of carved slots with a free unit */
    uint32_t partial[ARENA_CLASSES]; /* head of the spans with room, per class */
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
