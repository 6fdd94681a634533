#include "replay/executor_internal.h"
#include "sim/serve/serve.h"

#include <inttypes.h>
#include <string.h>

/* ---- submit ---- */

static void clear(_Atomic uint64_t *cell, uint32_t count)
{
    for (uint32_t i = 0; i < count; ++i)
        atomic_store_explicit(&cell[i], 0, memory_order_relaxed);
}

int ofr_replay__launch(struct ofr_replay_executor *executor, struct unit *unit, struct lane *lane,
                       struct ofr_error *err)
{
    const struct offramp_exit_config *config = &lane->config;
    for (uint32_t k = 0; k < config->ramps; ++k)
        clear(lane->view.ramp + (size_t)config->site[k] * lane->view.stride, lane->pass.padded);
    clear(lane->view.full, lane->pass.padded);
    lane->pass.sample = lane->sample;
    lane->pass.place = executor->setup.inputs_ahead ? lane->place : NULL;
    lane->pass.config = config;
    return executor->setup.device->submit(unit->device, &lane->pass, err);
}

static void copy_config(struct offramp_exit_config *to, const struct offramp_exit_config *from)
{
    to->ramps = from->ramps;
    to->criterion = from->criterion;
    to->free_ramps = from->free_ramps;
    memcpy(to->site, from->site, from->ramps * sizeof *from->site);
    memcpy(to->threshold, from->threshold, from->ramps * sizeof *from->threshold);
}

static int submit(void *state, struct ofr_batch *batch, int64_t now_ns, struct ofr_error *err)
{
    struct ofr_replay_executor *executor = state;
    const struct ofr_profile *profile = executor->setup.profile;
    (void)now_ns;
    int32_t index = ofr_profile_batch_index(profile, ofr_batch_rows(batch));
    if (index < 0)
        return ofr_fail(err, OFR_E_BUG,
                        "batch %" PRId64 " of %" PRIu32 " requests is larger than any profiled size",
                        batch->id, ofr_batch_rows(batch));
    struct unit *unit = &executor->unit[batch->server];
    struct lane *lane = ofr_replay__next_lane(executor, unit);
    batch->padded = profile->batch[index];
    lane->batch = batch;
    lane->pass.rows = batch->size;
    lane->pass.padded = batch->padded;
    lane->begun = false;
    memcpy(lane->sample, batch->sample, batch->size * sizeof *batch->sample);
    copy_config(&lane->config, &batch->config);
    if (executor->setup.inputs_ahead) {
        memcpy(lane->place, batch->place, batch->size * sizeof *batch->place);
        executor->counts.ahead += ofr_places_submit(&executor->places, batch->place, batch->size);
    }
    executor->counts.rows += batch->size;
    int rc = ofr_replay__launch(executor, unit, lane, err);
    if (rc)
        return rc;
    atomic_store_explicit(&lane->flying, true, memory_order_release);
    ofr_bell_ring(&executor->bell);
    return 0;
}

/* ---- inputs ahead ---- */

static int prepare(void *state, uint32_t sample, uint32_t *place, struct ofr_error *err)
{
    struct ofr_replay_executor *executor = state;
    *place = ofr_places_take(&executor->places);
    if (*place == OFR_PLACE_NONE)
        return 0;
    return executor->setup.device->prepare(executor->unit[0].device, sample, *place, err);
}

static void forget(void *state, uint32_t place)
{
    struct ofr_replay_executor *executor = state;
    ofr_places_give(&executor->places, place);
}

/* ---- poll ---- */

/* A device has been silent for a while. */
static int ask_devices(struct ofr_replay_executor *executor, struct ofr_error *err)
{
    atomic_store_explicit(&executor->suspect, false, memory_order_relaxed);
    for (uint32_t i = 0; i < executor->setup.servers; ++i) {
        int rc = executor->setup.device->check(executor->unit[i].device, err);
        if (rc)
            return rc;
    }
    int64_t now_ns = executor->setup.timing->row.now_ns;
    if (executor->silent_since_ns < 0)
        executor->silent_since_ns = now_ns;
    if (now_ns - executor->silent_since_ns < OFR_SILENCE_NS)
        return 0;
    return ofr_fail(err, OFR_E_DEVICE, "device %s has not answered for %" PRId64 " s",
                    executor->setup.device->name, OFR_SILENCE_NS / 1000000000);
}

static void take_results(struct ofr_replay_executor *executor, const struct lane *lane)
{
    struct ofr_batch *batch = lane->batch;
    size_t rows = batch->size, cells = rows * lane->config.ramps;
    batch->ended_ns = lane->ended_ns;
    memcpy(batch->released_ns, lane->released_ns, rows * sizeof *lane->released_ns);
    memcpy(batch->exit_ramp, lane->exit_ramp, rows * sizeof *lane->exit_ramp);
    memcpy(batch->answer, lane->answer, rows * sizeof *lane->answer);
    memcpy(batch->final_answer, lane->final_answer, rows * sizeof *lane->final_answer);
    if (executor->setup.feedback) {
        memcpy(batch->score, lane->score, cells * sizeof *lane->score);
        memcpy(batch->ramp_answer, lane->ramp_answer, cells * sizeof *lane->ramp_answer);
    }
    struct ofr_results_row results = {.rows = batch->size,
                                      .ramps = lane->config.ramps,
                                      .score = lane->score,
                                      .answer = lane->ramp_answer,
                                      .final_answer = lane->final_answer};
    if (executor->setup.computed && executor->setup.relay)
        ofr_relay_results(executor->setup.relay, &results);
}

static int poll(void *state, struct ofr_batch **batch, struct ofr_error *err)
{
    struct ofr_replay_executor *executor = state;
    struct ofr_timing *timing = executor->setup.timing;
    if (atomic_load_explicit(&executor->broken, memory_order_acquire))
        return ofr_fail(err, OFR_E_DEVICE, "%s", executor->why);
    uint32_t put = atomic_load_explicit(&executor->ended_put, memory_order_acquire);
    if (put == executor->ended_taken)
        return atomic_load_explicit(&executor->suspect, memory_order_relaxed) ? ask_devices(executor, err)
                                                                              : 0;
    struct lane *lane = executor->ended[executor->ended_taken & executor->ended_mask];
    /* It ended after the clock was read: its wake-up is still to come, and with it a later moment. */
    if (lane->ended_ns > timing->row.now_ns)
        return 0;
    executor->ended_taken++;
    executor->silent_since_ns = -1;
    executor->counts.passes++;
    take_results(executor, lane);
    timing->row.ended++;
    *batch = lane->batch;
    return 1;
}

const struct ofr_executor_ops ofr_replay_executor_ops = {
    .name = "replay", .submit = submit, .poll = poll, .prepare = prepare, .forget = forget};

/* ---- life ---- */

static bool make_lane(struct ofr_replay_executor *executor, struct unit *unit, uint32_t index)
{
    struct lane *lane = &unit->lane[index];
    size_t rows = executor->setup.max_batch, cells = rows * OFFRAMP_MAX_SITES;
    executor->setup.device->lane(unit->device, index, &lane->view);
    lane->sample = calloc(rows, sizeof *lane->sample);
    lane->place = calloc(rows, sizeof *lane->place);
    lane->left = calloc(rows, sizeof *lane->left);
    lane->released_ns = calloc(rows, sizeof *lane->released_ns);
    lane->exit_ramp = calloc(rows, sizeof *lane->exit_ramp);
    lane->answer = calloc(rows, sizeof *lane->answer);
    lane->final_answer = calloc(rows, sizeof *lane->final_answer);
    lane->score = calloc(cells, sizeof *lane->score);
    lane->ramp_answer = calloc(cells, sizeof *lane->ramp_answer);
    return lane->sample && lane->place && lane->left && lane->released_ns && lane->exit_ramp &&
           lane->answer && lane->final_answer && lane->score && lane->ramp_answer;
}

static void free_lane(struct lane *lane)
{
    free(lane->sample);
    free(lane->place);
    free(lane->left);
    free(lane->released_ns);
    free(lane->exit_ramp);
    free(lane->answer);
    free(lane->final_answer);
    free(lane->score);
    free(lane->ramp_answer);
}

static bool make_units(struct ofr_replay_executor *executor)
{
    const struct ofr_replay_executor_setup *setup = &executor->setup;
    uint32_t size = 1;
    while (size < setup->servers * setup->device->lanes)
        size *= 2;
    executor->ended_mask = size - 1;
    executor->ended = calloc(size, sizeof *executor->ended);
    executor->unit = calloc(setup->servers, sizeof *executor->unit);
    for (uint32_t i = 0; executor->ended && executor->unit && i < setup->servers; ++i) {
        executor->unit[i].device = setup->device_state[i];
        for (uint32_t l = 0; l < setup->device->lanes; ++l)
            if (!make_lane(executor, &executor->unit[i], l))
                return false;
    }
    return executor->ended && executor->unit;
}

int ofr_replay_executor_create(struct ofr_replay_executor **out,
                               const struct ofr_replay_executor_setup *setup, struct ofr_error *err)
{
    struct ofr_replay_executor *executor = aligned_alloc(64, (sizeof *executor + 63) / 64 * 64);
    *out = NULL;
    if (!executor)
        return ofr_fail_nomem(err, "the executor");
    memset(executor, 0, sizeof *executor);
    executor->setup = *setup;
    executor->silent_since_ns = -1;
    ofr_bell_init(&executor->bell, setup->spin);
    bool made = make_units(executor) &&
                (!setup->inputs_ahead || !ofr_places_init(&executor->places, setup->max_batch, err)) &&
                pthread_create(&executor->thread, NULL, ofr_replay__watch, executor) == 0;
    executor->running = made;
    if (!made) {
        ofr_replay_executor_destroy(executor);
        return ofr_fail_nomem(err, "the executor");
    }
    *out = executor;
    return 0;
}

void ofr_replay_executor_stop(struct ofr_replay_executor *executor, struct ofr_replay_counts *counts)
{
    if (executor->running) {
        atomic_store_explicit(&executor->quit, true, memory_order_release);
        ofr_bell_ring(&executor->bell);
        pthread_join(executor->thread, NULL);
    }
    executor->running = false;
    if (counts)
        *counts = executor->counts;
}

void ofr_replay_executor_destroy(struct ofr_replay_executor *executor)
{
    if (!executor)
        return;
    ofr_replay_executor_stop(executor, NULL);
    ofr_bell_release(&executor->bell);
    for (uint32_t i = 0; executor->unit && i < executor->setup.servers; ++i)
        for (uint32_t l = 0; l < executor->setup.device->lanes; ++l)
            free_lane(&executor->unit[i].lane[l]);
    ofr_places_release(&executor->places);
    free(executor->unit);
    free(executor->ended);
    free(executor);
}
