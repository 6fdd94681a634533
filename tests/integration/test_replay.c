/* Replay in real time and I9, on the null device: what happens, never how fast. Lateness is not judged (its bound is
 * an hour), so that the tests hold on a loaded machine. */
#include "tests/support/tool.h"

#include "replay/replay.h"
#include "replay/verify.h"

#include <jansson.h>
#include <time.h>

extern const struct ofr_device_ops ofr_device_null;

TestSuite(replay, .init = tool_setup, .fini = tool_teardown, .timeout = 120);

/* A path that stays: files_path keeps only a few. */
struct path {
    char text[128];
};

static struct path path_of(const char *name)
{
    struct path path;
    snprintf(path.text, sizeof path.text, "%s", files_path(name));
    return path;
}

/* ---- a replay through the library ---- */

static const struct ofr_replay_options patient = {
    .device = "null", .lateness_ns = INT64_C(3600000000000), .warm_up = {.passes = 2, .most_ns = 1000000000}};

struct outcome {
    struct ofr_error err;
    int rc;
    uint64_t offered, released, passes;
    char invalid[256];
};

static struct outcome replay(const char *const *set, uint32_t sets, const struct ofr_replay_options *how,
                             const char *log)
{
    struct outcome out = {.err = OFR_ERROR_INIT};
    struct ofr_scenario *scenario = NULL;
    struct ofr_inputs inputs;
    cr_assert_eq(ofr_scenario_load(&scenario, files_path("s.yaml"), set, sets, &out.err), 0, "%s",
                 out.err.text);
    cr_assert_eq(ofr_inputs_load(&inputs, scenario, &out.err), 0, "%s", out.err.text);
    struct ofr_run_options options = {.log_path = log};
    struct ofr_replay_report report;
    struct ofr_run run;
    out.rc = ofr_replay_run(&run, &report, scenario, &inputs, &options, how, &out.err);
    if (!out.rc) {
        out.offered = run.summary.offered;
        out.released = run.summary.released;
        ofr_run_release(&run);
    }
    out.passes = report.counts.passes;
    snprintf(out.invalid, sizeof out.invalid, "%s", report.invalid);
    ofr_replay_report_release(&report);
    ofr_inputs_release(&inputs);
    ofr_scenario_free(scenario);
    return out;
}

static struct ofr_verify_report verify(const char *log)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_verify_report report;
    cr_assert_eq(ofr_verify_log(&report, log, NULL, 0, &err), 0, "%s", err.text);
    return report;
}

static const char *const batchers[] = {
    "batching=fifo",
    "batching={policy: tfserving, max_batch: 8, batch_timeout: 2ms, max_enqueued_batches: 4}",
    "batching={policy: triton, max_batch: 8, preferred_batch_size: [4, 8], max_queue_delay: 1ms, "
    "default_timeout: 9ms}",
    "batching={policy: clockwork, max_batch: 8, schedule_ahead: 3ms}",
};

static const char *const exits[] = {
    "exits=vanilla",
    "exits={policy: static, thresholds: 0.4}",
    "exits=oracle",
    "exits={policy: apparate, ramp_budget: 20%, accuracy_loss: 10%}",
    "exits={policy: patience, patience: 1}",
};

enum {
    BATCHERS = sizeof batchers / sizeof *batchers,
    EXITS = sizeof exits / sizeof *exits
};

/* A server runs one batch at a time. */
static void expect_no_overlap(const char *log)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_runlog_reader *reader;
    struct ofr_runlog_event event;
    int64_t ended_ns[8] = {0};
    cr_assert_eq(ofr_runlog_open(&reader, log, &err), 0, "%s", err.text);
    while (ofr_runlog_next(reader, &event, &err) == 1) {
        if (event.kind != OFR_RUNLOG_BATCH)
            continue;
        int64_t *before = &ended_ns[event.batch->server % 8];
        cr_expect_geq(event.batch->dispatched_ns, *before, "batch %lld", (long long)event.batch->id);
        *before = event.batch->ended_ns;
    }
    ofr_runlog_close(reader);
}

/* I9 on real runs. Leave moments out of `instants`, or let the watcher pass over a ramp, and it fails. */
static void check_real(const struct ofr_replay_options *how, size_t exits_least)
{
    const struct path log_path = path_of("real.olog");
    const char *log = log_path.text;
    for (size_t b = 0; b < BATCHERS; ++b)
        for (size_t e = exits_least; e < EXITS; ++e) {
            const char *const set[] = {batchers[b], exits[e], "requests=400", "arrivals.rate=4k/s"};
            if (how->exits == OFR_EXITS_COMPUTED &&
                (strstr(exits[e], "oracle") || strstr(exits[e], "patience")))
                continue;
            struct outcome out = replay(set, 4, how, log);
            cr_assert_eq(out.rc, 0, "%s", out.err.text);
            cr_expect_eq(out.offered, 400);
            cr_expect_eq(out.invalid[0], '\0', "%s", out.invalid);
            struct ofr_verify_report report = verify(log);
            cr_expect_not(report.differs, "%s %s: %s", batchers[b], exits[e], report.where);
            cr_expect_eq(report.requests, 400);
            cr_expect_gt(report.instants, 0);
            expect_no_overlap(log);
        }
}

Test(replay, I9_real_runs_in_no_time)
{
    check_real(&patient, 0);
}

Test(replay, I9_real_runs_in_the_profiles_time)
{
    struct ofr_replay_options how = patient;
    how.paced = true;
    check_real(&how, 2);
}

Test(replay, I9_computed_exits)
{
    struct ofr_replay_options how = patient;
    how.exits = OFR_EXITS_COMPUTED;
    check_real(&how, 1);
}

/* A batch that ended after the clock was read is left for the next moment: otherwise its server's next one would be
 * dispatched before that end. Leave out the comparison in executor.c and it fails. */
Test(replay, no_batch_comes_back_before_its_end)
{
    struct ofr_error err = OFR_ERROR_INIT;
    uint32_t size = 1, sample = 0;
    struct ofr_profile profile = {.batches = 1, .batch = &size};
    struct ofr_device_setup device = {.batch = &size, .batches = 1};
    struct ofr_timing timing = {.row = {.now_ns = 0}};
    struct ofr_clock clock;
    struct ofr_replay_executor *executor;
    void *state;
    int64_t released_ns;
    uint16_t exit_ramp, answer, final_answer;
    struct ofr_batch batch = {.size = 1,
                              .sample = &sample,
                              .released_ns = &released_ns,
                              .exit_ramp = &exit_ramp,
                              .answer = &answer,
                              .final_answer = &final_answer};
    struct ofr_batch *back = NULL;
    ofr_timing_init(&timing, &clock, false);
    cr_assert_eq(ofr_device_null.create(&state, &device, &err), 0);
    struct ofr_replay_executor_setup setup = {.device = &ofr_device_null,
                                              .device_state = &state,
                                              .servers = 1,
                                              .profile = &profile,
                                              .max_batch = 1,
                                              .timing = &timing};
    cr_assert_eq(ofr_replay_executor_create(&executor, &setup, &err), 0);
    cr_assert_eq(ofr_replay_executor_ops.submit(executor, &batch, 0, &err), 0);
    for (int i = 0; i < 50; ++i, usleep(1000))
        cr_assert_eq(ofr_replay_executor_ops.poll(executor, &back, &err), 0, "it ended after 0 ns");
    timing.row.now_ns = INT64_MAX;
    while (ofr_replay_executor_ops.poll(executor, &back, &err) == 0)
        usleep(1000);
    cr_expect_eq(back, &batch);
    cr_expect_gt(batch.ended_ns, 0);
    cr_expect_leq(released_ns, batch.ended_ns);
    cr_expect_eq(timing.row.ended, 1);
    ofr_replay_executor_destroy(executor);
    ofr_device_null.destroy(state);
}

/* No recording at all: the device alone knows what was answered. */
Test(replay, I9_without_a_recording)
{
    tool_write("bare.yaml", "model: {profile: model.oprof}\narrivals: {process: poisson, rate: 4k/s}\n"
                            "requests: 300\nexits: {policy: static, thresholds: 0.4}\n");
    struct tool_result result =
        tool_run("replay bare.yaml --device null --exits computed --max-lateness 1h --log bare.olog");
    cr_expect_eq(result.status, 0, "%s", result.err);
    tool_release(&result);
    result = tool_run("verify bare.olog --json");
    cr_expect_eq(result.status, 0, "%s", result.err);
    cr_expect_not_null(strstr(result.out, "\"requests\": 300"), "%s", result.out);
    tool_release(&result);
    tool_expect_refused(&(struct tool_limits){0}, "replay bare.yaml --device null", 2,
                        "needs model.recording");
}

Test(replay, I9_several_servers_and_a_cut)
{
    struct ofr_replay_options how = patient;
    const struct path log_path = path_of("real.olog");
    const char *log = log_path.text;
    how.paced = true;
    const char *const set[] = {"servers=3", "duration=150ms", "end=cut", "arrivals.rate=9k/s", exits[3]};
    struct outcome out = replay(set, 5, &how, log);
    cr_assert_eq(out.rc, 0, "%s", out.err.text);
    cr_expect_gt(out.passes, 0);
    struct ofr_verify_report report = verify(log);
    cr_expect_not(report.differs, "%s", report.where);
    cr_expect_eq(report.requests, out.offered);
}

/* I9 on simulations, cut ones too. */
static void check_simulation(const char *batcher, const char *exit, bool cut)
{
    const struct path log_path = path_of("sim.olog");
    const char *log = log_path.text;
    struct ofr_error err = OFR_ERROR_INIT;
    const char *const set[] = {
        batcher,          exit,     "servers=2", "arrivals.rate=7k/s", "model.noise=exponential", "slo=6ms",
        "duration=100ms", "end=cut"};
    struct ofr_scenario *scenario = NULL;
    struct ofr_inputs inputs;
    struct ofr_run run;
    struct ofr_run_options options = {.log_path = log};
    cr_assert_eq(ofr_scenario_load(&scenario, files_path("s.yaml"), set, cut ? 8 : 6, &err), 0, "%s",
                 err.text);
    cr_assert_eq(ofr_inputs_load(&inputs, scenario, &err), 0, "%s", err.text);
    cr_assert_eq(ofr_run_simulate(&run, scenario, &inputs, &options, &err), 0, "%s", err.text);
    struct ofr_verify_report report = verify(log);
    cr_expect_not(report.differs, "%s %s: %s", batcher, exit, report.where);
    cr_expect_eq(report.requests, run.summary.offered);
    ofr_run_release(&run);
    ofr_inputs_release(&inputs);
    ofr_scenario_free(scenario);
}

Test(replay, I9_simulations)
{
    for (size_t b = 0; b < BATCHERS; ++b)
        for (int cut = 0; cut < 2; ++cut) {
            for (size_t e = 0; e < EXITS; ++e)
                check_simulation(batchers[b], exits[e], cut);
            check_simulation(batchers[b], "exits={policy: twolayer, mode: cascade, ramp: 1, threshold: 0.1}",
                             cut);
        }
}

/* What reads logs reads those of two stages: who goes on is nowhere counted twice. */
Test(replay, readers_of_a_cascade)
{
    static const struct {
        const char *line, *words;
    } reader[] = {
        {"log info c.olog", "requests       3000\n  ok           3000\n  onward "},
        {"compare c.olog c.olog --gate p99=0%,outcome=0%,batch_size=0%", "requests: 3000 in A, 3000 in B"},
        {"verify c.olog", "3000 requests"},
        {"report c.olog --trace t.json", ""},
        {"report c.olog -o r.html", ""},
    };
    struct tool_result result =
        tool_run("sim s.yaml --set exits={policy:~twolayer,~mode:~cascade,~ramp:~1,~threshold:~0.1} "
                 "--set batching={policy:~fifo,~max_batch:~8} --log c.olog");
    cr_assert_eq(result.status, 0, "%s", result.err);
    tool_release(&result);
    for (size_t i = 0; i < sizeof reader / sizeof *reader; ++i) {
        result = tool_run(reader[i].line);
        cr_expect_eq(result.status, 0, "`%s`: %s", reader[i].line, result.err);
        cr_expect_not_null(strstr(result.out, reader[i].words), "`%s`: %s", reader[i].line, result.out);
        tool_release(&result);
    }
}

/* ---- logs that were tampered with ---- */

enum tamper {
    BATCH_SIZE_OF_QUEUE,
    BATCH_REASON,
    BATCH_PADDED,
    BATCH_DISPATCHED,
    BATCH_ENDED,
    REQUEST_ADMITTED,
    REQUEST_ARRIVAL,
    REQUEST_RELEASED,
    REQUEST_EXIT,
    REQUEST_ANSWER,
    REQUEST_SAMPLE,
    REQUEST_AGREES,
    DECISION_THRESHOLD,
    DECISION_APPLIED,
    DECISION_TRIGGER,
    DECISION_COST,
    INSTANT_TIME,
    INSTANT_ENDED,
    TAMPERS
};

static void spoil_batch(enum tamper what, struct ofr_batch_row *batch, struct ofr_request_row *request)
{
    batch->queue_length += what == BATCH_SIZE_OF_QUEUE;
    batch->reason ^= what == BATCH_REASON;
    batch->padded ^= what == BATCH_PADDED ? 2 : 0;
    batch->dispatched_ns += what == BATCH_DISPATCHED;
    batch->ended_ns += what == BATCH_ENDED;
    request->admitted_ns += what == REQUEST_ADMITTED;
    request->arrival_ns += what == REQUEST_ARRIVAL;
    request->released_ns -= what == REQUEST_RELEASED ? 2000000 : 0;
    if (what == REQUEST_EXIT) /* to a site the model has: others the reader refuses */
        request->exit_site = request->exit_site ? (uint16_t)(request->exit_site - 1) : 1;
    request->answer ^= what == REQUEST_ANSWER;
    request->sample ^= what == REQUEST_SAMPLE;
    request->agrees ^= what == REQUEST_AGREES;
}

static void spoil_decision(enum tamper what, struct ofr_decision_row *decision)
{
    uint64_t bits;
    memcpy(&bits, &decision->config.threshold[0], sizeof bits);
    bits ^= what == DECISION_THRESHOLD;
    memcpy(&decision->config.threshold[0], &bits, sizeof bits);
    decision->applied_ns += what == DECISION_APPLIED;
    decision->trigger[0] ^= what == DECISION_TRIGGER;
    decision->cost_ns += what == DECISION_COST;
}

/* Copies a log; one row in the middle is spoilt. TAMPERS: none. */
static void copy_log(const char *from, const char *to, enum tamper what)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_runlog_reader *reader;
    struct ofr_runlog_rows_reader *instants;
    struct ofr_runlog_writer *writer;
    struct ofr_runlog_event event;
    struct ofr_instant_row instant;
    struct ofr_request_row rows[64];
    int batches = 0, decisions = 0, at = 0;
    cr_assert_eq(ofr_runlog_open(&reader, from, &err), 0, "%s", err.text);
    cr_assert_eq(ofr_runlog_rows_open(&instants, from, OFR_RUNLOG_INSTANTS, &err), 0, "%s", err.text);
    struct ofr_runlog_head head = *ofr_runlog_head(reader);
    head.tables = ofr_runlog_rows_present(instants) ? OFR_RUNLOG_INSTANTS : 0;
    cr_assert_eq(ofr_runlog_create(&writer, to, &head, ofr_runlog_provenance(reader), &err), 0);
    struct ofr_observer out = ofr_runlog_observer(writer);
    while (ofr_runlog_next(reader, &event, &err) == 1) {
        if (event.kind == OFR_RUNLOG_DECISION) {
            struct ofr_decision_row decision = *event.decision;
            if (++decisions == 3)
                spoil_decision(what, &decision);
            out.decision(out.state, &decision);
        } else if (event.kind == OFR_RUNLOG_BATCH) {
            struct ofr_batch_row batch = *event.batch;
            memcpy(rows, event.request, event.requests * sizeof *rows);
            if (++batches == 40)
                spoil_batch(what, &batch, &rows[0]);
            out.batch(out.state, &batch, rows, event.requests);
        }
    }
    while (ofr_runlog_rows_instant(instants, &instant, &err) == 1) {
        instant.now_ns += what == INSTANT_TIME && at == 60;
        instant.ended += what == INSTANT_ENDED && at == 60;
        ++at;
        ofr_runlog_instant(writer, &instant);
    }
    /* Known only once the reader is at its end. */
    const struct ofr_notes *notes = ofr_runlog_provenance(reader);
    cr_assert_eq(ofr_runlog_note(writer, OFR_NOTE_END_NS, ofr_notes_get(notes, OFR_NOTE_END_NS), &err), 0);
    cr_assert_eq(ofr_runlog_finish(writer, &err), 0, "%s", err.text);
    ofr_runlog_rows_close(instants);
    ofr_runlog_close(reader);
    cr_assert_geq(decisions, 3);
    cr_assert_geq(batches, 40);
}

static void expect_found(const char *log, enum tamper least_free)
{
    const struct path copy_path = path_of("copy.olog");
    const char *copy = copy_path.text;
    copy_log(log, copy, TAMPERS);
    struct ofr_verify_report report = verify(copy);
    cr_assert_not(report.differs, "the copy itself: %s", report.where);
    for (enum tamper what = 0; what < least_free; ++what) {
        copy_log(log, copy, what);
        report = verify(copy);
        cr_expect(report.differs, "tampering %d was not found", (int)what);
    }
}

/* One bit or one time changed anywhere is found. Leave a field out of verify_compare.c and it fails. Instants may be
 * moved only where nothing happened at them, so the one that is moved is one of many. */
Test(replay, verify_finds_every_tampering_of_a_simulation)
{
    struct tool_result result =
        tool_run("sim s.yaml --set exits={policy:~apparate,~ramp_budget:~20%,~accuracy_loss:~10%} "
                 "--log sim.olog");
    cr_assert_eq(result.status, 0, "%s", result.err);
    tool_release(&result);
    cr_assert_eq(chdir(files_path(".")), 0); /* the log names files as seen from there */
    expect_found(path_of("sim.olog").text, INSTANT_TIME);
}

Test(replay, verify_finds_every_tampering_of_a_replay)
{
    const struct path log_path = path_of("real.olog");
    const char *log = log_path.text;
    const char *const set[] = {exits[3], "requests=600", "arrivals.rate=4k/s"};
    struct ofr_replay_options how = patient;
    how.paced = true;
    struct outcome out = replay(set, 3, &how, log);
    cr_assert_eq(out.rc, 0, "%s", out.err.text);
    /* The cost of a decision is measured: the log alone knows it. So is when a row was released. */
    const struct path copy_path = path_of("copy.olog");
    const char *copy = copy_path.text;
    copy_log(log, copy, TAMPERS);
    cr_assert_not(verify(copy).differs);
    for (enum tamper what = 0; what < TAMPERS; ++what) {
        bool measured =
            what == DECISION_COST || what == REQUEST_RELEASED || what == BATCH_ENDED || what == INSTANT_TIME;
        copy_log(log, copy, what);
        cr_expect(measured || verify(copy).differs, "tampering %d was not found", (int)what);
    }
}

/* ---- devices that fail ---- */

static int submissions;

static int submit_lost(void *state, const struct ofr_pass *pass, struct ofr_error *err)
{
    if (++submissions > 30)
        return ofr_fail(err, OFR_E_DEVICE, "device fake: lost");
    return ofr_device_null.submit(state, pass, err);
}

static int submit_silent(void *state, const struct ofr_pass *pass, struct ofr_error *err)
{
    return ++submissions > 30 ? 0 : ofr_device_null.submit(state, pass, err);
}

static int check_lost(void *state, struct ofr_error *err)
{
    (void)state;
    return submissions > 30 ? ofr_fail(err, OFR_E_DEVICE, "device fake: fell off the bus") : 0;
}

static int submit_half(void *state, const struct ofr_pass *pass, struct ofr_error *err)
{
    struct ofr_lane_view view;
    if (++submissions <= 30)
        return ofr_device_null.submit(state, pass, err);
    ofr_device_null.lane(state, pass->lane, &view);
    atomic_store(view.ended, pass->ticket);
    return 0;
}

static int create_without_memory(void **state, const struct ofr_device_setup *setup, struct ofr_error *err)
{
    (void)setup;
    *state = NULL;
    return ofr_fail(err, OFR_E_DEVICE, "device fake: wanted 90 GiB, 79 GiB are free");
}

static void expect_failure(const struct ofr_device_ops *ops, const char *words, bool began)
{
    const struct path log_path = path_of("broken.olog");
    const char *log = log_path.text;
    struct ofr_replay_options how = patient;
    how.ops = ops;
    submissions = 0;
    struct outcome out = replay(NULL, 0, &how, log);
    cr_expect_eq(out.rc, OFR_E_DEVICE);
    cr_expect_not_null(strstr(out.err.text, words), "%s", out.err.text);
    cr_expect_null(strchr(out.err.text, '\n'));
    cr_expect_eq(access(log, F_OK) == 0, began, "a log %s", began ? "is missing" : "was left");
    if (!began)
        return;
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_runlog_reader *reader;
    struct ofr_runlog_event event;
    int rc, batches = 0;
    cr_assert_eq(ofr_runlog_open(&reader, log, &err), 0, "%s", err.text);
    while ((rc = ofr_runlog_next(reader, &event, &err)) == 1)
        batches += event.kind == OFR_RUNLOG_BATCH;
    cr_expect_eq(rc, 0, "the log is not whole: %s", err.text);
    cr_expect_gt(batches, 0);
    const char *note = ofr_notes_get(ofr_runlog_provenance(reader), OFR_NOTE_ERROR);
    cr_assert_not_null(note);
    cr_expect_not_null(strstr(note, words), "%s", note);
    ofr_runlog_close(reader);
    struct ofr_verify_report report;
    cr_expect_eq(ofr_verify_log(&report, log, NULL, 0, &err), OFR_E_INPUT);
    cr_expect_not_null(strstr(err.text, "broke off"), "%s", err.text);
    unlink(log);
}

/* A device that is lost, silent or wrong in the middle of a run: one line, and a log of what happened until then. */
Test(replay, a_failing_device_leaves_a_readable_log)
{
    struct ofr_device_ops fake = ofr_device_null;
    fake.submit = submit_lost;
    expect_failure(&fake, "lost", true);
    fake.submit = submit_silent;
    fake.check = check_lost;
    expect_failure(&fake, "fell off the bus", true);
    fake = ofr_device_null;
    fake.submit = submit_half;
    expect_failure(&fake, "without all its answers", true);
    fake = ofr_device_null;
    fake.create = create_without_memory;
    expect_failure(&fake, "wanted 90 GiB", false);
}

static void observe_throttled(void *state, struct ofr_device_state *out)
{
    (void)state;
    *out = (struct ofr_device_state){.sm_clock_mhz = 900, .throttle = 4, .throttle_text = "too hot"};
}

/* A device that reduced its clocks makes a run INVALID, and the log says why and at what clocks. */
Test(replay, reduced_clocks_make_a_run_invalid)
{
    const struct path log = path_of("hot.olog");
    const char *const set[] = {"requests=50"};
    struct ofr_device_ops fake = ofr_device_null;
    struct ofr_replay_options how = patient;
    fake.observe = observe_throttled;
    how.ops = &fake;
    struct outcome out = replay(set, 1, &how, log.text);
    cr_assert_eq(out.rc, 0, "%s", out.err.text);
    cr_expect_not_null(strstr(out.invalid, "too hot"), "%s", out.invalid);
    struct tool_result result = tool_run("log info hot.olog");
    cr_expect_not_null(strstr(result.out, "SM 900 MHz"), "%s", result.out);
    tool_release(&result);
}

/* ---- the tool ---- */

Test(replay, summary_has_the_keys_of_sim)
{
    struct tool_result sim = tool_run("sim s.yaml --json --set requests=200");
    struct tool_result real =
        tool_run("replay s.yaml --device null --json --set requests=200 --max-lateness 1h");
    json_t *a = json_loads(sim.out, 0, NULL), *b = json_loads(real.out, 0, NULL);
    const char *key;
    json_t *value;
    cr_assert_eq(real.status, 0, "%s", real.err);
    cr_assert_not_null(a);
    cr_assert_not_null(b);
    json_object_foreach(a, key, value) cr_expect_not_null(json_object_get(b, key), "replay lacks %s", key);
    cr_expect_eq(json_object_size(b), json_object_size(a) + 1);
    cr_expect(json_is_true(json_object_get(json_object_get(b, "replay"), "valid")));
    json_decref(a);
    json_decref(b);
    tool_release(&sim);
    tool_release(&real);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

Test(replay, a_load_comes_before_the_run)
{
    const double began_s = seconds();
    struct tool_result result =
        tool_run("replay s.yaml --device null --set requests=20 --max-lateness 1h --warm-up-load 300ms");
    cr_expect_eq(result.status, 0, "%s", result.err);
    cr_expect(strstr(result.out, "then a load of 0.3 s"), "%s", result.out);
    cr_expect_geq(seconds() - began_s, 0.3);
    tool_release(&result);
}

static double service_ms(const char *line)
{
    struct tool_result result = tool_run(line);
    cr_assert_eq(result.status, 0, "%s", result.err);
    json_t *run = json_loads(result.out, 0, NULL);
    const double p50 = json_number_value(json_object_get(json_object_get(run, "service_ms"), "p50"));
    json_decref(run);
    tool_release(&result);
    return p50;
}

Test(replay, a_device_that_waits_keeps_the_times_of_model_times)
{
    tool_make_slow("slow.oprof", "small");
    const double plain =
        service_ms("replay s.yaml --device null --pace profile --json --max-lateness 1h --set "
                   "requests=200 --set arrivals.rate=100/s");
    const double slow =
        service_ms("replay s.yaml --device null --pace profile --json --max-lateness 1h --set "
                   "requests=200 --set arrivals.rate=100/s --set model.times=slow.oprof");
    cr_expect_gt(slow, 1.3 * plain);
}

/* INVALID runs are printed and logged, and end with status 1. */
Test(replay, invalid_runs)
{
    struct tool_result result =
        tool_run("replay s.yaml --device null --set requests=50 --max-lateness 1h --min-requests 60 "
                 "--min-duration 1h --log run.olog");
    cr_expect_eq(result.status, 1);
    cr_expect_not_null(strstr(result.err, "INVALID"), "%s", result.err);
    cr_expect_not_null(strstr(result.err, "expected at least 60"), "%s", result.err);
    cr_expect_not_null(strstr(result.err, "3600.000 s"), "%s", result.err);
    cr_expect_not_null(strstr(result.out, "50 offered"), "%s", result.out);
    tool_release(&result);
    result = tool_run("log info run.olog");
    cr_expect_not_null(strstr(result.out, "expected at least 60"), "%s", result.out);
    tool_release(&result);
    result = tool_run("verify run.olog");
    cr_expect_eq(result.status, 0, "%s", result.err);
    tool_release(&result);
    result = tool_run("replay s.yaml --device null --set requests=50 --max-lateness 0ns");
    cr_expect_eq(result.status, 1, "nobody is ever let in exactly on time");
    tool_release(&result);
}

/* A log elsewhere: files are found as its scenario names them, from where the run was started. */
Test(replay, verify_in_another_folder)
{
    mkdir(files_path("logs"), 0700);
    struct tool_result result = tool_run("sim s.yaml --log logs/run.olog");
    cr_assert_eq(result.status, 0, "%s", result.err);
    tool_release(&result);
    result = tool_run("verify logs/run.olog");
    cr_expect_eq(result.status, 0, "%s", result.err);
    tool_release(&result);
    unlink(files_path("logs/run.olog"));
    rmdir(files_path("logs"));
}

/* SIGINT ends a run in order: a whole log of what was served, which can be verified; status 1. */
Test(replay, an_interrupt_ends_in_order)
{
    char *argv[] = {(char[]){"offramp"},        (char[]){"replay"}, (char[]){"s.yaml"},
                    (char[]){"--device"},       (char[]){"null"},   (char[]){"--log"},
                    (char[]){"int.olog"},       (char[]){"--set"},  (char[]){"requests=1000000"},
                    (char[]){"--max-lateness"}, (char[]){"1h"},     NULL};
    pid_t pid = tool__spawn(argv, &(struct tool_limits){0}, files_path("out"), files_path("err"));
    usleep(700000);
    int status = 0;
    kill(pid, SIGINT);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    size_t size;
    char *err = (char *)files_read(files_path("err"), &size);
    if (WIFSIGNALED(status)) { /* so loaded a machine that the run had not begun */
        free(err);
        cr_skip_test("the signal came before the run");
    }
    cr_expect_eq(WEXITSTATUS(status), 1, "%s", err);
    cr_expect_not_null(strstr(err, "interrupted after"), "%s", err);
    free(err);
    struct tool_result result = tool_run("verify int.olog");
    cr_expect_eq(result.status, 0, "%s", result.err);
    tool_release(&result);
}

/* A build with CUDA on a machine without a driver; one without CUDA says what it has. Falls when a missing driver crashes,
 * passes for bad usage or leaves a file. */
Test(replay, a_gpu_that_is_not_there)
{
    struct ofr_error err = OFR_ERROR_INIT;
    const struct tool_limits none = {0};
    int32_t index;
    if (!ofr_device_find("cuda:0", &index, &err)) {
        cr_expect_not_null(strstr(err.text, "this build has: null cpu"), "%s", err.text);
        tool_expect_refused(&none, "profile bert-tiny --device cuda:0 --batch 1 -o gpu.oprof", 2,
                            "this build has");
        return;
    }
    if (access("/dev/nvidiactl", F_OK) == 0)
        cr_skip_test("SKIPPED: this machine has a driver");
    tool_expect_refused(&none, "profile bert-tiny --device cuda:0 --batch 1 -o gpu.oprof", 3,
                        "cuda: no usable driver or device");
    cr_expect_neq(access(files_path("gpu.oprof"), F_OK), 0, "a profile was left");
}

Test(replay, bad_input_is_refused)
{
    const struct tool_limits none = {0};
    tool_make_log();
    tool_expect_refused(&none, "replay s.yaml --device warp:0", 2, "this build has: null");
    tool_expect_refused(&none, "replay s.yaml --device null:x", 2, "this build has: null");
    tool_expect_refused(&none, "replay s.yaml", 2, "device");
    tool_expect_refused(&none, "replay nothing.yaml --device null", 2, "nothing.yaml");
    tool_expect_refused(&none, "replay s.yaml --device null --exits guessed", 2, "guessed");
    tool_expect_refused(&none, "replay s.yaml --device null --exits computed --set exits=oracle", 2,
                        "recorded");
    tool_write("p.yaml",
               "model: {profile: model.oprof, recording: rec.orec}\nrequests: 100\n"
               "arrivals: {process: poisson, rate: 2k/s}\nexits: {policy: patience, patience: 1}\n");
    tool_expect_refused(&none, "replay p.yaml --device null --exits computed", 2,
                        "policy patience decides by what no ramp computes, expected --exits recorded");
    tool_expect_refused(&none, "replay s.yaml --device null --warm-up -1", 2, "warm_up");
    tool_expect_refused(&none, "replay s.yaml --device null --log no/such/folder.olog", 3,
                        "no/such/folder.olog");
    tool_expect_refused(&none, "verify s.yaml", 2, "s.yaml");
    tool_expect_refused(&none, "verify run.olog --set model.profile=other.oprof", 2, "sites");
    tool_expect_refused(&none, "verify run.olog --set model.wheels=4", 2, "wheels");
    tool_expect_refused(&none, "verify nothing.olog", 2, "nothing.olog");
}
