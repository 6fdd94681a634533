#include "sim/model/criterion.h"

const char *const ofr_criterion_names[] = {"top1", "entropy", "agrees", "patience", NULL};
const char *const ofr_criterion_choices[] = {"top1", "entropy", NULL};

int ofr_criterion_check(int32_t criterion, const struct ofr_recording *recording, struct ofr_error *err)
{
    if (criterion == OFFRAMP_CRITERION_ENTROPY && !recording->entropy)
        return ofr_fail(err, OFR_E_INPUT, "criterion entropy: recording %s has no entropy column",
                        recording->name);
    if (criterion == OFFRAMP_CRITERION_PATIENCE && recording->agreement)
        return ofr_fail(
            err, OFR_E_INPUT,
            "criterion patience: recording %s holds only whether ramps agree with the full model, "
            "expected their answers",
            recording->name);
    return 0;
}
