/* The figures of a report for papers: each as ID.svg and ID.png in a folder, drawn with cairo.
 *
 * 3.3 inches wide (a column of two-column papers); PNG at 300 pixels an inch. SVG text is outlines, so that it looks
 * the same without the font; title, caption and numbers are in its <title> and <desc>. The same figures give the same
 * bytes on one machine.
 */
#ifndef OFR_ANALYSIS_REPORT_DRAW_H
#define OFR_ANALYSIS_REPORT_DRAW_H

#include "analysis/report/figure.h"

enum {
    OFR_DRAW_PIXELS_AN_INCH = 300
};

/* Whether this build carries cairo. */
bool ofr_report_draws(void);

/* Whether `folder` can take figures, before anything is computed: it is a folder, or nothing is there yet.
 * Errors: OFR_E_USAGE for something else and for a build without cairo. */
int ofr_figures_folder(const char *folder, struct ofr_error *err);

/* Makes the folder if it is not there (its parent must be) and writes the figures into it, each file whole or not at
 * all. Errors: as above, OFR_E_IO, OFR_E_NOMEM. */
int ofr_figures_draw(const char *folder, const struct ofr_figures *figures, struct ofr_error *err);

#endif
