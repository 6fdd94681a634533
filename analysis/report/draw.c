#include "analysis/report/draw.h"

#include "traces/atomic_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifdef OFR_HAVE_CAIRO

#include "analysis/report/plot.h"

#include <cairo-svg.h>
#include <math.h>

bool ofr_report_draws(void)
{
    return true;
}

/* ---- files ---- */

/* Bytes on their way from cairo to a file. */
struct sink {
    struct ofr_atomic_file *file;
    struct ofr_error *err;
};

static cairo_status_t sink_write(void *context, const unsigned char *bytes, unsigned size)
{
    struct sink *sink = context;
    return ofr_atomic_write(sink->file, bytes, size, sink->err) ? CAIRO_STATUS_WRITE_ERROR
                                                                : CAIRO_STATUS_SUCCESS;
}

static cairo_status_t memory_write(void *context, const unsigned char *bytes, unsigned size)
{
    return fwrite(bytes, 1, size, context) == size ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_NO_MEMORY;
}

/* What went wrong with a drawing, if anything: cairo keeps the first failure of a context. */
static int status_of(cairo_status_t status, struct ofr_error *err)
{
    if (status == CAIRO_STATUS_NO_MEMORY)
        return ofr_fail_nomem(err, "a figure");
    return status ? ofr_fail(err, OFR_E_IO, "a figure: cairo: %s", cairo_status_to_string(status)) : 0;
}

/* Text measures must be the same on every surface. */
static void plain_text(cairo_t *cr)
{
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_set_font_options(cr, options);
    cairo_font_options_destroy(options);
}

static int paint_on(cairo_surface_t *surface, const struct plot *plot, double scale, struct ofr_error *err)
{
    cairo_t *cr = cairo_create(surface);
    plain_text(cr);
    cairo_scale(cr, scale, scale);
    plot__paint(plot, cr);
    int rc = status_of(cairo_status(cr), err);
    cairo_destroy(cr);
    return rc;
}

/* ---- PNG ---- */

static int write_png(const char *path, const struct plot *plot, struct ofr_error *err)
{
    double scale = OFR_DRAW_PIXELS_AN_INCH / 72.0;
    struct sink sink = {.err = err};
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)ceil(PLOT_WIDTH * scale),
                                                          (int)ceil(plot->height * scale));
    int rc = paint_on(surface, plot, scale, err);
    if (!rc)
        rc = ofr_atomic_open(&sink.file, path, err);
    if (!rc) {
        rc = status_of(cairo_surface_write_to_png_stream(surface, sink_write, &sink), err);
        if (rc)
            ofr_atomic_abort(sink.file);
        else
            rc = ofr_atomic_commit(sink.file, err);
    }
    cairo_surface_destroy(surface);
    return rc;
}

/* ---- SVG ---- */

static void put_xml(FILE *out, const char *text)
{
    for (const char *at = text; *at; ++at) {
        if (*at == '<')
            fputs("&lt;", out);
        else if (*at == '&')
            fputs("&amp;", out);
        else if (*at == '>')
            fputs("&gt;", out);
        else
            fputc((unsigned char)*at < ' ' || *at == 0x7f ? '?' : *at, out);
    }
}

/* What the drawing says, for those who cannot see it and for programs: the caption and the numbers. */
static void put_words(FILE *out, const struct ofr_figure *figure)
{
    fputs("\n<title>", out);
    put_xml(out, figure->title);
    fputs("</title>\n<desc>", out);
    put_xml(out, figure->caption);
    for (uint32_t i = 0; i < figure->rows; ++i) {
        fputc('\n', out);
        for (uint32_t j = 0; j < figure->row[i].cells; ++j) {
            fputs(j ? " | " : "", out);
            put_xml(out, figure->row[i].cell[j]);
        }
    }
    fputs("</desc>\n", out);
}

/* The drawing as cairo writes it. Owned; NULL with an error set. */
static char *drawing(const struct plot *plot, struct ofr_error *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    if (!memory) {
        ofr_fail_nomem(err, "a figure");
        return NULL;
    }
    cairo_surface_t *surface =
        cairo_svg_surface_create_for_stream(memory_write, memory, PLOT_WIDTH, plot->height);
    int rc = paint_on(surface, plot, 1.0, err);
    cairo_surface_finish(surface);
    if (!rc)
        rc = status_of(cairo_surface_status(surface), err);
    cairo_surface_destroy(surface);
    if (fclose(memory) && !rc)
        rc = ofr_fail_nomem(err, "a figure");
    if (!rc)
        return text;
    free(text);
    return NULL;
}

/* The rest of a drawing without cairo's count of surfaces (`id="surface12"`), which is the process's, not the figure's.
 */
static void put_uncounted(FILE *out, const char *text)
{
    static const char counted[] = "id=\"surface";
    const char *at = strstr(text, counted);
    if (at) {
        fprintf(out, "%.*s", (int)(at - text) + (int)strlen(counted), text);
        text = at + strlen(counted);
        text += strspn(text, "0123456789");
    }
    fputs(text, out);
}

/* Words go behind the opening tag of the drawing. */
static int with_words(char **out, size_t *size, const char *text, const struct ofr_figure *figure,
                      struct ofr_error *err)
{
    const char *tag = strstr(text, "<svg"), *end = tag ? strchr(tag, '>') : NULL;
    FILE *memory = end ? open_memstream(out, size) : NULL;
    if (!end)
        return ofr_fail(err, OFR_E_BUG, "figure %s: cairo wrote no <svg>", figure->id);
    if (!memory)
        return ofr_fail_nomem(err, "a figure");
    fwrite(text, 1, (size_t)(end + 1 - text), memory);
    put_words(memory, figure);
    put_uncounted(memory, end + 1);
    bool failed = ferror(memory);
    failed = fclose(memory) || failed;
    return failed ? ofr_fail_nomem(err, "a figure") : 0;
}

static int write_svg(const char *path, const struct plot *plot, struct ofr_error *err)
{
    char *text = drawing(plot, err), *whole = NULL;
    size_t size = 0;
    struct ofr_atomic_file *file;
    if (!text)
        return err->code;
    int rc = with_words(&whole, &size, text, plot->figure, err);
    free(text);
    if (!rc)
        rc = ofr_atomic_open(&file, path, err);
    if (!rc) {
        rc = ofr_atomic_write(file, whole, size, err);
        if (rc)
            ofr_atomic_abort(file);
        else
            rc = ofr_atomic_commit(file, err);
    }
    free(whole);
    return rc;
}

static int draw_figure(const char *folder, const struct ofr_figure *figure, cairo_t *measure,
                       struct ofr_error *err)
{
    struct plot plot;
    char *svg = NULL, *png = NULL;
    plot__layout(&plot, measure, figure);
    int rc = status_of(cairo_status(measure), err);
    if (!rc && (asprintf(&svg, "%s/%s.svg", folder, figure->id) < 0 ||
                asprintf(&png, "%s/%s.png", folder, figure->id) < 0))
        rc = ofr_fail_nomem(err, "a figure");
    if (!rc)
        rc = write_svg(svg, &plot, err);
    if (!rc)
        rc = write_png(png, &plot, err);
    free(svg);
    free(png);
    return rc;
}

static int draw_all(const char *folder, const struct ofr_figures *figures, struct ofr_error *err)
{
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 1, 1);
    cairo_t *measure = cairo_create(surface);
    int rc = 0;
    plain_text(measure);
    for (uint32_t i = 0; i < figures->count && !rc; ++i)
        if (figures->figure[i]->series_count > 0) /* else a table alone */
            rc = draw_figure(folder, figures->figure[i], measure, err);
    cairo_destroy(measure);
    cairo_surface_destroy(surface);
    return rc;
}

#else

bool ofr_report_draws(void)
{
    return false;
}

static int draw_all(const char *folder, const struct ofr_figures *figures, struct ofr_error *err)
{
    (void)folder;
    (void)figures;
    return ofr_fail(err, OFR_E_BUG, "figures drawn without cairo");
}

#endif

int ofr_figures_folder(const char *folder, struct ofr_error *err)
{
    struct stat status;
    if (!ofr_report_draws())
        return ofr_fail(err, OFR_E_USAGE,
                        "this build cannot draw figures: cairo (libcairo2-dev) was missing when it was made");
    if (stat(folder, &status) == 0 && !S_ISDIR(status.st_mode))
        return ofr_fail(err, OFR_E_USAGE, "%s: found a file, expected a folder for figures", folder);
    return 0;
}

int ofr_figures_draw(const char *folder, const struct ofr_figures *figures, struct ofr_error *err)
{
    int rc = ofr_figures_folder(folder, err);
    if (!rc && mkdir(folder, 0777) && errno != EEXIST)
        rc = ofr_fail_errno(err, "cannot make", folder);
    return rc ? rc : draw_all(folder, figures, err);
}
