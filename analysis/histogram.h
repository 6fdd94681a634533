/* Log-linear histogram of non-negative integers (nanoseconds): constant memory whatever the number of values.
 *
 * Values below 2^11 have a bucket each; above, every power of two is cut into 2^11 equal buckets, so a
 * percentile is within 0.025 % of the value it stands for. Minimum, maximum and mean are exact.
 */
#ifndef OFR_ANALYSIS_HISTOGRAM_H
#define OFR_ANALYSIS_HISTOGRAM_H

#include "sim/base/error.h"

#include <stdint.h>

enum {
    OFR_HISTOGRAM_BITS = 11,
    OFR_HISTOGRAM_BUCKETS = (63 - OFR_HISTOGRAM_BITS + 1) << OFR_HISTOGRAM_BITS
};

__extension__ typedef unsigned __int128 ofr_histogram_sum;

struct ofr_histogram {
    uint64_t *bucket; /* [OFR_HISTOGRAM_BUCKETS], owned */
    uint64_t count;
    int64_t min, max; /* valid when count > 0 */
    ofr_histogram_sum sum;
};

int ofr_histogram_init(struct ofr_histogram *histogram, struct ofr_error *err);
void ofr_histogram_release(struct ofr_histogram *histogram);

/* Bucket of a value: linear below 2^11, then the exponent and the next 11 bits. */
static inline uint32_t ofr_histogram_index(int64_t value)
{
    uint64_t v = (uint64_t)value;
    uint32_t exponent = 63U - (uint32_t)__builtin_clzll(v | (UINT64_C(1) << OFR_HISTOGRAM_BITS));
    uint32_t shift = exponent - OFR_HISTOGRAM_BITS;
    return (shift << OFR_HISTOGRAM_BITS) + (uint32_t)(v >> shift);
}

/* Adds a value >= 0. */
static inline void ofr_histogram_add(struct ofr_histogram *histogram, int64_t value)
{
    histogram->bucket[ofr_histogram_index(value)]++;
    histogram->sum += (uint64_t)value;
    if (histogram->count++ == 0) {
        histogram->min = value;
        histogram->max = value;
    }
    histogram->min = value < histogram->min ? value : histogram->min;
    histogram->max = value > histogram->max ? value : histogram->max;
}

/* Nearest-rank percentile: the value of rank ceil(p * count), p in [0, 1]; middle of its bucket, never
 * outside [min, max]. NaN when empty. */
double ofr_histogram_percentile(const struct ofr_histogram *histogram, double p);
double ofr_histogram_mean(const struct ofr_histogram *histogram); /* NaN when empty */

#endif
