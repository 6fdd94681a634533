#include "replay/cuda/common.cuh"
#include "replay/cuda/layernorm.h"

namespace
{

constexpr int WARPS = 4;

// One warp a row; VECTORS of eight channels a lane.
template <int VECTORS> __global__ void __launch_bounds__(WARPS * 32) layernorm_kernel(const ofr_cuda_layernorm p)
{
    const int row = (int)blockIdx.x * WARPS + threadIdx.x / 32, lane = threadIdx.x % 32, vectors = (int)p.pitch / 8;
    const OfrVector *scale = static_cast<const OfrVector *>(p.scale), *shift = static_cast<const OfrVector *>(p.shift);
    ofr_wait_for_previous();
    if (row >= (int)p.rows)
        return;
    const OfrVector *in = static_cast<const OfrVector *>(p.in) + (int64_t)row * vectors;
    const OfrVector *add = static_cast<const OfrVector *>(p.add) + (int64_t)row * vectors;
    float value[VECTORS][8], total = 0.f;
#pragma unroll
    for (int v = 0; v < VECTORS; ++v) {
        const int at = lane + v * 32;
#pragma unroll
        for (int i = 0; i < 8; ++i)
            value[v][i] = 0.f;
        if (at < vectors)
            ofr_unpack(in[at], value[v]);
        if (p.add && at < vectors) {
            float more[8];
            ofr_unpack(add[at], more);
#pragma unroll
            for (int i = 0; i < 8; ++i)
                value[v][i] += more[i];
            const OfrVector rounded = ofr_pack(value[v]);
            ofr_unpack(rounded, value[v]);
            if (p.sum)
                (static_cast<OfrVector *>(p.sum) + (int64_t)row * vectors)[at] = rounded;
        }
#pragma unroll
        for (int i = 0; i < 8; ++i)
            total += value[v][i];
    }
    const float mean = ofr_warp_sum(total) / (float)p.c;
    float squares = 0.f;
#pragma unroll
    for (int v = 0; v < VECTORS; ++v)
#pragma unroll
        for (int i = 0; i < 8; ++i) {
            const float off = (lane + v * 32) * 8 + i < (int)p.c ? value[v][i] - mean : 0.f;
            squares += off * off;
        }
    const float factor = rsqrtf(ofr_warp_sum(squares) / (float)p.c + p.eps);
#pragma unroll
    for (int v = 0; v < VECTORS; ++v) {
        const int at = lane + v * 32;
        if (at >= vectors)
            break;
        float by[8], plus[8];
        ofr_unpack(scale[at], by);
        ofr_unpack(shift[at], plus);
#pragma unroll
        for (int i = 0; i < 8; ++i)
            value[v][i] = (value[v][i] - mean) * factor * by[i] + plus[i];
        (static_cast<OfrVector *>(p.out) + (int64_t)row * vectors)[at] = ofr_pack(value[v]);
    }
}

} // namespace

extern "C" int ofr_cuda_layernorm_run(const ofr_cuda_layernorm *layernorm, bool overlap, cudaStream_t stream)
{
    OfrLaunch how = {};
    how.grid = dim3((layernorm->rows + WARPS - 1) / WARPS);
    how.block = dim3(WARPS * 32);
    how.overlap = overlap;
    if (layernorm->pitch <= 256)
        return ofr_launch(layernorm_kernel<1>, how, stream, *layernorm);
    if (layernorm->pitch <= 768)
        return ofr_launch(layernorm_kernel<3>, how, stream, *layernorm);
    if (layernorm->pitch <= 1024)
        return ofr_launch(layernorm_kernel<4>, how, stream, *layernorm);
    return ofr_launch(layernorm_kernel<8>, how, stream, *layernorm);
}
