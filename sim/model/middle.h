/* The middle of measured times, as profiles are read. */
#ifndef OFR_MODEL_MIDDLE_H
#define OFR_MODEL_MIDDLE_H

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <stdint.h>

/* Mean of the middle four fifths of value[count], which it sorts; `count` is above 0. The device may have two speeds and
 * change between them after some dozens of passes (docs/how-far-to-trust.md): a median would know one of the two, the mean
 * knows what a queue feels. */
static inline double ofr_middle(double *value, uint32_t count)
{
    const uint32_t cut = count / 10;
    gsl_sort(value, 1, count);
    return gsl_stats_mean(value + cut, 1, count - 2 * cut);
}

#endif
