/* CLOCK_MONOTONIC, for whoever measures how long something took; a run's own time is its clock's (sim/engine/clock.h). */
#ifndef OFR_BASE_MONOTONIC_H
#define OFR_BASE_MONOTONIC_H

#include <stdint.h>
#include <time.h>

static inline int64_t ofr_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline double ofr_monotonic_s(void)
{
    return 1e-9 * (double)ofr_monotonic_ns();
}

#endif
