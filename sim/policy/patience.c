/* patience: leaves once `patience` ramps in a row have answered as the ramp before them (PABEE: Zhou, Xu, Ge, McAuley, Xu
 * and Wei, NeurIPS 2020). Nothing is tuned but the one count. */
#include "sim/policy/options.h"
#include "sim/policy/ramp_list.h"
#include "sim/policy/stateless.h"

#include <inttypes.h>
#include <stdio.h>

struct options {
    struct offramp_texts ramps;
    uint64_t patience;
};

static const struct offramp_option table[] = {
    {.name = "patience",
     .type = OFFRAMP_OPT_COUNT,
     .offset = offsetof(struct options, patience),
     .fallback = "6",
     .min = 0,
     .max = 64,
     .help = "ramps in a row that answer as the one before them; 0 = never leave"},
    OFR_RAMPS_ROW(struct options, "sites with a ramp, by name or number from 0; [] = every site"),
};

static void say_never(const struct offramp_policy_setup *setup, uint64_t patience, uint32_t ramps)
{
    char line[128];
    snprintf(line, sizeof line,
             "patience: of %" PRIu32 " ramps no %" PRIu64
             " in a row can agree with the one before; nothing will exit",
             ramps, patience);
    setup->say(setup->host, line);
}

static int create(void **state, const struct offramp_policy_setup *setup, const void *values,
                  struct offramp_exit_config *first, char *why, size_t why_size)
{
    const struct options *options = values;
    *state = NULL;
    first->criterion = OFFRAMP_CRITERION_PATIENCE;
    first->free_ramps = false;
    if (ofr_ramp_list(&options->ramps, setup, first, why, why_size))
        return -1;
    /* The score is 1 / (1 + n): below the threshold from n = patience on, above it before. */
    double threshold = options->patience > 0 ? 1.0 / ((double)options->patience + 0.5) : 0.0;
    for (uint32_t k = 0; k < first->ramps; ++k)
        first->threshold[k] = threshold;
    if (options->patience >= first->ramps)
        say_never(setup, options->patience, first->ramps);
    return 0;
}

extern const struct offramp_policy_ops ofr_policy_patience;
const struct offramp_policy_ops ofr_policy_patience = {
    .abi_version = OFFRAMP_POLICY_ABI_VERSION,
    .name = "patience",
    .help = "leaves when ramps in a row give the same answer (PABEE)",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .options_size = sizeof(struct options),
    .create = create,
    .destroy = ofr_policy_destroy_nothing,
};
