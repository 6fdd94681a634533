/* Triton's dynamic batcher, by hand. Unless said otherwise: profile sizes 1 2 4 8 (so max_batch 8), every
 * pass takes 1000 us, one server, times in us. */
#include "tests/support/batcher_harness.h"

static const uint32_t sizes[] = {1, 2, 4, 8};

static void open_world(struct world *w, int64_t delay_us)
{
    world_init(w, "triton", 4, sizes, 1000, 0);
    world_time(w, "max_queue_delay", delay_us);
}

/* Delay 0: whatever is queued when an instance is free. 0 leaves alone, 3 wait for the pass to end; of the 9
 * at 1500 the first 8 fill a payload (full), the last is taken a pass later. */
Test(triton, without_delay_takes_what_is_queued)
{
    struct world w;
    open_world(&w, 0);
    world_arrive(&w, 0, 1, -1);
    world_arrive(&w, 100, 2, -1);
    world_arrive(&w, 300, 1, -1);
    world_arrive(&w, 1500, 9, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {0, 1, OFR_REASON_IDLE}, {1000, 3, OFR_REASON_IDLE}, {2000, 8, OFR_REASON_FULL},
                   {3000, 1, OFR_REASON_IDLE});
    world_release(&w);
}

/* A preferred size goes out at once although waiting 50 us more would have given 8. */
Test(triton, preferred_goes_at_once)
{
    struct world w;
    open_world(&w, 500);
    w.view.servers = 2;
    world_list(&w, "preferred_batch_size", 2, 4.0, 8.0);
    world_arrive(&w, 0, 3, -1);
    world_arrive(&w, 100, 1, -1);
    world_arrive(&w, 150, 4, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {100, 4, OFR_REASON_PREFERRED}, {150, 4, OFR_REASON_PREFERRED});
    world_release(&w);
}

/* The walk goes on behind a preferred size: of 5 with {2, 4} the point at 4 wins, the fifth waits its delay
 * on the idle second instance. Broken on purpose by keeping the first point: 2, 2, 1. */
Test(triton, the_largest_preferred_point_wins)
{
    struct world w;
    open_world(&w, 500);
    w.view.servers = 2;
    world_list(&w, "preferred_batch_size", 2, 2.0, 4.0);
    world_arrive(&w, 0, 5, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {0, 4, OFR_REASON_PREFERRED}, {500, 1, OFR_REASON_TIMEOUT});
    world_release(&w);
}

/* A payload scheduled while the instance is busy grows past preferred sizes: 6 come one by one, at 4 the
 * payload is at a preferred size, with delay 0 the fifth and sixth still join. But 6 at once on an idle
 * instance: 4 are sent and taken at once, 2 are left for the next pass. */
Test(triton, a_payload_grows_until_an_instance_takes_it)
{
    struct world w;
    open_world(&w, 0);
    world_list(&w, "preferred_batch_size", 2, 4.0, 8.0);
    world_busy(&w, 0, 1000, 1000);
    for (int64_t us = 100; us <= 600; us += 100)
        world_arrive(&w, us, 1, -1);
    world_arrive(&w, 5000, 6, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {1000, 6, OFR_REASON_IDLE}, {5000, 4, OFR_REASON_PREFERRED},
                   {6000, 2, OFR_REASON_IDLE});
    world_release(&w);
}

/* Delay 500, tight: who arrives at 500 sharp joins, at 501 not (and waits until 1001 on the other). */
Test(triton, delay_is_tight)
{
    struct world w;
    open_world(&w, 500);
    w.view.servers = 2;
    world_arrive(&w, 0, 1, -1);
    world_arrive(&w, 500, 1, -1);
    world_arrive(&w, 501, 1, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {500, 2, OFR_REASON_TIMEOUT}, {1001, 1, OFR_REASON_TIMEOUT});
    world_release(&w);
}

/* Late: the batch may exceed the largest preferred size. 3 wait from 0; 3 more at 500 sharp, when the first
 * are late: all 6 go. Broken on purpose by sending up to the remembered point even when late: 4. */
Test(triton, late_exceeds_the_largest_preferred_size)
{
    struct world w;
    open_world(&w, 500);
    world_list(&w, "preferred_batch_size", 1, 4.0);
    world_arrive(&w, 0, 3, -1);
    world_arrive(&w, 500, 3, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {500, 6, OFR_REASON_TIMEOUT});
    world_release(&w);
}

/* One us earlier nobody is late: 4 go at 499; the other 2 turn late at 999 and join a payload that the
 * instance takes at 1499. */
Test(triton, not_late_stops_at_the_preferred_size)
{
    struct world w;
    open_world(&w, 500);
    world_list(&w, "preferred_batch_size", 1, 4.0);
    world_arrive(&w, 0, 3, -1);
    world_arrive(&w, 499, 3, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {499, 4, OFR_REASON_PREFERRED}, {1499, 2, OFR_REASON_TIMEOUT});
    world_release(&w);
}

/* Late is still bounded by max_batch. 14 at 0, {4}, busy until 1000: a payload of 4 is sent, the next request
 * would exceed 4, so it is marked full and taken as 4. Of the other 10, late by then, 8 go into the next
 * payload, 2 into the last. */
Test(triton, late_is_bounded_by_max_batch)
{
    struct world w;
    open_world(&w, 500);
    world_list(&w, "preferred_batch_size", 1, 4.0);
    world_busy(&w, 0, 1000, 1000);
    world_arrive(&w, 0, 14, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {1000, 4, OFR_REASON_PREFERRED}, {2000, 8, OFR_REASON_FULL},
                   {3000, 2, OFR_REASON_TIMEOUT});
    world_release(&w);
}

/* The full mark. 7 at 0, {4}, busy until 1000: payload 4, full. At 1000 it is taken; the other 3 are late
 * (1000 >= 500) and become the next payload. 2 more at 1500: one makes it 4, preferred; the other would
 * exceed 4: full. At 2000 those 4 go; the last has waited 500 and becomes a payload, taken at 3000. */
Test(triton, a_full_payload_takes_no_more)
{
    struct world w;
    open_world(&w, 500);
    world_list(&w, "preferred_batch_size", 1, 4.0);
    world_busy(&w, 0, 1000, 1000);
    world_arrive(&w, 0, 7, -1);
    world_arrive(&w, 1500, 2, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {1000, 4, OFR_REASON_PREFERRED}, {2000, 4, OFR_REASON_PREFERRED},
                   {3000, 1, OFR_REASON_TIMEOUT});
    cr_expect_eq(w.batch[2].first, 8);
    world_release(&w);
}

/* Step 7. {4}, delay 500, busy until 2000: the request of 0 is late at 500 and scheduled alone, not a
 * preferred size; those of 600 and 1900 top it up at once. Broken on purpose by leaving step 7 out: the one
 * of 600 would join at 1100, that of 1900 not at all, and 2 leave at 2000. */
Test(triton, tops_up_a_scheduled_payload)
{
    struct world w;
    open_world(&w, 500);
    world_list(&w, "preferred_batch_size", 1, 4.0);
    world_busy(&w, 0, 2000, 2000);
    world_arrive(&w, 0, 1, -1);
    world_arrive(&w, 600, 1, -1);
    world_arrive(&w, 1900, 1, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {2000, 3, OFR_REASON_TIMEOUT});
    world_release(&w);
}

/* But a payload at a preferred size is not topped up: {2, 8}, 2 at 0, one at 900 waits for itself. It turns
 * late at 1400, during the pass of the 2, and leaves at 2000. */
Test(triton, does_not_top_up_a_preferred_size)
{
    struct world w;
    open_world(&w, 500);
    world_list(&w, "preferred_batch_size", 2, 2.0, 8.0);
    world_busy(&w, 0, 1000, 1000);
    world_arrive(&w, 0, 2, -1);
    world_arrive(&w, 900, 1, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {1000, 2, OFR_REASON_PREFERRED}, {2000, 1, OFR_REASON_TIMEOUT});
    world_release(&w);
}

/* Unless it turns late before an instance is free: then it joins, and 3 leave at 2000. */
Test(triton, late_joins_a_preferred_size)
{
    struct world w;
    open_world(&w, 500);
    world_list(&w, "preferred_batch_size", 2, 2.0, 8.0);
    world_busy(&w, 0, 2000, 2000);
    world_arrive(&w, 0, 2, -1);
    world_arrive(&w, 900, 1, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {2000, 3, OFR_REASON_TIMEOUT});
    world_release(&w);
}

/* Instances compete for payloads: 3 at once, {2}, delay 0: the first takes 2, the second the one left. */
Test(triton, instances_compete_for_payloads)
{
    struct world w;
    open_world(&w, 0);
    w.view.servers = 2;
    world_list(&w, "preferred_batch_size", 1, 2.0);
    world_arrive(&w, 0, 3, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {0, 2, OFR_REASON_PREFERRED}, {0, 1, OFR_REASON_IDLE});
    cr_expect_eq(w.batch[0].server, 0);
    cr_expect_eq(w.batch[1].server, 1);
    world_release(&w);
}

/* Queue policy REJECT. max_batch 2, busy until 1000: 0 and 1 are in the payload and safe, 2 3 4 expire in the
 * queue at 300. */
Test(triton, expires_what_waits_in_the_queue)
{
    struct world w;
    open_world(&w, 0);
    world_count(&w, "max_batch", 2);
    world_time(&w, "default_timeout", 300);
    world_busy(&w, 0, 1000, 1000);
    world_arrive(&w, 0, 5, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {1000, 2, OFR_REASON_FULL});
    cr_assert_eq(w.losses, 3);
    for (uint32_t i = 0; i < 3; ++i)
        EXPECT_LOSS(&w, (int)i, 300, i + 2, OFR_OUTCOME_EXPIRED);
    world_release(&w);
}

/* The policy comes first: with timeout = delay = 400 the request expires; with 401 it is sent at 400. */
Test(triton, expiry_comes_before_the_delay)
{
    struct world w;
    open_world(&w, 400);
    world_time(&w, "default_timeout", 400);
    world_arrive(&w, 0, 1, -1);
    world_run(&w);
    cr_expect_eq(w.batches, 0);
    EXPECT_LOSS(&w, 0, 400, 0, OFR_OUTCOME_EXPIRED);
    world_release(&w);
    open_world(&w, 400);
    world_time(&w, "default_timeout", 401);
    world_arrive(&w, 0, 1, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {400, 1, OFR_REASON_TIMEOUT});
    cr_expect_eq(w.losses, 0);
    world_release(&w);
}

/* Queue policy DELAY. max_batch 2, timeout 300, busy until 1000: 0 1 in the payload, 2 3 go behind at 300.
 * 4 comes at 800 and is before them: at 1000 the next payload is 4 2, at 2000 the last is 3. */
Test(triton, delay_moves_behind_the_live_ones)
{
    struct world w;
    open_world(&w, 0);
    world_count(&w, "max_batch", 2);
    world_time(&w, "default_timeout", 300);
    world_choice(&w, "timeout_action", 1);
    world_busy(&w, 0, 1000, 1000);
    world_arrive(&w, 0, 4, -1);
    world_arrive(&w, 800, 1, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {1000, 2, OFR_REASON_FULL}, {2000, 2, OFR_REASON_FULL}, {3000, 1, OFR_REASON_IDLE});
    cr_expect_eq(w.batch[1].slot[0], 4);
    cr_expect_eq(w.batch[1].slot[1], 2);
    cr_expect_eq(w.batch[2].slot[0], 3);
    cr_expect_eq(w.losses, 0);
    world_release(&w);
}

/* max_queue_size 2 counts the queue, not the payload: of 5 at 0 the queue takes 2; these are in the payload
 * when 3 come at 100, of which 2 fit again. */
Test(triton, rejects_when_the_queue_is_full)
{
    struct world w;
    open_world(&w, 0);
    world_count(&w, "max_batch", 2);
    world_count(&w, "max_queue_size", 2);
    world_busy(&w, 0, 1000, 1000);
    world_arrive(&w, 0, 5, -1);
    world_arrive(&w, 100, 3, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {1000, 2, OFR_REASON_FULL}, {2000, 2, OFR_REASON_FULL});
    cr_assert_eq(w.losses, 4);
    EXPECT_LOSS(&w, 0, 0, 2, OFR_OUTCOME_REJECTED);
    EXPECT_LOSS(&w, 3, 100, 7, OFR_OUTCOME_REJECTED);
    world_release(&w);
}

/* Two levels, the second the default. max_batch 2, busy until 1000: 0 1 in the payload, 2 3 in the queue; 4 of
 * level 1 comes at 500 and goes before them. */
Test(triton, the_highest_level_goes_first)
{
    struct world w;
    open_world(&w, 0);
    world_count(&w, "max_batch", 2);
    world_count(&w, "priority_levels", 2);
    world_count(&w, "default_priority_level", 2);
    world_stream(&w, 0, -1);
    world_stream(&w, 1, -1);
    world_busy(&w, 0, 1000, 1000);
    world_arrive(&w, 0, 4, -1);
    world_arrive_on(&w, 500, 1);
    world_run(&w);
    EXPECT_BATCHES(&w, {1000, 2, OFR_REASON_FULL}, {2000, 2, OFR_REASON_FULL}, {3000, 1, OFR_REASON_IDLE});
    cr_expect_eq(w.batch[1].slot[0], 4);
    cr_expect_eq(w.batch[1].slot[1], 2);
    cr_expect_eq(w.batch[2].slot[0], 3);
    world_release(&w);
}

/* Each level has its policy: level 1 (limit 1) rejects at 300, level 2 (no limit) delays at 400, and what it has
 * delayed still goes before level 3. Busy until 1000 with 0 in the payload of max_batch 1. */
Test(triton, levels_have_their_own_policies)
{
    struct world w;
    open_world(&w, 0);
    world_count(&w, "max_batch", 1);
    world_count(&w, "priority_levels", 3);
    world_count(&w, "default_priority_level", 3);
    world_texts(&w, "priority_timeout_action", 3, "reject", "delay", "reject");
    world_texts(&w, "priority_default_timeout", 3, "300us", "400us", "0us");
    world_list(&w, "priority_max_queue_size", 3, 1.0, 0.0, 0.0);
    for (uint32_t priority = 1; priority <= 3; ++priority)
        world_stream(&w, priority, -1);
    world_busy(&w, 0, 1000, 1000);
    world_arrive_on(&w, 0, 2);   /* 0: in the payload */
    world_arrive_on(&w, 0, 2);   /* 1 */
    world_arrive_on(&w, 1, 1);   /* 2: delayed at 401 */
    world_arrive_on(&w, 1, 0);   /* 3: expires at 301 */
    world_arrive_on(&w, 2, 0);   /* 4: its level is full */
    world_arrive_on(&w, 900, 1); /* 5: live, before 2 */
    world_run(&w);
    cr_assert_eq(w.losses, 2);
    EXPECT_LOSS(&w, 0, 2, 4, OFR_OUTCOME_REJECTED);
    EXPECT_LOSS(&w, 1, 301, 3, OFR_OUTCOME_EXPIRED);
    cr_assert_eq(w.batches, 4);
    static const uint32_t order[] = {0, 5, 2, 1};
    for (uint32_t i = 0; i < 4; ++i)
        cr_expect_eq(w.batch[i].first, order[i], "batch %u is of request %u", i, w.batch[i].first);
    world_release(&w);
}

/* A request may only shorten: with a default of 500 the wish for 200 is heeded, that for 900 is not; and where
 * there is no default, any wish is shorter. */
Test(triton, a_timeout_of_its_own_only_shortens)
{
    static const int64_t fallback_us[] = {500, 0}, last_us[] = {500, 900};
    for (uint32_t i = 0; i < 2; ++i) {
        struct world w;
        open_world(&w, 0);
        world_count(&w, "max_batch", 1);
        world_time(&w, "default_timeout", fallback_us[i]);
        *(uint8_t *)world_member(&w, "allow_timeout_override") = 1;
        world_stream(&w, 0, 900);
        world_stream(&w, 0, 200);
        world_busy(&w, 0, 1000, 1000);
        world_arrive_on(&w, 0, 0); /* 0: in the payload */
        world_arrive_on(&w, 0, 0); /* 1 */
        world_arrive_on(&w, 0, 1); /* 2 */
        world_run(&w);
        cr_assert_eq(w.losses, 2);
        EXPECT_LOSS(&w, 0, 200, 2, OFR_OUTCOME_EXPIRED);
        EXPECT_LOSS(&w, 1, last_us[i], 1, OFR_OUTCOME_EXPIRED);
        world_release(&w);
    }
}

/* The oldest pending request counts, in whatever level: 0 of level 2 turns late at 500 and takes 1 of level 1,
 * which goes first, along. */
Test(triton, the_oldest_of_all_levels_turns_late)
{
    struct world w;
    open_world(&w, 500);
    world_count(&w, "priority_levels", 2);
    world_count(&w, "default_priority_level", 2);
    world_stream(&w, 0, -1);
    world_stream(&w, 1, -1);
    world_arrive_on(&w, 0, 0);
    world_arrive_on(&w, 400, 1);
    world_run(&w);
    EXPECT_BATCHES(&w, {500, 2, OFR_REASON_TIMEOUT});
    cr_expect_eq(w.batch[0].slot[0], 1);
    world_release(&w);
}

/* Where timeouts differ the first to expire need not be the oldest: 1 goes behind at 550, 0 at 600, and at 1000
 * it is 0 that turns late. Looking at the first delayed one alone gives 1450. */
Test(triton, the_oldest_may_have_expired_last)
{
    struct world w;
    open_world(&w, 1000);
    world_time(&w, "default_timeout", 600);
    world_choice(&w, "timeout_action", 1);
    *(uint8_t *)world_member(&w, "allow_timeout_override") = 1;
    world_stream(&w, 0, -1);
    world_stream(&w, 0, 100);
    world_arrive_on(&w, 0, 0);
    world_arrive_on(&w, 450, 1);
    world_run(&w);
    EXPECT_BATCHES(&w, {1000, 2, OFR_REASON_TIMEOUT});
    cr_expect_eq(w.batch[0].slot[0], 1);
    world_release(&w);
}

/* hold_until 3 holds two requests back beside an idle instance, once; later ones go as usual. */
Test(triton, holds_until_enough_are_queued)
{
    struct world w;
    open_world(&w, 0);
    world_count(&w, "hold_until", 3);
    world_arrive(&w, 0, 1, -1);
    world_arrive(&w, 100, 1, -1);
    world_arrive(&w, 200, 1, -1);
    world_arrive(&w, 5000, 1, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {200, 3, OFR_REASON_IDLE}, {5000, 1, OFR_REASON_IDLE});
    world_release(&w);
}

/* Nobody is held for ever: with no more to come the 2 leave, without waiting for the delay. */
Test(triton, flushes_what_is_held_at_the_end)
{
    struct world w;
    open_world(&w, 100000);
    world_count(&w, "hold_until", 5);
    world_arrive(&w, 0, 1, -1);
    world_arrive(&w, 100, 1, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {100, 2, OFR_REASON_FLUSH});
    world_release(&w);
}

/* A run that is cut short gets every request back once: from the payload, the queue, and behind it. */
Test(triton, gives_back_whatever_waits)
{
    struct world w;
    struct ofr_error err = OFR_ERROR_INIT;
    open_world(&w, 0);
    world_count(&w, "max_batch", 2);
    world_time(&w, "default_timeout", 300);
    world_choice(&w, "timeout_action", 1);
    world_busy(&w, 0, 1000, 1000);
    world_arrive(&w, 0, 4, -1);
    world_arrive(&w, 300, 2, -1);
    cr_assert_eq(world_create(&w, &err), 0);
    uint32_t slot[2];
    struct ofr_plan plan = {.slot = slot};
    w.view.idle_server = -1;
    for (w.view.now_ns = 0; w.view.now_ns <= 300 * WORLD_US; w.view.now_ns += 300 * WORLD_US) {
        world_take_arrivals(&w);
        cr_assert_not(w.ops->next(w.state, &w.view, &plan));
    }
    cr_assert_eq(w.ops->waiting(w.state), 6);
    uint32_t seen = 0;
    for (uint32_t i = 0; i < 6; ++i)
        seen |= 1U << w.ops->evict(w.state);
    cr_expect_eq(seen, 0x3f);
    cr_expect_eq(w.ops->waiting(w.state), 0);
    world_release(&w);
}

static void expect_refused(struct world *w, const char *says)
{
    struct ofr_error err = OFR_ERROR_INIT;
    cr_expect_eq(world_create(w, &err), OFR_E_INPUT);
    cr_expect_not_null(strstr(err.text, says), "'%s' does not say '%s'", err.text, says);
    cr_expect_null(w->state);
    world_release(w);
}

Test(triton, refuses_levels_that_do_not_fit)
{
    struct world w;
    open_world(&w, 0);
    world_count(&w, "priority_levels", 2);
    expect_refused(&w, "default_priority_level: found 0, expected 1 to priority_levels, which is 2");
    open_world(&w, 0);
    world_count(&w, "default_priority_level", 1);
    expect_refused(&w, "default_priority_level: found 1, expected 0 to priority_levels, which is 0");
    open_world(&w, 0);
    world_stream(&w, 1, -1);
    expect_refused(&w, "found priority 1, expected at most triton's priority_levels, which is 0");
    open_world(&w, 0);
    world_stream(&w, 0, 100);
    expect_refused(&w, "allow_timeout_override");
    open_world(&w, 0);
    world_texts(&w, "priority_default_timeout", 1, "1ms");
    expect_refused(&w, "priority_default_timeout: found 1 entries");
    for (uint32_t i = 0; i < 4; ++i) {
        static const char *const says[] = {"found 'later', expected reject or delay",
                                           "found '5', expected its unit", "found 'none', expected 0s",
                                           "found 1.5, expected whole numbers"};
        open_world(&w, 0);
        world_count(&w, "priority_levels", 1);
        world_count(&w, "default_priority_level", 1);
        if (i == 0)
            world_texts(&w, "priority_timeout_action", 1, "later");
        if (i == 1 || i == 2)
            world_texts(&w, "priority_default_timeout", 1, i == 1 ? "5" : "none");
        if (i == 3)
            world_list(&w, "priority_max_queue_size", 1, 1.5);
        expect_refused(&w, says[i]);
    }
}

Test(triton, refuses_what_it_cannot_serve)
{
    struct world w;
    open_world(&w, 0);
    world_count(&w, "max_batch", 9);
    expect_refused(&w, "largest batch size of the profile");
    open_world(&w, 0);
    world_count(&w, "max_batch", 4);
    world_list(&w, "preferred_batch_size", 2, 4.0, 5.0);
    expect_refused(&w, "found 5, expected whole numbers from 1 to 4");
    open_world(&w, 0);
    world_list(&w, "preferred_batch_size", 1, 2.5);
    expect_refused(&w, "found 2.5");
    open_world(&w, 0);
    world_count(&w, "max_queue_size", 4);
    world_count(&w, "hold_until", 5);
    expect_refused(&w, "hold_until");
}
