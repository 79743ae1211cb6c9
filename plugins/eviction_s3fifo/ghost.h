/* ghost.h - remember the fingerprints of what left; the oldest is forgotten first.
 *
 * Not a set of keys: 32 bits of the hash stand for each, so a look-up is wrong with a chance of
 * (number remembered) / 2^32.  A queue in blocks that come and go one by one: memory follows the
 * number remembered, and nothing large is ever sorted anew while the partition waits.
 *
 *   heads[fingerprint & mask] = the newest node of a chain, by its place in the queue
 *
 *   | oldest ... | ... | ... | ... newest |    node = fingerprint, place of the next older node
 *     ^first                          ^next           of its chain
 *
 * Places only rise, and a chain runs from new to old.  So forgetting the oldest node is first++:
 * whoever follows a link to a place before first has reached the end of its chain.
 *
 * Memory: 8 bytes per node, and 3 to 6 for its share of the heads.  Thread: its owner's.
 */
#ifndef EVICTION_S3FIFO_GHOST_H
#define EVICTION_S3FIFO_GHOST_H

#include <loomcache/plugin.h>

struct ghost_block;

/* Zeroed, but for host, it is empty and holds no memory. */
struct ghost {
    const struct loom_host *host;
    uint32_t *heads; /* n_heads of them, a power of two */
    uint32_t n_heads;
    struct ghost_block **blocks; /* a ring of n_blocks, a power of two */
    uint32_t n_blocks;
    uint32_t first, next; /* the queue: places first to next - 1, wrapping at 2^32 */
    uint32_t n;           /* nodes still remembered; the others have been taken */
};

/* ghost_remember - add a hash as the newest.  When memory is short the oldest is forgotten instead.
 * Cost: O(1); a block is allocated now and then. */
void ghost_remember(struct ghost *ghost, uint64_t hash);
/* ghost_trim - forget the oldest until limit remain. */
void ghost_trim(struct ghost *ghost, uint32_t limit);
/* ghost_take - true if it was remembered; then it no longer is. */
bool ghost_take(struct ghost *ghost, uint64_t hash);
/* ghost_clear - empty, all memory given back. */
void ghost_clear(struct ghost *ghost);
bool ghost_verify(const struct ghost *ghost); /* O(n) */

#endif
