/* The rules of the systems in their longhand form, slow and literal, to hold the batchers against: a deque of
 * batches (TensorFlow-Serving), a request-by-request walk (Triton), a queue per batch size (Clockwork). They
 * take the options of the batcher they stand for from the world that runs them. One at a time: their state
 * is static. */
#ifndef OFR_TESTS_BATCHER_ORACLES_H
#define OFR_TESTS_BATCHER_ORACLES_H

#include "tests/support/batcher_harness.h"

enum {
    ORACLE_ROOM = WORLD_REQUESTS
};

static struct {
    struct world *world;
    uint32_t slot[ORACLE_ROOM], count; /* in queue order */
} oracle;

static inline uint64_t oracle_count(const char *name)
{
    uint64_t value;
    memcpy(&value, world_member(oracle.world, name), sizeof value);
    return value;
}

static inline int64_t oracle_time(const char *name)
{
    int64_t value;
    memcpy(&value, world_member(oracle.world, name), sizeof value);
    return value;
}

static inline void oracle_remove(uint32_t position, uint32_t count)
{
    memmove(oracle.slot + position, oracle.slot + position + count,
            (oracle.count - position - count) * sizeof *oracle.slot);
    oracle.count -= count;
}

static inline int oracle_create(void **state, const struct ofr_batcher_setup *setup, const void *options,
                                struct ofr_error *err)
{
    (void)setup;
    (void)options;
    (void)err;
    *state = &oracle;
    return 0;
}

static inline void oracle_destroy(void *state)
{
    (void)state;
}

static inline uint32_t oracle_waiting(const void *state)
{
    (void)state;
    return oracle.count;
}

/* ---- TensorFlow-Serving ---- */

static struct {
    uint32_t size[ORACLE_ROOM]; /* of the batches in the deque, oldest first; the last is open */
    uint32_t batches;
    int64_t open_ns;
} deque;

static inline uint32_t deque_max_batch(const void *state)
{
    (void)state;
    return (uint32_t)oracle_count("max_batch");
}

static inline int deque_enqueue(void *state, const struct ofr_batcher_view *view, uint32_t slot,
                                struct ofr_error *err)
{
    (void)err;
    if (deque.size[deque.batches - 1] + 1 > deque_max_batch(state)) {
        if (deque.batches >= oracle_count("max_enqueued_batches"))
            return 0;
        deque.size[deque.batches++] = 0;
    }
    if (deque.size[deque.batches - 1]++ == 0)
        deque.open_ns = view->now_ns;
    oracle.slot[oracle.count++] = slot;
    return 1;
}

static inline bool deque_next(void *state, const struct ofr_batcher_view *view, struct ofr_plan *plan)
{
    bool closed = deque.batches > 1;
    uint32_t size = deque.size[0];
    int64_t due_ns = deque.open_ns + oracle_time("batch_timeout");
    if (size == 0 || view->idle_server < 0)
        return false;
    if (!closed && size < deque_max_batch(state) && view->now_ns < due_ns && !view->draining) {
        plan->wake_ns = due_ns;
        return false;
    }
    plan->count = size;
    memcpy(plan->slot, oracle.slot, size * sizeof *plan->slot);
    oracle_remove(0, size);
    if (!closed)
        deque.size[deque.batches++] = 0;
    memmove(deque.size, deque.size + 1, --deque.batches * sizeof *deque.size);
    return true;
}

static const struct ofr_batcher_ops oracle_tfserving = {.create = oracle_create,
                                                        .destroy = oracle_destroy,
                                                        .enqueue = deque_enqueue,
                                                        .next = deque_next,
                                                        .waiting = oracle_waiting,
                                                        .max_batch = deque_max_batch};

/* ---- Triton ---- */

static struct {
    uint32_t payload[256], size;
    bool full;
    bool expired[ORACLE_ROOM]; /* [slot] has been delayed */
} walk;

static inline bool walk_is_preferred(uint32_t size)
{
    const struct offramp_reals *list = world_member(oracle.world, "preferred_batch_size");
    for (uint32_t i = 0; i < list->count; ++i)
        if ((uint32_t)list->item[i] == size)
            return true;
    return list->count == 0 && size == oracle_count("max_batch");
}

static inline uint32_t walk_largest(void)
{
    uint32_t size = (uint32_t)oracle_count("max_batch");
    while (!walk_is_preferred(size))
        --size;
    return size;
}

static inline uint32_t walk_waiting(const void *state)
{
    (void)state;
    return oracle.count + walk.size;
}

static inline uint32_t walk_level(const struct ofr_batcher_view *view, uint32_t slot)
{
    const struct world *w = oracle.world;
    uint32_t priority = w->streams ? w->wish[view->request[slot].stream].priority : 0;
    return priority ? priority : (uint32_t)oracle_count("default_priority_level");
}

/* Place in the queue: by level, those delayed behind the others of their level, then in order of coming. */
static inline void walk_insert(const struct ofr_batcher_view *view, uint32_t slot)
{
    uint32_t key = 2 * walk_level(view, slot) + walk.expired[slot], at = oracle.count++;
    for (; at > 0; --at) {
        uint32_t before = oracle.slot[at - 1];
        if (2 * walk_level(view, before) + walk.expired[before] <= key)
            break;
        oracle.slot[at] = before;
    }
    oracle.slot[at] = slot;
}

static inline int walk_enqueue(void *state, const struct ofr_batcher_view *view, uint32_t slot,
                               struct ofr_error *err)
{
    (void)state;
    (void)err;
    uint32_t level = walk_level(view, slot), same = 0;
    uint64_t limit = oracle_count("max_queue_size");
    const struct offramp_reals *limits = world_member(oracle.world, "priority_max_queue_size");
    if (limits->count)
        limit = (uint64_t)limits->item[level - 1];
    for (uint32_t i = 0; i < oracle.count; ++i)
        same += walk_level(view, oracle.slot[i]) == level;
    if (limit && same >= limit)
        return 0;
    walk_insert(view, slot);
    return 1;
}

/* When a request expires; never = does not. */
static inline int64_t walk_due_ns(const struct ofr_batcher_view *view, uint32_t slot)
{
    int64_t timeout_ns = oracle_time("default_timeout");
    const struct offramp_texts *timeouts = world_member(oracle.world, "priority_default_timeout");
    if (timeouts->count)
        timeout_ns = strtoll(timeouts->item[walk_level(view, slot) - 1], NULL, 10) * WORLD_US;
    const uint8_t *override = world_member(oracle.world, "allow_timeout_override");
    int64_t own_ns = *override ? oracle.world->wish[view->request[slot].stream].timeout_ns : -1;
    if (own_ns >= 0 && (timeout_ns == 0 || own_ns < timeout_ns))
        return view->request[slot].admitted_ns + own_ns;
    return timeout_ns ? view->request[slot].admitted_ns + timeout_ns : OFR_NEVER_NS;
}

static inline bool walk_delays(const struct ofr_batcher_view *view, uint32_t slot)
{
    int32_t action;
    memcpy(&action, world_member(oracle.world, "timeout_action"), sizeof action);
    const struct offramp_texts *list = world_member(oracle.world, "priority_timeout_action");
    return list->count ? strcmp(list->item[walk_level(view, slot) - 1], "delay") == 0 : action == 1;
}

static inline void walk_policy(const struct ofr_batcher_view *view, int64_t *nearest_ns)
{
    for (uint32_t i = 0; i < oracle.count;) {
        uint32_t slot = oracle.slot[i];
        int64_t due_ns = walk_due_ns(view, slot);
        bool due = !walk.expired[slot] && view->now_ns >= due_ns;
        if (!due && !walk.expired[slot] && due_ns < *nearest_ns)
            *nearest_ns = due_ns;
        i += !due;
        if (!due)
            continue;
        oracle_remove(i, 1);
        walk.expired[slot] = true;
        if (walk_delays(view, slot))
            walk_insert(view, slot);
        else
            view->discard(view->host, slot, OFR_OUTCOME_EXPIRED);
    }
}

static inline bool walk_send(uint32_t count)
{
    memcpy(walk.payload + walk.size, oracle.slot, count * sizeof *walk.payload);
    walk.size += count;
    oracle_remove(0, count);
    return count > 0;
}

static inline bool walk_may_top_up(void)
{
    return walk.size > 0 && !walk.full && !walk_is_preferred(walk.size);
}

static inline bool walk_decide(const struct ofr_batcher_view *view, int64_t *wake_ns)
{
    uint32_t pending = 0, point = 0, largest = walk_largest();
    bool remembered = false, send_now = false;
    int64_t limit_ns = oracle_time("max_queue_delay"), oldest_ns = OFR_NEVER_NS;
    if (walk.full || oracle.count == 0)
        return false;
    while (pending < oracle.count) {
        if (walk.size + pending + 1 > largest && !remembered) {
            remembered = true;
            point = pending;
            walk.full = true;
        }
        if (walk.size + pending + 1 > oracle_count("max_batch")) {
            send_now = true;
            break;
        }
        int64_t enqueued_ns = view->request[oracle.slot[pending++]].admitted_ns;
        oldest_ns = enqueued_ns < oldest_ns ? enqueued_ns : oldest_ns;
        if (walk_is_preferred(walk.size + pending)) {
            remembered = true;
            point = pending;
        }
    }
    if (pending == 0)
        return false;
    bool late = limit_ns > 0 && view->now_ns - oldest_ns >= limit_ns;
    if (remembered && !late)
        return walk_send(point);
    if (send_now || walk.size + pending >= largest || late || limit_ns == 0 || walk_may_top_up())
        return walk_send(pending);
    *wake_ns = oldest_ns + limit_ns < *wake_ns ? oldest_ns + limit_ns : *wake_ns;
    return false;
}

static inline bool walk_next(void *state, const struct ofr_batcher_view *view, struct ofr_plan *plan)
{
    (void)state;
    walk_policy(view, &plan->wake_ns);
    for (bool sent = true; sent;) {
        sent = walk_decide(view, &plan->wake_ns);
        if (walk.size > 0 && view->idle_server >= 0) {
            plan->count = walk.size;
            memcpy(plan->slot, walk.payload, walk.size * sizeof *plan->slot);
            walk.size = 0;
            walk.full = false;
            return true;
        }
    }
    return false;
}

static const struct ofr_batcher_ops oracle_triton = {.flags = OFR_BATCHER_AHEAD,
                                                     .create = oracle_create,
                                                     .destroy = oracle_destroy,
                                                     .enqueue = walk_enqueue,
                                                     .next = walk_next,
                                                     .waiting = walk_waiting,
                                                     .max_batch = deque_max_batch};

/* ---- Clockwork: the queue of every batch size is `oracle.slot` with its own heads dropped ---- */

static inline int64_t edf_deadline(const struct ofr_batcher_view *view, uint32_t slot)
{
    int64_t deadline_ns = view->request[slot].deadline_ns;
    if (deadline_ns == OFR_NEVER_NS)
        deadline_ns = view->request[slot].arrival_ns + oracle_time("default_slo");
    return deadline_ns - oracle_time("buffer");
}

static inline int edf_enqueue(void *state, const struct ofr_batcher_view *view, uint32_t slot,
                              struct ofr_error *err)
{
    (void)state;
    (void)err;
    uint32_t at = oracle.count++;
    for (; at > 0 && edf_deadline(view, oracle.slot[at - 1]) > edf_deadline(view, slot); --at)
        oracle.slot[at] = oracle.slot[at - 1];
    oracle.slot[at] = slot;
    return 1;
}

static inline bool edf_next(void *state, const struct ofr_batcher_view *view, struct ofr_plan *plan)
{
    (void)state;
    const struct ofr_profile *profile = &oracle.world->profile;
    int64_t free_ns = OFR_NEVER_NS;
    for (uint32_t i = view->servers; i-- > 0;) {
        int64_t at_ns = view->server[i].free_ns > view->now_ns ? view->server[i].free_ns : view->now_ns;
        free_ns = at_ns < free_ns ? at_ns : free_ns;
    }
    while (oracle.count > 0 && edf_deadline(view, oracle.slot[0]) < free_ns + profile->until_ns[0]) {
        uint32_t slot = oracle.slot[0];
        oracle_remove(0, 1);
        view->discard(view->host, slot, OFR_OUTCOME_DROPPED);
    }
    if (oracle.count == 0 || free_ns >= view->now_ns + oracle_time("schedule_ahead")) {
        plan->wake_ns = oracle.count ? free_ns - oracle_time("schedule_ahead") + 1 : OFR_NEVER_NS;
        return false;
    }
    uint32_t least = UINT32_MAX; /* among equals the one with the fewest batches, then the first */
    for (uint32_t i = 0; i < view->servers; ++i) {
        if (view->server[i].free_ns > free_ns || view->server[i].committed >= least)
            continue;
        plan->server = i;
        least = view->server[i].committed;
    }
    uint32_t from = 0;
    for (uint32_t i = 0; i < profile->batches && profile->batch[i] <= oracle_count("max_batch"); ++i) {
        uint32_t head = 0;
        while (head < oracle.count && edf_deadline(view, oracle.slot[head]) < free_ns + profile->until_ns[i])
            ++head;
        if (oracle.count - head < profile->batch[i])
            break;
        plan->count = profile->batch[i];
        from = head;
    }
    memcpy(plan->slot, oracle.slot + from, plan->count * sizeof *plan->slot);
    oracle_remove(from, plan->count);
    return true;
}

static const struct ofr_batcher_ops oracle_clockwork = {.flags = OFR_BATCHER_AHEAD,
                                                        .create = oracle_create,
                                                        .destroy = oracle_destroy,
                                                        .enqueue = edf_enqueue,
                                                        .next = edf_next,
                                                        .waiting = oracle_waiting,
                                                        .max_batch = deque_max_batch};

static inline void oracle_reset(struct world *world)
{
    oracle.world = world;
    oracle.count = 0;
    memset(&deque, 0, sizeof deque);
    deque.batches = 1;
    memset(&walk, 0, sizeof walk);
}

#endif
