/* fifo - the entry that came first leaves first; hits change nothing.
 *
 * One list through the policy words, newest to oldest.  The smallest policy that keeps an order:
 * start here to write your own. */
#include <loomcache/eviction.h>

struct fifo {
    struct loom_space space;
    struct loom_list list;
};

static int init(void *self, const struct loom_host *host, const struct loom_eviction_env *env)
{
    struct fifo *f = self;
    (void)host;
    f->space = env->space;
    return 0;
}

static void fini(void *self)
{
    (void)self;
}

static void inserted(void *self, loom_entry *e, uint64_t hash)
{
    struct fifo *f = self;
    (void)hash;
    loom_list_push(&f->space, &f->list, e);
}

static void removed(void *self, loom_entry *e, uint64_t hash, enum loom_removal why)
{
    struct fifo *f = self;
    (void)hash;
    if (why != LOOM_EVICTED) loom_list_remove(&f->space, &f->list, e);
}

static loom_entry *evict(void *self)
{
    struct fifo *f = self;
    if (f->list.n == 0) return NULL;
    loom_entry *e = loom_at(&f->space, f->list.oldest);
    loom_list_remove(&f->space, &f->list, e);
    return e;
}

/* At the newest end, so that whoever asks again is given another entry. */
static void restored(void *self, loom_entry *e)
{
    struct fifo *f = self;
    loom_list_push(&f->space, &f->list, e);
}

static void moved(void *self, loom_ref from, loom_entry *to)
{
    struct fifo *f = self;
    loom_list_moved(&f->space, &f->list, from, to);
}

static void cleared(void *self)
{
    struct fifo *f = self;
    f->list = (struct loom_list){0};
}

static bool verify(void *self, size_t n_resident)
{
    struct fifo *f = self;
    return f->list.n == n_resident && loom_list_verify(&f->space, &f->list);
}

static const struct loom_eviction_ops ops = {
    .struct_size = sizeof ops,
    .instance_size = sizeof(struct fifo),
    .touch = {.kind = LOOM_TOUCH_NONE},
    .init = init,
    .fini = fini,
    .inserted = inserted,
    .removed = removed,
    .evict = evict,
    .restored = restored,
    .moved = moved,
    .cleared = cleared,
    .verify = verify,
};

LOOM_PLUGIN("LoomCache", "1.0.0", "Apache-2.0",
            LOOM_OFFER_EVICTION("fifo", "the oldest entry leaves first", &ops))
