/* A ramp whose blocks share out the classes once the pixels are pooled: for one input's answer, soon. What ramp.h says of
 * results holds. All blocks of a row wait for each other: for few rows only. Private to ramp.cu. */
#ifndef OFR_REPLAY_CUDA_RAMP_CLASSES_H
#define OFR_REPLAY_CUDA_RAMP_CLASSES_H

#include "replay/cuda/ramp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As the functions of ramp.h. */
int ofr_cuda_ramp_classes_prepare(void);
uint32_t ofr_cuda_ramp_classes_shapes(const struct ofr_cuda_ramp *ramp, uint32_t processors,
                                      struct ofr_cuda_ramp_shape *shape);
uint32_t ofr_cuda_ramp_classes_blocks(const struct ofr_cuda_ramp *ramp,
                                      const struct ofr_cuda_ramp_shape *shape);
int ofr_cuda_ramp_classes_run(const struct ofr_cuda_ramp *ramp, const struct ofr_cuda_ramp_shape *shape,
                              struct CUstream_st *stream);

#ifdef __cplusplus
}
#endif

#endif
