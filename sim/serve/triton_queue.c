#include "sim/serve/triton_queue.h"

#include "sim/serve/batcher_internal.h"

#include <stdlib.h>

int ofr_triton_queue_init(struct ofr_triton_queue *queue, const struct ofr_triton_policy *policy,
                          uint32_t levels, struct ofr_error *err)
{
    queue->level = calloc(levels, sizeof *queue->level);
    if (!queue->level)
        return ofr_fail_nomem(err, "a batcher");
    queue->levels = levels;
    int rc = 0;
    for (uint32_t i = 0; i < levels && !rc; ++i) {
        struct ofr_triton_level *level = &queue->level[i];
        level->policy = policy[i];
        level->expiry_ns = OFR_NEVER_NS;
        rc = ofr_slot_queue_init(&level->live, err);
        if (!rc)
            rc = ofr_slot_queue_init(&level->delayed, err);
    }
    return rc;
}

void ofr_triton_queue_release(struct ofr_triton_queue *queue)
{
    for (uint32_t i = 0; i < queue->levels; ++i) {
        ofr_slot_queue_release(&queue->level[i].live);
        ofr_slot_queue_release(&queue->level[i].delayed);
    }
    free(queue->level);
}

static uint32_t level_count(const struct ofr_triton_level *level)
{
    return level->live.count + level->delayed.count;
}

static int64_t expiry_of(const struct ofr_triton_queue *queue, const struct ofr_triton_level *level,
                         const struct ofr_request *request)
{
    int64_t timeout_ns = level->policy.timeout_ns;
    int64_t own_ns = queue->override && queue->wish ? queue->wish[request->stream].timeout_ns : -1;
    if (own_ns >= 0 && (timeout_ns == 0 || own_ns < timeout_ns))
        timeout_ns = own_ns;
    else if (timeout_ns == 0)
        return OFR_NEVER_NS;
    return ofr_batcher_later(request->admitted_ns, timeout_ns);
}

int ofr_triton_queue_push(struct ofr_triton_queue *queue, const struct ofr_batcher_view *view, uint32_t slot,
                          struct ofr_error *err)
{
    const struct ofr_request *request = &view->request[slot];
    uint32_t priority = queue->wish ? queue->wish[request->stream].priority : 0;
    struct ofr_triton_level *level = &queue->level[priority ? priority - 1 : queue->default_level];
    if (level_count(level) >= level->policy.max_queue)
        return 0;
    int rc = ofr_slot_queue_push(&level->live, slot, err);
    /* Room for every live request to be delayed later, when nothing may fail any more. */
    while (!rc && level->policy.delay && level->delayed.mask < level_count(level))
        rc = ofr_slot_queue_grow(&level->delayed, err);
    if (rc)
        return rc;
    queue->count++;
    if (queue->override) {
        int64_t expiry_ns = expiry_of(queue, level, request);
        level->expiry_ns = expiry_ns < level->expiry_ns ? expiry_ns : level->expiry_ns;
    }
    return 1;
}

static void expire_one(struct ofr_triton_queue *queue, struct ofr_triton_level *level,
                       const struct ofr_batcher_view *view, uint32_t slot)
{
    if (level->policy.delay) {
        ofr_slot_queue_push(&level->delayed, slot, NULL); /* push has made room */
        return;
    }
    queue->count--;
    view->discard(view->host, slot, OFR_OUTCOME_EXPIRED);
}

/* Timeouts differ from request to request: looks at every one, and keeps the order of those that stay. */
static void expire_mixed(struct ofr_triton_queue *queue, struct ofr_triton_level *level,
                         const struct ofr_batcher_view *view)
{
    int64_t next_ns = OFR_NEVER_NS;
    for (uint32_t left = level->live.count; left > 0; --left) {
        uint32_t slot = ofr_slot_queue_pop(&level->live);
        int64_t expiry_ns = expiry_of(queue, level, &view->request[slot]);
        if (view->now_ns >= expiry_ns) {
            expire_one(queue, level, view, slot);
            continue;
        }
        ofr_slot_queue_push(&level->live, slot, NULL); /* into the place just left */
        next_ns = expiry_ns < next_ns ? expiry_ns : next_ns;
    }
    level->expiry_ns = next_ns;
}

static int64_t head_expiry_ns(const struct ofr_triton_queue *queue, const struct ofr_triton_level *level,
                              const struct ofr_batcher_view *view)
{
    if (level->live.count == 0)
        return OFR_NEVER_NS;
    return expiry_of(queue, level, &view->request[ofr_slot_queue_at(&level->live, 0)]);
}

void ofr_triton_queue_expire(struct ofr_triton_queue *queue, const struct ofr_batcher_view *view)
{
    for (uint32_t i = 0; i < queue->levels; ++i) {
        struct ofr_triton_level *level = &queue->level[i];
        if (queue->override && view->now_ns >= level->expiry_ns)
            expire_mixed(queue, level, view);
        /* With one timeout for all, those that expire are the oldest live ones. */
        while (!queue->override && view->now_ns >= head_expiry_ns(queue, level, view))
            expire_one(queue, level, view, ofr_slot_queue_pop(&level->live));
    }
}

int64_t ofr_triton_queue_expiry_ns(const struct ofr_triton_queue *queue, const struct ofr_batcher_view *view)
{
    int64_t next_ns = OFR_NEVER_NS;
    for (uint32_t i = 0; i < queue->levels; ++i) {
        const struct ofr_triton_level *level = &queue->level[i];
        int64_t expiry_ns = level->live.count == 0 ? OFR_NEVER_NS
                            : queue->override      ? level->expiry_ns
                                                   : head_expiry_ns(queue, level, view);
        next_ns = expiry_ns < next_ns ? expiry_ns : next_ns;
    }
    return next_ns;
}

static int64_t admitted_ns(const struct ofr_batcher_view *view, const struct ofr_slot_queue *queue,
                           uint32_t position)
{
    return view->request[ofr_slot_queue_at(queue, position)].admitted_ns;
}

int64_t ofr_triton_queue_oldest_ns(const struct ofr_triton_queue *queue, const struct ofr_batcher_view *view,
                                   uint32_t pending)
{
    int64_t oldest_ns = OFR_NEVER_NS;
    for (uint32_t i = 0; i < queue->levels && pending > 0; ++i) {
        const struct ofr_triton_level *level = &queue->level[i];
        uint32_t here = pending < level_count(level) ? pending : level_count(level);
        uint32_t delayed = here > level->live.count ? here - level->live.count : 0;
        if (level->live.count > 0 && here > 0 && admitted_ns(view, &level->live, 0) < oldest_ns)
            oldest_ns = admitted_ns(view, &level->live, 0);
        /* Only where timeouts differ need the first to expire not be the oldest. */
        for (uint32_t at = 0; at < delayed && (at == 0 || queue->override); ++at)
            if (admitted_ns(view, &level->delayed, at) < oldest_ns)
                oldest_ns = admitted_ns(view, &level->delayed, at);
        pending -= here;
    }
    return oldest_ns;
}

void ofr_triton_queue_take(struct ofr_triton_queue *queue, uint32_t count, uint32_t *out)
{
    queue->count -= count;
    for (uint32_t i = 0; count > 0; ++i) {
        struct ofr_triton_level *level = &queue->level[i];
        uint32_t live = count < level->live.count ? count : level->live.count;
        uint32_t delayed = count - live < level->delayed.count ? count - live : level->delayed.count;
        ofr_slot_queue_take(&level->live, live, out);
        ofr_slot_queue_take(&level->delayed, delayed, out + live);
        out += live + delayed;
        count -= live + delayed;
    }
}
