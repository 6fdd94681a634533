/* Figures of a comparison: errors with intervals, exit rates side by side. */
#include "analysis/report/figures.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static void errors(struct ofr_figures *out, const struct ofr_comparison *c)
{
    struct ofr_figure *figure =
        ofr_figures_add(out, "errors", "Error of the second run against the first",
                        "(B - A) / A of every statistic, none where A is 0; whiskers are 95 % bootstrap "
                        "intervals. Zero inside the whisker: no difference could be told.");
    if (!figure)
        return;
    figure->y.title = "error (%)";
    ofr_figure_row(figure);
    ofr_figure_cell(figure, "statistic");
    for (int i = 0; i < OFR_COMPARED; ++i)
        ofr_figure_cell(figure, "%s error (interval)", ofr_compared_names[i]);
    for (int j = 0; j < OFR_STATISTICS; ++j) {
        ofr_figure_category(figure, ofr_statistic_names[j]);
        ofr_figure_row(figure);
        ofr_figure_cell(figure, "%s", ofr_statistic_names[j]);
        for (int i = 0; i < OFR_COMPARED; ++i) {
            const struct ofr_difference *d = &c->time[i][j];
            ofr_figure_interval(figure, "%+.3f %%", d->error_pct, d->low_pct, d->high_pct);
        }
    }
    for (int i = 0; i < OFR_COMPARED; ++i) {
        struct ofr_series *bars = ofr_figure_series(figure, OFR_SERIES_BARS, i, "%s", ofr_compared_names[i]);
        struct ofr_series *ranges =
            ofr_figure_series(figure, OFR_SERIES_RANGES, i, "%s", ofr_compared_names[i]);
        for (int j = 0; j < OFR_STATISTICS; ++j) {
            ofr_series_add(bars, j, c->time[i][j].error_pct);
            ofr_series_add_range(ranges, j, c->time[i][j].low_pct, c->time[i][j].high_pct);
        }
    }
}

/* ---- request by request ---- */

static const int64_t *times_of(const struct ofr_run_data *run, int what)
{
    const int64_t *const times[OFR_COMPARED] = {[OFR_COMPARED_LATENCY] = run->latency_ns,
                                                [OFR_COMPARED_QUEUEING] = run->queueing_ns,
                                                [OFR_COMPARED_SERVICE] = run->service_ns};
    return times[what];
}

static int by_double(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* B less A in ms of every request both answered, ascending. Owned; NULL when out of memory. */
static double *differences(const struct ofr_run_data *a, const struct ofr_run_data *b, int what,
                           uint64_t *count)
{
    const int64_t *of_a = times_of(a, what), *of_b = times_of(b, what);
    uint64_t slots = a->slots < b->slots ? a->slots : b->slots;
    double *ms = calloc(slots ? slots : 1, sizeof *ms);
    *count = 0;
    for (uint64_t id = 0; ms && id < slots; ++id)
        if (a->outcome[id] != OFR_OUTCOMES && b->outcome[id] != OFR_OUTCOMES && of_a[id] >= 0 &&
            of_b[id] >= 0)
            ms[(*count)++] = (double)(of_b[id] - of_a[id]) / 1e6;
    if (ms)
        qsort(ms, *count, sizeof *ms, by_double);
    return ms;
}

static void paired_row(struct ofr_figure *figure, const char *name, const struct ofr_paired *paired)
{
    ofr_figure_row(figure);
    ofr_figure_cell(figure, "%s", name);
    ofr_figure_cell(figure, "%" PRIu64, paired->pairs);
    const double ns[] = {paired->bias_ns,    paired->mean_abs_ns, paired->p50_abs_ns,
                         paired->p95_abs_ns, paired->p99_abs_ns,  paired->max_abs_ns};
    ofr_figure_number(figure, "%+.4f", ns[0] / 1e6);
    for (size_t i = 1; i < sizeof ns / sizeof *ns; ++i)
        ofr_figure_number(figure, "%.4f", ns[i] / 1e6);
    ofr_figure_number(figure, "%.2f", 100.0 * paired->within_1pct);
}

/* Between the 0.5th and the 99.5th percentile: a few far ones would hide the rest. The table has the largest. */
static void request_errors(struct ofr_figures *out, const struct ofr_comparison *c,
                           const struct ofr_run_data *a, const struct ofr_run_data *b)
{
    static const char *const head[] = {"time",          "pairs",         "bias (ms)",
                                       "mean |d| (ms)", "p50 |d| (ms)",  "p95 |d| (ms)",
                                       "p99 |d| (ms)",  "most |d| (ms)", "within 1 % (%)"};
    struct ofr_figure *figure = ofr_figures_add(
        out, "request-errors", "Differences request by request",
        "Share of requests that both runs answered whose difference d, second less first, is at most "
        "x; the outermost half per cent on either side is left out of the plot.");
    if (!figure)
        return;
    figure->x.title = "difference (ms)";
    figure->y.title = "share of requests";
    ofr_figure_row(figure);
    for (size_t j = 0; j < sizeof head / sizeof *head; ++j)
        ofr_figure_cell(figure, "%s", head[j]);
    for (int i = 0; i < OFR_COMPARED; ++i) {
        uint64_t count = 0;
        double *ms = differences(a, b, i, &count);
        struct ofr_series *line = ofr_figure_series(figure, OFR_SERIES_LINE, i, "%s", ofr_compared_names[i]);
        for (int j = 1; ms && count && j <= 199; ++j)
            ofr_series_add(line, ms[(uint64_t)(j / 200.0 * (double)count)], j / 200.0);
        paired_row(figure, ofr_compared_names[i], &c->paired[i]);
        out->failed = out->failed || !ms;
        free(ms);
    }
}

/* ---- the rest, as a table ---- */

static void difference_row(struct ofr_figure *figure, const char *name, const struct ofr_difference *d)
{
    ofr_figure_row(figure);
    ofr_figure_cell(figure, "%s", name);
    ofr_figure_number(figure, "%.6g", d->a);
    ofr_figure_number(figure, "%.6g", d->b);
    ofr_figure_number(figure, "%+.4f %%", d->error_pct);
}

static void share_row(struct ofr_figure *figure, const char *name, double value, const char *unit)
{
    ofr_figure_row(figure);
    ofr_figure_cell(figure, "%s", name);
    ofr_figure_cell(figure, "%s", "");
    ofr_figure_cell(figure, "%s", "");
    if (isnan(value))
        ofr_figure_cell(figure, "none");
    else
        ofr_figure_cell(figure, "%.4f %s", value, unit);
}

static void overall(struct ofr_figures *out, const struct ofr_comparison *c)
{
    struct ofr_figure *figure = ofr_figures_add(out, "comparison", "The second run against the first",
                                                "What is no time: rates, agreement, where requests leave, "
                                                "what stood. A distance is half the sum of absolute "
                                                "differences of shares.");
    ofr_figure_row(figure);
    ofr_figure_cell(figure, "what");
    ofr_figure_cell(figure, "first");
    ofr_figure_cell(figure, "second");
    ofr_figure_cell(figure, "difference");
    difference_row(figure, "throughput (requests/s)", &c->throughput);
    difference_row(figure, "goodput (requests/s)", &c->goodput);
    difference_row(figure, "agreement (share)", &c->agreement);
    share_row(figure, "exit rate, worst site", c->exit_worst_points, "points");
    share_row(figure, "batch sizes, distance", 100.0 * c->size_distance, "%");
    share_row(figure, "batch reasons, distance", 100.0 * c->reason_distance, "%");
    share_row(figure, "same ramps standing", 100.0 * c->same_ramps, "% of the time");
}

int ofr_figures_of_comparison(struct ofr_figures *out, const struct ofr_comparison *comparison,
                              const struct ofr_run_data *a, const struct ofr_run_data *b,
                              struct ofr_error *err)
{
    overall(out, comparison);
    errors(out, comparison);
    if (comparison->paired_work)
        request_errors(out, comparison, a, b);
    struct ofr_figure *figure = ofr_figures_add(out, "exit-differences", "Exit rates, second less first",
                                                "Points of per cent, site by site.");
    if (figure) {
        figure->y.title = "difference (points)";
        struct ofr_series *bars = ofr_figure_series(figure, OFR_SERIES_BARS, 0, "B less A");
        ofr_figure_row(figure);
        ofr_figure_cell(figure, "site");
        ofr_figure_cell(figure, "difference (points)");
        for (uint32_t i = 0; i <= comparison->sites; ++i) {
            const char *name = i < comparison->sites ? a->site_name[i] : "full model";
            double points = 100.0 * (comparison->exit_b[i] - comparison->exit_a[i]);
            ofr_figure_category(figure, name);
            ofr_series_add(bars, i, points);
            ofr_figure_row(figure);
            ofr_figure_cell(figure, "%s", name);
            ofr_figure_number(figure, "%+.4f", points);
        }
    }
    return ofr_figures_check(out, err);
}
