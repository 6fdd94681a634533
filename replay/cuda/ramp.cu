// What a ramp takes is latency, not work. Hence: everything it reads is on its way in registers before the first wait;
// nothing crosses lanes but the pooled sums; and blocks meet once, without a fence: a contribution to a logit carries its
// own count (ramp.h). What is not hot stays a loop, for a launch runs its code once.
#include "replay/cuda/ramp_classes.h"
#include "replay/cuda/ramp_pool.cuh"
#include "replay/cuda/ramp_softmax.cuh"
#include "replay/cuda/ramp_token.h"

namespace
{

constexpr int VECTORS_AT_ONCE = 8;

// What follows from ramp and shape, worked out on the host.
struct Arguments {
    ofr_cuda_ramp ramp;
    int share;         // pixels of a block
    int pitch;         // classes of the weights, padded
    int vectors;       // of eight channels
    int contributions; // blocks of a row
    float scale;
};

template <int THREADS, int ROWS, int VECTORS> struct Shared {
    float part[ROWS][THREADS / 32][VECTORS * 8];
    float4 mean[ROWS][VECTORS * 2];
    OfrSoftmax warp[THREADS / 32];
};

// The means of the block's channels, pooled before.
template <int THREADS, int ROWS, int VECTORS>
__device__ __forceinline__ void take_means(const Arguments &a, Shared<THREADS, ROWS, VECTORS> &shared, int first_row, int rows)
{
    const ofr_cuda_ramp &p = a.ramp;
    const int first = (int)blockIdx.x * VECTORS * 8;
#pragma unroll 1
    for (int i = (int)threadIdx.x; i < rows * VECTORS * 8; i += THREADS) {
        const int row = i / (VECTORS * 8), of = i % (VECTORS * 8);
        reinterpret_cast<float *>(shared.mean[row])[of] = first + of < (int)p.c ? ofr_pooled(p, first_row + row, first + of) : 0.f;
    }
    __syncthreads();
}

// mean[row][0 .. VECTORS * 8) over the block's pixels, of all the row's.
template <int THREADS, int ROWS, int VECTORS>
__device__ __forceinline__ void pool(const Arguments &a, Shared<THREADS, ROWS, VECTORS> &shared, int first_row, int rows)
{
    const ofr_cuda_ramp &p = a.ramp;
    if (p.pooled_sum) {
        take_means(a, shared, first_row, rows);
        return;
    }
    const int thread = (int)threadIdx.x, lane = thread % 32, vector = thread % VECTORS;
    const int begin = (int)blockIdx.y * a.share + thread / VECTORS, channel = ((int)blockIdx.x * VECTORS + vector) * 8;
    const int end = channel < (int)p.c ? min((int)(blockIdx.y + 1) * a.share, (int)p.pooled) : 0;
#pragma unroll 1
    for (int row = 0; row < rows; ++row) {
        float sum[8] = {};
        const __half *from = static_cast<const __half *>(p.in) + channel +
                             ((int64_t)(first_row + row) * p.pixels + p.first_pixel) * p.c;
        ofr_add_pixels(sum, from, (int)p.c, begin, end, THREADS / VECTORS);
        float *to = &shared.part[row][thread / 32][vector * 8 + ofr_add_lanes<VECTORS>(sum, lane)];
        to[0] = sum[0];
        if (VECTORS == 8)
            to[1] = sum[1];
    }
    __syncthreads();
#pragma unroll 1
    for (int i = thread; i < rows * VECTORS * 8; i += THREADS) {
        const int row = i / (VECTORS * 8), of = i % (VECTORS * 8);
        float total = 0.f;
#pragma unroll
        for (int warp = 0; warp < THREADS / 32; ++warp)
            total += shared.part[row][warp][of];
        reinterpret_cast<float *>(shared.mean[row])[of] = total * a.scale;
    }
    __syncthreads();
}

// Weights on their way: of every THREADS-th class from k on.
template <int THREADS, int VECTORS> struct Weights {
    static constexpr int CLASSES = VECTORS_AT_ONCE / VECTORS;
    OfrVector raw[CLASSES][VECTORS];

    __device__ __forceinline__ void load(const Arguments &a, int k)
    {
        const int first = (int)blockIdx.x * VECTORS;
        const OfrVector *from = static_cast<const OfrVector *>(a.ramp.weight) + (int64_t)first * a.pitch + k;
#pragma unroll
        for (int u = 0; u < CLASSES; ++u)
#pragma unroll
            for (int v = 0; v < VECTORS; ++v) {
                raw[u][v] = {};
                if (k + u * THREADS < (int)a.ramp.classes && first + v < a.vectors)
                    raw[u][v] = from[v * a.pitch + u * THREADS];
            }
    }

    template <int ROWS> __device__ __forceinline__ void multiply(float (&sum)[CLASSES][ROWS], const float4 (*mean)[VECTORS * 2]) const
    {
#pragma unroll
        for (int v = 0; v < VECTORS; ++v) {
            float weight[CLASSES][8];
#pragma unroll
            for (int u = 0; u < CLASSES; ++u)
                ofr_unpack(raw[u][v], weight[u]);
#pragma unroll
            for (int r = 0; r < ROWS; ++r) {
                const float4 low = mean[r][2 * v], high = mean[r][2 * v + 1];
                const float value[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
                for (int u = 0; u < CLASSES; ++u)
#pragma unroll
                    for (int i = 0; i < 8; ++i)
                        sum[u][r] = fmaf(weight[u][i], value[i], sum[u][r]);
            }
        }
    }
};

// Adds the block's channels and pixels to every logit; `weights` holds what the first round needs.
template <int THREADS, int ROWS, int VECTORS>
__device__ __forceinline__ void contribute(const Arguments &a, Weights<THREADS, VECTORS> &weights,
                                           const Shared<THREADS, ROWS, VECTORS> &shared, int first_row, int rows)
{
    constexpr int CLASSES = Weights<THREADS, VECTORS>::CLASSES;
    const int classes = (int)a.ramp.classes;
#pragma unroll 1
    for (int k = (int)threadIdx.x; k < classes; k += THREADS * CLASSES) {
        if (k >= THREADS)
            weights.load(a, k);
        float sum[CLASSES][ROWS] = {};
        weights.multiply(sum, shared.mean);
#pragma unroll
        for (int u = 0; u < CLASSES; ++u)
#pragma unroll
            for (int r = 0; r < ROWS; ++r)
                if (k + u * THREADS < classes && r < rows)
                    ofr_sum_add(a.ramp.sum + (int64_t)(first_row + r) * a.ramp.sums + k + u * THREADS, sum[u][r]);
    }
}

// The logits of every THREADS-th class from k on, once all blocks have contributed; leaves zeros behind.
template <int THREADS>
__device__ __forceinline__ void collect(const Arguments &a, float (&x)[OFR_LOGITS_AT_ONCE], int row, int k)
{
    const int classes = (int)a.ramp.classes;
    uint64_t *from = a.ramp.sum + (int64_t)row * a.ramp.sums + k, sum[OFR_LOGITS_AT_ONCE];
#pragma unroll
    for (int i = 0; i < OFR_LOGITS_AT_ONCE; ++i)
        if (k + i * THREADS < classes)
            sum[i] = ofr_sum_load(from + i * THREADS);
#pragma unroll
    for (int i = 0; i < OFR_LOGITS_AT_ONCE; ++i) {
        x[i] = -INFINITY;
        if (k + i * THREADS >= classes)
            continue;
        x[i] = ofr_sum_wait(from + i * THREADS, sum[i], a.contributions);
        from[i * THREADS] = 0;
    }
}

// Collects a row's logits, stores them, and answers.
template <int THREADS, int ROWS, int VECTORS>
__device__ __forceinline__ void finish(const Arguments &a, Shared<THREADS, ROWS, VECTORS> &shared, int row,
                                       const OfrDecision &decision)
{
    constexpr int WARPS = THREADS / 32;
    const ofr_cuda_ramp &p = a.ramp;
    const int thread = (int)threadIdx.x, classes = (int)p.classes;
    OfrSoftmax mine = ofr_softmax_none();
#pragma unroll 1
    for (int base = 0; base < classes; base += THREADS * OFR_LOGITS_AT_ONCE) {
        float x[OFR_LOGITS_AT_ONCE], bias[OFR_LOGITS_AT_ONCE];
        const int k = base + thread;
#pragma unroll
        for (int i = 0; i < OFR_LOGITS_AT_ONCE; ++i)
            bias[i] = __half2float(static_cast<const __half *>(p.bias)[min(k + i * THREADS, classes - 1)]);
        collect<THREADS>(a, x, row, k);
#pragma unroll
        for (int i = 0; i < OFR_LOGITS_AT_ONCE; ++i) {
            x[i] = x[i] + bias[i] + 0.f; // no -0: it would count as less than 0
            if (k + i * THREADS < classes)
                p.logits[(int64_t)row * classes + k + i * THREADS] = x[i];
        }
        const OfrSoftmax now = ofr_soften(x, k, THREADS);
        mine = base > 0 ? ofr_softmax_merge(mine, now) : now;
    }
    ofr_finish<WARPS>(p, decision, shared.warp, mine, row);
}

template <int THREADS, int ROWS, int VECTORS>
__global__ void __launch_bounds__(THREADS) ramp_kernel(const __grid_constant__ Arguments a)
{
    __shared__ Shared<THREADS, ROWS, VECTORS> shared;
    const int first_row = (int)blockIdx.z * ROWS, rows = min(ROWS, (int)a.ramp.n - first_row);
    Weights<THREADS, VECTORS> weights;
    weights.load(a, (int)threadIdx.x);
    const OfrDecision decision(a.ramp);
    pool(a, shared, first_row, rows);
    contribute(a, weights, shared, first_row, rows);
    // The blocks that start last share out the rows: the others run by then, so that nobody waits for one that cannot.
    const int from_last = a.contributions - 1 - (int)(blockIdx.y * gridDim.x + blockIdx.x);
#pragma unroll 1
    for (int row = from_last; row < rows; row += a.contributions) {
        finish(a, shared, first_row + row, decision);
        __syncthreads();
        if (a.ramp.pooled_sum)
            ofr_forget_pooled(a.ramp, first_row + row, (int)threadIdx.x, THREADS);
    }
}

using Kernel = void (*)(Arguments);

template <int THREADS, int ROWS> Kernel kernel_of(uint32_t vectors)
{
    return vectors == 2   ? ramp_kernel<THREADS, ROWS, 2>
           : vectors == 4 ? ramp_kernel<THREADS, ROWS, 4>
                          : ramp_kernel<THREADS, ROWS, 8>;
}

template <int THREADS> Kernel kernel_of(uint32_t rows, uint32_t vectors)
{
    return rows == 1   ? kernel_of<THREADS, 1>(vectors)
           : rows == 2 ? kernel_of<THREADS, 2>(vectors)
           : rows == 4 ? kernel_of<THREADS, 4>(vectors)
                       : kernel_of<THREADS, 8>(vectors);
}

constexpr uint32_t FEW = 128, MANY = 256; // threads of a block

uint32_t slices_of(const ofr_cuda_ramp *ramp, const ofr_cuda_ramp_shape *shape)
{
    return (ramp->c / 8 + shape->vectors - 1) / shape->vectors;
}

bool is_possible(const ofr_cuda_ramp *ramp, const ofr_cuda_ramp_shape *shape, uint32_t processors)
{
    const uint32_t slices = slices_of(ramp, shape), groups = (ramp->n + shape->rows - 1) / shape->rows;
    const uint32_t blocks = slices * shape->shares, at_once = shape->threads / shape->vectors;
    if (shape->vectors > 2 && ramp->c / 8 <= shape->vectors / 2)
        return false; // mostly nothing
    if (shape->rows > 1 && shape->rows >= 2 * ramp->n)
        return false;
    if (blocks > OFR_SUM_MOST || (uint64_t)blocks * groups > 4 * (uint64_t)processors)
        return blocks <= OFR_SUM_MOST && shape->shares == 1 && shape->vectors == 8 && shape->rows == 8; // the last resort
    if (shape->shares > 1 && ramp->pooled_sum)
        return false;
    if (shape->shares > 1 && ramp->pooled < at_once * shape->shares)
        return false; // threads without a pixel
    const uint64_t bytes = 2ull * shape->vectors * 8 * ((ramp->pooled_sum ? 1 : ramp->pooled) / shape->shares * shape->rows + ramp->classes);
    return bytes < 1 << 18 || blocks * groups >= processors / 2; // else too few do too much
}

} // namespace

extern "C" int ofr_cuda_ramp_prepare(void)
{
    for (uint32_t threads = FEW; threads <= MANY; threads *= 2)
        for (uint32_t rows = 1; rows <= 8; rows *= 2)
            for (uint32_t vectors = 2; vectors <= 8; vectors *= 2) {
                const cudaError_t status =
                    ofr_beside_products(threads == FEW ? kernel_of<FEW>(rows, vectors) : kernel_of<MANY>(rows, vectors));
                if (status != cudaSuccess)
                    return status;
            }
    return ofr_cuda_ramp_classes_prepare();
}

extern "C" uint32_t ofr_cuda_ramp_shapes(const ofr_cuda_ramp *ramp, uint32_t processors,
                                         ofr_cuda_ramp_shape shape[OFR_CUDA_RAMP_MAX_SHAPES])
{
    uint32_t count = 0;
    if (ofr_cuda_ramp_token_can(ramp)) {
        shape[0] = {1, 1, 1, 0, 0};
        return 1;
    }
    count = ofr_cuda_ramp_classes_shapes(ramp, processors, shape);
    if (count && ramp->pooled_sum)
        return count;
    for (uint32_t rows = 1; rows <= 8; rows *= 2)
        for (uint32_t vectors = 2; vectors <= 8; vectors *= 2)
            for (uint32_t shares = 1; shares <= 32; shares *= 2)
                for (uint32_t threads = FEW; threads <= MANY; threads *= 2) {
                    const ofr_cuda_ramp_shape one = {vectors, shares, rows, threads, 0};
                    if (count < OFR_CUDA_RAMP_MAX_SHAPES && is_possible(ramp, &one, processors))
                        shape[count++] = one;
                }
    return count;
}

extern "C" uint32_t ofr_cuda_ramp_blocks(const ofr_cuda_ramp *ramp, const ofr_cuda_ramp_shape *shape)
{
    return shape->threads == 0 ? ramp->n
           : shape->classes    ? ofr_cuda_ramp_classes_blocks(ramp, shape)
                               : slices_of(ramp, shape) * shape->shares * ((ramp->n + shape->rows - 1) / shape->rows);
}

extern "C" int ofr_cuda_ramp_run(const ofr_cuda_ramp *ramp, const ofr_cuda_ramp_shape *shape, cudaStream_t stream)
{
    if (shape->threads == 0)
        return ofr_cuda_ramp_token_run(ramp, stream);
    if (shape->classes)
        return ofr_cuda_ramp_classes_run(ramp, shape, stream);
    OfrLaunch how = {};
    how.grid = dim3(slices_of(ramp, shape), shape->shares, (ramp->n + shape->rows - 1) / shape->rows);
    how.block = dim3(shape->threads);
    Arguments arguments = {};
    arguments.ramp = *ramp;
    arguments.share = (int)((ramp->pooled + shape->shares - 1) / shape->shares);
    arguments.pitch = (int)(ramp->classes + 7) / 8 * 8;
    arguments.vectors = (int)ramp->c / 8;
    arguments.contributions = (int)(how.grid.x * how.grid.y);
    arguments.scale = 1.f / (float)ramp->pooled;
    const Kernel kernel = shape->threads == FEW ? kernel_of<FEW>(shape->rows, shape->vectors)
                                                : kernel_of<MANY>(shape->rows, shape->vectors);
    return ofr_launch(kernel, how, stream, arguments);
}
