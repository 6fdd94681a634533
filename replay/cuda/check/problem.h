/* One operator on random values, on the host for its twin and on the device for its kernel. */
#ifndef OFR_REPLAY_CUDA_CHECK_PROBLEM_H
#define OFR_REPLAY_CUDA_CHECK_PROBLEM_H

#include "replay/cpu/ops.h"
#include "replay/cuda/memory.h"
#include "replay/cuda/pooling.h"
#include "sim/engine/random.h"

enum { /* tensors of a problem */
    OFR_PROBLEM_IN,
    OFR_PROBLEM_ADD,
    OFR_PROBLEM_OUT,
    OFR_PROBLEM_SUM,
    OFR_PROBLEM_TENSORS,
    OFR_PROBLEM_WEIGHTS = 3,
};

/* Zeroed but for `random`, then filled by the calls below; release in any case. */
struct ofr_problem {
    uint32_t n;
    struct ofr_op op; /* its tensors and weights are the positions in the arrays below */
    struct ofr_net net;
    struct ofr_tensor tensor[OFR_PROBLEM_TENSORS];
    struct ofr_weight weight[OFR_PROBLEM_WEIGHTS];
    struct ofr_weights given;
    uint16_t *value[OFR_PROBLEM_WEIGHTS], *bias[OFR_PROBLEM_WEIGHTS]; /* owned */
    void *host[OFR_PROBLEM_TENSORS];                                  /* owned */
    void *device[OFR_PROBLEM_TENSORS];                                /* channels padded to 8 */
    void *device_value[OFR_PROBLEM_WEIGHTS], *device_bias[OFR_PROBLEM_WEIGHTS];
    struct ofr_cuda_memory memory;
    struct ofr_random random;
};

void ofr_problem_init(struct ofr_problem *problem, enum ofr_op_kind kind, uint32_t n, uint64_t seed);
/* Errors of these: OFR_E_NOMEM, OFR_E_DEVICE. `add` and `sum` are used by the operator once given. Words: random
 * token numbers below it, for I32. */
int ofr_problem_tensor(struct ofr_problem *problem, int at, struct ofr_tensor tensor, uint32_t words,
                       struct ofr_error *err);
/* A row is `groups` runs of `length` values; `biases`: 0 = none. */
int ofr_problem_weight(struct ofr_problem *problem, int at, enum ofr_weight_kind kind, uint32_t rows,
                       uint32_t groups, uint32_t length, uint32_t biases, struct ofr_error *err);
/* Fills the host's `out` and `sum` by the twin. */
int ofr_problem_twin(struct ofr_problem *problem, struct ofr_error *err);
/* Before every launch: no value of `out` and `sum` may be left from before. */
int ofr_problem_poison(struct ofr_problem *problem, struct ofr_error *err);
/* Waits, then raises *worst to the largest difference from the twin over its largest value; to infinity where a value
 * was not written, is not finite or a channel of padding is not 0. */
int ofr_problem_distance(struct ofr_problem *problem, double *worst, struct ofr_error *err);
/* Pooling of `out` with zero sums in that many copies. */
int ofr_problem_pooling(struct ofr_problem *problem, uint32_t copies, struct ofr_cuda_pooling *out,
                        struct ofr_error *err);
/* Waits, raises *worst to the largest difference of a mean from that of the twin's `out`, over the largest, and zeroes
 * the sums. */
int ofr_problem_pooled(struct ofr_problem *problem, const struct ofr_cuda_pooling *pooling, double *worst,
                       struct ofr_error *err);
void ofr_problem_release(struct ofr_problem *problem);

#endif
