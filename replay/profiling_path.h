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
/* Once for each of OFR_PROFILING_PATH_ROUNDS rounds. On a device whose clock alternates (ops->clock_period_ns), every
 * second round begins half a period off, by the first one's beginning: what falls into the fast half in one round falls
 * into the slow one in the next. Until then the device is kept at work. */
int ofr_profiling_path_round(struct ofr_profiling_path *path, struct ofr_error *err);
int ofr_profiling_path_append(const struct ofr_profiling_path *path, struct ofr_profile_writer *writer,
                              struct ofr_error *err);
/* How long until a round may begin, `elapsed_ns` after the first did: 0 .. period_ns - 1. */
int64_t ofr_profiling_path_wait_ns(int64_t elapsed_ns, uint32_t round, int64_t period_ns);
void ofr_profiling_path_destroy(struct ofr_profiling_path *path); /* NULL is allowed */

#endif
