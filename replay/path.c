#include "replay/path.h"

#include "replay/controller_thread.h"
#include "replay/executor.h"
#include "replay/placement.h"
#include "sim/base/config.h"
#include "sim/serve/serve.h"

#include <stdlib.h>

enum {
    FIRST = 3,     /* batches not counted: the first ones find everything cold */
    RING = 1 << 20 /* bytes; the relay's thread empties it meanwhile */
};

static const double everyone = 2.0; /* a threshold above every score */

/* ---- arrivals: bursts as large as a batch ---- */

struct bursts {
    uint32_t batch;
    uint64_t at, count;
    int64_t period_ns;
};

static int next_burst(void *state, struct ofr_arrival *out, uint32_t max, struct ofr_error *err)
{
    struct bursts *bursts = state;
    uint32_t made = 0;
    (void)err;
    for (; made < max && bursts->at < bursts->count; ++made, ++bursts->at)
        out[made] =
            (struct ofr_arrival){.time_ns = (int64_t)(bursts->at / bursts->batch) * bursts->period_ns};
    return (int)made;
}

static const struct ofr_arrival_ops bursts_ops = {.component = {.name = "bursts"}, .next = next_burst};

/* ---- a policy that takes every feedback, and changes nothing but whose turn it is ---- */

struct turns {
    struct offramp_exit_config config[2]; /* without ramps, with them: what a run begins with */
    uint32_t each, fed;
};

static bool take_turns(void *state, const struct offramp_feedback *feedback,
                       struct offramp_decision *decision)
{
    struct turns *turns = state;
    (void)feedback;
    decision->changed = turns->each && ++turns->fed % turns->each == 0;
    if (decision->changed)
        decision->config = turns->config[(turns->fed / turns->each + 1) % 2];
    return true;
}

static const struct offramp_policy_ops policy_ops = {.abi_version = OFFRAMP_POLICY_ABI_VERSION,
                                                     .flags = OFFRAMP_POLICY_FEEDBACK,
                                                     .name = "path",
                                                     .feedback = take_turns};

/* ---- what comes out ---- */

struct seen {
    struct ofr_path_sample *sample; /* [passes + FIRST], owned */
    int64_t *ended_ns;              /* [passes + FIRST], owned */
    int64_t start_ns;               /* dispatch of the first batch */
    uint32_t capacity, batches, answers;
};

static void on_batch(void *state, const struct ofr_batch_row *batch, const struct ofr_request_row *rows,
                     uint32_t count)
{
    struct seen *seen = state;
    if (seen->batches == seen->capacity)
        return;
    uint32_t i = seen->batches++;
    int64_t sum_ns = 0;
    for (uint32_t row = 0; row < count; ++row)
        sum_ns += rows[row].released_ns - rows[row].dispatched_ns;
    seen->sample[i].pass_ns = batch->ended_ns - batch->dispatched_ns;
    seen->sample[i].seen_ns = sum_ns / (int64_t)count;
    seen->sample[i].idle_ns = i ? batch->dispatched_ns - seen->ended_ns[i - 1] : 0;
    seen->sample[i].ramps = batch->ramps > 0;
    bool alike = i && seen->sample[i].ramps == seen->sample[i - 1].ramps;
    seen->sample[i].turn = alike ? seen->sample[i - 1].turn + 1 : 0;
    seen->start_ns = i ? seen->start_ns : batch->dispatched_ns;
    seen->ended_ns[i] = batch->ended_ns;
}

static void on_lost(void *state, const struct ofr_request_row *row)
{
    (void)state;
    (void)row;
}

/* The first decision is the initial configuration; then there is one for every batch, in order. */
static void on_decision(void *state, const struct ofr_decision_row *decision)
{
    struct seen *seen = state;
    uint32_t i = seen->answers++;
    if (i == 0 || i > seen->batches)
        return;
    seen->sample[i - 1].reply_ns = decision->applied_ns - seen->ended_ns[i - 1] - decision->cost_ns;
}

/* ---- one run ---- */

struct run {
    const struct ofr_path *path;
    const struct ofr_path_ask *ask;
    struct seen seen;
    struct bursts bursts;
    struct turns turns;
    struct ofr_profile profile; /* one batch size, no times: nobody decides by it */
    void *batcher;              /* owned; as those below */
    struct ofr_relay *relay;
    struct ofr_replay_executor *executor;
    struct ofr_controller_thread *controller;
    struct ofr_timing timing;
};

static int make_profile(struct run *run, struct ofr_error *err)
{
    struct ofr_profile *profile = &run->profile;
    size_t sites = run->path->sites;
    profile->sites = run->path->sites;
    profile->batches = 1;
    profile->batch = calloc(1, sizeof *profile->batch);
    profile->until_ns = calloc(sites + 1, sizeof *profile->until_ns);
    profile->ramp_add_ns = calloc(sites + 1, sizeof *profile->ramp_add_ns);
    profile->ramp_delay_ns = calloc(sites + 1, sizeof *profile->ramp_delay_ns);
    profile->copy_in_ns = calloc(1, sizeof *profile->copy_in_ns);
    profile->copy_out_ns = calloc(1, sizeof *profile->copy_out_ns);
    if (!profile->batch || !profile->until_ns || !profile->ramp_add_ns || !profile->ramp_delay_ns ||
        !profile->copy_in_ns || !profile->copy_out_ns)
        return ofr_fail_nomem(err, "the path");
    profile->batch[0] = run->ask->batch;
    return 0;
}

static int make_batcher(struct run *run, struct ofr_error *err)
{
    const struct ofr_batcher_ops *fifo = ofr_batcher_find("fifo");
    struct ofr_batcher_setup setup = {.profile = &run->profile, .servers = 1, .streams = 1};
    void *options = calloc(1, fifo->component.options_size);
    if (!options)
        return ofr_fail_nomem(err, "the path");
    int rc = ofr_options_bind(fifo->component.options, fifo->component.option_count, options,
                              fifo->component.options_size, NULL, err);
    if (!rc)
        rc = fifo->create(&run->batcher, &setup, options, err);
    free(options);
    return rc;
}

static int make_threads(struct run *run, struct ofr_error *err)
{
    struct ofr_relay_sinks sinks = {.observers = 1, .place = run->path->spin, .ring_bytes = RING};
    sinks.observer[0] = (struct ofr_observer){
        .state = &run->seen, .batch = on_batch, .lost = on_lost, .decision = on_decision};
    int rc = ofr_relay_create(&run->relay, &sinks, err);
    struct ofr_replay_executor_setup executor = {.device = run->path->ops,
                                                 .device_state = &run->path->device,
                                                 .servers = 1,
                                                 .profile = &run->profile,
                                                 .computed = true,
                                                 .feedback = true,
                                                 .spin = run->path->spin,
                                                 .max_batch = run->ask->batch,
                                                 .inputs_ahead = run->ask->ahead,
                                                 .timing = &run->timing};
    if (!rc)
        rc = ofr_replay_executor_create(&run->executor, &executor, err);
    struct ofr_policy_handle policy = {.ops = &policy_ops, .state = &run->turns};
    if (!rc)
        rc = ofr_controller_thread_create(&run->controller, &policy, run->ask->batch, run->path->spin,
                                          &run->timing, err);
    return rc;
}

static void set_ramps(struct run *run)
{
    struct offramp_exit_config *config = &run->turns.config[1];
    uint32_t sites = run->ask->site == OFR_PATH_ALL_RAMPS ? run->path->sites : 0;
    config->criterion = run->turns.config[0].criterion = OFFRAMP_CRITERION_TOP1;
    for (; config->ramps < sites; ++config->ramps)
        config->site[config->ramps] = (uint16_t)config->ramps;
    if (run->ask->site >= 0)
        config->site[config->ramps++] = (uint16_t)run->ask->site;
    for (uint32_t k = 0; k < config->ramps; ++k)
        config->threshold[k] = everyone;
    run->turns.each = run->ask->turns;
}

static int serve(struct run *run, struct ofr_clock clock, struct ofr_error *err)
{
    const int64_t no_slo_ns = -1;
    struct ofr_serve_result result;
    struct ofr_serve_setup setup = {
        .clock = clock,
        .executor = {.ops = &ofr_replay_executor_ops, .state = run->executor},
        .controller = {.ops = &ofr_controller_thread_ops, .state = run->controller},
        .arrivals = {.ops = &bursts_ops, .state = &run->bursts},
        .batcher = ofr_batcher_find("fifo"),
        .stage = {{.batcher_state = run->batcher, .profile = &run->profile}},
        .sites = run->path->sites,
        .policy = &policy_ops,
        .policy_state = &run->turns,
        .first_config = run->turns.config[1],
        .observer = {ofr_relay_observer(run->relay)},
        .observers = 1,
        .servers = 1,
        .streams = 1,
        .slo_ns = &no_slo_ns,
        .samples = run->path->inputs,
        .inputs_ahead = run->ask->ahead,
        .duration_ns = -1,
    };
    if (run->path->spin)
        (void)ofr_placement_take(OFR_PLACEMENT_LOOP);
    ofr_timing_restart(&run->timing, run->relay);
    int rc = ofr_serve_run(&setup, &result, err);
    ofr_timing_end(&run->timing);
    ofr_placement_leave();
    return rc;
}

static void release(struct run *run)
{
    ofr_replay_executor_destroy(run->executor);
    ofr_controller_thread_destroy(run->controller);
    ofr_relay_destroy(run->relay);
    if (run->batcher)
        ofr_batcher_find("fifo")->destroy(run->batcher);
    free(run->profile.batch);
    free(run->profile.until_ns);
    free(run->profile.ramp_add_ns);
    free(run->profile.ramp_delay_ns);
    free(run->profile.copy_in_ns);
    free(run->profile.copy_out_ns);
    free(run->seen.sample);
    free(run->seen.ended_ns);
    ofr_histogram_release(&run->timing.handling);
    free(run);
}

static int prepare(struct run *run, struct ofr_clock *clock, struct ofr_error *err)
{
    const struct ofr_path_ask *ask = run->ask;
    run->seen.capacity = ask->passes + FIRST;
    run->bursts = (struct bursts){
        .batch = ask->batch, .count = (uint64_t)run->seen.capacity * ask->batch, .period_ns = ask->period_ns};
    set_ramps(run);
    run->seen.sample = calloc(run->seen.capacity, sizeof *run->seen.sample);
    run->seen.ended_ns = calloc(run->seen.capacity, sizeof *run->seen.ended_ns);
    if (!run->seen.sample || !run->seen.ended_ns)
        return ofr_fail_nomem(err, "the path");
    ofr_timing_init(&run->timing, clock, run->path->spin);
    int rc = ofr_histogram_init(&run->timing.handling, err);
    if (!rc)
        rc = make_profile(run, err);
    if (!rc)
        rc = make_batcher(run, err);
    return rc ? rc : make_threads(run, err);
}

int ofr_path_measure(const struct ofr_path *path, const struct ofr_path_ask *ask,
                     struct ofr_path_sample *sample, int64_t *start_ns, struct ofr_error *err)
{
    struct run *run = calloc(1, sizeof *run);
    struct ofr_clock clock;
    if (!run)
        return ofr_fail_nomem(err, "the path");
    run->path = path;
    run->ask = ask;
    int rc = prepare(run, &clock, err);
    if (!rc)
        rc = serve(run, clock, err);
    ofr_relay_finish(run->relay); /* everything is there now */
    if (!rc && run->seen.batches != run->seen.capacity)
        rc = ofr_fail(err, OFR_E_BUG, "the path: %u batches came out, expected %u", run->seen.batches,
                      run->seen.capacity);
    for (uint32_t i = 0; !rc && i < ask->passes; ++i)
        sample[i] = run->seen.sample[FIRST + i];
    if (!rc && start_ns)
        *start_ns = run->seen.start_ns;
    release(run);
    return rc;
}
