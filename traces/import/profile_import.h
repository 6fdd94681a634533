/* A measured table as a latency profile: tab-separated `model batch index site until_ms ramp_ms`, the last
 * row of each batch named `full` (the whole model, without a ramp). Milliseconds become integer nanoseconds
 * exactly, halves away from zero. The ramps of such a table are in line: a ramp holds up the backbone and its
 * own answer by its run time.
 */
#ifndef OFR_IMPORT_PROFILE_IMPORT_H
#define OFR_IMPORT_PROFILE_IMPORT_H

#include "sim/base/error.h"
#include <stdint.h>
#include <stdio.h>

/* An import as the command line asks for it. All borrowed. */
struct ofr_profile_request {
    const char *input, *output;
    const char *model;
    /* What the table does not hold, as measured elsewhere; 0 = not modelled. */
    int64_t dispatch_ns, copy_in_ns, copy_out_ns, release_ns, feedback_ns;
    const char *command; /* as typed, for the provenance; NULL = unknown */
};

struct ofr_profile_summary {
    uint32_t sites, batches, batch_min, batch_max;
};

/* Reads one model's rows and writes the profile `output`. Errors: OFR_E_INPUT with file:line:column,
 * OFR_E_IO, OFR_E_NOMEM; on any of them no output file is made. */
int ofr_profile_import(const struct ofr_profile_request *request, struct ofr_profile_summary *summary,
                       struct ofr_error *err);

/* Prints one line for each model of the table: name, sites, batch sizes. */
int ofr_profile_list(FILE *out, const char *path, struct ofr_error *err);

#endif
