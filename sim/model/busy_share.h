/* The share of time a device was busy, the recent past counting most: an exponential average with the time constant
 * `settle_ns`. A device runs at its settled speed where it is 1, and slower by a measured factor where it is 0 (struct
 * ofr_profile_path, `slower`); profiling and simulation keep it alike.
 */
#ifndef OFR_MODEL_BUSY_SHARE_H
#define OFR_MODEL_BUSY_SHARE_H

#include <math.h>
#include <stdint.h>

#define OFR_BUSY_SHARE_LEAST 0.005

static inline double ofr_busy_share_idle(double share, double idle_ns, double settle_ns)
{
    return idle_ns > 0.0 ? share * exp(-idle_ns / settle_ns) : share;
}

static inline double ofr_busy_share_busy(double share, double busy_ns, double settle_ns)
{
    return 1.0 - ofr_busy_share_idle(1.0 - share, busy_ns, settle_ns);
}

/* By which share passes are slower on a cold device, of `rounds` pairs of times: their mean, but 0 where the rounds differ
 * among themselves by as much, or where it is less than OFR_BUSY_SHARE_LEAST: three rounds of noise may agree by chance. */
static inline double ofr_busy_share_slower(const double *cold_ns, const double *settled_ns, uint32_t rounds)
{
    double sum = 0.0, least = INFINITY, most = -INFINITY;
    for (uint32_t i = 0; i < rounds; ++i) {
        const double slower = cold_ns[i] / settled_ns[i] - 1.0;
        sum += slower;
        least = fmin(least, slower);
        most = fmax(most, slower);
    }
    if (rounds == 0 || fabs(sum) <= (most - least) * rounds || fabs(sum) < OFR_BUSY_SHARE_LEAST * rounds)
        return 0.0;
    return sum / rounds;
}

#endif
