/* Summary of a run: an observer of the decision core, fed with the very rows a log stores, so that the same
 * numbers come out of a live run and of its log (invariant I11). Constant memory.
 *
 * Definitions (times in ns, printed in ms; released = ok + late):
 *   latency    released - intended arrival
 *   queueing   dispatched - intended arrival
 *   service    released - dispatched
 *   throughput released requests / duration; goodput: ok / duration
 *   duration   from the start of the run to its last event
 *   agreement  released answers equal to the full model's / released
 *   accuracy   released answers equal to the label / released with a label
 *   exit_rate  released at each site / released; the last one is the full model
 *   busy       time servers spent running batches / (servers * duration)
 *   worst_window  lowest agreement over 1,000 requests that follow one another in order of release to the log
 */
#ifndef OFR_ANALYSIS_SUMMARY_H
#define OFR_ANALYSIS_SUMMARY_H

#include "analysis/histogram.h"
#include "traces/runlog.h"

enum {
    OFR_AGREEMENT_WINDOW = 1000
};

struct ofr_summary {
    uint32_t sites, servers, max_batch;
    uint64_t offered, outcome[OFR_OUTCOMES];
    struct ofr_histogram latency, queueing, service; /* of released requests */
    uint64_t *exits;                                 /* [sites + 1], owned */
    uint64_t released, agreeing, labelled, correct;
    uint64_t *batch_sizes; /* [max_batch + 1], owned */
    uint64_t batches, reason[OFR_REASONS];
    uint64_t batched;      /* requests in batches */
    uint64_t ramp_batches; /* sum over batches of active ramps */
    ofr_histogram_sum busy_ns;
    uint64_t tunings, adjustments; /* decisions that kept, that changed the ramp set */
    struct ofr_histogram tune;     /* cost of decisions, ns */
    uint32_t last_ramps;
    uint16_t last_site[OFFRAMP_MAX_SITES];
    uint8_t window[OFR_AGREEMENT_WINDOW]; /* ring of agreement flags */
    uint32_t window_at, window_agreeing, window_worst;
    int64_t end_ns; /* set by the caller when the run has ended */
};

int ofr_summary_init(struct ofr_summary *summary, uint32_t sites, uint32_t servers, uint32_t max_batch,
                     struct ofr_error *err);
void ofr_summary_release(struct ofr_summary *summary);

/* The hooks to hang into a run; `summary` is borrowed. */
struct ofr_observer ofr_summary_observer(struct ofr_summary *summary);

double ofr_summary_duration_s(const struct ofr_summary *summary);
double ofr_summary_throughput(const struct ofr_summary *summary); /* requests/s; 0 for an empty run */
double ofr_summary_agreement(const struct ofr_summary *summary);  /* NaN when nothing was released */
double ofr_summary_accuracy(const struct ofr_summary *summary);   /* NaN without labels */
double ofr_summary_busy(const struct ofr_summary *summary);
double ofr_summary_worst_window(const struct ofr_summary *summary); /* NaN below 1,000 released */

#endif
