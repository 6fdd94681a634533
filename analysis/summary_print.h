/* Summaries for people (text) and programs (JSON, key names fixed by the command-line contract). */
#ifndef OFR_ANALYSIS_SUMMARY_PRINT_H
#define OFR_ANALYSIS_SUMMARY_PRINT_H

#include "analysis/summary.h"

#include <jansson.h>
#include <stdio.h>

/* What a summary cannot know of its run. Everything is borrowed. */
struct ofr_summary_title {
    const char *scenario;
    const char *policy;
    const char *knowledge; /* the policy has before the run: "none", "hindsight" or "oracle"; NULL = none */
    uint64_t seed;
    const char *const *site_names;     /* [sites] */
    const struct ofr_summary *vanilla; /* the same run without ramps; NULL = not run */
};

/* One object, keys in the order of the contract. Owned by the caller; NULL when out of memory. */
json_t *ofr_summary_json(const struct ofr_summary *summary, const struct ofr_summary_title *title);

void ofr_summary_text(FILE *out, const struct ofr_summary *summary, const struct ofr_summary_title *title);

/* Saving against vanilla in per cent of the vanilla figure; p in [0, 1] or negative for the mean. */
double ofr_summary_saving(const struct ofr_summary *summary, const struct ofr_summary *vanilla, double p);

/* A bar of `width` characters, filled for `share` in [0, 1], eighths of a cell in Unicode blocks. */
void ofr_print_bar(FILE *out, double share, int width);

#endif
