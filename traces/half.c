#include "traces/half.h"

#include "traces/recording.h"

#include <string.h>

/* All ones when `condition`, else 0: selects without a branch, so that compilers vectorise the loop below. */
static inline uint32_t mask(int condition)
{
    return (uint32_t)-condition;
}

/* Shifts exponent and mantissa to their places in a float and moves the exponent's bias; numbers below the
 * smallest normal half are integers in units of 2^-24. */
static inline float convert(uint32_t half)
{
    uint32_t rest = half & 0x7fffu;
    uint32_t special = mask(rest >= 0x7c00u) & (112u << 23); /* infinities and NaNs: the largest exponent */
    uint32_t normal = (rest << 13) + (112u << 23) + special;
    float tiny = (float)(int32_t)rest * 0x1p-24f;
    uint32_t tiny_bits;
    memcpy(&tiny_bits, &tiny, sizeof tiny);
    uint32_t choose = mask(rest < 0x0400u);
    uint32_t bits = (half & 0x8000u) << 16 | (tiny_bits & choose) | (normal & ~choose);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float ofr_half_to_float(uint16_t half)
{
    return convert(half);
}

void ofr_halves_to_floats(const uint16_t *half, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = convert(half[i]);
}
