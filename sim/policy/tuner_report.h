/* One run of the tuner on a case, timed, and its printing: what `offramp tune` does. */
#ifndef OFR_POLICY_TUNER_REPORT_H
#define OFR_POLICY_TUNER_REPORT_H

#include "sim/policy/tuner_case.h"

#include <stdio.h>

enum ofr_tuner_method {
    OFR_TUNER_GREEDY,
    OFR_TUNER_EXACT,
    OFR_TUNER_GRID
};

struct ofr_tuner_job {
    enum ofr_tuner_method method;
    double budget;  /* share of wrong exits, the bound of the case files: |1 - acc| < budget */
    double step;    /* grid */
    uint64_t limit; /* exact: tree nodes, grid: configurations; 0 = none */
};

struct ofr_tuner_report {
    struct ofr_tuner_result result;
    double us; /* CPU time of one tuning of a window already loaded: median of some where that is quick */
};

/* Returns 0, OFR_E_USAGE or OFR_E_NOMEM. */
int ofr_tuner_run(struct ofr_tuner_report *out, const struct ofr_tuner_case *kase,
                  const struct ofr_tuner_job *job, struct ofr_error *err);
/* JSON object or a short table; `optimal` there means that the whole space (all thresholds, or the grid) was
 * covered. Numbers are the shortest that read back to the same double. Everything but
 * `us` is the same on every run. */
void ofr_tuner_report_json(FILE *out, const struct ofr_tuner_case *kase,
                           const struct ofr_tuner_report *report);
void ofr_tuner_report_text(FILE *out, const struct ofr_tuner_case *kase,
                           const struct ofr_tuner_report *report);

#endif
