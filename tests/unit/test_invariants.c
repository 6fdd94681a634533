/* The numbered invariants of the decision core. Each test says how to break the code so that it fails. */
#include "tests/support/fixture.h"

#include "sim/policy/policies.h"

#include <inttypes.h>
#include <xxhash.h>

static const uint32_t batches[] = {1, 2, 4, 8, 16};

static struct ofr_inputs make_inputs(int64_t ramp_ns)
{
    return (struct ofr_inputs){.profile = fixture_profile(4, batches, 5, 400000, 50000, ramp_ns),
                               .recording = fixture_recording(5000, 4, 7)};
}

/* ---- an observer that checks every row and keeps a hash of all of them ---- */

struct witness {
    XXH64_state_t *hash;
    uint64_t requests, decisions;
    int64_t last_end_ns;
    bool in_order;
};

static void hash_row(struct witness *witness, const struct ofr_request_row *row)
{
    uint64_t words[] = {row->id,
                        (uint64_t)row->arrival_ns,
                        (uint64_t)row->admitted_ns,
                        (uint64_t)row->dispatched_ns,
                        (uint64_t)row->released_ns,
                        (uint64_t)row->ended_ns,
                        (uint64_t)row->batch,
                        row->sample,
                        row->exit_site,
                        row->outcome,
                        row->agrees};
    XXH64_update(witness->hash, words, sizeof words);
    witness->requests++;
}

static bool is_released(const struct ofr_request_row *row)
{
    return row->outcome == OFR_OUTCOME_OK || row->outcome == OFR_OUTCOME_LATE;
}

static void see_batch(void *state, const struct ofr_batch_row *batch, const struct ofr_request_row *rows,
                      uint32_t count)
{
    struct witness *witness = state;
    witness->in_order &= batch->ended_ns >= witness->last_end_ns;
    witness->last_end_ns = batch->ended_ns;
    for (uint32_t i = 0; i < count; ++i) {
        const struct ofr_request_row *row = &rows[i];
        hash_row(witness, row);
        if (is_released(row))
            witness->in_order &= row->arrival_ns <= row->admitted_ns &&
                                 row->admitted_ns <= row->dispatched_ns &&
                                 row->dispatched_ns <= row->released_ns && row->released_ns <= row->ended_ns;
    }
}

static void see_lost(void *state, const struct ofr_request_row *row)
{
    hash_row(state, row);
}

static void see_decision(void *state, const struct ofr_decision_row *decision)
{
    struct witness *witness = state;
    witness->decisions++;
    witness->in_order &= decision->decided_ns <= decision->applied_ns;
}

static uint64_t run_witnessed(const char *text, const struct ofr_inputs *inputs, struct ofr_run *run,
                              struct witness *witness)
{
    *witness = (struct witness){.hash = XXH64_createState(), .in_order = true};
    XXH64_reset(witness->hash, 0);
    struct ofr_observer observer = {
        .state = witness, .batch = see_batch, .lost = see_lost, .decision = see_decision};
    fixture_run(run, text, inputs, &observer);
    uint64_t digest = XXH64_digest(witness->hash);
    XXH64_freeState(witness->hash);
    return digest;
}

/* ---- scenarios that between them use every batcher, outcome and load ---- */

static const char *const batching[] = {
    "{policy: fifo, max_batch: 8}",
    "{policy: fifo, max_batch: 8, max_queue: 20}",
    "{policy: tfserving, max_batch: 8, batch_timeout: 300us, max_enqueued_batches: 3}",
    "{policy: triton, max_batch: 16, preferred_batch_size: [4, 8], max_queue_delay: 500us, default_timeout: "
    "4ms}",
    "{policy: clockwork, max_batch: 16, buffer: 500us, schedule_ahead: 2ms}",
};

static const char *const load[] = {
    "{process: poisson, rate: 500/s}", "{process: gamma, rate: 6k/s, cv: 3}",
    "{process: poisson, rate: 20k/s}",
    "{streams: [{process: fixed, rate: 100/s, count: 30, spread: 10ms, phases: "
    "random}]}"};

static void each_scenario(void (*check)(const char *text, const struct ofr_inputs *inputs))
{
    struct ofr_inputs inputs = make_inputs(20000);
    for (size_t b = 0; b < sizeof batching / sizeof *batching; ++b)
        for (size_t l = 0; l < sizeof load / sizeof *load; ++l)
            for (int servers = 1; servers <= 3; servers += 2) {
                char text[1024];
                snprintf(
                    text, sizeof text,
                    "requests: 5000\nservers: %d\nslo: 6ms\nmodel: {profile: m, recording: m}\narrivals: %s\n"
                    "batching: %s\nexits: {policy: static, thresholds: 0.2}\n",
                    servers, load[l], batching[b]);
                check(text, &inputs);
            }
    ofr_inputs_release(&inputs);
}

/* I1: forget one rejected request in serve__lose (return before emitting) and the counts differ. */
static void check_conservation(const char *text, const struct ofr_inputs *inputs)
{
    struct ofr_run run;
    struct witness witness;
    run_witnessed(text, inputs, &run, &witness);
    uint64_t sum = 0;
    for (int i = 0; i < OFR_OUTCOMES; ++i) {
        sum += run.summary.outcome[i];
        cr_expect_eq(run.summary.outcome[i], run.result.outcome[i]);
    }
    cr_expect_eq(sum, 5000, "%s", text);
    cr_expect_eq(witness.requests, 5000, "%s", text);
    cr_expect_eq(run.summary.offered, 5000);
    ofr_run_release(&run);
}

Test(invariants, I1_conservation)
{
    each_scenario(check_conservation);
}

/* I1 at a cut: what is still in the system is unfinished. */
Test(invariants, I1_conservation_when_cut)
{
    struct ofr_inputs inputs = make_inputs(20000);
    for (size_t b = 0; b < sizeof batching / sizeof *batching; ++b) {
        char text[1024];
        snprintf(text, sizeof text,
                 "duration: 200ms\nend: cut\nmodel: {profile: m, recording: m}\n"
                 "arrivals: {process: poisson, rate: 30k/s}\nbatching: %s\nexits: {policy: static, "
                 "thresholds: 0.2}\n",
                 batching[b]);
        struct ofr_run run;
        struct witness witness;
        run_witnessed(text, &inputs, &run, &witness);
        uint64_t sum = 0;
        for (int i = 0; i < OFR_OUTCOMES; ++i)
            sum += run.summary.outcome[i];
        cr_expect_eq(sum, run.summary.offered);
        cr_expect_eq(run.summary.end_ns, 200000000);
        cr_expect_gt(run.summary.outcome[OFR_OUTCOME_UNFINISHED], 0, "%s", text);
        ofr_run_release(&run);
    }
    ofr_inputs_release(&inputs);
}

/* I2, I3: release an answer before its dispatch in lay_out (drop `batch->dispatched_ns +`) and the core stops
 * with I3; remove the core's own check too and this one fails. */
static void check_order(const char *text, const struct ofr_inputs *inputs)
{
    struct ofr_run run;
    struct witness witness;
    run_witnessed(text, inputs, &run, &witness);
    cr_expect(witness.in_order, "%s", text);
    ofr_run_release(&run);
}

Test(invariants, I2_I3_order)
{
    each_scenario(check_order);
}

/* I2: an arrival process that runs backwards is caught by the core. */
struct backwards {
    int64_t next_ns;
};

static int backwards_next(void *state, struct ofr_arrival *out, uint32_t max, struct ofr_error *err)
{
    (void)max, (void)err;
    struct backwards *process = state;
    out[0] = (struct ofr_arrival){.time_ns = process->next_ns};
    process->next_ns -= 1000;
    return 1;
}

static int run_with(const struct ofr_arrival_ops *arrivals, void *arrival_state,
                    const struct ofr_batcher_ops *batcher, void *batcher_state,
                    const struct offramp_policy_ops *policy, void *policy_state,
                    const struct offramp_exit_config *first, const struct ofr_inputs *inputs,
                    const struct ofr_observer *observer, uint64_t requests, struct ofr_error *err)
{
    struct ofr_sim_executor_setup setup = {
        .profile = {inputs->profile}, .recording = inputs->recording, .feedback = true, .seed = 1};
    struct ofr_sim_executor *executor = NULL;
    cr_assert_eq(ofr_sim_executor_create(&executor, &setup, err), 0);
    struct ofr_clock_virtual now;
    int64_t slo_ns = -1;
    struct ofr_serve_setup serve = {
        .executor = {.ops = &ofr_sim_executor_ops, .state = executor},
        .stage = {{.batcher_state = batcher_state, .profile = inputs->profile}},
        .sites = inputs->profile->sites,
        .arrivals = {.ops = arrivals, .state = arrival_state},
        .batcher = batcher,
        .policy = policy,
        .policy_state = policy_state,
        .servers = 1,
        .streams = 1,
        .slo_ns = &slo_ns,
        .samples = inputs->recording->samples,
        .requests = requests,
        .duration_ns = -1,
        .feedback_ns = inputs->profile->feedback_ns,
        .seed = 42,
    };
    if (first)
        serve.first_config = *first;
    if (observer)
        serve.observer[serve.observers++] = *observer;
    ofr_clock_virtual_init(&serve.clock, &now, 0);
    struct ofr_serve_result result;
    int rc = ofr_serve_run(&serve, &result, err);
    ofr_sim_executor_destroy(executor);
    return rc;
}

static void *make_fifo(const struct ofr_inputs *inputs, const struct ofr_batcher_ops **ops)
{
    struct ofr_error err = OFR_ERROR_INIT;
    *ops = ofr_batcher_find("fifo");
    char values[OFR_OPTIONS_MAX];
    const struct ofr_component *component = &(*ops)->component;
    cr_assert_eq(ofr_options_bind(component->options, component->option_count, values,
                                  component->options_size, NULL, &err),
                 0, "%s", err.text);
    struct ofr_batcher_setup setup = {.profile = inputs->profile, .servers = 1, .seed = 1};
    void *state = NULL;
    cr_assert_eq((*ops)->create(&state, &setup, values, &err), 0, "%s", err.text);
    return state;
}

Test(invariants, I2_clock_never_runs_back)
{
    struct ofr_inputs inputs = make_inputs(0);
    const struct ofr_batcher_ops *fifo;
    void *state = make_fifo(&inputs, &fifo);
    struct ofr_arrival_ops ops = {.next = backwards_next};
    struct backwards process = {.next_ns = 5000};
    struct ofr_error err = OFR_ERROR_INIT;
    int rc = run_with(&ops, &process, fifo, state, ofr_policy_find("vanilla"), NULL, NULL, &inputs, NULL, 10,
                      &err);
    cr_expect_eq(rc, OFR_E_BUG);
    cr_expect(strstr(err.text, "I2") && strstr(err.text, "seed 42"), "%s", err.text);
    fifo->destroy(state);
    ofr_inputs_release(&inputs);
}

/* I4: a batcher that keeps requests back for no reason is caught by the core. */
static int keep(void *state, const struct ofr_batcher_view *view, uint32_t slot, struct ofr_error *err)
{
    (void)view, (void)slot, (void)err;
    ++*(uint32_t *)state;
    return 1;
}

static bool never(void *state, const struct ofr_batcher_view *view, struct ofr_plan *plan)
{
    (void)state, (void)view, (void)plan;
    return false;
}

static uint32_t kept(const void *state)
{
    return *(const uint32_t *)state;
}

static uint32_t one(const void *state)
{
    (void)state;
    return 1;
}

Test(invariants, I4_work_conserving_unless_told_otherwise)
{
    struct ofr_inputs inputs = make_inputs(0);
    struct ofr_batcher_ops lazy = {.enqueue = keep, .next = never, .waiting = kept, .max_batch = one};
    uint32_t waiting = 0;
    const struct ofr_arrival_ops *fixed = ofr_arrival_find("fixed");
    struct ofr_error err = OFR_ERROR_INIT;
    char values[OFR_OPTIONS_MAX];
    struct ofr_config *config = NULL;
    const char *text = "rate: 1k/s\n";
    cr_assert_eq(ofr_config_parse(&config, "t", text, strlen(text), &err), 0);
    cr_assert_eq(ofr_options_bind(fixed->component.options, fixed->component.option_count, values,
                                  fixed->component.options_size, ofr_config_root(config), &err),
                 0, "%s", err.text);
    void *arrivals = NULL;
    cr_assert_eq(fixed->create(&arrivals, &(struct ofr_arrival_setup){.seed = 1}, values, &err), 0);
    int rc = run_with(fixed, arrivals, &lazy, &waiting, ofr_policy_find("vanilla"), NULL, NULL, &inputs, NULL,
                      3, &err);
    cr_expect_eq(rc, OFR_E_BUG);
    cr_expect(strstr(err.text, "I4"), "%s", err.text);
    fixed->destroy(arrivals);
    ofr_config_free(config);
    ofr_inputs_release(&inputs);
}

/* I5: seed anything from the address of an object or the wall clock and the hashes differ: tried with arrivals,
 * phases, samples and execution times. */
static void check_same_bytes(const char *text, const struct ofr_inputs *inputs)
{
    struct ofr_run run;
    struct witness witness;
    char drawn[1100];
    const char *model = strstr(text, "model: {");
    cr_assert_not_null(model);
    snprintf(drawn, sizeof drawn, "%.*smodel: {samples: random, noise: exponential, %s", (int)(model - text),
             text, model + strlen("model: {"));
    text = drawn;
    uint64_t first = run_witnessed(text, inputs, &run, &witness);
    ofr_run_release(&run);
    uint64_t second = run_witnessed(text, inputs, &run, &witness);
    ofr_run_release(&run);
    cr_expect_eq(first, second, "%s", text);
    char other[1200];
    snprintf(other, sizeof other, "%sseed: 99\n", text);
    uint64_t third = run_witnessed(other, inputs, &run, &witness);
    ofr_run_release(&run);
    cr_expect_neq(first, third, "another seed gave the same run: %s", text);
}

Test(invariants, I5_same_seed_same_bytes)
{
    each_scenario(check_same_bytes);
}

/* I6: let ofr_exit_below use `<=` instead of `<` and inputs of score 0 leave at threshold 0; or charge ramps to
 * the release time but not to the batch's end. */
Test(invariants, I6_thresholds_zero_is_vanilla_plus_ramp_cost)
{
    const char *scenario =
        "requests: 20000\nmodel: {profile: m, recording: m}\n"
        "arrivals: {process: poisson, rate: 6k/s}\nbatching: {policy: fifo, max_batch: 8}\n";
    char with[1024];
    snprintf(with, sizeof with, "%sexits: {policy: static, thresholds: 0, ramps: [0, 2]}\n", scenario);
    struct ofr_inputs ramps = make_inputs(20000);
    for (uint32_t i = 0; i < ramps.recording->samples * 4; i += 7)
        ramps.recording->top1[i] = 1.0F; /* score exactly 0: strictness matters */
    struct ofr_inputs plain = make_inputs(0);
    for (uint32_t b = 0; b < 5; ++b)
        plain.profile->until_ns[b * 5 + 4] += 2 * 20000;
    struct ofr_run run;
    struct witness witness;
    uint64_t charged = run_witnessed(with, &ramps, &run, &witness);
    cr_expect_eq(run.summary.exits[4], 20000);
    ofr_run_release(&run);
    uint64_t vanilla = run_witnessed(scenario, &plain, &run, &witness);
    ofr_run_release(&run);
    cr_expect_eq(charged, vanilla);
    ofr_inputs_release(&ramps);
    ofr_inputs_release(&plain);
}

/* ---- I8: a policy that reacts to feedback, and writes down what it was told and when ---- */

struct learner {
    const struct ofr_profile *profile;
    uint32_t fed;             /* rows of feedback so far */
    bool early;               /* feedback came before its batch had ended and been transferred */
    XXH64_state_t *decisions; /* of thresholds and their times */
    uint32_t hash_until;      /* rows after which decisions are no longer hashed */
};

static bool learn(void *state, const struct offramp_feedback *feedback, struct offramp_decision *decision)
{
    struct learner *learner = state;
    learner->early |= feedback->now_ns < feedback->ended_ns + learner->profile->feedback_ns;
    float sum = 0.0F;
    for (uint32_t i = 0; i < feedback->rows * feedback->config->ramps; ++i)
        sum += feedback->score[i] + (float)feedback->answer[i];
    learner->fed += feedback->rows;
    decision->config = *feedback->config;
    decision->config.threshold[0] = (double)(sum - (float)(int)sum);
    decision->changed = true;
    decision->cost_ns = 100000;
    memcpy(decision->trigger, "test", 5);
    if (learner->fed <= learner->hash_until) {
        XXH64_update(learner->decisions, &decision->config.threshold[0], sizeof(double));
        XXH64_update(learner->decisions, &feedback->now_ns, sizeof feedback->now_ns);
    }
    return true;
}

static uint64_t learn_from(const struct ofr_inputs *inputs, uint32_t hash_until)
{
    struct learner learner = {
        .profile = inputs->profile, .decisions = XXH64_createState(), .hash_until = hash_until};
    XXH64_reset(learner.decisions, 0);
    struct offramp_policy_ops policy = {
        .flags = OFFRAMP_POLICY_FEEDBACK, .name = "learner", .feedback = learn};
    struct offramp_exit_config first = {.ramps = 2, .site = {0, 2}, .threshold = {0.3, 0.3}};
    const struct ofr_batcher_ops *fifo;
    void *batcher = make_fifo(inputs, &fifo);
    struct ofr_error err = OFR_ERROR_INIT;
    char values[OFR_OPTIONS_MAX];
    const struct ofr_arrival_ops *fixed = ofr_arrival_find("fixed");
    struct ofr_config *config = NULL;
    const char *text = "rate: 5k/s\n";
    cr_assert_eq(ofr_config_parse(&config, "t", text, strlen(text), &err), 0);
    cr_assert_eq(ofr_options_bind(fixed->component.options, fixed->component.option_count, values,
                                  fixed->component.options_size, ofr_config_root(config), &err),
                 0, "%s", err.text);
    void *arrivals = NULL;
    cr_assert_eq(fixed->create(&arrivals, &(struct ofr_arrival_setup){.seed = 1}, values, &err), 0);
    cr_assert_eq(
        run_with(fixed, arrivals, fifo, batcher, &policy, &learner, &first, inputs, NULL, 4000, &err), 0,
        "%s", err.text);
    cr_expect_not(learner.early, "feedback arrived before its batch had ended and been transferred");
    cr_expect_eq(learner.fed, 4000);
    fixed->destroy(arrivals);
    fifo->destroy(batcher);
    ofr_config_free(config);
    uint64_t digest = XXH64_digest(learner.decisions);
    XXH64_freeState(learner.decisions);
    return digest;
}

/* Changing what lies in the future must not change a decision: two recordings that differ from sample 2,000
 * on give the same decisions until the first of those has been fed back. Fails when feedback is delivered at
 * dispatch (submit), or when a batch's results are filled from later samples. */
Test(invariants, I8_no_policy_reads_the_future)
{
    struct ofr_inputs inputs = make_inputs(20000);
    inputs.profile->feedback_ns = 30000;
    uint64_t before = learn_from(&inputs, 2000);
    uint64_t whole = learn_from(&inputs, 4000);
    for (uint32_t i = 2000; i < 5000; ++i) {
        inputs.recording->final_answer[i] = (uint16_t)(9 - inputs.recording->final_answer[i]);
        for (uint32_t k = 0; k < 4; ++k)
            inputs.recording->top1[i * 4 + k] = 1.0F - inputs.recording->top1[i * 4 + k] / 2.0F;
    }
    cr_expect_eq(learn_from(&inputs, 2000), before);
    cr_expect_neq(learn_from(&inputs, 4000), whole,
                  "the change did not matter at all: this test tests nothing");
    ofr_inputs_release(&inputs);
}
