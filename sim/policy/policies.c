#include "sim/policy/policies.h"

#include <string.h>

extern const struct offramp_policy_ops ofr_policy_vanilla;
extern const struct offramp_policy_ops ofr_policy_static;
extern const struct offramp_policy_ops ofr_policy_oracle;
extern const struct offramp_policy_ops ofr_policy_apparate;
extern const struct offramp_policy_ops ofr_policy_branchynet;
extern const struct offramp_policy_ops ofr_policy_branchynet_plus;
extern const struct offramp_policy_ops ofr_policy_deebert;
extern const struct offramp_policy_ops ofr_policy_deebert_plus;
extern const struct offramp_policy_ops ofr_policy_patience;
extern const struct offramp_policy_ops ofr_policy_twolayer;
extern const struct offramp_policy_ops ofr_policy_static_hindsight;

const struct offramp_policy_ops *const ofr_policies[] = {
    &ofr_policy_vanilla,  &ofr_policy_static,           &ofr_policy_oracle,
    &ofr_policy_apparate, &ofr_policy_branchynet,       &ofr_policy_branchynet_plus,
    &ofr_policy_deebert,  &ofr_policy_deebert_plus,     &ofr_policy_patience,
    &ofr_policy_twolayer, &ofr_policy_static_hindsight, NULL,
};

const struct offramp_policy_ops *ofr_policy_find(const char *name)
{
    for (const struct offramp_policy_ops *const *policy = ofr_policies; *policy; ++policy)
        if (strcmp((*policy)->name, name) == 0)
            return *policy;
    return NULL;
}

const char *ofr_policy_knowledge(uint32_t flags)
{
    if (flags & OFFRAMP_POLICY_ORACLE)
        return "oracle";
    return flags & OFFRAMP_POLICY_HINDSIGHT ? "hindsight" : "none";
}

struct ofr_component ofr_policy_component(const struct offramp_policy_ops *ops)
{
    return (struct ofr_component){.name = ops->name,
                                  .help = ops->help,
                                  .options = ops->options,
                                  .option_count = ops->option_count,
                                  .options_size = ops->options_size};
}
