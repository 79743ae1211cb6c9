/* test_lcs.c - LCS: what it answers, and the bit-parallel rows against the classic table. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/base/random.h"
#include "core/command/lcs.h"
#include "tests/unit/command/fixture.h"

static struct fixture f;
static void open_node(void) { fixture_open(&f, NULL); }
static void close_node(void) { fixture_close(&f); }

TestSuite(lcs, .init = open_node, .fini = close_node);

Test(lcs, answers)
{
    FIXTURE_STEPS(&f,
        {"MSET a ohmytext b mynewtext e \"\"", OK},
        {"LCS a b", BULK("6", "mytext")},
        {"LCS a b LEN", INT("6")},
        {"LCS a b IDX", ARRAY("4") BULK("7", "matches") ARRAY("2")
            ARRAY("2") ARRAY("2") INT("4") INT("7") ARRAY("2") INT("5") INT("8")
            ARRAY("2") ARRAY("2") INT("2") INT("3") ARRAY("2") INT("0") INT("1")
            BULK("3", "len") INT("6")},
        {"LCS a b IDX MINMATCHLEN 4", ARRAY("4") BULK("7", "matches") ARRAY("1")
            ARRAY("2") ARRAY("2") INT("4") INT("7") ARRAY("2") INT("5") INT("8")
            BULK("3", "len") INT("6")},
        {"LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN", ARRAY("4") BULK("7", "matches") ARRAY("1")
            ARRAY("3") ARRAY("2") INT("4") INT("7") ARRAY("2") INT("5") INT("8") INT("4")
            BULK("3", "len") INT("6")},
        {"LCS a b IDX MINMATCHLEN 9", ARRAY("4") BULK("7", "matches") ARRAY("0")
            BULK("3", "len") INT("6")},
        {"LCS a b IDX MINMATCHLEN -9 MINMATCHLEN 5", ARRAY("4") BULK("7", "matches") ARRAY("0")
            BULK("3", "len") INT("6")},
        {"LCS a e", BULK("0", "")},
        {"LCS a absent LEN", INT("0")},
        {"LCS absent gone IDX", ARRAY("4") BULK("7", "matches") ARRAY("0") BULK("3", "len")
            INT("0")},
        {"LCS a a", BULK("8", "ohmytext")},
        {"LCS a b LEN IDX", ERROR("ERR If you want both the length and indexes, please just use "
            "IDX.")},
        {"LCS a b MINMATCHLEN", SYNTAX},
        {"LCS a b MINMATCHLEN x", NOT_INTEGER},
        {"LCS a b FOO", SYNTAX},
        {"LCS a", WRONG_ARGS("lcs")});
    f.session.proto = 3;
    cr_expect_str_eq(fixture_say(&f, "LCS a e IDX"),
                     "%2\r\n" BULK("7", "matches") ARRAY("0") BULK("3", "len") INT("0"));
}

Test(lcs, is_bounded)
{
    FIXTURE_STEPS(&f,
        {"SETRANGE a 32768 x", INT("32769")},
        {"SETRANGE b 32767 x", INT("32768")},
        {"LCS a b LEN", ERROR("ERR Insufficient memory, transient memory for LCS exceeds "
            "proto-max-bulk-len")},
        {"LCS a c LEN", INT("0")},
        {"LCS b b LEN", INT("32768")});
}

/* The classic table, and Redis' way back through it. */
enum { LCS_BYTES = 200 };
struct lcs_model {
    unsigned length[LCS_BYTES + 1][LCS_BYTES + 1];
};

static void lcs_model_fill(struct lcs_model *m, struct slice a, struct slice b)
{
    for (size_t i = 0; i <= a.bytes; i++)
        for (size_t j = 0; j <= b.bytes; j++) {
            if (i == 0 || j == 0) m->length[i][j] = 0;
            else if (a.at[i - 1] == b.at[j - 1]) m->length[i][j] = m->length[i - 1][j - 1] + 1;
            else if (m->length[i - 1][j] > m->length[i][j - 1])
                m->length[i][j] = m->length[i - 1][j];
            else m->length[i][j] = m->length[i][j - 1];
        }
}

static void lcs_compare(const struct lcs_model *m, const struct lcs *lcs)
{
    struct lcs_walk walk = {lcs->a.bytes, lcs->b.bytes};
    struct lcs_match match;
    size_t i = walk.a, j = walk.b, sum = 0;

    cr_assert_eq(lcs->length, m->length[i][j]);
    while (lcs_next(lcs, &walk, &match)) {
        while (lcs->a.at[i - 1] != lcs->b.at[j - 1]) {
            if (m->length[i - 1][j] > m->length[i][j - 1]) i--;
            else j--;
        }
        i -= match.bytes;
        j -= match.bytes;
        cr_assert_eq(match.a_first, i);
        cr_assert_eq(match.b_first, j);
        cr_assert_eq(memcmp(lcs->a.at + i, lcs->b.at + j, match.bytes), 0);
        sum += match.bytes;
    }
    cr_assert_eq(sum, lcs->length);
}

Test(lcs, like_the_classic_table)
{
    static struct lcs_model model;
    struct random random;
    char a[LCS_BYTES], b[LCS_BYTES];

    random_seed(&random, 3);
    for (int round = 0; round < 1000; round++) {
        struct slice x = slice_of(a, random_below(&random, LCS_BYTES + 1));
        struct slice y = slice_of(b, random_below(&random, LCS_BYTES + 1));
        uint64_t letters = 1 + random_below(&random, 6);
        struct lcs lcs;

        for (size_t i = 0; i < LCS_BYTES; i++) {
            a[i] = (char)('a' + random_below(&random, letters));
            b[i] = (char)('a' + random_below(&random, letters));
        }
        lcs_model_fill(&model, x, y);
        cr_assert_eq(lcs_open(&lcs, x, y, true), 0);
        lcs_compare(&model, &lcs);
        lcs_close(&lcs);
        cr_assert_eq(lcs_open(&lcs, x, y, false), 0);
        cr_assert_eq(lcs.length, model.length[x.bytes][y.bytes]);
        lcs_close(&lcs);
    }
}
