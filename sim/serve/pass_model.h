/* How long the passes of a simulation take: the timeline of sim/model/profile.h with its terms (sim/model/terms.h), in
 * a form that costs little per batch.
 *
 * Along the whole path (profiles with a `path`), with t = 0 at dispatch, active ramps r0 < r1 < ... and every term on:
 *
 *   release_k = seen[b][rk] + further[b] * sum_{j<k} add[b][rj] + shift
 *   ramps     = max_j add[b][rj] + further[b] * (sum_j add[b][rj] - max_j add[b][rj])
 *   answers   = seen[b][sites] + ramps + shift
 *   end       = pass[b][0] + ramps + shift
 *   add       = ramp_pass[b][site] - pass[b][0]
 *   shift     = a sample of pass[b][rung] less the median of pass[b][0], the rung by how long the device has idled,
 *               less ahead[b] times the share of the batch's inputs that travelled ahead of it
 *
 * seen, pass and ramp_pass are medians of passes whose device had not idled; ramps on a branch beside the backbone hide
 * each other, which `further` says, from a pass with all of them. What idling and chance do to a pass they do
 * at its beginning, which is why they shift all of its times alike (measured: docs/how-far-to-trust.md).
 * Whatever that comes to, no answer is seen before the dispatch or after the end (executor_sim.c).
 */
#ifndef OFR_SERVE_PASS_MODEL_H
#define OFR_SERVE_PASS_MODEL_H

#include "sim/engine/random.h"
#include "sim/model/profile.h"
#include "sim/model/terms.h"

/* One batch size. */
struct ofr_pass_times {
    int64_t start_ns;   /* from dispatch to the first segment */
    int64_t end_ns;     /* from the last segment to the end */
    int64_t release_ns; /* from a ramp's answer to the host seeing it */
    int64_t answers_ns; /* by how much the full model's answers are seen before the end */
    double further;     /* share of its add_ns that a further ramp adds */
    int64_t *add_ns;    /* [sites] what the site's ramp adds; owned by the model */
    int64_t *delay_ns;  /* [sites] from the site to its ramp's answer; likewise */
};

struct ofr_pass_model {
    const struct ofr_profile *profile; /* borrowed */
    struct ofr_pass_times *times;      /* [batches], owned */
    int64_t *cells;                    /* [2][batches][sites], owned: add_ns and delay_ns */
    uint32_t *position;                /* [batches][rungs], owned: sample drawn last */
    bool idle, jitter, runs, ahead, clock, notice;
    double follows;
    double log_idle[OFR_PROFILE_RUNGS_MAX]; /* [rungs] log(1 + idle_ns) */
};

int ofr_pass_model_init(struct ofr_pass_model *model, const struct ofr_profile *profile, uint32_t without,
                        bool samples, struct ofr_error *err);
void ofr_pass_model_release(struct ofr_pass_model *model);

/* By how much all times of this pass move; the device has idled for `idle_ns`. 0 without a path. */
int64_t ofr_pass_model_shift(struct ofr_pass_model *model, struct ofr_random *random, uint32_t batch_index,
                             int64_t idle_ns);

/* By what all times of a pass are longer, after that shift, where the device was busy for this share of the recent past. */
static inline double ofr_pass_model_slower(const struct ofr_pass_model *model, uint32_t batch_index,
                                           double share)
{
    return model->clock ? 1.0 + model->profile->path.slower[batch_index] * (1.0 - share) : 1.0;
}

/* What so many ramps add to the time from the end of a batch to the loop acting on it. */
int64_t ofr_pass_model_notice_ns(const struct ofr_pass_model *model, uint32_t batch_index, uint32_t ramps);

/* By how much the pass begins earlier because so many of its rows' inputs have travelled ahead. An input that was sent
 * on its way counts as there: what a batch waits for one that is still travelling, a few microseconds at most, is left
 * out. */
int64_t ofr_pass_model_ahead_ns(const struct ofr_pass_model *model, uint32_t batch_index, uint32_t rows,
                                uint32_t ahead);

/* From dispatch to the earliest answer of any pass, at a ramp if `ramps`: a bound below all of them while times do not
 * vary (no noise). Not above 0 where what overlaps is more than a pass takes. */
int64_t ofr_pass_model_shortest_ns(const struct ofr_pass_model *model, bool ramps);

#endif
