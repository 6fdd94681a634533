/* Private to run logs: the tables of a .olog file and what their columns hold.
 *
 * Rows go to the file in groups, each a chunk of decisions, one of batches and one of requests, in this order
 * (empty ones are left out): a group's requests belong to its own batches. Requests stand in the order the
 * decision core sent them, a batch's together, lost ones (no batch) between them; a decision knows how many
 * requests of the log came before it. That is enough to restore the order of all rows.
 *
 * Times of a request are kept relative to its batch, which makes most of them 0 or small; a lost request has
 * the origin 0. Sums wrap, so every value comes back.
 */
#ifndef OFR_TRACES_RUNLOG_FORMAT_H
#define OFR_TRACES_RUNLOG_FORMAT_H

#include "traces/container.h"

/* X(NAME, name, type, unit, width, encoding) */
#define OFR_LOG_REQUEST_MAP(X)                                                                               \
    X(ID, "id", OFR_TYPE_U64, "", 1, OFR_ENCODING_DELTA)                                                     \
    X(BATCH, "batch", OFR_TYPE_I64, "", 1, OFR_ENCODING_DELTA)                                               \
    X(ARRIVAL, "dispatch_minus_arrival", OFR_TYPE_I64, "ns", 1, OFR_ENCODING_DELTA)                          \
    X(ADMITTED, "admitted_minus_arrival", OFR_TYPE_I64, "ns", 1, OFR_ENCODING_DELTA)                         \
    X(DISPATCHED, "dispatched_minus_batch", OFR_TYPE_I64, "ns", 1, OFR_ENCODING_DELTA)                       \
    X(RELEASED, "batch_end_minus_released", OFR_TYPE_I64, "ns", 1, OFR_ENCODING_DELTA)                       \
    X(ENDED, "ended_minus_batch_end", OFR_TYPE_I64, "ns", 1, OFR_ENCODING_DELTA)                             \
    X(DEADLINE, "deadline_minus_arrival", OFR_TYPE_I64, "ns", 1, OFR_ENCODING_DELTA)                         \
    X(SAMPLE, "sample", OFR_TYPE_U32, "", 1, OFR_ENCODING_DELTA)                                             \
    X(STREAM, "stream", OFR_TYPE_U16, "", 1, OFR_ENCODING_PLANES)                                            \
    X(EXIT_SITE, "exit_site", OFR_TYPE_U16, "", 1, OFR_ENCODING_PLANES)                                      \
    X(ANSWER, "answer", OFR_TYPE_U16, "", 1, OFR_ENCODING_PLANES)                                            \
    X(OUTCOME, "outcome", OFR_TYPE_U8, "", 1, OFR_ENCODING_RAW)                                              \
    X(AGREES, "agrees", OFR_TYPE_U8, "", 1, OFR_ENCODING_RAW)                                                \
    X(CORRECT, "correct", OFR_TYPE_U8, "", 1, OFR_ENCODING_RAW)

#define OFR_LOG_BATCH_MAP(X)                                                                                 \
    X(ID, "id", OFR_TYPE_I64, "", 1, OFR_ENCODING_DELTA)                                                     \
    X(DISPATCHED, "dispatched_ns", OFR_TYPE_I64, "ns", 1, OFR_ENCODING_DELTA)                                \
    X(ENDED, "ended_minus_dispatched", OFR_TYPE_I64, "ns", 1, OFR_ENCODING_PLANES)                           \
    X(SIZE, "size", OFR_TYPE_U32, "", 1, OFR_ENCODING_PLANES)                                                \
    X(PADDED, "padded", OFR_TYPE_U32, "", 1, OFR_ENCODING_PLANES)                                            \
    X(QUEUE_LENGTH, "queue_length", OFR_TYPE_U32, "", 1, OFR_ENCODING_PLANES)                                \
    X(SERVER, "server", OFR_TYPE_U16, "", 1, OFR_ENCODING_PLANES)                                            \
    X(RAMPS, "ramps", OFR_TYPE_U16, "", 1, OFR_ENCODING_PLANES)                                              \
    X(REASON, "reason", OFR_TYPE_U8, "", 1, OFR_ENCODING_RAW)                                                \
    X(CUT, "cut", OFR_TYPE_U8, "", 1, OFR_ENCODING_RAW)

/* Lists of ramps have room for all `sites` of the log. */
#define OFR_LOG_DECISION_MAP(X)                                                                              \
    X(BEFORE, "requests_before", OFR_TYPE_U64, "", 1, OFR_ENCODING_DELTA)                                    \
    X(DECIDED, "decided_ns", OFR_TYPE_I64, "ns", 1, OFR_ENCODING_DELTA)                                      \
    X(APPLIED, "applied_ns", OFR_TYPE_I64, "ns", 1, OFR_ENCODING_DELTA)                                      \
    X(COST, "cost_ns", OFR_TYPE_I64, "ns", 1, OFR_ENCODING_PLANES)                                           \
    X(EVALUATIONS, "evaluations", OFR_TYPE_U32, "", 1, OFR_ENCODING_PLANES)                                  \
    X(CHANGED, "changed", OFR_TYPE_U8, "", 1, OFR_ENCODING_RAW)                                              \
    X(TRIGGER, "trigger", OFR_TYPE_TEXT, "", 24, OFR_ENCODING_RAW)                                           \
    X(GAIN, "predicted_gain", OFR_TYPE_F64, "percent", 1, OFR_ENCODING_PLANES)                               \
    X(RAMPS, "ramps", OFR_TYPE_U32, "", 1, OFR_ENCODING_PLANES)                                              \
    X(CRITERION, "criterion", OFR_TYPE_U8, "", 1, OFR_ENCODING_RAW)                                          \
    X(FREE_RAMPS, "free_ramps", OFR_TYPE_U8, "", 1, OFR_ENCODING_RAW)                                        \
    X(SITE, "site", OFR_TYPE_U16, "", sites, OFR_ENCODING_PLANES)                                            \
    X(THRESHOLD, "threshold", OFR_TYPE_F64, "", sites, OFR_ENCODING_PLANES)

/* Tables only some logs have (enum ofr_runlog_tables). */
#define OFR_LOG_INSTANT_MAP(X)                                                                               \
    X(NOW, "now_ns", OFR_TYPE_I64, "ns", 1, OFR_ENCODING_DELTA)                                              \
    X(ENDED, "ended", OFR_TYPE_U32, "", 1, OFR_ENCODING_PLANES)                                              \
    X(ANSWERED, "answered", OFR_TYPE_U32, "", 1, OFR_ENCODING_PLANES)                                        \
    X(STOP, "stop", OFR_TYPE_U8, "", 1, OFR_ENCODING_RAW)

/* One row per request of a batch, in the order of `requests` without the lost ones. */
#define OFR_LOG_RESULT_MAP(X)                                                                                \
    X(FINAL, "final_answer", OFR_TYPE_U16, "", 1, OFR_ENCODING_PLANES)                                       \
    X(SCORE, "score", OFR_TYPE_F32, "", sites, OFR_ENCODING_PLANES)                                          \
    X(ANSWER, "ramp_answer", OFR_TYPE_U16, "", sites, OFR_ENCODING_PLANES)

enum {
#define X(id, name, type, unit, width, encoding) OFR_LOG_INSTANT_##id,
    OFR_LOG_INSTANT_MAP(X)
#undef X
    OFR_LOG_INSTANT_COLUMNS
};

enum {
#define X(id, name, type, unit, width, encoding) OFR_LOG_RESULT_##id,
    OFR_LOG_RESULT_MAP(X)
#undef X
    OFR_LOG_RESULT_COLUMNS
};

enum {
#define X(id, name, type, unit, width, encoding) OFR_LOG_REQUEST_##id,
    OFR_LOG_REQUEST_MAP(X)
#undef X
    OFR_LOG_REQUEST_COLUMNS
};

enum {
#define X(id, name, type, unit, width, encoding) OFR_LOG_BATCH_##id,
    OFR_LOG_BATCH_MAP(X)
#undef X
    OFR_LOG_BATCH_COLUMNS
};

enum {
#define X(id, name, type, unit, width, encoding) OFR_LOG_DECISION_##id,
    OFR_LOG_DECISION_MAP(X)
#undef X
    OFR_LOG_DECISION_COLUMNS
};

enum {
    OFR_LOG_REQUESTS,
    OFR_LOG_BATCHES,
    OFR_LOG_DECISIONS,
    OFR_LOG_TABLES
};

#define OFR_LOG_NOTE_SCENARIO "scenario"
#define OFR_LOG_NOTE_SEED     "seed"

#endif
