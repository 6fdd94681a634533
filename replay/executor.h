/* The executor of a replay: runs batches on devices (device.h) in real time, one device for each server.
 *
 *   loop      submit: chooses padded size and lane, zeroes the cells, hands the pass to the device
 *   watcher   a thread that reads the cells of passes in flight, decides exits as they come, stamps what it sees
 *   loop      poll: takes ended passes in the order in which they ended
 *
 * Exits. A row leaves at its first active ramp, in order, that lets it go (sim/serve/exit_rule.h), at the moment the
 * watcher sees that ramp's cell with those of all ramps before it; a row no ramp lets go leaves at its full cell.
 *   recorded   the ramp lets it go when the recording's score is below the threshold
 *   computed   when the device has said so in the cell; the host compares again and counts differences, and rows
 *              whose score lies within OFR_NEAR_THRESHOLD of the threshold
 *
 * A device that stops answering is asked whether it is well ten times a second; after OFR_SILENCE_NS it is given up.
 * A batch that runs when a run is cut is unfinished as a whole. Batches committed ahead are submitted when their
 * server is idle.
 *
 * Inputs ahead. On devices that can (`prepare`), with one server, inputs of waiting requests travel while a batch runs
 * (sim/serve/executor.h). A replay does so when its profile was measured so (ofr_profile_has_ahead).
 */
#ifndef OFR_REPLAY_EXECUTOR_H
#define OFR_REPLAY_EXECUTOR_H

#include "replay/device.h"
#include "replay/timing.h"
#include "sim/model/profile.h"
#include "sim/serve/executor.h"

#define OFR_NEAR_THRESHOLD 1e-3
#define OFR_SILENCE_NS     INT64_C(30000000000)

struct ofr_replay_executor_setup {
    const struct ofr_device_ops *device;   /* static */
    void *const *device_state;             /* [servers], borrowed */
    uint32_t servers;                      /* <= OFR_MAX_SERVERS */
    const struct ofr_profile *profile;     /* borrowed: profiled sizes */
    const struct ofr_recording *recording; /* borrowed; NULL only with `computed` or without ramps */
    bool computed;
    bool feedback; /* fill score and ramp_answer */
    bool spin;     /* the watcher never gives up its processor */
    uint32_t max_batch;
    bool inputs_ahead;         /* one server, a device with `prepare` */
    struct ofr_timing *timing; /* borrowed */
    struct ofr_relay *relay;   /* borrowed; takes computed results; may be NULL */
};

/* Rows looked at by `computed`; valid once the executor is stopped. */
struct ofr_replay_counts {
    uint64_t passes;
    uint64_t rows, ahead; /* of the passes; of these, rows whose input had travelled ahead */
    uint64_t near;        /* scores that close to their threshold */
    uint64_t differs;     /* device and host disagree on an exit */
};

struct ofr_replay_executor;
int ofr_replay_executor_create(struct ofr_replay_executor **out,
                               const struct ofr_replay_executor_setup *setup, struct ofr_error *err);
/* Stops the watcher; nothing may be submitted afterwards. */
void ofr_replay_executor_stop(struct ofr_replay_executor *executor, struct ofr_replay_counts *counts);
void ofr_replay_executor_destroy(struct ofr_replay_executor *executor); /* stops; NULL is allowed */
extern const struct ofr_executor_ops ofr_replay_executor_ops;           /* state: the executor */

/* When passes count as warm: at every size so many passes, and then until the last `settled` lie within `spread`
 * of their median, but no longer than `most_ns` a size. Then passes of the largest size follow each other for `load_ns`,
 * until the device has settled to a load (device.h, settle_ns). */
struct ofr_warm_up {
    uint32_t passes, settled;
    double spread;
    int64_t most_ns;
    int64_t load_ns; /* negative: as long as the device takes */
};
/* Runs passes of the first configuration; before the run. Notes what it did. */
int ofr_replay_executor_warm_up(struct ofr_replay_executor *executor, const struct ofr_warm_up *rule,
                                const struct offramp_exit_config *first, struct ofr_notes *notes,
                                struct ofr_error *err);

#endif
