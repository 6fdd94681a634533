#include "analysis/report/figure.h"

#include "sim/base/json.h"
#include "sim/base/utf8.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const struct ofr_colour ofr_palette[OFR_PALETTE] = {
    {0x0072b2, 0x4fa8e0}, {0xd55e00, 0xf0803c}, {0x009e73, 0x2fc49b}, {0xb4468f, 0xe39cc4},
    {0x56b4e9, 0x9bd3f5}, {0xe69f00, 0xf2b84b}, {0x7a5230, 0xc2a36b}, {0x666666, 0xb5bdc6},
};

/* Room for one more element of a list with `count`; the list doubles at powers of two. */
static void *grown(struct ofr_figures *home, void *list, uint32_t count, size_t size)
{
    if (count & (count - 1))
        return list;
    void *larger = realloc(list, (count ? (size_t)count * 2 : 1) * size);
    if (!larger)
        home->failed = true;
    return larger;
}

static char *written(struct ofr_figures *home, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static char *written(struct ofr_figures *home, const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0) {
        home->failed = true;
        return NULL;
    }
    ofr_make_utf8(text);
    return text;
}

struct ofr_figure *ofr_figures_add(struct ofr_figures *figures, const char *id, const char *title,
                                   const char *caption)
{
    if (figures->failed)
        return NULL;
    struct ofr_figure *figure = calloc(1, sizeof *figure);
    struct ofr_figure **list = grown(figures, figures->figure, figures->count, sizeof *list);
    if (list)
        figures->figure = list;
    if (!figure || !list) {
        figures->failed = true;
        free(figure);
        return NULL;
    }
    snprintf(figure->id, sizeof figure->id, "%s", id);
    snprintf(figure->title, sizeof figure->title, "%s", title);
    snprintf(figure->caption, sizeof figure->caption, "%s", caption);
    ofr_make_utf8(figure->title);
    ofr_make_utf8(figure->caption);
    figure->home = figures;
    list[figures->count++] = figure;
    return figure;
}

int ofr_figures_check(const struct ofr_figures *figures, struct ofr_error *err)
{
    return figures->failed ? ofr_fail_nomem(err, "figures") : 0;
}

static void free_series(struct ofr_series *series)
{
    for (uint32_t i = 0; series->label && i < series->points; ++i)
        free(series->label[i]);
    free(series->label);
    free(series->name);
    free(series->x);
    free(series->y);
    free(series->low);
    free(series->high);
}

static void free_figure(struct ofr_figure *figure)
{
    for (uint32_t i = 0; i < figure->series_count; ++i)
        free_series(&figure->series[i]);
    for (uint32_t i = 0; i < figure->categories; ++i)
        free(figure->category[i]);
    for (uint32_t i = 0; i < figure->rows; ++i) {
        for (uint32_t j = 0; j < figure->row[i].cells; ++j)
            free(figure->row[i].cell[j]);
        free(figure->row[i].cell);
    }
    free(figure->series);
    free(figure->category);
    free(figure->row);
    free(figure);
}

void ofr_figures_release(struct ofr_figures *figures)
{
    for (uint32_t i = 0; i < figures->count; ++i)
        free_figure(figures->figure[i]);
    free(figures->figure);
    *figures = (struct ofr_figures){0};
}

struct ofr_series *ofr_figure_series(struct ofr_figure *figure, enum ofr_series_kind kind, int32_t colour,
                                     const char *name_format, ...)
{
    if (!figure || figure->home->failed)
        return NULL;
    if (!figure->series)
        figure->series = calloc(OFR_FIGURE_SERIES, sizeof *figure->series);
    if (!figure->series)
        figure->home->failed = true;
    if (!figure->series || figure->series_count == OFR_FIGURE_SERIES)
        return NULL;
    struct ofr_series *series = &figure->series[figure->series_count++];
    va_list arguments;
    va_start(arguments, name_format);
    *series = (struct ofr_series){.kind = kind, .colour = colour, .home = figure->home};
    series->name = written(figure->home, name_format, arguments);
    va_end(arguments);
    return series;
}

static bool reserve(struct ofr_series *series)
{
    if (series->points < series->capacity)
        return true;
    uint32_t capacity = series->capacity ? series->capacity * 2 : 64;
    size_t bytes = capacity * sizeof(double);
    double **column[] = {&series->x, &series->y, &series->low, &series->high};
    for (size_t i = 0; i < sizeof column / sizeof *column; ++i) {
        double *larger = realloc(*column[i], bytes);
        if (!larger)
            return false;
        *column[i] = larger;
    }
    char **label = realloc(series->label, capacity * sizeof *label);
    if (!label)
        return false;
    series->label = label;
    series->capacity = capacity;
    return true;
}

static void add_point(struct ofr_series *series, const double value[4], char *label)
{
    if (!series || series->home->failed || !reserve(series)) {
        if (series)
            series->home->failed = true;
        free(label);
        return;
    }
    uint32_t at = series->points++;
    series->x[at] = value[0];
    series->y[at] = value[1];
    series->low[at] = value[2];
    series->high[at] = value[3];
    series->label[at] = label;
}

void ofr_series_add(struct ofr_series *series, double x, double y)
{
    add_point(series, (const double[]){x, y, NAN, NAN}, NULL);
}

void ofr_series_add_range(struct ofr_series *series, double x, double low, double high)
{
    add_point(series, (const double[]){x, (low + high) / 2.0, low, high}, NULL);
}

void ofr_series_add_labelled(struct ofr_series *series, double x, double y, const char *label)
{
    char *copy = strdup(label);
    if (copy)
        ofr_make_utf8(copy);
    else if (series)
        series->home->failed = true;
    add_point(series, (const double[]){x, y, NAN, NAN}, copy);
}

void ofr_figure_titles(struct ofr_figure *figure, const char *x, const char *y)
{
    const char *title[] = {x, y};
    struct ofr_axis *axis[] = {&figure->x, &figure->y};
    for (int i = 0; i < 2; ++i) {
        snprintf(figure->own_title[i], sizeof figure->own_title[i], "%s", title[i] ? title[i] : "");
        ofr_make_utf8(figure->own_title[i]);
        axis[i]->title = title[i] ? figure->own_title[i] : NULL;
    }
}

void ofr_figure_category(struct ofr_figure *figure, const char *name)
{
    if (!figure || figure->home->failed)
        return;
    char **list = grown(figure->home, figure->category, figure->categories, sizeof *list);
    char *copy = strdup(name);
    if (list)
        figure->category = list;
    if (!list || !copy) {
        figure->home->failed = true;
        free(copy);
        return;
    }
    ofr_make_utf8(copy);
    list[figure->categories++] = copy;
}

void ofr_figure_mark(struct ofr_figure *figure, bool vertical, double at, const char *format, ...)
{
    if (!figure || figure->marks == sizeof figure->mark / sizeof *figure->mark)
        return;
    struct ofr_figure_mark *mark = &figure->mark[figure->marks++];
    va_list arguments;
    va_start(arguments, format);
    mark->vertical = vertical;
    mark->at = at;
    vsnprintf(mark->text, sizeof mark->text, format, arguments);
    ofr_make_utf8(mark->text);
    va_end(arguments);
}

void ofr_figure_row(struct ofr_figure *figure)
{
    if (!figure || figure->home->failed)
        return;
    struct ofr_row *list = grown(figure->home, figure->row, figure->rows, sizeof *list);
    if (!list)
        return;
    figure->row = list;
    list[figure->rows++] = (struct ofr_row){0};
}

void ofr_figure_cell(struct ofr_figure *figure, const char *format, ...)
{
    if (!figure || figure->home->failed || figure->rows == 0)
        return;
    struct ofr_row *row = &figure->row[figure->rows - 1];
    char **list = grown(figure->home, row->cell, row->cells, sizeof *list);
    if (!list)
        return;
    row->cell = list;
    va_list arguments;
    va_start(arguments, format);
    list[row->cells] = written(figure->home, format, arguments);
    va_end(arguments);
    row->cells += list[row->cells] != NULL;
}

/* `format` is a constant of a maker of figures, with one conversion of a double. */
static void print_number(char out[64], const char *format, double value)
{
    snprintf(out, 64, format, value);
}

void ofr_figure_number(struct ofr_figure *figure, const char *format, double value)
{
    char text[64] = "none";
    if (!isnan(value))
        print_number(text, format, value);
    ofr_figure_cell(figure, "%s", text);
}

void ofr_figure_interval(struct ofr_figure *figure, const char *format, double value, double low, double high)
{
    char text[3][64];
    if (isnan(value) || isnan(low) || isnan(high)) {
        ofr_figure_number(figure, format, value);
        return;
    }
    print_number(text[0], format, value);
    print_number(text[1], format, low);
    print_number(text[2], format, high);
    ofr_figure_cell(figure, "%s (%s to %s)", text[0], text[1], text[2]);
}

/* ---- JSON ---- */

static const char *const kind_name[] = {
#define X(name, text) text,
    OFR_SERIES_MAP(X)
#undef X
};

/* Seven digits are more than a screen shows; the numbers under the figure are exact. */
static json_t *coordinate(double value)
{
    char text[32];
    if (!isfinite(value))
        return json_null();
    snprintf(text, sizeof text, "%.7g", value);
    return json_real(strtod(text, NULL));
}

static json_t *column_json(const double *value, uint32_t points)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < points; ++i)
        json_array_append_new(array, coordinate(value[i]));
    return array;
}

static json_t *series_json(const struct ofr_series *series)
{
    json_t *object = json_object();
    json_object_set_new(object, "name", json_string(series->name));
    json_object_set_new(object, "kind", json_string(kind_name[series->kind]));
    json_object_set_new(object, "colour", json_integer(series->colour));
    json_object_set_new(object, "dashed", json_boolean(series->dashed));
    json_object_set_new(object, "x", column_json(series->x, series->points));
    json_object_set_new(object, "y", column_json(series->y, series->points));
    if (series->kind == OFR_SERIES_RANGES) {
        json_object_set_new(object, "low", column_json(series->low, series->points));
        json_object_set_new(object, "high", column_json(series->high, series->points));
    }
    if (series->kind == OFR_SERIES_POINTS) {
        json_t *labels = json_array();
        for (uint32_t i = 0; i < series->points; ++i)
            json_array_append_new(labels, series->label[i] ? json_string(series->label[i]) : json_null());
        json_object_set_new(object, "labels", labels);
    }
    return object;
}

static json_t *axis_json(const struct ofr_axis *axis)
{
    json_t *object = json_object();
    json_object_set_new(object, "title", json_string(axis->title ? axis->title : ""));
    json_object_set_new(object, "log", json_boolean(axis->logarithmic));
    return object;
}

static json_t *marks_json(const struct ofr_figure *figure)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < figure->marks; ++i) {
        json_t *mark = json_object();
        json_object_set_new(mark, "at", coordinate(figure->mark[i].at));
        json_object_set_new(mark, "vertical", json_boolean(figure->mark[i].vertical));
        json_object_set_new(mark, "text", json_string(figure->mark[i].text));
        json_array_append_new(array, mark);
    }
    return array;
}

static json_t *rows_json(const struct ofr_figure *figure)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < figure->rows; ++i) {
        json_t *row = json_array();
        for (uint32_t j = 0; j < figure->row[i].cells; ++j)
            json_array_append_new(row, json_string(figure->row[i].cell[j]));
        json_array_append_new(array, row);
    }
    return array;
}

static json_t *figure_json(const struct ofr_figure *figure)
{
    json_t *object = json_object(), *series = json_array(), *categories = json_array();
    json_object_set_new(object, "id", json_string(figure->id));
    json_object_set_new(object, "title", json_string(figure->title));
    json_object_set_new(object, "caption", json_string(figure->caption));
    json_object_set_new(object, "x", axis_json(&figure->x));
    json_object_set_new(object, "y", axis_json(&figure->y));
    for (uint32_t i = 0; i < figure->categories; ++i)
        json_array_append_new(categories, json_string(figure->category[i]));
    json_object_set_new(object, "categories", categories);
    for (uint32_t i = 0; i < figure->series_count; ++i)
        json_array_append_new(series, series_json(&figure->series[i]));
    json_object_set_new(object, "series", series);
    json_object_set_new(object, "marks", marks_json(figure));
    json_object_set_new(object, "rows", rows_json(figure));
    return object;
}

json_t *ofr_figures_json(const struct ofr_figures *figures)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < figures->count; ++i)
        json_array_append_new(array, figure_json(figures->figure[i]));
    return array;
}

json_t *ofr_palette_json(void)
{
    json_t *object = json_object(), *light = json_array(), *dark = json_array();
    char text[16];
    for (int i = 0; i < OFR_PALETTE; ++i) {
        snprintf(text, sizeof text, "#%06x", ofr_palette[i].light);
        json_array_append_new(light, json_string(text));
        snprintf(text, sizeof text, "#%06x", ofr_palette[i].dark);
        json_array_append_new(dark, json_string(text));
    }
    json_object_set_new(object, "light", light);
    json_object_set_new(object, "dark", dark);
    return object;
}
