/* Linear layers (and 1 x 1 convolutions) through cuBLASLt: what conv.h does, by the library's kernels. Exact GELU and
 * tanh are not among its epilogues: there a kernel of ours follows, on values already rounded to f16. */
#ifndef OFR_REPLAY_CUDA_LINEAR_H
#define OFR_REPLAY_CUDA_LINEAR_H

#include "replay/cuda/conv.h"
#include "sim/base/error.h"

#include <stddef.h>

enum {
    OFR_CUDA_MAX_ALGORITHMS = 8,
    OFR_CUDA_WORKSPACE = 32 << 20, /* bytes */
};

struct ofr_cuda_linear; /* one product with its descriptors and candidate algorithms */

int ofr_cuda_linear_open(void **library, struct ofr_error *err);
void ofr_cuda_linear_close(void *library); /* NULL is allowed */
/* *out stays NULL when the library cannot do it. Owned; free with ofr_cuda_linear_free. */
int ofr_cuda_linear_plan(struct ofr_cuda_linear **out, void *library, const struct ofr_cuda_conv *conv,
                         struct ofr_error *err);
void ofr_cuda_linear_free(struct ofr_cuda_linear *linear); /* NULL is allowed */
uint32_t ofr_cuda_linear_algorithms(const struct ofr_cuda_linear *linear);
/* 0, or a status that is not: the library refused. The operands are conv's, of the shape planned for. */
int ofr_cuda_linear_run(const struct ofr_cuda_linear *linear, const struct ofr_cuda_conv *conv,
                        uint32_t algorithm, void *workspace, struct CUstream_st *stream);

#endif
