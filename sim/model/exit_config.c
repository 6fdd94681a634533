#include "sim/model/exit_config.h"

#include "sim/model/criterion.h"

#include <stdio.h>

static bool known_criterion(int32_t criterion)
{
    int32_t count = 0;
    while (ofr_criterion_names[count])
        ++count;
    return criterion >= 0 && criterion < count;
}

static bool good_ramp(const struct offramp_exit_config *config, uint32_t k, uint32_t sites, char *why,
                      size_t why_size)
{
    if (config->site[k] >= sites)
        snprintf(why, why_size, "site[%u] is %u, expected a site below %u", k, config->site[k], sites);
    else if (k > 0 && config->site[k] <= config->site[k - 1])
        snprintf(why, why_size, "site[%u] is %u after %u, expected sites from shallow to deep, each once", k,
                 config->site[k], config->site[k - 1]);
    else if (!(config->threshold[k] >= 0.0))
        snprintf(why, why_size, "threshold[%u] is %g, expected 0 or more", k, config->threshold[k]);
    else
        return true;
    return false;
}

bool ofr_exit_config_good(const struct offramp_exit_config *config, uint32_t sites, uint32_t flags, char *why,
                          size_t why_size)
{
    bool oracle = (flags & OFFRAMP_POLICY_ORACLE) != 0;
    if (config->ramps > sites)
        snprintf(why, why_size, "it has %u ramps, expected at most %u, one for each site", config->ramps,
                 sites);
    else if (!known_criterion(config->criterion))
        snprintf(why, why_size, "its criterion is %d, expected one of enum offramp_criterion",
                 config->criterion);
    else if (config->criterion == OFFRAMP_CRITERION_AGREES && !oracle)
        snprintf(why, why_size,
                 "its criterion is 'agrees', which only a policy with the flag ORACLE may use");
    else if (config->free_ramps && !oracle)
        snprintf(why, why_size, "its ramps are free, which only a policy with the flag ORACLE may ask for");
    else {
        uint32_t k = 0;
        while (k < config->ramps && good_ramp(config, k, sites, why, why_size))
            ++k;
        return k == config->ramps;
    }
    return false;
}
