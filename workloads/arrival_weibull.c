/* Weibull renewal arrivals: bursts with a longer tail of silence than gamma gaps of the same variation.
 *
 * Formula: gaps are independent and Weibull distributed with shape k and scale s, P(gap > t) =
 * exp(-(t / s)^k). Their squared coefficient of variation is
 *
 *     cv^2 = Gamma(1 + 2/k) / Gamma(1 + 1/k)^2 - 1,
 *
 * which falls in k and is solved for k by Brent's method (GSL) when the process is created; s = (1 / rate) /
 * Gamma(1 + 1/k), so that the mean gap is 1 / rate. cv = 1 is Poisson (k = 1). An ordinary renewal process:
 * the first arrival comes one full gap after time 0.
 *
 * Source: Weibull, "A statistical distribution function of wide applicability", Journal of Applied Mechanics
 * 18, 1951; gaps of model-serving clients are Weibull or gamma in Xiang et al., "ServeGen", 2025.
 */
#include "sim/engine/random.h"
#include "workloads/arrival_internal.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_roots.h>
#include <gsl/gsl_sf_gamma.h>
#include <math.h>
#include <stdlib.h>

struct weibull_options {
    double rate;
    double cv;
};

struct weibull {
    struct ofr_random random;
    struct ofr_arrival_clock clock;
    double shape;
    double scale_ns;
    uint32_t stream;
};

enum {
    ROOT_STEPS = 100 /* Brent needs about ten */
};

/* ln(1 + cv^2) of log shape x, less the wanted one. Logarithms keep the gamma function in range. */
static double excess(double x, void *wanted)
{
    double inverse = exp(-x);
    return gsl_sf_lngamma(1 + 2 * inverse) - 2 * gsl_sf_lngamma(1 + inverse) - *(double *)wanted;
}

/* cv 0.01 to 100 have shapes 0.13 to 127, well inside the bracket. */
static int solve_shape(double cv, double *shape, struct ofr_error *err)
{
    double wanted = log1p(cv * cv);
    gsl_function function = {.function = excess, .params = &wanted};
    gsl_root_fsolver *solver = gsl_root_fsolver_alloc(gsl_root_fsolver_brent);
    if (!solver)
        return ofr_fail_nomem(err, "Weibull arrivals");
    int status = gsl_root_fsolver_set(solver, &function, log(0.05), log(1000));
    for (int i = 0; i < ROOT_STEPS && status == GSL_SUCCESS; i++) {
        status = gsl_root_fsolver_iterate(solver);
        if (status == GSL_SUCCESS &&
            gsl_root_test_interval(gsl_root_fsolver_x_lower(solver), gsl_root_fsolver_x_upper(solver), 1e-14,
                                   1e-14) == GSL_SUCCESS)
            break;
    }
    *shape = exp(gsl_root_fsolver_root(solver));
    gsl_root_fsolver_free(solver);
    return status == GSL_SUCCESS ? OFR_OK
                                 : ofr_fail(err, OFR_E_BUG, "Weibull arrivals: no shape for cv %g: %s", cv,
                                            gsl_strerror(status));
}

static int weibull_create(void **state, const struct ofr_arrival_setup *setup, const void *options,
                          struct ofr_error *err)
{
    const struct weibull_options *chosen = options;
    struct weibull *weibull = calloc(1, sizeof *weibull);
    if (!weibull)
        return ofr_fail_nomem(err, "Weibull arrivals");
    int code = solve_shape(chosen->cv, &weibull->shape, err);
    if (code) {
        free(weibull);
        return code;
    }
    ofr_random_init(&weibull->random, setup->seed, OFR_RANDOM_ARRIVALS, setup->stream);
    weibull->scale_ns = 1e9 / chosen->rate / gsl_sf_gamma(1 + 1 / weibull->shape);
    weibull->stream = setup->stream;
    *state = weibull;
    return OFR_OK;
}

static int weibull_next(void *state, struct ofr_arrival *out, uint32_t max, struct ofr_error *err)
{
    struct weibull *weibull = state;
    for (uint32_t i = 0; i < max; i++) {
        double gap_ns = ofr_random_weibull(&weibull->random, weibull->shape, weibull->scale_ns);
        if (!ofr_arrival_clock_advance(&weibull->clock, gap_ns))
            return ofr_arrival_beyond_limit(i, err);
        out[i] = (struct ofr_arrival){.time_ns = weibull->clock.now_ns, .stream = weibull->stream};
    }
    return (int)max;
}

static const struct offramp_option weibull_option_table[] = {
    {.name = "rate",
     .type = OFFRAMP_OPT_RATE,
     .offset = offsetof(struct weibull_options, rate),
     .min = OFR_ARRIVAL_RATE_MIN,
     .max = OFR_ARRIVAL_RATE_MAX,
     .help = "mean arrivals a second"},
    {.name = "cv",
     .type = OFFRAMP_OPT_REAL,
     .offset = offsetof(struct weibull_options, cv),
     .min = 0.01,
     .max = 100,
     .help = "coefficient of variation of the gaps: 1 = Poisson, above 1 = bursty"},
};

const struct ofr_arrival_ops ofr_arrival_weibull = {
    .component = {.name = "weibull",
                  .help = "independent Weibull gaps with mean 1/rate and coefficient of variation `cv`",
                  .options = weibull_option_table,
                  .option_count = sizeof weibull_option_table / sizeof *weibull_option_table,
                  .options_size = sizeof(struct weibull_options)},
    .create = weibull_create,
    .destroy = free,
    .next = weibull_next,
};
