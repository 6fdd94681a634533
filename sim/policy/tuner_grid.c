/* The full grid, 0, step, 2 step, ... 1 for every ramp, walked in lexicographic order.
 *
 * Grid values between which no sample scores give the same configuration, and the first wins ties, so only
 * the lowest of them is tried; a subtree whose wrong exits already break the bound is left. */
#include "sim/policy/tuner_internal.h"

#include <math.h>

static void offer(struct ofr_tuner *tuner)
{
    const struct tuner_path *path = &tuner->path;
    uint32_t exits[OFR_TUNER_MAX_RAMPS + 1];
    exits[tuner->ramps] = tuner->samples;
    for (uint32_t k = 0; k < tuner->ramps; ++k) {
        exits[k] = path->exits[k];
        exits[tuner->ramps] -= exits[k];
    }
    double pct = ofr_tuner_improvement(tuner, exits);
    tuner->evaluations++;
    if (tuner->found && pct <= tuner->best_pct)
        return;
    tuner->found = true;
    tuner->best_pct = pct;
    for (uint32_t k = 0; k < tuner->ramps; ++k)
        tuner->best_cut[k] = path->cut[k];
}

OFR_TUNER_HOT static void visit(struct ofr_tuner *tuner, uint32_t k)
{
    struct tuner_path *path = &tuner->path;
    const struct tuner_ramp *ramp = &tuner->ramp[k];
    uint32_t before = UINT32_MAX;
    for (uint32_t cut = 0; cut < ramp->cuts && tuner->evaluations < tuner->node_limit; ++cut) {
        const uint64_t *below = tuner_below(tuner, ramp, cut);
        uint32_t exits = tuner_count_and(path->alive[k], below, tuner->words);
        if (exits == before)
            continue;
        before = exits;
        uint32_t used = tuner_count_and3(path->alive[k], below, ramp->wrong, tuner->words);
        tuner_path_take(tuner, k, cut, used);
        if (path->wrong[k + 1] > tuner->allowed && !tuner_is_fixed(ramp))
            return; /* larger cuts leave more wrong */
        if (path->wrong[k + 1] > tuner->allowed)
            continue;
        if (k + 1 == tuner->ramps)
            offer(tuner);
        else
            visit(tuner, k + 1);
    }
}

static void make_grid(struct ofr_tuner *tuner, struct tuner_ramp *ramp, double step)
{
    ramp->cuts = 0;
    if (tuner_is_fixed(ramp))
        ramp->limit[ramp->cuts++] = ramp->fixed;
    else /* i * step rounded to 10 decimals: 3 * 0.1 is to be 0.3 */
        for (uint32_t i = 0; nearbyint(i * step * 1e10) <= 1e10; ++i)
            ramp->limit[ramp->cuts++] = nearbyint(i * step * 1e10) / 1e10;
    ofr_tuner_fill_below(tuner, ramp);
}

void ofr_tuner_grid(struct ofr_tuner *tuner, int64_t max_wrong, double step, uint64_t limit,
                    struct ofr_tuner_result *result)
{
    if (!ofr_tuner_start(tuner, max_wrong, result))
        return;
    for (uint32_t k = 0; k < tuner->ramps; ++k)
        make_grid(tuner, &tuner->ramp[k], step);
    tuner->node_limit = limit ? limit : UINT64_MAX;
    visit(tuner, 0);
    ofr_tuner_finish(tuner, result);
    for (uint32_t k = 0; tuner->found && k < tuner->ramps; ++k)
        result->threshold[k] = tuner->ramp[k].limit[tuner->best_cut[k]];
    result->complete = tuner->evaluations < tuner->node_limit;
}
