#include "sim/model/criterion.h"

const char *const ofr_criterion_names[] = {"top1", "entropy", "agrees", NULL};

int ofr_criterion_check(int32_t criterion, const struct ofr_recording *recording, struct ofr_error *err)
{
    if (criterion == OFFRAMP_CRITERION_ENTROPY && !recording->entropy)
        return ofr_fail(err, OFR_E_INPUT, "criterion entropy: recording %s has no entropy column",
                        recording->name);
    return 0;
}
