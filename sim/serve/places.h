/* Places on a device where inputs lie that have travelled ahead of their batch: which are free, which hold the input of
 * a waiting request, which are being read by the running batch. Twice as many as a batch has rows: while one batch runs,
 * the whole next one can travel.
 *
 * One server. A place is free again once the batch that reads it has ended, which is when the next one is submitted, or
 * once its request has left without a batch.
 */
#ifndef OFR_SERVE_PLACES_H
#define OFR_SERVE_PLACES_H

#include "sim/base/error.h"

#include <stdint.h>

enum {
    OFR_PLACE_NONE = 0,     /* the input has not travelled */
    OFR_PLACES_PER_ROW = 2, /* of the largest batch */
};

struct ofr_places {
    uint32_t *free;    /* [capacity] stack, owned; places are 1 .. capacity */
    uint32_t *running; /* [capacity] of the running batch, owned */
    uint32_t capacity, free_count, running_count;
};

/* Errors: OFR_E_NOMEM. Release in any case. */
int ofr_places_init(struct ofr_places *places, uint32_t max_batch, struct ofr_error *err);
void ofr_places_release(struct ofr_places *places);

/* A free place, now the caller's; OFR_PLACE_NONE when there is none. */
uint32_t ofr_places_take(struct ofr_places *places);
/* Its request left without a batch. */
void ofr_places_give(struct ofr_places *places, uint32_t place);
/* A batch is submitted that reads these places ([rows], OFR_PLACE_NONE among them): the one before has ended, and its
 * places are free again. Returns how many rows have travelled. */
uint32_t ofr_places_submit(struct ofr_places *places, const uint32_t *place, uint32_t rows);

#endif
