/* Deterministic arrivals.
 *
 * Formula: arrival n = 0, 1, 2, ... comes at phase + n / rate, rounded to the nearest nanosecond (halves up).
 * The first arrival is at `phase`, by default at time 0, and not one interval later, so that a camera with
 * phase p delivers its frames at p, p + 1/rate, ...
 *
 * Source: the D of Kendall's notation (Kendall 1953, "Stochastic processes occurring in the theory of
 * queues"); fixed-rate frames of a camera.
 *
 * Exactness: a double is m * 2^e, so 1e9 / rate = 1e9 * 2^-e / m is a fraction of integers. The time is kept
 * as whole nanoseconds plus a numerator below m, and both are advanced by integers: no error adds up, ever.
 */
#include "workloads/arrival_internal.h"

#include <math.h>
#include <stdlib.h>

struct fixed_options {
    double rate;
    int64_t phase_ns;
};

struct fixed {
    uint32_t stream;
    int64_t next_ns;
    uint64_t numerator; /* of the fraction not yet in next_ns, over `denominator` */
    uint64_t denominator;
    int64_t step_ns; /* 1e9 / rate = step_ns + step_numerator / denominator */
    uint64_t step_numerator;
};

static void set_interval(struct fixed *fixed, double rate)
{
    int exponent;
    /* rate = mantissa * 2^(exponent - 53); within the range of `rate` the shift below is 23..72 bits. */
    double mantissa = ldexp(frexp(rate, &exponent), 53);
    ofr_u128 nanoseconds = (ofr_u128)1000000000 << (53 - exponent);
    fixed->denominator = (uint64_t)mantissa;
    fixed->step_ns = (int64_t)(nanoseconds / fixed->denominator);
    fixed->step_numerator = (uint64_t)(nanoseconds % fixed->denominator);
    fixed->numerator = fixed->denominator / 2; /* truncation of n steps plus one half rounds to nearest */
}

static int fixed_create(void **state, const struct ofr_arrival_setup *setup, const void *options,
                        struct ofr_error *err)
{
    const struct fixed_options *chosen = options;
    struct fixed *fixed = calloc(1, sizeof *fixed);
    if (!fixed)
        return ofr_fail_nomem(err, "fixed arrivals");
    fixed->stream = setup->stream;
    fixed->next_ns = chosen->phase_ns;
    set_interval(fixed, chosen->rate);
    *state = fixed;
    return OFR_OK;
}

static int fixed_next(void *state, struct ofr_arrival *out, uint32_t max, struct ofr_error *err)
{
    struct fixed *fixed = state;
    for (uint32_t i = 0; i < max; i++) {
        if (fixed->next_ns > OFR_ARRIVAL_LIMIT_NS)
            return ofr_arrival_beyond_limit(i, err);
        out[i] = (struct ofr_arrival){.time_ns = fixed->next_ns, .stream = fixed->stream};
        fixed->next_ns += fixed->step_ns;
        fixed->numerator += fixed->step_numerator;
        if (fixed->numerator >= fixed->denominator) {
            fixed->numerator -= fixed->denominator;
            fixed->next_ns++;
        }
    }
    return (int)max;
}

static const struct offramp_option fixed_option_table[] = {
    {.name = "rate",
     .type = OFFRAMP_OPT_RATE,
     .offset = offsetof(struct fixed_options, rate),
     .min = OFR_ARRIVAL_RATE_MIN,
     .max = OFR_ARRIVAL_RATE_MAX,
     .help = "arrivals a second"},
    {.name = "phase",
     .type = OFFRAMP_OPT_TIME,
     .offset = offsetof(struct fixed_options, phase_ns),
     .fallback = "0s",
     .min = 0,
     .max = (double)OFR_ARRIVAL_LIMIT_NS,
     .help = "time of the first arrival"},
};

const struct ofr_arrival_ops ofr_arrival_fixed = {
    .component = {.name = "fixed",
                  .help = "equal gaps of 1/rate, the first arrival at `phase`",
                  .options = fixed_option_table,
                  .option_count = sizeof fixed_option_table / sizeof *fixed_option_table,
                  .options_size = sizeof(struct fixed_options)},
    .create = fixed_create,
    .destroy = free,
    .next = fixed_next,
};
