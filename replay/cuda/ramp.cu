// What a ramp takes is latency, not work. Hence: everything it reads that no other kernel writes, and all it can read at
// once of what others do, is on its way in registers before the first wait; reductions run side by side; divisions are
// done on the host; and what is not hot stays a loop, for a launch runs its code once.
#include "replay/cuda/cell.cuh"
#include "replay/cuda/ramp_token.h"

#include <cooperative_groups.h>

namespace cg = cooperative_groups;

namespace
{

constexpr int MAX_BLOCKS = 8, PIXELS_AT_ONCE = 4, SHARES_AT_ONCE = 8;

// What follows from ramp and shape, worked out on the host.
struct Arguments {
    ofr_cuda_ramp ramp;
    int pools, pools_log, clusters;
    int width, slice;     // channels of a cluster, of a block
    int pixels, share;    // that a cluster pools, that a block does
    int pitch, pairs;     // classes rounded up to 4; pairs of classes that a block adds up over its cluster
    bool by_channel;      // blocks pool their own channels, all pixels of the cluster
    int vectors, inverse; // that a block pools at once, of eight channels; 2^20 / vectors, rounded up
    int per_row, at_once; // threads that share a vector of a row; rows at once
    int together_log;     // threads that add up what per_row threads found of a channel
    int lanes_log;        // threads that share a class
};

// Where a block stands: its cluster has a share of the pixels and of the channels, it has a slice of these channels.
struct Place {
    int blocks, rank, first_row, rows;
    int begin, end;    // pixels of the cluster
    int first_channel; // of the cluster
};

template <int THREADS> struct Shared {
    alignas(16) float sums[THREADS * 8];
    OfrSoftmax warp[THREADS / 32];
    int last;
};

__device__ __forceinline__ Place place_of(const Arguments &a, int rows_of_cluster)
{
    const ofr_cuda_ramp &p = a.ramp;
    cg::cluster_group cluster = cg::this_cluster();
    Place at;
    at.blocks = (int)cluster.num_blocks();
    at.rank = (int)cluster.block_rank();
    at.first_row = (int)blockIdx.z * rows_of_cluster;
    at.rows = min(rows_of_cluster, (int)p.n - at.first_row);
    at.begin = min(((int)blockIdx.y & (a.pools - 1)) * a.pixels, (int)p.pooled);
    at.end = min(at.begin + a.pixels, (int)p.pooled);
    at.first_channel = ((int)blockIdx.y >> a.pools_log) * a.width;
    return at;
}

// Sums of every `step`-th pixel of [pixel, end) of one 8-channel vector.
__device__ __forceinline__ void add_pixels(float (&sum)[8], const __half *from, int c, int pixel, int end, int step)
{
#pragma unroll 1
    for (; pixel < end; pixel += step * PIXELS_AT_ONCE) {
        OfrVector value[PIXELS_AT_ONCE];
#pragma unroll
        for (int i = 0; i < PIXELS_AT_ONCE; ++i) {
            value[i] = {};
            if (pixel + i * step < end)
                value[i] = *reinterpret_cast<const OfrVector *>(from + (int64_t)(pixel + i * step) * c);
        }
#pragma unroll
        for (int i = 0; i < PIXELS_AT_ONCE; ++i) {
            float one[8];
            ofr_unpack(value[i], one);
#pragma unroll
            for (int j = 0; j < 8; ++j)
                sum[j] += one[j];
        }
    }
}

// to[row][0 .. 8 * vectors) = sums over pixels [begin, end) of the block's vectors from channel `first` on.
template <int THREADS>
__device__ __forceinline__ void pool(const Arguments &a, const Place &at, int begin, int end, int first, float *sums,
                                     float *to)
{
    const ofr_cuda_ramp &p = a.ramp;
    const int thread = (int)threadIdx.x, vectors = a.vectors, width = vectors * 8, per_row = a.per_row;
    const int group = thread * a.inverse >> 20, vector = thread - group * vectors;
    const int of = a.at_once == 1 ? (group >= per_row) : group / per_row;
    const int together = 1 << a.together_log, part = thread & (together - 1);
#pragma unroll 1
    for (int row = 0; row < at.rows; row += a.at_once) {
        float sum[8] = {};
        if (of < a.at_once && row + of < at.rows) {
            const __half *from = static_cast<const __half *>(p.in) + first + vector * 8 +
                                 ((int64_t)(at.first_row + row + of) * p.pixels + p.first_pixel) * p.c;
            add_pixels(sum, from, (int)p.c, begin + group - of * per_row, end, per_row);
        }
        float4 *out = reinterpret_cast<float4 *>(sums + thread * 8);
        out[0] = make_float4(sum[0], sum[1], sum[2], sum[3]);
        out[1] = make_float4(sum[4], sum[5], sum[6], sum[7]);
        __syncthreads();
        const int all = a.at_once * width;
#pragma unroll 1
        for (int i = thread >> a.together_log; i < all; i += THREADS >> a.together_log) {
            const int mine = a.at_once == 1 ? 0 : i / width, channel = i - mine * width;
            const float *of_row = sums + mine * per_row * width + channel;
            float total = 0.f;
#pragma unroll 8
            for (int g = part; g < per_row; g += together)
                total += of_row[g * width];
#pragma unroll 1
            for (int step = together / 2; step > 0; step /= 2)
                total += __shfl_xor_sync(0xffffffffu, total, step);
            if (part == 0 && row + mine < at.rows)
                to[row * width + i] = total;
        }
        __syncthreads();
    }
}

// Adds up to SHARES_AT_ONCE pairs at a time; share(i) is where the i-th lies.
template <typename Where> __device__ __forceinline__ float2 add_shares(int count, Where share)
{
    float2 total = make_float2(0.f, 0.f);
#pragma unroll 1
    for (int base = 0; base < count; base += SHARES_AT_ONCE) {
        float2 value[SHARES_AT_ONCE];
#pragma unroll
        for (int i = 0; i < SHARES_AT_ONCE; ++i) {
            value[i] = make_float2(0.f, 0.f);
            if (base + i < count)
                value[i] = *share(base + i);
        }
#pragma unroll
        for (int i = 0; i < SHARES_AT_ONCE; ++i)
            total.x += value[i].x, total.y += value[i].y;
    }
    return total;
}

// The same place of every block's shared memory.
struct OfCluster {
    const float2 *mine;
    __device__ __forceinline__ const float2 *operator()(int block) const
    {
        return cg::this_cluster().map_shared_rank(mine, block);
    }
};

// sums[row][0 .. slice) of the block's channels, over the cluster's pixels. Blocks pool their own channels where these fill
// sectors of memory, else a share of the pixels each, and hand the sums over.
template <int THREADS>
__device__ __forceinline__ void pool_slice(const Arguments &a, const Place &at, Shared<THREADS> &shared, float *own, float *sums)
{
    const int first = at.rank * a.slice, begin = a.by_channel ? at.begin : min(at.begin + at.rank * a.share, at.end);
    const int end = a.by_channel ? at.end : min(begin + a.share, at.end);
    pool<THREADS>(a, at, begin, end, at.first_channel + (a.by_channel ? first : 0), shared.sums, a.by_channel ? sums : own);
    if (a.by_channel)
        return;
    const int pairs = a.slice / 2;
    cg::this_cluster().sync();
#pragma unroll 1
    for (int i = threadIdx.x; i < at.rows * pairs; i += THREADS) {
        const int row = at.rows == 1 ? 0 : i / pairs;
        const float *from = own + row * a.width + first + (i - row * pairs) * 2;
        reinterpret_cast<float2 *>(sums)[i] = add_shares(at.blocks, OfCluster{reinterpret_cast<const float2 *>(from)});
    }
    __syncthreads();
}

// Weights on their way: CLASSES classes, VECTORS vectors of eight channels each.
template <int THREADS, int CLASSES, int VECTORS> struct Weights {
    OfrVector raw[CLASSES][VECTORS];

    __device__ __forceinline__ void load(const Arguments &a, const Place &at, int k, int vector)
    {
        const int lanes = 1 << a.lanes_log, stride = THREADS >> a.lanes_log, vectors = a.slice / 8;
        const __half *from = static_cast<const __half *>(a.ramp.weight) + at.first_channel + at.rank * a.slice;
#pragma unroll
        for (int u = 0; u < CLASSES; ++u)
#pragma unroll
            for (int v = 0; v < VECTORS; ++v) {
                const int of = k + u * stride, with = vector + v * lanes;
                raw[u][v] = {};
                if (of < (int)a.ramp.classes && with < vectors)
                    raw[u][v] = *reinterpret_cast<const OfrVector *>(from + (int64_t)of * a.ramp.c + with * 8);
            }
    }

    template <int ROWS>
    __device__ __forceinline__ void multiply(const Arguments &a, float (&sum)[CLASSES][ROWS], const float *sums,
                                             int vector) const
    {
#pragma unroll
        for (int v = 0; v < VECTORS; ++v) {
            const int with = min(vector + (v << a.lanes_log), a.slice / 8 - 1); // beyond: its weights are 0
#pragma unroll
            for (int pair = 0; pair < 4; ++pair) {
                float2 weight[CLASSES];
#pragma unroll
                for (int u = 0; u < CLASSES; ++u) {
                    const uint4 &bits = raw[u][v].bits;
                    weight[u] = __half22float2(ofr_pair(pair == 0   ? bits.x
                                                        : pair == 1 ? bits.y
                                                        : pair == 2 ? bits.z
                                                                    : bits.w));
                }
#pragma unroll
                for (int r = 0; r < ROWS; ++r) {
                    const float2 value = *reinterpret_cast<const float2 *>(sums + r * a.slice + with * 8 + pair * 2);
#pragma unroll
                    for (int u = 0; u < CLASSES; ++u)
                        sum[u][r] = fmaf(weight[u].x, value.x, fmaf(weight[u].y, value.y, sum[u][r]));
                }
            }
        }
    }
};

// partial[row][class] of every class over the block's channels; `weights` holds what the first round needs.
template <int THREADS, int ROWS, int CLASSES, int VECTORS>
__device__ __forceinline__ void multiply(const Arguments &a, const Place &at, Weights<THREADS, CLASSES, VECTORS> &weights,
                                         const float *sums, float *partial)
{
    const int classes = (int)a.ramp.classes, lanes = 1 << a.lanes_log, lane = (int)threadIdx.x & (lanes - 1);
    const int first = (int)threadIdx.x >> a.lanes_log, stride = THREADS >> a.lanes_log;
    const float scale = 1.f / (float)a.ramp.pooled;
#pragma unroll 1
    for (int base = 0; base < classes; base += stride * CLASSES) {
        const int k = base + first;
        float sum[CLASSES][ROWS] = {};
#pragma unroll 1
        for (int vector = 0; vector < a.slice / 8; vector += lanes * VECTORS) {
            if (base + vector > 0)
                weights.load(a, at, k, vector + lane);
            weights.multiply(a, sum, sums, vector + lane);
        }
#pragma unroll 1
        for (int step = lanes / 2; step > 0; step /= 2)
#pragma unroll
            for (int u = 0; u < CLASSES; ++u)
#pragma unroll
                for (int r = 0; r < ROWS; ++r)
                    sum[u][r] += __shfl_xor_sync(0xffffffffu, sum[u][r], step);
#pragma unroll
        for (int u = 0; u < CLASSES; ++u)
#pragma unroll
            for (int r = 0; r < ROWS; ++r)
                if (lane == 0 && k + u * stride < classes && r < at.rows)
                    partial[r * a.pitch + k + u * stride] = sum[u][r] * scale;
    }
}

// Several clusters: each leaves its sums in memory. True in the block that came last, where all of them lie.
template <int THREADS>
__device__ __forceinline__ bool hand_over(const Arguments &a, const Place &at, Shared<THREADS> &shared, const float *partial)
{
    const ofr_cuda_ramp &p = a.ramp;
    const int begin = at.rank * a.pairs, end = min(begin + a.pairs, a.pitch / 2);
#pragma unroll 1
    for (int r = 0; r < at.rows; ++r) {
        float2 *scratch = reinterpret_cast<float2 *>(p.scratch + (int64_t)(at.first_row + r) * OFR_CUDA_RAMP_SCRATCH +
                                                     blockIdx.y * a.pitch);
        const float2 *mine = reinterpret_cast<const float2 *>(partial + r * a.pitch);
#pragma unroll 1
        for (int i = begin + (int)threadIdx.x; i < end; i += THREADS)
            scratch[i] = add_shares(at.blocks, OfCluster{mine + i});
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        __threadfence();
        shared.last = atomicAdd(&p.count[at.first_row], 1u) == (uint32_t)(a.clusters * at.blocks) - 1;
        if (shared.last)
            p.count[at.first_row] = 0;
        __threadfence();
    }
    __syncthreads();
    return shared.last;
}

// The softmax of a warp's two classes a thread, from k on: top and answer of the warp, sums of the thread.
__device__ __forceinline__ OfrSoftmax soften(const float (&x)[2], int k, int classes)
{
    float top = -INFINITY;
    int answer = 0x7fffffff;
#pragma unroll
    for (int i = 1; i >= 0; --i) // the lowest class of equals
        if (k + i < classes && x[i] >= top)
            top = x[i], answer = k + i;
    const uint32_t key = ofr_to_key(top), highest = __reduce_max_sync(0xffffffffu, key);
    OfrSoftmax all = {ofr_from_key(highest), 0.f, 0.f, 0};
    all.answer = (int)__reduce_min_sync(0xffffffffu, key == highest ? (uint32_t)answer : 0x7fffffffu);
#pragma unroll
    for (int i = 0; i < 2; ++i) {
        const float below = x[i] - all.top, e = k + i < classes ? expf(below) : 0.f;
        all.sum += e;
        all.weighted += e > 0.f ? e * below : 0.f;
    }
    return all;
}

// Adds up a row's logits, stores them, and answers.
template <int THREADS>
__device__ __forceinline__ void finish(const Arguments &a, Shared<THREADS> &shared, const float *partial, int count, int row,
                                       __half2 bias, const OfrDecision &decision)
{
    const ofr_cuda_ramp &p = a.ramp;
    const int thread = (int)threadIdx.x, warp = thread / 32, lane = thread % 32, classes = (int)p.classes;
    const float2 *scratch = reinterpret_cast<const float2 *>(p.scratch + (int64_t)row * OFR_CUDA_RAMP_SCRATCH);
    constexpr int WARPS = THREADS / 32;
    const bool in_memory = a.clusters > 1;
    OfrSoftmax mine = ofr_softmax_none();
#pragma unroll 1
    for (int base = 0; base < classes; base += THREADS * 2) {
        const int k = base + thread * 2, pair = min(k, a.pitch - 2) / 2;
        const float2 total = add_shares(count, [&](int i) -> const float2 * {
            const float2 *near = reinterpret_cast<const float2 *>(partial) + pair;
            return in_memory ? scratch + i * (a.pitch / 2) + pair : cg::this_cluster().map_shared_rank(near, i);
        });
        if (base > 0)
            bias = static_cast<const __half2 *>(p.bias)[pair];
        const float2 more = __half22float2(bias);
        const float x[2] = {total.x + more.x + 0.f, total.y + more.y + 0.f}; // no -0: it would count as less than 0
#pragma unroll
        for (int i = 0; i < 2; ++i)
            if (k + i < classes)
                p.logits[(int64_t)row * classes + k + i] = x[i];
        const OfrSoftmax now = soften(x, k, classes);
        mine = base > 0 ? ofr_softmax_merge(mine, now) : now;
    }
    mine.sum = ofr_warp_sum(mine.sum);
    mine.weighted = ofr_warp_sum(mine.weighted);
    if (lane == 0)
        shared.warp[warp] = mine;
    __syncthreads();
    if (warp != 0)
        return;
    mine = lane < WARPS ? shared.warp[lane] : ofr_softmax_none();
    if (mine.answer >= classes)
        mine = ofr_softmax_none(); // a warp without a class
#pragma unroll 1
    for (int step = WARPS / 2; step > 0; step /= 2) {
        const OfrSoftmax other = {__shfl_xor_sync(0xffffffffu, mine.top, step),
                                  __shfl_xor_sync(0xffffffffu, mine.sum, step),
                                  __shfl_xor_sync(0xffffffffu, mine.weighted, step),
                                  __shfl_xor_sync(0xffffffffu, mine.answer, step)};
        mine = ofr_softmax_merge(mine, other);
    }
    if (lane == 0)
        ofr_decide(p, decision, mine, row);
}

template <int THREADS, int ROWS, int CLASSES, int VECTORS>
__global__ void __launch_bounds__(THREADS, 1024 / THREADS) ramp_kernel(const __grid_constant__ Arguments a)
{
    __shared__ Shared<THREADS> shared;
    extern __shared__ __align__(16) float floats[];
    const ofr_cuda_ramp &p = a.ramp;
    const Place at = place_of(a, ROWS);
    float *own = floats, *sums = own + ROWS * a.width, *partial = sums + ROWS * a.slice;

    Weights<THREADS, CLASSES, VECTORS> weights;
    weights.load(a, at, (int)threadIdx.x >> a.lanes_log, (int)threadIdx.x & ((1 << a.lanes_log) - 1));
    const __half2 bias = static_cast<const __half2 *>(p.bias)[min((int)threadIdx.x, a.pitch / 2 - 1)];
    const OfrDecision decision(p);
#pragma unroll 1
    for (int i = at.rows * a.slice + (int)threadIdx.x; i < ROWS * a.slice; i += THREADS)
        sums[i] = 0.f;

    pool_slice(a, at, shared, own, sums);
    multiply<THREADS, ROWS, CLASSES, VECTORS>(a, at, weights, sums, partial);
    if (at.blocks > 1)
        cg::this_cluster().sync();
    else
        __syncthreads();
    const bool alone = a.clusters == 1; // then its blocks share out the rows; else the block that came last has all
    const bool last = alone || hand_over(a, at, shared, partial);
    if (at.blocks > 1 && !alone)
        ofr_cluster_arrive();
#pragma unroll 1
    for (int r = alone ? at.rank : 0; r < at.rows && last; r += alone ? at.blocks : 1) {
        finish(a, shared, partial + r * a.pitch, alone ? at.blocks : a.clusters, at.first_row + r, bias, decision);
        __syncthreads();
    }
    if (at.blocks > 1) { // nobody leaves while its sums are read
        if (alone)
            ofr_cluster_arrive();
        ofr_cluster_wait();
    }
}

using Kernel = void (*)(Arguments);

// Few channels a thread: many classes at once; else more vectors of fewer classes.
template <int THREADS> Kernel kernel_of(uint32_t rows, bool wide)
{
    switch (rows) {
    case 1:
        return wide ? ramp_kernel<THREADS, 1, 1, 4> : ramp_kernel<THREADS, 1, 4, 1>;
    case 2:
        return wide ? ramp_kernel<THREADS, 2, 1, 4> : ramp_kernel<THREADS, 2, 4, 1>;
    case 4:
        return wide ? ramp_kernel<THREADS, 4, 1, 4> : ramp_kernel<THREADS, 4, 2, 1>;
    default:
        return wide ? ramp_kernel<THREADS, 8, 1, 4> : ramp_kernel<THREADS, 8, 2, 1>;
    }
}

constexpr uint32_t FEW = 128, SOME = 256, MANY = 512; // threads of a block

Kernel kernel_of(uint32_t threads, uint32_t rows, bool wide)
{
    return threads == FEW    ? kernel_of<FEW>(rows, wide)
           : threads == SOME ? kernel_of<SOME>(rows, wide)
                             : kernel_of<MANY>(rows, wide);
}

uint32_t pitch_of(const ofr_cuda_ramp *ramp)
{
    return (ramp->classes + 3) / 4 * 4;
}

uint32_t bytes_of(const ofr_cuda_ramp *ramp, const ofr_cuda_ramp_shape *shape)
{
    const uint32_t width = ramp->c / shape->slices, slice = width / shape->cluster;
    return shape->rows * (width + slice + pitch_of(ramp)) * (uint32_t)sizeof(float);
}

int log_of(int number) // rounded up
{
    int log = 0;
    while (1 << log < number)
        ++log;
    return log;
}

Arguments arguments_of(const ofr_cuda_ramp *ramp, const ofr_cuda_ramp_shape *shape)
{
    Arguments a = {};
    const int blocks = (int)shape->cluster, pools = (int)shape->pools, rows = (int)shape->rows;
    const int threads = (int)shape->threads;
    a.ramp = *ramp;
    a.pools = pools;
    a.pools_log = log_of(pools);
    a.clusters = pools * (int)shape->slices;
    a.width = (int)(ramp->c / shape->slices);
    a.slice = a.width / blocks;
    a.pixels = ((int)ramp->pooled + pools - 1) / pools;
    a.share = (a.pixels + blocks - 1) / blocks;
    a.pitch = (int)pitch_of(ramp);
    a.pairs = (a.pitch / 2 + blocks - 1) / blocks;
    a.by_channel = blocks == 1 || a.slice >= 32 || a.pixels * a.slice <= 4096;
    a.vectors = (a.by_channel ? a.slice : a.width) / 8;
    a.inverse = ((1 << 20) + a.vectors - 1) / a.vectors;
    a.per_row = threads / a.vectors / rows > 0 ? threads / a.vectors / rows : 1;
    a.at_once = rows == 1 ? 1 : threads / a.vectors / a.per_row;
    const bool even = rows == 1 && a.vectors <= threads / 8 && (a.vectors & (a.vectors - 1)) == 0;
    a.together_log = even ? log_of(threads / 8 / a.vectors < 32 ? threads / 8 / a.vectors : 32) : 0;
    a.lanes_log = a.slice > 128 ? 5 : log_of(a.slice / 8);
    return a;
}

constexpr uint32_t MAX_BYTES = 64 * 1024; // beside a block of the backbone

bool is_possible(const ofr_cuda_ramp *ramp, const ofr_cuda_ramp_shape *shape, uint32_t processors)
{
    const uint32_t shares = shape->cluster * shape->slices, clusters = shape->pools * shape->slices;
    const uint32_t groups = (ramp->n + shape->rows - 1) / shape->rows;
    const uint64_t pool_bytes = (uint64_t)ramp->pooled * ramp->c * 2, weight_bytes = (uint64_t)ramp->classes * ramp->c * 2;
    if (shares > 1 && ramp->c % (8 * shares) != 0)
        return false;
    if (clusters > 1 && (shape->cluster < MAX_BLOCKS || clusters * pitch_of(ramp) > OFR_CUDA_RAMP_SCRATCH ||
                         clusters * shape->cluster * groups > 2 * processors))
        return false;
    if (shape->cluster > 1 && pool_bytes + weight_bytes < 8192u * shape->cluster)
        return false; // nothing to share out
    if (shape->pools > 1 && pool_bytes < 65536u * shape->pools)
        return false;
    if (shape->slices > 1 && weight_bytes + pool_bytes < 131072u * shape->slices)
        return false;
    if (shape->rows > 1 && shape->rows >= 2 * ramp->n)
        return false;
    if (ramp->n > 8 && shape->rows == 1 && weight_bytes > 1 << 18)
        return false; // the weights would be read once a row
    const uint64_t values = ((uint64_t)ramp->pooled + ramp->classes) * ramp->c;
    const bool few = shape->cluster == 1 && ramp->c <= 8 * FEW && values < 16384;
    return few == (shape->threads == FEW) && bytes_of(ramp, shape) <= MAX_BYTES;
}

} // namespace

extern "C" int ofr_cuda_ramp_prepare(void)
{
    for (uint32_t threads = FEW; threads <= MANY; threads *= 2)
        for (uint32_t i = 0; i < 8; ++i) {
            const cudaError_t status = cudaFuncSetAttribute(kernel_of(threads, 1u << i / 2, i % 2),
                                                            cudaFuncAttributeMaxDynamicSharedMemorySize, MAX_BYTES);
            if (status != cudaSuccess)
                return status;
        }
    return cudaSuccess;
}

extern "C" uint32_t ofr_cuda_ramp_shapes(const ofr_cuda_ramp *ramp, uint32_t processors,
                                         ofr_cuda_ramp_shape shape[OFR_CUDA_RAMP_MAX_SHAPES])
{
    uint32_t count = 0;
    if (ofr_cuda_ramp_token_can(ramp))
        shape[count++] = {1, 1, 1, 1, 0};
    for (uint32_t rows = 1; rows <= 8; rows *= 2)
        for (uint32_t cluster = 1; cluster <= MAX_BLOCKS; cluster *= 2)
            for (uint32_t slices = 1; slices <= 16; slices *= 2)
                for (uint32_t pools = 1; pools <= 16; pools *= 2)
                    for (uint32_t threads = FEW; threads <= MANY; threads *= 2) {
                        const ofr_cuda_ramp_shape one = {cluster, pools, slices, rows, threads};
                        if (count < OFR_CUDA_RAMP_MAX_SHAPES && is_possible(ramp, &one, processors))
                            shape[count++] = one;
                    }
    return count;
}

extern "C" int ofr_cuda_ramp_run(const ofr_cuda_ramp *ramp, const ofr_cuda_ramp_shape *shape, cudaStream_t stream)
{
    if (shape->threads == 0)
        return ofr_cuda_ramp_token_run(ramp, stream);
    const Arguments arguments = arguments_of(ramp, shape);
    OfrLaunch how = {};
    how.grid = dim3(shape->cluster, shape->pools * shape->slices, (ramp->n + shape->rows - 1) / shape->rows);
    how.block = dim3(shape->threads);
    how.shared = bytes_of(ramp, shape);
    how.cluster = dim3(shape->cluster, 1, 1);
    return ofr_launch(kernel_of(shape->threads, shape->rows, arguments.slice > 256), how, stream, arguments);
}
