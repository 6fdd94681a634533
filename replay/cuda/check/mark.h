/* The SM's clock against the device's timer, between two passes. */
#ifndef OFR_REPLAY_CUDA_CHECK_MARK_H
#define OFR_REPLAY_CUDA_CHECK_MARK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct CUstream_st;

struct ofr_check_mark {
    uint64_t timer_ns, cycles; /* global timer; cycles of the SM that took the mark */
    uint64_t sm;               /* which one */
};

/* One thread takes the mark, once what was launched before on the stream has ended; mapped. Returns a CUDA status. */
int ofr_check_mark_run(struct ofr_check_mark *mark, struct CUstream_st *stream);

#ifdef __cplusplus
}
#endif

#endif
