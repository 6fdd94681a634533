#include "sim/serve/batcher_internal.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

extern const struct ofr_batcher_ops ofr_batcher_fifo;
extern const struct ofr_batcher_ops ofr_batcher_tfserving;
extern const struct ofr_batcher_ops ofr_batcher_triton;
extern const struct ofr_batcher_ops ofr_batcher_clockwork;

const struct ofr_batcher_ops *const ofr_batchers[] = {
    &ofr_batcher_fifo, &ofr_batcher_tfserving, &ofr_batcher_triton, &ofr_batcher_clockwork, NULL,
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

int ofr_batcher_sizes(uint32_t *out, const struct offramp_reals *list, const char *batcher,
                      const char *option, uint32_t max, struct ofr_error *err)
{
    for (uint32_t i = 0; i < list->count; ++i) {
        double size = list->item[i];
        if (!(size >= 1.0 && size <= max) || size != floor(size))
            return ofr_fail(err, OFR_E_INPUT, "%s: %s: found %g, expected whole numbers from 1 to %" PRIu32,
                            batcher, option, size, max);
        out[i] = (uint32_t)size;
    }
    return 0;
}
