/* Processors of a replay's threads: whatever the machine has, no two threads on what may be one core. */
#include "replay/placement.h"

#include <criterion/criterion.h>
#include <sched.h>

Test(placement, numbers_that_commonly_pair)
{
    cr_expect(ofr_placement_may_pair(2, 3, 16));
    cr_expect(ofr_placement_may_pair(3, 2, 16));
    cr_expect_not(ofr_placement_may_pair(3, 4, 16), "of two cores");
    cr_expect(ofr_placement_may_pair(3, 11, 16), "half of all apart");
    cr_expect(ofr_placement_may_pair(11, 3, 16));
    cr_expect_not(ofr_placement_may_pair(3, 10, 16));
    cr_expect_not(ofr_placement_may_pair(2, 4, 15));
}

/* With too few processors nobody has a place; else everybody has one, and no two may be one core. */
Test(placement, everybody_or_nobody_has_a_place)
{
    cpu_set_t allowed;
    cr_assert_eq(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    bool first = ofr_placement_processor(OFR_PLACEMENT_LOOP) >= 0;
    if (CPU_COUNT(&allowed) < OFR_PLACEMENT_ENOUGH)
        cr_expect_not(first);
    for (int a = 0; a < OFR_PLACEMENTS; ++a) {
        int32_t own = ofr_placement_processor((enum ofr_placement)a);
        cr_expect_eq(own >= 0, first);
        cr_expect(own < 0 || CPU_ISSET((size_t)own, &allowed));
        for (int b = 0; b < a && own >= 0; ++b)
            cr_expect_neq(own / 2, ofr_placement_processor((enum ofr_placement)b) / 2);
    }
}

Test(placement, a_thread_that_leaves_has_the_processors_it_had)
{
    cpu_set_t before, within, after;
    cr_assert_eq(sched_getaffinity(0, sizeof before, &before), 0);
    bool taken = ofr_placement_take(OFR_PLACEMENT_LOOP);
    cr_assert_eq(sched_getaffinity(0, sizeof within, &within), 0);
    if (taken)
        cr_expect_eq(CPU_COUNT(&within), 1);
    else
        cr_expect(CPU_EQUAL(&within, &before));
    ofr_placement_leave();
    ofr_placement_leave();
    cr_assert_eq(sched_getaffinity(0, sizeof after, &after), 0);
    cr_expect(CPU_EQUAL(&after, &before));
}
