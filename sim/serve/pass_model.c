#include "sim/serve/pass_model.h"

#include <math.h>
#include <stdlib.h>

static int64_t if_on(uint32_t without, enum ofr_term term, int64_t time_ns)
{
    return ofr_term_on(without, term) ? time_ns : 0;
}

static void fill(struct ofr_pass_times *times, const struct ofr_profile *profile, uint32_t b,
                 uint32_t without)
{
    const struct ofr_profile_path *path = &profile->path;
    times->start_ns = if_on(without, OFR_TERM_DISPATCH, profile->dispatch_ns) +
                      if_on(without, OFR_TERM_COPIES, profile->copy_in_ns[b]);
    times->end_ns = if_on(without, OFR_TERM_COPIES, profile->copy_out_ns[b]);
    times->release_ns = if_on(without, OFR_TERM_RELEASE, profile->release_ns);
    times->answers_ns = 0;
    times->further = 1.0;
    for (uint32_t site = 0; site < profile->sites; ++site) {
        size_t at = (size_t)b * profile->sites + site;
        times->add_ns[site] = profile->ramp_add_ns[at];
        times->delay_ns[site] = profile->ramp_delay_ns[at];
    }
    if (path->rungs == 0)
        return;
    times->start_ns += if_on(without, OFR_TERM_LAUNCH, path->launch_ns[b]);
    times->answers_ns = if_on(without, OFR_TERM_ANSWERS, path->answers_ns[b]);
    if (!ofr_term_on(without, OFR_TERM_RAMPS))
        return;
    times->further = path->further[b];
    for (uint32_t site = 0; site < profile->sites; ++site) {
        size_t at = (size_t)b * profile->sites + site;
        times->add_ns[site] = path->add_ns[at];
        times->delay_ns[site] += path->late_ns[at];
    }
}

int ofr_pass_model_init(struct ofr_pass_model *model, const struct ofr_profile *profile, uint32_t without,
                        bool samples, struct ofr_error *err)
{
    size_t batches = profile->batches, cells = batches * profile->sites;
    bool path = profile->path.rungs > 0;
    *model = (struct ofr_pass_model){
        .profile = profile,
        .times = calloc(batches, sizeof *model->times),
        .cells = calloc(2 * cells + 1, sizeof *model->cells),
        .position = calloc(batches * profile->path.rungs + 1, sizeof *model->position),
        .idle = path && ofr_term_on(without, OFR_TERM_IDLE),
        .jitter = path && samples && ofr_term_on(without, OFR_TERM_JITTER),
        .runs = ofr_term_on(without, OFR_TERM_RUNS),
        .follows = profile->path.follows,
    };
    if (!model->times || !model->cells || !model->position) {
        ofr_pass_model_release(model);
        return ofr_fail_nomem(err, "the simulated executor");
    }
    for (uint32_t b = 0; b < profile->batches; ++b) {
        model->times[b].add_ns = model->cells + (size_t)b * profile->sites;
        model->times[b].delay_ns = model->times[b].add_ns + cells;
        fill(&model->times[b], profile, b, without);
    }
    return OFR_OK;
}

void ofr_pass_model_release(struct ofr_pass_model *model)
{
    free(model->times);
    free(model->cells);
    free(model->position);
    *model = (struct ofr_pass_model){0};
}

/* The rung below `idle_ns`, and how far towards the next one it lies, by the logarithm of the times. */
static uint32_t rung_of(const struct ofr_profile_path *path, int64_t idle_ns, double *towards)
{
    uint32_t rung = 0;
    *towards = 0.0;
    while (rung + 1 < path->rungs && path->idle_ns[rung + 1] <= idle_ns)
        ++rung;
    if (rung + 1 < path->rungs && idle_ns > path->idle_ns[rung]) {
        double low = log(1.0 + (double)path->idle_ns[rung]),
               high = log(1.0 + (double)path->idle_ns[rung + 1]);
        *towards = (log(1.0 + (double)idle_ns) - low) / (high - low);
    }
    return rung;
}

/* The next sample of a rung: the one after the last where passes follow each other, else any. */
static int64_t draw(struct ofr_pass_model *model, struct ofr_random *random, size_t at)
{
    const struct ofr_profile_draws *draws = &model->profile->path.draws[at];
    uint32_t *position = &model->position[at];
    bool follows = model->runs && ofr_random_uniform(random) < model->follows;
    *position = follows && *position + 1 < draws->count ? *position + 1
                                                        : (uint32_t)ofr_random_below(random, draws->count);
    return draws->sample_ns[*position];
}

int64_t ofr_pass_model_shift(struct ofr_pass_model *model, struct ofr_random *random, uint32_t batch_index,
                             int64_t idle_ns)
{
    const struct ofr_profile_path *path = &model->profile->path;
    if (!model->idle && !model->jitter)
        return 0;
    size_t first = (size_t)batch_index * path->rungs;
    double towards = 0.0;
    uint32_t rung = model->idle ? rung_of(path, idle_ns, &towards) : 0;
    if (model->jitter) {
        rung += towards > 0.0 && ofr_random_uniform(random) < towards;
        return draw(model, random, first + rung) - path->pass_ns[first];
    }
    double low = (double)path->pass_ns[first + rung];
    double high = towards > 0.0 ? (double)path->pass_ns[first + rung + 1] : low;
    return llrint(low + towards * (high - low)) - path->pass_ns[first];
}
