/* The queue of Triton's dynamic batcher: one queue policy per priority level.
 *
 * Level 1 goes before level 2 and so on; within a level requests are in order of arrival, and those that the
 * policy DELAYed come after the live ones, in the order in which they expired. A request of no priority has
 * the default level.
 *
 * A request expires when it has waited its level's timeout. Where override is allowed, a request may ask for a
 * shorter one (no timeout counts as endless, so that any is shorter). A level turns away who finds max_queue
 * requests in it, delayed ones counted.
 */
#ifndef OFR_SERVE_TRITON_QUEUE_H
#define OFR_SERVE_TRITON_QUEUE_H

#include "sim/serve/batcher.h"
#include "sim/serve/slot_queue.h"

struct ofr_triton_policy {
    int64_t timeout_ns; /* 0 = none */
    uint32_t max_queue; /* UINT32_MAX = unlimited */
    bool delay;         /* what has expired goes last instead of being turned away */
};

struct ofr_triton_level {
    struct ofr_triton_policy policy;
    struct ofr_slot_queue live, delayed;
    int64_t expiry_ns; /* no live request expires before; only kept where override is allowed */
};

struct ofr_triton_queue {
    struct ofr_triton_level *level; /* [levels] the highest first, owned */
    uint32_t levels, default_level; /* default_level counts from 0 */
    uint32_t count;                 /* requests in all levels */
    bool override;
    const struct ofr_stream_wish *wish; /* [streams] or NULL, borrowed */
};

/* `policy` has one entry per level. On failure the queue may be released. */
int ofr_triton_queue_init(struct ofr_triton_queue *queue, const struct ofr_triton_policy *policy,
                          uint32_t levels, struct ofr_error *err);
void ofr_triton_queue_release(struct ofr_triton_queue *queue); /* a zeroed one is allowed */

/* 1 = queued, 0 = its level is full, negative = error. */
int ofr_triton_queue_push(struct ofr_triton_queue *queue, const struct ofr_batcher_view *view, uint32_t slot,
                          struct ofr_error *err);
/* Applies the policies: what has expired is discarded, or goes behind the live requests of its level. */
void ofr_triton_queue_expire(struct ofr_triton_queue *queue, const struct ofr_batcher_view *view);
/* When something may expire next; after ofr_triton_queue_expire this lies ahead. */
int64_t ofr_triton_queue_expiry_ns(const struct ofr_triton_queue *queue, const struct ofr_batcher_view *view);
/* Earliest admission among the first `pending` requests, 1 <= pending <= count. */
int64_t ofr_triton_queue_oldest_ns(const struct ofr_triton_queue *queue, const struct ofr_batcher_view *view,
                                   uint32_t pending);
/* Moves the first `count` requests into `out`. */
void ofr_triton_queue_take(struct ofr_triton_queue *queue, uint32_t count, uint32_t *out);

#endif
