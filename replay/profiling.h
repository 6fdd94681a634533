/* Profiling: what a network's segments, ramps, copies and hand-overs take on a device, measured by the device itself
 * (device.h, `measure`) and kept sample by sample in a latency profile (traces/profile_file.h).
 *
 * Every quantity is measured a few times in each of many rounds, so that a drift of the machine meets all alike. The
 * first round warms up and is thrown away; the second tells how long the rest will take. When the medians do not say that each
 * site is reached later than the one before, more rounds follow, up to OFR_PROFILING_MORE times as many.
 */
#ifndef OFR_REPLAY_PROFILING_H
#define OFR_REPLAY_PROFILING_H

#include "replay/device.h"

enum {
    OFR_PROFILING_ROUNDS = 10,
    OFR_PROFILING_MORE = 4,
    OFR_PROFILING_PATH_ROUNDS = 6,
};

struct ofr_profiling {
    const struct ofr_device_ops *ops;
    const struct ofr_device_setup
        *setup;            /* network, weights, inputs, batch sizes; ramps_in_line: what ramps cost */
    uint32_t samples;      /* of each quantity */
    uint32_t path_samples; /* of whole passes along the path; 0: leave the path out */
    bool spin;       /* waiting threads keep their processors: as the replays that are to be predicted */
    const char *out; /* path */
    const struct ofr_notes *provenance;         /* of the caller: command, weights, ...; borrowed */
    void (*say)(void *state, const char *line); /* may be NULL */
    void (*progress)(void *state, uint64_t round, uint64_t rounds); /* may be NULL */
    void *state;
};

/* Writes the profile. Errors: the device's; OFR_E_USAGE for a device that measures nothing; OFR_E_GATE when a segment
 * cannot be told from noise. Nothing is written on an error. */
int ofr_profiling_run(const struct ofr_profiling *profiling, struct ofr_error *err);

#endif
