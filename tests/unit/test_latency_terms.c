/* Profiles measured along the whole path, and the terms a simulation makes of them. */
#include "sim/run/leg.h"
#include "sim/serve/pass_model.h"
#include "tests/support/fixture.h"
#include "tests/support/profile_rows.h"

#include <criterion/criterion.h>

TestSuite(latency_terms, .fini = files_remove);

enum {
    ALL = -1
};

/* One batch size, two sites. Parts: dispatch 5, copies 10 and 4, passes 100, so 119; the whole pass takes 125. The row
 * number `skip` is left out. */
static const struct ofr_profile_row rows[] = {
    {1, 0, OFR_QUANTITY_UNTIL, 40000},       {1, 1, OFR_QUANTITY_UNTIL, 70000},
    {1, 2, OFR_QUANTITY_UNTIL, 100000},      {1, 0, OFR_QUANTITY_RAMP_ADD, 500},
    {1, 1, OFR_QUANTITY_RAMP_ADD, 500},      {1, 0, OFR_QUANTITY_RAMP_DELAY, 3000},
    {1, 1, OFR_QUANTITY_RAMP_DELAY, 3000},   {1, 0, OFR_QUANTITY_COPY_IN, 10000},
    {1, 0, OFR_QUANTITY_COPY_OUT, 4000},     {0, 0, OFR_QUANTITY_DISPATCH, 5000},
    {0, 0, OFR_QUANTITY_RELEASE, 1000},      {0, 0, OFR_QUANTITY_IDLE, 1000},
    {0, 1, OFR_QUANTITY_IDLE, 1000000},      {1, 0, OFR_QUANTITY_PASS, 125000},
    {1, 1, OFR_QUANTITY_PASS, 131000},       {1, 0, OFR_QUANTITY_RAMP_PASS, 127000},
    {1, 1, OFR_QUANTITY_RAMP_PASS, 129000},  {1, 0, OFR_QUANTITY_SEEN, 66000},
    {1, 1, OFR_QUANTITY_SEEN, 96000},        {1, 2, OFR_QUANTITY_SEEN, 123000},
    {0, 0, OFR_QUANTITY_NOTICE, 700},        {0, 0, OFR_QUANTITY_DECIDE, 2000},
    {0, 0, OFR_QUANTITY_TUNE, 150000},       {0, 0, OFR_QUANTITY_REPLY, 6700},
    {1, 0, OFR_QUANTITY_RAMPS_PASS, 130000},
};

/* The quantity has this value in a test's own profile. */
struct change {
    enum ofr_quantity quantity;
    uint32_t site;
    int64_t value_ns; /* -1 = its row is left out */
};

static int load(struct ofr_profile **profile, int skip, struct ofr_error *err)
{
    struct ofr_profile_row own[sizeof rows / sizeof *rows];
    size_t count = 0;
    for (int i = 0; i < (int)(sizeof rows / sizeof *rows); ++i)
        if (i != skip)
            own[count++] = rows[i];
    return profile_rows_load(profile, own, count, err);
}

static struct ofr_profile *load_changed(const struct change *change, size_t changes)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_profile *profile;
    struct ofr_profile_row own[sizeof rows / sizeof *rows];
    size_t count = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        own[count] = rows[i];
        for (size_t j = 0; j < changes; ++j)
            if (change[j].quantity == rows[i].quantity && change[j].site == rows[i].site)
                own[count].value_ns = change[j].value_ns;
        count += own[count].value_ns >= 0;
    }
    cr_assert_eq(profile_rows_load(&profile, own, count, &err), 0, "%s", err.text);
    return profile;
}

static struct ofr_pass_model make(const struct ofr_profile *profile, uint32_t without)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_pass_model model;
    cr_assert_eq(ofr_pass_model_init(&model, profile, without, false, &err), 0);
    return model;
}

/* End of a pass without ramps, by the model. */
static int64_t pass_ns(const struct ofr_profile *profile, const struct ofr_pass_model *model)
{
    return model->times[0].start_ns + profile->until_ns[2] + model->times[0].end_ns;
}

Test(latency_terms, with_every_term_a_pass_takes_what_was_measured)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_profile *profile;
    cr_assert_eq(load(&profile, ALL, &err), 0, "%s", err.text);
    struct ofr_pass_model model = make(profile, 0);
    const struct ofr_pass_times *times = &model.times[0];
    cr_expect_eq(pass_ns(profile, &model), 125000);
    cr_expect_eq(times->answers_ns, 2000);
    for (uint32_t site = 0; site < 2; ++site) {
        int64_t seen_ns =
            times->start_ns + profile->until_ns[site] + times->delay_ns[site] + times->release_ns;
        cr_expect_eq(seen_ns, profile->path.seen_ns[site]);
        cr_expect_eq(times->add_ns[site], site == 0 ? 2000 : 4000);
    }
    /* All ramps add 5 us, the dearest alone 4: of the other's 2 us one half counts. */
    cr_expect_float_eq(times->further, 0.5, 1e-9);
    cr_expect_eq(profile->path.notice_ns, 700);
    cr_expect_eq(profile->path.reply_ns, 6000, "from the loop's notice on");
    ofr_pass_model_release(&model);
    ofr_profile_free(profile);
}

Test(latency_terms, a_term_left_out_takes_its_own_time_away)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_profile *profile;
    cr_assert_eq(load(&profile, ALL, &err), 0, "%s", err.text);
    static const struct {
        enum ofr_term term;
        int64_t pass_ns;
    } one[] = {{OFR_TERM_DISPATCH, 120000}, {OFR_TERM_COPIES, 111000}, {OFR_TERM_LAUNCH, 119000}};
    for (size_t i = 0; i < sizeof one / sizeof *one; ++i) {
        struct ofr_pass_model model = make(profile, 1u << one[i].term);
        cr_expect_eq(pass_ns(profile, &model), one[i].pass_ns, "%s", ofr_term_names[one[i].term]);
        ofr_pass_model_release(&model);
    }
    struct ofr_pass_model model = make(profile, 1u << OFR_TERM_RAMPS | 1u << OFR_TERM_ANSWERS);
    cr_expect_eq(model.times[0].add_ns[1], 500, "what the ramp adds by itself");
    cr_expect_eq(model.times[0].delay_ns[0], 3000);
    cr_expect_float_eq(model.times[0].further, 1.0, 1e-9);
    cr_expect_eq(model.times[0].answers_ns, 0);
    ofr_pass_model_release(&model);
    ofr_profile_free(profile);
}

Test(latency_terms, idling_slows_by_the_logarithm_of_its_length)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_profile *profile;
    struct ofr_random random;
    cr_assert_eq(load(&profile, ALL, &err), 0, "%s", err.text);
    ofr_random_init(&random, 1, OFR_RANDOM_EXECUTION, 0);
    struct ofr_pass_model model = make(profile, 0), still = make(profile, 1u << OFR_TERM_IDLE);
    cr_expect_eq(ofr_pass_model_shift(&model, &random, 0, 0), 0);
    cr_expect_eq(ofr_pass_model_shift(&model, &random, 0, 1000), 0);
    cr_expect_eq(ofr_pass_model_shift(&model, &random, 0, 1000000), 6000);
    cr_expect_eq(ofr_pass_model_shift(&model, &random, 0, INT64_MAX), 6000, "nothing is extrapolated");
    int64_t middle_ns = ofr_pass_model_shift(&model, &random, 0, 31622);
    cr_expect(middle_ns > 2900 && middle_ns < 3100, "%lld", (long long)middle_ns);
    cr_expect_eq(ofr_pass_model_shift(&still, &random, 0, 1000000), 0);
    ofr_pass_model_release(&model);
    ofr_pass_model_release(&still);
    ofr_profile_free(profile);
}

Test(latency_terms, a_path_measured_in_part_is_refused)
{
    for (int i = 0; i < (int)(sizeof rows / sizeof *rows); ++i) {
        enum ofr_quantity quantity = rows[i].quantity;
        bool needed = quantity == OFR_QUANTITY_PASS || quantity == OFR_QUANTITY_RAMP_PASS ||
                      quantity == OFR_QUANTITY_SEEN;
        if (!needed)
            continue;
        struct ofr_error err = OFR_ERROR_INIT;
        struct ofr_profile *profile = NULL;
        cr_expect_eq(load(&profile, i, &err), OFR_E_INPUT, "row %d", i);
        cr_expect(strstr(err.text, "p.oprof: was measured along the whole path, but has no"), "%s", err.text);
        ofr_profile_free(profile);
    }
}

Test(latency_terms, names_are_read_and_others_refused)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct offramp_texts names = {.count = 2, .item = {"idle", "control"}};
    uint32_t without = 0;
    cr_assert_eq(ofr_terms_read(&without, &names, &err), 0);
    cr_expect_eq(without, 1u << OFR_TERM_IDLE | 1u << OFR_TERM_CONTROL);
    strcpy(names.item[1], "magic");
    cr_expect_eq(ofr_terms_read(&without, &names, &err), OFR_E_INPUT);
    cr_expect_str_eq(err.text,
                     "found the term 'magic', expected of dispatch copies ahead release launch ramps "
                     "answers notice clock start idle jitter runs feedback control");
}

/* ---- runs ---- */

/* Passes of one request each, by whether it had waited. */
struct passes {
    int64_t waited_ns, fresh_ns; /* -1 = none yet, -2 = not all the same */
};

static void note_time(int64_t *all_ns, int64_t time_ns)
{
    *all_ns = *all_ns == -1 || *all_ns == time_ns ? time_ns : -2;
}

static void note_pass(void *state, const struct ofr_batch_row *batch, const struct ofr_request_row *rows_of,
                      uint32_t count)
{
    struct passes *passes = state;
    cr_assert_eq(count, 1);
    bool waited = rows_of[0].admitted_ns < rows_of[0].dispatched_ns;
    note_time(waited ? &passes->waited_ns : &passes->fresh_ns, batch->ended_ns - batch->dispatched_ns);
}

/* A pass shorter than the sum of its parts by 49 us, whose answers are seen 15 us before its end; after idling it is
 * 5 us shorter still. */
static const struct change overlapping[] = {{OFR_QUANTITY_PASS, 0, 70000},
                                            {OFR_QUANTITY_PASS, 1, 65000},
                                            {OFR_QUANTITY_SEEN, 0, 30000},
                                            {OFR_QUANTITY_SEEN, 1, 45000},
                                            {OFR_QUANTITY_SEEN, 2, 55000}};

struct seen {
    int64_t least_ns;  /* shortest latency */
    uint64_t requests; /* answered */
};

static void note_batch(void *state, const struct ofr_batch_row *batch, const struct ofr_request_row *rows_of,
                       uint32_t count)
{
    struct seen *seen = state;
    for (uint32_t i = 0; i < count; ++i) {
        if (rows_of[i].outcome == OFR_OUTCOME_ONWARD)
            continue;
        int64_t latency_ns = rows_of[i].released_ns - rows_of[i].arrival_ns;
        seen->least_ns = latency_ns < seen->least_ns ? latency_ns : seen->least_ns;
        seen->requests++;
        cr_expect(rows_of[i].released_ns >= batch->dispatched_ns &&
                  rows_of[i].released_ns <= batch->ended_ns);
    }
}

static void note_lost(void *state, const struct ofr_request_row *row)
{
    (void)state, (void)row;
}

static void note_decision(void *state, const struct ofr_decision_row *decision)
{
    (void)state, (void)decision;
}

static struct passes simulate_passes(const struct ofr_profile_row *row, size_t count, const char *model)
{
    char text[512];
    struct ofr_error err = OFR_ERROR_INIT;
    struct passes passes = {-1, -1};
    struct ofr_inputs inputs;
    struct ofr_profile *profile;
    cr_assert_eq(profile_rows_load(&profile, row, count, &err), 0, "%s", err.text);
    ofr_profile_free(profile);
    snprintf(text, sizeof text,
             "requests: 2000\nmodel: {profile: %s, %s}\narrivals: {process: poisson, rate: 4k/s}\n"
             "batching: {policy: fifo, max_batch: 1}\nexits: {policy: vanilla}\n",
             files_path("p.oprof"), model);
    struct ofr_scenario *scenario = fixture_scenario(text);
    cr_assert_eq(ofr_inputs_load(&inputs, scenario, &err), 0, "%s", err.text);
    struct ofr_run run;
    struct ofr_run_options options = {
        .extra = {.state = &passes, .batch = note_pass, .lost = note_lost, .decision = note_decision}};
    cr_assert_eq(ofr_run_simulate(&run, scenario, &inputs, &options, &err), 0, "%s", err.text);
    ofr_run_release(&run);
    ofr_scenario_free(scenario);
    ofr_inputs_release(&inputs);
    return passes;
}

/* Inputs of requests that waited have travelled: their passes are shorter by what was measured, the others are not. */
Test(latency_terms, inputs_of_who_waits_travel_ahead)
{
    enum {
        ROWS = sizeof rows / sizeof *rows
    };
    struct ofr_profile_row own[ROWS + 1];
    memcpy(own, rows, sizeof rows);
    own[ROWS] = (struct ofr_profile_row){1, 0, OFR_QUANTITY_AHEAD, 117000};
    static const struct {
        const char *model;
        size_t rows;
        int64_t waited_ns;
    } one[] = {{"without: [idle]", ROWS + 1, 117000},
               {"without: [idle]", ROWS, 125000}, /* nothing was measured */
               {"without: [idle, ahead]", ROWS + 1, 125000},
               {"without: [idle, copies]", ROWS + 1, 111000},
               {"without: [idle], copy_in: 3us", ROWS + 1, 115000}}; /* 7 us less, and 3 saved of it */
    for (size_t i = 0; i < sizeof one / sizeof *one; ++i) {
        struct passes passes = simulate_passes(own, one[i].rows, one[i].model);
        bool whole = strstr(one[i].model, "copies") == NULL;
        bool cheap = strstr(one[i].model, "copy_in") != NULL;
        cr_expect_eq(passes.waited_ns, one[i].waited_ns, "%s: %lld", one[i].model,
                     (long long)passes.waited_ns);
        cr_expect_eq(passes.fresh_ns,
                     cheap   ? 118000
                     : whole ? 125000
                             : 111000,
                     "%s: %lld", one[i].model, (long long)passes.fresh_ns);
    }
}

/* Runs 2000 requests; `slo_ns` < 0: none. */
static int simulate(const struct ofr_inputs *inputs, const char *model, const char *exits, int64_t slo_ns,
                    struct seen *seen, struct ofr_error *err)
{
    char text[512], slo[64] = "";
    if (slo_ns >= 0)
        snprintf(slo, sizeof slo, "slo: %lldns\n", (long long)slo_ns);
    snprintf(text, sizeof text,
             "requests: 2000\n%smodel: {profile: m, recording: m, %s}\n"
             "arrivals: {process: poisson, rate: 2k/s}\nbatching: {policy: fifo, max_batch: 1}\n"
             "exits: {%s}\n",
             slo, model, exits);
    struct ofr_scenario *scenario = fixture_scenario(text);
    struct ofr_run run;
    *seen = (struct seen){.least_ns = INT64_MAX};
    struct ofr_run_options options = {
        .extra = {.state = seen, .batch = note_batch, .lost = note_lost, .decision = note_decision}};
    int rc = ofr_run_simulate(&run, scenario, inputs, &options, err);
    if (!rc)
        ofr_run_release(&run);
    ofr_scenario_free(scenario);
    return rc;
}

/* Whatever a run has achieved may be asked of it. Fails when the bound on the SLO is a sum of parts. */
Test(latency_terms, an_slo_that_answers_keep_is_no_slip)
{
    static const char *const without[] = {
        "",       "dispatch",      "copies",           "release", "launch",
        "ramps",  "answers",       "notice",           "idle",    "dispatch, copies, launch",
        "copies", "ramps, launch", "release, dispatch"};
    static const char *const exits[] = {"policy: vanilla", "policy: static, thresholds: 1", "policy: oracle",
                                        "policy: twolayer, mode: cascade"};
    struct ofr_inputs inputs = {.profile =
                                    load_changed(overlapping, sizeof overlapping / sizeof *overlapping),
                                .recording = fixture_recording(500, 2, 1)};
    for (size_t i = 0; i < sizeof without / sizeof *without; ++i)
        for (size_t j = 0; j < sizeof exits / sizeof *exits; ++j) {
            struct ofr_error err = OFR_ERROR_INIT;
            struct seen free_run, bound;
            char model[128];
            snprintf(model, sizeof model, "without: [%s]", without[i]);
            cr_assert_eq(simulate(&inputs, model, exits[j], -1, &free_run, &err), 0, "%s", err.text);
            int rc = simulate(&inputs, model, exits[j], free_run.least_ns, &bound, &err);
            cr_expect_eq(rc, 0, "without [%s], %s: %s", without[i], exits[j], err.text);
        }
    ofr_profile_free(inputs.profile);
    ofr_recording_free(inputs.recording);
}

/* Both sides of the bound: a pass that answers at its end takes 55 us, with its terms left out 119. */
Test(latency_terms, an_slo_below_every_answer_is_a_slip)
{
    struct ofr_inputs inputs = {.profile =
                                    load_changed(overlapping, sizeof overlapping / sizeof *overlapping)};
    static const struct {
        const char *model;
        int64_t least_ns;
    } one[] = {{"without: [idle]", 55000},
               {"without: []", 50000},
               {"without: [idle, answers]", 70000},
               {"without: [idle], pace: [1=0.5]", 27500},
               {"without: [idle, launch, answers]", 119000},
               {"without: [idle, launch, answers, copies]", 105000}};
    for (size_t i = 0; i < sizeof one / sizeof *one; ++i) {
        struct ofr_error err = OFR_ERROR_INIT;
        struct seen seen;
        cr_expect_eq(simulate(&inputs, one[i].model, "policy: vanilla", one[i].least_ns - 1, &seen, &err),
                     OFR_E_INPUT, "%s", one[i].model);
        cr_expect(strstr(err.text, "the shortest time in which"), "%s", err.text);
        err = (struct ofr_error)OFR_ERROR_INIT;
        cr_expect_eq(simulate(&inputs, one[i].model, "policy: vanilla", one[i].least_ns, &seen, &err), 0,
                     "%s: %s", one[i].model, err.text);
    }
    ofr_profile_free(inputs.profile);
}

/* Fails when a pace leaves out a part of a pass. */
Test(latency_terms, a_pace_stretches_whole_passes)
{
    static const char *const exits[] = {"policy: vanilla", "policy: static, thresholds: 1"};
    struct ofr_inputs inputs = {.profile =
                                    load_changed(overlapping, sizeof overlapping / sizeof *overlapping),
                                .recording = fixture_recording(500, 2, 1)};
    for (size_t j = 0; j < sizeof exits / sizeof *exits; ++j) {
        struct ofr_error err = OFR_ERROR_INIT;
        struct seen own, twice;
        cr_assert_eq(simulate(&inputs, "pace: []", exits[j], -1, &own, &err), 0, "%s", err.text);
        cr_assert_eq(simulate(&inputs, "pace: [1=2]", exits[j], -1, &twice, &err), 0, "%s", err.text);
        cr_expect_eq(twice.least_ns, 2 * own.least_ns, "%s", exits[j]);
        cr_expect_gt(own.least_ns, 0);
    }
    ofr_profile_free(inputs.profile);
    ofr_recording_free(inputs.recording);
}

/* What overlaps may be more than a short pass takes: answers then come with the dispatch, never before it. */
Test(latency_terms, no_answer_comes_before_its_dispatch)
{
    static const char *const exits[] = {"policy: vanilla", "policy: static, thresholds: 1", "policy: oracle",
                                        "policy: twolayer, mode: cascade"};
    struct ofr_inputs inputs = {.profile =
                                    load_changed(overlapping, sizeof overlapping / sizeof *overlapping),
                                .recording = fixture_recording(500, 2, 1)};
    for (size_t i = 0; i < sizeof exits / sizeof *exits; ++i) {
        struct ofr_error err = OFR_ERROR_INIT;
        struct seen seen;
        int rc =
            simulate(&inputs, "noise: exponential, without: [dispatch, copies]", exits[i], -1, &seen, &err);
        cr_expect_eq(rc, 0, "%s: %s", exits[i], err.text);
        cr_expect_eq(seen.requests, 2000);
    }
    ofr_profile_free(inputs.profile);
    ofr_recording_free(inputs.recording);
}

/* A tuning was measured, a decision and the way to the policy were not: only the tuning is stretched. */
Test(latency_terms, a_measured_tuning_counts_by_itself)
{
    static const struct change change[] = {{OFR_QUANTITY_DECIDE, 0, -1}, {OFR_QUANTITY_REPLY, 0, -1}};
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_inputs inputs = {.profile = load_changed(change, 2)};
    cr_assert_eq(inputs.profile->path.decide_ns, -1);
    cr_assert_eq(inputs.profile->path.reply_ns, 0);
    struct ofr_scenario *scenario =
        fixture_scenario("requests: 1\nmodel: {profile: m}\narrivals: {process: poisson, rate: 1/s}\n"
                         "batching: {policy: fifo, max_batch: 1}\nexits: {policy: vanilla}\n");
    struct ofr_leg_view view = {.scenario = scenario, .inputs = &inputs};
    struct ofr_leg_sim leg = {0};
    struct ofr_serve_setup setup = {.servers = 1, .policy = scenario->policy, .duration_ns = -1};
    setup.stage[0].profile = inputs.profile;
    cr_assert_eq(ofr_leg_sim_ops.open(&leg, &view, &setup, &err), 0, "%s", err.text);
    cr_expect_eq(setup.controller.ops, &ofr_controller_timed_ops);
    cr_expect_eq(leg.policy.decide_ns, 0);
    cr_expect_float_eq(leg.policy.stretch, 1.5, 1e-12);
    ofr_leg_sim_ops.close(&leg, NULL, 0, &err);
    /* The policy's thread and the start of a run are the device's, as batches are. */
    static const struct change slower = {OFR_QUANTITY_TUNE, 0, 300000};
    inputs.times = load_changed(&slower, 1);
    inputs.times->path.start_ns = 20000;
    cr_assert_eq(ofr_leg_sim_ops.open(&leg, &view, &setup, &err), 0, "%s", err.text);
    cr_expect_float_eq(leg.policy.stretch, 3.0, 1e-12);
    cr_expect_eq(leg.policy.decide_ns, inputs.times->path.decide_ns + inputs.times->path.reply_ns);
    cr_expect_eq(setup.clock.ops->now(setup.clock.state), 20000);
    ofr_leg_sim_ops.close(&leg, NULL, 0, &err);
    ofr_profile_free(inputs.times);
    ofr_scenario_free(scenario);
    ofr_profile_free(inputs.profile);
}
