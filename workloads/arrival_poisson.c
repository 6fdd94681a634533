/* Poisson arrivals.
 *
 * Formula: gaps are independent and exponential with mean 1 / rate; the first arrival comes one gap after
 * time 0, as in a stationary process seen from any moment. Counts in a window of length w are Poisson with
 * mean rate * w.
 *
 * Source: Kingman, "Poisson Processes", Oxford University Press 1993 (interval theorem).
 */
#include "sim/engine/random.h"
#include "workloads/arrival_internal.h"

#include <stdlib.h>

struct poisson_options {
    double rate;
};

struct poisson {
    struct ofr_random random;
    struct ofr_arrival_clock clock;
    double mean_gap_ns;
    uint32_t stream;
};

static int poisson_create(void **state, const struct ofr_arrival_setup *setup, const void *options,
                          struct ofr_error *err)
{
    const struct poisson_options *chosen = options;
    struct poisson *poisson = calloc(1, sizeof *poisson);
    if (!poisson)
        return ofr_fail_nomem(err, "Poisson arrivals");
    ofr_random_init(&poisson->random, setup->seed, OFR_RANDOM_ARRIVALS, setup->stream);
    poisson->mean_gap_ns = 1e9 / chosen->rate;
    poisson->stream = setup->stream;
    *state = poisson;
    return OFR_OK;
}

static int poisson_next(void *state, struct ofr_arrival *out, uint32_t max, struct ofr_error *err)
{
    struct poisson *poisson = state;
    struct poisson local = *poisson; /* stores to `out` may not be taken for changes of the generator */
    uint32_t i = 0;
    while (i < max &&
           ofr_arrival_clock_advance(&local.clock, ofr_random_exponential(&local.random, local.mean_gap_ns)))
        out[i++] = (struct ofr_arrival){.time_ns = local.clock.now_ns, .stream = local.stream};
    *poisson = local;
    return i < max ? ofr_arrival_beyond_limit(i, err) : (int)i;
}

static const struct offramp_option poisson_option_table[] = {
    {.name = "rate",
     .type = OFFRAMP_OPT_RATE,
     .offset = offsetof(struct poisson_options, rate),
     .min = OFR_ARRIVAL_RATE_MIN,
     .max = OFR_ARRIVAL_RATE_MAX,
     .help = "mean arrivals a second"},
};

const struct ofr_arrival_ops ofr_arrival_poisson = {
    .component = {.name = "poisson",
                  .help = "independent exponential gaps with mean 1/rate",
                  .options = poisson_option_table,
                  .option_count = sizeof poisson_option_table / sizeof *poisson_option_table,
                  .options_size = sizeof(struct poisson_options)},
    .create = poisson_create,
    .destroy = free,
    .next = poisson_next,
};
