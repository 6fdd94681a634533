/* Execution modes: what an exit does to the batch it happens in.
 *
 * A mode says through which *stages* a request may pass. A stage has a queue (a batcher of its own), a profile (what
 * a batch of it costs) and ramps. Who leaves at a ramp of its stage is answered; who leaves nowhere goes on to the
 * queue of the next stage when its batch has ended, and in the last stage is answered by the full model. Loop,
 * batchers and executors know stages and nothing of modes.
 *
 *   release   one stage: the model with its ramps. The answer leaves, the input runs to the end.
 *   cascade   two stages, two models: the model up to its ramp answers who is sure; the others run again, through the
 *             full model from its start, with the deadline they came with.
 *
 * One mode is one file and one line in OFR_MODE_MAP. A mode that saves compute behind an exit (rebatching) is a
 * stage whose profile is the part of the model behind it.
 */
#ifndef OFR_SERVE_MODE_H
#define OFR_SERVE_MODE_H

#include "sim/base/error.h"
#include "sim/model/profile.h"
#include "sim/offramp_policy.h"

/* X(name): the order of the choices of `exits.mode`, the first is the default. */
#define OFR_MODE_MAP(X)                                                                                      \
    X(release)                                                                                               \
    X(cascade)

enum {
    OFR_MAX_STAGES = 2,
};

/* What the scenario names to run. Borrowed. */
struct ofr_mode_models {
    const struct ofr_profile *model;
    const struct ofr_profile *first; /* a first model of its own; NULL: the model up to its ramp */
};

struct ofr_mode_ops {
    const char *name;
    const char *help; /* one line */
    uint32_t stages;  /* 1..OFR_MAX_STAGES */
    uint32_t needs;   /* set of enum offramp_policy_flags: other policies do not run in it */
    uint32_t refuses; /* likewise: policies with one of these do not run in it */
    /* Optional. Can it serve a policy's first configuration? 0, or -1 with one line in `why` (why_size bytes). */
    int (*check)(const struct offramp_exit_config *first, char *why, size_t why_size);
    /* Required. The ramps of a stage, out of those in force. */
    void (*ramps)(uint32_t stage, const struct offramp_exit_config *in_force,
                  struct offramp_exit_config *of_stage);
    /* Optional. What a batch of `stage` runs, as a profile with the model's sites. Owned by the caller; NULL: the
     * model as it is, which the last stage always is. */
    int (*profile)(struct ofr_profile **out, uint32_t stage, const struct ofr_mode_models *models,
                   const struct offramp_exit_config *first, struct ofr_error *err);
};

/* Every mode and its name, NULL-terminated, in the order of OFR_MODE_MAP. */
extern const struct ofr_mode_ops *const ofr_modes[];
extern const char *const ofr_mode_names[];

/* The policy runs in the mode. */
bool ofr_mode_admits(const struct ofr_mode_ops *mode, const struct offramp_policy_ops *policy);
/* Index of a mode the policy runs in: `wanted` when it can be, otherwise the first; -1 = none. */
int32_t ofr_mode_for(const struct offramp_policy_ops *policy, int32_t wanted);

#endif
