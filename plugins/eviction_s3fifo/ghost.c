/* ghost.c - a queue of fingerprints with chains through it; see ghost.h for the drawing. */
#include "ghost.h"

#include <string.h>

#define BLOCK 512u    /* nodes: 4 KiB */
#define LONG_CHAIN 8u /* nodes per head, at most, when there is no memory for more heads */
#define MAX_TAKEN 3u  /* nodes that were taken, for each that may be remembered */
#define TAKEN 0u      /* the fingerprint of a node that is no longer remembered */

struct node {
    uint32_t fingerprint;
    uint32_t older;
};
struct ghost_block {
    struct node node[BLOCK];
};

static uint32_t fingerprint_of(uint64_t hash)
{
    uint32_t fingerprint = (uint32_t)(hash >> 32);
    return fingerprint != TAKEN ? fingerprint : 1;
}

static struct ghost_block **block_at(const struct ghost *g, uint32_t place)
{
    return &g->blocks[(place / BLOCK) & (g->n_blocks - 1)];
}

static struct node *node_at(const struct ghost *g, uint32_t place)
{
    return &(*block_at(g, place))->node[place % BLOCK];
}

static uint32_t blocks_used(const struct ghost *g)
{
    return (g->next - (g->first - g->first % BLOCK) + BLOCK - 1) / BLOCK;
}

static bool more_blocks(struct ghost *g)
{
    uint32_t n = g->n_blocks > 0 ? 2 * g->n_blocks : 8;
    struct ghost_block **blocks = g->host->alloc(g->host, n * sizeof *blocks);
    if (blocks == NULL) return false;
    for (uint32_t i = 0; i < g->n_blocks; i++) {
        uint32_t place = g->first + i * BLOCK;
        blocks[(place / BLOCK) & (n - 1)] = *block_at(g, place);
    }
    if (g->blocks != NULL) g->host->free(g->host, g->blocks, g->n_blocks * sizeof *blocks);
    g->blocks = blocks;
    g->n_blocks = n;
    return true;
}

/* Twice the heads, each half beginning with the chains as they were.  Nothing is sorted apart:
 * the nodes that two chains share grow old and are forgotten. */
static bool more_heads(struct ghost *g)
{
    uint32_t n = g->n_heads > 0 ? 2 * g->n_heads : BLOCK;
    uint32_t *heads = g->host->alloc(g->host, n * sizeof *heads);
    if (heads == NULL) return g->n_heads > 0;
    if (g->heads != NULL) {
        memcpy(heads, g->heads, g->n_heads * sizeof *heads);
        memcpy(heads + g->n_heads, g->heads, g->n_heads * sizeof *heads);
        g->host->free(g->host, g->heads, g->n_heads * sizeof *heads);
    }
    g->heads = heads;
    g->n_heads = n;
    return true;
}

/* Make sure that the node at next exists. */
static bool reserve(struct ghost *g)
{
    if (g->n >= g->n_heads + g->n_heads / 2 && !more_heads(g)) return false;
    if (g->next % BLOCK != 0) return true;
    if (blocks_used(g) == g->n_blocks && !more_blocks(g)) return false;
    struct ghost_block *block = g->host->alloc(g->host, sizeof *block);
    if (block == NULL) return false;
    *block_at(g, g->next) = block;
    return true;
}

static void forget_oldest(struct ghost *g)
{
    if (node_at(g, g->first)->fingerprint != TAKEN) g->n--;
    struct ghost_block **block = block_at(g, g->first);
    if (++g->first % BLOCK == 0) {
        g->host->free(g->host, *block, sizeof **block);
        *block = NULL;
    }
}

/* Nodes that were taken still lie in the queue.  They may be MAX_TAKEN times as many as what may be
 * remembered; so many that it is reached, and the oldest suffers, have been seen in no trace. */
static bool too_long(const struct ghost *g, uint32_t limit)
{
    uint32_t length = g->next - g->first;
    if (length == 0) return false;
    return g->n > limit || node_at(g, g->first)->fingerprint == TAKEN ||
           length - g->n > MAX_TAKEN * (uint64_t)limit + BLOCK || length > LONG_CHAIN * g->n_heads;
}

void ghost_remember(struct ghost *g, uint64_t hash)
{
    if (reserve(g)) {
        uint32_t fingerprint = fingerprint_of(hash);
        uint32_t *head = &g->heads[fingerprint & (g->n_heads - 1)];
        *node_at(g, g->next) = (struct node){.fingerprint = fingerprint, .older = *head};
        *head = g->next++;
        g->n++;
    } else if (g->first != g->next) {
        forget_oldest(g);
    }
}

void ghost_trim(struct ghost *g, uint32_t limit)
{
    while (too_long(g, limit)) forget_oldest(g);
}

bool ghost_take(struct ghost *g, uint64_t hash)
{
    if (g->n == 0) return false;
    uint32_t fingerprint = fingerprint_of(hash);
    uint32_t place = g->heads[fingerprint & (g->n_heads - 1)];
    for (uint32_t length = g->next - g->first; place - g->first < length;) {
        struct node *node = node_at(g, place);
        if (node->fingerprint == fingerprint) {
            node->fingerprint = TAKEN;
            g->n--;
            return true;
        }
        length = place - g->first; /* only what is older still belongs to the chain */
        place = node->older;
    }
    return false;
}

void ghost_clear(struct ghost *g)
{
    const struct loom_host *host = g->host;
    for (uint32_t i = 0; i < g->n_blocks; i++)
        if (g->blocks[i] != NULL) host->free(host, g->blocks[i], sizeof *g->blocks[i]);
    if (g->blocks != NULL) host->free(host, g->blocks, g->n_blocks * sizeof *g->blocks);
    if (g->heads != NULL) host->free(host, g->heads, g->n_heads * sizeof *g->heads);
    *g = (struct ghost){.host = host};
}

bool ghost_verify(const struct ghost *g)
{
    uint32_t n = 0, n_blocks = 0;
    for (uint32_t place = g->first; place != g->next; place++)
        if (node_at(g, place)->fingerprint != TAKEN) n++;
    for (uint32_t i = 0; i < g->n_blocks; i++)
        if (g->blocks[i] != NULL) n_blocks++;
    return n == g->n && n_blocks == blocks_used(g);
}
