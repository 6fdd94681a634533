#include "sim/serve/places.h"

#include <stdlib.h>

int ofr_places_init(struct ofr_places *places, uint32_t max_batch, struct ofr_error *err)
{
    uint32_t capacity = OFR_PLACES_PER_ROW * max_batch;
    *places = (struct ofr_places){.free = calloc(capacity, sizeof *places->free),
                                  .running = calloc(capacity, sizeof *places->running),
                                  .capacity = capacity};
    if (!places->free || !places->running)
        return ofr_fail_nomem(err, "places for inputs");
    while (places->free_count < capacity) {
        places->free[places->free_count] = capacity - places->free_count; /* 1 is taken first */
        places->free_count++;
    }
    return OFR_OK;
}

void ofr_places_release(struct ofr_places *places)
{
    free(places->free);
    free(places->running);
    *places = (struct ofr_places){0};
}

uint32_t ofr_places_take(struct ofr_places *places)
{
    return places->free_count ? places->free[--places->free_count] : OFR_PLACE_NONE;
}

void ofr_places_give(struct ofr_places *places, uint32_t place)
{
    places->free[places->free_count++] = place;
}

uint32_t ofr_places_submit(struct ofr_places *places, const uint32_t *place, uint32_t rows)
{
    while (places->running_count)
        ofr_places_give(places, places->running[--places->running_count]);
    for (uint32_t row = 0; row < rows; ++row)
        if (place[row] != OFR_PLACE_NONE)
            places->running[places->running_count++] = place[row];
    return places->running_count;
}
