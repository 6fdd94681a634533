/* Tuning once, before the run, on what a policy with hindsight is shown: the rules the always-on rivals share.
 *
 * A *window* is the leading samples of the recording under one criterion. The objective is the tuner's (tuner.h): mean
 * latency against vanilla at one batch size, under a bound on wrong exits; samples that leave nowhere are right.
 */
#ifndef OFR_POLICY_HINDSIGHT_H
#define OFR_POLICY_HINDSIGHT_H

#include "sim/policy/ramp_set.h"
#include "sim/policy/tuner.h"

struct ofr_hindsight_window {
    const float *value;                    /* [samples][sites] what the criterion reads; borrowed */
    const uint16_t *answer, *final_answer; /* [samples][sites], [samples]; borrowed */
    uint32_t samples, sites;
    bool inverted; /* the score is 1 - value */
    double scale;  /* largest score the criterion can give */
};

/* The leading `share` (0..1] of the samples the run can come to, at least one. Returns 0, or -1 with one line in `why`
 * when the recording lacks what the criterion needs. */
int ofr_hindsight_window(struct ofr_hindsight_window *window, const struct offramp_hindsight *hindsight,
                         int32_t criterion, double share, char *why, size_t why_size);

static inline float ofr_hindsight_score(const struct ofr_hindsight_window *window, uint32_t sample,
                                        uint32_t site)
{
    float value = window->value[(size_t)sample * window->sites + site];
    return window->inverted ? 1.0F - value : value;
}

static inline bool ofr_hindsight_agrees(const struct ofr_hindsight_window *window, uint32_t sample,
                                        uint32_t site)
{
    return window->answer[(size_t)sample * window->sites + site] == window->final_answer[sample];
}

/* Most wrong exits that keep the share of wrong answers at or below `loss`. */
int64_t ofr_hindsight_allowance(const struct ofr_hindsight_window *window, double loss);

/* Whether the profile has times for batches of that size. Returns 0, or -1 with one line in `why`. */
int ofr_hindsight_check_batch(const struct offramp_latency_view *latency, uint64_t batch, char *why,
                              size_t why_size);

/* What leaving at each ramp of the set costs at the profiled batch size that serves `batch`, ns. */
void ofr_hindsight_costs(struct ofr_tuner_costs *costs, const struct offramp_latency_view *latency,
                         uint32_t batch, const struct ofr_ramp_set *set);

/* Evaluates thresholds [set->ramps] sample by sample over the whole window. */
void ofr_hindsight_evaluate(struct ofr_tuner_result *result, const struct ofr_hindsight_window *window,
                            const struct ofr_tuner_costs *costs, const struct ofr_ramp_set *set,
                            const double *threshold);

/* Grid of one threshold for all ramps: 0, step, 2 step, ... 1, in units of the criterion's largest score. The feasible
 * value that saves most, the smallest of equals; 0 is always feasible. Returns 0 or -1: out of memory. */
int ofr_hindsight_tune_shared(double *threshold, const struct ofr_hindsight_window *window,
                              const struct ofr_tuner_costs *costs, const struct ofr_ramp_set *set,
                              int64_t allowance, double step);

/* How thresholds of their own are searched for. */
enum ofr_hindsight_search {
    OFR_HINDSIGHT_GREEDY, /* the tuner's greedy search over every score that occurs */
    OFR_HINDSIGHT_EXACT,  /* from there the tuner's branch and bound, up to a number of nodes */
    OFR_HINDSIGHT_GRID, /* the full grid of `step`, (1/step + 1)^ramps configurations less what pruning leaves out */
};

/* A threshold for each ramp. Windows larger than the tuner takes are thinned evenly; the result is then held against
 * every sample and tuned again with a smaller allowance until it keeps to it. Returns 0, or -1 with one line in `why`:
 * out of memory, or a grid too large to be walked. */
int ofr_hindsight_tune_each(double *threshold, const struct ofr_hindsight_window *window,
                            const struct ofr_tuner_costs *costs, const struct ofr_ramp_set *set,
                            int64_t allowance, enum ofr_hindsight_search search, double step, char *why,
                            size_t why_size);

#endif
