/* The ramp that pools nothing: one token's vector, few classes. What ramp.h says of results holds; a warp a class, and
 * little code, for its time is that of fetching it. Private to ramp.cu. */
#ifndef OFR_REPLAY_CUDA_RAMP_TOKEN_H
#define OFR_REPLAY_CUDA_RAMP_TOKEN_H

#include "replay/cuda/ramp.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    OFR_CUDA_RAMP_TOKEN_CLASSES = 32 /* a lane each */
};

static inline bool ofr_cuda_ramp_token_can(const struct ofr_cuda_ramp *ramp)
{
    return !ramp->packed && ramp->pooled == 1 && ramp->classes <= OFR_CUDA_RAMP_TOKEN_CLASSES;
}

/* As ofr_cuda_ramp_run, for a ramp that it can run. */
int ofr_cuda_ramp_token_run(const struct ofr_cuda_ramp *ramp, struct CUstream_st *stream);

#ifdef __cplusplus
}
#endif

#endif
