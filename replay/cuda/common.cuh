// What every kernel here shares: 16-byte vectors of f16, overlapped launches, how an operator's result is formed.
//
// Overlapped launches. A kernel launched with `overlap` may start while the one before it in the stream still runs
// (programmatic dependent launch); it touches nothing another kernel writes before ofr_wait_for_previous() returns,
// which is when that kernel has ended and its stores are visible. Only then does it let its own successor start, so
// that at most two kernels of the chain hold processors at once.
#ifndef OFR_REPLAY_CUDA_COMMON_CUH
#define OFR_REPLAY_CUDA_COMMON_CUH

#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <stdint.h>

__device__ __forceinline__ void ofr_wait_for_previous()
{
    asm volatile("griddepcontrol.wait;" ::: "memory");
    asm volatile("griddepcontrol.launch_dependents;");
}

// Eight f16 values, moved as one: a structure of four __half2 would be loaded and stored in four pieces.
struct OfrVector {
    uint4 bits;
};

__device__ __forceinline__ __half2 ofr_pair(uint32_t bits)
{
    return *reinterpret_cast<const __half2 *>(&bits);
}

__device__ __forceinline__ uint32_t ofr_bits(__half2 pair)
{
    return *reinterpret_cast<const uint32_t *>(&pair);
}

__device__ __forceinline__ void ofr_unpack(const OfrVector &from, float (&to)[8])
{
    const uint32_t word[4] = {from.bits.x, from.bits.y, from.bits.z, from.bits.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        const float2 both = __half22float2(ofr_pair(word[i]));
        to[2 * i] = both.x;
        to[2 * i + 1] = both.y;
    }
}

__device__ __forceinline__ OfrVector ofr_pack(const float (&from)[8])
{
    return {make_uint4(ofr_bits(__floats2half2_rn(from[0], from[1])), ofr_bits(__floats2half2_rn(from[2], from[3])),
                       ofr_bits(__floats2half2_rn(from[4], from[5])), ofr_bits(__floats2half2_rn(from[6], from[7])))};
}

// Blocks of a cluster wait for each other, no more: nothing written before is shown by it.
__device__ __forceinline__ void ofr_cluster_arrive()
{
    asm volatile("barrier.cluster.arrive.relaxed;" ::: "memory");
}

__device__ __forceinline__ void ofr_cluster_wait()
{
    asm volatile("barrier.cluster.wait;" ::: "memory");
}

__device__ __forceinline__ float ofr_warp_sum(float value)
{
#pragma unroll
    for (int step = 16; step > 0; step /= 2)
        value += __shfl_xor_sync(0xffffffffu, value, step);
    return value;
}

// enum ofr_activation (replay/nets/net.h)
__device__ __forceinline__ float ofr_activate(float x, int act)
{
    switch (act) {
    case 1:
        return fmaxf(x, 0.f);
    case 2:
        return 0.5f * x * (1.f + erff(x * 0.70710678118654752f));
    case 3:
        return 0.5f * x * (1.f + tanhf(0.79788456080286536f * (x + 0.044715f * x * x * x)));
    case 4:
        return tanhf(x);
    default:
        return x;
    }
}

struct OfrLaunch {
    dim3 grid, block;
    uint32_t shared; // bytes of dynamic shared memory
    dim3 cluster;    // 1,1,1 = none
    bool overlap;
};

template <typename... Formal, typename... Actual>
static inline cudaError_t ofr_launch(void (*kernel)(Formal...), const OfrLaunch &how, cudaStream_t stream,
                                     Actual &&...actual)
{
    cudaLaunchAttribute attribute[2];
    cudaLaunchConfig_t config = {};
    config.gridDim = how.grid;
    config.blockDim = how.block;
    config.dynamicSmemBytes = how.shared;
    config.stream = stream;
    config.attrs = attribute;
    if (how.cluster.x * how.cluster.y * how.cluster.z > 1) {
        attribute[config.numAttrs].id = cudaLaunchAttributeClusterDimension;
        attribute[config.numAttrs].val.clusterDim.x = how.cluster.x;
        attribute[config.numAttrs].val.clusterDim.y = how.cluster.y;
        attribute[config.numAttrs].val.clusterDim.z = how.cluster.z;
        ++config.numAttrs;
    }
    if (how.overlap) {
        attribute[config.numAttrs].id = cudaLaunchAttributeProgrammaticStreamSerialization;
        attribute[config.numAttrs].val.programmaticStreamSerializationAllowed = 1;
        ++config.numAttrs;
    }
    return cudaLaunchKernelEx(&config, kernel, Formal(actual)...);
}

// Has the kernel run with as much shared memory set apart as the products, whatever it needs itself: a processor that is
// set otherwise takes no block of theirs until it is empty.
template <typename... Formal> static inline cudaError_t ofr_beside_products(void (*kernel)(Formal...))
{
    return cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout, cudaSharedmemCarveoutMaxShared);
}

#endif
