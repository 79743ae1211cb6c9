/* s3fifo - S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi, SOSP 2023): three FIFO queues.
 *
 *            not remembered                used move_threshold times
 *    new  -------------------->  small  ------------------------------>  main  <--+
 *      \                           |                                     |  |     | used since:
 *       \  remembered              v  not used enough                    |  +-----+ once round
 *        \                       ghost  (fingerprints only)              v
 *         +-------------------------------------------------> main     leaves
 *
 * Most new entries of a skewed workload are never used again: they leave through the small queue
 * without ever displacing what main holds.  A hit only counts to three, in the entry itself.
 *
 * The sizes follow the number of residents at the time of an eviction.  With a limit in entries
 * that is the limit; with one in bytes, or a share that drifts, it is what the partition holds now.
 * Small may be larger than its share while main has not filled its own: a cold cache is a FIFO. */
#include <loomcache/eviction.h>

#include "ghost.h"

#define IN_MAIN 0x10u    /* a bit of the touch byte's high half; clear: in small */
#define PATIENCE 4096    /* entries examined for one victim, so that nobody waits long */
#define GHOST_SLACK 1024 /* evictions for one insert, before the ghost is trimmed early */

struct s3fifo {
    double small_ratio, ghost_ratio;
    uint32_t move_threshold;
    const struct loom_eviction_env *env;
    struct loom_list small, main;
    struct ghost ghost;
    uint32_t ghost_limit; /* as of the last eviction */
    uint64_t *n_promoted, *n_ghost_hits;
};

static int init(void *self, const struct loom_host *host, const struct loom_eviction_env *env)
{
    struct s3fifo *s = self;
    s->env = env;
    s->ghost.host = host;
    s->n_promoted = host->counter(host, "promoted", "Entries that moved from small to main.");
    s->n_ghost_hits = host->counter(host, "ghost_hits", "Entries that came back soon, into main.");
    return 0;
}

static void fini(void *self)
{
    struct s3fifo *s = self;
    ghost_clear(&s->ghost);
}

static struct loom_list *queue_of(struct s3fifo *s, const loom_entry *e)
{
    return (e->touch & IN_MAIN) ? &s->main : &s->small;
}

/* Who was evicted to make room for e may still be one too many in the ghost: it is trimmed only
 * now, since e itself may be the oldest there. */
static void inserted(void *self, loom_entry *e, uint64_t hash)
{
    struct s3fifo *s = self;
    e->touch = 0;
    if (ghost_take(&s->ghost, hash)) {
        e->touch = IN_MAIN;
        loom_count(s->n_ghost_hits, 1);
    }
    ghost_trim(&s->ghost, s->ghost_limit);
    loom_list_push(&s->env->space, queue_of(s, e), e);
}

static void removed(void *self, loom_entry *e, uint64_t hash, enum loom_removal why)
{
    struct s3fifo *s = self;
    if (why != LOOM_EVICTED) {
        loom_list_remove(&s->env->space, queue_of(s, e), e);
    } else if (!(e->touch & IN_MAIN)) {
        ghost_remember(&s->ghost, hash);
        ghost_trim(&s->ghost, s->ghost_limit + GHOST_SLACK);
    }
}

/* The oldest of a queue, taken out of it. */
static loom_entry *pop(struct s3fifo *s, struct loom_list *queue)
{
    loom_entry *e = loom_at(&s->env->space, queue->oldest);
    loom_list_remove(&s->env->space, queue, e);
    return e;
}

static void push_main(struct s3fifo *s, loom_entry *e, uint32_t count)
{
    e->touch = (uint8_t)(IN_MAIN | count);
    loom_list_push(&s->env->space, &s->main, e);
}

/* The first that was not used enough; the others move to main.  NULL: all of them did. */
static loom_entry *evict_small(struct s3fifo *s, uint32_t *patience)
{
    while (s->small.n > 0) {
        loom_entry *e = pop(s, &s->small);
        if ((e->touch & LOOM_TOUCH_COUNT_MASK) < s->move_threshold || --*patience == 0) return e;
        push_main(s, e, 0);
        loom_count(s->n_promoted, 1);
    }
    return NULL;
}

/* The first whose count has run out; the others go round once more for one less. */
static loom_entry *evict_main(struct s3fifo *s, uint32_t *patience)
{
    while (s->main.n > 0) {
        loom_entry *e = pop(s, &s->main);
        uint32_t count = e->touch & LOOM_TOUCH_COUNT_MASK;
        if (count == 0 || --*patience == 0) return e;
        push_main(s, e, count - 1);
    }
    return NULL;
}

static uint64_t share(double ratio, uint64_t of)
{
    uint64_t n = (uint64_t)(ratio * (double)of);
    return n > 0 ? n : 1;
}

/* Each step of the walks was paid for by a hit, so they cost O(1) per request; PATIENCE bounds the
 * rare long one.  The paper has no such bound: on the traces it is met once in 90,000 evictions at
 * most, and no miss ratio changes by more than 0.0001. */
static loom_entry *evict(void *self)
{
    struct s3fifo *s = self;
    uint32_t patience = PATIENCE;
    uint64_t capacity = *s->env->n_items;
    uint64_t small_limit = share(s->small_ratio, capacity);
    s->ghost_limit = (uint32_t)share(s->ghost_ratio, capacity);

    loom_entry *e = NULL;
    if (s->main.n + small_limit <= capacity) e = evict_small(s, &patience);
    return e != NULL ? e : evict_main(s, &patience);
}

/* At the newest end of its queue, so that whoever asks again is given another entry. */
static void restored(void *self, loom_entry *e)
{
    struct s3fifo *s = self;
    loom_list_push(&s->env->space, queue_of(s, e), e);
}

static void moved(void *self, loom_ref from, loom_entry *to)
{
    struct s3fifo *s = self;
    loom_list_moved(&s->env->space, queue_of(s, to), from, to);
}

static void cleared(void *self)
{
    struct s3fifo *s = self;
    s->small = s->main = (struct loom_list){0};
    ghost_clear(&s->ghost);
}

static bool verify_queue(struct s3fifo *s, const struct loom_list *queue)
{
    for (loom_ref at = queue->oldest; at != 0; at = loom_at(&s->env->space, at)->word.link.newer)
        if (queue_of(s, loom_at(&s->env->space, at)) != queue) return false;
    return loom_list_verify(&s->env->space, queue);
}

static bool verify(void *self, size_t n_resident)
{
    struct s3fifo *s = self;
    return (size_t)s->small.n + s->main.n == n_resident && verify_queue(s, &s->small) &&
           verify_queue(s, &s->main) && ghost_verify(&s->ghost);
}

static const struct loom_option options[] = {
    LOOM_OPTION(FLOAT, "small_ratio", struct s3fifo, small_ratio, "0.10", 0.01, 0.90,
                "The small queue's share of the entries, once main is full."),
    LOOM_OPTION(FLOAT, "ghost_ratio", struct s3fifo, ghost_ratio, "0.90", 0.01, 1.00,
                "Entries remembered after they left, as a share of those present."),
    LOOM_OPTION(U32, "move_threshold", struct s3fifo, move_threshold, "2", 1, 3,
                "Hits that an entry needs in the small queue to move to main."),
    LOOM_OPTION_END,
};

static const struct loom_eviction_ops ops = {
    .struct_size = sizeof ops,
    .instance_size = sizeof(struct s3fifo),
    .touch = {.kind = LOOM_TOUCH_COUNT, .max = 3},
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
            LOOM_OFFER_EVICTION("s3fifo", "three FIFO queues: what is used again stays", &ops))
