/* A progress line on stderr: only when that is a terminal and the work takes longer than a second. */
#ifndef OFR_CLI_PROGRESS_H
#define OFR_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct ofr_progress {
    FILE *out;
    const char *what, *unit; /* borrowed */
    uint64_t total;          /* 0 = unknown */
    double started_s, shown_s;
    bool terminal, shown;
};

void ofr_progress_begin(struct ofr_progress *progress, FILE *out, const char *what, const char *unit,
                        uint64_t total);
void ofr_progress_update(struct ofr_progress *progress, uint64_t done);
double ofr_progress_elapsed_s(const struct ofr_progress *progress);
/* Removes the line. */
void ofr_progress_end(struct ofr_progress *progress);

#endif
