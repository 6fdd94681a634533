/* Private to workloads/: Poisson arrivals whose rate holds for a stretch of time and then changes.
 *
 * Within a stretch gaps are exponential. A gap that would pass the stretch's end is dropped and drawn anew at
 * the rate of the next stretch, which is exact because an exponential gap has no memory.
 */
#ifndef OFR_WORKLOADS_STRETCH_H
#define OFR_WORKLOADS_STRETCH_H

#include "sim/engine/random.h"
#include "workloads/arrival_internal.h"

struct ofr_stretch {
    struct ofr_random random;
    struct ofr_arrival_clock clock;
    double left_ns;     /* of the current stretch */
    double mean_gap_ns; /* in the current stretch; 0 = nothing arrives */
};

/* Moves the clock to the next arrival of this stretch, or to its end. 1 = an arrival, 0 = the end: set up the
 * next stretch; -1 = the limit of time is reached. */
static inline int ofr_stretch_next(struct ofr_stretch *stretch)
{
    double gap_ns = stretch->mean_gap_ns > 0 ? ofr_random_exponential(&stretch->random, stretch->mean_gap_ns)
                                             : stretch->left_ns;
    if (stretch->mean_gap_ns > 0 && gap_ns < stretch->left_ns) {
        stretch->left_ns -= gap_ns;
        return ofr_arrival_clock_advance(&stretch->clock, gap_ns) ? 1 : -1;
    }
    return ofr_arrival_clock_advance(&stretch->clock, stretch->left_ns) ? 0 : -1;
}

#endif
