/* A run log in memory, for comparing runs: one column per quantity, indexed by request id.
 *
 * Ids are 0.. in order of intended arrival, so two runs of the same work pair by id. A log in which ids are
 * missing or doubled breaks conservation (invariant I1): it is loaded, and says so, because a comparison has
 * to name what is missing instead of pairing around it.
 */
#ifndef OFR_ANALYSIS_RUN_DATA_H
#define OFR_ANALYSIS_RUN_DATA_H

#include "traces/runlog_file.h"

struct ofr_run_data {
    char *path;             /* owned */
    char *scenario;         /* owned, resolved scenario text */
    struct ofr_notes notes; /* provenance and end notes */
    int64_t grain_ns;       /* times are multiples of it; 0 = exact */
    uint64_t seed;
    uint32_t sites;
    char (*site_name)[64]; /* [sites], owned */
    uint64_t slots;        /* highest id + 1 */
    uint64_t requests;     /* rows in the log */
    uint64_t doubled;      /* rows whose id had been there before */

    /* [slots]; a missing id has outcome OFR_OUTCOMES. Times in ns. */
    uint8_t *outcome; /* enum ofr_outcome */
    uint8_t *agrees;
    uint16_t *exit_site;
    uint32_t *sample;
    int64_t *arrival_ns;
    int64_t *lateness_ns; /* admitted - intended arrival; -1 = was not admitted */
    int64_t *latency_ns;  /* released - intended arrival; -1 = never answered */
    int64_t *queueing_ns; /* dispatched - intended arrival, of answered requests; else -1 */
    int64_t *service_ns;  /* released - dispatched, of answered requests; else -1 */

    uint64_t reason[OFR_REASONS];
    uint64_t *batch_size; /* [largest + 1] batches by requests, owned */
    uint32_t largest;
    uint64_t batches;
    struct ofr_batch_row *batch;       /* [batches] as they ended; owned */
    struct ofr_decision_row *decision; /* [decisions] those that changed something, in order; owned */
    uint32_t decisions;
    int64_t end_ns; /* last event seen in the rows */
};

/* Owned; free with ofr_run_data_free. Errors: OFR_E_INPUT for a file that is no whole run log, OFR_E_NOMEM. */
int ofr_run_data_load(struct ofr_run_data **out, const char *path, struct ofr_error *err);
void ofr_run_data_free(struct ofr_run_data *data); /* NULL is allowed */

#endif
