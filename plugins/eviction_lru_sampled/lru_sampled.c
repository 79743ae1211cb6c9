/* lru_sampled - nearly the least recently used: the best of a few drawn at random.
 *
 * A hit stores the partition's access count in the entry, no more: no list, no neighbour's cache
 * line.  To evict, a few residents are drawn and merged into a small pool that keeps the longest
 * unused seen so far (the approach of Redis since 3.0, 2015).  The clock counts accesses, not
 * seconds, so that no two entries tie.
 *
 * The pool refers to entries by reference; POOLED marks those that it holds, so that removed()
 * and moved() look through it only when they must. */
#include <loomcache/eviction.h>

#include <string.h>

#define POOL 16u
#define POOLED 0x10u /* a bit of the touch byte's high half */

struct candidate {
    uint32_t stamp; /* as it was when the entry was drawn */
    loom_ref ref;
};

struct lru_sampled {
    uint32_t samples;
    uint32_t n;
    struct candidate pool[POOL]; /* longest unused last */
    const struct loom_host *host;
    const struct loom_eviction_env *env;
};

static int init(void *self, const struct loom_host *host, const struct loom_eviction_env *env)
{
    struct lru_sampled *l = self;
    l->host = host;
    l->env = env;
    return 0;
}

static void fini(void *self)
{
    (void)self;
}

static void inserted(void *self, loom_entry *e, uint64_t hash)
{
    struct lru_sampled *l = self;
    (void)hash;
    e->touch = 0;
    e->word.mark.stamp = *l->env->clock;
}

/* Where the pool holds this reference; n when it does not. */
static uint32_t find(const struct lru_sampled *l, loom_ref ref)
{
    uint32_t i = 0;
    while (i < l->n && l->pool[i].ref != ref) i++;
    return i;
}

static void drop(struct lru_sampled *l, uint32_t i)
{
    loom_at(&l->env->space, l->pool[i].ref)->touch &= (uint8_t)~POOLED;
    l->n--;
    memmove(&l->pool[i], &l->pool[i + 1], (l->n - i) * sizeof l->pool[0]);
}

/* Into its place by age; a full pool loses its youngest to it. */
static void consider(struct lru_sampled *l, loom_entry *e)
{
    uint32_t now = *l->env->clock, age = now - e->word.mark.stamp, i = 0;
    if (e->touch & POOLED) return;
    if (l->n == POOL) {
        if (now - l->pool[0].stamp >= age) return;
        drop(l, 0);
    }
    while (i < l->n && now - l->pool[i].stamp < age) i++;
    memmove(&l->pool[i + 1], &l->pool[i], (l->n - i) * sizeof l->pool[0]);
    l->pool[i] = (struct candidate){e->word.mark.stamp, loom_ref_of(&l->env->space, e)};
    l->n++;
    e->touch |= POOLED;
}

static void removed(void *self, loom_entry *e, uint64_t hash, enum loom_removal why)
{
    struct lru_sampled *l = self;
    (void)hash, (void)why;
    if (e->touch & POOLED) drop(l, find(l, loom_ref_of(&l->env->space, e)));
}

/* Who was used since it was drawn goes back to where it belongs now, once at most. */
static loom_entry *evict(void *self)
{
    struct lru_sampled *l = self;
    loom_entry *drawn[64];
    size_t n = l->env->sample(l->host, drawn, l->samples);
    for (size_t i = 0; i < n; i++) consider(l, drawn[i]);
    while (l->n > 0) {
        struct candidate oldest = l->pool[l->n - 1];
        loom_entry *e = loom_at(&l->env->space, oldest.ref);
        drop(l, l->n - 1);
        if (e->word.mark.stamp == oldest.stamp) return e;
        consider(l, e);
    }
    return NULL;
}

static void restored(void *self, loom_entry *e)
{
    struct lru_sampled *l = self;
    e->word.mark.stamp = *l->env->clock;
}

static void moved(void *self, loom_ref from, loom_entry *to)
{
    struct lru_sampled *l = self;
    if (to->touch & POOLED) l->pool[find(l, from)].ref = loom_ref_of(&l->env->space, to);
}

static void cleared(void *self)
{
    struct lru_sampled *l = self;
    l->n = 0;
}

static bool verify(void *self, size_t n_resident)
{
    struct lru_sampled *l = self;
    for (uint32_t i = 0; i < l->n; i++) {
        if (find(l, l->pool[i].ref) != i) return false;
        if (!(loom_at(&l->env->space, l->pool[i].ref)->touch & POOLED)) return false;
    }
    return l->n <= n_resident;
}

static const struct loom_option options[] = {
    LOOM_OPTION(U32, "samples", struct lru_sampled, samples, "5", 1, 64,
                "Entries drawn for an eviction; more come closer to exact LRU, and cost more."),
    LOOM_OPTION_END,
};

static const struct loom_eviction_ops ops = {
    .struct_size = sizeof ops,
    .instance_size = sizeof(struct lru_sampled),
    .touch = {.kind = LOOM_TOUCH_STAMP},
    .options = options,
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
            LOOM_OFFER_EVICTION("lru_sampled", "the longest unused of a few drawn at random", &ops))
