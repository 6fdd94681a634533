/* Private to the makers of figures. */
#ifndef OFR_ANALYSIS_REPORT_FIGURES_INTERNAL_H
#define OFR_ANALYSIS_REPORT_FIGURES_INTERNAL_H

#include "analysis/report/figures.h"

/* Latencies of answered requests in ms, ascending; owned by the caller; NULL when out of memory. */
double *figures__latencies(const struct ofr_run_data *run, uint64_t *count);

/* "latency p99 (ms)" of "latency_ms.p99", or without the unit. */
void figures__metric_title(char *out, size_t size, const char *name, bool with_unit);
/* Whether values from `low` to `high` ask for a logarithmic axis. */
bool figures__wide(double low, double high);

/* figures_axes.c: the goals of a sweep along every key that varies. */
void figures__along_axes(struct ofr_figures *out, const struct ofr_sweep_data *data);

/* figures_time.c: everything along the time of the runs. */
void figures__over_time(struct ofr_figures *out, const struct ofr_report_run *run, uint32_t runs);

#endif
