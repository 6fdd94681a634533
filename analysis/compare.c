#include "analysis/compare_internal.h"

#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const ofr_compared_names[] = {
#define X(name, text) text,
    OFR_COMPARED_MAP(X)
#undef X
        NULL};

const int64_t *compare__column(const struct ofr_run_data *run, int compared)
{
    switch (compared) {
    case OFR_COMPARED_LATENCY:
        return run->latency_ns;
    case OFR_COMPARED_QUEUEING:
        return run->queueing_ns;
    default:
        return run->service_ns;
    }
}

double compare__error_pct(double a, double b)
{
    if (a == b)
        return 0.0;
    return a != 0.0 ? (b - a) / a * 100.0 : NAN;
}

double compare__mean(const double *value, uint32_t count)
{
    return gsl_stats_mean(value, 1, count);
}

double compare__spread_pct(const double *value, uint32_t count)
{
    if (count < 2)
        return NAN;
    double low = gsl_stats_min(value, 1, count), high = gsl_stats_max(value, 1, count);
    double mean = compare__mean(value, count);
    if (high == low)
        return 0.0;
    return mean != 0.0 ? (high - low) / 2.0 / fabs(mean) * 100.0 : NAN;
}

int64_t compare__end_ns(const struct ofr_run_data *run)
{
    const char *text = ofr_notes_get(&run->notes, "end_ns");
    int64_t noted_ns = text ? strtoll(text, NULL, 10) : 0;
    return noted_ns > 0 ? noted_ns : run->end_ns;
}

/* ---- numbers of one run ---- */

enum run_number {
    THROUGHPUT,
    GOODPUT,
    AGREEMENT,
    LATENESS_P50,
    LATENESS_P99,
    LATENESS_MAX,
    NUMBERS
};

static int by_int64(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static int lateness_of(const struct ofr_run_data *run, double *out, struct ofr_error *err)
{
    static const double at[] = {0.50, 0.99, 1.0};
    int64_t *sorted = calloc(run->slots ? run->slots : 1, sizeof *sorted);
    uint64_t count = 0;
    if (!sorted)
        return ofr_fail_nomem(err, "lateness");
    for (uint64_t id = 0; id < run->slots; ++id)
        if (run->outcome[id] != OFR_OUTCOMES && run->lateness_ns[id] >= 0)
            sorted[count++] = run->lateness_ns[id];
    qsort(sorted, count, sizeof *sorted, by_int64);
    for (int i = 0; i < 3; ++i)
        out[i] = count ? (double)sorted[(uint64_t)ceil(at[i] * (double)count) - 1] / 1e3 : NAN;
    free(sorted);
    return 0;
}

static int numbers_of(const struct ofr_run_data *run, double *out, struct ofr_error *err)
{
    double ok = 0.0, released = 0.0, agreeing = 0.0, seconds = (double)compare__end_ns(run) / 1e9;
    for (uint64_t id = 0; id < run->slots; ++id) {
        bool answered = run->outcome[id] == OFR_OUTCOME_OK || run->outcome[id] == OFR_OUTCOME_LATE;
        ok += run->outcome[id] == OFR_OUTCOME_OK;
        released += answered;
        agreeing += answered && run->agrees[id];
    }
    out[THROUGHPUT] = seconds > 0.0 ? released / seconds : 0.0;
    out[GOODPUT] = seconds > 0.0 ? ok / seconds : 0.0;
    out[AGREEMENT] = released > 0.0 ? agreeing / released : NAN;
    return lateness_of(run, out + LATENESS_P50, err);
}

/* ---- numbers of both sets ---- */

struct ofr_difference compare__difference(const double *a, uint32_t runs_a, const double *b, uint32_t runs_b)
{
    double mean_a = compare__mean(a, runs_a), mean_b = compare__mean(b, runs_b);
    return (struct ofr_difference){.a = mean_a,
                                   .b = mean_b,
                                   .spread_pct = compare__spread_pct(a, runs_a),
                                   .error_pct = compare__error_pct(mean_a, mean_b),
                                   .low_pct = NAN,
                                   .high_pct = NAN};
}

static int compare_numbers(struct ofr_comparison *out, const struct ofr_run_set *a,
                           const struct ofr_run_set *b, struct ofr_error *err)
{
    double of_a[NUMBERS][OFR_COMPARE_MOST_RUNS], of_b[NUMBERS][OFR_COMPARE_MOST_RUNS];
    for (uint32_t i = 0; i < a->runs + b->runs; ++i) {
        bool in_a = i < a->runs;
        double number[NUMBERS] = {0};
        int rc = numbers_of(in_a ? a->run[i] : b->run[i - a->runs], number, err);
        if (rc)
            return rc;
        for (int j = 0; j < NUMBERS; ++j)
            *(in_a ? &of_a[j][i] : &of_b[j][i - a->runs]) = number[j];
    }
    out->throughput = compare__difference(of_a[THROUGHPUT], a->runs, of_b[THROUGHPUT], b->runs);
    out->goodput = compare__difference(of_a[GOODPUT], a->runs, of_b[GOODPUT], b->runs);
    out->agreement = compare__difference(of_a[AGREEMENT], a->runs, of_b[AGREEMENT], b->runs);
    for (int i = 0; i < 3; ++i)
        out->lateness[i] =
            compare__difference(of_a[LATENESS_P50 + i], a->runs, of_b[LATENESS_P50 + i], b->runs);
    return 0;
}

/* ---- histograms ---- */

static void to_shares(double *count, uint32_t size)
{
    double sum = 0.0;
    for (uint32_t i = 0; i < size; ++i)
        sum += count[i];
    for (uint32_t i = 0; i < size && sum > 0.0; ++i)
        count[i] /= sum;
}

static double total_variation(const double *a, const double *b, uint32_t size)
{
    double sum = 0.0;
    for (uint32_t i = 0; i < size; ++i)
        sum += fabs(a[i] - b[i]);
    return sum / 2.0;
}

static void count_set(const struct ofr_run_set *set, double *outcome, double *reason, double *exits,
                      double *size, uint32_t sites, uint32_t sizes)
{
    for (uint32_t i = 0; i < set->runs; ++i) {
        const struct ofr_run_data *run = set->run[i];
        for (uint64_t id = 0; id < run->slots; ++id) {
            if (run->outcome[id] == OFR_OUTCOMES)
                continue;
            outcome[run->outcome[id]] += 1.0;
            if (run->exit_site[id] <= sites)
                exits[run->exit_site[id]] += 1.0;
        }
        for (int j = 0; j < OFR_REASONS; ++j)
            reason[j] += (double)run->reason[j];
        for (uint32_t j = 0; j <= run->largest && run->batch_size; ++j)
            size[j] += (double)run->batch_size[j];
    }
    to_shares(outcome, OFR_OUTCOMES);
    to_shares(reason, OFR_REASONS);
    to_shares(exits, sites + 1);
    to_shares(size, sizes);
}

static uint32_t largest_size(const struct ofr_run_set *set)
{
    uint32_t largest = 0;
    for (uint32_t i = 0; i < set->runs; ++i)
        largest = set->run[i]->largest > largest ? set->run[i]->largest : largest;
    return largest;
}

static int compare_histograms(struct ofr_comparison *out, const struct ofr_run_set *a,
                              const struct ofr_run_set *b, struct ofr_error *err)
{
    uint32_t largest_a = largest_size(a), largest_b = largest_size(b);
    out->sizes = (largest_a > largest_b ? largest_a : largest_b) + 1;
    out->size_a = calloc(out->sizes, sizeof *out->size_a);
    out->size_b = calloc(out->sizes, sizeof *out->size_b);
    if (!out->size_a || !out->size_b)
        return ofr_fail_nomem(err, "histograms");
    count_set(a, out->outcome_a, out->reason_a, out->exit_a, out->size_a, out->sites, out->sizes);
    count_set(b, out->outcome_b, out->reason_b, out->exit_b, out->size_b, out->sites, out->sizes);
    out->outcome_distance = total_variation(out->outcome_a, out->outcome_b, OFR_OUTCOMES);
    out->reason_distance = total_variation(out->reason_a, out->reason_b, OFR_REASONS);
    out->size_distance = total_variation(out->size_a, out->size_b, out->sizes);
    out->exit_distance = total_variation(out->exit_a, out->exit_b, out->sites + 1);
    for (uint32_t i = 0; i <= out->sites; ++i)
        out->exit_worst_points = fmax(out->exit_worst_points, fabs(out->exit_a[i] - out->exit_b[i]) * 100.0);
    return 0;
}

int ofr_compare(struct ofr_comparison *out, const struct ofr_run_set *a, const struct ofr_run_set *b,
                struct ofr_error *err)
{
    *out = (struct ofr_comparison){
        .sites = a->run[0]->sites, .offered_a = a->run[0]->requests, .offered_b = b->run[0]->requests};
    for (uint32_t i = 0; i < a->runs + b->runs; ++i) {
        const struct ofr_run_data *run = i < a->runs ? a->run[i] : b->run[i - a->runs];
        if (run->sites != out->sites)
            return ofr_fail(err, OFR_E_INPUT, "%s has %u ramp sites, %s has %u: not the same model",
                            a->run[0]->path, out->sites, run->path, run->sites);
    }
    int rc = compare__pairs(out, a, b, err);
    if (!rc)
        rc = compare__times(out, a, b, err);
    if (!rc)
        rc = compare_numbers(out, a, b, err);
    if (!rc)
        rc = compare_histograms(out, a, b, err);
    if (!rc)
        rc = compare__passes(out, a, b, err);
    if (!rc)
        compare__decisions(out, a->run[0], b->run[0]);
    if (rc)
        ofr_comparison_release(out);
    return rc;
}

void ofr_comparison_release(struct ofr_comparison *comparison)
{
    free(comparison->size_a);
    free(comparison->size_b);
    comparison->size_a = comparison->size_b = NULL;
}
