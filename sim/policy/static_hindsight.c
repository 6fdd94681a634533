/* static-hindsight: the best constant ramps and thresholds under apparate's two constraints, chosen with the whole run
 * known. No policy that keeps its configuration can save more; one that changes it with the stream can. */
#include "sim/policy/options.h"
#include "sim/policy/ramp_choice.h"
#include "sim/policy/stateless.h"

#include <stdio.h>

struct options {
    double accuracy_loss, ramp_budget;
    uint64_t max_ramps, tune_batch;
    int32_t criterion;
};

static const struct offramp_option table[] = {
    OFR_ACCURACY_LOSS_ROW(struct options, "share of released answers that may differ from the full model's"),
    OFR_RAMP_BUDGET_ROW(struct options),
    OFR_MAX_RAMPS_ROW(struct options),
    OFR_CRITERION_ROW(struct options, "top1"),
    OFR_TUNE_BATCH_ROW(struct options, "batch size whose times savings are weighed by"),
};

static void say_none(const struct offramp_policy_setup *setup, const struct ofr_ramp_chosen *chosen)
{
    setup->say(setup->host, chosen->sets
                                ? "static-hindsight: no ramp saves more than it costs; nothing will exit"
                                : "static-hindsight: the ramp budget pays for no ramp; nothing will exit");
}

static int create(void **state, const struct offramp_policy_setup *setup, const void *values,
                  struct offramp_exit_config *first, char *why, size_t why_size)
{
    const struct options *options = values;
    struct ofr_hindsight_window window;
    struct ofr_ramp_chosen chosen;
    *state = NULL;
    if (ofr_hindsight_check_batch(&setup->latency, options->tune_batch, why, why_size) ||
        ofr_hindsight_window(&window, setup->hindsight, options->criterion, 1.0, why, why_size))
        return -1;
    struct ofr_ramp_choice choice = {.window = &window,
                                     .latency = &setup->latency,
                                     .max_batch = setup->max_batch,
                                     .budget = options->ramp_budget,
                                     .most = (uint32_t)options->max_ramps,
                                     .tune_batch = (uint32_t)options->tune_batch,
                                     .allowance = ofr_hindsight_allowance(&window, options->accuracy_loss)};
    if (ofr_ramp_choose(&chosen, &choice, why, why_size))
        return -1;
    if (chosen.set.ramps == 0)
        say_none(setup, &chosen);
    first->criterion = options->criterion;
    first->free_ramps = false;
    first->ramps = chosen.set.ramps;
    memcpy(first->site, chosen.set.site, chosen.set.ramps * sizeof *first->site);
    memcpy(first->threshold, chosen.threshold, chosen.set.ramps * sizeof *first->threshold);
    return 0;
}

extern const struct offramp_policy_ops ofr_policy_static_hindsight;
const struct offramp_policy_ops ofr_policy_static_hindsight = {
    .abi_version = OFFRAMP_POLICY_ABI_VERSION,
    .flags = OFFRAMP_POLICY_HINDSIGHT,
    .name = "static-hindsight",
    .help = "the best constant ramps and thresholds under a ramp budget, chosen with the run known",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .options_size = sizeof(struct options),
    .create = create,
    .destroy = ofr_policy_destroy_nothing,
};
