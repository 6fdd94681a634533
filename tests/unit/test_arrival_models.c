/* Arrival processes with memory, and those that read tables: mean, variation and autocorrelation against closed
 * forms.
 *
 * Over 20 seeds each statistic must have its expected value inside the 99.9 % interval of Student's t. So that
 * such a test cannot pass for want of sharpness, it also says a wrong value, the one a likely slip would give
 * (rate times 1 + n instead of divided by 1 - n, states weighted alike, ...), which must lie outside. */
#include "tests/support/arrivals.h"
#include "tests/support/files.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sf_gamma.h>
#include <gsl/gsl_statistics.h>
#include <math.h>

enum {
    SEEDS = 20
};

/* One figure of every seed. */
struct figures {
    const char *what;
    double value[SEEDS];
};

static double t_of(const struct figures *figures, double expected)
{
    double mean = gsl_stats_mean(figures->value, 1, SEEDS);
    double error = gsl_stats_sd(figures->value, 1, SEEDS) / sqrt(SEEDS);
    return fabs(mean - expected) / error;
}

static void expect(const struct figures *figures, double expected, double wrong)
{
    double limit = gsl_cdf_tdist_Pinv(0.9995, SEEDS - 1), mean = gsl_stats_mean(figures->value, 1, SEEDS);
    cr_expect_lt(t_of(figures, expected), limit, "%s: %g, expected %g, t = %g", figures->what, mean, expected,
                 t_of(figures, expected));
    cr_expect_gt(t_of(figures, wrong), limit, "%s: %g cannot be told from %g", figures->what, mean, wrong);
}

/* ---- gaps and counts ---- */

struct gap_figures {
    struct figures mean, cv, lag1;
};

static struct gap_figures gap_figures(const char *process, const char *yaml, uint32_t count)
{
    struct gap_figures figures = {{.what = "mean gap"}, {.what = "cv of gaps"}, {.what = "lag-1 of gaps"}};
    double *gap = calloc(count, sizeof *gap);
    for (int seed = 0; seed < SEEDS; seed++) {
        struct ofr_arrival *arrival = generate(process, yaml, (uint64_t)seed + 1, count);
        for (uint32_t n = 0; n < count; n++)
            gap[n] = 1e-9 * (double)(arrival[n].time_ns - (n ? arrival[n - 1].time_ns : 0));
        free(arrival);
        figures.mean.value[seed] = gsl_stats_mean(gap, 1, count);
        figures.cv.value[seed] = gsl_stats_sd(gap, 1, count) / figures.mean.value[seed];
        figures.lag1.value[seed] = gsl_stats_lag1_autocorrelation(gap, 1, count);
    }
    free(gap);
    return figures;
}

/* Arrivals in each of `windows` windows from time 0. */
static double *counts_of(const char *process, const char *yaml, uint64_t seed, double window_s,
                         uint32_t windows)
{
    struct ofr_arrival_source source = create(process, yaml, seed, 0);
    struct ofr_arrival run[256];
    struct ofr_error err = OFR_ERROR_INIT;
    double *count = calloc(windows, sizeof *count);
    bool more = true;
    while (more) {
        int got = source.ops->next(source.state, run, 256, &err);
        cr_assert_geq(got, 0, "%s", err.text);
        more = got > 0;
        for (int n = 0; n < got && more; n++) {
            double at = 1e-9 * (double)run[n].time_ns / window_s;
            more = at < windows;
            if (more)
                count[(uint32_t)at] += 1;
        }
    }
    destroy(&source);
    return count;
}

struct count_figures {
    struct figures mean, dispersion, lag1;
};

static struct count_figures count_figures(const char *process, const char *yaml, double window_s,
                                          uint32_t windows)
{
    struct count_figures figures = {
        {.what = "mean rate"}, {.what = "dispersion of counts"}, {.what = "lag-1 of counts"}};
    for (int seed = 0; seed < SEEDS; seed++) {
        double *count = counts_of(process, yaml, (uint64_t)seed + 1, window_s, windows);
        double mean = gsl_stats_mean(count, 1, windows);
        figures.mean.value[seed] = mean / window_s;
        figures.dispersion.value[seed] = gsl_stats_variance(count, 1, windows) / mean;
        figures.lag1.value[seed] = gsl_stats_lag1_autocorrelation(count, 1, windows);
        free(count);
    }
    return figures;
}

/* The start counts, too: arrivals in the first window alone, over many seeds. */
static void expect_stationary_start(const char *process, const char *yaml, double window_s, double rate)
{
    struct figures first = {.what = "arrivals in the first window"};
    for (int seed = 0; seed < 60 * SEEDS; seed++) {
        double *count = counts_of(process, yaml, (uint64_t)seed + 1000, window_s, 1);
        first.value[seed % SEEDS] += count[0] / 60;
        free(count);
    }
    expect(&first, rate * window_s, 2 * rate * window_s);
}

/* ---- Weibull ---- */

Test(arrival_models, weibull_has_its_mean_and_variation)
{
    static const struct {
        const char *yaml;
        double cv, other;
    } cases[] = {{"{rate: 900/s, cv: 0.3}", 0.3, 0.31},
                 {"{rate: 900/s, cv: 1}", 1.0, 1.03},
                 {"{rate: 900/s, cv: 1.5}", 1.5, 1.55}};
    for (int i = 0; i < 3; i++) {
        struct gap_figures figures = gap_figures("weibull", cases[i].yaml, 40000);
        expect(&figures.mean, 1.0 / 900, 1.02 / 900);
        expect(&figures.cv, cases[i].cv, cases[i].other);
        expect(&figures.lag1, 0, 0.01);
    }
}

/* cv = sqrt(5) has shape 1/2 exactly, because Gamma(5) / Gamma(3)^2 = 6; then P(gap > mean) = exp(-sqrt(2)).
 * Gamma gaps of the same variation have another share. */
Test(arrival_models, weibull_solves_its_shape)
{
    struct figures longer = {.what = "share of gaps above the mean"};
    for (int seed = 0; seed < SEEDS; seed++) {
        struct ofr_arrival *arrival =
            generate("weibull", "{rate: 1k/s, cv: 2.2360679774997896}", (uint64_t)seed + 1, 20000);
        for (int n = 1; n < 20000; n++)
            longer.value[seed] += (arrival[n].time_ns - arrival[n - 1].time_ns > 1000000) / 19999.0;
        free(arrival);
    }
    expect(&longer, exp(-M_SQRT2), gsl_cdf_gamma_Q(1, 0.2, 5));
}

/* ---- MMPP ---- */

/* Two states as a Markovian arrival process (Fischer and Meier-Hellstern 1993): with D0 = Q - L the gaps have
 * E[X^n] = n! f M^n 1 and E[X0 X1] = f M P M 1, where M = (-D0)^-1, P = M L and f = p L / (p L 1). */
struct two_states {
    double rate[2], leave[2]; /* 1/s */
};

static void expected_gaps(const struct two_states *two, double *mean, double *cv, double *lag1)
{
    const double *l = two->rate, *s = two->leave;
    double a = s[0] + l[0], d = s[1] + l[1], det = a * d - s[0] * s[1];
    double m[2][2] = {{d / det, s[0] / det}, {s[1] / det, a / det}};
    double p[2] = {s[1] / (s[0] + s[1]), s[0] / (s[0] + s[1])};
    double rate = p[0] * l[0] + p[1] * l[1], f[2] = {p[0] * l[0] / rate, p[1] * l[1] / rate};
    double m1[2], m2[2], pm1[2], mpm1[2];
    for (int i = 0; i < 2; i++)
        m1[i] = m[i][0] + m[i][1];
    for (int i = 0; i < 2; i++) {
        m2[i] = m[i][0] * m1[0] + m[i][1] * m1[1];
        pm1[i] = m[i][0] * l[0] * m1[0] + m[i][1] * l[1] * m1[1];
    }
    for (int i = 0; i < 2; i++)
        mpm1[i] = m[i][0] * pm1[0] + m[i][1] * pm1[1];
    *mean = f[0] * m1[0] + f[1] * m1[1];
    double variance = 2 * (f[0] * m2[0] + f[1] * m2[1]) - *mean * *mean;
    *cv = sqrt(variance) / *mean;
    *lag1 = (f[0] * mpm1[0] + f[1] * mpm1[1] - *mean * *mean) / variance;
}

static double expected_dispersion(const struct two_states *two, double window_s)
{
    const double *l = two->rate, *s = two->leave;
    double sum = s[0] + s[1], p[2] = {s[1] / sum, s[0] / sum};
    double limit = 2 * p[0] * p[1] * (l[0] - l[1]) * (l[0] - l[1]) / ((p[0] * l[0] + p[1] * l[1]) * sum);
    return 1 + limit * (1 - (1 - exp(-sum * window_s)) / (sum * window_s));
}

Test(arrival_models, mmpp_gaps_and_counts_match_the_closed_forms)
{
    const char *yaml = "{rates: [100/s, 1k/s], sojourns: [900ms, 100ms]}";
    const struct two_states two = {{100, 1000}, {1 / 0.9, 1 / 0.1}};
    double mean, cv, lag1;
    expected_gaps(&two, &mean, &cv, &lag1);
    cr_assert_float_eq(mean, 1 / 190.0, 1e-12);
    struct gap_figures gaps = gap_figures("mmpp", yaml, 40000);
    expect(&gaps.mean, mean, 1 / 550.0); /* states weighted alike */
    expect(&gaps.cv, cv, 1);
    expect(&gaps.lag1, lag1, 0);
    struct count_figures counts = count_figures("mmpp", yaml, 0.2, 2000);
    expect(&counts.mean, 190, 550);
    expect(&counts.dispersion, expected_dispersion(&two, 0.2), expected_dispersion(&two, 100));
    expect_stationary_start("mmpp", yaml, 0.05, 190);
}

/* Sojourns 1 s, 2 s and 0.5 s of rates 10, 0 and 300 a second: (10 + 0 + 150) / 3.5 in either order. */
Test(arrival_models, mmpp_visits_its_states_evenly_in_both_orders)
{
    static const char *const yaml[] = {
        "{rates: [10/s, 0/s, 300/s], sojourns: [1s, 2s, 500ms]}",
        "{rates: [10/s, 0/s, 300/s], sojourns: [1s, 2s, 500ms], order: random}"};
    struct count_figures figures[2];
    for (int i = 0; i < 2; i++) {
        figures[i] = count_figures("mmpp", yaml[i], 1, 2000);
        expect(&figures[i].mean, 160 / 3.5, 310 / 3.0);
    }
    /* The order matters for what follows what: a random one is less regular. */
    cr_assert_lt(gsl_stats_mean(figures[0].dispersion.value, 1, SEEDS),
                 0.97 * gsl_stats_mean(figures[1].dispersion.value, 1, SEEDS));
}

/* ---- on/off ---- */

/* The interrupted Poisson process: gaps are independent, cv^2 = 1 + 2 r a / (a + b)^2. */
Test(arrival_models, onoff_matches_the_interrupted_poisson_process)
{
    const char *yaml = "{rate: 200/s, on: 100ms, off: 300ms}";
    const struct two_states two = {{800, 0}, {1 / 0.1, 1 / 0.3}};
    double a = 1 / 0.1, b = 1 / 0.3, cv = sqrt(1 + 2 * 800 * a / ((a + b) * (a + b)));
    struct gap_figures gaps = gap_figures("onoff", yaml, 40000);
    expect(&gaps.mean, 1 / 200.0, 1 / 800.0);
    expect(&gaps.cv, cv, 0.9 * cv);
    expect(&gaps.lag1, 0, 0.05);
    struct count_figures counts = count_figures("onoff", yaml, 0.2, 4000);
    expect(&counts.mean, 200, 210);
    expect(&counts.dispersion, expected_dispersion(&two, 0.2), 1);
    expect_stationary_start("onoff", yaml, 0.03, 200);
}

/* Fixed periods: every window as long as a cycle holds exactly one `on`, so that its count is Poisson; in
 * quarters of a cycle one or two of four hold it all. */
Test(arrival_models, onoff_keeps_fixed_periods)
{
    const char *yaml = "{rate: 200/s, on: 250ms, off: 750ms, durations: fixed}";
    struct count_figures cycle = count_figures("onoff", yaml, 1, 1000),
                         quarter = count_figures("onoff", yaml, 0.25, 4000);
    expect(&cycle.mean, 200, 800);
    expect(&cycle.dispersion, 1, 1.1);
    for (int seed = 0; seed < SEEDS; seed++)
        cr_expect_gt(quarter.dispersion.value[seed], 10);
    expect_stationary_start("onoff", yaml, 0.2, 200);
}

/* Pareto with a tail of 1.5 and mean 1 s: nothing below 1/3 s, and P(d > 2/3 s) = 2^-1.5. With 20,000
 * arrivals/s while on, a gap above 10 ms is the silence between two bursts. */
Test(arrival_models, onoff_periods_can_be_pareto)
{
    struct figures longer = {.what = "share of silences above twice the least"};
    for (int seed = 0; seed < SEEDS; seed++) {
        struct ofr_arrival *arrival = generate("onoff", "{rate: 10k/s, on: 1s, off: 1s, durations: pareto}",
                                               (uint64_t)seed + 1, 2000000);
        int silences = 0, above = 0;
        for (int n = 1; n < 2000000; n++) {
            int64_t gap_ns = arrival[n].time_ns - arrival[n - 1].time_ns;
            if (gap_ns < 10000000)
                continue;
            cr_assert_gt(gap_ns, 333000000);
            silences++;
            above += gap_ns > 667000000;
        }
        longer.value[seed] = (double)above / silences;
        free(arrival);
    }
    expect(&longer, pow(2, -1.5), exp(-2.0 / 3));
}

/* The first silence is what is left of one under way: P(longer than t) = (x / t)^(tail - 1) / tail for t > x, 5 in 6
 * of the time. Were it a whole period, its exponent would be the tail itself. */
Test(arrival_models, onoff_starts_in_the_middle_of_a_period)
{
    struct figures late = {.what = "share of first arrivals after 2 s"};
    for (int seed = 0; seed < 60 * SEEDS; seed++) {
        struct ofr_arrival *arrival = generate("onoff", "{rate: 1k/s, on: 200ms, off: 1s, durations: pareto}",
                                               (uint64_t)seed + 1000, 1);
        late.value[seed % SEEDS] += arrival->time_ns > 2000000000 ? 1 / 60.0 : 0;
        free(arrival);
    }
    expect(&late, 5 / 6.0 * sqrt(1 / 6.0) / 1.5, 5 / 6.0 * pow(1 / 6.0, 1.5));
    expect_stationary_start("onoff", "{rate: 100/s, on: 200ms, off: 1s, durations: pareto}", 1, 100);
}

/* ---- diurnal ---- */

/* Sum over the bins of (count - expected)^2 / expected over all seeds is chi-square. */
static double diurnal_chi_square(const char *yaml, const double *expected, uint32_t bins, uint32_t periods)
{
    double sum = 0;
    for (int seed = 0; seed < SEEDS; seed++) {
        double *count = counts_of("diurnal", yaml, (uint64_t)seed + 1, 1, bins * periods);
        for (uint32_t i = 0; i < bins * periods; i++)
            sum += (count[i] - expected[i % bins]) * (count[i] - expected[i % bins]) / expected[i % bins];
        free(count);
    }
    return gsl_cdf_chisq_P(sum, SEEDS * bins * periods);
}

/* A day of 24 s; the integral of 500 (1 + 0.8 sin(2 pi (t / 24 + phase))) over second i. */
static void sine_day(double *expected, double phase)
{
    for (int i = 0; i < 24; i++) {
        double from = 2 * M_PI * (i / 24.0 + phase), to = 2 * M_PI * ((i + 1) / 24.0 + phase);
        expected[i] = 500 * (1 + 0.8 * (cos(from) - cos(to)) * 24 / (2 * M_PI));
    }
}

Test(arrival_models, diurnal_counts_follow_the_sine)
{
    const char *yaml = "{rate: 500/s, amplitude: 80%, period: 24s, phase: 10%}";
    double expected[24];
    sine_day(expected, 0.1);
    double p = diurnal_chi_square(yaml, expected, 24, 10);
    cr_expect(p > 0.0005 && p < 0.9995, "P = %g", p);
    sine_day(expected, 0.11); /* four minutes of 24 hours late */
    cr_expect_gt(diurnal_chi_square(yaml, expected, 24, 10), 0.9995);
    /* Half a day apart the sine is its own negative: correlation -V / (V + mean), V its variance over the
     * bins. */
    struct figures lag12 = {.what = "correlation over half a day"};
    sine_day(expected, 0.1);
    double variance = gsl_stats_variance_m(expected, 1, 24, 500) * 23 / 24;
    for (int seed = 0; seed < SEEDS; seed++) {
        double *count = counts_of("diurnal", yaml, (uint64_t)seed + 1, 1, 240);
        lag12.value[seed] = gsl_stats_correlation(count, 1, count + 12, 1, 228);
        free(count);
    }
    expect(&lag12, -variance / (variance + 500), -1);
}

Test(arrival_models, diurnal_counts_follow_a_list)
{
    const double expected[4] = {100, 1, 900, 40};
    const double shifted[4] = {1, 900, 40, 100};
    double p = diurnal_chi_square("{rates: [100/s, 1/s, 900/s, 40/s], period: 4s}", expected, 4, 20);
    cr_expect(p > 0.0005 && p < 0.9995, "P = %g", p);
    p = diurnal_chi_square("{rates: [100/s, 1/s, 900/s, 40/s], period: 4s, phase: 25%}", shifted, 4, 20);
    cr_expect(p > 0.0005 && p < 0.9995, "P = %g", p);
    cr_expect_gt(diurnal_chi_square("{rates: [100/s, 1/s, 900/s, 40/s], period: 4s}", shifted, 4, 20),
                 0.9995);
    double *count = counts_of("diurnal", "{rates: [100/s, 0/s], period: 2s}", 1, 1, 200);
    for (int i = 1; i < 200; i += 2)
        cr_expect_eq(count[i], 0);
    free(count);
}

/* ---- Hawkes ---- */

/* The covariance density beyond 0 is R0 exp(-g t), with 2 R0 / g = rate (1 / (1 - n)^2 - 1). */
Test(arrival_models, hawkes_matches_the_closed_forms)
{
    const double rate = 200, n = 0.6, decay_s = 0.05, window_s = 0.1;
    double g = (1 - n) / decay_s, far = 1 / ((1 - n) * (1 - n)), x = g * window_s;
    double dispersion = far + (1 - far) * (1 - exp(-x)) / x;
    double covariance = rate * (far - 1) / (2 * g) * (1 - exp(-x)) * (1 - exp(-x));
    struct count_figures figures =
        count_figures("hawkes", "{rate: 200/s, branching: 60%, decay: 50ms}", window_s, 4000);
    expect(&figures.mean, rate, rate * (1 + n) * (1 - n)); /* mu (1 + n) instead of mu / (1 - n) */
    expect(&figures.dispersion, dispersion, far);
    expect(&figures.lag1, covariance / (dispersion * rate * window_s), 0);
    expect_stationary_start("hawkes", "{rate: 200/s, branching: 60%, decay: 50ms}", 0.02, rate);
}

Test(arrival_models, hawkes_without_children_is_poisson)
{
    struct gap_figures figures = gap_figures("hawkes", "{rate: 900/s, branching: 0, decay: 1s}", 20000);
    expect(&figures.mean, 1.0 / 900, 1.02 / 900);
    expect(&figures.cv, 1, 1.03);
    expect(&figures.lag1, 0, 0.02);
}

/* ---- counts ---- */

static void assert_counts(const char *yaml, double bin_s, const double *expected, uint32_t bins)
{
    double *count = counts_of("counts", yaml, 1, bin_s, bins + 1);
    for (uint32_t i = 0; i < bins; i++)
        cr_assert_eq(count[i], expected[i], "%s: bin %u has %g, expected %g", yaml, i, count[i], expected[i]);
    cr_assert_eq(count[bins], 0);
    free(count);
}

static const char *counts_yaml(const char *name, const char *rest)
{
    static char yaml[512];
    snprintf(yaml, sizeof yaml, "{file: %s, %s}", files_path(name), rest);
    return yaml;
}

static void write_text(const char *name, const char *text)
{
    files_write(files_path(name), text, strlen(text));
}

Test(arrival_models, counts_are_kept_bin_by_bin, .fini = files_remove)
{
    const double expected[] = {3, 0, 1, 250, 0, 7};
    write_text("c.txt", "3 0 1\n250 0 7 ");
    write_text("c.csv", "minute,calls\n1,3\n2,0\n3,1\n4,250\n5,0\n6,7\n");
    assert_counts(counts_yaml("c.txt", "within_bin: even"), 60, expected, 6);
    assert_counts(counts_yaml("c.txt", "within_bin: uniform, bin: 1s"), 1, expected, 6);
    assert_counts(counts_yaml("c.txt", "within_bin: burst, bin: 500us"), 500e-6, expected, 6);
    assert_counts(counts_yaml("c.csv", "within_bin: uniform, column: calls"), 60, expected, 6);
    struct ofr_arrival *even = generate("counts", counts_yaml("c.txt", "within_bin: even, bin: 6s"), 1, 261);
    cr_assert_eq(even[0].time_ns, 1000000000);
    cr_assert_eq(even[2].time_ns, 5000000000);
    cr_assert_eq(even[3].time_ns, 15000000000);
    struct ofr_arrival *loop =
        generate("counts", counts_yaml("c.txt", "within_bin: even, bin: 6s, loop: true"), 1, 1000);
    for (int n = 261; n < 1000; n++)
        cr_assert_eq(loop[n].time_ns, loop[n - 261].time_ns + 36000000000);
    free(even), free(loop);
}

Test(arrival_models, counts_drawn_anew_are_poisson, .fini = files_remove)
{
    FILE *file = fopen(files_path("c.txt"), "w");
    for (int i = 0; i < 2000; i++)
        fputs("40\n", file);
    fclose(file);
    struct count_figures figures =
        count_figures("counts", counts_yaml("c.txt", "within_bin: poisson, bin: 1s"), 1, 2000);
    expect(&figures.mean, 40, 41);
    expect(&figures.dispersion, 1, 0);
    expect(&figures.lag1, 0, 0.05);
}

static void write_and_refuse(const char *text, const char *rest, const char *expected)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_arrival_source source;
    struct ofr_arrival out[64];
    write_text("bad.txt", text);
    int code = try_create(&source, "counts", counts_yaml("bad.txt", rest), 1, 0, &err);
    if (!code) {
        drain(&source, out, 64, 64, &err);
        /* and the error stays */
        cr_expect_lt(source.ops->next(source.state, out, 64, NULL), 0);
        destroy(&source);
    }
    cr_expect_eq(err.code, OFR_E_INPUT, "'%s' was taken", text);
    cr_expect_not_null(strstr(err.text, expected), "'%s': %s", text, err.text);
}

Test(arrival_models, counts_refuse_what_is_no_count, .fini = files_remove)
{
    write_and_refuse("3 x 4", "within_bin: even", "1:3: found 'x'");
    write_and_refuse("3\n-4\n", "within_bin: even", "2:1: found '-4'");
    write_and_refuse("3 1.5", "within_bin: even", "a fraction");
    write_and_refuse("3 99999999999", "within_bin: even", "at most");
    write_and_refuse("", "within_bin: even", "no count");
    write_and_refuse("0 0 0", "within_bin: even, loop: true", "no arrival");
    write_and_refuse("a,b\n1,2\n", "within_bin: even, column: c", "c");
    write_and_refuse("a,b\n1,2\n3\n", "within_bin: even, column: a", "3: ");
    write_and_refuse("3 4", "bin: 1s", "within_bin");
    write_and_refuse("3 4", "within_bin: even, bin: 0s", "bin");
}

/* ---- ServeGen client tables ---- */

/* A: 100/s, gamma of shape 1/4 (cv 2), 100 windows of 6 s. B: 300/s, Weibull of shape 1/2 (cv sqrt 5). C: no
 * fit, cv 1/2. D: silence, but for one window without fit and cv. */
static void write_clients(void)
{
    FILE *a = fopen(files_path("a-trace.csv"), "w"), *b = fopen(files_path("b-trace.csv"), "w"),
         *c = fopen(files_path("c-trace.csv"), "w"), *d = fopen(files_path("d-trace.csv"), "w");
    for (int i = 0; i < 100; i++) {
        fprintf(a, "%d,100,2.0,Gamma,0.25,0.04\n", 6 * i);
        fprintf(b, "%d,300.0,2.236,Weibull,0.5,0.0016666\r\n", 6 * i);
        fprintf(c, "%d,50,0.5,,0,0\n", 6 * i);
        fprintf(d, "%d,%d,0,,0,0\n", 6 * i, i == 50 ? 1000 : 0);
    }
    fclose(a), fclose(b), fclose(c), fclose(d);
}

static const char *servegen_yaml(const char *name, const char *rest)
{
    static char yaml[512];
    snprintf(yaml, sizeof yaml, "{tables: %s, window: 6s%s}", files_path(name), rest);
    return yaml;
}

/* Windows are stationary from their start: counts have the mean rate * 6 s. With whole first gaps they would
 * have (cv^2 - 1) / 2 more. */
Test(arrival_models, servegen_windows_have_their_rate_and_gaps, .init = write_clients, .fini = files_remove)
{
    struct count_figures a = count_figures("servegen", servegen_yaml("a-trace.csv", ""), 6, 100),
                         b = count_figures("servegen", servegen_yaml("b-trace.csv", ""), 6, 100),
                         c = count_figures("servegen", servegen_yaml("c-trace.csv", ""), 6, 100);
    expect(&a.mean, 100, 110);
    expect(&b.mean, 300, 310);
    expect(&c.mean, 50, 51);
    /* the dispersion of so many gaps tends to cv^2 */
    expect(&a.dispersion, 4, 1);
    expect(&b.dispersion, 5, 1);
    expect(&c.dispersion, 0.25, 1);
    /* over one window of a day the start matters: 3,000 starts of 60 ms each */
    struct figures start = {.what = "arrivals at the start of windows"};
    for (int seed = 0; seed < SEEDS; seed++) {
        struct ofr_arrival_source source =
            create("servegen", servegen_yaml("a-trace.csv", ""), (uint64_t)seed + 1, 0);
        struct ofr_arrival *arrival = calloc(100000, sizeof *arrival);
        uint32_t count = drain(&source, arrival, 100000, 256, NULL);
        for (uint32_t n = 0; n < count; n++)
            start.value[seed] += arrival[n].time_ns % 6000000000 < 60000000 ? 0.01 : 0;
        free(arrival);
        destroy(&source);
    }
    expect(&start, 6, 7.5);
}

Test(arrival_models, servegen_gaps_have_the_form_of_the_fit, .init = write_clients, .fini = files_remove)
{
    struct gap_figures a = gap_figures("servegen", servegen_yaml("a-trace.csv", ""), 20000);
    expect(&a.mean, 0.01, 0.0105);
    expect(&a.lag1, 0, 0.05);
    struct figures longer = {.what = "share of Weibull gaps above the mean"};
    for (int seed = 0; seed < SEEDS; seed++) {
        struct ofr_arrival *arrival =
            generate("servegen", servegen_yaml("b-trace.csv", ""), (uint64_t)seed + 1, 50000);
        for (int n = 1; n < 50000; n++)
            longer.value[seed] +=
                (arrival[n].time_ns - arrival[n - 1].time_ns) * 3 > 10000000 ? 1 / 49999.0 : 0;
        free(arrival);
    }
    expect(&longer, exp(-M_SQRT2), gsl_cdf_gamma_Q(1, 0.2, 5));
}

Test(arrival_models, servegen_merges_clients_scales_and_cuts, .init = write_clients, .fini = files_remove)
{
    struct count_figures all = count_figures("servegen", servegen_yaml(".", ""), 600, 1);
    expect(&all.mean, 460, 450);
    struct count_figures scaled = count_figures("servegen", servegen_yaml(".", ", rate: 46/s"), 600, 1);
    expect(&scaled.mean, 46, 45);
    /* the one window of d, cut to its last half */
    const char *yaml = servegen_yaml("d-trace.csv", ", from: 303s, to: 400s");
    double *count = counts_of("servegen", yaml, 1, 1, 100);
    for (int i = 0; i < 100; i++)
        cr_assert(i < 3 ? fabs(count[i] - 1000) < 200 : count[i] == 0, "second %d has %g", i, count[i]);
    free(count);
}

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *format, ...)
{
    char command[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    cr_assert_eq(system(command), 0, "%s", command);
}

Test(arrival_models, servegen_archive_and_folder_are_alike, .init = write_clients, .fini = files_remove)
{
    static const char *const option[] = {"--format=ustar -czf", "--format=gnu -cf", "--format=posix -czf"};
    struct ofr_arrival *expected = generate("servegen", servegen_yaml(".", ""), 7, 5000);
    for (int i = 0; i < 3; i++) {
        run("cd %s && tar %s x.tar d-trace.csv b-trace.csv a-trace.csv c-trace.csv", files_path("."),
            option[i]);
        struct ofr_arrival *got = generate("servegen", servegen_yaml("x.tar", ""), 7, 5000);
        for (int n = 0; n < 5000; n++)
            cr_assert(same(&got[n], &expected[n]), "%s: arrival %d", option[i], n);
        free(got);
    }
    run("gzip -k %s", files_path("a-trace.csv"));
    struct ofr_arrival *plain = generate("servegen", servegen_yaml("a-trace.csv", ""), 7, 5000),
                       *packed = generate("servegen", servegen_yaml("a-trace.csv.gz", ""), 7, 5000);
    for (int n = 0; n < 5000; n++)
        cr_assert(same(&plain[n], &packed[n]));
    free(expected), free(plain), free(packed);
}

static void refuse_table(const char *text, const char *expected)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_arrival_source source;
    write_text("bad.csv", text);
    cr_expect_eq(try_create(&source, "servegen", servegen_yaml("bad.csv", ""), 1, 0, &err), OFR_E_INPUT,
                 "'%s' was taken", text);
    cr_expect_not_null(strstr(err.text, expected), "'%s': %s", text, err.text);
}

Test(arrival_models, servegen_refuses_what_is_no_table, .init = write_clients, .fini = files_remove)
{
    refuse_table("0,1,1,Gamma,1,1\n600,1,1\n", "bad.csv:2: found 3 columns");
    refuse_table("0,1,1,Gamma,1,1\n600,-1,1,Gamma,1,1\n", ":2:5: found '-1'");
    refuse_table("0,1,1,Gamma,1,1\n600,nan,1,Gamma,1,1\n", ":2:5: found 'nan'");
    refuse_table("0,1,1,Pareto,1,1\n", ":1:7: found 'Pareto'");
    refuse_table("0,1,1,Gamma,0,1\n", ":1:13: found '0'");
    refuse_table("600,1,1,,0,0\n600,1,1,,0,0\n", ":2:1: found '600'");
    refuse_table("0,0,0,,0,0\n", "no window with a rate above 0");
    refuse_table("", "no window");
    refuse_table("a,b\n", "columns");
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_arrival_source source;
    size_t size;
    run("cd %s && tar --format=ustar -czf x.tar.gz *-trace.csv && head -c 900 x.tar.gz > cut.tar.gz && "
        "tar --format=ustar -cf x.tar *-trace.csv && head -c 3000 x.tar > cut.tar",
        files_path("."));
    unsigned char *bytes = files_read(files_path("x.tar"), &size);
    bytes[130] ^= 1; /* a digit of the first size */
    files_write(files_path("broken.tar"), bytes, size);
    free(bytes);
    static const char *const name[] = {"cut.tar.gz", "cut.tar", "broken.tar", "absent"};
    static const char *const expected[] = {"cut off", "cut off", "damaged tar header", "cannot open"};
    for (int i = 0; i < 4; i++) {
        ofr_error_clear(&err);
        cr_expect_neq(try_create(&source, "servegen", servegen_yaml(name[i], ""), 1, 0, &err), 0);
        cr_expect_not_null(strstr(err.text, expected[i]), "%s: %s", name[i], err.text);
    }
}

/* The published tables themselves; elsewhere there is nothing to compare. */
Test(arrival_models, servegen_reads_the_published_tables)
{
    const char *path = OFR_TEST_SOURCE_DIR "/../shared/traces/servegen/language_m-small_traces.tar.gz";
    if (access(path, R_OK))
        cr_skip_test("no %s", path);
    char yaml[512];
    /* an hour of noon of the first day; the tables' rates over it add up to what is asked for */
    snprintf(yaml, sizeof yaml, "{tables: %s, from: 12h, to: 13h, rate: 50/s}", path);
    struct count_figures figures = count_figures("servegen", yaml, 3600, 1);
    double mean = gsl_stats_mean(figures.mean.value, 1, SEEDS);
    cr_assert_float_eq(mean, 50, 5, "%g", mean);
}

/* ---- all ---- */

Test(arrival_models, contradictions_are_refused)
{
    assert_refused("mmpp", "{rates: [1/s], sojourns: [1s]}", "1 states");
    assert_refused("mmpp", "{rates: [1/s, 2/s], sojourns: [1s]}", "1 times for 2 rates");
    assert_refused("mmpp", "{rates: [0/s, 0/s], sojourns: [1s, 1s]}", "no rate above 0");
    assert_refused("mmpp", "{rates: [1/s, 2], sojourns: [1s, 1s]}", "'2'");
    assert_refused("mmpp", "{rates: [1/s, -2/s], sojourns: [1s, 1s]}", "-2/s");
    assert_refused("mmpp", "{rates: [1/s, nan/s], sojourns: [1s, 1s]}", "nan");
    assert_refused("mmpp", "{rates: [1/s, 2/s], sojourns: [1s, none]}", "none");
    assert_refused("mmpp", "{rates: [1/s, 2/s], sojourns: [1s, 1ns]}", "1us");
    assert_refused("mmpp", "{rates: [1e-6/s, 0/s], sojourns: [1us, 1us]}", "changes of state");
    assert_refused("onoff", "{rate: 1e-6/s, on: 1us, off: 1us}", "periods an arrival");
    assert_refused("onoff", "{rate: 1e9/s, on: 1s, off: 1s}", "while on");
    assert_refused("onoff", "{rate: 1/s, on: 0s, off: 1s}", "on");
    assert_refused("onoff", "{rate: 1/s, on: 1s, off: 1s, durations: pareto, tail: 1}", "tail");
    assert_refused("diurnal", "{}", "neither");
    assert_refused("diurnal", "{rate: 1/s, rates: [1/s]}", "both");
    assert_refused("diurnal", "{rate: 1/s, amplitude: 110%}", "amplitude");
    assert_refused("diurnal", "{rate: 1e-9/s}", "rate");
    assert_refused("diurnal", "{rates: [0/s, 0/s]}", "no rate above 0");
    assert_refused("hawkes", "{rate: 1/s, branching: 1, decay: 1s}", "branching");
    assert_refused("hawkes", "{rate: 1/s, branching: 0.5, decay: none}", "decay");
    assert_refused("weibull", "{rate: 1/s, cv: 0}", "cv");
    assert_refused("weibull", "{rate: 1/s, cv: 101}", "cv");
}

static const char *const models[][2] = {
    {"weibull", "{rate: 1e-6/s, cv: 100}"},
    {"weibull", "{rate: 1e-6/s, cv: 0.01}"},
    {"mmpp", "{rates: [1e-6/s, 0/s], sojourns: [1h, 1s]}"},
    {"onoff", "{rate: 1e-6/s, on: 100s, off: 1h}"},
    {"onoff", "{rate: 1e-6/s, on: 100s, off: 1h, durations: pareto, tail: 1.05}"},
    {"diurnal", "{rate: 1e-6/s}"},
    {"hawkes", "{rate: 1e-6/s, branching: 99%, decay: 1h}"},
};

Test(arrival_models, limit_of_time_holds)
{
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        struct ofr_arrival_source source = create(models[i][0], models[i][1], 7, 0);
        struct ofr_arrival *out = calloc(100000, sizeof *out);
        struct ofr_error err = OFR_ERROR_INIT;
        uint32_t count = drain(&source, out, 100000, 100, &err);
        cr_assert_lt(count, 100000, "%s", models[i][1]);
        cr_assert_eq(err.code, OFR_E_INPUT);
        for (uint32_t n = 1; n < count; n++)
            cr_assert_geq(out[n].time_ns, out[n - 1].time_ns);
        if (count)
            cr_assert_leq(out[count - 1].time_ns, (int64_t)1 << 62);
        cr_assert_eq(source.ops->next(source.state, out, 5, NULL), OFR_E_INPUT);
        free(out);
        destroy(&source);
    }
}

Test(arrival_models, same_seed_same_arrivals_in_runs_of_any_length, .init = write_clients,
     .fini = files_remove)
{
    char servegen[512], counts[512];
    write_text("c.txt", "900 100 400");
    snprintf(servegen, sizeof servegen, "%s", servegen_yaml(".", ""));
    snprintf(counts, sizeof counts, "%s", counts_yaml("c.txt", "within_bin: uniform"));
    const char *const cases[][2] = {{"weibull", "{rate: 900/s, cv: 3}"},
                                    {"mmpp", "{rates: [100/s, 2k/s], sojourns: [10ms, 1ms]}"},
                                    {"onoff", "{rate: 900/s, on: 1ms, off: 2ms}"},
                                    {"diurnal", "{rate: 900/s, period: 100ms}"},
                                    {"hawkes", "{rate: 900/s, branching: 90%, decay: 10ms}"},
                                    {"servegen", servegen},
                                    {"counts", counts}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ofr_arrival *expected = generate(cases[i][0], cases[i][1], 42, 1000);
        for (uint32_t length = 1; length < 1000; length = length * 3 + 1) {
            struct ofr_arrival_source source = create(cases[i][0], cases[i][1], 42, 0);
            struct ofr_arrival out[1000];
            cr_assert_eq(drain(&source, out, 1000, length, NULL), 1000);
            for (int n = 0; n < 1000; n++)
                cr_assert(same(&out[n], &expected[n]), "%s, runs of %u: arrival %d", cases[i][0], length, n);
            destroy(&source);
        }
        struct ofr_arrival_source other = create(cases[i][0], cases[i][1], 43, 5);
        struct ofr_arrival *differs = take(&other, 1000);
        cr_assert_eq(differs[0].stream, 5);
        cr_assert_neq(differs[500].time_ns, expected[500].time_ns, "%s", cases[i][0]);
        free(differs), free(expected);
        destroy(&other);
    }
}
