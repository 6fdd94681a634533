/* The share of time a device was busy, the recent past counting most: an exponential average with the time constant
 * `settle_ns`. A device runs at its settled speed where it is 1, and slower by a measured factor where it is 0 (struct
 * ofr_profile_path, `slower`); profiling and simulation keep it alike.
 */
#ifndef OFR_MODEL_BUSY_SHARE_H
#define OFR_MODEL_BUSY_SHARE_H

#include <gsl/gsl_cdf.h>
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

/* By which share passes are slower on a cold device, of `rounds` pairs of times: their mean, but 0 where that may be noise (a
 * two-sided t test over the rounds, 5 %), or where it is less than OFR_BUSY_SHARE_LEAST: a few rounds of noise may agree by
 * chance. A single round has nothing to be tested by. */
static inline double ofr_busy_share_slower(const double *cold_ns, const double *settled_ns, uint32_t rounds)
{
    double mean = 0.0, squares = 0.0;
    for (uint32_t i = 0; i < rounds; ++i) {
        const double slower = cold_ns[i] / settled_ns[i] - 1.0, from_mean = slower - mean;
        mean += from_mean / (i + 1);
        squares += from_mean * (slower - mean);
    }
    if (rounds == 0 || fabs(mean) < OFR_BUSY_SHARE_LEAST)
        return 0.0;
    if (rounds == 1)
        return mean;
    const double error = sqrt(squares / (rounds - 1) / rounds);
    return fabs(mean) > error * gsl_cdf_tdist_Pinv(0.975, rounds - 1) ? mean : 0.0;
}

#endif
