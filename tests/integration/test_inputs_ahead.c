/* Inputs that travel ahead of their batch: whose place is whose. A device watches over its places while the executor, the
 * loop and four batchers use them; I9 holds on such runs; and the simulated executor fills its places alike. */
#include "tests/support/tool.h"

#include "replay/replay.h"
#include "replay/verify.h"

extern const struct ofr_device_ops ofr_device_null;

TestSuite(inputs_ahead, .init = tool_setup, .fini = tool_teardown, .timeout = 120);

enum {
    MAX_BATCH = 8,
    PLACES = OFR_PLACES_PER_ROW * MAX_BATCH
};

/* What the device knows of its places. */
static struct {
    uint32_t held[PLACES + 1]; /* sample + 1; 0 = nothing yet */
    uint32_t place[MAX_BATCH], rows, lane, ticket;
    uint32_t prepared, used;
    uint32_t outside, overwritten, exchanged; /* faults */
} watch;

static bool is_running(void *state)
{
    struct ofr_lane_view view;
    if (!watch.ticket)
        return false;
    ofr_device_null.lane(state, watch.lane, &view);
    return atomic_load_explicit(view.ended, memory_order_acquire) != watch.ticket;
}

static int prepare(void *state, uint32_t sample, uint32_t place, struct ofr_error *err)
{
    (void)err;
    watch.prepared++;
    if (place == OFR_PLACE_NONE || place > PLACES) {
        watch.outside++;
        return 0;
    }
    bool running = is_running(state);
    for (uint32_t row = 0; row < watch.rows && running; ++row)
        watch.overwritten += watch.place[row] == place;
    watch.held[place] = sample + 1;
    return 0;
}

static int submit(void *state, const struct ofr_pass *pass, struct ofr_error *err)
{
    for (uint32_t row = 0; row < pass->rows; ++row) {
        uint32_t place = pass->place ? pass->place[row] : OFR_PLACE_NONE;
        watch.place[row] = place;
        watch.used += place != OFR_PLACE_NONE;
        watch.exchanged += place != OFR_PLACE_NONE && watch.held[place] != pass->sample[row] + 1;
    }
    watch.rows = pass->rows;
    watch.lane = pass->lane;
    watch.ticket = pass->ticket;
    return ofr_device_null.submit(state, pass, err);
}

/* As a profile says it whose device can: every pass that has all its inputs is 20 us shorter. */
static void set_ahead(struct ofr_profile *profile)
{
    profile->path.ahead_ns = calloc(profile->batches, sizeof *profile->path.ahead_ns);
    cr_assert(profile->path.ahead_ns);
    for (uint32_t b = 0; b < profile->batches; ++b)
        profile->path.ahead_ns[b] = 20000;
}

static struct ofr_replay_counts replay(const char *const *set, uint32_t sets, bool ahead, const char *log)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_device_ops guarded = ofr_device_null;
    struct ofr_replay_options how = {.ops = &guarded,
                                     .paced = true,
                                     .lateness_ns = INT64_C(3600000000000),
                                     .warm_up = {.passes = 2, .most_ns = 1000000000}};
    struct ofr_run_options options = {.log_path = log};
    struct ofr_replay_report report;
    struct ofr_scenario *scenario = NULL;
    struct ofr_inputs inputs;
    struct ofr_run run;
    guarded.prepare = prepare;
    guarded.submit = submit;
    memset(&watch, 0, sizeof watch);
    cr_assert_eq(ofr_scenario_load(&scenario, files_path("s.yaml"), set, sets, &err), 0, "%s", err.text);
    cr_assert_eq(ofr_inputs_load(&inputs, scenario, &err), 0, "%s", err.text);
    if (ahead)
        set_ahead(inputs.profile);
    cr_assert_eq(ofr_replay_run(&run, &report, scenario, &inputs, &options, &how, &err), 0, "%s", err.text);
    struct ofr_replay_counts counts = report.counts;
    ofr_run_release(&run);
    ofr_replay_report_release(&report);
    ofr_inputs_release(&inputs);
    ofr_scenario_free(scenario);
    return counts;
}

static const struct {
    const char *batching;
    bool drops; /* requests may be lost while they wait */
} batchers[] = {
    {"batching=fifo", false},
    {"batching={policy: tfserving, max_batch: 8, batch_timeout: 2ms, max_enqueued_batches: 40}", true},
    {"batching={policy: triton, max_batch: 8, preferred_batch_size: [4, 8], max_queue_delay: 1ms, "
     "default_timeout: 900us}",
     true},
    {"batching={policy: clockwork, max_batch: 8, schedule_ahead: 3ms}", true},
};

/* Give a place back before the pass that reads it has ended (ofr_places_submit), or twice, or let the loop forget which
 * request it is whose (serve__take_inputs), and it fails. */
Test(inputs_ahead, no_place_is_anothers_while_it_is_used)
{
    char path[128];
    snprintf(path, sizeof path, "%s", files_path("ahead.olog"));
    for (size_t i = 0; i < sizeof batchers / sizeof *batchers; ++i) {
        const char *const set[] = {batchers[i].batching, "exits={policy: static, thresholds: 0.4}",
                                   "requests=600", "arrivals.rate=6k/s", "slo=20ms"};
        struct ofr_replay_counts counts = replay(set, 5, true, path);
        const char *name = batchers[i].batching;
        cr_expect_eq(watch.outside, 0, "%s: %u of a place that is none", name, watch.outside);
        cr_expect_eq(watch.overwritten, 0, "%s: %u of a running pass overwritten", name, watch.overwritten);
        cr_expect_eq(watch.exchanged, 0, "%s: %u rows found another's input", name, watch.exchanged);
        cr_expect_gt(watch.used, 0, "%s: nothing travelled ahead", name);
        cr_expect_eq(counts.ahead, watch.used, "%s", name);
        cr_expect_geq(watch.prepared, watch.used, "%s", name);
        cr_expect(batchers[i].drops || watch.prepared == watch.used, "%s: %u travelled for nobody", name,
                  watch.prepared - watch.used);
        struct ofr_error err = OFR_ERROR_INIT;
        struct ofr_verify_report report;
        cr_assert_eq(ofr_verify_log(&report, path, NULL, 0, &err), 0, "%s", err.text);
        cr_expect_not(report.differs, "%s: %s", name, report.where);
    }
}

/* A queue that never empties: every batch but the first finds all its inputs there. */
Test(inputs_ahead, the_whole_next_batch_travels)
{
    const char *const set[] = {"batching={policy: fifo, max_batch: 8}", "exits=vanilla", "requests=400",
                               "arrivals.rate=1000k/s"};
    struct ofr_replay_counts counts = replay(set, 4, true, NULL);
    cr_expect_eq(counts.rows, 400);
    cr_expect_leq(counts.rows - counts.ahead, 2 * MAX_BATCH, "%u of 400 travelled with their batch",
                  (unsigned)(counts.rows - counts.ahead));
}

/* What was measured without does not do it. */
Test(inputs_ahead, a_profile_that_knows_nothing_of_it_has_none)
{
    const char *const set[] = {"batching=fifo", "exits=vanilla", "requests=200", "arrivals.rate=6k/s"};
    struct ofr_replay_counts counts = replay(set, 4, false, NULL);
    cr_expect_eq(watch.prepared, 0);
    cr_expect_eq(counts.ahead, 0);
    cr_expect_eq(counts.rows, 200);
}

/* With several servers nobody knows where a request will run. */
Test(inputs_ahead, several_servers_have_none)
{
    const char *const set[] = {"batching=fifo", "exits=vanilla", "requests=200", "arrivals.rate=20k/s",
                               "servers=2"};
    replay(set, 5, true, NULL);
    cr_expect_eq(watch.prepared, 0);
}
