#include "sim/serve/deadline_queue.h"

#include <stdlib.h>

enum {
    FIRST_CAPACITY = 64
};

int ofr_deadline_queue_init(struct ofr_deadline_queue *queue, struct ofr_error *err)
{
    *queue = (struct ofr_deadline_queue){.entry = malloc(FIRST_CAPACITY * sizeof *queue->entry),
                                         .mask = FIRST_CAPACITY - 1};
    return queue->entry ? 0 : ofr_fail_nomem(err, "a deadline queue");
}

void ofr_deadline_queue_release(struct ofr_deadline_queue *queue)
{
    free(queue->entry);
    *queue = (struct ofr_deadline_queue){0};
}

static int grow(struct ofr_deadline_queue *queue, struct ofr_error *err)
{
    uint32_t old = queue->mask + 1;
    if (old > UINT32_MAX / 2)
        return ofr_fail(err, OFR_E_NOMEM, "more than %u requests wait at once", old);
    struct ofr_deadline_entry *entry = malloc(2 * (size_t)old * sizeof *entry);
    if (!entry)
        return ofr_fail_nomem(err, "a deadline queue");
    for (uint32_t i = 0; i < queue->count; ++i)
        entry[i] = *ofr_deadline_queue_at(queue, i);
    free(queue->entry);
    queue->entry = entry;
    queue->head = 0;
    queue->mask = 2 * old - 1;
    return 0;
}

uint32_t ofr_deadline_queue_find(const struct ofr_deadline_queue *queue, int64_t deadline_ns)
{
    uint32_t low = 0, high = queue->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (ofr_deadline_queue_at(queue, middle)->deadline_ns < deadline_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Where an entry belongs: behind all whose deadline is not later. */
static uint32_t place(const struct ofr_deadline_queue *queue, int64_t deadline_ns)
{
    if (queue->count == 0 || ofr_deadline_queue_at(queue, queue->count - 1)->deadline_ns <= deadline_ns)
        return queue->count;
    return ofr_deadline_queue_find(queue, deadline_ns + 1); /* some deadline is later: no overflow */
}

int ofr_deadline_queue_insert(struct ofr_deadline_queue *queue, int64_t deadline_ns, uint32_t slot,
                              struct ofr_error *err)
{
    int rc = queue->count > queue->mask ? grow(queue, err) : 0;
    if (rc)
        return rc;
    uint32_t position = place(queue, deadline_ns);
    if (position > queue->count / 2) {
        for (uint32_t i = queue->count; i > position; --i)
            *ofr_deadline_queue_at(queue, i) = *ofr_deadline_queue_at(queue, i - 1);
    } else {
        queue->head = (queue->head - 1) & queue->mask;
        for (uint32_t i = 0; i < position; ++i)
            *ofr_deadline_queue_at(queue, i) = *ofr_deadline_queue_at(queue, i + 1);
    }
    *ofr_deadline_queue_at(queue, position) =
        (struct ofr_deadline_entry){.deadline_ns = deadline_ns, .slot = slot};
    queue->count++;
    return 0;
}

void ofr_deadline_queue_take(struct ofr_deadline_queue *queue, uint32_t position, uint32_t count,
                             uint32_t *slot)
{
    for (uint32_t i = 0; i < count; ++i)
        slot[i] = ofr_deadline_queue_at(queue, position + i)->slot;
    uint32_t behind = queue->count - position - count;
    if (position <= behind) {
        for (uint32_t i = position; i > 0; --i)
            *ofr_deadline_queue_at(queue, i - 1 + count) = *ofr_deadline_queue_at(queue, i - 1);
        queue->head = (queue->head + count) & queue->mask;
    } else {
        for (uint32_t i = 0; i < behind; ++i)
            *ofr_deadline_queue_at(queue, position + i) = *ofr_deadline_queue_at(queue, position + count + i);
    }
    queue->count -= count;
}
