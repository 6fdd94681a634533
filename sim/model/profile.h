/* Latency profile in memory: what a model's segments, ramps, copies and launches cost on one device, per
 * batch size.
 *
 * A batch of n requests runs at the next profiled size b >= n. Its timeline from dispatch (t = 0), with
 * active ramps r0 < r1 < ... (sites, shallow to deep):
 *
 *   start      = dispatch + copy_in[b]
 *   release_k  = start + until[b][rk] + sum_{j<k} ramp_add[b][rj] + ramp_delay[b][rk] + release
 *   end        = start + until[b][sites] + sum_j ramp_add[b][rj] + copy_out[b]
 *
 * A ramp in line has ramp_add = ramp_delay = its run time; a ramp forked onto a side branch adds little to
 * the backbone but its answer still takes ramp_delay. Whoever leaves nowhere is released at `end`.
 *
 * Nothing is extrapolated: a batch larger than the largest profiled size is an error.
 */
#ifndef OFR_MODEL_PROFILE_H
#define OFR_MODEL_PROFILE_H

#include "sim/base/error.h"
#include "traces/recording.h"

#include <stdint.h>

struct ofr_profile {
    char model[OFR_NAME_SIZE];
    uint32_t sites, batches;
    char (*site_name)[OFR_NAME_SIZE]; /* [sites] */
    uint32_t *batch;                  /* [batches] ascending */
    int64_t *until_ns;                /* [batches][sites + 1] median; last column = full model */
    int64_t *ramp_add_ns;             /* [batches][sites] median */
    int64_t *ramp_delay_ns;           /* [batches][sites] median */
    int64_t *copy_in_ns;              /* [batches] host to device, before the pass */
    int64_t *copy_out_ns;             /* [batches] device to host, after the pass */
    int64_t dispatch_ns;              /* from the decision to dispatch to the first kernel */
    int64_t release_ns;               /* from a ramp's decision to the host seeing it */
    int64_t feedback_ns;              /* from the batch's end to its records reaching the controller */
    /* Samples of the whole pass, for run-to-run noise; full_samples[i] values from full_sample[i]. */
    uint32_t *full_samples;   /* [batches]; 0 where the source kept only one number */
    int64_t **full_sample_ns; /* [batches][full_samples[i]] ascending */
};

int ofr_profile_load(struct ofr_profile **out, const char *path, struct ofr_error *err);
void ofr_profile_free(struct ofr_profile *profile); /* NULL is allowed */

/* Index of the smallest profiled batch size >= n; -1 when n is larger than all. */
static inline int32_t ofr_profile_batch_index(const struct ofr_profile *profile, uint32_t n)
{
    for (uint32_t i = 0; i < profile->batches; ++i)
        if (profile->batch[i] >= n)
            return (int32_t)i;
    return -1;
}

#endif
