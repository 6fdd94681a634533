/* CUDA calls that fail return a status, as everything else here does: no exit, no print. */
#ifndef OFR_REPLAY_CUDA_CHECK_H
#define OFR_REPLAY_CUDA_CHECK_H

#include "sim/base/error.h"

/* Records OFR_E_DEVICE: the call and what the runtime says of its status (enum cudaError). */
int ofr_cuda_fail(struct ofr_error *err, int status, const char *call);

/* Returns from the calling function when a call of the runtime fails. */
#define OFR_CUDA_TRY(call, err)                                                                              \
    do {                                                                                                     \
        const int ofr_status_ = (int)(call);                                                                 \
        if (ofr_status_ != 0)                                                                                \
            return ofr_cuda_fail(err, ofr_status_, #call);                                                   \
    } while (0)

#endif
