/* test_metric.c - buckets are narrow enough, and sums come out. */
#include <criterion/criterion.h>

#include "core/base/metric.h"

Test(metric, counters)
{
    uint64_t counter = 5;

    METRIC_ADD(counter, 3);
    cr_assert_eq(METRIC_READ(counter), 8u);
    METRIC_SET(counter, 1);
    cr_assert_eq(METRIC_READ(counter), 1u);
}

Test(metric, a_quantile_is_off_by_an_eighth_at_most)
{
    for (uint64_t value = 0; value < UINT64_C(1) << 34; value += 1 + value / 17) {
        struct histogram h = {0};
        histogram_add(&h, value, 1);
        uint64_t got = histogram_quantile(&h, 0.5);
        cr_assert(got >= value && got <= value + value / 8, "%lu %lu", value, got);
        cr_assert_eq(histogram_up_to(&h, value), 1u);
        cr_assert_eq(histogram_up_to(&h, UINT64_MAX), 1u);
        if (value > 20) cr_assert_eq(histogram_up_to(&h, value - value / 7), 0u);
    }
}

Test(metric, quantiles)
{
    struct histogram h = {0};

    cr_assert_eq(histogram_quantile(&h, 0.99), 0u);
    for (uint64_t i = 1; i <= 1000; i++) histogram_add(&h, i, 10);
    cr_assert_eq(h.count, 10000u);
    cr_assert_eq(h.sum, 10u * 500500u);
    cr_assert_eq(h.max, 1000u);
    cr_assert(histogram_quantile(&h, 0.5) >= 500 && histogram_quantile(&h, 0.5) <= 563);
    cr_assert(histogram_quantile(&h, 0.99) >= 990 && histogram_quantile(&h, 0.99) <= 1114);
    cr_assert_eq(histogram_quantile(&h, 0), 1u);
    cr_assert(histogram_quantile(&h, 1) >= 1000);
    cr_assert_eq(histogram_up_to(&h, 0), 0u);
    cr_assert_eq(histogram_up_to(&h, 7), 70u);
    cr_assert_eq(histogram_up_to(&h, 100000), 10000u);
    histogram_add(&h, 5, 0);
    cr_assert_eq(h.count, 10000u);
}

Test(metric, the_last_bucket_takes_the_rest)
{
    struct histogram h = {0}, sum = {0};
    uint64_t huge = UINT64_C(1) << 40;

    histogram_add(&h, huge, 3);
    histogram_add(&h, 1, 1);
    cr_assert_eq(h.buckets[HISTOGRAM_BUCKETS - 1], 3u);
    cr_assert_eq(histogram_quantile(&h, 0.9), huge);
    cr_assert_eq(histogram_up_to(&h, (UINT64_C(1) << 34) - 1), 1u, "the rest is above");
    cr_assert_eq(histogram_up_to(&h, huge), 4u);
    histogram_merge(&sum, &h);
    histogram_merge(&sum, &h);
    cr_assert_eq(sum.count, 8u);
    cr_assert_eq(sum.sum, 2 * h.sum);
    cr_assert_eq(sum.max, huge);
    cr_assert_eq(histogram_up_to(&sum, 1), 2u);
}
