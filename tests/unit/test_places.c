/* Places on a device for inputs that travel ahead. */
#include "sim/serve/places.h"

#include <criterion/criterion.h>

/* Hand a place out twice, or take those of the running batch for free, and it fails. */
Test(places, a_place_has_one_owner)
{
    enum {
        BATCH = 4,
        PLACES = OFR_PLACES_PER_ROW * BATCH
    };
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_places places;
    uint32_t taken[PLACES], owners[PLACES + 1] = {0};
    cr_assert_eq(ofr_places_init(&places, BATCH, &err), 0);
    for (uint32_t i = 0; i < PLACES; ++i) {
        taken[i] = ofr_places_take(&places);
        cr_assert(taken[i] >= 1 && taken[i] <= PLACES);
        cr_expect_eq(owners[taken[i]]++, 0, "place %u was handed out twice", taken[i]);
    }
    cr_expect_eq(ofr_places_take(&places), OFR_PLACE_NONE, "there are no more");
    cr_expect_eq(ofr_places_submit(&places, taken, BATCH), BATCH);
    cr_expect_eq(ofr_places_take(&places), OFR_PLACE_NONE, "the batch still reads its own");
    const uint32_t next[3] = {taken[BATCH], OFR_PLACE_NONE, taken[BATCH + 1]};
    cr_expect_eq(ofr_places_submit(&places, next, 3), 2, "one row travels with the batch");
    for (uint32_t i = 0; i < BATCH; ++i) {
        uint32_t place = ofr_places_take(&places), own = 0;
        while (own < BATCH && taken[own] != place)
            ++own;
        cr_expect_lt(own, BATCH, "place %u belongs to the running batch or to one that waits", place);
    }
    cr_expect_eq(ofr_places_take(&places), OFR_PLACE_NONE);
    ofr_places_give(&places, taken[PLACES - 1]);
    cr_expect_eq(ofr_places_take(&places), taken[PLACES - 1], "its request left without a batch");
    ofr_places_release(&places);
}
