/* Operators that only move or reduce: pre-processing, pooling, picking a token, looking tokens up; and an activation
 * by itself. */
#ifndef OFR_REPLAY_CUDA_SHAPE_H
#define OFR_REPLAY_CUDA_SHAPE_H

#include "replay/cuda/pooling.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct CUstream_st;

/* u8 [n][3][source_h][source_w] -> /255 -> bilinear to h x w, corners not aligned -> (x - mean) / deviation ->
 * f16 [n][h][w][8], channels 3.. zero. */
struct ofr_cuda_preprocess {
    const uint8_t *in;
    void *out;
    uint32_t n, source_h, source_w, h, w;
};
int ofr_cuda_preprocess_run(const struct ofr_cuda_preprocess *preprocess, bool overlap,
                            struct CUstream_st *stream);

struct ofr_cuda_maxpool {
    const void *in; /* f16 [n][h][w][c] */
    void *out;      /* f16 [n][out_h][out_w][c] */
    uint32_t n, h, w, c, out_h, out_w, kernel, stride, pad;
    struct ofr_cuda_pooling pooling; /* only where ofr_cuda_maxpool_pools() */
};
/* Whether the pooling of its output can be folded in. */
static inline bool ofr_cuda_maxpool_pools(const struct ofr_cuda_maxpool *maxpool)
{
    return (maxpool->c & (maxpool->c - 1)) == 0 && maxpool->c <= 256;
}
int ofr_cuda_maxpool_run(const struct ofr_cuda_maxpool *maxpool, bool overlap, struct CUstream_st *stream);

/* Mean of `pooled` pixels from `first` on of [n][pixels][c]; one pixel: a copy of it. */
struct ofr_cuda_mean {
    const void *in; /* f16 [n][pixels][c] */
    void *out;      /* f16 [n][c] */
    uint32_t n, pixels, first, pooled, c;
};
int ofr_cuda_mean_run(const struct ofr_cuda_mean *mean, bool overlap, struct CUstream_st *stream);

struct ofr_cuda_embed {
    const int32_t *in;                 /* [n][tokens]; numbers beyond the table read its last row */
    const void *table, *place, *every; /* f16 [words][c], [>= tokens][c], [c] or NULL */
    void *out;                         /* f16 [n][tokens][c] */
    uint32_t n, tokens, c, words;
};
int ofr_cuda_embed_run(const struct ofr_cuda_embed *embed, bool overlap, struct CUstream_st *stream);

/* value = act(value), in place. */
struct ofr_cuda_activate {
    void *value;    /* f16 [count] */
    uint64_t count; /* a multiple of 8 */
    int32_t act;    /* enum ofr_activation */
};
int ofr_cuda_activate_run(const struct ofr_cuda_activate *activate, bool overlap, struct CUstream_st *stream);

#ifdef __cplusplus
}
#endif

#endif
