/* patience against a counter in longhand, request by request. */
#include "tests/support/fixture.h"

#include "sim/serve/exit_rule.h"

#include <math.h>

enum {
    SITES = 6,
    SAMPLES = 2000
};

static const uint32_t sizes[] = {1, 2, 4};

static struct ofr_inputs inputs_of(void)
{
    struct ofr_inputs inputs = {.profile = fixture_profile(SITES, sizes, 3, 400000, 50000, 3000),
                                .recording = fixture_recording(SAMPLES, SITES, 21)};
    return inputs;
}

/* The authors' rule: up by one when the answer is that of the ramp before, else back to 0. */
static uint32_t leaves_at(const struct ofr_recording *recording, uint32_t sample, const uint32_t *site,
                          uint32_t ramps, uint32_t patience)
{
    uint32_t counter = 0;
    for (uint32_t k = 1; k < ramps; ++k) {
        const uint16_t *answer = recording->answer + (size_t)sample * SITES;
        counter = answer[site[k]] == answer[site[k - 1]] ? counter + 1 : 0;
        if (counter == patience)
            return site[k];
    }
    return SITES;
}

static void check(const struct ofr_inputs *inputs, const char *exits, const uint32_t *site, uint32_t ramps,
                  uint32_t patience)
{
    char text[512];
    uint64_t exited[SITES + 1] = {0}, agree = 0;
    struct ofr_run run;
    snprintf(text, sizeof text,
             "requests: %d\nmodel: {profile: m, recording: m}\narrivals: {process: poisson, rate: 2k/s}\n"
             "batching: {policy: fifo, max_batch: 4}\nexits: %s\n",
             SAMPLES, exits);
    fixture_run(&run, text, inputs, NULL);
    for (uint32_t i = 0; i < SAMPLES; ++i) {
        uint32_t at = leaves_at(inputs->recording, i, site, ramps, patience);
        exited[at]++;
        agree += at == SITES ||
                 inputs->recording->answer[(size_t)i * SITES + at] == inputs->recording->final_answer[i];
    }
    for (uint32_t at = 0; at <= SITES; ++at)
        cr_expect_eq(run.summary.exits[at], exited[at], "%s, site %u", exits, at);
    cr_expect_float_eq(ofr_summary_agreement(&run.summary), (double)agree / SAMPLES, 1e-12, "%s", exits);
    ofr_run_release(&run);
}

Test(patience, leaves_when_the_counter_says_so)
{
    static const uint32_t all[] = {0, 1, 2, 3, 4, 5};
    static const uint32_t some[] = {1, 2, 4};
    struct ofr_inputs inputs = inputs_of();
    check(&inputs, "{policy: patience, patience: 1}", all, 6, 1);
    check(&inputs, "{policy: patience, patience: 2}", all, 6, 2);
    check(&inputs, "{policy: patience, patience: 5}", all, 6, 5);
    check(&inputs, "{policy: patience, patience: 1, ramps: [4, 1, 2]}", some, 3, 1);
    check(&inputs, "{policy: patience, patience: 2, ramps: [4, 1, 2]}", some, 3, 2);
    ofr_inputs_release(&inputs);
}

Test(patience, nobody_leaves_at_none_or_too_much)
{
    static const uint32_t all[] = {0, 1, 2, 3, 4, 5};
    struct ofr_inputs inputs = inputs_of();
    check(&inputs, "{policy: patience, patience: 0}", all, 6, 64);
    check(&inputs, "{policy: patience, patience: 6}", all, 6, 64);
    ofr_inputs_release(&inputs);
}

/* One answer a ramp: the score is a count, 1 at the first ramp and after every change. */
Test(patience, score_is_one_over_the_run)
{
    static uint16_t answer[] = {3, 3, 3, 7, 7, 3};
    struct ofr_recording recording = {.samples = 1, .sites = SITES, .answer = answer};
    struct offramp_exit_config config = {
        .ramps = 6, .criterion = OFFRAMP_CRITERION_PATIENCE, .site = {0, 1, 2, 3, 4, 5}};
    static const double counts[] = {0, 1, 2, 0, 1, 0};
    for (uint32_t k = 0; k < 6; ++k)
        cr_expect_float_eq((double)ofr_exit_score(&config, &recording, 0, k), 1.0 / (1.0 + counts[k]), 1e-7);
    for (uint32_t k = 0; k < 6; ++k)
        config.threshold[k] = 0.5;
    cr_expect_eq(ofr_exit_find(&config, &recording, 0), 2, "1/2 is not below 1/2");
    config = (struct offramp_exit_config){
        .ramps = 2, .criterion = OFFRAMP_CRITERION_PATIENCE, .site = {2, 5}, .threshold = {0.9, 0.9}};
    cr_expect_eq(ofr_exit_find(&config, &recording, 0), 1, "the ramp between them is off");
}

static void remember(void *state, const char *line)
{
    snprintf(state, 256, "%s", line);
}

Test(patience, says_when_nothing_can_leave)
{
    struct ofr_inputs inputs = inputs_of();
    struct ofr_error err = OFR_ERROR_INIT;
    char said[256] = "";
    struct ofr_run_options options = {.say = remember, .say_state = said};
    struct ofr_run run;
    struct ofr_scenario *scenario =
        fixture_scenario("requests: 10\nmodel: {profile: m, recording: m}\nbatching: fifo\n"
                         "arrivals: {process: poisson, rate: 2k/s}\nexits: patience\n");
    cr_assert_eq(ofr_run_simulate(&run, scenario, &inputs, &options, &err), 0, "%s", err.text);
    cr_expect_not_null(strstr(said, "nothing will exit"), "%s", said);
    ofr_run_release(&run);
    inputs.recording->agreement = true;
    cr_expect_eq(ofr_run_simulate(&run, scenario, &inputs, &options, &err), OFR_E_INPUT);
    cr_expect_not_null(strstr(err.text, "criterion patience: recording"), "%s", err.text);
    ofr_scenario_free(scenario);
    ofr_inputs_release(&inputs);
}
