/* Apparate's latency loop: which ramps are active, looked at every so many inputs by their utilities
 * (ramp_set.h has the rules themselves).
 *
 *   published  every look: ramps of negative utility get one tuning round, then go and are replaced; when all
 *              pay, an earlier site is probed, added or moved to
 *   trial      the same rules propose, but a changed set is a trial: it takes turns with the old one, 128 inputs
 *              each, so that both see the same times, and stays only when what its ramps would have saved on
 *              their inputs beats what the old ramps would have on theirs (ramp_promise.h). A trial ends as soon
 *              as the difference is beyond doubt, at the latest when each set has had 2,048 inputs. When all
 *              pay and the budget is full, a ramp is moved to the middle of the sites beside it, then ever
 *              closer, towards whichever side could hold more.
 *
 * Both keep the budget at all times, and neither ends with no ramp: when none pays and no replacement has a
 * positive bound, the first even placement comes back. It costs no more than the budget and is what notices
 * that inputs have turned easy.
 */
#ifndef OFR_POLICY_RAMP_LOOP_H
#define OFR_POLICY_RAMP_LOOP_H

#include "sim/policy/ladder.h"
#include "sim/policy/ramp_set.h"

enum ofr_ramp_rule {
    OFR_RAMP_RULE_TRIAL,
    OFR_RAMP_RULE_PUBLISHED,
};

enum ofr_ramp_move {
    OFR_RAMPS_STAY,
    OFR_RAMPS_TUNE, /* they stay, but a tuning round is wanted first */
    OFR_RAMPS_MOVED
};

enum {
    OFR_RAMP_MOST_SIZES = 256 /* profiled batch sizes */
};

struct ofr_ramp_loop_setup {
    struct offramp_latency_view latency; /* borrowed arrays */
    uint32_t max_batch;
    double budget;        /* share of the whole pass the ramps may add */
    double accuracy_loss; /* what a set is judged at */
    uint32_t most;        /* ramps */
    uint32_t look_every;  /* inputs */
    enum ofr_ramp_rule rule;
};

struct ofr_ramp_loop {
    struct ofr_ramp_loop_setup setup;
    struct ofr_ramp_costs costs;           /* at the batch sizes that occur; as of the last look */
    struct ofr_ramp_set set;               /* active */
    struct ofr_ramp_set home;              /* the first even placement */
    double weight[OFR_RAMP_MOST_SIZES];    /* inputs per profiled batch size, fading */
    uint32_t exits[OFFRAMP_MAX_SITES + 1]; /* since the last look */
    uint32_t rows;                         /* since the last look */
    bool tuned_first;                      /* the tuning round before a removal has been asked for */

    /* trial */
    struct ofr_exit_memory recent;       /* the last inputs under the present set; owned */
    struct ofr_exit_memory other_recent; /* during a trial: those under its other set; owned */
    struct ofr_ladder *ladder;           /* owned; judges them */
    struct ofr_ramp_set other;           /* during a trial: the one of its two sets that is not active */
    struct ofr_ramp_set shared;          /* ramps of both sets */
    bool on_trial;
    bool challenging;      /* during a trial: the active set is the new one */
    uint32_t turn;         /* during a trial: inputs since the active set became so */
    uint64_t tried;        /* sites a ramp was moved to in vain since the last success */
    uint32_t wait, waited; /* inputs between trials; since the last one */
    uint32_t judged;       /* inputs under each set at which the trial is looked at next */
};

/* 0, or -1 when out of memory. The set starts as the first even placement, which may be empty. */
int ofr_ramp_loop_init(struct ofr_ramp_loop *loop, const struct ofr_ramp_loop_setup *setup);
void ofr_ramp_loop_release(struct ofr_ramp_loop *loop);

/* Takes one batch that ran under the present set. */
void ofr_ramp_loop_feed(struct ofr_ramp_loop *loop, const struct offramp_feedback *feedback);

/* Looks at the ramps when it is time to. After OFR_RAMPS_MOVED `set` and `costs` are new. */
enum ofr_ramp_move ofr_ramp_loop_look(struct ofr_ramp_loop *loop);

#endif
