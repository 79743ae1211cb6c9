/* test_clock.c - the units are what the names say. */
#include <criterion/criterion.h>
#include <time.h>

#include "core/base/clock.h"

Test(clock, wall)
{
    uint64_t before = (uint64_t)time(NULL), us = clock_unix_us(), ms = clock_unix_ms();

    cr_assert_geq(us / 1000000 + 1, before); /* time() may lag by a tick */
    cr_assert_leq(us / 1000000, before + 60);
    cr_assert_geq(ms, us / 1000);
    cr_assert_leq(ms, us / 1000 + 60000);
}

Test(clock, monotonic)
{
    uint64_t wall = clock_unix_us(), a = clock_monotonic_ns(), b = a;

    while (clock_unix_us() < wall + 2000) {
        uint64_t now = clock_monotonic_ns();
        cr_assert_geq(now, b);
        b = now;
    }
    cr_assert_geq(b - a, 1000000u);
}
