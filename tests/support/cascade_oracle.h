/* A second, naive simulation of mode cascade behind the batcher fifo, written from docs/semantics.md and sharing no
 * code with the core: two queues in arrays, one loop over instants. Also an observer that keeps every row. */
#ifndef OFR_TESTS_CASCADE_ORACLE_H
#define OFR_TESTS_CASCADE_ORACLE_H

#include "tests/support/fixture.h"

enum {
    ORACLE_REQUESTS = 300,
    ORACLE_SERVERS = 3,
    SEEN_MOST = 1024,
};

/* ---- what the core did ---- */

struct seen {
    struct ofr_request_row last[SEEN_MOST];   /* by id: the row with its outcome */
    struct ofr_request_row onward[SEEN_MOST]; /* by id: the row of the first stage; outcome 0 = none */
    uint32_t batch_padded[2 * SEEN_MOST];     /* by batch id */
};

static inline void seen_row(struct seen *seen, const struct ofr_request_row *row)
{
    cr_assert_lt(row->id, SEEN_MOST);
    if (row->outcome == OFR_OUTCOME_ONWARD)
        seen->onward[row->id] = *row;
    else
        seen->last[row->id] = *row;
}

static inline void seen_batch(void *state, const struct ofr_batch_row *batch,
                              const struct ofr_request_row *rows, uint32_t count)
{
    struct seen *seen = state;
    cr_assert_lt(batch->id, 2 * SEEN_MOST);
    seen->batch_padded[batch->id] = batch->padded;
    for (uint32_t i = 0; i < count; ++i)
        seen_row(seen, &rows[i]);
}

static inline void seen_lost(void *state, const struct ofr_request_row *row)
{
    seen_row(state, row);
}

static inline void seen_decision(void *state, const struct ofr_decision_row *decision)
{
    (void)state, (void)decision;
}

static inline struct ofr_observer seen_observer(struct seen *seen)
{
    return (struct ofr_observer){
        .state = seen, .batch = seen_batch, .lost = seen_lost, .decision = seen_decision};
}

/* ---- the oracle ---- */

struct oracle_batch {
    int64_t id, start_ns, end_ns;
    int stage;
    uint32_t count, member[8];
    bool busy;
};

struct oracle_queue {
    uint32_t member[ORACLE_REQUESTS], first, end;
};

struct oracle_request {
    int64_t dispatched_ns[2], ended_ns[2], batch[2];
    int reached; /* stages whose batches have run it */
    enum ofr_outcome outcome;
};

struct oracle_world {
    const struct ofr_inputs *inputs;
    uint32_t servers, max_batch, max_queue, site;
    double rate, threshold;
    uint32_t onward; /* result */
    struct oracle_request request[ORACLE_REQUESTS];
    struct oracle_queue queue[2];
    struct oracle_batch server[ORACLE_SERVERS];
    int64_t batches;
};

static inline struct oracle_world oracle_world_random(const struct ofr_inputs *inputs, uint64_t seed)
{
    struct ofr_random random;
    ofr_random_init(&random, seed, OFR_RANDOM_TEST, 1);
    struct oracle_world world = {.inputs = inputs};
    world.servers = 1 + (uint32_t)ofr_random_below(&random, ORACLE_SERVERS);
    world.max_batch = 1 + (uint32_t)ofr_random_below(&random, 8);
    world.max_queue = ofr_random_below(&random, 2) ? 0 : 4 + (uint32_t)ofr_random_below(&random, 8);
    world.site = (uint32_t)ofr_random_below(&random, 3);
    world.rate = world.servers * (500.0 + 6000.0 * ofr_random_uniform(&random));
    world.threshold = 0.5 * ofr_random_uniform(&random);
    return world;
}

static inline uint32_t oracle_padded(const struct ofr_profile *profile, uint32_t n)
{
    uint32_t b = 0;
    while (profile->batch[b] < n)
        ++b;
    return b;
}

/* Whole time of a batch of n through the first model, which ends at `site`. */
static inline int64_t oracle_first_ns(const struct ofr_profile *profile, uint32_t n, uint32_t site)
{
    uint32_t b = oracle_padded(profile, n);
    return profile->dispatch_ns + profile->copy_in_ns[b] +
           profile->until_ns[b * (profile->sites + 1) + site] +
           profile->ramp_delay_ns[b * profile->sites + site] + profile->copy_out_ns[b];
}

static inline int64_t oracle_second_ns(const struct ofr_profile *profile, uint32_t n)
{
    uint32_t b = oracle_padded(profile, n);
    return profile->dispatch_ns + profile->copy_in_ns[b] +
           profile->until_ns[b * (profile->sites + 1) + profile->sites] + profile->copy_out_ns[b];
}

static inline void oracle_join(struct oracle_world *world, int stage, uint32_t id)
{
    struct oracle_queue *queue = &world->queue[stage];
    if (world->max_queue && queue->end - queue->first >= world->max_queue)
        world->request[id].outcome = OFR_OUTCOME_REJECTED;
    else
        queue->member[queue->end++] = id;
}

static inline void oracle_finish(struct oracle_world *world, struct oracle_batch *batch,
                                 const struct seen *seen)
{
    const struct ofr_recording *recording = world->inputs->recording;
    batch->busy = false;
    for (uint32_t i = 0; i < batch->count; ++i) {
        const struct ofr_request_row *row = &seen->last[batch->member[i]];
        struct oracle_request *request = &world->request[batch->member[i]];
        float score = 1.0F - recording->top1[row->sample * recording->sites + world->site];
        request->dispatched_ns[batch->stage] = batch->start_ns;
        request->ended_ns[batch->stage] = batch->end_ns;
        request->batch[batch->stage] = batch->id;
        request->reached = batch->stage + 1;
        if (batch->stage == 0 && (double)score >= world->threshold) {
            world->onward++;
            oracle_join(world, 1, batch->member[i]);
        } else {
            bool in_time = batch->end_ns <= row->arrival_ns + 3000000;
            request->outcome = in_time ? OFR_OUTCOME_OK : OFR_OUTCOME_LATE;
        }
    }
}

/* Batches that end now, in the order in which they began. */
static inline void oracle_end_batches(struct oracle_world *world, int64_t now_ns, const struct seen *seen)
{
    for (;;) {
        struct oracle_batch *next = NULL;
        for (uint32_t i = 0; i < world->servers; ++i) {
            struct oracle_batch *batch = &world->server[i];
            if (batch->busy && batch->end_ns == now_ns && (!next || batch->id < next->id))
                next = batch;
        }
        if (!next)
            return;
        oracle_finish(world, next, seen);
    }
}

static inline void oracle_dispatch(struct oracle_world *world, int64_t now_ns)
{
    const struct ofr_profile *profile = world->inputs->profile;
    for (uint32_t i = 0; i < world->servers; ++i) {
        struct oracle_batch *batch = &world->server[i];
        int stage = world->queue[1].first < world->queue[1].end ? 1 : 0;
        struct oracle_queue *queue = &world->queue[stage];
        if (batch->busy || queue->first == queue->end)
            continue;
        *batch =
            (struct oracle_batch){.id = world->batches++, .start_ns = now_ns, .stage = stage, .busy = true};
        while (queue->first < queue->end && batch->count < world->max_batch)
            batch->member[batch->count++] = queue->member[queue->first++];
        batch->end_ns = now_ns + (stage ? oracle_second_ns(profile, batch->count)
                                        : oracle_first_ns(profile, batch->count, world->site));
    }
}

/* Simulates the arrivals that `seen` holds. */
static inline void oracle_run(struct oracle_world *world, const struct seen *seen)
{
    uint32_t arrived = 0;
    for (;;) {
        int64_t now_ns = arrived < ORACLE_REQUESTS ? seen->last[arrived].arrival_ns : INT64_MAX;
        for (uint32_t i = 0; i < world->servers; ++i)
            if (world->server[i].busy && world->server[i].end_ns < now_ns)
                now_ns = world->server[i].end_ns;
        if (now_ns == INT64_MAX)
            return;
        oracle_end_batches(world, now_ns, seen);
        for (; arrived < ORACLE_REQUESTS && seen->last[arrived].arrival_ns == now_ns; ++arrived)
            oracle_join(world, 0, arrived);
        oracle_dispatch(world, now_ns);
    }
}

static inline void oracle_expect_same(const struct oracle_world *world, const struct seen *seen,
                                      const char *text)
{
    for (uint32_t i = 0; i < ORACLE_REQUESTS; ++i) {
        const struct oracle_request *expected = &world->request[i];
        const struct ofr_request_row *last = &seen->last[i], *onward = &seen->onward[i];
        bool answered = expected->outcome != OFR_OUTCOME_REJECTED;
        int stage = expected->reached - 1;
        bool went_on = stage == 1 || (stage == 0 && !answered);
        cr_expect_eq(last->outcome, expected->outcome, "request %u of\n%s", i, text);
        cr_expect_eq(onward->outcome == OFR_OUTCOME_ONWARD, went_on, "request %u of\n%s", i, text);
        if (went_on) {
            cr_expect_eq(onward->batch, expected->batch[0], "request %u of\n%s", i, text);
            cr_expect_eq(onward->dispatched_ns, expected->dispatched_ns[0], "request %u of\n%s", i, text);
            cr_expect_eq(onward->ended_ns, expected->ended_ns[0], "request %u of\n%s", i, text);
        }
        if (!answered)
            continue;
        cr_expect_eq(last->batch, expected->batch[stage], "request %u of\n%s", i, text);
        cr_expect_eq(last->dispatched_ns, expected->dispatched_ns[stage], "request %u of\n%s", i, text);
        cr_expect_eq(last->released_ns, expected->ended_ns[stage], "request %u of\n%s", i, text);
        cr_expect_eq(last->exit_site, stage ? 3 : world->site, "request %u of\n%s", i, text);
    }
}

#endif
