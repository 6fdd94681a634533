/* What the early-exit systems before Apparate have in common: ramps that are always on, tuned once. They differ in how
 * many thresholds they have; what else sets BranchyNet and DeeBERT apart lies in their networks, and with that in the
 * profile and the recording. Each is one file that fills its ops from here.
 */
#ifndef OFR_POLICY_RIVAL_H
#define OFR_POLICY_RIVAL_H

#include "sim/offramp_policy.h"

struct ofr_rival_options {
    struct offramp_texts ramps;
    int32_t criterion, search;
    double accuracy_loss, tune_share, step;
    uint64_t tune_batch;
};

enum {
    OFR_RIVAL_SHARED_OPTIONS = 6,
    OFR_RIVAL_EACH_OPTIONS = 7
};

extern const struct offramp_option ofr_rival_shared_table[OFR_RIVAL_SHARED_OPTIONS];
extern const struct offramp_option ofr_rival_each_table[OFR_RIVAL_EACH_OPTIONS];

/* One threshold for all ramps; one for each. As offramp_policy_ops.create. */
int ofr_rival_create_shared(void **state, const struct offramp_policy_setup *setup, const void *options,
                            struct offramp_exit_config *first, char *why, size_t why_size);
int ofr_rival_create_each(void **state, const struct offramp_policy_setup *setup, const void *options,
                          struct offramp_exit_config *first, char *why, size_t why_size);
void ofr_rival_destroy(void *state);

#endif
