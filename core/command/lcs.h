/* lcs.h - the longest common subsequence of two byte strings, and where it lies in both.
 *
 * Bit-parallel dynamic programming: Crochemore, Iliopoulos, Pinzon, Reid, "A fast and practical
 * bit-vector algorithm for the longest common subsequence problem" (2001), in the form of Hyyrö,
 * "Bit-parallel LCS-length computation revisited" (2004).  64 cells of the classic table cost a
 * handful of operations.  The walk back needs one bit per cell: 1/32 of what a table of lengths
 * takes.  No keys, no replies here.
 *
 * Cost: |a| * |b| / 64 steps; memory of at most |a| * |b| / 4 bits and a little, from the heap,
 * until lcs_close().  Both are bounded by LCS_CELLS_MAX.
 */
#ifndef CORE_COMMAND_LCS_H
#define CORE_COMMAND_LCS_H

#include "core/base/bytes.h"

#define LCS_CELLS_MAX (1ull << 30) /* 32 KiB against 32 KiB: 128 MiB for some 20 ms */

struct lcs {
    struct slice a, b; /* borrowed */
    uint64_t length;
    size_t n_words;  /* per row of the trace */
    uint64_t *trace; /* row i: after i + 1 bytes of a; bit j clear: byte j of b made it longer */
    void *memory;
};

/* A run that is in both: so many bytes from a_first in a, and from b_first in b. */
struct lcs_match {
    uint64_t a_first, b_first, bytes;
};

/* lcs_open - the length, and with want_trace what lcs_next() needs.  LOOM_E_LIMIT: more than
 * LCS_CELLS_MAX cells; LOOM_E_NOMEM. */
int lcs_open(struct lcs *lcs, struct slice a, struct slice b, bool want_trace);
void lcs_close(struct lcs *lcs);

/* lcs_next - runs from the last to the first; start with walk = {a.bytes, b.bytes}.  Of the many
 * subsequences of this length it finds the one that Redis finds.  false: no more. */
struct lcs_walk {
    uint64_t a, b; /* bytes of each that are still to be walked */
};
bool lcs_next(const struct lcs *lcs, struct lcs_walk *walk, struct lcs_match *ret);

#endif
