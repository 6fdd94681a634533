/* Every kind of named part, for `offramp list` and `offramp help KIND:NAME`. */
#ifndef OFR_CLI_REGISTRY_H
#define OFR_CLI_REGISTRY_H

#include "sim/base/component.h"

#include <stdbool.h>

struct ofr_registry {
    const char *kind;   /* policy, batcher, arrival, format, mode, term */
    const char *plural; /* as `offramp list` takes it */
    /* The i-th part; false past the last. */
    bool (*at)(uint32_t i, struct ofr_component *out);
};

extern const struct ofr_registry ofr_registries[]; /* ends with kind NULL */

/* The registry of a kind, by its name or its plural; NULL = there is none. */
const struct ofr_registry *ofr_registry_find(const char *word);

/* The one kind that may also be in a file: policies. */
bool ofr_registry_policy_at(uint32_t i, struct ofr_component *out);

#endif
