/* Running a scenario in the simulator: loads what it names, wires clock, executor, arrivals, batcher, policy
 * and observers together, runs the loop, and hands back the summary. */
#ifndef OFR_RUN_RUN_H
#define OFR_RUN_RUN_H

#include "analysis/summary.h"
#include "sim/run/scenario.h"
#include "sim/serve/serve.h"

/* What a scenario's files hold, read once and shared by any number of runs. */
struct ofr_inputs {
    struct ofr_profile *profile;     /* owned; overrides of the scenario's model section applied */
    struct ofr_recording *recording; /* owned; NULL when the scenario names none */
};

/* Errors: a file that cannot be read, or profile and recording that do not fit each other. */
int ofr_inputs_load(struct ofr_inputs *inputs, const struct ofr_scenario *scenario, struct ofr_error *err);
void ofr_inputs_release(struct ofr_inputs *inputs);

struct ofr_run_options {
    const char *log_path; /* write a run log here; NULL = none */
    const char *command;  /* command line, kept in the log's provenance; may be NULL */
    void (*progress)(void *state, uint64_t offered, int64_t now_ns); /* may be NULL */
    void *progress_state;
    struct ofr_observer extra; /* one more observer; unused when its batch hook is NULL */
};

/* The outcome of a run. Owned; release with ofr_run_release. */
struct ofr_run {
    struct ofr_summary summary;
    struct ofr_serve_result result;
};

/* Simulates the scenario. On an error nothing is left of `run` and of the log file. */
int ofr_run_simulate(struct ofr_run *run, const struct ofr_scenario *scenario,
                     const struct ofr_inputs *inputs, const struct ofr_run_options *options,
                     struct ofr_error *err);
void ofr_run_release(struct ofr_run *run);

#endif
