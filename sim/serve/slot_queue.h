/* First-in first-out ring of request slots, the queue most batchers keep. Grows by doubling; iteration by
 * position from the head (0 = oldest). */
#ifndef OFR_SERVE_SLOT_QUEUE_H
#define OFR_SERVE_SLOT_QUEUE_H

#include "sim/base/error.h"

#include <stdint.h>

struct ofr_slot_queue {
    uint32_t *slot; /* [mask + 1], owned */
    uint32_t mask, head, count;
};

int ofr_slot_queue_init(struct ofr_slot_queue *queue, struct ofr_error *err);
void ofr_slot_queue_release(struct ofr_slot_queue *queue);
int ofr_slot_queue_grow(struct ofr_slot_queue *queue, struct ofr_error *err);

static inline int ofr_slot_queue_push(struct ofr_slot_queue *queue, uint32_t slot, struct ofr_error *err)
{
    if (queue->count > queue->mask) {
        int rc = ofr_slot_queue_grow(queue, err);
        if (rc)
            return rc;
    }
    queue->slot[(queue->head + queue->count++) & queue->mask] = slot;
    return 0;
}

/* The slot at a position from the head; position < count. */
static inline uint32_t ofr_slot_queue_at(const struct ofr_slot_queue *queue, uint32_t position)
{
    return queue->slot[(queue->head + position) & queue->mask];
}

static inline uint32_t ofr_slot_queue_pop(struct ofr_slot_queue *queue)
{
    uint32_t slot = queue->slot[queue->head & queue->mask];
    queue->head = (queue->head + 1) & queue->mask;
    --queue->count;
    return slot;
}

/* Moves the `count` oldest slots into `out`. */
static inline void ofr_slot_queue_take(struct ofr_slot_queue *queue, uint32_t count, uint32_t *out)
{
    for (uint32_t i = 0; i < count; ++i)
        out[i] = ofr_slot_queue_pop(queue);
}

/* Removes the slot at a position, keeping the order of the others. Linear in the position. */
static inline void ofr_slot_queue_remove(struct ofr_slot_queue *queue, uint32_t position)
{
    for (uint32_t i = position; i > 0; --i)
        queue->slot[(queue->head + i) & queue->mask] = ofr_slot_queue_at(queue, i - 1);
    queue->head = (queue->head + 1) & queue->mask;
    --queue->count;
}

#endif
