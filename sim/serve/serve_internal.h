/* State of the serving loop, shared by serve.c (loop, arrivals, dispatch), serve_batch.c (batches,
 * completion) and serve_control.c (feedback, decisions). Private to sim/serve. */
#ifndef OFR_SERVE_SERVE_INTERNAL_H
#define OFR_SERVE_SERVE_INTERNAL_H

#include "sim/engine/event_queue.h"
#include "sim/engine/random.h"
#include "sim/serve/serve.h"
#include "sim/serve/slot_queue.h"

enum {
    ARRIVAL_BUFFER = 256
};

struct server {
    struct ofr_batch *running;
    struct ofr_batch *first, *last; /* committed, waiting for the running one */
};

/* One stage of the mode. */
struct stage {
    void *batcher;                     /* state; borrowed */
    const struct ofr_profile *profile; /* borrowed */
    uint32_t waiting;                  /* requests the batcher holds */
    uint32_t formed;                   /* requests in its batches that have not ended */
    struct offramp_exit_config config; /* its part of what is in force */
};

struct serve {
    const struct ofr_serve_setup *setup;
    struct ofr_serve_result *result;
    struct ofr_error *err;
    struct ofr_event_queue events;
    struct ofr_request_pool pool;

    /* arrivals */
    struct ofr_arrival arrival[ARRIVAL_BUFFER];
    uint32_t arrival_at, arrival_count;
    int64_t next_arrival_ns; /* OFR_NEVER_NS when none will come */
    uint32_t *sample_cursor; /* [streams] */
    struct ofr_random sample_random;

    /* dispatch */
    struct server server[OFR_MAX_SERVERS];
    struct ofr_server_view server_view[OFR_MAX_SERVERS];
    struct ofr_batcher_view
        view; /* kept up to date; a stage's batcher gets it as view_of (serve.c) turns it */
    uint32_t stages;
    bool closed;         /* no further request will arrive */
    struct stage *asked; /* whose batcher holds the view */
    uint64_t idle_bits[OFR_MAX_SERVERS / 64];
    uint32_t idle_servers;
    uint32_t *plan_slot; /* [max_batch] */
    uint32_t max_batch;
    int64_t timer_ns;  /* earliest wake-up in the event queue */
    bool dispatch_due; /* servers have to look for work at this instant */
    bool ahead;        /* the batcher commits to busy servers */
    int64_t next_batch;
    struct stage stage[OFR_MAX_STAGES];
    const struct ofr_mode_ops *mode;

    struct ofr_slot_queue inputs; /* requests whose inputs may travel ahead, and some that are gone */

    /* batches */
    struct ofr_batch *free_batches; /* by next */
    struct ofr_batch *all_batches;  /* by allocated */
    struct ofr_request_row *rows;   /* [max_batch] */

    /* control */
    struct offramp_exit_config config; /* in force */
    struct ofr_decision_row pending;   /* decision on its way to CONTROL */
    struct ofr_controller controller;
    struct ofr_policy_handle policy; /* state of the inline controller */
    struct ofr_answer answer;
    bool controller_busy;
    struct ofr_batch *feedback_first, *feedback_last; /* waiting for the controller */
    bool wants_feedback;
    uint32_t in_flight_rows; /* dispatched, feedback not delivered */

    uint32_t awaited; /* batches and answers that the executor and the controller will hand back by `poll` */
    uint64_t progress_at;
    bool stopping; /* setup->stop has been seen */
    bool stopped;
};

static inline int64_t serve__now(const struct serve *s)
{
    return s->view.now_ns;
}

/* Requests that batchers hold, in all stages. */
static inline uint32_t serve__waiting(const struct serve *s)
{
    uint32_t waiting = 0;
    for (uint32_t i = 0; i < OFR_MAX_STAGES; ++i) /* those the mode has not hold none */
        waiting += s->stage[i].waiting;
    return waiting;
}

/* serve.c */
int serve__enqueue(struct serve *s, uint32_t stage, uint32_t slot);

/* serve_inputs.c */
int serve__expect_input(struct serve *s, uint32_t slot);           /* it is admitted */
void serve__forget_input(struct serve *s, uint32_t slot);          /* it is lost */
void serve__take_inputs(struct serve *s, struct ofr_batch *batch); /* they go with the batch, or have gone */
/* Sends the input of one waiting request on its way, where there is one and room for it. */
int serve__send_input(struct serve *s, bool *sent);

/* serve_batch.c */
struct ofr_batch *serve__take_batch(struct serve *s); /* NULL: out of memory, reported */
void serve__give_batch(struct serve *s, struct ofr_batch *batch);
void serve__free_batches(struct serve *s);
int serve__start(struct serve *s, struct ofr_batch *batch);
int serve__complete(struct serve *s, struct ofr_batch *batch);
int serve__give_up(struct serve *s, struct ofr_batch *batch);
void serve__lose(struct serve *s, uint32_t slot, enum ofr_outcome outcome);
int serve__cut(struct serve *s);
int serve__bug(struct serve *s, const char *invariant, const char *entity, uint64_t number);
int64_t serve__estimate_ns(const struct serve *s, const struct ofr_batch *batch);

/* serve_control.c */
void serve__configure(struct serve *s, const struct offramp_exit_config *config);
int serve__announce(struct serve *s);
int serve__feedback(struct serve *s, struct ofr_batch *batch);
int serve__control(struct serve *s);
int serve__take_answers(struct serve *s);

static inline void serve__copy_config(struct offramp_exit_config *to, const struct offramp_exit_config *from)
{
    to->ramps = from->ramps;
    to->criterion = from->criterion;
    to->free_ramps = from->free_ramps;
    for (uint32_t k = 0; k < from->ramps; ++k) {
        to->site[k] = from->site[k];
        to->threshold[k] = from->threshold[k];
    }
}

#endif
