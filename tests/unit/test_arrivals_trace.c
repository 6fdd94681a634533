/* Arrivals of a trace: windows, speeds, rates and repetitions to the nanosecond, on files made here. */
#include "sim/base/config.h"
#include "traces/trace.h"
#include "workloads/arrivals.h"
#include "workloads/time_scale.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64], path[96];

static void set_up(void)
{
    strcpy(folder, "/tmp/ofr_arrivals_XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/t.otrace", folder);
}

static int remove_entry(const char *name, const struct stat *st, int type, struct FTW *walk)
{
    (void)st, (void)type, (void)walk;
    return remove(name);
}

static void tear_down(void)
{
    nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(trace_arrivals, .init = set_up, .fini = tear_down);

static void write_trace(const int64_t *arrival_ns, uint32_t rows)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_trace_writer *writer;
    cr_assert_eq(ofr_trace_create(&writer, path, OFR_TRACE_STREAM | OFR_TRACE_PROMPT, NULL, &err), 0, "%s",
                 err.text);
    for (uint32_t i = 0; i < rows; i++) {
        struct ofr_trace_row row = {.arrival_ns = arrival_ns[i], .prompt_tokens = i, .stream = 1000 + i};
        cr_assert_eq(ofr_trace_append(writer, &row, &err), 0, "%s", err.text);
    }
    cr_assert_eq(ofr_trace_finish(writer, &err), 0, "%s", err.text);
}

/* `yaml` continues the map after the trace's path: ", speed: 2x" */
static int try_create(void **state, const char *yaml, struct ofr_error *err)
{
    static union {
        max_align_t align;
        unsigned char bytes[OFR_OPTIONS_MAX];
    } values;
    const struct ofr_arrival_ops *ops = ofr_arrival_find("trace");
    struct ofr_arrival_setup setup = {.seed = 1, .stream = 3};
    struct ofr_config *config = NULL;
    char text[512];
    snprintf(text, sizeof text, "{trace: %s%s}", path, yaml);
    int code = ofr_config_parse(&config, "test.yaml", text, strlen(text), err);
    if (!code)
        code = ofr_options_bind(ops->component.options, ops->component.option_count, &values,
                                ops->component.options_size, ofr_config_root(config), err);
    if (!code)
        code = ops->create(state, &setup, &values, err);
    ofr_config_free(config);
    return code;
}

static struct ofr_arrival_source create(const char *yaml)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_arrival_source source = {.ops = ofr_arrival_find("trace")};
    cr_assert_eq(try_create(&source.state, yaml, &err), 0, "%s: %s", yaml, err.text);
    return source;
}

static void destroy(struct ofr_arrival_source *source)
{
    source->ops->destroy(source->state);
}

static uint32_t drain(const struct ofr_arrival_source *source, struct ofr_arrival *out, uint32_t max,
                      uint32_t run, struct ofr_error *err)
{
    uint32_t done = 0;
    int got = 1;
    while (done < max && got > 0) {
        uint32_t left = max - done;
        got = source->ops->next(source->state, out + done, left < run ? left : run, err);
        done += got > 0 ? (uint32_t)got : 0;
    }
    return done;
}

/* The first `count` times with these options; when `ends`, there is nothing after them. */
static void assert_times(const char *yaml, const int64_t *expected_ns, uint32_t count, bool ends)
{
    struct ofr_arrival_source source = create(yaml);
    struct ofr_arrival *out = calloc(count + 1, sizeof *out);
    struct ofr_error err = OFR_ERROR_INIT;
    uint32_t got = drain(&source, out, ends ? count + 1 : count, 1000, &err);
    cr_assert_eq(got, count, "'%s': %u arrivals, expected %u %s", yaml, got, count, err.text);
    for (uint32_t i = 0; i < count; i++) {
        cr_assert_eq(out[i].time_ns, expected_ns[i], "'%s': arrival %u at %" PRId64 ", expected %" PRId64,
                     yaml, i, out[i].time_ns, expected_ns[i]);
        cr_assert_eq(out[i].stream, 3);
    }
    if (ends)
        cr_assert_eq(source.ops->next(source.state, out, 1, NULL), 0);
    free(out);
    destroy(&source);
}

static void assert_refused(const char *yaml, const char *expected)
{
    struct ofr_error err = OFR_ERROR_INIT;
    void *state = NULL;
    int code = try_create(&state, yaml, &err);
    cr_assert(code == OFR_E_INPUT || code == OFR_E_IO, "'%s' was taken", yaml);
    cr_assert(strstr(err.text, expected), "'%s': %s", yaml, err.text);
    cr_assert_null(strchr(err.text, '\n'));
    cr_assert_null(state);
}

#define COUNT(list) ((uint32_t)(sizeof(list) / sizeof *(list)))
#define WRITE(...)                                                                                           \
    do {                                                                                                     \
        const int64_t times_ns[] = {__VA_ARGS__};                                                            \
        write_trace(times_ns, COUNT(times_ns));                                                              \
    } while (0)
#define ASSERT_TIMES(yaml, ends, ...)                                                                        \
    do {                                                                                                     \
        const int64_t times_ns[] = {__VA_ARGS__};                                                            \
        assert_times(yaml, times_ns, COUNT(times_ns), ends);                                                 \
    } while (0)

Test(trace_arrivals, come_as_recorded)
{
    WRITE(0, 10, 10, 35, 1000000007);
    ASSERT_TIMES("", true, 0, 10, 10, 35, 1000000007);
    ASSERT_TIMES(", speed: 1x, rate: none, from: 0s, to: none, loop: false", true, 0, 10, 10, 35, 1000000007);
}

Test(trace_arrivals, speed_rounds_to_nearest)
{
    WRITE(0, 10, 11, 35, 1000000007);
    ASSERT_TIMES(", speed: 2x", true, 0, 5, 6, 18, 500000004);
    ASSERT_TIMES(", speed: 3x", true, 0, 3, 4, 12, 333333336);
    ASSERT_TIMES(", speed: 0.5x", true, 0, 20, 22, 70, 2000000014);
    ASSERT_TIMES(", speed: 0.001x", true, 0, 10000, 11000, 35000, 1000000007000);
    ASSERT_TIMES(", speed: 1e6x", true, 0, 0, 0, 0, 1000);
}

Test(trace_arrivals, window_holds_from_and_not_to)
{
    WRITE(0, 10, 20, 20, 30, 40);
    ASSERT_TIMES(", from: 10ns, to: 30ns", true, 0, 10, 10);
    ASSERT_TIMES(", from: 11ns, to: 31ns", true, 9, 9, 19);
    ASSERT_TIMES(", from: 9ns, to: 29ns", true, 1, 11, 11);
    ASSERT_TIMES(", from: 40ns", true, 0);
    ASSERT_TIMES(", to: 1ns", true, 0);
    ASSERT_TIMES(", from: 10ns, to: 30ns, speed: 0.5x", true, 0, 20, 20);
}

Test(trace_arrivals, rate_is_the_mean_rate_of_the_window)
{
    /* 5 arrivals in 4 gaps of 100 ns: with the closing gap a window of 500 ns, 1e7/s */
    WRITE(0, 50, 150, 250, 400);
    ASSERT_TIMES(", rate: 1e7/s", true, 0, 50, 150, 250, 400);
    ASSERT_TIMES(", rate: 2e7/s", true, 0, 25, 75, 125, 200);
    ASSERT_TIMES(", rate: 3e7/s", true, 0, 17, 50, 83, 133);
    /* 3 arrivals in 200 ns: 1.5e7/s */
    ASSERT_TIMES(", rate: 1.5e7/s, from: 50ns, to: 251ns", true, 0, 100, 199);
    ASSERT_TIMES(", rate: 1e7/s, from: 100ns, to: 300ns", true, 50, 150);
    ASSERT_TIMES(", rate: 1/s, from: 100ns, to: 300ns", true, 500000000, 1500000000);
}

Test(trace_arrivals, repetitions_last_exactly_the_window)
{
    WRITE(5, 10, 20);
    ASSERT_TIMES(", to: 21ns, loop: true", false, 5, 10, 20, 26, 31, 41, 47, 52, 62);
    ASSERT_TIMES(", from: 5ns, to: 20ns, loop: true", false, 0, 5, 15, 20, 30, 35);
    ASSERT_TIMES(", from: 5ns, to: 1us, loop: true", false, 0, 5, 15, 995, 1000, 1010);
    /* without `to`: last arrival plus a mean gap of round(15 / 2) = 8 */
    ASSERT_TIMES(", loop: true", false, 5, 10, 20, 33, 38, 48, 61);
    ASSERT_TIMES(", from: 5ns, loop: true", false, 0, 5, 15, 23, 28, 38, 46);
    ASSERT_TIMES(", from: 10ns, to: 11ns, loop: yes", false, 0, 1, 2, 3, 4);
}

Test(trace_arrivals, repetitions_do_not_drift_when_scaled)
{
    WRITE(0, 3, 5);
    enum {
        ARRIVALS = 300000
    };
    const int64_t in_window[] = {0, 3, 5};
    int64_t *expected_ns = calloc(ARRIVALS, sizeof *expected_ns);
    for (uint32_t i = 0; i < ARRIVALS; i++) /* round((10 k + a) / 7): 7 is odd, there are no halves */
        expected_ns[i] = (i / 3 * 10 + in_window[i % 3] + 3) / 7;
    assert_times(", to: 10ns, loop: true, speed: 7x", expected_ns, ARRIVALS, false);
    for (uint32_t i = 0; i < ARRIVALS; i++) /* 3 in 10 ns are 3e8/s; to 1/s: times 3e8 */
        expected_ns[i] = (i / 3 * (int64_t)10 + in_window[i % 3]) * 300000000;
    assert_times(", to: 10ns, loop: true, rate: 1/s", expected_ns, ARRIVALS, false);
    free(expected_ns);
}

/* A file of many chunks against its own list of times. */
enum {
    MANY = 300000
};

static int64_t *write_many(void)
{
    int64_t *arrival_ns = calloc(MANY, sizeof *arrival_ns);
    uint64_t draw = 1;
    for (uint32_t i = 1; i < MANY; i++) {
        draw = draw * 6364136223846793005u + 1442695040888963407u;
        arrival_ns[i] = arrival_ns[i - 1] + (int64_t)(draw >> 38);
    }
    write_trace(arrival_ns, MANY);
    return arrival_ns;
}

/* round(time / value), halves up */
static int64_t divide_exactly(int64_t time_ns, double value)
{
    int exponent;
    ofr_u128 mantissa = (ofr_u128)ldexp(frexp(value, &exponent), 53);
    return (int64_t)((((ofr_u128)(uint64_t)time_ns << (53 - exponent)) + mantissa / 2) / mantissa);
}

Test(trace_arrivals, long_files_are_exact_at_any_speed)
{
    int64_t *arrival_ns = write_many(), *expected_ns = calloc(2 * MANY, sizeof *expected_ns);
    const double speed[] = {1.0, 1.1, 0.37, 12.5, 1000.001};
    for (size_t s = 0; s < sizeof speed / sizeof *speed; s++) {
        char yaml[64];
        snprintf(yaml, sizeof yaml, ", speed: %.17gx", speed[s]);
        for (uint32_t i = 0; i < MANY; i++)
            expected_ns[i] = divide_exactly(arrival_ns[i], speed[s]);
        assert_times(yaml, expected_ns, MANY, true);
    }
    int64_t length_ns = arrival_ns[MANY - 1] + (arrival_ns[MANY - 1] + (MANY - 1) / 2) / (MANY - 1);
    for (uint32_t i = 0; i < 2 * MANY; i++)
        expected_ns[i] = arrival_ns[i % MANY] + i / MANY * length_ns;
    assert_times(", loop: true", expected_ns, 2 * MANY, false);
    free(expected_ns);
    free(arrival_ns);
}

Test(trace_arrivals, long_files_reach_the_rate_asked_for)
{
    free(write_many());
    struct ofr_arrival_source source = create(", rate: 1234.5/s, loop: true");
    struct ofr_arrival *out = calloc(MANY + 1, sizeof *out);
    cr_assert_eq(drain(&source, out, MANY + 1, 777, NULL), MANY + 1);
    /* the trace begins at 0, so its second repetition begins where the first window ends */
    cr_assert_eq(out[MANY].time_ns, llroundl(MANY * 1e9L / 1234.5L));
    free(out);
    destroy(&source);
}

Test(trace_arrivals, runs_of_any_length_give_the_same)
{
    free(write_many());
    struct ofr_arrival *first = calloc(MANY, sizeof *first), *again = calloc(MANY, sizeof *again);
    const uint32_t run[] = {MANY, 1, 7, 65536};
    for (size_t r = 0; r < sizeof run / sizeof *run; r++) {
        struct ofr_arrival_source source = create(", speed: 3.3x, from: 1s, to: 15s, loop: true");
        cr_assert_eq(drain(&source, r ? again : first, MANY, run[r], NULL), MANY);
        for (uint32_t i = 0; r && i < MANY; i++)
            cr_assert_eq(again[i].time_ns, first[i].time_ns);
        destroy(&source);
    }
    free(first), free(again);
}

Test(trace_arrivals, cut_file_gives_its_arrivals_and_then_the_error)
{
    int64_t *arrival_ns = write_many();
    struct ofr_arrival *out = calloc(MANY, sizeof *out);
    FILE *file = fopen(path, "r");
    fseek(file, 0, SEEK_END);
    cr_assert_eq(truncate(path, ftell(file) * 2 / 3), 0);
    fclose(file);
    struct ofr_arrival_source source = create("");
    struct ofr_error err = OFR_ERROR_INIT;
    uint32_t count = drain(&source, out, MANY, 1000, &err);
    cr_assert(count > MANY / 4 && count < MANY, "%u rows", count);
    cr_assert_eq(out[count - 1].time_ns, arrival_ns[count - 1]);
    cr_assert_eq(err.code, OFR_E_INPUT);
    cr_assert(strstr(err.text, path), "%s", err.text);
    cr_assert_eq(source.ops->next(source.state, out, 1, NULL), OFR_E_INPUT);
    destroy(&source);
    assert_refused(", rate: 100/s", path); /* its mean rate is not known */
    free(out), free(arrival_ns);
}

Test(trace_arrivals, windows_without_arrivals_are_refused)
{
    WRITE(10, 20, 1000000000);
    assert_refused(", from: 2s", "found no arrival from 2 s to the end");
    assert_refused(", from: 2s", "at 1 s");
    assert_refused(", from: 1us, to: 2us, loop: true", "found no arrival from 1e-06 s to 2e-06 s");
    assert_refused(", to: 10ns", "found no arrival from 0 s to 1e-08 s");
    assert_refused(", from: 1000000001ns, rate: 10/s", "found no arrival");
    write_trace(NULL, 0);
    assert_refused("", "found no arrival, expected at least one");
}

Test(trace_arrivals, contradictions_are_refused)
{
    WRITE(10, 20, 30);
    assert_refused(", speed: 2x, rate: 10/s", "found both `speed` 2x and `rate` 10/s");
    assert_refused(", from: 20ns, to: 20ns", "expected `from` before `to`");
    assert_refused(", from: 20ns, to: 10ns", "expected `from` before `to`");
    assert_refused(", to: 0s", "expected `from` before `to`");
    assert_refused(", rate: 1e-9/s", "rate");
    assert_refused(", rate: -1/s", "rate: found '-1/s'"); /* is not how `none` is written */
    assert_refused(", rate: 0/s", "found `rate` 0/s, expected none or");
    assert_refused(", speed: 0x", "speed");
    assert_refused(", speed: -1x", "speed");
    assert_refused(", from: none", "from");
    assert_refused(", from: 30ns, loop: true", "found all arrivals of the window at one time");
    assert_refused(", from: 30ns, rate: 1/s", "found all arrivals of the window at one time");
    strcat(path, ".missing");
    assert_refused("", ".missing");
}

Test(trace_arrivals, times_beyond_the_limit_are_an_error)
{
    WRITE(0, 1000000000000000000);
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_arrival out[16];
    struct ofr_arrival_source source = create(", speed: 0.001x");
    cr_assert_eq(drain(&source, out, 16, 16, &err), 1);
    cr_assert_eq(err.code, OFR_E_INPUT);
    cr_assert_eq(source.ops->next(source.state, out, 16, NULL), OFR_E_INPUT);
    destroy(&source);
    source = create(", to: 1e9s, loop: true");
    cr_assert_eq(drain(&source, out, 16, 16, NULL), 5); /* 4 repetitions of 1e18 ns fit below 2^62 */
    cr_assert_eq(out[4].time_ns, 4000000000000000000);
    destroy(&source);
    WRITE(INT64_MAX - 1, INT64_MAX);
    source = create("");
    cr_assert_eq(drain(&source, out, 16, 16, NULL), 0);
    destroy(&source);
    assert_refused(", loop: true", "2^62 ns");
}

Test(trace_arrivals, several_traces_merge)
{
    WRITE(0, 10, 20);
    struct ofr_arrival_source source[3] = {create(""), create(", loop: true"), create(", speed: 0.5x")},
                              merged;
    source[0].offset_ns = 5;
    cr_assert_eq(ofr_arrivals_merge(&merged, source, 3, NULL), 0);
    struct ofr_arrival out[12];
    const int64_t expected_ns[] = {0, 0, 5, 10, 15, 20, 20, 25, 30, 40, 40, 50};
    cr_assert_eq(drain(&merged, out, 12, 5, NULL), 12);
    for (int i = 0; i < 12; i++)
        cr_assert_eq(out[i].time_ns, expected_ns[i], "arrival %d at %" PRId64, i, out[i].time_ns);
    destroy(&merged);
}

/* ---- the scale itself ---- */

static void assert_scale(ofr_u128 numerator, ofr_u128 denominator, int power, uint64_t multiplier,
                         uint32_t shift)
{
    struct ofr_time_scale scale;
    cr_assert(ofr_time_scale_init(&scale, numerator, denominator, power));
    cr_assert(scale.multiplier == multiplier && scale.shift == shift, "%" PRIx64 " >> %u", scale.multiplier,
              scale.shift);
}

Test(time_scale, multiplier_is_correctly_rounded)
{
    const uint64_t top = (uint64_t)1 << 63;
    const ofr_u128 one = 1;
    struct ofr_time_scale scale;
    assert_scale(1, 1, 0, top, 63);
    assert_scale(5, 40, 3, top, 63);
    assert_scale(1, 3, 0, 0xaaaaaaaaaaaaaaab, 65);
    assert_scale(2, 3, 0, 0xaaaaaaaaaaaaaaab, 64);
    assert_scale(4, 3, 0, 0xaaaaaaaaaaaaaaab, 63);
    assert_scale((one << 65) - 1, one << 65, 0, top, 63); /* rounds up to a power of two */
    assert_scale((one << 64) - 1, one << 64, 0, UINT64_MAX, 64);
    assert_scale(one << 126, 1, -126, top, 63);
    assert_scale(1, one << 126, 126, top, 63);
    assert_scale(1, 1, 61, top, 2);
    assert_scale(1, 1, -64, top, 127);
    assert_scale(1, 1, -65, 0, 127);
    cr_assert_not(ofr_time_scale_init(&scale, 1, 1, 62));
}

Test(time_scale, results_are_nearest_and_monotone)
{
    struct ofr_time_scale scale;
    const int64_t limit_ns = (int64_t)1 << 62;
    const uint64_t ratio[][2] = {{1, 1}, {1, 3}, {7, 3}, {1000000007, 998244353}, {1, 1000000}};
    for (size_t r = 0; r < sizeof ratio / sizeof *ratio; r++) {
        cr_assert(ofr_time_scale_init(&scale, ratio[r][0], ratio[r][1], 0));
        int64_t last_ns = 0;
        for (int64_t x = 0; x < limit_ns / 4; x += x / 3 + 1) {
            ofr_u128 exact =
                ((ofr_u128)(uint64_t)x * 2 * ratio[r][0] + ratio[r][1]) / (2 * (ofr_u128)ratio[r][1]);
            int64_t got_ns = ofr_time_scale_apply(&scale, x);
            int64_t off_ns = got_ns - (int64_t)exact;
            /* halves may fall either way beyond what 64 bits can tell */
            cr_assert(x < (int64_t)1 << 53 ? off_ns == 0 || (off_ns == -1 && ratio[r][1] % 2 == 0)
                                           : off_ns >= -1 && off_ns <= 1);
            cr_assert_geq(got_ns, last_ns);
            last_ns = got_ns;
        }
    }
    cr_assert(ofr_time_scale_init(&scale, 1, 1, 0));
    cr_assert_eq(ofr_time_scale_apply(&scale, limit_ns), limit_ns);
    cr_assert(ofr_time_scale_init(&scale, 5, 4, 0));
    cr_assert_eq(ofr_time_scale_apply(&scale, limit_ns), INT64_MAX);
    cr_assert_eq(ofr_time_scale_apply(&scale, limit_ns / 5 * 4), limit_ns / 5 * 5);
}
