/* 16-bit floats written: the counterpart of ofr_half_to_float (traces/recording.h). */
#ifndef OFR_REPLAY_NETS_HALF_H
#define OFR_REPLAY_NETS_HALF_H

#include <stdint.h>

/* Nearest, ties to even; too large becomes infinite; NaN stays NaN. */
uint16_t ofr_half_from_float(float value);

#endif
