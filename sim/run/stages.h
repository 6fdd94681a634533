/* The queues of a run: one batcher for each stage of the scenario's mode (sim/serve/mode.h), and what its batches
 * cost. Private to sim/run. */
#ifndef OFR_RUN_STAGES_H
#define OFR_RUN_STAGES_H

#include "sim/run/run.h"

struct ofr_stages {
    const struct ofr_batcher_ops *batcher;        /* static */
    const struct ofr_mode_ops *mode;              /* static */
    struct ofr_serve_stage stage[OFR_MAX_STAGES]; /* [mode->stages]; batchers owned */
    struct ofr_profile *profile[OFR_MAX_STAGES];  /* owned; NULL: the stage runs the model as it is */
    struct ofr_stream_wish *wish;                 /* [streams], owned; NULL = no stream asks for anything */
    uint32_t streams;
    uint32_t max_batch; /* the largest batch of any stage */
};

/* Begins with the last stage, which runs the model as it is: a policy is made for its batcher. `stages` is zeroed
 * before, and released also after an error. */
int ofr_stages_begin(struct ofr_stages *stages, const struct ofr_scenario *scenario,
                     const struct ofr_inputs *inputs, struct ofr_error *err);
/* The stages before, whose profiles are known once the policy has said where its ramps are. */
int ofr_stages_finish(struct ofr_stages *stages, const struct ofr_scenario *scenario,
                      const struct ofr_inputs *inputs, const struct offramp_exit_config *first,
                      struct ofr_error *err);
void ofr_stages_release(struct ofr_stages *stages);

#endif
