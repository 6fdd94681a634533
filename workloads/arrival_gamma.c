/* Gamma renewal arrivals: as many as wanted, as bursty as wanted.
 *
 * Formula: gaps are independent and gamma distributed with shape k = 1 / cv^2 and scale 1 / (rate * k), so
 * that their mean is 1 / rate and their coefficient of variation (standard deviation / mean) is cv. cv = 1 is
 * Poisson, above 1 bursty, below 1 smoother. Far into the run the index of dispersion of counts tends to
 * cv^2. An ordinary renewal process: the first arrival comes one full gap after time 0.
 *
 * Source: Cox, "Renewal Theory", Methuen 1962; used as the load of model-serving studies
 * since Li et al., "AlpaServe", OSDI 2023.
 */
#include "sim/engine/random.h"
#include "workloads/arrival_internal.h"

#include <stdlib.h>

struct gamma_options {
    double rate;
    double cv;
};

struct gamma {
    struct ofr_random random;
    struct ofr_arrival_clock clock;
    double shape;
    double scale_ns;
    uint32_t stream;
};

static int gamma_create(void **state, const struct ofr_arrival_setup *setup, const void *options,
                        struct ofr_error *err)
{
    const struct gamma_options *chosen = options;
    struct gamma *gamma = calloc(1, sizeof *gamma);
    if (!gamma)
        return ofr_fail_nomem(err, "gamma arrivals");
    ofr_random_init(&gamma->random, setup->seed, OFR_RANDOM_ARRIVALS, setup->stream);
    double variance = chosen->cv * chosen->cv; /* of a gap with mean 1 */
    gamma->shape = 1.0 / variance;
    gamma->scale_ns = 1e9 / chosen->rate * variance;
    gamma->stream = setup->stream;
    *state = gamma;
    return OFR_OK;
}

static int gamma_next(void *state, struct ofr_arrival *out, uint32_t max, struct ofr_error *err)
{
    struct gamma *gamma = state;
    for (uint32_t i = 0; i < max; i++) {
        double gap_ns = ofr_random_gamma(&gamma->random, gamma->shape, gamma->scale_ns);
        if (!ofr_arrival_clock_advance(&gamma->clock, gap_ns))
            return ofr_arrival_beyond_limit(i, err);
        out[i] = (struct ofr_arrival){.time_ns = gamma->clock.now_ns, .stream = gamma->stream};
    }
    return (int)max;
}

static const struct offramp_option gamma_option_table[] = {
    {.name = "rate",
     .type = OFFRAMP_OPT_RATE,
     .offset = offsetof(struct gamma_options, rate),
     .min = OFR_ARRIVAL_RATE_MIN,
     .max = OFR_ARRIVAL_RATE_MAX,
     .help = "mean arrivals a second"},
    {.name = "cv",
     .type = OFFRAMP_OPT_REAL,
     .offset = offsetof(struct gamma_options, cv),
     .min = 0.01,
     .max = 100,
     .help = "coefficient of variation of the gaps: 1 = Poisson, above 1 = bursty"},
};

const struct ofr_arrival_ops ofr_arrival_gamma = {
    .component = {.name = "gamma",
                  .help = "independent gamma gaps with mean 1/rate and coefficient of variation `cv`",
                  .options = gamma_option_table,
                  .option_count = sizeof gamma_option_table / sizeof *gamma_option_table,
                  .options_size = sizeof(struct gamma_options)},
    .create = gamma_create,
    .destroy = free,
    .next = gamma_next,
};
