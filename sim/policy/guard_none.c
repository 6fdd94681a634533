/* guard: none. Apparate as published: thresholds are tuned when the mean agreement over the last 16 inputs
 * falls below the constraint, and when the latency loop asks for it; nothing bounds what happens in between.
 */
#include "sim/policy/guard_window.h"

#include <stdlib.h>

enum {
    TRIGGER = 16,
    WINDOW = 512,
    LOOK = 128
};

struct none {
    struct ofr_guard_setup setup;
    struct ofr_guard_window window;
    uint8_t recent[TRIGGER];
    uint32_t at, wrong, fed_since;
    bool open; /* some threshold has been above 0 since the last tuning */
};

static void *create(const struct ofr_guard_setup *setup)
{
    struct none *none = calloc(1, sizeof *none);
    if (!none)
        return NULL;
    none->setup = *setup;
    if (ofr_guard_window_init(&none->window, setup->window ? setup->window : WINDOW, setup->sites,
                              setup->max_threshold)) {
        free(none);
        return NULL;
    }
    return none;
}

static void destroy(void *state)
{
    struct none *none = state;
    if (!none)
        return;
    ofr_guard_window_release(&none->window);
    free(none);
}

static void ramps(void *state, const struct ofr_ramp_set *set, const struct ofr_ramp_costs *costs)
{
    struct none *none = state;
    enum ofr_guard_window_change change = ofr_guard_window_ramps(&none->window, set, costs);
    if (change != OFR_WINDOW_SAME)
        none->open = false; /* new ramps start closed: without this nothing would ever tune them */
    if (change == OFR_WINDOW_RESTORED && none->window.now.count >= LOOK)
        none->fed_since = LOOK;
}

static void feed(void *state, const struct offramp_feedback *feedback, bool same_ramps)
{
    struct none *none = state;
    for (uint32_t row = 0; row < feedback->rows; ++row) {
        uint8_t wrong = ofr_guard_row_wrong(feedback, row);
        none->wrong += wrong;
        none->wrong -= none->recent[none->at];
        none->recent[none->at] = wrong;
        none->at = (none->at + 1) % TRIGGER;
        none->fed_since++;
        if (same_ramps)
            ofr_guard_window_add(&none->window, feedback, row);
    }
}

static void decide(void *state, const struct offramp_feedback *feedback, bool tune,
                   struct ofr_guard_verdict *verdict)
{
    (void)feedback;
    struct none *none = state;
    bool violated = none->wrong > none->setup.accuracy_loss * TRIGGER && none->fed_since >= TRIGGER;
    /* With closed exits no ramp has a positive utility, so the latency loop asks for a tuning round at its next look. */
    bool closed = !none->open && none->fed_since >= LOOK;
    if (!violated && !tune && !closed)
        return;
    none->fed_since = 0;
    double loss = none->setup.accuracy_loss;
    ofr_guard_window_tune(&none->window, loss, violated ? "accuracy" : "latency", verdict);
    none->open = false;
    for (uint32_t k = 0; k < none->window.now.set.ramps && verdict->changed; ++k)
        none->open |= verdict->threshold[k] > 0.0;
}

extern const struct ofr_guard_ops ofr_guard_none;
const struct ofr_guard_ops ofr_guard_none = {
    .name = "none",
    .help = "Apparate as published: tunes when the last 16 inputs violate the constraint",
    .create = create,
    .destroy = destroy,
    .ramps = ramps,
    .feed = feed,
    .decide = decide,
};
