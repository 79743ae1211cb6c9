/* random.c - an eviction policy of your own: of a few entries drawn at random, the largest leaves.
 *
 * There is no order to keep, so the host's drawing of residents is all it takes: a hit costs
 * nothing, and the eight bytes that each entry has for its policy stay unused. */
#include <loomcache/eviction.h>

#define DRAWS_MAX 16

/* One instance per partition.  The host allocates it zeroed and fills the options in. */
struct policy {
    uint32_t draws; /* option */
    const struct loom_host *host;
    const struct loom_eviction_env *env;
    uint64_t *evicted_bytes; /* a counter of ours */
};

static int init(void *self, const struct loom_host *host, const struct loom_eviction_env *env)
{
    struct policy *policy = self;

    policy->host = host;
    policy->env = env;
    policy->evicted_bytes = host->counter(host, "evicted_bytes", "Bytes of the entries evicted.");
    return 0;
}

static void fini(void *self)
{
    (void)self;
}

static void inserted(void *self, loom_entry *e, uint64_t hash)
{
    (void)self;
    (void)e;
    (void)hash;
}

static void removed(void *self, loom_entry *e, uint64_t hash, enum loom_removal why)
{
    struct policy *policy = self;

    (void)hash;
    if (why == LOOM_EVICTED) loom_count(policy->evicted_bytes, loom_entry_bytes(e));
}

/* Claim the next victim.  What sample() gives is resident and not claimed. */
static loom_entry *evict(void *self)
{
    struct policy *policy = self;
    loom_entry *drawn[DRAWS_MAX], *victim = NULL;
    size_t n = policy->env->sample(policy->host, drawn, policy->draws);

    for (size_t i = 0; i < n; i++)
        if (victim == NULL || loom_entry_bytes(drawn[i]) > loom_entry_bytes(victim))
            victim = drawn[i];
    return victim;
}

/* A victim stays after all: an ordered policy would put it back. */
static void restored(void *self, loom_entry *e)
{
    (void)self;
    (void)e;
}

static const struct loom_option options[] = {
    LOOM_OPTION(U32, "draws", struct policy, draws, "1", 1, DRAWS_MAX,
                "How many entries are drawn; the largest of them leaves."),
    LOOM_OPTION_END,
};

static const struct loom_eviction_ops ops = {
    .struct_size = sizeof ops,
    .instance_size = sizeof(struct policy),
    .touch = {.kind = LOOM_TOUCH_NONE},
    .options = options,
    .init = init,
    .fini = fini,
    .inserted = inserted,
    .removed = removed,
    .evict = evict,
    .restored = restored,
};

LOOM_PLUGIN("You", "1.0", "Apache-2.0",
            LOOM_OFFER_EVICTION("random_c", "the largest of a few entries drawn at random", &ops))
