/* arena.c - see arena.h. */
#include "core/store/arena.h"

#include <string.h>
#include <sys/mman.h>

#include "core/base/metric.h"

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define HIDE(at, bytes) __asan_poison_memory_region(at, bytes)
#define SHOW(at, bytes) __asan_unpoison_memory_region(at, bytes)
#else
#define HIDE(at, bytes) ((void)(at), (void)(bytes))
#define SHOW(at, bytes) ((void)(at), (void)(bytes))
#endif

#define UNIT_BYTES 16384u
#define SLOT_UNITS 8u
#define SLOT_BYTES (UNIT_BYTES * SLOT_UNITS)
#define SMALL_MAX 1024u    /* larger classes take a whole slot as their span */
#define COMMIT_SLOTS 16u   /* 2 MiB at a time */
#define CACHED_SLOTS_MAX 4 /* free slots kept at hand per partition */

enum unit_state { UNIT_FREE = 0, UNIT_SPAN, UNIT_CARVED };

/* One row per unit.  A span's row is that of its first unit.  A slot's own links (free, open) are
 * in the row of its first unit too: a slot is in one of those lists only while it is no span. */
struct arena_row {
    uint32_t next, prev;      /* spans with room of one class */
    uint32_t slot_next, slot_prev;
    uint32_t free_ref;        /* freed blocks, linked through their first four bytes */
    uint16_t n_used, n_fresh; /* handed out; never handed out yet begins at n_fresh */
    uint8_t class;
    uint8_t state;      /* enum unit_state, of a unit; the first of a slot: what the slot is */
    uint8_t units_free; /* of a carved slot: one bit per unit */
    uint8_t slot_state;
};

static uint32_t class_of(size_t bytes)
{
    if (bytes <= 256) return bytes == 0 ? 1 : (uint32_t)(bytes + 7) / 8;
    if (bytes <= 1024) return 32 + (uint32_t)(bytes - 256 + 15) / 16;
    /* From 1 KiB on: 16 classes per power of two. */
    uint32_t power = 31 - (uint32_t)__builtin_clz((uint32_t)bytes - 1); /* 10 for 1025 to 2048 */
    uint32_t step = 1u << (power - 4);

    return 80 + (power - 10) * 16 + ((uint32_t)bytes - (1u << power) + step - 1) / step;
}

static uint32_t class_bytes(uint32_t class)
{
    if (class <= 32) return class * 8;
    if (class <= 80) return 256 + (class - 32) * 16;
    uint32_t power = 10 + (class - 81) / 16, in = (class - 81) % 16 + 1;

    return (1u << power) + in * (1u << (power - 4));
}

static uint32_t span_bytes_of(uint32_t class)
{
    return class_bytes(class) <= SMALL_MAX ? UNIT_BYTES : SLOT_BYTES;
}

size_t arena_charge(size_t bytes) { return class_bytes(class_of(bytes)); }

/* ---- address space ------------------------------------------------------------------------ */

static void *reserve(uint64_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (at == MAP_FAILED) at = NULL;
    return at;
}

int arena_open(struct arena *arena, uint64_t range_bytes, struct error *error)
{
    const uint64_t least = 1ull << 30, most = 1ull << 35;

    memset(arena, 0, sizeof *arena);
    if (range_bytes > most) range_bytes = most;
    if (range_bytes < least) range_bytes = least;
    for (; range_bytes >= least; range_bytes /= 2) {
        uint64_t n_slots = range_bytes / SLOT_BYTES;

        arena->base = reserve(range_bytes);
        if (arena->base == NULL) continue;
        arena->rows = reserve(n_slots * SLOT_UNITS * sizeof(struct arena_row));
        if (arena->rows != NULL) {
            arena->reserved_bytes = range_bytes;
            arena->n_slots_max = (uint32_t)n_slots;
            arena->n_slots = 1; /* the first stays unused, so that reference 0 is nobody */
            return 0;
        }
        munmap(arena->base, range_bytes);
    }
    arena->base = NULL;
    return error_set(error, LOOM_E_NOMEM,
                     "cannot reserve 1 GiB of address space for a partition: raise the limit on "
                     "virtual memory (ulimit -v) or lower storage.partitions");
}

void arena_close(struct arena *arena)
{
    if (arena->base == NULL) return;
    SHOW(arena->base, (size_t)arena->n_slots_committed * SLOT_BYTES);
    munmap(arena->base, arena->reserved_bytes);
    munmap(arena->rows, (uint64_t)arena->n_slots_max * SLOT_UNITS * sizeof(struct arena_row));
    memset(arena, 0, sizeof *arena);
}

static bool commit(struct arena *arena)
{
    uint32_t from = arena->n_slots_committed, to = from + COMMIT_SLOTS;
    const size_t row_bytes = SLOT_UNITS * sizeof(struct arena_row); /* a slot's rows: 256 bytes */
    const size_t page = 4096;

    if (to > arena->n_slots_max) to = arena->n_slots_max;
    if (to <= from) return false;
    size_t rows_from = from * row_bytes / page * page, rows_to = to * row_bytes;
    if (mprotect((char *)arena->rows + rows_from, rows_to - rows_from, PROT_READ | PROT_WRITE) != 0)
        return false;
    if (mprotect(arena->base + (size_t)from * SLOT_BYTES, (size_t)(to - from) * SLOT_BYTES,
                 PROT_READ | PROT_WRITE) != 0)
        return false;
    arena->n_slots_committed = to;
    return true;
}

/* ---- slots -------------------------------------------------------------------------------- */

static void slot_list_push(struct arena *arena, uint32_t *list, uint32_t unit)
{
    struct arena_row *row = &arena->rows[unit];

    row->slot_prev = 0;
    row->slot_next = *list;
    if (*list != 0) arena->rows[*list].slot_prev = unit;
    *list = unit;
}

static void slot_list_remove(struct arena *arena, uint32_t *list, uint32_t unit)
{
    struct arena_row *row = &arena->rows[unit];

    if (row->slot_prev != 0) arena->rows[row->slot_prev].slot_next = row->slot_next;
    else *list = row->slot_next;
    if (row->slot_next != 0) arena->rows[row->slot_next].slot_prev = row->slot_prev;
}

static uint32_t slot_take(struct arena *arena) /* unit number; 0: none to be had */
{
    uint32_t unit = arena->free_slots;

    if (unit != 0) {
        slot_list_remove(arena, &arena->free_slots, unit);
        if (arena->n_slots_cached > 0) arena->n_slots_cached--;
        return unit;
    }
    if (arena->n_slots >= arena->n_slots_committed && !commit(arena)) return 0;
    return arena->n_slots++ * SLOT_UNITS;
}

static void slot_give(struct arena *arena, uint32_t unit)
{
    arena->rows[unit].slot_state = UNIT_FREE;
    if (arena->n_slots_cached >= CACHED_SLOTS_MAX) {
        char *at = arena->base + (size_t)unit * UNIT_BYTES;

        SHOW(at, SLOT_BYTES);
        madvise(at, SLOT_BYTES, MADV_DONTNEED); /* a failure only keeps the pages */
    } else {
        arena->n_slots_cached++;
    }
    slot_list_push(arena, &arena->free_slots, unit);
}

/* ---- spans -------------------------------------------------------------------------------- */

static void span_link(struct arena *arena, uint32_t unit)
{
    struct arena_row *row = &arena->rows[unit];
    uint32_t *head = &arena->partial[row->class];

    row->prev = 0;
    row->next = *head;
    if (*head != 0) arena->rows[*head].prev = unit;
    *head = unit;
}

static void span_unlink(struct arena *arena, uint32_t unit)
{
    struct arena_row *row = &arena->rows[unit];

    if (row->prev != 0) arena->rows[row->prev].next = row->next;
    else arena->partial[row->class] = row->next;
    if (row->next != 0) arena->rows[row->next].prev = row->prev;
    row->next = row->prev = 0;
}

static uint32_t unit_take(struct arena *arena) /* one unit of a carved slot; 0: none */
{
    uint32_t slot = arena->open_slots;

    if (slot == 0) {
        slot = slot_take(arena);
        if (slot == 0) return 0;
        arena->rows[slot].slot_state = UNIT_CARVED;
        arena->rows[slot].units_free = 0xff;
        slot_list_push(arena, &arena->open_slots, slot);
    }
    uint32_t i = (uint32_t)__builtin_ctz(arena->rows[slot].units_free);

    arena->rows[slot].units_free &= (uint8_t)~(1u << i);
    if (arena->rows[slot].units_free == 0) slot_list_remove(arena, &arena->open_slots, slot);
    return slot + i;
}

static void unit_give(struct arena *arena, uint32_t unit)
{
    uint32_t slot = unit & ~(SLOT_UNITS - 1);
    uint8_t before = arena->rows[slot].units_free;

    arena->rows[slot].units_free = (uint8_t)(before | 1u << (unit - slot));
    if (before == 0) slot_list_push(arena, &arena->open_slots, slot);
    if (arena->rows[slot].units_free == 0xff) {
        slot_list_remove(arena, &arena->open_slots, slot);
        slot_give(arena, slot);
    }
}

static uint32_t span_new(struct arena *arena, uint32_t class)
{
    bool small = class_bytes(class) <= SMALL_MAX;
    uint32_t unit = small ? unit_take(arena) : slot_take(arena);

    if (unit == 0) return 0;
    struct arena_row *row = &arena->rows[unit];

    if (!small) row->slot_state = UNIT_SPAN;
    row->state = UNIT_SPAN;
    row->class = (uint8_t)class;
    row->n_used = row->n_fresh = 0;
    row->free_ref = 0;
    METRIC_ADD(arena->span_bytes, span_bytes_of(class));
    HIDE(arena->base + (size_t)unit * UNIT_BYTES, span_bytes_of(class));
    span_link(arena, unit);
    return unit;
}

static void span_drop(struct arena *arena, uint32_t unit)
{
    uint32_t class = arena->rows[unit].class;

    span_unlink(arena, unit);
    arena->rows[unit].state = UNIT_FREE;
    METRIC_ADD(arena->span_bytes, -(uint64_t)span_bytes_of(class));
    if (class_bytes(class) <= SMALL_MAX) unit_give(arena, unit);
    else slot_give(arena, unit);
}

/* ---- blocks ------------------------------------------------------------------------------- */

void *arena_alloc(struct arena *arena, size_t bytes)
{
    LOOM_ASSERT(bytes <= ARENA_BLOCK_MAX);
    uint32_t class = class_of(bytes), size = class_bytes(class);
    uint32_t unit = arena->partial[class];
    char *at;

    if (unit == 0 && (unit = span_new(arena, class)) == 0) return NULL;
    struct arena_row *row = &arena->rows[unit];

    if (row->free_ref != 0) {
        at = arena->base + ((size_t)row->free_ref << 3);
        SHOW(at, size);
        memcpy(&row->free_ref, at, sizeof row->free_ref);
    } else {
        at = arena->base + (size_t)unit * UNIT_BYTES + (size_t)row->n_fresh++ * size;
        SHOW(at, size);
    }
    row->n_used++;
    if (row->free_ref == 0 && (row->n_fresh + 1u) * size > span_bytes_of(class))
        span_unlink(arena, unit);
    METRIC_ADD(arena->used_bytes, size);
    return at;
}

static uint32_t unit_of(const struct arena *arena, const void *at)
{
    uint32_t unit = (uint32_t)((size_t)((const char *)at - arena->base) / UNIT_BYTES);
    uint32_t slot = unit & ~(SLOT_UNITS - 1);

    return arena->rows[slot].slot_state == UNIT_CARVED ? unit : slot;
}

void arena_free(struct arena *arena, void *at, size_t bytes)
{
    uint32_t unit = unit_of(arena, at), class = class_of(bytes), size = class_bytes(class);
    struct arena_row *row = &arena->rows[unit];

    LOOM_ASSERT(row->state == UNIT_SPAN && row->class == class && row->n_used > 0);
    bool was_full = row->free_ref == 0 && (row->n_fresh + 1u) * size > span_bytes_of(class);

    memcpy(at, &row->free_ref, sizeof row->free_ref);
    row->free_ref = (uint32_t)((size_t)((char *)at - arena->base) >> 3);
    HIDE(at, size);
    row->n_used--;
    METRIC_ADD(arena->used_bytes, -(uint64_t)size);
    if (was_full) span_link(arena, unit);
    /* Keep the last span of a small class: a key that comes and goes should not cost a span each
     * time.  For large ones the cached slots do the same. */
    if (row->n_used == 0 && (size > SMALL_MAX || row->next != 0 || row->prev != 0))
        span_drop(arena, unit);
}

bool arena_verify(const struct arena *arena)
{
    uint64_t used = 0, spans = 0;

    for (uint32_t slot = 1; slot < arena->n_slots; slot++) {
        const struct arena_row *head = &arena->rows[slot * SLOT_UNITS];
        uint32_t n = head->slot_state == UNIT_CARVED ? SLOT_UNITS
                     : head->slot_state == UNIT_SPAN ? 1
                                                     : 0;

        for (uint32_t i = 0; i < n; i++) {
            const struct arena_row *row = head + i;

            if (n > 1 && (head->units_free >> i & 1)) continue;
            if (row->state != UNIT_SPAN || row->n_used > row->n_fresh) return false;
            used += (uint64_t)row->n_used * class_bytes(row->class);
            spans += span_bytes_of(row->class);
        }
    }
    return used == arena->used_bytes && spans == arena->span_bytes;
}
