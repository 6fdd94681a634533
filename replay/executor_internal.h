/* Private to replay/executor.c, watcher.c and warm_up.c. */
#ifndef OFR_REPLAY_EXECUTOR_INTERNAL_H
#define OFR_REPLAY_EXECUTOR_INTERNAL_H

#include "replay/bell.h"
#include "replay/executor.h"

#include <pthread.h>
#include <stdlib.h>

/* One lane of one device and the pass on it. Written by the loop until `flying`, by the watcher until it is put on
 * the ring of ended passes, read by the loop then. */
struct lane {
    struct ofr_lane_view view;
    _Atomic bool flying;
    struct ofr_pass pass;
    struct offramp_exit_config config;
    uint32_t *sample;        /* [max_batch], owned; as those below */
    uint32_t *place;         /* see struct ofr_pass */
    struct ofr_batch *batch; /* borrowed; only the loop looks into it */
    /* results */
    int64_t ended_ns;
    int64_t *released_ns;
    uint16_t *exit_ramp, *answer, *final_answer;
    float *score;          /* [max_batch][OFFRAMP_MAX_SITES] */
    uint16_t *ramp_answer; /* the same */
    /* the watcher's */
    uint32_t *left; /* rows not released, in order */
    uint32_t left_count;
    bool begun;
};

struct unit {
    void *device; /* borrowed */
    uint32_t ticket;
    struct lane lane[OFR_DEVICE_MAX_LANES];
};

struct ofr_replay_executor {
    struct ofr_replay_executor_setup setup;
    struct unit *unit;   /* [servers], owned */
    struct lane **ended; /* ring of [ended_mask + 1], owned: from the watcher to the loop */
    uint32_t ended_mask;
    _Alignas(64) _Atomic uint32_t ended_put;
    _Alignas(64) uint32_t ended_taken;
    _Atomic bool suspect; /* a device has been silent for a while: the loop asks it */
    _Atomic bool broken;  /* a device broke the rules; `why` says how */
    char why[160];
    int64_t silent_since_ns; /* the loop's; -1 = not silent */
    struct ofr_replay_counts counts;
    struct ofr_places places; /* empty where inputs do not travel ahead */
    struct ofr_bell bell;
    _Atomic bool quit;
    pthread_t thread;
    bool running;
};

/* The watcher thread; context: the executor. */
void *ofr_replay__watch(void *context);
/* Prepares the cells and hands the pass on `lane` to the device. */
int ofr_replay__launch(struct ofr_replay_executor *executor, struct unit *unit, struct lane *lane,
                       struct ofr_error *err);

static inline struct lane *ofr_replay__next_lane(struct ofr_replay_executor *executor, struct unit *unit)
{
    uint32_t ticket = ++unit->ticket;
    struct lane *lane = &unit->lane[ticket % executor->setup.device->lanes];
    lane->pass.ticket = ticket;
    lane->pass.lane = ticket % executor->setup.device->lanes;
    return lane;
}

#endif
