/* `offramp compare`: what it says of a log and itself, of a slower copy, of a copy that lost requests, and of work that
 * is not the same. Logs are copied row by row through a relay that alters what a test wants altered. */
#include "analysis/compare.h"
#include "tests/support/tool.h"

#include <jansson.h>
#include <math.h>

TestSuite(compare, .init = tool_setup, .fini = tool_teardown);

enum {
    LARGEST = 64
};

/* What a copy does differently. */
struct alteration {
    double stretch;      /* service times times this; later requests are not pushed back */
    uint64_t drop_every; /* leave out every n-th request; 0 = none */
    int64_t later_ns;    /* all arrivals so much later */
    int64_t late_admission_ns;
    int32_t move_exits;   /* every n-th request leaves at the full model instead; 0 = none */
    double threshold_add; /* to every threshold of every decision */
};

struct relay {
    struct ofr_observer to;
    const struct alteration *how;
};

static bool dropped(const struct relay *relay, uint64_t id)
{
    return relay->how->drop_every && id % relay->how->drop_every == 7;
}

static struct ofr_request_row altered(const struct relay *relay, struct ofr_request_row row)
{
    const struct alteration *how = relay->how;
    int64_t service_ns = row.released_ns - row.dispatched_ns, pass_ns = row.ended_ns - row.dispatched_ns;
    row.arrival_ns += how->later_ns;
    row.admitted_ns += how->late_admission_ns;
    row.released_ns = row.dispatched_ns + llrint((double)service_ns * how->stretch);
    row.ended_ns = row.dispatched_ns + llrint((double)pass_ns * how->stretch);
    if (how->move_exits && row.id % (uint64_t)how->move_exits == 0)
        row.exit_site = 4;
    return row;
}

static void relay_batch(void *state, const struct ofr_batch_row *batch, const struct ofr_request_row *rows,
                        uint32_t count)
{
    struct relay *relay = state;
    struct ofr_request_row kept[LARGEST];
    struct ofr_batch_row out = *batch;
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; ++i)
        if (!dropped(relay, rows[i].id)) {
            kept[n] = altered(relay, rows[i]);
            out.ended_ns = kept[n].ended_ns > out.ended_ns ? kept[n].ended_ns : out.ended_ns;
            n++;
        }
    for (uint32_t i = 0; i < n; ++i)
        kept[i].ended_ns = out.ended_ns;
    out.size = n;
    if (n > 0)
        relay->to.batch(relay->to.state, &out, kept, n);
}

static void relay_lost(void *state, const struct ofr_request_row *row)
{
    struct relay *relay = state;
    relay->to.lost(relay->to.state, row);
}

static void relay_decision(void *state, const struct ofr_decision_row *decision)
{
    struct relay *relay = state;
    struct ofr_decision_row row = *decision;
    for (uint32_t k = 0; k < row.config.ramps; ++k)
        row.config.threshold[k] += relay->how->threshold_add;
    relay->to.decision(relay->to.state, &row);
}

static void copy_log(const char *name, const struct alteration *how)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_runlog_reader *reader;
    struct ofr_runlog_writer *writer;
    cr_assert_eq(ofr_runlog_open(&reader, files_path("run.olog"), &err), 0, "%s", err.text);
    cr_assert_eq(ofr_runlog_create(&writer, files_path(name), ofr_runlog_head(reader),
                                   ofr_runlog_provenance(reader), &err),
                 0, "%s", err.text);
    struct relay relay = {.to = ofr_runlog_observer(writer), .how = how};
    struct ofr_observer observer = {
        .state = &relay, .batch = relay_batch, .lost = relay_lost, .decision = relay_decision};
    cr_assert_eq(ofr_runlog_replay(reader, &observer, &err), 0, "%s", err.text);
    cr_assert_eq(ofr_runlog_finish(writer, &err), 0, "%s", err.text);
    ofr_runlog_close(reader);
}

/* Runs `compare ... --json`; the object is the caller's. */
static json_t *compare_json(const char *line, int status)
{
    struct tool_result result = tool_run(line);
    json_t *object = json_loads(result.out, 0, NULL);
    cr_assert_eq(result.status, status, "`%s`: status %d: %s", line, result.status, result.err);
    cr_assert_not_null(object, "`%s` wrote no JSON: %s", line, result.out);
    tool_release(&result);
    return object;
}

static json_t *at(json_t *object, const char *path)
{
    char copy[128];
    snprintf(copy, sizeof copy, "%s", path);
    char *rest = NULL;
    for (char *key = strtok_r(copy, "/", &rest); key; key = strtok_r(NULL, "/", &rest)) {
        object = json_object_get(object, key);
        cr_assert_not_null(object, "no %s in %s", key, path);
    }
    return object;
}

static double number_at(json_t *object, const char *path)
{
    json_t *value = at(object, path);
    cr_assert(json_is_number(value), "%s is no number", path);
    return json_number_value(value);
}

/* Fails when any error, distance or interval of a log against itself is not exactly 0. */
Test(compare, a_log_with_itself_is_all_zero)
{
    static const char *const statistic[] = {"mean", "p50", "p90", "p95", "p99"};
    static const char *const time[] = {"latency_ms", "queueing_ms", "service_ms"};
    tool_make_log();
    json_t *object = compare_json("compare run.olog run.olog --json --gate mean=0,p50=0,p99=0,service.p95=0,"
                                  "throughput=0,goodput=0,agreement=0,exit_rate=0,batch_size=0,outcome=0,"
                                  "reason=0,decisions=0",
                                  0);
    for (size_t i = 0; i < 3; ++i)
        for (size_t j = 0; j < 5; ++j) {
            char path[64];
            snprintf(path, sizeof path, "%s/%s/error_pct", time[i], statistic[j]);
            cr_expect_eq(number_at(object, path), 0.0, "%s", path);
            snprintf(path, sizeof path, "%s/%s/interval_pct", time[i], statistic[j]);
            cr_expect_eq(json_number_value(json_array_get(at(object, path), 0)), 0.0);
            cr_expect_eq(json_number_value(json_array_get(at(object, path), 1)), 0.0);
        }
    cr_expect_eq(number_at(object, "pass_ms/p90/error_pct"), 0.0);
    cr_expect_gt(number_at(object, "pass_ms/p10/a"), 0.0);
    cr_expect_eq(number_at(object, "latency_ms/paired/max_abs_us"), 0.0);
    cr_expect_eq(number_at(object, "latency_ms/paired/pairs"), 3000.0);
    cr_expect(number_at(object, "latency_ms/mean/a") > 0.3);
    cr_expect_eq(json_array_size(at(object, "warnings")), 0);
    json_decref(object);
}

/* Fails when a growth of 5 % of the service times is measured wrong, called insignificant, or let through. */
Test(compare, slower_service_is_found_and_fails_the_gate)
{
    tool_make_log();
    copy_log("slow.olog", &(struct alteration){.stretch = 1.05});
    json_t *object = compare_json("compare run.olog slow.olog --json --gate service.mean=3%", 1);
    cr_expect_float_eq(number_at(object, "service_ms/mean/error_pct"), 5.0, 0.01);
    cr_expect_float_eq(number_at(object, "pass_ms/mean/error_pct"), 5.0, 0.01);
    cr_expect_float_eq(number_at(object, "pass_ms/p10/error_pct"), 5.0, 0.01);
    cr_expect(json_is_true(at(object, "service_ms/mean/significant")));
    cr_expect(json_is_true(at(object, "latency_ms/mean/significant")));
    cr_expect_eq(number_at(object, "queueing_ms/mean/error_pct"), 0.0);
    double bias = number_at(object, "service_ms/paired/bias_us");
    cr_expect(bias > 0.0);
    cr_expect_float_eq(bias, number_at(object, "service_ms/paired/mean_abs_us"), 1e-6);
    cr_expect(json_is_false(at(json_array_get(at(object, "gates"), 0), "passed")));
    json_decref(object);
    struct tool_result result = tool_run("compare run.olog slow.olog --gate mean=50%,service.mean=3%");
    cr_expect_eq(result.status, 1);
    cr_expect_not_null(strstr(result.err, "service.mean is 5 %, bound 3 (1 of 2 gates failed)"), "%s",
                       result.err);
    cr_expect_not_null(strstr(result.out, "FAILED"));
    tool_release(&result);
    result = tool_run("compare run.olog slow.olog --gate service.mean=6%");
    cr_expect_eq(result.status, 0, "%s", result.err);
    tool_release(&result);
}

/* Fails when requests that one log lacks are paired around without a word. */
Test(compare, lost_requests_are_named)
{
    tool_make_log();
    copy_log("lossy.olog", &(struct alteration){.stretch = 1.0, .drop_every = 150});
    json_t *object = compare_json("compare run.olog lossy.olog --json", 1);
    cr_expect_eq(number_at(object, "requests/missing_in_b"), 20.0);
    cr_expect_eq(number_at(object, "requests/missing_in_a"), 0.0);
    cr_expect(json_is_false(at(object, "requests/conserved")));
    const char *complaint = json_string_value(at(object, "requests/complaint"));
    cr_expect_not_null(strstr(complaint, "lacks 20 of the 3000 requests"), "%s", complaint);
    cr_expect_not_null(strstr(complaint, "(7, 157, 307, 457, 607, ...)"), "%s", complaint);
    json_decref(object);
    object = compare_json("compare lossy.olog run.olog --json", 1);
    cr_expect_eq(number_at(object, "requests/missing_in_a"), 20.0);
    json_decref(object);
    object = compare_json("compare lossy.olog lossy.olog --json", 1);
    cr_expect(json_is_false(at(object, "requests/conserved")));
    json_decref(object);
}

/* Fails when requests are paired by id although they are other work. */
Test(compare, other_work_is_not_paired)
{
    tool_make_log();
    copy_log("later.olog", &(struct alteration){.stretch = 1.0, .later_ns = 1});
    json_t *object = compare_json("compare run.olog later.olog --json", 0);
    cr_expect_eq(number_at(object, "requests/different_work"), 3000.0);
    cr_expect_eq(number_at(object, "latency_ms/paired/pairs"), 0.0);
    cr_expect(json_is_null(at(object, "latency_ms/paired/bias_us")));
    cr_expect(json_is_false(at(object, "paired")));
    json_decref(object);
}

/* Fails when exits, thresholds, lateness or the set's own spread are measured wrong. */
Test(compare, exits_decisions_lateness_and_spread)
{
    tool_make_log();
    copy_log("b1.olog", &(struct alteration){.stretch = 1.0, .move_exits = 10, .threshold_add = 0.25});
    json_t *object = compare_json("compare run.olog b1.olog --json", 0);
    cr_expect(number_at(object, "exit_rate/worst_points") > 5.0);
    cr_expect(number_at(object, "exit_rate/distance") <= 0.1 + 1e-9);
    cr_expect_eq(number_at(object, "decisions/same_ramps"), 1.0);
    cr_expect_float_eq(number_at(object, "decisions/threshold_distance"), 0.25, 1e-12);
    cr_expect_eq(number_at(object, "decisions/first_apart_ns"), 0.0);
    json_decref(object);

    copy_log("b2.olog", &(struct alteration){.stretch = 1.1, .late_admission_ns = 2000});
    object = compare_json("compare run.olog,b2.olog run.olog --json", 0);
    cr_expect_float_eq(number_at(object, "service_ms/mean/a_spread_pct"), 100.0 * 0.05 / 1.05, 0.01);
    cr_expect_float_eq(number_at(object, "sender_lateness_us/p50/a"), 1.0, 1e-9);
    cr_expect_float_eq(number_at(object, "service_ms/mean/error_pct"), -100.0 * 0.05 / 1.05, 0.01);
    json_decref(object);
}

Test(compare, refusals)
{
    static const struct {
        const char *line, *words;
        int status;
    } bad[] = {
        {"compare run.olog", "found 1", 2},
        {"compare run.olog nothing.olog", "nothing.olog", 2},
        {"compare run.olog t.otrace", "expected a run log (.olog)", 2},
        {"compare run.olog ,", "names no log", 2},
        {"compare run.olog run.olog --gate ,", "expected NAME=BOUND", 2},
        {"compare run.olog run.olog --gate p50", "expected NAME=BOUND", 2},
        {"compare run.olog run.olog --gate p50=x", "expected NAME=BOUND", 2},
        {"compare run.olog run.olog --gate p50=-1%", "expected NAME=BOUND", 2},
        {"compare run.olog run.olog --gate p51=1%", "found 'p51'", 2},
        {"compare run.olog run.olog --gate latency=1%", "found 'latency'", 2},
        {"compare run.olog run.olog --gate p50=1%%", "expected NAME=BOUND", 2},
        {"compare run.olog run.olog --gates p50=1%", "--gates", 2},
    };
    tool_make_log();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i)
        tool_expect_refused(&(struct tool_limits){0}, bad[i].line, bad[i].status, bad[i].words);
    struct tool_result result = tool_run("sim s.yaml --set model.profile=other.oprof --set model.recording= "
                                         "--set exits={policy:~vanilla} --log three.olog");
    cr_assert_eq(result.status, 0, "%s", result.err);
    tool_release(&result);
    tool_expect_refused(&(struct tool_limits){0}, "compare run.olog three.olog", 2, "not the same model");
}

/* Falls when a compact log does not pair with its source or with a log on another grain, moves a request by more than
 * half its grain for each of the two times a latency is made of, pairs with work whose arrivals lie further apart, or is
 * made compact again, which would leave its arrivals further off than it says. */
Test(compare, a_compact_log_compares_as_the_log_it_was_made_of)
{
    tool_make_log();
    struct tool_result result = tool_run("log compact run.olog -o small.olog --grain 2us");
    cr_assert_eq(result.status, 0, "%s", result.err);
    tool_release(&result);
    json_t *object = compare_json("compare run.olog small.olog --json --gate throughput=0.1%,agreement=0,"
                                  "exit_rate=0,batch_size=0,outcome=0,reason=0,decisions=0",
                                  0);
    cr_expect(json_is_true(at(object, "paired")));
    cr_expect_leq(number_at(object, "latency_ms/paired/max_abs_us"), 2.001);
    cr_expect_gt(number_at(object, "latency_ms/paired/max_abs_us"), 0.0);
    cr_expect_eq(number_at(object, "requests/different_work"), 0.0);
    json_decref(object);
    result = tool_run("log compact run.olog -o smaller.olog --grain 5us");
    cr_assert_eq(result.status, 0, "%s", result.err);
    tool_release(&result);
    result = tool_run("log compact smaller.olog -o again.olog --grain 1ns");
    cr_expect_eq(result.status, 2);
    cr_expect(strstr(result.err, "is compact already"), "%s", result.err);
    tool_release(&result);
    object = compare_json("compare small.olog smaller.olog --json", 0);
    cr_expect(json_is_true(at(object, "paired")));
    json_decref(object);
    result = tool_run("sim s.yaml --set arrivals.rate=1001/s --log other.olog");
    cr_assert_eq(result.status, 0, "%s", result.err);
    tool_release(&result);
    object = compare_json("compare small.olog other.olog --json", 0);
    cr_expect(!json_is_true(at(object, "paired")));
    cr_expect_gt(number_at(object, "requests/different_work"), 0.0);
    json_decref(object);
}

/* Fails when the folder of the program goes into a log. */
Test(compare, a_log_names_no_folder_of_the_program)
{
    tool_make_log();
    struct tool_result result = tool_run("replay s.yaml --device null --set requests=100 --log real.olog");
    cr_assert_leq(result.status, 1, "%s", result.err); /* 1: a processor that was busy elsewhere */
    tool_release(&result);
    result = tool_run("log info real.olog");
    cr_assert_eq(result.status, 0, "%s", result.err);
    cr_expect(strstr(result.out, "command        offramp replay s.yaml"), "%s", result.out);
    tool_release(&result);
}

/* Fails when a size one side never ran at has a mean there. */
Test(compare, sizes_without_passes_have_no_mean)
{
    struct tool_result result = tool_run("sim s.yaml --set arrivals.rate=20k/s --log large.olog");
    cr_assert_eq(result.status, 0, "%s", result.err);
    tool_release(&result);
    result = tool_run("sim s.yaml --set arrivals.rate=20k/s --set batching.max_batch=1 --log single.olog");
    cr_assert_eq(result.status, 0, "%s", result.err);
    tool_release(&result);
    json_t *object = compare_json("compare large.olog single.olog --json", 0), *pass;
    const char *size;
    size_t lacking = 0;
    json_object_foreach(at(object, "pass_ms/mean_by_size"), size, pass)
    {
        lacking += strcmp(size, "1") != 0;
        cr_expect(json_is_number(at(pass, "a")), "size %s", size);
        cr_expect_eq(json_is_number(at(pass, "b")), strcmp(size, "1") == 0, "size %s", size);
    }
    cr_expect_gt(lacking, 0);
    json_decref(object);
}
