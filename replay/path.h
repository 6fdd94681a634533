/* The path of a replay, timed: batches through the serving loop, the executor, a device and its watcher, and their
 * results through the policy's thread - the code of a replay, with arrivals made to measure and a policy that never
 * changes anything. What a profile says of whole passes comes from here (sim/model/profile.h, struct
 * ofr_profile_path). */
#ifndef OFR_REPLAY_PATH_H
#define OFR_REPLAY_PATH_H

#include "replay/device.h"

struct ofr_path {
    const struct ofr_device_ops *ops; /* static */
    void *device;                     /* borrowed; idle */
    uint32_t sites;
    uint32_t inputs; /* there are to draw from */
    bool spin;       /* waiting threads keep their processors, as in a replay */
};

enum ofr_path_site {
    OFR_PATH_NO_RAMP = -1,
    OFR_PATH_ALL_RAMPS = -2, /* every row leaves at the first */
};

struct ofr_path_ask {
    uint32_t batch;    /* a size the device was made for; every batch is as large */
    int32_t site;      /* every row leaves at the ramp there; or one of enum ofr_path_site */
    bool ahead;        /* inputs travel while the batch before runs; the device can */
    uint32_t turns;    /* so many batches with the ramps, as many without any, in turns; 0 = all with them */
    int64_t period_ns; /* from one batch's arrival to the next; 0 = all wait from the beginning */
    uint32_t passes;
};

/* Of one batch; ns. */
struct ofr_path_sample {
    int64_t idle_ns;  /* end of the batch before to this one's dispatch */
    int64_t pass_ns;  /* dispatch to end */
    int64_t seen_ns;  /* dispatch to release, mean of the rows */
    int64_t reply_ns; /* end to the policy's answer being in force, less what the policy took */
    bool ramps;       /* it had some */
    uint32_t turn;    /* so many batches before it were alike in that, in a row */
};

/* Runs a few batches more than asked for and keeps the last `passes`. *start_ns, if not NULL: from the beginning of the
 * run, when the first batch is there, to its dispatch. Errors: the device's, OFR_E_NOMEM. */
int ofr_path_measure(const struct ofr_path *path, const struct ofr_path_ask *ask,
                     struct ofr_path_sample *sample, int64_t *start_ns, struct ofr_error *err);

#endif
