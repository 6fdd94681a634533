#include "sim/run/leg.h"

static int open(void *state, const struct ofr_leg_view *view, struct ofr_serve_setup *setup,
                struct ofr_error *err)
{
    struct ofr_leg_sim *leg = state;
    struct ofr_sim_executor_setup executor = {
        .recording = view->inputs->recording,
        .noise = (enum ofr_noise)view->scenario->model.noise,
        .feedback = (view->scenario->policy->flags & OFFRAMP_POLICY_FEEDBACK) != 0,
        .seed = view->scenario->top.seed,
    };
    for (uint32_t i = 0; i < OFR_MAX_STAGES; ++i)
        executor.profile[i] = setup->stage[i].profile;
    int rc = ofr_sim_executor_create(&leg->executor, &executor, err);
    setup->executor = (struct ofr_executor){.ops = &ofr_sim_executor_ops, .state = leg->executor};
    setup->feedback_ns = view->inputs->profile->feedback_ns;
    ofr_clock_virtual_init(&setup->clock, &leg->now, 0);
    return rc;
}

static int close(void *state, const struct ofr_serve_result *result, int rc, struct ofr_error *err)
{
    struct ofr_leg_sim *leg = state;
    (void)result;
    (void)err;
    ofr_sim_executor_destroy(leg->executor);
    leg->executor = NULL;
    return rc;
}

const struct ofr_leg_ops ofr_leg_sim_ops = {.name = "sim", .stages = true, .open = open, .close = close};
