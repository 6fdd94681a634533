/* Figures of a sweep: what it found, the front, its trade-offs. figures_axes.c has the metrics along every axis. */
#include "analysis/report/figures_internal.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    FRONT_ROWS = 40,
    LABEL = 512
};

/* How configurations stand, their colours and names in legends. */
enum standing {
    BEYOND, /* does not hold the constraints */
    BEHIND, /* holds them, and another is better */
    FRONT,
    BEST,
    STANDINGS
};
static const struct {
    int32_t colour;
    const char *name;
} standings[STANDINGS] = {
    [BEYOND] = {7, "constraints not held"},
    [BEHIND] = {0, "dominated"},
    [FRONT] = {1, "front"},
    [BEST] = {3, "best"},
};

void figures__metric_title(char *out, size_t size, const char *name, bool with_unit)
{
    static const struct {
        const char *ending, *unit;
    } units[] = {{"_ms", "ms"}, {"_us", "us"}, {"_s", "s"}, {"_rps", "requests/s"}};
    size_t first = strcspn(name, ".");
    const char *unit = NULL;
    size_t stem = first;
    for (size_t i = 0; i < sizeof units / sizeof *units && !unit; ++i) {
        size_t length = strlen(units[i].ending);
        if (first > length && strncmp(name + first - length, units[i].ending, length) == 0) {
            unit = units[i].unit;
            stem = first - length;
        }
    }
    unit = with_unit ? unit : NULL;
    snprintf(out, size, "%.*s%s%s%s%s%s", (int)stem, name, name[first] ? " " : "",
             name[first] ? name + first + 1 : "", unit ? " (" : "", unit ? unit : "", unit ? ")" : "");
    for (char *at = out; *at; ++at)
        *at = *at == '_' ? ' ' : *at;
}

static void config_label(char *out, size_t size, const struct ofr_sweep_data *data, uint64_t configuration)
{
    size_t length = (size_t)snprintf(out, size, "#%" PRIu64, configuration);
    for (uint32_t k = 0; k < data->keys && length < size; ++k)
        length += (size_t)snprintf(out + length, size - length, "%s%s = %s", k ? ", " : ": ", data->key[k],
                                   ofr_sweep_data_value(data, configuration, k));
}

static enum standing standing_of(const struct ofr_sweep_data *data, uint64_t configuration)
{
    if (data->best[configuration])
        return BEST;
    if (data->pareto[configuration])
        return FRONT;
    return data->feasible[configuration] ? BEHIND : BEYOND;
}

static uint64_t count_of(const struct ofr_sweep_data *data, const uint8_t *flag)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < data->configurations; ++i)
        count += flag[i] != 0;
    return count;
}

static int64_t best_of(const struct ofr_sweep_data *data)
{
    for (uint64_t i = 0; i < data->configurations; ++i)
        if (data->best[i])
            return (int64_t)i;
    return -1;
}

/* ---- tables alone ---- */

static void glance(struct ofr_figures *out, const struct ofr_sweep_data *data)
{
    uint64_t failed = 0;
    struct ofr_figure *figure = ofr_figures_add(out, "sweep", "The sweep at a glance",
                                                "How many configurations were run, held the constraints, and "
                                                "stand on the front of the goals.");
    for (uint64_t i = 0; i < data->configurations; ++i)
        failed += data->failed[i] > 0;
    const char *const head[] = {"sweep",        "configurations",   "hold the constraints",
                                "on the front", "with failed runs", "metrics"};
    ofr_figure_row(figure);
    for (size_t j = 0; j < sizeof head / sizeof *head; ++j)
        ofr_figure_cell(figure, "%s", head[j]);
    ofr_figure_row(figure);
    ofr_figure_cell(figure, "%s", data->name);
    ofr_figure_cell(figure, "%" PRIu64, data->configurations);
    ofr_figure_cell(figure, "%" PRIu64, count_of(data, data->feasible));
    ofr_figure_cell(figure, "%" PRIu64, count_of(data, data->pareto));
    ofr_figure_cell(figure, "%" PRIu64, failed);
    ofr_figure_cell(figure, "%" PRIu32, data->metrics);
}

static void metric_cell(struct ofr_figure *figure, const struct ofr_sweep_data *data, uint64_t at)
{
    ofr_figure_interval(figure, "%.6g", data->mean[at], data->low[at], data->high[at]);
}

static void best(struct ofr_figures *out, const struct ofr_sweep_data *data)
{
    char goal[64] = "", caption[OFR_FIGURE_CAPTION];
    int64_t found = best_of(data);
    if (found < 0)
        return;
    if (data->objective.metric >= 0)
        figures__metric_title(goal, sizeof goal, data->metric[data->objective.metric].name, false);
    snprintf(caption, sizeof caption,
             "Of the configurations that hold the constraints, the one with the %s %s: number %" PRId64
             ". Means over its replications, with their intervals where there are several.",
             data->objective.minimize ? "least" : "most", goal, found);
    struct ofr_figure *figure = ofr_figures_add(out, "best", "The best configuration", caption);
    ofr_figure_row(figure);
    ofr_figure_cell(figure, "key or metric");
    ofr_figure_cell(figure, "value");
    for (uint32_t k = 0; k < data->keys; ++k) {
        ofr_figure_row(figure);
        ofr_figure_cell(figure, "%s", data->key[k]);
        ofr_figure_cell(figure, "%s", ofr_sweep_data_value(data, (uint64_t)found, k));
    }
    for (uint32_t m = 0; m < data->metrics; ++m) {
        char title[64];
        figures__metric_title(title, sizeof title, data->metric[m].name, true);
        ofr_figure_row(figure);
        ofr_figure_cell(figure, "%s", title);
        metric_cell(figure, data, ofr_sweep_data_at(data, (uint64_t)found, m));
    }
}

/* ---- trade-offs ---- */

/* The front in the order of its x metric. */
struct order {
    const struct ofr_sweep_data *data;
    uint32_t metric;
};

static int by_metric(const void *left, const void *right, void *state)
{
    const struct order *order = state;
    double a = order->data->mean[ofr_sweep_data_at(order->data, *(const uint64_t *)left, order->metric)];
    double b = order->data->mean[ofr_sweep_data_at(order->data, *(const uint64_t *)right, order->metric)];
    return (a > b) - (a < b);
}

static void front_row(struct ofr_figure *figure, const struct ofr_sweep_data *data, uint64_t i)
{
    ofr_figure_row(figure);
    ofr_figure_cell(figure, "%s%" PRIu64, data->best[i] ? "best: " : "", i);
    for (uint32_t k = 0; k < data->keys; ++k)
        ofr_figure_cell(figure, "%s", ofr_sweep_data_value(data, i, k));
    for (uint32_t g = 0; g < data->goals; ++g)
        metric_cell(figure, data, ofr_sweep_data_at(data, i, (uint32_t)data->goal[g].metric));
}

/* The front's configurations by the metric `x`, thinned evenly to FRONT_ROWS. */
static void front_table(struct ofr_figures *out, const struct ofr_sweep_data *data, uint32_t x)
{
    char title[64];
    uint64_t count = 0, *front = calloc(count_of(data, data->pareto) + 1, sizeof *front);
    struct ofr_figure *figure = ofr_figures_add(
        out, "front", "The front",
        "Configurations that hold the constraints and are not beaten in all goals at once; of more "
        "than 40 an even selection. Means, with their intervals where there are several runs.");
    if (!front || !figure) {
        out->failed = true;
        free(front);
        return;
    }
    for (uint64_t i = 0; i < data->configurations; ++i)
        if (data->pareto[i])
            front[count++] = i;
    qsort_r(front, count, sizeof *front, by_metric, &(struct order){data, x});
    ofr_figure_row(figure);
    ofr_figure_cell(figure, "number");
    for (uint32_t k = 0; k < data->keys; ++k)
        ofr_figure_cell(figure, "%s", data->key[k]);
    for (uint32_t g = 0; g < data->goals; ++g) {
        figures__metric_title(title, sizeof title, data->metric[data->goal[g].metric].name, true);
        ofr_figure_cell(figure, "%s", title);
    }
    uint64_t rows = count < FRONT_ROWS ? count : FRONT_ROWS;
    for (uint64_t row = 0; row < rows; ++row)
        front_row(figure, data, front[rows > 1 ? row * (count - 1) / (rows - 1) : 0]);
    free(front);
}

/* "low to high" of a metric over the configurations of one standing. */
static void extent_cell(struct ofr_figure *figure, const struct ofr_sweep_data *data, enum standing standing,
                        uint32_t metric)
{
    double low = INFINITY, high = -INFINITY;
    for (uint64_t i = 0; i < data->configurations; ++i) {
        double value = data->mean[ofr_sweep_data_at(data, i, metric)];
        if (standing_of(data, i) != standing || isnan(value))
            continue;
        low = fmin(low, value);
        high = fmax(high, value);
    }
    if (low > high)
        ofr_figure_cell(figure, "none");
    else
        ofr_figure_cell(figure, "%.6g to %.6g", low, high);
}

static void put_standing(struct ofr_figure *figure, const struct ofr_sweep_data *data, enum standing standing,
                         uint32_t x, uint32_t y)
{
    uint64_t members = 0, seen = 0;
    char name[LABEL], label[LABEL + 128];
    for (uint64_t i = 0; i < data->configurations; ++i)
        members += standing_of(data, i) == standing;
    ofr_figure_row(figure);
    ofr_figure_cell(figure, "%s", standings[standing].name);
    ofr_figure_cell(figure, "%" PRIu64, members);
    extent_cell(figure, data, standing, x);
    extent_cell(figure, data, standing, y);
    if (members == 0)
        return;
    struct ofr_series *points = ofr_figure_series(figure, OFR_SERIES_POINTS, standings[standing].colour, "%s",
                                                  standings[standing].name);
    for (uint64_t i = 0; i < data->configurations; ++i) {
        if (standing_of(data, i) != standing || seen++ % (members / OFR_FIGURE_POINTS + 1) != 0)
            continue;
        double at_x = data->mean[ofr_sweep_data_at(data, i, x)],
               at_y = data->mean[ofr_sweep_data_at(data, i, y)];
        if (isnan(at_x) || isnan(at_y))
            continue;
        config_label(name, sizeof name, data, i);
        snprintf(label, sizeof label, "%s; %s %.6g, %s %.6g", name, data->metric[x].name, at_x,
                 data->metric[y].name, at_y);
        ofr_series_add_labelled(points, at_x, at_y, label);
    }
}

bool figures__wide(double low, double high)
{
    return low > 0.0 && high / low > 30.0;
}

static bool is_wide(const struct ofr_sweep_data *data, uint32_t metric)
{
    double low = INFINITY, high = -INFINITY;
    for (uint64_t i = 0; i < data->configurations; ++i) {
        double value = data->mean[ofr_sweep_data_at(data, i, metric)];
        low = fmin(low, isnan(value) ? INFINITY : value);
        high = fmax(high, isnan(value) ? -INFINITY : value);
    }
    return figures__wide(low, high);
}

static void trade_off(struct ofr_figures *out, const struct ofr_sweep_data *data, uint32_t x, uint32_t y)
{
    char x_title[64], y_title[64], id[OFR_FIGURE_ID], title[OFR_FIGURE_TITLE];
    figures__metric_title(x_title, sizeof x_title, data->metric[x].name, false);
    figures__metric_title(y_title, sizeof y_title, data->metric[y].name, false);
    snprintf(title, sizeof title, "%c%.50s against %.50s", toupper((unsigned char)y_title[0]), y_title + 1,
             x_title);
    snprintf(id, sizeof id, "front-%.18s-%.18s", data->metric[x].name, data->metric[y].name);
    struct ofr_figure *figure = ofr_figures_add(out, id, title,
                                                "Every configuration by the means of two metrics; point at "
                                                "one to see what it is. Of more than 800 of a kind "
                                                "an even selection is drawn.");
    if (!figure)
        return;
    figures__metric_title(x_title, sizeof x_title, data->metric[x].name, true);
    figures__metric_title(y_title, sizeof y_title, data->metric[y].name, true);
    ofr_figure_titles(figure, x_title, y_title);
    figure->x.logarithmic = is_wide(data, x);
    figure->y.logarithmic = is_wide(data, y);
    ofr_figure_row(figure);
    ofr_figure_cell(figure, "kind");
    ofr_figure_cell(figure, "configurations");
    ofr_figure_cell(figure, "%s", x_title);
    ofr_figure_cell(figure, "%s", y_title);
    for (enum standing standing = BEYOND; standing < STANDINGS; ++standing)
        put_standing(figure, data, standing, x, y);
}

/* The goal whose metric begins with `name`; -1 = none. */
static int32_t goal_named(const struct ofr_sweep_data *data, const char *name)
{
    for (uint32_t g = 0; g < data->goals; ++g)
        if (strncmp(data->metric[data->goal[g].metric].name, name, strlen(name)) == 0)
            return data->goal[g].metric;
    return -1;
}

/* Agreement against latency first where both are goals; then the other goals against the same x. */
static void trade_offs(struct ofr_figures *out, const struct ofr_sweep_data *data)
{
    int32_t latency = goal_named(data, "latency"), agreement = goal_named(data, "agreement");
    if (data->goals < 2)
        return;
    int32_t x = latency >= 0 ? latency : data->goal[0].metric;
    if (agreement >= 0 && agreement != x)
        trade_off(out, data, (uint32_t)x, (uint32_t)agreement);
    for (uint32_t g = 0; g < data->goals; ++g)
        if (data->goal[g].metric != x && data->goal[g].metric != agreement)
            trade_off(out, data, (uint32_t)x, (uint32_t)data->goal[g].metric);
    front_table(out, data, (uint32_t)x);
}

int ofr_figures_of_sweep(struct ofr_figures *out, const struct ofr_sweep_data *data, struct ofr_error *err)
{
    glance(out, data);
    best(out, data);
    trade_offs(out, data);
    figures__along_axes(out, data);
    return ofr_figures_check(out, err);
}
