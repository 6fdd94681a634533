/* Accuracy guards: what keeps `apparate` within its accuracy-loss constraint. Apparate's own trigger reacts
 * to a violation but bounds nothing; a guard decides when to tune, how far to open the exits, and when to
 * close them.
 *
 * A guard is fed every batch and owns whatever it needs to remember. `decide` says whether the thresholds
 * should change; the policy around it adds ramp adjustment. To add a guard: one file, one line in guards.c.
 */
#ifndef OFR_POLICY_GUARD_H
#define OFR_POLICY_GUARD_H

#include "sim/policy/ramp_set.h"

struct ofr_guard_setup {
    double accuracy_loss; /* constraint: share of wrong exits allowed */
    uint32_t window;      /* records tuned on; 0 = the guard's own choice */
    uint32_t period;      /* inputs between tunings; 0 = the guard's own choice */
    double max_threshold; /* of the criterion */
    uint32_t max_batch;
    uint32_t sites;
};

/* What the guard wants. */
struct ofr_guard_verdict {
    bool changed;                        /* thresholds differ from those in force */
    const char *trigger;                 /* static text for the decision log */
    double threshold[OFFRAMP_MAX_SITES]; /* [ramps] */
    double predicted_gain_pct;           /* NaN = no prediction */
    uint32_t evaluations;                /* configurations evaluated; 0 = no tuning took place */
    double tune_records; /* records times ramps gone through: what the modelled cost follows */
};

struct ofr_guard_ops {
    const char *name;
    const char *help;
    /* NULL when out of memory. Owned. */
    void *(*create)(const struct ofr_guard_setup *setup);
    void (*destroy)(void *state);
    /* The active ramps and their costs; called before the first batch and whenever either changes. Records of
     * ramps that stay are kept. */
    void (*ramps)(void *state, const struct ofr_ramp_set *set, const struct ofr_ramp_costs *costs);
    /* Takes one batch fed back under the present ramps (batches dispatched under other ramps: only their
     * outcome counts, `score` and `answer` are to be ignored when same_ramps is false). */
    void (*feed)(void *state, const struct offramp_feedback *feedback, bool same_ramps);
    /* Decides after a batch; `tune` asks for a tuning round now. */
    void (*decide)(void *state, const struct offramp_feedback *feedback, bool tune,
                   struct ofr_guard_verdict *verdict);
};

extern const struct ofr_guard_ops *const ofr_guards[]; /* NULL-terminated; the first is the default */
extern const char *const ofr_guard_names[];            /* the same order, for option tables */

/* 1 when the row left at a ramp that disagrees with the full model. */
uint8_t ofr_guard_row_wrong(const struct offramp_feedback *feedback, uint32_t row);

/* Share of the whole pass that leaving at each ramp of the set saves, against running to the end with all of
 * its ramps. */
void ofr_guard_savings(double *saving, const struct ofr_ramp_set *set, const struct ofr_ramp_costs *costs);

#endif
