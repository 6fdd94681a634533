/* Rows of a run log (.olog): what one run did, from either clock. The decision core hands these rows to its
 * observers (summary, log file); the log file stores exactly them, so a summary recomputed from a log equals
 * the printed one.
 *
 * Times are integer nanoseconds from the start of the run; -1 = did not happen.
 */
#ifndef OFR_TRACES_RUNLOG_H
#define OFR_TRACES_RUNLOG_H

#include "sim/offramp_policy.h"

#include <stdint.h>

/* X(name, value, text): how a request ends; every request ends in exactly one. */
#define OFR_OUTCOME_MAP(X)                                                                                   \
    X(OK, 0, "ok")                 /* answered within its SLO (or has none) */                               \
    X(LATE, 1, "late")             /* answered after its deadline */                                         \
    X(REJECTED, 2, "rejected")     /* refused on arrival: the queue was full */                              \
    X(DROPPED, 3, "dropped")       /* given up: its deadline had become infeasible */                        \
    X(EXPIRED, 4, "expired")       /* timed out while queued */                                              \
    X(UNFINISHED, 5, "unfinished") /* still in the system when the run ended */

enum ofr_outcome {
#define X(name, value, text) OFR_OUTCOME_##name = value,
    OFR_OUTCOME_MAP(X)
#undef X
    OFR_OUTCOMES
};

/* X(name, value, text): why a batch was sent when it was. */
#define OFR_REASON_MAP(X)                                                                                    \
    X(FULL, 0, "full")           /* reached the largest size allowed */                                      \
    X(PREFERRED, 1, "preferred") /* reached a preferred size (Triton) */                                     \
    X(TIMEOUT, 2, "timeout")     /* oldest request waited long enough */                                     \
    X(IDLE, 3, "idle")           /* a server was free and waiting is not allowed */                          \
    X(DEADLINE, 4, "deadline")   /* a deadline bounds the size or the time (Clockwork) */                    \
    X(FLUSH, 5, "flush")         /* no more arrivals will come */

enum ofr_reason {
#define X(name, value, text) OFR_REASON_##name = value,
    OFR_REASON_MAP(X)
#undef X
    OFR_REASONS
};

/* Not an end: the request goes on to the next stage of its mode, and another row follows. */
enum {
    OFR_OUTCOME_ONWARD = OFR_OUTCOMES
};

const char *ofr_outcome_name(int outcome); /* "ok" ..., "onward"; "?" outside the range */
const char *ofr_reason_name(int reason);

enum {
    OFR_EXIT_NONE = 0xffff, /* exit_site of a request that was never answered */
    OFR_BATCH_NONE = -1,
};

/* One request, written when its outcome is known. In a mode of several stages also when a stage before the last was not
 * sure of it (`onward`): its time in that stage's queue and batch. Arrival and deadline are those it came with in each
 * of its rows. */
struct ofr_request_row {
    uint64_t id;           /* 0.. in order of intended arrival */
    int64_t arrival_ns;    /* intended arrival */
    int64_t admitted_ns;   /* joined this queue; -1 when rejected */
    int64_t dispatched_ns; /* its batch was given to the executor */
    int64_t released_ns;   /* its answer was available */
    int64_t ended_ns;      /* its batch ended; for outcomes without a batch, when it was given up */
    int64_t deadline_ns;   /* arrival + SLO; -1 = none */
    int64_t batch;         /* id of its batch; OFR_BATCH_NONE */
    uint32_t sample;       /* row of the recording */
    uint16_t stream;       /* arrival stream it came from */
    uint16_t exit_site;    /* site it left at; = sites for the full model; OFR_EXIT_NONE */
    uint16_t answer;       /* class released */
    uint8_t outcome;       /* enum ofr_outcome, or OFR_OUTCOME_ONWARD */
    uint8_t agrees;        /* released answer equals the full model's; 0/1 (only ok and late) */
    uint8_t correct;       /* released answer equals the label; 0/1, 2 = no label */
};

/* One batch, written when it has ended, before its requests. */
struct ofr_batch_row {
    int64_t id;
    int64_t dispatched_ns; /* given to the executor: the server is busy from here */
    int64_t ended_ns;      /* the server is free again */
    uint32_t size;         /* requests */
    uint32_t padded;       /* profiled size it ran at */
    uint32_t queue_length; /* requests left waiting when it was dispatched */
    uint16_t server;
    uint16_t ramps; /* active ramps */
    uint8_t reason; /* enum ofr_reason */
    uint8_t cut;    /* 1: the run was cut while it ran; ended_ns is when */
};

/* One change of the exit configuration, written when it takes effect; the first row of a run is its initial
 * one. Old configuration = the row before. */
struct ofr_decision_row {
    int64_t decided_ns; /* the feedback that triggered it was delivered */
    int64_t applied_ns; /* in force from the next dispatch on */
    int64_t cost_ns;    /* time the decision took (modelled or measured) */
    uint32_t evaluations;
    uint8_t changed;
    char trigger[24];
    double predicted_gain_pct;
    struct offramp_exit_config config;
};

/* One moment at which the loop looked at the clock, on a leg whose clock does not stand still between events: with
 * these a log can be fed through the loop again. `ended` batches and `answered` feedbacks were there to be taken. */
struct ofr_instant_row {
    int64_t now_ns;
    uint32_t ended;
    uint32_t answered;
    uint8_t stop; /* 1: the run was told to end */
};

/* What a device answered for a batch, where no recording tells. Arrays are borrowed. */
struct ofr_results_row {
    uint32_t rows, ramps;
    const float *score;           /* [rows][ramps] */
    const uint16_t *answer;       /* [rows][ramps] */
    const uint16_t *final_answer; /* [rows] */
};

/* Where the decision core sends its rows. Every hook is required; `rows` are borrowed for the call. */
struct ofr_observer {
    void *state;
    void (*batch)(void *state, const struct ofr_batch_row *batch, const struct ofr_request_row *rows,
                  uint32_t count);                                /* an ended batch and its requests */
    void (*lost)(void *state, const struct ofr_request_row *row); /* a request that ends without a batch */
    void (*decision)(void *state, const struct ofr_decision_row *decision);
};

#endif
