#include "replay/cuda/ramp_token.h"
#include "replay/cuda/cell.cuh"

namespace
{

constexpr int MAX_WARPS = 8, VECTORS_AT_ONCE = 4;

// The product of two rows of `vectors` 8-channel vectors, over a warp.
__device__ __forceinline__ float multiply(const OfrVector *x, const OfrVector *y, int vectors, int lane)
{
    float sum = 0.f;
#pragma unroll 1
    for (int first = lane; first < vectors; first += 32 * VECTORS_AT_ONCE) {
        OfrVector a[VECTORS_AT_ONCE] = {}, b[VECTORS_AT_ONCE] = {};
#pragma unroll
        for (int i = 0; i < VECTORS_AT_ONCE; ++i)
            if (first + i * 32 < vectors)
                a[i] = x[first + i * 32], b[i] = y[first + i * 32];
#pragma unroll
        for (int i = 0; i < VECTORS_AT_ONCE; ++i) {
            float of_x[8], of_y[8];
            ofr_unpack(a[i], of_x);
            ofr_unpack(b[i], of_y);
#pragma unroll
            for (int j = 0; j < 8; ++j)
                sum = fmaf(of_x[j], of_y[j], sum);
        }
    }
    return ofr_warp_sum(sum);
}

// A block: one row.
__global__ void __launch_bounds__(MAX_WARPS * 32) token_kernel(const __grid_constant__ ofr_cuda_ramp p)
{
    __shared__ float logit[OFR_CUDA_RAMP_TOKEN_CLASSES];
    const int row = (int)blockIdx.x, warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32;
    const int classes = (int)p.classes, vectors = (int)p.c / 8, warps = (int)blockDim.x / 32;
    const OfrVector *in = static_cast<const OfrVector *>(p.in) + ((int64_t)row * p.pixels + p.first_pixel) * vectors;
    const OfrDecision decision(p);
#pragma unroll 1
    for (int k = warp; k < classes; k += warps) {
        const float bias = __half2float(static_cast<const __half *>(p.bias)[k]);
        const OfrVector *weight = static_cast<const OfrVector *>(p.weight) + (int64_t)k * vectors;
        const float value = multiply(in, weight, vectors, lane) + bias + 0.f; // no -0: it would count as less than 0
        if (lane == 0) {
            logit[k] = value;
            p.logits[row * classes + k] = value;
        }
    }
    __syncthreads();
    if (warp != 0)
        return;
    const bool mine = lane < classes;
    const float x = mine ? logit[lane] : -INFINITY;
    const uint32_t key = ofr_to_key(x), highest = __reduce_max_sync(0xffffffffu, key);
    const int answer = (int)__reduce_min_sync(0xffffffffu, key == highest ? (uint32_t)lane : 32u);
    const float top = ofr_from_key(highest), below = x - top, e = mine ? expf(below) : 0.f;
    const float sum = ofr_warp_sum(e), weighted = ofr_warp_sum(e > 0.f ? e * below : 0.f);
    if (lane == 0)
        ofr_decide(p, decision, {top, sum, weighted, answer}, row);
}

} // namespace

extern "C" int ofr_cuda_ramp_token_run(const ofr_cuda_ramp *ramp, cudaStream_t stream)
{
    OfrLaunch how = {};
    how.grid = dim3(ramp->n);
    how.block = dim3(32 * (ramp->classes < MAX_WARPS ? ramp->classes : MAX_WARPS));
    return ofr_launch(token_kernel, how, stream, *ramp);
}
