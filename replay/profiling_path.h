/* The part of profiling that times whole passes along the path of a replay (path.h). Private to replay/profiling*.c. */
#ifndef OFR_REPLAY_PROFILING_PATH_H
#define OFR_REPLAY_PROFILING_PATH_H

#include "replay/path.h"
#include "replay/profiling.h"
#include "traces/profile_file.h"

struct ofr_profiling_path;

/* `path` and what it points to are borrowed; `samples` of each quantity, rounded up to OFR_PROFILING_PATH_ROUNDS. */
int ofr_profiling_path_create(struct ofr_profiling_path **out, const struct ofr_path *path,
                              const struct ofr_device_setup *setup, uint32_t samples, struct ofr_error *err);
/* Once for each of OFR_PROFILING_PATH_ROUNDS rounds. */
int ofr_profiling_path_round(struct ofr_profiling_path *path, struct ofr_error *err);
int ofr_profiling_path_append(const struct ofr_profiling_path *path, struct ofr_profile_writer *writer,
                              struct ofr_error *err);
void ofr_profiling_path_destroy(struct ofr_profiling_path *path); /* NULL is allowed */

#endif
