/* Exit policies from shared objects, through the real program: the skeleton as a user meets it, and every fault a
 * shared object can have. */
#include "tests/support/tool.h"

#include "sim/run/run.h"
#include "traces/runlog_file.h"

#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <xxhash.h>

TestSuite(plugin, .init = tool_setup, .fini = tool_teardown, .timeout = 120);

#define WORLD                                                                                                \
    "model: {profile: model.oprof, recording: rec.orec}\narrivals: {process: poisson, rate: 2k/s}\n"         \
    "requests: 3000\nbatching: {policy: fifo, max_batch: 8}\n"

/* Copies a built plug-in into the test's folder; its bytes are the caller's. */
static unsigned char *bring(const char *name, const char *as, size_t *size)
{
    char path[512];
    snprintf(path, sizeof path, OFR_TEST_PLUGINS "/%s.so", name);
    unsigned char *bytes = files_read(path, size);
    files_write(files_path(as), bytes, *size);
    return bytes;
}

static void bring_only(const char *name, const char *as)
{
    size_t size;
    free(bring(name, as, &size));
}

static json_t *json_of(const char *line)
{
    struct tool_result result = tool_run(line);
    cr_assert_eq(result.status, 0, "`%s`: %s", line, result.err);
    json_t *json = json_loads(result.out, 0, NULL);
    cr_assert_not_null(json, "`%s`: %s", line, result.out);
    tool_release(&result);
    return json;
}

static void expect_output(const char *line, const char *words)
{
    struct tool_result result = tool_run(line);
    cr_expect_eq(result.status, 0, "`%s`: %s", line, result.err);
    cr_expect_not_null(strstr(result.out, words), "`%s`: '%s' not in '%s'", line, words, result.out);
    tool_release(&result);
}

/* ---- the skeleton ---- */

/* Let the skeleton's threshold forget what it owes (clip it at 0 from below) and the constraint breaks. */
Test(plugin, the_skeleton_holds_its_constraint)
{
    bring_only("skeleton", "mine.so");
    tool_write("p.yaml", WORLD "exits: {policy: ./mine.so, accuracy_loss: 2%, gain: 0.5, site: 2}\n");
    json_t *json = json_of("sim p.yaml --json --set requests=20k");
    double agreement = json_number_value(json_object_get(json, "agreement"));
    double full = json_number_value(json_array_get(json_object_get(json, "exit_rate"), 4));
    cr_expect_str_eq(json_string_value(json_object_get(json, "policy")), "nudge");
    cr_expect_geq(agreement, 0.979, "%.4f", agreement);
    cr_expect_lt(full, 0.95, "%.4f", full);
    json_decref(json);
}

/* Relative to the scenario's folder from a file, to the working folder from the command line; never searched for along
 * the loader's paths. */
Test(plugin, paths)
{
    bring_only("skeleton", "mine.so");
    cr_assert_eq(mkdir(files_path("sub"), 0700), 0);
    tool_write("sub/s.yaml", "model: {profile: ../model.oprof, recording: ../rec.orec}\nrequests: 100\n"
                             "arrivals: {process: poisson, rate: 2k/s}\nexits: ../mine.so\n");
    tool_write("p.yaml", WORLD "exits: mine.so\n");
    expect_output("sim sub/s.yaml", "policy nudge");
    expect_output("sim sub/s.yaml --show-resolved", "policy: sub/../mine.so");
    expect_output("sim sub/s.yaml --set exits.policy=./mine.so", "policy nudge");
    tool_expect_refused(&(struct tool_limits){0}, "sim sub/s.yaml --set exits=../mine.so", 2,
                        "--set exits=../mine.so: policy: ../mine.so: No such file");
    tool_expect_refused(&(struct tool_limits){0}, "sim p.yaml", 2, "as in ./mine.so");

    bring_only("skeleton", "an odd #'name.so"); /* the resolved scenario has to quote it */
    struct tool_result odd =
        tool_run("sim s.yaml --set exits={policy:~\"./an~odd~#'name.so\"} --show-resolved");
    tool_write("again.yaml", odd.out);
    expect_output("sim again.yaml --show-resolved", odd.out);
    expect_output("sim again.yaml", "policy nudge");
    tool_release(&odd);
    unlink(files_path("sub/s.yaml"));
    rmdir(files_path("sub"));
}

/* Its options are read, checked, listed and written like a built-in policy's. */
Test(plugin, options)
{
    static const struct tool_limits none = {0};
    bring_only("skeleton", "mine.so");
    expect_output("help policy:./mine.so", "accuracy_loss          share    1%");
    expect_output("sim s.yaml --set exits={policy:~./mine.so,~gain:~0.25} --show-resolved", "gain: 0.25\n");
    tool_write("p.yaml", WORLD "exits:\n  policy: ./mine.so\n  gain: 2\n");
    tool_expect_refused(&none, "sim p.yaml", 2, "p.yaml:7:9: gain: found '2', expected 0 to 1");
    tool_write("p.yaml", WORLD "exits: {policy: ./mine.so, gian: 0.1}\n");
    tool_expect_refused(&none, "sim p.yaml", 2, "p.yaml:5:28: unknown key 'gian', did you mean 'gain'?");
    tool_write("p.yaml", WORLD "exits: {policy: ./mine.so, site: 4}\n");
    tool_expect_refused(&none, "sim p.yaml", 2,
                        "policy nudge (./mine.so): site: found 4, expected a number below 4");
    struct tool_result first = tool_run("sim s.yaml --set exits=./mine.so --show-resolved");
    tool_write("again.yaml", first.out);
    struct tool_result second = tool_run("sim again.yaml --show-resolved");
    cr_expect_str_eq(second.out, first.out);
    tool_release(&first);
    tool_release(&second);
}

/* ---- the log, verify, replay ---- */

Test(plugin, the_log_says_which_file)
{
    size_t size;
    unsigned char *bytes = bring("skeleton", "mine.so", &size);
    char hash[32];
    snprintf(hash, sizeof hash, "%016" PRIx64, (uint64_t)XXH64(bytes, size, 0));
    free(bytes);
    tool_write("p.yaml", WORLD "exits: ./mine.so\n");
    expect_output("sim p.yaml --log p.olog", "policy nudge");
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_runlog_reader *log;
    cr_assert_eq(ofr_runlog_open(&log, files_path("p.olog"), &err), 0, "%s", err.text);
    const struct ofr_notes *notes = ofr_runlog_provenance(log);
    cr_expect_str_eq(ofr_notes_get(notes, "policy_file"), "./mine.so");
    cr_expect_str_eq(ofr_notes_get(notes, "policy_xxh64"), hash);
    ofr_runlog_close(log);
    expect_output("verify p.olog", "equal");
}

/* A log is held against the file the run had: with another one in its place, verify says so. */
Test(plugin, verify_tells_a_changed_file)
{
    bring_only("none", "mine.so");
    tool_write("p.yaml", WORLD "exits: ./mine.so\n");
    expect_output("sim p.yaml --log p.olog", "policy faulty");
    bring_only("changed", "mine.so");
    struct tool_result result = tool_run("verify p.olog");
    cr_expect_eq(result.status, 1, "%s%s", result.out, result.err);
    cr_expect_not_null(strstr(result.err, "./mine.so is not the file the run had"), "%s", result.err);
    tool_release(&result);
}

Test(plugin, replays_and_verifies)
{
    bring_only("skeleton", "mine.so");
    tool_write("p.yaml", WORLD "exits: {policy: ./mine.so, accuracy_loss: 20%}\n");
    expect_output("replay p.yaml --device null --set requests=400 --max-lateness 1h --log r.olog",
                  "policy nudge");
    expect_output("verify r.olog", "400 requests");
}

/* ---- several at once ---- */

Test(plugin, stands_beside_itself)
{
    bring_only("skeleton", "mine.so");
    bring_only("none", "other.so");
    expect_output("sim s.yaml --beside ./mine.so,./mine.so,./other.so,vanilla",
                  "vanilla        static         nudge         nudge        faulty");
}

struct job {
    const char *scenario;
    uint64_t agreeing, early;
    struct ofr_error err;
    int rc;
};

static void *simulate(void *context)
{
    struct job *job = context;
    struct ofr_scenario *scenario = NULL;
    struct ofr_inputs inputs = {0};
    struct ofr_run run;
    job->rc = ofr_scenario_load(&scenario, job->scenario, NULL, 0, &job->err);
    if (!job->rc)
        job->rc = ofr_inputs_load(&inputs, scenario, &job->err);
    if (!job->rc)
        job->rc = ofr_run_simulate(&run, scenario, &inputs, &(struct ofr_run_options){0}, &job->err);
    if (!job->rc) {
        job->agreeing = run.summary.agreeing;
        job->early = run.summary.exits[2];
        ofr_run_release(&run);
    }
    ofr_inputs_release(&inputs);
    ofr_scenario_free(scenario);
    return NULL;
}

/* As a sweep does: one object, many runs, each with a state of its own. Make the skeleton's state static and it fails. */
Test(plugin, runs_in_threads)
{
    enum {
        THREADS = 6,
        ROUNDS = 3
    };
    bring_only("skeleton", "mine.so");
    tool_write("p.yaml", WORLD "exits: {policy: ./mine.so, accuracy_loss: 5%, site: 2}\n");
    const char *path = files_path("p.yaml");
    struct job job[THREADS * ROUNDS];
    memset(job, 0, sizeof job);
    for (int round = 0; round < ROUNDS; ++round) {
        pthread_t thread[THREADS];
        for (int i = 0; i < THREADS; ++i) {
            job[round * THREADS + i].scenario = path;
            pthread_create(&thread[i], NULL, simulate, &job[round * THREADS + i]);
        }
        for (int i = 0; i < THREADS; ++i)
            pthread_join(thread[i], NULL);
    }
    cr_expect_gt(job[0].early, 0);
    for (int i = 0; i < THREADS * ROUNDS; ++i) {
        cr_assert_eq(job[i].rc, 0, "%s", job[i].err.text);
        cr_expect_eq(job[i].agreeing, job[0].agreeing);
        cr_expect_eq(job[i].early, job[0].early);
    }
}

/* ---- faults of the object ---- */

struct fault {
    const char *plugin, *words;
};

/* Every one is told where the scenario names it. Leave a check out of plugin.c or option_check.c and its row runs, or
 * crashes. */
Test(plugin, faulty_objects)
{
    static const struct fault faults[] = {
        {"other_version", "is of policy ABI version 7, expected 1"},
        {"static", "has no symbol 'offramp_policy'"},
        {"pointer", "'offramp_policy' has 8 bytes, expected the"},
        {"short", "'offramp_policy' has 8 bytes, expected the"},
        {"function", "'offramp_policy' is no struct offramp_policy_ops"},
        {"unresolved", "cannot be loaded: undefined symbol: offramp_no_such_function"},
        {"no_create", "has no create hook"},
        {"no_destroy", "has no destroy hook"},
        {"no_feedback", "has no feedback hook"},
        {"unasked_feedback", "expected the flag OFFRAMP_POLICY_FEEDBACK"},
        {"unknown_flags", "has flags 0x81"},
        {"no_name", "is called '', expected a name"},
        {"odd_name", "is called 'my policy', expected a name"},
        {"taken_name", "is called 'apparate', which is a built-in policy"},
        {"no_help", "has no help line"},
        {"large_options", "has options of 1099511627776 bytes, expected at most 16384"},
        {"no_table", "its option table has 4 rows and no address"},
        {"many_rows", "its option table has 1073741824 rows, expected at most 256"},
        {"row_no_name", "row 1 of its option table has no name"},
        {"row_odd_name", "row 1 of its option table is called 'Share'"},
        {"row_odd_alias", "option share has the alias ''"},
        {"row_taken_name", "option mode has the name of a key every policy has"},
        {"row_twice", "options first and first answer to the same name"},
        {"row_alias_twice", "options first and share answer to the same name"},
        {"row_no_help", "option share has no help"},
        {"row_no_type", "option share is of type 99"},
        {"row_args", "option note is of a type only the command line has"},
        {"row_outside", "option note takes 1024 bytes at offset 1032, expected them inside options_size"},
        {"row_far_outside", "option note takes 1024 bytes at offset 18446744073709551608"},
        {"row_crooked", "option share is at offset 12, expected a multiple of 8"},
        {"row_over_another", "options first and share share bytes"},
        {"row_no_choices", "option share has no choices"},
        {"row_bad_default", "share: found 'often', expected a share"},
        {"row_out_of_range", "share: found '10%', expected 50% to 75%"},
        {"row_empty_range", "option share has the range 1 to 0.5"},
    };
    tool_write("p.yaml", WORLD "exits: {mode: release, policy: ./bad.so}\n");
    for (size_t i = 0; i < sizeof faults / sizeof *faults; ++i) {
        char words[256];
        bring_only(faults[i].plugin, "bad.so");
        tool_expect_refused(&(struct tool_limits){0}, "sim p.yaml --log p.olog", 2, faults[i].words);
        snprintf(words, sizeof words, "p.yaml:5:32: policy: ./bad.so");
        tool_expect_refused(&(struct tool_limits){0}, "sim p.yaml", 2, words);
        if (strcmp(faults[i].plugin, "row_taken_name") != 0)
            tool_expect_refused(&(struct tool_limits){0}, "help policy:./bad.so", 2, faults[i].words);
    }
}

/* Files that are no whole shared object. The loader itself dies of a cut one (it maps what is not there). */
Test(plugin, files_that_are_no_plugin)
{
    static const struct tool_limits none = {0};
    size_t size;
    unsigned char *bytes = bring("skeleton", "whole.so", &size);
    tool_write("p.yaml", WORLD "exits: ./bad.so\n");
    tool_expect_refused(&none, "sim p.yaml", 2, "p.yaml:5:8: policy: ./bad.so: No such file or directory");
    tool_write("bad.so", "");
    tool_expect_refused(&none, "sim p.yaml", 2, "./bad.so is empty");
    tool_write("bad.so", "#!/bin/sh\necho this is a script, and longer than the head of an ELF file is\n");
    tool_expect_refused(&none, "sim p.yaml", 2, "./bad.so is not a shared object");
    for (size_t left = 1; left < size * 9 / 10; left += 1 + size / 17) {
        files_write(files_path("bad.so"), bytes, left);
        tool_expect_refused(&none, "sim p.yaml", 2, "./bad.so");
    }
    files_write(files_path("bad.so"), bytes, size / 2);
    tool_expect_refused(&none, "sim p.yaml", 2, "./bad.so is cut short");
    tool_expect_refused(&none, "sim p.yaml --set exits=" OFR_TEST_TOOL, 2,
                        OFR_TEST_TOOL " cannot be loaded: ");
    tool_expect_refused(&none, "sim p.yaml --set exits=/", 2, "/ is not a file");
    cr_assert_eq(mkfifo(files_path("pipe.so"), 0600), 0);
    tool_expect_refused(&none, "sim p.yaml --set exits=./pipe.so", 2, "./pipe.so is not a file");
    chmod(files_path("whole.so"), 0);
    if (access(files_path("whole.so"), R_OK))
        tool_expect_refused(&none, "sim p.yaml --set exits=./whole.so", 2, "Permission denied");
    tool_expect_refused(&none, "sim s.yaml --beside ./bad.so", 2, "./bad.so is cut short");
    free(bytes);
}

/* ---- faults at run time ---- */

/* The host says what is wrong and ends; it does not believe the policy. Leave ofr_exit_config_good out of run.c or
 * serve_control.c and it does. */
Test(plugin, faulty_configurations)
{
    static const struct fault faults[] = {
        {"unsorted", "site[1] is 0 after 1"},
        {"too_many", "it has 5 ramps, expected at most 4"},
        {"beyond", "site[1] is 60000, expected a site below 4"},
        {"negative", "threshold[1] is -0.25, expected 0 or more"},
        {"not_a_number", "threshold[0] is nan, expected 0 or more"},
        {"criterion", "its criterion is 77"},
        {"knows_answers", "its criterion is "},
        {"free_ramps", "its ramps are free"},
    };
    bring_only("none", "bad.so");
    for (size_t i = 0; i < sizeof faults / sizeof *faults; ++i) {
        char line[256];
        snprintf(line, sizeof line, "sim s.yaml --log p.olog --set exits={policy:~./bad.so,~first:~%s}",
                 faults[i].plugin);
        tool_expect_refused(&(struct tool_limits){0}, line, 2, faults[i].words);
        tool_expect_refused(&(struct tool_limits){0}, line, 2,
                            "policy faulty (./bad.so) begins with an impossible configuration");
        snprintf(line, sizeof line, "sim s.yaml --log p.olog --set exits={policy:~./bad.so,~later:~%s}",
                 faults[i].plugin);
        tool_expect_refused(&(struct tool_limits){0}, line, 2, faults[i].words);
        tool_expect_refused(&(struct tool_limits){0}, line, 2,
                            "policy faulty (./bad.so) made an impossible decision: at ");
    }
    tool_expect_refused(&(struct tool_limits){0}, "sim s.yaml --set exits={policy:~./bad.so,~later:~cost}", 2,
                        "its cost is -5 ns");
}

Test(plugin, refusals_and_words)
{
    bring_only("none", "bad.so");
    tool_expect_refused(&(struct tool_limits){0}, "sim s.yaml --set exits={policy:~./bad.so,~first:~refuses}",
                        2, "policy faulty (./bad.so): not?today");
    tool_expect_refused(&(struct tool_limits){0}, "sim s.yaml --set exits={policy:~./bad.so,~first:~silent}",
                        2, "policy faulty (./bad.so): it gave no reason");
    struct tool_result result = tool_run("sim s.yaml --set exits={policy:~./bad.so,~note:~hello}");
    cr_expect_eq(result.status, 0);
    cr_expect_str_eq(result.err, "offramp: hello\n");
    tool_release(&result);
}
