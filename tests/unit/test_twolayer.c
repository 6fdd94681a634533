/* twolayer's tuning against brute force: every site, every threshold that tells samples apart. */
#include "tests/support/fixture.h"

enum {
    SITES = 4,
    SAMPLES = 200
};

static const uint32_t sizes[] = {1, 2, 4};

/* Scores in steps of 1/32, so that many are equal: they stay or go together. */
static struct ofr_inputs make_inputs(uint64_t seed, int64_t ramp_ns)
{
    struct ofr_inputs inputs = {.profile = fixture_profile(SITES, sizes, 3, 400000, 50000, ramp_ns),
                                .recording = fixture_recording(SAMPLES, SITES, seed)};
    for (uint32_t i = 0; i < SAMPLES * SITES; ++i)
        inputs.recording->top1[i] = (float)(int)(inputs.recording->top1[i] * 32.0F) / 32.0F;
    return inputs;
}

/* What a first model that ends at `site` costs and leaves, for batch 1: 450 us, site k after (k + 1)/5 of it. */
struct outcome {
    double mean_us;
    uint32_t stay, wrong;
};

static struct outcome evaluate(const struct ofr_recording *recording, uint32_t site, double threshold,
                               double ramp_us)
{
    struct outcome outcome = {0};
    for (uint32_t i = 0; i < SAMPLES; ++i) {
        size_t at = (size_t)i * SITES + site;
        if ((double)(1.0F - recording->top1[at]) < threshold) {
            outcome.stay++;
            outcome.wrong += recording->answer[at] != recording->final_answer[i];
        }
    }
    outcome.mean_us = 90.0 * (site + 1) + ramp_us + 450.0 * (SAMPLES - outcome.stay) / SAMPLES;
    return outcome;
}

static double best_by_hand(const struct ofr_recording *recording, uint32_t from, uint32_t to, double ramp_us,
                           uint32_t allowance)
{
    double best_us = 1e9;
    for (uint32_t site = from; site < to; ++site)
        for (int step = 0; step <= 32; ++step) {
            struct outcome outcome = evaluate(recording, site, step / 32.0 + 1e-9, ramp_us);
            struct outcome none = evaluate(recording, site, 0.0, ramp_us);
            if (outcome.wrong <= allowance && outcome.mean_us < best_us)
                best_us = outcome.mean_us;
            if (none.mean_us < best_us)
                best_us = none.mean_us;
        }
    return best_us;
}

static void ignore_batch(void *state, const struct ofr_batch_row *batch, const struct ofr_request_row *rows,
                         uint32_t count)
{
    (void)state, (void)batch, (void)rows, (void)count;
}

static void ignore_lost(void *state, const struct ofr_request_row *row)
{
    (void)state, (void)row;
}

static void keep_config(void *state, const struct ofr_decision_row *decision)
{
    *(struct offramp_exit_config *)state = decision->config;
}

static void check(uint64_t seed, const char *more, uint32_t from, uint32_t to, double loss)
{
    struct ofr_inputs inputs = make_inputs(seed, 3000);
    struct offramp_exit_config config = {0};
    struct ofr_observer observer = {
        .state = &config, .batch = ignore_batch, .lost = ignore_lost, .decision = keep_config};
    char text[512];
    snprintf(text, sizeof text,
             "requests: %d\nmodel: {profile: m, recording: m}\narrivals: {process: fixed, rate: 100/s}\n"
             "exits: {policy: twolayer, mode: cascade, tune_share: 100%%, accuracy_loss: %g%s}\n",
             SAMPLES, loss, more);
    struct ofr_run run;
    fixture_run(&run, text, &inputs, &observer);
    cr_assert_eq(config.ramps, 1, "%s", text);
    cr_assert(config.site[0] >= from && config.site[0] < to, "%s", text);
    uint32_t allowance = (uint32_t)(loss * SAMPLES + 1e-9);
    struct outcome chosen = evaluate(inputs.recording, config.site[0], config.threshold[0], 3.0);
    double best_us = best_by_hand(inputs.recording, from, to, 3.0, allowance);
    cr_expect_leq(chosen.wrong, allowance, "%s", text);
    cr_expect_float_eq(chosen.mean_us, best_us, 1e-6, "%s: %g us, by hand %g us", text, chosen.mean_us,
                       best_us);
    cr_expect_eq(run.summary.exits[config.site[0]], chosen.stay, "the run does what was tuned");
    ofr_run_release(&run);
    ofr_inputs_release(&inputs);
}

/* Take the last score that fits for the threshold instead of the first that does not, split samples of equal score, or
 * weigh sites by the first model alone: it fails. */
Test(twolayer, tunes_to_the_best_site_and_threshold)
{
    static const double losses[] = {0.005, 0.01, 0.05, 0.5};
    for (uint64_t seed = 1; seed <= 25; ++seed)
        for (size_t i = 0; i < sizeof losses / sizeof *losses; ++i) {
            check(seed, "", 0, SITES, losses[i]);
            check(seed, ", ramp: site2", 2, 3, losses[i]);
        }
}

/* All answers right: everybody stays, whatever the constraint, at the shallowest site. */
Test(twolayer, a_first_model_that_is_always_right_answers_all)
{
    struct ofr_inputs inputs = make_inputs(1, 3000);
    for (uint32_t i = 0; i < SAMPLES * SITES; ++i)
        inputs.recording->answer[i] = inputs.recording->final_answer[i / SITES];
    struct ofr_run run;
    fixture_run(&run,
                "requests: 200\nmodel: {profile: m, recording: m}\narrivals: {process: fixed, rate: 100/s}\n"
                "exits: {policy: twolayer, mode: cascade, accuracy_loss: 0.01%}\n",
                &inputs, NULL);
    cr_expect_eq(run.summary.exits[0], 200);
    ofr_run_release(&run);
    ofr_inputs_release(&inputs);
}
