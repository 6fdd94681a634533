/* Clockwork's scheduler, by hand. Unless said otherwise: profile sizes 1 2 4 8 16 taking 1100 1200 1400 1800
 * 2600 us, one server, no buffer, times in us. */
#include "tests/support/batcher_harness.h"

static const uint32_t sizes[] = {1, 2, 4, 8, 16};

static void open_world(struct world *w)
{
    world_init(w, "clockwork", 5, sizes, 1000, 100);
    world_time(w, "buffer", 0);
}

/* Exact sizes only: 3 are served as 2 and 1, planned at once because the work ends within schedule_ahead; 19
 * as 16, 2 and 1. */
Test(clockwork, plans_exact_sizes_ahead)
{
    struct world w;
    open_world(&w);
    world_arrive(&w, 0, 3, -1);
    world_arrive(&w, 20000, 19, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {0, 2, OFR_REASON_IDLE}, {0, 1, OFR_REASON_IDLE}, {20000, 16, OFR_REASON_FULL},
                   {20000, 2, OFR_REASON_IDLE}, {20000, 1, OFR_REASON_IDLE});
    cr_expect_eq(w.batch[1].start_us, 1200);
    cr_expect_eq(w.batch[4].start_us, 20000 + 2600 + 1200);
    world_release(&w);
}

/* 16 with SLO 1800: 16 would take 2600, 8 take 1800, just in time. The other 8 cannot be met behind them
 * (1800 + 1100) and are dropped at once. With 1799 only 4 fit. */
static void check_limit(int64_t slo_us, int64_t buffer_us, uint32_t size)
{
    struct world w;
    open_world(&w);
    world_time(&w, "buffer", buffer_us);
    world_arrive(&w, 0, 16, slo_us);
    world_run(&w);
    EXPECT_BATCHES(&w, {0, size, OFR_REASON_DEADLINE});
    cr_assert_eq(w.losses, 16 - size);
    EXPECT_LOSS(&w, 0, 0, size, OFR_OUTCOME_DROPPED);
    world_release(&w);
}

Test(clockwork, deadlines_limit_the_size)
{
    check_limit(1800, 0, 8);
    check_limit(1799, 0, 4);
    check_limit(6800, 5000, 8);
    check_limit(6799, 5000, 4);
}

/* On arrival: alone on an idle server it takes 1100. SLO 1100 is served, 1099 is dropped at once; so is SLO
 * 3099 when the server is expected to be busy until 2000, and 3100 is served then. */
static void check_arrival(int64_t busy_us, int64_t slo_us, bool served)
{
    struct world w;
    open_world(&w);
    if (busy_us > 0)
        world_busy(&w, 0, busy_us, busy_us);
    world_arrive(&w, 0, 1, slo_us);
    world_run(&w);
    cr_expect_eq(w.batches, served ? 1 : 0, "busy %lld, SLO %lld", (long long)busy_us, (long long)slo_us);
    if (!served)
        EXPECT_LOSS(&w, 0, 0, 0, OFR_OUTCOME_DROPPED);
    world_release(&w);
}

Test(clockwork, infeasible_requests_are_dropped_on_arrival)
{
    check_arrival(0, 1100, true);
    check_arrival(0, 1099, false);
    check_arrival(2000, 3100, true);
    check_arrival(2000, 3099, false);
}

/* A request without an SLO is planned as if it had default_slo (100 ms) less the buffer (5 ms): a server
 * busy until 93.9 ms can still serve it by 95 ms, one busy a microsecond longer cannot. */
Test(clockwork, default_slo_is_used_for_planning)
{
    struct world w;
    for (int64_t late = 0; late < 2; ++late) {
        open_world(&w);
        world_time(&w, "buffer", 5000);
        world_busy(&w, 0, 93900 + late, 93900 + late);
        world_arrive(&w, 0, 1, -1);
        world_run(&w);
        cr_expect_eq(w.batches, 1 - (uint32_t)late);
        world_release(&w);
    }
}

/* A larger batch is worth an early deadline: request 0 (1500) fits only a batch of 4, the 16 others (5000)
 * fill 16. These go, request 0 cannot be met behind them and is dropped. */
Test(clockwork, walks_up_past_an_urgent_head)
{
    struct world w;
    open_world(&w);
    world_arrive(&w, 0, 1, 1500);
    world_arrive(&w, 0, 16, 5000);
    world_run(&w);
    EXPECT_BATCHES(&w, {0, 16, OFR_REASON_FULL});
    cr_expect_eq(w.batch[0].first, 1);
    EXPECT_LOSS(&w, 0, 0, 0, OFR_OUTCOME_DROPPED);
    world_release(&w);
}

/* With 15 others: 16 requests, but 16 would miss request 0 (15 feasible), so 8 of the others go; then, from
 * 1800: request 0 is lost, 4 by 3200, 2 by 4400, and the last cannot be met (5500 > 5000). */
Test(clockwork, takes_the_largest_size_with_enough_feasible_requests)
{
    struct world w;
    open_world(&w);
    world_arrive(&w, 0, 1, 1500);
    world_arrive(&w, 0, 15, 5000);
    world_run(&w);
    EXPECT_BATCHES(&w, {0, 8, OFR_REASON_DEADLINE}, {0, 4, OFR_REASON_IDLE}, {0, 2, OFR_REASON_IDLE});
    cr_expect_eq(w.losses, 2);
    EXPECT_LOSS(&w, 0, 0, 0, OFR_OUTCOME_DROPPED);
    EXPECT_LOSS(&w, 1, 0, 15, OFR_OUTCOME_DROPPED);
    world_release(&w);
}

/* Earliest deadline first, equal deadlines by arrival: 2 and 3 have the shorter SLO. Broken on purpose by
 * inserting before equal deadlines: 3 2 0 1. */
Test(clockwork, earliest_deadline_first)
{
    struct world w;
    open_world(&w);
    world_arrive(&w, 0, 2, 50000);
    world_arrive(&w, 0, 2, 20000);
    world_run(&w);
    static const uint32_t order[] = {2, 3, 0, 1};
    EXPECT_BATCHES(&w, {0, 4, OFR_REASON_IDLE});
    for (int i = 0; i < 4; ++i)
        cr_expect_eq(w.batch[0].slot[i], order[i]);
    world_release(&w);
}

/* The horizon: a server expected free at 20 ms gets work from the first nanosecond after 10 ms on, not at 10
 * ms sharp, although a request arriving then makes the batcher look. What arrives by then is planned
 * together: the two go as 2, and may start until 20 + 10 ms. */
Test(clockwork, the_horizon_is_tight)
{
    struct world w;
    open_world(&w);
    world_busy(&w, 0, 20000, 20000);
    world_arrive(&w, 0, 1, 100000);
    world_arrive(&w, 10000, 1, 100000);
    world_run(&w);
    cr_assert_eq(w.batches, 1);
    cr_expect_eq(w.batch[0].ns, 10000001);
    cr_expect_eq(w.batch[0].size, 2);
    cr_expect_eq(w.batch[0].latest_ns, 30000000);
    world_release(&w);
}

/* On an idle server the window is now + 1 ms + 10 ms. */
Test(clockwork, window_of_an_idle_server)
{
    struct world w;
    open_world(&w);
    world_arrive(&w, 500, 1, -1);
    world_run(&w);
    cr_expect_eq(w.batch[0].latest_ns, 500000 + 11000000);
    world_release(&w);
}

/* A missed window costs the requests: planned at 0 behind work expected to end at 5 ms, so it may start until
 * 15 ms. The server is free at 15 ms: served. One microsecond later: lost, and the next request is not
 * delayed by it. */
Test(clockwork, a_missed_window_costs_the_requests)
{
    struct world w;
    for (int64_t late = 0; late < 2; ++late) {
        open_world(&w);
        world_busy(&w, 0, 15000 + late, 5000);
        world_arrive(&w, 0, 1, 90000);
        world_arrive(&w, 15000 + late, 1, 90000);
        world_run(&w);
        cr_assert_eq(w.batches, 2);
        cr_expect_eq(w.batch[0].latest_ns, 15000000);
        cr_expect_eq(w.batch[0].start_us, late ? -1 : 15000);
        cr_expect_eq(w.batch[1].start_us, late ? 15001 : 16100);
        world_release(&w);
    }
}

/* The server whose work ends first, then the one that is next. */
Test(clockwork, the_server_that_is_free_first)
{
    struct world w;
    open_world(&w);
    w.view.servers = 3;
    world_busy(&w, 0, 3000, 3000);
    world_busy(&w, 1, 2000, 2000);
    world_busy(&w, 2, 9000, 9000);
    world_arrive(&w, 0, 3, 90000);
    world_run(&w);
    EXPECT_BATCHES(&w, {0, 2, OFR_REASON_IDLE}, {0, 1, OFR_REASON_IDLE});
    cr_expect_eq(w.batch[0].server, 1);
    cr_expect_eq(w.batch[1].server, 0);
    world_release(&w);
}

static uint32_t passes;

static double first_is_slow(void)
{
    return passes++ == 0 ? 2.0 : 1.0;
}

/* The estimate is the largest of the last 10 measurements: the first pass takes 2200 instead of 1100, so a
 * request with SLO 1500 is dropped until ten more passes have been seen. Probes (SLO 1500) after the slow
 * pass and after nine good ones are dropped, after ten good ones served. Broken on purpose with a window of
 * 9 or 11, with a mean, or with the profile alone. */
Test(clockwork, estimates_from_the_last_ten)
{
    struct world w;
    open_world(&w);
    passes = 0;
    w.stretch = first_is_slow;
    world_arrive(&w, 0, 1, 50000);
    world_arrive(&w, 5000, 1, 1500);
    for (int64_t i = 1; i <= 9; ++i)
        world_arrive(&w, i * 10000, 1, 50000);
    world_arrive(&w, 95000, 1, 1500);
    world_arrive(&w, 100000, 1, 50000);
    world_arrive(&w, 105000, 1, 1500);
    world_run(&w);
    cr_expect_eq(w.batches, 12);
    cr_assert_eq(w.losses, 2);
    EXPECT_LOSS(&w, 0, 5000, 1, OFR_OUTCOME_DROPPED);
    EXPECT_LOSS(&w, 1, 95000, 11, OFR_OUTCOME_DROPPED);
    world_release(&w);
}

/* An SLO of 20 ms with everything at its default (buffer 5 ms, horizon 10 ms): a burst of 30 every 20 ms
 * is all served. */
Test(clockwork, serves_short_slos_at_its_defaults)
{
    struct world w;
    world_init(&w, "clockwork", 5, sizes, 1000, 100);
    for (int64_t i = 0; i < 50; ++i)
        world_arrive(&w, i * 20000, 30, 20000);
    world_run(&w);
    cr_expect_eq(w.losses, 0);
    world_release(&w);
}

/* max_batch 16 by default, bounded by what is profiled and, above 1, by max_exec. */
Test(clockwork, sizes_offered)
{
    struct world w;
    struct ofr_error err = OFR_ERROR_INIT;
    static const uint32_t many[] = {1, 8, 32};
    world_init(&w, "clockwork", 3, many, 1000, 100);
    cr_assert_eq(world_create(&w, &err), 0);
    cr_expect_eq(w.ops->max_batch(w.state), 8);
    world_release(&w);
    open_world(&w);
    world_time(&w, "max_exec", 1400);
    cr_assert_eq(world_create(&w, &err), 0);
    cr_expect_eq(w.ops->max_batch(w.state), 4);
    world_release(&w);
    open_world(&w);
    world_time(&w, "max_exec", 1399);
    cr_assert_eq(world_create(&w, &err), 0);
    cr_expect_eq(w.ops->max_batch(w.state), 2);
    world_release(&w);
    open_world(&w);
    world_time(&w, "max_exec", 0);
    cr_assert_eq(world_create(&w, &err), 0);
    cr_expect_eq(w.ops->max_batch(w.state), 1);
    world_release(&w);
}

Test(clockwork, refuses_what_it_cannot_serve)
{
    struct world w;
    struct ofr_error err = OFR_ERROR_INIT;
    open_world(&w);
    world_count(&w, "max_batch", 17);
    cr_expect_eq(world_create(&w, &err), OFR_E_INPUT);
    cr_expect_not_null(strstr(err.text, "largest batch size of the profile"));
    world_release(&w);
    ofr_error_clear(&err);
    world_init(&w, "clockwork", 2, sizes + 1, 1000, 100);
    cr_expect_eq(world_create(&w, &err), OFR_E_INPUT);
    cr_expect_not_null(strstr(err.text, "smallest batch size is 2, expected 1"));
    world_release(&w);
}
