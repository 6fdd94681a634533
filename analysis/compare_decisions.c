/* Configurations over time: how long both runs had the same ramps, how far their thresholds were apart. */
#include "analysis/compare_internal.h"

#include <math.h>
#include <string.h>

static bool same_ramps(const struct offramp_exit_config *a, const struct offramp_exit_config *b)
{
    return a->ramps == b->ramps && memcmp(a->site, b->site, a->ramps * sizeof *a->site) == 0;
}

static bool same_config(const struct offramp_exit_config *a, const struct offramp_exit_config *b)
{
    return same_ramps(a, b) && memcmp(a->threshold, b->threshold, a->ramps * sizeof *a->threshold) == 0;
}

/* Mean |difference| of the thresholds of ramps both have; NaN when they share none. */
static double threshold_distance(const struct offramp_exit_config *a, const struct offramp_exit_config *b)
{
    double sum = 0.0;
    uint32_t shared = 0;
    for (uint32_t i = 0; i < a->ramps; ++i)
        for (uint32_t j = 0; j < b->ramps; ++j)
            if (a->site[i] == b->site[j]) {
                sum += fabs(a->threshold[i] - b->threshold[j]);
                shared++;
            }
    return shared ? sum / shared : NAN;
}

void compare__decisions(struct ofr_comparison *out, const struct ofr_run_data *a,
                        const struct ofr_run_data *b)
{
    int64_t end_ns = compare__end_ns(a) < compare__end_ns(b) ? compare__end_ns(a) : compare__end_ns(b);
    uint32_t i = 0, j = 0;
    double same_ns = 0.0, shared_ns = 0.0, distance = 0.0;
    out->decisions_a = a->decisions;
    out->decisions_b = b->decisions;
    out->same_ramps = out->threshold_distance = NAN;
    out->first_apart_ns = -1;
    if (a->decisions == 0 || b->decisions == 0 || end_ns <= 0)
        return;
    for (int64_t now_ns = 0; now_ns < end_ns;) {
        const struct offramp_exit_config *of_a = &a->decision[i].config, *of_b = &b->decision[j].config;
        int64_t next_a = i + 1 < a->decisions ? a->decision[i + 1].applied_ns : INT64_MAX;
        int64_t next_b = j + 1 < b->decisions ? b->decision[j + 1].applied_ns : INT64_MAX;
        int64_t next_ns = next_a < next_b ? next_a : next_b;
        double span_ns = (double)((next_ns < end_ns ? next_ns : end_ns) - now_ns);
        double apart = threshold_distance(of_a, of_b);
        if (span_ns > 0.0 && out->first_apart_ns < 0 && !same_config(of_a, of_b))
            out->first_apart_ns = now_ns;
        same_ns += same_ramps(of_a, of_b) ? span_ns : 0.0;
        if (!isnan(apart)) {
            shared_ns += span_ns;
            distance += apart * span_ns;
        }
        i += next_a == next_ns;
        j += next_b == next_ns;
        now_ns = next_ns;
    }
    out->same_ramps = same_ns / (double)end_ns;
    out->threshold_distance = shared_ns > 0.0 ? distance / shared_ns : NAN;
}
