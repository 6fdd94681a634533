/* One figure drawn on a cairo surface, at the width of a paper's column. Private to the report; only built with cairo.
 *
 * Lengths are points (1/72 inch), y grows downward. Layout measures text on the context it is given and fixes the
 * height; painting may use another context with the same font options.
 */
#ifndef OFR_ANALYSIS_REPORT_PLOT_H
#define OFR_ANALYSIS_REPORT_PLOT_H

#include "analysis/report/figure.h"
#include "analysis/report/scale.h"

#include <cairo.h>

/* Column width of two-column papers: 3.3 inches. */
#define PLOT_WIDTH 237.6
/* Names of categories are cut to this length. */
#define PLOT_NAME_WIDTH 76.0

struct plot_box {
    double left, top, width, height;
};

/* How category names stand under the axis. */
enum plot_names {
    PLOT_NAMES_LEVEL,
    PLOT_NAMES_SLANTED, /* 45 degrees, ending at the tick */
    PLOT_NAMES_UPRIGHT
};

struct plot {
    const struct ofr_figure *figure; /* borrowed */
    struct ofr_scale x, y;           /* x counts categories from -0.5 where there are any */
    struct plot_box frame;           /* the area of the axes */
    double height;                   /* of the whole drawing; its width is PLOT_WIDTH */
    double legend_top;
    enum plot_names names;
    double name_width;    /* longer names are cut */
    uint32_t name_stride; /* every how many categories a name fits */
    uint32_t bars;        /* bar series side by side in a category */
    bool empty;           /* no series has a value */
};

/* Text of one size; always set before text is measured or drawn. */
enum plot_font {
    PLOT_FONT_TITLE,
    PLOT_FONT_AXIS,
    PLOT_FONT_TICK
};

enum plot_align {
    PLOT_ALIGN_LEFT,
    PLOT_ALIGN_CENTRE,
    PLOT_ALIGN_RIGHT
};

void plot__layout(struct plot *plot, cairo_t *cr, const struct ofr_figure *figure);
void plot__paint(const struct plot *plot, cairo_t *cr);

/* plot_text.c */
double plot__text_width(cairo_t *cr, enum plot_font font, const char *text);
/* Draws `text` with its baseline at y, cut with an ellipsis where it is wider than `most`. */
void plot__text(cairo_t *cr, enum plot_font font, enum plot_align align, double x, double y, double most,
                const char *text);

/* plot_axes.c */
double plot__x(const struct plot *plot, double value);
double plot__y(const struct plot *plot, double value);
void plot__grid(const struct plot *plot, cairo_t *cr); /* behind the series */
void plot__axes(const struct plot *plot, cairo_t *cr); /* before them */
void plot__marks(const struct plot *plot, cairo_t *cr);

/* plot_legend.c: entries flow from left to right in rows, one for each name and mark; one name alone needs none. */
double plot__legend_height(cairo_t *cr, const struct ofr_figure *figure);
void plot__legend(const struct plot *plot, cairo_t *cr);

/* plot_series.c */
void plot__series(const struct plot *plot, cairo_t *cr, uint32_t series);
void plot__sample(cairo_t *cr, const struct ofr_figure *figure, const struct ofr_series *series,
                  struct plot_box box); /* in the legend */
void plot__colour(cairo_t *cr, int32_t number);
void plot__mark_style(cairo_t *cr);

#endif
