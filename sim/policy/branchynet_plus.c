/* branchynet+: branchynet with a threshold for each branch, as its authors describe and Apparate's evaluation (SOSP 2024) sets
 * beside the form with one. */
#include "sim/policy/rival.h"

extern const struct offramp_policy_ops ofr_policy_branchynet_plus;
const struct offramp_policy_ops ofr_policy_branchynet_plus = {
    .abi_version = OFFRAMP_POLICY_ABI_VERSION,
    .flags = OFFRAMP_POLICY_HINDSIGHT,
    .name = "branchynet+",
    .help = "as branchynet, with a threshold for each ramp",
    .options = ofr_rival_each_table,
    .option_count = OFR_RIVAL_EACH_OPTIONS,
    .options_size = sizeof(struct ofr_rival_options),
    .create = ofr_rival_create_each,
    .destroy = ofr_rival_destroy,
};
