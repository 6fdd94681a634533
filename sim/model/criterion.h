/* Exit criteria: the score a ramp's output gets, from a recording. Exit when score < threshold, strictly.
 *
 *   top1     1 - top softmax probability   (Apparate; single precision holds it exactly for f16 sources)
 *   entropy  entropy of the softmax, nats  (BranchyNet, DeeBERT)
 *   patience 1 / (1 + agreements in a row) (PABEE); depends on which ramps are active, so sim/serve/exit_rule.h has it
 *   agrees   0 when the ramp's answer is the full model's, else 1 (oracle policies)
 */
#ifndef OFR_MODEL_CRITERION_H
#define OFR_MODEL_CRITERION_H

#include "sim/offramp_policy.h"
#include "traces/recording.h"

extern const char *const ofr_criterion_names[];   /* by enum offramp_criterion, NULL-terminated */
extern const char *const ofr_criterion_choices[]; /* those a user may ask a policy for, likewise */

/* 0, or OFR_E_INPUT when the recording lacks what the criterion needs. */
int ofr_criterion_check(int32_t criterion, const struct ofr_recording *recording, struct ofr_error *err);

/* Score of one ramp by itself; not for patience. */
static inline float ofr_criterion_score(int32_t criterion, const struct ofr_recording *recording,
                                        uint32_t sample, uint32_t site)
{
    size_t at = (size_t)sample * recording->sites + site;
    if (criterion == OFFRAMP_CRITERION_TOP1)
        return 1.0F - recording->top1[at];
    if (criterion == OFFRAMP_CRITERION_ENTROPY)
        return recording->entropy[at];
    return recording->answer[at] == recording->final_answer[sample] ? 0.0F : 1.0F;
}

#endif
