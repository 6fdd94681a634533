/* The report as one page: figures, their numbers, the resolved scenarios. Everything it needs is in the file: the
 * plotting library (ECharts, fetched by npm and pinned when Offramp is built) is part of the binary. */
#ifndef OFR_ANALYSIS_REPORT_PAGE_H
#define OFR_ANALYSIS_REPORT_PAGE_H

#include "analysis/report/figures.h"

/* Whether this build carries the plotting library; without it there are no pages. */
bool ofr_report_has_page(void);

/* A text shown whole at the end of a page, folded: a resolved scenario, a sweep file. Borrowed. */
struct ofr_page_text {
    const char *label, *path, *text;
};

/* Writes the page to `path`, whole or not at all. Errors: OFR_E_IO, OFR_E_NOMEM, OFR_E_USAGE for a build without the
 * library. */
int ofr_report_page(const char *path, const struct ofr_figures *figures, const struct ofr_page_text *text,
                    uint32_t texts, struct ofr_error *err);

#endif
