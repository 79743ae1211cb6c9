/* policy_kit.c - the kit's partition: entries in their space, the table, the limit. */
#include "policy_kit_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define WATCHED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WATCHED 1
#endif
#endif
#ifdef WATCHED
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#endif

#define GONE 0xDD /* what an entry that left is filled with */


void policy_kit_blame(struct policy_kit *kit, const char *format, ...)
{
    va_list args;
    if (kit->fault[0] != '\0') return;
    va_start(args, format);
    vsnprintf(kit->fault, sizeof kit->fault, format, args);
    va_end(args);
}

/* --- entries in their space --------------------------------------------------------------- */

static size_t class_of(size_t bytes)
{
    return (bytes + 7) / 8;
}

static loom_entry *entry_alloc(struct policy_kit *kit, size_t bytes)
{
    size_t class = class_of(bytes);
    char *at;
    if (class >= POLICY_KIT_CLASSES) abort(); /* the test's mistake */
    if (kit->free_list[class] != 0) {
        at = (char *)loom_at(&kit->env.space, kit->free_list[class]);
        ASAN_UNPOISON_MEMORY_REGION(at, class * 8);
        memcpy(&kit->free_list[class], at, sizeof(loom_ref));
    } else {
        if (kit->space_used + class * 8 > kit->setup.space_bytes) abort(); /* the test's mistake */
        at = kit->env.space.base + kit->space_used;
        kit->space_used += class * 8;
        ASAN_UNPOISON_MEMORY_REGION(at, class * 8);
    }
    memset(at, 0, sizeof(loom_entry));
    kit->bytes += class * 8;
    return (loom_entry *)(void *)at;
}

static void entry_free(struct policy_kit *kit, loom_entry *e)
{
    size_t class = class_of(loom_entry_bytes(e));
    memset(e, GONE, sizeof *e);
    memcpy(e, &kit->free_list[class], sizeof(loom_ref));
    kit->free_list[class] = loom_ref_of(&kit->env.space, e);
    kit->bytes -= class * 8;
    ASAN_POISON_MEMORY_REGION(e, class * 8);
}

/* Every third key carries an expiry, so that the key is not always at the same offset. */
static size_t entry_size(uint64_t key, uint32_t value_bytes)
{
    return sizeof(loom_entry) + (key % 3 == 0 ? 8 : 0) + sizeof key + value_bytes;
}

static loom_entry *entry_create(struct policy_kit *kit, uint64_t key, uint32_t value_bytes)
{
    loom_entry *e = entry_alloc(kit, entry_size(key, value_bytes));
    e->size_flags = value_bytes | (key % 3 == 0 ? LOOM_ENTRY_EXPIRES : 0);
    e->key_bytes = sizeof key;
    memcpy((char *)e + loom_entry_head_bytes(e), &key, sizeof key);
    return e;
}

uint64_t policy_kit_key(const loom_entry *e)
{
    uint64_t key;
    memcpy(&key, loom_entry_key(e), sizeof key);
    return key;
}

/* --- the table ---------------------------------------------------------------------------- */

uint64_t policy_kit_hash(const struct policy_kit *kit, uint64_t key)
{
    return policy_kit_mix(key + kit->setup.seed);
}

/* The slot that holds the key, or the empty one where it belongs. */
static struct policy_kit_slot *slot_of(const struct policy_kit *kit, uint64_t key)
{
    uint32_t tag = (uint32_t)policy_kit_hash(kit, key);
    for (size_t at = tag & (kit->n_slots - 1);; at = (at + 1) & (kit->n_slots - 1)) {
        struct policy_kit_slot *slot = &kit->table[at];
        if (slot->ref == 0) return slot;
        if (slot->tag == tag && policy_kit_key(loom_at(&kit->env.space, slot->ref)) == key)
            return slot;
    }
}

static void slot_fill(struct policy_kit *kit, const loom_entry *e)
{
    uint64_t key = policy_kit_key(e);
    *slot_of(kit, key) = (struct policy_kit_slot){loom_ref_of(&kit->env.space, e),
                                                  (uint32_t)policy_kit_hash(kit, key)};
}

static void table_grow(struct policy_kit *kit)
{
    struct policy_kit_slot *old = kit->table;
    size_t n_old = kit->n_slots;
    kit->n_slots = n_old > 0 ? 2 * n_old : 64;
    kit->table = calloc(kit->n_slots, sizeof *kit->table);
    if (kit->table == NULL) abort();
    for (size_t i = 0; i < n_old; i++)
        if (old[i].ref != 0) slot_fill(kit, loom_at(&kit->env.space, old[i].ref));
    free(old);
}

static void table_insert(struct policy_kit *kit, const loom_entry *e)
{
    if (2 * (kit->n_items + 1) > kit->n_slots) table_grow(kit);
    slot_fill(kit, e);
    kit->n_items++;
}

/* Empty the slot and pull up those behind it that had to step aside. */
static void table_remove(struct policy_kit *kit, uint64_t key)
{
    size_t mask = kit->n_slots - 1, hole = (size_t)(slot_of(kit, key) - kit->table);
    for (size_t at = (hole + 1) & mask; kit->table[at].ref != 0; at = (at + 1) & mask) {
        size_t home = kit->table[at].tag & mask;
        if (((at - home) & mask) < ((at - hole) & mask)) continue;
        kit->table[hole] = kit->table[at];
        hole = at;
    }
    kit->table[hole].ref = 0;
    kit->n_items--;
}

loom_entry *policy_kit_find(struct policy_kit *kit, uint64_t key)
{
    loom_ref ref = kit->n_slots > 0 ? slot_of(kit, key)->ref : 0;
    return ref != 0 ? loom_at(&kit->env.space, ref) : NULL;
}

/* --- hits, victims, limits: what core/store does ------------------------------------------- */

void policy_kit_hit(struct policy_kit *kit, loom_entry *e)
{
    const struct loom_eviction_ops *ops = kit->ops;
    kit->clock++;
    switch (ops->touch.kind) {
    case LOOM_TOUCH_COUNT:
        if ((e->touch & LOOM_TOUCH_COUNT_MASK) < ops->touch.max) e->touch++;
        break;
    case LOOM_TOUCH_STAMP:
        e->word.mark.stamp = kit->clock;
        break;
    case LOOM_TOUCH_CALL:
        if (!is_claimed(e)) ops->accessed(kit->self, e);
        break;
    default:
        break;
    }
}

static void depart(struct policy_kit *kit, loom_entry *e, enum loom_removal why)
{
    uint64_t key = policy_kit_key(e), hash = policy_kit_hash(kit, key);
    table_remove(kit, key);
    kit->ops->removed(kit->self, e, hash, why);
    entry_free(kit, e);
    if (kit->setup.left != NULL) kit->setup.left(kit->setup.arg, key, why);
}

/* A victim must be one of ours, and only once. */
static bool acceptable(struct policy_kit *kit, const loom_entry *e)
{
    const char *at = (const char *)e;
    if (at < kit->env.space.base + 8 || at >= kit->env.space.base + kit->space_used ||
        (at - kit->env.space.base) % 8 != 0)
        policy_kit_blame(kit, "evict() gave %p, no entry of this partition", (const void *)e);
    else if (e->key_bytes != sizeof(uint64_t) || policy_kit_find(kit, policy_kit_key(e)) != e)
        policy_kit_blame(kit, "evict() gave an entry that is not resident");
    else if (is_claimed(e))
        policy_kit_blame(kit, "evict() gave key %llu twice", (unsigned long long)policy_kit_key(e));
    else
        return true;
    return false;
}

loom_entry *policy_kit_claim(struct policy_kit *kit)
{
    if (!LOOM_HAS(kit->ops, evict)) return NULL;
    loom_entry *e = kit->ops->evict(kit->self);
    if (e == NULL && kit->n_items > kit->n_claimed) kit->none_given++;
    if (e == NULL || !acceptable(kit, e)) return NULL;
    e->size_flags |= LOOM_ENTRY_CLAIMED;
    kit->n_claimed++;
    return e;
}

void policy_kit_settle(struct policy_kit *kit, loom_entry *e, bool evicted)
{
    if (!is_claimed(e)) abort(); /* the test's mistake */
    e->size_flags &= ~LOOM_ENTRY_CLAIMED;
    kit->n_claimed--;
    if (evicted) depart(kit, e, LOOM_EVICTED);
    else kit->ops->restored(kit->self, e);
}

static bool over_limit(const struct policy_kit *kit, uint64_t more_items, uint64_t more_bytes)
{
    return (kit->capacity_items > 0 && kit->n_items + more_items > kit->capacity_items) ||
           (kit->capacity_bytes > 0 && kit->bytes + more_bytes > kit->capacity_bytes);
}

/* Evict before the insert, and only what is needed.  keep, if it is a victim, only steps aside. */
static int make_room(struct policy_kit *kit, uint64_t items, uint64_t bytes, loom_entry *keep)
{
    bool aside = false;
    int rc = 0;
    while (over_limit(kit, items, bytes)) {
        loom_entry *e = policy_kit_claim(kit);
        if (e == NULL) {
            rc = LOOM_E_NOSPACE;
            break;
        }
        if (e == keep) aside = true;
        else policy_kit_settle(kit, e, true);
    }
    if (aside) policy_kit_settle(kit, keep, false);
    return rc;
}

/* --- what clients do ---------------------------------------------------------------------- */

bool policy_kit_get(struct policy_kit *kit, uint64_t key)
{
    loom_entry *e = policy_kit_find(kit, key);
    if (e != NULL) {
        uint64_t n_allocs = kit->n_allocs;
        policy_kit_hit(kit, e);
        if (kit->n_allocs != n_allocs) policy_kit_blame(kit, "a hit allocated memory");
    } else if (LOOM_HAS(kit->ops, missed)) {
        kit->ops->missed(kit->self, policy_kit_hash(kit, key));
    }
    return e != NULL;
}

/* The entry at a new address; the old one is gone before the policy hears of it. */
static loom_entry *relocate(struct policy_kit *kit, loom_entry *old, uint32_t value_bytes)
{
    uint64_t key = policy_kit_key(old);
    loom_ref from = loom_ref_of(&kit->env.space, old);
    loom_entry *e = entry_create(kit, key, value_bytes);
    e->kind = old->kind;
    e->touch = old->touch;
    e->word = old->word;
    slot_of(kit, key)->ref = loom_ref_of(&kit->env.space, e);
    entry_free(kit, old);
    if (LOOM_HAS(kit->ops, moved)) kit->ops->moved(kit->self, from, e);
    return e;
}

static int overwrite(struct policy_kit *kit, loom_entry *e, uint32_t value_bytes)
{
    size_t old = class_of(loom_entry_bytes(e));
    size_t new = class_of(entry_size(policy_kit_key(e), value_bytes));
    if (is_claimed(e)) policy_kit_settle(kit, e, false);
    int rc = new > old ? make_room(kit, 0, (new - old) * 8, e) : 0;
    if (rc < 0) return rc;
    if (new != old) e = relocate(kit, e, value_bytes);
    else e->size_flags = loom_entry_flags(e) | value_bytes;
    policy_kit_hit(kit, e);
    return 0;
}

int policy_kit_set(struct policy_kit *kit, uint64_t key, uint32_t value_bytes)
{
    loom_entry *e = policy_kit_find(kit, key);
    if (e != NULL) return overwrite(kit, e, value_bytes);
    int rc = make_room(kit, 1, class_of(entry_size(key, value_bytes)) * 8, NULL);
    if (rc < 0) return rc;
    kit->clock++;
    e = entry_create(kit, key, value_bytes);
    table_insert(kit, e);
    kit->ops->inserted(kit->self, e, policy_kit_hash(kit, key));
    return 0;
}

bool policy_kit_remove(struct policy_kit *kit, uint64_t key, enum loom_removal why)
{
    loom_entry *e = policy_kit_find(kit, key);
    if (e == NULL) return false;
    if (is_claimed(e)) policy_kit_settle(kit, e, false);
    depart(kit, e, why);
    return true;
}

void policy_kit_clear(struct policy_kit *kit)
{
    bool at_once = LOOM_HAS(kit->ops, cleared);
    for (size_t i = 0; i < kit->n_slots; i++) {
        while (kit->table[i].ref != 0) {
            loom_entry *e = loom_at(&kit->env.space, kit->table[i].ref);
            uint64_t key = policy_kit_key(e);
            if (!at_once) {
                policy_kit_remove(kit, key, LOOM_CLEARED);
                continue;
            }
            table_remove(kit, key);
            entry_free(kit, e);
            if (kit->setup.left != NULL) kit->setup.left(kit->setup.arg, key, LOOM_CLEARED);
        }
    }
    kit->n_claimed = 0;
    if (at_once) kit->ops->cleared(kit->self);
    if (kit->n_items != 0 || kit->bytes != 0) abort(); /* the kit's mistake */
}

void policy_kit_move(struct policy_kit *kit, uint64_t key)
{
    loom_entry *e = policy_kit_find(kit, key);
    if (e != NULL && !is_claimed(e)) relocate(kit, e, loom_entry_value_bytes(e));
}

void policy_kit_resize(struct policy_kit *kit, uint64_t bytes, uint64_t items)
{
    kit->capacity_bytes = bytes;
    kit->capacity_items = items;
    if (LOOM_HAS(kit->ops, set_capacity)) kit->ops->set_capacity(kit->self, bytes, items);
    (void)make_room(kit, 0, 0, NULL);
}

void policy_kit_verify(struct policy_kit *kit)
{
    size_t found = 0, claimed = 0;
    for (size_t i = 0; i < kit->n_slots; i++) {
        if (kit->table[i].ref == 0) continue;
        found++;
        if (is_claimed(loom_at(&kit->env.space, kit->table[i].ref))) claimed++;
    }
    if (found != kit->n_items || claimed != kit->n_claimed) abort(); /* the kit's mistake */
    if (LOOM_HAS(kit->ops, verify) && !kit->ops->verify(kit->self, found - claimed))
        policy_kit_blame(kit, "verify() is false with %zu residents, %zu claimed", found, claimed);
}

uint64_t policy_kit_items(const struct policy_kit *kit)
{
    return kit->n_items;
}
uint64_t policy_kit_bytes(const struct policy_kit *kit)
{
    return kit->bytes;
}
uint64_t policy_kit_allocs(const struct policy_kit *kit)
{
    return kit->n_allocs;
}
uint64_t policy_kit_held_bytes(const struct policy_kit *kit)
{
    return kit->held_bytes;
}
uint64_t policy_kit_none_given(const struct policy_kit *kit)
{
    return kit->none_given;
}
const struct loom_space *policy_kit_space(const struct policy_kit *kit)
{
    return &kit->env.space;
}
void *policy_kit_self(struct policy_kit *kit)
{
    return kit->self;
}
uint32_t *policy_kit_clock(struct policy_kit *kit)
{
    return &kit->clock;
}
const char *policy_kit_fault(const struct policy_kit *kit)
{
    return kit->fault[0] != '\0' ? kit->fault : NULL;
}
