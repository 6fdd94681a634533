#include "sim/run/hindsight.h"

/* One stream in recorded order begins with the first sample; several begin all over the recording, and random order
 * draws anywhere. How many arrive within a duration nobody knows beforehand. */
static uint32_t reach_of(const struct ofr_scenario *scenario, uint32_t samples)
{
    uint64_t requests = scenario->top.requests;
    bool in_order = scenario->model.samples == OFR_SAMPLES_SEQUENTIAL && scenario->streams == 1 &&
                    scenario->stream[0].count == 1;
    return in_order && requests > 0 && requests < samples ? (uint32_t)requests : samples;
}

int ofr_hindsight_view(struct offramp_hindsight *view, const struct ofr_scenario *scenario,
                       const struct ofr_inputs *inputs, struct ofr_error *err)
{
    const struct ofr_recording *recording = inputs->recording;
    if (!recording)
        return ofr_fail(err, OFR_E_INPUT,
                        "exits: policy %s is tuned with hindsight, which needs model.recording",
                        scenario->policy->name);
    *view = (struct offramp_hindsight){
        .size = sizeof *view,
        .samples = recording->samples,
        .reach = reach_of(scenario, recording->samples),
        .sites = recording->sites,
        .classes = recording->classes,
        .top1 = recording->top1,
        .entropy = recording->entropy,
        .answer = recording->answer,
        .final_answer = recording->final_answer,
    };
    return 0;
}
