/* lru - the entry that was used longest ago leaves first, exactly.
 *
 * One list through the policy words, most recently used first.  A hit moves the entry to the
 * front: it asks for a call, and writes into up to four neighbours' cache lines.  That is the
 * price of exactness; lru_sampled does nearly as well for none of it. */
#include <loomcache/eviction.h>

struct lru {
    struct loom_space space;
    struct loom_list list;
};

static int init(void *self, const struct loom_host *host, const struct loom_eviction_env *env)
{
    struct lru *l = self;
    (void)host;
    l->space = env->space;
    return 0;
}

static void fini(void *self)
{
    (void)self;
}

static void inserted(void *self, loom_entry *e, uint64_t hash)
{
    struct lru *l = self;
    (void)hash;
    loom_list_push(&l->space, &l->list, e);
}

static void accessed(void *self, loom_entry *e)
{
    struct lru *l = self;
    if (l->list.newest == loom_ref_of(&l->space, e)) return;
    loom_list_remove(&l->space, &l->list, e);
    loom_list_push(&l->space, &l->list, e);
}

static void removed(void *self, loom_entry *e, uint64_t hash, enum loom_removal why)
{
    struct lru *l = self;
    (void)hash;
    if (why != LOOM_EVICTED) loom_list_remove(&l->space, &l->list, e);
}

static loom_entry *evict(void *self)
{
    struct lru *l = self;
    if (l->list.n == 0) return NULL;
    loom_entry *e = loom_at(&l->space, l->list.oldest);
    loom_list_remove(&l->space, &l->list, e);
    return e;
}

/* At the front, so that whoever asks again is given another entry. */
static void restored(void *self, loom_entry *e)
{
    struct lru *l = self;
    loom_list_push(&l->space, &l->list, e);
}

static void moved(void *self, loom_ref from, loom_entry *to)
{
    struct lru *l = self;
    loom_list_moved(&l->space, &l->list, from, to);
}

static void cleared(void *self)
{
    struct lru *l = self;
    l->list = (struct loom_list){0};
}

static bool verify(void *self, size_t n_resident)
{
    struct lru *l = self;
    return l->list.n == n_resident && loom_list_verify(&l->space, &l->list);
}

static const struct loom_eviction_ops ops = {
    .struct_size = sizeof ops,
    .instance_size = sizeof(struct lru),
    .touch = {.kind = LOOM_TOUCH_CALL},
    .init = init,
    .fini = fini,
    .inserted = inserted,
    .removed = removed,
    .evict = evict,
    .restored = restored,
    .accessed = accessed,
    .moved = moved,
    .cleared = cleared,
    .verify = verify,
};

LOOM_PLUGIN("LoomCache", "1.0.0", "Apache-2.0",
            LOOM_OFFER_EVICTION("lru", "the least recently used entry leaves first, exactly", &ops))
