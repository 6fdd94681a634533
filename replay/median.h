/* The median of measured times. */
#ifndef OFR_REPLAY_MEDIAN_H
#define OFR_REPLAY_MEDIAN_H

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <stdint.h>

/* Of value[count], which it sorts; of an even count the mean of the two in the middle. `count` is above 0. */
static inline double ofr_median(double *value, uint32_t count)
{
    gsl_sort(value, 1, count);
    return gsl_stats_median_from_sorted_data(value, 1, count);
}

#endif
