/* deebert+: deebert with a threshold for each layer, as Apparate's evaluation (SOSP 2024) has it. */
#include "sim/policy/rival.h"

extern const struct offramp_policy_ops ofr_policy_deebert_plus;
const struct offramp_policy_ops ofr_policy_deebert_plus = {
    .abi_version = OFFRAMP_POLICY_ABI_VERSION,
    .flags = OFFRAMP_POLICY_HINDSIGHT,
    .name = "deebert+",
    .help = "as deebert, with a threshold for each ramp",
    .options = ofr_rival_each_table,
    .option_count = OFR_RIVAL_EACH_OPTIONS,
    .options_size = sizeof(struct ofr_rival_options),
    .create = ofr_rival_create_each,
    .destroy = ofr_rival_destroy,
};
