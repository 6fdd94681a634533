/* Figures on paper: what is drawn lies where its numbers say, nothing leaves the drawing, files are whole and the same
 * every time. */
#include "analysis/report/draw.h"
#include "tests/support/files.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

TestSuite(plot, .fini = files_remove);

#ifdef OFR_HAVE_CAIRO

#include "analysis/report/plot.h"

enum {
    DOTS = 8 /* pixels of the test's drawing a point */
};

struct picture {
    struct plot plot;
    cairo_surface_t *surface;
};

static struct picture paint(const struct ofr_figure *figure)
{
    struct picture picture;
    cairo_surface_t *small = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 1, 1);
    cairo_t *cr = cairo_create(small);
    plot__layout(&picture.plot, cr, figure);
    cairo_destroy(cr);
    cairo_surface_destroy(small);
    picture.surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)(PLOT_WIDTH * DOTS),
                                                 (int)ceil(picture.plot.height * DOTS));
    cr = cairo_create(picture.surface);
    cairo_scale(cr, DOTS, DOTS);
    plot__paint(&picture.plot, cr);
    cr_assert_eq(cairo_status(cr), CAIRO_STATUS_SUCCESS);
    cairo_destroy(cr);
    return picture;
}

static uint32_t pixel(const struct picture *picture, double x, double y)
{
    const unsigned char *data = cairo_image_surface_get_data(picture->surface);
    int stride = cairo_image_surface_get_stride(picture->surface);
    uint32_t value;
    memcpy(&value, data + (ptrdiff_t)(y * DOTS) * stride + (ptrdiff_t)(x * DOTS) * 4, sizeof value);
    return value & 0xffffff;
}

/* Bars of one series end at their value; fails when the scale, the base or the slot is off by a twentieth of a point. */
Test(plot, bars_end_at_their_values)
{
    struct ofr_figures figures = {0};
    struct ofr_figure *figure = ofr_figures_add(&figures, "f", "Bars", "caption");
    struct ofr_series *bars = ofr_figure_series(figure, OFR_SERIES_BARS, 0, "run");
    const double value[] = {3.0, 7.0, -1.3};
    for (int i = 0; i < 3; ++i) {
        ofr_figure_category(figure, (const char *[]){"one", "two", "three"}[i]);
        ofr_series_add(bars, i, value[i]);
    }
    struct picture picture = paint(figure);
    for (int i = 0; i < 3; ++i) {
        double x = plot__x(&picture.plot, i) + 1.0, end = plot__y(&picture.plot, value[i]);
        double inward = value[i] > 0.0 ? 0.2 : -0.2;
        cr_expect_eq(pixel(&picture, x, end + inward), ofr_palette[0].light, "bar %d is short", i);
        cr_expect_neq(pixel(&picture, x, end - inward), ofr_palette[0].light, "bar %d is long", i);
    }
    cairo_surface_destroy(picture.surface);
    ofr_figures_release(&figures);
}

/* A line passes its points; a gap stays one; steps hold their value. */
Test(plot, lines_and_steps_pass_their_points)
{
    struct ofr_figures figures = {0};
    struct ofr_figure *figure = ofr_figures_add(&figures, "f", "Lines", "caption");
    struct ofr_series *line = ofr_figure_series(figure, OFR_SERIES_LINE, 0, "line");
    struct ofr_series *step = ofr_figure_series(figure, OFR_SERIES_STEP, 1, "step");
    ofr_series_add(line, 0.0, 0.0);
    ofr_series_add(line, 4.0, 4.0);
    ofr_series_add(line, 5.0, NAN);
    ofr_series_add(line, 6.0, 4.0);
    ofr_series_add(line, 10.0, 4.0);
    ofr_series_add(step, 0.0, 9.0);
    ofr_series_add(step, 8.0, 2.0);
    ofr_series_add(step, 10.0, 2.0);
    struct picture p = paint(figure);
    const struct plot *plot = &p.plot;
    cr_expect_eq(pixel(&p, plot__x(plot, 1.11), plot__y(plot, 1.11)), ofr_palette[0].light);
    cr_expect_eq(pixel(&p, plot__x(plot, 8.2), plot__y(plot, 4.0)), ofr_palette[0].light);
    cr_expect_neq(pixel(&p, plot__x(plot, 5.0), plot__y(plot, 4.0)), ofr_palette[0].light,
                  "the gap is drawn");
    cr_expect_eq(pixel(&p, plot__x(plot, 6.7), plot__y(plot, 9.0)), ofr_palette[1].light,
                 "the step does not hold");
    cr_expect_eq(pixel(&p, plot__x(plot, 8.0), plot__y(plot, 5.7)), ofr_palette[1].light, "no riser");
    cairo_surface_destroy(p.surface);
    ofr_figures_release(&figures);
}

/* Long names, many series and many categories: everything stays inside, the legend above the axes. */
Test(plot, crowded_figures_stay_inside)
{
    struct ofr_figures figures = {0};
    struct ofr_figure *figure = ofr_figures_add(
        &figures, "f",
        "A title that is much too long to be shown in one column of a paper, by a lot of letters", "c");
    figure->y.title = "latency (ms)";
    for (uint32_t i = 0; i < OFR_FIGURE_SERIES; ++i) {
        struct ofr_series *bars = ofr_figure_series(figure, OFR_SERIES_BARS, (int32_t)i,
                                                    "series number %u with a very long name", i);
        for (uint32_t j = 0; j < 65; ++j)
            ofr_series_add(bars, j, i + j);
    }
    for (uint32_t j = 0; j < 65; ++j)
        ofr_figure_category(figure, "transformer.layer.number.something");
    struct picture p = paint(figure);
    cr_expect_geq(p.plot.frame.top, p.plot.legend_top + 60.0, "24 entries need rows");
    for (double y = 0.5; y < p.plot.height - 0.5; y += 1.0 / DOTS) {
        cr_assert_eq(pixel(&p, 0.3, y), 0xffffff, "something at the left edge, %g points down", y);
        cr_assert_eq(pixel(&p, PLOT_WIDTH - 0.3, y), 0xffffff, "something at the right edge, %g points down",
                     y);
    }
    for (double x = 0.5; x < PLOT_WIDTH - 0.5; x += 1.0 / DOTS) {
        cr_assert_eq(pixel(&p, x, 0.5), 0xffffff);
        cr_assert_eq(pixel(&p, x, p.plot.height - 0.5), 0xffffff);
    }
    cairo_surface_destroy(p.surface);
    ofr_figures_release(&figures);
}

static void fill(struct ofr_figures *figures)
{
    static const enum ofr_series_kind kind[] = {OFR_SERIES_LINE, OFR_SERIES_STEP, OFR_SERIES_BARS,
                                                OFR_SERIES_POINTS, OFR_SERIES_RANGES};
    for (size_t k = 0; k < sizeof kind / sizeof *kind; ++k) {
        char id[16];
        snprintf(id, sizeof id, "f%zu", k);
        struct ofr_figure *figure = ofr_figures_add(figures, id, "T <&> \"1\"", "caption & more");
        struct ofr_series *series = ofr_figure_series(figure, kind[k], 0, "bytes \xff\x01 and \xc3\xa9");
        for (int i = 0; i < 3 && kind[k] != OFR_SERIES_RANGES; ++i)
            ofr_series_add(series, i, i * i);
        if (kind[k] == OFR_SERIES_RANGES)
            ofr_series_add_range(series, 0.0, 1.0, 2.0);
        if (kind[k] == OFR_SERIES_BARS)
            for (int i = 0; i < 3; ++i)
                ofr_figure_category(figure, "\x80");
        ofr_figure_row(figure);
        ofr_figure_cell(figure, "%.4f", 1234.5678);
    }
    ofr_figures_add(figures, "table", "A table alone", "no series: not drawn");
    struct ofr_figure *empty = ofr_figures_add(figures, "empty", "Nothing", "a series without values");
    ofr_figure_series(empty, OFR_SERIES_LINE, 0, "nothing");
}

static void in_folder(char *out, size_t size, const char *folder, const char *name)
{
    snprintf(out, size, "%s/%s", folder, name);
}

/* Twice the same bytes; PNG of the promised size; strange bytes in names become harmless. */
Test(plot, files)
{
    static const char *const name[] = {"f0.svg", "f1.svg", "f2.svg", "f3.svg", "f4.svg", "empty.svg",
                                       "f0.png", "f1.png", "f2.png", "f3.png", "f4.png", "empty.png"};
    char folder[2][512], path[600];
    struct ofr_error err = OFR_ERROR_INIT;
    snprintf(folder[0], sizeof folder[0], "%s", files_path("one"));
    snprintf(folder[1], sizeof folder[1], "%s", files_path("two"));
    for (int i = 0; i < 2; ++i) {
        struct ofr_figures figures = {0};
        fill(&figures);
        cr_assert_eq(ofr_figures_draw(folder[i], &figures, &err), 0, "%s", err.text);
        ofr_figures_release(&figures);
    }
    for (size_t i = 0; i < sizeof name / sizeof *name; ++i) {
        size_t size[2];
        unsigned char *bytes[2];
        for (int j = 0; j < 2; ++j) {
            in_folder(path, sizeof path, folder[j], name[i]);
            bytes[j] = files_read(path, &size[j]);
            remove(path);
        }
        cr_expect(size[0] == size[1] && memcmp(bytes[0], bytes[1], size[0]) == 0, "%s differs", name[i]);
        if (strstr(name[i], ".png")) {
            cr_expect_eq(bytes[0][18] << 8 | bytes[0][19], 990, "3.3 inches at 300 pixels an inch");
        } else if (name[i][0] == 'f') {
            cr_expect_not_null(strstr((char *)bytes[0], "<title>T &lt;&amp;&gt; \"1\"</title>"));
            cr_expect_not_null(strstr((char *)bytes[0], "1234.5678"), "the numbers are not in it");
        }
        free(bytes[0]);
        free(bytes[1]);
    }
    cr_expect_eq(rmdir(folder[0]), 0, "files left over");
    cr_expect_eq(rmdir(folder[1]), 0, "files left over");
}

#else

Test(plot, built_without_cairo)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_figures figures = {0};
    cr_log_warn("SKIPPED: built without cairo; only the refusal is tested\n");
    cr_expect_not(ofr_report_draws());
    cr_expect_eq(ofr_figures_draw(files_path("one"), &figures, &err), OFR_E_USAGE);
    cr_expect_not_null(strstr(err.text, "libcairo2-dev"));
}

#endif
