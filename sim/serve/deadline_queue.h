/* Request slots in order of deadline, equal deadlines in order of insertion: the queue of batchers that serve
 * the earliest deadline first.
 *
 * A sorted ring. Where all requests have the same SLO they come in order of deadline and joining is O(1);
 * otherwise the shorter side of the ring makes room. Finding a deadline is a binary search, leaving at the
 * head is O(1). Entries are addressed by position from the head (0 = earliest).
 */
#ifndef OFR_SERVE_DEADLINE_QUEUE_H
#define OFR_SERVE_DEADLINE_QUEUE_H

#include "sim/base/error.h"

#include <stdint.h>

struct ofr_deadline_entry {
    int64_t deadline_ns;
    uint32_t slot;
};

struct ofr_deadline_queue {
    struct ofr_deadline_entry *entry; /* [mask + 1], owned */
    uint32_t mask, head, count;
};

int ofr_deadline_queue_init(struct ofr_deadline_queue *queue, struct ofr_error *err);
void ofr_deadline_queue_release(struct ofr_deadline_queue *queue);
int ofr_deadline_queue_insert(struct ofr_deadline_queue *queue, int64_t deadline_ns, uint32_t slot,
                              struct ofr_error *err);
/* Position of the first entry whose deadline is not before `deadline_ns`; count when there is none. */
uint32_t ofr_deadline_queue_find(const struct ofr_deadline_queue *queue, int64_t deadline_ns);
/* Removes `count` entries from a position on and writes their slots. */
void ofr_deadline_queue_take(struct ofr_deadline_queue *queue, uint32_t position, uint32_t count,
                             uint32_t *slot);

static inline struct ofr_deadline_entry *ofr_deadline_queue_at(const struct ofr_deadline_queue *queue,
                                                               uint32_t position)
{
    return &queue->entry[(queue->head + position) & queue->mask];
}

/* The earliest slot; count > 0. */
static inline uint32_t ofr_deadline_queue_pop(struct ofr_deadline_queue *queue)
{
    uint32_t slot = queue->entry[queue->head].slot;
    queue->head = (queue->head + 1) & queue->mask;
    --queue->count;
    return slot;
}

#endif
