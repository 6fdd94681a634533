/* static-hindsight: the best constant ramps and thresholds under apparate's two constraints, chosen with the whole run
 * known. No policy that keeps its configuration can save more; one that changes it with the stream can. */
#include "sim/policy/ramp_choice.h"

#include <stdio.h>

struct options {
    double accuracy_loss, ramp_budget;
    uint64_t max_ramps, tune_batch;
    int32_t criterion;
};

static const char *const criteria[] = {"top1", "entropy", NULL};

#define ROW(member) .offset = offsetof(struct options, member)

static const struct offramp_option table[] = {
    {.name = "accuracy_loss",
     .type = OFFRAMP_OPT_SHARE,
     ROW(accuracy_loss),
     .fallback = "1%",
     .min = 0.0001,
     .max = 0.5,
     .help = "share of released answers that may differ from the full model's"},
    {.name = "ramp_budget",
     .type = OFFRAMP_OPT_SHARE,
     ROW(ramp_budget),
     .fallback = "2%",
     .min = 0.0001,
     .max = 1,
     .help = "what active ramps may add to an input that never exits, at every batch size"},
    {.name = "max_ramps",
     .type = OFFRAMP_OPT_COUNT,
     ROW(max_ramps),
     .fallback = "64",
     .min = 1,
     .max = 64,
     .help = "most ramps active at once, whatever the budget allows"},
    {.name = "criterion",
     .type = OFFRAMP_OPT_CHOICE,
     ROW(criterion),
     .fallback = "top1",
     .choices = criteria,
     .help = "error score: 1 - top softmax probability, or entropy in nats"},
    {.name = "tune_batch",
     .type = OFFRAMP_OPT_COUNT,
     ROW(tune_batch),
     .fallback = "1",
     .min = 1,
     .max = 65536,
     .help = "batch size whose times savings are weighed by"},
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
    if (chosen.set.ramps == 0 && setup->say)
        say_none(setup, &chosen);
    first->criterion = options->criterion;
    first->free_ramps = false;
    first->ramps = chosen.set.ramps;
    memcpy(first->site, chosen.set.site, chosen.set.ramps * sizeof *first->site);
    memcpy(first->threshold, chosen.threshold, chosen.set.ramps * sizeof *first->threshold);
    return 0;
}

static void destroy(void *state)
{
    (void)state;
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
    .destroy = destroy,
};
