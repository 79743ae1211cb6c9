/* table.c - see table.h. */
#include "table.h"

#include <string.h>
#include <sys/mman.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define SLOT_MASK 0xfffu        /* one bit per slot */
#define GROW_PCT 80             /* of all slots; more would chain too many buckets */
#define SHRINK_PCT 10
#define MOVE_PER_INSERT 2       /* buckets; a doubling is done before the next one is due */
#define PREFETCH_BYTES 2048     /* of one entry; beyond, the hardware's own streams are ahead */
#define CHAIN_MAX 4096          /* buckets in one chain; far beyond what a seeded hash can do */

#define HINT_BITS 63u /* arrays are page-aligned: the low bits of their address carry their size */

static uint8_t tag_of(uint64_t hash)
{
    uint8_t tag = (uint8_t)hash;

    return tag ? tag : 1;
}

static uint32_t index_of(uint64_t hash, uint32_t bits) { return (uint32_t)(hash >> (64 - bits)); }

/* match - the slots whose tag is this one, as bits.  Always inline: sanitizers treat it as they do
 * the function around it, see UNLOCKED. */
static inline __attribute__((always_inline)) uint32_t match(const struct bucket *b, uint8_t tag)
{
#ifdef __SSE2__
    __m128i tags = _mm_load_si128((const __m128i *)(const void *)b->tag);
    __m128i same = _mm_cmpeq_epi8(tags, _mm_set1_epi8((char)tag));

    return (uint32_t)_mm_movemask_epi8(same) & SLOT_MASK;
#else
    uint32_t bits = 0;

    for (uint32_t i = 0; i < TABLE_BUCKET_SLOTS; i++) bits |= (uint32_t)(b->tag[i] == tag) << i;
    return bits;
#endif
}

/* ---- arrays ------------------------------------------------------------------------------- */

static size_t array_bytes(uint32_t bits) { return sizeof(struct bucket) << bits; }

static struct bucket *array_take(struct table *t, uint32_t bits)
{
    if (t->maps[bits] == NULL) {
        void *at = mmap(NULL, array_bytes(bits), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (at == MAP_FAILED) return NULL;
        t->maps[bits] = at;
    }
    return t->maps[bits];
}

/* array_drop - give the pages back, keep the mapping; a page at a time or all of it. */
static void array_drop(struct bucket *at, size_t from_bytes, size_t to_bytes)
{
    if (to_bytes > from_bytes)
        madvise((char *)at + from_bytes, to_bytes - from_bytes, MADV_DONTNEED);
}

static void array_set(struct table *t, struct bucket *at, uint32_t bits)
{
    t->at = at;
    t->bits = bits;
    __atomic_store_n(&t->hint, (uintptr_t)at | bits, __ATOMIC_RELAXED);
}

int table_open(struct table *t, const struct loom_host *host, const struct loom_storage_env *env)
{
    t->host = host;
    t->env = *env;
    struct bucket *at = array_take(t, TABLE_BITS_MIN);

    if (at == NULL) return LOOM_E_NOMEM;
    array_set(t, at, TABLE_BITS_MIN);
    host->charge(host, (int64_t)array_bytes(t->bits));
    return 0;
}

void table_close(struct table *t)
{
    for (uint32_t bits = 0; bits <= TABLE_BITS_MAX; bits++)
        if (t->maps[bits] != NULL) munmap(t->maps[bits], array_bytes(bits));
    if (t->at != NULL) t->host->charge(t->host, -(int64_t)array_bytes(t->bits));
}

/* ---- chains ------------------------------------------------------------------------------- */

static struct bucket *next_of(const struct table *t, const struct bucket *b)
{
    return b->more ? (struct bucket *)(void *)loom_at(&t->env.space, b->more) : NULL;
}

static struct bucket *chain_grow(struct table *t, struct bucket *last)
{
    struct bucket *b = (void *)t->env.entry_alloc(t->host, sizeof *b);

    if (b == NULL) return NULL;
    memset(b, 0, sizeof *b);
    last->more = loom_ref_of(&t->env.space, (loom_entry *)(void *)b);
    t->n_overflow++;
    t->host->charge(t->host, (int64_t)sizeof *b);
    return b;
}

static void chain_free(struct table *t, struct bucket *b)
{
    t->env.entry_free(t->host, (loom_entry *)(void *)b, sizeof *b);
    t->n_overflow--;
    t->host->charge(t->host, -(int64_t)sizeof *b);
}

static int chain_put(struct table *t, struct bucket *b, uint8_t tag, loom_ref ref)
{
    uint32_t empty;

    for (int n = 0;; n++) {
        empty = match(b, 0);
        if (empty != 0) break;
        struct bucket *next = next_of(t, b);

        if (next == NULL) next = n < CHAIN_MAX ? chain_grow(t, b) : NULL;
        if (next == NULL) return LOOM_E_NOMEM;
        b = next;
    }
    uint32_t i = (uint32_t)__builtin_ctz(empty);

    b->tag[i] = tag;
    b->ref[i] = ref;
    return 0;
}

/* bucket_for - where this hash lives now. */
static inline struct bucket *bucket_for(const struct table *t, uint64_t hash)
{
    uint32_t i = index_of(hash, t->bits);

    if (__builtin_expect(t->to != NULL, 0) && i < t->moved)
        return &t->to[index_of(hash, t->to_bits)];
    return &t->at[i];
}

/* slot_of - the place that holds this reference. */
static struct bucket *slot_of(struct table *t, loom_ref ref, uint64_t hash, uint32_t *ret_slot,
                              struct bucket **ret_before)
{
    struct bucket *b = bucket_for(t, hash), *before = NULL;

    for (; b != NULL; before = b, b = next_of(t, b)) {
        for (uint32_t bits = match(b, tag_of(hash)); bits != 0; bits &= bits - 1) {
            uint32_t i = (uint32_t)__builtin_ctz(bits);

            if (b->ref[i] != ref) continue;
            *ret_slot = i;
            *ret_before = before;
            return b;
        }
    }
    return NULL;
}

/* ---- rehashing ---------------------------------------------------------------------------- */

static void chain_take(struct table *t, struct bucket *b, uint8_t tag, loom_ref ref)
{
    for (; b != NULL; b = next_of(t, b)) {
        for (uint32_t bits = match(b, tag); bits != 0; bits &= bits - 1) {
            uint32_t i = (uint32_t)__builtin_ctz(bits);

            if (b->ref[i] != ref) continue;
            b->tag[i] = 0;
            return;
        }
    }
}

/* copy_bucket - into the new array; all of it or, when memory is short, nothing. */
static int copy_bucket(struct table *t, struct bucket *from)
{
    bool undo = false;
    uint32_t n_done = 0;

again:
    for (struct bucket *b = from; b != NULL; b = next_of(t, b)) {
        for (uint32_t i = 0; i < TABLE_BUCKET_SLOTS; i++) {
            if (b->tag[i] == 0) continue;
            if (undo && n_done-- == 0) return LOOM_E_NOMEM;
            uint64_t hash = t->env.hash(t->host, loom_at(&t->env.space, b->ref[i]));
            struct bucket *to = &t->to[index_of(hash, t->to_bits)];

            if (undo) {
                chain_take(t, to, b->tag[i], b->ref[i]);
            } else if (chain_put(t, to, b->tag[i], b->ref[i]) != 0) {
                undo = true;
                goto again;
            } else {
                n_done++;
            }
        }
    }
    return undo ? LOOM_E_NOMEM : 0;
}

static int move_bucket(struct table *t, struct bucket *from)
{
    if (copy_bucket(t, from) != 0) return LOOM_E_NOMEM;
    struct bucket *more = next_of(t, from);

    memset(from, 0, sizeof *from);
    while (more != NULL) {
        struct bucket *next = next_of(t, more);

        chain_free(t, more);
        more = next;
    }
    return 0;
}

static void rehash_done(struct table *t)
{
    array_drop(t->at, 0, array_bytes(t->bits));
    t->host->charge(t->host, -(int64_t)array_bytes(t->bits));
    array_set(t, t->to, t->to_bits);
    t->to = NULL;
    t->moved = 0;
}

static void rehash_start(struct table *t, uint32_t bits)
{
    struct bucket *to = bits <= TABLE_BITS_MAX ? array_take(t, bits) : NULL;

    if (to == NULL) return; /* no address space: go on with longer chains */
    t->host->charge(t->host, (int64_t)array_bytes(bits));
    t->to = to;
    t->to_bits = bits;
    t->moved = 0;
}

static void prefetch_entries(const struct table *t, const struct bucket *b)
{
    for (uint32_t i = 0; i < TABLE_BUCKET_SLOTS; i++)
        if (b->tag[i] != 0) __builtin_prefetch(loom_at(&t->env.space, b->ref[i]));
}

void table_step(struct table *t, uint32_t n_buckets)
{
    uint64_t slots = (uint64_t)TABLE_BUCKET_SLOTS << t->bits;

    if (t->to == NULL) {
        if (t->bits <= TABLE_BITS_MIN || t->n_items * 100 > slots * SHRINK_PCT) return;
        rehash_start(t, t->bits - 1);
        if (t->to == NULL) return;
    }
    for (; n_buckets > 0; n_buckets--) {
        const uint32_t page_buckets = 4096 / sizeof(struct bucket);

        if (t->moved + 1 < 1u << t->bits) prefetch_entries(t, &t->at[t->moved + 1]);
        if (move_bucket(t, &t->at[t->moved]) != 0) return; /* no memory: try again later */
        t->moved++;
        if (t->moved % page_buckets == 0)
            array_drop(t->at, (t->moved - page_buckets) * sizeof(struct bucket),
                       t->moved * sizeof(struct bucket));
        if (t->moved == 1u << t->bits) {
            rehash_done(t);
            return;
        }
    }
}

/* table_clear - entries are the caller's to free; here go the links and all but one page. */
void table_clear(struct table *t)
{
    for (int which = 0; which < 2; which++) {
        struct bucket *array = which ? t->to : t->at;
        uint32_t bits = which ? t->to_bits : t->bits;

        if (array == NULL) continue;
        for (uint32_t i = 0; t->n_overflow > 0 && i < 1u << bits; i++) {
            for (struct bucket *b = next_of(t, &array[i]), *next; b != NULL; b = next) {
                next = next_of(t, b);
                chain_free(t, b);
            }
        }
        array_drop(array, 0, array_bytes(bits));
        t->host->charge(t->host, -(int64_t)array_bytes(bits));
    }
    t->to = NULL;
    t->moved = 0;
    t->n_items = 0;
    t->host->charge(t->host, (int64_t)array_bytes(TABLE_BITS_MIN));
    array_set(t, t->maps[TABLE_BITS_MIN], TABLE_BITS_MIN);
}

/* ---- what the backend calls ---------------------------------------------------------------- */

loom_entry *table_find(struct table *t, const struct loom_key *key)
{
    const uint8_t tag = tag_of(key->hash);

    for (const struct bucket *b = bucket_for(t, key->hash); b != NULL; b = next_of(t, b)) {
        for (uint32_t bits = match(b, tag); bits != 0; bits &= bits - 1) {
            loom_entry *e = loom_at(&t->env.space, b->ref[__builtin_ctz(bits)]);

            if (e->key_bytes == key->bytes && loom_entry_db(e) == key->db &&
                memcmp(loom_entry_key(e), key->at, key->bytes) == 0)
                return e;
        }
    }
    return NULL;
}

int table_insert(struct table *t, loom_entry *e, uint64_t hash)
{
    uint64_t slots = (uint64_t)TABLE_BUCKET_SLOTS << t->bits;

    if (t->to == NULL && t->n_items * 100 >= slots * GROW_PCT) rehash_start(t, t->bits + 1);
    if (t->to != NULL) table_step(t, MOVE_PER_INSERT);
    int rc = chain_put(t, bucket_for(t, hash), tag_of(hash), loom_ref_of(&t->env.space, e));

    if (rc == 0) t->n_items++;
    return rc;
}

void table_replace(struct table *t, const loom_entry *old, const loom_entry *e, uint64_t hash)
{
    uint32_t i = 0;
    struct bucket *before, *b = slot_of(t, loom_ref_of(&t->env.space, old), hash, &i, &before);

    if (b != NULL) b->ref[i] = loom_ref_of(&t->env.space, e);
}

void table_remove(struct table *t, const loom_entry *e, uint64_t hash)
{
    uint32_t i = 0;
    struct bucket *before, *b = slot_of(t, loom_ref_of(&t->env.space, e), hash, &i, &before);

    if (b == NULL) return;
    b->tag[i] = 0;
    t->n_items--;
    if (before != NULL && match(b, 0) == SLOT_MASK) { /* an empty link of the chain goes */
        before->more = b->more;
        chain_free(t, b);
    }
}

uint64_t table_visit(struct table *t, uint64_t cursor, void (*each)(void *arg, loom_entry *e),
                     void *arg)
{
    uint64_t hash = cursor << 32;
    uint32_t old = index_of(hash, t->bits);
    bool in_new = t->to != NULL && old < t->moved;
    uint32_t bits = in_new ? t->to_bits : t->bits;
    uint64_t end = ((uint64_t)index_of(hash, bits) + 1) << (32 - bits);
    struct bucket *next;

    /* While shrinking a new bucket covers two old ones, of which the second may not be in it yet.
     */
    uint64_t boundary = (uint64_t)t->moved << (32 - t->bits);

    if (in_new && end > boundary) end = boundary;
    for (struct bucket *b = bucket_for(t, hash); b != NULL; b = next) {
        next = next_of(t, b); /* each() may remove an entry, and with it the link */
        loom_ref refs[TABLE_BUCKET_SLOTS];
        uint32_t n = 0;

        for (uint32_t i = 0; i < TABLE_BUCKET_SLOTS; i++)
            if (b->tag[i] != 0) refs[n++] = b->ref[i];
        for (uint32_t i = 0; i < n; i++) each(arg, loom_at(&t->env.space, refs[i]));
    }
    return end >> 32 ? 0 : end;
}

loom_entry *table_sample(struct table *t, uint64_t random)
{
    const struct bucket *b = bucket_for(t, random);
    uint32_t slot = (uint32_t)(random & 0xffff) % (2 * TABLE_BUCKET_SLOTS);

    if (slot >= TABLE_BUCKET_SLOTS) { /* the second link of a chain gets its share of draws */
        slot -= TABLE_BUCKET_SLOTS;
        b = next_of(t, b);
    }
    return b != NULL && b->tag[slot] != 0 ? loom_at(&t->env.space, b->ref[slot]) : NULL;
}

/* Hints taken without the lock: they may read a bucket or an entry while its owner changes it, use
 * what they read only as an address to prefetch, which cannot fault, and read only memory that
 * stays mapped as long as the instance.  The sanitizers cannot know that, so their builds do
 * without. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define PREFETCHES 0
#elif defined(__has_feature)
#define PREFETCHES !(__has_feature(thread_sanitizer) || __has_feature(address_sanitizer))
#else
#define PREFETCHES 1
#endif

static const struct bucket *hinted_bucket(const struct table *t, uint64_t hash)
{
    uintptr_t hint = __atomic_load_n(&t->hint, __ATOMIC_RELAXED);
    const struct bucket *array = (const struct bucket *)(hint & ~(uintptr_t)HINT_BITS);

    return &array[index_of(hash, hint & HINT_BITS)];
}

void table_prefetch(const struct table *t, uint64_t hash, int stage)
{
    if (!PREFETCHES) return;
    const struct bucket *b = hinted_bucket(t, hash);

    if (stage == 0) {
        __builtin_prefetch(b);
        return;
    }
    uint32_t found = match(b, tag_of(hash));

    if (found == 0) return;
    const loom_entry *e = loom_at(&t->env.space, b->ref[__builtin_ctz(found)]);

    if (stage == 1) {
        __builtin_prefetch(e);
        __builtin_prefetch((const char *)e + 64);
        return;
    }
    uint32_t bytes = loom_entry_bytes(e);

    for (uint32_t at = 128; at < bytes && at < PREFETCH_BYTES; at += 64)
        __builtin_prefetch((const char *)e + at);
}

bool table_verify(struct table *t, size_t n_resident)
{
    uint64_t n = 0, n_overflow = 0;

    for (int which = 0; which < 2; which++) {
        struct bucket *array = which ? t->to : t->at;

        if (array == NULL) continue;
        for (uint32_t i = 0; i < 1u << (which ? t->to_bits : t->bits); i++) {
            for (struct bucket *b = &array[i]; b != NULL; b = next_of(t, b)) {
                n_overflow += b != &array[i];
                for (uint32_t k = 0; k < TABLE_BUCKET_SLOTS; k++) {
                    if (b->tag[k] == 0) continue;
                    uint64_t hash = t->env.hash(t->host, loom_at(&t->env.space, b->ref[k]));

                    if (b->tag[k] != tag_of(hash)) return false;
                    n++;
                }
            }
        }
    }
    return n == t->n_items && n == n_resident && n_overflow == t->n_overflow;
}
