/* The part of profiling that times whole passes along the path of a replay (path.h). Private to replay/profiling*.c and
 * replay/probing.c. */
#ifndef OFR_REPLAY_PROFILING_PATH_H
#define OFR_REPLAY_PROFILING_PATH_H

#include "replay/path.h"
#include "replay/profiling.h"
#include "traces/profile_file.h"

struct ofr_profiling_path;

struct ofr_profiling_path_plan {
    uint32_t samples; /* of each quantity, rounded up to rounds */
    uint32_t rounds;  /* 1 .. OFR_SETTLE_ROUNDS_MAX */
    /* [batches], borrowed: by this share a pass is slower on a cold device than on a settled one. Passes without ramps and
     * with inputs of their own are then all that is measured. NULL: not known, and everything is. */
    const double *slower;
    double settle_ns; /* time constant of that; 0: not known */
};

/* `path` and what it points to are borrowed, the plan is copied. */
int ofr_profiling_path_create(struct ofr_profiling_path **out, const struct ofr_path *path,
                              const struct ofr_device_setup *setup,
                              const struct ofr_profiling_path_plan *plan, struct ofr_error *err);
/* Once for each of the plan's rounds. */
int ofr_profiling_path_round(struct ofr_profiling_path *path, struct ofr_error *err);
int ofr_profiling_path_append(const struct ofr_profiling_path *path, struct ofr_profile_writer *writer,
                              struct ofr_error *err);
/* Passes of size number `at` that followed each other, as on a settled device, in ns and in the order of measurement: their number,
 * which is above 0 after a round; *pass_ns is owned by the caller, NULL without memory. */
uint32_t ofr_profiling_path_passes(const struct ofr_profiling_path *path, uint32_t at, double **pass_ns);
void ofr_profiling_path_destroy(struct ofr_profiling_path *path); /* NULL is allowed */

#endif
