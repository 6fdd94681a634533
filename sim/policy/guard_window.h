/* The sliding window of recent inputs that the guards `none` and `conformal` tune on, with the tuner over it.
 */
#ifndef OFR_POLICY_GUARD_WINDOW_H
#define OFR_POLICY_GUARD_WINDOW_H

#include "sim/policy/guard.h"
#include "sim/policy/tuner.h"

/* Inputs that ran under one set of ramps. */
struct ofr_guard_records {
    struct ofr_ramp_set set;
    uint32_t count, next;
    float *score;    /* [sites][capacity], by site; infinite where no ramp was active; owned */
    uint8_t *agrees; /* [sites][capacity], owned */
};

struct ofr_guard_window {
    struct ofr_tuner *tuner; /* owned */
    uint32_t capacity, sites;
    struct ofr_guard_records now;     /* those of the present set */
    struct ofr_guard_records shelved; /* those of the set before it: a trial takes turns between two sets */
};

enum ofr_guard_window_change {
    OFR_WINDOW_SAME,     /* at most the costs are new */
    OFR_WINDOW_NEW,      /* new ramps */
    OFR_WINDOW_RESTORED, /* the set before the last change, with its records */
};

/* 0, or -1 when out of memory. */
int ofr_guard_window_init(struct ofr_guard_window *window, uint32_t capacity, uint32_t sites,
                          double max_threshold);
void ofr_guard_window_release(struct ofr_guard_window *window);
/* New ramps or costs. The set before the last change comes back with what it had recorded. Under any other new set
 * records of ramps that stay are kept, new ramps have no score in old records; when no ramp stays, there are none. */
enum ofr_guard_window_change ofr_guard_window_ramps(struct ofr_guard_window *window,
                                                    const struct ofr_ramp_set *set,
                                                    const struct ofr_ramp_costs *costs);
void ofr_guard_window_add(struct ofr_guard_window *window, const struct offramp_feedback *feedback,
                          uint32_t row);
/* Greedy search for thresholds whose wrong exits in the window stay within the share `loss`. */
void ofr_guard_window_tune(struct ofr_guard_window *window, double loss, const char *trigger,
                           struct ofr_guard_verdict *verdict);

#endif
