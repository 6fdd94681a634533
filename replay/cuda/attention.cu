#include "replay/cuda/attention.h"
#include "replay/cuda/common.cuh"

namespace
{

constexpr int HEAD = OFR_CUDA_HEAD_SIZE, KEYS = 64, QUERIES = 64, WARPS = QUERIES / 16, PITCH = HEAD + 8;

struct Fragment { // 16 x 16 f16 operand
    uint32_t word[4];
};

__device__ __forceinline__ void load_matrix(Fragment &to, const __half *from)
{
    const uint32_t at = (uint32_t)__cvta_generic_to_shared(from);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to.word[0]), "=r"(to.word[1]), "=r"(to.word[2]), "=r"(to.word[3])
                 : "r"(at));
}

__device__ __forceinline__ void load_matrix_transposed(Fragment &to, const __half *from)
{
    const uint32_t at = (uint32_t)__cvta_generic_to_shared(from);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to.word[0]), "=r"(to.word[1]), "=r"(to.word[2]), "=r"(to.word[3])
                 : "r"(at));
}

// d[16 x 8] += a[16 x 16] b[16 x 8]
__device__ __forceinline__ void multiply(float (&d)[4], const Fragment &a, uint32_t b0, uint32_t b1)
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
                 "{%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a.word[0]), "r"(a.word[1]), "r"(a.word[2]), "r"(a.word[3]), "r"(b0), "r"(b1));
}

// Copies rows [first, first + 64) of q, k or v to shared memory, zeros beyond the last token.
__device__ __forceinline__ void stage(__half *to, const __half *from, int first, int tokens, int64_t pitch)
{
#pragma unroll
    for (int i = 0; i < 64 * (HEAD / 8) / (WARPS * 32); ++i) {
        const int item = (int)threadIdx.x + i * WARPS * 32, row = item / (HEAD / 8), chunk = item % (HEAD / 8);
        OfrVector value = {};
        if (first + row < tokens)
            value = *reinterpret_cast<const OfrVector *>(from + (int64_t)(first + row) * pitch + chunk * 8);
        *reinterpret_cast<OfrVector *>(to + row * PITCH + chunk * 8) = value;
    }
}

struct State { // of the two rows a thread holds: row lane / 4 and eight below
    float out[HEAD / 8][4];
    float top[2], sum[2];
};

// Scores of 16 queries against 64 keys become probabilities, relative to the running maximum.
__device__ __forceinline__ void soften(float (&score)[KEYS / 8][4], State &state, int query, int first_key, int tokens,
                                       bool causal)
{
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        const int row = query + lane / 4 + half * 8;
        float top = state.top[half];
#pragma unroll
        for (int j = 0; j < KEYS / 8; ++j)
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                const int key = first_key + j * 8 + lane % 4 * 2 + i;
                float &value = score[j][half * 2 + i];
                value = key >= tokens || (causal && key > row) ? -INFINITY : value * 0.125f;
                top = fmaxf(top, value);
            }
        top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 1));
        top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 2));
        const float base = top == -INFINITY ? 0.f : top, shrink = __expf(state.top[half] - base);
        float sum = 0.f;
#pragma unroll
        for (int j = 0; j < KEYS / 8; ++j)
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                float &value = score[j][half * 2 + i];
                value = __expf(value - base);
                sum += value;
            }
        sum += __shfl_xor_sync(0xffffffffu, sum, 1);
        sum += __shfl_xor_sync(0xffffffffu, sum, 2);
        state.sum[half] = state.sum[half] * shrink + sum;
        state.top[half] = top;
#pragma unroll
        for (int j = 0; j < HEAD / 8; ++j) {
            state.out[j][half * 2] *= shrink;
            state.out[j][half * 2 + 1] *= shrink;
        }
    }
}

__device__ __forceinline__ uint32_t as_word(float low, float high)
{
    return ofr_bits(__floats2half2_rn(low, high));
}

// A block: 64 queries of one head; a warp: 16 of them.
__global__ void __launch_bounds__(WARPS * 32) attention_kernel(const ofr_cuda_attention p)
{
    __shared__ alignas(16) __half q[QUERIES * PITCH], k[KEYS * PITCH], v[KEYS * PITCH];
    const int tokens = (int)p.tokens, width = (int)p.heads * HEAD, warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const int first = (int)blockIdx.x * QUERIES, query = first + warp * 16;
    const __half *in = static_cast<const __half *>(p.in) + (int64_t)blockIdx.z * tokens * 3 * width + blockIdx.y * HEAD;
    ofr_wait_for_previous();
    stage(q, in, first, tokens, 3 * width);

    State state = {};
    state.top[0] = state.top[1] = -INFINITY;
    Fragment a[HEAD / 16];
    const int end = p.causal ? min(tokens, first + QUERIES) : tokens;
    for (int key = 0; key < end; key += KEYS) {
        stage(k, in + width, key, tokens, 3 * width);
        stage(v, in + 2 * width, key, tokens, 3 * width);
        __syncthreads();
        if (key == 0) {
#pragma unroll
            for (int i = 0; i < HEAD / 16; ++i)
                load_matrix(a[i], q + (warp * 16 + lane % 16) * PITCH + i * 16 + lane / 16 * 8);
        }
        float score[KEYS / 8][4] = {};
#pragma unroll
        for (int i = 0; i < HEAD / 16; ++i)
#pragma unroll
            for (int j = 0; j < KEYS / 16; ++j) { // keys 16 j .. 16 j + 15
                Fragment b;
                load_matrix(b, k + (j * 16 + lane % 8 + lane / 16 * 8) * PITCH + i * 16 + lane / 8 % 2 * 8);
                multiply(score[2 * j], a[i], b.word[0], b.word[1]);
                multiply(score[2 * j + 1], a[i], b.word[2], b.word[3]);
            }
        soften(score, state, query, key, tokens, p.causal);
#pragma unroll
        for (int i = 0; i < KEYS / 16; ++i) {
            Fragment weight;
            weight.word[0] = as_word(score[2 * i][0], score[2 * i][1]);
            weight.word[1] = as_word(score[2 * i][2], score[2 * i][3]);
            weight.word[2] = as_word(score[2 * i + 1][0], score[2 * i + 1][1]);
            weight.word[3] = as_word(score[2 * i + 1][2], score[2 * i + 1][3]);
#pragma unroll
            for (int j = 0; j < HEAD / 16; ++j) {
                Fragment b;
                load_matrix_transposed(b, v + (i * 16 + lane % 16) * PITCH + j * 16 + lane / 16 * 8);
                multiply(state.out[2 * j], weight, b.word[0], b.word[1]);
                multiply(state.out[2 * j + 1], weight, b.word[2], b.word[3]);
            }
        }
        __syncthreads();
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        const int row = query + lane / 4 + half * 8;
        if (row >= tokens)
            continue;
        const float scale = 1.f / state.sum[half];
        __half *out = static_cast<__half *>(p.out) + ((int64_t)blockIdx.z * tokens + row) * width + blockIdx.y * HEAD;
#pragma unroll
        for (int j = 0; j < HEAD / 8; ++j)
            *reinterpret_cast<__half2 *>(out + j * 8 + lane % 4 * 2) =
                __floats2half2_rn(state.out[j][half * 2] * scale, state.out[j][half * 2 + 1] * scale);
    }
}

} // namespace

extern "C" int ofr_cuda_attention_run(const ofr_cuda_attention *attention, bool overlap, cudaStream_t stream)
{
    OfrLaunch how = {};
    how.grid = dim3((attention->tokens + QUERIES - 1) / QUERIES, attention->heads, attention->n);
    how.block = dim3(WARPS * 32);
    how.overlap = overlap;
    return ofr_launch(attention_kernel, how, stream, *attention);
}
