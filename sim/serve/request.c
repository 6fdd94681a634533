#include "sim/serve/request.h"

#include <stdlib.h>

static int resize(struct ofr_request_pool *pool, uint32_t capacity, struct ofr_error *err)
{
    struct ofr_request *request = realloc(pool->request, capacity * sizeof *request);
    if (!request)
        return ofr_fail_nomem(err, "waiting requests");
    pool->request = request;
    uint32_t *free_slot = realloc(pool->free_slot, capacity * sizeof *free_slot);
    if (!free_slot)
        return ofr_fail_nomem(err, "waiting requests");
    pool->free_slot = free_slot;
    for (uint32_t slot = capacity; slot > pool->capacity; --slot)
        pool->free_slot[pool->free_count++] = slot - 1;
    pool->capacity = capacity;
    return 0;
}

int ofr_request_pool_init(struct ofr_request_pool *pool, uint32_t capacity, struct ofr_error *err)
{
    *pool = (struct ofr_request_pool){0};
    return resize(pool, capacity, err);
}

void ofr_request_pool_release(struct ofr_request_pool *pool)
{
    free(pool->request);
    free(pool->free_slot);
    *pool = (struct ofr_request_pool){0};
}

int ofr_request_pool_grow(struct ofr_request_pool *pool, struct ofr_error *err)
{
    if (pool->capacity > UINT32_MAX / 2)
        return ofr_fail(err, OFR_E_NOMEM, "more than %u requests wait at once", pool->capacity);
    return resize(pool, pool->capacity * 2, err);
}
