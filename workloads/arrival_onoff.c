/* On/off arrivals: bursts of Poisson arrivals with silence between them.
 *
 * Formula: on and off periods alternate with means `on` and `off`; during an on period arrivals are Poisson of
 * rate `rate` * (on + off) / on, so that `rate` is the mean over all. Durations are
 *
 *     exponential   mean m (the interrupted Poisson process; then gaps are independent, with cv^2 = 1 +
 *                   2 r a / (a + b)^2, r the rate while on, a = 1 / on, b = 1 / off)
 *     fixed         m
 *     pareto        P(d > t) = (x / t)^tail for t >= x = m (tail - 1) / tail: below a tail of 2 the variance
 *                   is infinite, and so are the ranges over which counts are correlated
 *
 * The process starts as if it had been running for ever: on with probability on / (on + off), with the
 * residual life of the period, density P(d > t) / m, left. So the mean rate holds from time 0 on.
 *
 * Source: Kuczura, "The interrupted Poisson process as an overflow process", Bell System Technical Journal
 * 52, 1973; Willinger et al., "Self-similarity through high-variability", IEEE/ACM ToN 5, 1997 (Pareto).
 */
#include "workloads/stretch.h"

#include <math.h>
#include <stdlib.h>

enum {
    DURATION_EXPONENTIAL,
    DURATION_FIXED,
    DURATION_PARETO
};

static const char *const duration_choices[] = {"exponential", "fixed", "pareto", NULL};

#define PERIOD_MIN_NS 1000
/* As in arrival_mmpp.c. */
#define CHANGES_MAX 1e6

struct onoff_options {
    double rate;
    int64_t on_ns, off_ns;
    int32_t durations;
    double tail;
};

struct onoff {
    struct ofr_stretch stretch;
    struct onoff_options chosen;
    double burst_gap_ns; /* mean gap while on */
    uint32_t stream;
    bool on;
};

static double draw_duration(struct onoff *onoff, double mean_ns)
{
    struct ofr_random *random = &onoff->stretch.random;
    double tail = onoff->chosen.tail;
    if (onoff->chosen.durations == DURATION_FIXED)
        return mean_ns;
    if (onoff->chosen.durations == DURATION_EXPONENTIAL)
        return ofr_random_exponential(random, mean_ns);
    return mean_ns * (tail - 1) / tail * pow(ofr_random_uniform_pos(random), -1 / tail);
}

/* What is left of a period under way. A Pareto's residual is uniform below x with probability (tail - 1) /
 * tail, else Pareto with a tail of one less. */
static double draw_residual(struct onoff *onoff, double mean_ns)
{
    struct ofr_random *random = &onoff->stretch.random;
    double tail = onoff->chosen.tail;
    if (onoff->chosen.durations == DURATION_FIXED)
        return mean_ns * ofr_random_uniform(random);
    if (onoff->chosen.durations == DURATION_EXPONENTIAL)
        return ofr_random_exponential(random, mean_ns);
    double least_ns = mean_ns * (tail - 1) / tail;
    bool below = ofr_random_uniform(random) < (tail - 1) / tail;
    double u = ofr_random_uniform_pos(random);
    return least_ns * (below ? u : pow(u, -1 / (tail - 1)));
}

static void enter(struct onoff *onoff, bool on, double left_ns)
{
    onoff->on = on;
    onoff->stretch.mean_gap_ns = on ? onoff->burst_gap_ns : 0;
    onoff->stretch.left_ns = left_ns;
}

static double mean_of(const struct onoff *onoff, bool on)
{
    return (double)(on ? onoff->chosen.on_ns : onoff->chosen.off_ns);
}

static int check(const struct onoff_options *chosen, double share_on, struct ofr_error *err)
{
    double cycle_s = 1e-9 * ((double)chosen->on_ns + (double)chosen->off_ns);
    if (chosen->rate / share_on > OFR_ARRIVAL_RATE_MAX)
        return ofr_fail(err, OFR_E_INPUT,
                        "rate: found %g/s in %.3g %% of the time, expected at most %g/s while on",
                        chosen->rate, 100 * share_on, OFR_ARRIVAL_RATE_MAX);
    if (chosen->rate * cycle_s * CHANGES_MAX < 1)
        return ofr_fail(err, OFR_E_INPUT,
                        "on and off: found %g periods an arrival, expected at most %g: longer periods or a "
                        "higher rate",
                        1 / (chosen->rate * cycle_s), CHANGES_MAX);
    return OFR_OK;
}

static int onoff_create(void **state, const struct ofr_arrival_setup *setup, const void *options,
                        struct ofr_error *err)
{
    const struct onoff_options *chosen = options;
    double share_on = (double)chosen->on_ns / ((double)chosen->on_ns + (double)chosen->off_ns);
    int code = check(chosen, share_on, err);
    if (code)
        return code;
    struct onoff *onoff = calloc(1, sizeof *onoff);
    if (!onoff)
        return ofr_fail_nomem(err, "on/off arrivals");
    onoff->chosen = *chosen;
    onoff->burst_gap_ns = 1e9 / chosen->rate * share_on;
    onoff->stream = setup->stream;
    ofr_random_init(&onoff->stretch.random, setup->seed, OFR_RANDOM_ARRIVALS, setup->stream);
    bool on = ofr_random_uniform(&onoff->stretch.random) < share_on;
    enter(onoff, on, draw_residual(onoff, mean_of(onoff, on)));
    *state = onoff;
    return OFR_OK;
}

static int onoff_next(void *state, struct ofr_arrival *out, uint32_t max, struct ofr_error *err)
{
    struct onoff *onoff = state;
    for (uint32_t i = 0; i < max; i++) {
        int arrived;
        while ((arrived = ofr_stretch_next(&onoff->stretch)) == 0)
            enter(onoff, !onoff->on, draw_duration(onoff, mean_of(onoff, !onoff->on)));
        if (arrived < 0)
            return ofr_arrival_beyond_limit(i, err);
        out[i] = (struct ofr_arrival){.time_ns = onoff->stretch.clock.now_ns, .stream = onoff->stream};
    }
    return (int)max;
}

static const struct offramp_option onoff_option_table[] = {
    {.name = "rate",
     .type = OFFRAMP_OPT_RATE,
     .offset = offsetof(struct onoff_options, rate),
     .min = OFR_ARRIVAL_RATE_MIN,
     .max = OFR_ARRIVAL_RATE_MAX,
     .help = "mean arrivals a second over on and off periods together"},
    {.name = "on",
     .type = OFFRAMP_OPT_TIME,
     .offset = offsetof(struct onoff_options, on_ns),
     .min = PERIOD_MIN_NS,
     .max = (double)OFR_ARRIVAL_LIMIT_NS,
     .help = "mean length of a burst"},
    {.name = "off",
     .type = OFFRAMP_OPT_TIME,
     .offset = offsetof(struct onoff_options, off_ns),
     .min = PERIOD_MIN_NS,
     .max = (double)OFR_ARRIVAL_LIMIT_NS,
     .help = "mean length of a silence"},
    {.name = "durations",
     .type = OFFRAMP_OPT_CHOICE,
     .offset = offsetof(struct onoff_options, durations),
     .fallback = "exponential",
     .choices = duration_choices,
     .help = "distribution of both"},
    {.name = "tail",
     .type = OFFRAMP_OPT_REAL,
     .offset = offsetof(struct onoff_options, tail),
     .fallback = "1.5",
     .min = 1.05,
     .max = 100,
     .help = "tail exponent of pareto durations; below 2 = self-similar"},
};

const struct ofr_arrival_ops ofr_arrival_onoff = {
    .component = {.name = "onoff",
                  .help = "bursts of Poisson arrivals and silences in turn",
                  .options = onoff_option_table,
                  .option_count = sizeof onoff_option_table / sizeof *onoff_option_table,
                  .options_size = sizeof(struct onoff_options)},
    .create = onoff_create,
    .destroy = free,
    .next = onoff_next,
};
