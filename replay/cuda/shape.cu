#include "replay/cuda/common.cuh"
#include "replay/cuda/shape.h"

namespace
{

constexpr int THREADS = 256;

__device__ __forceinline__ float source_pixel(const uint8_t *image, int y, int x, int width)
{
    return (float)image[y * width + x];
}

__global__ void __launch_bounds__(THREADS) preprocess_kernel(const ofr_cuda_preprocess p)
{
    constexpr float MEAN[3] = {0.485f, 0.456f, 0.406f}, DEVIATION[3] = {0.229f, 0.224f, 0.225f};
    ofr_wait_for_previous();
    const int64_t at = (int64_t)blockIdx.x * THREADS + threadIdx.x, pixels = (int64_t)p.h * p.w;
    if (at >= p.n * pixels)
        return;
    const int image = (int)(at / pixels), y = (int)(at % pixels) / (int)p.w, x = (int)(at % pixels) % (int)p.w;
    const float from_y = fmaxf(((float)y + 0.5f) * ((float)p.source_h / (float)p.h) - 0.5f, 0.f);
    const float from_x = fmaxf(((float)x + 0.5f) * ((float)p.source_w / (float)p.w) - 0.5f, 0.f);
    const int y0 = min((int)from_y, (int)p.source_h - 1), y1 = min(y0 + 1, (int)p.source_h - 1);
    const int x0 = min((int)from_x, (int)p.source_w - 1), x1 = min(x0 + 1, (int)p.source_w - 1);
    const float wy = from_y - (float)y0, wx = from_x - (float)x0;
    float value[8] = {};
#pragma unroll
    for (int c = 0; c < 3; ++c) {
        const uint8_t *plane = p.in + ((int64_t)image * 3 + c) * p.source_h * p.source_w;
        const int width = (int)p.source_w;
        const float top = source_pixel(plane, y0, x0, width) * (1.f - wx) + source_pixel(plane, y0, x1, width) * wx;
        const float low = source_pixel(plane, y1, x0, width) * (1.f - wx) + source_pixel(plane, y1, x1, width) * wx;
        value[c] = ((top * (1.f - wy) + low * wy) / 255.f - MEAN[c]) / DEVIATION[c];
    }
    static_cast<OfrVector *>(p.out)[at] = ofr_pack(value);
}

// Pools what the block's threads have found, a vector each.
__device__ __forceinline__ void pool_block(const ofr_cuda_maxpool &p, const OfrVector &found)
{
    __shared__ OfrVector shared[THREADS];
    const int c = (int)p.c, pixels = (int)(p.out_h * p.out_w), of_block = THREADS * 8 / c, thread = (int)threadIdx.x;
    const int begin = (int)blockIdx.x * of_block, end = min(begin + of_block, (int)p.n * pixels);
    const int channel = thread % c, part = thread / c, parts = THREADS / c;
    unsigned long long *to = reinterpret_cast<unsigned long long *>(p.pooling.sum) + channel +
                             (int64_t)(blockIdx.x & (p.pooling.copies - 1)) * p.n * c;
    shared[thread] = found;
    __syncthreads();
    for (int image = begin / pixels; image * pixels < end; ++image) {
        const int first = max(begin, image * pixels) + part, last = min(end, (image + 1) * pixels);
        float sum = 0.f;
        for (int pixel = first; pixel < last; pixel += parts)
            sum += __half2float(reinterpret_cast<const __half *>(shared)[(pixel - begin) * c + channel]);
        if (first < last)
            atomicAdd(to + (int64_t)image * c, (unsigned long long)__float2ll_rn(sum * p.pooling.scale));
    }
}

__global__ void __launch_bounds__(THREADS) maxpool_kernel(const ofr_cuda_maxpool p)
{
    ofr_wait_for_previous();
    const bool pools = p.pooling.sum && p.pooling.control->active >> p.pooling.site & 1;
    const int vectors = (int)p.c / 8;
    const int64_t all = (int64_t)p.n * p.out_h * p.out_w * vectors;
    int64_t at = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (at >= all && !pools)
        return;
    at = at < all ? at : all - 1; // again what another thread does: not pooled
    const int vector = (int)(at % vectors);
    const int64_t pixel = at / vectors;
    const int x = (int)(pixel % p.out_w), y = (int)(pixel / p.out_w % p.out_h);
    const int64_t image = pixel / p.out_w / p.out_h;
    const OfrVector *in = static_cast<const OfrVector *>(p.in) + image * p.h * p.w * vectors + vector;
    const __half2 lowest = __float2half2_rn(-INFINITY);
    __half2 best[4] = {lowest, lowest, lowest, lowest};
    for (int ky = 0; ky < (int)p.kernel; ++ky)
        for (int kx = 0; kx < (int)p.kernel; ++kx) {
            const int from_y = y * (int)p.stride - (int)p.pad + ky, from_x = x * (int)p.stride - (int)p.pad + kx;
            if ((uint32_t)from_y >= p.h || (uint32_t)from_x >= p.w)
                continue;
            const OfrVector value = in[((int64_t)from_y * p.w + from_x) * vectors];
            best[0] = __hmax2(best[0], ofr_pair(value.bits.x));
            best[1] = __hmax2(best[1], ofr_pair(value.bits.y));
            best[2] = __hmax2(best[2], ofr_pair(value.bits.z));
            best[3] = __hmax2(best[3], ofr_pair(value.bits.w));
        }
    const OfrVector found = {make_uint4(ofr_bits(best[0]), ofr_bits(best[1]), ofr_bits(best[2]), ofr_bits(best[3]))};
    static_cast<OfrVector *>(p.out)[at] = found;
    if (pools)
        pool_block(p, found);
}

// A block: eight vectors of channels of one input; 32 threads share a vector's pixels.
__global__ void __launch_bounds__(THREADS) mean_kernel(const ofr_cuda_mean p)
{
    __shared__ float sums[32][8][9];
    const int vector = threadIdx.x % 8, group = threadIdx.x / 8, at = (int)blockIdx.x * 8 + vector;
    const int vectors = (int)p.c / 8;
    ofr_wait_for_previous();
    const OfrVector *in = static_cast<const OfrVector *>(p.in) + ((int64_t)blockIdx.y * p.pixels + p.first) * vectors;
    float sum[8] = {};
    if (at < vectors)
        for (int pixel = group; pixel < (int)p.pooled; pixel += 32) {
            float value[8];
            ofr_unpack(in[(int64_t)pixel * vectors + at], value);
#pragma unroll
            for (int i = 0; i < 8; ++i)
                sum[i] += value[i];
        }
#pragma unroll
    for (int i = 0; i < 8; ++i)
        sums[group][vector][i] = sum[i];
    __syncthreads();
    const int of = threadIdx.x / 8, channel = threadIdx.x % 8;
    if (of >= 8 || (int)blockIdx.x * 8 + of >= vectors)
        return;
    float total = 0.f;
    for (int g = 0; g < 32; ++g)
        total += sums[g][of][channel];
    static_cast<__half *>(p.out)[(int64_t)blockIdx.y * p.c + (blockIdx.x * 8 + of) * 8 + channel] =
        __float2half_rn(total / (float)p.pooled);
}

__global__ void __launch_bounds__(THREADS) embed_kernel(const ofr_cuda_embed p)
{
    ofr_wait_for_previous();
    const int vectors = (int)p.c / 8;
    const int64_t at = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (at >= (int64_t)p.n * p.tokens * vectors)
        return;
    const int vector = (int)(at % vectors), token = (int)(at / vectors % p.tokens);
    const uint32_t word = min((uint32_t)p.in[at / vectors], p.words - 1);
    float value[8], more[8];
    ofr_unpack(static_cast<const OfrVector *>(p.table)[(int64_t)word * vectors + vector], value);
    ofr_unpack(static_cast<const OfrVector *>(p.place)[(int64_t)token * vectors + vector], more);
#pragma unroll
    for (int i = 0; i < 8; ++i)
        value[i] += more[i];
    if (p.every) {
        ofr_unpack(static_cast<const OfrVector *>(p.every)[vector], more);
#pragma unroll
        for (int i = 0; i < 8; ++i)
            value[i] += more[i];
    }
    static_cast<OfrVector *>(p.out)[at] = ofr_pack(value);
}

__global__ void __launch_bounds__(THREADS) activate_kernel(const ofr_cuda_activate p)
{
    ofr_wait_for_previous();
    const uint64_t at = (uint64_t)blockIdx.x * THREADS + threadIdx.x;
    if (at >= p.count / 8)
        return;
    OfrVector *vector = static_cast<OfrVector *>(p.value) + at;
    float value[8];
    ofr_unpack(*vector, value);
#pragma unroll
    for (int i = 0; i < 8; ++i)
        value[i] = ofr_activate(value[i], p.act);
    *vector = ofr_pack(value);
}

OfrLaunch over(int64_t items, bool overlap)
{
    OfrLaunch how = {};
    how.grid = dim3((uint32_t)((items + THREADS - 1) / THREADS));
    how.block = dim3(THREADS);
    how.overlap = overlap;
    return how;
}

} // namespace

extern "C" int ofr_cuda_preprocess_run(const ofr_cuda_preprocess *p, bool overlap, cudaStream_t stream)
{
    return ofr_launch(preprocess_kernel, over((int64_t)p->n * p->h * p->w, overlap), stream, *p);
}

extern "C" int ofr_cuda_maxpool_run(const ofr_cuda_maxpool *p, bool overlap, cudaStream_t stream)
{
    return ofr_launch(maxpool_kernel, over((int64_t)p->n * p->out_h * p->out_w * (p->c / 8), overlap), stream, *p);
}

extern "C" int ofr_cuda_mean_run(const ofr_cuda_mean *p, bool overlap, cudaStream_t stream)
{
    OfrLaunch how = over(0, overlap);
    how.grid = dim3((p->c / 8 + 7) / 8, p->n);
    return ofr_launch(mean_kernel, how, stream, *p);
}

extern "C" int ofr_cuda_embed_run(const ofr_cuda_embed *p, bool overlap, cudaStream_t stream)
{
    return ofr_launch(embed_kernel, over((int64_t)p->n * p->tokens * (p->c / 8), overlap), stream, *p);
}

extern "C" int ofr_cuda_activate_run(const ofr_cuda_activate *p, bool overlap, cudaStream_t stream)
{
    return ofr_launch(activate_kernel, over((int64_t)(p->count / 8), overlap), stream, *p);
}
