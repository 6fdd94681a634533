/* Running a scenario: loads what it names, wires a leg (leg.h: clock, executor, controller), arrivals, batcher,
 * policy and observers together, runs the loop, and hands back the summary. */
#ifndef OFR_RUN_RUN_H
#define OFR_RUN_RUN_H

#include "analysis/summary.h"
#include "sim/run/scenario.h"
#include "sim/serve/serve.h"
#include "traces/notes.h"

/* Notes a log needs beside its rows for the summary to be computed again. */
#define OFR_NOTE_SERVERS   "servers"
#define OFR_NOTE_MAX_BATCH "max_batch"
#define OFR_NOTE_END_NS    "end_ns"
#define OFR_NOTE_KNOWLEDGE "knowledge" /* of the policy before the run: none, hindsight, oracle */
#define OFR_NOTE_ERROR     "error"     /* why the run broke off; the rows end there */
/* Of a run whose policy is a plug-in. */
#define OFR_NOTE_POLICY_FILE "policy_file"
#define OFR_NOTE_POLICY_HASH "policy_xxh64" /* of the file's bytes, 16 hexadecimal digits */

/* What a scenario's files hold, read once and shared by any number of runs. */
struct ofr_inputs {
    struct ofr_profile *profile;       /* owned; overrides of the scenario's model section applied */
    struct ofr_profile *first_profile; /* owned; NULL when the scenario names no first model of its own */
    struct ofr_profile
        *times; /* owned; of the same model, sites and batch sizes as `profile`; NULL: that itself */
    struct ofr_recording *recording; /* owned; NULL when the scenario names none */
};

/* The profile that batches take their times from in a mode of so many stages. */
static inline const struct ofr_profile *ofr_inputs_times(const struct ofr_inputs *inputs, uint32_t stages)
{
    return inputs->times && stages == 1 ? inputs->times : inputs->profile;
}

/* Errors: a file that cannot be read, or profile, times and recording that do not fit each other. */
int ofr_inputs_load(struct ofr_inputs *inputs, const struct ofr_scenario *scenario, struct ofr_error *err);
/* As ofr_inputs_load, with a recording that is loaded already (the one the scenario names; NULL = load it). It is
 * borrowed: take it out before ofr_inputs_release. */
int ofr_inputs_load_beside(struct ofr_inputs *inputs, const struct ofr_scenario *scenario,
                           struct ofr_recording *recording, struct ofr_error *err);
void ofr_inputs_release(struct ofr_inputs *inputs);

struct ofr_run_options {
    const char *log_path;               /* write a run log here; NULL = none */
    const struct ofr_notes *provenance; /* borrowed, kept in the log; may be NULL */
    void (*progress)(void *state, uint64_t offered, int64_t now_ns); /* may be NULL */
    void *progress_state;
    void (*say)(void *state, const char *line); /* what a policy has to tell the user; may be NULL */
    void *say_state;
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

/* The summary of a finished run from its log; equal to the one the run printed (invariant I11). Owned:
 * release with ofr_summary_release. Errors: OFR_E_INPUT for a file that is not a whole log. */
int ofr_run_summary_of_log(struct ofr_summary *summary, const char *log_path, struct ofr_error *err);

#endif
