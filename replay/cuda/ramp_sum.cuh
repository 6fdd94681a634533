// Sums that many blocks add to, in memory: the same in any order, and complete when their count says so.
//
// A contribution is 8 bits of count and 56 of value. The value is in units of 2^-28, and 2^48 more, so that none is
// negative: 128 of them do not reach the count.
#ifndef OFR_REPLAY_CUDA_RAMP_SUM_CUH
#define OFR_REPLAY_CUDA_RAMP_SUM_CUH

#include "replay/cuda/common.cuh"

constexpr int OFR_SUM_MOST = 128; // contributions
constexpr int OFR_SUM_BITS = 56;
constexpr uint64_t OFR_SUM_BIAS = 1ull << 48, OFR_SUM_ONE = 1ull << OFR_SUM_BITS;
constexpr float OFR_SUM_UNITS = (float)(1 << 28), OFR_SUM_RANGE = 1048575.f; // 2^20 - 1: beyond, a value is cut off

__device__ __forceinline__ uint64_t ofr_sum_load(const uint64_t *sum)
{
    uint64_t value;
    asm volatile("ld.relaxed.gpu.global.u64 %0, [%1];" : "=l"(value) : "l"(sum) : "memory");
    return value;
}

__device__ __forceinline__ void ofr_sum_store(uint64_t *sum, uint64_t value)
{
    asm volatile("st.relaxed.gpu.global.u64 [%0], %1;" ::"l"(sum), "l"(value) : "memory");
}

__device__ __forceinline__ void ofr_sum_add(uint64_t *sum, float x)
{
    const float inside = fminf(fmaxf(x, -OFR_SUM_RANGE), OFR_SUM_RANGE);
    const uint64_t value = OFR_SUM_ONE + OFR_SUM_BIAS + (uint64_t)__float2ll_rn(inside * OFR_SUM_UNITS);
    atomicAdd(reinterpret_cast<unsigned long long *>(sum), value);
}

// The sum, loaded as `value` before, once all have contributed.
__device__ __forceinline__ float ofr_sum_wait(const uint64_t *sum, uint64_t value, int contributions)
{
    while (value >> OFR_SUM_BITS != (uint64_t)contributions)
        value = ofr_sum_load(sum);
    const int64_t units = (int64_t)(value & (OFR_SUM_ONE - 1)) - (int64_t)((uint64_t)contributions * OFR_SUM_BIAS);
    return __ll2float_rn(units) * (1.f / OFR_SUM_UNITS);
}

#endif
