/* clockwork: Clockwork's central scheduler, with one model, resident on every server.
 *
 * Every server's time is planned up to schedule_ahead. While some server's work ends before that horizon, the
 * one that is free first (at t_free) is given a batch:
 *
 *   - requests whose deadline is before t_free + exec(1) are dropped: they cannot be met even alone
 *   - the batch has the largest size b for which b waiting requests have a deadline at or after
 *     t_free + exec(b); it takes the b earliest of these. Earlier ones stay: a smaller batch may still meet
 *     them, else they are dropped next time
 *   - it may start until `latest`; if the server is not free by then its requests are lost
 *
 * Sizes are exactly those profiled (no padding), up to max_batch and, above 1, up to max_exec. The deadline
 * aimed at is the SLO less `buffer`; requests without an SLO are given default_slo here, and only here.
 *
 * exec(b) is the 99th percentile (nearest rank: the largest) of the last 10 times a batch of b was seen to
 * take, beginning with the profile's whole pass with dispatch and copies.
 *
 * The system keeps one queue per batch size, with every request in all of them. One queue in order of
 * deadline gives the same answers: what is feasible at a size is a tail of it, found by binary search.
 */
#include "sim/serve/batcher_internal.h"
#include "sim/serve/deadline_queue.h"

#include <stdlib.h>

enum {
    DEFAULT_MAX_BATCH = 16,
    MEASUREMENTS = 10
};

struct options {
    uint64_t max_batch; /* 0 = not given */
    int64_t schedule_ahead_ns;
    int64_t max_exec_ns;
    int64_t buffer_ns;
    int64_t default_slo_ns;
    int64_t latest_delta_ns;
    int64_t worker_clock_future_ns;
};

#define TIME_OPTION(key, member, text, least, help_text)                                                     \
    {                                                                                                        \
        .name = key, .type = OFFRAMP_OPT_TIME, .offset = offsetof(struct options, member), .fallback = text, \
        .min = least, .max = 3.6e12, .help = help_text                                                       \
    }

static const struct offramp_option table[] = {
    {.name = "max_batch",
     .type = OFFRAMP_OPT_COUNT,
     .offset = offsetof(struct options, max_batch),
     .fallback = "0",
     .min = 0,
     .max = UINT32_MAX,
     .help = "max_batch: largest batch offered; 0 = 16 or the profile's largest, whichever is smaller"},
    TIME_OPTION("schedule_ahead", schedule_ahead_ns, "10ms", 1,
                "schedule_ahead: a server is given work while its work ends within this time"),
    TIME_OPTION("max_exec", max_exec_ns, "25ms", 0, "batch sizes above 1 that take longer are not offered"),
    TIME_OPTION("buffer", buffer_ns, "5ms", 0, "buffer: aims this much before a request's deadline"),
    TIME_OPTION("default_slo", default_slo_ns, "100ms", 0,
                "default SLO: requests without an SLO are scheduled as if they had this one"),
    TIME_OPTION("latest_delta", latest_delta_ns, "10ms", 0,
                "latest_delta: a batch may start this much later than planned"),
    TIME_OPTION("worker_clock_future", worker_clock_future_ns, "1ms", 0,
                "how far a worker's clock may be ahead of the controller's; widens the start window"),
};

struct size {
    uint32_t batch;
    int64_t exec_ns;               /* estimate: largest of `seen_ns` */
    int64_t seen_ns[MEASUREMENTS]; /* ring */
    uint32_t seen, at;
};

struct clockwork {
    struct options option;
    struct ofr_deadline_queue queue;
    struct size *size; /* [sizes] ascending, the first is 1; owned */
    uint32_t sizes;
};

static void destroy(void *state)
{
    struct clockwork *c = state;
    if (!c)
        return;
    ofr_deadline_queue_release(&c->queue);
    free(c->size);
    free(c);
}

static void measure(struct size *size, int64_t exec_ns)
{
    size->seen_ns[size->at] = exec_ns;
    size->at = (size->at + 1) % MEASUREMENTS;
    if (size->seen < MEASUREMENTS)
        size->seen++;
    size->exec_ns = 0;
    for (uint32_t i = 0; i < size->seen; ++i)
        if (size->seen_ns[i] > size->exec_ns)
            size->exec_ns = size->seen_ns[i];
}

static int set_sizes(struct clockwork *c, const struct ofr_profile *profile, struct ofr_error *err)
{
    uint32_t max_batch;
    int rc = ofr_batcher_bound(&max_batch, profile, "clockwork", c->option.max_batch, DEFAULT_MAX_BATCH, err);
    if (rc)
        return rc;
    if (profile->batch[0] != 1)
        return ofr_fail(err, OFR_E_INPUT,
                        "clockwork: the profile's smallest batch size is %u, expected 1, because nothing is "
                        "padded",
                        profile->batch[0]);
    c->size = calloc(profile->batches, sizeof *c->size);
    if (!c->size)
        return ofr_fail_nomem(err, "a batcher");
    for (uint32_t i = 0; i < profile->batches && profile->batch[i] <= max_batch; ++i) {
        int64_t exec_ns = profile->dispatch_ns + profile->copy_in_ns[i] + profile->copy_out_ns[i] +
                          profile->until_ns[(size_t)i * (profile->sites + 1) + profile->sites];
        if (i > 0 && exec_ns > c->option.max_exec_ns)
            continue;
        c->size[c->sizes].batch = profile->batch[i];
        measure(&c->size[c->sizes++], exec_ns);
    }
    return 0;
}

static int create(void **state, const struct ofr_batcher_setup *setup, const void *values,
                  struct ofr_error *err)
{
    *state = NULL;
    struct clockwork *c = calloc(1, sizeof *c);
    if (!c)
        return ofr_fail_nomem(err, "a batcher");
    c->option = *(const struct options *)values;
    int rc = set_sizes(c, setup->profile, err);
    if (!rc)
        rc = ofr_deadline_queue_init(&c->queue, err);
    if (rc) {
        destroy(c);
        return rc;
    }
    *state = c;
    return 0;
}

static int enqueue(void *state, const struct ofr_batcher_view *view, uint32_t slot, struct ofr_error *err)
{
    struct clockwork *c = state;
    const struct ofr_request *request = &view->request[slot];
    int64_t deadline_ns = request->deadline_ns;
    if (deadline_ns == OFR_NEVER_NS)
        deadline_ns = ofr_batcher_later(request->arrival_ns, c->option.default_slo_ns);
    int rc = ofr_deadline_queue_insert(&c->queue, deadline_ns - c->option.buffer_ns, slot, err);
    return rc ? rc : 1;
}

/* The server that is free first, and when. One that is overdue counts as free any moment, behind those that
 * are free indeed. */
static uint32_t first_free(const struct ofr_batcher_view *view, int64_t *free_ns)
{
    uint32_t first = 0;
    *free_ns = OFR_NEVER_NS;
    for (uint32_t i = 0; i < view->servers; ++i) {
        int64_t time_ns = view->server[i].free_ns > view->now_ns ? view->server[i].free_ns : view->now_ns;
        bool less_work = view->server[i].committed < view->server[first].committed;
        if (time_ns < *free_ns || (time_ns == *free_ns && less_work)) {
            *free_ns = time_ns;
            first = i;
        }
    }
    return first;
}

static void drop_infeasible(struct clockwork *c, const struct ofr_batcher_view *view, int64_t free_ns)
{
    int64_t done_ns = ofr_batcher_later(free_ns, c->size[0].exec_ns);
    while (c->queue.count > 0 && ofr_deadline_queue_first(&c->queue) < done_ns)
        view->discard(view->host, ofr_deadline_queue_pop(&c->queue), OFR_OUTCOME_DROPPED);
}

/* The largest size that enough requests can be served in, all with deadlines at or after *from_ns. Size 1
 * always fits once infeasible requests have been dropped. */
static uint32_t choose_size(const struct clockwork *c, int64_t free_ns, int64_t *from_ns)
{
    for (uint32_t i = c->sizes - 1; i > 0; --i) {
        const struct size *size = &c->size[i];
        *from_ns = ofr_batcher_later(free_ns, size->exec_ns);
        if (size->batch <= c->queue.count && ofr_deadline_queue_from(&c->queue, *from_ns) >= size->batch)
            return i;
    }
    *from_ns = ofr_batcher_later(free_ns, c->size[0].exec_ns);
    return 0;
}

static enum ofr_reason why(const struct clockwork *c, uint32_t chosen)
{
    if (chosen + 1 == c->sizes)
        return OFR_REASON_FULL;
    return c->size[chosen + 1].batch <= c->queue.count ? OFR_REASON_DEADLINE : OFR_REASON_IDLE;
}

static bool next(void *state, const struct ofr_batcher_view *view, struct ofr_plan *plan)
{
    struct clockwork *c = state;
    int64_t free_ns;
    plan->server = first_free(view, &free_ns);
    drop_infeasible(c, view, free_ns);
    if (c->queue.count == 0)
        return false;
    if (free_ns >= ofr_batcher_later(view->now_ns, c->option.schedule_ahead_ns)) {
        plan->wake_ns = free_ns - c->option.schedule_ahead_ns + 1;
        return false;
    }
    int64_t from_ns;
    uint32_t chosen = choose_size(c, free_ns, &from_ns);
    int64_t from_now_ns = ofr_batcher_later(view->now_ns, c->option.worker_clock_future_ns);
    plan->latest_ns =
        ofr_batcher_later(free_ns > from_now_ns ? free_ns : from_now_ns, c->option.latest_delta_ns);
    plan->reason = why(c, chosen);
    plan->count = c->size[chosen].batch;
    ofr_deadline_queue_take(&c->queue, from_ns, plan->count, plan->slot);
    return true;
}

static uint32_t waiting(const void *state)
{
    const struct clockwork *c = state;
    return c->queue.count;
}

static uint32_t max_batch(const void *state)
{
    const struct clockwork *c = state;
    return c->size[c->sizes - 1].batch;
}

static uint32_t evict(void *state)
{
    struct clockwork *c = state;
    return ofr_deadline_queue_pop(&c->queue);
}

static void completed(void *state, const struct ofr_batch_row *batch)
{
    struct clockwork *c = state;
    for (uint32_t i = 0; i < c->sizes; ++i)
        if (c->size[i].batch == batch->padded)
            measure(&c->size[i], batch->ended_ns - batch->dispatched_ns);
}

const struct ofr_batcher_ops ofr_batcher_clockwork = {
    .component = {.name = "clockwork",
                  .help = "Clockwork: plans ahead by predicted times, drops what cannot meet its deadline",
                  .options = table,
                  .option_count = sizeof table / sizeof *table,
                  .options_size = sizeof(struct options)},
    .flags = OFR_BATCHER_AHEAD,
    .create = create,
    .destroy = destroy,
    .enqueue = enqueue,
    .next = next,
    .waiting = waiting,
    .max_batch = max_batch,
    .evict = evict,
    .completed = completed,
};
