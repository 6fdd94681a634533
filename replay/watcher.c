/* The watcher: reads cells with acquire loads, decides, stamps. */
#include "replay/executor_internal.h"
#include "replay/placement.h"
#include "sim/serve/exit_rule.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum {
    SUSPECT_NS = 100000000, /* without news for so long: ask the devices */
    LOOKS_PER_STAMP = 4096, /* looks without news between looks at the clock */
    WAITS = -2,             /* released_ns of a row in flight */
    SEEN = -1               /* of a row that is released and about to be stamped */
};

static uint64_t ramp_cell(const struct lane *lane, uint32_t k, uint32_t row)
{
    size_t at = (size_t)lane->config.site[k] * lane->view.stride + row;
    return atomic_load_explicit(&lane->view.ramp[at], memory_order_acquire);
}

static bool of_pass(const struct lane *lane, uint64_t cell)
{
    return cell != 0 && ofr_cell_is_of(cell, lane->pass.ticket);
}

/* Whether the ramp in column k lets the row go. */
static bool lets_go(struct ofr_replay_executor *executor, const struct lane *lane, uint32_t k, uint32_t row,
                    uint64_t cell)
{
    const struct offramp_exit_config *config = &lane->config;
    if (!executor->setup.computed)
        return ofr_exit_below(ofr_exit_score(config, executor->setup.recording, lane->sample[row], k),
                              config->threshold[k]);
    float score = ofr_cell_score(cell);
    bool exits = ofr_cell_exits(cell);
    executor->counts.near += fabs((double)score - config->threshold[k]) < OFR_NEAR_THRESHOLD;
    executor->counts.differs += exits != ofr_exit_below(score, config->threshold[k]);
    return exits;
}

/* Looks at one row; true when it is released. exit_ramp is where it stands meanwhile. */
static bool look_at_row(struct ofr_replay_executor *executor, struct lane *lane, uint32_t row)
{
    while (lane->exit_ramp[row] < lane->config.ramps) {
        uint64_t cell = ramp_cell(lane, lane->exit_ramp[row], row);
        if (!of_pass(lane, cell))
            return false;
        if (lets_go(executor, lane, lane->exit_ramp[row], row, cell))
            return true;
        lane->exit_ramp[row]++;
    }
    return of_pass(lane, atomic_load_explicit(&lane->view.full[row], memory_order_acquire));
}

static void begin(struct lane *lane)
{
    lane->begun = true;
    lane->left_count = lane->pass.rows;
    for (uint32_t row = 0; row < lane->pass.rows; ++row) {
        lane->left[row] = row;
        lane->exit_ramp[row] = 0;
        lane->released_ns[row] = WAITS;
    }
}

/* Every cell is there: what the ramps and the full model said, to every row. */
static void collect(struct ofr_replay_executor *executor, struct lane *lane)
{
    const struct ofr_recording *recording = executor->setup.computed ? NULL : executor->setup.recording;
    uint32_t ramps = lane->config.ramps;
    for (uint32_t row = 0; row < lane->pass.rows; ++row) {
        uint32_t sample = lane->sample[row];
        uint64_t full = atomic_load_explicit(&lane->view.full[row], memory_order_acquire);
        lane->final_answer[row] = recording                  ? recording->final_answer[sample]
                                  : executor->setup.computed ? ofr_cell_answer(full)
                                                             : 0;
        for (uint32_t k = 0; k < ramps; ++k) {
            size_t at = (size_t)row * ramps + k;
            uint64_t cell = ramp_cell(lane, k, row);
            lane->score[at] =
                recording ? ofr_exit_score(&lane->config, recording, sample, k) : ofr_cell_score(cell);
            lane->ramp_answer[at] =
                recording ? ofr_exit_answer(&lane->config, recording, sample, k) : ofr_cell_answer(cell);
        }
        uint32_t k = lane->exit_ramp[row];
        lane->answer[row] = k < ramps ? lane->ramp_answer[(size_t)row * ramps + k] : lane->final_answer[row];
    }
}

static void put_ended(struct ofr_replay_executor *executor, struct lane *lane, int64_t now_ns)
{
    uint32_t put = atomic_load_explicit(&executor->ended_put, memory_order_relaxed);
    lane->ended_ns = now_ns;
    collect(executor, lane);
    atomic_store_explicit(&lane->flying, false, memory_order_relaxed);
    executor->ended[put & executor->ended_mask] = lane;
    atomic_store_explicit(&executor->ended_put, put + 1, memory_order_release);
    ofr_clock_monotonic_wake(&executor->setup.timing->monotonic);
}

static void report_broken(struct ofr_replay_executor *executor, const struct lane *lane)
{
    snprintf(executor->why, sizeof executor->why,
             "device %s ended pass %" PRIu32 " without all its answers: row %" PRIu32 " has none",
             executor->setup.device->name, lane->pass.ticket, lane->left[0]);
    atomic_store_explicit(&executor->broken, true, memory_order_release);
    ofr_clock_monotonic_wake(&executor->setup.timing->monotonic);
}

/* Looks at one pass; true when there was news. */
static bool look_at_pass(struct ofr_replay_executor *executor, struct lane *lane)
{
    if (!lane->begun)
        begin(lane);
    /* The end mark first: once it is seen, every cell is. */
    bool ended = atomic_load_explicit(lane->view.ended, memory_order_acquire) == lane->pass.ticket;
    uint32_t left = 0, seen = lane->left_count;
    for (uint32_t i = 0; i < seen; ++i) {
        uint32_t row = lane->left[i];
        if (look_at_row(executor, lane, row))
            lane->released_ns[row] = SEEN;
        else
            lane->left[left++] = row;
    }
    if (left == seen && !ended)
        return false;
    lane->left_count = left;
    int64_t now_ns = ofr_timing_read(executor->setup.timing);
    for (uint32_t row = 0; row < lane->pass.rows; ++row)
        if (lane->released_ns[row] == SEEN)
            lane->released_ns[row] = now_ns;
    if (ended && left > 0)
        report_broken(executor, lane);
    else if (ended)
        put_ended(executor, lane, now_ns);
    return true;
}

/* Looks at every pass in flight; returns how many there are. */
static uint32_t look(struct ofr_replay_executor *executor, bool *news)
{
    uint32_t flying = 0;
    for (uint32_t i = 0; i < executor->setup.servers; ++i)
        for (uint32_t l = 0; l < executor->setup.device->lanes; ++l) {
            struct lane *lane = &executor->unit[i].lane[l];
            if (!atomic_load_explicit(&lane->flying, memory_order_acquire))
                continue;
            ++flying;
            *news |= look_at_pass(executor, lane);
        }
    return flying;
}

/* After many looks without news: is it time to ask the devices? Returns the time of the last news. */
static int64_t grow_suspicious(struct ofr_replay_executor *executor, int64_t news_ns)
{
    int64_t now_ns = ofr_timing_read(executor->setup.timing);
    if (news_ns < 0 || now_ns - news_ns < SUSPECT_NS)
        return news_ns < 0 ? now_ns : news_ns;
    atomic_store_explicit(&executor->suspect, true, memory_order_relaxed);
    ofr_clock_monotonic_wake(&executor->setup.timing->monotonic);
    return now_ns;
}

void *ofr_replay__watch(void *context)
{
    struct ofr_replay_executor *executor = context;
    uint32_t looks = 0;
    int64_t news_ns = -1;
    if (executor->setup.spin)
        (void)ofr_placement_take(OFR_PLACEMENT_WATCHER);
    while (!atomic_load_explicit(&executor->quit, memory_order_acquire)) {
        bool news = false;
        uint32_t flying =
            atomic_load_explicit(&executor->broken, memory_order_relaxed) ? 0 : look(executor, &news);
        looks = news || !flying ? 0 : looks + 1;
        news_ns = looks ? news_ns : -1;
        if (!flying)
            ofr_bell_wait(&executor->bell);
        else if (!news)
            ofr_patience(executor->setup.spin, looks);
        if (looks && looks % LOOKS_PER_STAMP == 0)
            news_ns = grow_suspicious(executor, news_ns);
    }
    return NULL;
}
