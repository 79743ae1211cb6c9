/* metric.h - counters and histograms that one thread writes and anybody may read.
 *
 * A writer owns its block (a loop's, a partition's), so counting is a plain add published with a
 * relaxed store; whoever exports adds the blocks up.  Histograms have log-linear buckets: 8 per
 * power of two, so a quantile is off by 12.5 % at most.
 */
#ifndef CORE_BASE_METRIC_H
#define CORE_BASE_METRIC_H

#include <stddef.h>
#include <stdint.h>

#define METRIC_READ(counter) __atomic_load_n(&(counter), __ATOMIC_RELAXED)
#define METRIC_ADD(counter, n)                                                                     \
    __atomic_store_n(&(counter), __atomic_load_n(&(counter), __ATOMIC_RELAXED) + (n),              \
                     __ATOMIC_RELAXED)
#define METRIC_SET(gauge, value) __atomic_store_n(&(gauge), (value), __ATOMIC_RELAXED)

#define HISTOGRAM_BUCKETS 256 /* 0 to 2^34 - 1 of the unit (ns: 17 s); the last takes the rest */
struct histogram {
    uint64_t count, sum, max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};
void histogram_add(struct histogram *histogram, uint64_t value, uint64_t n_times);
void histogram_merge(struct histogram *into, const struct histogram *from);
/* histogram_quantile - upper edge of the bucket that holds quantile q (0 to 1); 0 when empty. */
uint64_t histogram_quantile(const struct histogram *histogram, double q);
/* histogram_up_to - how many observations were <= bound (to the bucket's precision). */
uint64_t histogram_up_to(const struct histogram *histogram, uint64_t bound);

#endif
