/* Doing a sweep: its folder, its journal, the crew that does the runs, and the files at the end.
 *
 * Folder. DIR/journal while it goes on and after (resuming a finished sweep only writes its files anew); sweep.yaml,
 * results.csv, runs.csv, results.osweep at the end. A folder that holds anything but a sweep is refused.
 */
#ifndef OFR_SWEEP_DRIVE_H
#define OFR_SWEEP_DRIVE_H

#include "sim/sweep/ranks.h"
#include "sim/sweep/results.h"

struct ofr_sweep_drive {
    const char *folder;
    uint32_t threads;                  /* at least 1 */
    const struct ofr_ranks_ops *ranks; /* this is the leader of ranks; NULL = on threads alone */
    bool resume;                       /* also starts a sweep where there is none */
    void (*progress)(void *state, uint64_t done, uint64_t to_do); /* of this session; may be NULL */
    void *progress_state;
    void (*say)(void *state, const char *line); /* what the user should know; may be NULL */
    void *say_state;
};

/* Does what is left to do of a sweep and writes its files. `runs` is filled (release it with ofr_sweep_runs_release) and
 * so are the results that point into it. Failed configurations are no error here: see results->broken. */
int ofr_sweep_drive(const struct ofr_sweep *sweep, const struct ofr_sweep_drive *drive,
                    struct ofr_sweep_runs *runs, struct ofr_sweep_results *results, struct ofr_error *err);

/* A follower's share of it. */
int ofr_sweep_follow(const struct ofr_sweep *sweep, const struct ofr_ranks_ops *ranks, uint32_t threads,
                     struct ofr_error *err);

#endif
