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
#include "traces/profile_file.h"
#include "traces/recording.h"

#include <stdint.h>

/* A tuning whose policy models it to take this long takes `tune_ns` on the machine that was measured. */
#define OFR_PROFILE_TUNE_MODELLED_NS INT64_C(100000)

struct ofr_profile_draws {
    int64_t *sample_ns; /* owned, [count], in the order of measurement */
    uint32_t count;
};

/* What was measured along the whole path of a replay - loop, executor, device, watcher, loop - and not part by part:
 * what the parts' sum misses. Empty (rungs == 0) in profiles that were not measured so. */
struct ofr_profile_path {
    uint32_t rungs; /* idle times passes were measured after; rung 0: the next batch was waiting */
    int64_t
        idle_ns[OFR_PROFILE_RUNGS_MAX]; /* [rungs] ascending: end of a batch to the dispatch of the next */
    int64_t *pass_ns;                   /* [batches][rungs] dispatch to end without ramps, median */
    struct ofr_profile_draws *draws;    /* [batches][rungs] its samples */
    double follows;                     /* correlation of a pass with the one before it, 0 .. 1 */
    int64_t *ramp_pass_ns; /* [batches][sites] as pass_ns at rung 0, with the ramp of the site, median */
    int64_t
        *seen_ns; /* [batches][sites + 1] dispatch to release there, rung 0, median; last: the full model */
    int64_t *launch_ns; /* [batches] a pass less the sum of its parts; may be negative, as the next */
    int64_t *late_ns;   /* [batches][sites] a ramp's answer is seen so much later than its parts say */
    int64_t *add_ns;    /* [batches][sites] ramp_pass_ns less pass_ns, >= 0 */
    double *
        further; /* [batches] a further ramp adds this share of its add_ns: 1 where ramps do not hide each other */
    int64_t *answers_ns; /* [batches] the full model's answers are seen so long before the end, >= 0 */
    int64_t *
        ahead_ns; /* [batches] a pass is so much shorter when all its inputs have travelled ahead, >= 0; NULL in
                            profiles of devices where none does */
    double *
        slower; /* [batches] by this share a pass is slower on a device long idle than on a settled one; NULL:
                          not measured. A busy share of w takes 1 - w of it (sim/model/busy_share.h) */
    double settle_ns;         /* time constant of that share, > 0 where `slower` is there */
    int64_t notice_ns;        /* end of a batch to the loop acting on it */
    int64_t *notice_ramps_ns; /* [batches] all ramps on a batch of this size add so much to it, >= 0 */
    int64_t start_ns;         /* beginning of a run to the loop's first dispatch; 0 where not measured */
    int64_t reply_ns;  /* from there to the policy's answer being in force, less what the policy took */
    int64_t decide_ns; /* a decision without tuning; -1 = not measured */
    int64_t tune_ns;   /* see OFR_PROFILE_TUNE_MODELLED_NS; -1 = not measured */
};

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
    struct ofr_profile_path path;
    char *kernels; /* owned; the device's note of the kernels it chose, NULL where there is none */
};

int ofr_profile_load(struct ofr_profile **out, const char *path, struct ofr_error *err);
void ofr_profile_free(struct ofr_profile *profile); /* NULL is allowed */

/* Whether inputs of waiting requests travel ahead of their batch (sim/serve/executor.h): on the device that was
 * measured they did, and the profile knows what it is worth. */
static inline bool ofr_profile_has_ahead(const struct ofr_profile *profile)
{
    return profile->path.ahead_ns != NULL;
}

/* Index of the smallest profiled batch size >= n; -1 when n is larger than all. */
static inline int32_t ofr_profile_batch_index(const struct ofr_profile *profile, uint32_t n)
{
    for (uint32_t i = 0; i < profile->batches; ++i)
        if (profile->batch[i] >= n)
            return (int32_t)i;
    return -1;
}

#endif
