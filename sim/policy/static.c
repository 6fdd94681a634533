/* static: the ramps and thresholds it is given, for the whole run. */
#include "sim/policy/options.h"
#include "sim/policy/ramp_list.h"
#include "sim/policy/stateless.h"

#include <stdio.h>

struct options {
    struct offramp_texts ramps;
    struct offramp_reals thresholds;
    int32_t criterion;
};

static const struct offramp_option table[] = {
    OFR_RAMPS_ROW(struct options, "sites with an active ramp, by name or number from 0; [] = every site"),
    {.name = "thresholds",
     .type = OFFRAMP_OPT_REALS,
     .offset = offsetof(struct options, thresholds),
     .min = 0,
     .max = 1e6,
     .help = "exit when the error score is below it: one for all ramps, or one for each; 0 = never"},
    OFR_CRITERION_ROW(struct options, "top1"),
};

static int create(void **state, const struct offramp_policy_setup *setup, const void *values,
                  struct offramp_exit_config *first, char *why, size_t why_size)
{
    const struct options *options = values;
    *state = NULL;
    first->criterion = options->criterion;
    first->free_ramps = false;
    if (ofr_ramp_list(&options->ramps, setup, first, why, why_size))
        return -1;
    if (options->thresholds.count != 1 && options->thresholds.count != first->ramps) {
        snprintf(why, why_size, "thresholds: found %u values for %u ramps, expected 1 or %u",
                 options->thresholds.count, first->ramps, first->ramps);
        return -1;
    }
    for (uint32_t k = 0; k < first->ramps; ++k)
        first->threshold[k] = options->thresholds.item[options->thresholds.count == 1 ? 0 : k];
    return 0;
}

const struct offramp_policy_ops ofr_policy_static = {
    .abi_version = OFFRAMP_POLICY_ABI_VERSION,
    .name = "static",
    .help = "given ramps with given thresholds, never changed",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .options_size = sizeof(struct options),
    .create = create,
    .destroy = ofr_policy_destroy_nothing,
};
