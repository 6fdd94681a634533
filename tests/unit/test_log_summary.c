/* I11: the summary recomputed from a run's log equals the printed one, to the byte. Drop a field of the log (store
 * `agrees` as 1, or round a time to microseconds) and it fails. */
#include "tests/support/fixture.h"

#include "analysis/summary_print.h"

#include <unistd.h>

static const char *const exits[] = {
    "vanilla",
    "{policy: static, thresholds: 0.2, ramps: [0, 2]}",
    "oracle",
    "{policy: apparate, ramp_budget: 20%}",
    "{policy: twolayer, mode: cascade, ramp: 1, threshold: 0.2}",
    "{policy: branchynet+, tune_share: 50%}",
    "{policy: patience, patience: 2}",
    "{policy: static-hindsight, ramp_budget: 5%}",
};

static const char *const batching[] = {
    "fifo",
    "{policy: tfserving, max_batch: 8, batch_timeout: 300us, max_enqueued_batches: 2}",
    "{policy: triton, max_batch: 16, max_queue_delay: 500us, default_timeout: 3ms}",
    "{policy: clockwork, buffer: 500us, schedule_ahead: 2ms}",
};

static char *json_of(const struct ofr_summary *summary)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    struct ofr_summary_title title = {.scenario = "s", .policy = "p", .seed = 1, .site_names = names};
    json_t *object = ofr_summary_json(summary, &title);
    char *text = json_dumps(object, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    json_decref(object);
    return text;
}

static void check(const char *text, const struct ofr_inputs *inputs, const char *path)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_scenario *scenario = fixture_scenario(text);
    struct ofr_run_options options = {.log_path = path};
    struct ofr_run run;
    struct ofr_summary again;
    cr_assert_eq(ofr_run_simulate(&run, scenario, inputs, &options, &err), 0, "%s", err.text);
    cr_assert_eq(ofr_run_summary_of_log(&again, path, &err), 0, "%s", err.text);
    char *live = json_of(&run.summary);
    char *logged = json_of(&again);
    cr_expect_str_eq(live, logged, "%s", text);
    free(live);
    free(logged);
    ofr_summary_release(&again);
    ofr_run_release(&run);
    ofr_scenario_free(scenario);
}

Test(log_summary, I11_equals_the_printed_one)
{
    static const uint32_t sizes[] = {1, 2, 4, 8, 16};
    struct ofr_inputs inputs = {.profile = fixture_profile(4, sizes, 5, 400000, 50000, 3000),
                                .recording = fixture_recording(5000, 4, 7)};
    char folder[] = "/tmp/offramp-log-XXXXXX";
    cr_assert_not_null(mkdtemp(folder));
    char path[64];
    snprintf(path, sizeof path, "%s/run.olog", folder);
    for (size_t e = 0; e < sizeof exits / sizeof *exits; ++e)
        for (size_t b = 0; b < sizeof batching / sizeof *batching; ++b) {
            char text[1024];
            snprintf(text, sizeof text,
                     "requests: 4000\nslo: 4ms\nservers: 2\nmodel: {profile: m, recording: m}\n"
                     "arrivals: {process: gamma, rate: 12k/s, cv: 2}\nbatching: %s\nexits: %s\n",
                     batching[b], exits[e]);
            check(text, &inputs, path);
        }
    unlink(path);
    rmdir(folder);
    ofr_inputs_release(&inputs);
}

/* A run cut short keeps the equality, unfinished requests included. */
Test(log_summary, I11_when_cut)
{
    static const uint32_t sizes[] = {1, 2, 4, 8, 16};
    struct ofr_inputs inputs = {.profile = fixture_profile(4, sizes, 5, 400000, 50000, 3000),
                                .recording = fixture_recording(5000, 4, 7)};
    char path[] = "/tmp/offramp-log-XXXXXX";
    int descriptor = mkstemp(path);
    cr_assert_geq(descriptor, 0);
    close(descriptor);
    check("duration: 100ms\nend: cut\nmodel: {profile: m, recording: m}\narrivals: {process: poisson, rate: "
          "40k/s}\n"
          "batching: {policy: fifo, max_batch: 8}\nexits: {policy: static, thresholds: 0.2}\n",
          &inputs, path);
    unlink(path);
    ofr_inputs_release(&inputs);
}
