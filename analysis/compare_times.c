/* Statistics of request times and their bootstrap intervals. Every (run, time) is sorted once and remembers
 * which block each value came from; a resample is then a vector of block weights, and one pass over the sorted
 * values finds all its percentiles. */
#include "analysis/compare_internal.h"

#include <gsl/gsl_rng.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCKS = OFR_COMPARE_BLOCKS,
    LEAST_RESAMPLES = 100
};

static const double work_limit = 1.5e9; /* values looked at by all resamples of one comparison */

const char *const ofr_statistic_names[] = {
#define X(name, text, p) text,
    OFR_STATISTIC_MAP(X)
#undef X
        NULL};
static const double probability[] = {
#define X(name, text, p) p,
    OFR_STATISTIC_MAP(X)
#undef X
};

struct sorted_value {
    int64_t ns;
    uint32_t block;
};

struct column {
    struct sorted_value *value; /* [count] ascending, owned */
    uint64_t count;
    uint64_t block_count[BLOCKS];
    double block_sum[BLOCKS];
};

/* All columns of one set for one time. */
struct side {
    struct column column[OFR_COMPARE_MOST_RUNS];
    uint32_t runs;
};

static int by_value(const void *left, const void *right)
{
    int64_t a = ((const struct sorted_value *)left)->ns, b = ((const struct sorted_value *)right)->ns;
    return (a > b) - (a < b);
}

static int make_column(struct column *column, const struct ofr_run_data *run, int compared,
                       struct ofr_error *err)
{
    const int64_t *ns = compare__column(run, compared);
    column->value = calloc(run->slots ? run->slots : 1, sizeof *column->value);
    if (!column->value)
        return ofr_fail_nomem(err, "the times of a log");
    for (uint64_t id = 0; id < run->slots; ++id) {
        if (run->outcome[id] == OFR_OUTCOMES || ns[id] < 0)
            continue;
        uint32_t block = (uint32_t)((double)id * BLOCKS / (double)run->slots);
        column->value[column->count++] = (struct sorted_value){.ns = ns[id], .block = block};
        column->block_count[block]++;
        column->block_sum[block] += (double)ns[id];
    }
    qsort(column->value, column->count, sizeof *column->value, by_value);
    return 0;
}

static int make_side(struct side *side, const struct ofr_run_set *set, int compared, struct ofr_error *err)
{
    side->runs = set->runs;
    for (uint32_t i = 0; i < set->runs; ++i) {
        int rc = make_column(&side->column[i], set->run[i], compared, err);
        if (rc)
            return rc;
    }
    return 0;
}

static void free_side(struct side *side)
{
    for (uint32_t i = 0; i < side->runs; ++i)
        free(side->column[i].value);
}

/* Mean and nearest-rank percentiles of a column whose blocks count `weight` times; NaN when nothing is left. */
static void weigh(const struct column *column, const uint32_t *weight, double *statistic)
{
    double total = 0.0, sum = 0.0;
    for (int block = 0; block < BLOCKS; ++block) {
        total += weight[block] * (double)column->block_count[block];
        sum += weight[block] * column->block_sum[block];
    }
    for (int i = 0; i < OFR_STATISTICS; ++i)
        statistic[i] = NAN;
    if (total == 0.0)
        return;
    statistic[OFR_STATISTIC_MEAN] = sum / total;
    double seen = 0.0;
    int next = OFR_STATISTIC_MEAN + 1;
    for (uint64_t i = 0; i < column->count && next < OFR_STATISTICS; ++i) {
        seen += weight[column->value[i].block];
        while (next < OFR_STATISTICS && seen >= ceil(probability[next] * total))
            statistic[next++] = (double)column->value[i].ns;
    }
}

/* The statistics of a set: means over its runs, run i counted `times[i]` times. */
static void weigh_side(const struct side *side, const uint32_t *weight, const uint32_t *times,
                       double *statistic)
{
    double runs = 0.0;
    memset(statistic, 0, OFR_STATISTICS * sizeof *statistic);
    for (uint32_t i = 0; i < side->runs; ++i) {
        double of_run[OFR_STATISTICS];
        if (times[i] == 0)
            continue;
        weigh(&side->column[i], weight, of_run);
        runs += times[i];
        for (int j = 0; j < OFR_STATISTICS; ++j)
            statistic[j] += times[i] * of_run[j];
    }
    for (int j = 0; j < OFR_STATISTICS; ++j)
        statistic[j] /= runs;
}

static void draw(gsl_rng *random, uint32_t *times, uint32_t count)
{
    memset(times, 0, count * sizeof *times);
    for (uint32_t i = 0; i < count; ++i)
        times[gsl_rng_uniform_int(random, count)]++;
}

static uint32_t resamples_for(const struct side *a, const struct side *b)
{
    double values = 1.0;
    for (uint32_t i = 0; i < a->runs; ++i)
        values += (double)a->column[i].count;
    for (uint32_t i = 0; i < b->runs; ++i)
        values += (double)b->column[i].count;
    double affordable = work_limit / (values * OFR_COMPARED);
    if (affordable >= OFR_COMPARE_RESAMPLES)
        return OFR_COMPARE_RESAMPLES;
    return affordable < LEAST_RESAMPLES ? LEAST_RESAMPLES : (uint32_t)affordable;
}

static void set_interval(struct ofr_difference *difference, double *error, uint32_t count)
{
    uint32_t known = 0;
    for (uint32_t i = 0; i < count; ++i)
        if (!isnan(error[i]))
            error[known++] = error[i];
    if (known < LEAST_RESAMPLES / 2)
        return;
    gsl_sort(error, 1, known);
    difference->low_pct = gsl_stats_quantile_from_sorted_data(error, 1, known, 0.025);
    difference->high_pct = gsl_stats_quantile_from_sorted_data(error, 1, known, 0.975);
    difference->significant = difference->low_pct > 0.0 || difference->high_pct < 0.0;
}

static int bootstrap(struct ofr_difference *difference, const struct side *a, const struct side *b,
                     bool paired, struct ofr_error *err)
{
    uint32_t resamples = resamples_for(a, b);
    double *error = calloc((size_t)resamples * OFR_STATISTICS, sizeof *error);
    gsl_rng *random = gsl_rng_alloc(gsl_rng_mt19937);
    if (!error || !random) {
        free(error);
        gsl_rng_free(random);
        return ofr_fail_nomem(err, "a bootstrap");
    }
    gsl_rng_set(random, 1); /* the same intervals every time */
    for (uint32_t i = 0; i < resamples; ++i) {
        uint32_t weight_a[BLOCKS], weight_b[BLOCKS];
        uint32_t times_a[OFR_COMPARE_MOST_RUNS], times_b[OFR_COMPARE_MOST_RUNS];
        double of_a[OFR_STATISTICS], of_b[OFR_STATISTICS];
        draw(random, weight_a, BLOCKS);
        draw(random, weight_b, BLOCKS);
        draw(random, times_a, a->runs);
        draw(random, times_b, b->runs);
        weigh_side(a, weight_a, times_a, of_a);
        weigh_side(b, paired ? weight_a : weight_b, times_b, of_b);
        for (int j = 0; j < OFR_STATISTICS; ++j)
            error[(size_t)j * resamples + i] = compare__error_pct(of_a[j], of_b[j]);
    }
    for (int j = 0; j < OFR_STATISTICS; ++j)
        set_interval(&difference[j], error + (size_t)j * resamples, resamples);
    gsl_rng_free(random);
    free(error);
    return 0;
}

static void fill(struct ofr_difference *difference, const struct side *a, const struct side *b)
{
    uint32_t once[BLOCKS], all[OFR_COMPARE_MOST_RUNS];
    double of_a[OFR_STATISTICS], of_b[OFR_STATISTICS], runs[OFR_STATISTICS][OFR_COMPARE_MOST_RUNS];
    for (int i = 0; i < BLOCKS; ++i)
        once[i] = 1;
    for (int i = 0; i < OFR_COMPARE_MOST_RUNS; ++i)
        all[i] = 1;
    weigh_side(a, once, all, of_a);
    weigh_side(b, once, all, of_b);
    for (uint32_t i = 0; i < a->runs; ++i) {
        double of_run[OFR_STATISTICS];
        weigh(&a->column[i], once, of_run);
        for (int j = 0; j < OFR_STATISTICS; ++j)
            runs[j][i] = of_run[j];
    }
    for (int j = 0; j < OFR_STATISTICS; ++j)
        difference[j] = (struct ofr_difference){.a = of_a[j] / 1e6,
                                                .b = of_b[j] / 1e6,
                                                .spread_pct = compare__spread_pct(runs[j], a->runs),
                                                .error_pct = compare__error_pct(of_a[j], of_b[j]),
                                                .low_pct = NAN,
                                                .high_pct = NAN};
}

int compare__times(struct ofr_comparison *out, const struct ofr_run_set *a, const struct ofr_run_set *b,
                   struct ofr_error *err)
{
    for (int compared = 0; compared < OFR_COMPARED; ++compared) {
        struct side left = {0}, right = {0};
        int rc = make_side(&left, a, compared, err);
        if (!rc)
            rc = make_side(&right, b, compared, err);
        if (!rc) {
            fill(out->time[compared], &left, &right);
            rc = bootstrap(out->time[compared], &left, &right, out->paired_work, err);
        }
        free_side(&left);
        free_side(&right);
        if (rc)
            return rc;
    }
    return 0;
}

static void resample_run(struct ofr_interval *out, const struct column *column, gsl_rng *random,
                         double *drawn)
{
    uint32_t weight[BLOCKS];
    double statistic[OFR_STATISTICS];
    for (int i = 0; i < BLOCKS; ++i)
        weight[i] = 1;
    weigh(column, weight, statistic);
    for (int j = 0; j < OFR_STATISTICS; ++j)
        out[j] = (struct ofr_interval){.value = statistic[j], .low = statistic[j], .high = statistic[j]};
    for (int i = 0; i < LEAST_RESAMPLES; ++i) {
        draw(random, weight, BLOCKS);
        weigh(column, weight, statistic);
        for (int j = 0; j < OFR_STATISTICS; ++j)
            drawn[j * LEAST_RESAMPLES + i] = statistic[j];
    }
    for (int j = 0; j < OFR_STATISTICS; ++j) {
        double *of = drawn + (size_t)j * LEAST_RESAMPLES;
        if (isnan(out[j].value))
            continue;
        gsl_sort(of, 1, LEAST_RESAMPLES);
        out[j].low = gsl_stats_quantile_from_sorted_data(of, 1, LEAST_RESAMPLES, 0.025);
        out[j].high = gsl_stats_quantile_from_sorted_data(of, 1, LEAST_RESAMPLES, 0.975);
    }
}

int ofr_run_intervals(struct ofr_interval out[OFR_STATISTICS], const struct ofr_run_data *run,
                      enum ofr_compared compared, struct ofr_error *err)
{
    struct column column = {0};
    double *drawn = calloc((size_t)OFR_STATISTICS * LEAST_RESAMPLES, sizeof *drawn);
    gsl_rng *random = gsl_rng_alloc(gsl_rng_mt19937);
    int rc =
        drawn && random ? make_column(&column, run, (int)compared, err) : ofr_fail_nomem(err, "a bootstrap");
    if (!rc) {
        gsl_rng_set(random, 1);
        resample_run(out, &column, random, drawn);
    }
    free(column.value);
    gsl_rng_free(random);
    free(drawn);
    return rc;
}
