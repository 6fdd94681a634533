#include "analysis/histogram.h"

#include <math.h>
#include <stdlib.h>

int ofr_histogram_init(struct ofr_histogram *histogram, struct ofr_error *err)
{
    *histogram = (struct ofr_histogram){.bucket = calloc(OFR_HISTOGRAM_BUCKETS, sizeof(uint64_t))};
    return histogram->bucket ? 0 : ofr_fail_nomem(err, "a histogram");
}

void ofr_histogram_release(struct ofr_histogram *histogram)
{
    free(histogram->bucket);
    *histogram = (struct ofr_histogram){0};
}

/* Middle of a bucket; exact where buckets hold one value. */
static double bucket_value(uint32_t index)
{
    uint32_t sub = index & ((1U << OFR_HISTOGRAM_BITS) - 1);
    uint32_t row = index >> OFR_HISTOGRAM_BITS;
    if (row == 0)
        return (double)sub;
    uint32_t shift = row - 1;
    uint64_t low = ((UINT64_C(1) << OFR_HISTOGRAM_BITS) + sub) << shift;
    uint64_t width = UINT64_C(1) << shift;
    return (double)low + (double)(width - 1) / 2.0;
}

double ofr_histogram_percentile(const struct ofr_histogram *histogram, double p)
{
    if (histogram->count == 0)
        return NAN;
    double wanted = ceil(p * (double)histogram->count);
    uint64_t rank = wanted < 1.0 ? 1 : (uint64_t)wanted;
    if (rank >= histogram->count)
        return (double)histogram->max;
    uint64_t seen = 0;
    uint32_t index = ofr_histogram_index(histogram->min);
    for (; index < OFR_HISTOGRAM_BUCKETS; ++index) {
        seen += histogram->bucket[index];
        if (seen >= rank)
            break;
    }
    double value = bucket_value(index);
    return fmin(fmax(value, (double)histogram->min), (double)histogram->max);
}

double ofr_histogram_mean(const struct ofr_histogram *histogram)
{
    return histogram->count ? (double)histogram->sum / (double)histogram->count : NAN;
}
