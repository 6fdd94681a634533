/* Threshold tuner: from a window of recorded samples to the exit thresholds that save most time within a
 * bound on wrong exits.
 *
 * A window holds, for each sample and each active ramp, the error score the ramp gave and whether the ramp's
 * answer agrees with the full model's. A sample leaves at the first ramp with `score < threshold` (strict;
 * threshold 0 never exits); one that leaves at a ramp it does not agree at is a *wrong exit*; one that leaves
 * nowhere is right by definition. The objective is the mean latency against vanilla, from the cost of each
 * way out (struct ofr_tuner_costs, any one unit).
 *
 *     create ──► window, column | set, costs, fix ──► greedy | exact | grid ──► result
 *                   ▲                                                            │
 *                   └──────────── overwrite slots of the ring ◄──────────────────┘
 *
 * Searches. Only scores that occur matter, and of those only the scores of wrong samples: raising a threshold
 * up to the next wrong sample can but save time, as long as no later way out is cheaper. So a configuration
 * is the number of wrong exits each ramp is allowed, which leaves a small tree.
 *   greedy  shares the allowance out and moves parts of it between ramps, in halving steps, until no move
 *           saves more; then a short branch and bound from there
 *   exact   branch and bound over the whole tree: the optimum over all real thresholds
 *   grid    every multiple of a step up to 1 for every ramp; the first in lexicographic order wins ties
 *
 * Choice of a threshold between two scores. The set of samples that leave at a ramp fixes its threshold only
 * to an interval. The tuner takes the middle between the largest score that leaves there and the next larger
 * score in the window at that ramp; with no larger one it stops just above the largest that leaves, so that a
 * window in which all agree does not open the exit to scores never seen. A ramp nothing leaves at gets 0. No
 * threshold exceeds `max_threshold`. (grid returns its own grid values.)
 *
 * Scores are >= 0; NaN never exits. A tuner allocates on creation only, all searches are deterministic, and
 * one tuner serves one thread at a time.
 */
#ifndef OFR_POLICY_TUNER_H
#define OFR_POLICY_TUNER_H

#include "sim/base/error.h"
#include "sim/offramp_option.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    OFR_TUNER_MAX_SAMPLES = 65536,
    OFR_TUNER_MAX_RAMPS = OFFRAMP_MAX_SITES,
};

struct ofr_tuner; /* window and workspace; opaque */

/* What each way out costs: leaving at ramp k, and running to the end (last entry, [ramps]). */
struct ofr_tuner_costs {
    double vanilla; /* the model without any ramp; > 0 */
    double leave[OFR_TUNER_MAX_RAMPS + 1];
};

struct ofr_tuner_result {
    bool feasible; /* wrong <= the bound; false: nothing is, thresholds are 0 (or fixed) */
    bool complete; /* exact, grid: the whole space was covered, the result is its optimum */
    uint32_t ramps;
    double threshold[OFR_TUNER_MAX_RAMPS];
    uint32_t exits[OFR_TUNER_MAX_RAMPS + 1]; /* samples leaving at each ramp; [ramps]: running to the end */
    uint32_t wrong;                          /* wrong exits */
    double acc;             /* share that is right, rounded to 7 decimals as the case files do */
    double improvement_pct; /* mean latency saved, per cent of vanilla; negative: the ramps cost more */
    uint64_t evaluations;   /* whole configurations evaluated */
};

/* Creates a tuner for windows up to the given size. Returns 0, OFR_E_USAGE or OFR_E_NOMEM. */
int ofr_tuner_create(struct ofr_tuner **out, uint32_t max_samples, uint32_t max_ramps, struct ofr_error *err);
void ofr_tuner_free(struct ofr_tuner *tuner); /* NULL is allowed */

/* Sets the shape of the window (1..max). Samples and ramps already there stay; no ramp is fixed. */
void ofr_tuner_window(struct ofr_tuner *tuner, uint32_t samples, uint32_t ramps);
/* Overwrites one cell: how a ring of recent samples is kept up to date without loading the window again. */
void ofr_tuner_set(struct ofr_tuner *tuner, uint32_t ramp, uint32_t sample, double score, bool agrees);
/* Overwrites a ramp's column: [samples] scores, and 1 where the ramp agrees. Borrowed for the call. */
void ofr_tuner_column(struct ofr_tuner *tuner, uint32_t ramp, const double *score, const uint8_t *agrees);
void ofr_tuner_column_float(struct ofr_tuner *tuner, uint32_t ramp, const float *score,
                            const uint8_t *agrees);
/* Costs of the ways out, copied. */
void ofr_tuner_set_costs(struct ofr_tuner *tuner, const struct ofr_tuner_costs *costs);
/* Keeps a ramp at a threshold, out of the search. A NaN frees it again. */
void ofr_tuner_fix(struct ofr_tuner *tuner, uint32_t ramp, double threshold);
/* Largest threshold a search may return, the criterion's maximum; 1 after creation. Samples scoring that much
 * or more never leave. */
void ofr_tuner_set_max_threshold(struct ofr_tuner *tuner, double max_threshold);

/* How long greedy looks for something better once its climb has ended: 0 not at all, 1 after creation, and in
 * proportion above. */
void ofr_tuner_set_effort(struct ofr_tuner *tuner, uint32_t effort);

/* Costs of ramps that stand in the backbone's way or beside it: leaving at ramp k costs
 * until[k] + add[0] + ... + add[k-1] + delay[k], running to the end until[ramps] + all of add. A ramp in line
 * has add = delay. */
void ofr_tuner_costs_from(struct ofr_tuner_costs *costs, uint32_t ramps, const double *until,
                          const double *add, const double *delay);

/* Share of samples that are right, rounded to 7 decimals, half to even on the double's exact value. */
double ofr_tuner_acc(uint32_t wrong, uint32_t samples);
/* The feasibility rule in one place: the most wrong exits w with |1 - acc(w)| < budget; -1 when not even none
 * is allowed (budget <= 0). */
int64_t ofr_tuner_max_wrong(double budget, uint32_t samples);

/* Evaluates given thresholds sample by sample; feasible and complete are set. */
void ofr_tuner_evaluate(const struct ofr_tuner *tuner, const double *threshold,
                        struct ofr_tuner_result *result);
/* Searches under a bound on wrong exits. `limit` bounds the work of exact (tree nodes) and grid
 * (configurations); 0 means none. The result is then the best found, with complete = false. */
void ofr_tuner_greedy(struct ofr_tuner *tuner, int64_t max_wrong, struct ofr_tuner_result *result);
void ofr_tuner_exact(struct ofr_tuner *tuner, int64_t max_wrong, uint64_t limit,
                     struct ofr_tuner_result *result);
/* `step` in (0, 1], not below 0.001. */
void ofr_tuner_grid(struct ofr_tuner *tuner, int64_t max_wrong, double step, uint64_t limit,
                    struct ofr_tuner_result *result);

#endif
