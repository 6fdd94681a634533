/* Private to sweeps: one run, and the inputs runs share. */
#ifndef OFR_SWEEP_WORK_H
#define OFR_SWEEP_WORK_H

#include "sim/run/run.h"
#include "sim/sweep/sweep.h"

#include <pthread.h>

/* Profiles and recordings, read once for the life of a sweep. Threads may share it. */
struct ofr_sweep_inputs {
    pthread_mutex_t lock;
    struct ofr_sweep_loaded *first; /* owned list */
};

void ofr_sweep_inputs_init(struct ofr_sweep_inputs *inputs);
void ofr_sweep_inputs_release(struct ofr_sweep_inputs *inputs);
/* The inputs of a scenario, borrowed until release; loads them the first time. */
int ofr_sweep_inputs_get(struct ofr_sweep_inputs *inputs, const struct ofr_scenario *scenario,
                         const struct ofr_inputs **out, struct ofr_error *err);

/* Does run number `run`; value[metrics] is filled. */
int ofr_sweep_do(const struct ofr_sweep *sweep, struct ofr_sweep_inputs *inputs, uint64_t run, double *value,
                 struct ofr_error *err);
/* Whether any configuration (of a hundred at even distances) can be read and its inputs be had: when none can, the
 * sweep file is at fault and the first one's complaint is returned. */
int ofr_sweep_check(const struct ofr_sweep *sweep, struct ofr_sweep_inputs *inputs, struct ofr_error *err);

#endif
