/* branchynet: leaves at the first branch whose softmax has an entropy below the threshold (Teerapittayanon, McDanel and Kung,
 * ICPR 2016). One threshold serves all branches; it is the best of a grid on the samples tuned on. */
#include "sim/policy/rival.h"

extern const struct offramp_policy_ops ofr_policy_branchynet;
const struct offramp_policy_ops ofr_policy_branchynet = {
    .abi_version = OFFRAMP_POLICY_ABI_VERSION,
    .flags = OFFRAMP_POLICY_HINDSIGHT,
    .name = "branchynet",
    .help = "every ramp always on, one threshold for all, tuned once (ICPR '16)",
    .options = ofr_rival_shared_table,
    .option_count = OFR_RIVAL_SHARED_OPTIONS,
    .options_size = sizeof(struct ofr_rival_options),
    .create = ofr_rival_create_shared,
    .destroy = ofr_rival_destroy,
};
