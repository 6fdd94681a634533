/* The legend of a figure on paper: above the axes, so that it never covers data. */
#include "analysis/report/plot.h"

#include <math.h>
#include <string.h>

static const double row_height = 9.0, sample_width = 15.0, sample_gap = 3.0, entry_gap = 8.0, margin = 4.0,
                    most_text = PLOT_WIDTH - 2.0 * 4.0 - 15.0 - 3.0;

/* Dashed series are a second value of every run, called "RUN, VALUE": one entry stands for all of them. */
static const char *entry_name(const struct ofr_series *series)
{
    const char *comma = series->dashed && series->name ? strrchr(series->name, ',') : NULL;
    return comma && comma[1] == ' ' ? comma + 2 : series->name;
}

/* The first series of each name speaks for it. */
static bool speaks(const struct ofr_figure *figure, uint32_t series)
{
    const char *name = entry_name(&figure->series[series]);
    for (uint32_t i = 0; i < series; ++i)
        if (name && figure->series[i].name && strcmp(entry_name(&figure->series[i]), name) == 0)
            return false;
    return name != NULL && figure->series[series].points > 0;
}

static uint32_t entries(const struct ofr_figure *figure)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < figure->series_count; ++i)
        count += speaks(figure, i);
    return count;
}

/* Where the next entry goes. */
struct flow {
    double left, top;
    uint32_t rows;
};

/* Room for one entry, in this row or the next; its box is the sample's. */
static struct plot_box next(struct flow *flow, double text)
{
    double width = sample_width + sample_gap + text;
    if (flow->left > margin && flow->left + width > PLOT_WIDTH - margin) {
        flow->left = margin;
        flow->rows++;
    }
    struct plot_box box = {flow->left, flow->top + (flow->rows - 1) * row_height, sample_width, row_height};
    flow->left += width + entry_gap;
    return box;
}

static void paint_text(cairo_t *cr, struct plot_box box, double width, const char *text)
{
    cairo_set_source_rgb(cr, 0.13, 0.13, 0.13);
    plot__text(cr, PLOT_FONT_TICK, PLOT_ALIGN_LEFT, box.left + box.width + sample_gap,
               box.top + box.height / 2.0 + 2.3, width + 0.1, text);
}

/* Entries of the full or of the dashed series; with `paint` they are drawn. */
static void walk_series(struct flow *flow, cairo_t *cr, const struct ofr_figure *figure, bool dashed,
                        bool paint)
{
    for (uint32_t i = 0; i < figure->series_count; ++i) {
        if (figure->series[i].dashed != dashed || !speaks(figure, i))
            continue;
        const char *name = entry_name(&figure->series[i]);
        double text = fmin(most_text, plot__text_width(cr, PLOT_FONT_TICK, name));
        struct plot_box box = next(flow, text);
        if (paint) {
            plot__sample(cr, figure, &figure->series[i], box);
            paint_text(cr, box, text, name);
        }
    }
}

static void walk_marks(struct flow *flow, cairo_t *cr, const struct ofr_figure *figure, bool paint)
{
    for (uint32_t i = 0; i < figure->marks; ++i) {
        const char *name = figure->mark[i].text;
        double text = fmin(most_text, plot__text_width(cr, PLOT_FONT_TICK, name));
        struct plot_box box = next(flow, text);
        if (paint) {
            plot__mark_style(cr);
            cairo_move_to(cr, box.left, box.top + box.height / 2.0);
            cairo_line_to(cr, box.left + box.width, box.top + box.height / 2.0);
            cairo_stroke(cr);
            paint_text(cr, box, text, name);
        }
    }
}

/* The rows of the whole legend, drawn from `top` with `paint`. */
static uint32_t walk(cairo_t *cr, const struct ofr_figure *figure, double top, bool paint)
{
    struct flow flow = {.left = margin, .top = top, .rows = 1};
    walk_series(&flow, cr, figure, false, paint);
    walk_series(&flow, cr, figure, true, paint);
    walk_marks(&flow, cr, figure, paint);
    return flow.rows;
}

static bool needed(const struct ofr_figure *figure)
{
    return entries(figure) > 1 || figure->marks > 0;
}

double plot__legend_height(cairo_t *cr, const struct ofr_figure *figure)
{
    return needed(figure) ? walk(cr, figure, 0.0, false) * row_height + 1.0 : 0.0;
}

void plot__legend(const struct plot *plot, cairo_t *cr)
{
    if (needed(plot->figure))
        walk(cr, plot->figure, plot->legend_top, true);
}
