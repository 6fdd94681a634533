#include "sim/serve/pass_model.h"

#include <math.h>
#include <stdlib.h>

static void fill(struct ofr_pass_times *times, const struct ofr_profile *profile, uint32_t b,
                 uint32_t without)
{
    const struct ofr_profile_path *path = &profile->path;
    times->start_ns = ofr_term_ns(without, OFR_TERM_DISPATCH, profile->dispatch_ns) +
                      ofr_term_ns(without, OFR_TERM_COPIES, profile->copy_in_ns[b]);
    times->end_ns = ofr_term_ns(without, OFR_TERM_COPIES, profile->copy_out_ns[b]);
    times->release_ns = ofr_term_ns(without, OFR_TERM_RELEASE, profile->release_ns);
    times->answers_ns = 0;
    times->further = 1.0;
    for (uint32_t site = 0; site < profile->sites; ++site) {
        size_t at = (size_t)b * profile->sites + site;
        times->add_ns[site] = profile->ramp_add_ns[at];
        times->delay_ns[site] = profile->ramp_delay_ns[at];
    }
    if (path->rungs == 0)
        return;
    times->start_ns += ofr_term_ns(without, OFR_TERM_LAUNCH, path->launch_ns[b]);
    times->answers_ns = ofr_term_ns(without, OFR_TERM_ANSWERS, path->answers_ns[b]);
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
        .ahead = ofr_term_on(without, OFR_TERM_AHEAD) && ofr_term_on(without, OFR_TERM_COPIES) &&
                 ofr_profile_has_ahead(profile),
        .clock = profile->path.slower && ofr_term_on(without, OFR_TERM_CLOCK),
        .notice = path && ofr_term_on(without, OFR_TERM_NOTICE),
        .follows = profile->path.follows,
    };
    if (!model->times || !model->cells || !model->position) {
        ofr_pass_model_release(model);
        return ofr_fail_nomem(err, "the simulated executor");
    }
    for (uint32_t rung = 0; rung < profile->path.rungs; ++rung)
        model->log_idle[rung] = log(1.0 + (double)profile->path.idle_ns[rung]);
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
static uint32_t rung_of(const struct ofr_pass_model *model, int64_t idle_ns, double *towards)
{
    const struct ofr_profile_path *path = &model->profile->path;
    uint32_t rung = 0;
    *towards = 0.0;
    while (rung + 1 < path->rungs && path->idle_ns[rung + 1] <= idle_ns)
        ++rung;
    if (rung + 1 < path->rungs && idle_ns > path->idle_ns[rung]) {
        double low = model->log_idle[rung], high = model->log_idle[rung + 1];
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
    uint32_t rung = model->idle ? rung_of(model, idle_ns, &towards) : 0;
    if (model->jitter) {
        rung += towards > 0.0 && ofr_random_uniform(random) < towards;
        return draw(model, random, first + rung) - path->pass_ns[first];
    }
    double low = (double)path->pass_ns[first + rung];
    double high = towards > 0.0 ? (double)path->pass_ns[first + rung + 1] : low;
    return llrint(low + towards * (high - low)) - path->pass_ns[first];
}

int64_t ofr_pass_model_ahead_ns(const struct ofr_pass_model *model, uint32_t batch_index, uint32_t rows,
                                uint32_t ahead)
{
    if (!model->ahead || ahead == 0)
        return 0;
    int64_t all_ns = model->profile->path.ahead_ns[batch_index];
    return llrint((double)all_ns * (double)ahead / (double)rows);
}

int64_t ofr_pass_model_notice_ns(const struct ofr_pass_model *model, uint32_t batch_index, uint32_t ramps)
{
    if (!model->notice || ramps == 0)
        return 0;
    return model->profile->path.notice_ramps_ns[batch_index] * ramps / model->profile->sites;
}

/* By how much idling shortens a pass at most, and inputs that travelled ahead, as a shift. Between two rungs no shift
 * lies below both. */
static int64_t least_shift(const struct ofr_pass_model *model, uint32_t b)
{
    const struct ofr_profile_path *path = &model->profile->path;
    size_t first = (size_t)b * path->rungs;
    int64_t least_ns = 0;
    for (uint32_t rung = 1; model->idle && rung < path->rungs; ++rung) {
        int64_t shift_ns = path->pass_ns[first + rung] - path->pass_ns[first];
        least_ns = shift_ns < least_ns ? shift_ns : least_ns;
    }
    return least_ns - ofr_pass_model_ahead_ns(model, b, 1, 1);
}

/* Ramps before this one, and its own delay where ramps are not free, only make its answer later. */
static int64_t first_answer(const struct ofr_pass_model *model, uint32_t b, bool ramps)
{
    uint32_t sites = model->profile->sites;
    const int64_t *until_ns = model->profile->until_ns + (size_t)b * (sites + 1);
    const struct ofr_pass_times *times = &model->times[b];
    int64_t first_ns = until_ns[sites] + times->end_ns - times->answers_ns;
    for (uint32_t site = 0; ramps && site < sites; ++site) {
        int64_t delay_ns = times->delay_ns[site] < 0 ? times->delay_ns[site] : 0;
        int64_t ramp_ns = until_ns[site] + delay_ns + times->release_ns;
        first_ns = ramp_ns < first_ns ? ramp_ns : first_ns;
    }
    return first_ns;
}

int64_t ofr_pass_model_shortest_ns(const struct ofr_pass_model *model, bool ramps)
{
    int64_t shortest_ns = INT64_MAX;
    for (uint32_t b = 0; b < model->profile->batches; ++b) {
        int64_t answer_ns = model->times[b].start_ns + first_answer(model, b, ramps) + least_shift(model, b);
        double least = fmin(ofr_pass_model_slower(model, b, 0.0), 1.0);
        answer_ns = least < 1.0 ? (int64_t)floor((double)answer_ns * least) : answer_ns;
        shortest_ns = answer_ns < shortest_ns ? answer_ns : shortest_ns;
    }
    return shortest_ns;
}
