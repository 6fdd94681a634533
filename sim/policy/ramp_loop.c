#include "sim/policy/ramp_loop.h"

#include "sim/policy/guard.h"
#include "sim/policy/ramp_promise.h"

#include <math.h>
#include <string.h>

enum {
    TURN = 128,         /* inputs one set of a trial has before the other */
    TRIAL = 2048,       /* inputs under each set by which a trial is decided */
    FIRST_JUDGED = 512, /* inputs under each set after which it may be decided early */
    ENOUGH = 1024,      /* inputs without which no trial is chosen */
    FIRST_WAIT = 1024,  /* inputs between trials */
    LONGEST_WAIT = 65536
};

static const double trial_floor = 0.001; /* share of a whole pass the new ramps have to save more, at least */
static const double surely_better = 2.0; /* standard deviations at which a trial is won early */
static const double likely_worse = 1.0;  /* and at which it is lost: trying again costs less than going on */

int ofr_ramp_loop_init(struct ofr_ramp_loop *loop, const struct ofr_ramp_loop_setup *setup)
{
    *loop = (struct ofr_ramp_loop){.setup = *setup, .wait = FIRST_WAIT};
    ofr_ramp_set_even(&loop->home, &setup->latency, setup->max_batch, setup->budget, setup->most);
    loop->set = loop->home;
    ofr_ramp_costs_mix(&loop->costs, &setup->latency, loop->weight);
    loop->ladder = ofr_ladder_create(TRIAL);
    if (!loop->ladder || ofr_exit_memory_init(&loop->recent, TRIAL, 1, setup->latency.sites))
        return -1;
    return ofr_exit_memory_init(&loop->other_recent, TRIAL, 1, setup->latency.sites);
}

void ofr_ramp_loop_release(struct ofr_ramp_loop *loop)
{
    ofr_exit_memory_release(&loop->recent);
    ofr_exit_memory_release(&loop->other_recent);
    ofr_ladder_free(loop->ladder);
    loop->ladder = NULL;
}

static bool exits_open(const struct offramp_exit_config *config)
{
    for (uint32_t k = 0; k < config->ramps; ++k)
        if (config->threshold[k] > 0.0)
            return true;
    return false;
}

void ofr_ramp_loop_feed(struct ofr_ramp_loop *loop, const struct offramp_feedback *feedback)
{
    uint32_t ramps = loop->set.ramps;
    bool trial = loop->setup.rule == OFR_RAMP_RULE_TRIAL;
    loop->weight[ofr_latency_row(&loop->setup.latency, feedback->padded_rows)] += feedback->rows;
    loop->waited += feedback->rows;
    loop->turn += feedback->rows;
    for (uint32_t row = 0; row < feedback->rows && trial; ++row)
        ofr_exit_memory_add(&loop->recent, &loop->set, feedback->score + (size_t)row * ramps,
                            feedback->answer + (size_t)row * ramps, feedback->final_answer[row]);
    /* A guard closes exits for reasons of its own: such batches say nothing about the ramps. */
    if (trial && !exits_open(feedback->config))
        return;
    for (uint32_t row = 0; row < feedback->rows; ++row)
        loop->exits[feedback->exit_ramp[row]]++;
    loop->rows += feedback->rows;
}

static void use(struct ofr_ramp_loop *loop, const struct ofr_ramp_set *next)
{
    loop->set = *next;
    loop->tuned_first = false;
    ofr_exit_memory_clear(&loop->recent);
}

/* ---- trials ---- */

static struct ofr_ramp_promise promise(struct ofr_ramp_loop *loop, const struct ofr_exit_memory *memory,
                                       const struct ofr_ramp_set *set)
{
    return ofr_ramp_promise_of(loop->ladder, memory, set, &loop->costs, loop->setup.accuracy_loss);
}

static void take_turns(struct ofr_ramp_loop *loop)
{
    struct ofr_exit_memory recent = loop->recent;
    struct ofr_ramp_set set = loop->set;
    loop->recent = loop->other_recent;
    loop->set = loop->other;
    loop->other_recent = recent;
    loop->other = set;
    loop->challenging = !loop->challenging;
    loop->turn = 0;
    loop->tuned_first = false;
}

static bool start_trial(struct ofr_ramp_loop *loop, const struct ofr_ramp_set *next)
{
    if (ofr_ramp_set_same(next, &loop->set))
        return false;
    ofr_ramp_set_common(&loop->shared, &loop->set, next);
    loop->on_trial = true;
    loop->challenging = false;
    loop->judged = FIRST_JUDGED;
    loop->other = *next;
    ofr_exit_memory_clear(&loop->recent);
    ofr_exit_memory_clear(&loop->other_recent);
    take_turns(loop);
    return true;
}

/* One of the two sets of a trial, with its inputs. */
struct side {
    const struct ofr_ramp_set *set;
    const struct ofr_exit_memory *memory;
};

static struct side side_of(const struct ofr_ramp_loop *loop, bool new_one)
{
    bool active = new_one == loop->challenging;
    return (struct side){active ? &loop->set : &loop->other, active ? &loop->recent : &loop->other_recent};
}

/* What the ramps that the other set lacks bring, on the inputs of their own. */
static struct ofr_ramp_promise own_gain(struct ofr_ramp_loop *loop, struct side side)
{
    struct ofr_ramp_promise own = promise(loop, side.memory, side.set);
    own.gain -= promise(loop, side.memory, &loop->shared).gain;
    return own;
}

static void mark_new(struct ofr_ramp_loop *loop, const struct ofr_ramp_set *set,
                     const struct ofr_ramp_set *old)
{
    struct ofr_ramp_set both;
    ofr_ramp_set_common(&both, set, old);
    for (uint32_t k = 0; k < set->ramps; ++k)
        loop->tried |= (uint64_t)1 << set->site[k];
    for (uint32_t k = 0; k < both.ramps; ++k)
        loop->tried &= ~((uint64_t)1 << both.site[k]);
}

/* Ends a trial; returns whether the ramps changed. */
static bool end_trial(struct ofr_ramp_loop *loop, bool won)
{
    struct side winner = side_of(loop, won), loser = side_of(loop, !won);
    loop->on_trial = false;
    loop->waited = 0;
    if (won) {
        loop->wait = FIRST_WAIT;
        loop->tried = 0;
    } else {
        loop->wait = loop->wait * 2 < LONGEST_WAIT ? loop->wait * 2 : LONGEST_WAIT;
    }
    mark_new(loop, loser.set, winner.set);
    if (won == loop->challenging)
        return false;
    take_turns(loop);
    return true;
}

/* After a turn: ends the trial if it is decided, else the other set has its turn. Returns whether the ramps changed. A set
 * that only adds ramps needs no turns: its inputs tell of both. */
static bool go_on_with_trial(struct ofr_ramp_loop *loop)
{
    struct side fresh = side_of(loop, true), old = side_of(loop, false);
    bool turns = !ofr_ramp_set_same(&loop->shared, old.set);
    if (fresh.memory->count >= loop->judged && (!turns || old.memory->count >= loop->judged)) {
        struct ofr_ramp_promise new_gain = own_gain(loop, fresh), old_gain = {0.0, 0.0};
        if (turns)
            old_gain = own_gain(loop, old);
        double more = new_gain.gain - old_gain.gain - trial_floor;
        double deviation = sqrt(new_gain.variance + old_gain.variance);
        if (loop->judged >= TRIAL || more < -likely_worse * deviation || more > surely_better * deviation)
            return end_trial(loop, more > 0.0);
        loop->judged *= 2;
    }
    loop->turn = 0;
    if (turns)
        take_turns(loop);
    return turns;
}

/* Shares of the remembered inputs that leave at each ramp under a step's thresholds. */
static void exit_shares(const struct ofr_ramp_loop *loop, const struct ofr_ladder_step *step, double *share)
{
    const struct ofr_exit_memory *memory = &loop->recent;
    memset(share, 0, loop->set.ramps * sizeof *share);
    for (uint32_t i = 0; i < memory->count; ++i)
        for (uint32_t k = 0; k < loop->set.ramps; ++k)
            if (memory->bin[(size_t)i * OFFRAMP_MAX_SITES + loop->set.site[k]] < step->cut[k]) {
                share[k] += 1.0 / memory->count;
                break;
            }
}

/* What moving ramp k to another site could add at most: earlier, if all who left at it left there; later, if
 * all did who had not left before. */
static double hope(const struct ofr_ramp_loop *loop, const double *share, const double *saving, uint32_t k,
                   uint32_t site)
{
    const struct ofr_ramp_set *set = &loop->set;
    const struct ofr_ramp_costs *costs = &loop->costs;
    double full_ns = costs->until_ns[costs->sites];
    double moved_ns = costs->until_ns[site] + costs->delay_ns[site] - costs->until_ns[set->site[k]] -
                      costs->delay_ns[set->site[k]];
    double there = saving[k] - moved_ns / full_ns;
    if (site < set->site[k])
        return share[k] * (there - saving[k]);
    double alive = 1.0, left = 0.0;
    for (uint32_t j = 0; j < set->ramps; ++j) {
        if (j < k)
            alive -= share[j];
        if (j >= k)
            left += share[j] * saving[j];
    }
    return alive * there - left;
}

/* The site `distance` beside ramp k; -1 when it is not free or no better than the full model there. */
static int32_t beside(const struct ofr_ramp_loop *loop, uint32_t k, int32_t distance)
{
    const struct ofr_ramp_costs *costs = &loop->costs;
    int32_t low = k > 0 ? loop->set.site[k - 1] : -1;
    int32_t high = k + 1 < loop->set.ramps ? loop->set.site[k + 1] : (int32_t)costs->sites;
    int32_t site = loop->set.site[k] + distance;
    if (site <= low || site >= high)
        return -1;
    double leaves_ns = costs->until_ns[site] + costs->delay_ns[site];
    return leaves_ns < costs->until_ns[costs->sites] ? site : -1;
}

/* Half the way from ramp k to its neighbour on one side (direction -1 or 1), then half of that. The first such
 * site not tried yet, or -1. */
static int32_t middle_beside(const struct ofr_ramp_loop *loop, uint32_t k, int32_t direction)
{
    int32_t width = 0;
    while (beside(loop, k, direction * (width + 1)) >= 0)
        ++width;
    for (int32_t distance = (width + 1) / 2; distance > 0; distance /= 2) {
        int32_t site = beside(loop, k, direction * distance);
        if (!(loop->tried >> site & 1))
            return site;
    }
    return -1;
}

/* All ramps pay and the budget is full: the move with most to hope for. False: there is nothing to hope for. */
static bool choose_move(struct ofr_ramp_loop *loop, const struct ofr_ramp_adjust *adjust,
                        struct ofr_ramp_set *next)
{
    double saving[OFFRAMP_MAX_SITES], share[OFFRAMP_MAX_SITES];
    double most_wrong = loop->setup.accuracy_loss * loop->recent.count;
    ofr_guard_savings(saving, &loop->set, &loop->costs);
    ofr_ladder_build(loop->ladder, &loop->recent, &loop->set, saving, most_wrong);
    exit_shares(loop, ofr_ladder_step(loop->ladder, ofr_ladder_within(loop->ladder, most_wrong)), share);
    double best = trial_floor;
    bool found = false;
    for (uint32_t k = 0; k < loop->set.ramps; ++k)
        for (int32_t direction = -1; direction <= 1; direction += 2) {
            int32_t site = middle_beside(loop, k, direction);
            double hoped = site < 0 ? -1.0 : hope(loop, share, saving, k, (uint32_t)site);
            struct ofr_ramp_set moved = loop->set;
            moved.site[k] = (uint16_t)site;
            if (hoped <= best ||
                !ofr_ramp_set_fits(&moved, adjust->latency, adjust->max_batch, adjust->budget))
                continue;
            best = hoped;
            *next = moved;
            found = true;
        }
    return found;
}

/* Adds a ramp where the budget allows, else moves one. */
static bool choose_probe(struct ofr_ramp_loop *loop, const struct ofr_ramp_adjust *adjust,
                         const double *utility, struct ofr_ramp_set *next)
{
    bool add = ofr_ramp_probe(next, adjust, &loop->set, utility) && next->ramps > loop->set.ramps;
    for (uint32_t k = 0; add && k < next->ramps; ++k)
        if (loop->tried >> next->site[k] & 1)
            add = false;
    if (add || choose_move(loop, adjust, next))
        return true;
    loop->tried = 0;
    loop->waited = 0;
    loop->wait = LONGEST_WAIT;
    return false;
}

/* The set of the ramps that pay. */
static void paying(const struct ofr_ramp_loop *loop, const double *utility, struct ofr_ramp_set *out)
{
    out->ramps = 0;
    for (uint32_t k = 0; k < loop->set.ramps; ++k)
        if (utility[k] >= 0.0)
            out->site[out->ramps++] = loop->set.site[k];
}

/* ---- a look ---- */

static bool choose(struct ofr_ramp_loop *loop, const double *utility, bool negative,
                   struct ofr_ramp_set *next)
{
    struct ofr_ramp_adjust adjust = {
        .latency = &loop->setup.latency,
        .costs = &loop->costs,
        .max_batch = loop->setup.max_batch,
        .budget = loop->setup.budget,
        .most = loop->setup.most,
    };
    bool trial = loop->setup.rule == OFR_RAMP_RULE_TRIAL;
    if (!negative && trial)
        return choose_probe(loop, &adjust, utility, next);
    if (!negative)
        return ofr_ramp_probe(next, &adjust, &loop->set, utility);
    if (!ofr_ramp_replace(next, &adjust, &loop->set, utility, loop->exits))
        *next = loop->home;
    return true;
}

static enum ofr_ramp_move adjust_ramps(struct ofr_ramp_loop *loop)
{
    double utility[OFFRAMP_MAX_SITES];
    struct ofr_ramp_set pay, next;
    ofr_ramp_utilities(utility, &loop->set, &loop->costs, loop->exits);
    paying(loop, utility, &pay);
    bool negative = pay.ramps < loop->set.ramps;
    if (negative && !loop->tuned_first) {
        loop->tuned_first = true;
        return OFR_RAMPS_TUNE;
    }
    if (loop->setup.rule == OFR_RAMP_RULE_TRIAL) {
        loop->tuned_first = false; /* thresholds may pay again before the next trial is due */
        if (loop->waited < loop->wait || loop->recent.count < ENOUGH)
            return OFR_RAMPS_STAY;
        /* Thresholds that wait for credit make good ramps look bad. */
        negative = negative &&
                   promise(loop, &loop->recent, &pay).gain >= promise(loop, &loop->recent, &loop->set).gain;
        bool moves = choose(loop, utility, negative, &next) && start_trial(loop, &next);
        return moves ? OFR_RAMPS_MOVED : OFR_RAMPS_STAY;
    }
    loop->tuned_first = false;
    if (!choose(loop, utility, negative, &next) || ofr_ramp_set_same(&next, &loop->set))
        return OFR_RAMPS_STAY;
    use(loop, &next);
    return OFR_RAMPS_MOVED;
}

enum ofr_ramp_move ofr_ramp_loop_look(struct ofr_ramp_loop *loop)
{
    bool turn_over = loop->on_trial && loop->turn >= TURN;
    if (loop->rows < loop->setup.look_every && !turn_over)
        return OFR_RAMPS_STAY;
    enum ofr_ramp_move move = OFR_RAMPS_STAY;
    ofr_ramp_costs_mix(&loop->costs, &loop->setup.latency, loop->weight);
    if (!loop->on_trial)
        move = adjust_ramps(loop);
    else if (turn_over && go_on_with_trial(loop))
        move = OFR_RAMPS_MOVED;
    for (uint32_t b = 0; b < loop->setup.latency.batch_count; ++b)
        loop->weight[b] *= 0.5;
    memset(loop->exits, 0, sizeof loop->exits);
    loop->rows = 0;
    return move;
}
