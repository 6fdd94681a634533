/* TensorFlow-Serving's basic scheduler, by hand. Unless said otherwise: profile sizes 1 2 4 8, every pass
 * takes 1000 us, one server, times in us. */
#include "tests/support/batcher_harness.h"

#define MS(x) ((x)*1000)

static const uint32_t sizes[] = {1, 2, 4, 8};

static void open_world(struct world *w)
{
    world_init(w, "tfserving", 4, sizes, 1000, 0);
}

/* Timeout 0 (default): request 0 leaves alone; 3 more come while the thread is busy and leave together.
 * Broken on purpose by counting the open batch ready only when full: the first leaves with the last, at 200.
 */
Test(tfserving, without_timeout_batches_grow_only_while_threads_are_busy)
{
    struct world w;
    open_world(&w);
    world_arrive(&w, 0, 1, -1);
    world_arrive(&w, 100, 1, -1);
    world_arrive(&w, 200, 2, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {0, 1, OFR_REASON_IDLE}, {1000, 3, OFR_REASON_IDLE});
    world_release(&w);
}

/* The trap: the timeout counts from the first request of the open batch, not from the last dispatch.
 * Timeout 500. Request 0 at 0 leaves at 500; the thread is free at 1500. Request 1 at 3000 (2500 after the
 * last dispatch) still waits its own 500, until 3500; request 2 at 3400 joins it and does not prolong it;
 * the last one at 3501 is its own batch: thread free at 4500, its timeout (4001) has passed by then. */
Test(tfserving, timeout_counts_from_the_first_request_of_the_open_batch)
{
    struct world w;
    open_world(&w);
    world_time(&w, "batch_timeout", 500);
    world_arrive(&w, 0, 1, -1);
    world_arrive(&w, 3000, 1, -1);
    world_arrive(&w, 3400, 1, -1);
    world_arrive(&w, 3501, 1, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {500, 1, OFR_REASON_TIMEOUT}, {3500, 2, OFR_REASON_TIMEOUT},
                   {4500, 1, OFR_REASON_TIMEOUT});
    world_release(&w);
}

/* Who arrives at the very instant of the timeout is in; one us later is out. */
Test(tfserving, timeout_is_tight)
{
    struct world w;
    open_world(&w);
    w.view.servers = 2;
    world_time(&w, "batch_timeout", 500);
    world_arrive(&w, 0, 1, -1);
    world_arrive(&w, 500, 1, -1);
    world_arrive(&w, 501, 1, -1);
    world_arrive(&w, 5000, 1, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {500, 2, OFR_REASON_TIMEOUT}, {1001, 1, OFR_REASON_TIMEOUT},
                   {5000, 1, OFR_REASON_FLUSH});
    world_release(&w);
}

/* A full batch does not wait for its timeout, and nobody waits for a timeout when no more will come. */
Test(tfserving, full_at_once_and_flush_at_the_end)
{
    struct world w;
    open_world(&w);
    world_time(&w, "batch_timeout", MS(100));
    world_count(&w, "max_batch", 4);
    world_arrive(&w, 0, 3, -1);
    world_arrive(&w, 10, 1, -1);
    world_arrive(&w, 20, 2, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {10, 4, OFR_REASON_FULL}, {1010, 2, OFR_REASON_FLUSH});
    world_release(&w);
}

/* The trap: rejection is at batch granularity. max_batch 4, at most 2 batches enqueued: 8 requests wait, the
 * ninth and tenth are rejected. At 1000 the thread takes the front batch: one batch of room, so 4 of the 5
 * that come at 1500 fit and the fifth does not. Broken on purpose with room for
 * one request more, or for one batch less. */
Test(tfserving, rejects_when_a_batch_more_would_be_needed)
{
    struct world w;
    open_world(&w);
    world_count(&w, "max_batch", 4);
    world_count(&w, "max_enqueued_batches", 2);
    world_busy(&w, 0, 1000, 1000);
    world_arrive(&w, 0, 10, -1);
    world_arrive(&w, 1500, 5, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {1000, 4, OFR_REASON_FULL}, {2000, 4, OFR_REASON_FULL}, {3000, 4, OFR_REASON_FULL});
    cr_assert_eq(w.losses, 3);
    EXPECT_LOSS(&w, 0, 0, 8, OFR_OUTCOME_REJECTED);
    EXPECT_LOSS(&w, 1, 0, 9, OFR_OUTCOME_REJECTED);
    EXPECT_LOSS(&w, 2, 1500, 14, OFR_OUTCOME_REJECTED);
    world_release(&w);
}

/* Closed batches are of max_batch; the open one behind them waits for its own timeout, counted from its own
 * first request: 10 at 0 with max_batch 4 and timeout 2500 on a busy server: 4 at 1000, 4 at 2000, and the
 * last 2 (thread free at 3000, timeout at 2500) at 3000. With 5 more at 2900 the open batch has closed at 4
 * and 3 wait in a new one, opened at 2900, ready at 5400. */
Test(tfserving, the_open_batch_behind_closed_ones)
{
    struct world w;
    open_world(&w);
    world_count(&w, "max_batch", 4);
    world_time(&w, "batch_timeout", 2500);
    world_busy(&w, 0, 1000, 1000);
    world_arrive(&w, 0, 10, -1);
    world_arrive(&w, 2900, 5, -1);
    world_arrive(&w, MS(20), 1, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {1000, 4, OFR_REASON_FULL}, {2000, 4, OFR_REASON_FULL}, {3000, 4, OFR_REASON_FULL},
                   {5400, 3, OFR_REASON_TIMEOUT}, {MS(20), 1, OFR_REASON_FLUSH});
    world_release(&w);
}

/* Batches are padded up to the next allowed size, beyond what the profile would pad to. */
Test(tfserving, pads_to_allowed_sizes)
{
    struct world w;
    open_world(&w);
    world_list(&w, "allowed_batch_sizes", 2, 4.0, 8.0);
    world_arrive(&w, 0, 1, -1);
    world_arrive(&w, 10, 5, -1);
    world_arrive(&w, 1500, 4, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {0, 1, OFR_REASON_IDLE}, {1000, 5, OFR_REASON_IDLE}, {2000, 4, OFR_REASON_IDLE});
    cr_expect_eq(w.batch[0].pad_to, 4);
    cr_expect_eq(w.batch[1].pad_to, 8);
    cr_expect_eq(w.batch[2].pad_to, 4);
    world_release(&w);
}

static void expect_refused(const char *says, uint64_t max_batch, uint32_t count, double a, double b)
{
    struct world w;
    struct ofr_error err = OFR_ERROR_INIT;
    open_world(&w);
    world_count(&w, "max_batch", max_batch);
    world_list(&w, "allowed_batch_sizes", count, a, b);
    cr_expect_eq(world_create(&w, &err), OFR_E_INPUT);
    cr_expect_not_null(strstr(err.text, says), "'%s' does not say '%s'", err.text, says);
    cr_expect_null(w.state);
    world_release(&w);
}

Test(tfserving, refuses_sizes_it_cannot_serve)
{
    expect_refused("largest batch size of the profile", 9, 0, 0, 0);
    expect_refused("increasing", 8, 2, 8.0, 8.0);
    expect_refused("increasing", 8, 2, 8.0, 4.0);
    expect_refused("sizes of the profile", 8, 2, 3.0, 8.0);
    expect_refused("max_batch, which is 8", 8, 2, 2.0, 4.0);
    expect_refused("whole numbers", 8, 2, 1.5, 8.0);
    expect_refused("whole numbers", 8, 2, 4.0, 1000.0);
}

/* The default of 1000 is bounded by the profile; the last allowed size stands in for max_batch. */
Test(tfserving, default_of_max_batch)
{
    struct world w;
    struct ofr_error err = OFR_ERROR_INIT;
    open_world(&w);
    cr_assert_eq(world_create(&w, &err), 0);
    cr_expect_eq(w.ops->max_batch(w.state), 8);
    world_release(&w);
    open_world(&w);
    world_list(&w, "allowed_batch_sizes", 2, 1.0, 4.0);
    cr_assert_eq(world_create(&w, &err), 0);
    cr_expect_eq(w.ops->max_batch(w.state), 4);
    world_release(&w);
    uint32_t large[] = {1, 2048};
    world_init(&w, "tfserving", 2, large, 1000, 0);
    cr_assert_eq(world_create(&w, &err), 0);
    cr_expect_eq(w.ops->max_batch(w.state), 1000);
    world_release(&w);
}

/* Naps of 1000. The thread is idle from 0 and looks at 0, 1000, 2000, ...: a request at 1200 is noticed at
 * 2000, one at 1900 has joined it by then. The pass ends at 3000, a new series of looks begins: 3000 finds
 * the one of 2500 at once; done at 4000. One at 6000 is seen at that very look; one at 7001 at 8000. */
Test(tfserving, an_idle_thread_notices_at_its_next_look)
{
    struct world w;
    open_world(&w);
    world_time(&w, "scan_interval", 1000);
    world_arrive(&w, 1200, 1, -1);
    world_arrive(&w, 1900, 1, -1);
    world_arrive(&w, 2500, 1, -1);
    world_arrive(&w, 6000, 1, -1);
    world_arrive(&w, 7001, 1, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {2000, 2, OFR_REASON_IDLE}, {3000, 1, OFR_REASON_IDLE}, {6000, 1, OFR_REASON_IDLE},
                   {8000, 1, OFR_REASON_IDLE});
    world_release(&w);
}

/* Two threads, looks of 1000 apart: thread 0 is idle from 300 (looks at 300, 1300, 2300), thread 1 from 800
 * (800, 1800). The request at 1400 is seen by thread 1 at 1800; that at 1900 by thread 0 at 2300. */
Test(tfserving, the_thread_that_looks_first_takes_the_batch)
{
    struct world w;
    open_world(&w);
    w.view.servers = 2;
    world_time(&w, "scan_interval", 1000);
    world_busy(&w, 0, 300, 300);
    world_busy(&w, 1, 800, 800);
    world_arrive(&w, 1400, 1, -1);
    world_arrive(&w, 1900, 1, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {1800, 1, OFR_REASON_IDLE}, {2300, 1, OFR_REASON_IDLE});
    cr_expect_eq(w.batch[0].server, 1);
    cr_expect_eq(w.batch[1].server, 0);
    world_release(&w);
}

/* A timeout of 500 and looks of 1000: ready at 700, noticed at 1000, with who has come until then. */
Test(tfserving, a_timeout_is_noticed_at_the_next_look)
{
    struct world w;
    open_world(&w);
    world_time(&w, "scan_interval", 1000);
    world_time(&w, "batch_timeout", 500);
    world_arrive(&w, 200, 1, -1);
    world_arrive(&w, 900, 1, -1);
    world_arrive(&w, 1001, 1, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {1000, 2, OFR_REASON_TIMEOUT}, {2000, 1, OFR_REASON_TIMEOUT});
    world_release(&w);
}
