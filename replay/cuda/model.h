/* A network in device memory: weights packed for the kernels, and where every tensor of a pass lives.
 *
 * Channels are padded to a multiple of 8 with zeros, which every operator keeps zero. A tensor's memory is used
 * again once its last reader has run, except where a ramp may stand: a ramp on its own branch reads late. */
#ifndef OFR_REPLAY_CUDA_MODEL_H
#define OFR_REPLAY_CUDA_MODEL_H

#include "replay/cuda/memory.h"
#include "replay/nets/net.h"
#include "replay/nets/weights.h"

#include <stdbool.h>

struct ofr_cuda_model {
    const struct ofr_net *net; /* borrowed */
    void **weight, **bias;     /* [weights] device; bias NULL where there is none */
    void **tensor;             /* [tensors] device; NULL for the input, which a lane has */
};

static inline uint32_t ofr_cuda_pitch(uint32_t channels)
{
    return (channels + 7) / 8 * 8;
}

/* Whether the weights of the network's ramps are packed (struct ofr_cuda_ramp): not where ramps pool nothing and have
 * few classes. */
bool ofr_cuda_ramps_packed(const struct ofr_net *net);
/* [classes][c] -> [c / 8][classes][8], with c and classes of `to` padded to multiples of 8 by zeros. */
void ofr_cuda_ramp_pack(uint16_t *to, const uint16_t *from, uint32_t classes, uint32_t c);

/* Errors: OFR_E_INPUT for a network these kernels cannot run, naming the operator; as ofr_cuda_memory_take. */
int ofr_cuda_model_init(struct ofr_cuda_model *model, struct ofr_cuda_memory *memory,
                        const struct ofr_net *net, const struct ofr_weights *weights, uint32_t max_batch,
                        struct ofr_error *err);
void ofr_cuda_model_release(struct ofr_cuda_model *model);

#endif
