/* Mode cascade and its policy: a timeline worked out by hand, random ones by a second, naive simulation, and the
 * invariants where two stages could break them. Each test says how to break the code so that it fails. */
#include "tests/support/cascade_oracle.h"

#include "sim/policy/policies.h"

#include <inttypes.h>
#include <xxhash.h>

static const uint32_t sizes[] = {1, 2, 4, 8};

/* Times that differ in every digit, so that a term left out or counted twice shows. */
static struct ofr_inputs make_inputs(uint32_t samples)
{
    struct ofr_inputs inputs = {.profile = fixture_profile(3, sizes, 4, 400000, 50000, 7000),
                                .recording = fixture_recording(samples, 3, 7)};
    inputs.profile->dispatch_ns = 1100;
    inputs.profile->release_ns = 900;
    for (uint32_t b = 0; b < 4; ++b) {
        inputs.profile->copy_in_ns[b] = 2000 + b;
        inputs.profile->copy_out_ns[b] = 3000 + b;
        for (uint32_t site = 0; site < 3; ++site)
            inputs.profile->ramp_delay_ns[b * 3 + site] += 500; /* forked: it adds less than it takes */
    }
    return inputs;
}

/* ---- by hand ---- */

/* Samples 0, 2, 4 ... are sure at site 1, the others are not. Three requests, 100 us apart, batches of one:
 *
 *   first model   1.1 + 2 + 225 + 7.5 + 3 = 238.6 us (until site 1 of 450 us: 225; its own delay 7.5)
 *   second model  1.1 + 2 + 450 + 3       = 456.1 us
 *
 *   #0 arrives   0, first model   0 .. 238.6, sure: answered at 238.6
 *   #1 arrives 100, first model 238.6 .. 477.2, unsure; second model 477.2 .. 933.3 at once, before #2
 *   #2 arrives 200, first model 933.3 .. 1171.9, sure
 *
 * Ask the first queue first (serve.c: dispatch), and #2 comes before #1. */
static void three_by_hand(const char *scenario)
{
    struct ofr_inputs inputs = make_inputs(100);
    for (uint32_t i = 0; i < 100; ++i)
        inputs.recording->top1[i * 3 + 1] = i % 2 ? 0.5F : 0.99F;
    struct seen seen = {0};
    struct ofr_observer observer = seen_observer(&seen);
    struct ofr_run run;
    fixture_run(&run, scenario, &inputs, &observer);
    int64_t start_ns = seen.last[0].arrival_ns;
    static const int64_t dispatched[] = {0, 477200, 933300}, released[] = {238600, 933300, 1171900};
    static const uint16_t site[] = {1, 3, 1};
    for (uint32_t i = 0; i < 3; ++i) {
        cr_expect_eq(seen.last[i].dispatched_ns - start_ns, dispatched[i], "request %u", i);
        cr_expect_eq(seen.last[i].released_ns - start_ns, released[i], "request %u", i);
        cr_expect_eq(seen.last[i].exit_site, site[i], "request %u", i);
        cr_expect_eq(seen.last[i].deadline_ns, seen.last[i].arrival_ns + 900000, "request %u", i);
    }
    cr_expect_eq(seen.last[0].outcome, OFR_OUTCOME_OK);
    cr_expect_eq(seen.last[1].outcome, OFR_OUTCOME_OK, "933.3 us is within 100 + 900 us");
    cr_expect_eq(seen.last[2].outcome, OFR_OUTCOME_LATE, "1171.9 us is not within 200 + 900 us");
    cr_expect_eq(seen.onward[1].outcome, OFR_OUTCOME_ONWARD);
    cr_expect_eq(seen.onward[1].dispatched_ns - start_ns, 238600);
    cr_expect_eq(seen.onward[1].ended_ns - start_ns, 477200);
    cr_expect_eq(seen.onward[1].released_ns, -1);
    cr_expect_eq(seen.last[1].admitted_ns, seen.onward[1].ended_ns, "it joins the second queue at once");
    cr_expect_eq(run.summary.batches, 4);
    cr_expect_eq(run.summary.offered, 3);
    ofr_run_release(&run);
    ofr_inputs_release(&inputs);
}

#define THREE(model)                                                                                         \
    "requests: 3\nslo: 900us\nmodel: {profile: m, recording: m" model "}\n"                                  \
    "arrivals: {process: fixed, rate: 10k/s}\nbatching: {policy: fifo, max_batch: 1}\n"                      \
    "exits: {policy: twolayer, mode: cascade, ramp: site1, threshold: 0.1}\n"

Test(cascade, three_requests_by_hand)
{
    three_by_hand(THREE(""));
    three_by_hand(THREE(", without: [release]")); /* answers come with the batch's end, not as a ramp's do */
    three_by_hand(THREE(", release: 1ms"));
}

/* ---- against the oracle ---- */

/* Break the priority, the order of the second queue, a term of the first model's time, the bound of either queue, the
 * hand-over at the end of the batch, or charge the ramp to the second model. */
Test(cascade, random_worlds_as_the_oracle_says)
{
    struct ofr_inputs inputs = make_inputs(1000);
    uint64_t onward = 0, rejected = 0, late = 0;
    for (uint64_t seed = 1; seed <= 60; ++seed) {
        struct oracle_world world = oracle_world_random(&inputs, seed);
        char text[512];
        snprintf(text, sizeof text,
                 "requests: %d\nseed: %" PRIu64 "\nservers: %u\nslo: 3ms\n"
                 "model: {profile: m, recording: m, samples: random}\n"
                 "arrivals: {process: poisson, rate: %.0f/s}\n"
                 "batching: {policy: fifo, max_batch: %u, max_queue: %u}\n"
                 "exits: {policy: twolayer, mode: cascade, ramp: %u, threshold: %.17g}\n",
                 ORACLE_REQUESTS, seed, world.servers, world.rate, world.max_batch, world.max_queue,
                 world.site, world.threshold);
        struct seen seen = {0};
        struct ofr_observer observer = seen_observer(&seen);
        struct ofr_run run;
        fixture_run(&run, text, &inputs, &observer);
        oracle_run(&world, &seen);
        oracle_expect_same(&world, &seen, text);
        onward += world.onward;
        rejected += run.summary.outcome[OFR_OUTCOME_REJECTED];
        late += run.summary.outcome[OFR_OUTCOME_LATE];
        ofr_run_release(&run);
    }
    cr_expect(onward > 1000 && rejected > 100 && late > 100,
              "worlds too easy: %" PRIu64 " went on, %" PRIu64 " rejected, %" PRIu64 " late", onward,
              rejected, late);
    ofr_inputs_release(&inputs);
}

/* ---- I6 ---- */

/* Everybody goes on: each batch runs twice in a row, which is vanilla with the first model's time on top. Let
 * ofr_exit_below use `<=` and those of score 0 stay; charge the ramp in the second stage, and times differ. */
Test(cascade, I6_threshold_zero_is_vanilla_plus_the_first_model)
{
    struct ofr_inputs inputs = make_inputs(5000), plain = make_inputs(5000);
    for (uint32_t i = 0; i < 5000 * 3; i += 7)
        inputs.recording->top1[i] = 1.0F; /* score exactly 0: strictness matters */
    for (uint32_t b = 0; b < 4; ++b)
        plain.profile->until_ns[b * 4 + 3] += oracle_first_ns(inputs.profile, sizes[b], 2);
    static const char scenario[] = "requests: 400\nmodel: {profile: m, recording: m}\n"
                                   "arrivals: {process: poisson, rate: 3k/s}\n"
                                   "batching: {policy: fifo, max_batch: 8}\n";
    char text[512];
    struct seen cascade = {0}, vanilla = {0};
    struct ofr_observer observer[] = {seen_observer(&cascade), seen_observer(&vanilla)};
    struct ofr_run run[2];
    snprintf(text, sizeof text, "%sexits: {policy: twolayer, mode: cascade, ramp: site2, threshold: 0}\n",
             scenario);
    fixture_run(&run[0], text, &inputs, &observer[0]);
    fixture_run(&run[1], scenario, &plain, &observer[1]);
    cr_expect_eq(run[0].summary.exits[3], 400);
    cr_expect_eq(run[0].summary.batches, 2 * run[1].summary.batches);
    cr_expect_lt(run[1].summary.batches, 350, "no batch had company: this test tests little");
    for (uint32_t i = 0; i < 400; ++i) {
        cr_expect_eq(cascade.last[i].released_ns, vanilla.last[i].released_ns, "request %u", i);
        cr_expect_eq(cascade.onward[i].dispatched_ns, vanilla.last[i].dispatched_ns, "request %u", i);
        cr_expect_eq(cascade.last[i].answer, vanilla.last[i].answer, "request %u", i);
    }
    ofr_run_release(&run[0]);
    ofr_run_release(&run[1]);
    ofr_inputs_release(&inputs);
    ofr_inputs_release(&plain);
}

/* ---- I1, I2, I3, I5 with every batcher ---- */

static const char *const batching[] = {
    "{policy: fifo, max_batch: 8}",
    "{policy: fifo, max_batch: 8, max_queue: 10}",
    "{policy: tfserving, max_batch: 8, batch_timeout: 300us, max_enqueued_batches: 3}",
    "{policy: triton, max_batch: 8, preferred_batch_size: [4], max_queue_delay: 500us, default_timeout: 2ms}",
    "{policy: triton, max_batch: 8, hold_until: 6, default_timeout: 800us}",
    "{policy: triton, max_batch: 8, hold_until: 6}",
    "{policy: clockwork, max_batch: 8, buffer: 300us, schedule_ahead: 2ms}",
};

static const char *const endings[] = {"requests: 3000\n", "duration: 150ms\nend: cut\n", "requests: 13\n",
                                      "requests: 7\n"};

struct order {
    XXH64_state_t *hash;
    uint64_t finals;
    bool holds;
};

static void order_row(struct order *order, const struct ofr_request_row *row)
{
    uint64_t words[] = {row->id,
                        (uint64_t)row->admitted_ns,
                        (uint64_t)row->dispatched_ns,
                        (uint64_t)row->released_ns,
                        (uint64_t)row->ended_ns,
                        (uint64_t)row->batch,
                        row->outcome};
    XXH64_update(order->hash, words, sizeof words);
    order->finals += row->outcome != OFR_OUTCOME_ONWARD;
}

static void order_batch(void *state, const struct ofr_batch_row *batch, const struct ofr_request_row *rows,
                        uint32_t count)
{
    struct order *order = state;
    order->holds &= count == batch->size;
    for (uint32_t i = 0; i < count; ++i) {
        const struct ofr_request_row *row = &rows[i];
        order_row(order, row);
        order->holds &= row->arrival_ns <= row->admitted_ns && row->admitted_ns <= row->dispatched_ns &&
                        row->dispatched_ns <= row->ended_ns &&
                        (row->released_ns < 0 ||
                         (row->dispatched_ns <= row->released_ns && row->released_ns <= row->ended_ns));
    }
}

static void order_lost(void *state, const struct ofr_request_row *row)
{
    order_row(state, row);
}

static void order_decision(void *state, const struct ofr_decision_row *decision)
{
    (void)state, (void)decision;
}

static uint64_t run_ordered(const char *text, const struct ofr_inputs *inputs)
{
    struct order order = {.hash = XXH64_createState(), .holds = true};
    XXH64_reset(order.hash, 0);
    struct ofr_observer observer = {
        .state = &order, .batch = order_batch, .lost = order_lost, .decision = order_decision};
    struct ofr_run run;
    fixture_run(&run, text, inputs, &observer);
    uint64_t sum = 0;
    for (int i = 0; i < OFR_OUTCOMES; ++i)
        sum += run.result.outcome[i];
    cr_expect_eq(sum, run.result.offered, "I1: %s", text);
    cr_expect_eq(order.finals, run.result.offered, "I1: %s", text);
    cr_expect_eq(run.summary.offered, run.result.offered, "I1: %s", text);
    cr_expect(order.holds, "I3: %s", text);
    ofr_run_release(&run);
    uint64_t digest = XXH64_digest(order.hash);
    XXH64_freeState(order.hash);
    return digest;
}

/* Count a request when it goes on, lose one that the second queue rejects, forget the second queue at a cut, or never
 * tell the second batcher that nobody will come (`drains`: return false): I1 and I4 break. */
Test(cascade, I1_I3_I5_with_every_batcher)
{
    struct ofr_inputs inputs = make_inputs(1000);
    for (size_t b = 0; b < sizeof batching / sizeof *batching; ++b)
        for (size_t e = 0; e < sizeof endings / sizeof *endings; ++e)
            for (int servers = 1; servers <= 3; servers += 2) {
                char text[512];
                snprintf(text, sizeof text,
                         "%sservers: %d\nslo: 5ms\nmodel: {profile: m, recording: m, samples: random}\n"
                         "arrivals: {process: gamma, rate: %dk/s, cv: 3}\nbatching: %s\n"
                         "exits: {policy: twolayer, mode: cascade, ramp: 0, threshold: 0.3}\n",
                         endings[e], servers, 4 * servers, batching[b]);
                cr_expect_eq(run_ordered(text, &inputs), run_ordered(text, &inputs), "I5: %s", text);
            }
    ofr_inputs_release(&inputs);
}

/* ---- a batcher that waits for company beside one that gives up ---- */

struct keeper {
    uint32_t slot[4], count;
    bool patient; /* waits until nobody can come any more; else it gives up the second request */
};

static int keeper_enqueue(void *state, const struct ofr_batcher_view *view, uint32_t slot,
                          struct ofr_error *err)
{
    struct keeper *keeper = state;
    (void)view, (void)err;
    keeper->slot[keeper->count++] = slot;
    return 1;
}

static bool keeper_next(void *state, const struct ofr_batcher_view *view, struct ofr_plan *plan)
{
    struct keeper *keeper = state;
    if (view->idle_server < 0 || keeper->count == 0 || (keeper->patient && !view->draining))
        return false;
    uint32_t slot = keeper->slot[--keeper->count];
    if (!keeper->patient && view->request[slot].id == 1) {
        view->discard(view->host, slot, OFR_OUTCOME_DROPPED);
        return false;
    }
    plan->slot[0] = slot;
    plan->count = 1;
    plan->reason = OFR_REASON_FLUSH;
    return true;
}

static uint32_t keeper_waiting(const void *state)
{
    return ((const struct keeper *)state)->count;
}

static uint32_t keeper_max_batch(const void *state)
{
    (void)state;
    return 1;
}

static int two_arrivals(void *state, struct ofr_arrival *out, uint32_t max, struct ofr_error *err)
{
    int64_t *next_ns = state;
    (void)max, (void)err;
    out[0] = (struct ofr_arrival){.time_ns = *next_ns};
    *next_ns += 1000;
    return 1;
}

/* #0 is not sure and waits in the second queue for #1, which waits in the first until its batcher gives it up: at that
 * very moment #0 has to go. Let `discard` not ask for another round (serve.c), and it stays for ever. */
Test(cascade, nobody_waits_for_one_who_was_given_up)
{
    struct ofr_inputs inputs = make_inputs(10);
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_batcher_ops ops = {.enqueue = keeper_enqueue,
                                  .next = keeper_next,
                                  .waiting = keeper_waiting,
                                  .max_batch = keeper_max_batch};
    struct ofr_arrival_ops arrivals = {.next = two_arrivals};
    struct keeper hasty = {0}, patient = {.patient = true};
    struct seen seen = {0};
    struct ofr_clock_virtual clock;
    int64_t slo_ns = -1, next_ns = 0;
    struct ofr_sim_executor *executor = NULL;
    struct ofr_sim_executor_setup running = {.profile = {inputs.profile, inputs.profile},
                                             .recording = inputs.recording};
    cr_assert_eq(ofr_sim_executor_create(&executor, &running, &err), 0);
    struct ofr_serve_setup setup = {
        .executor = {.ops = &ofr_sim_executor_ops, .state = executor},
        .arrivals = {.ops = &arrivals, .state = &next_ns},
        .batcher = &ops,
        .mode = ofr_modes[1],
        .stage = {{&hasty, inputs.profile}, {&patient, inputs.profile}},
        .sites = 3,
        .policy = ofr_policy_find("twolayer"),
        .first_config = {.ramps = 1, .site = {0}, .threshold = {0.0}},
        .observer = {seen_observer(&seen)},
        .observers = 1,
        .servers = 1,
        .streams = 1,
        .slo_ns = &slo_ns,
        .samples = 10,
        .requests = 2,
        .duration_ns = -1,
    };
    ofr_clock_virtual_init(&setup.clock, &clock, 0);
    struct ofr_serve_result result;
    cr_assert_eq(ofr_serve_run(&setup, &result, &err), 0, "%s", err.text);
    cr_expect_eq(result.outcome[OFR_OUTCOME_OK], 1);
    cr_expect_eq(result.outcome[OFR_OUTCOME_DROPPED], 1);
    cr_expect_eq(seen.last[0].dispatched_ns, seen.last[1].ended_ns);
    ofr_sim_executor_destroy(executor);
    ofr_inputs_release(&inputs);
}

/* ---- a first model of its own ---- */

/* Its whole pass is what the first stage costs, at its own batch sizes. */
Test(cascade, first_profile_replaces_the_first_model)
{
    static const uint32_t own[] = {3, 9};
    struct ofr_inputs inputs = make_inputs(100);
    inputs.first_profile = fixture_profile(1, own, 2, 30000, 1000, 555);
    struct seen seen = {0};
    struct ofr_observer observer = seen_observer(&seen);
    struct ofr_run run;
    fixture_run(&run,
                "requests: 1\nmodel: {profile: m, recording: m, first_profile: m}\n"
                "arrivals: {process: fixed, rate: 1/s}\n"
                "exits: {policy: twolayer, mode: cascade, ramp: 0, threshold: 0}\n",
                &inputs, &observer);
    cr_expect_eq(seen.onward[0].ended_ns - seen.onward[0].dispatched_ns, 33000);
    cr_expect_eq(seen.batch_padded[0], 3);
    cr_expect_eq(seen.last[0].released_ns - seen.last[0].dispatched_ns, 456100);
    cr_expect_eq(seen.batch_padded[1], 1);
    ofr_run_release(&run);
    ofr_inputs_release(&inputs);
}
