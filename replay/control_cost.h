/* What a decision of `apparate` takes on this machine's processors, on the thread a replay gives it: made-up results of
 * passes are fed to it, a pass time apart, so that its memory is as cold as in a replay. */
#ifndef OFR_REPLAY_CONTROL_COST_H
#define OFR_REPLAY_CONTROL_COST_H

#include "replay/device.h"

struct ofr_control_cost {
    int64_t decide_ns; /* a decision without tuning, median; -1: there was none */
    int64_t tune_ns;   /* a tuning modelled at OFR_PROFILE_TUNE_MODELLED_NS, median; -1: there was none */
};

/* `latency` is what the policy decides by, borrowed for the call. Errors: OFR_E_NOMEM, OFR_E_BUG. */
int ofr_control_cost_measure(struct ofr_control_cost *out, const struct offramp_latency_view *latency,
                             bool spin, struct ofr_error *err);

#endif
