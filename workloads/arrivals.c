#include "workloads/arrivals.h"
#include "sim/base/units.h"
#include "workloads/arrival_internal.h"

#include <string.h>

const struct ofr_arrival_ops *const ofr_arrival_processes[] = {
    &ofr_arrival_fixed,    &ofr_arrival_poisson, &ofr_arrival_gamma,   &ofr_arrival_weibull,
    &ofr_arrival_mmpp,     &ofr_arrival_onoff,   &ofr_arrival_diurnal, &ofr_arrival_hawkes,
    &ofr_arrival_servegen, &ofr_arrival_counts,  &ofr_arrival_trace,   NULL,
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

int ofr_arrival_read_rates(const struct offramp_texts *list, const char *name, double *out,
                           struct ofr_error *err)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const char *expected = ofr_read_rate(list->item[i], &out[i]);
        if (expected)
            return ofr_fail(err, OFR_E_INPUT, "%s: found '%s', expected %s", name, list->item[i], expected);
        if (out[i] != 0 && !(out[i] >= OFR_ARRIVAL_RATE_MIN && out[i] <= OFR_ARRIVAL_RATE_MAX))
            return ofr_fail(err, OFR_E_INPUT, "%s: found '%s', expected 0/s, or %g/s to %g/s", name,
                            list->item[i], OFR_ARRIVAL_RATE_MIN, OFR_ARRIVAL_RATE_MAX);
    }
    return OFR_OK;
}

int ofr_arrival_read_times(const struct offramp_texts *list, const char *name, int64_t least_ns, int64_t *out,
                           struct ofr_error *err)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const char *expected = ofr_read_time(list->item[i], &out[i]);
        if (expected)
            return ofr_fail(err, OFR_E_INPUT, "%s: found '%s', expected %s", name, list->item[i], expected);
        if (out[i] < least_ns || out[i] > OFR_ARRIVAL_LIMIT_NS) {
            char least[OFR_UNIT_TEXT];
            ofr_write_time(least, least_ns);
            return ofr_fail(err, OFR_E_INPUT, "%s: found '%s', expected %s to 2^62 ns", name, list->item[i],
                            least);
        }
    }
    return OFR_OK;
}
