// How a decision is formed and told to the host. Must say what ofr_cell_pack (replay/device.h) says.
#ifndef OFR_REPLAY_CUDA_CELL_CUH
#define OFR_REPLAY_CUDA_CELL_CUH

#include "replay/cuda/common.cuh"
#include "replay/cuda/ramp.h"

// A softmax over part of the classes: exp(logit - top) summed, and the same weighted by (logit - top).
struct OfrSoftmax {
    float top, sum, weighted;
    int answer;
};

__device__ __forceinline__ OfrSoftmax ofr_softmax_none()
{
    return {-INFINITY, 0.f, 0.f, 0x7fffffff};
}

__device__ __forceinline__ OfrSoftmax ofr_softmax_of(float logit, int answer)
{
    return {logit, 1.f, 0.f, answer};
}

__device__ __forceinline__ OfrSoftmax ofr_softmax_merge(const OfrSoftmax &a, const OfrSoftmax &b)
{
    const bool first = a.top > b.top || (a.top == b.top && a.answer < b.answer); // the lowest class of equals
    const float low_top = first ? b.top : a.top, low_sum = first ? b.sum : a.sum;
    const float low_weighted = first ? b.weighted : a.weighted, top = first ? a.top : b.top;
    const float shift = low_sum == 0.f ? 0.f : low_top - top, scale = expf(shift);
    OfrSoftmax all;
    all.top = top;
    all.sum = (first ? a.sum : b.sum) + scale * low_sum;
    all.weighted = (first ? a.weighted : b.weighted) + scale * (low_weighted + shift * low_sum);
    all.answer = first ? a.answer : b.answer;
    return all;
}

__device__ __forceinline__ OfrSoftmax ofr_softmax_warp(OfrSoftmax mine)
{
#pragma unroll
    for (int step = 16; step > 0; step /= 2) {
        OfrSoftmax other;
        other.top = __shfl_xor_sync(0xffffffffu, mine.top, step);
        other.sum = __shfl_xor_sync(0xffffffffu, mine.sum, step);
        other.weighted = __shfl_xor_sync(0xffffffffu, mine.weighted, step);
        other.answer = __shfl_xor_sync(0xffffffffu, mine.answer, step);
        mine = ofr_softmax_merge(mine, other);
    }
    return mine;
}

__device__ __forceinline__ uint64_t ofr_global_timer()
{
    uint64_t now;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now));
    return now;
}

// criterion: enum offramp_criterion (sim/offramp_policy.h)
__device__ __forceinline__ uint64_t ofr_cell_tag(uint32_t ticket)
{
    return (uint64_t)(ticket % 32767 + 1) << 48;
}

__device__ __forceinline__ uint64_t ofr_cell(const OfrSoftmax &softmax, int criterion, double threshold,
                                             uint64_t tag)
{
    const float score = criterion == 1 ? fmaxf(logf(softmax.sum) - softmax.weighted / softmax.sum, 0.f)
                                       : 1.f - 1.f / softmax.sum;
    const bool exits = (double)score < threshold;
    return (uint64_t)__float_as_uint(score) | (uint64_t)(softmax.answer & 0xffff) << 32 |
           tag | (uint64_t)exits << 63;
}

__device__ __forceinline__ void ofr_cell_store(uint64_t *cell, uint64_t value)
{
    asm volatile("st.relaxed.sys.global.u64 [%0], %1;" ::"l"(cell), "l"(value) : "memory");
}

// As unsigned numbers these lie in the order of the floats.
__device__ __forceinline__ uint32_t ofr_to_key(float x)
{
    const uint32_t bits = __float_as_uint(x);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

__device__ __forceinline__ float ofr_from_key(uint32_t key)
{
    return __uint_as_float(key & 0x80000000u ? key ^ 0x80000000u : ~key);
}

// What a ramp needs of its pass. Read when the kernel starts, so that nobody waits for it at the end.
struct OfrDecision {
    uint32_t rows;
    uint64_t tag; // of the ticket
    int criterion;
    double threshold;

    __device__ __forceinline__ explicit OfrDecision(const ofr_cuda_ramp &p)
        : rows(p.control->rows), tag(ofr_cell_tag(p.control->ticket)), criterion(p.control->criterion),
          threshold(p.control->threshold[p.site])
    {
    }
};

__device__ __forceinline__ void ofr_decide(const ofr_cuda_ramp &p, const OfrDecision &decision,
                                           const OfrSoftmax &softmax, int row)
{
    if (row >= (int)decision.rows)
        return;
    if (p.stamp)
        p.stamp[row] = ofr_global_timer();
    const double threshold = decision.criterion <= 1 ? decision.threshold : 0.; // 2: the host's to decide
    ofr_cell_store(&p.cell[row], ofr_cell(softmax, decision.criterion, threshold, decision.tag));
}

#endif
