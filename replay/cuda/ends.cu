#include "replay/cuda/cell.cuh"
#include "replay/cuda/ends.h"

namespace
{

constexpr int COPY_THREADS = 512, COPY_BLOCKS = 32, HEAD_THREADS = 256;

template <typename Word> __device__ __forceinline__ void gather(const ofr_cuda_copy_in &p)
{
    const uint32_t words = p.bytes / (uint32_t)sizeof(Word);
    const uint64_t all = (uint64_t)words * p.control.padded;
    const Word *pool = static_cast<const Word *>(p.pool), *ahead = static_cast<const Word *>(p.ahead);
#pragma unroll 4
    for (uint64_t at = (uint64_t)blockIdx.x * COPY_THREADS + threadIdx.x; at < all;
         at += (uint64_t)gridDim.x * COPY_THREADS) {
        const uint32_t row = (uint32_t)(at / words), word = (uint32_t)(at % words);
        const uint32_t from = p.from[row];
        const Word *input = from & OFR_CUDA_AHEAD ? ahead + (uint64_t)(from & ~OFR_CUDA_AHEAD) * words
                                                  : pool + (uint64_t)from * words;
        static_cast<Word *>(p.in)[at] = input[word];
    }
}

__global__ void __launch_bounds__(COPY_THREADS) copy_in_kernel(const __grid_constant__ ofr_cuda_copy_in p)
{
    if (blockIdx.x == 0) {
        if (threadIdx.x == 0 && p.stamp)
            *p.stamp = ofr_global_timer();
        const uint32_t *from = reinterpret_cast<const uint32_t *>(&p.control);
        for (uint32_t i = threadIdx.x; i < sizeof p.control / 4; i += COPY_THREADS)
            reinterpret_cast<uint32_t *>(p.to)[i] = from[i];
    }
    if (p.bytes % 16 == 0)
        gather<uint4>(p);
    else
        gather<uint32_t>(p);
}

__global__ void __launch_bounds__(HEAD_THREADS) head_kernel(const ofr_cuda_head p)
{
    __shared__ OfrSoftmax shared[HEAD_THREADS / 32];
    const int row = blockIdx.x, warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    if (p.stamp && row == 0 && threadIdx.x == 0)
        *p.stamp = ofr_global_timer();
    OfrSoftmax softmax = ofr_softmax_none();
    for (int k = threadIdx.x; k < (int)p.classes; k += HEAD_THREADS) {
        const float logit = __half2float(static_cast<const __half *>(p.in)[(int64_t)row * p.pitch + k]);
        p.logits[(int64_t)row * p.classes + k] = logit;
        softmax = ofr_softmax_merge(softmax, ofr_softmax_of(logit, k));
    }
    softmax = ofr_softmax_warp(softmax);
    if (lane == 0)
        shared[warp] = softmax;
    __syncthreads();
    if (warp != 0)
        return;
    softmax = ofr_softmax_warp(lane < HEAD_THREADS / 32 ? shared[lane] : ofr_softmax_none());
    if (lane != 0)
        return;
    const uint32_t ticket = p.control->ticket;
    if (row < (int)p.control->rows)
        ofr_cell_store(&p.cell[row], ofr_cell(softmax, p.control->criterion, 0., ofr_cell_tag(ticket)));
    __threadfence_system();
    if (atomicAdd(p.count, 1u) != p.n - 1)
        return;
    *p.count = 0;
    __threadfence_system();
    asm volatile("st.release.sys.global.u32 [%0], %1;" ::"l"(p.ended), "r"(ticket) : "memory");
}

__global__ void echo_kernel(const uint32_t *call, uint64_t *answer, uint32_t count)
{
    for (uint32_t i = 1; i <= count; ++i) {
        uint32_t seen = 0;
        while (seen != i)
            asm volatile("ld.relaxed.sys.global.u32 %0, [%1];" : "=r"(seen) : "l"(call) : "memory");
        ofr_cell_store(answer, ofr_global_timer());
    }
}

} // namespace

extern "C" int ofr_cuda_copy_in_run(const ofr_cuda_copy_in *copy, cudaStream_t stream)
{
    const uint64_t words = (uint64_t)copy->bytes * copy->control.padded / (copy->bytes % 16 == 0 ? 16 : 4);
    const uint64_t blocks = (words + COPY_THREADS - 1) / COPY_THREADS;
    OfrLaunch how = {};
    how.grid = dim3(blocks < COPY_BLOCKS ? (uint32_t)blocks : COPY_BLOCKS);
    how.block = dim3(COPY_THREADS);
    return ofr_launch(copy_in_kernel, how, stream, *copy);
}

extern "C" int ofr_cuda_head_run(const ofr_cuda_head *head, cudaStream_t stream)
{
    OfrLaunch how = {};
    how.grid = dim3(head->n);
    how.block = dim3(HEAD_THREADS);
    return ofr_launch(head_kernel, how, stream, *head);
}

extern "C" int ofr_cuda_echo_run(const uint32_t *call, uint64_t *answer, uint32_t count, cudaStream_t stream)
{
    OfrLaunch how = {};
    how.grid = how.block = dim3(1);
    return ofr_launch(echo_kernel, how, stream, call, answer, count);
}
