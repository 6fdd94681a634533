/* deebert: leaves at the first encoder layer whose ramp has an entropy below the threshold S, the same for all layers
 * (Xin, Tang, Lee, Yu and Lin, ACL 2020). The authors' default S never exits; here it is tuned as branchynet's is. */
#include "sim/policy/rival.h"

extern const struct offramp_policy_ops ofr_policy_deebert;
const struct offramp_policy_ops ofr_policy_deebert = {
    .abi_version = OFFRAMP_POLICY_ABI_VERSION,
    .flags = OFFRAMP_POLICY_HINDSIGHT,
    .name = "deebert",
    .help = "every ramp always on, one threshold for all, tuned once (ACL '20)",
    .options = ofr_rival_shared_table,
    .option_count = OFR_RIVAL_SHARED_OPTIONS,
    .options_size = sizeof(struct ofr_rival_options),
    .create = ofr_rival_create_shared,
    .destroy = ofr_rival_destroy,
};
