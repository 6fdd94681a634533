/* Figures of a comparison: errors with intervals, exit rates side by side. */
#include "analysis/report/figures.h"

#include <math.h>

static void errors(struct ofr_figures *out, const struct ofr_comparison *c)
{
    struct ofr_figure *figure =
        ofr_figures_add(out, "errors", "Error of the second run against the first",
                        "(B - A) / A of every statistic; whiskers are 95 % bootstrap intervals. Zero inside "
                        "the whisker: no difference could be told.");
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
            if (isnan(d->error_pct))
                ofr_figure_cell(figure, "none: the first is 0");
            else
                ofr_figure_cell(figure, "%+.3f %% (%+.3f to %+.3f)", d->error_pct, d->low_pct, d->high_pct);
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

int ofr_figures_of_comparison(struct ofr_figures *out, const struct ofr_comparison *comparison,
                              const struct ofr_run_data *a, struct ofr_error *err)
{
    errors(out, comparison);
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
            ofr_figure_cell(figure, "%+.4f", points);
        }
    }
    return ofr_figures_check(out, err);
}
