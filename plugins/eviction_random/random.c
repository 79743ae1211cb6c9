/* random - any entry may leave, all with the same chance.
 *
 * No state at all: the host draws the victim.  Hits cost nothing and the eight bytes of the
 * policy word stay unused. */
#include <loomcache/eviction.h>

struct uniform {
    const struct loom_host *host;
    const struct loom_eviction_env *env;
};

static int init(void *self, const struct loom_host *host, const struct loom_eviction_env *env)
{
    struct uniform *u = self;
    u->host = host;
    u->env = env;
    return 0;
}

static void fini(void *self)
{
    (void)self;
}

static void inserted(void *self, loom_entry *e, uint64_t hash)
{
    (void)self, (void)e, (void)hash;
}

static void removed(void *self, loom_entry *e, uint64_t hash, enum loom_removal why)
{
    (void)self, (void)e, (void)hash, (void)why;
}

static loom_entry *evict(void *self)
{
    struct uniform *u = self;
    loom_entry *e = NULL;
    return u->env->sample(u->host, &e, 1) == 1 ? e : NULL;
}

static void restored(void *self, loom_entry *e)
{
    (void)self, (void)e;
}

static void cleared(void *self)
{
    (void)self;
}

static const struct loom_eviction_ops ops = {
    .struct_size = sizeof ops,
    .instance_size = sizeof(struct uniform),
    .touch = {.kind = LOOM_TOUCH_NONE},
    .init = init,
    .fini = fini,
    .inserted = inserted,
    .removed = removed,
    .evict = evict,
    .restored = restored,
    .cleared = cleared,
};

LOOM_PLUGIN("LoomCache", "1.0.0", "Apache-2.0",
            LOOM_OFFER_EVICTION("random", "any entry leaves, all with the same chance", &ops))
