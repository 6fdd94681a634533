/* Arrivals with a daily cycle: a Poisson process whose rate follows a curve of the time of day.
 *
 * Formula: the rate at time t is, with x = t / period + phase,
 *
 *     rate * (1 + amplitude * sin(2 pi x))       or, with a list of n `rates`,
 *     rates[floor(n * (x mod 1))]                e.g. 24 hourly ones with a period of 24h.
 *
 * Thinning: candidates are Poisson at the highest rate, and each is kept with probability rate(t) / highest;
 * for a list at most n candidates are needed for one arrival in the mean. Counts in any window are Poisson
 * with the integral of the rate over the window as mean.
 *
 * Source: Lewis and Shedler, "Simulation of nonhomogeneous Poisson processes by thinning", Naval Research
 * Logistics Quarterly 26, 1979.
 */
#include "sim/engine/random.h"
#include "workloads/arrival_internal.h"

#include <math.h>
#include <stdlib.h>

struct diurnal_options {
    double rate; /* 0 = not given */
    double amplitude;
    int64_t period_ns;
    double phase;
    struct offramp_texts rates;
};

struct diurnal {
    struct ofr_random random;
    struct ofr_arrival_clock clock;
    double highest_gap_ns; /* mean gap of the candidates */
    double highest;        /* 1/s */
    double rate, amplitude;
    int64_t period_ns;
    double phase;
    uint32_t levels; /* 0 = the sine */
    double level[OFFRAMP_MAX_SITES];
    uint32_t stream;
};

static int read_levels(struct diurnal *diurnal, const struct diurnal_options *chosen, struct ofr_error *err)
{
    diurnal->levels = chosen->rates.count;
    int code = ofr_arrival_read_rates(&chosen->rates, "rates", diurnal->level, err);
    for (uint32_t i = 0; i < diurnal->levels && !code; i++)
        diurnal->highest = fmax(diurnal->highest, diurnal->level[i]);
    if (!code && diurnal->highest == 0)
        return ofr_fail(err, OFR_E_INPUT, "rates: found no rate above 0, expected at least one");
    return code;
}

static int set_curve(struct diurnal *diurnal, const struct diurnal_options *chosen, struct ofr_error *err)
{
    if ((chosen->rate > 0) == (chosen->rates.count > 0))
        return ofr_fail(err, OFR_E_INPUT,
                        "diurnal arrivals: found %s `rate` and `rates`, expected one of them",
                        chosen->rate > 0 ? "both" : "neither");
    if (chosen->rate > 0 && chosen->rate < OFR_ARRIVAL_RATE_MIN)
        return ofr_fail(err, OFR_E_INPUT, "rate: found %g/s, expected at least %g/s", chosen->rate,
                        OFR_ARRIVAL_RATE_MIN);
    diurnal->rate = chosen->rate;
    diurnal->amplitude = chosen->amplitude;
    diurnal->period_ns = chosen->period_ns;
    diurnal->phase = chosen->phase;
    diurnal->highest = chosen->rate * (1 + chosen->amplitude);
    int code = chosen->rates.count > 0 ? read_levels(diurnal, chosen, err) : OFR_OK;
    diurnal->highest_gap_ns = 1e9 / diurnal->highest;
    return code;
}

static int diurnal_create(void **state, const struct ofr_arrival_setup *setup, const void *options,
                          struct ofr_error *err)
{
    struct diurnal *diurnal = calloc(1, sizeof *diurnal);
    if (!diurnal)
        return ofr_fail_nomem(err, "diurnal arrivals");
    int code = set_curve(diurnal, options, err);
    if (code) {
        free(diurnal);
        return code;
    }
    ofr_random_init(&diurnal->random, setup->seed, OFR_RANDOM_ARRIVALS, setup->stream);
    diurnal->stream = setup->stream;
    *state = diurnal;
    return OFR_OK;
}

static double rate_at(const struct diurnal *diurnal, int64_t time_ns)
{
    double x = (double)(time_ns % diurnal->period_ns) / (double)diurnal->period_ns + diurnal->phase;
    if (diurnal->levels == 0)
        return diurnal->rate * (1 + diurnal->amplitude * sin(2 * M_PI * x));
    uint32_t at = (uint32_t)((x - floor(x)) * diurnal->levels);
    return diurnal->level[at < diurnal->levels ? at : diurnal->levels - 1];
}

static int diurnal_next(void *state, struct ofr_arrival *out, uint32_t max, struct ofr_error *err)
{
    struct diurnal *diurnal = state;
    uint32_t done = 0;
    while (done < max) {
        double gap_ns = ofr_random_exponential(&diurnal->random, diurnal->highest_gap_ns);
        if (!ofr_arrival_clock_advance(&diurnal->clock, gap_ns))
            return ofr_arrival_beyond_limit(done, err);
        if (ofr_random_uniform(&diurnal->random) * diurnal->highest < rate_at(diurnal, diurnal->clock.now_ns))
            out[done++] = (struct ofr_arrival){.time_ns = diurnal->clock.now_ns, .stream = diurnal->stream};
    }
    return (int)max;
}

static const struct offramp_option diurnal_option_table[] = {
    {.name = "rate",
     .type = OFFRAMP_OPT_RATE,
     .offset = offsetof(struct diurnal_options, rate),
     .fallback = "0/s",
     .min = 0,
     .max = OFR_ARRIVAL_RATE_MAX / 2,
     .help = "mean arrivals a second over a period of the sine; not together with `rates`"},
    {.name = "amplitude",
     .type = OFFRAMP_OPT_SHARE,
     .offset = offsetof(struct diurnal_options, amplitude),
     .fallback = "0.5",
     .max = 1,
     .help = "the sine's, as a share of `rate`: 100% = down to nothing and up to twice"},
    {.name = "period",
     .type = OFFRAMP_OPT_TIME,
     .offset = offsetof(struct diurnal_options, period_ns),
     .fallback = "24h",
     .min = 1000,
     .max = (double)OFR_ARRIVAL_LIMIT_NS,
     .help = "length of the cycle"},
    {.name = "phase",
     .type = OFFRAMP_OPT_SHARE,
     .offset = offsetof(struct diurnal_options, phase),
     .fallback = "0",
     .max = 1,
     .help = "where in the cycle time 0 is; the sine rises from its mean at 0, has its peak at 25%"},
    {.name = "rates",
     .type = OFFRAMP_OPT_TEXTS,
     .offset = offsetof(struct diurnal_options, rates),
     .fallback = "[]",
     .help = "instead of the sine: rates that divide the period evenly, e.g. 24 hourly ones"},
};

const struct ofr_arrival_ops ofr_arrival_diurnal = {
    .component = {.name = "diurnal",
                  .help = "Poisson with a rate that follows the time of day: a sine or a list of rates",
                  .options = diurnal_option_table,
                  .option_count = sizeof diurnal_option_table / sizeof *diurnal_option_table,
                  .options_size = sizeof(struct diurnal_options)},
    .create = diurnal_create,
    .destroy = free,
    .next = diurnal_next,
};
