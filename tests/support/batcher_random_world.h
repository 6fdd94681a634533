/* Worlds of random load and random options, from a seed. */
#ifndef OFR_TESTS_BATCHER_RANDOM_WORLD_H
#define OFR_TESTS_BATCHER_RANDOM_WORLD_H

#include "sim/engine/random.h"
#include "tests/support/batcher_harness.h"

enum {
    RANDOM_BURSTS = 400
};

static const uint32_t random_sizes[] = {1, 2, 4, 8, 16};
static struct ofr_random random_stream;

static inline uint32_t random_below(uint32_t n)
{
    return (uint32_t)ofr_random_below(&random_stream, n);
}

/* Times on a coarse grid, so that arrivals, ends and time-outs often coincide. */
static inline void random_arrivals(struct world *w, bool with_slo)
{
    int64_t us = 0;
    uint32_t mean_gap = 1 + random_below(20), largest = 1 + random_below(30);
    for (int burst = 0; burst < RANDOM_BURSTS; ++burst) {
        us += 100 * random_below(2 * mean_gap);
        int64_t slo_us = with_slo && random_below(4) ? 100 * (10 + (int64_t)random_below(200)) : -1;
        world_arrive(w, us, 1 + random_below(largest), slo_us);
    }
}

/* Triton's levels, each with a policy of its own or not, and streams that choose their level and timeout. */
static inline void random_priorities(struct world *w)
{
    if (random_below(3) == 0)
        return;
    uint32_t levels = 1 + random_below(3);
    uint8_t *override = world_member(w, "allow_timeout_override");
    *override = (uint8_t)random_below(2);
    world_count(w, "priority_levels", levels);
    world_count(w, "default_priority_level", 1 + random_below(levels));
    for (uint32_t i = 0; i < 4; ++i)
        world_stream(w, random_below(levels + 1), *override ? 100 * (int64_t)random_below(40) - 1000 : -1);
    for (uint32_t i = 0; i < w->requests; ++i)
        w->request[i].stream = random_below(4);
    static const char *const action[] = {"reject", "delay"};
    static const char *const timeout[] = {"0us", "900us", "2000us"};
    if (random_below(2))
        world_texts(w, "priority_timeout_action", levels, action[random_below(2)], action[random_below(2)],
                    action[random_below(2)]);
    if (random_below(2))
        world_texts(w, "priority_default_timeout", levels, timeout[random_below(3)], timeout[random_below(3)],
                    timeout[random_below(3)]);
    if (random_below(2))
        world_list(w, "priority_max_queue_size", levels, (double)random_below(30), (double)random_below(30),
                   (double)random_below(30));
}

static inline void random_world(struct world *w, const char *name, uint64_t seed)
{
    ofr_random_init(&random_stream, seed, OFR_RANDOM_TEST, 0);
    world_init(w, name, 5, random_sizes, 500, 100);
    w->view.servers = 1 + random_below(WORLD_SERVERS);
    world_count(w, "max_batch", random_sizes[random_below(5)]);
    random_arrivals(w, strcmp(name, "clockwork") == 0);
    if (strcmp(name, "tfserving") == 0) {
        world_time(w, "batch_timeout", 100 * random_below(30));
        world_count(w, "max_enqueued_batches", 1 + random_below(6));
    }
    if (strcmp(name, "triton") == 0) {
        uint64_t max_batch;
        memcpy(&max_batch, world_member(w, "max_batch"), sizeof max_batch);
        world_time(w, "max_queue_delay", 100 * random_below(20));
        world_list(w, "preferred_batch_size", random_below(3), 1.0 + random_below((uint32_t)max_batch),
                   1.0 + random_below((uint32_t)max_batch));
        world_time(w, "default_timeout", random_below(2) ? 100 * random_below(40) : 0);
        world_choice(w, "timeout_action", (int32_t)random_below(2));
        world_count(w, "max_queue_size", random_below(2) ? random_below(60) : 0);
        random_priorities(w);
    }
    if (strcmp(name, "clockwork") == 0) {
        world_time(w, "buffer", 100 * random_below(10));
        world_time(w, "schedule_ahead", 1 + 100 * random_below(60));
    }
}

#endif
