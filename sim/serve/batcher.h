/* Batchers: when a batch is formed, of which requests, and who is turned away.
 *
 * A batcher owns its waiting requests (as slots of the request pool) in whatever order its system keeps them.
 * The core calls `enqueue` for every arrival and `next` whenever something may have changed: a server became
 * free, a request joined while a server was free, a wake-up time the batcher asked for has come. `next` is
 * called again and again until it forms no batch.
 *
 * Same instant: all completions, then all arrivals, then timers of one instant happen before `next` is
 * called, so that requests that arrive together can leave together and a request that arrives exactly at a
 * time-out is in.
 *
 * Work conservation (invariant I4): a batcher that leaves a server free while requests wait must say until
 * when
 * (`wake_ns`), or be waiting for arrivals that will still come (`view->draining` is false).
 */
#ifndef OFR_SERVE_BATCHER_H
#define OFR_SERVE_BATCHER_H

#include "sim/base/component.h"
#include "sim/base/error.h"
#include "sim/model/profile.h"
#include "sim/serve/request.h"
#include "traces/runlog.h"

/* What a batcher may know of a server. */
struct ofr_server_view {
    int64_t free_ns;    /* expected time at which all work given to it is done; <= now when idle */
    uint32_t committed; /* batches given to it that have not ended, the running one included */
};

/* The world as a batcher may see it during one call. Everything is borrowed. */
struct ofr_batcher_view {
    int64_t now_ns;
    const struct ofr_request *request;    /* [slot]: requests of the pool */
    const struct ofr_server_view *server; /* [servers] */
    uint32_t servers;
    int32_t idle_server; /* lowest-numbered server without work; -1 = none */
    bool draining;       /* no further request will arrive */
    void *host;
    /* Ends a waiting request without a batch: OFR_OUTCOME_DROPPED or OFR_OUTCOME_EXPIRED. The batcher must
     * have removed the slot from its queue. */
    void (*discard)(void *host, uint32_t slot, enum ofr_outcome outcome);
};

/* A batch the batcher has formed. */
struct ofr_plan {
    uint32_t *slot;    /* [max_batch of the setup], written by the batcher, in order of dispatch */
    uint32_t count;    /* requests; >= 1 when `next` returns true */
    uint32_t pad_to;   /* run at least at this size, <= max_batch; preset to 0: the profile alone pads */
    uint32_t server;   /* server to run on; preset to idle_server */
    int64_t latest_ns; /* give the batch up (its requests are dropped) if it cannot start by then; preset to
                          never */
    int64_t wake_ns;   /* when `next` returns false: call again at this time; preset to never */
    enum ofr_reason reason;
};

/* What the requests of one arrival stream ask of the batcher. */
struct ofr_stream_wish {
    int64_t timeout_ns; /* longest time in the queue; -1 = none */
    uint32_t priority;  /* 1 is the highest; 0 = the batcher's default */
};

struct ofr_batcher_setup {
    const struct ofr_profile *profile; /* borrowed for the batcher's life */
    uint32_t servers;
    uint64_t seed;
    const struct ofr_stream_wish *wish; /* [streams], borrowed for the batcher's life; NULL = nobody asks */
    uint32_t streams;
};

enum ofr_batcher_flags {
    OFR_BATCHER_AHEAD = 1u << 0,  /* wants `next` also while no server is idle: it commits batches ahead */
    OFR_BATCHER_WISHES = 1u << 1, /* heeds what streams ask for; with others that is an error */
};

struct ofr_batcher_ops {
    struct ofr_component component; /* name, help, option table */
    uint32_t flags;                 /* enum ofr_batcher_flags */
    /* Required. `options` is the component's option struct, borrowed for the call. Errors: a combination the
     * profile cannot serve (OFR_E_INPUT), OFR_E_NOMEM. */
    int (*create)(void **state, const struct ofr_batcher_setup *setup, const void *options,
                  struct ofr_error *err);
    void (*destroy)(void *state); /* Required; NULL is allowed. */
    /* Required. Takes a new request: 1 = queued, 0 = rejected, negative = error. */
    int (*enqueue)(void *state, const struct ofr_batcher_view *view, uint32_t slot, struct ofr_error *err);
    /* Required. Forms one batch (true) or none (false); may discard waiting requests. */
    bool (*next)(void *state, const struct ofr_batcher_view *view, struct ofr_plan *plan);
    /* Required. Requests waiting now, not counting those in formed batches. */
    uint32_t (*waiting)(const void *state);
    /* Required. Largest batch `next` will ever form; plan->slot has room for it. */
    uint32_t (*max_batch)(const void *state);
    /* Required. Removes and returns any waiting slot (run ended with requests left); count is waiting(). */
    uint32_t (*evict)(void *state);
    /* Optional. A batch of this batcher has ended. */
    void (*completed)(void *state, const struct ofr_batch_row *batch);
};

/* Every batcher, NULL-terminated; the order is the order of `offramp list batchers`. */
extern const struct ofr_batcher_ops *const ofr_batchers[];
/* NULL when there is none of that name. */
const struct ofr_batcher_ops *ofr_batcher_find(const char *name);

#endif
