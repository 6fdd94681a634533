/* cascade: two models, one after the other (two-layer inference, Tabi).
 *
 * The first model is the model up to the policy's one ramp, run as a batch of its own:
 *
 *   end = dispatch + copy_in[b] + until[b][ramp] + ramp_delay[b][ramp] + copy_out[b]
 *
 * or, with `model.first_profile`, a model that was measured by itself. Its answers come back as any model's do, with
 * the end of the batch. Who is not sure joins the second queue at that moment and runs through the full model from
 * its start: nothing of the first pass is kept. The second queue's batcher is another one of the same policy. Servers
 * are shared; a free one asks the second queue first, whose requests came earlier and have spent part of their time.
 *
 * An input that left at the first model never sees the second, so there is no feedback to learn from.
 */
#include "sim/serve/mode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check(const struct offramp_exit_config *first, char *why, size_t why_size)
{
    if (first->ramps == 1)
        return 0;
    snprintf(why, why_size, "found %u active ramps, expected one: a cascade has one first model",
             first->ramps);
    return -1;
}

static void ramps(uint32_t stage, const struct offramp_exit_config *in_force,
                  struct offramp_exit_config *of_stage)
{
    *of_stage = *in_force;
    if (stage > 0)
        of_stage->ramps = 0;
}

/* A delay beyond any batch: executors release at the end of the batch at the latest. */
#define WITH_THE_END_NS (INT64_C(1) << 50)

/* Where the first model's times come from, and how long it runs. */
struct source {
    const struct ofr_profile *profile;
    int32_t site; /* run up to this ramp; -1 = to the end */
};

static int64_t run_ns(const struct source *source, uint32_t b)
{
    const struct ofr_profile *p = source->profile;
    const int64_t *until_ns = p->until_ns + (size_t)b * (p->sites + 1);
    if (source->site < 0)
        return until_ns[p->sites];
    return until_ns[source->site] + p->ramp_delay_ns[(size_t)b * p->sites + (uint32_t)source->site];
}

static struct ofr_profile *allocate(const struct ofr_profile *source, uint32_t sites)
{
    struct ofr_profile *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    size_t batches = source->batches;
    p->sites = sites;
    p->batches = source->batches;
    p->batch = calloc(batches, sizeof *p->batch);
    p->until_ns = calloc(batches * (sites + 1), sizeof *p->until_ns);
    p->ramp_add_ns = calloc(batches * sites + 1, sizeof *p->ramp_add_ns);
    p->ramp_delay_ns = calloc(batches * sites + 1, sizeof *p->ramp_delay_ns);
    p->copy_in_ns = calloc(batches, sizeof *p->copy_in_ns);
    p->copy_out_ns = calloc(batches, sizeof *p->copy_out_ns);
    p->full_samples = calloc(batches, sizeof *p->full_samples);
    p->full_sample_ns = calloc(batches, sizeof *p->full_sample_ns);
    bool ok = p->batch && p->until_ns && p->ramp_add_ns && p->ramp_delay_ns && p->copy_in_ns &&
              p->copy_out_ns && p->full_samples && p->full_sample_ns;
    for (uint32_t b = 0; ok && b < p->batches; ++b) {
        if (source->full_samples[b] == 0)
            continue;
        p->full_sample_ns[b] = calloc(source->full_samples[b], sizeof **p->full_sample_ns);
        ok = p->full_sample_ns[b] != NULL;
    }
    if (ok)
        return p;
    ofr_profile_free(p);
    return NULL;
}

/* One batch size. All sites lie at its end; what a ramp there costs is in the pass already, and its answer is never seen
 * before the batch has ended. */
static void fill_size(struct ofr_profile *p, const struct source *source, uint32_t b)
{
    const struct ofr_profile *from = source->profile;
    int64_t pass_ns = run_ns(source, b);
    int64_t whole_ns = from->until_ns[(size_t)b * (from->sites + 1) + from->sites];
    p->batch[b] = from->batch[b];
    p->copy_in_ns[b] = from->copy_in_ns[b];
    p->copy_out_ns[b] = from->copy_out_ns[b];
    for (uint32_t site = 0; site <= p->sites; ++site)
        p->until_ns[(size_t)b * (p->sites + 1) + site] = pass_ns;
    for (uint32_t site = 0; site < p->sites; ++site)
        p->ramp_delay_ns[(size_t)b * p->sites + site] = WITH_THE_END_NS;
    p->full_samples[b] = p->full_sample_ns[b] ? from->full_samples[b] : 0;
    double share = (double)pass_ns / (double)whole_ns;
    for (uint32_t i = 0; i < p->full_samples[b]; ++i)
        p->full_sample_ns[b][i] = llrint((double)from->full_sample_ns[b][i] * share);
}

static int first_model(struct ofr_profile **out, uint32_t stage, const struct ofr_mode_models *models,
                       const struct offramp_exit_config *first, struct ofr_error *err)
{
    *out = NULL;
    if (stage > 0)
        return 0;
    struct source source = {.profile = models->first, .site = -1};
    if (!models->first)
        source = (struct source){.profile = models->model, .site = first->site[0]};
    struct ofr_profile *p = allocate(source.profile, models->model->sites);
    if (!p)
        return ofr_fail_nomem(err, "the first model");
    memcpy(p->model, source.profile->model, sizeof p->model);
    p->dispatch_ns = source.profile->dispatch_ns;
    p->feedback_ns = source.profile->feedback_ns;
    for (uint32_t b = 0; b < p->batches; ++b)
        fill_size(p, &source, b);
    *out = p;
    return 0;
}

const struct ofr_mode_ops ofr_mode_cascade = {
    .name = "cascade",
    .help = "two models: who is not sure in the first runs through the second, from its start",
    .stages = 2,
    .needs = OFFRAMP_POLICY_CASCADE,
    .refuses = OFFRAMP_POLICY_FEEDBACK,
    .check = check,
    .ramps = ramps,
    .profile = first_model,
};
