/* Two sets of runs side by side: A, the reference (real runs, say), and B, what is held against it (a
 * simulation). A set is one or more logs of the same work; several runs of a set show its own spread.
 *
 * Words used in the results:
 *   error       (B - A) / A of a statistic; the statistic of a set is the mean over its runs
 *   interval    95 % bootstrap interval of the error: the requests, in order, are cut into blocks; blocks are
 *               drawn with replacement, the same ones from A and B when they ran the same work (paired), and
 *               runs of a set are drawn likewise. Blocks keep the correlation of neighbours (Kleijnen, Cheng and
 *               Bettonvil 2000 validate trace-driven models by this paired difference over sub-runs)
 *   significant the interval does not contain 0
 *   spread      half the range of A's own runs around their mean, in per cent: what a second real run may differ by
 *   paired      per request, latency in B less latency in A, over the requests both answered
 *   distance    total variation between two histograms: half the sum of |share in A - share in B|, 0 to 1
 *
 * A request is paired by its id and only when its arrival and sample are the same in both: anything else is
 * different work, is reported as such and never paired. A set that lacks requests of the other breaks
 * conservation: that is named and fails the comparison.
 */
#ifndef OFR_ANALYSIS_COMPARE_H
#define OFR_ANALYSIS_COMPARE_H

#include "analysis/run_data.h"

#include <jansson.h>
#include <stdio.h>

/* X(name, text): request times that are compared. */
#define OFR_COMPARED_MAP(X)                                                                                  \
    X(LATENCY, "latency")                                                                                    \
    X(QUEUEING, "queueing")                                                                                  \
    X(SERVICE, "service")

/* X(name, text, probability): statistics of a time; the mean has none. */
#define OFR_STATISTIC_MAP(X)                                                                                 \
    X(MEAN, "mean", -1.0)                                                                                    \
    X(P50, "p50", 0.50)                                                                                      \
    X(P90, "p90", 0.90)                                                                                      \
    X(P95, "p95", 0.95)                                                                                      \
    X(P99, "p99", 0.99)

enum ofr_compared {
#define X(name, text) OFR_COMPARED_##name,
    OFR_COMPARED_MAP(X)
#undef X
    OFR_COMPARED
};

enum ofr_statistic {
#define X(name, text, p) OFR_STATISTIC_##name,
    OFR_STATISTIC_MAP(X)
#undef X
    OFR_STATISTICS
};

/* X(name, text): statistics of a pass, from a batch's dispatch to its end. */
#define OFR_PASS_MAP(X)                                                                                      \
    X(MEAN, "mean")                                                                                          \
    X(P10, "p10")                                                                                            \
    X(P90, "p90")

enum ofr_pass_statistic {
#define X(name, text) OFR_PASS_##name,
    OFR_PASS_MAP(X)
#undef X
    OFR_PASSES
};

enum {
    OFR_COMPARE_MOST_RUNS = 32,
    OFR_COMPARE_RESAMPLES = 400,
    OFR_COMPARE_BLOCKS = 64,
    OFR_COMPARE_SIZES = 16,
    OFR_COMPARE_NAMED = 5 /* missing requests that are named */
};

/* One set. Logs are owned. */
struct ofr_run_set {
    struct ofr_run_data *run[OFR_COMPARE_MOST_RUNS];
    uint32_t runs;
};

/* One number of both sets. NaN where it is not defined. */
struct ofr_difference {
    double a, b;
    double spread_pct;        /* of A's runs; NaN for one run */
    double error_pct;         /* (b - a) / a; 0 when both are 0 */
    double low_pct, high_pct; /* interval; NaN where none was computed */
    bool significant;
};

struct ofr_paired {
    uint64_t pairs;
    double bias_ns, mean_abs_ns; /* mean of the difference and of its absolute value */
    double p50_abs_ns, p95_abs_ns, p99_abs_ns, max_abs_ns;
    double mean_abs_pct; /* mean |difference| / mean of A */
    double within_1pct;  /* share of requests within 1 % of A */
};

/* Batches the device ran at one size. */
struct ofr_pass_size {
    uint32_t size;
    double share;               /* of A's requests that were served at it */
    struct ofr_difference mean; /* ms, dispatch to end */
};

struct ofr_comparison {
    struct ofr_difference time[OFR_COMPARED][OFR_STATISTICS]; /* ms */
    struct ofr_paired paired[OFR_COMPARED];
    struct ofr_difference throughput, goodput; /* requests/s */
    struct ofr_difference agreement;           /* share; error in per cent of A */
    struct ofr_difference pass[OFR_PASSES];    /* ms: of batches the device ran at size `pass_size` */
    struct ofr_pass_size
        size_pass[OFR_COMPARE_SIZES]; /* [size_passes] with 1 % of the requests or more, ascending */
    uint32_t size_passes;
    uint32_t pass_size;                /* at which most requests of A were served; 0 = none */
    struct ofr_difference lateness[3]; /* us: p50, p99, max of admitted - intended arrival */
    uint64_t offered_a, offered_b;     /* of the first run of each set */
    double outcome_a[OFR_OUTCOMES], outcome_b[OFR_OUTCOMES]; /* shares, over the set */
    double reason_a[OFR_REASONS], reason_b[OFR_REASONS];
    double *size_a, *size_b; /* [sizes] share of batches, owned */
    uint32_t sizes;
    double exit_a[OFFRAMP_MAX_SITES + 1],
        exit_b[OFFRAMP_MAX_SITES + 1]; /* [sites + 1] of answered requests */
    uint32_t sites;
    double outcome_distance, reason_distance, size_distance, exit_distance;
    double exit_worst_points; /* largest |difference| of an exit rate, per cent points */
    /* decisions over time, first run of each set */
    uint32_t decisions_a, decisions_b;
    double same_ramps;         /* share of the common time with the same ramp set */
    double threshold_distance; /* mean |difference| of thresholds of shared ramps over that time */
    int64_t first_apart_ns;    /* when the configurations first differ; -1 = never */
    /* pairing and conservation */
    bool paired_work;        /* same arrivals and samples: intervals are paired */
    uint64_t different_work; /* ids in both whose arrival or sample differs, over all pairs of runs */
    uint64_t missing_a, missing_b, doubled; /* ids one set lacks and the other has; rows with a used id */
    uint64_t gaps;                          /* ids within a log's own range that it lacks */
    char complaint[512];                    /* conservation: one line; empty = fine */
};

/* Takes one set: `text` is a log, a folder (all its .olog files by name), or several logs separated by commas. */
int ofr_run_set_load(struct ofr_run_set *set, const char *text, struct ofr_error *err);
void ofr_run_set_release(struct ofr_run_set *set);

/* Errors: OFR_E_INPUT when the sets have different ramp sites, OFR_E_NOMEM. Release the result. */
int ofr_compare(struct ofr_comparison *out, const struct ofr_run_set *a, const struct ofr_run_set *b,
                struct ofr_error *err);
void ofr_comparison_release(struct ofr_comparison *comparison);

/* ---- gates ---- */

struct ofr_gate {
    char name[40];
    const char *unit;    /* of value and bound: "%", "points", "% distance", "% of the time" */
    double value, bound; /* value without sign; NaN = not defined, which fails */
    bool failed;
};

enum {
    OFR_MOST_GATES = 32
};

struct ofr_gates {
    struct ofr_gate gate[OFR_MOST_GATES];
    uint32_t gates, failed;
};

/* `text`: NAME=BOUND separated by commas. NAME is mean, p50 ... (of latency), latency.p50 ... service.p99,
 * throughput, goodput, agreement (points), exit_rate (points, worst site), batch_size, outcome, reason
 * (distances), decisions (share of time with other ramps). BOUND is a share, with or without %. Errors:
 * OFR_E_USAGE for a gate that is not understood. */
int ofr_compare_gates(struct ofr_gates *out, const struct ofr_comparison *comparison, const char *text,
                      struct ofr_error *err);
/* OFR_E_GATE naming the first failed gate, or the conservation complaint; 0 when nothing failed. */
int ofr_compare_verdict(const struct ofr_comparison *comparison, const struct ofr_gates *gates,
                        struct ofr_error *err);

/* ---- printing ---- */

void ofr_comparison_text(FILE *out, const struct ofr_comparison *comparison, const struct ofr_run_set *a,
                         const struct ofr_run_set *b, const struct ofr_gates *gates);
/* Owned by the caller; NULL when out of memory. */
json_t *ofr_comparison_json(const struct ofr_comparison *comparison, const struct ofr_run_set *a,
                            const struct ofr_run_set *b, const struct ofr_gates *gates);

/* Statistics of one run's time in ns and their 95 % bootstrap intervals (blocks as in the comparison). */
struct ofr_interval {
    double value, low, high; /* NaN when the run answered nothing */
};
int ofr_run_intervals(struct ofr_interval out[OFR_STATISTICS], const struct ofr_run_data *run,
                      enum ofr_compared compared, struct ofr_error *err);

extern const char *const ofr_pass_names[];      /* by enum ofr_pass_statistic */
extern const char *const ofr_compared_names[];  /* by enum ofr_compared */
extern const char *const ofr_statistic_names[]; /* by enum ofr_statistic */

#endif
