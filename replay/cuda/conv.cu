#include "replay/cuda/common.cuh"
#include "replay/cuda/conv.h"
#include "replay/cuda/wgmma.cuh"

#include <cooperative_groups.h>

namespace cg = cooperative_groups;

namespace
{

constexpr int INNER = 64; // values of the inner dimension in a tile: 128 bytes a row

__device__ __forceinline__ void copy_async(uint32_t to, const __half *from, bool valid)
{
    const int bytes = valid ? 16 : 0; // 0 fills with zeros
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
}

__device__ __forceinline__ void copy_commit()
{
    asm volatile("cp.async.commit_group;" ::: "memory");
}

template <int PENDING> __device__ __forceinline__ void copy_wait()
{
    asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
}

template <int ROWS, int COLUMNS, int STAGES> struct Shape {
    static constexpr int THREADS = ROWS * 2; // one warpgroup (128 threads) per 64 rows
    static constexpr int A_BYTES = ROWS * INNER * 2, B_BYTES = COLUMNS * INNER * 2;
    static constexpr int STAGE_BYTES = A_BYTES + B_BYTES;
    static constexpr int PITCH = COLUMNS + 8; // floats between rows of the result: no bank conflicts
    static constexpr int RESULT_BYTES = ROWS * PITCH * 4;
    static constexpr int BYTES =
        (STAGE_BYTES * STAGES > RESULT_BYTES ? STAGE_BYTES * STAGES : RESULT_BYTES) + 1024;
    static constexpr int A_PER_THREAD = ROWS * 8 / THREADS, B_PER_THREAD = COLUMNS * 8 / THREADS;
    static constexpr int ROW_STEP = THREADS / 8;
};

// What one thread gathers: the same 16 bytes of the inner dimension (chunk) of every ROW_STEP-th row.
template <int ROWS, int COLUMNS, int STAGES> struct Gather {
    using S = Shape<ROWS, COLUMNS, STAGES>;
    const __half *a[S::A_PER_THREAD]; // pixel (top, left) of the row, channel 0; may lie outside the image
    int top[S::A_PER_THREAD], left[S::A_PER_THREAD];
    const __half *b;
    int columns;             // rows of b that exist, from this thread's first on
    int inner, inner_length; // where in the inner dimension the next tile lies
    int channel, kernel_row, kernel_column;
    uint32_t offset; // of this thread's first chunk in a tile

    __device__ Gather(const ofr_cuda_conv &p, int first_row, int first_column, int first_tile)
    {
        const int chunk = threadIdx.x % 8, row = threadIdx.x / 8;
        const int pixels = (int)(p.out_h * p.out_w), rows = (int)p.n * pixels;
        inner_length = (int)(p.kernel * p.kernel * p.c);
        inner = first_tile * INNER + chunk * 8;
        channel = inner % (int)p.c;
        kernel_column = inner / (int)p.c;
        kernel_row = kernel_column / (int)p.kernel;
        kernel_column %= (int)p.kernel;
        offset = (uint32_t)(row * 128 + ((chunk ^ (row & 7)) << 4));
#pragma unroll
        for (int i = 0; i < S::A_PER_THREAD; ++i) {
            const int m = first_row + row + i * S::ROW_STEP;
            const int image = m / pixels, pixel = m % pixels;
            top[i] = pixel / (int)p.out_w * (int)p.stride - (int)p.pad;
            left[i] = pixel % (int)p.out_w * (int)p.stride - (int)p.pad;
            a[i] = static_cast<const __half *>(p.in) +
                   (((int64_t)image * p.h + top[i]) * p.w + left[i]) * (int64_t)p.c;
            if (m >= rows)
                top[i] = -(1 << 20);
        }
        columns = (int)p.out_c - first_column - row;
        b = static_cast<const __half *>(p.weight) + (int64_t)(first_column + row) * inner_length;
    }

    __device__ __forceinline__ void load_b(const ofr_cuda_conv &p, uint32_t stage, int at) const
    {
        const bool inside = at < inner_length;
#pragma unroll
        for (int i = 0; i < S::B_PER_THREAD; ++i) {
            const bool valid = inside && i * S::ROW_STEP < columns;
            const __half *from = b + (int64_t)i * S::ROW_STEP * inner_length + at;
            copy_async(stage + S::A_BYTES + offset + i * S::ROW_STEP * 128,
                       valid ? from : static_cast<const __half *>(p.weight), valid);
        }
    }

    __device__ __forceinline__ void load_a(const ofr_cuda_conv &p, uint32_t stage) const
    {
        const bool inside = kernel_row < (int)p.kernel;
        const int64_t shift = ((int64_t)kernel_row * p.w + kernel_column) * p.c + channel;
#pragma unroll
        for (int i = 0; i < S::A_PER_THREAD; ++i) {
            const bool valid = inside && (uint32_t)(top[i] + kernel_row) < p.h &&
                               (uint32_t)(left[i] + kernel_column) < p.w;
            copy_async(stage + offset + i * S::ROW_STEP * 128,
                       valid ? a[i] + shift : static_cast<const __half *>(p.in), valid);
        }
    }

    __device__ __forceinline__ void advance(const ofr_cuda_conv &p)
    {
        inner += INNER;
        channel += INNER;
        while (channel >= (int)p.c) {
            channel -= (int)p.c;
            if (++kernel_column == (int)p.kernel) {
                kernel_column = 0;
                ++kernel_row;
            }
        }
    }
};

// Pools the block's share of rows, that lie in `result` as they were stored.
template <int ROWS, int COLUMNS, int STAGES>
__device__ __forceinline__ void pool(const ofr_cuda_conv &p, const float *result, int first_row, int first_column)
{
    using S = Shape<ROWS, COLUMNS, STAGES>;
    constexpr int PARTS = S::THREADS / COLUMNS;
    const int share = ROWS / (int)gridDim.z, pixels = (int)(p.out_h * p.out_w);
    const int begin = first_row + (int)blockIdx.z * share, end = min(begin + share, (int)p.n * pixels);
    const int column = (int)threadIdx.x % COLUMNS, part = (int)threadIdx.x / COLUMNS, c = first_column + column;
    unsigned long long *to = reinterpret_cast<unsigned long long *>(p.pooling.sum) + c +
                             (int64_t)(first_row / ROWS & (int)(p.pooling.copies - 1)) * p.n * p.out_c;
    __syncthreads();
    if (c >= (int)p.out_c)
        return;
    for (int image = begin / pixels; image * pixels < end; ++image) {
        const int first = max(begin, image * pixels) + part, last = min(end, (image + 1) * pixels);
        float sum = 0.f;
#pragma unroll 8
        for (int m = first; m < last; m += PARTS)
            sum += result[(m - first_row) * S::PITCH + column];
        if (first < last)
            atomicAdd(to + (int64_t)image * p.out_c, (unsigned long long)__float2ll_rn(sum * p.pooling.scale));
    }
}

// Adds up what the blocks of the cluster hold of this block's share of rows, finishes and stores them; where they are
// pooled, also in `result`, of which no other block reads that share.
template <int ROWS, int COLUMNS, int STAGES>
__device__ __forceinline__ void finish(const ofr_cuda_conv &p, float *result, int first_row, int first_column, bool pools)
{
    using S = Shape<ROWS, COLUMNS, STAGES>;
    const int split = (int)gridDim.z, share = ROWS / split, rank = (int)blockIdx.z;
    const int rows = (int)(p.n * p.out_h * p.out_w);
    cg::cluster_group cluster = cg::this_cluster();
    for (int item = threadIdx.x; item < share * (COLUMNS / 8); item += S::THREADS) {
        const int row = rank * share + item / (COLUMNS / 8), column = item % (COLUMNS / 8) * 8;
        const int m = first_row + row, n = first_column + column;
        if (m >= rows || n >= (int)p.out_c)
            continue;
        float value[8] = {};
        for (int other = 0; other < split; ++other) {
            const float *from = result + row * S::PITCH + column;
            if (split > 1)
                from = cluster.map_shared_rank(from, other);
            const float4 low = reinterpret_cast<const float4 *>(from)[0];
            const float4 high = reinterpret_cast<const float4 *>(from)[1];
            value[0] += low.x, value[1] += low.y, value[2] += low.z, value[3] += low.w;
            value[4] += high.x, value[5] += high.y, value[6] += high.z, value[7] += high.w;
        }
        float more[8];
        if (p.bias) {
            ofr_unpack(*reinterpret_cast<const OfrVector *>(static_cast<const __half *>(p.bias) + n), more);
#pragma unroll
            for (int i = 0; i < 8; ++i)
                value[i] += more[i];
        }
        const int64_t at = (int64_t)m * p.out_c + n;
        if (p.add) {
            ofr_unpack(*reinterpret_cast<const OfrVector *>(static_cast<const __half *>(p.add) + at), more);
#pragma unroll
            for (int i = 0; i < 8; ++i)
                value[i] += more[i];
        }
#pragma unroll
        for (int i = 0; i < 8; ++i)
            value[i] = ofr_activate(value[i], p.act);
        const OfrVector stored = ofr_pack(value);
        *reinterpret_cast<OfrVector *>(static_cast<__half *>(p.out) + at) = stored;
        if (pools) {
            ofr_unpack(stored, value);
            float4 *own = reinterpret_cast<float4 *>(result + row * S::PITCH + column);
            own[0] = make_float4(value[0], value[1], value[2], value[3]);
            own[1] = make_float4(value[4], value[5], value[6], value[7]);
        }
    }
    if (pools)
        pool<ROWS, COLUMNS, STAGES>(p, result, first_row, first_column);
}

// Tiles are fetched AHEAD of their product; a tile's place is fetched into again two products later, when the
// barrier of the product between has shown that both warpgroups are done with it.
template <int ROWS, int COLUMNS, int STAGES>
__global__ void __launch_bounds__(ROWS * 2) conv_kernel(const __grid_constant__ ofr_cuda_conv p)
{
    using S = Shape<ROWS, COLUMNS, STAGES>;
    constexpr int AHEAD = STAGES - 2;
    extern __shared__ uint8_t raw[];
    uint8_t *shared = raw + (1024 - ((uint32_t)__cvta_generic_to_shared(raw) & 1023) & 1023);
    const uint32_t base = (uint32_t)__cvta_generic_to_shared(shared);

    const int column_tiles = ((int)p.out_c + COLUMNS - 1) / COLUMNS;
    const int first_row = (int)blockIdx.x / column_tiles * ROWS;
    const int first_column = (int)blockIdx.x % column_tiles * COLUMNS;
    const int inner_tiles = ((int)(p.kernel * p.kernel * p.c) + INNER - 1) / INNER;
    const int share = (inner_tiles + (int)gridDim.z - 1) / (int)gridDim.z;
    const int first_tile = (int)blockIdx.z * share;
    const int tiles = max(0, min(share, inner_tiles - first_tile));

    Gather<ROWS, COLUMNS, STAGES> gather(p, first_row, first_column, first_tile);
#pragma unroll
    for (int i = 0; i < AHEAD; ++i) // weights depend on no other kernel
        if (i < tiles)
            gather.load_b(p, base + i * S::STAGE_BYTES, gather.inner + i * INNER);
    ofr_wait_for_previous();
    const bool pools = p.pooling.sum && p.pooling.control->active >> p.pooling.site & 1;
#pragma unroll
    for (int i = 0; i < AHEAD; ++i) {
        if (i < tiles) {
            gather.load_a(p, base + i * S::STAGE_BYTES);
            gather.advance(p);
        }
        copy_commit();
    }

    float sum[COLUMNS / 2];
#pragma unroll
    for (int i = 0; i < COLUMNS / 2; ++i)
        sum[i] = 0.f;
    const int group = threadIdx.x / 128;
    for (int tile = 0; tile < tiles; ++tile) {
        copy_wait<AHEAD - 1>();
        asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
        __syncthreads();
        const uint32_t stage = base + (uint32_t)(tile % STAGES) * S::STAGE_BYTES;
        const uint64_t a = ofr_wgmma_descriptor(stage + group * 64 * 128);
        const uint64_t b = ofr_wgmma_descriptor(stage + S::A_BYTES);
        ofr_wgmma_fence();
#pragma unroll
        for (int i = 0; i < INNER / 16; ++i)
            ofr_wgmma(sum, a + 2 * i, b + 2 * i);
        ofr_wgmma_commit();
        if (tile + AHEAD < tiles) {
            const uint32_t next = base + (uint32_t)((tile + AHEAD) % STAGES) * S::STAGE_BYTES;
            gather.load_b(p, next, gather.inner);
            gather.load_a(p, next);
            gather.advance(p);
        }
        copy_commit();
        ofr_wgmma_wait<1>();
    }
    ofr_wgmma_wait<0>();
    copy_wait<0>();
    __syncthreads();

    float *result = reinterpret_cast<float *>(shared);
    const int lane = threadIdx.x % 32, row = threadIdx.x / 32 * 16 + lane / 4;
#pragma unroll
    for (int i = 0; i < COLUMNS / 8; ++i) {
        float *to = result + row * S::PITCH + i * 8 + lane % 4 * 2;
        *reinterpret_cast<float2 *>(to) = make_float2(sum[4 * i], sum[4 * i + 1]);
        *reinterpret_cast<float2 *>(to + 8 * S::PITCH) = make_float2(sum[4 * i + 2], sum[4 * i + 3]);
    }
    if (gridDim.z > 1)
        cg::this_cluster().sync();
    else
        __syncthreads();
    finish<ROWS, COLUMNS, STAGES>(p, result, first_row, first_column, pools);
    if (gridDim.z > 1) { // others may still read this block's result
        ofr_cluster_arrive();
        ofr_cluster_wait();
    }
}

struct Variant {
    int rows, columns, threads, bytes;
    void (*kernel)(ofr_cuda_conv);
};

template <int ROWS, int COLUMNS, int STAGES> Variant variant()
{
    using S = Shape<ROWS, COLUMNS, STAGES>;
    return {ROWS, COLUMNS, S::THREADS, S::BYTES, conv_kernel<ROWS, COLUMNS, STAGES>};
}

const Variant variants[] = {
    variant<64, 32, 6>(),  variant<64, 64, 6>(),   variant<64, 128, 5>(),
    variant<128, 64, 5>(), variant<128, 128, 5>(), variant<128, 256, 4>(),
};

} // namespace

extern "C" int ofr_cuda_conv_prepare(void)
{
    for (const Variant &v : variants) {
        const cudaError_t status =
            cudaFuncSetAttribute(v.kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, v.bytes);
        if (status != cudaSuccess)
            return status;
    }
    return cudaSuccess;
}

extern "C" uint32_t ofr_cuda_conv_tiles(const ofr_cuda_conv *conv, uint32_t processors,
                                        ofr_cuda_tile tile[OFR_CUDA_MAX_TILES])
{
    const uint32_t rows = conv->n * conv->out_h * conv->out_w;
    const uint32_t inner = (conv->kernel * conv->kernel * conv->c + INNER - 1) / INNER;
    uint32_t count = 0;
    for (const Variant &v : variants) {
        const uint32_t blocks = ((rows + v.rows - 1) / v.rows) * ((conv->out_c + v.columns - 1) / v.columns);
        // A tile that is mostly padding, or one so small that a large problem has too many, is not worth timing.
        if ((uint32_t)v.columns >= 2 * conv->out_c && v.columns > 32)
            continue;
        if (blocks > 64 * processors && v.rows == 64)
            continue;
        for (uint32_t split = 1; split <= 8 && count < OFR_CUDA_MAX_TILES; split *= 2)
            if (split == 1 || (inner >= 2 * split && blocks * split <= 8 * processors && blocks <= 2 * processors))
                tile[count++] = {(uint32_t)v.rows, (uint32_t)v.columns, split};
    }
    return count;
}

extern "C" int ofr_cuda_conv_run(const ofr_cuda_conv *conv, const ofr_cuda_tile *tile, bool overlap, cudaStream_t stream)
{
    for (const Variant &v : variants) {
        if ((uint32_t)v.rows != tile->rows || (uint32_t)v.columns != tile->columns)
            continue;
        const uint32_t rows = conv->n * conv->out_h * conv->out_w;
        OfrLaunch how = {};
        how.grid = dim3(((rows + v.rows - 1) / v.rows) * ((conv->out_c + v.columns - 1) / v.columns), 1, tile->split);
        how.block = dim3(v.threads);
        how.shared = v.bytes;
        how.cluster = dim3(1, 1, tile->split);
        how.overlap = overlap;
        return ofr_launch(v.kernel, how, stream, *conv);
    }
    return cudaErrorInvalidValue;
}
