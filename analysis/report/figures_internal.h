/* Private to the makers of figures. */
#ifndef OFR_ANALYSIS_REPORT_FIGURES_INTERNAL_H
#define OFR_ANALYSIS_REPORT_FIGURES_INTERNAL_H

#include "analysis/report/figures.h"

/* Latencies of answered requests in ms, ascending; owned by the caller; NULL when out of memory. */
double *figures__latencies(const struct ofr_run_data *run, uint64_t *count);

/* figures_time.c: everything along the time of the runs. */
void figures__over_time(struct ofr_figures *out, const struct ofr_report_run *run, uint32_t runs);

#endif
