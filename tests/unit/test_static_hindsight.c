/* static-hindsight against brute force: every ramp set under the budget, every threshold that tells samples apart. */
#include "tests/support/fixture.h"

#include "sim/policy/ramp_choice.h"

enum {
    SITES = 4,
    SAMPLES = 90
};

static const uint32_t sizes[] = {1, 2, 4};

static struct offramp_latency_view latency_of(const struct ofr_profile *profile)
{
    return (struct offramp_latency_view){.sites = profile->sites,
                                         .batch_count = profile->batches,
                                         .batch = profile->batch,
                                         .until_ns = profile->until_ns,
                                         .ramp_add_ns = profile->ramp_add_ns,
                                         .ramp_delay_ns = profile->ramp_delay_ns};
}

static struct offramp_hindsight hindsight_of(const struct ofr_recording *recording)
{
    return (struct offramp_hindsight){.samples = recording->samples,
                                      .reach = recording->samples,
                                      .sites = recording->sites,
                                      .classes = recording->classes,
                                      .top1 = recording->top1,
                                      .entropy = recording->entropy,
                                      .answer = recording->answer,
                                      .final_answer = recording->final_answer};
}

/* ---- longhand, for batch 1: 450 us, site k after (k + 1)/5 of it, 3 us a ramp ---- */

struct brute {
    const struct ofr_recording *recording;
    uint32_t site[2], ramps;
    int64_t allowance;
    double most_us; /* saved, summed */
};

static float score_at(const struct ofr_recording *recording, uint32_t i, uint32_t site)
{
    return 1.0F - recording->top1[(size_t)i * SITES + site];
}

static void evaluate(struct brute *brute, const double *threshold)
{
    const struct ofr_recording *recording = brute->recording;
    double saved_us = 0.0;
    int64_t wrong = 0;
    for (uint32_t i = 0; i < recording->samples; ++i) {
        double us = 450.0 + 3.0 * brute->ramps;
        for (uint32_t k = 0; k < brute->ramps; ++k)
            if ((double)score_at(recording, i, brute->site[k]) < threshold[k]) {
                size_t at = (size_t)i * SITES + brute->site[k];
                us = 90.0 * (brute->site[k] + 1) + 3.0 * (k + 1);
                wrong += recording->answer[at] != recording->final_answer[i];
                break;
            }
        saved_us += 450.0 - us;
    }
    if (wrong <= brute->allowance && saved_us > brute->most_us)
        brute->most_us = saved_us;
}

/* Thresholds 0 and just above every score there is. */
static double candidate(const struct brute *brute, uint32_t k, uint32_t i)
{
    return i == 0 ? 0.0 : (double)score_at(brute->recording, i - 1, brute->site[k]) + 1e-9;
}

static void all_thresholds(struct brute *brute)
{
    double threshold[2] = {0};
    for (uint32_t i = 0; i <= SAMPLES; ++i)
        for (uint32_t j = 0; j <= (brute->ramps > 1 ? SAMPLES : 0); ++j) {
            threshold[0] = candidate(brute, 0, i);
            threshold[1] = brute->ramps > 1 ? candidate(brute, 1, j) : 0.0;
            evaluate(brute, threshold);
        }
}

static double best_by_hand(const struct ofr_recording *recording, uint32_t most, int64_t allowance)
{
    struct brute brute = {.recording = recording, .allowance = allowance};
    for (uint32_t a = 0; a < SITES; ++a)
        for (uint32_t b = a; b < SITES; ++b) {
            brute.ramps = a == b ? 1 : 2;
            brute.site[0] = a;
            brute.site[1] = b;
            if (brute.ramps <= most)
                all_thresholds(&brute);
        }
    return brute.most_us / (450.0 * SAMPLES) * 100.0;
}

static void choose(struct ofr_ramp_chosen *chosen, const struct ofr_recording *recording, double ramp_us,
                   double budget, uint32_t max_batch, double loss)
{
    struct ofr_profile *profile =
        fixture_profile(recording->sites, sizes, 3, 400000, 50000, (int64_t)(ramp_us * 1e3));
    struct offramp_latency_view latency = latency_of(profile);
    struct offramp_hindsight hindsight = hindsight_of(recording);
    struct ofr_hindsight_window window;
    char why[256] = "";
    cr_assert_eq(ofr_hindsight_window(&window, &hindsight, OFFRAMP_CRITERION_TOP1, 1.0, why, sizeof why), 0);
    struct ofr_ramp_choice choice = {.window = &window,
                                     .latency = &latency,
                                     .max_batch = max_batch,
                                     .budget = budget,
                                     .most = 64,
                                     .tune_batch = 1,
                                     .allowance = ofr_hindsight_allowance(&window, loss)};
    cr_assert_eq(ofr_ramp_choose(chosen, &choice, why, sizeof why), 0, "%s", why);
    cr_expect(ofr_ramp_set_fits(&chosen->set, &latency, max_batch, budget));
    struct ofr_inputs inputs = {.profile = profile};
    ofr_inputs_release(&inputs);
}

Test(static_hindsight, is_the_optimum)
{
    uint32_t two = 0;
    for (uint64_t seed = 1; seed <= 10; ++seed)
        for (uint32_t most = 1; most <= 2; ++most)
            for (int percent = 2; percent <= 12; percent += 5) {
                struct ofr_recording *recording = fixture_recording(SAMPLES, SITES, seed);
                struct ofr_ramp_chosen chosen;
                int64_t allowance = SAMPLES * percent / 100;
                /* 3 us of 450 us is 0.67 %: 1 % pays for one ramp, 1.5 % for two */
                choose(&chosen, recording, 3.0, most == 1 ? 0.01 : 0.015, 1, percent / 100.0);
                cr_expect(chosen.all);
                cr_expect_eq(chosen.sets, most == 1 ? 4 : 10);
                cr_expect_float_eq(chosen.improvement_pct, best_by_hand(recording, most, allowance), 1e-6,
                                   "seed %d, %u ramps, %d %%", (int)seed, most, percent);
                two += chosen.set.ramps == 2;
                struct ofr_inputs inputs = {.recording = recording};
                ofr_inputs_release(&inputs);
            }
    cr_expect_gt(two, 5, "often two ramps are better than one");
}

/* Too many sets to try all: the climb ends at the best, or next to it. */
Test(static_hindsight, climb_finds_the_best_set_or_nearly)
{
    for (uint64_t seed = 1; seed <= 3; ++seed) {
        struct ofr_recording *recording = fixture_recording(300, 10, seed);
        struct ofr_profile *profile = fixture_profile(10, sizes, 3, 400000, 50000, 8000);
        struct offramp_latency_view latency = latency_of(profile);
        struct offramp_hindsight hindsight = hindsight_of(recording);
        struct ofr_hindsight_window window;
        struct ofr_ramp_chosen chosen;
        char why[256] = "";
        double best = 0.0;
        cr_assert_eq(ofr_hindsight_window(&window, &hindsight, OFFRAMP_CRITERION_TOP1, 1.0, why, sizeof why),
                     0);
        choose(&chosen, recording, 8.0, 0.5, 4, 0.05);
        cr_expect(!chosen.all);
        for (uint32_t sites = 1; sites < 1024; ++sites) {
            struct ofr_ramp_set set = {0};
            struct ofr_tuner_costs costs;
            struct ofr_tuner_result result;
            double threshold[OFFRAMP_MAX_SITES];
            for (uint16_t site = 0; site < 10; ++site)
                if (sites >> site & 1)
                    set.site[set.ramps++] = site;
            ofr_hindsight_costs(&costs, &latency, 1, &set);
            cr_assert_eq(ofr_hindsight_tune_each(threshold, &window, &costs, &set, 15, OFR_HINDSIGHT_GREEDY,
                                                 1.0, why, sizeof why),
                         0);
            ofr_hindsight_evaluate(&result, &window, &costs, &set, threshold);
            best = result.improvement_pct > best ? result.improvement_pct : best;
        }
        cr_expect_geq(chosen.improvement_pct, best - 0.3, "seed %d: %g of %g %%", (int)seed,
                      chosen.improvement_pct, best);
        struct ofr_inputs inputs = {.profile = profile, .recording = recording};
        ofr_inputs_release(&inputs);
    }
}

/* The budget counts at every size up to the largest batch, and nothing is chosen when it pays for nothing or nothing
 * pays. */
Test(static_hindsight, keeps_the_budget)
{
    struct ofr_recording *recording = fixture_recording(400, SITES, 5);
    struct ofr_ramp_chosen chosen;
    choose(&chosen, recording, 6.0, 0.012, 4, 0.05);
    cr_expect_eq(chosen.set.ramps, 0, "6 us of 450 us is 1.3 %%");
    cr_expect_eq(chosen.sets, 0);
    choose(&chosen, recording, 6.0, 0.014, 4, 0.05);
    cr_expect_eq(chosen.set.ramps, 1);
    cr_expect_gt(chosen.improvement_pct, 0.0);
    choose(&chosen, recording, 500.0, 1.0, 4, 0.05);
    cr_expect_eq(chosen.set.ramps, 0, "a ramp longer than the model never pays");
    struct ofr_inputs inputs = {.recording = recording};
    ofr_inputs_release(&inputs);
}

/* As a policy: what was predicted is what the run gives. */
Test(static_hindsight, runs_as_chosen)
{
    struct ofr_inputs inputs = {.profile = fixture_profile(SITES, sizes, 3, 400000, 50000, 3000),
                                .recording = fixture_recording(2000, SITES, 9)};
    struct ofr_ramp_chosen chosen;
    struct ofr_run run, vanilla;
    static const char with[] =
        "requests: 2000\nmodel: {profile: m, recording: m}\n"
        "arrivals: {process: fixed, rate: 100/s}\nbatching: {policy: fifo, max_batch: 1}\n"
        "exits: {policy: static-hindsight, accuracy_loss: 5%}\n";
    static const char without[] = "requests: 2000\nmodel: {profile: m, recording: m}\n"
                                  "arrivals: {process: fixed, rate: 100/s}\n"
                                  "batching: {policy: fifo, max_batch: 1}\nexits: vanilla\n";
    choose(&chosen, inputs.recording, 3.0, 0.02, 1, 0.05);
    fixture_run(&run, with, &inputs, NULL);
    fixture_run(&vanilla, without, &inputs, NULL);
    cr_expect_geq(ofr_summary_agreement(&run.summary), 0.95);
    double with_ns = ofr_histogram_mean(&run.summary.latency);
    double without_ns = ofr_histogram_mean(&vanilla.summary.latency);
    cr_expect_float_eq(100.0 * (1.0 - with_ns / without_ns), chosen.improvement_pct, 0.01);
    ofr_run_release(&run);
    ofr_run_release(&vanilla);
    ofr_inputs_release(&inputs);
}
