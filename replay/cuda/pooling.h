/* Pooling folded into the kernel that makes what is pooled: each of its blocks adds its pixels' share of the means, in
 * units of 2^-40, to sums in memory: whole numbers, the same in any order. A ramp finds the means there, and leaves zeros.
 *
 * Only while the site's ramp is on: nobody else takes the sums away. */
#ifndef OFR_REPLAY_CUDA_POOLING_H
#define OFR_REPLAY_CUDA_POOLING_H

#include "replay/cuda/control.h"

#include <stdint.h>

enum {
    OFR_CUDA_POOLING_COPIES = 8,        /* where some hundred blocks would add to one sum */
    OFR_CUDA_POOLING_MOST_COPIED = 256, /* channels: a thread of a ramp has one */
    OFR_CUDA_POOLING_BITS = 40,
};

struct ofr_cuda_pooling {
    int64_t *sum;                           /* [copies][n][c] zero, device; NULL: nothing is pooled */
    const struct ofr_cuda_control *control; /* device */
    uint32_t site, copies;                  /* copies: a power of two */
    float scale;                            /* 2^40 / pixels */
};

static inline uint32_t ofr_cuda_pooling_copies(uint32_t pixels, uint32_t channels)
{
    return pixels > 64 * 64 && channels <= OFR_CUDA_POOLING_MOST_COPIED ? OFR_CUDA_POOLING_COPIES : 1;
}

/* What values of up to 65,504 need: their mean in units of 2^-40 stays below 2^56. */
static inline float ofr_cuda_pooling_scale(uint32_t pixels)
{
    return (float)(1ull << OFR_CUDA_POOLING_BITS) / (float)pixels;
}

#endif
