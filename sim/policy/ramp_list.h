/* Lists of ramp sites as users write them: names of the profile's sites, or numbers counted from 0 at the
 * shallowest.
 */
#ifndef OFR_POLICY_RAMP_LIST_H
#define OFR_POLICY_RAMP_LIST_H

#include "sim/offramp_policy.h"

/* The site a user means. Returns -1 with one line in `why`, which begins with the option's name, when there is none. */
int ofr_ramp_find(const char *option, const char *text, const struct offramp_policy_setup *setup, char *why,
                  size_t why_size);

/* Writes the listed sites, ascending, into config->site and config->ramps; an empty list means every site.
 * Returns 0, or -1 with one line in `why`: a site that does not exist (with those that do) or is named twice.
 */
int ofr_ramp_list(const struct offramp_texts *list, const struct offramp_policy_setup *setup,
                  struct offramp_exit_config *config, char *why, size_t why_size);

#endif
