#include "replay/cuda/cell.cuh"
#include "replay/cuda/ramp.h"

#include <cooperative_groups.h>

namespace cg = cooperative_groups;

namespace
{

constexpr int THREADS = 256, WARPS = THREADS / 32, MAX_BLOCKS = 8, CLASSES_AT_ONCE = 4;

struct Arguments {
    ofr_cuda_ramp ramp;
    int pools, slices;
};

struct Shared {
    float sums[THREADS * 8]; // of groups of threads
    OfrSoftmax warp[WARPS][8];
    OfrSoftmax block[MAX_BLOCKS][8]; // block 0's is filled by all blocks of the cluster
    int last;
};

// to[0 .. 8 * vectors) = sums over pixels [begin, end) of `vectors` 8-channel vectors from `first` on, of one row.
__device__ __forceinline__ void pool(const __half *in, int c, int begin, int end, int first, int vectors,
                                     float *sums, float *to)
{
    const int groups = THREADS / vectors, group = (int)threadIdx.x / vectors, vector = (int)threadIdx.x % vectors;
    if (group < groups) {
        float sum[8] = {};
        const __half *from = in + (first + vector) * 8;
#pragma unroll 8
        for (int pixel = begin + group; pixel < end; pixel += groups) {
            float value[8];
            ofr_unpack(*reinterpret_cast<const OfrVector *>(from + (int64_t)pixel * c), value);
#pragma unroll
            for (int i = 0; i < 8; ++i)
                sum[i] += value[i];
        }
#pragma unroll
        for (int i = 0; i < 8; ++i)
            sums[(group * vectors + vector) * 8 + i] = sum[i];
    }
    __syncthreads();
    for (int i = threadIdx.x; i < vectors * 8; i += THREADS) {
        float total = 0.f;
        for (int g = 0; g < groups; ++g)
            total += sums[g * vectors * 8 + i];
        to[i] = total;
    }
    __syncthreads();
}

// `mean` of every row, whole, in every block of the cluster; `own` is this block's part of it.
__device__ __forceinline__ void gather(const float *own, float *mean, int rows, int c, int share, float scale)
{
    cg::cluster_group cluster = cg::this_cluster();
    const int blocks = (int)cluster.num_blocks();
    cluster.sync();
    for (int i = threadIdx.x; i < rows * c; i += THREADS) {
        float total = 0.f;
        if (share < c) { // by channel
            total = cluster.map_shared_rank(own, i % c / share)[i];
        } else {
            for (int other = 0; other < blocks; ++other)
                total += cluster.map_shared_rank(own, other)[i];
        }
        mean[i] = total * scale;
    }
    __syncthreads();
}

// One cluster pools all: channels are shared out where a share is a sector of memory or more, pixels elsewhere.
__device__ __forceinline__ void pool_alone(const ofr_cuda_ramp &p, Shared &shared, float *own, float *mean,
                                           int first_row, int rows)
{
    const int blocks = (int)cg::this_cluster().num_blocks(), rank = (int)cg::this_cluster().block_rank();
    const int c = (int)p.c, pooled = (int)p.pooled;
    const bool by_channel = blocks > 1 && c % (blocks * 16) == 0;
    const int share = by_channel ? c / blocks : c, first = by_channel ? rank * share : 0;
    const int pixels = by_channel ? pooled : (pooled + blocks - 1) / blocks;
    const int begin = by_channel ? 0 : min(rank * pixels, pooled), end = min(begin + pixels, pooled);
    for (int r = 0; r < rows; ++r) {
        const __half *in =
            static_cast<const __half *>(p.in) + ((int64_t)(first_row + r) * p.pixels + p.first_pixel) * c;
        pool(in, c, begin, end, first / 8, share / 8, shared.sums, own + r * c + first);
    }
    gather(own, mean, rows, c, share, 1.f / (float)pooled);
}

// Several clusters pool a share of the pixels of one row each. False for all but the last to finish, which has
// the mean. c is a multiple of 8 x blocks (ofr_cuda_ramp_shapes).
__device__ __forceinline__ bool pool_together(const Arguments &a, Shared &shared, float *own, float *mean, int row)
{
    cg::cluster_group cluster = cg::this_cluster();
    const ofr_cuda_ramp &p = a.ramp;
    const int blocks = (int)cluster.num_blocks(), rank = (int)cluster.block_rank(), c = (int)p.c;
    const int parts = a.pools * blocks, part = (int)blockIdx.y * blocks + rank, pooled = (int)p.pooled;
    const int pixels = (pooled + parts - 1) / parts, begin = min(part * pixels, pooled);
    const __half *in = static_cast<const __half *>(p.in) + ((int64_t)row * p.pixels + p.first_pixel) * c;
    pool(in, c, begin, min(begin + pixels, pooled), 0, c / 8, shared.sums, own);
    float *scratch = p.scratch + (int64_t)row * OFR_CUDA_RAMP_SCRATCH;
    for (int i = threadIdx.x; i < c; i += THREADS)
        scratch[part * c + i] = own[i];
    __threadfence();
    cluster.sync();
    if (rank == 0 && threadIdx.x == 0) {
        const int last = atomicAdd(&p.count[row], 1u) == (uint32_t)a.pools - 1;
        if (last)
            p.count[row] = 0;
        __threadfence();
        for (int other = 0; other < blocks; ++other)
            *cluster.map_shared_rank(&shared.last, other) = last;
    }
    cluster.sync();
    if (!shared.last)
        return false;
    __threadfence();
    const int share = c / blocks, groups = max(1, THREADS / share);
    for (int i = threadIdx.x; i < share * groups; i += THREADS) {
        float total = 0.f;
#pragma unroll 4
        for (int other = i / share; other < parts; other += groups)
            total += __ldcg(&scratch[other * c + rank * share + i % share]);
        shared.sums[i] = total;
    }
    __syncthreads();
    for (int i = threadIdx.x; i < share; i += THREADS) {
        float total = 0.f;
        for (int g = 0; g < groups; ++g)
            total += shared.sums[g * share + i];
        own[rank * share + i] = total;
    }
    gather(own, mean, 1, c, share, 1.f / (float)pooled);
    return true;
}

// Logits of classes [begin, end) of every row, and each row's softmax over them in softmax[row] of each thread; only
// one thread of those that share a class holds it.
template <int ROWS>
__device__ __forceinline__ void multiply(const ofr_cuda_ramp &p, const float *mean, int begin, int end, int first_row,
                                         int rows, OfrSoftmax (&softmax)[ROWS])
{
    const int c = (int)p.c, vectors = c / 8;
    int lanes = 1; // that share a class
    while (lanes < 32 && lanes < vectors)
        lanes *= 2;
    const int lane = (int)threadIdx.x % lanes, stride = THREADS / lanes;
    const uint32_t together = (lanes == 32 ? 0xffffffffu : (1u << lanes) - 1) << (threadIdx.x % 32 - lane);
    for (int k = begin + (int)threadIdx.x / lanes; k < end; k += stride * CLASSES_AT_ONCE) {
        float sum[CLASSES_AT_ONCE][ROWS] = {};
        for (int vector = lane; vector < vectors; vector += lanes) {
            OfrVector raw[CLASSES_AT_ONCE];
#pragma unroll
            for (int u = 0; u < CLASSES_AT_ONCE; ++u) {
                const int of = min(k + u * stride, end - 1);
                raw[u] = *reinterpret_cast<const OfrVector *>(static_cast<const __half *>(p.weight) +
                                                              (int64_t)of * c + vector * 8);
            }
#pragma unroll
            for (int u = 0; u < CLASSES_AT_ONCE; ++u) {
                float weight[8];
                ofr_unpack(raw[u], weight);
#pragma unroll
                for (int r = 0; r < ROWS; ++r)
#pragma unroll
                    for (int i = 0; i < 8; ++i)
                        sum[u][r] = fmaf(weight[i], mean[r * c + vector * 8 + i], sum[u][r]);
            }
        }
#pragma unroll
        for (int u = 0; u < CLASSES_AT_ONCE; ++u) {
            const int of = k + u * stride;
#pragma unroll
            for (int r = 0; r < ROWS; ++r) {
                for (int step = lanes / 2; step > 0; step /= 2)
                    sum[u][r] += __shfl_xor_sync(together, sum[u][r], step);
                if (lane != 0 || of >= end || r >= rows)
                    continue;
                const float logit = sum[u][r] + __half2float(static_cast<const __half *>(p.bias)[of]);
                p.logits[(int64_t)(first_row + r) * p.classes + of] = logit;
                softmax[r] = ofr_softmax_merge(softmax[r], ofr_softmax_of(logit, of));
            }
        }
    }
}

__device__ __forceinline__ void decide(const ofr_cuda_ramp &p, const OfrSoftmax &softmax, int row)
{
    const ofr_cuda_control &control = *p.control;
    if (row >= (int)control.rows)
        return;
    const double threshold = control.criterion <= 1 ? control.threshold[p.site] : 0.; // 2: the host's to decide
    if (p.stamp)
        p.stamp[row] = ofr_global_timer();
    ofr_cell_store(&p.cell[row], ofr_cell(softmax, control.criterion, threshold, control.ticket));
}

// Merges the softmaxes of warps, blocks and clusters; the last one writes the cells. One warp a row.
template <int ROWS>
__device__ __forceinline__ void conclude(const Arguments &a, Shared &shared, OfrSoftmax (&softmax)[ROWS],
                                         int first_row, int rows)
{
    cg::cluster_group cluster = cg::this_cluster();
    const ofr_cuda_ramp &p = a.ramp;
    const int rank = (int)cluster.block_rank(), warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32;
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
        const OfrSoftmax all = ofr_softmax_warp(softmax[r]);
        if (lane == 0)
            shared.warp[warp][r] = all;
    }
    __syncthreads();
    if (warp < rows) {
        const OfrSoftmax all = ofr_softmax_warp(lane < WARPS ? shared.warp[lane][warp] : ofr_softmax_none());
        if (lane == 0)
            *cluster.map_shared_rank(&shared.block[rank][warp], 0) = all;
    }
    cluster.sync();
    if (rank != 0 || warp >= rows)
        return;
    OfrSoftmax all =
        ofr_softmax_warp(lane < (int)cluster.num_blocks() ? shared.block[lane][warp] : ofr_softmax_none());
    const int row = first_row + warp;
    if (a.slices > 1) {
        float4 *scratch = reinterpret_cast<float4 *>(p.scratch + (int64_t)row * OFR_CUDA_RAMP_SCRATCH);
        int last = 0;
        if (lane == 0) {
            scratch[blockIdx.y] = make_float4(all.top, all.sum, all.weighted, __int_as_float(all.answer));
            __threadfence();
            last = atomicAdd(&p.count[p.n + row], 1u) == (uint32_t)a.slices - 1;
            if (last)
                p.count[p.n + row] = 0;
            __threadfence();
        }
        if (!__shfl_sync(0xffffffffu, last, 0))
            return;
        all = ofr_softmax_none();
        if (lane < a.slices) {
            const float4 one = __ldcg(&scratch[lane]);
            all = {one.x, one.y, one.z, __float_as_int(one.w)};
        }
        all = ofr_softmax_warp(all);
    }
    if (lane == 0)
        decide(p, all, row);
}

template <int ROWS> __global__ void __launch_bounds__(THREADS) ramp_kernel(const __grid_constant__ Arguments a)
{
    __shared__ Shared shared;
    extern __shared__ float floats[];
    const ofr_cuda_ramp &p = a.ramp;
    cg::cluster_group cluster = cg::this_cluster();
    const int blocks = (int)cluster.num_blocks(), rank = (int)cluster.block_rank();
    const int first_row = (int)blockIdx.z * ROWS, rows = min(ROWS, (int)p.n - first_row), c = (int)p.c;
    float *own = floats, *mean = floats + ROWS * c;
    for (int i = rows * c + (int)threadIdx.x; i < ROWS * c; i += THREADS)
        mean[i] = 0.f;
    if (a.pools > 1) {
        if (!pool_together(a, shared, own, mean, first_row))
            return;
    } else {
        pool_alone(p, shared, own, mean, first_row, rows);
    }
    const int parts = a.slices * blocks, part = (a.slices > 1 ? (int)blockIdx.y * blocks : 0) + rank;
    const int share = ((int)p.classes + parts - 1) / parts, begin = min(part * share, (int)p.classes);
    OfrSoftmax softmax[ROWS];
#pragma unroll
    for (int r = 0; r < ROWS; ++r)
        softmax[r] = ofr_softmax_none();
    multiply<ROWS>(p, mean, begin, min(begin + share, (int)p.classes), first_row, rows, softmax);
    __syncwarp();
    conclude<ROWS>(a, shared, softmax, first_row, rows);
}

using Kernel = void (*)(Arguments);

Kernel kernel_of(uint32_t rows)
{
    switch (rows) {
    case 1:
        return ramp_kernel<1>;
    case 2:
        return ramp_kernel<2>;
    case 4:
        return ramp_kernel<4>;
    default:
        return ramp_kernel<8>;
    }
}

uint32_t bytes_of(const ofr_cuda_ramp *ramp, uint32_t rows)
{
    return 2 * rows * ramp->c * (uint32_t)sizeof(float);
}

constexpr uint32_t MAX_BYTES = 96 * 1024; // beside a block of the backbone

} // namespace

extern "C" int ofr_cuda_ramp_prepare(void)
{
    for (uint32_t rows = 1; rows <= 8; rows *= 2) {
        cudaError_t status =
            cudaFuncSetAttribute(kernel_of(rows), cudaFuncAttributeMaxDynamicSharedMemorySize, MAX_BYTES);
        if (status == cudaSuccess)
            status = cudaFuncSetAttribute(kernel_of(rows), cudaFuncAttributeNonPortableClusterSizeAllowed, 1);
        if (status != cudaSuccess)
            return status;
    }
    return cudaSuccess;
}

extern "C" uint32_t ofr_cuda_ramp_shapes(const ofr_cuda_ramp *ramp, uint32_t processors,
                                         ofr_cuda_ramp_shape shape[OFR_CUDA_RAMP_MAX_SHAPES])
{
    const uint64_t pool_bytes = (uint64_t)ramp->pooled * ramp->c * 2;
    const uint64_t weight_bytes = (uint64_t)ramp->classes * ramp->c * 2;
    uint32_t count = 0;
    for (uint32_t cluster = 1; cluster <= MAX_BLOCKS; cluster *= 2) {
        if (cluster > 1 && pool_bytes + weight_bytes < 16 * 1024 * cluster / 2)
            continue; // nothing to share out
        for (uint32_t rows = 1; rows <= 8 && rows <= ramp->n; rows *= 2) {
            const uint32_t groups = (ramp->n + rows - 1) / rows;
            if (bytes_of(ramp, rows) > MAX_BYTES || count == OFR_CUDA_RAMP_MAX_SHAPES)
                continue;
            if (ramp->n > 8 && rows == 1 && weight_bytes > 1 << 18)
                continue; // the weights would be read once a row
            shape[count++] = {cluster, 1, 1, rows};
            for (uint32_t more = 2; more <= 16 && count < OFR_CUDA_RAMP_MAX_SHAPES; more *= 2) {
                if (cluster < 4 || more * cluster * groups > 2 * processors)
                    break;
                if (rows == 1 && pool_bytes > 1 << 18 && ramp->c % (8 * cluster) == 0 &&
                    more * cluster * ramp->c <= OFR_CUDA_RAMP_SCRATCH && count < OFR_CUDA_RAMP_MAX_SHAPES)
                    shape[count++] = {cluster, more, 1, rows};
                if (weight_bytes > 1 << 18 && count < OFR_CUDA_RAMP_MAX_SHAPES)
                    shape[count++] = {cluster, 1, more, rows};
            }
        }
    }
    return count;
}

extern "C" int ofr_cuda_ramp_run(const ofr_cuda_ramp *ramp, const ofr_cuda_ramp_shape *shape, cudaStream_t stream)
{
    OfrLaunch how = {};
    how.grid = dim3(shape->cluster, shape->pools * shape->slices, (ramp->n + shape->rows - 1) / shape->rows);
    how.block = dim3(THREADS);
    how.shared = bytes_of(ramp, shape->rows);
    how.cluster = dim3(shape->cluster, 1, 1);
    Arguments arguments = {*ramp, (int)shape->pools, (int)shape->slices};
    return ofr_launch(kernel_of(shape->rows), how, stream, arguments);
}
