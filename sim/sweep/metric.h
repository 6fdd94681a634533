/* Metrics of a sweep: numbers of the JSON summary by their path, `latency_ms.p99`, `throughput_rps`, `exit_rate.0`. A
 * unit at the end of a step may be left out: `latency.p99`. What summaries gain, sweeps can keep without a change here.
 * Beside them:
 *
 *   ok_share         requests answered within their SLO / requests offered
 *   slo_ms           the scenario's SLO
 *   capacity         what a capacity search found; capacity_inside: 1 = inside its range, 0 = at an end of it
 */
#ifndef OFR_SWEEP_METRIC_H
#define OFR_SWEEP_METRIC_H

#include "analysis/summary.h"
#include "sim/base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum ofr_derived {
    OFR_DERIVED_NONE,
    OFR_DERIVED_OK_SHARE,
    OFR_DERIVED_SLO,
    OFR_DERIVED_CAPACITY,
    OFR_DERIVED_INSIDE,
    OFR_DERIVED_COUNT
};

struct ofr_metric {
    char name[48]; /* as the summary has it, units included */
    enum ofr_derived derived;
};

/* metric op value, e.g. `latency.p99 <= 20ms`, `latency.p99 <= slo`, `agreement >= 99%`. */
struct ofr_constraint {
    int32_t metric; /* index */
    int32_t slo;    /* index of the metric that is the bound; -1 = `value` is */
    bool at_most, strict;
    double value; /* in the metric's unit */
    char text[48];
};

struct ofr_goal {
    int32_t metric; /* index; -1 = none */
    bool minimize;
};

/* Index of a metric, which is added when it is new. Negative: an error (no such number in any summary, too many). */
int32_t ofr_metric_add(struct ofr_metric *list, uint32_t *count, const char *name, struct ofr_error *err);
int ofr_constraint_read(struct ofr_constraint *out, const char *text, struct ofr_metric *list,
                        uint32_t *count, struct ofr_error *err);
/* `minimize METRIC`, `maximize METRIC` (`min`, `max`), or the metric alone: times are minimized, the rest maximized. */
int ofr_goal_read(struct ofr_goal *out, const char *text, struct ofr_metric *list, uint32_t *count,
                  struct ofr_error *err);
/* `value` as ofr_metrics_measure fills it. NaN meets nothing. */
bool ofr_constraint_met(const struct ofr_constraint *constraint, const double *value);
/* Fills value[metrics] from a run: NaN where it has no such number. `slo_ns` -1 = none. */
int ofr_metrics_measure(const struct ofr_metric *metric, uint32_t metrics, const struct ofr_summary *summary,
                        int64_t slo_ns, double *value, struct ofr_error *err);

#endif
