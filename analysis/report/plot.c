/* A figure on paper: what goes where. */
#include "analysis/report/plot.h"

#include <math.h>

static const double pad = 3.0, title_height = 11.0, axes_height = 108.0, tick_room = 11.0, axis_title = 10.0;

/* ---- what the axes have to hold ---- */

static bool has_kind(const struct ofr_figure *figure, enum ofr_series_kind kind)
{
    for (uint32_t i = 0; i < figure->series_count; ++i)
        if (figure->series[i].kind == kind)
            return true;
    return false;
}

static void extents(const struct ofr_figure *figure, struct ofr_extent *x, struct ofr_extent *y)
{
    for (uint32_t i = 0; i < figure->series_count; ++i) {
        const struct ofr_series *series = &figure->series[i];
        bool ranges = series->kind == OFR_SERIES_RANGES;
        for (uint32_t j = 0; j < series->points; ++j) {
            ofr_extent_add(x, series->x[j]);
            ofr_extent_add(y, ranges ? series->low[j] : series->y[j]);
            ofr_extent_add(y, ranges ? series->high[j] : series->y[j]);
        }
    }
    for (uint32_t i = 0; i < figure->marks && y->low <= y->high; ++i)
        ofr_extent_add(figure->mark[i].vertical ? x : y, figure->mark[i].at);
}

/* Bars stand on zero, and so does what comes near it: a curve cut off close above zero misleads. */
static void include_zero(const struct ofr_figure *figure, struct ofr_extent *y)
{
    bool near = y->low <= y->high && y->low > 0.0 && y->low < 0.5 * y->high;
    bool constant = y->low == y->high && y->low > 0.0 && y->low < 50.0;
    if (!figure->y.logarithmic && (has_kind(figure, OFR_SERIES_BARS) || near || constant))
        ofr_extent_add(y, 0.0);
}

static double widest_label(cairo_t *cr, const struct ofr_scale *scale)
{
    double widest = 0.0;
    char text[OFR_TICK_TEXT];
    for (uint32_t i = 0; i < scale->ticks; ++i) {
        ofr_scale_label(scale, i, text);
        widest = fmax(widest, plot__text_width(cr, PLOT_FONT_TICK, text));
    }
    return widest;
}

/* As many ticks as have room for their labels. */
static void fit_x(struct plot *plot, cairo_t *cr, struct ofr_extent x)
{
    const struct ofr_figure *figure = plot->figure;
    bool outward = has_kind(figure, OFR_SERIES_POINTS);
    if (figure->categories) {
        plot->x = (struct ofr_scale){.low = -0.5, .high = figure->categories - 0.5};
        return;
    }
    for (uint32_t most = 8; most >= 2; --most) {
        plot->x = ofr_scale_fit(x, figure->x.logarithmic, outward, most);
        if ((widest_label(cr, &plot->x) + 8.0) * plot->x.ticks < plot->frame.width)
            return;
    }
}

/* ---- names of categories ---- */

/* Room below the axis for the names, which are turned where they do not fit side by side. */
static double place_names(struct plot *plot, cairo_t *cr)
{
    double slot = plot->frame.width / plot->figure->categories, widest = 0.0;
    for (uint32_t i = 0; i < plot->figure->categories; ++i)
        widest = fmax(widest, plot__text_width(cr, PLOT_FONT_TICK, plot->figure->category[i]));
    plot->name_width = PLOT_NAME_WIDTH;
    plot->name_stride = 1;
    plot->names = PLOT_NAMES_LEVEL;
    if (widest + 4.0 <= slot)
        return tick_room;
    plot->names = slot >= 10.5 ? PLOT_NAMES_SLANTED : PLOT_NAMES_UPRIGHT;
    if (plot->names == PLOT_NAMES_SLANTED) /* the first name must not leave the drawing on the left */
        plot->name_width = fmin(plot->name_width, (plot->frame.left + slot / 2.0 - 3.0) / M_SQRT1_2);
    widest = fmin(widest, plot->name_width);
    while (slot * plot->name_stride < 7.5)
        plot->name_stride++;
    return (plot->names == PLOT_NAMES_SLANTED ? widest * M_SQRT1_2 + 8.0 : widest + 5.0);
}

void plot__layout(struct plot *plot, cairo_t *cr, const struct ofr_figure *figure)
{
    struct ofr_extent x = OFR_EXTENT_NONE, y = OFR_EXTENT_NONE;
    *plot = (struct plot){.figure = figure, .legend_top = pad + title_height};
    for (uint32_t i = 0; i < figure->series_count; ++i)
        plot->bars += figure->series[i].kind == OFR_SERIES_BARS;
    extents(figure, &x, &y);
    plot->empty = y.low > y.high;
    include_zero(figure, &y);
    plot->y = ofr_scale_fit(y, figure->y.logarithmic, true, 6);
    plot->frame.left = pad + axis_title + widest_label(cr, &plot->y) + 4.0;
    plot->frame.width = PLOT_WIDTH - plot->frame.left - 8.0;
    plot->frame.top = plot->legend_top + plot__legend_height(cr, figure) + 4.0;
    plot->frame.height = axes_height;
    fit_x(plot, cr, x);
    double below = figure->categories ? place_names(plot, cr) : tick_room;
    plot->height = plot->frame.top + axes_height + below + pad;
    plot->height = ceil(plot->height + (figure->x.title && *figure->x.title ? axis_title : 0.0));
}

static void paint_title(const struct plot *plot, cairo_t *cr)
{
    cairo_set_source_rgb(cr, 0.0, 0.0, 0.0);
    plot__text(cr, PLOT_FONT_TITLE, PLOT_ALIGN_LEFT, 4.0, pad + 7.0, PLOT_WIDTH - 8.0, plot->figure->title);
}

void plot__paint(const struct plot *plot, cairo_t *cr)
{
    const struct ofr_figure *figure = plot->figure;
    cairo_set_source_rgb(cr, 1.0, 1.0, 1.0);
    cairo_paint(cr);
    paint_title(plot, cr);
    plot__legend(plot, cr);
    plot__grid(plot, cr);
    for (uint32_t i = 0; i < figure->series_count; ++i)
        if (figure->series[i].kind == OFR_SERIES_BARS)
            plot__series(plot, cr, i);
    for (uint32_t i = 0; i < figure->series_count; ++i)
        if (figure->series[i].kind != OFR_SERIES_BARS && figure->series[i].dashed)
            plot__series(plot, cr, i);
    for (uint32_t i = 0; i < figure->series_count; ++i)
        if (figure->series[i].kind != OFR_SERIES_BARS && !figure->series[i].dashed)
            plot__series(plot, cr, i);
    plot__axes(plot, cr);
    plot__marks(plot, cr);
}
