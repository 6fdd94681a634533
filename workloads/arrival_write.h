/* Writes what an arrival process hands out to a request trace, in constant memory. */
#ifndef OFR_WORKLOADS_ARRIVAL_WRITE_H
#define OFR_WORKLOADS_ARRIVAL_WRITE_H

#include "traces/notes.h"
#include "workloads/arrivals.h"

struct ofr_arrival_write {
    const char *path;
    uint64_t requests;                            /* most to write; 0 = as many as come */
    int64_t duration_ns;                          /* only arrivals before this time; negative = no limit */
    const struct ofr_notes *provenance;           /* borrowed; may be NULL */
    void (*progress)(void *state, uint64_t done); /* may be NULL */
    void *progress_state;
};

/* What was written. */
struct ofr_arrival_written {
    uint64_t requests;
    int64_t last_ns; /* the last arrival */
};

/* Errors: what the process reports, OFR_E_INPUT when nothing arrives, OFR_E_IO; then no file is made. */
int ofr_arrival_write(const struct ofr_arrival_source *source, const struct ofr_arrival_write *how,
                      struct ofr_arrival_written *written, struct ofr_error *err);

#endif
