/* clock.c - see clock.h. */
#include "core/base/clock.h"

#include <time.h>

static struct timespec now(clockid_t which)
{
    struct timespec t;

    clock_gettime(which, &t); /* cannot fail for these two clocks */
    return t;
}

uint64_t clock_unix_us(void)
{
    struct timespec t = now(CLOCK_REALTIME);

    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

uint64_t clock_unix_ms(void) { return clock_unix_us() / 1000u; }

uint64_t clock_monotonic_ns(void)
{
    struct timespec t = now(CLOCK_MONOTONIC);

    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}
