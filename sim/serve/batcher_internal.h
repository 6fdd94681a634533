/* What the batchers share. Private to sim/serve. */
#ifndef OFR_SERVE_BATCHER_INTERNAL_H
#define OFR_SERVE_BATCHER_INTERNAL_H

#include "sim/serve/batcher.h"

/* Largest batch a batcher will form. `given` is its `max_batch` option, where 0 means that it was left out:
 * then it is the system's own default or the profile's largest size, whichever is smaller. A given value
 * beyond the profile is an error, because nothing is extrapolated. Returns 0 or OFR_E_INPUT. */
int ofr_batcher_bound(uint32_t *out, const struct ofr_profile *profile, const char *batcher, uint64_t given,
                      uint32_t system_default, struct ofr_error *err);

/* Batch sizes from a list option: whole numbers from 1 to `max`. `out` has room for OFFRAMP_MAX_SITES.
 * Returns 0 or OFR_E_INPUT. */
int ofr_batcher_sizes(uint32_t *out, const struct offramp_reals *list, const char *batcher,
                      const char *option, uint32_t max, struct ofr_error *err);

/* The profile's largest batch size. */
static inline uint32_t ofr_batcher_largest(const struct ofr_profile *profile)
{
    return profile->batch[profile->batches - 1];
}

/* time_ns + delay_ns, or never when that lies beyond the clock. Neither is negative. */
static inline int64_t ofr_batcher_later(int64_t time_ns, int64_t delay_ns)
{
    return time_ns > OFR_NEVER_NS - delay_ns ? OFR_NEVER_NS : time_ns + delay_ns;
}

#endif
