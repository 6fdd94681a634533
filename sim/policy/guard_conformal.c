/* guard: conformal. Adaptive conformal inference (Gibbs and Candes, NeurIPS 2021) around the tuner:
 * thresholds are tuned to an inner budget b every `period` inputs, and after each period b += gain *
 * (constraint - observed loss). In the long run the loss converges to the constraint whatever the inputs do;
 * b <= 0 closes the exits. */
#include "sim/policy/guard_window.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    WINDOW = 2048,
    PERIOD = 64,
    FIRST = 64 /* inputs before the first tuning */
};

static const double gain = 0.02;
static const double lowest = -2.0; /* b stays within [-2, 5] times the constraint */
static const double highest = 5.0;

struct conformal {
    struct ofr_guard_setup setup;
    struct ofr_guard_window window;
    double budget;
    uint32_t period_rows, period_wrong;
    uint64_t fed;
    bool open;
    bool restored; /* ramps came back with records to tune on */
};

static void *create(const struct ofr_guard_setup *setup)
{
    struct conformal *conformal = calloc(1, sizeof *conformal);
    if (!conformal)
        return NULL;
    conformal->setup = *setup;
    conformal->budget = setup->accuracy_loss;
    if (!conformal->setup.period)
        conformal->setup.period = PERIOD;
    if (ofr_guard_window_init(&conformal->window, setup->window ? setup->window : WINDOW, setup->sites,
                              setup->max_threshold)) {
        free(conformal);
        return NULL;
    }
    return conformal;
}

static void destroy(void *state)
{
    struct conformal *conformal = state;
    if (!conformal)
        return;
    ofr_guard_window_release(&conformal->window);
    free(conformal);
}

static void ramps(void *state, const struct ofr_ramp_set *set, const struct ofr_ramp_costs *costs)
{
    struct conformal *conformal = state;
    conformal->restored = ofr_guard_window_ramps(&conformal->window, set, costs) == OFR_WINDOW_RESTORED;
}

static void feed(void *state, const struct offramp_feedback *feedback, bool same_ramps)
{
    struct conformal *conformal = state;
    for (uint32_t row = 0; row < feedback->rows; ++row) {
        conformal->period_wrong += ofr_guard_row_wrong(feedback, row);
        if (same_ramps)
            ofr_guard_window_add(&conformal->window, feedback, row);
    }
    conformal->period_rows += feedback->rows;
    conformal->fed += feedback->rows;
}

static void follow_loss(struct conformal *conformal)
{
    double loss = conformal->setup.accuracy_loss;
    conformal->budget += gain * (loss - (double)conformal->period_wrong / conformal->period_rows);
    conformal->budget = fmin(fmax(conformal->budget, lowest * loss), highest * loss);
    conformal->period_rows = conformal->period_wrong = 0;
}

static void decide(void *state, const struct offramp_feedback *feedback, bool tune,
                   struct ofr_guard_verdict *verdict)
{
    (void)feedback, (void)tune;
    struct conformal *conformal = state;
    bool due = conformal->period_rows >= conformal->setup.period && conformal->fed >= FIRST;
    if (due)
        follow_loss(conformal);
    else if (!conformal->restored)
        return;
    conformal->restored = false;
    if (conformal->budget > 0.0) {
        ofr_guard_window_tune(&conformal->window, conformal->budget, "period", verdict);
        conformal->open = true;
    } else if (conformal->open) {
        memset(verdict->threshold, 0, sizeof verdict->threshold);
        verdict->changed = true;
        verdict->trigger = "budget";
        verdict->predicted_gain_pct = 0.0;
        conformal->open = false;
    }
}

extern const struct ofr_guard_ops ofr_guard_conformal;
const struct ofr_guard_ops ofr_guard_conformal = {
    .name = "conformal",
    .help =
        "tunes every period to an inner budget that follows the observed loss (adaptive conformal inference)",
    .create = create,
    .destroy = destroy,
    .ramps = ramps,
    .feed = feed,
    .decide = decide,
};
