/* store_private.h - what the files of this room share; nobody else includes it. */
#ifndef CORE_STORE_STORE_PRIVATE_H
#define CORE_STORE_STORE_PRIVATE_H

#include "core/store/store.h"

struct store {
    struct partition *partitions;
    uint32_t n_partitions;
    uint32_t slot_shift; /* slot >> slot_shift is the partition */
    uint64_t hash_seed;
    uint32_t inline_max;
    uint32_t compress; /* enum store_compress */
    uint64_t compress_min;
    uint8_t db_map[STORE_DBS]; /* logical -> physical */
    uint8_t refuse_writes;
    int64_t max_memory, max_items; /* 0: unlimited */
    /* What is promised to no partition.  Below zero: partitions owe, see store_settle(). */
    int64_t pool_bytes __attribute__((aligned(64)));
    int64_t pool_items;
};

/* ---- limit.c ------------------------------------------------------------------------------ */

enum room_mode {
    ROOM_EVICT,    /* evict here, overdraw where this partition is poor */
    ROOM_OVERDRAW  /* never evict or refuse here: the entry at hand must stay (EXPIRE, RENAME) */
};
/* room_make - let this partition grow by so much.  LOOM_E_NOSPACE: not even by eviction. */
int room_make(struct partition *p, int64_t bytes, int64_t items, enum room_mode mode);
/* room_fits - could an entry of so many bytes be kept at all? */
bool room_fits(const struct partition *p, int64_t bytes, enum room_mode mode);
/* room_use - the growth has happened (or, negative, the shrinking). */
void room_use(struct partition *p, int64_t bytes, int64_t items);
/* room_return - hand slack back to the pool. */
void room_return(struct partition *p);
bool partition_evict_one(struct partition *p);

/* ---- partition.c -------------------------------------------------------------------------- */

void partition_touch(struct partition *p, loom_entry *e);
/* partition_install - make v the value of key: insert (old NULL) or replace; keeps the policy's
 * state of old.  v->at may be NULL: the caller fills the value part in. */
int partition_install(const struct store_key *key, loom_entry *old, const struct loom_value *v,
                      enum room_mode mode, loom_entry **ret);

/* ---- value.c ------------------------------------------------------------------------------ */

/* value_pack - how this value is to be kept: as it is, compressed, or as a blob.  *ret_owned is a
 * buffer or blob to be freed with value_unpack_done() after the value has been installed. */
struct value_packed {
    struct loom_value value;
    void *buffer;
    struct loom_blob *made;
    uint64_t raw_bytes; /* of a compressed value; 0: not compressed */
};
int value_pack(const struct store *store, const struct store_put *put, struct value_packed *ret);
void value_packed_free(struct value_packed *packed);
/* value_account - keep raw and packed totals right when e comes (+1) or goes (-1). */
void value_account(struct partition *p, loom_entry *e, int sign);
uint64_t value_blob_charge(const struct loom_blob *blob);

/* ---- watch.c ------------------------------------------------------------------------------ */

void watch_bump(struct partition *p, const loom_entry *e, uint64_t hash);
void watch_bump_all(struct partition *p, int db); /* db < 0: every database */
void watch_close(struct partition *p);

#endif
