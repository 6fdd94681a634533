/* The simulated executor: times from the profile, answers from the recording. The timeline of a batch is the
 * one written down in sim/model/profile.h. */
#include "sim/engine/random.h"
#include "sim/model/busy_share.h"
#include "sim/serve/executor.h"
#include "sim/serve/exit_rule.h"
#include "sim/serve/pass_model.h"

#include <math.h>
#include <stdlib.h>

struct ofr_sim_executor {
    struct ofr_sim_executor_setup setup;
    struct ofr_pass_model model[OFR_MAX_STAGES]; /* where the stage has a profile */
    struct ofr_random random;
    int64_t *ended_ns; /* [servers], owned: end of the last batch; -1 = none yet */
    double *share;     /* [servers], owned: of its time that the device was busy, then (busy_share.h) */
    double settle_ns;  /* of that share, by the first stage that has one; 0: none settles */
    struct ofr_places places; /* empty where inputs do not travel ahead */
};

/* Times of one batch from its dispatch on, after noise. */
struct timeline {
    int64_t release_ns[OFFRAMP_MAX_SITES + 1]; /* [ramps + 1]; last: the full model */
    int64_t end_ns;
};

int ofr_sim_executor_create(struct ofr_sim_executor **out, const struct ofr_sim_executor_setup *setup,
                            struct ofr_error *err)
{
    struct ofr_sim_executor *executor = calloc(1, sizeof *executor);
    *out = NULL;
    if (!executor)
        return ofr_fail_nomem(err, "the simulated executor");
    executor->setup = *setup;
    executor->ended_ns = calloc(setup->servers + 1, sizeof *executor->ended_ns);
    executor->share = calloc(setup->servers + 1, sizeof *executor->share);
    int rc = executor->ended_ns && executor->share ? OFR_OK : ofr_fail_nomem(err, "the simulated executor");
    for (uint32_t i = 0; i < OFR_MAX_STAGES && !rc; ++i)
        if (setup->profile[i])
            rc = ofr_pass_model_init(&executor->model[i], setup->profile[i], setup->without,
                                     setup->noise == OFR_NOISE_SAMPLES, err);
    for (uint32_t i = 0; i < OFR_MAX_STAGES && !rc; ++i)
        if (executor->model[i].clock && executor->settle_ns <= 0.0)
            executor->settle_ns = setup->profile[i]->path.settle_ns;
    if (!rc && setup->inputs_ahead)
        rc = ofr_places_init(&executor->places, setup->max_batch, err);
    if (rc) {
        ofr_sim_executor_destroy(executor);
        return rc;
    }
    for (uint32_t i = 0; i < setup->servers; ++i) {
        executor->ended_ns[i] = -1;
        executor->share[i] = 1.0; /* warmed up, as for a replay */
    }
    ofr_random_init(&executor->random, setup->seed, OFR_RANDOM_EXECUTION, setup->noise_stream);
    *out = executor;
    return 0;
}

void ofr_sim_executor_destroy(struct ofr_sim_executor *executor)
{
    if (!executor)
        return;
    for (uint32_t i = 0; i < OFR_MAX_STAGES; ++i)
        ofr_pass_model_release(&executor->model[i]);
    ofr_places_release(&executor->places);
    free(executor->ended_ns);
    free(executor->share);
    free(executor);
}

/* Factor by which this pass takes longer than the median, in profiles without a path. */
static double draw_noise(struct ofr_sim_executor *executor, const struct ofr_profile *profile,
                         uint32_t batch_index)
{
    if (executor->setup.noise == OFR_NOISE_EXPONENTIAL)
        return ofr_random_exponential(&executor->random, 1.0);
    uint32_t samples = profile->full_samples[batch_index];
    bool varies = executor->setup.noise == OFR_NOISE_SAMPLES && profile->path.rungs == 0 &&
                  ofr_term_on(executor->setup.without, OFR_TERM_JITTER);
    if (!varies || samples < 2)
        return 1.0;
    uint64_t pick = ofr_random_below(&executor->random, samples);
    int64_t median_ns = profile->until_ns[(size_t)batch_index * (profile->sites + 1) + profile->sites];
    return (double)profile->full_sample_ns[batch_index][pick] / (double)median_ns;
}

static int64_t draw_shift(struct ofr_sim_executor *executor, const struct ofr_batch *batch,
                          uint32_t batch_index, int64_t now_ns)
{
    const struct ofr_pass_model *model = &executor->model[batch->stage];
    int64_t ended_ns = executor->ended_ns[batch->server], ahead_ns = 0;
    if (executor->setup.inputs_ahead)
        ahead_ns = ofr_pass_model_ahead_ns(model, batch_index, batch->size,
                                           ofr_places_submit(&executor->places, batch->place, batch->size));
    if (executor->setup.noise == OFR_NOISE_EXPONENTIAL)
        return 0;
    return ofr_pass_model_shift(&executor->model[batch->stage], &executor->random, batch_index,
                                ended_ns < 0 ? INT64_MAX : now_ns - ended_ns) -
           ahead_ns;
}

static int64_t stretch(int64_t time_ns, double factor)
{
    return factor == 1.0 ? time_ns : llrint((double)time_ns * factor);
}

static int64_t within(int64_t time_ns, int64_t end_ns)
{
    int64_t least_ns = time_ns < end_ns ? time_ns : end_ns;
    return least_ns > 0 ? least_ns : 0;
}

/* What overlaps (negative shares of the path, answers seen before the end) may be more than a short pass takes, and a
 * ramp's answer cannot be available after the batch has ended, as the host then takes it from the final results: every
 * time lies between the dispatch and the end. */
static void lay_out(struct ofr_sim_executor *executor, const struct ofr_batch *batch, uint32_t batch_index,
                    int64_t shift_ns, struct timeline *line)
{
    const struct offramp_exit_config *config = &batch->config;
    const struct ofr_profile *profile = executor->setup.profile[batch->stage];
    const struct ofr_pass_times *times = &executor->model[batch->stage].times[batch_index];
    const int64_t *until_ns = profile->until_ns + (size_t)batch_index * (profile->sites + 1);
    double factor = draw_noise(executor, profile, batch_index);
    int64_t start_ns = times->start_ns + shift_ns;
    int64_t sum_ns = 0, most_ns = 0;
    for (uint32_t k = 0; k < config->ramps; ++k) {
        uint32_t site = config->site[k];
        int64_t own_ns = config->free_ramps ? 0 : times->delay_ns[site];
        int64_t add_ns = config->free_ramps ? 0 : times->add_ns[site];
        int64_t before_ns = stretch(sum_ns, times->further);
        line->release_ns[k] =
            start_ns + stretch(until_ns[site] + before_ns + own_ns, factor) + times->release_ns;
        sum_ns += add_ns;
        most_ns = add_ns > most_ns ? add_ns : most_ns;
    }
    int64_t ramps_ns = most_ns + stretch(sum_ns - most_ns, times->further);
    int64_t end_ns = start_ns + stretch(until_ns[profile->sites] + ramps_ns, factor) + times->end_ns;
    line->end_ns = end_ns > 0 ? end_ns : 0;
    line->release_ns[config->ramps] = line->end_ns - times->answers_ns;
    for (uint32_t k = 0; k <= config->ramps; ++k)
        line->release_ns[k] = within(line->release_ns[k], line->end_ns);
}

static void stretch_line(struct timeline *line, uint32_t ramps, double factor)
{
    line->end_ns = stretch(line->end_ns, factor);
    for (uint32_t k = 0; k <= ramps; ++k)
        line->release_ns[k] = stretch(line->release_ns[k], factor);
}

static void keep_pace(const struct ofr_pace *pace, uint32_t size, uint32_t ramps, struct timeline *line)
{
    for (uint32_t i = 0; pace && i < pace->count; ++i)
        if (pace->size[i] == size)
            stretch_line(line, ramps, pace->factor[i]);
}

/* The device settles to what it has to do (the term `clock`). */
static void keep_clock(struct ofr_sim_executor *executor, const struct ofr_batch *batch, uint32_t batch_index,
                       int64_t now_ns, struct timeline *line)
{
    const struct ofr_pass_model *model = &executor->model[batch->stage];
    double *share = &executor->share[batch->server], settle_ns = executor->settle_ns;
    if (settle_ns <= 0.0)
        return;
    if (executor->ended_ns[batch->server] >= 0)
        *share = ofr_busy_share_idle(*share, (double)(now_ns - executor->ended_ns[batch->server]), settle_ns);
    stretch_line(line, batch->config.ramps, ofr_pass_model_slower(model, batch_index, *share));
    *share = ofr_busy_share_busy(*share, (double)line->end_ns, settle_ns);
}

static void decide_rows(const struct ofr_recording *recording, struct ofr_batch *batch,
                        const struct timeline *line)
{
    const struct offramp_exit_config *config = &batch->config;
    for (uint32_t row = 0; row < batch->size; ++row) {
        uint32_t sample = batch->sample[row];
        uint32_t k = ofr_exit_find(config, recording, sample);
        batch->exit_ramp[row] = (uint16_t)k;
        batch->final_answer[row] = recording->final_answer[sample];
        batch->answer[row] = k < config->ramps ? ofr_exit_answer(config, recording, sample, k)
                                               : recording->final_answer[sample];
        batch->released_ns[row] = batch->dispatched_ns + line->release_ns[k];
    }
}

static void run_to_end(const struct ofr_recording *recording, struct ofr_batch *batch,
                       const struct timeline *line)
{
    for (uint32_t row = 0; row < batch->size; ++row) {
        uint16_t answer = recording ? recording->final_answer[batch->sample[row]] : 0;
        batch->exit_ramp[row] = 0;
        batch->final_answer[row] = answer;
        batch->answer[row] = answer;
        batch->released_ns[row] = batch->dispatched_ns + line->release_ns[0];
    }
}

static void record_ramps(const struct ofr_recording *recording, struct ofr_batch *batch)
{
    const struct offramp_exit_config *config = &batch->config;
    size_t cell = 0;
    for (uint32_t row = 0; row < batch->size; ++row) {
        for (uint32_t k = 0; k < config->ramps; ++k, ++cell) {
            batch->score[cell] = ofr_exit_score(config, recording, batch->sample[row], k);
            batch->ramp_answer[cell] = ofr_exit_answer(config, recording, batch->sample[row], k);
        }
    }
}

int64_t ofr_sim_executor_notice_ns(const struct ofr_sim_executor *executor, const struct ofr_batch *batch)
{
    const struct ofr_profile *profile = executor->setup.profile[batch->stage];
    const int32_t index = ofr_profile_batch_index(profile, ofr_batch_rows(batch));
    return executor->setup.notice_ns +
           ofr_pass_model_notice_ns(&executor->model[batch->stage], index < 0 ? 0 : (uint32_t)index,
                                    batch->config.free_ramps ? 0 : batch->config.ramps);
}

static int submit(void *state, struct ofr_batch *batch, int64_t now_ns, struct ofr_error *err)
{
    struct ofr_sim_executor *executor = state;
    const struct ofr_recording *recording = executor->setup.recording;
    const struct ofr_profile *profile = executor->setup.profile[batch->stage];
    int32_t index = ofr_profile_batch_index(profile, ofr_batch_rows(batch));
    if (index < 0)
        return ofr_fail(err, OFR_E_BUG, "batch %lld of %u requests is larger than any profiled size",
                        (long long)batch->id, ofr_batch_rows(batch));
    struct timeline line;
    int64_t shift_ns = draw_shift(executor, batch, (uint32_t)index, now_ns);
    lay_out(executor, batch, (uint32_t)index, shift_ns, &line);
    keep_pace(executor->setup.pace, profile->batch[index], batch->config.ramps, &line);
    keep_clock(executor, batch, (uint32_t)index, now_ns, &line);
    batch->notice_ns = ofr_sim_executor_notice_ns(executor, batch);
    batch->padded = profile->batch[index];
    batch->ended_ns = executor->ended_ns[batch->server] = now_ns + line.end_ns;
    if (batch->config.ramps == 0)
        run_to_end(recording, batch, &line);
    else
        decide_rows(recording, batch, &line);
    if (executor->setup.feedback && batch->config.ramps > 0)
        record_ramps(recording, batch);
    return 0;
}

static int prepare(void *state, uint32_t sample, uint32_t *place, struct ofr_error *err)
{
    struct ofr_sim_executor *executor = state;
    (void)sample;
    (void)err;
    *place = ofr_places_take(&executor->places);
    return 0;
}

static void forget(void *state, uint32_t place)
{
    struct ofr_sim_executor *executor = state;
    ofr_places_give(&executor->places, place);
}

const struct ofr_executor_ops ofr_sim_executor_ops = {
    .name = "sim",
    .submit = submit,
    .prepare = prepare,
    .forget = forget,
};
