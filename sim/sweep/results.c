#include "sim/sweep/results.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- keys and values ---- */

uint32_t ofr_sweep_keys(const struct ofr_sweep *sweep)
{
    uint32_t keys = 0;
    for (uint32_t i = 0; i < sweep->axes; ++i)
        keys += sweep->axis[i].keys;
    return keys;
}

/* Axis that holds key number k over all; *k becomes its number there. */
static uint32_t axis_of(const struct ofr_sweep *sweep, uint32_t *k)
{
    uint32_t i = 0;
    while (*k >= sweep->axis[i].keys)
        *k -= sweep->axis[i++].keys;
    return i;
}

const char *ofr_sweep_key(const struct ofr_sweep *sweep, uint32_t k)
{
    uint32_t i = axis_of(sweep, &k);
    return sweep->axis[i].key[k];
}

char *ofr_sweep_value_text(const struct ofr_sweep *sweep, uint64_t configuration, uint32_t k)
{
    uint32_t point[OFR_SWEEP_MOST_AXES + 1];
    uint32_t i = axis_of(sweep, &k);
    ofr_sweep_place(sweep, configuration, point);
    return ofr_axis_value_text(&sweep->axis[i], point[i], k);
}

/* ---- over replications ---- */

static void estimate(const struct ofr_sweep *sweep, const struct ofr_sweep_runs *runs, uint64_t configuration,
                     uint32_t metric, double *mean, double *low, double *high)
{
    uint64_t first = configuration * sweep->top.replications;
    double sum = 0.0, squares = 0.0;
    uint64_t count = 0;
    for (uint64_t r = 0; r < sweep->top.replications; ++r)
        if (runs->code[first + r] == 0) {
            sum += runs->value[(first + r) * sweep->metrics + metric];
            ++count;
        }
    *mean = count ? sum / (double)count : NAN;
    for (uint64_t r = 0; r < sweep->top.replications; ++r) {
        double off = runs->value[(first + r) * sweep->metrics + metric] - *mean;
        if (runs->code[first + r] == 0)
            squares += off * off;
    }
    *low = *high = NAN;
    if (count < 2)
        return;
    double t = gsl_cdf_tdist_Pinv(0.5 + 0.5 * sweep->top.confidence, (double)(count - 1));
    double half = t * sqrt(squares / (double)(count - 1) / (double)count);
    *low = *mean - half;
    *high = *mean + half;
}

static bool is_feasible(const struct ofr_sweep_results *results, uint64_t configuration)
{
    const struct ofr_sweep *sweep = results->sweep;
    const double *mean = results->mean + configuration * sweep->metrics;
    for (uint32_t i = 0; i < sweep->constraints; ++i)
        if (!ofr_constraint_met(&sweep->constraint[i], mean))
            return false;
    return results->failed[configuration] == 0;
}

static void fill_configuration(struct ofr_sweep_results *results, uint64_t configuration)
{
    const struct ofr_sweep *sweep = results->sweep;
    for (uint64_t r = 0; r < sweep->top.replications; ++r)
        results->failed[configuration] +=
            results->runs->code[configuration * sweep->top.replications + r] != 0;
    for (uint32_t m = 0; m < sweep->metrics; ++m) {
        uint64_t at = configuration * sweep->metrics + m;
        estimate(sweep, results->runs, configuration, m, &results->mean[at], &results->low[at],
                 &results->high[at]);
    }
    results->feasible[configuration] = is_feasible(results, configuration);
    results->feasibles += results->feasible[configuration];
    results->broken += results->failed[configuration] > 0;
}

const char *ofr_sweep_failure(const struct ofr_sweep_results *results, uint64_t configuration)
{
    uint64_t replications = results->sweep->top.replications;
    for (uint64_t r = 0; r < replications; ++r)
        if (results->runs->code[configuration * replications + r])
            return results->runs->error[configuration * replications + r];
    return NULL;
}

/* ---- best and Pareto ---- */

/* The goal's value of a configuration, smaller is better. */
static double cost(const struct ofr_sweep_results *results, const struct ofr_goal *goal,
                   uint64_t configuration)
{
    double value = results->mean[configuration * results->sweep->metrics + (uint32_t)goal->metric];
    return goal->minimize ? value : -value;
}

static void find_best(struct ofr_sweep_results *results)
{
    const struct ofr_goal *goal = &results->sweep->objective;
    double least = INFINITY;
    results->best = -1;
    for (uint64_t i = 0; goal->metric >= 0 && i < results->sweep->configurations; ++i) {
        double found = cost(results, goal, i);
        if (results->feasible[i] && found < least) {
            least = found;
            results->best = (int64_t)i;
        }
    }
}

/* As good in every goal and better in one. */
static bool dominates(const struct ofr_sweep_results *results, uint64_t a, uint64_t b)
{
    bool better = false;
    for (uint32_t i = 0; i < results->sweep->paretos; ++i) {
        double of_a = cost(results, &results->sweep->pareto[i], a);
        double of_b = cost(results, &results->sweep->pareto[i], b);
        if (of_a > of_b)
            return false;
        better |= of_a < of_b;
    }
    return better;
}

static bool has_goals(const struct ofr_sweep_results *results, uint64_t configuration)
{
    for (uint32_t i = 0; i < results->sweep->paretos; ++i)
        if (isnan(cost(results, &results->sweep->pareto[i], configuration)))
            return false;
    return results->sweep->paretos > 0;
}

static int by_goals(const void *a, const void *b, void *state)
{
    const struct ofr_sweep_results *results = state;
    uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;
    for (uint32_t i = 0; i < results->sweep->paretos; ++i) {
        double of_one = cost(results, &results->sweep->pareto[i], one);
        double of_other = cost(results, &results->sweep->pareto[i], other);
        if (of_one != of_other)
            return of_one < of_other ? -1 : 1;
    }
    return one < other ? -1 : one > other;
}

/* In order of the goals a configuration can only be dominated by one before it, and then by one on the front. */
static int find_front(struct ofr_sweep_results *results, struct ofr_error *err)
{
    uint64_t *order = calloc(results->sweep->configurations, sizeof *order);
    uint64_t count = 0;
    results->front = order;
    if (!order)
        return ofr_fail_nomem(err, "results");
    for (uint64_t i = 0; i < results->sweep->configurations; ++i)
        if (results->feasible[i] && has_goals(results, i))
            order[count++] = i;
    qsort_r(order, count, sizeof *order, by_goals, results);
    for (uint64_t i = 0; i < count; ++i) {
        bool dominated = false;
        for (uint64_t f = 0; f < results->fronts && !dominated; ++f)
            dominated = dominates(results, order[f], order[i]);
        if (dominated)
            continue;
        results->pareto[order[i]] = 1;
        order[results->fronts++] = order[i]; /* never ahead of i */
    }
    return 0;
}

int ofr_sweep_results_make(struct ofr_sweep_results *results, const struct ofr_sweep *sweep,
                           const struct ofr_sweep_runs *runs, struct ofr_error *err)
{
    size_t values = sweep->configurations * sweep->metrics;
    *results = (struct ofr_sweep_results){.sweep = sweep,
                                          .runs = runs,
                                          .mean = calloc(values, sizeof(double)),
                                          .low = calloc(values, sizeof(double)),
                                          .high = calloc(values, sizeof(double)),
                                          .failed = calloc(sweep->configurations, sizeof(uint32_t)),
                                          .feasible = calloc(sweep->configurations, 1),
                                          .pareto = calloc(sweep->configurations, 1)};
    int rc = results->mean && results->low && results->high && results->failed && results->feasible &&
                     results->pareto
                 ? 0
                 : ofr_fail_nomem(err, "results");
    for (uint64_t i = 0; i < sweep->configurations && !rc; ++i)
        fill_configuration(results, i);
    if (!rc)
        find_best(results);
    if (!rc)
        rc = find_front(results, err);
    if (rc)
        ofr_sweep_results_release(results);
    return rc;
}

void ofr_sweep_results_release(struct ofr_sweep_results *results)
{
    free(results->mean);
    free(results->low);
    free(results->high);
    free(results->failed);
    free(results->feasible);
    free(results->pareto);
    free(results->front);
    *results = (struct ofr_sweep_results){0};
}
