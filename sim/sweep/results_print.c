#include "sim/base/json.h"
#include "sim/sweep/results.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- text ---- */

enum {
    CELL = 64,
    MOST_COLUMNS = OFR_SWEEP_MOST_AXES + OFFRAMP_MAX_SITES + 4
};

/* A table whose columns are as wide as their widest cell. */
struct grid {
    uint32_t columns, rows;
    char (*cell)[CELL]; /* owned [rows][columns] */
};

static char *cell(struct grid *grid, uint32_t row, uint32_t column)
{
    return grid->cell[row * grid->columns + column];
}

/* Characters, not bytes: UTF-8 continuation bytes take no room. */
static int width_of(const char *text)
{
    int width = 0;
    for (; *text; ++text)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void print_grid(FILE *out, struct grid *grid)
{
    int widest[MOST_COLUMNS] = {0};
    for (uint32_t row = 0; row < grid->rows; ++row)
        for (uint32_t column = 0; column < grid->columns; ++column) {
            int found = width_of(cell(grid, row, column));
            widest[column] = found > widest[column] ? found : widest[column];
        }
    for (uint32_t row = 0; row < grid->rows; ++row) {
        for (uint32_t column = 0; column < grid->columns; ++column) {
            int width = widest[column];
            const char *text = cell(grid, row, column);
            fprintf(out, "%s%*s%s", column ? "  " : "", width - width_of(text), "", text);
        }
        fputc('\n', out);
    }
}

static void put_number(char *out, double value)
{
    snprintf(out, CELL, isfinite(value) ? "%.5g" : "-", value);
}

/* Mean, and half its interval where there is one. */
static void put_estimate(char *out, const struct ofr_sweep_results *results, uint64_t configuration,
                         uint32_t metric)
{
    uint64_t at = configuration * results->sweep->metrics + metric;
    double half = 0.5 * (results->high[at] - results->low[at]);
    if (isfinite(half))
        snprintf(out, CELL, half < 100.0 ? "%.5g ± %.2g" : "%.5g ± %.0f", results->mean[at], half);
    else
        put_number(out, results->mean[at]);
}

/* The metrics a table shows: those of the goals and constraints, each once. */
static uint32_t shown_metrics(const struct ofr_sweep *sweep, uint32_t *metric)
{
    uint8_t wanted[OFFRAMP_MAX_SITES] = {0};
    uint32_t count = 0;
    if (sweep->objective.metric >= 0)
        wanted[sweep->objective.metric] = 1;
    for (uint32_t i = 0; i < sweep->paretos; ++i)
        wanted[sweep->pareto[i].metric] = 1;
    for (uint32_t i = 0; i < sweep->constraints; ++i)
        wanted[sweep->constraint[i].metric] = 1;
    for (uint32_t m = 0; m < sweep->metrics; ++m)
        if (wanted[m])
            metric[count++] = m;
    return count;
}

static void put_row(struct grid *grid, uint32_t row, const struct ofr_sweep_results *results,
                    uint64_t configuration, const uint32_t *metric, uint32_t metrics)
{
    const struct ofr_sweep *sweep = results->sweep;
    uint32_t keys = ofr_sweep_keys(sweep);
    snprintf(cell(grid, row, 0), CELL, "%s%" PRIu64, ofr_sweep_is_best(results, configuration) ? "* " : "",
             configuration);
    for (uint32_t k = 0; k < keys; ++k) {
        char *text = ofr_sweep_value_text(sweep, configuration, k);
        snprintf(cell(grid, row, 1 + k), CELL, "%.60s", text ? text : "?");
        free(text);
    }
    for (uint32_t m = 0; m < metrics; ++m)
        put_estimate(cell(grid, row, 1 + keys + m), results, configuration, metric[m]);
}

static void print_rows(FILE *out, const struct ofr_sweep_results *results, const uint64_t *configuration,
                       uint32_t count)
{
    const struct ofr_sweep *sweep = results->sweep;
    uint32_t metric[OFFRAMP_MAX_SITES];
    uint32_t metrics = shown_metrics(sweep, metric), keys = ofr_sweep_keys(sweep);
    struct grid grid = {.columns = 1 + keys + metrics, .rows = count + 1};
    grid.cell = calloc((size_t)grid.rows * grid.columns, sizeof *grid.cell);
    if (!grid.cell)
        return;
    snprintf(cell(&grid, 0, 0), CELL, "#");
    for (uint32_t k = 0; k < keys; ++k)
        snprintf(cell(&grid, 0, 1 + k), CELL, "%s", ofr_sweep_key(sweep, k));
    for (uint32_t m = 0; m < metrics; ++m)
        snprintf(cell(&grid, 0, 1 + keys + m), CELL, "%s", sweep->metric[metric[m]].name);
    for (uint32_t row = 0; row < count; ++row)
        put_row(&grid, row + 1, results, configuration[row], metric, metrics);
    print_grid(out, &grid);
    free(grid.cell);
}

static void print_goals(FILE *out, const struct ofr_sweep *sweep)
{
    for (uint32_t i = 0; i < sweep->paretos; ++i)
        fprintf(out, "%s%s %s", i ? ", " : "", sweep->pareto[i].minimize ? "least" : "most",
                sweep->metric[sweep->pareto[i].metric].name);
}

void ofr_sweep_results_text(FILE *out, const struct ofr_sweep_results *results, uint64_t rows)
{
    const struct ofr_sweep *sweep = results->sweep;
    fprintf(out, "%s: %" PRIu64 " configurations x %" PRIu64 " replications, %" PRIu64 " failed",
            sweep->top.name, sweep->configurations, sweep->top.replications, results->broken);
    for (uint32_t i = 0; i < sweep->constraints; ++i)
        fprintf(out, "%s%s", i ? ", " : "; constraints: ", sweep->constraint[i].text);
    if (sweep->constraints)
        fprintf(out, " (%" PRIu64 " hold them)", results->feasibles);
    fputc('\n', out);
    uint64_t count = results->fronts < rows ? results->fronts : rows;
    fputs("\nPareto front: ", out);
    print_goals(out, sweep);
    fprintf(out, "; %" PRIu64 " configurations\n\n", results->fronts);
    print_rows(out, results, results->front, (uint32_t)count);
    if (results->fronts > count)
        fprintf(out, "... and %" PRIu64 " more, marked in results.csv\n", results->fronts - count);
    if (sweep->objective.metric < 0)
        return;
    fprintf(out, "\nbest (%s %s): ", sweep->objective.minimize ? "least" : "most",
            sweep->metric[sweep->objective.metric].name);
    if (results->best < 0) {
        fputs("none, no configuration holds the constraints\n", out);
        return;
    }
    uint64_t best = (uint64_t)results->best;
    fprintf(out, "configuration %" PRIu64 "\n\n", best);
    print_rows(out, results, &best, 1);
}

/* ---- JSON ---- */

static json_t *metrics_json(const struct ofr_sweep_results *results, uint64_t configuration)
{
    json_t *object = json_object();
    for (uint32_t m = 0; m < results->sweep->metrics; ++m) {
        uint64_t at = configuration * results->sweep->metrics + m;
        json_t *estimate = json_object();
        json_object_set_new(estimate, "mean", ofr_json_real(results->mean[at]));
        json_object_set_new(estimate, "low", ofr_json_real(results->low[at]));
        json_object_set_new(estimate, "high", ofr_json_real(results->high[at]));
        json_object_set_new(object, results->sweep->metric[m].name, estimate);
    }
    return object;
}

static json_t *configuration_json(const struct ofr_sweep_results *results, uint64_t configuration)
{
    json_t *object = json_object(), *values = json_object();
    json_object_set_new(object, "configuration", ofr_json_count(configuration));
    for (uint32_t k = 0; k < ofr_sweep_keys(results->sweep); ++k) {
        char *text = ofr_sweep_value_text(results->sweep, configuration, k);
        json_object_set_new(values, ofr_sweep_key(results->sweep, k), json_string(text ? text : ""));
        free(text);
    }
    json_object_set_new(object, "values", values);
    json_object_set_new(object, "metrics", metrics_json(results, configuration));
    return object;
}

json_t *ofr_sweep_results_json(const struct ofr_sweep_results *results)
{
    const struct ofr_sweep *sweep = results->sweep;
    json_t *object = json_object(), *front = json_array();
    json_object_set_new(object, "sweep", json_string(sweep->top.name));
    json_object_set_new(object, "configurations", ofr_json_count(sweep->configurations));
    json_object_set_new(object, "replications", ofr_json_count(sweep->top.replications));
    json_object_set_new(object, "failed", ofr_json_count(results->broken));
    json_object_set_new(object, "feasible", ofr_json_count(results->feasibles));
    json_object_set_new(object, "best",
                        results->best < 0 ? json_null()
                                          : configuration_json(results, (uint64_t)results->best));
    for (uint64_t i = 0; i < results->fronts; ++i)
        json_array_append_new(front, configuration_json(results, results->front[i]));
    json_object_set_new(object, "pareto", front);
    return object;
}
