/* Private to the comparison: the parts compare.c puts together. */
#ifndef OFR_ANALYSIS_COMPARE_INTERNAL_H
#define OFR_ANALYSIS_COMPARE_INTERNAL_H

#include "analysis/compare.h"

/* compare_times.c: `time` of the comparison, statistics and bootstrap intervals. */
int compare__times(struct ofr_comparison *out, const struct ofr_run_set *a, const struct ofr_run_set *b,
                   struct ofr_error *err);
/* compare_pairs.c: pairing, conservation, per-request differences. */
int compare__pairs(struct ofr_comparison *out, const struct ofr_run_set *a, const struct ofr_run_set *b,
                   struct ofr_error *err);
/* compare_passes.c: times of batches of the size most requests of A were served at. */
int compare__passes(struct ofr_comparison *out, const struct ofr_run_set *a, const struct ofr_run_set *b,
                    struct ofr_error *err);
/* compare_decisions.c: configurations over time. */
void compare__decisions(struct ofr_comparison *out, const struct ofr_run_data *a,
                        const struct ofr_run_data *b);

/* Request times of a run by enum ofr_compared; -1 = not answered. */
const int64_t *compare__column(const struct ofr_run_data *run, int compared);

/* error_pct of b against a: 0 when equal, NaN when only a is 0 or one is not defined. */
double compare__error_pct(double a, double b);
/* Half the range of the values around their mean, in per cent; NaN for fewer than two. */
double compare__spread_pct(const double *value, uint32_t count);
double compare__mean(const double *value, uint32_t count);

/* One number of every run of both sets, without an interval. */
struct ofr_difference compare__difference(const double *a, uint32_t runs_a, const double *b, uint32_t runs_b);

/* Length of a run in ns: as the run noted it, else the last end in its rows. */
int64_t compare__end_ns(const struct ofr_run_data *run);

#endif
