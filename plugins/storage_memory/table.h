/* table.h - the index of one partition: buckets of one cache line, grown a little at a time.
 *
 *   bucket, 64 bytes:   | 12 one-byte tags | more | 12 references of 4 bytes |
 *
 * A hash's top bits choose the bucket and its low byte is the tag, so a lookup touches one line,
 * then the entry: two dependent cache misses, and a miss usually one.  A full bucket continues in
 * another (more), taken from the arena.
 *
 * Buckets stand in the order of the hash, so a bucket covers an interval of hash values, and so do
 * its two halves after the table has doubled.  Growth moves bucket after bucket from the old array
 * to the new one; whatever lies below the boundary is found in the new array, the rest in the old.
 * A scan's cursor is a hash value: entries never change theirs, so nothing resident is passed over.
 *
 * Arrays are mapped once per size and stay mapped: prefetching without the lock may read a stale
 * one, and finds zeros there at worst.
 */
#ifndef STORAGE_MEMORY_TABLE_H
#define STORAGE_MEMORY_TABLE_H

#include <loomcache/storage.h>

#define TABLE_BUCKET_SLOTS 12
#define TABLE_BITS_MIN 6
#define TABLE_BITS_MAX 30

struct bucket {
    uint8_t tag[TABLE_BUCKET_SLOTS]; /* 0: empty */
    loom_ref more;                   /* 0: none */
    loom_ref ref[TABLE_BUCKET_SLOTS];
} __attribute__((aligned(64)));
LOOM_STATIC_ASSERT(sizeof(struct bucket) == 64, "one cache line");

struct table {
    const struct loom_host *host;
    struct loom_storage_env env;
    struct bucket *at;  /* the array; while rehashing, the old one */
    struct bucket *to;  /* the new one while rehashing, else NULL */
    uint32_t bits, to_bits;
    uint32_t moved; /* old buckets already in the new array */
    uintptr_t hint; /* at | bits, in one word: what prefetching without the lock reads */
    uint64_t n_items, n_overflow;
    struct bucket *maps[TABLE_BITS_MAX + 1]; /* every array ever used, by bits */
};

int table_open(struct table *t, const struct loom_host *host, const struct loom_storage_env *env);
void table_close(struct table *t); /* frees arrays, not entries */

void table_clear(struct table *t); /* forget every entry, keep a smallest array */
loom_entry *table_find(struct table *t, const struct loom_key *key);
int table_insert(struct table *t, loom_entry *e, uint64_t hash); /* LOOM_E_NOMEM */
void table_replace(struct table *t, const loom_entry *old, const loom_entry *e, uint64_t hash);
void table_remove(struct table *t, const loom_entry *e, uint64_t hash);
/* table_visit - each() for the bucket at this hash position (cursor, 32 bits); the next cursor. */
uint64_t table_visit(struct table *t, uint64_t cursor, void (*each)(void *arg, loom_entry *e),
                     void *arg);
loom_entry *table_sample(struct table *t, uint64_t random); /* NULL: this draw hit an empty place */
void table_prefetch(const struct table *t, uint64_t hash, int stage);
void table_step(struct table *t, uint32_t n_buckets); /* go on rehashing, start shrinking */
bool table_verify(struct table *t, size_t n_resident);

#endif
