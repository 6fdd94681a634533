/* Metrics of a sweep along its axes: means over all other axes, one curve per value of the key that splits best. */
#include "analysis/report/figures_internal.h"
#include "sim/sweep/range.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    VALUES = 64, /* most values of a key along which means are taken; more are drawn one by one */
    SPLITS = 8,  /* most curves in a figure */
    METRICS = 4  /* most metrics drawn along an axis */
};

/* The values of one key. */
struct view {
    const char *name;
    const char *text[VALUES]; /* borrowed, in the order of configurations */
    double number[VALUES];    /* of numeric keys, in the unit of the axis */
    uint32_t values;          /* VALUES + 1 = too many to list */
    uint8_t *place;           /* owned [configurations]: which value a configuration has */
    enum ofr_amount_kind kind;
    bool numeric;
};

/* As the axis shows it: times in ms. */
static bool amount_of(const char *text, double *value, enum ofr_amount_kind *kind)
{
    struct ofr_amount amount;
    if (ofr_amount_read(text, &amount))
        return false;
    *kind = amount.kind;
    *value = amount.kind == OFR_AMOUNT_TIME ? amount.value / 1e6 : amount.value;
    return true;
}

static uint32_t place_of(struct view *view, const char *text)
{
    for (uint32_t i = 0; i < view->values; ++i)
        if (strcmp(view->text[i], text) == 0)
            return i;
    if (view->values < VALUES)
        view->text[view->values] = text;
    return view->values++;
}

/* Lists the values of a key; false when out of memory. */
static bool look_at(struct view *view, const struct ofr_sweep_data *data, uint32_t key)
{
    *view = (struct view){.name = data->key[key], .numeric = true};
    view->place = calloc(data->configurations, 1);
    if (!view->place)
        return false;
    for (uint64_t i = 0; i < data->configurations && view->values <= VALUES; ++i)
        view->place[i] = (uint8_t)place_of(view, ofr_sweep_data_value(data, i, key));
    for (uint32_t v = 0; v < view->values && v < VALUES; ++v) {
        enum ofr_amount_kind kind = view->kind;
        view->numeric = view->numeric && amount_of(view->text[v], &view->number[v], &kind);
        view->numeric = view->numeric && (v == 0 || kind == view->kind);
        view->kind = kind;
    }
    return true;
}

/* The key to split curves by: two to SPLITS values, names before numbers, then the fewest. NULL = none. */
static const struct view *splitter(const struct view *view, uint32_t keys, uint32_t along)
{
    const struct view *found = NULL;
    for (uint32_t k = 0; k < keys; ++k) {
        if (k == along || view[k].values < 2 || view[k].values > SPLITS)
            continue;
        bool better = !found || (found->numeric && !view[k].numeric) ||
                      (found->numeric == view[k].numeric && view[k].values < found->values);
        found = better ? &view[k] : found;
    }
    return found;
}

/* ---- means ---- */

struct means {
    double sum[VALUES][SPLITS], count[VALUES][SPLITS];
};

static void take_means(struct means *means, const struct ofr_sweep_data *data, const struct view *view,
                       const struct view *split, uint32_t metric)
{
    memset(means, 0, sizeof *means);
    for (uint64_t i = 0; i < data->configurations; ++i) {
        double value = data->mean[ofr_sweep_data_at(data, i, metric)];
        uint32_t at = split ? split->place[i] : 0;
        if (isnan(value))
            continue;
        means->sum[view->place[i]][at] += value;
        means->count[view->place[i]][at] += 1.0;
    }
}

static double mean_at(const struct means *means, uint32_t value, uint32_t split)
{
    return means->count[value][split] > 0.0 ? means->sum[value][split] / means->count[value][split] : NAN;
}

/* Values by their number, names in the order they came. */
static void sort_values(const struct view *view, uint32_t *order)
{
    for (uint32_t v = 0; v < view->values; ++v) {
        uint32_t at = v;
        while (view->numeric && at > 0 && view->number[order[at - 1]] > view->number[v]) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = v;
    }
}

static void put_means(struct ofr_figure *figure, const struct means *means, const struct view *view,
                      const struct view *split)
{
    char label[160];
    uint32_t order[VALUES], curves = split ? split->values : 1;
    sort_values(view, order);
    ofr_figure_row(figure);
    ofr_figure_cell(figure, "%s", view->name);
    for (uint32_t s = 0; s < curves; ++s)
        ofr_figure_cell(figure, "%s", split ? split->text[s] : "mean");
    for (uint32_t v = 0; v < view->values; ++v) {
        if (!view->numeric)
            ofr_figure_category(figure, view->text[order[v]]);
        ofr_figure_row(figure);
        ofr_figure_cell(figure, "%s", view->text[order[v]]);
        for (uint32_t s = 0; s < curves; ++s)
            ofr_figure_cell(figure, isnan(mean_at(means, order[v], s)) ? "none" : "%.6g",
                            mean_at(means, order[v], s));
    }
    for (uint32_t s = 0; s < curves; ++s) {
        struct ofr_series *curve =
            ofr_figure_series(figure, view->numeric ? OFR_SERIES_LINE : OFR_SERIES_POINTS, (int32_t)s, "%s",
                              split ? split->text[s] : "mean");
        for (uint32_t v = 0; v < view->values; ++v) {
            double mean = mean_at(means, order[v], s);
            snprintf(label, sizeof label, "%.60s, %.60s: %.6g", view->text[order[v]],
                     split ? split->text[s] : "mean", mean);
            if (view->numeric)
                ofr_series_add(curve, view->number[order[v]], mean);
            else
                ofr_series_add_labelled(curve, v, mean, label);
        }
    }
}

/* ---- one by one ---- */

static void points_row(struct ofr_figure *figure, const struct ofr_sweep_data *data, const struct view *split,
                       uint32_t which, uint32_t metric)
{
    double low = INFINITY, high = -INFINITY, sum = 0.0, count = 0.0;
    for (uint64_t i = 0; i < data->configurations; ++i) {
        double value = data->mean[ofr_sweep_data_at(data, i, metric)];
        if (isnan(value) || (split && split->place[i] != which))
            continue;
        low = fmin(low, value);
        high = fmax(high, value);
        sum += value;
        count += 1.0;
    }
    ofr_figure_row(figure);
    ofr_figure_cell(figure, "%s", split ? split->text[which] : "all");
    ofr_figure_cell(figure, "%.0f", count);
    ofr_figure_cell(figure, count > 0.0 ? "%.6g" : "none", low);
    ofr_figure_cell(figure, count > 0.0 ? "%.6g" : "none", sum / count);
    ofr_figure_cell(figure, count > 0.0 ? "%.6g" : "none", high);
}

static void put_points(struct ofr_figure *figure, const struct ofr_sweep_data *data, uint32_t key,
                       const struct view *split, uint32_t metric)
{
    const char *const head[] = {split ? split->name : "configurations", "configurations", "least", "mean",
                                "most"};
    uint64_t stride = data->configurations / OFR_FIGURE_POINTS + 1;
    uint32_t curves = split ? split->values : 1;
    ofr_figure_row(figure);
    for (size_t j = 0; j < sizeof head / sizeof *head; ++j)
        ofr_figure_cell(figure, "%s", head[j]);
    for (uint32_t s = 0; s < curves; ++s) {
        struct ofr_series *points = ofr_figure_series(figure, OFR_SERIES_POINTS, (int32_t)s, "%s",
                                                      split ? split->text[s] : "configurations");
        points_row(figure, data, split, s, metric);
        for (uint64_t i = 0; i < data->configurations; ++i) {
            const char *text = ofr_sweep_data_value(data, i, key);
            double x, y = data->mean[ofr_sweep_data_at(data, i, metric)];
            enum ofr_amount_kind kind;
            char label[160];
            if ((split && split->place[i] != s) || i % stride != 0 || isnan(y) || !amount_of(text, &x, &kind))
                continue;
            snprintf(label, sizeof label, "#%" PRIu64 ": %.60s, %.6g", i, text, y);
            ofr_series_add_labelled(points, x, y, label);
        }
    }
}

static void key_title(char *out, size_t size, const struct view *view)
{
    static const char *const unit[] = {[OFR_AMOUNT_PLAIN] = "",
                                       [OFR_AMOUNT_TIME] = " (ms)",
                                       [OFR_AMOUNT_RATE] = " (1/s)",
                                       [OFR_AMOUNT_PERCENT] = " (%)",
                                       [OFR_AMOUNT_FACTOR] = " (factor)"};
    snprintf(out, size, "%s%s", view->name, view->numeric ? unit[view->kind] : "");
}

/* ---- a figure ---- */

static bool spread(const struct view *view)
{
    double low = INFINITY, high = -INFINITY;
    for (uint32_t v = 0; v < view->values && v < VALUES; ++v) {
        low = fmin(low, view->number[v]);
        high = fmax(high, view->number[v]);
    }
    return view->numeric && low > 0.0 && high / low >= 8.0;
}

static void along(struct ofr_figures *out, const struct ofr_sweep_data *data, const struct view *view,
                  uint32_t key, uint32_t metric)
{
    char metric_title[64], title[OFR_FIGURE_TITLE], axis[80], id[OFR_FIGURE_ID], caption[OFR_FIGURE_CAPTION];
    const struct view *split = splitter(view, data->keys, key);
    bool listed = view[key].values <= VALUES;
    figures__metric_title(metric_title, sizeof metric_title, data->metric[metric].name, false);
    key_title(axis, sizeof axis, &view[key]);
    snprintf(title, sizeof title, "%c%.60s by %.40s", toupper((unsigned char)metric_title[0]),
             metric_title + 1, view[key].name);
    figures__metric_title(metric_title, sizeof metric_title, data->metric[metric].name, true);
    snprintf(id, sizeof id, "along-%u-%.20s-%.16s", key, view[key].name, data->metric[metric].name);
    for (char *at = id; *at; ++at)
        *at = *at == '/' ? '-' : *at;
    snprintf(caption, sizeof caption, "%s%s%s.",
             listed ? "Mean over all configurations with a value"
                    : "Every configuration, or an even selection of 800",
             split ? ", one colour per value of " : "", split ? split->name : "");
    struct means *means = malloc(sizeof *means);
    struct ofr_figure *figure = means ? ofr_figures_add(out, id, title, caption) : NULL;
    out->failed = out->failed || !means;
    if (figure) {
        ofr_figure_titles(figure, view[key].numeric ? axis : NULL, metric_title);
        figure->x.logarithmic = spread(&view[key]);
        if (listed) {
            take_means(means, data, &view[key], split, metric);
            put_means(figure, means, &view[key], split);
        } else {
            put_points(figure, data, key, split, metric);
        }
    }
    free(means);
}

/* The metrics people asked about: the goals and the objective, or the first ones kept. */
static uint32_t chosen(const struct ofr_sweep_data *data, uint32_t *metric)
{
    uint32_t count = 0;
    for (uint32_t g = 0; g <= data->goals; ++g) {
        int32_t candidate = g < data->goals ? data->goal[g].metric : data->objective.metric;
        bool known = candidate < 0;
        for (uint32_t i = 0; i < count; ++i)
            known = known || metric[i] == (uint32_t)candidate;
        if (!known && count < METRICS)
            metric[count++] = (uint32_t)candidate;
    }
    while (count == 0 ||
           (data->goals == 0 && data->objective.metric < 0 && count < METRICS && count < data->metrics)) {
        metric[count] = count;
        count++;
    }
    return count;
}

void figures__along_axes(struct ofr_figures *out, const struct ofr_sweep_data *data)
{
    struct view *view = calloc(data->keys + 1, sizeof *view);
    uint32_t metric[METRICS], metrics = chosen(data, metric);
    for (uint32_t k = 0; view && k < data->keys; ++k)
        out->failed = !look_at(&view[k], data, k) || out->failed;
    out->failed = out->failed || !view;
    for (uint32_t k = 0; k < data->keys && !out->failed; ++k)
        for (uint32_t m = 0; m < metrics; ++m)
            if (view[k].values >= 2 && (view[k].values <= VALUES || view[k].numeric))
                along(out, data, view, k, metric[m]);
    for (uint32_t k = 0; view && k < data->keys; ++k)
        free(view[k].place);
    free(view);
}
