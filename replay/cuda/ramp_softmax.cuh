// The end of a ramp: a block's threads have a few logits each.
#ifndef OFR_REPLAY_CUDA_RAMP_SOFTMAX_CUH
#define OFR_REPLAY_CUDA_RAMP_SOFTMAX_CUH

#include "replay/cuda/cell.cuh"

constexpr int OFR_LOGITS_AT_ONCE = 4;

// The softmax of a warp's logits x: top and answer of the warp, sums of the thread.
__device__ __forceinline__ OfrSoftmax ofr_soften(const float (&x)[OFR_LOGITS_AT_ONCE], int k, int step)
{
    float top = -INFINITY;
    int answer = 0x7fffffff;
#pragma unroll
    for (int i = OFR_LOGITS_AT_ONCE - 1; i >= 0; --i) // the lowest class of equals
        if (x[i] >= top && x[i] > -INFINITY)
            top = x[i], answer = k + i * step;
    const uint32_t key = ofr_to_key(top), highest = __reduce_max_sync(0xffffffffu, key);
    OfrSoftmax all = {ofr_from_key(highest), 0.f, 0.f, 0};
    all.answer = (int)__reduce_min_sync(0xffffffffu, key == highest ? (uint32_t)answer : 0x7fffffffu);
#pragma unroll
    for (int i = 0; i < OFR_LOGITS_AT_ONCE; ++i) {
        const float below = x[i] - all.top, e = x[i] > -INFINITY ? expf(below) : 0.f;
        all.sum += e;
        all.weighted += e > 0.f ? e * below : 0.f;
    }
    return all;
}

// Answers for the row. `mine`: top and answer of the warp, sums of the thread.
template <int WARPS>
__device__ __forceinline__ void ofr_finish(const ofr_cuda_ramp &p, const OfrDecision &decision, OfrSoftmax *shared, OfrSoftmax mine,
                                           int row)
{
    const int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32;
    mine.sum = ofr_warp_sum(mine.sum);
    mine.weighted = ofr_warp_sum(mine.weighted);
    if (mine.answer >= (int)p.classes)
        mine = ofr_softmax_none(); // a warp without a class
    if (lane == 0)
        shared[warp] = mine;
    __syncthreads();
    if (warp != 0)
        return;
    mine = lane < WARPS ? shared[lane] : ofr_softmax_none();
    const uint32_t key = ofr_to_key(mine.top), highest = __reduce_max_sync(0xffffffffu, key);
    OfrSoftmax all = {ofr_from_key(highest), 0.f, 0.f, 0};
    all.answer = (int)__reduce_min_sync(0xffffffffu, key == highest ? (uint32_t)mine.answer : 0x7fffffffu);
    const float shift = mine.sum == 0.f ? 0.f : mine.top - all.top, scale = expf(shift);
    all.sum = scale * mine.sum;
    all.weighted = scale * (mine.weighted + shift * mine.sum);
#pragma unroll
    for (int step = WARPS / 2; step > 0; step /= 2) {
        all.sum += __shfl_xor_sync(0xffffffffu, all.sum, step);
        all.weighted += __shfl_xor_sync(0xffffffffu, all.weighted, step);
    }
    if (lane == 0)
        ofr_decide(p, decision, all, row);
}

#endif
