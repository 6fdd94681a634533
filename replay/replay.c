#include "replay/replay_leg.h"

#include "replay/placement.h"
#include "sim/base/processors.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* ---- signals ---- */

static struct ofr_timing *volatile signalled; /* the run a signal ends; NULL = none */

static void on_signal(int number)
{
    (void)number;
    if (signalled)
        ofr_timing_stop(signalled);
}

/* Once: a second signal does what it does to everyone. */
static void catch_signals(struct ofr_timing *timing)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    signalled = timing;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static void release_signals(void)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signalled = NULL;
}

/* ---- lateness: an observer ---- */

static void late(struct ofr_histogram *histogram, const struct ofr_request_row *row)
{
    int64_t in_ns = row->admitted_ns < 0 ? row->ended_ns : row->admitted_ns;
    ofr_histogram_add(histogram, in_ns - row->arrival_ns);
}

static void on_batch(void *state, const struct ofr_batch_row *batch, const struct ofr_request_row *rows,
                     uint32_t count)
{
    (void)batch;
    for (uint32_t i = 0; i < count; ++i)
        late(state, &rows[i]);
}

static void on_lost(void *state, const struct ofr_request_row *row)
{
    late(state, row);
}

static void on_decision(void *state, const struct ofr_decision_row *row)
{
    (void)state;
    (void)row;
}

/* ---- opening ---- */

static uint32_t sizes_in_use(const struct ofr_profile *profile, uint32_t max_batch)
{
    int32_t index = ofr_profile_batch_index(profile, max_batch);
    return index < 0 ? profile->batches : (uint32_t)index + 1;
}

/* What the devices run. Its source is noted for provenance. */
static int open_model(struct ofr_leg_replay *leg, struct ofr_device_setup *setup, struct ofr_error *err)
{
    const struct ofr_inputs *inputs = leg->view.inputs;
    struct ofr_notes *notes = &leg->report->notes;
    if (leg->device->no_net)
        return 0;
    int rc =
        ofr_replay_model_load(&leg->model, &leg->options->model, inputs->profile, inputs->recording, err);
    if (!rc)
        rc = ofr_notes_set(notes, "net", leg->model.net->name, err);
    if (!rc)
        rc = ofr_notes_set(notes, "weights", leg->model.weights->source, err);
    if (!rc)
        rc = ofr_notes_setf(notes, err, "inputs", "%" PRIu32 ", %s", leg->model.inputs.count,
                            leg->options->model.images[0] ? leg->options->model.images : "random");
    setup->net = leg->model.net;
    setup->weights = leg->model.weights;
    setup->inputs = leg->model.inputs;
    return rc;
}

static int open_devices(struct ofr_leg_replay *leg, struct ofr_error *err)
{
    const struct ofr_profile *profile = leg->view.inputs->profile;
    struct ofr_device_setup setup = {
        .batch = profile->batch,
        .batches = sizes_in_use(profile, leg->view.max_batch),
        .profile = leg->options->paced ? ofr_inputs_times(leg->view.inputs, 1) : NULL,
        .ramps_in_line = leg->options->ramps_in_line,
        .threads = leg->options->threads,
        .kernels = profile->kernels,
    };
    int rc = open_model(leg, &setup, err);
    if (rc)
        return rc;
    leg->devices = (uint32_t)leg->view.scenario->top.servers;
    for (uint32_t i = 0; i < leg->devices; ++i) {
        setup.index = leg->index + (int32_t)i;
        rc = leg->device->create(&leg->device_state[i], &setup, err);
        if (rc)
            return rc;
    }
    leg->device->observe(leg->device_state[0], &leg->report->before);
    return leg->device->info(leg->device_state[0], &leg->report->notes, err);
}

static int open_relay(struct ofr_leg_replay *leg, struct ofr_serve_setup *setup, struct ofr_error *err)
{
    struct ofr_relay_sinks sinks = {.log = leg->view.log, .place = leg->report->spin};
    for (uint32_t i = 0; i < setup->observers; ++i)
        sinks.observer[sinks.observers++] = setup->observer[i];
    sinks.observer[sinks.observers++] = (struct ofr_observer){
        .state = &leg->report->lateness, .batch = on_batch, .lost = on_lost, .decision = on_decision};
    int rc = ofr_relay_create(&leg->relay, &sinks, err);
    if (rc)
        return rc;
    setup->observer[0] = ofr_relay_observer(leg->relay);
    setup->observers = 1;
    return 0;
}

/* As the profile was measured and the scenario wants it, so that a simulation knows what is replayed. */
static bool may_go_ahead(const struct ofr_leg_replay *leg)
{
    return leg->device->prepare && leg->devices == 1 && ofr_profile_has_ahead(leg->view.inputs->profile) &&
           ofr_term_on(leg->view.scenario->model.without_terms, OFR_TERM_AHEAD);
}

static int open_executor(struct ofr_leg_replay *leg, struct ofr_serve_setup *setup, struct ofr_error *err)
{
    bool feedback = (setup->policy->flags & OFFRAMP_POLICY_FEEDBACK) != 0;
    setup->inputs_ahead = leg->inputs_ahead = may_go_ahead(leg);
    struct ofr_replay_executor_setup executor = {
        .device = leg->device,
        .device_state = leg->device_state,
        .servers = leg->devices,
        .profile = leg->view.inputs->profile,
        .recording = leg->view.inputs->recording,
        .computed = leg->options->exits == OFR_EXITS_COMPUTED,
        .feedback = feedback,
        .spin = leg->report->spin,
        .max_batch = leg->view.max_batch,
        .inputs_ahead = setup->inputs_ahead,
        .timing = &leg->timing,
        .relay = leg->view.log ? leg->relay : NULL,
    };
    int rc = ofr_replay_executor_create(&leg->executor, &executor, err);
    if (rc)
        return rc;
    setup->executor = (struct ofr_executor){.ops = &ofr_replay_executor_ops, .state = leg->executor};
    if (!feedback)
        return 0;
    struct ofr_policy_handle policy = {.ops = setup->policy, .state = setup->policy_state};
    rc = ofr_controller_thread_create(&leg->controller, &policy, leg->view.max_batch, leg->report->spin,
                                      &leg->timing, err);
    setup->controller = (struct ofr_controller){.ops = &ofr_controller_thread_ops, .state = leg->controller};
    return rc;
}

static int check_possible(const struct ofr_leg_replay *leg, struct ofr_error *err)
{
    if (leg->options->exits == OFR_EXITS_COMPUTED && leg->view.first->criterion != OFFRAMP_CRITERION_TOP1 &&
        leg->view.first->criterion != OFFRAMP_CRITERION_ENTROPY)
        return ofr_fail(err, OFR_E_INPUT,
                        "exits: policy %s decides by what no ramp computes, expected --exits recorded",
                        leg->view.scenario->policy->name);
    return 0;
}

bool ofr_replay_may_spin(enum ofr_replay_spin choice)
{
    enum {
        ENOUGH = 8 /* loop, watcher, controller, device and relay spin; others have to live too */
    };
    return choice == OFR_SPIN_ALWAYS || (choice == OFR_SPIN_AUTO && ofr_processors() >= ENOUGH);
}

/* The loop to its place, and where all threads are. */
static int take_place(struct ofr_leg_replay *leg, struct ofr_error *err)
{
    if (!leg->report->spin || !ofr_placement_take(OFR_PLACEMENT_LOOP))
        return 0;
    return ofr_notes_setf(
        &leg->report->notes, err, "processors",
        "loop %" PRId32 ", watcher %" PRId32 ", policy %" PRId32 ", log %" PRId32,
        ofr_placement_processor(OFR_PLACEMENT_LOOP), ofr_placement_processor(OFR_PLACEMENT_WATCHER),
        ofr_placement_processor(OFR_PLACEMENT_CONTROLLER), ofr_placement_processor(OFR_PLACEMENT_RELAY));
}

static int open_leg(void *state, const struct ofr_leg_view *view, struct ofr_serve_setup *setup,
                    struct ofr_error *err)
{
    struct ofr_leg_replay *leg = state;
    leg->view = *view;
    leg->report->spin = ofr_replay_may_spin(leg->options->spin);
    leg->timing.handling = leg->report->handling;
    ofr_timing_init(&leg->timing, &setup->clock, leg->report->spin);
    int rc = check_possible(leg, err);
    if (!rc)
        rc = open_devices(leg, err);
    if (!rc)
        rc = open_relay(leg, setup, err);
    if (!rc)
        rc = open_executor(leg, setup, err);
    if (!rc)
        rc = take_place(leg, err);
    if (!rc)
        rc = ofr_notes_set(&leg->report->notes, "exits", leg->report->exits, err);
    if (!rc)
        rc = ofr_replay_executor_warm_up(leg->executor, &leg->options->warm_up, view->first,
                                         &leg->report->notes, err);
    if (rc)
        return rc;
    if (!view->inputs->recording && leg->model.inputs.count)
        setup->samples = leg->model.inputs.count;
    rc = ofr_notes_setf(&leg->report->notes, err, OFR_NOTE_SAMPLES, "%" PRIu32, setup->samples);
    if (rc)
        return rc;
    setup->stop = &leg->timing.stop;
    setup->feedback_ns = 0; /* it takes the time it takes */
    if (leg->options->catch_signals)
        catch_signals(&leg->timing);
    leg->began = true;
    ofr_timing_restart(&leg->timing, leg->relay);
    return 0;
}

/* ---- closing ---- */

static int close_leg(void *state, const struct ofr_serve_result *result, int rc, struct ofr_error *err)
{
    struct ofr_leg_replay *leg = state;
    struct ofr_replay_report *report = leg->report;
    if (leg->options->catch_signals)
        release_signals();
    report->interrupted = leg->timing.stop;
    ofr_timing_end(&leg->timing);
    ofr_placement_leave();
    report->handling = leg->timing.handling;
    if (leg->executor)
        ofr_replay_executor_stop(leg->executor, &report->counts);
    ofr_controller_thread_destroy(leg->controller);
    ofr_relay_finish(leg->relay);
    report->stalls = leg->relay ? ofr_relay_stalls(leg->relay) : 0;
    if (leg->devices && leg->device_state[0] && !rc)
        leg->device->observe(leg->device_state[0], &report->after);
    struct ofr_error own = OFR_ERROR_INIT;
    int failed = leg->began ? ofr_replay__conclude(leg, result, &own) : 0;
    for (uint32_t i = 0; i < leg->devices; ++i)
        leg->device->destroy(leg->device_state[i]);
    ofr_replay_executor_destroy(leg->executor);
    ofr_replay_model_release(&leg->model);
    ofr_relay_destroy(leg->relay);
    return !rc && failed ? ofr_fail(err, failed, "%s", own.text) : rc;
}

static bool keep(void *state)
{
    const struct ofr_leg_replay *leg = state;
    return leg->began;
}

/* The null device alone keeps a profile's times, where it is asked to. */
static bool profiled(const void *state)
{
    const struct ofr_leg_replay *leg = state;
    return leg->options->paced && leg->device->no_net;
}

static const struct ofr_leg_ops recorded_ops = {.name = "replay",
                                                .log_tables = OFR_RUNLOG_INSTANTS,
                                                .profiled = profiled,
                                                .open = open_leg,
                                                .close = close_leg,
                                                .keep = keep};
static const struct ofr_leg_ops computed_ops = {.name = "replay",
                                                .log_tables = OFR_RUNLOG_INSTANTS | OFR_RUNLOG_RESULTS,
                                                .answers = true,
                                                .profiled = profiled,
                                                .open = open_leg,
                                                .close = close_leg,
                                                .keep = keep};

static int describe(struct ofr_leg_replay *leg, struct ofr_error *err)
{
    const struct ofr_replay_options *options = leg->options;
    struct ofr_replay_report *report = leg->report;
    leg->device = options->ops ? options->ops : ofr_device_find(options->device, &leg->index, err);
    if (!leg->device)
        return err->code;
    snprintf(report->device, sizeof report->device, "%s",
             options->ops ? options->ops->name : options->device);
    snprintf(report->exits, sizeof report->exits, "%s",
             options->exits == OFR_EXITS_COMPUTED ? "computed" : "recorded");
    report->lateness_ns = options->lateness_ns >= 0               ? options->lateness_ns
                          : strcmp(leg->device->name, "cpu") == 0 ? 1000000
                                                                  : 100000;
    report->before.sm_clock_mhz = report->after.sm_clock_mhz = NAN;
    int rc = ofr_histogram_init(&report->lateness, err);
    return rc ? rc : ofr_histogram_init(&report->handling, err);
}

int ofr_replay_run(struct ofr_run *run, struct ofr_replay_report *report, const struct ofr_scenario *scenario,
                   const struct ofr_inputs *inputs, const struct ofr_run_options *options,
                   const struct ofr_replay_options *replay, struct ofr_error *err)
{
    struct ofr_leg_replay *leg = calloc(1, sizeof *leg);
    *report = (struct ofr_replay_report){.notes = OFR_NOTES_INIT};
    if (!leg)
        return ofr_fail_nomem(err, "a replay");
    leg->options = replay;
    leg->report = report;
    int rc = describe(leg, err);
    if (!rc)
        rc = ofr_run_on(run, scenario, inputs, options,
                        replay->exits == OFR_EXITS_COMPUTED ? &computed_ops : &recorded_ops, leg, err);
    free(leg);
    return rc;
}

void ofr_replay_report_release(struct ofr_replay_report *report)
{
    ofr_histogram_release(&report->lateness);
    ofr_histogram_release(&report->handling);
    ofr_notes_release(&report->notes);
}
