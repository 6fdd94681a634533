/* A ramp as one kernel: pool -> linear -> softmax -> arg-max, top probability, entropy -> compare -> one 64-bit
 * cell in memory the host sees.
 *
 * The mean is linear, and so is what follows up to the logits: a block pools a share of the pixels of a slice of the
 * channels, multiplies it by the same slice of every class's weights, and only logits are added up: over the blocks of a
 * cluster through shared memory, over clusters through `scratch`, where the block that comes last finds them all. The
 * order of every sum is fixed. The clusters of a group of rows:
 *
 *   pools    share out the pixels: for wide, early sites
 *   slices   share out the channels: for large weights
 *
 * Which shape is fastest depends on the site: ofr_cuda_ramp_shapes lists those worth timing.
 */
#ifndef OFR_REPLAY_CUDA_RAMP_H
#define OFR_REPLAY_CUDA_RAMP_H

#include "replay/cuda/control.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct CUstream_st;

struct ofr_cuda_ramp {
    const void *in;                          /* f16 [n][pixels][c] */
    const void *weight;                      /* f16 [classes][c] */
    const void *bias;                        /* f16 [classes] */
    uint32_t n, pixels, first_pixel, pooled; /* pools `pooled` pixels of `pixels` from the first on */
    uint32_t c, classes;                     /* c: multiple of 8, at most 2048 */
    uint32_t site;
    const struct ofr_cuda_control *control; /* device */
    float *logits;                          /* [n][classes], device */
    uint64_t *cell;                         /* [n], mapped */
    uint64_t *stamp; /* [n] global timer when the cell is written, mapped; NULL = not wanted */
    float *scratch;  /* OFR_CUDA_RAMP_SCRATCH floats a row, device */
    uint32_t *count; /* [n] zero, device */
};

struct ofr_cuda_ramp_shape {
    uint32_t cluster;       /* blocks: 1, 2, 4 or 8 (graphs refuse to switch nodes of more) */
    uint32_t pools, slices; /* clusters that share the pixels, and the channels, of the same rows */
    uint32_t rows;          /* of a cluster: 1, 2, 4, 8 */
    uint32_t
        threads; /* of a block: 128 where there is little to do, else 256 or 512; 0: ramp_token.h's way */
};

enum {
    OFR_CUDA_RAMP_MAX_C = 2048,
    OFR_CUDA_RAMP_MAX_SHAPES = 128,
    OFR_CUDA_RAMP_SCRATCH = 65536, /* clusters x classes of a row */
};

int ofr_cuda_ramp_prepare(void); /* as ofr_cuda_conv_prepare */
uint32_t ofr_cuda_ramp_shapes(const struct ofr_cuda_ramp *ramp, uint32_t processors,
                              struct ofr_cuda_ramp_shape shape[OFR_CUDA_RAMP_MAX_SHAPES]);
int ofr_cuda_ramp_run(const struct ofr_cuda_ramp *ramp, const struct ofr_cuda_ramp_shape *shape,
                      struct CUstream_st *stream);

#ifdef __cplusplus
}
#endif

#endif
