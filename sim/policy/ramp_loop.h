/* Apparate's latency loop: which ramps are active, looked at every so many inputs by their utilities
 * (ramp_set.h has the rules themselves).
 *
 *   published  every look: ramps of negative utility get one tuning round, then go and are replaced; when all
 *              pay, an earlier site is probed, added or moved to
 *   trial      the same rules propose, but a changed set is a trial: it stays only when what its ramps would
 *              have saved on their inputs beats what the old ramps would have on theirs. When all pay and the
 *              budget is full, a ramp is moved to the middle of the sites beside it, then ever closer,
 *              towards whichever side could hold more.
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
    struct ofr_exit_memory recent; /* the last inputs under the present set; owned */
    struct ofr_ladder *ladder;     /* owned; judges `recent` */
    struct ofr_ramp_set before;    /* the set the trial replaced */
    struct ofr_ramp_set shared;    /* ramps of both sets */
    double before_gain;            /* what `before` would have saved over `shared`, share of the whole pass */
    bool on_trial;
    uint64_t tried;        /* sites a ramp was moved to in vain since the last success */
    uint32_t wait, waited; /* inputs between trials; since the last one */
    uint32_t judged;       /* records at which the trial is looked at next */
};

/* 0, or -1 when out of memory. The set starts as the first even placement, which may be empty. */
int ofr_ramp_loop_init(struct ofr_ramp_loop *loop, const struct ofr_ramp_loop_setup *setup);
void ofr_ramp_loop_release(struct ofr_ramp_loop *loop);

/* Takes one batch that ran under the present set. */
void ofr_ramp_loop_feed(struct ofr_ramp_loop *loop, const struct offramp_feedback *feedback);

/* Looks at the ramps when it is time to. After OFR_RAMPS_MOVED `set` and `costs` are new. */
enum ofr_ramp_move ofr_ramp_loop_look(struct ofr_ramp_loop *loop);

#endif
