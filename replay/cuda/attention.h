/* Attention of one layer: softmax(q k^T / sqrt(64)) v, heads of 64 channels, any number of tokens, causal or not.
 * Online softmax over blocks of 64 keys; products by tensor cores, f16 in and f32 accumulated; probabilities are
 * rounded to f16 before they meet v. */
#ifndef OFR_REPLAY_CUDA_ATTENTION_H
#define OFR_REPLAY_CUDA_ATTENTION_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct CUstream_st;

enum {
    OFR_CUDA_HEAD_SIZE = 64
};

struct ofr_cuda_attention {
    const void *in; /* f16 [n][tokens][3][heads][64]: q, k, v */
    void *out;      /* f16 [n][tokens][heads][64] */
    uint32_t n, tokens, heads;
    bool causal;
};

int ofr_cuda_attention_run(const struct ofr_cuda_attention *attention, bool overlap,
                           struct CUstream_st *stream);

#ifdef __cplusplus
}
#endif

#endif
