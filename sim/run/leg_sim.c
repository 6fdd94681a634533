#include "sim/run/leg.h"

#include "sim/engine/random.h"

#include <math.h>

static uint32_t stages_of(const struct ofr_leg_view *view)
{
    return ofr_modes[view->scenario->exits.mode]->stages;
}

static const struct ofr_profile *times_of(const struct ofr_leg_view *view)
{
    return ofr_inputs_times(view->inputs, stages_of(view));
}

/* The policy's time: what it models itself, unless the profile knows better or it is left out. */
static void choose_controller(struct ofr_leg_sim *leg, const struct ofr_leg_view *view,
                              struct ofr_serve_setup *setup)
{
    const struct ofr_profile_path *path = &times_of(view)->path;
    uint32_t without = view->scenario->model.without_terms;
    bool on = ofr_term_on(without, OFR_TERM_CONTROL);
    int64_t reply_ns = ofr_term_ns(without, OFR_TERM_FEEDBACK, path->reply_ns);
    bool measured = path->decide_ns >= 0;
    if (on && !measured && path->tune_ns < 0 && reply_ns == 0)
        return;
    leg->policy = (struct ofr_timed_policy){.policy = {.ops = setup->policy, .state = setup->policy_state}};
    leg->policy.decide_ns = reply_ns + (on && measured ? path->decide_ns : 0);
    if (on)
        leg->policy.stretch =
            path->tune_ns < 0 ? 1.0 : (double)path->tune_ns / (double)OFR_PROFILE_TUNE_MODELLED_NS;
    setup->controller = (struct ofr_controller){.ops = &ofr_controller_timed_ops, .state = &leg->policy};
}

/* The loop's first dispatch comes no earlier: what arrives before waits. A profile has one cold start; runs differ by as
 * much as it takes, so that with `noise: samples` it is the mean of an exponential. A run that is shorter ends first. */
static int64_t start_of_run(const struct ofr_leg_view *view, int64_t duration_ns)
{
    const struct ofr_scenario *scenario = view->scenario;
    int64_t start_ns =
        ofr_term_ns(scenario->model.without_terms, OFR_TERM_START, times_of(view)->path.start_ns);
    struct ofr_random random;
    if (start_ns > 0 && scenario->model.noise == OFR_NOISE_SAMPLES) {
        ofr_random_init(&random, scenario->top.seed, OFR_RANDOM_START,
                        (uint32_t)scenario->model.noise_stream);
        start_ns = llrint(ofr_random_exponential(&random, (double)start_ns));
    }
    return duration_ns >= 0 && duration_ns < start_ns ? duration_ns : start_ns;
}

static int open(void *state, const struct ofr_leg_view *view, struct ofr_serve_setup *setup,
                struct ofr_error *err)
{
    struct ofr_leg_sim *leg = state;
    const struct ofr_profile *profile = times_of(view);
    uint32_t without = view->scenario->model.without_terms;
    struct ofr_sim_executor_setup executor = {
        .recording = view->inputs->recording,
        .noise = (enum ofr_noise)view->scenario->model.noise,
        .feedback = (view->scenario->policy->flags & OFFRAMP_POLICY_FEEDBACK) != 0,
        .servers = setup->servers,
        .without = without,
        .notice_ns = ofr_term_ns(without, OFR_TERM_NOTICE, profile->path.notice_ns),
        .pace = &view->scenario->model.pace,
        .seed = view->scenario->top.seed,
        .noise_stream = (uint32_t)view->scenario->model.noise_stream,
    };
    setup->inputs_ahead = executor.inputs_ahead = setup->servers == 1 && ofr_profile_has_ahead(profile) &&
                                                  ofr_term_on(without, OFR_TERM_AHEAD) &&
                                                  stages_of(view) == 1;
    executor.max_batch = view->max_batch;
    for (uint32_t i = 0; i < OFR_MAX_STAGES; ++i)
        executor.profile[i] = stages_of(view) == 1 ? profile : setup->stage[i].profile;
    int rc = ofr_sim_executor_create(&leg->executor, &executor, err);
    setup->executor = (struct ofr_executor){.ops = &ofr_sim_executor_ops, .state = leg->executor};
    setup->feedback_ns = ofr_term_ns(without, OFR_TERM_FEEDBACK, profile->feedback_ns);
    choose_controller(leg, view, setup);
    ofr_clock_virtual_init(&setup->clock, &leg->now, start_of_run(view, setup->duration_ns));
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
