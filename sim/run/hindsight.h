/* The recording, as a policy with OFFRAMP_POLICY_HINDSIGHT is shown it before the run. */
#ifndef OFR_RUN_HINDSIGHT_H
#define OFR_RUN_HINDSIGHT_H

#include "sim/run/run.h"

/* Fills the view; its arrays are the recording's. Errors: OFR_E_INPUT when the inputs have no recording. */
int ofr_hindsight_view(struct offramp_hindsight *view, const struct ofr_scenario *scenario,
                       const struct ofr_inputs *inputs, struct ofr_error *err);

#endif
