#include "workloads/arrivals.h"
#include "workloads/arrival_internal.h"

#include <string.h>

const struct ofr_arrival_ops *const ofr_arrival_processes[] = {
    &ofr_arrival_fixed, &ofr_arrival_poisson, &ofr_arrival_gamma, &ofr_arrival_trace, NULL,
};

const struct ofr_arrival_ops *ofr_arrival_find(const char *name)
{
    for (const struct ofr_arrival_ops *const *ops = ofr_arrival_processes; *ops; ops++)
        if (strcmp((*ops)->component.name, name) == 0)
            return *ops;
    return NULL;
}

int ofr_arrival_beyond_limit(uint32_t done, struct ofr_error *err)
{
    if (done > 0)
        return (int)done;
    return ofr_fail(
        err, OFR_E_INPUT,
        "arrivals: the next arrival lies beyond 2^62 ns (146 years), expected fewer requests or a "
        "higher rate");
}
