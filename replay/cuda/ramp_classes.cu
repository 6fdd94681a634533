#include "replay/cuda/ramp_classes.h"
#include "replay/cuda/ramp_pool.cuh"

namespace
{

constexpr uint32_t FEW = 256; // threads of a block
constexpr int VECTORS_AT_ONCE = 8, SUMS_AT_ONCE = 8;
constexpr int PARTS_AT_ONCE = OFR_CUDA_RAMP_MAX_BLOCKS / 32;

// What follows from ramp and shape, worked out on the host.
struct Arguments {
    ofr_cuda_ramp ramp;
    int share;          // pixels of a block
    int pitch;          // classes of the weights, padded
    int vectors;        // of eight channels
    int slices, shares; // blocks that pool: slices of the channels, shares of the pixels
    int blocks;         // that have classes
    float scale;
};

template <int THREADS, int CLASSES, int VECTORS> struct Shared {
    float part[VECTORS ? THREADS / 32 : 1][64];
    float logit[THREADS / 32][CLASSES];
};

// Weights on their way: the thread's class, every so-maniest vector of eight channels.
template <int THREADS, int CLASSES> struct Weights {
    static constexpr int STEP = THREADS / CLASSES;
    OfrVector raw[VECTORS_AT_ONCE];

    __device__ __forceinline__ void load(const Arguments &a, int k, int vector)
    {
        const OfrVector *from = static_cast<const OfrVector *>(a.ramp.weight) + (int64_t)vector * a.pitch + k;
#pragma unroll
        for (int i = 0; i < VECTORS_AT_ONCE; ++i) {
            raw[i] = {};
            if (k < (int)a.ramp.classes && vector + i * STEP < a.vectors)
                raw[i] = from[i * STEP * a.pitch];
        }
    }

    __device__ __forceinline__ float multiply(const Arguments &a, const float4 *mean, int vector) const
    {
        float sum = 0.f;
#pragma unroll
        for (int i = 0; i < VECTORS_AT_ONCE; ++i) {
            const int with = vector + i * STEP;
            if (with >= a.vectors)
                break;
            float weight[8];
            ofr_unpack(raw[i], weight);
            const float4 low = mean[2 * with], high = mean[2 * with + 1];
            const float value[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
            for (int j = 0; j < 8; ++j)
                sum = fmaf(weight[j], value[j], sum);
        }
        return sum;
    }
};

// Adds the block's share of its slice's pixels to the channels' means.
template <int THREADS, int VECTORS>
__device__ __forceinline__ void pool(const Arguments &a, float (*part)[64], int row, uint64_t *sums)
{
    const ofr_cuda_ramp &p = a.ramp;
    const int thread = (int)threadIdx.x, slice = (int)blockIdx.x % a.slices, of = (int)blockIdx.x / a.slices;
    const int vector = thread % VECTORS, channel = (slice * VECTORS + vector) * 8;
    const int end = channel < (int)p.c ? min((of + 1) * a.share, (int)p.pooled) : 0;
    const __half *from =
        static_cast<const __half *>(p.in) + channel + ((int64_t)row * p.pixels + p.first_pixel) * p.c;
    float sum[8] = {};
    ofr_add_pixels(sum, from, (int)p.c, of * a.share + thread / VECTORS, end, THREADS / VECTORS);
    float *to = &part[thread / 32][vector * 8 + ofr_add_lanes<VECTORS>(sum, thread % 32)];
    to[0] = sum[0];
    if (VECTORS == 8)
        to[1] = sum[1];
    __syncthreads();
    if (thread >= VECTORS * 8 || slice * VECTORS * 8 + thread >= (int)p.c)
        return;
    float total = 0.f;
#pragma unroll
    for (int warp = 0; warp < THREADS / 32; ++warp)
        total += part[warp][thread];
    ofr_sum_add(&sums[slice * VECTORS * 8 + thread], total * a.scale);
}

// mean[0 .. c), once every block has pooled.
template <int THREADS>
__device__ __forceinline__ void collect(const Arguments &a, float *mean, const uint64_t *sums)
{
    const int c = (int)a.ramp.c;
#pragma unroll 1
    for (int base = (int)threadIdx.x; base < c; base += THREADS * SUMS_AT_ONCE) {
        uint64_t value[SUMS_AT_ONCE];
#pragma unroll
        for (int i = 0; i < SUMS_AT_ONCE; ++i)
            value[i] = base + i * THREADS < c ? ofr_sum_load(&sums[base + i * THREADS]) : 0;
#pragma unroll
        for (int i = 0; i < SUMS_AT_ONCE; ++i)
            if (base + i * THREADS < c)
                mean[base + i * THREADS] = ofr_sum_wait(&sums[base + i * THREADS], value[i], a.shares);
    }
    __syncthreads();
}

// mean[0 .. c), pooled before: on their way, a thread every THREADS-th channel, or all copies of one.
template <int THREADS> struct Pooled {
    int64_t value[SUMS_AT_ONCE];

    __device__ __forceinline__ void load(const Arguments &a, int row)
    {
        const ofr_cuda_ramp &p = a.ramp;
        const int c = (int)p.c, thread = (int)threadIdx.x, step = p.copies > 1 ? (int)p.n * c : THREADS;
        const int count = p.copies > 1 ? (thread < c ? (int)p.copies : 0) : (c - thread + THREADS - 1) / THREADS;
        const int64_t *from = p.pooled_sum + row * c + thread;
#pragma unroll
        for (int i = 0; i < SUMS_AT_ONCE; ++i)
            value[i] = i < count ? from[i * step] : 0;
    }

    __device__ __forceinline__ void store(const Arguments &a, float *mean) const
    {
        const int c = (int)a.ramp.c, thread = (int)threadIdx.x;
        const bool copies = a.ramp.copies > 1;
        int64_t total = 0;
#pragma unroll
        for (int i = 0; i < SUMS_AT_ONCE; ++i) {
            total = copies ? total + value[i] : value[i];
            const int channel = copies ? thread : thread + i * THREADS;
            if (channel < c && (!copies || i == SUMS_AT_ONCE - 1))
                mean[channel] = __ll2float_rn(total) * (1.f / (float)(1ull << OFR_CUDA_POOLING_BITS));
        }
        __syncthreads();
    }
};

static_assert(OFR_CUDA_POOLING_COPIES <= SUMS_AT_ONCE && OFR_CUDA_RAMP_MAX_C <= SUMS_AT_ONCE * FEW, "one round");

// The softmax over a warp, of one part a lane: `sum` and `weighted` relative to `top`.
__device__ __forceinline__ OfrSoftmax merge(const OfrSoftmax &mine)
{
    const uint32_t key = ofr_to_key(mine.top), highest = __reduce_max_sync(0xffffffffu, key);
    OfrSoftmax all = {ofr_from_key(highest), 0.f, 0.f, 0};
    all.answer = (int)__reduce_min_sync(0xffffffffu, key == highest ? (uint32_t)mine.answer : 0x7fffffffu);
    const float shift = mine.sum == 0.f ? 0.f : mine.top - all.top, scale = expf(shift);
    all.sum = ofr_warp_sum(scale * mine.sum);
    all.weighted = ofr_warp_sum(scale * (mine.weighted + shift * mine.sum));
    return all;
}

// The softmax over the block's classes, whose logits it stores; by one warp.
template <int WARPS, int CLASSES>
__device__ __forceinline__ OfrSoftmax soften(const Arguments &a, const float (*logit)[CLASSES], int row, int k, float bias)
{
    const int lane = (int)threadIdx.x, classes = (int)a.ramp.classes;
    OfrSoftmax mine = ofr_softmax_none();
    if (lane < CLASSES && k < classes) {
        float x = bias + 0.f; // no -0: it would count as less than 0
#pragma unroll
        for (int warp = 0; warp < WARPS; ++warp)
            x += logit[warp][lane];
        a.ramp.logits[(int64_t)row * classes + k] = x;
        mine = ofr_softmax_of(x, k);
    }
    return merge(mine);
}

// A block's part of the softmax, in two words: each valid once it is not zero, for the sum is at least 1.
__device__ __forceinline__ void send(uint64_t *to, const OfrSoftmax &softmax)
{
    ofr_sum_store(&to[0], (uint64_t)__float_as_uint(softmax.top) | (uint64_t)(softmax.answer + 1) << 32);
    ofr_sum_store(&to[1], (uint64_t)__float_as_uint(softmax.sum) | (uint64_t)__float_as_uint(softmax.weighted) << 32);
}

__device__ __forceinline__ ulonglong2 load_part(const uint64_t *from)
{
    ulonglong2 part;
    asm volatile("ld.relaxed.gpu.global.v2.u64 {%0, %1}, [%2];" : "=l"(part.x), "=l"(part.y) : "l"(from) : "memory");
    return part;
}

// What all blocks have sent, over the lanes of a warp; leaves zeros behind.
__device__ __forceinline__ OfrSoftmax receive(uint64_t *parts, int blocks)
{
    ulonglong2 part[PARTS_AT_ONCE];
    const int lane = (int)threadIdx.x;
    float top = -INFINITY;
#pragma unroll
    for (int i = 0; i < PARTS_AT_ONCE; ++i)
        if (lane + 32 * i < blocks)
            part[i] = load_part(parts + 2 * (lane + 32 * i));
#pragma unroll
    for (int i = 0; i < PARTS_AT_ONCE; ++i) {
        if (lane + 32 * i >= blocks)
            continue;
        uint64_t *from = parts + 2 * (lane + 32 * i);
        while (part[i].x == 0 || part[i].y == 0)
            part[i] = load_part(from);
        *reinterpret_cast<ulonglong2 *>(from) = make_ulonglong2(0, 0);
        top = fmaxf(top, __uint_as_float((uint32_t)part[i].x));
    }
    OfrSoftmax all = {top, 0.f, 0.f, 0x7fffffff};
#pragma unroll
    for (int i = PARTS_AT_ONCE - 1; i >= 0; --i) { // the lowest class of equals
        if (lane + 32 * i >= blocks)
            continue;
        const float shift = __uint_as_float((uint32_t)part[i].x) - top, scale = expf(shift);
        const float sum = __uint_as_float((uint32_t)part[i].y), weighted = __uint_as_float((uint32_t)(part[i].y >> 32));
        all.sum += scale * sum;
        all.weighted += scale * (weighted + shift * sum);
        all.answer = shift == 0.f ? (int)(part[i].x >> 32) - 1 : all.answer;
    }
    return all;
}

// VECTORS: 0 where the means are there before.
template <int THREADS, int CLASSES, int VECTORS>
__global__ void __launch_bounds__(THREADS, VECTORS ? 1 : 1024 / THREADS) classes_kernel(const __grid_constant__ Arguments a)
{
    __shared__ Shared<THREADS, CLASSES, VECTORS> shared;
    extern __shared__ float4 mean[]; // of the channels
    constexpr int STEP = THREADS / CLASSES;
    const ofr_cuda_ramp &p = a.ramp;
    const int thread = (int)threadIdx.x, block = (int)blockIdx.x, row = (int)blockIdx.y;
    const int k = block * CLASSES + thread % CLASSES;
    uint64_t *sums = p.sum + (int64_t)row * p.sums, *parts = sums + OFR_CUDA_RAMP_MAX_C;
    Weights<THREADS, CLASSES> weights;
    Pooled<THREADS> pooled;
    if constexpr (VECTORS == 0) // wanted before the weights
        pooled.load(a, row);
    weights.load(a, k, thread / CLASSES);
    const float bias = __half2float(static_cast<const __half *>(p.bias)[min(k, (int)p.classes - 1)]);
    const OfrDecision decision(p);

    if constexpr (VECTORS == 0) {
        pooled.store(a, reinterpret_cast<float *>(mean));
    } else {
        if (block < a.slices * a.shares)
            pool<THREADS, VECTORS>(a, shared.part, row, sums);
        if (block >= a.blocks)
            return;
        collect<THREADS>(a, reinterpret_cast<float *>(mean), sums);
    }

    float sum = weights.multiply(a, mean, thread / CLASSES);
#pragma unroll 1
    for (int vector = thread / CLASSES + STEP * VECTORS_AT_ONCE; vector < a.vectors; vector += STEP * VECTORS_AT_ONCE) {
        weights.load(a, k, vector);
        sum += weights.multiply(a, mean, vector);
    }
#pragma unroll
    for (int step = 16; step >= CLASSES; step /= 2)
        sum += __shfl_xor_sync(0xffffffffu, sum, step);
    if (thread % 32 < CLASSES)
        shared.logit[thread / 32][thread % 32] = sum;
    __syncthreads();
    OfrSoftmax all = ofr_softmax_none();
    if (thread < 32) {
        all = soften<THREADS / 32, CLASSES>(a, shared.logit, row, k, bias);
        if (thread == 0)
            send(parts + 2 * block, all);
    }
    if (block != a.blocks - 1)
        return;
    // The last block: every other has read its means by the time its part is here.
    if (thread < 32)
        all = receive(parts, a.blocks);
    __syncthreads();
    if (thread < 32) {
        all = merge(all);
        if (thread == 0)
            ofr_decide(p, decision, all, row);
    } else if constexpr (VECTORS == 0) {
        ofr_forget_pooled(p, row, thread - 32, THREADS - 32);
    } else {
#pragma unroll 1
        for (int i = thread - 32; i < (int)p.c; i += THREADS - 32)
            sums[i] = 0;
    }
}

using Kernel = void (*)(Arguments);

template <int CLASSES> Kernel kernel_of(uint32_t vectors)
{
    return vectors == 0   ? classes_kernel<FEW, CLASSES, 0>
           : vectors == 2 ? classes_kernel<FEW, CLASSES, 2>
           : vectors == 4 ? classes_kernel<FEW, CLASSES, 4>
                          : classes_kernel<FEW, CLASSES, 8>;
}

Kernel kernel_of(const ofr_cuda_ramp_shape *shape)
{
    return shape->classes == 8    ? kernel_of<8>(shape->vectors)
           : shape->classes == 16 ? kernel_of<16>(shape->vectors)
                                  : kernel_of<32>(shape->vectors);
}

uint32_t slices_of(const ofr_cuda_ramp *ramp, const ofr_cuda_ramp_shape *shape)
{
    return ramp->pooled_sum ? 0 : (ramp->c / 8 + shape->vectors - 1) / shape->vectors;
}

uint32_t blocks_of(const ofr_cuda_ramp *ramp, const ofr_cuda_ramp_shape *shape)
{
    return (ramp->classes + shape->classes - 1) / shape->classes;
}

// Few blocks meet soon; where there are many channels, the weights that a block reads count for more.
bool suits(const ofr_cuda_ramp *ramp, uint32_t classes)
{
    return classes == (ramp->c <= 256 ? 32u : ramp->c <= 1024 ? 16u : 8u);
}

bool is_possible(const ofr_cuda_ramp *ramp, const ofr_cuda_ramp_shape *shape, uint32_t processors)
{
    const uint32_t pools = slices_of(ramp, shape) * shape->shares, blocks = blocks_of(ramp, shape);
    if (ramp->n > OFR_CUDA_RAMP_CLASSES_ROWS || pools > OFR_CUDA_RAMP_MAX_BLOCKS || blocks > OFR_CUDA_RAMP_MAX_BLOCKS)
        return false;
    if (!ramp->pooled_sum && (pools > processors || blocks > processors))
        return false; // each waits for all that pool: all must run at once, and nothing says that two share a processor
    if (ramp->pooled_sum)
        return shape->vectors == 0 && shape->shares == 1 && suits(ramp, shape->classes);
    if (shape->vectors > 2 && ramp->c / 8 <= shape->vectors / 2)
        return false; // mostly nothing
    if (shape->shares > 1 && ramp->pooled < FEW / shape->vectors * shape->shares)
        return false; // threads without a pixel
    const uint64_t bytes = 2ull * shape->vectors * 8 * (ramp->pooled / shape->shares);
    return bytes < 1 << 18 || pools >= OFR_CUDA_RAMP_MAX_BLOCKS / 2; // else too few do too much
}

} // namespace

extern "C" int ofr_cuda_ramp_classes_prepare(void)
{
    cudaError_t status = cudaSuccess;
    for (uint32_t classes = 8; classes <= 32; classes *= 2)
        for (uint32_t vectors = 0; vectors <= 8 && status == cudaSuccess; vectors = vectors ? vectors * 2 : 2) {
            const ofr_cuda_ramp_shape shape = {vectors, 1, 1, FEW, classes};
            status = ofr_beside_products(kernel_of(&shape));
        }
    return status;
}

extern "C" uint32_t ofr_cuda_ramp_classes_shapes(const ofr_cuda_ramp *ramp, uint32_t processors,
                                                 ofr_cuda_ramp_shape *shape)
{
    uint32_t count = 0;
    for (uint32_t classes = 8; classes <= 32; classes *= 2)
        for (uint32_t vectors = ramp->pooled_sum ? 0 : 2; vectors <= 8; vectors = vectors ? vectors * 2 : 16)
            for (uint32_t shares = 1; shares <= 32; shares *= 2) {
                const ofr_cuda_ramp_shape one = {vectors, shares, 1, FEW, classes};
                if (is_possible(ramp, &one, processors))
                    shape[count++] = one;
            }
    return count;
}

extern "C" uint32_t ofr_cuda_ramp_classes_blocks(const ofr_cuda_ramp *ramp, const ofr_cuda_ramp_shape *shape)
{
    const uint32_t pools = slices_of(ramp, shape) * shape->shares, blocks = blocks_of(ramp, shape);
    return (pools > blocks ? pools : blocks) * ramp->n;
}

extern "C" int ofr_cuda_ramp_classes_run(const ofr_cuda_ramp *ramp, const ofr_cuda_ramp_shape *shape, cudaStream_t stream)
{
    OfrLaunch how = {};
    how.grid = dim3(ofr_cuda_ramp_classes_blocks(ramp, shape) / ramp->n, ramp->n);
    how.block = dim3(shape->threads);
    how.shared = ramp->c * (uint32_t)sizeof(float);
    Arguments arguments = {};
    arguments.ramp = *ramp;
    arguments.share = (int)((ramp->pooled + shape->shares - 1) / shape->shares);
    arguments.pitch = (int)(ramp->classes + 7) / 8 * 8;
    arguments.vectors = (int)ramp->c / 8;
    arguments.slices = (int)slices_of(ramp, shape);
    arguments.shares = (int)shape->shares;
    arguments.blocks = (int)blocks_of(ramp, shape);
    arguments.scale = 1.f / (float)ramp->pooled;
    return ofr_launch(kernel_of(shape), how, stream, arguments);
}
