/* Probing: what is a device's own in a profile, measured anew in seconds on another device of the same kind.
 *
 * Cards of one kind run the same kernels at speeds of their own, and idling costs each something else
 * (docs/how-far-to-trust.md). A probe runs whole passes without ramps along the path of a replay, at every batch size of
 * the profile, one after another and after idling, with the kernels the profile names, and writes the profile as it would
 * be here:
 *
 *   pace[b]  = middle of the passes here / middle of the profile's, batches waiting (rung 0; sim/model/middle.h)
 *   measured anew: passes at every rung, idle times, full answers seen, notice, reply, start
 *   x pace[b]: everything else that has a batch size; unchanged: everything else
 *
 * so that ramps, parts and copies keep their proportions to the pass. */
#ifndef OFR_REPLAY_PROBING_H
#define OFR_REPLAY_PROBING_H

#include "replay/device.h"
#include "sim/model/profile.h"
#include "traces/profile_file.h"

enum {
    OFR_PROBING_ROUNDS = 12
};

struct ofr_probing {
    const struct ofr_device_ops *ops;
    const struct ofr_device_setup
        *setup; /* network, weights, inputs; batch sizes and kernels are the profile's */
    const struct ofr_profile *profile;      /* measured along the path: path.rungs > 0 */
    const struct ofr_profile_samples *rows; /* the same, sample by sample */
    const char *path;                       /* of its file */
    uint32_t samples;                       /* of each quantity, rounded up to OFR_PROBING_ROUNDS */
    bool spin;       /* waiting threads keep their processors: as the replays to be predicted */
    const char *out; /* path */
    const struct ofr_notes *provenance;         /* of the caller: command, weights, ...; borrowed */
    void (*say)(void *state, const char *line); /* may be NULL */
    void (*progress)(void *state, uint64_t round, uint64_t rounds); /* may be NULL */
    void *state;
};

/* Writes the profile; pace[profile->batches]. Errors: the device's; OFR_E_USAGE for a device that measures
 * nothing. Nothing is written on an error. */
int ofr_probing_run(const struct ofr_probing *probing, double *pace, struct ofr_error *err);

#endif
