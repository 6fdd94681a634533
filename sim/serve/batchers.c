#include "sim/serve/batcher_internal.h"

#include <inttypes.h>
#include <string.h>

extern const struct ofr_batcher_ops ofr_batcher_fifo;

const struct ofr_batcher_ops *const ofr_batchers[] = {
    &ofr_batcher_fifo,
    NULL,
};

const struct ofr_batcher_ops *ofr_batcher_find(const char *name)
{
    for (const struct ofr_batcher_ops *const *batcher = ofr_batchers; *batcher; ++batcher)
        if (strcmp((*batcher)->component.name, name) == 0)
            return *batcher;
    return NULL;
}

int ofr_batcher_bound(uint32_t *out, const struct ofr_profile *profile, const char *batcher, uint64_t given,
                      uint32_t system_default, struct ofr_error *err)
{
    if (profile->batches == 0)
        return ofr_fail(err, OFR_E_INPUT, "%s: the profile has no batch size", batcher);
    uint32_t largest = ofr_batcher_largest(profile);
    if (given > largest)
        return ofr_fail(err, OFR_E_INPUT,
                        "%s: max_batch: found %" PRIu64 ", expected at most %" PRIu32
                        ", the largest batch size of the profile",
                        batcher, given, largest);
    if (given)
        *out = (uint32_t)given;
    else
        *out = system_default < largest ? system_default : largest;
    return 0;
}
