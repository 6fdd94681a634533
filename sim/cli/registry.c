#include "sim/cli/registry.h"

#include "sim/model/terms.h"
#include "sim/policy/policies.h"
#include "sim/serve/batcher.h"
#include "sim/serve/mode.h"
#include "traces/import/importers.h"
#include "workloads/arrivals.h"

#include <stddef.h>
#include <string.h>

bool ofr_registry_policy_at(uint32_t i, struct ofr_component *out)
{
    if (ofr_policies[i])
        *out = ofr_policy_component(ofr_policies[i]);
    return ofr_policies[i] != NULL;
}

static bool batcher_at(uint32_t i, struct ofr_component *out)
{
    if (ofr_batchers[i])
        *out = ofr_batchers[i]->component;
    return ofr_batchers[i] != NULL;
}

static bool arrival_at(uint32_t i, struct ofr_component *out)
{
    if (ofr_arrival_processes[i])
        *out = ofr_arrival_processes[i]->component;
    return ofr_arrival_processes[i] != NULL;
}

static bool format_at(uint32_t i, struct ofr_component *out)
{
    const struct ofr_importer *importer = ofr_importers()[i];
    if (importer)
        *out = importer->component;
    return importer != NULL;
}

static bool mode_at(uint32_t i, struct ofr_component *out)
{
    if (ofr_modes[i])
        *out = (struct ofr_component){.name = ofr_modes[i]->name, .help = ofr_modes[i]->help};
    return ofr_modes[i] != NULL;
}

static bool term_at(uint32_t i, struct ofr_component *out)
{
    if (i < OFR_TERMS)
        *out = (struct ofr_component){.name = ofr_term_names[i], .help = ofr_term_help[i]};
    return i < OFR_TERMS;
}

const struct ofr_registry ofr_registries[] = {
    {"policy", "policies", ofr_registry_policy_at},
    {"batcher", "batchers", batcher_at},
    {"arrival", "arrivals", arrival_at},
    {"format", "formats", format_at},
    {"mode", "modes", mode_at},
    {"term", "terms", term_at},
    {NULL, NULL, NULL},
};

const struct ofr_registry *ofr_registry_find(const char *word)
{
    for (const struct ofr_registry *each = ofr_registries; each->kind; ++each)
        if (strcmp(each->kind, word) == 0 || strcmp(each->plural, word) == 0)
            return each;
    return NULL;
}
