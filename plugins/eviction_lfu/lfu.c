/* lfu - least frequently used, with ageing: the least of a few drawn at random.
 *
 * Every hit counts one, and every count halves as accesses to the partition go by (the combined
 * recency and frequency of LRFU: Lee et al., IEEE ToC 2001).  What was popular yesterday leaves;
 * an entry used once long ago leaves before one used once just now.  The entry holds its count as
 * of its last access, and when that was:
 *
 *      word.mark.stamp  accesses to the partition, then      word.mark.own  count, 20.12 bits
 *
 * so that ageing costs nothing until somebody looks.  The clock counts accesses, not seconds: a
 * quiet night takes no popularity away, and a burst cannot outrun it.  No pool is kept between
 * evictions: with counts that keep changing it was measured to bring nothing. */
#include <loomcache/eviction.h>

#define ONE 0x1000u /* an access, in counts */
#define MOST (UINT32_MAX - ONE)

struct lfu {
    uint32_t samples;
    double half_life;
    uint32_t half_life_bits; /* a count halves every 2^this accesses */
    const struct loom_host *host;
    const struct loom_eviction_env *env;
};

static int init(void *self, const struct loom_host *host, const struct loom_eviction_env *env)
{
    struct lfu *l = self;
    l->host = host;
    l->env = env;
    l->half_life_bits = 31; /* nothing ages before the first eviction */
    return 0;
}

static void fini(void *self)
{
    (void)self;
}

/* What the count is worth now: halvings, and a straight line between them. */
static uint32_t worth(const struct lfu *l, const loom_entry *e, uint32_t age)
{
    uint32_t halvings = age >> l->half_life_bits;
    if (halvings > 31) return 0;
    uint64_t count = e->word.mark.own >> halvings;
    uint64_t rest = age & ((1u << l->half_life_bits) - 1);
    return (uint32_t)(count - ((count * rest) >> (l->half_life_bits + 1)));
}

static void inserted(void *self, loom_entry *e, uint64_t hash)
{
    struct lfu *l = self;
    (void)hash;
    e->word.mark.stamp = *l->env->clock;
    e->word.mark.own = ONE;
}

static void accessed(void *self, loom_entry *e)
{
    struct lfu *l = self;
    uint32_t now = *l->env->clock, count = worth(l, e, now - e->word.mark.stamp);
    e->word.mark.own = (count < MOST ? count : MOST) + ONE;
    e->word.mark.stamp = now;
}

static void removed(void *self, loom_entry *e, uint64_t hash, enum loom_removal why)
{
    (void)self, (void)e, (void)hash, (void)why;
}

/* half_life times as many accesses as there are residents, the next power of two. */
static uint32_t bits_of_half_life(const struct lfu *l)
{
    double accesses = l->half_life * (double)*l->env->n_items;
    uint32_t bits = 1;
    while (bits < 31 && (double)(1u << bits) < accesses) bits++;
    return bits;
}

static loom_entry *evict(void *self)
{
    struct lfu *l = self;
    loom_entry *drawn[64], *least = NULL;
    uint32_t least_worth = 0, least_age = 0;
    l->half_life_bits = bits_of_half_life(l);
    size_t n = l->env->sample(l->host, drawn, l->samples);
    for (size_t i = 0; i < n; i++) {
        uint32_t age = *l->env->clock - drawn[i]->word.mark.stamp;
        uint32_t value = worth(l, drawn[i], age);
        if (least != NULL && (value > least_worth || (value == least_worth && age <= least_age)))
            continue;
        least = drawn[i];
        least_worth = value;
        least_age = age;
    }
    return least;
}

static void restored(void *self, loom_entry *e)
{
    (void)self, (void)e;
}

static void cleared(void *self)
{
    (void)self;
}

static const struct loom_option options[] = {
    LOOM_OPTION(U32, "samples", struct lfu, samples, "5", 1, 64,
                "Entries drawn for an eviction; more is more exact, and costs more."),
    LOOM_OPTION(FLOAT, "half_life", struct lfu, half_life, "2", 0.1, 1000,
                "Accesses per resident entry after which a count is worth half."),
    LOOM_OPTION_END,
};

static const struct loom_eviction_ops ops = {
    .struct_size = sizeof ops,
    .instance_size = sizeof(struct lfu),
    .touch = {.kind = LOOM_TOUCH_CALL},
    .options = options,
    .init = init,
    .fini = fini,
    .inserted = inserted,
    .removed = removed,
    .evict = evict,
    .restored = restored,
    .accessed = accessed,
    .cleared = cleared,
};

LOOM_PLUGIN("LoomCache", "1.0.0", "Apache-2.0",
            LOOM_OFFER_EVICTION("lfu", "least often used of a few; counts fade", &ops))
