#include "replay/nets/half.h"

#include <math.h>
#include <string.h>

uint16_t ofr_half_from_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000u);
    uint32_t rest = bits & 0x7fffffffu;
    if (rest > 0x7f800000u)
        return sign | 0x7e00u;
    if (rest >= 0x477ff000u) /* 65520 and above round to infinity */
        return sign | 0x7c00u;
    if (rest < 0x38800000u) /* below the smallest normal half: units of 2^-24; rintf rounds ties to even */
        return (uint16_t)(sign | (uint16_t)rintf(fabsf(value) * 0x1p24f));
    uint32_t rounded = rest + 0xfffu + (rest >> 13 & 1u);
    return (uint16_t)(sign | (uint16_t)((rounded - (112u << 23)) >> 13));
}
