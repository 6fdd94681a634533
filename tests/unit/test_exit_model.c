/* Exit models: what is asked for by numbers comes out, what is fitted is kept, bytes repeat. */
#include "tests/support/files.h"
#include "workloads/exit_model.h"

#include <criterion/criterion.h>
#include <gsl/gsl_statistics.h>
#include <math.h>

#define RECORDING OFR_TEST_SOURCE_DIR "/workloads/data/resnet18-vehicle-drift.orec"

TestSuite(exit_model, .fini = files_remove);

static struct ofr_exit_model parse(const char *yaml)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_exit_model model;
    char *path = files_path("m.yaml");
    files_write(path, yaml, strlen(yaml));
    cr_assert_eq(ofr_exit_model_load(&model, path, &err), 0, "%s", err.text);
    return model;
}

static struct ofr_exit_sampler start(const struct ofr_exit_model *model, uint64_t seed)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_exit_sampler sampler;
    cr_assert_eq(ofr_exit_sampler_init(&sampler, model, seed, &err), 0, "%s", err.text);
    return sampler;
}

#define HEAD "kind: offramp.exit-model\nversion: 1\nsites: [a, b, c]\n"

/* Standard errors of 200,000 independent samples are 0.0011 at most: 5 of them. */
Test(exit_model, exit_probabilities_and_agreement_are_as_given)
{
    struct ofr_exit_model model =
        parse(HEAD "threshold: 0.2\nclasses: 4\nregimes:\n"
                   "  - {exit: [0.1, 0.4, 0.8], agreement: [0.99, 0.98, 0.9], otherwise: 0.5}\n");
    struct ofr_exit_sampler sampler;
    enum {
        N = 200000
    };
    double exit[3] = {0}, right[3] = {0}, others_right = 0, both = 0;
    sampler = start(&model, 3);
    for (int i = 0; i < N; i++) {
        struct ofr_exit_sample sample;
        ofr_exit_sampler_next(&sampler, &sample);
        bool left[3];
        for (int k = 0; k < 3; k++) {
            left[k] = 1 - sample.top1[k] < 0.2F;
            cr_assert(sample.answer[k] < 4 && sample.top1[k] >= 0 && sample.top1[k] <= 1);
            exit[k] += left[k];
            right[k] += left[k] && sample.answer[k] == sample.final_answer;
        }
        others_right += !left[2] && sample.answer[2] == sample.final_answer;
        both += left[0] && left[2];
    }
    const double expected[3] = {0.1, 0.4, 0.8}, agreement[3] = {0.99, 0.98, 0.9};
    for (int k = 0; k < 3; k++) {
        cr_expect_float_eq(exit[k] / N, expected[k], 0.0056, "site %d: %g", k, exit[k] / N);
        cr_expect_float_eq(right[k] / exit[k], agreement[k], 0.006, "site %d: %g", k, right[k] / exit[k]);
    }
    cr_expect_float_eq(others_right / (N - exit[2]), 0.5, 0.015);
    /* a loading of 0.8 ties sites together: far more than 0.1 * 0.8 */
    cr_expect_gt(both / N, 0.095);
    ofr_exit_sampler_release(&sampler);
    ofr_exit_model_release(&model);
}

/* Scores of site a at a loading of 1 are a function of the difficulty alone: w phi^h of its normal score. */
static void expect_memory(const char *changes)
{
    char yaml[512];
    snprintf(yaml, sizeof yaml,
             HEAD
             "memory: 0.9\npersistence: 60%%\nloading: 1\nspread: 1\nthreshold: 0.5\nchanges: %s\nregimes:\n"
             "  - {exit: 0.5, agreement: 1, otherwise: 1}\n",
             changes);
    struct ofr_exit_model model = parse(yaml);
    struct ofr_exit_sampler sampler;
    enum {
        N = 200000
    };
    double *z = calloc(N, sizeof *z);
    sampler = start(&model, 1);
    for (int i = 0; i < N; i++) {
        struct ofr_exit_sample sample;
        ofr_exit_sampler_next(&sampler, &sample);
        z[i] = log((double)(1 - sample.top1[0]) / (double)sample.top1[0]);
    }
    cr_expect_float_eq(gsl_stats_mean(z, 1, N), 0, 0.04);
    cr_expect_float_eq(gsl_stats_sd(z, 1, N), 1, 0.02);
    for (int lag = 1; lag <= 16; lag *= 2)
        cr_expect_float_eq(gsl_stats_correlation(z, 1, z + lag, 1, N - (size_t)lag), 0.6 * pow(0.9, lag),
                           0.02, "%s: lag %d", changes, lag);
    free(z);
    ofr_exit_sampler_release(&sampler);
    ofr_exit_model_release(&model);
}

Test(exit_model, difficulty_has_its_memory)
{
    expect_memory("gradual");
    expect_memory("sudden");
}

#define THREE                                                                                                \
    "regimes:\n  - {exit: 0, agreement: 1, otherwise: 1}\n  - {exit: 1, agreement: 1, otherwise: 1}\n"       \
    "  - {exit: 1, agreement: 0, otherwise: 0}\nschedule: [0, 3, 1, 2, 0, 5, 2, 1]\n"

Test(exit_model, schedule_is_kept_or_drawn_from)
{
    static const uint8_t expected[11] = {0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 2};
    struct ofr_exit_model model = parse(HEAD THREE);
    struct ofr_exit_sampler sampler;
    struct ofr_exit_sample sample;
    sampler = start(&model, 1);
    for (int i = 0; i < 44; i++) {
        ofr_exit_sampler_next(&sampler, &sample);
        cr_assert_eq(sample.regime, expected[i % 11], "sample %d", i);
        cr_assert_eq(1 - sample.top1[1]<0.1F, sample.regime> 0);
        cr_assert_eq(sample.answer[2] == sample.final_answer, sample.regime < 2);
    }
    ofr_exit_sampler_release(&sampler);
    ofr_exit_model_release(&model);
    /* Drawn: 1 and 2 follow 0 alike often, 0 follows both; 0 lasts 3 or 5. Shares 8, 2, 1 of 11. */
    model = parse(HEAD "order: random\n" THREE);
    sampler = start(&model, 1);
    double share[3] = {0};
    bool differs = false;
    for (int i = 0; i < 110000; i++) {
        ofr_exit_sampler_next(&sampler, &sample);
        share[sample.regime] += 1 / 110000.0;
        differs = differs || sample.regime != expected[i % 11];
    }
    cr_expect(differs);
    cr_expect_float_eq(share[0], 8 / 11.0, 0.01);
    cr_expect_float_eq(share[2], 1 / 11.0, 0.01);
    ofr_exit_sampler_release(&sampler);
    ofr_exit_model_release(&model);
}

static struct ofr_recording *load(const char *path)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_recording *recording;
    cr_assert_eq(ofr_recording_load(&recording, path, &err), 0, "%s", err.text);
    return recording;
}

#define RUNS                                                                                                 \
    "regimes:\n  - rows: [\"0 0 0 0 0 0 0 0\", \"0 1 0 0 0 0 0 0\", \"0 2 0 0 0 0 0 0\", \"0 3 0 0 0 0 0 "   \
    "0\"]\n"                                                                                                 \
    "    runs: [\"0-1 0\", \"2\", \"3 3-3\"]\n  - rows: [\"0 9 0 0 0 0 0 0\"]\n    runs: "                   \
    "[\"0\"]\nschedule: [0, 4, 1, 1]\n"

/* Labels are numbers of rows. Every run is played whole and once before any comes again, over the ends of stretches;
 * orders differ from deal to deal. Without the deck, or with runs that begin anew in each stretch, it fails. */
Test(exit_model, runs_are_dealt_whole)
{
    struct ofr_exit_model model = parse(HEAD RUNS);
    struct ofr_exit_sampler sampler = start(&model, 1);
    uint32_t orders = 0;
    for (int deal = 0, at = 0; deal < 200; deal++) {
        uint32_t runs = 0;
        for (int played = 0; played < 6;) {
            uint16_t label[3];
            int length = 1;
            for (int i = 0; i < length; i++, at++) {
                struct ofr_exit_sample sample;
                ofr_exit_sampler_next(&sampler, &sample);
                cr_assert_eq(sample.label == 9, at % 5 == 4, "sample %d", at);
                if (sample.label == 9) { /* the other regime's turn */
                    i--;
                    continue;
                }
                label[i] = sample.label;
                length = label[0] == 0 ? 3 : label[0] == 2 ? 1 : 2;
            }
            cr_assert(length == 3 ? label[1] == 1 && label[2] == 0 : length == 1 || label[1] == 3);
            played += length;
            runs = runs * 4 + (uint32_t)length;
        }
        cr_assert_geq(runs, 16, "all three runs in deal %d", deal);
        cr_assert_leq(runs, 63);
        orders |= 1U << ((runs >> 4) * 4 + (runs >> 2 & 3));
    }
    cr_expect_eq(__builtin_popcount(orders), 6, "orders %x", orders);
    ofr_exit_sampler_release(&sampler);
    ofr_exit_model_release(&model);
}

static void expect_kept(const struct ofr_exit_report *report, double most)
{
    for (uint32_t k = 0; k < report->sites; k++) {
        cr_expect_lt(report->marginal_gap[k], 0.75 * most, "site %u: %g", k, report->marginal_gap[k]);
        cr_expect_lt(report->agreement_gap[k], 0.5 * most, "site %u: %g", k, report->agreement_gap[k]);
        cr_expect_lt(report->given_score_gap[k], most, "site %u: %g", k, report->given_score_gap[k]);
    }
    cr_expect_lt(report->joint_gap, most, "%g", report->joint_gap);
    cr_expect_lt(report->any_gap, most, "%g", report->any_gap);
    for (int i = 0; i < 3; i++)
        cr_expect_float_eq(report->autocorrelation[0][i], report->autocorrelation[1][i], 0.04,
                           "lag %u: %g, %g", report->lag[i], report->autocorrelation[0][i],
                           report->autocorrelation[1][i]);
}

/* Difficulty with one regime instead of 24 loses the drift, and fails. As many samples as the recording has are its own,
 * each once: every gap is 0. With a quarter of the rows, each has to stand for four: with rows drawn at random instead of
 * split by their keys it fails. */
Test(exit_model, fit_keeps_what_matters)
{
    static const struct {
        struct ofr_exit_fit how;
        double most;
    } fit[] = {{{.form = OFR_EXIT_RUNS}, 1e-9},
               {{.form = OFR_EXIT_RUNS, .rows = 3000}, 0.02},
               {{.form = OFR_EXIT_DIFFICULTY}, 0.02}};
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_recording *recording = load(RECORDING);
    for (size_t i = 0; i < sizeof fit / sizeof *fit; i++) {
        struct ofr_exit_model model;
        struct ofr_exit_report report;
        cr_assert_eq(ofr_exit_model_fit(&model, recording, &fit[i].how, &err), 0, "%s", err.text);
        cr_assert_eq(ofr_exit_model_report(&report, &model, recording, 1, &err), 0, "%s", err.text);
        expect_kept(&report, fit[i].most);
        for (uint32_t k = 0; k < report.sites && fit[i].how.form == OFR_EXIT_RUNS;
             k++) /* some runs are cut */
            cr_expect_float_eq(report.burst[0][k], report.burst[1][k], 0.1 * report.burst[0][k],
                               "site %u: %g, %g", k, report.burst[0][k], report.burst[1][k]);
        ofr_exit_model_release(&model);
    }
    ofr_recording_free(recording);
}

/* Two inputs in a row exit wrongly, then 98 rightly; a model that errs as often, but alone, is told apart. */
Test(exit_model, report_tells_bursts)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_exit_model model = parse(HEAD "regimes:\n  - rows: [\"0 0 1 0.9 0 0.9 0 0.9\", \"0 0 0 0.5 0 "
                                             "0.5 0 0.5\"]\n    runs: [\"0 0 1 1 1 1 1 1\"]\n");
    struct ofr_exit_report report;
    cr_assert_eq(ofr_exit_model_generate(&model, 1, 8000, files_path("m.orec"), NULL, &err), 0);
    struct ofr_recording *recording = load(files_path("m.orec"));
    for (uint32_t i = 0; i < recording->samples;
         i++) /* 1 % only, so that the score stands below all of them */
        if (i % 200 > 1 && recording->answer[3 * i])
            recording->answer[3 * i] = 0, recording->top1[3 * i] = 0.5F;
    cr_assert_eq(ofr_exit_model_report(&report, &model, recording, 1, &err), 0);
    cr_expect_float_eq(report.burst[0][0], 2, 1e-9, "%g", report.burst[0][0]);
    cr_expect_float_eq(report.burst[1][0], 2, 1e-9, "%g", report.burst[1][0]);
    cr_expect_eq(report.burst[0][1], 0);
    for (uint32_t i = 1; i < recording->samples; i += 2)
        recording->answer[3 * i] = 0;
    cr_assert_eq(ofr_exit_model_report(&report, &model, recording, 1, &err), 0);
    cr_expect_float_eq(report.burst[0][0], 1, 1e-9, "%g", report.burst[0][0]);
    cr_expect_float_eq(report.burst[1][0], 2, 1e-9, "%g", report.burst[1][0]);
    ofr_recording_free(recording);
    ofr_exit_model_release(&model);
}

/* A run of a fit is consecutive samples of the recording, to the bit, also when it has been through a file. */
Test(exit_model, runs_are_the_recordings_own)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_recording *recording = load(RECORDING);
    struct ofr_exit_fit how = {.form = OFR_EXIT_RUNS};
    struct ofr_exit_model model;
    cr_assert_eq(ofr_exit_model_fit(&model, recording, &how, &err), 0, "%s", err.text);
    cr_assert_eq(ofr_exit_model_save(&model, files_path("m.yaml"), &err), 0, "%s", err.text);
    ofr_exit_model_release(&model);
    cr_assert_eq(ofr_exit_model_load(&model, files_path("m.yaml"), &err), 0, "%s", err.text);
    cr_assert_eq(ofr_exit_model_generate(&model, 5, recording->samples, files_path("m.orec"), NULL, &err), 0);
    struct ofr_recording *made = load(files_path("m.orec"));
    size_t width = recording->sites * sizeof *recording->top1;
    uint32_t joins = 0, at = UINT32_MAX;
    for (uint32_t i = 0; i < made->samples; i++) {
        const float *row = made->top1 + (size_t)i * made->sites;
        if (++at < recording->samples && memcmp(recording->top1 + (size_t)at * made->sites, row, width) == 0)
            continue;
        joins++;
        for (at = 0; at < recording->samples; at++)
            if (memcmp(recording->top1 + (size_t)at * made->sites, row, width) == 0)
                break;
        cr_assert_lt(at, recording->samples, "sample %u is none of the recording's", i);
    }
    cr_expect_gt(joins, 2, "the runs are in another order");
    cr_expect_lt(joins, 40, "%u joins: runs are 250 samples or more", joins);
    ofr_exit_model_release(&model);
    ofr_recording_free(recording);
    ofr_recording_free(made);
}

/* Of 261,999 samples every second block is kept, and the last has 1,999: with it a single regime would have more steps than
 * a file may. */
Test(exit_model, the_model_of_a_long_recording_can_be_read)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_exit_fit how = {.form = OFR_EXIT_RUNS, .regimes = 1, .rows = 16};
    struct ofr_exit_model model =
        parse(HEAD "classes: 4\nregimes:\n  - {exit: 0.4, agreement: 0.99, otherwise: 0.5}\n");
    cr_assert_eq(ofr_exit_model_generate(&model, 1, 261999, files_path("long.orec"), NULL, &err), 0);
    ofr_exit_model_release(&model);
    struct ofr_recording *recording = load(files_path("long.orec"));
    cr_assert_eq(ofr_exit_model_fit(&model, recording, &how, &err), 0, "%s", err.text);
    cr_assert_eq(ofr_exit_model_save(&model, files_path("long.yaml"), &err), 0, "%s", err.text);
    ofr_exit_model_release(&model);
    cr_assert_eq(ofr_exit_model_load(&model, files_path("long.yaml"), &err), 0, "%s", err.text);
    cr_expect_eq(model.regime[0].runs, 130);
    ofr_exit_model_release(&model);
    ofr_recording_free(recording);
}

static void assert_same_file(const char *a, const char *b, bool same)
{
    size_t size_a, size_b;
    unsigned char *x = files_read(files_path(a), &size_a), *y = files_read(files_path(b), &size_b);
    cr_assert_eq(size_a == size_b && memcmp(x, y, size_a) == 0, same, "%s and %s", a, b);
    free(x), free(y);
}

/* A model that was saved and read again makes the same recording, and a fit repeats to the byte. */
static void expect_repeats(const struct ofr_exit_fit *how)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_recording *recording = load(RECORDING);
    struct ofr_exit_model model[2], again;
    static const char *const yaml[] = {"a.yaml", "b.yaml"};
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(ofr_exit_model_fit(&model[i], recording, how, &err), 0, "%s", err.text);
        cr_assert_eq(ofr_exit_model_save(&model[i], files_path(yaml[i]), &err), 0, "%s", err.text);
        ofr_exit_model_release(&model[i]);
    }
    assert_same_file("a.yaml", "b.yaml", true);
    cr_assert_eq(ofr_exit_model_load(&again, files_path("a.yaml"), &err), 0, "%s", err.text);
    cr_assert_eq(ofr_exit_model_save(&again, files_path("c.yaml"), &err), 0, "%s", err.text);
    assert_same_file("a.yaml", "c.yaml", true);
    cr_assert_eq(ofr_exit_model_generate(&again, 1, 5000, files_path("a.orec"), NULL, &err), 0, "%s",
                 err.text);
    cr_assert_eq(ofr_exit_model_generate(&again, 1, 5000, files_path("b.orec"), NULL, &err), 0);
    cr_assert_eq(ofr_exit_model_generate(&again, 2, 5000, files_path("c.orec"), NULL, &err), 0);
    assert_same_file("a.orec", "b.orec", true);
    assert_same_file("a.orec", "c.orec", false);
    struct ofr_recording *made = load(files_path("a.orec"));
    cr_assert_eq(made->samples, 5000);
    cr_assert_eq(made->sites, recording->sites);
    cr_assert_eq(made->classes, recording->classes);
    cr_assert_str_eq(made->site_name[3], recording->site_name[3]);
    cr_assert(made->label && made->entropy);
    ofr_exit_model_release(&again);
    ofr_recording_free(recording);
    ofr_recording_free(made);
}

Test(exit_model, files_repeat)
{
    expect_repeats(&(struct ofr_exit_fit){.form = OFR_EXIT_RUNS});
    expect_repeats(&(struct ofr_exit_fit){.form = OFR_EXIT_RUNS, .regimes = 2, .rows = 500});
    expect_repeats(&(struct ofr_exit_fit){.form = OFR_EXIT_DIFFICULTY, .regimes = 5, .rows = 500});
}

Test(exit_model, bad_files_are_refused)
{
    static const char *const bad[][2] = {
        {"kind: else\n", "kind: offramp.exit-model"},
        {"kind: offramp.exit-model\nversion: 2\n", "version: 1"},
        {"[1]\n", "kind"},
        {"kind: offramp.exit-model\nversion: 1\n", "sites"},
        {HEAD, "regimes"},
        {HEAD "regimes: []\n", "regimes"},
        {HEAD "regimes:\n  - {exit: [0.1, 0.2], agreement: 1, otherwise: 1}\n", "exit: found 2 values"},
        {HEAD "regimes:\n  - {exit: 1.5, agreement: 1, otherwise: 1}\n", "exit: found '1.5'"},
        {HEAD "regimes:\n  - {exit: 1, agreement: 1}\n", "otherwise"},
        {HEAD "regimes:\n  - {exit: 1, agreement: 1, otherwise: 1, exist: 2}\n", "exist"},
        {HEAD "memory: 1\nregimes:\n  - {exit: 1, agreement: 1, otherwise: 1}\n", "memory"},
        {HEAD "regimes:\n  - rows: []\n", "at least one"},
        {HEAD "regimes:\n  - rows: [\"0 0 1 0.5 1 0.5\"]\n", "a row must be"},
        {HEAD "regimes:\n  - rows: [\"0 0 1 0.5 1 0.5 1 1.5\"]\n", "a row must be"},
        {HEAD "regimes:\n  - rows: [\"0 0 1 0.5 1 0.5 1 0.5 9\"]\n", "a row must be"},
        {HEAD "regimes:\n  - rows: [\"0 0 1 nan 1 0.5 1 0.5\"]\n", "a row must be"},
        {HEAD "regimes:\n  - rows: [[1]]\n", "a row must be"},
        {HEAD "regimes:\n  - rows: [\"0 0 1 0.5 1 0.5 1 0.5\"]\n    runs: []\n", "runs must be a list"},
        {HEAD "regimes:\n  - rows: [\"0 0 1 0.5 1 0.5 1 0.5\"]\n    runs: [\"0 1\"]\n",
         "a run must be rows, 0 to 0"},
        {HEAD "regimes:\n  - rows: [\"0 0 1 0.5 1 0.5 1 0.5\"]\n    runs: [\"0-\"]\n", "a run must be"},
        {HEAD "regimes:\n  - rows: [\"0 0 1 0.5 1 0.5 1 0.5\"]\n    runs: [\"\"]\n", "a run must be"},
        {HEAD "regimes:\n  - rows: [\"0 0 1 0.5 1 0.5 1 0.5\"]\n    runs: [[0]]\n", "a run must be"},
        {HEAD "regimes:\n  - {exit: 1, agreement: 1, otherwise: 1, runs: [\"0\"]}\n",
         "unknown key 'runs', expected one of: exit agreement otherwise"},
        {HEAD "regimes:\n  - rows: [\"0 0 1 0.5 1 0.5 1 0.5\"]\n    exit: 1\n",
         "unknown key 'exit', expected one of: rows runs"},
        {HEAD "regimes:\n  - rows: [\"0 0 1 0.5 1 0.5 1 0.5\"]\n    runs: [\"0-1e9\"]\n", "a run must be"},
        {HEAD "regimes:\n  - rows: [\"0 0 1 0.5 1 0.5 1 0.5\"]\n    runs: [\"-1\"]\n", "a run must be"},
        {HEAD "schedule: [0, 5, 1, 5]\nregimes:\n  - {exit: 1, agreement: 1, otherwise: 1}\n", "a regime"},
        {HEAD "schedule: [0, 0]\nregimes:\n  - {exit: 1, agreement: 1, otherwise: 1}\n", "samples"},
        {HEAD "schedule: [0]\nregimes:\n  - {exit: 1, agreement: 1, otherwise: 1}\n", "schedule must be"},
        {HEAD "classes: 1\nregimes:\n  - {exit: 1, agreement: 1, otherwise: 1}\n", "2 or more"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ofr_error err = OFR_ERROR_INIT;
        struct ofr_exit_model model;
        char *path = files_path("bad.yaml");
        files_write(path, bad[i][0], strlen(bad[i][0]));
        cr_expect_eq(ofr_exit_model_load(&model, path, &err), OFR_E_INPUT, "%s", bad[i][0]);
        cr_expect_not_null(strstr(err.text, bad[i][1]), "%s: %s", bad[i][0], err.text);
    }
}
