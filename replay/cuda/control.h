/* What one pass tells its kernels. It travels as the argument of the first kernel (copy_in.cu), which leaves it in
 * the lane's device memory: thresholds and criterion change from pass to pass without touching a graph. */
#ifndef OFR_REPLAY_CUDA_CONTROL_H
#define OFR_REPLAY_CUDA_CONTROL_H

#include <stdint.h>

enum {
    OFR_CUDA_MAX_ROWS = 256, /* of a pass */
    OFR_CUDA_MAX_SITES = 64, /* OFFRAMP_MAX_SITES; compared when the device is built */
};

struct ofr_cuda_control {
    uint32_t ticket, rows, padded;
    int32_t criterion;                    /* enum offramp_criterion */
    uint64_t active;                      /* sites whose ramps are on */
    double threshold[OFR_CUDA_MAX_SITES]; /* by site; 0 = never */
};

#endif
