/* Self-exciting (Hawkes) arrivals: every arrival makes further ones more likely for a while.
 *
 * Formula: the intensity is
 *
 *     lambda(t) = mu + sum over arrivals t_i < t of (n / decay) exp(-(t - t_i) / decay),
 *
 * each arrival causes n = `branching` others in the mean, `decay` later in the mean. The mean rate is
 * mu / (1 - n); `rate` is that mean, and mu = rate * (1 - n). With g = (1 - n) / decay the index of
 * dispersion of counts in windows of length w is
 *
 *     1 / (1 - n)^2 + (1 - 1 / (1 - n)^2) (1 - exp(-g w)) / (g w).
 *
 * Ogata's thinning: between arrivals the excess over mu only falls, so that the intensity of now bounds all
 * to come until the next; a candidate at that bound is kept with probability lambda / bound. The excess
 * starts at its stationary mean, rate * n, so that the mean rate holds from time 0 on (its spread needs some
 * decay / (1 - n) to build up).
 *
 * Source: Hawkes, "Spectra of some self-exciting and mutually exciting point processes", Biometrika 58, 1971;
 * Ogata, "On Lewis' simulation method for point processes", IEEE Trans. Information Theory 27, 1981.
 */
#include "sim/engine/random.h"
#include "workloads/arrival_internal.h"

#include <math.h>
#include <stdlib.h>

struct hawkes_options {
    double rate;
    double branching;
    int64_t decay_ns;
};

struct hawkes {
    struct ofr_random random;
    struct ofr_arrival_clock clock;
    double base;   /* mu, 1/ns */
    double excess; /* over mu at the clock's time, 1/ns */
    double jump;   /* of the excess at an arrival, 1/ns */
    double decay_ns;
    uint32_t stream;
};

static int hawkes_create(void **state, const struct ofr_arrival_setup *setup, const void *options,
                         struct ofr_error *err)
{
    const struct hawkes_options *chosen = options;
    struct hawkes *hawkes = calloc(1, sizeof *hawkes);
    if (!hawkes)
        return ofr_fail_nomem(err, "Hawkes arrivals");
    ofr_random_init(&hawkes->random, setup->seed, OFR_RANDOM_ARRIVALS, setup->stream);
    hawkes->stream = setup->stream;
    hawkes->decay_ns = (double)chosen->decay_ns;
    hawkes->base = 1e-9 * chosen->rate * (1 - chosen->branching);
    hawkes->excess = 1e-9 * chosen->rate * chosen->branching;
    hawkes->jump = chosen->branching / hawkes->decay_ns;
    *state = hawkes;
    return OFR_OK;
}

static int hawkes_next(void *state, struct ofr_arrival *out, uint32_t max, struct ofr_error *err)
{
    struct hawkes *hawkes = state;
    uint32_t done = 0;
    while (done < max) {
        double bound = hawkes->base + hawkes->excess;
        double gap_ns = ofr_random_exponential(&hawkes->random, 1 / bound);
        if (!ofr_arrival_clock_advance(&hawkes->clock, gap_ns))
            return ofr_arrival_beyond_limit(done, err);
        hawkes->excess *= exp(-gap_ns / hawkes->decay_ns);
        if (ofr_random_uniform(&hawkes->random) * bound >= hawkes->base + hawkes->excess)
            continue;
        hawkes->excess += hawkes->jump;
        out[done++] = (struct ofr_arrival){.time_ns = hawkes->clock.now_ns, .stream = hawkes->stream};
    }
    return (int)max;
}

static const struct offramp_option hawkes_option_table[] = {
    {.name = "rate",
     .type = OFFRAMP_OPT_RATE,
     .offset = offsetof(struct hawkes_options, rate),
     .min = OFR_ARRIVAL_RATE_MIN,
     .max = OFR_ARRIVAL_RATE_MAX,
     .help = "mean arrivals a second, those caused by others included: mu / (1 - branching)"},
    {.name = "branching",
     .type = OFFRAMP_OPT_SHARE,
     .offset = offsetof(struct hawkes_options, branching),
     .min = 0,
     .max = 0.99,
     .help = "arrivals that one arrival causes in the mean; 0 = Poisson"},
    {.name = "decay",
     .type = OFFRAMP_OPT_TIME,
     .offset = offsetof(struct hawkes_options, decay_ns),
     .min = 1000,
     .max = 3.6e15,
     .help = "mean time from an arrival to one that it causes"},
};

const struct ofr_arrival_ops ofr_arrival_hawkes = {
    .component = {.name = "hawkes",
                  .help = "self-exciting: every arrival raises the rate, which then decays exponentially",
                  .options = hawkes_option_table,
                  .option_count = sizeof hawkes_option_table / sizeof *hawkes_option_table,
                  .options_size = sizeof(struct hawkes_options)},
    .create = hawkes_create,
    .destroy = free,
    .next = hawkes_next,
};
