#include "workloads/time_scale.h"

#include <math.h>

/* Moves the highest set bit to bit 126; returns by how much. */
static int normalise(ofr_u128 *value)
{
    int shift = 0;
    while (!(*value >> 126)) {
        *value <<= 1;
        shift++;
    }
    return shift;
}

/* round(numerator / denominator * 2^63) of a quotient in [1, 2): 2^63 .. 2^64, where 2^64 reads 0. */
static uint64_t divide(ofr_u128 numerator, ofr_u128 denominator)
{
    uint64_t quotient = 0;
    for (int bit = 0; bit < 64; bit++) {
        quotient <<= 1;
        if (numerator >= denominator) {
            numerator -= denominator;
            quotient |= 1;
        }
        numerator <<= 1;
    }
    return quotient + (numerator >= denominator);
}

bool ofr_time_scale_init(struct ofr_time_scale *scale, ofr_u128 numerator, ofr_u128 denominator, int power)
{
    power -= normalise(&numerator);
    power += normalise(&denominator);
    if (numerator < denominator) {
        numerator <<= 1;
        power--;
    }
    uint64_t multiplier = divide(numerator, denominator);
    if (multiplier == 0) {
        multiplier = (uint64_t)1 << 63;
        power++;
    }
    if (power > 61)
        return false;
    /* Below 2^-64 even the latest time becomes 0. */
    *scale = power < -64 ? (struct ofr_time_scale){.multiplier = 0, .shift = 127}
                         : (struct ofr_time_scale){.multiplier = multiplier, .shift = (uint32_t)(63 - power)};
    return true;
}

uint64_t ofr_time_scale_split(double value, int *power)
{
    int exponent;
    uint64_t mantissa = (uint64_t)ldexp(frexp(value, &exponent), 53);
    int zeros = __builtin_ctzll(mantissa);
    *power = exponent - 53 + zeros;
    return mantissa >> zeros;
}
