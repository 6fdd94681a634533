/* Private to replay/verify.c (the leg) and verify_compare.c (the comparison). */
#ifndef OFR_REPLAY_VERIFY_INTERNAL_H
#define OFR_REPLAY_VERIFY_INTERNAL_H

#include "replay/verify.h"
#include "sim/serve/executor.h"
#include "sim/serve/serve.h"
#include "traces/runlog_file.h"

/* A batch of the log and what its executor has to hand back. Owned by the verifier, in a list. */
struct verify_batch {
    struct ofr_batch_row row;
    struct ofr_request_row *request; /* [row.size] */
    float *score;                    /* [row.size][OFFRAMP_MAX_SITES]; NULL: the recording knows */
    uint16_t *ramp_answer, *final_answer;
    struct ofr_batch *running; /* the core's batch while it waits to be handed back */
    struct verify_batch *next; /* in order of the log: the order of ending */
};

struct ofr_verifier {
    struct ofr_verify_report *report;
    struct ofr_serve_stage stage[OFR_MAX_STAGES];
    const struct ofr_recording *recording;
    const struct ofr_sim_executor *simulated; /* that a log of virtual time is of; NULL in others */
    struct ofr_runlog_reader *ahead;          /* finds what executor and controller answer */
    struct ofr_runlog_reader *expected;       /* compared with what comes out */
    struct ofr_runlog_rows_reader *instants, *results;
    bool feedback;
    struct verify_batch *first, *last; /* read ahead, not handed back; by the log's order */
    int64_t *cost;                     /* ring of [cost_mask + 1], owned: costs of decisions read ahead */
    uint32_t cost_mask, cost_put, cost_taken;
    struct ofr_instant_row instant;
    uint32_t ended, answered; /* still to be handed back at this instant */
    bool begun, stop;
    bool initial; /* the first decision, which nobody decides, has been read ahead */
    struct ofr_answer answer;
    struct ofr_policy_handle policy;
    int64_t now_ns;
    int64_t end_ns;   /* of the run, by the log's notes */
    uint32_t samples; /* likewise; 0 = not noted */
};

/* Notes the first difference. Returns OFR_E_GATE, with `err` filled, to end the run. */
int ofr_verify__differs(struct ofr_verifier *v, struct ofr_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Compares a formed batch with the log's; submit. */
int ofr_verify__formed(struct ofr_verifier *v, const struct ofr_batch *batch, const struct ofr_batch_row *row,
                       struct ofr_error *err);
/* Rows that come out of the loop are compared in order; state: the verifier. */
struct ofr_observer ofr_verify__observer(struct ofr_verifier *v);
/* Nothing more comes out: the log has to be at its end. */
int ofr_verify__end(struct ofr_verifier *v, struct ofr_error *err);

#endif
