/* What an exit configuration has to be, whoever wrote it. */
#ifndef OFR_MODEL_EXIT_CONFIG_H
#define OFR_MODEL_EXIT_CONFIG_H

#include "sim/offramp_policy.h"

/* True when the configuration is one that offramp_policy.h allows: for a model with `sites` ramp sites, from a policy
 * with `flags` (enum offramp_policy_flags). Otherwise one line in `why` says what was found and what was expected. */
bool ofr_exit_config_good(const struct offramp_exit_config *config, uint32_t sites, uint32_t flags, char *why,
                          size_t why_size);

#endif
