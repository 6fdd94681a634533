/* Arrival processes: exact times where there is a formula, otherwise statistics over fixed seeds.
 *
 * A statistic is turned into a standard normal z by its known standard error; over the seeds the sum of z^2
 * is chi-square, and it must be neither too large (biased) nor too small (not random). */
#include "tests/support/arrivals.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 u128;

enum {
    SEEDS = 20,
    ARRIVALS = 40000
};

/* ---- the table ---- */

Test(arrivals, table_finds_every_process_by_name)
{
    uint32_t count = 0;
    for (; ofr_arrival_processes[count]; count++) {
        const struct ofr_arrival_ops *ops = ofr_arrival_processes[count];
        cr_assert_eq(ofr_arrival_find(ops->component.name), ops);
        cr_assert(ops->create && ops->destroy && ops->next && ops->component.help);
        cr_assert_leq(ops->component.options_size, OFR_OPTIONS_MAX);
        ops->destroy(NULL);
    }
    cr_assert_eq(count, 11);
    cr_assert_null(ofr_arrival_find("nonsense"));
    cr_assert_null(ofr_arrival_find(""));
}

Test(arrivals, rates_out_of_range_are_refused)
{
    const char *const bad[] = {"{rate: 0/s}",   "{rate: -5/s}", "{rate: 2e9/s}", "{rate: nan/s}",
                               "{rate: inf/s}", "{rate: 900}",  "{rate: 1e-9/s}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_refused("fixed", bad[i], "rate");
        assert_refused("poisson", bad[i], "rate");
    }
    assert_refused("gamma", "{rate: 10/s, cv: 0}", "cv");
    assert_refused("gamma", "{rate: 10/s, cv: 101}", "cv");
    assert_refused("gamma", "{rate: 10/s}", "cv");
    assert_refused("poisson", "{}", "rate");
    assert_refused("fixed", "{rate: 10/s, phase: -1ns}", "phase");
}

/* ---- fixed ---- */

/* round(n * 1e9 / rate), halves up, with rate = mantissa / 2^shift */
static int64_t exact_time(uint64_t n, double rate)
{
    int exponent;
    u128 mantissa = (u128)ldexp(frexp(rate, &exponent), 53);
    u128 numerator = ((u128)n * 1000000000) << (53 - exponent);
    return (int64_t)((numerator + mantissa / 2) / mantissa);
}

static void assert_fixed(const char *yaml, double rate, int64_t phase_ns, uint32_t count)
{
    struct ofr_arrival *arrival = generate("fixed", yaml, 1, count);
    for (uint32_t n = 0; n < count; n++)
        cr_assert_eq(arrival[n].time_ns, phase_ns + exact_time(n, rate), "%s: arrival %u at %lld", yaml, n,
                     (long long)arrival[n].time_ns);
    free(arrival);
}

Test(arrivals, fixed_times_are_exact)
{
    assert_fixed("{rate: 30/s}", 30.0, 0, 200000);
    assert_fixed("{rate: 1e9/s}", 1e9, 0, 1000);
    assert_fixed("{rate: 0.7/s, phase: 3ms}", 0.7, 3000000, 100000);
    assert_fixed("{rate: 29.97/s, phase: 1ns}", 29.97, 1, 200000);
    assert_fixed("{rate: 400000123/s}", 400000123.0, 0, 200000);
}

Test(arrivals, fixed_has_not_drifted_after_ten_million_frames)
{
    struct ofr_arrival_source source = create("fixed", "{rate: 30/s}", 1, 0);
    struct ofr_arrival buffer[1000];
    for (int i = 0; i < 10000; i++)
        cr_assert_eq(source.ops->next(source.state, buffer, 1000, NULL), 1000);
    /* arrival 9,999,999 is one frame before 10,000,000 / 30 s */
    cr_assert_eq(buffer[999].time_ns, 333333300000000);
    destroy(&source);
}

Test(arrivals, limit_of_time_is_an_error_after_the_last_arrival)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_arrival_source source = create("fixed", "{rate: 1e-6/s}", 1, 0);
    static struct ofr_arrival out[5000];
    /* one every 1e15 ns up to 2^62 = 4.611e18, and the one at 0 */
    cr_assert_eq(drain(&source, out, 5000, 256, &err), 4612);
    cr_assert_eq(err.code, OFR_E_INPUT);
    cr_assert_eq(source.ops->next(source.state, out, 5, NULL), OFR_E_INPUT);
    destroy(&source);
}

Test(arrivals, limit_of_time_holds_for_random_gaps)
{
    const char *const process[] = {"poisson", "gamma"};
    const char *const yaml[] = {"{rate: 1e-6/s}", "{rate: 1e-6/s, cv: 100}"};
    for (int i = 0; i < 2; i++) {
        struct ofr_arrival_source source = create(process[i], yaml[i], 7, 0);
        struct ofr_arrival *out = calloc(1000000, sizeof *out);
        struct ofr_error err = OFR_ERROR_INIT;
        uint32_t count = drain(&source, out, 1000000, 100, &err);
        cr_assert_lt(count, 1000000);
        cr_assert_eq(err.code, OFR_E_INPUT);
        for (uint32_t n = 1; n < count; n++)
            cr_assert_geq(out[n].time_ns, out[n - 1].time_ns);
        cr_assert_leq(out[count - 1].time_ns, (int64_t)1 << 62);
        cr_assert_eq(source.ops->next(source.state, out, 5, NULL), OFR_E_INPUT);
        free(out);
        destroy(&source);
    }
}

/* ---- random processes ---- */

struct renewal {
    const char *process, *yaml;
    double rate, cv;
};

static const struct renewal renewals[] = {
    {"poisson", "{rate: 900/s}", 900.0, 1.0},        {"poisson", "{rate: 3/min}", 0.05, 1.0},
    {"gamma", "{rate: 900/s, cv: 0.2}", 900.0, 0.2}, {"gamma", "{rate: 900/s, cv: 1}", 900.0, 1.0},
    {"gamma", "{rate: 50/s, cv: 2}", 50.0, 2.0},     {"gamma", "{rate: 50/s, cv: 4}", 50.0, 4.0},
};

static double *gaps_of(const struct ofr_arrival *arrival, uint32_t count)
{
    double *gap = calloc(count, sizeof *gap);
    for (uint32_t n = 0; n < count; n++)
        gap[n] = (double)(arrival[n].time_ns - (n ? arrival[n - 1].time_ns : 0));
    return gap;
}

struct moments {
    double mean, variance, lag1; /* lag1: autocorrelation of neighbours */
};

static struct moments moments_of(const double *value, uint32_t count)
{
    struct moments m = {0};
    double product = 0.0;
    for (uint32_t n = 0; n < count; n++)
        m.mean += value[n] / count;
    for (uint32_t n = 0; n < count; n++)
        m.variance += (value[n] - m.mean) * (value[n] - m.mean) / (count - 1);
    for (uint32_t n = 1; n < count; n++)
        product += (value[n] - m.mean) * (value[n - 1] - m.mean);
    m.lag1 = product / (m.variance * (count - 1));
    return m;
}

/* Sum of squared z over the seeds within the central 99.8 % of its chi-square distribution. */
static void assert_chi_square(double sum, double degrees, const char *what, const char *yaml)
{
    double p = gsl_cdf_chisq_P(sum, degrees);
    cr_assert(p > 0.001 && p < 0.999, "%s of %s: chi-square %g of %g, P = %g", what, yaml, sum, degrees, p);
}

Test(arrivals, renewal_processes_have_their_mean_and_variation)
{
    for (size_t i = 0; i < sizeof renewals / sizeof *renewals; i++) {
        const struct renewal *r = &renewals[i];
        double mean_z2 = 0.0, cv_z2 = 0.0, lag_z2 = 0.0;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            struct ofr_arrival *arrival = generate(r->process, r->yaml, seed, ARRIVALS);
            double *gap = gaps_of(arrival, ARRIVALS);
            struct moments m = moments_of(gap, ARRIVALS);
            double mean_ns = 1e9 / r->rate;
            double cv2 = r->cv * r->cv;
            double mean_z = (m.mean - mean_ns) / (mean_ns * r->cv / sqrt(ARRIVALS));
            /* delta method with the gamma's skewness 2 cv and kurtosis 3 + 6 cv^2 */
            double cv_z = (sqrt(m.variance) / m.mean - r->cv) / sqrt(cv2 * (1 + cv2) / (2.0 * ARRIVALS));
            mean_z2 += mean_z * mean_z;
            cv_z2 += cv_z * cv_z;
            lag_z2 += m.lag1 * m.lag1 * ARRIVALS;
            free(gap);
            free(arrival);
        }
        assert_chi_square(mean_z2, SEEDS, "mean rate", r->yaml);
        assert_chi_square(cv_z2, SEEDS, "coefficient of variation", r->yaml);
        assert_chi_square(lag_z2, SEEDS, "autocorrelation", r->yaml);
    }
}

/* Index of dispersion of the counts in windows: (windows - 1) * variance / mean is chi-square for Poisson. */
static double dispersion(const struct ofr_arrival *arrival, int64_t window_ns, uint32_t windows)
{
    double *count = calloc(windows, sizeof *count);
    for (uint32_t n = 0; arrival[n].time_ns < window_ns * windows; n++)
        count[arrival[n].time_ns / window_ns] += 1.0;
    struct moments m = moments_of(count, windows);
    free(count);
    return (windows - 1) * m.variance / m.mean;
}

Test(arrivals, poisson_counts_are_poisson)
{
    const int64_t window_ns[] = {10000000, 100000000, 1000000000}; /* 9, 90, 900 arrivals expected */
    const uint32_t windows[] = {4000, 400, 40};
    for (int w = 0; w < 3; w++) {
        double sum = 0.0;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            struct ofr_arrival *arrival = generate("poisson", "{rate: 900/s}", seed, ARRIVALS);
            sum += dispersion(arrival, window_ns[w], windows[w]);
            free(arrival);
        }
        assert_chi_square(sum, SEEDS * (windows[w] - 1.0), "dispersion", "poisson");
    }
}

/* The test above rejects what is not Poisson. */
Test(arrivals, gamma_counts_are_not_poisson)
{
    struct ofr_arrival *arrival = generate("gamma", "{rate: 900/s, cv: 1.3}", 1, ARRIVALS);
    cr_assert_gt(gsl_cdf_chisq_P(dispersion(arrival, 100000000, 400), 399), 0.999);
    free(arrival);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Kolmogorov-Smirnov P value of gaps against a gamma distribution. Gaps are differences of whole nanoseconds,
 * so only the part of the distribution from 1 us on is compared, where that does not show. */
static double kolmogorov_smirnov(double *gap, uint32_t count, double rate, double cv)
{
    double shape = 1.0 / (cv * cv), scale = 1e9 / rate / shape, distance = 0.0;
    qsort(gap, count, sizeof *gap, compare_doubles);
    for (uint32_t n = 0; n < count; n++) {
        if (gap[n] < 1000.0)
            continue;
        double p = gsl_cdf_gamma_P(gap[n], shape, scale);
        distance = fmax(distance, fmax((n + 1.0) / count - p, p - (double)n / count));
    }
    double x = (sqrt(count) + 0.12 + 0.11 / sqrt(count)) * distance; /* Stephens 1970 */
    double p = 0.0;
    for (int k = 1; k <= 100; k++)
        p += (k % 2 ? 2.0 : -2.0) * exp(-2.0 * k * k * x * x);
    return x < 0.2 ? 1.0 : p;
}

Test(arrivals, gaps_follow_the_gamma_distribution)
{
    for (size_t i = 0; i < sizeof renewals / sizeof *renewals; i++) {
        const struct renewal *r = &renewals[i];
        uint32_t low = 0;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            struct ofr_arrival *arrival = generate(r->process, r->yaml, seed, ARRIVALS);
            double *gap = gaps_of(arrival, ARRIVALS);
            double p = kolmogorov_smirnov(gap, ARRIVALS, r->rate, r->cv);
            cr_assert_gt(p, 1e-5, "%s seed %d: P = %g", r->yaml, (int)seed, p);
            low += p < 0.05;
            /* and it is not that of a neighbour */
            cr_assert_lt(kolmogorov_smirnov(gap, ARRIVALS, r->rate, r->cv * 1.1), 1e-5, "%s", r->yaml);
            free(gap);
            free(arrival);
        }
        /* P(more than 5 of 20 below 0.05) = 0.0003 */
        cr_assert_leq(low, 5, "%s: %u of %d seeds below 0.05", r->yaml, low, SEEDS);
    }
}

Test(arrivals, same_seed_same_arrivals_in_runs_of_any_length)
{
    const char *const process[] = {"fixed", "poisson", "gamma"};
    const char *const yaml[] = {"{rate: 29.97/s}", "{rate: 900/s}", "{rate: 900/s, cv: 3}"};
    for (int i = 0; i < 3; i++) {
        struct ofr_arrival *expected = generate(process[i], yaml[i], 42, 1000);
        for (uint32_t run = 1; run < 1000; run = run * 3 + 1) {
            struct ofr_arrival_source source = create(process[i], yaml[i], 42, 0);
            struct ofr_arrival out[1000];
            cr_assert_eq(drain(&source, out, 1000, run, NULL), 1000);
            for (int n = 0; n < 1000; n++)
                cr_assert(same(&out[n], &expected[n]));
            destroy(&source);
        }
        free(expected);
    }
}

Test(arrivals, seeds_and_streams_are_independent)
{
    struct ofr_arrival_source a = create("poisson", "{rate: 900/s}", 1, 0);
    struct ofr_arrival_source b = create("poisson", "{rate: 900/s}", 1, 5);
    struct ofr_arrival_source c = create("poisson", "{rate: 900/s}", 2, 0);
    struct ofr_arrival *x = take(&a, 100), *y = take(&b, 100), *z = take(&c, 100);
    cr_assert_eq(y[0].stream, 5);
    cr_assert_neq(x[99].time_ns, y[99].time_ns);
    cr_assert_neq(x[99].time_ns, z[99].time_ns);
    free(x), free(y), free(z);
    destroy(&a), destroy(&b), destroy(&c);
}

Test(arrivals, what_truncation_cuts_off_is_not_lost)
{
    const uint32_t count = 1000000;
    const char *const yaml[] = {"{rate: 1e8/s}", "{rate: 1e8/s, cv: 0.5}"};
    const double cv[] = {1.0, 0.5};
    for (int i = 0; i < 2; i++) {
        struct ofr_arrival *arrival = generate(i ? "gamma" : "poisson", yaml[i], 11, count);
        /* gaps of 10 ns; losing half a nanosecond of each would be 5 %, 50 standard errors or more */
        double z = ((double)arrival[count - 1].time_ns / (10.0 * count) - 1.0) / (cv[i] / sqrt(count));
        cr_assert_lt(fabs(z), 4.0, "%s: z = %g", yaml[i], z);
        free(arrival);
    }
}

Test(arrivals, times_never_decrease_at_the_highest_rate)
{
    struct ofr_arrival *arrival = generate("gamma", "{rate: 1e9/s, cv: 10}", 3, 100000);
    for (uint32_t n = 1; n < 100000; n++)
        cr_assert_geq(arrival[n].time_ns, arrival[n - 1].time_ns);
    /* 1e5 gaps of 1 ns, standard error 10 / sqrt(1e5) */
    cr_assert_float_eq((double)arrival[99999].time_ns, 1e5, 5 * 1e5 * 10 / sqrt(1e5));
    free(arrival);
}

/* ---- merge ---- */

/* A source that hands out a list, at most two at a time, then fails with `code`. */
struct script {
    const struct ofr_arrival *arrival;
    uint32_t count, at;
    int code;
    int *destroyed;
};

static int script_next(void *state, struct ofr_arrival *out, uint32_t max, struct ofr_error *err)
{
    struct script *script = state;
    uint32_t left = script->count - script->at, n = left < 2 ? left : 2;
    n = n < max ? n : max;
    for (uint32_t i = 0; i < n; i++)
        out[i] = script->arrival[script->at++];
    return n == 0 && script->code ? ofr_fail(err, script->code, "script ended") : (int)n;
}

static void script_destroy(void *state)
{
    struct script *script = state;
    ++*script->destroyed;
}

static const struct ofr_arrival_ops script_ops = {.destroy = script_destroy, .next = script_next};

static int compare_arrivals(const void *a, const void *b)
{
    const struct ofr_arrival *x = a, *y = b;
    if (x->time_ns != y->time_ns)
        return x->time_ns < y->time_ns ? -1 : 1;
    return (x->stream > y->stream) - (x->stream < y->stream);
}

/* Merged result against sorting everything the sources hand out alone. Offset of stream s: s * offset_ns. */
static void assert_merge(const char *process, const char *yaml, uint32_t streams, int64_t offset_ns,
                         uint32_t each)
{
    struct ofr_arrival_source *source = calloc(streams, sizeof *source), merged;
    struct ofr_arrival *expected = calloc((size_t)streams * each, sizeof *expected);
    int64_t known_ns = INT64_MAX; /* the list of expected arrivals lacks some after the first stream's last */
    for (uint32_t i = 0; i < streams; i++) {
        uint32_t stream = streams - 1 - i; /* the order of the list must not matter */
        struct ofr_arrival_source alone = create(process, yaml, 9, stream);
        struct ofr_arrival *arrival = take(&alone, each);
        for (uint32_t n = 0; n < each; n++)
            arrival[n].time_ns += stream * offset_ns;
        memcpy(expected + (size_t)i * each, arrival, each * sizeof *arrival);
        known_ns = arrival[each - 1].time_ns < known_ns ? arrival[each - 1].time_ns : known_ns;
        free(arrival);
        destroy(&alone);
        source[i] = create(process, yaml, 9, stream);
        source[i].offset_ns = stream * offset_ns;
    }
    qsort(expected, (size_t)streams * each, sizeof *expected, compare_arrivals);
    cr_assert_eq(ofr_arrivals_merge(&merged, source, streams, NULL), 0);
    struct ofr_arrival *got = take(&merged, streams * each);
    for (uint32_t n = 0; n < streams * each && expected[n].time_ns < known_ns; n++)
        cr_assert(same(&got[n], &expected[n]), "%s x %u: arrival %u is (%lld, %u), expected (%lld, %u)",
                  process, streams, n, (long long)got[n].time_ns, got[n].stream,
                  (long long)expected[n].time_ns, expected[n].stream);
    free(got), free(expected), free(source);
    destroy(&merged);
}

Test(arrivals, merge_equals_sorting)
{
    assert_merge("poisson", "{rate: 30/s}", 30, 0, 1000);
    assert_merge("poisson", "{rate: 1e8/s}", 7, 3, 5000); /* many ties */
    assert_merge("gamma", "{rate: 30/s, cv: 2}", 257, 1000, 200);
    assert_merge("fixed", "{rate: 30/s}", 30, 0, 300); /* nothing but ties */
    assert_merge("poisson", "{rate: 30/s}", 1, 5, 1000);
    assert_merge("poisson", "{rate: 30/s}", 2, 5, 1000);
    assert_merge("poisson", "{rate: 1/s}", 4096, 0, 20);
}

Test(arrivals, thirty_cameras_with_even_phases_take_turns)
{
    struct ofr_arrival_source source[30], merged;
    for (uint32_t i = 0; i < 30; i++) {
        source[i] = create("fixed", "{rate: 30/s}", 1, i);
        source[i].offset_ns = i * (int64_t)1111111; /* 1/900 s */
    }
    cr_assert_eq(ofr_arrivals_merge(&merged, source, 30, NULL), 0);
    struct ofr_arrival *got = take(&merged, 90000);
    for (uint32_t n = 0; n < 90000; n++) {
        cr_assert_eq(got[n].stream, n % 30);
        cr_assert_eq(got[n].time_ns, exact_time(n / 30, 30.0) + n % 30 * (int64_t)1111111);
    }
    free(got);
    destroy(&merged);
}

Test(arrivals, merge_conserves_what_ends_and_destroys_once)
{
    const struct ofr_arrival a[] = {{1, 0}, {5, 0}, {5, 0}, {9, 0}, {20, 0}}, b[] = {{0, 1}, {5, 1}, {6, 1}},
                             twin[] = {{5, 0}};
    int destroyed = 0;
    struct script script[] = {{a, 5, 0, 0, &destroyed},
                              {b, 3, 0, 0, &destroyed},
                              {NULL, 0, 0, 0, &destroyed},
                              {twin, 1, 0, 0, &destroyed}};
    struct ofr_arrival_source source[4], merged;
    for (int i = 0; i < 4; i++)
        source[i] = (struct ofr_arrival_source){.ops = &script_ops, .state = &script[i]};
    cr_assert_eq(ofr_arrivals_merge(&merged, source, 4, NULL), 0);
    struct ofr_arrival got[16];
    const struct ofr_arrival expected[] = {{0, 1}, {1, 0}, {5, 0}, {5, 0}, {5, 0},
                                           {5, 1}, {6, 1}, {9, 0}, {20, 0}};
    cr_assert_eq(drain(&merged, got, 16, 4, NULL), 9);
    for (int n = 0; n < 9; n++)
        cr_assert(same(&got[n], &expected[n]));
    cr_assert_eq(merged.ops->next(merged.state, got, 16, NULL), 0);
    destroy(&merged);
    cr_assert_eq(destroyed, 4);
    merged.ops->destroy(NULL);
}

Test(arrivals, merge_hands_out_what_came_before_an_error)
{
    const struct ofr_arrival a[] = {{1, 0}, {5, 0}, {9, 0}}, b[] = {{2, 1}, {7, 1}, {8, 1}, {30, 1}};
    int destroyed = 0;
    struct script script[] = {{a, 3, 0, OFR_E_IO, &destroyed}, {b, 4, 0, 0, &destroyed}};
    struct ofr_arrival_source source[2], merged;
    for (int i = 0; i < 2; i++)
        source[i] = (struct ofr_arrival_source){.ops = &script_ops, .state = &script[i]};
    cr_assert_eq(ofr_arrivals_merge(&merged, source, 2, NULL), 0);
    struct ofr_arrival got[16];
    struct ofr_error err = OFR_ERROR_INIT;
    cr_assert_eq(drain(&merged, got, 16, 16, &err), 6); /* 1 2 5 7 8 9; what follows 9 is not known */
    cr_assert_eq(got[5].time_ns, 9);
    cr_assert_eq(err.code, OFR_E_IO);
    cr_assert_str_eq(err.text, "script ended");
    cr_assert_eq(merged.ops->next(merged.state, got, 16, NULL), OFR_E_IO);
    destroy(&merged);
}

Test(arrivals, merge_refuses_without_taking_the_sources)
{
    int destroyed = 0;
    struct script script = {NULL, 0, 0, 0, &destroyed};
    struct ofr_arrival_source source = {.ops = &script_ops, .state = &script, .offset_ns = -1}, merged;
    struct ofr_error err = OFR_ERROR_INIT;
    cr_assert_eq(ofr_arrivals_merge(&merged, &source, 1, &err), OFR_E_INPUT);
    cr_assert_eq(ofr_arrivals_merge(&merged, &source, 0, NULL), OFR_E_INPUT);
    cr_assert_eq(ofr_arrivals_merge(&merged, &source, 4097, NULL), OFR_E_INPUT);
    source.offset_ns = ((int64_t)1 << 62) + 1;
    cr_assert_eq(ofr_arrivals_merge(&merged, &source, 1, NULL), OFR_E_INPUT);
    cr_assert_eq(destroyed, 0);
}

Test(arrivals, merge_refuses_times_beyond_the_limit)
{
    const struct ofr_arrival a[] = {{1, 0}};
    int destroyed = 0;
    struct script script = {a, 1, 0, 0, &destroyed};
    struct ofr_arrival_source merged;
    struct ofr_arrival_source source = {&script_ops, &script, (int64_t)1 << 62};
    cr_assert_eq(ofr_arrivals_merge(&merged, &source, 1, NULL), 0);
    struct ofr_arrival got;
    cr_assert_eq(merged.ops->next(merged.state, &got, 1, NULL), OFR_E_INPUT);
    destroy(&merged);
}
