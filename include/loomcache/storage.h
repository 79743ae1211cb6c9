/* loomcache/storage.h - find, hold and give back the entries of one partition.
 *
 * One instance per partition; called with that partition's lock held ([owner]) except for
 * prefetch().  A backend owns the index (which key is where) and the value's place; the memory
 * of entries comes from the core's arena, so that references, size classes and the memory
 * limit are the same for every backend.  What the value bytes mean is the core's affair.
 *
 * An entry is private between create() and insert() or replace(); it is resident until
 * remove(), and gone at release().  A returned loom_entry * is borrowed: good until the lock is
 * released.  Values larger than the core's inline limit arrive as a blob, reference-counted, so
 * that a reply can be sent from it after the lock is gone: no copy in, no copy out.  A backend
 * keeps such a value as LOOM_ENTRY_OUTLINE, with a locator of its own as the entry's value part.
 * A value without a blob must be kept inline: the core reads it after the key, and overwrites it
 * there when the new one has the same size class (it says so through written()).
 */
#ifndef LOOMCACHE_STORAGE_H
#define LOOMCACHE_STORAGE_H

#include <loomcache/entry.h>

#define LOOM_KIND_STORAGE "loom.draft.storage/1"

/* A large value: bytes that many may read and nobody may write once stored. */
struct loom_blob {
    uint32_t refs; /* loom_blob_hold(), loom_blob_drop() */
    uint32_t reserved;
    uint64_t bytes;
    void (*destroy)(struct loom_blob *blob);
    /* the bytes follow, 8-byte aligned */
};
static inline char *loom_blob_at(struct loom_blob *blob) { return (char *)(blob + 1); }
static inline struct loom_blob *loom_blob_hold(struct loom_blob *blob)
{
    __atomic_fetch_add(&blob->refs, 1, __ATOMIC_RELAXED);
    return blob;
}
static inline void loom_blob_drop(struct loom_blob *blob)
{
    if (blob != NULL && __atomic_fetch_sub(&blob->refs, 1, __ATOMIC_ACQ_REL) == 1)
        blob->destroy(blob);
}

struct loom_key {
    const void *at;
    uint64_t hash; /* of the bytes and the database, seeded per node */
    uint16_t bytes;
    uint8_t db;
};

/* A value on its way in (create) or out (value). */
struct loom_value {
    const void *at;         /* create(): NULL leaves the value part unwritten, to be filled in */
    uint64_t bytes;
    struct loom_blob *blob; /* when set, at lies inside it; create() takes a hold of its own */
    uint8_t type;           /* LOOM_TYPE_STRING ... */
    uint64_t expires_ms;    /* 0: never */
};

/* What the host lends a backend.  Borrowed, valid until fini() returns. */
struct loom_storage_env {
    uint32_t struct_size;
    struct loom_space space;
    /* [owner] Memory for an entry from the arena; zeroed head, charged by size class.
     * NULL when the machine has none. */
    loom_entry *(*entry_alloc)(const struct loom_host *host, size_t bytes);
    void (*entry_free)(const struct loom_host *host, loom_entry *e, size_t bytes);
    /* [any-thread] What entry_alloc would charge. */
    size_t (*entry_charge)(size_t bytes);
    uint64_t (*blob_charge)(const struct loom_blob *blob); /* what the heap set aside for it */
    /* [owner] The hash of a resident's key: growing tables need it. */
    uint64_t (*hash)(const struct loom_host *host, const loom_entry *e);
};

struct loom_storage_ops {
    uint32_t struct_size;
    uint32_t flags; /* none yet */
    uint32_t instance_size;
    const struct loom_option *options;

    int (*init)(void *self, const struct loom_host *host, const struct loom_storage_env *env);
    void (*fini)(void *self); /* releases what is still resident */

    loom_entry *(*find)(void *self, const struct loom_key *key); /* NULL: absent */
    /* What storing this would be charged, blob included; and what an entry is charged. */
    uint64_t (*charge_of)(void *self, uint32_t key_bytes, const struct loom_value *value);
    uint64_t (*charged)(void *self, const loom_entry *e);
    /* A private entry with key and value in it; NULL: out of memory.  The policy word is zero. */
    loom_entry *(*create)(void *self, const struct loom_key *key, const struct loom_value *value);
    int (*insert)(void *self, loom_entry *e, uint64_t hash); /* the key is absent; LOOM_E_NOMEM */
    void (*replace)(void *self, loom_entry *old, loom_entry *e, uint64_t hash); /* same key */
    void (*remove)(void *self, loom_entry *e, uint64_t hash); /* find() and scan() forget it */
    void (*release)(void *self, loom_entry *e);               /* private or removed: free it */
    /* Where the value is.  Only needed for LOOM_ENTRY_OUTLINE; ret->blob is borrowed: hold it. */
    int (*value)(void *self, loom_entry *e, struct loom_value *ret);
    /* A bounded step through the residents.  0 starts and ends; cursors stay under 2^40; an
     * entry resident from the first call to the last is visited at least once, whatever is
     * inserted, removed or grown in between.  each() must not call the backend. */
    uint64_t (*scan)(void *self, uint64_t cursor, void (*each)(void *arg, loom_entry *e),
                     void *arg);
    /* Up to n residents drawn at random with this random number; the same twice is allowed. */
    size_t (*sample)(void *self, uint64_t random, loom_entry **ret, size_t n);
    void (*clear)(void *self); /* release every resident: O(n) */

    /* Optional. */
    void (*prefetch)(void *self, uint64_t hash, int stage);
    /* [any-thread], without the lock: stage 0 fetches the index line, stage 1 the entry it seems
     * to name.  A hint: it may read stale memory that the instance keeps mapped, writes nothing. */
    void (*tick)(void *self);    /* bounded housekeeping, about ten times a second */
    void (*written)(void *self, loom_entry *e); /* the core changed e in place */
    bool (*verify)(void *self, size_t n_resident); /* conformance kit, debug builds: O(n) */
};
#define LOOM_OFFER_STORAGE(name, about, ops)                                                       \
    {                                                                                              \
        LOOM_KIND_STORAGE, name, about, ops                                                        \
    }

#endif
