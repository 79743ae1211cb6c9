/* random.h - a small fast generator (xoshiro256**, Blackman and Vigna, 2018), and real entropy. */
#ifndef CORE_BASE_RANDOM_H
#define CORE_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t s[4];
};
void random_seed(struct random *random, uint64_t seed);
uint64_t random_next(struct random *random);
/* random_below - uniform in 0 to n - 1, n > 0. */
uint64_t random_below(struct random *random, uint64_t n);
/* random_entropy - bytes from the kernel; aborts when there are none (it cannot be). */
void random_entropy(void *at, size_t bytes);

#endif
