#include "traces/half.h"

#include "traces/recording.h"

#include <string.h>

/* Shifts sign, exponent and mantissa to their places in a float and moves the exponent's bias; numbers below
 * the smallest normal half are integers in units of 2^-24. No branches, so that compilers vectorise it. */
static inline float convert(uint32_t half)
{
    uint32_t sign = (half & 0x8000u) << 16;
    uint32_t rest = half & 0x7fffu;
    uint32_t special = rest >= 0x7c00u ? (255u - 31u - 112u) << 23 : 0; /* infinities and NaNs */
    uint32_t normal = (rest << 13) + (112u << 23) + special;
    float tiny = (float)(int32_t)rest * 0x1p-24f;
    uint32_t tiny_bits;
    memcpy(&tiny_bits, &tiny, sizeof tiny);
    uint32_t bits = sign | (rest < 0x0400u ? tiny_bits : normal);
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
