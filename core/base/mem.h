/* mem.h - the heap, counted by purpose, with a door for fault injection.
 *
 * Everything in core that is not an entry (those live in the arena of their partition) comes from
 * here.  Each allocation belongs to a purpose, so that `INFO memory` and the metrics can say where
 * memory went.  Tests make the k-th allocation fail with mem_fail_at().
 *
 * Thread: all functions are [any-thread].  Counts are per purpose, relaxed.
 */
#ifndef CORE_BASE_MEM_H
#define CORE_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mem_purpose {
    MEM_OTHER = 0,
    MEM_CONN,   /* connections and their sessions */
    MEM_BUFFER, /* query and output buffers */
    MEM_BLOB,   /* large values */
    MEM_INDEX,  /* tables that find entries */
    MEM_PLUGIN, /* what plugins took from their host */
    MEM_CONFIG,
    MEM_METRIC,
    MEM_PURPOSES
};

void *mem_alloc(enum mem_purpose purpose, size_t bytes);  /* NULL: out of memory */
void *mem_zalloc(enum mem_purpose purpose, size_t bytes); /* zeroed */
/* Grow or shrink; on failure NULL, and at is as it was.  at may be NULL. */
void *mem_realloc(enum mem_purpose purpose, void *at, size_t bytes);
void mem_free(enum mem_purpose purpose, void *at);
char *mem_strdup(enum mem_purpose purpose, const char *text);
/* mem_charge_of - bytes the allocator really sets aside for a request of this size. */
size_t mem_charge_of(size_t bytes);

/* mem_charge - account for memory obtained elsewhere (mmap). */
void mem_charge(enum mem_purpose purpose, int64_t bytes);
uint64_t mem_used(enum mem_purpose purpose);
const char *mem_purpose_name(enum mem_purpose purpose);

/* mem_fail_at - the k-th allocation from now on fails (1: the next one), and only that one;
 * 0: none.  mem_count() counts allocations asked for since the last mem_fail_at().  Tests only. */
void mem_fail_at(uint64_t k);
/* mem_refuse - for allocators of our own (the arena): count one allocation; true: it must fail. */
bool mem_refuse(void);
uint64_t mem_count(void);

#endif
