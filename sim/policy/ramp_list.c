#include "sim/policy/ramp_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Site number of a name or a number; -1 when there is none. */
static int find_site(const char *text, const struct offramp_policy_setup *setup)
{
    for (uint32_t site = 0; site < setup->latency.sites; ++site)
        if (strcmp(setup->site_names[site], text) == 0)
            return (int)site;
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    bool digits = text[0] >= '0' && text[0] <= '9' && *end == '\0';
    return digits && number < setup->latency.sites ? (int)number : -1;
}

static void complain(const char *option, const char *text, const struct offramp_policy_setup *setup,
                     char *why, size_t why_size)
{
    int used = snprintf(why, why_size, "%s: the model has no site '%s', expected one of", option, text);
    for (uint32_t site = 0; site < setup->latency.sites && used >= 0 && (size_t)used < why_size; ++site)
        used += snprintf(why + used, why_size - (size_t)used, " %s", setup->site_names[site]);
}

int ofr_ramp_find(const char *option, const char *text, const struct offramp_policy_setup *setup, char *why,
                  size_t why_size)
{
    int site = find_site(text, setup);
    if (site < 0)
        complain(option, text, setup, why, why_size);
    return site;
}

int ofr_ramp_list(const struct offramp_texts *list, const struct offramp_policy_setup *setup,
                  struct offramp_exit_config *config, char *why, size_t why_size)
{
    bool chosen[OFFRAMP_MAX_SITES] = {false};
    for (uint32_t i = 0; i < list->count; ++i) {
        int site = ofr_ramp_find("ramps", list->item[i], setup, why, why_size);
        if (site < 0)
            return -1;
        if (chosen[site]) {
            snprintf(why, why_size, "ramps: site '%s' is listed twice", list->item[i]);
            return -1;
        }
        chosen[site] = true;
    }
    config->ramps = 0;
    for (uint32_t site = 0; site < setup->latency.sites; ++site)
        if (chosen[site] || list->count == 0)
            config->site[config->ramps++] = (uint16_t)site;
    return 0;
}
