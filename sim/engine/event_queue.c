#include "sim/engine/event_queue.h"

#include "sim/base/error.h"

#include <stdlib.h>
#include <string.h>

enum {
    CACHE_LINE = 64,
    FIRST_EVENTS = 60
};

void ofr_event_queue_init(struct ofr_event_queue *queue, size_t maximum)
{
    *queue = (struct ofr_event_queue){.end = OFR_EVENT_ROOT, .slots = OFR_EVENT_ROOT, .maximum = maximum};
}

void ofr_event_queue_release(struct ofr_event_queue *queue)
{
    free(queue->keys);
    free(queue->data);
    ofr_event_queue_init(queue, queue->maximum);
}

static void empty_slots(ofr_event_key *keys, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        keys[i] = OFR_EVENT_KEY_LAST;
}

void ofr_event_queue_clear(struct ofr_event_queue *queue)
{
    empty_slots(queue->keys, OFR_EVENT_ROOT, queue->end);
    queue->end = OFR_EVENT_ROOT;
    queue->sequence = 0;
    queue->hole = false;
}

/* `queue->slots` counts usable slots and may lie inside a group of children when the maximum does; the arrays
 * are rounded up to whole groups, because the search for the least child reads whole groups. */
static int resize(struct ofr_event_queue *queue, size_t events, struct ofr_error *err)
{
    size_t slots = events + OFR_EVENT_ROOT;
    size_t whole = (slots + 7) / 8 * 8;
    if (slots < events || whole < slots || whole > SIZE_MAX / sizeof(ofr_event_key))
        return ofr_fail_nomem(err, "the event queue");
    ofr_event_key *keys = aligned_alloc(CACHE_LINE, whole * sizeof *keys);
    union ofr_event_data *data = aligned_alloc(CACHE_LINE, whole * sizeof *data);
    if (!keys || !data) {
        free(keys);
        free(data);
        return ofr_fail_nomem(err, "the event queue");
    }
    empty_slots(keys, 0, OFR_EVENT_ROOT);
    if (queue->keys) {
        memcpy(keys, queue->keys, queue->end * sizeof *keys);
        memcpy(data, queue->data, queue->end * sizeof *data);
    }
    empty_slots(keys, queue->end, whole);
    free(queue->keys);
    free(queue->data);
    queue->keys = keys;
    queue->data = data;
    queue->slots = slots;
    return OFR_OK;
}

static int fail_maximum(const struct ofr_event_queue *queue, struct ofr_error *err)
{
    return ofr_fail(err, OFR_E_NOMEM, "the event queue is limited to %zu pending events", queue->maximum);
}

int ofr_event_queue_reserve(struct ofr_event_queue *queue, size_t count, struct ofr_error *err)
{
    if (count > queue->maximum)
        return fail_maximum(queue, err);
    return count > queue->slots - OFR_EVENT_ROOT ? resize(queue, count, err) : OFR_OK;
}

int ofr_event_queue__grow(struct ofr_event_queue *queue, struct ofr_error *err)
{
    size_t have = queue->slots - OFR_EVENT_ROOT;
    if (have >= queue->maximum)
        return fail_maximum(queue, err);
    size_t want = have < FIRST_EVENTS ? FIRST_EVENTS : have > queue->maximum / 2 ? queue->maximum : 2 * have;
    return resize(queue, want < queue->maximum ? want : queue->maximum, err);
}
