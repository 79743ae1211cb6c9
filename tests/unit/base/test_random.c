/* test_random.c - repeatable, in range, even. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/base/random.h"

Test(random, same_seed_same_numbers)
{
    struct random a, b, c;

    random_seed(&a, 12345);
    random_seed(&b, 12345);
    random_seed(&c, 12346);
    for (int i = 0; i < 1000; i++) {
        uint64_t x = random_next(&a);
        cr_assert_eq(x, random_next(&b));
        cr_assert_neq(x, random_next(&c));
    }
}

/* The authors' reference gives these from the state {1, 2, 3, 4}. */
Test(random, is_xoshiro256_starstar)
{
    struct random r = {{1, 2, 3, 4}};

    cr_assert_eq(random_next(&r), 11520u);
    cr_assert_eq(random_next(&r), 0u);
    cr_assert_eq(random_next(&r), 1509978240u);
    cr_assert_eq(random_next(&r), 1215971899390074240u);
}

Test(random, below_is_even)
{
    struct random r;
    unsigned n[6] = {0};

    random_seed(&r, 1);
    for (int i = 0; i < 60000; i++) n[random_below(&r, 6)]++;
    for (int i = 0; i < 6; i++) cr_assert(n[i] > 9500 && n[i] < 10500, "%u", n[i]);
    for (int i = 0; i < 100; i++) cr_assert_eq(random_below(&r, 1), 0u);
    /* Here every third draw must be refused: 2^63 + 1 values out of 2^64. */
    uint64_t n_high = 0, huge = (UINT64_C(1) << 63) + 1;
    for (int i = 0; i < 10000; i++) {
        uint64_t x = random_below(&r, huge);
        cr_assert_lt(x, huge);
        n_high += x > huge / 2;
    }
    cr_assert(n_high > 4700 && n_high < 5300);
}

Test(random, entropy_fills_all)
{
    unsigned char at[4096], zero[8] = {0};

    memset(at, 0, sizeof at);
    random_entropy(at, sizeof at);
    for (size_t i = 0; i < sizeof at; i += 8) cr_assert(memcmp(at + i, zero, 8) != 0);
    random_entropy(NULL, 0);
}
