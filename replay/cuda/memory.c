#include "replay/cuda/memory.h"
#include "replay/cuda/check.h"

#include <cuda_runtime_api.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    bool pinned;
} purposes[OFR_CUDA_PURPOSES] = {
    [OFR_CUDA_FOR_WEIGHTS] = {"weights", false},   [OFR_CUDA_FOR_ACTIVATIONS] = {"activations", false},
    [OFR_CUDA_FOR_INPUTS] = {"inputs", false},     [OFR_CUDA_FOR_RAMPS] = {"ramps", false},
    [OFR_CUDA_FOR_LOGITS] = {"logits", false},     [OFR_CUDA_FOR_WORKSPACE] = {"workspace", false},
    [OFR_CUDA_FOR_POOL] = {"pinned_inputs", true}, [OFR_CUDA_FOR_CELLS] = {"pinned_cells", true},
};

#define MIB (1024. * 1024.)

int ofr_cuda_fail(struct ofr_error *err, int status, const char *call)
{
    const char *end = strchr(call, '(');
    const int name = end ? (int)(end - call) : (int)strlen(call);
    return ofr_fail(err, OFR_E_DEVICE, "cuda: %.*s: %s (%s)", name, call,
                    cudaGetErrorString((cudaError_t)status), cudaGetErrorName((cudaError_t)status));
}

/* The block's lowest bit says that it is pinned: addresses are at least 256-byte aligned. */
static int keep(struct ofr_cuda_memory *memory, void *block, bool pinned, struct ofr_error *err)
{
    if (memory->blocks == memory->capacity) {
        const uint32_t capacity = memory->capacity * 2 + 64;
        void **grown = realloc(memory->block, capacity * sizeof *grown);
        if (!grown) {
            (void)(pinned ? cudaFreeHost(block) : cudaFree(block));
            return ofr_fail_nomem(err, "the list of device memory");
        }
        memory->block = grown;
        memory->capacity = capacity;
    }
    memory->block[memory->blocks++] = (char *)block + pinned;
    return OFR_OK;
}

int ofr_cuda_memory_take(struct ofr_cuda_memory *memory, enum ofr_cuda_purpose purpose, size_t bytes,
                         void **out, struct ofr_error *err)
{
    const bool pinned = purposes[purpose].pinned;
    void *block = NULL;
    const cudaError_t status =
        pinned ? cudaHostAlloc(&block, bytes, cudaHostAllocMapped) : cudaMalloc(&block, bytes);
    if (status == cudaErrorMemoryAllocation) {
        size_t left = 0, all = 0;
        (void)cudaGetLastError();
        (void)cudaMemGetInfo(&left, &all);
        if (pinned)
            return ofr_fail(err, OFR_E_DEVICE, "cuda: out of pinned host memory: %.1f MiB wanted for %s",
                            (double)bytes / MIB, purposes[purpose].name);
        return ofr_fail(err, OFR_E_DEVICE,
                        "cuda: out of device memory: %.1f MiB wanted for %s, %.1f of %.1f MiB free",
                        (double)bytes / MIB, purposes[purpose].name, (double)left / MIB, (double)all / MIB);
    }
    OFR_CUDA_TRY(status, err);
    const int code = keep(memory, block, pinned, err);
    if (code)
        return code;
    memory->bytes[purpose] += bytes;
    if (pinned)
        memset(block, 0, bytes);
    else
        OFR_CUDA_TRY(cudaMemset(block, 0, bytes), err);
    *out = block;
    return OFR_OK;
}

int ofr_cuda_memory_note(const struct ofr_cuda_memory *memory, struct ofr_notes *notes, struct ofr_error *err)
{
    double sum = 0;
    int code = OFR_OK;
    for (uint32_t i = 0; i < OFR_CUDA_PURPOSES && !code; ++i) {
        char name[64] = "memory.";
        strncat(name, purposes[i].name, sizeof name - 16);
        strcat(name, "_mib");
        code = ofr_notes_setf(notes, err, name, "%.1f", (double)memory->bytes[i] / MIB);
        sum += purposes[i].pinned ? 0. : (double)memory->bytes[i];
    }
    return code ? code : ofr_notes_setf(notes, err, "memory.device_mib", "%.1f", sum / MIB);
}

void ofr_cuda_memory_release(struct ofr_cuda_memory *memory)
{
    for (uint32_t i = 0; i < memory->blocks; ++i) {
        const bool pinned = (uintptr_t)memory->block[i] & 1;
        void *block = (char *)memory->block[i] - pinned;
        (void)(pinned ? cudaFreeHost(block) : cudaFree(block));
    }
    free(memory->block);
    *memory = (struct ofr_cuda_memory){0};
}
