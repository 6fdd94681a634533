/* triton: the dynamic batcher of NVIDIA Triton, with one model and one class of requests.
 *
 * Requests pass from the queue into a payload, the batch being built; the payload is taken whole by the first
 * instance (server) that is idle, and may grow until then. A decision moves requests from the queue into the
 * payload. It is taken whenever a request has arrived, an instance has become free or a time has come, again
 * and again until it moves nothing:
 *
 *   1. queue policy: requests that have waited default_timeout expire, or go behind the live ones (DELAY)
 *   2. walk the queue, adding requests as `pending`: remember the last point at which payload + pending is a
 *      preferred size. Where the next request would exceed the largest preferred size and no point is
 *      remembered, remember the current one and mark the payload full: it is closed after this decision. The
 *      walk ends at max_batch.
 *   3. late = the oldest pending request has waited max_queue_delay (and that is not 0)
 *   4. a point is remembered and not late: send (move) what is pending up to it
 *   5. else payload + pending reach the largest preferred size: send all
 *   6. else late, or max_queue_delay is 0: send all
 *   7. else a payload that is not full is already waiting for an instance at a size that is not preferred:
 *      send all (top it up); otherwise wait until something turns late or expires
 *
 * All requests count 1, so a walk is arithmetic on counts. One payload is built ahead while all instances are
 * busy, whatever their number; when it is full the rest waits in the queue. At one instant a decision comes
 * before an instance takes the payload, so that a request arriving just then can still join.
 *
 * An arriving request finds the queue full when max_queue_size wait in it; those in the payload have left it.
 */
#include "sim/serve/batcher_internal.h"
#include "sim/serve/slot_queue.h"

#include <inttypes.h>
#include <stdlib.h>

enum timeout_action {
    ACTION_REJECT,
    ACTION_DELAY,
};

static const char *const actions[] = {"reject", "delay", NULL};

struct options {
    uint64_t max_batch; /* 0 = not given */
    struct offramp_reals preferred_batch_size;
    int64_t max_queue_delay_ns;
    int32_t timeout_action;
    int64_t default_timeout_ns; /* 0 = none */
    uint64_t max_queue_size;    /* 0 = unlimited */
    uint64_t hold_until;
};

static const struct offramp_option table[] = {
    {.name = "max_batch",
     .type = OFFRAMP_OPT_COUNT,
     .offset = offsetof(struct options, max_batch),
     .fallback = "0",
     .min = 0,
     .max = UINT32_MAX,
     .help = "max_batch_size of the model; 0 = the profile's largest batch size"},
    {.name = "preferred_batch_size",
     .type = OFFRAMP_OPT_REALS,
     .offset = offsetof(struct options, preferred_batch_size),
     .fallback = "[]",
     .min = 1,
     .max = UINT32_MAX,
     .help = "preferred_batch_size: send at once when a batch reaches one of these; [] = max_batch alone"},
    {.name = "max_queue_delay",
     .type = OFFRAMP_OPT_TIME,
     .offset = offsetof(struct options, max_queue_delay_ns),
     .fallback = "0us",
     .min = 0,
     .max = 3.6e12,
     .help = "max_queue_delay_microseconds: longest wait for a preferred size; 0 = never wait"},
    {.name = "timeout_action",
     .type = OFFRAMP_OPT_CHOICE,
     .offset = offsetof(struct options, timeout_action),
     .fallback = "reject",
     .choices = actions,
     .help =
         "timeout_action: what default_timeout does; reject (the request expires) or delay (it goes last)"},
    {.name = "default_timeout",
     .type = OFFRAMP_OPT_TIME,
     .offset = offsetof(struct options, default_timeout_ns),
     .fallback = "0us",
     .min = 0,
     .max = 3.6e12,
     .help = "default_timeout_microseconds: longest time in the queue; 0 = no limit"},
    {.name = "max_queue_size",
     .type = OFFRAMP_OPT_COUNT,
     .offset = offsetof(struct options, max_queue_size),
     .fallback = "0",
     .min = 0,
     .max = UINT32_MAX,
     .help = "max_queue_size: requests in the queue; who arrives beyond is rejected; 0 = unlimited"},
    {.name = "hold_until",
     .type = OFFRAMP_OPT_COUNT,
     .offset = offsetof(struct options, hold_until),
     .fallback = "0",
     .min = 0,
     .max = UINT32_MAX,
     .help = "form no batch before so many requests are queued, once, at the start (for tests); 0 = off"},
};

struct triton {
    struct ofr_slot_queue live, delayed; /* delayed: expired under DELAY, served after the live ones */
    uint32_t *payload;                   /* [max_batch], owned */
    uint32_t payload_count;
    bool payload_full;
    enum ofr_reason payload_reason;
    uint32_t max_batch, max_queue, hold_until;
    uint32_t preferred[OFFRAMP_MAX_SITES], preferred_count, largest_preferred;
    int64_t delay_ns, timeout_ns; /* 0 = none */
    bool expire_to_back;
    bool flush; /* the hold ended because no further request will come */
};

static void destroy(void *state)
{
    struct triton *t = state;
    if (!t)
        return;
    ofr_slot_queue_release(&t->live);
    ofr_slot_queue_release(&t->delayed);
    free(t->payload);
    free(t);
}

static int set_preferred(struct triton *t, const struct offramp_reals *list, struct ofr_error *err)
{
    int rc = ofr_batcher_sizes(t->preferred, list, "triton", "preferred_batch_size", t->max_batch, err);
    if (rc)
        return rc;
    t->preferred_count = list->count;
    if (list->count == 0) {
        t->preferred[0] = t->max_batch;
        t->preferred_count = 1;
    }
    for (uint32_t i = 0; i < t->preferred_count; ++i)
        if (t->preferred[i] > t->largest_preferred)
            t->largest_preferred = t->preferred[i];
    return 0;
}

static int set_queue(struct triton *t, const struct options *options, struct ofr_error *err)
{
    if (options->max_queue_size && options->hold_until > options->max_queue_size)
        return ofr_fail(err, OFR_E_INPUT,
                        "triton: hold_until: found %" PRIu64
                        ", expected at most max_queue_size, which is %" PRIu64,
                        options->hold_until, options->max_queue_size);
    t->max_queue = options->max_queue_size ? (uint32_t)options->max_queue_size : UINT32_MAX;
    t->hold_until = (uint32_t)options->hold_until;
    t->timeout_ns = options->default_timeout_ns;
    t->delay_ns = options->max_queue_delay_ns;
    t->expire_to_back = options->timeout_action == ACTION_DELAY;
    return 0;
}

static int fill(struct triton *t, const struct ofr_batcher_setup *setup, const struct options *options,
                struct ofr_error *err)
{
    int rc = ofr_batcher_bound(&t->max_batch, setup->profile, "triton", options->max_batch, UINT32_MAX, err);
    if (!rc)
        rc = set_preferred(t, &options->preferred_batch_size, err);
    if (!rc)
        rc = set_queue(t, options, err);
    if (!rc)
        rc = ofr_slot_queue_init(&t->live, err);
    if (!rc)
        rc = ofr_slot_queue_init(&t->delayed, err);
    if (rc)
        return rc;
    t->payload = calloc(t->max_batch, sizeof *t->payload);
    return t->payload ? 0 : ofr_fail_nomem(err, "a batcher");
}

static int create(void **state, const struct ofr_batcher_setup *setup, const void *values,
                  struct ofr_error *err)
{
    *state = NULL;
    struct triton *t = calloc(1, sizeof *t);
    if (!t)
        return ofr_fail_nomem(err, "a batcher");
    int rc = fill(t, setup, values, err);
    if (rc) {
        destroy(t);
        return rc;
    }
    *state = t;
    return 0;
}

static uint32_t queued(const struct triton *t)
{
    return t->live.count + t->delayed.count;
}

static int enqueue(void *state, const struct ofr_batcher_view *view, uint32_t slot, struct ofr_error *err)
{
    struct triton *t = state;
    (void)view;
    if (queued(t) >= t->max_queue)
        return 0;
    int rc = ofr_slot_queue_push(&t->live, slot, err);
    /* Room for every live request to be delayed later, when nothing may fail any more. */
    while (!rc && t->expire_to_back && t->delayed.mask < queued(t))
        rc = ofr_slot_queue_grow(&t->delayed, err);
    return rc ? rc : 1;
}

static int64_t queued_ns(const struct ofr_batcher_view *view, const struct ofr_slot_queue *queue)
{
    return view->request[ofr_slot_queue_at(queue, 0)].admitted_ns;
}

/* Step 1. The timeout is the same for all, so those that expire are the oldest live ones. */
static void apply_queue_policy(struct triton *t, const struct ofr_batcher_view *view)
{
    while (t->timeout_ns > 0 && t->live.count > 0 &&
           view->now_ns >= ofr_batcher_later(queued_ns(view, &t->live), t->timeout_ns)) {
        uint32_t slot = ofr_slot_queue_pop(&t->live);
        if (t->expire_to_back)
            ofr_slot_queue_push(&t->delayed, slot, NULL); /* enqueue has made room */
        else
            view->discard(view->host, slot, OFR_OUTCOME_EXPIRED);
    }
}

static void send(struct triton *t, uint32_t count, enum ofr_reason reason)
{
    uint32_t live = count < t->live.count ? count : t->live.count;
    ofr_slot_queue_take(&t->live, live, t->payload + t->payload_count);
    ofr_slot_queue_take(&t->delayed, count - live, t->payload + t->payload_count + live);
    t->payload_count += count;
    t->payload_reason = reason;
}

/* The largest number of pending requests, up to `limit`, that gives a preferred size; 0 = none. */
static uint32_t last_preferred(const struct triton *t, uint32_t limit)
{
    uint32_t best = 0;
    for (uint32_t i = 0; i < t->preferred_count; ++i) {
        uint32_t size = t->preferred[i];
        if (size > t->payload_count && size - t->payload_count <= limit && size - t->payload_count > best)
            best = size - t->payload_count;
    }
    return best;
}

static bool is_preferred(const struct triton *t, uint32_t size)
{
    for (uint32_t i = 0; i < t->preferred_count; ++i)
        if (t->preferred[i] == size)
            return true;
    return false;
}

/* Requests of DELAY are older than all live ones: they expired first. */
static int64_t oldest_pending_ns(const struct triton *t, const struct ofr_batcher_view *view,
                                 uint32_t pending)
{
    return queued_ns(view, pending > t->live.count ? &t->delayed : &t->live);
}

/* Steps 2 to 7; true when requests were sent. Otherwise *wake_ns is when the oldest turns late. */
static bool decide(struct triton *t, const struct ofr_batcher_view *view, int64_t *wake_ns)
{
    uint32_t room = t->payload_full ? 0 : t->max_batch - t->payload_count;
    uint32_t pending = queued(t) < room ? queued(t) : room;
    *wake_ns = OFR_NEVER_NS;
    if (pending == 0)
        return false;
    /* The payload being at the largest preferred size already is the one way to exceed it with no point
     * remembered; the point is then before the first pending request. */
    uint32_t point = last_preferred(t, pending);
    bool beyond = t->payload_count >= t->largest_preferred;
    int64_t late_ns = ofr_batcher_later(oldest_pending_ns(t, view, pending), t->delay_ns);
    bool late = t->flush || (t->delay_ns > 0 && view->now_ns >= late_ns);
    t->payload_full = beyond;
    if ((point > 0 || beyond) && !late) {
        if (point > 0)
            send(t, point, OFR_REASON_PREFERRED);
        return point > 0;
    }
    if (late || t->delay_ns == 0) {
        send(t, pending, t->flush ? OFR_REASON_FLUSH : late ? OFR_REASON_TIMEOUT : OFR_REASON_IDLE);
        return true;
    }
    if (t->payload_count > 0 && !is_preferred(t, t->payload_count)) {
        send(t, pending, t->payload_reason);
        return true;
    }
    *wake_ns = late_ns;
    return false;
}

static void hand_over(struct triton *t, struct ofr_plan *plan)
{
    plan->count = t->payload_count;
    plan->reason = t->payload_count == t->max_batch ? OFR_REASON_FULL : t->payload_reason;
    for (uint32_t i = 0; i < t->payload_count; ++i)
        plan->slot[i] = t->payload[i];
    t->payload_count = 0;
    t->payload_full = false;
}

/* Whether the start is still held back for more requests. */
static bool hold(struct triton *t, const struct ofr_batcher_view *view)
{
    if (t->hold_until == 0)
        return false;
    if (queued(t) < t->hold_until && !view->draining)
        return true;
    t->flush = queued(t) < t->hold_until;
    t->hold_until = 0;
    return false;
}

static bool next(void *state, const struct ofr_batcher_view *view, struct ofr_plan *plan)
{
    struct triton *t = state;
    if (hold(t, view))
        return false;
    apply_queue_policy(t, view);
    int64_t late_ns = OFR_NEVER_NS;
    bool sent = true;
    while (sent) {
        sent = decide(t, view, &late_ns);
        if (t->payload_count > 0 && view->idle_server >= 0) {
            hand_over(t, plan);
            return true;
        }
    }
    int64_t expiry_ns = OFR_NEVER_NS;
    if (t->timeout_ns > 0 && t->live.count > 0)
        expiry_ns = ofr_batcher_later(queued_ns(view, &t->live), t->timeout_ns);
    plan->wake_ns = late_ns < expiry_ns ? late_ns : expiry_ns;
    return false;
}

static uint32_t waiting(const void *state)
{
    const struct triton *t = state;
    return queued(t) + t->payload_count;
}

static uint32_t max_batch(const void *state)
{
    const struct triton *t = state;
    return t->max_batch;
}

static uint32_t evict(void *state)
{
    struct triton *t = state;
    if (t->payload_count > 0)
        return t->payload[--t->payload_count];
    return ofr_slot_queue_pop(t->live.count > 0 ? &t->live : &t->delayed);
}

const struct ofr_batcher_ops ofr_batcher_triton = {
    .component = {.name = "triton",
                  .help = "Triton's dynamic batcher: preferred sizes, bounded delay, queue policy",
                  .options = table,
                  .option_count = sizeof table / sizeof *table,
                  .options_size = sizeof(struct options)},
    .flags = OFR_BATCHER_AHEAD, /* the payload is built while all instances are busy */
    .create = create,
    .destroy = destroy,
    .enqueue = enqueue,
    .next = next,
    .waiting = waiting,
    .max_batch = max_batch,
    .evict = evict,
};
