/* What `offramp trace info | cut | merge | scale` do, as functions. All stream in constant memory.
 *
 * A partial (truncated) input is read up to its last whole chunk by info and cut, which say so in *partial;
 * the others refuse it. Outputs carry the provenance of their (first) input and one more note that says what
 * was done. Errors as trace.h.
 */
#ifndef OFR_TRACES_TRACE_OPS_H
#define OFR_TRACES_TRACE_OPS_H

#include "traces/trace.h"

struct ofr_trace_info {
    uint64_t requests;
    uint32_t columns;          /* set of enum ofr_trace_columns */
    int64_t first_ns, last_ns; /* 0 when empty */
    double span_s;             /* first to last arrival */
    double rate_mean;          /* per second over the span; 0 when the span is 0 */
    double rate_peak;          /* per second; fullest whole second counted from time 0 */
    double interarrival_cv;    /* standard deviation over mean of the gaps; NaN below 2 gaps or mean 0 */
    uint64_t equal_stamps;     /* requests with the stamp of the one before */
    uint64_t duration_ns_sum, prompt_tokens_sum, output_tokens_sum; /* they saturate */
    uint32_t streams; /* largest stream + 1; 0 without the column */
    bool partial;
    struct ofr_notes provenance; /* owned: ofr_trace_info_release */
};

int ofr_trace_info(struct ofr_trace_info *info, const char *path, struct ofr_error *err);
void ofr_trace_info_release(struct ofr_trace_info *info);

struct ofr_trace_cut {
    int64_t from_ns, to_ns; /* arrivals in [from, to); to = INT64_MAX: to the end */
    bool keep_time;         /* false: `from` becomes time 0 */
};

/* A window without arrivals is OFR_E_USAGE. */
int ofr_trace_cut(const char *input, const char *output, const struct ofr_trace_cut *cut, bool *partial,
                  struct ofr_error *err);

/* Plays the trace `speed` times as fast: arrival / speed, to the nearest nanosecond. Durations stay. */
int ofr_trace_scale(const char *input, const char *output, double speed, struct ofr_error *err);
/* The speed that gives the trace a mean rate; a trace without a span has none (OFR_E_INPUT). */
int ofr_trace_speed_for(const char *input, double rate, double *speed, struct ofr_error *err);

enum {
    OFR_MERGE_MAX = 256
};

/* One trace of several, by time, then by place in the list; `stream` becomes that place. Columns some input
 * lacks are left out; *left_out (may be NULL) is the set of them. */
int ofr_trace_merge(const char *const *input, uint32_t inputs, const char *output, uint32_t *left_out,
                    struct ofr_error *err);

#endif
