/* Text of figures on paper. Hinting is off, so that measures do not depend on the resolution. */
#include "analysis/report/plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void set_font(cairo_t *cr, enum plot_font font)
{
    static const struct {
        double size;
        cairo_font_weight_t weight;
    } fonts[] = {
        [PLOT_FONT_TITLE] = {7.5, CAIRO_FONT_WEIGHT_BOLD},
        [PLOT_FONT_AXIS] = {7.0, CAIRO_FONT_WEIGHT_NORMAL},
        [PLOT_FONT_TICK] = {6.5, CAIRO_FONT_WEIGHT_NORMAL},
    };
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, fonts[font].weight);
    cairo_set_font_size(cr, fonts[font].size);
}

static double width_of(cairo_t *cr, const char *text)
{
    cairo_text_extents_t extents;
    cairo_text_extents(cr, text, &extents);
    return extents.x_advance;
}

double plot__text_width(cairo_t *cr, enum plot_font font, const char *text)
{
    set_font(cr, font);
    return width_of(cr, text);
}

/* Cuts a UTF-8 text by one character. */
static void cut_character(char *text, size_t *size)
{
    while (*size > 0 && ((unsigned char)text[*size - 1] & 0xc0) == 0x80)
        --*size;
    *size -= *size > 0;
    text[*size] = '\0';
}

void plot__text(cairo_t *cr, enum plot_font font, enum plot_align align, double x, double y, double most,
                const char *text)
{
    static const char ellipsis[] = "…";
    char shown[256 + sizeof ellipsis];
    size_t size = (size_t)snprintf(shown, 256, "%s", text);
    set_font(cr, font);
    if (size > 255 || width_of(cr, shown) > most) {
        size = strlen(shown);
        do {
            cut_character(shown, &size);
            memcpy(shown + size, ellipsis, sizeof ellipsis);
        } while (size > 0 && width_of(cr, shown) > most);
    }
    double width = width_of(cr, shown);
    cairo_move_to(cr,
                  x - (align == PLOT_ALIGN_CENTRE  ? width / 2.0
                       : align == PLOT_ALIGN_RIGHT ? width
                                                   : 0.0),
                  y);
    cairo_show_text(cr, shown);
}
