/* Small worlds for tests: profiles and recordings made in memory, scenarios from text, runs of them. */
#ifndef OFR_TESTS_FIXTURE_H
#define OFR_TESTS_FIXTURE_H

#include "sim/base/config.h"
#include "sim/engine/random.h"
#include "sim/run/run.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* A profile with `sites` ramp sites and the listed batch sizes. The whole pass takes base_ns + per_row_ns *
 * batch; site k is reached after (k + 1) / (sites + 1) of it; every ramp takes ramp_ns, in line. */
static inline struct ofr_profile *fixture_profile(uint32_t sites, const uint32_t *batch, uint32_t batches,
                                                  int64_t base_ns, int64_t per_row_ns, int64_t ramp_ns)
{
    struct ofr_profile *profile = calloc(1, sizeof *profile);
    profile->sites = sites;
    profile->batches = batches;
    profile->site_name = calloc(sites + 1, sizeof *profile->site_name);
    profile->batch = calloc(batches, sizeof *profile->batch);
    profile->until_ns = calloc((size_t)batches * (sites + 1), sizeof *profile->until_ns);
    profile->ramp_add_ns = calloc((size_t)batches * sites + 1, sizeof *profile->ramp_add_ns);
    profile->ramp_delay_ns = calloc((size_t)batches * sites + 1, sizeof *profile->ramp_delay_ns);
    profile->copy_in_ns = calloc(batches, sizeof *profile->copy_in_ns);
    profile->copy_out_ns = calloc(batches, sizeof *profile->copy_out_ns);
    profile->full_samples = calloc(batches, sizeof *profile->full_samples);
    profile->full_sample_ns = calloc(batches, sizeof *profile->full_sample_ns);
    for (uint32_t k = 0; k < sites; ++k)
        snprintf(profile->site_name[k], OFR_NAME_SIZE, "site%u", k);
    for (uint32_t b = 0; b < batches; ++b) {
        profile->batch[b] = batch[b];
        int64_t full_ns = base_ns + per_row_ns * batch[b];
        for (uint32_t k = 0; k <= sites; ++k)
            profile->until_ns[(size_t)b * (sites + 1) + k] = full_ns * (k + 1) / (sites + 1);
        for (uint32_t k = 0; k < sites; ++k) {
            profile->ramp_add_ns[(size_t)b * sites + k] = ramp_ns;
            profile->ramp_delay_ns[(size_t)b * sites + k] = ramp_ns;
        }
    }
    return profile;
}

/* A recording of random difficulty: hard samples have low confidence early and wrong early answers. */
static inline struct ofr_recording *fixture_recording(uint32_t samples, uint32_t sites, uint64_t seed)
{
    struct ofr_random random;
    ofr_random_init(&random, seed, OFR_RANDOM_TEST, 0);
    struct ofr_recording *recording = calloc(1, sizeof *recording);
    size_t cells = (size_t)samples * sites;
    recording->samples = samples;
    recording->sites = sites;
    recording->classes = 10;
    recording->site_name = calloc(sites, sizeof *recording->site_name);
    recording->top1 = calloc(cells, sizeof *recording->top1);
    recording->entropy = calloc(cells, sizeof *recording->entropy);
    recording->answer = calloc(cells, sizeof *recording->answer);
    recording->final_answer = calloc(samples, sizeof *recording->final_answer);
    recording->final_top1 = calloc(samples, sizeof *recording->final_top1);
    recording->label = calloc(samples, sizeof *recording->label);
    for (uint32_t i = 0; i < samples; ++i) {
        double difficulty = ofr_random_uniform(&random);
        uint16_t answer = (uint16_t)ofr_random_below(&random, 10);
        recording->final_answer[i] = answer;
        recording->label[i] = (uint16_t)(ofr_random_uniform(&random) < 0.9 ? answer : (answer + 1) % 10);
        recording->final_top1[i] = 0.99F;
        for (uint32_t k = 0; k < sites; ++k) {
            double depth = (k + 1.0) / sites;
            double sure = 0.5 + 0.5 * (depth * (1.0 - difficulty) + (1.0 - difficulty)) / 2.0;
            size_t at = (size_t)i * sites + k;
            recording->top1[at] = (float)sure;
            recording->entropy[at] = (float)(1.0 - sure);
            recording->answer[at] =
                (uint16_t)(ofr_random_uniform(&random) < sure ? answer : (answer + 3) % 10);
        }
    }
    return recording;
}

static inline struct ofr_scenario *fixture_scenario(const char *text)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_config *config = NULL;
    struct ofr_scenario *scenario = NULL;
    int rc = ofr_config_parse(&config, "test.yaml", text, strlen(text), &err);
    if (!rc)
        rc = ofr_scenario_bind(&scenario, config, &err);
    ofr_config_free(config);
    cr_assert_eq(rc, 0, "%s", err.text);
    return scenario;
}

/* Runs a scenario text on inputs made in memory; the inputs stay the caller's. Fails the test on an error. */
static inline void fixture_run(struct ofr_run *run, const char *text, const struct ofr_inputs *inputs,
                               const struct ofr_observer *extra)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_scenario *scenario = fixture_scenario(text);
    struct ofr_run_options options = {0};
    if (extra)
        options.extra = *extra;
    int rc = ofr_run_simulate(run, scenario, inputs, &options, &err);
    cr_assert_eq(rc, 0, "%s", err.text);
    ofr_scenario_free(scenario);
}

#endif
