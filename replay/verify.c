#include "replay/replay.h"
#include "replay/verify_internal.h"
#include "sim/base/config.h"
#include "sim/policy/plugin.h"
#include "sim/run/leg.h"
#include "sim/serve/exit_rule.h"
#include "traces/runlog_compact.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A batch that was cut ends after everything else; the core cuts it. */
#define LATER_NS (OFR_NEVER_NS - 1)

/* ---- reading ahead ---- */

static void free_batch(struct verify_batch *batch)
{
    if (!batch)
        return;
    free(batch->request);
    free(batch->score);
    free(batch->ramp_answer);
    free(batch->final_answer);
    free(batch);
}

static int read_results(struct ofr_verifier *v, struct verify_batch *batch, struct ofr_error *err)
{
    uint32_t rows = batch->row.size, ramps = batch->row.ramps;
    if (!ofr_runlog_rows_present(v->results) || batch->row.cut)
        return 0;
    batch->score = calloc((size_t)rows * OFFRAMP_MAX_SITES, sizeof *batch->score);
    batch->ramp_answer = calloc((size_t)rows * OFFRAMP_MAX_SITES, sizeof *batch->ramp_answer);
    batch->final_answer = calloc(rows, sizeof *batch->final_answer);
    if (!batch->score || !batch->ramp_answer || !batch->final_answer)
        return ofr_fail_nomem(err, "a batch");
    for (uint32_t i = 0; i < rows; ++i) {
        struct ofr_results_row row;
        int rc = ofr_runlog_rows_result(v->results, &row, err);
        if (rc != 1)
            return rc ? rc
                      : ofr_verify__differs(v, err,
                                            "batch %" PRId64 ": the log has no computed results for it",
                                            batch->row.id);
        memcpy(batch->score + (size_t)i * ramps, row.score, ramps * sizeof *row.score);
        memcpy(batch->ramp_answer + (size_t)i * ramps, row.answer, ramps * sizeof *row.answer);
        batch->final_answer[i] = row.final_answer[0];
    }
    return 0;
}

static int keep_batch(struct ofr_verifier *v, const struct ofr_runlog_event *event, struct ofr_error *err)
{
    struct verify_batch *batch = calloc(1, sizeof *batch);
    if (batch)
        batch->request = calloc(event->requests, sizeof *batch->request);
    if (!batch || !batch->request) {
        free_batch(batch);
        return ofr_fail_nomem(err, "a batch");
    }
    batch->row = *event->batch;
    if (batch->row.ramps > OFFRAMP_MAX_SITES)
        batch->row.ramps = OFFRAMP_MAX_SITES; /* the comparison will say so */
    memcpy(batch->request, event->request, event->requests * sizeof *batch->request);
    *(v->last ? &v->last->next : &v->first) = batch;
    v->last = batch;
    return read_results(v, batch, err);
}

static int keep_cost(struct ofr_verifier *v, int64_t cost_ns, struct ofr_error *err)
{
    uint32_t count = v->cost_put - v->cost_taken;
    if (!v->cost || count > v->cost_mask) {
        uint32_t size = v->cost ? 2 * (v->cost_mask + 1) : 64;
        int64_t *grown = calloc(size, sizeof *grown);
        if (!grown)
            return ofr_fail_nomem(err, "decisions");
        for (uint32_t i = 0; i < count; ++i)
            grown[i] = v->cost[(v->cost_taken + i) & v->cost_mask];
        free(v->cost);
        v->cost = grown;
        v->cost_mask = size - 1;
        v->cost_taken = 0;
        v->cost_put = count;
    }
    v->cost[v->cost_put++ & v->cost_mask] = cost_ns;
    return 0;
}

/* One more row of the log. 1 = read, 0 = end. */
static int read_ahead(struct ofr_verifier *v, struct ofr_error *err)
{
    struct ofr_runlog_event event;
    int rc = ofr_runlog_next(v->ahead, &event, err);
    if (rc != 1)
        return rc;
    if (event.kind == OFR_RUNLOG_BATCH)
        rc = keep_batch(v, &event, err);
    if (event.kind == OFR_RUNLOG_DECISION && v->initial)
        rc = keep_cost(v, event.decision->cost_ns, err);
    v->initial |= event.kind == OFR_RUNLOG_DECISION;
    return rc < 0 ? rc : 1;
}

static int find_batch(struct ofr_verifier *v, int64_t id, struct verify_batch **out, struct ofr_error *err)
{
    struct verify_batch *at = v->first;
    for (;;) {
        struct verify_batch *last = v->last;
        for (; at; at = at->next)
            if (at->row.id == id) {
                *out = at;
                return 0;
            }
        int rc = read_ahead(v, err);
        if (rc < 0)
            return rc;
        if (rc == 0)
            return ofr_verify__differs(v, err,
                                       "at %" PRId64 " ns: the core forms batch %" PRId64
                                       ", the log has none of that number",
                                       v->now_ns, id);
        at = last ? last->next : v->first;
    }
}

static void forget_batch(struct ofr_verifier *v, struct verify_batch *batch)
{
    struct verify_batch *before = NULL;
    for (struct verify_batch *at = v->first; at != batch; at = at->next)
        before = at;
    *(before ? &before->next : &v->first) = batch->next;
    if (v->last == batch)
        v->last = before;
    free_batch(batch);
}

/* ---- executor ---- */

/* Where each request leaves is decided again; when it left is the log's. */
static void decide_row(const struct ofr_verifier *v, const struct verify_batch *from, struct ofr_batch *batch,
                       uint32_t row)
{
    const struct offramp_exit_config *config = &batch->config;
    const struct ofr_recording *recording = v->recording;
    uint32_t sample = batch->sample[row], k = 0;
    const float *score = from->score ? from->score + (size_t)row * config->ramps : NULL;
    const uint16_t *answer = from->score ? from->ramp_answer + (size_t)row * config->ramps : NULL;
    if (score)
        while (k < config->ramps && !ofr_exit_below(score[k], config->threshold[k]))
            ++k;
    else if (recording)
        k = ofr_exit_find(config, recording, sample);
    uint16_t full = from->score ? from->final_answer[row] : recording ? recording->final_answer[sample] : 0;
    batch->exit_ramp[row] = (uint16_t)k;
    batch->final_answer[row] = full;
    batch->answer[row] = k >= config->ramps ? full
                         : answer           ? answer[k]
                                            : ofr_exit_answer(config, recording, sample, k);
    const struct ofr_request_row *log = &from->request[row];
    int64_t released_ns = log->outcome == OFR_OUTCOME_ONWARD ? log->ended_ns : log->released_ns;
    batch->released_ns[row] = released_ns < 0 ? LATER_NS : released_ns;
    for (uint32_t j = 0; v->feedback && j < config->ramps; ++j) {
        size_t cell = (size_t)row * config->ramps + j;
        batch->score[cell] = score ? score[j] : ofr_exit_score(config, recording, sample, j);
        batch->ramp_answer[cell] = answer ? answer[j] : ofr_exit_answer(config, recording, sample, j);
    }
}

static int hand_back(struct ofr_verifier *v, const struct verify_batch *from, struct ofr_batch *batch,
                     struct ofr_error *err)
{
    if (batch->config.ramps > 0 && !v->recording && !from->score)
        return ofr_verify__differs(v, err, "batch %" PRId64 ": neither log nor recording has its results",
                                   batch->id);
    for (uint32_t row = 0; row < batch->size; ++row)
        decide_row(v, from, batch, row);
    batch->ended_ns = from->row.cut ? LATER_NS : from->row.ended_ns;
    return 0;
}

static int prepare(struct ofr_verifier *v, struct ofr_batch *batch, struct verify_batch **from,
                   struct ofr_error *err)
{
    const struct ofr_profile *profile = v->stage[batch->stage].profile;
    int32_t index = ofr_profile_batch_index(profile, ofr_batch_rows(batch));
    int rc = find_batch(v, batch->id, from, err);
    if (rc)
        return rc;
    batch->padded = index < 0 ? 0 : profile->batch[index];
    return ofr_verify__formed(v, batch, &(*from)->row, err);
}

/* Of a log of virtual time: the end is known at once. */
static int submit_virtual(void *state, struct ofr_batch *batch, int64_t now_ns, struct ofr_error *err)
{
    struct ofr_verifier *v = state;
    struct verify_batch *from = NULL;
    v->now_ns = now_ns;
    int rc = prepare(v, batch, &from, err);
    if (!rc)
        rc = hand_back(v, from, batch, err);
    if (!rc && (batch->ended_ns < now_ns || (!from->row.cut && batch->ended_ns > LATER_NS / 2)))
        rc =
            ofr_verify__differs(v, err, "at %" PRId64 " ns, batch %" PRId64 " ends at %" PRId64 " in the log",
                                now_ns, batch->id, batch->ended_ns);
    if (!rc) {
        batch->notice_ns = from->row.cut ? 0 : ofr_sim_executor_notice_ns(v->simulated, batch);
        forget_batch(v, from);
    }
    return rc;
}

static int submit_real(void *state, struct ofr_batch *batch, int64_t now_ns, struct ofr_error *err)
{
    struct ofr_verifier *v = state;
    struct verify_batch *from = NULL;
    v->now_ns = now_ns;
    int rc = prepare(v, batch, &from, err);
    if (!rc)
        from->running = batch;
    return rc;
}

/* Batches come back in the order of the log, as many at this instant as came then. */
static int poll_batch(void *state, struct ofr_batch **batch, struct ofr_error *err)
{
    struct ofr_verifier *v = state;
    if (v->ended == 0 || v->report->differs)
        return v->report->differs ? ofr_fail(err, OFR_E_GATE, "%s", v->report->where) : 0;
    struct verify_batch *from = v->first;
    if (!from || !from->running)
        return ofr_verify__differs(
            v, err, "at %" PRId64 " ns: a batch ended in the log that the core has not started", v->now_ns);
    *batch = from->running;
    int rc = hand_back(v, from, *batch, err);
    if (rc)
        return rc;
    v->ended--;
    forget_batch(v, from);
    return 1;
}

static const struct ofr_executor_ops virtual_executor = {.name = "log", .submit = submit_virtual};
static const struct ofr_executor_ops real_executor = {
    .name = "log", .submit = submit_real, .poll = poll_batch};

/* ---- controller of a real log: the policy is asked again, its answer takes effect when it did ---- */

static int ask(void *state, const struct offramp_feedback *feedback, struct ofr_answer *answer,
               struct ofr_error *err)
{
    struct ofr_verifier *v = state;
    (void)answer;
    (void)err;
    ofr_policy_answer(&v->policy, feedback, &v->answer);
    return 0;
}

static int poll_answer(void *state, struct ofr_answer *answer, struct ofr_error *err)
{
    struct ofr_verifier *v = state;
    if (v->report->differs)
        return ofr_fail(err, OFR_E_GATE, "%s", v->report->where);
    if (v->answered == 0)
        return 0;
    v->answered--;
    *answer = v->answer;
    while (answer->decided && v->cost_put == v->cost_taken) {
        int rc = read_ahead(v, err);
        if (rc < 0)
            return rc;
        if (rc == 0)
            return ofr_verify__differs(
                v, err, "at %" PRId64 " ns: the policy decides, the log has no decision more", v->now_ns);
    }
    if (answer->decided)
        answer->decision.cost_ns = v->cost[v->cost_taken++ & v->cost_mask];
    return 1;
}

static const struct ofr_controller_ops real_controller = {.name = "log", .ask = ask, .poll = poll_answer};

/* ---- clock of a real log ---- */

static int64_t next_instant(struct ofr_verifier *v)
{
    struct ofr_error err = OFR_ERROR_INIT;
    int rc = ofr_runlog_rows_instant(v->instants, &v->instant, &err);
    if (rc == 1 && v->begun && v->instant.now_ns < v->now_ns)
        ofr_verify__differs(v, NULL, "at %" PRId64 " ns: the log's clock runs back to %" PRId64 " ns",
                            v->now_ns, v->instant.now_ns);
    if (rc != 1)
        ofr_verify__differs(v, NULL, "at %" PRId64 " ns: the core goes on, the log %s", v->now_ns,
                            rc < 0 ? err.text : "has no further instant");
    if (v->report->differs)
        return v->now_ns; /* the next poll ends the run */
    if (v->ended || v->answered)
        ofr_verify__differs(v, NULL, "at %" PRId64 " ns: the core left what was there to be taken",
                            v->now_ns);
    v->begun = true;
    v->stop |= v->instant.stop != 0;
    v->ended = v->instant.ended;
    v->answered = v->instant.answered;
    v->now_ns = v->instant.now_ns;
    v->report->instants++;
    return v->now_ns;
}

static int64_t clock_now(void *state)
{
    return next_instant(state);
}

static int64_t clock_advance(void *state, int64_t target_ns)
{
    (void)target_ns;
    return next_instant(state);
}

static const struct ofr_clock_ops real_clock = {.name = "log", .now = clock_now, .advance = clock_advance};

/* ---- the leg ---- */

struct leg {
    struct ofr_verifier *verifier;
    struct ofr_leg_sim sim; /* of a log of virtual time */
};

static int open_leg(void *state, const struct ofr_leg_view *view, struct ofr_serve_setup *setup,
                    struct ofr_error *err)
{
    struct leg *leg = state;
    struct ofr_verifier *v = leg->verifier;
    memcpy(v->stage, setup->stage, sizeof v->stage);
    v->recording = view->inputs->recording;
    v->feedback = (setup->policy->flags & OFFRAMP_POLICY_FEEDBACK) != 0;
    v->policy = (struct ofr_policy_handle){.ops = setup->policy, .state = setup->policy_state};
    setup->observer[0] = ofr_verify__observer(v);
    setup->observers = 1;
    if (!v->recording && v->samples)
        setup->samples = v->samples;
    if (ofr_runlog_rows_present(v->instants)) {
        setup->clock = (struct ofr_clock){.ops = &real_clock, .state = v};
        setup->executor = (struct ofr_executor){.ops = &real_executor, .state = v};
        setup->controller = (struct ofr_controller){.ops = &real_controller, .state = v};
        setup->stop = &v->stop;
    } else {
        /* The simulation's clock, controller and notice, with the log in its executor's place. */
        int rc = ofr_leg_sim_ops.open(&leg->sim, view, setup, err);
        if (rc)
            return rc;
        v->simulated = leg->sim.executor;
        setup->executor = (struct ofr_executor){.ops = &virtual_executor, .state = v};
        setup->inputs_ahead = false; /* the log has what came of it */
    }
    return 0;
}

static int close_leg(void *state, const struct ofr_serve_result *result, int rc, struct ofr_error *err)
{
    struct leg *leg = state;
    struct ofr_verifier *v = leg->verifier;
    leg->verifier->now_ns = result->end_ns;
    v->simulated = NULL;
    rc = ofr_leg_sim_ops.close(&leg->sim, result, rc, err);
    return rc ? rc : ofr_verify__end(v, err);
}

static const struct ofr_leg_ops leg_ops = {
    .name = "verify", .stages = true, .answers = true, .logged = true, .open = open_leg, .close = close_leg};

/* ---- a log ---- */

static int open_log(struct ofr_verifier *v, const char *path, struct ofr_error *err)
{
    int rc = ofr_runlog_open(&v->ahead, path, err);
    if (!rc)
        rc = ofr_runlog_open(&v->expected, path, err);
    if (!rc)
        rc = ofr_runlog_rows_open(&v->instants, path, OFR_RUNLOG_INSTANTS, err);
    return rc ? rc : ofr_runlog_rows_open(&v->results, path, OFR_RUNLOG_RESULTS, err);
}

static void close_log(struct ofr_verifier *v)
{
    while (v->first) {
        struct verify_batch *next = v->first->next;
        free_batch(v->first);
        v->first = next;
    }
    free(v->cost);
    ofr_runlog_close(v->ahead);
    ofr_runlog_close(v->expected);
    ofr_runlog_rows_close(v->instants);
    ofr_runlog_rows_close(v->results);
}

static int bind_scenario(struct ofr_scenario **out, const struct ofr_runlog_head *head, const char *path,
                         const char *const *set, uint32_t sets, struct ofr_error *err)
{
    struct ofr_config *config = NULL;
    const char *slash = strrchr(path, '/');
    /* Without a folder in its name: the log's scenario names files as seen from where the run was started. */
    int rc = ofr_config_parse(&config, path + (slash ? slash + 1 - path : 0), head->scenario,
                              strlen(head->scenario), err);
    for (uint32_t i = 0; i < sets && !rc; ++i)
        rc = ofr_config_set(config, set[i], err);
    if (!rc)
        rc = ofr_scenario_bind(out, config, err);
    ofr_config_free(config);
    return rc;
}

/* Reads a log to its end, where notes stand that are known last. Only a log that holds a whole run can be told from
 * one that differs. */
static int read_notes(struct ofr_verifier *v, const char *path, struct ofr_error *err)
{
    struct ofr_runlog_reader *reader;
    struct ofr_runlog_event event;
    int rc = ofr_runlog_open(&reader, path, err);
    if (rc)
        return rc;
    while ((rc = ofr_runlog_next(reader, &event, err)) == 1)
        ;
    const struct ofr_notes *notes = ofr_runlog_provenance(reader);
    const char *broke = ofr_notes_get(notes, OFR_NOTE_ERROR), *end = ofr_notes_get(notes, OFR_NOTE_END_NS);
    const char *samples = ofr_notes_get(notes, OFR_NOTE_SAMPLES);
    if (!rc && ofr_runlog_compact_grain_ns(notes) > 0)
        rc = ofr_fail(err, OFR_E_INPUT,
                      "%s: its times are rounded (compact): only whole logs can be verified", path);
    if (!rc && broke)
        rc = ofr_fail(err, OFR_E_INPUT, "%s: the run broke off (%s): only whole runs can be verified", path,
                      broke);
    v->end_ns = end ? strtoll(end, NULL, 10) : -1;
    v->samples = samples ? (uint32_t)strtoul(samples, NULL, 10) : 0;
    ofr_runlog_close(reader);
    return rc;
}

/* Runs the scenario on the log. 0 also when a difference was found. */
static int run_on_log(struct ofr_verifier *v, const struct ofr_scenario *scenario,
                      const struct ofr_inputs *inputs, struct ofr_error *err)
{
    struct ofr_run_options options = {0};
    struct leg leg = {.verifier = v};
    struct ofr_run run;
    struct ofr_error own = OFR_ERROR_INIT;
    int rc = ofr_run_on(&run, scenario, inputs, &options, &leg_ops, &leg, &own);
    if (!rc && v->end_ns != run.result.end_ns && !v->report->differs)
        ofr_verify__differs(v, NULL, "the run ends at %" PRId64 " ns in the log, the core says %" PRId64,
                            v->end_ns, run.result.end_ns);
    if (!rc)
        ofr_run_release(&run);
    if (rc == OFR_E_BUG)
        ofr_verify__differs(v, NULL, "led by the log, the core breaks an invariant: %s", own.text);
    return !rc || v->report->differs ? 0 : ofr_fail(err, rc, "%s", own.text);
}

/* A difference may only mean that the policy has been built again since. */
static void name_suspect(struct ofr_verifier *v, const struct ofr_plugin *plugin)
{
    const char *noted = ofr_notes_get(ofr_runlog_provenance(v->expected), OFR_NOTE_POLICY_HASH);
    char *where = v->report->where;
    size_t length = strlen(where);
    if (plugin && noted && strtoull(noted, NULL, 16) != plugin->xxh64)
        snprintf(where + length, sizeof v->report->where - length, "; %s is not the file the run had",
                 plugin->path);
}

static int verify(struct ofr_verifier *v, const char *path, const char *const *set, uint32_t sets,
                  struct ofr_error *err)
{
    struct ofr_scenario *scenario = NULL;
    struct ofr_inputs inputs = {0};
    int rc = read_notes(v, path, err);
    if (!rc)
        rc = open_log(v, path, err);
    if (!rc)
        rc = bind_scenario(&scenario, ofr_runlog_head(v->expected), path, set, sets, err);
    if (!rc)
        rc = ofr_inputs_load(&inputs, scenario, err);
    if (!rc && inputs.profile->sites != ofr_runlog_head(v->expected)->sites)
        rc = ofr_fail(err, OFR_E_INPUT, "%s is of a model with %" PRIu32 " ramp sites, %s has %" PRIu32, path,
                      ofr_runlog_head(v->expected)->sites, scenario->model.profile, inputs.profile->sites);
    if (!rc)
        rc = run_on_log(v, scenario, &inputs, err);
    if (!rc && v->report->differs)
        name_suspect(v, scenario->plugin);
    ofr_inputs_release(&inputs);
    ofr_scenario_free(scenario);
    return rc;
}

int ofr_verify_log(struct ofr_verify_report *report, const char *path, const char *const *set, uint32_t sets,
                   struct ofr_error *err)
{
    struct ofr_verifier *v = calloc(1, sizeof *v);
    *report = (struct ofr_verify_report){0};
    if (!v)
        return ofr_fail_nomem(err, "verifying");
    v->report = report;
    int rc = verify(v, path, set, sets, err);
    close_log(v);
    free(v);
    return rc;
}
