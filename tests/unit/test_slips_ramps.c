/* As test_slips.c: the slips of the artifact's ramp adjustment, on sets and exit counts small enough to reckon by hand. */
#include "tests/support/fixture.h"

#include "sim/policy/ramp_loop.h"

/* ---- which ramps: by hand ---- */

enum {
    HAND_SITES = 12
};

/* Site k is reached after (k + 1) * 100 ns, the full model after 1300; every ramp adds 2 ns and answers after 2. */
struct hand {
    struct ofr_profile *profile;
    struct offramp_latency_view view;
    struct ofr_ramp_costs costs;
    struct ofr_ramp_adjust adjust;
};

static void hand_init(struct hand *hand, double budget)
{
    static const uint32_t one = 1;
    double weight = 1.0;
    hand->profile = fixture_profile(HAND_SITES, &one, 1, 1200, 100, 2);
    hand->view = (struct offramp_latency_view){HAND_SITES,
                                               1,
                                               hand->profile->batch,
                                               hand->profile->until_ns,
                                               hand->profile->ramp_add_ns,
                                               hand->profile->ramp_delay_ns};
    ofr_ramp_costs_mix(&hand->costs, &hand->view, &weight);
    hand->adjust = (struct ofr_ramp_adjust){
        .latency = &hand->view, .costs = &hand->costs, .max_batch = 1, .budget = budget, .most = 64};
}

static void hand_release(struct hand *hand)
{
    struct ofr_inputs inputs = {.profile = hand->profile};
    ofr_inputs_release(&inputs);
}

static void expect_set(const struct ofr_ramp_set *set, uint32_t ramps, const uint16_t *site, const char *what)
{
    cr_expect_eq(set->ramps, ramps, "%s: %u ramps, expected %u", what, set->ramps, ramps);
    for (uint32_t k = 0; k < ramps && k < set->ramps; ++k)
        cr_expect_eq(set->site[k], site[k], "%s: ramp %u at %u, expected %u", what, k, set->site[k], site[k]);
}

#define EXPECT_SET(set, what, ...)                                                                           \
    expect_set(set, sizeof((uint16_t[]){__VA_ARGS__}) / sizeof(uint16_t), (uint16_t[]){__VA_ARGS__}, what)

/* The artifact has no interval search. Of the sites after the earliest removed ramp the middle of each interval is a
 * candidate, bounded by what the removed ramps before it and the removed one that follows let out; the best positive
 * bound wins; when none is positive, later sites of the intervals; when none still, no replacement. */
Test(slips, there_is_no_interval_search)
{
    struct hand hand;
    struct ofr_ramp_set next;
    hand_init(&hand, 1.0);

    /* Site 2 goes. Of 4, 8 and 11, which can hope for its 5 of 100: 4 saves 5 * 200 for 95 * 2, 8 saves as much for
     * 75 * 2, 11 saves 5 * 98. */
    struct ofr_ramp_set set = {.ramps = 3, .site = {2, 6, 10}};
    cr_expect(ofr_ramp_replace(&next, &hand.adjust, &set, (double[]){-1, 1, 1}, (uint32_t[]){5, 20, 30, 45}));
    EXPECT_SET(&next, "one removed", 6, 8, 10);

    /* Both go. 4 can hope for the 3 before it and the 40 that follow, and saves 798 on each; 9 saves 298. Without
     * the one that follows it would be 9. */
    set = (struct ofr_ramp_set){.ramps = 2, .site = {2, 6}};
    cr_expect(ofr_ramp_replace(&next, &hand.adjust, &set, (double[]){-1, -1}, (uint32_t[]){3, 40, 57}));
    EXPECT_SET(&next, "the removed one that follows", 4);

    /* Nobody left at what goes: nothing to hope for. */
    set = (struct ofr_ramp_set){.ramps = 2, .site = {2, 6}};
    cr_expect(ofr_ramp_replace(&next, &hand.adjust, &set, (double[]){-1, 1}, (uint32_t[]){0, 60, 40}));
    EXPECT_SET(&next, "no positive bound", 6);

    /* The middles 4 and 9 cost more than they can save; 5, later in the first interval, does not. */
    hand.costs.add_ns[4] = 60;
    hand.costs.add_ns[9] = hand.costs.add_ns[10] = hand.costs.add_ns[11] = 500;
    cr_expect(ofr_ramp_replace(&next, &hand.adjust, &set, (double[]){-1, 1}, (uint32_t[]){10, 60, 30}));
    EXPECT_SET(&next, "a later site", 5, 6);
    hand_release(&hand);
}

/* All pay: a ramp is added before the best one, or, with the budget spent, the worst one moves. The artifact replaces
 * the best, and takes index 0 for none. Fails when `pick` in ramp_set.c takes the other end, or index 0 for none. */
Test(slips, the_most_useful_ramp_is_replaced)
{
    struct hand roomy, full;
    struct ofr_ramp_set next, set = {.ramps = 3, .site = {3, 6, 9}};
    hand_init(&roomy, 1.0);
    hand_init(&full, 6.0 / 1300); /* three ramps of 2 ns */
    static const double first_best[] = {9, 5, 1}, first_worst[] = {1, 5, 9};

    cr_expect(ofr_ramp_probe(&next, &roomy.adjust, &set, first_best));
    EXPECT_SET(&next, "room, the first is best", 2, 3, 6, 9);
    cr_expect(ofr_ramp_probe(&next, &roomy.adjust, &set, first_worst));
    EXPECT_SET(&next, "room, the last is best", 3, 6, 8, 9);
    cr_expect(ofr_ramp_probe(&next, &full.adjust, &set, first_best));
    EXPECT_SET(&next, "no room, the last is worst", 3, 6, 8);
    cr_expect(ofr_ramp_probe(&next, &full.adjust, &set, first_worst));
    EXPECT_SET(&next, "no room, the first is worst", 2, 6, 9);
    hand_release(&roomy);
    hand_release(&full);
}

/* ---- the loop's order ---- */

/* One look's worth of inputs under the loop's ramps; exits[k] of them leave at ramp k, the rest at the end. */
static enum ofr_ramp_move look(struct ofr_ramp_loop *loop, const uint32_t *exits)
{
    enum {
        ROWS = 128
    };
    static float score[ROWS * OFFRAMP_MAX_SITES];
    static uint16_t answer[ROWS * OFFRAMP_MAX_SITES], final_answer[ROWS];
    uint16_t exit_ramp[ROWS];
    struct offramp_exit_config config = {.ramps = loop->set.ramps};
    uint32_t row = 0;
    for (uint32_t k = 0; k < config.ramps; ++k) {
        config.site[k] = loop->set.site[k];
        config.threshold[k] = 0.5;
        for (uint32_t i = 0; i < exits[k]; ++i)
            exit_ramp[row++] = (uint16_t)k;
    }
    while (row < ROWS)
        exit_ramp[row++] = (uint16_t)config.ramps;
    struct offramp_feedback feedback = {.size = sizeof feedback,
                                        .rows = ROWS,
                                        .padded_rows = 1,
                                        .config = &config,
                                        .score = score,
                                        .answer = answer,
                                        .final_answer = final_answer,
                                        .exit_ramp = exit_ramp};
    ofr_ramp_loop_feed(loop, &feedback);
    return ofr_ramp_loop_look(loop);
}

static void loop_init(struct ofr_ramp_loop *loop, const struct hand *hand, double budget,
                      const struct ofr_ramp_set *set)
{
    struct ofr_ramp_loop_setup setup = {.latency = hand->view,
                                        .max_batch = 1,
                                        .budget = budget,
                                        .accuracy_loss = 0.01,
                                        .most = 64,
                                        .look_every = 128,
                                        .rule = OFR_RAMP_RULE_PUBLISHED};
    cr_assert_eq(ofr_ramp_loop_init(loop, &setup), 0);
    loop->set = *set;
}

/* A ramp that does not pay gets a tuning round before it goes, and stays when that was enough. Fails when
 * `adjust_ramps` does not ask for it, or asks again and again. */
Test(slips, ramps_go_without_a_tuning_round)
{
    struct hand hand;
    struct ofr_ramp_loop loop;
    struct ofr_ramp_set set = {.ramps = 2, .site = {2, 6}};
    hand_init(&hand, 1.0);

    loop_init(&loop, &hand, 1.0, &set);
    cr_expect_eq(look(&loop, (uint32_t[]){0, 60}), OFR_RAMPS_TUNE);
    EXPECT_SET(&loop.set, "before the tuning round", 2, 6);
    cr_expect_eq(look(&loop, (uint32_t[]){0, 60}), OFR_RAMPS_MOVED);
    cr_expect_neq(loop.set.site[0], 2, "the ramp that does not pay is still there");
    ofr_ramp_loop_release(&loop);

    loop_init(&loop, &hand, 1.0, &set);
    cr_expect_eq(look(&loop, (uint32_t[]){0, 60}), OFR_RAMPS_TUNE);
    look(&loop, (uint32_t[]){40, 20}); /* the tuning round has helped */
    bool there = false;
    for (uint32_t k = 0; k < loop.set.ramps; ++k)
        there |= loop.set.site[k] == 2;
    cr_expect(there, "a ramp went that pays since the tuning round");
    ofr_ramp_loop_release(&loop);

    struct ofr_ramp_set first = {.ramps = 1, .site = {0}}; /* nowhere to go while it pays */
    loop_init(&loop, &hand, 2.0 / 1300, &first);
    cr_expect_eq(look(&loop, (uint32_t[]){0}), OFR_RAMPS_TUNE);
    cr_expect_eq(look(&loop, (uint32_t[]){64}), OFR_RAMPS_STAY);
    cr_expect_eq(look(&loop, (uint32_t[]){0}), OFR_RAMPS_TUNE, "the next time is a new one");
    ofr_ramp_loop_release(&loop);
    hand_release(&hand);
}

/* The artifact locks up for good once the last feasible site is the only ramp left. Here it goes on: earlier when it
 * pays, back to the first placement when it does not. Fails when an empty set is kept, or when `pick` wants a ramp
 * beside the one. */
Test(slips, the_last_site_alone_locks_up)
{
    struct hand hand;
    struct ofr_ramp_loop loop;
    struct ofr_ramp_set last = {.ramps = 1, .site = {11}};
    double budget = 2.0 / 1300; /* one ramp */
    hand_init(&hand, budget);

    loop_init(&loop, &hand, budget, &last);
    for (uint16_t site = 11; site > 0; --site) {
        cr_expect_eq(loop.set.site[0], site);
        cr_expect_eq(look(&loop, (uint32_t[]){64}), OFR_RAMPS_MOVED, "stuck at site %u", loop.set.site[0]);
    }
    ofr_ramp_loop_release(&loop);

    loop_init(&loop, &hand, budget, &last);
    cr_expect_eq(look(&loop, (uint32_t[]){0}), OFR_RAMPS_TUNE);
    cr_expect_eq(look(&loop, (uint32_t[]){0}), OFR_RAMPS_MOVED);
    EXPECT_SET(&loop.set, "nothing pays", 6);
    ofr_ramp_loop_release(&loop);
    hand_release(&hand);
}
