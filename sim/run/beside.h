/* Several policies on one scenario, side by side: the table `offramp sim --beside` prints. */
#ifndef OFR_RUN_BESIDE_H
#define OFR_RUN_BESIDE_H

#include "analysis/summary_print.h"

/* One column. `summary` and the strings are borrowed. */
struct ofr_beside_column {
    const char *policy;
    const char *knowledge; /* as in struct ofr_summary_title; not NULL */
    const struct ofr_summary *summary;
};

/* A table for people: latency percentiles, saving against the first column called `vanilla` (left out without
 * one), agreement, exits per site as a bar each. */
void ofr_beside_text(FILE *out, const char *scenario, const struct ofr_beside_column *column,
                     uint32_t columns, const char *const *site_names);

#endif
