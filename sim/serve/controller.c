#include "sim/serve/controller.h"

#include <math.h>

void ofr_policy_answer(const struct ofr_policy_handle *policy, const struct offramp_feedback *feedback,
                       struct ofr_answer *answer)
{
    struct offramp_decision *decision = &answer->decision;
    decision->config.ramps = 0;
    decision->config.free_ramps = false;
    decision->trigger[0] = '\0';
    decision->predicted_gain_pct = NAN;
    decision->cost_ns = 0;
    decision->evaluations = 0;
    decision->changed = false;
    answer->decided = policy->ops->feedback(policy->state, feedback, decision);
    answer->modelled_ns = decision->cost_ns > 0 ? decision->cost_ns : 0;
}

static int ask(void *state, const struct offramp_feedback *feedback, struct ofr_answer *answer,
               struct ofr_error *err)
{
    (void)err;
    ofr_policy_answer(state, feedback, answer);
    return 1;
}

const struct ofr_controller_ops ofr_controller_inline_ops = {.name = "inline", .ask = ask};

static int ask_timed(void *state, const struct offramp_feedback *feedback, struct ofr_answer *answer,
                     struct ofr_error *err)
{
    const struct ofr_timed_policy *timed = state;
    (void)err;
    ofr_policy_answer(&timed->policy, feedback, answer);
    if (ofr_decision_cost_good(&answer->decision))
        answer->decision.cost_ns = timed->decide_ns + llrint((double)answer->modelled_ns * timed->stretch);
    return 1;
}

const struct ofr_controller_ops ofr_controller_timed_ops = {.name = "timed", .ask = ask_timed};
