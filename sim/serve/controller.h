/* Controllers: on whose time the exit policy thinks. The third seam between simulation and replay, beside the clock
 * and the executor.
 *
 *   inline  (controller.c)  in the loop; the answer takes effect after the time the policy models (`cost_ns`)
 *   timed   (controller.c)  likewise, but after the time a decision was measured to take on some machine
 *   thread  (replay)        on a thread of its own; the answer takes effect when it is there, its cost is measured
 *
 * The loop asks about one ended batch at a time, in order of feedback, and asks again only when it has the answer;
 * feedback that comes meanwhile waits.
 */
#ifndef OFR_SERVE_CONTROLLER_H
#define OFR_SERVE_CONTROLLER_H

#include "sim/base/error.h"
#include "sim/offramp_policy.h"

/* What a policy said to one batch. */
struct ofr_answer {
    bool decided; /* `decision` is filled */
    struct offramp_decision decision;
    int64_t modelled_ns; /* what the policy itself models the decision to take */
};

struct ofr_controller_ops {
    const char *name;
    /* Required. 1: `answer` is filled and takes effect decision.cost_ns from now. 0: `poll` will hand it out.
     * `feedback` and all it points to are borrowed for the call. Negative: an error. */
    int (*ask)(void *state, const struct offramp_feedback *feedback, struct ofr_answer *answer,
               struct ofr_error *err);
    /* Required when `ask` may return 0. 1: `answer` is filled and takes effect now. 0: not yet. */
    int (*poll)(void *state, struct ofr_answer *answer, struct ofr_error *err);
};

struct ofr_controller {
    const struct ofr_controller_ops *ops;
    void *state; /* borrowed */
};

/* A policy and its state, both borrowed: what the inline controller has as its own state. */
struct ofr_policy_handle {
    const struct offramp_policy_ops *ops;
    void *state;
};

#define OFR_LONGEST_DECISION_NS                                                                              \
    INT64_C(1000000000000000) /* eleven days: beyond them is garbage, not a time */

static inline bool ofr_decision_cost_good(const struct offramp_decision *decision)
{
    return decision->cost_ns >= 0 && decision->cost_ns <= OFR_LONGEST_DECISION_NS;
}

extern const struct ofr_controller_ops ofr_controller_inline_ops; /* state: struct ofr_policy_handle */

/* Turns what a policy models into what a machine was measured to take: decide_ns + cost_ns * stretch. A cost that cannot be one stays as
 * it is, for the loop to refuse. */
struct ofr_timed_policy {
    struct ofr_policy_handle policy;
    int64_t decide_ns;
    double stretch;
};
extern const struct ofr_controller_ops ofr_controller_timed_ops; /* state: struct ofr_timed_policy */

/* Asks the policy, with an answer that is clean before it fills it in. */
void ofr_policy_answer(const struct ofr_policy_handle *policy, const struct offramp_feedback *feedback,
                       struct ofr_answer *answer);

#endif
