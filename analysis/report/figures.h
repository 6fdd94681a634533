/* Makers of figures: from runs, from the comparison of two of them, from sweeps. */
#ifndef OFR_ANALYSIS_REPORT_FIGURES_H
#define OFR_ANALYSIS_REPORT_FIGURES_H

#include "analysis/compare.h"
#include "analysis/report/figure.h"
#include "analysis/sweep_data.h"

enum {
    OFR_REPORT_MOST_RUNS = 8 /* as many colours as can be told apart */
};

/* One run of a report. `data` is borrowed. */
struct ofr_report_run {
    const struct ofr_run_data *data;
    char label[64]; /* in legends; different for every run */
    char policy[48];
    double accuracy_loss; /* the constraint it ran under; NaN = none */
    double slo_ms;        /* NaN = none */
};

/* Reads what the scenario text says of policy, constraint and SLO, and gives every run a label of its own. */
void ofr_report_runs(struct ofr_report_run *out, const struct ofr_run_data *const *data, uint32_t runs);

/* A table of all runs, latency CDF, percentiles with intervals, queue, batch size, latency, active ramps over time,
 * thresholds over time of each run, exits per site, agreement in a moving window, outcomes, batch reasons, accuracy
 * against latency. */
int ofr_figures_of_runs(struct ofr_figures *out, const struct ofr_report_run *run, uint32_t runs,
                        struct ofr_error *err);
/* The sweep at a glance, its best configuration, the front's trade-offs with every configuration named, the goals along
 * every axis. */
int ofr_figures_of_sweep(struct ofr_figures *out, const struct ofr_sweep_data *data, struct ofr_error *err);
/* Errors with their intervals, differences request by request where both runs had the same work, exit rates. */
int ofr_figures_of_comparison(struct ofr_figures *out, const struct ofr_comparison *comparison,
                              const struct ofr_run_data *a, const struct ofr_run_data *b,
                              struct ofr_error *err);

#endif
