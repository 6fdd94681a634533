#include "sim/policy/guard.h"

extern const struct ofr_guard_ops ofr_guard_bank;
extern const struct ofr_guard_ops ofr_guard_conformal;
extern const struct ofr_guard_ops ofr_guard_none;

const struct ofr_guard_ops *const ofr_guards[] = {&ofr_guard_bank, &ofr_guard_conformal, &ofr_guard_none,
                                                  NULL};
const char *const ofr_guard_names[] = {"bank", "conformal", "none", NULL};

uint8_t ofr_guard_row_wrong(const struct offramp_feedback *feedback, uint32_t row)
{
    uint32_t k = feedback->exit_ramp[row];
    uint32_t ramps = feedback->config->ramps;
    return k < ramps && feedback->answer[(size_t)row * ramps + k] != feedback->final_answer[row];
}

void ofr_guard_savings(double *saving, const struct ofr_ramp_set *set, const struct ofr_ramp_costs *costs)
{
    double full_ns = costs->until_ns[costs->sites];
    double earlier_ns = 0.0;
    double end_ns = full_ns * (1.0 + ofr_ramp_set_added(set, costs));
    for (uint32_t k = 0; k < set->ramps; ++k) {
        uint32_t site = set->site[k];
        saving[k] = (end_ns - costs->until_ns[site] - earlier_ns - costs->delay_ns[site]) / full_ns;
        earlier_ns += costs->add_ns[site];
    }
}
