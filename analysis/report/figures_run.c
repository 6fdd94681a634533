/* Figures of runs that do not need time: distributions, shares, trade-offs. figures_time.c has the others. */
#include "analysis/report/figures_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* ---- sorted latencies ---- */

static int by_double(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

double *figures__latencies(const struct ofr_run_data *run, uint64_t *count)
{
    double *ms = calloc(run->slots ? run->slots : 1, sizeof *ms);
    *count = 0;
    for (uint64_t id = 0; ms && id < run->slots; ++id)
        if (run->outcome[id] != OFR_OUTCOMES && run->latency_ns[id] >= 0)
            ms[(*count)++] = (double)run->latency_ns[id] / 1e6;
    if (ms)
        qsort(ms, *count, sizeof *ms, by_double);
    return ms;
}

/* The value that a share `p` of an ascending list does not pass; NaN of none. */
static double at_rank(const double *sorted, uint64_t count, double p)
{
    uint64_t rank = (uint64_t)ceil(p * (double)count);
    return count ? sorted[rank ? rank - 1 : 0] : NAN;
}

/* ---- a table alone ---- */

/* Share of answers that equal the full model's, in per cent; NaN when nothing was answered. */
static double agreement_of(const struct ofr_run_data *run)
{
    double answered = 0.0, agreeing = 0.0;
    for (uint64_t id = 0; id < run->slots; ++id)
        if (run->outcome[id] != OFR_OUTCOMES && run->latency_ns[id] >= 0) {
            answered += 1.0;
            agreeing += run->agrees[id];
        }
    return 100.0 * agreeing / answered;
}

static double mean_of(const double *value, uint64_t count)
{
    double sum = 0.0;
    for (uint64_t i = 0; i < count; ++i)
        sum += value[i];
    return sum / (double)count;
}

/* What the policy knew before the run; logs of earlier versions do not say. */
static const char *knowledge_of(const struct ofr_run_data *run)
{
    const char *knowledge = ofr_notes_get(&run->notes, "knowledge");
    return knowledge ? knowledge : "-";
}

static void glance(struct ofr_figures *out, const struct ofr_report_run *run, uint32_t runs)
{
    static const char *const head[] = {
        "run",       "knew before", "log",      "requests",       "answered",
        "mean (ms)", "p50 (ms)",    "p99 (ms)", "mean saved (%)", "agreement (%)"};
    struct ofr_figure *figure = ofr_figures_add(
        out, "runs", "Runs at a glance",
        "Latency of answered requests, the mean saved against the first run, and the share of answers that "
        "equal the full model's. A policy that knew something before the run (hindsight: the recording; "
        "oracle: every "
        "answer) is a reference, not one to deploy.");
    double first = NAN;
    ofr_figure_row(figure);
    for (size_t j = 0; j < sizeof head / sizeof *head; ++j)
        ofr_figure_cell(figure, "%s", head[j]);
    for (uint32_t i = 0; i < runs; ++i) {
        uint64_t count = 0;
        double *ms = figures__latencies(run[i].data, &count);
        double mean = ms ? mean_of(ms, count) : NAN;
        first = i == 0 ? mean : first;
        ofr_figure_row(figure);
        ofr_figure_cell(figure, "%s", run[i].label);
        ofr_figure_cell(figure, "%s", knowledge_of(run[i].data));
        ofr_figure_cell(figure, "%s", run[i].data->path);
        ofr_figure_cell(figure, "%" PRIu64, run[i].data->requests);
        ofr_figure_cell(figure, "%" PRIu64, count);
        ofr_figure_number(figure, "%.4f", mean);
        ofr_figure_number(figure, "%.4f", ms ? at_rank(ms, count, 0.5) : NAN);
        ofr_figure_number(figure, "%.4f", ms ? at_rank(ms, count, 0.99) : NAN);
        ofr_figure_number(figure, "%.2f", i ? 100.0 * (1.0 - mean / first) : NAN);
        ofr_figure_number(figure, "%.4f", agreement_of(run[i].data));
        out->failed = out->failed || !ms;
        free(ms);
    }
}

/* ---- distribution ---- */

static void cdf(struct ofr_figures *out, const struct ofr_report_run *run, uint32_t runs)
{
    static const double tabled[] = {0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999};
    struct ofr_figure *figure = ofr_figures_add(out, "latency-cdf", "Latency distribution",
                                                "Share of answered requests whose latency (released less "
                                                "intended arrival) is at most x. Further left is faster.");
    if (!figure)
        return;
    figure->x.title = "latency (ms)";
    figure->y.title = "share of requests";
    ofr_figure_row(figure);
    ofr_figure_cell(figure, "run");
    for (size_t j = 0; j < sizeof tabled / sizeof *tabled; ++j)
        ofr_figure_cell(figure, "p%g (ms)", tabled[j] * 100.0);
    for (uint32_t i = 0; i < runs; ++i) {
        uint64_t count = 0;
        double *ms = figures__latencies(run[i].data, &count);
        struct ofr_series *line = ofr_figure_series(figure, OFR_SERIES_LINE, (int32_t)i, "%s", run[i].label);
        for (int j = 0; ms && count && j <= 400; ++j) {
            double p = (double)j / 400.0;
            ofr_series_add(line, at_rank(ms, count, p), p);
        }
        ofr_figure_row(figure);
        ofr_figure_cell(figure, "%s", run[i].label);
        for (size_t j = 0; ms && j < sizeof tabled / sizeof *tabled; ++j)
            ofr_figure_number(figure, "%.4f", at_rank(ms, count, tabled[j]));
        if (i == 0 && !isnan(run[i].slo_ms) && count && run[i].slo_ms < 1.5 * ms[count - 1])
            ofr_figure_mark(figure, true, run[i].slo_ms, "SLO %g ms", run[i].slo_ms);
        out->failed = out->failed || !ms;
        free(ms);
    }
}

/* ---- percentiles with intervals ---- */

static int percentiles(struct ofr_figures *out, const struct ofr_report_run *run, uint32_t runs,
                       struct ofr_error *err)
{
    struct ofr_figure *figure = ofr_figures_add(
        out, "latency-percentiles", "Latency percentiles",
        "Mean and percentiles of latency; whiskers are 95 % bootstrap intervals over 64 blocks of "
        "successive requests.");
    if (!figure)
        return 0;
    figure->y.title = "latency (ms)";
    ofr_figure_row(figure);
    ofr_figure_cell(figure, "run");
    for (int j = 0; j < OFR_STATISTICS; ++j) {
        ofr_figure_category(figure, ofr_statistic_names[j]);
        ofr_figure_cell(figure, "%s (ms)", ofr_statistic_names[j]);
    }
    for (uint32_t i = 0; i < runs; ++i) {
        struct ofr_interval interval[OFR_STATISTICS];
        int rc = ofr_run_intervals(interval, run[i].data, OFR_COMPARED_LATENCY, err);
        if (rc)
            return rc;
        struct ofr_series *bars = ofr_figure_series(figure, OFR_SERIES_BARS, (int32_t)i, "%s", run[i].label);
        ofr_figure_row(figure);
        ofr_figure_cell(figure, "%s", run[i].label);
        for (int j = 0; j < OFR_STATISTICS; ++j) {
            ofr_series_add(bars, j, interval[j].value / 1e6);
            ofr_figure_interval(figure, "%.4f", interval[j].value / 1e6, interval[j].low / 1e6,
                                interval[j].high / 1e6);
        }
        struct ofr_series *ranges =
            ofr_figure_series(figure, OFR_SERIES_RANGES, (int32_t)i, "%s", run[i].label);
        for (int j = 0; j < OFR_STATISTICS; ++j)
            ofr_series_add_range(ranges, j, interval[j].low / 1e6, interval[j].high / 1e6);
    }
    return 0;
}

/* ---- shares by category ---- */

/* One bar per category and run, in per cent, and the table of it. */
static void share_bars(struct ofr_figure *figure, const struct ofr_report_run *run, uint32_t runs,
                       const char *const *name, uint32_t names, const double *count)
{
    if (!figure)
        return;
    ofr_figure_row(figure);
    ofr_figure_cell(figure, "run");
    for (uint32_t j = 0; j < names; ++j) {
        ofr_figure_category(figure, name[j]);
        ofr_figure_cell(figure, "%s", name[j]);
    }
    for (uint32_t i = 0; i < runs; ++i) {
        const double *of_run = count + (size_t)i * names;
        double sum = 0.0;
        for (uint32_t j = 0; j < names; ++j)
            sum += of_run[j];
        struct ofr_series *bars = ofr_figure_series(figure, OFR_SERIES_BARS, (int32_t)i, "%s", run[i].label);
        ofr_figure_row(figure);
        ofr_figure_cell(figure, "%s", run[i].label);
        for (uint32_t j = 0; j < names; ++j) {
            double share = sum > 0.0 ? 100.0 * of_run[j] / sum : 0.0;
            ofr_series_add(bars, j, share);
            ofr_figure_cell(figure, "%.3f %%", share);
        }
    }
}

static void exits(struct ofr_figures *out, const struct ofr_report_run *run, uint32_t runs)
{
    uint32_t sites = run[0].data->sites;
    const char *name[OFFRAMP_MAX_SITES + 1];
    double *count = calloc((size_t)runs * (sites + 1), sizeof *count);
    if (!count) {
        out->failed = true;
        return;
    }
    for (uint32_t j = 0; j <= sites; ++j)
        name[j] = j < sites ? run[0].data->site_name[j] : "full model";
    for (uint32_t i = 0; i < runs; ++i)
        for (uint64_t id = 0; id < run[i].data->slots; ++id)
            if (run[i].data->outcome[id] != OFR_OUTCOMES && run[i].data->exit_site[id] <= sites)
                count[(size_t)i * (sites + 1) + run[i].data->exit_site[id]] += 1.0;
    struct ofr_figure *figure =
        ofr_figures_add(out, "exits", "Where requests leave",
                        "Share of answered requests that left at each ramp, shallow to deep.");
    if (figure)
        figure->y.title = "share of requests (%)";
    share_bars(figure, run, runs, name, sites + 1, count);
    free(count);
}

static void outcomes(struct ofr_figures *out, const struct ofr_report_run *run, uint32_t runs)
{
    const char *name[OFR_OUTCOMES];
    double count[OFR_REPORT_MOST_RUNS * OFR_OUTCOMES] = {0};
    for (int j = 0; j < OFR_OUTCOMES; ++j)
        name[j] = ofr_outcome_name(j);
    for (uint32_t i = 0; i < runs; ++i)
        for (uint64_t id = 0; id < run[i].data->slots; ++id)
            if (run[i].data->outcome[id] != OFR_OUTCOMES)
                count[i * OFR_OUTCOMES + run[i].data->outcome[id]] += 1.0;
    struct ofr_figure *figure = ofr_figures_add(out, "outcomes", "How requests end",
                                                "Every offered request ends in exactly one of these.");
    if (figure)
        figure->y.title = "share of requests (%)";
    share_bars(figure, run, runs, name, OFR_OUTCOMES, count);
}

static void reasons(struct ofr_figures *out, const struct ofr_report_run *run, uint32_t runs)
{
    const char *name[OFR_REASONS];
    double count[OFR_REPORT_MOST_RUNS * OFR_REASONS] = {0};
    for (int j = 0; j < OFR_REASONS; ++j)
        name[j] = ofr_reason_name(j);
    for (uint32_t i = 0; i < runs; ++i)
        for (int j = 0; j < OFR_REASONS; ++j)
            count[i * OFR_REASONS + (uint32_t)j] = (double)run[i].data->reason[j];
    struct ofr_figure *figure =
        ofr_figures_add(out, "batch-reasons", "Why batches were sent",
                        "Share of batches by the reason the batcher gave for sending them.");
    if (figure)
        figure->y.title = "share of batches (%)";
    share_bars(figure, run, runs, name, OFR_REASONS, count);
}

/* ---- accuracy against latency ---- */

static void trade_off(struct ofr_figures *out, const struct ofr_report_run *run, uint32_t runs)
{
    struct ofr_figure *figure = ofr_figures_add(
        out, "accuracy-latency", "Agreement against latency",
        "Every run by its mean latency and the share of answers that equal the full model's. Up and left "
        "is better.");
    if (!figure)
        return;
    figure->x.title = "mean latency (ms)";
    figure->y.title = "agreement (%)";
    ofr_figure_row(figure);
    ofr_figure_cell(figure, "run");
    ofr_figure_cell(figure, "mean latency (ms)");
    ofr_figure_cell(figure, "agreement");
    for (uint32_t i = 0; i < runs; ++i) {
        const struct ofr_run_data *data = run[i].data;
        char label[160];
        uint64_t count = 0;
        double *latency = figures__latencies(data, &count);
        double ms = latency ? mean_of(latency, count) : NAN, agreement = agreement_of(data);
        out->failed = out->failed || !latency;
        free(latency);
        snprintf(label, sizeof label, "%s: %.4f ms, %.3f %%", run[i].label, ms, agreement);
        struct ofr_series *points =
            ofr_figure_series(figure, OFR_SERIES_POINTS, (int32_t)i, "%s", run[i].label);
        if (count > 0)
            ofr_series_add_labelled(points, ms, agreement, label);
        ofr_figure_row(figure);
        ofr_figure_cell(figure, "%s", run[i].label);
        ofr_figure_number(figure, "%.4f", ms);
        ofr_figure_number(figure, "%.4f %%", agreement);
    }
}

int ofr_figures_of_runs(struct ofr_figures *out, const struct ofr_report_run *run, uint32_t runs,
                        struct ofr_error *err)
{
    glance(out, run, runs);
    cdf(out, run, runs);
    int rc = percentiles(out, run, runs, err);
    if (rc)
        return rc;
    figures__over_time(out, run, runs);
    exits(out, run, runs);
    if (runs > 1)
        trade_off(out, run, runs);
    outcomes(out, run, runs);
    reasons(out, run, runs);
    return ofr_figures_check(out, err);
}
