/* Sweeps: many runs of one scenario with some of its keys varied, on any number of threads and ranks.
 *
 * Concept. A sweep file names a base scenario and what varies: `axes` (every combination) and `points` (quasi-random
 * or Latin hypercube points over several keys at once). Every combination is a *configuration*, numbered from 0, the last
 * axis fastest, points last of all. A *run* is one replication of a configuration: run = configuration * replications
 * + replication. Replication r of every configuration uses the scenario's seed + r: common random numbers. With
 * `capacity`, a run is a bisection for the highest value of one key that still meets a condition.
 *
 * Determinism. A run depends on the sweep file, its inputs and its number alone; results are kept by number. So every
 * file but the journal has the same bytes whatever the number of threads and ranks, in whatever order runs end and
 * however often the sweep was killed and resumed.
 *
 * Errors. A run whose scenario is bad, or that fails, becomes a row with its message and stops nothing. Failures of the
 * machine (out of memory, input and output) are tried again, OFR_SWEEP_TRIES times in all.
 */
#ifndef OFR_SWEEP_SWEEP_H
#define OFR_SWEEP_SWEEP_H

#include "sim/base/config.h"
#include "sim/sweep/axes.h"
#include "sim/sweep/metric.h"
#include "traces/container.h"

enum {
    OFR_SWEEP_TRIES = 3,
    OFR_SWEEP_MOST_RUNS = 10000000,
    OFR_SWEEP_MOST_AXES = 20, /* keys that vary */
    OFR_SWEEP_CAPACITY = 0,   /* metrics of a sweep that searches */
    OFR_SWEEP_INSIDE = 1,
};

/* Top level of a sweep file. */
struct ofr_sweep_top {
    char name[OFFRAMP_TEXT_SIZE];
    uint64_t replications;
    double confidence; /* of the intervals, 0..1 */
    struct offramp_texts metrics, constraints, pareto;
    char objective[OFFRAMP_TEXT_SIZE]; /* "minimize METRIC", "maximize METRIC"; empty = none */
};

/* The search for the highest value of a key. */
struct ofr_sweep_capacity {
    const struct ofr_node *node; /* borrowed from the sweep's tree; NULL = no search */
    char key[OFFRAMP_TEXT_SIZE];
    struct ofr_node *start; /* owned: the first value */
    struct ofr_range range; /* `round`: of the values between its ends */
    double tolerance;       /* relative width of the last bracket */
    struct ofr_constraint meets;
};

struct ofr_sweep {
    struct ofr_sweep_top top;
    struct ofr_config *file,
        *base;                 /* owned: the sweep file, the base scenario's own file (NULL when inline) */
    struct ofr_node *scenario; /* borrowed: root of the base scenario */
    struct ofr_axis *axis;     /* owned [axes]; the last may be the points */
    uint32_t axes;
    struct ofr_metric
        metric[OFFRAMP_MAX_SITES]; /* kept; first `capacity`, `capacity_inside` when there is a search */
    uint32_t metrics;
    struct ofr_constraint constraint[OFFRAMP_MAX_SITES];
    uint32_t constraints;
    struct ofr_goal pareto[OFFRAMP_MAX_SITES];
    uint32_t paretos;
    struct ofr_goal objective; /* metric -1 = none */
    struct ofr_sweep_capacity capacity;
    uint64_t configurations, runs;
    char *text;           /* owned: the resolved sweep file */
    uint64_t fingerprint; /* of the text, the tool's version and commit, and every file the scenarios name */
};

/* Reads a sweep file; `set` assignments are applied to its base scenario. Owned: free with ofr_sweep_free. Errors:
 * OFR_E_INPUT with file:line:column. Configurations are not looked at: a bad one fails by itself. */
int ofr_sweep_load(struct ofr_sweep **out, const char *path, const char *const *set, uint32_t sets,
                   struct ofr_error *err);
void ofr_sweep_free(struct ofr_sweep *sweep); /* NULL is allowed */

/* The keys of a sweep file, for `offramp help sweep-file`. */
void ofr_sweep_help(FILE *out);

/* Value number of every axis in a configuration. */
void ofr_sweep_place(const struct ofr_sweep *sweep, uint64_t configuration, uint32_t *point);

/* The runs of a sweep and what they left. */
struct ofr_sweep_runs {
    double *value; /* owned [runs][metrics]; NaN where a run has none */
    char **error;  /* owned [runs], NULL = none */
    int8_t *code;  /* owned [runs]: 0 fine, OFR_E_*; n > 0: not yet finished, n - 1 tries failed */
};

int ofr_sweep_runs_init(struct ofr_sweep_runs *runs, const struct ofr_sweep *sweep, struct ofr_error *err);
void ofr_sweep_runs_release(struct ofr_sweep_runs *runs, const struct ofr_sweep *sweep);

#endif
