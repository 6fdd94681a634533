/* What a finished sweep says: every configuration's metrics over its replications, which configurations hold the
 * constraints, the Pareto front and the best one; and the files and tables it is written as.
 *
 *   mean   of the runs that did not fail
 *   low, high  Student's t interval of the mean at the sweep's confidence; NaN below two runs
 *   feasible   no run failed and every constraint holds for the means
 *   pareto     feasible, and no other feasible configuration is as good in every goal and better in one
 *   best       feasible, with the best objective; the first of equals
 *
 * Files in the sweep's folder, each whole or absent: sweep.yaml (the resolved sweep file), results.csv (a row for every
 * configuration), runs.csv (a row for every run), results.osweep (both, in the project's own format).
 */
#ifndef OFR_SWEEP_RESULTS_H
#define OFR_SWEEP_RESULTS_H

#include "sim/sweep/sweep.h"

#include <jansson.h>
#include <stdio.h>

struct ofr_sweep_results {
    const struct ofr_sweep *sweep;      /* borrowed */
    const struct ofr_sweep_runs *runs;  /* borrowed */
    double *mean, *low, *high;          /* owned [configurations][metrics] */
    uint32_t *failed;                   /* owned [configurations]: runs */
    uint8_t *feasible, *pareto;         /* owned [configurations] */
    uint64_t *front;                    /* owned [fronts]: the front's configurations, by its first goal */
    uint64_t fronts, feasibles, broken; /* broken: configurations with a failed run */
    int64_t best;                       /* -1 = none */
};

int ofr_sweep_results_make(struct ofr_sweep_results *results, const struct ofr_sweep *sweep,
                           const struct ofr_sweep_runs *runs, struct ofr_error *err);
void ofr_sweep_results_release(struct ofr_sweep_results *results);
/* Whether a configuration is best among the feasible. */
static inline bool ofr_sweep_is_best(const struct ofr_sweep_results *results, uint64_t configuration)
{
    return results->best >= 0 && (uint64_t)results->best == configuration;
}
/* Message of a configuration's first failed run; NULL = none failed. Borrowed. */
const char *ofr_sweep_failure(const struct ofr_sweep_results *results, uint64_t configuration);
/* Value number k (over all axes' keys) of a configuration as text in a line. Owned; NULL when out of memory. */
char *ofr_sweep_value_text(const struct ofr_sweep *sweep, uint64_t configuration, uint32_t k);
uint32_t ofr_sweep_keys(const struct ofr_sweep *sweep);
const char *ofr_sweep_key(const struct ofr_sweep *sweep, uint32_t k);

/* Writes the files into `folder`. */
int ofr_sweep_results_write(const struct ofr_sweep_results *results, const char *folder,
                            struct ofr_error *err);
/* Parts of it. */
int ofr_sweep_write_csv(const struct ofr_sweep_results *results, const char *folder, struct ofr_error *err);
int ofr_sweep_write_file(const struct ofr_sweep_results *results, const char *folder, struct ofr_error *err);

/* For people: the Pareto front and the best configuration. At most `rows` of the front. */
void ofr_sweep_results_text(FILE *out, const struct ofr_sweep_results *results, uint64_t rows);
/* One object: sweep configurations runs failed feasible best pareto[]. NULL when out of memory. */
json_t *ofr_sweep_results_json(const struct ofr_sweep_results *results);

#endif
