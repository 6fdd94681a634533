/* twolayer: a small model answers who it is sure of, a large one all others (two-layer inference, Tabi). The small one
 * is the model up to `ramp`; the mode (sim/serve/mode_cascade.c) queues and runs both. */
#include "sim/model/criterion.h"
#include "sim/policy/ramp_list.h"

#include <stdio.h>
#include <string.h>

struct options {
    char ramp[OFFRAMP_TEXT_SIZE];
    double threshold;
    int32_t criterion;
};

static const char *const criteria[] = {"top1", "entropy", NULL};

static const struct offramp_option table[] = {
    {.name = "ramp",
     .type = OFFRAMP_OPT_TEXT,
     .offset = offsetof(struct options, ramp),
     .help = "site at which the first model ends, by name or number from 0"},
    {.name = "threshold",
     .type = OFFRAMP_OPT_REAL,
     .offset = offsetof(struct options, threshold),
     .min = 0,
     .max = 1e6,
     .help = "the first model's answer counts when its error score is below it; 0 = never"},
    {.name = "criterion",
     .type = OFFRAMP_OPT_CHOICE,
     .offset = offsetof(struct options, criterion),
     .fallback = "top1",
     .choices = criteria,
     .help = "error score: 1 - top softmax probability, or entropy in nats"},
};

static int create(void **state, const struct offramp_policy_setup *setup, const void *values,
                  struct offramp_exit_config *first, char *why, size_t why_size)
{
    const struct options *options = values;
    struct offramp_texts ramp = {.count = 1};
    *state = NULL;
    first->criterion = options->criterion;
    first->free_ramps = false;
    if (strlen(options->ramp) >= sizeof ramp.item[0]) {
        snprintf(why, why_size, "ramp: found a name of %zu bytes, expected a site's", strlen(options->ramp));
        return -1;
    }
    strcpy(ramp.item[0], options->ramp);
    if (ofr_ramp_list(&ramp, setup, first, why, why_size))
        return -1;
    first->threshold[0] = options->threshold;
    return 0;
}

static void destroy(void *state)
{
    (void)state;
}

const struct offramp_policy_ops ofr_policy_twolayer = {
    .abi_version = OFFRAMP_POLICY_ABI_VERSION,
    .flags = OFFRAMP_POLICY_CASCADE,
    .name = "twolayer",
    .help = "two models: the first answers who it is sure of, the second all others; mode cascade",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .options_size = sizeof(struct options),
    .create = create,
    .destroy = destroy,
};
