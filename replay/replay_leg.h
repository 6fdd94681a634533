/* The leg of a replay while it runs. Private to replay/replay.c and replay/verdict.c. */
#ifndef OFR_REPLAY_REPLAY_LEG_H
#define OFR_REPLAY_REPLAY_LEG_H

#include "replay/controller_thread.h"
#include "replay/replay.h"

struct ofr_leg_replay {
    const struct ofr_replay_options *options;
    struct ofr_replay_report *report;
    struct ofr_leg_view view;
    const struct ofr_device_ops *device;
    int32_t index;
    struct ofr_replay_model model;       /* owned; empty for a device without a network */
    void *device_state[OFR_MAX_SERVERS]; /* owned */
    uint32_t devices;
    struct ofr_relay *relay; /* owned; as those below */
    struct ofr_replay_executor *executor;
    struct ofr_controller_thread *controller;
    struct ofr_timing timing;
    bool began, inputs_ahead;
};

/* Decides whether the run is valid and notes what is known at its end. */
int ofr_replay__conclude(struct ofr_leg_replay *leg, const struct ofr_serve_result *result,
                         struct ofr_error *err);

#endif
