/* Replay: a scenario in real time on a device. The same wiring as in simulation (sim/run/run.h) on another leg: the
 * monotonic clock (timing.h), the executor of devices (executor.h), the policy on its own thread
 * (controller_thread.h), and a relay that keeps log and summary off the loop's thread (relay.h).
 *
 * Open loop: requests arrive at absolute times from one epoch, late or not; latency counts from the intended arrival;
 * how late a request was let in is its lateness. A run is INVALID, and says why, when the lateness of its 99th
 * percentile exceeds its bound, when the device reduced its clocks, when it was shorter or smaller than asked, or
 * when it was interrupted. SIGINT and SIGTERM end a run in order: nobody else is let in, who is in the system is
 * served, log and summary are finished; a second signal ends the process at once.
 */
#ifndef OFR_REPLAY_REPLAY_H
#define OFR_REPLAY_REPLAY_H

#include "replay/executor.h"
#include "replay/model.h"
#include "sim/run/leg.h"

#define OFR_NOTE_SAMPLES "samples" /* requests draw from so many */

enum ofr_replay_exits {
    OFR_EXITS_RECORDED, /* real kernels, decisions from the recording */
    OFR_EXITS_COMPUTED, /* decisions from what the device computes */
};

enum ofr_replay_spin {
    OFR_SPIN_AUTO, /* always, on a machine with processors to spare */
    OFR_SPIN_ALWAYS,
    OFR_SPIN_NEVER,
};

/* Whether waiting threads keep their processors on this machine. */
bool ofr_replay_may_spin(enum ofr_replay_spin choice);

struct ofr_replay_options {
    const char *device;               /* NAME or NAME:NUMBER; server i of several takes NUMBER + i */
    const struct ofr_device_ops *ops; /* this device instead (tests); NULL = by name */
    enum ofr_replay_exits exits;
    enum ofr_replay_spin spin;
    bool paced;              /* null device: take the profile's time */
    int64_t lateness_ns;     /* bound on the 99th percentile; -1 = 100 us, 1 ms on the cpu device */
    int64_t min_duration_ns; /* shorter runs are INVALID */
    uint64_t min_requests;   /* smaller ones too */
    struct ofr_warm_up warm_up;
    bool catch_signals;
    struct ofr_replay_model_options model; /* for devices that run a network */
    uint32_t threads;                      /* cpu device: 0 = all processors but one */
    bool ramps_in_line;                    /* on the backbone instead of a branch */
};

struct ofr_replay_report {
    char device[64], exits[16];
    struct ofr_histogram lateness, handling; /* ns */
    struct ofr_replay_counts counts;
    uint64_t stalls;     /* times the loop waited for the relay */
    int64_t lateness_ns; /* the bound */
    bool interrupted, spin;
    struct ofr_device_state before, after; /* of the first device */
    char invalid[256];                     /* why; empty = VALID */
    struct ofr_notes notes;                /* provenance, as in the log; owned */
};

/* Replays the scenario. The report is filled also when the run is INVALID, which is no error here. On an error the
 * run holds nothing; when it began and the device failed, the log holds what happened until then. Release the report
 * with ofr_replay_report_release in any case. */
int ofr_replay_run(struct ofr_run *run, struct ofr_replay_report *report, const struct ofr_scenario *scenario,
                   const struct ofr_inputs *inputs, const struct ofr_run_options *options,
                   const struct ofr_replay_options *replay, struct ofr_error *err);
void ofr_replay_report_release(struct ofr_replay_report *report);

#endif
