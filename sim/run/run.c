#include "sim/run/leg.h"

#include "sim/engine/random.h"
#include "sim/model/criterion.h"
#include "sim/model/exit_config.h"
#include "sim/policy/plugin.h"
#include "sim/policy/policies.h"
#include "sim/run/hindsight.h"
#include "sim/run/stages.h"
#include "sim/serve/pass_model.h"
#include "traces/runlog_file.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- inputs ---- */

static void fill(int64_t *values, size_t count, int64_t value)
{
    for (size_t i = 0; i < count && value >= 0; ++i)
        values[i] = value;
}

static void override_profile(struct ofr_profile *profile, const struct ofr_scenario_model *model)
{
    size_t ramps = (size_t)profile->batches * profile->sites;
    fill(profile->ramp_add_ns, ramps, model->ramp_ns);
    fill(profile->ramp_delay_ns, ramps, model->ramp_ns);
    if (profile->path.rungs) {
        fill(profile->path.add_ns, ramps, model->ramp_ns);
        fill(profile->path.late_ns, model->ramp_ns < 0 ? 0 : ramps, 0);
    }
    fill(profile->copy_in_ns, profile->batches, model->copy_in_ns);
    for (uint32_t b = 0; ofr_profile_has_ahead(profile) && model->copy_in_ns >= 0 && b < profile->batches;
         ++b)
        if (profile->path.ahead_ns[b] > model->copy_in_ns) /* a copy saves at most what it takes */
            profile->path.ahead_ns[b] = model->copy_in_ns;
    fill(profile->copy_out_ns, profile->batches, model->copy_out_ns);
    fill(&profile->dispatch_ns, 1, model->dispatch_ns);
    fill(&profile->release_ns, 1, model->release_ns);
    fill(&profile->feedback_ns, 1, model->feedback_ns);
}

static int check_recording(const struct ofr_inputs *inputs, const struct ofr_scenario_model *model,
                           struct ofr_error *err)
{
    if (inputs->recording && inputs->recording->sites != inputs->profile->sites)
        return ofr_fail(
            err, OFR_E_INPUT,
            "%s has %u ramp sites, %s has %u: a profile and a recording must be of models with the "
            "same sites",
            model->profile, inputs->profile->sites, model->recording, inputs->recording->sites);
    if (inputs->recording && inputs->recording->samples == 0)
        return ofr_fail(err, OFR_E_INPUT, "%s: the recording is empty", model->recording);
    return 0;
}

static int check_pace(const struct ofr_profile *profile, const struct ofr_scenario_model *model,
                      struct ofr_error *err)
{
    for (uint32_t i = 0; i < model->pace.count; ++i) {
        uint32_t b = 0;
        while (b < profile->batches && profile->batch[b] != model->pace.size[i])
            ++b;
        if (b == profile->batches)
            return ofr_fail(err, OFR_E_INPUT, "pace: found the size %u, expected one that %s has",
                            model->pace.size[i], model->profile);
    }
    return 0;
}

/* Another device runs the same batches of the same model. */
static int check_times(const struct ofr_inputs *inputs, const struct ofr_scenario_model *model,
                       struct ofr_error *err)
{
    const struct ofr_profile *profile = inputs->profile, *times = inputs->times;
    if (strcmp(times->model, profile->model) != 0)
        return ofr_fail(err, OFR_E_INPUT, "times: %s is of %s, expected a profile of %s as %s", model->times,
                        times->model, profile->model, model->profile);
    bool same = times->sites == profile->sites && times->batches == profile->batches &&
                memcmp(times->batch, profile->batch, profile->batches * sizeof *profile->batch) == 0;
    for (uint32_t site = 0; same && site < profile->sites; ++site)
        same = strcmp(times->site_name[site], profile->site_name[site]) == 0;
    return same ? OFR_OK
                : ofr_fail(err, OFR_E_INPUT,
                           "times: %s has other sites or batch sizes than %s, expected a profile of the same "
                           "model at the same sizes",
                           model->times, model->profile);
}

static int load_profile(struct ofr_profile **out, const char *path, const struct ofr_scenario_model *model,
                        struct ofr_error *err)
{
    int rc = ofr_profile_load(out, path, err);
    if (!rc)
        override_profile(*out, model);
    return rc;
}

int ofr_inputs_load_beside(struct ofr_inputs *inputs, const struct ofr_scenario *scenario,
                           struct ofr_recording *recording, struct ofr_error *err)
{
    *inputs = (struct ofr_inputs){.recording = recording};
    const struct ofr_scenario_model *model = &scenario->model;
    int rc = load_profile(&inputs->profile, model->profile, model, err);
    if (!rc && model->first_profile[0])
        rc = load_profile(&inputs->first_profile, model->first_profile, model, err);
    if (!rc && model->times[0])
        rc = load_profile(&inputs->times, model->times, model, err);
    if (!rc && inputs->times)
        rc = check_times(inputs, model, err);
    if (!rc && !recording && model->recording[0])
        rc = ofr_recording_load(&inputs->recording, model->recording, err);
    if (!rc)
        rc = check_recording(inputs, model, err);
    if (!rc)
        rc = check_pace(inputs->profile, model, err);
    if (rc && recording)
        inputs->recording = NULL;
    if (rc)
        ofr_inputs_release(inputs);
    return rc;
}

int ofr_inputs_load(struct ofr_inputs *inputs, const struct ofr_scenario *scenario, struct ofr_error *err)
{
    return ofr_inputs_load_beside(inputs, scenario, NULL, err);
}

void ofr_inputs_release(struct ofr_inputs *inputs)
{
    ofr_profile_free(inputs->profile);
    ofr_profile_free(inputs->first_profile);
    ofr_profile_free(inputs->times);
    ofr_recording_free(inputs->recording);
    *inputs = (struct ofr_inputs){0};
}

/* ---- parts of one run ---- */

struct parts {
    struct ofr_arrival_source arrivals;
    int64_t *slo_ns; /* [stages.streams] */
    struct ofr_stages stages;
    void *policy;
    const char **site_names;
    struct ofr_runlog_writer *log;
};

static int64_t start_offset(const struct ofr_scenario_stream *spec, uint64_t i, struct ofr_random *random)
{
    if (spec->phases == 0)
        return (int64_t)((double)spec->spread_ns * (double)i / (double)spec->count);
    return (int64_t)(ofr_random_uniform(random) * (double)spec->spread_ns);
}

static int create_sources(const struct ofr_scenario *scenario, struct ofr_arrival_source *source,
                          struct parts *parts, struct ofr_error *err)
{
    struct ofr_random random;
    ofr_random_init(&random, scenario->top.seed, OFR_RANDOM_WORKLOAD, 0);
    uint32_t at = 0;
    for (uint32_t i = 0; i < scenario->streams; ++i) {
        const struct ofr_scenario_stream *spec = &scenario->stream[i];
        for (uint64_t j = 0; j < spec->count; ++j, ++at) {
            struct ofr_arrival_setup setup = {.seed = scenario->top.seed, .stream = at};
            source[at] =
                (struct ofr_arrival_source){.ops = spec->ops, .offset_ns = start_offset(spec, j, &random)};
            parts->slo_ns[at] = spec->slo_ns;
            int rc = spec->ops->create(&source[at].state, &setup, spec->options, err);
            if (rc)
                return rc;
        }
    }
    return 0;
}

static int create_arrivals(const struct ofr_scenario *scenario, struct parts *parts, struct ofr_error *err)
{
    struct ofr_arrival_source *source = calloc(parts->stages.streams, sizeof *source);
    parts->slo_ns = calloc(parts->stages.streams, sizeof *parts->slo_ns);
    int rc = source && parts->slo_ns ? 0 : ofr_fail_nomem(err, "arrival streams");
    if (!rc)
        rc = create_sources(scenario, source, parts, err);
    bool plain = parts->stages.streams == 1 && source && source[0].offset_ns == 0;
    if (!rc && plain)
        parts->arrivals = source[0];
    else if (!rc)
        rc = ofr_arrivals_merge(&parts->arrivals, source, parts->stages.streams, err);
    for (uint32_t i = 0; rc && source && i < parts->stages.streams; ++i)
        if (source[i].state)
            source[i].ops->destroy(source[i].state);
    free(source);
    return rc;
}

static void say_nothing(void *host, const char *line)
{
    (void)host, (void)line;
}

/* What users call the policy: a plug-in is named with its file. */
static void policy_title(const struct ofr_scenario *scenario, char *out, size_t size)
{
    const struct ofr_plugin *plugin = scenario->plugin;
    snprintf(out, size, "%s%s%s%s", scenario->policy->name, plugin ? " (" : "", plugin ? plugin->path : "",
             plugin ? ")" : "");
}

static int ask_policy(const struct ofr_scenario *scenario, const struct offramp_policy_setup *setup,
                      struct parts *parts, struct offramp_exit_config *first, struct ofr_error *err)
{
    char title[OFFRAMP_TEXT_SIZE + 64], why[OFR_ERROR_TEXT] = "";
    policy_title(scenario, title, sizeof title);
    if (scenario->policy->create(&parts->policy, setup, scenario->policy_options, first, why, sizeof why)) {
        parts->policy = NULL; /* it has released what it had */
        return ofr_fail(err, OFR_E_INPUT, "exits: policy %s: %.*s", title, (int)sizeof why - 1,
                        why[0] ? why : "it gave no reason");
    }
    if (!ofr_exit_config_good(first, setup->latency.sites, scenario->policy->flags, why, sizeof why))
        return ofr_fail(err, scenario->plugin ? OFR_E_INPUT : OFR_E_BUG,
                        "exits: policy %s begins with an impossible configuration: %s", title, why);
    return 0;
}

static int create_policy(const struct ofr_scenario *scenario, const struct ofr_inputs *inputs,
                         const struct ofr_run_options *options, const struct ofr_leg_ops *leg,
                         struct parts *parts, struct offramp_exit_config *first, struct ofr_error *err)
{
    const struct ofr_profile *profile = inputs->profile;
    struct offramp_hindsight hindsight;
    bool knows = (scenario->policy->flags & OFFRAMP_POLICY_HINDSIGHT) != 0;
    int rc = knows ? ofr_hindsight_view(&hindsight, scenario, inputs, err) : 0;
    if (rc)
        return rc;
    const struct ofr_stages *stages = &parts->stages;
    parts->site_names = calloc(profile->sites + 1, sizeof *parts->site_names);
    if (!parts->site_names)
        return ofr_fail_nomem(err, "site names");
    for (uint32_t site = 0; site < profile->sites; ++site)
        parts->site_names[site] = profile->site_name[site];
    struct offramp_policy_setup setup = {
        .size = sizeof setup,
        .latency = {.sites = profile->sites,
                    .batch_count = profile->batches,
                    .batch = profile->batch,
                    .until_ns = profile->until_ns,
                    .ramp_add_ns = profile->ramp_add_ns,
                    .ramp_delay_ns = profile->ramp_delay_ns},
        .site_names = parts->site_names,
        .max_batch = stages->batcher->max_batch(stages->stage[stages->mode->stages - 1].batcher_state),
        .seed = scenario->top.seed,
        .host = options->say_state,
        .say = options->say ? options->say : say_nothing,
        .hindsight = knows ? &hindsight : NULL,
    };
    rc = ask_policy(scenario, &setup, parts, first, err);
    if (rc)
        return rc;
    if (first->ramps > 0 && !inputs->recording && !leg->answers)
        return ofr_fail(err, OFR_E_INPUT, "exits: policy %s has active ramps, which needs model.recording",
                        scenario->policy->name);
    return inputs->recording ? ofr_criterion_check(first->criterion, inputs->recording, err) : 0;
}

static int note_plugin(struct ofr_notes *notes, const struct ofr_plugin *plugin, struct ofr_error *err)
{
    if (!plugin)
        return 0;
    int rc = ofr_notes_set(notes, OFR_NOTE_POLICY_FILE, plugin->path, err);
    return rc ? rc : ofr_notes_setf(notes, err, OFR_NOTE_POLICY_HASH, "%016" PRIx64, plugin->xxh64);
}

static int create_log(const struct ofr_scenario *scenario, const struct ofr_inputs *inputs,
                      const struct ofr_run_options *options, const struct ofr_leg_ops *leg,
                      struct parts *parts, struct ofr_error *err)
{
    if (!options->log_path)
        return 0;
    char *text = ofr_scenario_text(scenario);
    if (!text)
        return ofr_fail_nomem(err, "the resolved scenario");
    struct ofr_notes notes = OFR_NOTES_INIT;
    struct ofr_runlog_head head = {
        .scenario = text,
        .seed = scenario->top.seed,
        .sites = inputs->profile->sites,
        .site_name = parts->site_names,
        .tables = leg->log_tables,
    };
    int rc = ofr_notes_setf(&notes, err, OFR_NOTE_SERVERS, "%" PRIu64, scenario->top.servers);
    if (!rc)
        rc = ofr_notes_setf(&notes, err, OFR_NOTE_MAX_BATCH, "%" PRIu32, parts->stages.max_batch);
    if (!rc)
        rc = ofr_notes_set(&notes, OFR_NOTE_KNOWLEDGE, ofr_policy_knowledge(scenario->policy->flags), err);
    if (!rc)
        rc = note_plugin(&notes, scenario->plugin, err);
    if (!rc)
        rc = ofr_notes_add_all(&notes, options->provenance, err);
    if (!rc)
        rc = ofr_runlog_create(&parts->log, options->log_path, &head, &notes, err);
    ofr_notes_release(&notes);
    free(text);
    return rc;
}

static int create_parts(const struct ofr_scenario *scenario, const struct ofr_inputs *inputs,
                        const struct ofr_run_options *options, const struct ofr_leg_ops *leg,
                        struct parts *parts, struct offramp_exit_config *first, struct ofr_error *err)
{
    int rc = ofr_stages_begin(&parts->stages, scenario, inputs, err);
    if (!rc)
        rc = create_policy(scenario, inputs, options, leg, parts, first, err);
    if (!rc)
        rc = ofr_stages_finish(&parts->stages, scenario, inputs, first, err);
    if (!rc)
        rc = create_arrivals(scenario, parts, err);
    return rc ? rc : create_log(scenario, inputs, options, leg, parts, err);
}

static void release_parts(const struct ofr_scenario *scenario, struct parts *parts)
{
    ofr_runlog_abort(parts->log);
    if (parts->arrivals.state)
        parts->arrivals.ops->destroy(parts->arrivals.state);
    if (parts->policy)
        scenario->policy->destroy(parts->policy);
    ofr_stages_release(&parts->stages);
    free(parts->site_names);
    free(parts->slo_ns);
}

static int check_stages(const struct ofr_scenario *scenario, const struct ofr_leg_ops *leg,
                        struct ofr_error *err)
{
    const struct ofr_mode_ops *mode = ofr_modes[scenario->exits.mode];
    if (mode->stages == 1 || leg->stages)
        return 0;
    return ofr_fail(err, OFR_E_INPUT, "exits: offramp %s does not run mode %s, expected mode: %s", leg->name,
                    mode->name, ofr_mode_names[0]);
}

/* A run that nothing ends would go on for ever. */
static int check_ends(const struct ofr_scenario *scenario, struct ofr_error *err)
{
    if (scenario->top.requests || scenario->top.duration_ns >= 0)
        return 0;
    for (uint32_t i = 0; i < scenario->streams; ++i) {
        const struct ofr_scenario_stream *stream = &scenario->stream[i];
        if (!stream->ops->ends || !stream->ops->ends(stream->options))
            return ofr_fail(err, OFR_E_INPUT,
                            "nothing ends the run: expected `requests` or `duration` beside arrivals "
                            "of process %s",
                            stream->ops->component.name);
    }
    return 0;
}

/* The shortest time in which the scenario can answer at all: in a pass of the mode's first stage, which comes before any
 * other. A cascade's own runs a part of the model, or another one, by the sum of its parts, and its answers come with
 * the end of the batch. */
static int shortest(int64_t *out, const struct ofr_scenario *scenario, const struct ofr_inputs *inputs,
                    bool times, bool ramps, struct ofr_error *err)
{
    const uint32_t stages = ofr_modes[scenario->exits.mode]->stages;
    struct ofr_profile profile = times ? *ofr_inputs_times(inputs, stages) : *inputs->profile;
    if (stages > 1) {
        profile = inputs->first_profile ? *inputs->first_profile : profile;
        ramps = ramps && !inputs->first_profile;
        profile.path = (struct ofr_profile_path){0};
        profile.release_ns = 0;
    }
    struct ofr_pass_model model;
    int rc = ofr_pass_model_init(&model, &profile, scenario->model.without_terms, false, err);
    if (rc)
        return rc;
    double least = 1.0;
    for (uint32_t i = 0; i < scenario->model.pace.count; ++i)
        least = fmin(least, scenario->model.pace.factor[i]);
    *out = (int64_t)(least * (double)ofr_pass_model_shortest_ns(&model, ramps));
    ofr_pass_model_release(&model);
    return 0;
}

/* An SLO nothing can meet is a slip of the unit, not a question. With noise times have no lower bound. */
static int check_slo(const struct ofr_scenario *scenario, const struct ofr_inputs *inputs,
                     const struct ofr_leg_ops *leg, const void *state, struct ofr_error *err)
{
    if (scenario->model.noise != OFR_NOISE_NONE || leg->logged)
        return 0;
    const bool times = scenario->model.times[0] && (!leg->profiled || leg->profiled(state));
    int64_t least_ns = 0;
    int rc = shortest(&least_ns, scenario, inputs, times, inputs->recording || leg->answers, err);
    if (rc)
        return rc;
    for (uint32_t i = 0; i < scenario->streams; ++i) {
        int64_t slo_ns = scenario->stream[i].slo_ns;
        if (slo_ns >= 0 && slo_ns < least_ns)
            return ofr_fail(
                err, OFR_E_INPUT,
                "slo: found %g us, expected at least %g us, the shortest time in which %s can answer",
                1e-3 * (double)slo_ns, 1e-3 * (double)least_ns,
                times ? scenario->model.times : scenario->model.profile);
    }
    return 0;
}

static void describe_run(struct ofr_serve_setup *setup, const struct ofr_scenario *scenario,
                         const struct ofr_inputs *inputs, const struct ofr_run_options *options,
                         const struct parts *parts, const struct offramp_exit_config *first)
{
    *setup = (struct ofr_serve_setup){
        .sites = inputs->profile->sites,
        .arrivals = parts->arrivals,
        .batcher = scenario->batcher,
        .mode = parts->stages.mode,
        .policy = scenario->policy,
        .policy_state = parts->policy,
        .policy_file = scenario->plugin ? scenario->plugin->path : NULL,
        .first_config = *first,
        .servers = (uint32_t)scenario->top.servers,
        .streams = parts->stages.streams,
        .slo_ns = parts->slo_ns,
        .samples = inputs->recording ? inputs->recording->samples : 1,
        .label = inputs->recording ? inputs->recording->label : NULL,
        .sample_order = (enum ofr_sample_order)scenario->model.samples,
        .requests = scenario->top.requests,
        .duration_ns = scenario->top.duration_ns,
        .cut_at_duration = scenario->top.end == OFR_END_CUT,
        .seed = scenario->top.seed,
        .progress = options->progress,
        .progress_state = options->progress_state,
    };
    memcpy(setup->stage, parts->stages.stage, sizeof setup->stage);
}

static int serve(struct ofr_run *run, const struct ofr_leg_view *view, const struct ofr_run_options *options,
                 const struct parts *parts, const struct ofr_leg_ops *leg, void *state, struct ofr_error *err)
{
    struct ofr_serve_setup setup;
    describe_run(&setup, view->scenario, view->inputs, options, parts, view->first);
    setup.observer[setup.observers++] = ofr_summary_observer(&run->summary);
    if (parts->log)
        setup.observer[setup.observers++] = ofr_runlog_observer(parts->log);
    if (options->extra.batch)
        setup.observer[setup.observers++] = options->extra;
    int rc = leg->open(state, view, &setup, err);
    if (!rc)
        rc = ofr_serve_run(&setup, &run->result, err);
    rc = leg->close(state, &run->result, rc, err);
    run->summary.end_ns = run->result.end_ns;
    return rc;
}

static int finish_log(struct parts *parts, int64_t end_ns, const char *why, struct ofr_error *err)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, end_ns);
    int rc = ofr_runlog_note(parts->log, OFR_NOTE_END_NS, text, err);
    if (!rc && why)
        rc = ofr_runlog_note(parts->log, OFR_NOTE_ERROR, why, err);
    if (rc)
        return rc;
    struct ofr_runlog_writer *log = parts->log;
    parts->log = NULL;
    return ofr_runlog_finish(log, err);
}

/* A log is closed properly also when the machine failed in the middle of a run that cannot be had again. */
static int end_log(struct parts *parts, const struct ofr_leg_ops *leg, void *state, int64_t end_ns, int rc,
                   struct ofr_error *err)
{
    if (!parts->log || (rc && !(leg->keep && leg->keep(state))))
        return rc;
    struct ofr_error own = OFR_ERROR_INIT;
    int failed = finish_log(parts, end_ns, rc ? err->text : NULL, &own);
    return !rc && failed ? ofr_fail(err, failed, "%s", own.text) : rc;
}

int ofr_run_on(struct ofr_run *run, const struct ofr_scenario *scenario, const struct ofr_inputs *inputs,
               const struct ofr_run_options *options, const struct ofr_leg_ops *leg, void *state,
               struct ofr_error *err)
{
    struct parts parts = {0};
    struct offramp_exit_config first = {0};
    memset(run, 0, sizeof *run);
    int rc = check_stages(scenario, leg, err);
    if (!rc)
        rc = check_ends(scenario, err);
    if (!rc)
        rc = check_slo(scenario, inputs, leg, state, err);
    if (!rc)
        rc = create_parts(scenario, inputs, options, leg, &parts, &first, err);
    if (!rc) {
        struct ofr_leg_view view = {.scenario = scenario,
                                    .inputs = inputs,
                                    .first = &first,
                                    .max_batch = parts.stages.max_batch,
                                    .log = parts.log};
        rc = ofr_summary_init(&run->summary, inputs->profile->sites, (uint32_t)scenario->top.servers,
                              view.max_batch, err);
        if (!rc)
            rc = serve(run, &view, options, &parts, leg, state, err);
        rc = end_log(&parts, leg, state, run->result.end_ns, rc, err);
    }
    release_parts(scenario, &parts);
    if (rc)
        ofr_run_release(run);
    return rc;
}

int ofr_run_simulate(struct ofr_run *run, const struct ofr_scenario *scenario,
                     const struct ofr_inputs *inputs, const struct ofr_run_options *options,
                     struct ofr_error *err)
{
    struct ofr_leg_sim leg = {0};
    return ofr_run_on(run, scenario, inputs, options, &ofr_leg_sim_ops, &leg, err);
}

void ofr_run_release(struct ofr_run *run)
{
    ofr_summary_release(&run->summary);
}

/* ---- summaries of logs ---- */

enum {
    LOG_MAX_BATCH = 1 << 20 /* beyond any batch a log was written of */
};

static int note_number(const struct ofr_runlog_reader *log, const char *path, const char *name, int64_t most,
                       int64_t *value, struct ofr_error *err)
{
    const char *text = ofr_notes_get(ofr_runlog_provenance(log), name);
    char *end = NULL;
    *value = text ? strtoll(text, &end, 10) : -1;
    if (!text || end == text || *end || *value < 0 || *value > most)
        return ofr_fail(err, OFR_E_INPUT, "%s: the note '%s' is %s, expected a number up to %" PRId64, path,
                        name, text ? text : "missing", most);
    return 0;
}

/* A summary counts by size and subtracts times; a live run keeps to I3 and its largest batch, a file need not. */
struct checked {
    struct ofr_summary *summary;
    struct ofr_observer inner;
    bool broken;
};

static bool row_holds(const struct ofr_request_row *row)
{
    if (row->outcome != OFR_OUTCOME_OK && row->outcome != OFR_OUTCOME_LATE)
        return true;
    return row->arrival_ns >= 0 && row->arrival_ns <= row->dispatched_ns &&
           row->dispatched_ns <= row->released_ns;
}

static void checked_batch(void *state, const struct ofr_batch_row *batch, const struct ofr_request_row *rows,
                          uint32_t count)
{
    struct checked *checked = state;
    bool holds = batch->size <= checked->summary->max_batch && batch->dispatched_ns >= 0 &&
                 batch->dispatched_ns <= batch->ended_ns;
    for (uint32_t i = 0; i < count && holds; ++i)
        holds = row_holds(&rows[i]);
    if (holds)
        checked->inner.batch(checked->inner.state, batch, rows, count);
    checked->broken |= !holds;
}

static void checked_lost(void *state, const struct ofr_request_row *row)
{
    struct checked *checked = state;
    if (row_holds(row))
        checked->inner.lost(checked->inner.state, row);
    else
        checked->broken = true;
}

static void checked_decision(void *state, const struct ofr_decision_row *decision)
{
    struct checked *checked = state;
    if (decision->cost_ns >= 0)
        checked->inner.decision(checked->inner.state, decision);
    else
        checked->broken = true;
}

static int replay_checked(struct ofr_runlog_reader *log, const char *path, struct ofr_summary *summary,
                          struct ofr_error *err)
{
    struct checked checked = {.summary = summary, .inner = ofr_summary_observer(summary)};
    struct ofr_observer observer = {
        .state = &checked, .batch = checked_batch, .lost = checked_lost, .decision = checked_decision};
    int rc = ofr_runlog_replay(log, &observer, err);
    if (!rc && checked.broken)
        rc = ofr_fail(err, OFR_E_INPUT,
                      "%s: found times that run back or a batch above max_batch, expected the log of a run",
                      path);
    return rc;
}

int ofr_run_summary_of_log(struct ofr_summary *summary, const char *log_path, struct ofr_error *err)
{
    struct ofr_runlog_reader *log = NULL;
    int64_t servers = 0, max_batch = 0, end_ns = 0;
    memset(summary, 0, sizeof *summary);
    int rc = ofr_runlog_open(&log, log_path, err);
    if (!rc)
        rc = note_number(log, log_path, OFR_NOTE_SERVERS, OFR_MAX_SERVERS, &servers, err);
    if (!rc)
        rc = note_number(log, log_path, OFR_NOTE_MAX_BATCH, LOG_MAX_BATCH, &max_batch, err);
    if (!rc)
        rc = ofr_summary_init(summary, ofr_runlog_head(log)->sites, (uint32_t)servers, (uint32_t)max_batch,
                              err);
    if (!rc)
        rc = replay_checked(log, log_path, summary, err);
    if (!rc)
        rc = note_number(log, log_path, OFR_NOTE_END_NS, INT64_MAX, &end_ns, err);
    summary->end_ns = end_ns;
    ofr_runlog_close(log);
    if (rc)
        ofr_summary_release(summary);
    return rc;
}
