/* Series of figures on paper. A run is told by its colour and, without colour, by its dashes and markers; bars by
 * their hatching. */
#include "analysis/report/plot.h"

#include <math.h>
#include <string.h>

enum {
    SHAPES = 8,
    MARKERS_A_LINE = 6,
    HATCHES = 6
};

void plot__colour(cairo_t *cr, int32_t number)
{
    uint32_t rgb = ofr_palette[(uint32_t)number % OFR_PALETTE].light;
    cairo_set_source_rgb(cr, (rgb >> 16 & 0xff) / 255.0, (rgb >> 8 & 0xff) / 255.0, (rgb & 0xff) / 255.0);
}

/* ---- markers ---- */

static void polygon(cairo_t *cr, double x, double y, int corners, double radius, double turn)
{
    cairo_new_path(cr);
    for (int i = 0; i < corners; ++i) {
        double angle = turn + 2.0 * M_PI * i / corners;
        cairo_line_to(cr, x + radius * sin(angle), y - radius * cos(angle));
    }
    cairo_close_path(cr);
}

static void cross(cairo_t *cr, double x, double y, double radius, double turn)
{
    cairo_new_path(cr);
    for (int i = 0; i < 4; ++i) {
        double angle = turn + M_PI / 2.0 * i, wide = 0.38;
        cairo_line_to(cr, x + radius * sin(angle - wide), y - radius * cos(angle - wide));
        cairo_line_to(cr, x + radius * sin(angle + wide), y - radius * cos(angle + wide));
        cairo_line_to(cr, x + 0.5 * radius * sin(angle + M_PI / 4.0),
                      y - 0.5 * radius * cos(angle + M_PI / 4.0));
    }
    cairo_close_path(cr);
}

/* With more series than colours the shapes move on, so that no pair of colour and shape comes twice. */
static void marker(cairo_t *cr, int32_t number, double x, double y, double radius)
{
    uint32_t shape = ((uint32_t)number + (uint32_t)number / OFR_PALETTE) % SHAPES;
    switch (shape) {
    case 0:
        cairo_new_path(cr);
        cairo_arc(cr, x, y, radius * 0.95, 0.0, 2.0 * M_PI);
        break;
    case 1:
        polygon(cr, x, y, 4, radius * 1.15, M_PI / 4.0);
        break;
    case 2:
        polygon(cr, x, y, 3, radius * 1.25, 0.0);
        break;
    case 3:
        polygon(cr, x, y, 4, radius * 1.25, 0.0);
        break;
    case 4:
        polygon(cr, x, y, 3, radius * 1.25, M_PI);
        break;
    case 5:
        cross(cr, x, y, radius * 1.35, 0.0);
        break;
    case 6:
        polygon(cr, x, y, 5, radius * 1.15, 0.0);
        break;
    default:
        cross(cr, x, y, radius * 1.35, M_PI / 4.0);
        break;
    }
    plot__colour(cr, number);
    cairo_fill_preserve(cr);
    cairo_set_source_rgb(cr, 1.0, 1.0, 1.0);
    cairo_set_line_width(cr, 0.4);
    cairo_stroke(cr);
}

/* ---- lines ---- */

static uint32_t full_lines(const struct ofr_figure *figure)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < figure->series_count; ++i)
        count += !figure->series[i].dashed && figure->series[i].kind <= OFR_SERIES_STEP;
    return count;
}

/* In figures with dashed series dashes are the second value of a run; elsewhere they tell runs, but for steps, which
 * dashes tear apart. */
static void line_style(cairo_t *cr, const struct ofr_figure *figure, const struct ofr_series *series)
{
    static const struct {
        int count;
        double length[4];
    } dashes[] = {{0, {0}}, {2, {4.0, 1.6}}, {4, {4.0, 1.4, 1.0, 1.4}}, {2, {1.2, 1.2}}, {2, {2.0, 1.4}}};
    bool second = false;
    for (uint32_t i = 0; i < figure->series_count; ++i)
        second = second || figure->series[i].dashed;
    uint32_t which = second || series->kind == OFR_SERIES_STEP ? 0 : (uint32_t)series->colour % 4;
    which = series->dashed ? 4 : which;
    cairo_set_dash(cr, dashes[which].length, dashes[which].count, 0.0);
    cairo_set_line_width(cr, series->dashed ? 0.5 : 1.0);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    plot__colour(cr, series->colour);
}

void plot__mark_style(cairo_t *cr)
{
    static const double dash[] = {3.0, 2.0};
    cairo_set_source_rgb(cr, 0.70, 0.10, 0.10);
    cairo_set_line_width(cr, 0.7);
    cairo_set_dash(cr, dash, 2, 0.0);
}

static void path(const struct plot *plot, cairo_t *cr, const struct ofr_series *series)
{
    bool down = false;
    double before = 0.0;
    cairo_new_path(cr);
    for (uint32_t i = 0; i < series->points; ++i) {
        double x = plot__x(plot, series->x[i]), y = plot__y(plot, series->y[i]);
        if (down && series->kind == OFR_SERIES_STEP && !isnan(x))
            cairo_line_to(cr, x, before);
        if (isnan(x) || isnan(y)) {
            down = false;
            continue;
        }
        if (down)
            cairo_line_to(cr, x, y);
        else
            cairo_move_to(cr, x, y);
        down = true;
        before = y;
    }
    cairo_stroke(cr);
}

/* Number of the point at a share of the series: of its points, or, as steps come when they like, of its time. */
static uint32_t point_at(const struct ofr_series *series, double share)
{
    uint32_t at = (uint32_t)(share * series->points);
    if (series->kind != OFR_SERIES_STEP)
        return at;
    double x = series->x[0] + share * (series->x[series->points - 1] - series->x[0]);
    for (at = 0; at + 1 < series->points && series->x[at + 1] <= x;)
        at++;
    return at;
}

/* Markers at places of its own for every line, so that curves that lie on each other show. */
static void markers(const struct plot *plot, cairo_t *cr, const struct ofr_series *series)
{
    uint32_t lines = full_lines(plot->figure), place = 0;
    if (lines < 2 || series->dashed || series->points == 0)
        return;
    for (const struct ofr_series *other = plot->figure->series; other < series; ++other)
        place += !other->dashed && other->kind <= OFR_SERIES_STEP;
    double first = series->x[0], length = series->x[series->points - 1] - first;
    for (int i = 0; i < MARKERS_A_LINE; ++i) {
        double share = (i + (place + 0.5) / lines) / MARKERS_A_LINE;
        uint32_t j = point_at(series, share);
        double x = series->kind == OFR_SERIES_STEP ? first + share * length : series->x[j];
        if (isfinite(x) && isfinite(series->y[j]))
            marker(cr, series->colour, plot__x(plot, x), plot__y(plot, series->y[j]), 2.0);
    }
}

static void paint_line(const struct plot *plot, cairo_t *cr, const struct ofr_series *series)
{
    const struct plot_box *frame = &plot->frame;
    cairo_save(cr);
    cairo_rectangle(cr, frame->left, frame->top - 2.0, frame->width + 2.0, frame->height + 4.0);
    cairo_clip(cr);
    line_style(cr, plot->figure, series);
    path(plot, cr, series);
    cairo_restore(cr);
    markers(plot, cr, series);
}

/* ---- bars ---- */

/* White lines over a filled box, none for the first bars. */
static void hatch(cairo_t *cr, int32_t number, struct plot_box box)
{
    static const double angles[HATCHES][2] = {{NAN, NAN}, {M_PI / 4.0, NAN}, {-M_PI / 4.0, NAN},
                                              {0.0, NAN}, {M_PI / 2.0, NAN}, {M_PI / 4.0, -M_PI / 4.0}};
    double reach = box.width + box.height;
    cairo_save(cr);
    cairo_rectangle(cr, box.left, box.top, box.width, box.height);
    cairo_clip(cr);
    cairo_translate(cr, box.left + box.width / 2.0, box.top + box.height / 2.0);
    cairo_set_source_rgba(cr, 1.0, 1.0, 1.0, 0.85);
    cairo_set_line_width(cr, 0.5);
    for (int i = 0; i < 2; ++i) {
        double angle = angles[(uint32_t)number % HATCHES][i];
        if (isnan(angle))
            continue;
        cairo_save(cr);
        cairo_rotate(cr, -angle);
        for (double at = 0.0; at < reach; at += 2.6)
            for (int side = -1; side <= 1; side += 2) {
                cairo_move_to(cr, -reach, side * at);
                cairo_line_to(cr, reach, side * at);
            }
        cairo_stroke(cr);
        cairo_restore(cr);
    }
    cairo_restore(cr);
}

static void fill_bar(cairo_t *cr, int32_t number, struct plot_box box)
{
    plot__colour(cr, number);
    cairo_rectangle(cr, box.left, box.top, box.width, box.height);
    cairo_fill(cr);
    hatch(cr, number, box);
}

/* Left end and width of the bar of one series in a category; `place` counts bar series. */
static void bar_slot(const struct plot *plot, uint32_t place, double category, double *left, double *width)
{
    double slot = plot->frame.width / plot->figure->categories, group = fmin(slot * 0.78, 22.0 * plot->bars);
    *width = group / plot->bars;
    *left = plot__x(plot, category) - group / 2.0 + *width * place;
    *width -= *width > 4.0 ? 0.8 : 0.1;
}

/* Which of the bar series has this name, counted among them. */
static uint32_t bar_place(const struct plot *plot, const struct ofr_series *series)
{
    uint32_t place = 0;
    for (uint32_t i = 0; i < plot->figure->series_count; ++i) {
        const struct ofr_series *other = &plot->figure->series[i];
        if (other->kind != OFR_SERIES_BARS)
            continue;
        if (other == series || (other->name && series->name && strcmp(other->name, series->name) == 0))
            return place;
        place++;
    }
    return 0;
}

static void paint_bars(const struct plot *plot, cairo_t *cr, const struct ofr_series *series)
{
    double base = plot__y(plot, plot->y.logarithmic ? plot->y.low : 0.0), left, width;
    for (uint32_t i = 0; i < series->points; ++i) {
        double y = plot__y(plot, series->y[i]);
        if (isnan(y))
            continue;
        bar_slot(plot, bar_place(plot, series), series->x[i], &left, &width);
        fill_bar(cr, series->colour, (struct plot_box){left, fmin(y, base), width, fabs(y - base)});
    }
}

static void paint_ranges(const struct plot *plot, cairo_t *cr, const struct ofr_series *series)
{
    double left = 0.0, width = 8.0;
    cairo_set_source_rgb(cr, 0.0, 0.0, 0.0);
    cairo_set_line_width(cr, 0.6);
    cairo_set_dash(cr, NULL, 0, 0.0);
    for (uint32_t i = 0; i < series->points; ++i) {
        double x = plot__x(plot, series->x[i]);
        if (plot->bars && plot->figure->categories) {
            bar_slot(plot, bar_place(plot, series), series->x[i], &left, &width);
            x = left + width / 2.0;
        }
        double low = plot__y(plot, series->low[i]), high = plot__y(plot, series->high[i]);
        double half = fmin(2.0, width / 3.0);
        if (isnan(low) || isnan(high))
            continue;
        cairo_move_to(cr, x, low);
        cairo_line_to(cr, x, high);
        cairo_move_to(cr, x - half, low);
        cairo_line_to(cr, x + half, low);
        cairo_move_to(cr, x - half, high);
        cairo_line_to(cr, x + half, high);
        cairo_stroke(cr);
    }
}

static void paint_points(const struct plot *plot, cairo_t *cr, const struct ofr_series *series)
{
    uint32_t all = 0;
    for (uint32_t i = 0; i < plot->figure->series_count; ++i)
        all += plot->figure->series[i].points;
    double radius = all > 60 && series->points > 1 ? 1.5 : 2.6;
    for (uint32_t i = 0; i < series->points; ++i) {
        double x = plot__x(plot, series->x[i]), y = plot__y(plot, series->y[i]);
        if (isfinite(x) && isfinite(y))
            marker(cr, series->colour, x, y, radius);
    }
}

/* ---- by kind ---- */

void plot__series(const struct plot *plot, cairo_t *cr, uint32_t number)
{
    const struct ofr_series *series = &plot->figure->series[number];
    static void (*const paint[])(const struct plot *, cairo_t *, const struct ofr_series *) = {
        [OFR_SERIES_LINE] = paint_line,     [OFR_SERIES_STEP] = paint_line,
        [OFR_SERIES_BARS] = paint_bars,     [OFR_SERIES_POINTS] = paint_points,
        [OFR_SERIES_RANGES] = paint_ranges,
    };
    if (!plot->empty)
        paint[series->kind](plot, cr, series);
}

void plot__sample(cairo_t *cr, const struct ofr_figure *figure, const struct ofr_series *series,
                  struct plot_box box)
{
    double middle = box.top + box.height / 2.0, centre = box.left + box.width / 2.0;
    cairo_save(cr);
    if (series->kind == OFR_SERIES_BARS)
        fill_bar(cr, series->colour, (struct plot_box){box.left, middle - 2.7, box.width, 5.4});
    if (series->kind == OFR_SERIES_LINE || series->kind == OFR_SERIES_STEP) {
        line_style(cr, figure, series);
        if (series->dashed)
            cairo_set_source_rgb(cr, 0.25, 0.25, 0.25);
        cairo_move_to(cr, box.left, middle);
        cairo_line_to(cr, box.left + box.width, middle);
        cairo_stroke(cr);
    }
    bool marked = series->kind <= OFR_SERIES_STEP && !series->dashed && full_lines(figure) > 1;
    cairo_set_dash(cr, NULL, 0, 0.0);
    if (marked || series->kind == OFR_SERIES_POINTS)
        marker(cr, series->colour, centre, middle, 2.2);
    cairo_restore(cr);
}
