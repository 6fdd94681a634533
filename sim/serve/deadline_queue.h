/* Request slots in order of deadline, equal deadlines in order of insertion: the queue of batchers that serve
 * the earliest deadline first.
 *
 * Requests of one SLO come in order of deadline, so the queue is a few sorted rings ("runs"), and a request
 * is appended to the run whose last deadline is the closest before its own: in effect one run per SLO, and
 * joining costs the number of runs. When no run fits and there are as many as allowed, one of them makes room
 * in its middle. Looking for a deadline is a binary search in every run.
 */
#ifndef OFR_SERVE_DEADLINE_QUEUE_H
#define OFR_SERVE_DEADLINE_QUEUE_H

#include "sim/base/error.h"

#include <stdint.h>

enum {
    OFR_DEADLINE_RUNS = 16
};

struct ofr_deadline_entry {
    int64_t deadline_ns;
    uint32_t slot;
    uint32_t sequence; /* of insertion, modulo 2^32 */
};

struct ofr_deadline_run {
    struct ofr_deadline_entry *entry; /* [mask + 1], owned */
    uint32_t mask, head, count;
};

struct ofr_deadline_queue {
    struct ofr_deadline_run run[OFR_DEADLINE_RUNS];
    uint32_t runs, count, inserted;
};

int ofr_deadline_queue_init(struct ofr_deadline_queue *queue, struct ofr_error *err);
void ofr_deadline_queue_release(struct ofr_deadline_queue *queue);
int ofr_deadline_queue_insert(struct ofr_deadline_queue *queue, int64_t deadline_ns, uint32_t slot,
                              struct ofr_error *err);
/* The earliest deadline; count > 0. */
int64_t ofr_deadline_queue_first(const struct ofr_deadline_queue *queue);
/* Removes and returns the earliest slot; count > 0. */
uint32_t ofr_deadline_queue_pop(struct ofr_deadline_queue *queue);
/* How many deadlines are at or after `deadline_ns`. */
uint32_t ofr_deadline_queue_from(const struct ofr_deadline_queue *queue, int64_t deadline_ns);
/* Removes the `count` earliest whose deadlines are at or after `deadline_ns` (there must be so many) and
 * writes their slots in order. */
void ofr_deadline_queue_take(struct ofr_deadline_queue *queue, int64_t deadline_ns, uint32_t count,
                             uint32_t *slot);

#endif
