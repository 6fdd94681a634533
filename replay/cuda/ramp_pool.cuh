// How ramps pool: a thread has every so-maniest pixel of one 8-channel vector.
#ifndef OFR_REPLAY_CUDA_RAMP_POOL_CUH
#define OFR_REPLAY_CUDA_RAMP_POOL_CUH

#include "replay/cuda/cell.cuh"
#include "replay/cuda/ramp_sum.cuh"

constexpr int OFR_PIXELS_AT_ONCE = 8;

// Sums of every `step`-th pixel of [pixel, end) of one 8-channel vector.
__device__ __forceinline__ void ofr_add_pixels(float (&sum)[8], const __half *from, int c, int pixel, int end, int step)
{
#pragma unroll 1
    for (; pixel < end; pixel += step * OFR_PIXELS_AT_ONCE) {
        OfrVector value[OFR_PIXELS_AT_ONCE];
#pragma unroll
        for (int i = 0; i < OFR_PIXELS_AT_ONCE; ++i) {
            value[i] = {};
            if (pixel + i * step < end)
                value[i] = *reinterpret_cast<const OfrVector *>(from + (int64_t)(pixel + i * step) * c);
        }
#pragma unroll
        for (int i = 0; i < OFR_PIXELS_AT_ONCE; ++i) {
            float one[8];
            ofr_unpack(value[i], one);
#pragma unroll
            for (int j = 0; j < 8; ++j)
                sum[j] += one[j];
        }
    }
}

// Adds up a warp's sums of equal vectors (lane % VECTORS): a lane keeps half of its channels each step, and has
// sum[0 .. left) of the channels from the returned one on.
template <int VECTORS> __device__ __forceinline__ int ofr_add_lanes(float (&sum)[8], int lane)
{
    int first = 0;
#pragma unroll
    for (int step = 16, half = 4; step >= VECTORS; step /= 2, half /= 2) {
        const bool upper = (lane & step) != 0;
        if (half == 0)
            sum[0] += __shfl_xor_sync(0xffffffffu, sum[0], step);
#pragma unroll
        for (int i = 0; i < half; ++i) {
            const float away = upper ? sum[i] : sum[i + half], kept = upper ? sum[i + half] : sum[i];
            sum[i] = kept + __shfl_xor_sync(0xffffffffu, away, step);
        }
        first += upper ? half : 0;
    }
    return first;
}

// The mean of a channel that was pooled by whoever made it.
__device__ __forceinline__ float ofr_pooled(const ofr_cuda_ramp &p, int row, int channel)
{
    const int64_t *from = p.pooled_sum + (int64_t)row * p.c + channel;
    const int64_t step = (int64_t)p.n * p.c;
    int64_t total = *from;
    if (p.copies > 1) {
        int64_t more[OFR_CUDA_POOLING_COPIES - 1];
#pragma unroll
        for (int i = 0; i < OFR_CUDA_POOLING_COPIES - 1; ++i)
            more[i] = from[(i + 1) * step];
#pragma unroll
        for (int i = 0; i < OFR_CUDA_POOLING_COPIES - 1; ++i)
            total += more[i];
    }
    return __ll2float_rn(total) * (1.f / (float)(1ull << OFR_CUDA_POOLING_BITS));
}

// By `threads` threads of the block that knows that everybody has read the row's.
__device__ __forceinline__ void ofr_forget_pooled(const ofr_cuda_ramp &p, int row, int thread, int threads)
{
    longlong2 *to = reinterpret_cast<longlong2 *>(p.pooled_sum + (int64_t)row * p.c);
    const int pairs = (int)p.c / 2, step = (int)(p.n * p.c) / 2;
#pragma unroll 1
    for (int i = thread; i < pairs; i += threads)
#pragma unroll 1
        for (int copy = 0; copy < (int)p.copies; ++copy)
            to[copy * step + i] = make_longlong2(0, 0);
}

#endif
