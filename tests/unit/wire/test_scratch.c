/* test_scratch.c - pieces do not overlap, do not move, and come back all at once. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/wire/scratch.h"

Test(scratch, pieces_are_apart)
{
    struct scratch scratch = {0};
    char *at[500];

    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 500; i++) {
            at[i] = scratch_take(&scratch, i * 7 + 1);
            cr_assert_not_null(at[i]);
            cr_assert_eq((uintptr_t)at[i] % 8, 0);
            memset(at[i], (int)(i & 0xff), i * 7);
        }
        for (size_t i = 0; i < 500; i++)
            for (size_t j = 0; j < i * 7; j++) cr_assert_eq(at[i][j], (char)(i & 0xff));
        cr_assert_leq(scratch.held_bytes, mem_used(MEM_BUFFER));
        scratch_reset(&scratch, 64 << 10);
        cr_assert_leq(scratch.held_bytes, 64 << 10);
        cr_assert_gt(scratch.held_bytes, 0, "something is kept");
    }
    scratch_reset(&scratch, 0);
    cr_assert_eq(scratch.held_bytes, 0);
    cr_assert_eq(mem_used(MEM_BUFFER), 0);
}

Test(scratch, the_last_piece_can_go_back)
{
    struct scratch scratch = {0};
    char *first = scratch_take(&scratch, 100), *second = scratch_take(&scratch, 100);

    scratch_untake(&scratch, second);
    cr_assert_eq(scratch_take(&scratch, 50), second);
    cr_assert_geq(second, first + 100);
    scratch_reset(&scratch, 0);
}

Test(scratch, large_and_impossible)
{
    struct scratch scratch = {0};
    char *large = scratch_take(&scratch, 1 << 20);

    cr_assert_not_null(large);
    memset(large, 1, 1 << 20);
    cr_assert_null(scratch_take(&scratch, SIZE_MAX));
    cr_assert_null(scratch_take(&scratch, SIZE_MAX - 8));
    mem_fail_at(1);
    cr_assert_null(scratch_take(&scratch, 1 << 20));
    mem_fail_at(0);
    cr_assert_eq(large[(1 << 20) - 1], 1);
    scratch_reset(&scratch, 1 << 10);
    cr_assert_eq(scratch.held_bytes, 0, "too large to keep");
    cr_assert_eq(mem_used(MEM_BUFFER), 0);
}
