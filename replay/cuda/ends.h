/* The two ends of a pass: inputs in, answers out. And the pair of kernels that measure the way to the host. */
#ifndef OFR_REPLAY_CUDA_ENDS_H
#define OFR_REPLAY_CUDA_ENDS_H

#include "replay/cuda/control.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct CUstream_st;

enum {
    OFR_CUDA_AHEAD = 1u << 31 /* in `from`: the input has travelled ahead */
};

/* Gathers the pass's inputs, over the bus from pinned host memory or from where they have travelled ahead, and leaves
 * its control in device memory. */
struct ofr_cuda_copy_in {
    const void *pool;  /* [count] inputs one after the other, mapped */
    const void *ahead; /* [places] inputs that have travelled ahead, device */
    void *in;          /* [padded], device */
    uint32_t bytes;    /* of one input; a multiple of 4 */
    struct ofr_cuda_control *to;
    uint64_t *stamp; /* global timer at the first block's start, mapped; NULL = not wanted */
    struct ofr_cuda_control control;
    uint32_t from[OFR_CUDA_MAX_ROWS]; /* [padded] number in `pool`, or OFR_CUDA_AHEAD and number in `ahead` */
};
int ofr_cuda_copy_in_run(const struct ofr_cuda_copy_in *copy, struct CUstream_st *stream);

/* Softmax of the logits of every row, full cells, then the end mark. */
struct ofr_cuda_head {
    const void *in; /* f16 [n][pitch], classes of them count */
    uint32_t n, classes, pitch;
    const struct ofr_cuda_control *control; /* device */
    float *logits;                          /* [n][classes], device */
    uint64_t *cell;                         /* [n], mapped */
    uint32_t *ended;                        /* mapped */
    uint32_t *count;                        /* zero, device */
    uint64_t *stamp; /* global timer when the kernel starts, mapped; NULL = not wanted */
};
int ofr_cuda_head_run(const struct ofr_cuda_head *head, struct CUstream_st *stream);

/* Answers each of the host's calls: waits for *call == i, stores the global timer to *answer, i = 1 .. count. Both
 * mapped. */
int ofr_cuda_echo_run(const uint32_t *call, uint64_t *answer, uint32_t count, struct CUstream_st *stream);

#ifdef __cplusplus
}
#endif

#endif
