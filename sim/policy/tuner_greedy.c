/* Hill climb over the shares of the allowance.
 *
 * Each ramp may spend its share of the wrong exits and takes the largest cut that share buys; the last ramp
 * spends what is left. A move hands part of one ramp's share to another; parts halve from half the allowance
 * to one. Values that lie between are never tried, because they cannot be better. Trees so small that walking
 * them costs no more than the climb are walked after it, which makes the result the optimum there. */
#include "sim/policy/tuner_internal.h"

#include <string.h>

enum {
    SMALL_TREE = 64, /* nodes worth walking in any case */
    PASSES = 8,      /* over all moves with parts of one size */
};

struct climb {
    struct ofr_tuner *tuner;
    uint32_t share[OFR_TUNER_MAX_RAMPS]; /* of every ramp but the last */
    bool off[OFR_TUNER_MAX_RAMPS];       /* a ramp with a cheaper way out below may be better unused */
    uint32_t dirty;                      /* the path is that of the shares before this level */
};

static uint32_t unshared(const struct climb *climb)
{
    uint32_t left = climb->tuner->allowed;
    for (uint32_t k = 0; k + 1 < climb->tuner->ramps; ++k)
        left -= climb->share[k];
    return left;
}

/* Decides the ramps from level k on and offers the result as a configuration. */
OFR_TUNER_HOT static bool spend(struct climb *climb, uint32_t k)
{
    struct ofr_tuner *tuner = climb->tuner;
    struct tuner_path *path = &tuner->path;
    k = k < climb->dirty ? k : climb->dirty;
    climb->dirty = k;
    for (; k < tuner->ramps; ++k) {
        const struct tuner_ramp *ramp = &tuner->ramp[k];
        uint32_t left = tuner->allowed > path->wrong[k] ? tuner->allowed - path->wrong[k] : 0;
        if (k + 1 < tuner->ramps && climb->share[k] < left)
            left = climb->share[k];
        struct tuner_walk choice = {0};
        if (climb->off[k])
            tuner_walk_next(ramp, path->alive[k], 0, &choice);
        else
            tuner_walk_last(ramp, path->alive[k], left, &choice);
        if (tuner_is_fixed(ramp))
            choice.used = tuner_count_and3(path->alive[k], ramp->below, ramp->wrong, tuner->words);
        tuner_path_take(tuner, k, choice.cut, choice.used);
    }
    if (!tuner_path_offer(tuner))
        return false;
    for (uint32_t j = 0; j + 1 < tuner->ramps; ++j)
        climb->share[j] = tuner_is_fixed(&tuner->ramp[j]) ? 0 : path->used[j];
    climb->dirty = tuner->ramps;
    return true;
}

static void add_share(struct climb *climb, uint32_t k, int64_t part)
{
    if (k + 1 < climb->tuner->ramps)
        climb->share[k] = (uint32_t)((int64_t)climb->share[k] + part);
}

/* Hands up to `part` of ramp i's share to ramp j; undone unless it saves more. */
static bool move(struct climb *climb, uint32_t i, uint32_t j, uint32_t part)
{
    uint32_t last = climb->tuner->ramps - 1;
    uint32_t has = i == last ? unshared(climb) : climb->share[i];
    if (i == j || has == 0 || tuner_is_fixed(&climb->tuner->ramp[j]))
        return false;
    part = part < has ? part : has;
    add_share(climb, i, -(int64_t)part);
    add_share(climb, j, part);
    if (spend(climb, i < j ? i : j))
        return true;
    add_share(climb, i, part);
    add_share(climb, j, -(int64_t)part);
    return false;
}

static bool toggle(struct climb *climb, uint32_t k)
{
    if (climb->tuner->ramp[k].greedy_exits || tuner_is_fixed(&climb->tuner->ramp[k]))
        return false;
    climb->off[k] = !climb->off[k];
    if (spend(climb, k))
        return true;
    climb->off[k] = !climb->off[k];
    return false;
}

/* Deep ramps first: what their moves change is the smaller part of the path. */
static bool pass(struct climb *climb, uint32_t part)
{
    bool better = false;
    for (uint32_t i = climb->tuner->ramps; i-- > 0;) {
        better |= toggle(climb, i);
        for (uint32_t j = climb->tuner->ramps; j-- > 0;)
            better |= move(climb, i, j, part);
    }
    return better;
}

void ofr_tuner_climb(struct ofr_tuner *tuner)
{
    struct climb climb = {.tuner = tuner};
    spend(&climb, 0);
    uint32_t part = 1;
    while (2 * part <= tuner->allowed / 2)
        part *= 2;
    for (; part > 0; part /= 2)
        for (int passes = 0; passes < PASSES && pass(&climb, part); ++passes)
            ;
}

/* Nodes of the whole tree, at most: ways to spend up to w wrong exits on all ramps but the last. */
static uint64_t tree_size(const struct ofr_tuner *tuner)
{
    uint64_t size = 1;
    for (uint32_t k = 1; k < tuner->ramps && size <= SMALL_TREE; ++k)
        size = size * (tuner->allowed + k) / k;
    return size;
}

void ofr_tuner_greedy(struct ofr_tuner *tuner, int64_t max_wrong, struct ofr_tuner_result *result)
{
    if (!ofr_tuner_start(tuner, max_wrong, result))
        return;
    ofr_tuner_make_cuts(tuner);
    ofr_tuner_climb(tuner);
    if (tuner->ordered && tree_size(tuner) <= SMALL_TREE)
        ofr_tuner_branch(tuner, 0);
    ofr_tuner_finish(tuner, result);
    result->complete = false;
}
