/* Private to workloads/: multiplies times by a constant without drift.
 *
 * The factor is a fraction of integers times a power of two, so that a speed of 3x or a change of mean rate
 * is not rounded to a double on the way. It is kept as a 64-bit multiplier with a shift, correctly rounded: a
 * relative error of at most 2^-64. Every time is scaled from its distance to one origin, never from its
 * predecessor, and rounded to the nearest nanosecond: the result is off the exact one by at most 1/2 ns plus
 * 2^-64 of itself (less than 0.001 ns in the first 100 days), and never decreases when the input does not.
 */
#ifndef OFR_WORKLOADS_TIME_SCALE_H
#define OFR_WORKLOADS_TIME_SCALE_H

#include "workloads/arrival_internal.h"

struct ofr_time_scale {
    uint64_t multiplier; /* factor = multiplier / 2^shift */
    uint32_t shift;      /* 1..127 */
};

/* factor = numerator / denominator * 2^power, both 1 .. 2^126. False when it is 2^62 or more: no time but 0
 * would stay within the limit. */
bool ofr_time_scale_init(struct ofr_time_scale *scale, ofr_u128 numerator, ofr_u128 denominator, int power);

/* Splits a positive finite value into mantissa * 2^power with an integer mantissa below 2^53. */
uint64_t ofr_time_scale_split(double value, int *power);

/* time_ns in 0..OFR_ARRIVAL_LIMIT_NS; results beyond the limit are returned as INT64_MAX. */
static inline int64_t ofr_time_scale_apply(const struct ofr_time_scale *scale, int64_t time_ns)
{
    ofr_u128 half = (ofr_u128)1 << (scale->shift - 1);
    ofr_u128 scaled = ((ofr_u128)(uint64_t)time_ns * scale->multiplier + half) >> scale->shift;
    return scaled > (ofr_u128)OFR_ARRIVAL_LIMIT_NS ? INT64_MAX : (int64_t)scaled;
}

#endif
