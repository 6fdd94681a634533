#include "sim/run/stages.h"

#include <stdlib.h>

static uint32_t count_streams(const struct ofr_scenario *scenario)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < scenario->streams; ++i)
        count += scenario->stream[i].count;
    return count > UINT16_MAX ? 0 : (uint32_t)count;
}

/* What streams ask of the batcher, if any does. */
static int create_wishes(struct ofr_stages *stages, const struct ofr_scenario *scenario,
                         struct ofr_error *err)
{
    bool any = false;
    for (uint32_t i = 0; i < scenario->streams; ++i)
        any |= scenario->stream[i].priority > 0 || scenario->stream[i].timeout_ns >= 0;
    if (!any)
        return 0;
    if (!(scenario->batcher->flags & OFR_BATCHER_WISHES))
        return ofr_fail(err, OFR_E_INPUT,
                        "streams: found a priority or timeout, which batching policy %s does not know",
                        scenario->batcher->component.name);
    stages->wish = calloc(stages->streams, sizeof *stages->wish);
    if (!stages->wish)
        return ofr_fail_nomem(err, "arrival streams");
    uint32_t at = 0;
    for (uint32_t i = 0; i < scenario->streams; ++i)
        for (uint64_t j = 0; j < scenario->stream[i].count; ++j)
            stages->wish[at++] = (struct ofr_stream_wish){.timeout_ns = scenario->stream[i].timeout_ns,
                                                          .priority = (uint32_t)scenario->stream[i].priority};
    return 0;
}

static int create_batcher(struct ofr_stages *stages, uint32_t at, const struct ofr_scenario *scenario,
                          const struct ofr_profile *profile, struct ofr_error *err)
{
    struct ofr_serve_stage *stage = &stages->stage[at];
    struct ofr_batcher_setup setup = {.profile = profile,
                                      .servers = (uint32_t)scenario->top.servers,
                                      .seed = scenario->top.seed,
                                      .wish = stages->wish,
                                      .streams = stages->streams};
    stage->profile = profile;
    int rc = stages->batcher->create(&stage->batcher_state, &setup, scenario->batcher_options, err);
    if (rc)
        return rc;
    uint32_t max_batch = stages->batcher->max_batch(stage->batcher_state);
    uint32_t largest = profile->batch[profile->batches - 1];
    if (max_batch > largest)
        return ofr_fail(err, OFR_E_INPUT, "batching: %s may form batches of %u, the profile ends at %u",
                        stages->batcher->component.name, max_batch, largest);
    stages->max_batch = max_batch > stages->max_batch ? max_batch : stages->max_batch;
    return 0;
}

int ofr_stages_begin(struct ofr_stages *stages, const struct ofr_scenario *scenario,
                     const struct ofr_inputs *inputs, struct ofr_error *err)
{
    stages->batcher = scenario->batcher;
    stages->mode = ofr_modes[scenario->exits.mode];
    stages->streams = count_streams(scenario);
    if (stages->streams == 0)
        return ofr_fail(err, OFR_E_INPUT, "arrivals: more than %d streams", UINT16_MAX);
    int rc = create_wishes(stages, scenario, err);
    return rc ? rc : create_batcher(stages, stages->mode->stages - 1, scenario, inputs->profile, err);
}

int ofr_stages_finish(struct ofr_stages *stages, const struct ofr_scenario *scenario,
                      const struct ofr_inputs *inputs, const struct offramp_exit_config *first,
                      struct ofr_error *err)
{
    const struct ofr_mode_ops *mode = stages->mode;
    struct ofr_mode_models models = {.model = inputs->profile, .first = inputs->first_profile};
    char why[OFR_ERROR_TEXT];
    if (mode->check && mode->check(first, why, sizeof why))
        return ofr_fail(err, OFR_E_INPUT, "exits: mode %s with policy %s: %s", mode->name,
                        scenario->policy->name, why);
    int rc = 0;
    for (uint32_t at = 0; at + 1 < mode->stages && !rc; ++at) {
        if (mode->profile)
            rc = mode->profile(&stages->profile[at], at, &models, first, err);
        const struct ofr_profile *own = stages->profile[at];
        if (!rc)
            rc = create_batcher(stages, at, scenario, own ? own : inputs->profile, err);
    }
    return rc;
}

void ofr_stages_release(struct ofr_stages *stages)
{
    for (uint32_t at = 0; at < OFR_MAX_STAGES; ++at) {
        if (stages->stage[at].batcher_state)
            stages->batcher->destroy(stages->stage[at].batcher_state);
        ofr_profile_free(stages->profile[at]);
    }
    free(stages->wish);
    *stages = (struct ofr_stages){0};
}
