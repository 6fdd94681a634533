/* Device and pinned host memory, all of it taken before the first pass and told by purpose.
 *
 * Pinned memory is mapped: the same address serves host and kernels. */
#ifndef OFR_REPLAY_CUDA_MEMORY_H
#define OFR_REPLAY_CUDA_MEMORY_H

#include "sim/base/error.h"
#include "traces/notes.h"

#include <stddef.h>
#include <stdint.h>

enum ofr_cuda_purpose {
    OFR_CUDA_FOR_WEIGHTS,
    OFR_CUDA_FOR_ACTIVATIONS,
    OFR_CUDA_FOR_INPUTS,
    OFR_CUDA_FOR_RAMPS,
    OFR_CUDA_FOR_LOGITS,
    OFR_CUDA_FOR_WORKSPACE,
    OFR_CUDA_FOR_POOL,  /* pinned: inputs to draw from */
    OFR_CUDA_FOR_CELLS, /* pinned */
    OFR_CUDA_PURPOSES
};

struct ofr_cuda_memory {
    void **block; /* owned */
    uint32_t blocks, capacity;
    size_t bytes[OFR_CUDA_PURPOSES];
};

/* Zeroed memory, freed by ofr_cuda_memory_release. Errors: OFR_E_DEVICE naming what was wanted and what is free. */
int ofr_cuda_memory_take(struct ofr_cuda_memory *memory, enum ofr_cuda_purpose purpose, size_t bytes,
                         void **out, struct ofr_error *err);
/* Notes `memory.PURPOSE` = MiB, for every purpose, and their sum on the device. */
int ofr_cuda_memory_note(const struct ofr_cuda_memory *memory, struct ofr_notes *notes,
                         struct ofr_error *err);
void ofr_cuda_memory_release(struct ofr_cuda_memory *memory);

#endif
