/* The slips of Apparate's published artifact, one test for each: what it does, and that it is not done here. Each was
 * put into this code and seen to fail its test; the comment says how. Those of ramp adjustment: test_slips_ramps.c. */
#include "tests/support/fixture.h"

#include "sim/policy/guard.h"
#include "sim/policy/tuner.h"

#include <math.h>

static const uint32_t sizes[] = {1, 2, 4, 8, 16};

static void ignore_batch(void *state, const struct ofr_batch_row *batch, const struct ofr_request_row *rows,
                         uint32_t count)
{
    (void)state, (void)batch, (void)rows, (void)count;
}

static void ignore_lost(void *state, const struct ofr_request_row *row)
{
    (void)state, (void)row;
}

static void run_policy(struct ofr_run *run, const struct ofr_inputs *inputs, const char *exits,
                       const char *rate, const struct ofr_observer *observer)
{
    char text[1024];
    snprintf(text, sizeof text,
             "requests: 20000\nmodel: {profile: m, recording: m}\narrivals: {process: poisson, rate: %s}\n"
             "batching: {policy: fifo, max_batch: 16}\nexits: {policy: %s}\n",
             rate, exits);
    fixture_run(run, text, inputs, observer);
}

/* ---- thresholds past 1 ---- */

static void note_largest(void *state, const struct ofr_decision_row *decision)
{
    double *largest = state;
    for (uint32_t k = 0; k < decision->config.ramps; ++k)
        *largest = fmax(*largest, decision->config.threshold[k]);
}

/* The artifact climbs past 1 in a window in which all agree, and then lets everything out until the first violation.
 * Here no threshold may pass the least sure input of the easy stretch. Fails when ofr_guard_window_tune opens the exits
 * wide after a window without a wrong answer. */
Test(slips, thresholds_run_past_one)
{
    struct ofr_inputs inputs = {.profile = fixture_profile(8, sizes, 5, 400000, 50000, 500),
                                .recording = fixture_recording(20000, 8, 3)};
    struct ofr_recording *recording = inputs.recording;
    for (uint32_t i = 0; i < 20000; ++i)
        for (uint32_t k = 0; k < 8; ++k) {
            size_t at = (size_t)i * 8 + k;
            recording->answer[at] = recording->final_answer[i];
            recording->top1[at] = 0.6F + 0.4F * recording->top1[at];
        }
    static const char *const guards[] = {"apparate, guard: none", "apparate, guard: conformal", "apparate"};
    for (size_t g = 0; g < sizeof guards / sizeof *guards; ++g) {
        double largest = 0.0;
        struct ofr_observer observer = {
            .state = &largest, .batch = ignore_batch, .lost = ignore_lost, .decision = note_largest};
        struct ofr_run run;
        run_policy(&run, &inputs, guards[g], "1k/s", &observer);
        cr_expect_gt(largest, 0.0, "%s: nothing was opened", guards[g]);
        cr_expect_lt(largest, 0.41, "%s: %g", guards[g], largest);
        ofr_run_release(&run);
    }
    ofr_inputs_release(&inputs);
}

/* ---- the constraint as a trigger ---- */

/* The artifact tunes when the constraint is violated and bounds nothing: 97.0 to 98.8 % for a target of 99 %. On this
 * stream the published trigger misses the target too; the default holds it. Fails with guard none as the default. */
Test(slips, the_constraint_is_only_a_trigger)
{
    struct ofr_inputs inputs = {.profile = fixture_profile(8, sizes, 5, 400000, 50000, 500),
                                .recording = fixture_recording(20000, 8, 11)};
    struct ofr_run published, ours;
    run_policy(&published, &inputs, "apparate, guard: none", "1k/s", NULL);
    run_policy(&ours, &inputs, "apparate", "1k/s", NULL);
    cr_expect_lt(ofr_summary_agreement(&published.summary), 0.99, "%.4f: this stream shows nothing",
                 ofr_summary_agreement(&published.summary));
    cr_expect_geq(ofr_summary_agreement(&ours.summary), 0.99, "%.4f", ofr_summary_agreement(&ours.summary));
    cr_expect_lt(ours.summary.exits[8], 20000);
    ofr_run_release(&published);
    ofr_run_release(&ours);
    ofr_inputs_release(&inputs);
}

/* ---- a window of batches ---- */

static const struct ofr_guard_ops *guard_called(const char *name)
{
    const struct ofr_guard_ops *const *guard = ofr_guards;
    while (strcmp((*guard)->name, name) != 0)
        ++guard;
    return *guard;
}

/* Feeds guard none one batch of inputs that all left at its ramp, wrong where `wrong` has a 1; whether it tunes. */
static bool triggers(void *guard, const struct ofr_ramp_set *set, const char *wrong)
{
    struct offramp_exit_config config = {.ramps = 1, .site = {set->site[0]}, .threshold = {0.5}};
    uint32_t rows = (uint32_t)strlen(wrong);
    float score[64];
    uint16_t answer[64], final_answer[64], exit_ramp[64];
    for (uint32_t i = 0; i < rows; ++i) {
        score[i] = 0.1F;
        answer[i] = wrong[i] == '1';
        final_answer[i] = 0;
        exit_ramp[i] = 0;
    }
    struct offramp_feedback feedback = {.size = sizeof feedback,
                                        .rows = rows,
                                        .padded_rows = rows,
                                        .config = &config,
                                        .score = score,
                                        .answer = answer,
                                        .final_answer = final_answer,
                                        .exit_ramp = exit_ramp};
    struct ofr_guard_verdict verdict = {.changed = false};
    guard_called("none")->feed(guard, &feedback, true);
    guard_called("none")->decide(guard, &feedback, false, &verdict);
    return verdict.changed && strcmp(verdict.trigger, "accuracy") == 0;
}

/* The artifact looks back four batches: four inputs at batch 1, sixty-four at batch 16. The paper says the last 16
 * inputs. At a constraint of 10 %, one wrong answer in 16 is within it and two are not, whatever the batches. Fails with
 * any other TRIGGER in guard_none.c, and when it counts batches. */
Test(slips, the_window_is_four_batches)
{
    const struct ofr_guard_ops *none = guard_called("none");
    struct ofr_profile *profile = fixture_profile(4, sizes, 5, 400000, 50000, 500);
    struct offramp_latency_view view = {
        4, 5, profile->batch, profile->until_ns, profile->ramp_add_ns, profile->ramp_delay_ns};
    struct ofr_guard_setup setup = {.accuracy_loss = 0.1, .max_threshold = 1.0, .max_batch = 16, .sites = 4};
    struct ofr_ramp_set set = {.ramps = 1, .site = {1}};
    struct ofr_ramp_costs costs;
    double weight[5] = {1};
    ofr_ramp_costs_mix(&costs, &view, weight);
    static const struct {
        const char *batch[20]; /* fed in order; the last one is judged */
        bool triggers;
    } cases[] = {
        {{"0000000000000000", "1", "0", "0", "0"}, false}, /* 1 of the last 4 and 16 */
        {{"0000000000000000", "1", "0", "0", "0", "0", "0", "0", "0", "0", "1"}, true}, /* 2 of 16, 1 of 4 */
        {{"0000000000000000", "10000000", "00000000", "1"}, false},                     /* 17 apart */
        {{"0000000000000000", "10000000", "0000000", "1"}, true},                       /* 16 apart */
        {{"0000000000000000", "0000000000000000", "0000000000000000", "0000000100000010"},
         true}, /* 2 of 64 */
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; ++c) {
        void *guard = none->create(&setup);
        bool last = false;
        none->ramps(guard, &set, &costs);
        for (size_t i = 0; cases[c].batch[i]; ++i)
            last = triggers(guard, &set, cases[c].batch[i]);
        cr_expect_eq(last, cases[c].triggers, "case %zu", c);
        none->destroy(guard);
    }
    struct ofr_inputs inputs = {.profile = profile};
    ofr_inputs_release(&inputs);
}

/* ---- best index 0 ---- */

/* Two ramps; only leaving at the first one saves anything. The artifact takes its index, 0, for "none found". */
Test(slips, best_index_0_means_none)
{
    const double score[] = {0.1, 0.2, 0.3, 0.4}, unsure[] = {0.9, 0.9, 0.9, 0.9};
    const uint8_t agrees[] = {1, 1, 1, 0}, wrong[] = {0, 0, 0, 0};
    const struct ofr_tuner_costs costs = {.vanilla = 10.0, .leave = {2.0, 4.0, 10.0}};
    struct ofr_tuner *tuner = NULL;
    struct ofr_tuner_result result;
    cr_assert_eq(ofr_tuner_create(&tuner, 64, 2, NULL), 0);
    ofr_tuner_window(tuner, 4, 2);
    ofr_tuner_column(tuner, 0, score, agrees);
    ofr_tuner_column(tuner, 1, unsure, wrong);
    ofr_tuner_set_costs(tuner, &costs);
    ofr_tuner_greedy(tuner, 0, &result);
    cr_expect_eq(result.exits[0], 3);
    cr_expect_eq(result.exits[1], 0);
    cr_expect_eq(result.threshold[1], 0.0);
    ofr_tuner_free(tuner);
}

/* ---- decisions made beforehand ---- */

/* The artifact plans all batches from vanilla times, so that the cost of ramps never comes back as waiting. Here ramps
 * that nobody leaves at make every batch longer, and near saturation that makes queues longer by more than the ramps
 * themselves. Fails when the executor's batches end as if there were no ramps. */
Test(slips, batches_are_planned_from_vanilla_times)
{
    struct ofr_inputs inputs = {.profile = fixture_profile(8, sizes, 1, 400000, 0, 4000),
                                .recording = fixture_recording(20000, 8, 5)};
    struct ofr_run vanilla, ramps;
    static const char text[] = "requests: 20000\nmodel: {profile: m, recording: m}\n"
                               "arrivals: {process: poisson, rate: 2.3k/s}\n"
                               "batching: {policy: fifo, max_batch: 1}\nexits: {policy: %s}\n";
    char with[512], without[512];
    snprintf(with, sizeof with, text, "static, thresholds: 0");
    snprintf(without, sizeof without, text, "vanilla");
    fixture_run(&vanilla, without, &inputs, NULL);
    fixture_run(&ramps, with, &inputs, NULL);
    double added_ns =
        ofr_histogram_mean(&ramps.summary.service) - ofr_histogram_mean(&vanilla.summary.service);
    double waited_ns =
        ofr_histogram_mean(&ramps.summary.queueing) - ofr_histogram_mean(&vanilla.summary.queueing);
    cr_expect_float_eq(added_ns, 32000, 600, "%g", added_ns);
    cr_expect_gt(waited_ns, 10 * added_ns, "%g ns of ramps, %g ns more in the queue", added_ns, waited_ns);
    ofr_run_release(&vanilla);
    ofr_run_release(&ramps);
    ofr_inputs_release(&inputs);
}

/* ---- reading ahead ---- */

enum {
    CHANGED_FROM = 10000 /* inputs from here on are others in the second recording */
};
#define RATE "8k/s" /* batches of many: feedback of one reaches far */

struct early_decisions {
    int64_t until_ns; /* decisions from here on do not count */
    uint64_t sum;     /* of thresholds and times, mixed */
    uint32_t count;
};

static void mix_decision(void *state, const struct ofr_decision_row *decision)
{
    struct early_decisions *early = state;
    if (decision->decided_ns >= early->until_ns)
        return;
    uint64_t bits;
    early->sum = early->sum * 31 + (uint64_t)decision->decided_ns;
    for (uint32_t k = 0; k < decision->config.ramps; ++k) {
        memcpy(&bits, &decision->config.threshold[k], sizeof bits);
        early->sum = early->sum * 31 + bits + decision->config.site[k];
    }
    early->count++;
}

static struct early_decisions decisions_until(const struct ofr_inputs *inputs, const char *exits,
                                              int64_t until_ns)
{
    struct early_decisions early = {.until_ns = until_ns};
    struct ofr_observer observer = {
        .state = &early, .batch = ignore_batch, .lost = ignore_lost, .decision = mix_decision};
    struct ofr_run run;
    run_policy(&run, inputs, exits, RATE, &observer);
    ofr_run_release(&run);
    return early;
}

static void note_arrival(void *state, const struct ofr_batch_row *batch, const struct ofr_request_row *rows,
                         uint32_t count)
{
    (void)batch;
    for (uint32_t i = 0; i < count; ++i)
        if (rows[i].id == CHANGED_FROM)
            *(int64_t *)state = rows[i].arrival_ns;
}

static void ignore_decision(void *state, const struct ofr_decision_row *decision)
{
    (void)state, (void)decision;
}

static int64_t arrival_of_the_first_changed(const struct ofr_inputs *inputs)
{
    int64_t arrival_ns = 0;
    struct ofr_observer observer = {
        .state = &arrival_ns, .batch = note_arrival, .lost = ignore_lost, .decision = ignore_decision};
    struct ofr_run run;
    run_policy(&run, inputs, "vanilla", RATE, &observer);
    ofr_run_release(&run);
    return arrival_ns;
}

/* What the policy decides before an input arrives does not depend on that input. Fails when the simulator's executor
 * hands back the scores of samples a few batches further on. */
Test(slips, the_tuner_reads_ahead)
{
    struct ofr_inputs inputs = {.profile = fixture_profile(8, sizes, 5, 400000, 50000, 500),
                                .recording = fixture_recording(20000, 8, 11)};
    static const char *const guards[] = {"apparate, guard: none", "apparate, guard: conformal", "apparate"};
    int64_t until_ns = arrival_of_the_first_changed(&inputs);
    struct early_decisions before[3], all[3];
    for (size_t g = 0; g < 3; ++g) {
        before[g] = decisions_until(&inputs, guards[g], until_ns);
        all[g] = decisions_until(&inputs, guards[g], INT64_MAX);
    }
    for (uint32_t i = CHANGED_FROM; i < 20000; ++i)
        for (uint32_t k = 0; k < 8; ++k) {
            inputs.recording->answer[i * 8 + k] = (uint16_t)(9 - inputs.recording->answer[i * 8 + k]);
            inputs.recording->top1[i * 8 + k] *= 0.75F;
        }
    for (size_t g = 0; g < 3; ++g) {
        struct early_decisions again = decisions_until(&inputs, guards[g], until_ns);
        cr_expect_gt(again.count, 5);
        cr_expect_eq(again.sum, before[g].sum, "%s", guards[g]);
        cr_expect_neq(decisions_until(&inputs, guards[g], INT64_MAX).sum, all[g].sum,
                      "%s: the change did not matter, this test shows nothing", guards[g]);
    }
    ofr_inputs_release(&inputs);
}
