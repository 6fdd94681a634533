/* What a policy is shown before the run: the recording, if it says that it wants it, and nothing otherwise. */
#include "tests/support/fixture.h"

#include "analysis/summary_print.h"
#include "sim/policy/policies.h"
#include "traces/runlog_file.h"

#include <unistd.h>

static struct offramp_hindsight seen; /* what the probe was shown */
static bool shown;

static int probe_create(void **state, const struct offramp_policy_setup *setup, const void *options,
                        struct offramp_exit_config *first, char *why, size_t why_size)
{
    (void)options, (void)why, (void)why_size;
    *state = NULL;
    first->ramps = 0;
    shown = setup->hindsight != NULL;
    if (shown)
        seen = *setup->hindsight;
    return 0;
}

static void probe_destroy(void *state)
{
    (void)state;
}

static struct offramp_policy_ops probe = {
    .abi_version = OFFRAMP_POLICY_ABI_VERSION,
    .name = "probe",
    .help = "remembers what it was shown",
    .create = probe_create,
    .destroy = probe_destroy,
};

static const char text[] = "requests: 700\nmodel: {profile: m, recording: m}\n"
                           "arrivals: {process: poisson, rate: 100/s}\nbatching: fifo\n";

static struct ofr_inputs inputs_of(uint32_t samples)
{
    static const uint32_t sizes[] = {1, 2, 4};
    struct ofr_inputs inputs = {.profile = fixture_profile(3, sizes, 3, 400000, 50000, 3000),
                                .recording = samples ? fixture_recording(samples, 3, 5) : NULL};
    return inputs;
}

static int run_probe(uint32_t flags, const char *scenario_text, const struct ofr_inputs *inputs,
                     const char *log, struct ofr_error *err)
{
    struct ofr_scenario *scenario = fixture_scenario(scenario_text);
    struct ofr_run_options options = {.log_path = log};
    struct ofr_run run;
    probe.flags = flags;
    scenario->policy = &probe;
    int rc = ofr_run_simulate(&run, scenario, inputs, &options, err);
    if (!rc)
        ofr_run_release(&run);
    scenario->policy = ofr_policy_find("vanilla");
    ofr_scenario_free(scenario);
    return rc;
}

static uint32_t reach_of(const char *scenario_text, uint32_t samples)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_inputs inputs = inputs_of(samples);
    cr_assert_eq(run_probe(OFFRAMP_POLICY_HINDSIGHT, scenario_text, &inputs, NULL, &err), 0, "%s", err.text);
    ofr_inputs_release(&inputs);
    return seen.reach;
}

Test(hindsight, is_the_recording)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_inputs inputs = inputs_of(900);
    cr_assert_eq(run_probe(OFFRAMP_POLICY_HINDSIGHT, text, &inputs, NULL, &err), 0, "%s", err.text);
    cr_assert(shown);
    cr_expect_eq(seen.size, sizeof seen);
    cr_expect_eq(seen.samples, 900);
    cr_expect_eq(seen.sites, 3);
    cr_expect_eq(seen.classes, 10);
    cr_expect_eq(seen.top1, inputs.recording->top1);
    cr_expect_eq(seen.entropy, inputs.recording->entropy);
    cr_expect_eq(seen.answer, inputs.recording->answer);
    cr_expect_eq(seen.final_answer, inputs.recording->final_answer);
    ofr_inputs_release(&inputs);
}

Test(hindsight, reaches_as_far_as_the_run)
{
    static const char random[] = "requests: 700\nmodel: {profile: m, recording: m, samples: random}\n"
                                 "arrivals: {process: poisson, rate: 100/s}\nbatching: fifo\n";
    static const char streams[] =
        "requests: 700\nmodel: {profile: m, recording: m}\n"
        "arrivals: {streams: [{process: poisson, rate: 100/s, count: 2}]}\nbatching: fifo\n";
    static const char timed[] = "duration: 2s\nmodel: {profile: m, recording: m}\n"
                                "arrivals: {process: poisson, rate: 100/s}\nbatching: fifo\n";
    cr_expect_eq(reach_of(text, 900), 700);
    cr_expect_eq(reach_of(text, 700), 700);
    cr_expect_eq(reach_of(text, 500), 500, "the run begins the recording again");
    cr_expect_eq(reach_of(random, 900), 900);
    cr_expect_eq(reach_of(streams, 900), 900);
    cr_expect_eq(reach_of(timed, 900), 900);
}

Test(hindsight, only_for_those_who_declare_it)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_inputs inputs = inputs_of(900);
    cr_assert_eq(run_probe(0, text, &inputs, NULL, &err), 0, "%s", err.text);
    cr_expect(!shown);
    cr_assert_eq(run_probe(OFFRAMP_POLICY_ORACLE, text, &inputs, NULL, &err), 0, "%s", err.text);
    cr_expect(!shown);
    ofr_inputs_release(&inputs);
}

Test(hindsight, needs_a_recording)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_inputs inputs = inputs_of(0);
    cr_expect_eq(run_probe(OFFRAMP_POLICY_HINDSIGHT, text, &inputs, NULL, &err), OFR_E_INPUT);
    cr_expect_str_eq(err.text, "exits: policy probe is tuned with hindsight, which needs model.recording");
    ofr_inputs_release(&inputs);
}

/* The summary of a title's knowledge, and the log's note, from which a summary made of the log can say it too. */
Test(hindsight, is_said)
{
    static const uint32_t flags[] = {0, OFFRAMP_POLICY_HINDSIGHT, OFFRAMP_POLICY_ORACLE,
                                     OFFRAMP_POLICY_ORACLE | OFFRAMP_POLICY_HINDSIGHT};
    static const char *const said[] = {"none", "hindsight", "oracle", "oracle"};
    struct ofr_inputs inputs = inputs_of(900);
    char path[] = "/tmp/offramp-hindsight-XXXXXX";
    int file = mkstemp(path);
    cr_assert_geq(file, 0);
    close(file);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; ++i) {
        struct ofr_error err = OFR_ERROR_INIT;
        struct ofr_runlog_reader *log;
        cr_expect_str_eq(ofr_policy_knowledge(flags[i]), said[i]);
        cr_assert_eq(run_probe(flags[i], text, &inputs, path, &err), 0, "%s", err.text);
        cr_assert_eq(ofr_runlog_open(&log, path, &err), 0, "%s", err.text);
        cr_expect_str_eq(ofr_notes_get(ofr_runlog_provenance(log), OFR_NOTE_KNOWLEDGE), said[i]);
        ofr_runlog_close(log);
        struct ofr_summary summary;
        cr_assert_eq(ofr_run_summary_of_log(&summary, path, &err), 0, "%s", err.text);
        struct ofr_summary_title title = {.scenario = "s", .policy = "p", .knowledge = said[i]};
        json_t *object = ofr_summary_json(&summary, &title);
        cr_expect_str_eq(json_string_value(json_object_get(object, "knowledge")), said[i]);
        cr_expect_eq(json_is_true(json_object_get(object, "oracle")), strcmp(said[i], "oracle") == 0);
        json_decref(object);
        ofr_summary_release(&summary);
    }
    unlink(path);
    ofr_inputs_release(&inputs);
}
