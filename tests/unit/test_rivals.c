/* The always-on rivals: their one-time tuning against brute force in longhand, and what a run of them gives. */
#include "tests/support/fixture.h"

#include "sim/policy/hindsight.h"
#include "sim/policy/policies.h"

#include <math.h>

enum {
    SITES = 3
};

static const uint32_t sizes[] = {1, 2, 4};

/* What a policy would be shown of a fixture, and its ramps. */
struct world {
    struct ofr_inputs inputs;
    struct offramp_hindsight hindsight;
    struct ofr_hindsight_window window;
    struct ofr_ramp_set set;
    struct ofr_tuner_costs costs;
};

static void open_world(struct world *world, uint32_t samples, uint64_t seed, int32_t criterion, double share)
{
    char why[256] = "";
    *world = (struct world){.inputs = {.profile = fixture_profile(SITES, sizes, 3, 400000, 50000, 3000),
                                       .recording = fixture_recording(samples, SITES, seed)},
                            .set = {.ramps = SITES, .site = {0, 1, 2}}};
    const struct ofr_recording *recording = world->inputs.recording;
    const struct ofr_profile *profile = world->inputs.profile;
    world->hindsight = (struct offramp_hindsight){.samples = samples,
                                                  .reach = samples,
                                                  .sites = SITES,
                                                  .classes = recording->classes,
                                                  .top1 = recording->top1,
                                                  .entropy = recording->entropy,
                                                  .answer = recording->answer,
                                                  .final_answer = recording->final_answer};
    struct offramp_latency_view latency = {.sites = SITES,
                                           .batch_count = profile->batches,
                                           .batch = profile->batch,
                                           .until_ns = profile->until_ns,
                                           .ramp_add_ns = profile->ramp_add_ns,
                                           .ramp_delay_ns = profile->ramp_delay_ns};
    cr_assert_eq(ofr_hindsight_window(&world->window, &world->hindsight, criterion, share, why, sizeof why),
                 0, "%s", why);
    ofr_hindsight_costs(&world->costs, &latency, 2, &world->set);
}

static void close_world(struct world *world)
{
    ofr_inputs_release(&world->inputs);
}

/* Saving and wrong exits of thresholds over the leading samples, straight from the recording: batch 2 takes 500 us, site
 * k is reached after (k + 1)/4 of it, each ramp adds 3 us. */
struct outcome {
    double saved_us;
    uint32_t wrong;
};

static struct outcome outcome_of(const struct ofr_recording *recording, uint32_t samples, bool entropy,
                                 const double *threshold)
{
    struct outcome outcome = {0};
    for (uint32_t i = 0; i < samples; ++i) {
        double us = 500.0 + 9.0;
        for (uint32_t k = 0; k < SITES; ++k) {
            size_t at = (size_t)i * SITES + k;
            double score = (double)(entropy ? recording->entropy[at] : 1.0F - recording->top1[at]);
            if (score < threshold[k]) {
                us = 125.0 * (k + 1) + 3.0 * (k + 1);
                outcome.wrong += recording->answer[at] != recording->final_answer[i];
                break;
            }
        }
        outcome.saved_us += 509.0 - us;
    }
    return outcome;
}

/* The smallest of the best feasible grid values. */
static double brute_shared(const struct ofr_recording *recording, uint32_t samples, bool entropy,
                           double scale, double step, int64_t allowance)
{
    double best = 0.0, most = 0.0;
    for (int i = 0; i * step <= 1.0 + 1e-9; ++i) {
        double value = step * scale * i;
        double threshold[SITES] = {value, value, value};
        struct outcome outcome = outcome_of(recording, samples, entropy, threshold);
        if (outcome.wrong <= allowance && outcome.saved_us > most + 1e-6) {
            most = outcome.saved_us;
            best = value;
        }
    }
    return best;
}

Test(rivals, shared_threshold_is_the_best_of_the_grid)
{
    static const double steps[] = {0.5, 0.1, 0.01, 0.003};
    static const double losses[] = {0.001, 0.01, 0.05, 0.3};
    uint32_t opened = 0;
    for (uint64_t seed = 1; seed <= 12; ++seed)
        for (size_t s = 0; s < 4; ++s)
            for (size_t l = 0; l < 4; ++l) {
                struct world world;
                bool entropy = seed % 2;
                double threshold;
                open_world(&world, 400, seed, entropy, seed % 3 ? 1.0 : 0.25);
                uint32_t samples = seed % 3 ? 400 : 100;
                cr_assert_eq(world.window.samples, samples);
                int64_t allowance = ofr_hindsight_allowance(&world.window, losses[l]);
                cr_assert_eq(ofr_hindsight_tune_shared(&threshold, &world.window, &world.costs, &world.set,
                                                       allowance, steps[s]),
                             0);
                double expected = brute_shared(world.inputs.recording, samples, entropy,
                                               entropy ? log(10.0) : 1.0, steps[s], allowance);
                cr_expect_float_eq(threshold, expected, 1e-12, "seed %d step %g loss %g", (int)seed, steps[s],
                                   losses[l]);
                opened += expected > 0.0;
                close_world(&world);
            }
    cr_expect_gt(opened, 60, "most cases let something leave");
}

/* The full grid in longhand: the most saved under the allowance. */
static double brute_each(const struct world *world, double step, int64_t allowance)
{
    double most = 0.0;
    int values = (int)(1.0 / step + 1.5);
    for (int i = 0; i < values * values * values; ++i) {
        double threshold[SITES] = {i % values * step, i / values % values * step, i / values / values * step};
        struct outcome outcome = outcome_of(world->inputs.recording, world->window.samples, false, threshold);
        if (outcome.wrong <= allowance && outcome.saved_us > most)
            most = outcome.saved_us;
    }
    return most;
}

Test(rivals, own_thresholds_are_the_grids_best_and_greedys_are_no_worse)
{
    for (uint64_t seed = 1; seed <= 8; ++seed)
        for (int percent = 1; percent <= 15; percent += 7) {
            struct world world;
            double threshold[SITES];
            char why[256] = "";
            open_world(&world, 300, seed, OFFRAMP_CRITERION_TOP1, 1.0);
            int64_t allowance = ofr_hindsight_allowance(&world.window, percent / 100.0);
            double best = brute_each(&world, 0.1, allowance);
            cr_assert_eq(ofr_hindsight_tune_each(threshold, &world.window, &world.costs, &world.set,
                                                 allowance, OFR_HINDSIGHT_GRID, 0.1, why, sizeof why),
                         0, "%s", why);
            struct outcome grid = outcome_of(world.inputs.recording, 300, false, threshold);
            cr_expect_float_eq(grid.saved_us, best, 1e-6, "seed %d, %d %%", (int)seed, percent);
            cr_expect_leq(grid.wrong, allowance);
            cr_assert_eq(ofr_hindsight_tune_each(threshold, &world.window, &world.costs, &world.set,
                                                 allowance, OFR_HINDSIGHT_GREEDY, 0.1, why, sizeof why),
                         0, "%s", why);
            struct outcome greedy = outcome_of(world.inputs.recording, 300, false, threshold);
            cr_expect_geq(greedy.saved_us, best - 1e-6, "seed %d, %d %%", (int)seed, percent);
            cr_expect_leq(greedy.wrong, allowance);
            close_world(&world);
        }
}

/* More samples than the tuner takes are thinned, and the bound still holds on all of them. */
Test(rivals, bound_holds_on_every_sample_of_a_long_recording)
{
    struct world world;
    double threshold[SITES];
    char why[256] = "";
    open_world(&world, 150000, 3, OFFRAMP_CRITERION_ENTROPY, 1.0);
    int64_t allowance = ofr_hindsight_allowance(&world.window, 0.02);
    cr_assert_eq(allowance, 3000);
    cr_assert_eq(ofr_hindsight_tune_each(threshold, &world.window, &world.costs, &world.set, allowance,
                                         OFR_HINDSIGHT_GREEDY, 0.1, why, sizeof why),
                 0, "%s", why);
    struct outcome outcome = outcome_of(world.inputs.recording, 150000, true, threshold);
    cr_expect_leq(outcome.wrong, 3000);
    cr_expect_geq(outcome.wrong, 2700, "and is made use of");
    struct ofr_tuner_result result;
    ofr_hindsight_evaluate(&result, &world.window, &world.costs, &world.set, threshold);
    cr_expect_eq(result.wrong, outcome.wrong);
    cr_expect_float_eq(result.improvement_pct, (outcome.saved_us / 150000 - 9.0) / 5.0, 1e-6);
    close_world(&world);
}

Test(rivals, allowance_counts_whole_samples)
{
    struct ofr_hindsight_window window = {.samples = 100};
    cr_expect_eq(ofr_hindsight_allowance(&window, 0.07), 7);
    cr_expect_eq(ofr_hindsight_allowance(&window, 0.0699), 6);
    cr_expect_eq(ofr_hindsight_allowance(&window, 0.001), 0);
    cr_expect_eq(ofr_hindsight_allowance(&window, 0.5), 50);
}

/* ---- as policies ---- */

static double agreement_of(const char *exits, const struct ofr_inputs *inputs, double *mean_ns)
{
    char text[512];
    struct ofr_run run;
    snprintf(text, sizeof text,
             "requests: %u\nmodel: {profile: m, recording: m}\narrivals: {process: fixed, rate: 100/s}\n"
             "batching: {policy: fifo, max_batch: 1}\nexits: %s\n",
             inputs->recording->samples, exits);
    fixture_run(&run, text, inputs, NULL);
    double agreement = ofr_summary_agreement(&run.summary);
    *mean_ns = ofr_histogram_mean(&run.summary.latency);
    ofr_run_release(&run);
    return agreement;
}

/* Tuned on the whole run the bound holds in the run; the form with more thresholds is no slower. */
Test(rivals, hold_the_constraint_in_hindsight)
{
    static const char *const names[] = {"branchynet", "deebert"};
    struct ofr_inputs inputs = {.profile = fixture_profile(4, sizes, 3, 400000, 50000, 3000),
                                .recording = fixture_recording(3000, 4, 11)};
    for (size_t i = 0; i < 2; ++i)
        for (int c = 0; c < 2; ++c) {
            char exits[160];
            double shared_ns, each_ns, vanilla_ns;
            const char *criterion = c ? "top1" : "entropy";
            agreement_of("vanilla", &inputs, &vanilla_ns);
            snprintf(exits, sizeof exits,
                     "{policy: %s, tune_share: 100%%, accuracy_loss: 5%%, criterion: %s}", names[i],
                     criterion);
            double shared = agreement_of(exits, &inputs, &shared_ns);
            snprintf(exits, sizeof exits,
                     "{policy: %s+, tune_share: 100%%, accuracy_loss: 5%%, criterion: %s}", names[i],
                     criterion);
            double each = agreement_of(exits, &inputs, &each_ns);
            cr_expect_geq(shared, 0.95, "%s", names[i]);
            cr_expect_geq(each, 0.95, "%s", names[i]);
            cr_expect_lt(shared_ns, vanilla_ns);
            cr_expect_leq(each_ns, shared_ns);
        }
    ofr_inputs_release(&inputs);
}

/* Nothing to tune with: every ramp stays on and costs its time, nothing leaves. */
Test(rivals, pay_for_ramps_nothing_leaves_at)
{
    struct ofr_inputs inputs = {.profile = fixture_profile(4, sizes, 3, 400000, 50000, 3000),
                                .recording = fixture_recording(500, 4, 11)};
    double with_ns, vanilla_ns;
    for (uint32_t i = 0; i < 500 * 4; ++i)
        inputs.recording->answer[i] = (uint16_t)(inputs.recording->final_answer[i / 4] + 1);
    agreement_of("vanilla", &inputs, &vanilla_ns);
    cr_expect_eq(agreement_of("branchynet", &inputs, &with_ns), 1.0);
    cr_expect_float_eq(with_ns - vanilla_ns, 4 * 3000.0, 1.0);
    cr_expect_eq(agreement_of("{policy: deebert+, ramps: [1, site3]}", &inputs, &with_ns), 1.0);
    cr_expect_float_eq(with_ns - vanilla_ns, 2 * 3000.0, 1.0);
    ofr_inputs_release(&inputs);
}

static void expect_refusal(const char *exits, const struct ofr_inputs *inputs, const char *words)
{
    char text[512];
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_run_options options = {0};
    struct ofr_run run;
    snprintf(text, sizeof text,
             "requests: 100\nmodel: {profile: m, recording: m}\narrivals: {process: poisson, rate: 100/s}\n"
             "batching: {policy: fifo, max_batch: 1}\nexits: %s\n",
             exits);
    struct ofr_scenario *scenario = fixture_scenario(text);
    cr_expect_eq(ofr_run_simulate(&run, scenario, inputs, &options, &err), OFR_E_INPUT, "%s", exits);
    cr_expect_not_null(strstr(err.text, words), "%s: %s", exits, err.text);
    ofr_scenario_free(scenario);
}

Test(rivals, say_what_they_lack)
{
    struct ofr_inputs inputs = {.profile = fixture_profile(20, sizes, 3, 400000, 50000, 3000),
                                .recording = fixture_recording(5000, 20, 11)};
    expect_refusal("{policy: deebert, ramps: [none]}", &inputs, "no site 'none'");
    expect_refusal("{policy: branchynet+, tune_share: 100%, accuracy_loss: 50%, search: grid, step: 1%}",
                   &inputs, "a grid of step 0.01 over 20 ramps is more than");
    free(inputs.recording->entropy);
    inputs.recording->entropy = NULL;
    expect_refusal("branchynet", &inputs,
                   "policy branchynet: criterion entropy: the recording has no entropy");
    expect_refusal("deebert+", &inputs, "expected criterion top1");
    ofr_inputs_release(&inputs);
}
