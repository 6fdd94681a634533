/* Branch and bound over the wrong exits each ramp is given.
 *
 * Ramps are decided from shallow to deep. Where no later way out is cheaper, a cut that could be raised past
 * right samples should be (they become right, and save more); so the choices are the cuts just below a wrong
 * sample still running, and the last ramp takes what it may. A subtree is left when its best case - each
 * remaining ramp spending the whole remaining allowance, each sample taking the cheapest way out it could
 * reach - saves no more than the best configuration known. */
#include "sim/policy/tuner_internal.h"

#include <string.h>

/* What the samples in `reach` of the ramps from k on can save at most, ways out in any order of cost. */
static double best_ways_out(struct ofr_tuner *tuner, uint32_t k)
{
    double bound = 0.0;
    memset(tuner->mask, 0, tuner->words * sizeof *tuner->mask);
    for (uint32_t i = 0; i < tuner->ramps; ++i) {
        uint32_t j = tuner->by_saving[i];
        double saving = tuner->ramp[j].saving;
        if (j < k || saving <= 0.0)
            continue;
        uint32_t count = 0;
        for (uint32_t w = 0; w < tuner->words; ++w) {
            count += (uint32_t)__builtin_popcountll(tuner->reach[j][w] & ~tuner->mask[w]);
            tuner->mask[w] |= tuner->reach[j][w];
        }
        bound += saving * count;
    }
    return bound;
}

/* The largest cut of a ramp at which at most `left` samples leave wrong that could not have left before. */
OFR_TUNER_INLINE uint32_t highest_cut(const struct tuner_ramp *ramp, const uint64_t *alive,
                                      const uint64_t *gone, uint32_t left)
{
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < ramp->stops; ++i) {
        uint32_t sample = ramp->stop[i].sample;
        wrong += tuner_has(alive, sample) && !tuner_has(gone, sample) &&
                 (ramp->greedy_exits || tuner_has(ramp->wrong, sample));
        if (wrong > left)
            return ramp->stop[i].cut;
    }
    return ramp->cuts - 1;
}

/* Upper bound of what the samples alive at level k can still save with `left` wrong exits. */
OFR_TUNER_HOT static double bound_from(struct ofr_tuner *tuner, uint32_t k, uint32_t left)
{
    const uint64_t *alive = tuner->path.alive[k];
    uint64_t *gone = tuner->mask;
    double bound = 0.0;
    memset(gone, 0, tuner->words * sizeof *gone);
    for (uint32_t j = k; j < tuner->ramps; ++j) {
        const struct tuner_ramp *ramp = &tuner->ramp[j];
        const uint64_t *below = tuner_below(tuner, ramp, highest_cut(ramp, alive, gone, left));
        uint64_t *reach = tuner->reach[j];
        uint32_t count = 0;
        for (uint32_t w = 0; w < tuner->words; ++w) {
            reach[w] = alive[w] & below[w];
            count += (uint32_t)__builtin_popcountll(reach[w] & ~gone[w]);
            gone[w] |= reach[w];
        }
        bound += ramp->saving * count;
    }
    return tuner->ordered ? bound : best_ways_out(tuner, k);
}

/* Whether the subtree at level k may hold something better. Equal is not better, within rounding. */
static bool promising(struct ofr_tuner *tuner, uint32_t k)
{
    const struct tuner_path *path = &tuner->path;
    if (!tuner->found)
        return true;
    double bound = path->saved[k] + bound_from(tuner, k, tuner->allowed - path->wrong[k]);
    double slack = 1e-12 * (bound < 0.0 ? -bound : bound);
    return bound > tuner->best_saved + slack;
}

static void decide(struct ofr_tuner *tuner, uint32_t k);

/* Takes a choice of ramp k and goes on below it. */
OFR_TUNER_INLINE void follow(struct ofr_tuner *tuner, uint32_t k, const struct tuner_walk *choice)
{
    const struct tuner_ramp *ramp = &tuner->ramp[k];
    uint32_t used = choice->used;
    if (tuner_is_fixed(ramp))
        used = tuner_count_and3(tuner->path.alive[k], tuner_below(tuner, ramp, 0), ramp->wrong, tuner->words);
    tuner_path_take(tuner, k, choice->cut, used);
    tuner->nodes++;
    if (tuner->path.wrong[k + 1] > tuner->allowed)
        return;
    if (k + 1 == tuner->ramps)
        tuner_path_offer(tuner);
    else if (k + 2 >= tuner->ramps || promising(tuner, k + 1))
        decide(tuner, k + 1);
}

OFR_TUNER_HOT static void decide(struct ofr_tuner *tuner, uint32_t k)
{
    const struct tuner_ramp *ramp = &tuner->ramp[k];
    const uint64_t *alive = tuner->path.alive[k];
    uint32_t left = tuner->allowed - tuner->path.wrong[k];
    struct tuner_walk choice = {0};
    if (k + 1 == tuner->ramps && ramp->greedy_exits) {
        tuner_largest_cut(ramp, alive, left, &choice);
        follow(tuner, k, &choice);
        return;
    }
    while (tuner->nodes < tuner->node_limit && tuner_walk_next(ramp, alive, left, &choice))
        follow(tuner, k, &choice);
}

void ofr_tuner_branch(struct ofr_tuner *tuner, uint64_t node_limit)
{
    tuner->nodes = 0;
    tuner->node_limit = node_limit ? node_limit : UINT64_MAX;
    decide(tuner, 0);
}

void ofr_tuner_exact(struct ofr_tuner *tuner, int64_t max_wrong, uint64_t limit,
                     struct ofr_tuner_result *result)
{
    if (!ofr_tuner_start(tuner, max_wrong, result))
        return;
    ofr_tuner_make_cuts(tuner);
    ofr_tuner_climb(tuner);
    ofr_tuner_branch(tuner, limit);
    ofr_tuner_finish(tuner, result);
    result->complete = !tuner->thinned && tuner->nodes < tuner->node_limit;
}
