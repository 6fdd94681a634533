/* fifo: nobody waits while a server is idle; it takes the oldest requests, as many as fit.
 *
 * The reference batcher, and the hot path of the fastest runs: a ring, no clock, no timers. */
#include "sim/serve/batcher_internal.h"
#include "sim/serve/slot_queue.h"

#include <stdlib.h>

struct options {
    uint64_t max_batch; /* 0 = not given */
    uint64_t max_queue; /* 0 = unlimited */
};

static const struct offramp_option table[] = {
    {.name = "max_batch",
     .type = OFFRAMP_OPT_COUNT,
     .offset = offsetof(struct options, max_batch),
     .fallback = "0",
     .min = 0,
     .max = UINT32_MAX,
     .help = "most requests in a batch; 0 = the profile's largest batch size"},
    {.name = "max_queue",
     .type = OFFRAMP_OPT_COUNT,
     .offset = offsetof(struct options, max_queue),
     .fallback = "0",
     .min = 0,
     .max = UINT32_MAX,
     .help = "requests that may wait; who arrives beyond is rejected; 0 = unlimited"},
};

struct fifo {
    struct ofr_slot_queue queue;
    uint32_t max_batch, max_queue;
};

static void destroy(void *state)
{
    struct fifo *fifo = state;
    if (fifo)
        ofr_slot_queue_release(&fifo->queue);
    free(fifo);
}

static int create(void **state, const struct ofr_batcher_setup *setup, const void *values,
                  struct ofr_error *err)
{
    const struct options *options = values;
    *state = NULL;
    struct fifo *fifo = calloc(1, sizeof *fifo);
    if (!fifo)
        return ofr_fail_nomem(err, "a batcher");
    fifo->max_queue = options->max_queue ? (uint32_t)options->max_queue : UINT32_MAX;
    int rc = ofr_batcher_bound(&fifo->max_batch, setup->profile, "fifo", options->max_batch, UINT32_MAX, err);
    if (!rc)
        rc = ofr_slot_queue_init(&fifo->queue, err);
    if (rc) {
        destroy(fifo);
        return rc;
    }
    *state = fifo;
    return 0;
}

static int enqueue(void *state, const struct ofr_batcher_view *view, uint32_t slot, struct ofr_error *err)
{
    struct fifo *fifo = state;
    (void)view;
    if (fifo->queue.count >= fifo->max_queue)
        return 0;
    int rc = ofr_slot_queue_push(&fifo->queue, slot, err);
    return rc ? rc : 1;
}

static bool next(void *state, const struct ofr_batcher_view *view, struct ofr_plan *plan)
{
    struct fifo *fifo = state;
    if (fifo->queue.count == 0 || view->idle_server < 0)
        return false;
    bool full = fifo->queue.count >= fifo->max_batch;
    plan->count = full ? fifo->max_batch : fifo->queue.count;
    plan->reason = full ? OFR_REASON_FULL : OFR_REASON_IDLE;
    ofr_slot_queue_take(&fifo->queue, plan->count, plan->slot);
    return true;
}

static uint32_t waiting(const void *state)
{
    const struct fifo *fifo = state;
    return fifo->queue.count;
}

static uint32_t max_batch(const void *state)
{
    const struct fifo *fifo = state;
    return fifo->max_batch;
}

static uint32_t evict(void *state)
{
    struct fifo *fifo = state;
    return ofr_slot_queue_pop(&fifo->queue);
}

const struct ofr_batcher_ops ofr_batcher_fifo = {
    .component = {.name = "fifo",
                  .help = "no waiting: an idle server takes the oldest requests",
                  .options = table,
                  .option_count = sizeof table / sizeof *table,
                  .options_size = sizeof(struct options)},
    .create = create,
    .destroy = destroy,
    .enqueue = enqueue,
    .next = next,
    .waiting = waiting,
    .max_batch = max_batch,
    .evict = evict,
};
