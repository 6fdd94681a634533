/* Hill climb over the shares of the allowance.
 *
 * Each ramp may spend its share of the wrong exits and takes the largest cut that share buys; the last ramp
 * spends what is left. A move hands part of one ramp's share, and what nobody spent, to another; parts halve
 * from the whole allowance to one. Thresholds in between are never tried, because they cannot be better. The
 * climb can end beside the optimum, so its result is the first bound of a short branch and bound, which with
 * few ramps mostly ends by itself: then the result is the optimum. */
#include "sim/policy/tuner_internal.h"

#include <math.h>
#include <string.h>

enum {
    PASSES = 8,       /* over all moves with parts of one size */
    EVALUATIONS = 72, /* another start is made below it */
    SMALL_TREE = 300  /* is walked whole */
};

struct climb {
    struct ofr_tuner *tuner;
    uint32_t share[OFR_TUNER_MAX_RAMPS]; /* of every ramp but the last */
    bool off[OFR_TUNER_MAX_RAMPS];       /* a ramp with a cheaper way out below may be better unused */
    double saved;                        /* by the configuration the climb stands at */
    uint32_t spare;                      /* allowance nobody spent */
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
        else if (ramp->greedy_exits)
            tuner_largest_cut(ramp, path->alive[k], left, &choice);
        else
            tuner_walk_last(ramp, path->alive[k], left, &choice);
        if (tuner_is_fixed(ramp))
            choice.used =
                tuner_count_and3(path->alive[k], tuner_below(tuner, ramp, 0), ramp->wrong, tuner->words);
        tuner_path_take(tuner, k, choice.cut, choice.used);
    }
    tuner_path_offer(tuner);
    if (path->saved[tuner->ramps] <= climb->saved || path->wrong[tuner->ramps] > tuner->allowed)
        return false;
    climb->saved = path->saved[tuner->ramps];
    for (uint32_t j = 0; j + 1 < tuner->ramps; ++j)
        climb->share[j] = tuner_is_fixed(&tuner->ramp[j]) ? 0 : path->used[j];
    climb->dirty = tuner->ramps;
    climb->spare = tuner->allowed - path->wrong[tuner->ramps];
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
    if (has < part && part < climb->tuner->allowed)
        return false; /* all of it was handed over with the larger parts */
    part = part < has ? part : has;
    uint32_t saved[2] = {climb->share[i], climb->share[j]};
    add_share(climb, i, -(int64_t)part);
    add_share(climb, j, (int64_t)part + climb->spare);
    if (spend(climb, i < j ? i : j))
        return true;
    climb->share[i] = saved[0];
    climb->share[j] = saved[1];
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

enum start {
    EVEN,
    ALL_TO_LAST,
    ALL_TO_FIRST,
    STARTS
};

static void place(struct climb *climb, enum start start)
{
    uint32_t allowed = climb->tuner->allowed, ramps = climb->tuner->ramps;
    climb->saved = -INFINITY;
    climb->dirty = 0;
    for (uint32_t k = 0; k + 1 < ramps; ++k)
        climb->share[k] = start == EVEN ? allowed / ramps : 0;
    if (start == ALL_TO_FIRST && ramps > 1)
        climb->share[0] = allowed;
    spend(climb, 0);
}

/* Ways to share the allowance among the ramps: the tree without its leaves. */
static bool small_tree(const struct ofr_tuner *tuner)
{
    uint64_t size = 1;
    for (uint32_t k = 1; k < tuner->ramps && size <= SMALL_TREE; ++k)
        size = size * (tuner->allowed + k) / k;
    return tuner->ordered && size <= SMALL_TREE;
}

void ofr_tuner_climb(struct ofr_tuner *tuner)
{
    struct climb climb = {.tuner = tuner};
    place(&climb, EVEN);
    if (small_tree(tuner))
        return; /* walking it is cheaper than climbing */
    for (int start = EVEN; start < STARTS && tuner->evaluations < EVALUATIONS; ++start) {
        if (start != EVEN)
            place(&climb, (enum start)start);
        for (uint32_t part = tuner->allowed; part > 0; part /= 2)
            for (int passes = 0; passes < PASSES && pass(&climb, part); ++passes)
                ;
    }
}

/* Nodes to visit after the climb; 0 = all. With three ramps or less that is mostly the whole tree; with more,
 * as many as cost about as much as the climb did. */
static uint64_t nodes_worth(const struct ofr_tuner *tuner)
{
    if (small_tree(tuner))
        return 0;
    uint64_t nodes = tuner->ramps <= 3 ? 2048 : tuner->ramps == 4 ? 512 : 1024 / tuner->words;
    return nodes * tuner->effort;
}

void ofr_tuner_greedy(struct ofr_tuner *tuner, int64_t max_wrong, struct ofr_tuner_result *result)
{
    if (!ofr_tuner_start(tuner, max_wrong, result))
        return;
    ofr_tuner_make_cuts(tuner);
    ofr_tuner_climb(tuner);
    if (tuner->effort || small_tree(tuner))
        ofr_tuner_branch(tuner, nodes_worth(tuner));
    ofr_tuner_finish(tuner, result);
    result->complete = false;
}
