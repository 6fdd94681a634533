/* Convolution and linear layer in one kernel: out = act(conv(in, weight) + bias [+ add]), rounded to f16 once.
 *
 * An implicit matrix product: rows are output pixels of all inputs, columns output channels, the inner dimension
 * runs over (kernel row, kernel column, channel). Hopper's warpgroup products (f16 in, f32 accumulate) on tiles in
 * shared memory that are gathered 16 bytes at a time; a linear layer is the 1 x 1 case. Small problems split the
 * inner dimension over the blocks of a cluster, which add up through each other's shared memory: same sum in
 * every run.
 *
 * Which tile is fastest depends on the shape: ofr_cuda_conv_tiles lists those that can run, the plan times them.
 */
#ifndef OFR_REPLAY_CUDA_CONV_H
#define OFR_REPLAY_CUDA_CONV_H

#include "replay/cuda/pooling.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct CUstream_st;

struct ofr_cuda_conv {
    const void *in;      /* f16 [n][h][w][c] */
    const void *weight;  /* f16 [out_c][kernel][kernel][c] */
    const void *bias;    /* f16 [out_c] or NULL */
    const void *add;     /* f16, shaped like out, or NULL */
    void *out;           /* f16 [n][out_h][out_w][out_c] */
    uint32_t n, h, w, c; /* c and out_c: multiples of 8, padded with zeros */
    uint32_t out_h, out_w, out_c;
    uint32_t kernel, stride, pad;
    int32_t act; /* enum ofr_activation */
    struct ofr_cuda_pooling pooling;
};

struct ofr_cuda_tile {
    uint32_t rows, columns; /* of a block */
    uint32_t split;         /* blocks that share the inner dimension */
};

enum {
    OFR_CUDA_MAX_TILES = 64
};

/* Once per process and device, before any launch. Returns enum cudaError, as the launches do. */
int ofr_cuda_conv_prepare(void);
/* Writes the tiles worth timing; returns how many. */
uint32_t ofr_cuda_conv_tiles(const struct ofr_cuda_conv *conv, uint32_t processors,
                             struct ofr_cuda_tile tile[OFR_CUDA_MAX_TILES]);
int ofr_cuda_conv_run(const struct ofr_cuda_conv *conv, const struct ofr_cuda_tile *tile, bool overlap,
                      struct CUstream_st *stream);

#ifdef __cplusplus
}
#endif

#endif
