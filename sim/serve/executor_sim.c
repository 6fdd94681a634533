/* The simulated executor: times from the profile, answers from the recording. The timeline of a batch is the
 * one written down in sim/model/profile.h. */
#include "sim/engine/random.h"
#include "sim/serve/executor.h"
#include "sim/serve/exit_rule.h"

#include <math.h>
#include <stdlib.h>

struct ofr_sim_executor {
    struct ofr_sim_executor_setup setup;
    struct ofr_random random;
};

/* Times of one batch from its dispatch on, after noise. */
struct timeline {
    int64_t release_ns[OFFRAMP_MAX_SITES + 1]; /* [ramps + 1]; last: the full model */
};

int ofr_sim_executor_create(struct ofr_sim_executor **out, const struct ofr_sim_executor_setup *setup,
                            struct ofr_error *err)
{
    struct ofr_sim_executor *executor = calloc(1, sizeof *executor);
    if (!executor)
        return ofr_fail_nomem(err, "the simulated executor");
    executor->setup = *setup;
    ofr_random_init(&executor->random, setup->seed, OFR_RANDOM_EXECUTION, 0);
    *out = executor;
    return 0;
}

void ofr_sim_executor_destroy(struct ofr_sim_executor *executor)
{
    free(executor);
}

/* Factor by which this pass takes longer than the median. */
static double draw_noise(struct ofr_sim_executor *executor, const struct ofr_profile *profile,
                         uint32_t batch_index)
{
    if (executor->setup.noise == OFR_NOISE_EXPONENTIAL)
        return ofr_random_exponential(&executor->random, 1.0);
    uint32_t samples = profile->full_samples[batch_index];
    if (executor->setup.noise == OFR_NOISE_NONE || samples < 2)
        return 1.0;
    uint64_t pick = ofr_random_below(&executor->random, samples);
    int64_t median_ns = profile->until_ns[(size_t)batch_index * (profile->sites + 1) + profile->sites];
    return (double)profile->full_sample_ns[batch_index][pick] / (double)median_ns;
}

static int64_t stretch(int64_t time_ns, double factor)
{
    return factor == 1.0 ? time_ns : llrint((double)time_ns * factor);
}

static void lay_out(struct ofr_sim_executor *executor, const struct ofr_profile *profile,
                    const struct offramp_exit_config *config, uint32_t batch_index, struct timeline *line)
{
    const int64_t *until_ns = profile->until_ns + (size_t)batch_index * (profile->sites + 1);
    const int64_t *add_ns = profile->ramp_add_ns + (size_t)batch_index * profile->sites;
    const int64_t *delay_ns = profile->ramp_delay_ns + (size_t)batch_index * profile->sites;
    double factor = draw_noise(executor, profile, batch_index);
    int64_t start_ns = profile->dispatch_ns + profile->copy_in_ns[batch_index];
    int64_t ramps_ns = 0;
    for (uint32_t k = 0; k < config->ramps; ++k) {
        uint32_t site = config->site[k];
        int64_t own_ns = config->free_ramps ? 0 : delay_ns[site];
        line->release_ns[k] =
            start_ns + stretch(until_ns[site] + ramps_ns + own_ns, factor) + profile->release_ns;
        ramps_ns += config->free_ramps ? 0 : add_ns[site];
    }
    line->release_ns[config->ramps] =
        start_ns + stretch(until_ns[profile->sites] + ramps_ns, factor) + profile->copy_out_ns[batch_index];
}

/* A ramp's answer cannot be available after the batch has ended: the host then takes it from the final
 * results. */
static int64_t earlier(int64_t a_ns, int64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
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
        batch->released_ns[row] = earlier(batch->dispatched_ns + line->release_ns[k], batch->ended_ns);
    }
}

static void run_to_end(const struct ofr_recording *recording, struct ofr_batch *batch)
{
    for (uint32_t row = 0; row < batch->size; ++row) {
        uint16_t answer = recording ? recording->final_answer[batch->sample[row]] : 0;
        batch->exit_ramp[row] = 0;
        batch->final_answer[row] = answer;
        batch->answer[row] = answer;
        batch->released_ns[row] = batch->ended_ns;
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
    lay_out(executor, profile, &batch->config, (uint32_t)index, &line);
    batch->padded = profile->batch[index];
    batch->ended_ns = now_ns + line.release_ns[batch->config.ramps];
    if (batch->config.ramps == 0)
        run_to_end(recording, batch);
    else
        decide_rows(recording, batch, &line);
    if (executor->setup.feedback && batch->config.ramps > 0)
        record_ramps(recording, batch);
    return 0;
}

const struct ofr_executor_ops ofr_sim_executor_ops = {
    .name = "sim",
    .submit = submit,
};
