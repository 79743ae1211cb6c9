/* none - never evict.  A write beyond the limit is refused with -OOM, as in a database.
 *
 * A policy without evict() is how a plugin says so: there is nothing else to write. */
#include <loomcache/eviction.h>

struct none {
    char unused;
};

static int init(void *self, const struct loom_host *host, const struct loom_eviction_env *env)
{
    (void)self, (void)host, (void)env;
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

static void cleared(void *self)
{
    (void)self;
}

static const struct loom_eviction_ops ops = {
    .struct_size = sizeof ops,
    .instance_size = sizeof(struct none),
    .touch = {.kind = LOOM_TOUCH_NONE},
    .init = init,
    .fini = fini,
    .inserted = inserted,
    .removed = removed,
    .cleared = cleared,
};

LOOM_PLUGIN("LoomCache", "1.0.0", "Apache-2.0",
            LOOM_OFFER_EVICTION("none", "never evicts: writes beyond the limit are refused", &ops))
