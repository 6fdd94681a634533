/* Figures as data: what is plotted, not how. One list of figures is made from runs, comparisons or sweeps
 * (figures_run.c, figures_compare.c, figures_sweep.c) and shown twice: by the page (page.c, interactive) and on
 * paper (draw.c, SVG and PNG). Every figure carries the numbers it shows, so that the page can print them under
 * it, and stays small whatever the number of requests: makers thin out to OFR_FIGURE_POINTS points a series.
 */
#ifndef OFR_ANALYSIS_REPORT_FIGURE_H
#define OFR_ANALYSIS_REPORT_FIGURE_H

#include "sim/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    OFR_FIGURE_POINTS = 800, /* most points of a series */
    OFR_FIGURE_SERIES = 24,  /* most series of a figure; more are left out */
    OFR_PALETTE = 8,
    OFR_FIGURE_ID = 48,
    OFR_FIGURE_TITLE = 128,
    OFR_FIGURE_CAPTION = 512
};

/* Colours as 0xRRGGBB that people with any colour vision tell apart (after Okabe and Ito), on a light and a dark
 * ground. */
extern const struct ofr_colour {
    uint32_t light, dark;
} ofr_palette[OFR_PALETTE];

/* X(name, text): how a series is drawn. */
#define OFR_SERIES_MAP(X)                                                                                    \
    X(LINE, "line")     /* points joined */                                                                  \
    X(STEP, "step")     /* the value holds until the next point */                                           \
    X(BARS, "bars")     /* one bar per category, side by side with the other bar series */                   \
    X(POINTS, "points") /* a dot per point, with its label when pointed at */                                \
    X(RANGES, "ranges") /* from low to high at each category or x, over the bars or points */

enum ofr_series_kind {
#define X(name, text) OFR_SERIES_##name,
    OFR_SERIES_MAP(X)
#undef X
};

struct ofr_figures;

struct ofr_series {
    char *name; /* owned; shown in the legend */
    enum ofr_series_kind kind;
    double *x, *y;      /* [points] owned; BARS and RANGES by category: x is its number. y = NaN: a gap */
    double *low, *high; /* RANGES: [points], owned; else NULL */
    char **label;       /* POINTS: [points], a NULL label = none; owned */
    uint32_t points, capacity;
    struct ofr_figures *home;
    int32_t colour; /* number in the palette: a run keeps its colour in every figure */
    bool dashed;
};

struct ofr_axis {
    const char *title; /* with its unit: "latency (ms)"; static, or the figure's own */
    bool logarithmic;
};

/* A line across the plot: a constraint, an SLO. */
struct ofr_figure_mark {
    double at;
    bool vertical;
    char text[64];
};

struct ofr_row {
    char **cell; /* [cells], owned */
    uint32_t cells;
};

struct ofr_figure {
    char id[OFR_FIGURE_ID]; /* file name and anchor: "latency-cdf" */
    char title[OFR_FIGURE_TITLE];
    char caption[OFR_FIGURE_CAPTION]; /* one or two sentences: what one sees, how it is defined */
    struct ofr_axis x, y;
    char own_title[2][96]; /* of the axes, where they are not known beforehand */
    char **category;       /* [categories] names along x instead of numbers; owned */
    uint32_t categories;
    struct ofr_series *series; /* [series_count], owned */
    uint32_t series_count;
    struct ofr_figure_mark mark[4];
    uint32_t marks;
    struct ofr_row *row; /* [rows] the numbers under the figure; the first row is the header; owned */
    uint32_t rows;
    struct ofr_figures *home;
};

/* Running out of memory is kept in `failed` and makes every later call do nothing, so that makers of figures ask
 * once, at their end (ofr_figures_check). */
struct ofr_figures {
    struct ofr_figure **figure; /* [count], owned */
    uint32_t count;
    bool failed;
};

/* Adds an empty figure, owned by the list; a NULL figure is allowed in every call below. */
struct ofr_figure *ofr_figures_add(struct ofr_figures *figures, const char *id, const char *title,
                                   const char *caption);
int ofr_figures_check(const struct ofr_figures *figures, struct ofr_error *err); /* 0 or OFR_E_NOMEM */
void ofr_figures_release(struct ofr_figures *figures);

/* The new series, owned by the figure; a NULL series is allowed in every call below. */
struct ofr_series *ofr_figure_series(struct ofr_figure *figure, enum ofr_series_kind kind, int32_t colour,
                                     const char *name_format, ...) __attribute__((format(printf, 4, 5)));
void ofr_series_add(struct ofr_series *series, double x, double y);
void ofr_series_add_range(struct ofr_series *series, double x, double low, double high);
void ofr_series_add_labelled(struct ofr_series *series, double x, double y, const char *label);
/* Names the axes by copies; NULL = no title. */
void ofr_figure_titles(struct ofr_figure *figure, const char *x, const char *y);
void ofr_figure_category(struct ofr_figure *figure, const char *name);
void ofr_figure_mark(struct ofr_figure *figure, bool vertical, double at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Begins a row of the table; every cell is one call. */
void ofr_figure_row(struct ofr_figure *figure);
void ofr_figure_cell(struct ofr_figure *figure, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A cell of one number, `format` taking a double; "none" for NaN. */
void ofr_figure_number(struct ofr_figure *figure, const char *format, double value);
/* As "value (low to high)"; without the interval where there is none. */
void ofr_figure_interval(struct ofr_figure *figure, const char *format, double value, double low,
                         double high);

/* What the page's script reads. Owned by the caller; NULL when out of memory. */
json_t *ofr_figures_json(const struct ofr_figures *figures);
/* The palette as lists "light" and "dark" of "#rrggbb". As above. */
json_t *ofr_palette_json(void);

#endif
