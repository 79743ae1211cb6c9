/* lcs.c - see lcs.h.
 *
 *   L(i, j)  the length for the first i bytes of a and the first j of b
 *   row i    bit j - 1 clear  <=>  L(i, j) = L(i, j - 1) + 1
 *
 * One row follows from the one above it by an addition whose carries do the work of the inner
 * loop.  The length is the number of clear bits in the last row.
 */
#include "core/command/lcs.h"

#include <string.h>

#include <loomcache/plugin.h>

#include "core/base/mem.h"

#define SYMBOLS 256

/* Where each symbol stands in b, as a bit row; symbols that are not in a have none. */
struct places {
    uint64_t *row[SYMBOLS];
};

static size_t n_symbols(struct slice s, bool ret_present[SYMBOLS])
{
    size_t n = 0;

    memset(ret_present, 0, SYMBOLS * sizeof *ret_present);
    for (size_t i = 0; i < s.bytes; i++) {
        bool *present = &ret_present[(unsigned char)s.at[i]];
        n += !*present;
        *present = true;
    }
    return n;
}

static void places_fill(struct places *places, const bool present[SYMBOLS], struct slice b,
                        uint64_t *rows, size_t n_words)
{
    size_t n = 0;

    for (unsigned c = 0; c < SYMBOLS; c++)
        places->row[c] = present[c] ? rows + n_words * n++ : NULL;
    memset(rows, 0, n * n_words * sizeof *rows);
    for (size_t j = 0; j < b.bytes; j++) {
        uint64_t *row = places->row[(unsigned char)b.at[j]];
        if (row != NULL) row[j / 64] |= 1ull << (j % 64);
    }
}

/* to and from may be the same row. */
static void row_step(uint64_t *to, const uint64_t *from, const uint64_t *match, size_t n_words)
{
    uint64_t carry = 0;

    for (size_t w = 0; w < n_words; w++) {
        uint64_t v = from[w], u = v & match[w], sum;
        bool over = __builtin_add_overflow(v, u, &sum);
        over |= __builtin_add_overflow(sum, carry, &sum);
        carry = over;
        to[w] = sum | (v & ~u);
    }
}

static uint64_t clear_bits(const uint64_t *row, size_t bits)
{
    uint64_t n = 0;

    for (size_t j = 0; j < bits; j += 64) {
        uint64_t valid = bits - j >= 64 ? ~0ull : (1ull << (bits - j)) - 1;
        n += (uint64_t)__builtin_popcountll(~row[j / 64] & valid);
    }
    return n;
}

int lcs_open(struct lcs *lcs, struct slice a, struct slice b, bool want_trace)
{
    bool present[SYMBOLS];
    struct places places;
    size_t n_words = (b.bytes + 63) / 64, n_places, n_rows = want_trace ? a.bytes : 1;
    uint64_t *rows, *last;

    memset(lcs, 0, sizeof *lcs);
    lcs->a = a;
    lcs->b = b;
    lcs->n_words = n_words;
    if (a.bytes == 0 || b.bytes == 0) return 0;
    if (a.bytes > LCS_CELLS_MAX / b.bytes) return LOOM_E_LIMIT;

    n_places = n_symbols(a, present);
    rows = mem_alloc(MEM_OTHER, (n_places + n_rows) * n_words * sizeof *rows);
    if (rows == NULL) return LOOM_E_NOMEM;
    lcs->memory = rows;
    places_fill(&places, present, b, rows, n_words);
    lcs->trace = rows + n_places * n_words;
    last = lcs->trace;
    memset(last, 0xff, n_words * sizeof *last);
    for (size_t i = 0; i < a.bytes; i++) {
        uint64_t *to = want_trace ? lcs->trace + i * n_words : last;
        row_step(to, last, places.row[(unsigned char)a.at[i]], n_words);
        last = to;
    }
    lcs->length = clear_bits(last, b.bytes);
    return 0;
}

void lcs_close(struct lcs *lcs)
{
    mem_free(MEM_OTHER, lcs->memory);
    lcs->memory = NULL;
}

/* At a pair of unequal bytes: is L(i - 1, j) the larger neighbour?  It is when byte j of b made row
 * i longer, since without a match the new length can only have come down from the row above. */
static bool from_above(const struct lcs *lcs, uint64_t i, uint64_t j)
{
    const uint64_t *row = lcs->trace + (i - 1) * lcs->n_words;

    return (row[(j - 1) / 64] >> ((j - 1) % 64) & 1) == 0;
}

bool lcs_next(const struct lcs *lcs, struct lcs_walk *walk, struct lcs_match *ret)
{
    const char *a = lcs->a.at, *b = lcs->b.at;
    uint64_t i = walk->a, j = walk->b, bytes = 0;

    while (i > 0 && j > 0 && a[i - 1] != b[j - 1]) {
        if (from_above(lcs, i, j)) i--;
        else j--;
    }
    for (; i > 0 && j > 0 && a[i - 1] == b[j - 1]; bytes++) {
        i--;
        j--;
    }
    *walk = (struct lcs_walk){i, j};
    if (bytes != 0) *ret = (struct lcs_match){i, j, bytes};
    return bytes != 0;
}
