/* What a set of ramps would have saved, under the best thresholds that meet the constraint, on inputs remembered under it:
 * what the latency loop judges sets by.
 *
 *   gain      share of the whole pass saved by the mean input, less what the ramps add to it. Between the two steps of the
 *             ladder that enclose the allowed number of wrong exits it is taken to grow evenly.
 *   variance  how well so many inputs can tell it: wrong exits come as Poisson events, and one more or less moves the
 *             gain by the ladder's price there.  gain' = price per input,  variance = price^2 (wrong + 1) / inputs^2
 */
#ifndef OFR_POLICY_RAMP_PROMISE_H
#define OFR_POLICY_RAMP_PROMISE_H

#include "sim/policy/ladder.h"

struct ofr_ramp_promise {
    double gain, variance;
};

/* Builds the ladder of the set over the memory, up to the constraint. No inputs: 0, 0. */
struct ofr_ramp_promise ofr_ramp_promise_of(struct ofr_ladder *ladder, const struct ofr_exit_memory *memory,
                                            const struct ofr_ramp_set *set,
                                            const struct ofr_ramp_costs *costs, double accuracy_loss);

#endif
