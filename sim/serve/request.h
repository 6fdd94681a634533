/* Requests in the system and the pool they live in.
 *
 * A request occupies a slot from its arrival until its outcome is known. Queues, batchers and batches hold
 * slot numbers, never pointers, because the pool may grow.
 */
#ifndef OFR_SERVE_REQUEST_H
#define OFR_SERVE_REQUEST_H

#include "sim/base/error.h"

#include <stdint.h>

#define OFR_NEVER_NS INT64_MAX /* a time that does not come; also "no deadline" */

/* Where the input of a request is. Only runs whose inputs travel ahead (serve_inputs.c) ever say more than HERE and GONE. */
enum ofr_input_state {
    OFR_INPUT_HERE,    /* with the host */
    OFR_INPUT_TRAVELS, /* on its way to its place on the device, or there */
    OFR_INPUT_GONE,    /* with its batch, or with a request that is lost */
};

struct ofr_request {
    uint64_t id;         /* 0.. in order of arrival */
    int64_t arrival_ns;  /* intended arrival */
    int64_t admitted_ns; /* joined the queue */
    int64_t deadline_ns; /* arrival + SLO; OFR_NEVER_NS = none */
    uint32_t sample;     /* row of the recording */
    uint32_t stream;     /* arrival stream */
    uint32_t place;      /* of its input; see sim/serve/places.h */
    uint32_t input;      /* enum ofr_input_state */
};

struct ofr_request_pool {
    struct ofr_request *request; /* [capacity], owned */
    uint32_t *free_slot;         /* stack of free slots, owned */
    uint32_t capacity, free_count;
};

int ofr_request_pool_init(struct ofr_request_pool *pool, uint32_t capacity, struct ofr_error *err);
void ofr_request_pool_release(struct ofr_request_pool *pool);
/* Doubles the pool; request pointers taken before are void, slot numbers stay. */
int ofr_request_pool_grow(struct ofr_request_pool *pool, struct ofr_error *err);

/* A free slot; call ofr_request_pool_grow first when free_count is 0. */
static inline uint32_t ofr_request_pool_take(struct ofr_request_pool *pool)
{
    return pool->free_slot[--pool->free_count];
}

static inline void ofr_request_pool_give(struct ofr_request_pool *pool, uint32_t slot)
{
    pool->free_slot[pool->free_count++] = slot;
}

static inline uint32_t ofr_request_pool_in_use(const struct ofr_request_pool *pool)
{
    return pool->capacity - pool->free_count;
}

#endif
