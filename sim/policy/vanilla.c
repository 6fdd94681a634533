/* vanilla: no ramps; every request runs to the end of the model. The run all others are compared with. */
#include "sim/offramp_policy.h"
#include "sim/policy/stateless.h"

static int create(void **state, const struct offramp_policy_setup *setup, const void *options,
                  struct offramp_exit_config *first, char *why, size_t why_size)
{
    (void)setup, (void)options, (void)why, (void)why_size;
    *state = NULL;
    first->ramps = 0;
    first->criterion = OFFRAMP_CRITERION_TOP1;
    first->free_ramps = false;
    return 0;
}

const struct offramp_policy_ops ofr_policy_vanilla = {
    .abi_version = OFFRAMP_POLICY_ABI_VERSION,
    .name = "vanilla",
    .help = "no ramps: every request runs to the end of the model",
    .create = create,
    .destroy = ofr_policy_destroy_nothing,
};
