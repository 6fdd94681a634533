/* The latency loop's trials: what a set promises, that both sets of a trial see the same times, and that what guards
 * know of a set comes back with it. */
#include "tests/support/fixture.h"

#include "sim/policy/guard_window.h"
#include "sim/policy/ramp_loop.h"
#include "sim/policy/ramp_promise.h"

enum {
    SITES = 8,
    ROWS = 16
};

static const uint32_t sizes[] = {1, ROWS};

struct world {
    struct ofr_profile *profile;
    struct offramp_latency_view view;
};

/* Site k is reached after (k + 1) of 9 parts of the pass; a ramp is half a per cent of it. */
static void world_init(struct world *world)
{
    world->profile = fixture_profile(SITES, sizes, 2, 90000, 0, 450);
    world->view = (struct offramp_latency_view){SITES,
                                                2,
                                                world->profile->batch,
                                                world->profile->until_ns,
                                                world->profile->ramp_add_ns,
                                                world->profile->ramp_delay_ns};
}

static void world_release(struct world *world)
{
    struct ofr_inputs inputs = {.profile = world->profile};
    ofr_inputs_release(&inputs);
}

/* ---- what a set promises ---- */

/* 60 of 100 inputs are surely right, 40 unsure and 4 of them wrong; 2 wrong ones are allowed: all of the sure and half of
 * the unsure leave. One wrong exit more is worth a quarter of the unsure. */
Test(ramp_promise, lies_between_two_steps_of_the_ladder)
{
    struct world world;
    struct ofr_exit_memory memory;
    struct ofr_ramp_costs costs;
    struct ofr_ramp_set set = {.ramps = 1, .site = {3}};
    struct ofr_ladder *ladder = ofr_ladder_create(128);
    double weight[2] = {1.0};
    world_init(&world);
    ofr_ramp_costs_mix(&costs, &world.view, weight);
    cr_assert_eq(ofr_exit_memory_init(&memory, 128, 1, SITES), 0);
    cr_expect_eq(ofr_ramp_promise_of(ladder, &memory, &set, &costs, 0.02).gain, 0.0, "nothing is known");
    for (uint32_t i = 0; i < 100; ++i) {
        float score = i < 60 ? 0.01F : 0.5F;
        uint16_t answer = i >= 96;
        ofr_exit_memory_add(&memory, &set, &score, &answer, 0);
    }
    struct ofr_ramp_promise promise = ofr_ramp_promise_of(ladder, &memory, &set, &costs, 0.02);
    double saving =
        5.0 / 9.0 + 0.005 - 0.005; /* the rest of the pass and its ramp, less the ramp's own delay */
    double price = 40.0 * saving / 4.0;
    cr_expect_float_eq(promise.gain, 0.8 * saving - 0.005, 1e-9, "%.6f", promise.gain);
    cr_expect_float_eq(promise.variance, price * price * 3.0 / 1e4, 1e-9, "%.6g", promise.variance);
    ofr_exit_memory_release(&memory);
    ofr_ladder_free(ladder);
    world_release(&world);
}

/* ---- trials ---- */

/* One batch under the loop's set, at a time when `easy` of 16 inputs are sure, and right, at sites up to `last`, and the
 * others unsure and wrong everywhere. */
static enum ofr_ramp_move run_batch_at(struct ofr_ramp_loop *loop, uint32_t easy, uint16_t last,
                                       double threshold)
{
    float score[ROWS];
    uint16_t answer[ROWS], final_answer[ROWS] = {0}, exit_ramp[ROWS];
    struct offramp_exit_config config = {.ramps = 1, .site = {loop->set.site[0]}, .threshold = {threshold}};
    for (uint32_t i = 0; i < ROWS; ++i) {
        bool sure = i < easy && loop->set.site[0] <= last;
        score[i] = sure ? 0.01F : 0.9F;
        answer[i] = !sure;
        exit_ramp[i] = !sure || threshold == 0.0;
    }
    struct offramp_feedback feedback = {.size = sizeof feedback,
                                        .rows = ROWS,
                                        .padded_rows = ROWS,
                                        .config = &config,
                                        .score = score,
                                        .answer = answer,
                                        .final_answer = final_answer,
                                        .exit_ramp = exit_ramp};
    ofr_ramp_loop_feed(loop, &feedback);
    return ofr_ramp_loop_look(loop);
}

static enum ofr_ramp_move run_batch(struct ofr_ramp_loop *loop, uint32_t easy, uint16_t last)
{
    return run_batch_at(loop, easy, last, 0.1);
}

static void loop_init(struct ofr_ramp_loop *loop, const struct world *world)
{
    struct ofr_ramp_loop_setup setup = {.latency = world->view,
                                        .max_batch = ROWS,
                                        .budget = 0.006, /* one ramp */
                                        .accuracy_loss = 0.01,
                                        .most = 64,
                                        .look_every = 128,
                                        .rule = OFR_RAMP_RULE_TRIAL};
    cr_assert_eq(ofr_ramp_loop_init(loop, &setup), 0);
    cr_assert_eq(loop->set.ramps, 1);
}

/* Runs until a trial begins; returns the site it moves the ramp to. */
static uint16_t until_trial(struct ofr_ramp_loop *loop, uint32_t easy)
{
    uint32_t batches = 1;
    while (run_batch(loop, easy, SITES) != OFR_RAMPS_MOVED && batches < 1000)
        ++batches;
    cr_assert(loop->on_trial, "no trial in 16,000 inputs");
    return loop->set.site[0];
}

/* Every input that leaves at the first ramp leaves earlier, too: earlier is better. Inputs turn hard when the trial begins.
 * Fails when the new set's inputs are compared with those from before the trial. */
Test(ramp_trial, inputs_that_turn_hard_do_not_decide_it)
{
    struct world world;
    struct ofr_ramp_loop loop;
    world_init(&world);
    loop_init(&loop, &world);
    uint16_t home = loop.set.site[0], tried = until_trial(&loop, 14);
    cr_assert_lt(tried, home);
    for (uint32_t batch = 0; batch < 300 && loop.on_trial; ++batch)
        run_batch(&loop, 5, SITES);
    cr_assert_not(loop.on_trial);
    cr_expect_eq(loop.set.site[0], tried, "the ramp is at %u", loop.set.site[0]);
    ofr_ramp_loop_release(&loop);
    world_release(&world);
}

/* Nobody is sure at later sites. Inputs turn easy when the trial begins: the old ramp stays all the same. */
Test(ramp_trial, inputs_that_turn_easy_do_not_decide_it)
{
    struct world world;
    struct ofr_ramp_loop loop;
    world_init(&world);
    loop_init(&loop, &world);
    uint16_t home = loop.set.site[0];
    uint16_t tried = until_trial(&loop, 1); /* hardly anyone leaves: more could later */
    cr_assert_gt(tried, home);
    for (uint32_t batch = 0; batch < 300 && loop.on_trial; ++batch)
        run_batch(&loop, 14, home);
    cr_assert_not(loop.on_trial);
    cr_expect_eq(loop.set.site[0], home, "the ramp is at %u", loop.set.site[0]);
    ofr_ramp_loop_release(&loop);
    world_release(&world);
}

/* The sets of a trial take turns of 128 inputs, and a trial without a difference ends with the old set. */
Test(ramp_trial, sets_take_turns)
{
    struct world world;
    struct ofr_ramp_loop loop;
    uint32_t moves = 0;
    world_init(&world);
    loop_init(&loop, &world);
    uint16_t home = loop.set.site[0], tried = until_trial(&loop, 1);
    uint16_t site = tried;
    for (uint32_t batch = 1; loop.on_trial; ++batch) {
        cr_assert_eq(loop.set.site[0], site);
        if (run_batch(&loop, 0, SITES) != OFR_RAMPS_MOVED)
            continue;
        cr_expect_eq(batch % (128 / ROWS), 0, "moved after %u inputs", batch * ROWS);
        site = site == home ? tried : home;
        ++moves;
    }
    cr_expect_eq(loop.set.site[0], home);
    cr_expect_eq(moves % 2, 1, "%u turns", moves);
    cr_expect_geq(moves, 7, "decided after %u turns of 128", moves);
    ofr_ramp_loop_release(&loop);
    world_release(&world);
}

/* What ramps say is known while a guard keeps exits closed, too. Fails when only inputs with open exits count for a turn. */
Test(ramp_trial, ends_with_closed_exits)
{
    struct world world;
    struct ofr_ramp_loop loop;
    world_init(&world);
    loop_init(&loop, &world);
    until_trial(&loop, 14);
    for (uint32_t batch = 0; batch < 2 * 2048 / ROWS && loop.on_trial; ++batch)
        run_batch_at(&loop, 14, SITES, 0.0);
    cr_expect_not(loop.on_trial, "on trial after 2,048 inputs under each set");
    ofr_ramp_loop_release(&loop);
    world_release(&world);
}

/* ---- what a window guard knows of a set ---- */

static void add_rows(struct ofr_guard_window *window, uint32_t rows)
{
    float score = 0.5F;
    uint16_t answer = 0, final_answer = 0;
    struct offramp_exit_config config = {.ramps = 1, .site = {window->now.set.site[0]}};
    struct offramp_feedback feedback = {
        .rows = 1, .config = &config, .score = &score, .answer = &answer, .final_answer = &final_answer};
    for (uint32_t i = 0; i < rows; ++i)
        ofr_guard_window_add(window, &feedback, 0);
}

Test(guard_window, the_set_before_comes_back_with_its_records)
{
    struct world world;
    struct ofr_guard_window window;
    struct ofr_ramp_costs costs;
    double weight[2] = {1.0};
    static const struct ofr_ramp_set a = {.ramps = 1, .site = {2}}, b = {.ramps = 1, .site = {5}},
                                     both = {.ramps = 2, .site = {2, 5}};
    world_init(&world);
    ofr_ramp_costs_mix(&costs, &world.view, weight);
    cr_assert_eq(ofr_guard_window_init(&window, 64, SITES, 1.0), 0);
    cr_expect_eq(ofr_guard_window_ramps(&window, &a, &costs), OFR_WINDOW_NEW);
    add_rows(&window, 10);
    cr_expect_eq(ofr_guard_window_ramps(&window, &a, &costs), OFR_WINDOW_SAME);
    cr_expect_eq(ofr_guard_window_ramps(&window, &b, &costs), OFR_WINDOW_NEW);
    cr_expect_eq(window.now.count, 0, "no ramp stays");
    add_rows(&window, 5);
    cr_expect_eq(ofr_guard_window_ramps(&window, &a, &costs), OFR_WINDOW_RESTORED);
    cr_expect_eq(window.now.count, 10);
    cr_expect_eq(ofr_guard_window_ramps(&window, &b, &costs), OFR_WINDOW_RESTORED);
    cr_expect_eq(window.now.count, 5);
    cr_expect_eq(ofr_guard_window_ramps(&window, &both, &costs), OFR_WINDOW_NEW);
    cr_expect_eq(window.now.count, 5, "records of a ramp that stays are kept");
    ofr_guard_window_release(&window);
    world_release(&world);
}
