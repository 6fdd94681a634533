/* How a device settles to a load, how long the loop takes to notice a batch with ramps, and how late a run starts: the
 * terms `clock`, `notice` and `start` of a profile made by hand. */
#include "sim/model/busy_share.h"
#include "sim/serve/executor.h"
#include "sim/serve/pass_model.h"
#include "tests/support/fixture.h"
#include "tests/support/profile_rows.h"

#include <criterion/criterion.h>
#include <math.h>

TestSuite(settling, .fini = files_remove);

/* Two sites, two batch sizes. A pass of one takes 100 us on a settled device and 120 us on a cold one, of eight 200 and
 * 220 us; the device settles with a time constant of 10 ms. A batch is noticed after 2 us, with both ramps after 8 us (of
 * one) or 12 us (of eight). A run starts after 5 ms. */
static const struct ofr_profile_row rows[] = {
    {1, 0, OFR_QUANTITY_UNTIL, 40000},        {1, 1, OFR_QUANTITY_UNTIL, 70000},
    {1, 2, OFR_QUANTITY_UNTIL, 90000},        {8, 0, OFR_QUANTITY_UNTIL, 80000},
    {8, 1, OFR_QUANTITY_UNTIL, 140000},       {8, 2, OFR_QUANTITY_UNTIL, 180000},
    {0, 0, OFR_QUANTITY_IDLE, 1000},          {1, 0, OFR_QUANTITY_PASS, 100000},
    {8, 0, OFR_QUANTITY_PASS, 200000},        {1, 0, OFR_QUANTITY_RAMP_PASS, 102000},
    {1, 1, OFR_QUANTITY_RAMP_PASS, 102000},   {8, 0, OFR_QUANTITY_RAMP_PASS, 203000},
    {8, 1, OFR_QUANTITY_RAMP_PASS, 203000},   {1, 0, OFR_QUANTITY_SEEN, 55000},
    {1, 1, OFR_QUANTITY_SEEN, 85000},         {1, 2, OFR_QUANTITY_SEEN, 100000},
    {8, 0, OFR_QUANTITY_SEEN, 100000},        {8, 1, OFR_QUANTITY_SEEN, 160000},
    {8, 2, OFR_QUANTITY_SEEN, 200000},        {0, 0, OFR_QUANTITY_NOTICE, 2000},
    {1, 0, OFR_QUANTITY_COLD, 120000},        {8, 0, OFR_QUANTITY_COLD, 220000},
    {1, 0, OFR_QUANTITY_SETTLED, 100000},     {8, 0, OFR_QUANTITY_SETTLED, 200000},
    {0, 0, OFR_QUANTITY_SETTLING, 10000000},  {1, 0, OFR_QUANTITY_NOTICE_RAMPS, 8000},
    {8, 0, OFR_QUANTITY_NOTICE_RAMPS, 12000}, {0, 0, OFR_QUANTITY_START, 5000000},
};

enum {
    ROWS = sizeof rows / sizeof *rows,
    SETTLE_NS = 10000000,
    START_NS = 5000000,
    LONG_NS = 100 * SETTLE_NS
};

/* The quantity has this value at this batch size in a test's own profile. */
struct change {
    enum ofr_quantity quantity;
    uint32_t batch;
    int64_t value_ns; /* -1 = its row is left out */
};

static int load(struct ofr_profile **profile, const struct change *change, size_t changes,
                struct ofr_error *err)
{
    struct ofr_profile_row own[ROWS];
    size_t count = 0;
    for (size_t i = 0; i < ROWS; ++i) {
        own[count] = rows[i];
        for (size_t j = 0; j < changes; ++j)
            if (change[j].quantity == rows[i].quantity && change[j].batch == rows[i].batch)
                own[count].value_ns = change[j].value_ns;
        count += own[count].value_ns >= 0;
    }
    return profile_rows_load(profile, own, count, err);
}

static struct ofr_profile *load_changed(const struct change *change, size_t changes)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_profile *profile;
    cr_assert_eq(load(&profile, change, changes, &err), 0, "%s", err.text);
    return profile;
}

/* ---- the busy share ---- */

Test(settling, what_the_rounds_differ_by_is_noise)
{
    static const double settled_ns[] = {100.0, 100.0, 100.0};
    static const double cold_ns[] = {103.0, 104.0, 105.0}, noisy_ns[] = {99.0, 105.0, 101.0};
    static const double faster_ns[] = {97.0, 96.0, 97.0};
    cr_expect_float_eq(ofr_busy_share_slower(cold_ns, settled_ns, 3), 0.04, 1e-12);
    cr_expect_float_eq(ofr_busy_share_slower(faster_ns, settled_ns, 3), -1.0 / 30.0, 1e-12);
    cr_expect_eq(ofr_busy_share_slower(noisy_ns, settled_ns, 3), 0.0);
    cr_expect_float_eq(ofr_busy_share_slower(cold_ns, settled_ns, 1), 0.03, 1e-12);
    cr_expect_eq(ofr_busy_share_slower(cold_ns, settled_ns, 0), 0.0);
    static const double six_settled_ns[] = {100.0, 100.0, 100.0, 100.0, 100.0, 100.0};
    static const double six_cold_ns[] = {100.4, 101.6, 100.7, 101.3, 100.8, 101.2};
    cr_expect_float_eq(ofr_busy_share_slower(six_cold_ns, six_settled_ns, 6), 0.01, 1e-12,
                       "more rounds tell more, however far apart their extremes");
    cr_expect_float_eq(ofr_busy_share_slower(six_cold_ns, six_settled_ns, 2), 0.0, 1e-12,
                       "two tell nothing of 1 %%");
}

Test(settling, a_busy_share_stays_a_share)
{
    cr_expect_eq(ofr_busy_share_idle(0.7, 0.0, 1e6), 0.7);
    cr_expect_eq(ofr_busy_share_idle(0.7, -5.0, 1e6), 0.7, "a batch that waited did not let the device idle");
    cr_expect_float_eq(ofr_busy_share_busy(0.7, 0.0, 1e6), 0.7, 1e-15);
    cr_expect_float_eq(ofr_busy_share_idle(1.0, 1e6 * M_LN2, 1e6), 0.5, 1e-12);
    cr_expect_float_eq(ofr_busy_share_busy(0.0, 1e6 * M_LN2, 1e6), 0.5, 1e-12);
    cr_expect_eq(ofr_busy_share_idle(1.0, 1e18, 1e6), 0.0);
    cr_expect_eq(ofr_busy_share_busy(0.0, 1e18, 1e6), 1.0);
    cr_expect_eq(ofr_busy_share_idle(0.0, 1e5, 1e6), 0.0);
    cr_expect_eq(ofr_busy_share_busy(1.0, 1e5, 1e6), 1.0);
    double share = 0.3, parts = ofr_busy_share_busy(ofr_busy_share_busy(share, 2e5, 1e6), 5e5, 1e6);
    cr_expect_float_eq(parts, ofr_busy_share_busy(share, 7e5, 1e6), 1e-12, "in two parts as at once");
    for (int i = 0; i < 100000; ++i) {
        share = i % 3 ? ofr_busy_share_busy(share, 1e3 * i, 1e6) : ofr_busy_share_idle(share, 3e3 * i, 1e6);
        cr_assert(share >= 0.0 && share <= 1.0, "%.17g", share);
    }
}

/* ---- passes, given to the executor ---- */

struct device {
    struct ofr_sim_executor *executor;
    int64_t now_ns;
};

static struct device open_device(const struct ofr_profile *profile, uint32_t without,
                                 const struct ofr_pace *pace)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_sim_executor_setup setup = {
        .profile = {profile}, .servers = 2, .max_batch = 8, .without = without, .pace = pace};
    struct device device = {0};
    cr_assert_eq(ofr_sim_executor_create(&device.executor, &setup, &err), 0, "%s", err.text);
    return device;
}

/* A batch that keeps the server busy from now on: how long. */
static int64_t pass_of(struct device *device, uint8_t stage, uint16_t server, uint32_t size)
{
    struct ofr_error err = OFR_ERROR_INIT;
    uint32_t sample[8] = {0};
    int64_t released_ns[8];
    uint16_t exit_ramp[8], answer[8], final_answer[8];
    struct ofr_batch batch = {.size = size,
                              .stage = stage,
                              .server = server,
                              .dispatched_ns = device->now_ns,
                              .sample = sample,
                              .released_ns = released_ns,
                              .exit_ramp = exit_ramp,
                              .answer = answer,
                              .final_answer = final_answer};
    cr_assert_eq(ofr_sim_executor_ops.submit(device->executor, &batch, device->now_ns, &err), 0);
    int64_t pass_ns = batch.ended_ns - device->now_ns;
    device->now_ns = batch.ended_ns;
    return pass_ns;
}

static int64_t pass_on(struct device *device, uint16_t server, uint32_t size)
{
    return pass_of(device, 0, server, size);
}

static int64_t pass(struct device *device)
{
    return pass_on(device, 0, 1);
}

/* Passes that follow each other for so long. */
static void work(struct device *device, int64_t for_ns)
{
    for (int64_t end_ns = device->now_ns + for_ns; device->now_ns < end_ns;)
        pass(device);
}

static void expect_near(int64_t found_ns, int64_t expected_ns, int64_t by_ns, const char *what)
{
    cr_expect(found_ns >= expected_ns - by_ns && found_ns <= expected_ns + by_ns,
              "%s: found %lld, expected %lld ns", what, (long long)found_ns, (long long)expected_ns);
}

/* A device that has rested for long. */
static void rest(struct device *device, uint16_t server)
{
    pass_on(device, server, 1);
    device->now_ns += LONG_NS;
}

/* Fails when the share does not begin at 1, as a replay warms up, or work and pauses do not move it at their own speed. */
Test(settling, a_device_settles_to_work_and_forgets_it)
{
    const int64_t half_ns = llrint(SETTLE_NS * M_LN2);
    struct ofr_profile *profile = load_changed(NULL, 0);
    struct device device = open_device(profile, 0, NULL);
    cr_expect_eq(pass(&device), 100000, "the first pass of a run finds a device that is warm");
    rest(&device, 0);
    const int64_t cold_ns = device.now_ns;
    cr_expect_eq(pass(&device), 120000, "cold");
    work(&device, half_ns - (device.now_ns - cold_ns));
    expect_near(pass(&device), 110000, 150, "half settled");
    work(&device, LONG_NS);
    cr_expect_eq(pass(&device), 100000, "settled");
    device.now_ns += half_ns;
    expect_near(pass(&device), 110000, 1, "half forgotten");
    work(&device, LONG_NS);
    device.now_ns += LONG_NS;
    cr_expect_eq(pass(&device), 120000, "cold again");
    ofr_sim_executor_destroy(device.executor);
    ofr_profile_free(profile);
}

/* Every server has its own device, and every batch size its own share on the same one. */
Test(settling, servers_settle_by_themselves_and_sizes_together)
{
    struct ofr_profile *profile = load_changed(NULL, 0);
    struct device device = open_device(profile, 0, NULL);
    rest(&device, 1);
    rest(&device, 0);
    cr_expect_eq(pass_on(&device, 0, 8), 220000);
    work(&device, LONG_NS);
    cr_expect_eq(pass_on(&device, 0, 8), 200000, "settled by batches of one");
    cr_expect_eq(pass_on(&device, 1, 8), 220000, "the other server has not worked since");
    ofr_sim_executor_destroy(device.executor);
    ofr_profile_free(profile);
}

/* A pass at another pace keeps the device busy for as long as it takes. */
Test(settling, a_pace_counts_as_work)
{
    struct ofr_profile *profile = load_changed(NULL, 0);
    const struct ofr_pace pace = {.count = 1, .size = {1}, .factor = {50.0}};
    struct device device = open_device(profile, 0, &pace);
    rest(&device, 0);
    int64_t first_ns = pass(&device);
    cr_expect_eq(first_ns, 50 * 120000);
    double share = ofr_busy_share_busy(0.0, (double)first_ns, SETTLE_NS);
    expect_near(pass(&device), llrint(50 * 100000 * (1.0 + 0.2 * (1.0 - share))), 50, "the second");
    ofr_sim_executor_destroy(device.executor);
    ofr_profile_free(profile);
}

/* Fails when a stage without a clock of its own neither settles the device nor lets it rest. */
Test(settling, a_stage_that_does_not_settle_keeps_the_device_busy)
{
    static const struct change none[] = {{OFR_QUANTITY_COLD, 1, -1}, {OFR_QUANTITY_COLD, 8, -1}};
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_profile *settles = load_changed(NULL, 0), *other = load_changed(none, 2);
    struct ofr_sim_executor_setup setup = {.profile = {other, settles}, .servers = 1, .max_batch = 8};
    struct device device = {0};
    cr_assert_eq(ofr_sim_executor_create(&device.executor, &setup, &err), 0, "%s", err.text);
    rest(&device, 0);
    cr_expect_eq(pass_of(&device, 1, 0, 1), 120000, "cold");
    device.now_ns += LONG_NS;
    for (int64_t busy_ns = 0; busy_ns < LONG_NS;)
        busy_ns += pass_of(&device, 0, 0, 1);
    cr_expect_eq(pass_of(&device, 1, 0, 1), 100000, "settled by the other stage's passes");
    ofr_sim_executor_destroy(device.executor);
    ofr_profile_free(settles);
    ofr_profile_free(other);
}

Test(settling, without_the_clock_a_device_is_always_settled)
{
    static const struct change none[] = {{OFR_QUANTITY_COLD, 1, -1}, {OFR_QUANTITY_COLD, 8, -1}};
    struct ofr_profile *profile = load_changed(NULL, 0), *unmeasured = load_changed(none, 2);
    struct device without = open_device(profile, 1u << OFR_TERM_CLOCK, NULL);
    struct device lacks = open_device(unmeasured, 0, NULL);
    cr_expect_null(unmeasured->path.slower);
    cr_expect_eq(pass(&without), 100000);
    cr_expect_eq(pass(&lacks), 100000);
    ofr_sim_executor_destroy(without.executor);
    ofr_sim_executor_destroy(lacks.executor);
    ofr_profile_free(profile);
    ofr_profile_free(unmeasured);
}

Test(settling, settling_measured_in_part_is_refused)
{
    static const struct {
        struct change change;
        const char *lacks;
    } one[] = {
        {{OFR_QUANTITY_SETTLED, 1, -1}, "has no settled for batch size 1, place 0"},
        {{OFR_QUANTITY_SETTLED, 8, -1}, "has no settled for batch size 8, place 0"},
        {{OFR_QUANTITY_SETTLED, 8, 0}, "has no settled for batch size 8, place 0"},
        {{OFR_QUANTITY_COLD, 8, -1}, "has no cold for batch size 8, place 0"},
        {{OFR_QUANTITY_SETTLING, 0, -1}, "has no settling for batch size 0, place 0"},
        {{OFR_QUANTITY_SETTLING, 0, 0}, "has no settling for batch size 0, place 0"},
        {{OFR_QUANTITY_NOTICE_RAMPS, 8, -1}, "has no notice_ramps for batch size 8, place 0"},
    };
    for (size_t i = 0; i < sizeof one / sizeof *one; ++i) {
        struct ofr_error err = OFR_ERROR_INIT;
        struct ofr_profile *profile = NULL;
        char expected[256];
        snprintf(expected, sizeof expected, "p.oprof: was measured along the whole path, but %s",
                 one[i].lacks);
        cr_expect_eq(load(&profile, &one[i].change, 1, &err), OFR_E_INPUT, "%s", one[i].lacks);
        cr_expect(strstr(err.text, expected) && !strchr(err.text, '\n'), "%s", err.text);
        ofr_profile_free(profile);
    }
}

Test(settling, what_no_device_does_is_refused)
{
    static const struct {
        struct change change;
        const char *found;
    } one[] = {
        {{OFR_QUANTITY_COLD, 1, INT64_MAX}, "cold, batch size 1: found 9223372036854775807 ns"},
        {{OFR_QUANTITY_COLD, 1, 1200000}, "passes 12 times as long on a cold device"},
        {{OFR_QUANTITY_SETTLED, 8, INT64_C(3600000000000)}, "times as long on a cold device"},
        {{OFR_QUANTITY_SETTLING, 0, INT64_C(3600000000001)},
         "settling, batch size 0: found 3600000000001 ns"},
        {{OFR_QUANTITY_NOTICE_RAMPS, 8, INT64_MAX},
         "notice_ramps, batch size 8: found 9223372036854775807 ns"},
        {{OFR_QUANTITY_START, 0, INT64_MAX}, "start, batch size 0: found 9223372036854775807 ns"},
    };
    for (size_t i = 0; i < sizeof one / sizeof *one; ++i) {
        struct ofr_error err = OFR_ERROR_INIT;
        struct ofr_profile *profile = NULL;
        cr_expect_eq(load(&profile, &one[i].change, 1, &err), OFR_E_INPUT, "%s", one[i].found);
        cr_expect(strstr(err.text, one[i].found) && !strchr(err.text, '\n'), "%s", err.text);
        ofr_profile_free(profile);
    }
}

/* ---- whole runs ---- */

enum {
    KEPT = 64
};

/* The first batches of a run, and what all of them have in common. */
struct seen {
    struct ofr_batch_row batch[KEPT];
    int64_t arrived_ns[KEPT][2]; /* of a batch's requests: the first, the last */
    uint32_t batches;
    int64_t least_ns; /* shortest latency */
};

static void note_batch(void *state, const struct ofr_batch_row *batch, const struct ofr_request_row *rows_of,
                       uint32_t count)
{
    struct seen *seen = state;
    for (uint32_t i = 0; i < count; ++i) {
        if (rows_of[i].outcome == OFR_OUTCOME_ONWARD)
            continue;
        int64_t latency_ns = rows_of[i].released_ns - rows_of[i].arrival_ns;
        seen->least_ns = latency_ns < seen->least_ns ? latency_ns : seen->least_ns;
        cr_expect(rows_of[i].released_ns >= batch->dispatched_ns &&
                  rows_of[i].released_ns <= batch->ended_ns);
    }
    if (seen->batches < KEPT) {
        seen->batch[seen->batches] = *batch;
        seen->arrived_ns[seen->batches][0] = rows_of[0].arrival_ns;
        seen->arrived_ns[seen->batches][1] = rows_of[count - 1].arrival_ns;
    }
    seen->batches++;
}

static void note_lost(void *state, const struct ofr_request_row *row)
{
    (void)state, (void)row;
}

static void note_decision(void *state, const struct ofr_decision_row *decision)
{
    (void)state, (void)decision;
}

/* What a run is made of; the rest is the same for all. */
struct asked {
    const char *model;    /* further keys of `model` */
    const char *arrivals; /* process and rate */
    uint32_t requests, max_batch;
    const char *exits;
    int64_t slo_ns; /* 0 = none */
};

static int simulate(const struct ofr_inputs *inputs, const struct asked *asked, struct seen *seen,
                    struct ofr_error *err)
{
    char text[512], slo[64] = "";
    if (asked->slo_ns)
        snprintf(slo, sizeof slo, "slo: %lldns\n", (long long)asked->slo_ns);
    snprintf(text, sizeof text,
             "requests: %u\n%smodel: {profile: m, recording: m, %s}\narrivals: {%s}\n"
             "batching: {policy: fifo, max_batch: %u}\nexits: {%s}\n",
             asked->requests, slo, asked->model, asked->arrivals, asked->max_batch, asked->exits);
    struct ofr_scenario *scenario = fixture_scenario(text);
    struct ofr_run run;
    *seen = (struct seen){.least_ns = INT64_MAX};
    struct ofr_run_options options = {
        .extra = {.state = seen, .batch = note_batch, .lost = note_lost, .decision = note_decision}};
    int rc = ofr_run_simulate(&run, scenario, inputs, &options, err);
    if (!rc)
        ofr_run_release(&run);
    ofr_scenario_free(scenario);
    return rc;
}

static void simulate_well(const struct ofr_inputs *inputs, const struct asked *asked, struct seen *seen)
{
    struct ofr_error err = OFR_ERROR_INIT;
    cr_assert_eq(simulate(inputs, asked, seen, &err), 0, "%s, %s: %s", asked->model, asked->exits, err.text);
}

static struct ofr_inputs make_inputs(const struct change *change, size_t changes)
{
    return (struct ofr_inputs){.profile = load_changed(change, changes),
                               .recording = fixture_recording(500, 2, 1)};
}

static void free_inputs(struct ofr_inputs *inputs)
{
    ofr_profile_free(inputs->profile);
    ofr_recording_free(inputs->recording);
}

/* Batches wait: the next is dispatched when the loop has noticed the end of the one before. */
Test(settling, the_loop_acts_later_by_the_ramps_of_the_batch)
{
    static const struct {
        const char *exits, *model;
        uint32_t max_batch;
        int64_t notice_ns;
    } one[] = {
        {"policy: vanilla", "without: []", 1, 2000},
        {"policy: static, ramps: [a], thresholds: 0", "without: []", 1, 5000},
        {"policy: static, ramps: [b], thresholds: 0", "without: []", 1, 5000},
        {"policy: static, thresholds: 0", "without: []", 1, 8000},
        {"policy: static, thresholds: 0", "without: []", 8, 12000},
        {"policy: static, ramps: [a], thresholds: 0", "without: []", 8, 7000},
        {"policy: static, thresholds: 0", "without: [notice]", 8, 0},
        {"policy: oracle", "without: []", 8, 2000}, /* whose ramps are free */
    };
    struct ofr_inputs inputs = make_inputs(NULL, 0);
    for (size_t i = 0; i < sizeof one / sizeof *one; ++i) {
        struct seen seen;
        const struct asked asked = {
            one[i].model, "process: fixed, rate: 1M/s", 400, one[i].max_batch, one[i].exits, 0};
        simulate_well(&inputs, &asked, &seen);
        cr_assert_geq(seen.batches, 50);
        for (uint32_t k = 1; k < 50; ++k)
            cr_expect_eq(seen.batch[k].dispatched_ns - seen.batch[k - 1].ended_ns, one[i].notice_ns,
                         "%s, batches of %u", one[i].exits, one[i].max_batch);
    }
    free_inputs(&inputs);
}

/* Ramps that are noticed sooner than none are noise: they cost nothing. */
Test(settling, ramps_never_make_the_loop_act_sooner)
{
    static const struct change sooner[] = {{OFR_QUANTITY_NOTICE_RAMPS, 1, 1500},
                                           {OFR_QUANTITY_NOTICE_RAMPS, 8, 12000}};
    struct ofr_profile *profile = load_changed(sooner, 2);
    cr_expect_eq(profile->path.notice_ramps_ns[0], 0);
    cr_expect_eq(profile->path.notice_ramps_ns[1], 10000);
    ofr_profile_free(profile);
}

Test(settling, arrivals_before_the_start_wait_for_it)
{
    struct ofr_inputs inputs = make_inputs(NULL, 0);
    struct seen seen;
    /* One arrival a millisecond from half a millisecond on. */
    struct asked asked = {
        "without: []", "process: fixed, rate: 1k/s, phase: 500us", 50, 8, "policy: vanilla", 0};
    simulate_well(&inputs, &asked, &seen);
    cr_expect_eq(seen.batch[0].dispatched_ns, START_NS);
    cr_expect_eq(seen.batch[0].size, 5);
    cr_expect_eq(seen.arrived_ns[0][0], 500000);
    cr_expect_eq(seen.arrived_ns[0][1], 4500000);
    cr_expect_eq(seen.arrived_ns[1][0], 5500000);
    cr_expect_eq(seen.batch[1].dispatched_ns, 5500000, "a start is over once");
    asked.model = "without: [start]";
    simulate_well(&inputs, &asked, &seen);
    cr_expect_eq(seen.batch[0].dispatched_ns, 500000);
    cr_expect_eq(seen.batch[0].size, 1);
    asked.model = "without: []", asked.arrivals = "process: fixed, rate: 1k/s, phase: 7ms";
    simulate_well(&inputs, &asked, &seen);
    cr_expect_eq(seen.batch[0].dispatched_ns, 7000000, "whoever comes later does not wait");
    free_inputs(&inputs);
}

/* Ends after 3 of the 5 ms that the start takes. */
Test(settling, a_run_shorter_than_its_start_ends_when_it_should)
{
    struct ofr_inputs inputs = make_inputs(NULL, 0);
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_scenario *scenario =
        fixture_scenario("duration: 3ms\nend: cut\nmodel: {profile: m, recording: m}\n"
                         "arrivals: {process: fixed, rate: 1k/s}\nbatching: {policy: fifo, max_batch: 8}\n"
                         "exits: {policy: vanilla}\n");
    const struct ofr_run_options options = {0};
    struct ofr_run run;
    cr_assert_eq(ofr_run_simulate(&run, scenario, &inputs, &options, &err), 0, "%s", err.text);
    cr_expect_eq(run.result.end_ns, 3000000);
    ofr_run_release(&run);
    ofr_scenario_free(scenario);
    free_inputs(&inputs);
}

Test(settling, a_profile_without_a_start_begins_at_once)
{
    static const struct change none[] = {{OFR_QUANTITY_START, 0, -1}};
    struct ofr_inputs inputs = make_inputs(none, 1);
    struct seen seen;
    const struct asked asked = {"noise: samples", "process: fixed, rate: 1k/s", 50, 8, "policy: vanilla", 0};
    simulate_well(&inputs, &asked, &seen);
    cr_expect_eq(seen.batch[0].dispatched_ns, 0);
    free_inputs(&inputs);
}

static int64_t start_of(const struct ofr_inputs *inputs, uint32_t noise_stream)
{
    char model[64];
    struct seen seen;
    snprintf(model, sizeof model, "noise: samples, noise_stream: %u", noise_stream);
    const struct asked asked = {model, "process: fixed, rate: 1M/s", 10, 1, "policy: vanilla", 0};
    simulate_well(inputs, &asked, &seen);
    return seen.batch[0].dispatched_ns;
}

/* Fails when all runs start alike, or one does not repeat, or their mean is not what was measured. */
Test(settling, with_noise_every_run_starts_by_its_own_stream)
{
    enum {
        STREAMS = 400
    };
    struct ofr_inputs inputs = make_inputs(NULL, 0);
    int64_t start_ns[STREAMS];
    double sum_ns = 0.0;
    for (uint32_t i = 0; i < STREAMS; ++i) {
        start_ns[i] = start_of(&inputs, i);
        sum_ns += (double)start_ns[i];
        cr_expect(i == 0 || start_ns[i] != start_ns[i - 1], "stream %u", i);
    }
    for (uint32_t i = 0; i < STREAMS; i += 40)
        cr_expect_eq(start_of(&inputs, i), start_ns[i], "stream %u", i);
    /* The mean of 400 exponentials lies within three of its standard errors of theirs. */
    cr_expect_float_eq(sum_ns / STREAMS, START_NS, 3.0 * START_NS / 20.0, "%g", sum_ns / STREAMS);
    free_inputs(&inputs);
}

/* Passes on a cold device may be the shorter ones: every answer still lies within its pass, and the shortest that a run
 * gives may be asked of it. */
Test(settling, a_device_that_is_faster_when_cold_keeps_its_order)
{
    static const struct change faster[] = {{OFR_QUANTITY_COLD, 1, 30000}, {OFR_QUANTITY_COLD, 8, 50000}};
    static const char *const exits[] = {"policy: vanilla", "policy: static, thresholds: 1", "policy: oracle",
                                        "policy: twolayer, mode: cascade"};
    static const char *const models[] = {"without: [start]", "without: [start, ramps]", "pace: [1=0.5]",
                                         "noise: samples", "noise: exponential"};
    struct ofr_inputs inputs = make_inputs(faster, 2);
    for (size_t i = 0; i < sizeof exits / sizeof *exits; ++i)
        for (size_t k = 0; k < sizeof models / sizeof *models; ++k) {
            struct seen free_run, bound;
            struct asked asked = {models[k], "process: poisson, rate: 2k/s", 2000, 8, exits[i], 0};
            simulate_well(&inputs, &asked, &free_run);
            asked.slo_ns = free_run.least_ns;
            simulate_well(&inputs, &asked, &bound);
        }
    free_inputs(&inputs);
}

/* Both sides of the bound on an SLO: the shortest pass is one on a cold device. */
Test(settling, an_slo_knows_that_a_cold_device_may_be_faster)
{
    static const struct change faster[] = {{OFR_QUANTITY_COLD, 1, 30000}, {OFR_QUANTITY_COLD, 8, 50000}};
    struct ofr_inputs inputs = {.profile = load_changed(faster, 2)};
    struct ofr_error err = OFR_ERROR_INIT;
    struct seen seen;
    struct asked asked = {"without: [start]", "process: fixed, rate: 1/s", 10, 8, "policy: vanilla", 30000};
    simulate_well(&inputs, &asked, &seen);
    cr_expect_eq(seen.least_ns, 30000);
    asked.slo_ns = 29999;
    cr_expect_eq(simulate(&inputs, &asked, &seen, &err), OFR_E_INPUT);
    cr_expect(strstr(err.text, "the shortest time in which"), "%s", err.text);
    free_inputs(&inputs);
}
