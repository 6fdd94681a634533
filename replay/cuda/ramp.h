/* A ramp as one kernel: pool -> linear -> softmax -> arg-max, top probability, entropy -> compare -> one 64-bit
 * cell in memory the host sees.
 *
 * The mean is linear, and so is what follows up to the logits: a block pools a share of the pixels of a slice of the
 * channels, multiplies it by the same slice of every class's weights, and adds what it finds to every logit, in memory,
 * as a whole number of units of 2^-28: such a sum is the same in any order. Its upper bits count the blocks that have
 * added to it. A row's last block waits for a logit until all have, puts zero in its place, and answers. So blocks need
 * no fence and no counter to meet, and nobody waits for a block that has not started but for those before it.
 *
 * Logits are cut off at 2^20; means and weights must be finite.
 *
 * Which shape is fastest depends on the site: ofr_cuda_ramp_shapes lists those worth timing.
 */
#ifndef OFR_REPLAY_CUDA_RAMP_H
#define OFR_REPLAY_CUDA_RAMP_H

#include "replay/cuda/pooling.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct CUstream_st;

struct ofr_cuda_ramp {
    const void *in;     /* f16 [n][pixels][c] */
    const void *weight; /* f16, packed: [c / 8][classes, padded to 8][8]; else [classes][c] */
    const void *bias;   /* f16 [classes] */
    uint32_t n, pixels, first_pixel, pooled; /* pools `pooled` pixels of `pixels` from the first on */
    uint32_t c, classes;                     /* c: multiple of 8, at most 2048 */
    uint32_t site;
    bool packed;                            /* else ramp_token.h's way: one pixel, few classes */
    const struct ofr_cuda_control *control; /* device */
    float *logits;                          /* [n][classes], device */
    uint64_t *cell;                         /* [n], mapped */
    uint64_t *stamp;     /* [n] global timer when the cell is written, mapped; NULL = not wanted */
    int64_t *pooled_sum; /* [copies][n][c], of struct ofr_cuda_pooling; NULL: the ramp pools itself */
    uint32_t copies;
    uint64_t *sum; /* [n][sums] zero, device */
    uint32_t sums; /* ofr_cuda_ramp_sums() */
};

struct ofr_cuda_ramp_shape {
    uint32_t vectors; /* of 8 channels that a block has: 2, 4, 8; 0: ramp_classes.h's way with pooled_sum */
    uint32_t shares;  /* blocks that share the pixels of the same channels */
    uint32_t rows;    /* of a block: 1, 2, 4, 8 */
    uint32_t threads; /* of a block: 128 or 256; 0: ramp_token.h's way */
    uint32_t classes; /* of a block, 8, 16, 32: ramp_classes.h's way; 0: every block has all */
};

enum {
    OFR_CUDA_RAMP_MAX_C = 2048,
    OFR_CUDA_RAMP_MAX_SHAPES = 192,
    OFR_CUDA_RAMP_CLASSES_ROWS = 2, /* of a batch, at most, in ramp_classes.h's way */
    OFR_CUDA_RAMP_MAX_BLOCKS = 128, /* of a row, in ramp_classes.h's way */
};

/* Sums a row needs. */
static inline uint32_t ofr_cuda_ramp_sums(uint32_t classes)
{
    const uint32_t least = OFR_CUDA_RAMP_MAX_C + 2 * OFR_CUDA_RAMP_MAX_BLOCKS;
    return classes > least ? (classes + 7) / 8 * 8 : least;
}

int ofr_cuda_ramp_prepare(void); /* as ofr_cuda_conv_prepare */
uint32_t ofr_cuda_ramp_shapes(const struct ofr_cuda_ramp *ramp, uint32_t processors,
                              struct ofr_cuda_ramp_shape shape[OFR_CUDA_RAMP_MAX_SHAPES]);
/* Blocks of a launch. */
uint32_t ofr_cuda_ramp_blocks(const struct ofr_cuda_ramp *ramp, const struct ofr_cuda_ramp_shape *shape);
int ofr_cuda_ramp_run(const struct ofr_cuda_ramp *ramp, const struct ofr_cuda_ramp_shape *shape,
                      struct CUstream_st *stream);

#ifdef __cplusplus
}
#endif

#endif
