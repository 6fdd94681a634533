/* Axes of figures on paper, and the lines across them. */
#include "analysis/report/plot.h"

#include <math.h>

double plot__x(const struct plot *plot, double value)
{
    return plot->frame.left + plot->frame.width * ofr_scale_at(&plot->x, value);
}

double plot__y(const struct plot *plot, double value)
{
    return plot->frame.top + plot->frame.height * (1.0 - ofr_scale_at(&plot->y, value));
}

static void line(cairo_t *cr, double x1, double y1, double x2, double y2)
{
    cairo_move_to(cr, x1, y1);
    cairo_line_to(cr, x2, y2);
    cairo_stroke(cr);
}

void plot__grid(const struct plot *plot, cairo_t *cr)
{
    const struct plot_box *frame = &plot->frame;
    cairo_set_source_rgb(cr, 0.89, 0.89, 0.89);
    cairo_set_line_width(cr, 0.4);
    cairo_set_dash(cr, NULL, 0, 0.0);
    for (uint32_t i = 0; i < plot->y.ticks; ++i) {
        double y = plot__y(plot, plot->y.tick[i]);
        line(cr, frame->left, y, frame->left + frame->width, y);
    }
}

static void y_labels(const struct plot *plot, cairo_t *cr)
{
    char text[OFR_TICK_TEXT];
    for (uint32_t i = 0; i < plot->y.ticks; ++i) {
        double y = plot__y(plot, plot->y.tick[i]);
        ofr_scale_label(&plot->y, i, text);
        line(cr, plot->frame.left - 2.0, y, plot->frame.left, y);
        plot__text(cr, PLOT_FONT_TICK, PLOT_ALIGN_RIGHT, plot->frame.left - 3.5, y + 2.3, plot->frame.left,
                   text);
    }
}

/* A label at the edge of the drawing is moved inward rather than cut. */
static void x_labels(const struct plot *plot, cairo_t *cr)
{
    char text[OFR_TICK_TEXT];
    double bottom = plot->frame.top + plot->frame.height;
    for (uint32_t i = 0; i < plot->x.ticks; ++i) {
        double x = plot__x(plot, plot->x.tick[i]);
        ofr_scale_label(&plot->x, i, text);
        double half = plot__text_width(cr, PLOT_FONT_TICK, text) / 2.0;
        line(cr, x, bottom, x, bottom + 2.0);
        plot__text(cr, PLOT_FONT_TICK, PLOT_ALIGN_CENTRE, fmin(x, PLOT_WIDTH - 1.0 - half), bottom + 9.0,
                   PLOT_WIDTH, text);
    }
}

static void category_names(const struct plot *plot, cairo_t *cr)
{
    static const double turn[] = {0.0, -M_PI / 4.0, -M_PI / 2.0};
    double bottom = plot->frame.top + plot->frame.height;
    for (uint32_t i = 0; i < plot->figure->categories; i += plot->name_stride) {
        bool level = plot->names == PLOT_NAMES_LEVEL;
        cairo_save(cr);
        cairo_translate(cr, plot__x(plot, i) + (level ? 0.0 : 2.2), bottom + (level ? 8.5 : 4.5));
        cairo_rotate(cr, turn[plot->names]);
        plot__text(cr, PLOT_FONT_TICK, level ? PLOT_ALIGN_CENTRE : PLOT_ALIGN_RIGHT, 0.0, 0.0,
                   plot->name_width, plot->figure->category[i]);
        cairo_restore(cr);
    }
}

static void titles(const struct plot *plot, cairo_t *cr)
{
    const struct plot_box *frame = &plot->frame;
    if (plot->figure->x.title)
        plot__text(cr, PLOT_FONT_AXIS, PLOT_ALIGN_CENTRE, frame->left + frame->width / 2.0,
                   plot->height - 4.5, frame->width, plot->figure->x.title);
    if (!plot->figure->y.title)
        return;
    cairo_save(cr);
    cairo_translate(cr, 9.0, frame->top + frame->height / 2.0);
    cairo_rotate(cr, -M_PI / 2.0);
    plot__text(cr, PLOT_FONT_AXIS, PLOT_ALIGN_CENTRE, 0.0, 0.0, frame->height + 16.0, plot->figure->y.title);
    cairo_restore(cr);
}

void plot__axes(const struct plot *plot, cairo_t *cr)
{
    const struct plot_box *frame = &plot->frame;
    double bottom = frame->top + frame->height;
    cairo_set_dash(cr, NULL, 0, 0.0);
    cairo_set_source_rgb(cr, 0.13, 0.13, 0.13);
    cairo_set_line_width(cr, 0.6);
    line(cr, frame->left, frame->top, frame->left, bottom);
    line(cr, frame->left, bottom, frame->left + frame->width, bottom);
    if (!plot->y.logarithmic && plot->y.low < 0.0 && plot->y.high > 0.0)
        line(cr, frame->left, plot__y(plot, 0.0), frame->left + frame->width, plot__y(plot, 0.0));
    y_labels(plot, cr);
    if (plot->figure->categories)
        category_names(plot, cr);
    else
        x_labels(plot, cr);
    titles(plot, cr);
    if (plot->empty)
        plot__text(cr, PLOT_FONT_AXIS, PLOT_ALIGN_CENTRE, frame->left + frame->width / 2.0,
                   frame->top + frame->height / 2.0, frame->width, "no values");
}

/* The text of a mark is in the legend, where it covers nothing. */
void plot__marks(const struct plot *plot, cairo_t *cr)
{
    const struct plot_box *frame = &plot->frame;
    for (uint32_t i = 0; i < plot->figure->marks && !plot->empty; ++i) {
        const struct ofr_figure_mark *mark = &plot->figure->mark[i];
        double x = mark->vertical ? plot__x(plot, mark->at) : frame->left;
        double y = mark->vertical ? frame->top : plot__y(plot, mark->at);
        plot__mark_style(cr);
        line(cr, x, y, mark->vertical ? x : frame->left + frame->width,
             mark->vertical ? y + frame->height : y);
    }
}
