/* Markov-modulated Poisson arrivals: a hidden state decides the rate of the moment.
 *
 * Formula: the process stays in state i for an exponential time of mean `sojourns[i]` and has Poisson arrivals
 * of rate `rates[i]` meanwhile; then it goes to the next state of the list (`order: cyclic`) or to any other
 * state with equal probability (`order: random`; the same for two states). Under both orders state i has the
 * stationary probability p_i = sojourn_i / sum of sojourns; it is started from p, so that the mean rate is
 * sum p_i rate_i from time 0 on. With two states, s = 1/sojourn_1 + 1/sojourn_2, the index of dispersion of
 * counts in windows of length w is
 *
 *     1 + 2 p_1 p_2 (rate_1 - rate_2)^2 / (mean rate * s) * (1 - (1 - exp(-s w)) / (s w)).
 *
 * Source: Fischer and Meier-Hellstern, "The Markov-modulated Poisson process (MMPP) cookbook", Performance
 * Evaluation 18, 1993.
 */
#include "workloads/stretch.h"

#include <stdlib.h>

enum {
    ORDER_CYCLIC,
    ORDER_RANDOM
};

static const char *const order_choices[] = {"cyclic", "random", NULL};

#define SOJOURN_MIN_NS 1000
/* Fewer arrivals than one in so many changes of state and the process would hardly come forward. */
#define CHANGES_MAX 1e6

struct mmpp_options {
    struct offramp_texts rates;
    struct offramp_texts sojourns;
    int32_t order;
};

struct mmpp {
    struct ofr_stretch stretch;
    uint32_t stream;
    uint32_t states, at;
    int32_t order;
    double mean_gap_ns[OFFRAMP_MAX_SITES]; /* 0 = nothing arrives in this state */
    double sojourn_ns[OFFRAMP_MAX_SITES];
};

static int check(const struct mmpp_options *chosen, const double *rate, const int64_t *sojourn_ns,
                 struct ofr_error *err)
{
    uint32_t states = chosen->rates.count;
    double arrivals = 0;
    for (uint32_t i = 0; i < states; i++)
        arrivals += rate[i] * 1e-9 * (double)sojourn_ns[i];
    if (arrivals == 0)
        return ofr_fail(err, OFR_E_INPUT, "rates: found no rate above 0, expected at least one");
    if (arrivals * CHANGES_MAX < states)
        return ofr_fail(
            err, OFR_E_INPUT,
            "sojourns: found %g changes of state an arrival, expected at most %g: longer sojourns "
            "or higher rates",
            states / arrivals, CHANGES_MAX);
    return OFR_OK;
}

static int read_options(const struct mmpp_options *chosen, double *rate, int64_t *sojourn_ns,
                        struct ofr_error *err)
{
    if (chosen->rates.count < 2)
        return ofr_fail(err, OFR_E_INPUT, "rates: found %u states, expected 2 to %d", chosen->rates.count,
                        OFFRAMP_MAX_SITES);
    if (chosen->sojourns.count != chosen->rates.count)
        return ofr_fail(err, OFR_E_INPUT, "sojourns: found %u times for %u rates, expected one for each",
                        chosen->sojourns.count, chosen->rates.count);
    int code = ofr_arrival_read_rates(&chosen->rates, "rates", rate, err);
    if (!code)
        code = ofr_arrival_read_times(&chosen->sojourns, "sojourns", SOJOURN_MIN_NS, sojourn_ns, err);
    return code ? code : check(chosen, rate, sojourn_ns, err);
}

static void enter(struct mmpp *mmpp, uint32_t state)
{
    mmpp->at = state;
    mmpp->stretch.mean_gap_ns = mmpp->mean_gap_ns[state];
    mmpp->stretch.left_ns = ofr_random_exponential(&mmpp->stretch.random, mmpp->sojourn_ns[state]);
}

static void change_state(struct mmpp *mmpp)
{
    uint32_t step = mmpp->order == ORDER_RANDOM
                        ? 1 + (uint32_t)ofr_random_below(&mmpp->stretch.random, mmpp->states - 1)
                        : 1;
    enter(mmpp, (mmpp->at + step) % mmpp->states);
}

/* A state drawn from the stationary distribution. */
static uint32_t stationary_state(struct mmpp *mmpp)
{
    double total_ns = 0;
    for (uint32_t i = 0; i < mmpp->states; i++)
        total_ns += mmpp->sojourn_ns[i];
    double at_ns = ofr_random_uniform(&mmpp->stretch.random) * total_ns;
    uint32_t state = 0;
    for (; state + 1 < mmpp->states && at_ns >= mmpp->sojourn_ns[state]; state++)
        at_ns -= mmpp->sojourn_ns[state];
    return state;
}

static int mmpp_create(void **state, const struct ofr_arrival_setup *setup, const void *options,
                       struct ofr_error *err)
{
    const struct mmpp_options *chosen = options;
    double rate[OFFRAMP_MAX_SITES];
    int64_t sojourn_ns[OFFRAMP_MAX_SITES];
    int code = read_options(chosen, rate, sojourn_ns, err);
    if (code)
        return code;
    struct mmpp *mmpp = calloc(1, sizeof *mmpp);
    if (!mmpp)
        return ofr_fail_nomem(err, "Markov-modulated arrivals");
    mmpp->stream = setup->stream;
    mmpp->states = chosen->rates.count;
    mmpp->order = chosen->order;
    for (uint32_t i = 0; i < mmpp->states; i++) {
        mmpp->mean_gap_ns[i] = rate[i] > 0 ? 1e9 / rate[i] : 0;
        mmpp->sojourn_ns[i] = (double)sojourn_ns[i];
    }
    ofr_random_init(&mmpp->stretch.random, setup->seed, OFR_RANDOM_ARRIVALS, setup->stream);
    enter(mmpp, stationary_state(mmpp));
    *state = mmpp;
    return OFR_OK;
}

static int mmpp_next(void *state, struct ofr_arrival *out, uint32_t max, struct ofr_error *err)
{
    struct mmpp *mmpp = state;
    for (uint32_t i = 0; i < max; i++) {
        int arrived;
        while ((arrived = ofr_stretch_next(&mmpp->stretch)) == 0)
            change_state(mmpp);
        if (arrived < 0)
            return ofr_arrival_beyond_limit(i, err);
        out[i] = (struct ofr_arrival){.time_ns = mmpp->stretch.clock.now_ns, .stream = mmpp->stream};
    }
    return (int)max;
}

static const struct offramp_option mmpp_option_table[] = {
    {.name = "rates",
     .type = OFFRAMP_OPT_TEXTS,
     .offset = offsetof(struct mmpp_options, rates),
     .help = "arrivals a second in each state, e.g. [100/s, 2k/s]; 0/s is allowed"},
    {.name = "sojourns",
     .type = OFFRAMP_OPT_TEXTS,
     .offset = offsetof(struct mmpp_options, sojourns),
     .help = "mean time in each state, e.g. [9s, 1s]; 1us or more"},
    {.name = "order",
     .type = OFFRAMP_OPT_CHOICE,
     .offset = offsetof(struct mmpp_options, order),
     .fallback = "cyclic",
     .choices = order_choices,
     .help = "state that follows: the next of the list, or any other with equal probability"},
};

const struct ofr_arrival_ops ofr_arrival_mmpp = {
    .component = {.name = "mmpp",
                  .help = "Markov-modulated Poisson: the rate of a hidden state that changes at random",
                  .options = mmpp_option_table,
                  .option_count = sizeof mmpp_option_table / sizeof *mmpp_option_table,
                  .options_size = sizeof(struct mmpp_options)},
    .create = mmpp_create,
    .destroy = free,
    .next = mmpp_next,
};
