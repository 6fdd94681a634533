/* What `offramp log info | print` do, as functions. A partial log is read up to its last whole chunk, which
 * they say in *partial.
 */
#ifndef OFR_TRACES_RUNLOG_PRINT_H
#define OFR_TRACES_RUNLOG_PRINT_H

#include "traces/runlog_file.h"
#include "traces/table_print.h"

struct ofr_runlog_info {
    uint64_t outcome[OFR_OUTCOMES]; /* requests by how they ended */
    uint64_t onward;                /* rows of requests that went on to the next stage of the mode */
    uint64_t requests, batches, decisions;
    uint64_t reason[OFR_REASONS]; /* batches by why they were sent */
    int64_t first_arrival_ns, last_end_ns;
    bool partial;
};

/* Counts what is left in a log; the reader keeps head and provenance. */
int ofr_runlog_count(struct ofr_runlog_reader *reader, struct ofr_runlog_info *info, struct ofr_error *err);

enum ofr_runlog_rows {
    OFR_RUNLOG_ROWS_REQUESTS,
    OFR_RUNLOG_ROWS_BATCHES,
    OFR_RUNLOG_ROWS_DECISIONS
};

/* Rows as in runlog.h, names for codes, empty (CSV) or null (JSON) for what did not happen; at most `limit`.
 */
int ofr_runlog_print(FILE *out, const char *path, enum ofr_runlog_rows rows, enum ofr_print_format format,
                     uint64_t limit, bool *partial, struct ofr_error *err);

#endif
