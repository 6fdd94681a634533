/* What an online policy remembers of the past: for a bounded sample of the inputs it was fed, the score bin
 * of every active ramp and whether that ramp was wrong.
 *
 * Scores are kept as bins, eight to an octave from 2^-11 up (relative width 9 %); a threshold at a bin's
 * lower edge separates them exactly. Once the memory is full it halves itself - every second record stays and
 * from then on only every second input is taken - up to a stride of `most_stride`; after that the oldest give
 * way. It thus spans a long time where inputs are alike for a long time (video), without growing.
 */
#ifndef OFR_POLICY_EXIT_MEMORY_H
#define OFR_POLICY_EXIT_MEMORY_H

#include "sim/policy/ramp_set.h"

#include <stdint.h>
#include <string.h>

enum {
    OFR_SCORE_BINS = 128,               /* bins 0..OFR_SCORE_BINS-2; */
    OFR_BIN_NEVER = OFR_SCORE_BINS - 1, /* no score: the ramp was not active */
};

struct ofr_exit_memory {
    uint32_t capacity, count, next; /* records; `next` is overwritten once the stride has reached its bound */
    uint32_t stride, most_stride, phase;
    uint32_t sites;
    uint8_t *bin; /* [capacity][OFFRAMP_MAX_SITES] by site; OFR_BIN_NEVER: no ramp was active there; owned */
    uint64_t *wrong; /* [capacity] bit s: the ramp at site s disagreed with the full model; owned */
};

/* Bin of a score >= 0: 0 below 2^-11, then by the float's exponent and three bits of its fraction. */
static inline uint8_t ofr_score_bin(float score)
{
    uint32_t bits;
    memcpy(&bits, &score, sizeof bits);
    int32_t octave_eighth = (int32_t)(bits >> 20) - ((127 - 11) << 3);
    if (octave_eighth < 0)
        return 0;
    return (uint8_t)(octave_eighth < OFR_BIN_NEVER - 2 ? octave_eighth + 1 : OFR_BIN_NEVER - 1);
}

/* Lower edge of a bin: scores in bins below it are smaller, strictly. Bin 0: 0. */
double ofr_score_bin_edge(uint32_t bin);

/* 0, or -1 when out of memory. */
int ofr_exit_memory_init(struct ofr_exit_memory *memory, uint32_t capacity, uint32_t most_stride,
                         uint32_t ramps);
void ofr_exit_memory_release(struct ofr_exit_memory *memory);
/* Makes `memory` remember what `from` does; both have the same capacity. */
void ofr_exit_memory_copy(struct ofr_exit_memory *memory, const struct ofr_exit_memory *from);

/* Whether the next input is one of those taken; counts it. */
static inline bool ofr_exit_memory_takes(struct ofr_exit_memory *memory)
{
    if (++memory->phase < memory->stride)
        return false;
    memory->phase = 0;
    return true;
}

/* Stores one input: score and answer of every ramp of the set, and the full model's answer. */
void ofr_exit_memory_add(struct ofr_exit_memory *memory, const struct ofr_ramp_set *set, const float *score,
                         const uint16_t *answer, uint16_t final_answer);
void ofr_exit_memory_clear(struct ofr_exit_memory *memory);

#endif
