#include "sim/policy/ramp_promise.h"

#include "sim/policy/guard.h"

struct ofr_ramp_promise ofr_ramp_promise_of(struct ofr_ladder *ladder, const struct ofr_exit_memory *memory,
                                            const struct ofr_ramp_set *set,
                                            const struct ofr_ramp_costs *costs, double accuracy_loss)
{
    double saving[OFFRAMP_MAX_SITES];
    double inputs = memory->count, most_wrong = accuracy_loss * inputs;
    if (memory->count == 0)
        return (struct ofr_ramp_promise){0.0, 0.0};
    ofr_guard_savings(saving, set, costs);
    ofr_ladder_build(ladder, memory, set, saving, most_wrong);
    uint32_t at = ofr_ladder_within(ladder, most_wrong);
    const struct ofr_ladder_step *step = ofr_ladder_step(ladder, at);
    double saved = step->saved, wrong = step->wrong;
    double price = wrong > 0.0 ? step->price : saved;
    if (at + 1 < ofr_ladder_steps(ladder)) {
        const struct ofr_ladder_step *next = ofr_ladder_step(ladder, at + 1);
        price = (next->saved - saved) / (next->wrong - wrong);
        saved += price * (most_wrong - wrong);
        wrong = most_wrong;
    }
    return (struct ofr_ramp_promise){
        .gain = saved / inputs - ofr_ramp_set_added(set, costs),
        .variance = price * price * (wrong + 1.0) / (inputs * inputs),
    };
}
