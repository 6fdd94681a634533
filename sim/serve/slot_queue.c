#include "sim/serve/slot_queue.h"

#include <stdlib.h>
#include <string.h>

enum {
    FIRST_CAPACITY = 64
};

int ofr_slot_queue_init(struct ofr_slot_queue *queue, struct ofr_error *err)
{
    *queue = (struct ofr_slot_queue){.slot = malloc(FIRST_CAPACITY * sizeof(uint32_t)),
                                     .mask = FIRST_CAPACITY - 1};
    return queue->slot ? 0 : ofr_fail_nomem(err, "a request queue");
}

void ofr_slot_queue_release(struct ofr_slot_queue *queue)
{
    free(queue->slot);
    *queue = (struct ofr_slot_queue){0};
}

int ofr_slot_queue_grow(struct ofr_slot_queue *queue, struct ofr_error *err)
{
    uint32_t old = queue->mask + 1;
    if (old > UINT32_MAX / 2)
        return ofr_fail(err, OFR_E_NOMEM, "more than %u requests wait at once", old);
    uint32_t *slot = malloc(2 * (size_t)old * sizeof *slot);
    if (!slot)
        return ofr_fail_nomem(err, "a request queue");
    uint32_t first = old - queue->head;
    memcpy(slot, queue->slot + queue->head, first * sizeof *slot);
    memcpy(slot + first, queue->slot, queue->head * sizeof *slot);
    free(queue->slot);
    queue->slot = slot;
    queue->head = 0;
    queue->mask = 2 * old - 1;
    return 0;
}
