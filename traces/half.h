/* Private to recordings: runs of 16-bit floats as 32-bit ones, exactly (see ofr_half_to_float). */
#ifndef OFR_TRACES_HALF_H
#define OFR_TRACES_HALF_H

#include <stddef.h>
#include <stdint.h>

void ofr_halves_to_floats(const uint16_t *half, size_t count, float *out);

#endif
