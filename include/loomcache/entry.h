/* loomcache/entry.h - the cached item as every plugin sees it.
 *
 *   +0        +8             +16             +16 or +24
 *   | header  | policy word  | expires_ms    | key | value |
 *   | 8 bytes | 8 bytes      | 8, if flagged |
 *
 * The header says what follows.  The policy word (and the touch byte of the header) belong to
 * the eviction policy, one fixed size for every policy, so that any policy can take over any
 * entry where it lies.  Optional fields cost nothing when absent.  What a policy needs beyond
 * eight bytes lives in a side array of its own.
 *
 * Entries of one partition live in one address range, the partition's space, so that a 32-bit
 * reference (counted in 8-byte units from its base) names any of them: two references make a
 * doubly linked list in the policy word.  Reference 0 is nobody.
 */
#ifndef LOOMCACHE_ENTRY_H
#define LOOMCACHE_ENTRY_H

#include <loomcache/plugin.h>

typedef uint32_t loom_ref;

typedef struct loom_entry {
    uint32_t size_flags; /* low 24 bits: bytes of the value part; high 8: LOOM_ENTRY_* */
    uint16_t key_bytes;
    uint8_t kind;  /* low 4 bits: type and form of the value; high 4: database */
    uint8_t touch; /* low 4 bits: counted by the core (LOOM_TOUCH_COUNT); high 4: the policy's */
    union {
        uint64_t all;
        struct {
            loom_ref newer, older;
        } link;
        struct {
            uint32_t stamp; /* written by the core on a hit (LOOM_TOUCH_STAMP) */
            uint32_t own;
        } mark;
    } word; /* the policy's, zeroed before inserted() */
} loom_entry;
LOOM_STATIC_ASSERT(sizeof(loom_entry) == 16, "the entry's head is part of the plugin ABI");

#define LOOM_ENTRY_VALUE_MASK 0x00ffffffu
#define LOOM_ENTRY_EXPIRES 0x01000000u /* expires_ms follows the policy word */
#define LOOM_ENTRY_OUTLINE 0x02000000u /* value part is the backend's locator: ask its value() */
#define LOOM_ENTRY_CLAIMED 0x04000000u /* handed out by evict(), not yet gone */

/* Types and forms (loom_entry.kind, low 4 bits). */
#define LOOM_TYPE_STRING 0u     /* the bytes themselves */
#define LOOM_TYPE_STRING_LZ4 1u /* uint32_t raw length, then one LZ4 block */
#define LOOM_TYPE_MASK 0x0fu

#define LOOM_TOUCH_COUNT_MASK 0x0fu

static inline uint32_t loom_entry_flags(const loom_entry *e)
{
    return e->size_flags & ~LOOM_ENTRY_VALUE_MASK;
}
static inline uint32_t loom_entry_value_bytes(const loom_entry *e)
{
    return e->size_flags & LOOM_ENTRY_VALUE_MASK;
}
static inline uint32_t loom_entry_head_bytes(const loom_entry *e)
{
    return (uint32_t)sizeof(loom_entry) + ((e->size_flags & LOOM_ENTRY_EXPIRES) ? 8u : 0u);
}
static inline const char *loom_entry_key(const loom_entry *e)
{
    return (const char *)e + loom_entry_head_bytes(e);
}
static inline char *loom_entry_value(loom_entry *e)
{
    return (char *)e + loom_entry_head_bytes(e) + e->key_bytes;
}
static inline uint32_t loom_entry_bytes(const loom_entry *e)
{
    return loom_entry_head_bytes(e) + e->key_bytes + loom_entry_value_bytes(e);
}
static inline uint8_t loom_entry_db(const loom_entry *e) { return (uint8_t)(e->kind >> 4); }
static inline uint8_t loom_entry_type(const loom_entry *e) { return e->kind & LOOM_TYPE_MASK; }
/* Unix milliseconds; 0: never.  The field is 8-byte aligned, as every entry is. */
static inline uint64_t loom_entry_expires_ms(const loom_entry *e)
{
    return (e->size_flags & LOOM_ENTRY_EXPIRES) ? *(const uint64_t *)(const void *)(e + 1) : 0;
}

/* The address range that holds a partition's entries.  base never changes. */
struct loom_space {
    char *base;
};
static inline loom_entry *loom_at(const struct loom_space *space, loom_ref ref)
{
    return (loom_entry *)(void *)(space->base + ((size_t)ref << 3));
}
static inline loom_ref loom_ref_of(const struct loom_space *space, const loom_entry *e)
{
    return (loom_ref)((size_t)((const char *)e - space->base) >> 3);
}

/* An ordered list through the policy words: what FIFO, LRU, SIEVE and S3-FIFO are made of.
 * Zeroed is empty.  All O(1), no allocation; the caller holds the partition's lock. */
struct loom_list {
    loom_ref newest, oldest;
    uint32_t n;
};
static inline void loom_list_push(const struct loom_space *space, struct loom_list *list,
                                  loom_entry *e)
{
    loom_ref ref = loom_ref_of(space, e);
    e->word.link.newer = 0;
    e->word.link.older = list->newest;
    if (list->newest != 0) loom_at(space, list->newest)->word.link.newer = ref;
    else list->oldest = ref;
    list->newest = ref;
    list->n++;
}
static inline void loom_list_remove(const struct loom_space *space, struct loom_list *list,
                                    loom_entry *e)
{
    loom_ref newer = e->word.link.newer, older = e->word.link.older;
    if (newer != 0) loom_at(space, newer)->word.link.older = older;
    else list->newest = older;
    if (older != 0) loom_at(space, older)->word.link.newer = newer;
    else list->oldest = newer;
    list->n--;
}
/* to lies at a new address and holds a copy of from's head: make the neighbours point at it. */
static inline void loom_list_moved(const struct loom_space *space, struct loom_list *list,
                                   loom_ref from, loom_entry *to)
{
    loom_ref ref = loom_ref_of(space, to);
    if (to->word.link.newer != 0) loom_at(space, to->word.link.newer)->word.link.older = ref;
    else if (list->newest == from) list->newest = ref;
    if (to->word.link.older != 0) loom_at(space, to->word.link.older)->word.link.newer = ref;
    else if (list->oldest == from) list->oldest = ref;
}
/* Do the links agree with each other and with n?  For verify(): O(n). */
static inline bool loom_list_verify(const struct loom_space *space, const struct loom_list *list)
{
    uint32_t n = 0;
    loom_ref older = 0;
    for (loom_ref at = list->oldest; at != 0; older = at, at = loom_at(space, at)->word.link.newer)
        if (n++ == list->n || loom_at(space, at)->word.link.older != older) return false;
    return n == list->n && list->newest == older;
}

#endif
