/* Layer normalisation over channels of in [+ add]; the sum, rounded to f16, is stored where wanted and is what is
 * normalised. Mean and variance in f32, two passes over registers. */
#ifndef OFR_REPLAY_CUDA_LAYERNORM_H
#define OFR_REPLAY_CUDA_LAYERNORM_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct CUstream_st;

enum {
    OFR_CUDA_LAYERNORM_MAX_C = 2048
};

struct ofr_cuda_layernorm {
    const void *in, *add;      /* f16 [rows][pitch]; add may be NULL */
    void *out, *sum;           /* f16 [rows][pitch]; sum may be NULL */
    const void *scale, *shift; /* f16 [pitch], zero beyond c */
    uint32_t rows, c, pitch;   /* pitch: c rounded up to 8 */
    float eps;
};

int ofr_cuda_layernorm_run(const struct ofr_cuda_layernorm *layernorm, bool overlap,
                           struct CUstream_st *stream);

#ifdef __cplusplus
}
#endif

#endif
