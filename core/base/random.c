/* random.c - see random.h. */
#include "core/base/random.h"

#include <errno.h>
#include <sys/random.h>

#include "core/base/error.h"

/* splitmix64 (Steele, Lea and Flood, 2014): spreads any seed over the state, never to all zeros. */
static uint64_t split(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void random_seed(struct random *random, uint64_t seed)
{
    for (int i = 0; i < 4; i++) random->s[i] = split(&seed);
}

static uint64_t rotate(uint64_t x, int bits) { return (x << bits) | (x >> (64 - bits)); }

uint64_t random_next(struct random *random)
{
    uint64_t *s = random->s, ret = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return ret;
}

/* Multiply instead of divide, and draw again in the few cases that would favour small numbers
 * (Lemire, 2019). */
uint64_t random_below(struct random *random, uint64_t n)
{
    unsigned __int128 product;

    LOOM_ASSERT(n > 0);
    product = (unsigned __int128)random_next(random) * n;
    if ((uint64_t)product < n) {
        uint64_t uneven = (0 - n) % n;
        while ((uint64_t)product < uneven) product = (unsigned __int128)random_next(random) * n;
    }
    return (uint64_t)(product >> 64);
}

void random_entropy(void *at, size_t bytes)
{
    char *p = at;

    while (bytes > 0) {
        ssize_t n = getrandom(p, bytes, 0);
        LOOM_ASSERT(n > 0 || errno == EINTR);
        if (n <= 0) continue;
        p += n;
        bytes -= (size_t)n;
    }
}
