/* metric.c - see metric.h. */
#include "core/base/metric.h"

/* Values under 8 have a bucket each; above, the power of two and the three bits behind it. */
static unsigned bucket_of(uint64_t value)
{
    unsigned power, bucket;

    if (value < 8) return (unsigned)value;
    power = 63 - (unsigned)__builtin_clzll(value);
    bucket = (power - 2) * 8 + (unsigned)((value >> (power - 3)) & 7);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* The largest value that falls into the bucket (the last one's: without the rest). */
static uint64_t upper_edge(unsigned bucket)
{
    unsigned shift;

    if (bucket < 8) return bucket;
    shift = bucket / 8 - 1;
    return (((uint64_t)(bucket % 8) + 9) << shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t value, uint64_t n_times)
{
    if (n_times == 0) return;
    METRIC_ADD(histogram->buckets[bucket_of(value)], n_times);
    METRIC_ADD(histogram->sum, value * n_times);
    METRIC_ADD(histogram->count, n_times);
    if (value > METRIC_READ(histogram->max)) METRIC_SET(histogram->max, value);
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    uint64_t max = METRIC_READ(from->max);

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        METRIC_ADD(into->buckets[i], METRIC_READ(from->buckets[i]));
    METRIC_ADD(into->sum, METRIC_READ(from->sum));
    METRIC_ADD(into->count, METRIC_READ(from->count));
    if (max > METRIC_READ(into->max)) METRIC_SET(into->max, max);
}

/* Counted over the buckets, not taken from count: a writer may be between the two. */
static uint64_t total(const struct histogram *histogram)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) n += METRIC_READ(histogram->buckets[i]);
    return n;
}

uint64_t histogram_quantile(const struct histogram *histogram, double q)
{
    uint64_t n = total(histogram), seen = 0;
    double want = (q < 0 ? 0 : q > 1 ? 1 : q) * (double)n;

    if (n == 0) return 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
        seen += METRIC_READ(histogram->buckets[i]);
        if (seen > 0 && (double)seen >= want) return upper_edge(i);
    }
    return METRIC_READ(histogram->max); /* the last bucket has no edge */
}

uint64_t histogram_up_to(const struct histogram *histogram, uint64_t bound)
{
    unsigned last = bucket_of(bound);
    uint64_t n = 0;

    for (unsigned i = 0; i <= last; i++) {
        if (i == HISTOGRAM_BUCKETS - 1 && bound < METRIC_READ(histogram->max)) break;
        n += METRIC_READ(histogram->buckets[i]);
    }
    return n;
}
