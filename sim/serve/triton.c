/* triton: the dynamic batcher of NVIDIA Triton, with one model.
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
 *
 * Priorities. With priority_levels the queue is one per level, the walk goes through them from level 1 on, and
 * each has its queue policy (triton_queue.h). An arrival stream names its priority and, with
 * allow_timeout_override, its timeout. Triton's map priority_queue_policy is written as lists with one entry per
 * level: priority_timeout_action, priority_default_timeout, priority_max_queue_size.
 *
 * Not offered: preserve_ordering. It holds answers back beyond the end of their batch, which contradicts I3.
 */
#include "sim/base/units.h"
#include "sim/serve/batcher_internal.h"
#include "sim/serve/triton_queue.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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
    uint64_t priority_levels;   /* 0 = one level for all */
    uint64_t default_priority_level;
    struct offramp_texts priority_timeout_action;
    struct offramp_texts priority_default_timeout;
    struct offramp_reals priority_max_queue_size;
    uint8_t allow_timeout_override;
    uint64_t hold_until;
};

static const struct offramp_option table[] = {
    {.name = "max_batch",
     .type = OFFRAMP_OPT_COUNT,
     .offset = offsetof(struct options, max_batch),
     .fallback = "0",
     .min = 0,
     .max = UINT32_MAX,
     .help = "largest batch; 0 = the profile's largest batch size",
     .alias = "max_batch_size"},
    {.name = "preferred_batch_size",
     .type = OFFRAMP_OPT_REALS,
     .offset = offsetof(struct options, preferred_batch_size),
     .fallback = "[]",
     .min = 1,
     .max = UINT32_MAX,
     .help = "send at once when a batch reaches one of these; [] = max_batch alone"},
    {.name = "max_queue_delay",
     .type = OFFRAMP_OPT_TIME,
     .offset = offsetof(struct options, max_queue_delay_ns),
     .fallback = "0us",
     .min = 0,
     .max = 3.6e12,
     .help = "longest wait for a preferred size; 0 = never wait",
     .alias = "max_queue_delay_microseconds"},
    {.name = "timeout_action",
     .type = OFFRAMP_OPT_CHOICE,
     .offset = offsetof(struct options, timeout_action),
     .fallback = "reject",
     .choices = actions,
     .help = "what default_timeout does; reject (the request expires) or delay (it goes last)"},
    {.name = "default_timeout",
     .type = OFFRAMP_OPT_TIME,
     .offset = offsetof(struct options, default_timeout_ns),
     .fallback = "0us",
     .min = 0,
     .max = 3.6e12,
     .help = "longest time in the queue; 0 = no limit",
     .alias = "default_timeout_microseconds"},
    {.name = "allow_timeout_override",
     .type = OFFRAMP_OPT_BOOL,
     .offset = offsetof(struct options, allow_timeout_override),
     .fallback = "false",
     .help = "whether a stream's own `timeout` may shorten default_timeout"},
    {.name = "max_queue_size",
     .type = OFFRAMP_OPT_COUNT,
     .offset = offsetof(struct options, max_queue_size),
     .fallback = "0",
     .min = 0,
     .max = UINT32_MAX,
     .help = "requests in the queue (of a level); who arrives beyond is rejected; 0 = unlimited"},
    {.name = "priority_levels",
     .type = OFFRAMP_OPT_COUNT,
     .offset = offsetof(struct options, priority_levels),
     .fallback = "0",
     .min = 0,
     .max = OFFRAMP_MAX_SITES,
     .help = "levels of `priority` a stream may have, 1 the highest; 0 = none"},
    {.name = "default_priority_level",
     .type = OFFRAMP_OPT_COUNT,
     .offset = offsetof(struct options, default_priority_level),
     .fallback = "0",
     .min = 0,
     .max = OFFRAMP_MAX_SITES,
     .help = "level of streams without `priority`; 1 to priority_levels"},
    {.name = "priority_timeout_action",
     .type = OFFRAMP_OPT_TEXTS,
     .offset = offsetof(struct options, priority_timeout_action),
     .fallback = "[]",
     .help = "timeout_action of each level; [] = the same for all"},
    {.name = "priority_default_timeout",
     .type = OFFRAMP_OPT_TEXTS,
     .offset = offsetof(struct options, priority_default_timeout),
     .fallback = "[]",
     .help = "default_timeout of each level, e.g. [5ms, 0s]; [] = the same for all"},
    {.name = "priority_max_queue_size",
     .type = OFFRAMP_OPT_REALS,
     .offset = offsetof(struct options, priority_max_queue_size),
     .fallback = "[]",
     .min = 0,
     .max = UINT32_MAX,
     .help = "max_queue_size of each level; [] = the same for all"},
    {.name = "hold_until",
     .type = OFFRAMP_OPT_COUNT,
     .offset = offsetof(struct options, hold_until),
     .fallback = "0",
     .min = 0,
     .max = UINT32_MAX,
     .help = "form no batch before so many requests are queued, once, at the start (for tests); 0 = off"},
};

struct triton {
    struct ofr_triton_queue queue;
    uint32_t *payload; /* [max_batch], owned */
    uint32_t payload_count;
    bool payload_full;
    enum ofr_reason payload_reason;
    uint32_t max_batch, hold_until;
    uint32_t preferred[OFFRAMP_MAX_SITES], preferred_count, largest_preferred;
    int64_t delay_ns; /* 0 = none */
    bool flush;       /* the hold ended because no further request will come */
};

static void destroy(void *state)
{
    struct triton *t = state;
    if (!t)
        return;
    ofr_triton_queue_release(&t->queue);
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

/* ---- queue policies ---- */

static int check_length(const char *name, uint32_t count, uint32_t levels, struct ofr_error *err)
{
    if (count == 0 || count == levels)
        return 0;
    return ofr_fail(err, OFR_E_INPUT,
                    "triton: %s: found %" PRIu32
                    " entries, expected one for each of the priority_levels, which is "
                    "%" PRIu32,
                    name, count, levels);
}

static int check_levels(const struct options *options, struct ofr_error *err)
{
    uint32_t levels = (uint32_t)options->priority_levels;
    bool has_default = levels ? options->default_priority_level >= 1 : options->default_priority_level == 0;
    if (!has_default || options->default_priority_level > levels)
        return ofr_fail(err, OFR_E_INPUT,
                        "triton: default_priority_level: found %" PRIu64
                        ", expected %d to priority_levels, which is %" PRIu32,
                        options->default_priority_level, levels ? 1 : 0, levels);
    int rc = check_length("priority_timeout_action", options->priority_timeout_action.count, levels, err);
    if (!rc)
        rc = check_length("priority_default_timeout", options->priority_default_timeout.count, levels, err);
    if (!rc)
        rc = check_length("priority_max_queue_size", options->priority_max_queue_size.count, levels, err);
    return rc;
}

/* What arrival streams ask for has to be on offer. */
static int check_wishes(const struct ofr_batcher_setup *setup, const struct options *options,
                        struct ofr_error *err)
{
    for (uint32_t i = 0; setup->wish && i < setup->streams; ++i) {
        const struct ofr_stream_wish *wish = &setup->wish[i];
        if (wish->priority > options->priority_levels)
            return ofr_fail(err, OFR_E_INPUT,
                            "streams: found priority %" PRIu32
                            ", expected at most triton's priority_levels, which is %" PRIu64,
                            wish->priority, options->priority_levels);
        if (wish->timeout_ns >= 0 && !options->allow_timeout_override)
            return ofr_fail(err, OFR_E_INPUT,
                            "streams: found a timeout, which triton heeds with allow_timeout_override only");
    }
    return 0;
}

static uint32_t queue_limit(double size)
{
    return size > 0.0 && size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;
}

/* The policy of level i: the default one, with what the lists say. */
static int policy_of(struct ofr_triton_policy *policy, const struct options *options, uint32_t i,
                     struct ofr_error *err)
{
    *policy = (struct ofr_triton_policy){.timeout_ns = options->default_timeout_ns,
                                         .max_queue = queue_limit((double)options->max_queue_size),
                                         .delay = options->timeout_action == ACTION_DELAY};
    double size = options->priority_max_queue_size.item[i];
    if (options->priority_max_queue_size.count > 0)
        policy->max_queue = queue_limit(size);
    if (size != floor(size))
        return ofr_fail(err, OFR_E_INPUT, "triton: priority_max_queue_size: found %g, expected whole numbers",
                        size);
    const char *action = options->priority_timeout_action.item[i];
    if (options->priority_timeout_action.count > 0) {
        policy->delay = strcmp(action, actions[ACTION_DELAY]) == 0;
        if (!policy->delay && strcmp(action, actions[ACTION_REJECT]) != 0)
            return ofr_fail(err, OFR_E_INPUT,
                            "triton: priority_timeout_action: found '%s', expected reject or delay", action);
    }
    const char *timeout = options->priority_default_timeout.item[i];
    const char *expected =
        options->priority_default_timeout.count > 0 ? ofr_read_time(timeout, &policy->timeout_ns) : NULL;
    if (expected || policy->timeout_ns < 0)
        return ofr_fail(err, OFR_E_INPUT, "triton: priority_default_timeout: found '%s', expected %s",
                        timeout, expected ? expected : "0s for no limit");
    return 0;
}

static int set_queue(struct triton *t, const struct ofr_batcher_setup *setup, const struct options *options,
                     struct ofr_error *err)
{
    if (options->max_queue_size && options->hold_until > options->max_queue_size)
        return ofr_fail(err, OFR_E_INPUT,
                        "triton: hold_until: found %" PRIu64
                        ", expected at most max_queue_size, which is %" PRIu64,
                        options->hold_until, options->max_queue_size);
    t->hold_until = (uint32_t)options->hold_until;
    t->delay_ns = options->max_queue_delay_ns;
    int rc = check_levels(options, err);
    if (!rc)
        rc = check_wishes(setup, options, err);
    struct ofr_triton_policy policy[OFFRAMP_MAX_SITES];
    uint32_t levels = options->priority_levels ? (uint32_t)options->priority_levels : 1;
    for (uint32_t i = 0; i < levels && !rc; ++i)
        rc = policy_of(&policy[i], options, i, err);
    if (rc)
        return rc;
    t->queue.wish = setup->wish;
    t->queue.override = options->allow_timeout_override;
    t->queue.default_level = options->priority_levels ? (uint32_t)options->default_priority_level - 1 : 0;
    return ofr_triton_queue_init(&t->queue, policy, levels, err);
}

static int fill(struct triton *t, const struct ofr_batcher_setup *setup, const struct options *options,
                struct ofr_error *err)
{
    int rc = ofr_batcher_bound(&t->max_batch, setup->profile, "triton", options->max_batch, UINT32_MAX, err);
    if (!rc)
        rc = set_preferred(t, &options->preferred_batch_size, err);
    if (!rc)
        rc = set_queue(t, setup, options, err);
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

static int enqueue(void *state, const struct ofr_batcher_view *view, uint32_t slot, struct ofr_error *err)
{
    struct triton *t = state;
    return ofr_triton_queue_push(&t->queue, view, slot, err);
}

static void send(struct triton *t, uint32_t count, enum ofr_reason reason)
{
    ofr_triton_queue_take(&t->queue, count, t->payload + t->payload_count);
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

/* Steps 2 to 7; true when requests were sent. Otherwise *wake_ns is when the oldest turns late. */
static bool decide(struct triton *t, const struct ofr_batcher_view *view, int64_t *wake_ns)
{
    uint32_t room = t->payload_full ? 0 : t->max_batch - t->payload_count;
    uint32_t pending = t->queue.count < room ? t->queue.count : room;
    *wake_ns = OFR_NEVER_NS;
    if (pending == 0)
        return false;
    /* The payload being at the largest preferred size already is the one way to exceed it with no point
     * remembered; the point is then before the first pending request. */
    uint32_t point = last_preferred(t, pending);
    bool beyond = t->payload_count >= t->largest_preferred;
    int64_t late_ns = ofr_batcher_later(ofr_triton_queue_oldest_ns(&t->queue, view, pending), t->delay_ns);
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
    if (t->queue.count < t->hold_until && !view->draining)
        return true;
    t->flush = t->queue.count < t->hold_until;
    t->hold_until = 0;
    return false;
}

static bool next(void *state, const struct ofr_batcher_view *view, struct ofr_plan *plan)
{
    struct triton *t = state;
    if (hold(t, view))
        return false;
    ofr_triton_queue_expire(&t->queue, view); /* step 1 */
    int64_t late_ns = OFR_NEVER_NS;
    bool sent = true;
    while (sent) {
        sent = decide(t, view, &late_ns);
        if (t->payload_count > 0 && view->idle_server >= 0) {
            hand_over(t, plan);
            return true;
        }
    }
    int64_t expiry_ns = ofr_triton_queue_expiry_ns(&t->queue, view);
    plan->wake_ns = late_ns < expiry_ns ? late_ns : expiry_ns;
    return false;
}

static uint32_t waiting(const void *state)
{
    const struct triton *t = state;
    return t->queue.count + t->payload_count;
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
    uint32_t slot;
    ofr_triton_queue_take(&t->queue, 1, &slot);
    return slot;
}

const struct ofr_batcher_ops ofr_batcher_triton = {
    .component = {.name = "triton",
                  .help =
                      "Triton's dynamic batcher: preferred sizes, bounded delay, queue policies, priorities",
                  .options = table,
                  .option_count = sizeof table / sizeof *table,
                  .options_size = sizeof(struct options)},
    .flags = OFR_BATCHER_AHEAD | OFR_BATCHER_WISHES, /* the payload is built while all instances are busy */
    .create = create,
    .destroy = destroy,
    .enqueue = enqueue,
    .next = next,
    .waiting = waiting,
    .max_batch = max_batch,
    .evict = evict,
};
