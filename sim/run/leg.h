/* What a run stands on: its clock, its executor, its controller. `offramp sim` stands on one leg (virtual time and a
 * profile), `offramp replay` on the other (real time and a device), `offramp verify` on the times of a log; the
 * wiring in run.c is the same for all.
 */
#ifndef OFR_RUN_LEG_H
#define OFR_RUN_LEG_H

#include "sim/run/run.h"

/* What a leg may know of the run that is about to begin. Everything is borrowed until `close` has returned. */
struct ofr_leg_view {
    const struct ofr_scenario *scenario;
    const struct ofr_inputs *inputs;
    const struct offramp_exit_config *first; /* the policy's first configuration */
    uint32_t max_batch;
    struct ofr_runlog_writer *log; /* NULL = none is written */
};

struct ofr_leg_ops {
    const char *name;
    uint32_t log_tables; /* enum ofr_runlog_tables its log has beside the rows of every run */
    bool stages;         /* runs modes of several stages */
    bool answers;        /* decides exits without a recording: policies with ramps need none */
    bool logged;         /* what it runs has been run: nothing is refused that may not be asked for */
    /* Optional. Whether batches take the times of a profile (ofr_inputs_times), and not those of a device; NULL: they do. */
    bool (*profiled)(const void *state);
    /* Required. Puts clock, executor and controller into `setup`, which is complete but for them; may put other
     * observers in the place of those it finds there. Called right before the loop starts, on its thread. */
    int (*open)(void *state, const struct ofr_leg_view *view, struct ofr_serve_setup *setup,
                struct ofr_error *err);
    /* Required, called once `open` was, whatever it returned. The loop has ended with `rc`; stops what runs beside
     * it and brings the observers up to date, so that summary and log can be finished. Returns rc or an error of
     * its own. */
    int (*close)(void *state, const struct ofr_serve_result *result, int rc, struct ofr_error *err);
    /* Optional. What happened until a failure is worth keeping: the log is finished, with the error as a note. */
    bool (*keep)(void *state);
};

/* As ofr_run_simulate, on a given leg. */
int ofr_run_on(struct ofr_run *run, const struct ofr_scenario *scenario, const struct ofr_inputs *inputs,
               const struct ofr_run_options *options, const struct ofr_leg_ops *leg, void *state,
               struct ofr_error *err);

/* Virtual time and a profile. State: struct ofr_leg_sim, zeroed. */
struct ofr_leg_sim {
    struct ofr_clock_virtual now;
    struct ofr_sim_executor *executor;
    struct ofr_timed_policy policy;
};
extern const struct ofr_leg_ops ofr_leg_sim_ops;

#endif
