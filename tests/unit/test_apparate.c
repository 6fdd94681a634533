/* The policy apparate and its guards: the constraint, the budget, recovery, and the slips of the published artifact. */
#include "tests/support/fixture.h"

#include "sim/policy/ladder.h"
#include "sim/policy/ramp_set.h"

static const uint32_t sizes[] = {1, 2, 4, 8, 16};

static struct ofr_inputs make_inputs(int64_t ramp_ns, uint32_t samples)
{
    return (struct ofr_inputs){.profile = fixture_profile(8, sizes, 5, 400000, 50000, ramp_ns),
                               .recording = fixture_recording(samples, 8, 11)};
}

static void run_apparate(struct ofr_run *run, const struct ofr_inputs *inputs, const char *options,
                         const char *rate, const struct ofr_observer *observer)
{
    char text[1024];
    snprintf(text, sizeof text,
             "requests: 30000\nmodel: {profile: m, recording: m}\narrivals: {process: poisson, rate: %s}\n"
             "batching: {policy: fifo, max_batch: 16}\nexits: {policy: apparate%s}\n",
             rate, options);
    fixture_run(run, text, inputs, observer);
}

/* Raise credit by one in guard_bank.c, or let `reserve` return 0, and the constraint breaks at some load. */
Test(apparate, agreement_holds_at_every_load)
{
    static const char *const rates[] = {"100/s", "2k/s", "8k/s", "12k/s"};
    struct ofr_inputs inputs = make_inputs(1000, 30000);
    for (size_t i = 0; i < sizeof rates / sizeof *rates; ++i) {
        struct ofr_run run;
        run_apparate(&run, &inputs, "", rates[i], NULL);
        cr_expect_geq(ofr_summary_agreement(&run.summary), 0.99, "%s: %.4f", rates[i],
                      ofr_summary_agreement(&run.summary));
        cr_expect_lt(run.summary.exits[8], 30000, "nothing left early at %s", rates[i]);
        ofr_run_release(&run);
    }
    ofr_inputs_release(&inputs);
}

/* I10: every configuration in the decision log keeps the budget at every batch size. Compare with the budget doubled in
 * ofr_ramp_set_fits to see it fail. */
struct budget_check {
    const struct ofr_profile *profile;
    double budget;
    bool kept;
    uint32_t decisions, most_ramps;
};

static void ignore_batch(void *state, const struct ofr_batch_row *batch, const struct ofr_request_row *rows,
                         uint32_t count)
{
    (void)state, (void)batch, (void)rows, (void)count;
}

static void ignore_lost(void *state, const struct ofr_request_row *row)
{
    (void)state, (void)row;
}

static void check_budget(void *state, const struct ofr_decision_row *decision)
{
    struct budget_check *check = state;
    const struct ofr_profile *profile = check->profile;
    for (uint32_t b = 0; b < profile->batches; ++b) {
        int64_t added_ns = 0;
        for (uint32_t k = 0; k < decision->config.ramps; ++k)
            added_ns += profile->ramp_add_ns[b * profile->sites + decision->config.site[k]];
        check->kept &=
            (double)added_ns <= check->budget * (double)profile->until_ns[b * (profile->sites + 1) + 8];
    }
    for (uint32_t k = 0; k < decision->config.ramps; ++k)
        check->kept &=
            decision->config.threshold[k] <= 1.0; /* slip: thresholds run past 1 after an easy window */
    check->decisions++;
    if (decision->config.ramps > check->most_ramps)
        check->most_ramps = decision->config.ramps;
}

Test(apparate, I10_ramps_keep_the_budget)
{
    static const int64_t ramp_ns[] = {300, 2000, 8000};
    for (size_t i = 0; i < sizeof ramp_ns / sizeof *ramp_ns; ++i) {
        struct ofr_inputs inputs = make_inputs(ramp_ns[i], 30000);
        struct budget_check check = {.profile = inputs.profile, .budget = 0.02, .kept = true};
        struct ofr_observer observer = {
            .state = &check, .batch = ignore_batch, .lost = ignore_lost, .decision = check_budget};
        struct ofr_run run;
        run_apparate(&run, &inputs, "", "2k/s", &observer);
        cr_expect(check.kept, "ramps of %lld ns break the budget", (long long)ramp_ns[i]);
        cr_expect_gt(check.decisions, 1);
        cr_expect_gt(check.most_ramps, 0);
        ofr_run_release(&run);
        ofr_inputs_release(&inputs);
    }
}

/* A budget that pays for no ramp is not broken: the run equals vanilla. */
Test(apparate, a_budget_too_small_means_no_ramp)
{
    struct ofr_inputs inputs = make_inputs(20000, 3000);
    struct ofr_run run;
    run_apparate(&run, &inputs, "", "1k/s", NULL);
    cr_expect_eq(run.summary.ramp_batches, 0);
    cr_expect_eq(run.summary.exits[8], 30000);
    cr_expect_eq(run.summary.agreeing, 30000);
    ofr_run_release(&run);
    ofr_inputs_release(&inputs);
}

/* No lock-up: inputs on which every ramp is wrong for 5,000 samples, easy before and after. Saving must be back within
 * 1,000 requests of the end of the hard stretch. Fails when an emptied ramp set stays empty, or when the memory keeps
 * the hard stretch for ever. */
struct late_exits {
    uint32_t from, until;
    uint32_t requests, early;
};

static void count_early(void *state, const struct ofr_batch_row *batch, const struct ofr_request_row *rows,
                        uint32_t count)
{
    (void)batch;
    struct late_exits *late = state;
    for (uint32_t i = 0; i < count; ++i) {
        if (rows[i].id < late->from || rows[i].id >= late->until)
            continue;
        late->requests++;
        late->early += rows[i].exit_site < 8;
    }
}

static void ignore_decision(void *state, const struct ofr_decision_row *decision)
{
    (void)state, (void)decision;
}

static double early_share_with(const struct ofr_inputs *inputs, const char *options, uint32_t from,
                               uint32_t until)
{
    struct late_exits late = {.from = from, .until = until};
    struct ofr_observer observer = {
        .state = &late, .batch = count_early, .lost = ignore_lost, .decision = ignore_decision};
    struct ofr_run run;
    run_apparate(&run, inputs, options, "1k/s", &observer);
    if (!*options)
        cr_expect_geq(ofr_summary_agreement(&run.summary), 0.99);
    ofr_run_release(&run);
    return (double)late.early / late.requests;
}

static double early_share(const struct ofr_inputs *inputs, uint32_t from, uint32_t until)
{
    return early_share_with(inputs, "", from, until);
}

/* One affordable ramp that keeps being moved: every new one starts closed and has to be opened again, under every guard
 * and both rules. Fails when guard none takes a tuning round over an empty window for one that opened the exits. */
Test(apparate, no_lock_up_with_one_ramp_that_moves)
{
    static const char *const options[] = {"", ", guard: none", ", guard: conformal",
                                          ", adjust_rule: published",
                                          ", guard: none, adjust_rule: published"};
    struct ofr_inputs inputs = make_inputs(8000, 30000);
    for (size_t i = 0; i < sizeof options / sizeof *options; ++i) {
        double late = early_share_with(&inputs, options[i], 20000, 30000);
        cr_expect_gt(late, 0.005, "'%s': %.4f leave early", options[i], late);
    }
    ofr_inputs_release(&inputs);
}

Test(apparate, no_lock_up_after_a_hard_stretch)
{
    struct ofr_inputs inputs = make_inputs(1000, 30000);
    struct ofr_recording *recording = inputs.recording;
    for (uint32_t i = 0; i < 30000; ++i) /* easy: a sure ramp is right */
        for (uint32_t k = 0; k < 8; ++k)
            if (recording->top1[i * 8 + k] > 0.8F)
                recording->answer[i * 8 + k] = recording->final_answer[i];
    for (uint32_t i = 10000; i < 15000; ++i) /* hard: unsure and wrong at every ramp */
        for (uint32_t k = 0; k < 8; ++k) {
            recording->top1[i * 8 + k] = 0.3F;
            recording->answer[i * 8 + k] = (uint16_t)((recording->final_answer[i] + 1) % 10);
        }
    double before = early_share(&inputs, 8000, 10000);
    double after = early_share(&inputs, 16000, 18000);
    cr_expect_gt(before, 0.3);
    cr_expect_gt(after, 0.9 * before, "early exits: %.3f before, %.3f after the hard stretch", before, after);
    ofr_inputs_release(&inputs);
}

/* ---- the latency loop's rules ---- */

Test(ramp_set, even_placement_fills_the_budget)
{
    struct ofr_profile *profile = fixture_profile(8, sizes, 5, 400000, 50000, 2000);
    struct offramp_latency_view view = {
        8, 5, profile->batch, profile->until_ns, profile->ramp_add_ns, profile->ramp_delay_ns};
    struct ofr_ramp_set set;
    ofr_ramp_set_even(&set, &view, 16, 0.02, 64); /* 2 % of 450 us: four ramps of 2 us */
    cr_assert_eq(set.ramps, 4);
    static const uint16_t expected[] = {1, 3, 5, 7};
    cr_expect_arr_eq(set.site, expected, sizeof expected);
    cr_expect(ofr_ramp_set_fits(&set, &view, 16, 0.02));
    ofr_ramp_set_even(&set, &view, 16, 0.02, 1); /* one ramp: the middle */
    cr_expect_eq(set.ramps, 1);
    cr_expect_eq(set.site[0], 4);
    struct ofr_inputs inputs = {.profile = profile};
    ofr_inputs_release(&inputs);
}

/* By hand: until 100 200 300 400, ramps at sites 0 and 2 that add 10. 100 requests: 50 leave at site 0, 10 at site 2, 40
 * run on. Site 0: next way out costs 300 + 10 + 10, its own 100 + 10: saves 210 for 50, costs 10 for 50 others. */
Test(ramp_set, utilities_by_hand)
{
    struct ofr_ramp_costs costs = {
        .sites = 3, .until_ns = {100, 200, 300, 400}, .add_ns = {10, 10, 10}, .delay_ns = {10, 10, 10}};
    struct ofr_ramp_set set = {.ramps = 2, .site = {0, 2}};
    uint32_t exits[] = {50, 10, 40};
    double utility[2];
    ofr_ramp_utilities(utility, &set, &costs, exits);
    cr_expect_float_eq(utility[0], (50 * 210.0 - 50 * 10.0) / 100, 1e-9);
    cr_expect_float_eq(utility[1], (10 * 100.0 - 40 * 10.0) / 100, 1e-9);
}

/* The artifact takes best index 0 for "none" and replaces the ramp of highest utility; here the ramp at index 0 is the
 * bad one and is the one that goes. */
Test(ramp_set, the_ramp_that_does_not_pay_goes)
{
    struct ofr_profile *profile = fixture_profile(8, sizes, 5, 400000, 50000, 2000);
    struct offramp_latency_view view = {
        8, 5, profile->batch, profile->until_ns, profile->ramp_add_ns, profile->ramp_delay_ns};
    struct ofr_ramp_costs costs;
    double weight[5] = {1};
    ofr_ramp_costs_mix(&costs, &view, weight);
    struct ofr_ramp_adjust adjust = {
        .latency = &view, .costs = &costs, .max_batch = 16, .budget = 0.02, .most = 64};
    struct ofr_ramp_set set = {.ramps = 2, .site = {1, 5}}, next;
    uint32_t exits[] = {0, 80, 20};
    double utility[2];
    ofr_ramp_utilities(utility, &set, &costs, exits);
    cr_assert_lt(utility[0], 0.0);
    cr_assert_gt(utility[1], 0.0);
    cr_assert(ofr_ramp_replace(&next, &adjust, &set, utility, exits));
    for (uint32_t k = 0; k < next.ramps; ++k)
        cr_expect_neq(next.site[k], 1);
    cr_expect_eq(next.site[next.ramps - 1] >= 5, true);
    struct ofr_inputs inputs = {.profile = profile};
    ofr_inputs_release(&inputs);
}

/* ---- the ladder ---- */

/* Prices never rise, what a step promises is what counting its records gives. */
Test(ladder, steps_promise_what_they_do)
{
    struct ofr_exit_memory memory;
    struct ofr_recording *recording = fixture_recording(2000, 8, 5);
    struct ofr_ramp_set set = {.ramps = 3, .site = {1, 4, 6}};
    static const double saving[] = {0.8, 0.45, 0.2};
    cr_assert_eq(ofr_exit_memory_init(&memory, 2048, 1, 8), 0);
    for (uint32_t i = 0; i < 2000; ++i) {
        float score[3];
        uint16_t answer[3];
        for (uint32_t k = 0; k < 3; ++k) {
            score[k] = 1.0F - recording->top1[i * 8 + set.site[k]];
            answer[k] = recording->answer[i * 8 + set.site[k]];
        }
        ofr_exit_memory_add(&memory, &set, score, answer, recording->final_answer[i]);
    }
    struct ofr_ladder *ladder = ofr_ladder_create(2048);
    ofr_ladder_build(ladder, &memory, &set, saving, 1000);
    cr_assert_gt(ofr_ladder_steps(ladder), 5);
    for (uint32_t s = 0; s < ofr_ladder_steps(ladder); ++s) {
        uint32_t wrong = 0;
        double saved = 0.0;
        for (uint32_t i = 0; i < 2000; ++i)
            for (uint32_t k = 0; k < 3; ++k)
                if ((double)(1.0F - recording->top1[i * 8 + set.site[k]]) <
                    ofr_ladder_threshold(ladder, s, set.site[k])) {
                    wrong += recording->answer[i * 8 + set.site[k]] != recording->final_answer[i];
                    saved += saving[k];
                    break;
                }
        const struct ofr_ladder_step *step = ofr_ladder_step(ladder, s);
        cr_expect_eq(step->wrong, wrong, "step %u", s);
        cr_expect_float_eq(step->saved, saved, 1e-6, "step %u", s);
        if (s > 0)
            cr_expect_leq(step->price, ofr_ladder_step(ladder, s - 1)->price);
        cr_expect_geq(ofr_ladder_step(ladder, ofr_ladder_at_price(ladder, step->price))->price, step->price);
    }
    ofr_ladder_free(ladder);
    ofr_exit_memory_release(&memory);
    ofr_recording_free(recording);
}

/* A bin's edge separates scores exactly, strictly. */
Test(ladder, bins_separate_scores_exactly)
{
    for (uint32_t bin = 1; bin < OFR_BIN_NEVER - 1; ++bin) {
        float edge = (float)ofr_score_bin_edge(bin);
        if (edge > 1.0F)
            break;
        cr_expect_eq(ofr_score_bin(edge), bin);
        uint32_t bits;
        memcpy(&bits, &edge, sizeof bits);
        --bits;
        float below;
        memcpy(&below, &bits, sizeof below);
        cr_expect_eq(ofr_score_bin(below), bin - 1);
    }
    cr_expect_eq(ofr_score_bin(0.0F), 0);
}
