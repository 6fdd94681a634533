/* The best constant ramps in hindsight: which sites under a ramp budget, and at which thresholds, save most on the samples
 * of a window under a bound on wrong exits.
 *
 * Where at most a few hundred sets keep the budget all are tried, otherwise a climb over sets (add a ramp, drop one, swap
 * one for another) from several starts. Sets are compared on an evenly thinned window; the best few are tuned again on
 * all of it.
 */
#ifndef OFR_POLICY_RAMP_CHOICE_H
#define OFR_POLICY_RAMP_CHOICE_H

#include "sim/policy/hindsight.h"

struct ofr_ramp_choice {
    const struct ofr_hindsight_window *window;
    const struct offramp_latency_view *latency;
    uint32_t max_batch; /* the budget holds up to the size that serves it */
    double budget;
    uint32_t most;       /* ramps */
    uint32_t tune_batch; /* whose times savings are weighed by */
    int64_t allowance;   /* wrong exits in the window */
};

struct ofr_ramp_chosen {
    struct ofr_ramp_set set; /* empty: nothing saves */
    double threshold[OFFRAMP_MAX_SITES];
    double improvement_pct; /* mean latency saved, per cent of vanilla */
    uint32_t sets;          /* compared */
    bool all;               /* of those that keep the budget */
};

/* Returns 0, or -1 with one line in `why`: out of memory. */
int ofr_ramp_choose(struct ofr_ramp_chosen *chosen, const struct ofr_ramp_choice *choice, char *why,
                    size_t why_size);

#endif
