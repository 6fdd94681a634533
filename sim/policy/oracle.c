/* oracle: leaves at the first listed ramp whose answer is the full model's, known beforehand. No deployed
 * policy can do this; with every site and free ramps it is the bound no policy on the same recording can
 * beat. */
#include "sim/policy/options.h"
#include "sim/policy/ramp_list.h"
#include "sim/policy/stateless.h"

struct options {
    struct offramp_texts ramps;
    uint8_t ramp_cost;
};

static const struct offramp_option table[] = {
    OFR_RAMPS_ROW(struct options, "sites it may leave at, by name or number from 0; [] = every site"),
    {.name = "ramp_cost",
     .type = OFFRAMP_OPT_BOOL,
     .offset = offsetof(struct options, ramp_cost),
     .fallback = "false",
     .help = "whether its ramps take the time the profile says"},
};

static int create(void **state, const struct offramp_policy_setup *setup, const void *values,
                  struct offramp_exit_config *first, char *why, size_t why_size)
{
    const struct options *options = values;
    *state = NULL;
    first->criterion = OFFRAMP_CRITERION_AGREES;
    first->free_ramps = !options->ramp_cost;
    if (ofr_ramp_list(&options->ramps, setup, first, why, why_size))
        return -1;
    for (uint32_t k = 0; k < first->ramps; ++k)
        first->threshold[k] = 0.5; /* scores are 0 and 1 */
    return 0;
}

const struct offramp_policy_ops ofr_policy_oracle = {
    .abi_version = OFFRAMP_POLICY_ABI_VERSION,
    .flags = OFFRAMP_POLICY_ORACLE,
    .name = "oracle",
    .help = "leaves at the first ramp that agrees with the full model, known beforehand",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .options_size = sizeof(struct options),
    .create = create,
    .destroy = ofr_policy_destroy_nothing,
};
