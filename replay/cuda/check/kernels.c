/* Every kernel but the ramp's against its twin, launched directly, at sizes that fit no tile, vector or block. */
#include "replay/cuda/attention.h"
#include "replay/cuda/check.h"
#include "replay/cuda/check/check_gpu.h"
#include "replay/cuda/check/problem.h"
#include "replay/cuda/conv.h"
#include "replay/cuda/layernorm.h"
#include "replay/cuda/linear.h"
#include "replay/cuda/model.h"
#include "replay/cuda/shape.h"

#include <cuda_runtime_api.h>
#include <string.h>

enum {
    PROCESSORS = 132 /* which tiles are listed depends on it; any number does */
};

struct tester {
    void *library, *workspace;
    struct ofr_cuda_memory memory;
    bool small; /* few cases: for tools that slow everything down */
    uint32_t missed;
};

/* One case's line: how many ways it ran in and the largest difference of any. */
static void report(struct tester *tester, const char *kernel, const char *sizes, uint32_t ways, double worst,
                   float bound)
{
    const bool good = ways > 0 && worst <= (double)bound;
    tester->missed += !good;
    printf("kernel\t%s\t%s\t%u ways\t%.2e\tbound %.0e\t%s\n", kernel, sizes, ways, worst, (double)bound,
           good ? "ok" : "MISSED");
    fflush(stdout);
}

#define TENSOR(h, w, c)                                                                                      \
    (struct ofr_tensor)                                                                                      \
    {                                                                                                        \
        h, w, c, OFR_ELEMENT_F16                                                                             \
    }

/* ---- convolutions and linear layers ---- */

struct product {
    uint32_t n, h, w, c, out_c, kernel, stride, pad;
    enum ofr_activation act;
    bool add, linear;
};

static int make_product(struct ofr_problem *problem, const struct product *p, struct ofr_error *err)
{
    const struct ofr_tensor from = TENSOR(p->h, p->w, p->c);
    const struct ofr_tensor to = TENSOR((p->h + 2 * p->pad - p->kernel) / p->stride + 1,
                                        (p->w + 2 * p->pad - p->kernel) / p->stride + 1, p->out_c);
    ofr_problem_init(problem, p->linear ? OFR_OP_LINEAR : OFR_OP_CONV, p->n, p->c * 7 + p->out_c);
    problem->op.weight = 0;
    problem->op.act = p->act;
    problem->op.kernel = p->kernel;
    problem->op.stride = p->stride;
    problem->op.pad = p->pad;
    int code = ofr_problem_tensor(problem, OFR_PROBLEM_IN, from, 0, err);
    if (!code)
        code = ofr_problem_tensor(problem, OFR_PROBLEM_OUT, to, 0, err);
    if (!code && p->add)
        code = ofr_problem_tensor(problem, OFR_PROBLEM_ADD, to, 0, err);
    if (!code)
        code = ofr_problem_weight(problem, 0, p->linear ? OFR_WEIGHT_LINEAR : OFR_WEIGHT_CONV, p->out_c,
                                  p->kernel * p->kernel, p->c, p->out_c, err);
    return code ? code : ofr_problem_twin(problem, err);
}

static struct ofr_cuda_conv conv_of(const struct ofr_problem *problem, const struct product *p)
{
    return (struct ofr_cuda_conv){
        .in = problem->device[OFR_PROBLEM_IN],
        .weight = problem->device_value[0],
        .bias = problem->device_bias[0],
        .add = problem->device[OFR_PROBLEM_ADD],
        .out = problem->device[OFR_PROBLEM_OUT],
        .n = p->n,
        .h = p->h,
        .w = p->w,
        .c = ofr_cuda_pitch(p->c),
        .out_h = problem->tensor[OFR_PROBLEM_OUT].h,
        .out_w = problem->tensor[OFR_PROBLEM_OUT].w,
        .out_c = ofr_cuda_pitch(p->out_c),
        .kernel = p->kernel,
        .stride = p->stride,
        .pad = p->pad,
        .act = (int32_t)p->act,
    };
}

static int run_tiles(struct ofr_problem *problem, const struct ofr_cuda_conv *conv, double *worst,
                     uint32_t *ways, struct ofr_error *err)
{
    struct ofr_cuda_tile tile[OFR_CUDA_MAX_TILES];
    const uint32_t tiles = ofr_cuda_conv_tiles(conv, PROCESSORS, tile);
    int code = OFR_OK;
    for (uint32_t i = 0; i < tiles && !code; ++i, ++*ways) {
        code = ofr_problem_poison(problem, err);
        if (!code)
            OFR_CUDA_TRY(ofr_cuda_conv_run(conv, &tile[i], false, NULL), err);
        if (!code)
            code = ofr_problem_distance(problem, worst, err);
    }
    return code;
}

/* The same tiles with pooling folded in. */
static int pool_tiles(struct ofr_problem *problem, const struct ofr_cuda_conv *conv, uint32_t copies,
                      double *worst, uint32_t *ways, struct ofr_error *err)
{
    struct ofr_cuda_tile tile[OFR_CUDA_MAX_TILES];
    struct ofr_cuda_conv pooling = *conv;
    const uint32_t tiles = ofr_cuda_conv_tiles(conv, PROCESSORS, tile);
    int code = ofr_problem_pooling(problem, copies, &pooling.pooling, err);
    for (uint32_t i = 0; i < tiles && !code; ++i, ++*ways) {
        code = ofr_problem_poison(problem, err);
        if (!code)
            OFR_CUDA_TRY(ofr_cuda_conv_run(&pooling, &tile[i], false, NULL), err);
        if (!code)
            code = ofr_problem_distance(problem, worst, err);
        if (!code)
            code = ofr_problem_pooled(problem, &pooling.pooling, worst, err);
    }
    return code;
}

static int run_library(struct tester *tester, struct ofr_problem *problem, const struct ofr_cuda_conv *conv,
                       double *worst, uint32_t *ways, struct ofr_error *err)
{
    struct ofr_cuda_linear *linear = NULL;
    int code = ofr_cuda_linear_plan(&linear, tester->library, conv, err);
    for (uint32_t i = 0; !code && i < ofr_cuda_linear_algorithms(linear); ++i) {
        code = ofr_problem_poison(problem, err);
        if (!code && ofr_cuda_linear_run(linear, conv, i, tester->workspace, NULL) != 0)
            continue; /* it may refuse; the plan then does not choose it */
        if (!code)
            code = ofr_problem_distance(problem, worst, err);
        ++*ways;
    }
    ofr_cuda_linear_free(linear);
    return code;
}

static int check_product(struct tester *tester, const struct product *p, struct ofr_error *err)
{
    struct ofr_problem problem;
    double worst = 0, library_worst = 0;
    uint32_t ways = 0, library_ways = 0;
    char sizes[96];
    snprintf(sizes, sizeof sizes, "%u x %u x %u x %u -> %u, %u x %u / %u, act %d%s", p->n, p->h, p->w, p->c,
             p->out_c, p->kernel, p->kernel, p->stride, (int)p->act, p->add ? ", add" : "");
    int code = make_product(&problem, p, err);
    const struct ofr_cuda_conv conv = conv_of(&problem, p);
    if (!code)
        code = run_tiles(&problem, &conv, &worst, &ways, err);
    if (!code)
        report(tester, p->linear ? "linear" : "conv", sizes, ways, worst, OFR_CPU_BOUND_PRODUCT);
    worst = 0;
    ways = 0;
    for (uint32_t copies = 1; copies <= OFR_CUDA_POOLING_COPIES && !p->linear && !code;
         copies *= OFR_CUDA_POOLING_COPIES)
        code = pool_tiles(&problem, &conv, copies, &worst, &ways, err);
    if (!code && !p->linear)
        report(tester, "conv, pooling", sizes, ways, worst, OFR_CPU_BOUND_PRODUCT);
    if (!code && p->linear && !tester->small)
        code = run_library(tester, &problem, &conv, &library_worst, &library_ways, err);
    if (!code && library_ways)
        report(tester, "linear (cuBLASLt)", sizes, library_ways, library_worst, OFR_CPU_BOUND_PRODUCT);
    ofr_problem_release(&problem);
    return code;
}

static int check_products(struct tester *tester, struct ofr_error *err)
{
    static const struct product products[] = {
        {1, 7, 5, 3, 13, 3, 2, 1, OFR_ACT_RELU, false, false},
        {1, 1, 1, 13, 7, 1, 1, 0, OFR_ACT_TANH, true, true}, /* the first two are what `small` runs */
        {3, 9, 9, 17, 5, 1, 1, 0, OFR_ACT_NONE, true, false},
        {2, 11, 13, 3, 7, 7, 2, 3, OFR_ACT_RELU, false, false},
        {5, 14, 15, 65, 129, 3, 1, 1, OFR_ACT_RELU, true, false},
        {3, 23, 19, 40, 257, 3, 2, 1, OFR_ACT_NONE, false, false},
        {1, 8, 8, 260, 67, 1, 2, 0, OFR_ACT_RELU, true, false},
        {19, 5, 3, 24, 75, 3, 1, 1, OFR_ACT_RELU, true, false}, /* several inputs a tile */
        {7, 1, 1, 771, 33, 1, 1, 0, OFR_ACT_TANH, false, true},
        {3, 37, 1, 768, 1001, 1, 1, 0, OFR_ACT_GELU, false, true},
        {2, 131, 1, 520, 515, 1, 1, 0, OFR_ACT_GELU_TANH, false, true},
        {5, 29, 1, 1030, 768, 1, 1, 0, OFR_ACT_NONE, true, true},
        {13, 1, 1, 3077, 1000, 1, 1, 0, OFR_ACT_RELU, false, true},
    };
    int code = OFR_OK;
    const size_t count = tester->small ? 2 : sizeof products / sizeof *products;
    for (size_t i = 0; i < count && !code; ++i)
        code = check_product(tester, &products[i], err);
    return code;
}

/* ---- the others ---- */

static int finish_one(struct tester *tester, struct ofr_problem *problem, const char *kernel,
                      const char *sizes, float bound, int status, struct ofr_error *err)
{
    double worst = 0;
    OFR_CUDA_TRY(status, err);
    const int code = ofr_problem_distance(problem, &worst, err);
    if (!code)
        report(tester, kernel, sizes, 1, worst, bound);
    return code;
}

static int check_attention(struct tester *tester, uint32_t n, uint32_t tokens, uint32_t heads, bool causal,
                           struct ofr_error *err)
{
    struct ofr_problem problem;
    char sizes[96];
    const uint32_t width = heads * OFR_CUDA_HEAD_SIZE;
    snprintf(sizes, sizeof sizes, "%u x %u tokens, %u heads%s", n, tokens, heads, causal ? ", causal" : "");
    ofr_problem_init(&problem, OFR_OP_ATTENTION, n, tokens);
    problem.op.heads = heads;
    problem.op.causal = causal;
    int code = ofr_problem_tensor(&problem, OFR_PROBLEM_IN, TENSOR(tokens, 1, 3 * width), 0, err);
    if (!code)
        code = ofr_problem_tensor(&problem, OFR_PROBLEM_OUT, TENSOR(tokens, 1, width), 0, err);
    if (!code)
        code = ofr_problem_twin(&problem, err);
    if (!code)
        code = ofr_problem_poison(&problem, err);
    const struct ofr_cuda_attention attention = {
        problem.device[OFR_PROBLEM_IN], problem.device[OFR_PROBLEM_OUT], n, tokens, heads, causal};
    if (!code)
        code = finish_one(tester, &problem, "attention", sizes, OFR_CPU_BOUND_ATTENTION,
                          ofr_cuda_attention_run(&attention, false, NULL), err);
    ofr_problem_release(&problem);
    return code;
}

static int check_norm(struct tester *tester, uint32_t rows, uint32_t c, bool add, struct ofr_error *err)
{
    struct ofr_problem problem;
    char sizes[96];
    snprintf(sizes, sizeof sizes, "%u x %u%s", rows, c, add ? ", add, sum kept" : "");
    ofr_problem_init(&problem, OFR_OP_LAYERNORM, 1, c);
    problem.op.weight = 0;
    problem.op.eps = 1e-5f;
    const struct ofr_tensor tensor = TENSOR(rows, 1, c);
    int code = OFR_OK;
    for (int at = 0; at < OFR_PROBLEM_TENSORS && !code; ++at)
        if (add || at == OFR_PROBLEM_IN || at == OFR_PROBLEM_OUT)
            code = ofr_problem_tensor(&problem, at, tensor, 0, err);
    if (!code)
        code = ofr_problem_weight(&problem, 0, OFR_WEIGHT_SCALE, 1, 1, c, c, err);
    if (!code)
        code = ofr_problem_twin(&problem, err);
    if (!code)
        code = ofr_problem_poison(&problem, err);
    const struct ofr_cuda_layernorm norm = {.in = problem.device[OFR_PROBLEM_IN],
                                            .add = problem.device[OFR_PROBLEM_ADD],
                                            .out = problem.device[OFR_PROBLEM_OUT],
                                            .sum = problem.device[OFR_PROBLEM_SUM],
                                            .scale = problem.device_value[0],
                                            .shift = problem.device_bias[0],
                                            .rows = rows,
                                            .c = c,
                                            .pitch = ofr_cuda_pitch(c),
                                            .eps = 1e-5f};
    if (!code)
        code = finish_one(tester, &problem, "layernorm", sizes, OFR_CPU_BOUND_NORM,
                          ofr_cuda_layernorm_run(&norm, false, NULL), err);
    ofr_problem_release(&problem);
    return code;
}

static int check_embed(struct tester *tester, bool every, struct ofr_error *err)
{
    enum {
        N = 3,
        TOKENS = 7,
        WORDS = 101,
        C = 35
    };
    struct ofr_problem problem;
    ofr_problem_init(&problem, OFR_OP_EMBED, N, 3);
    problem.op.weight = 0;
    problem.op.table = 1;
    problem.op.every = every ? 2 : -1;
    int code = ofr_problem_tensor(&problem, OFR_PROBLEM_IN,
                                  (struct ofr_tensor){TOKENS, 1, 1, OFR_ELEMENT_I32}, WORDS, err);
    if (!code)
        code = ofr_problem_tensor(&problem, OFR_PROBLEM_OUT, TENSOR(TOKENS, 1, C), 0, err);
    if (!code)
        code = ofr_problem_weight(&problem, 0, OFR_WEIGHT_TABLE, WORDS, 1, C, 0, err);
    if (!code)
        code = ofr_problem_weight(&problem, 1, OFR_WEIGHT_TABLE, TOKENS + 2, 1, C, 0, err);
    if (!code)
        code = ofr_problem_weight(&problem, 2, OFR_WEIGHT_TABLE, 2, 1, C, 0, err);
    if (!code)
        code = ofr_problem_twin(&problem, err);
    if (!code)
        code = ofr_problem_poison(&problem, err);
    const struct ofr_cuda_embed embed = {.in = problem.device[OFR_PROBLEM_IN],
                                         .table = problem.device_value[0],
                                         .place = problem.device_value[1],
                                         .every = every ? problem.device_value[2] : NULL,
                                         .out = problem.device[OFR_PROBLEM_OUT],
                                         .n = N,
                                         .tokens = TOKENS,
                                         .c = ofr_cuda_pitch(C),
                                         .words = WORDS};
    if (!code)
        code = finish_one(tester, &problem, "embed", every ? "3 x 7 x 35, token types" : "3 x 7 x 35",
                          OFR_CPU_BOUND_ROUND, ofr_cuda_embed_run(&embed, false, NULL), err);
    ofr_problem_release(&problem);
    return code;
}

/* The tensors of an operator that has one input and no weights, the twin's result, and the output poisoned. */
static int in_and_out(struct ofr_problem *problem, struct ofr_tensor from, struct ofr_tensor to,
                      struct ofr_error *err)
{
    int code = ofr_problem_tensor(problem, OFR_PROBLEM_IN, from, 0, err);
    if (!code)
        code = ofr_problem_tensor(problem, OFR_PROBLEM_OUT, to, 0, err);
    if (!code)
        code = ofr_problem_twin(problem, err);
    if (!code)
        code = ofr_problem_poison(problem, err);
    return code;
}

static struct ofr_cuda_maxpool maxpool_of(const struct ofr_problem *problem)
{
    const struct ofr_tensor *in = &problem->tensor[OFR_PROBLEM_IN], *out = &problem->tensor[OFR_PROBLEM_OUT];
    return (struct ofr_cuda_maxpool){.in = problem->device[OFR_PROBLEM_IN],
                                     .out = problem->device[OFR_PROBLEM_OUT],
                                     .n = problem->n,
                                     .h = in->h,
                                     .w = in->w,
                                     .c = ofr_cuda_pitch(in->c),
                                     .out_h = out->h,
                                     .out_w = out->w,
                                     .kernel = problem->op.kernel,
                                     .stride = problem->op.stride,
                                     .pad = problem->op.pad};
}

/* Pooling folded in: a block's vectors are of several inputs. */
static int check_maxpool(struct tester *tester, uint32_t n, struct ofr_tensor from, struct ofr_tensor to,
                         struct ofr_error *err)
{
    struct ofr_problem problem;
    char sizes[96];
    double worst = 0;
    snprintf(sizes, sizeof sizes, "%u x %u x %u x %u -> %u x %u", n, from.h, from.w, from.c, to.h, to.w);
    ofr_problem_init(&problem, OFR_OP_MAXPOOL, n, from.c);
    problem.op.kernel = 3;
    problem.op.stride = 2;
    problem.op.pad = 1;
    int code = in_and_out(&problem, from, to, err);
    struct ofr_cuda_maxpool pool = maxpool_of(&problem);
    if (!code)
        code = ofr_problem_pooling(&problem, OFR_CUDA_POOLING_COPIES, &pool.pooling, err);
    if (!code)
        OFR_CUDA_TRY(ofr_cuda_maxpool_run(&pool, false, NULL), err);
    if (!code)
        code = ofr_problem_distance(&problem, &worst, err);
    if (!code)
        code = ofr_problem_pooled(&problem, &pool.pooling, &worst, err);
    if (!code)
        report(tester, "maxpool, pooling", sizes, 1, worst, OFR_CPU_BOUND_ROUND);
    ofr_problem_release(&problem);
    return code;
}

static int launch_shape(const struct ofr_problem *problem)
{
    const struct ofr_tensor *in = &problem->tensor[OFR_PROBLEM_IN], *out = &problem->tensor[OFR_PROBLEM_OUT];
    const struct ofr_op *op = &problem->op;
    const void *from = problem->device[OFR_PROBLEM_IN];
    void *to = problem->device[OFR_PROBLEM_OUT];
    const uint32_t pixels = in->h * in->w, n = problem->n, c = ofr_cuda_pitch(in->c);
    if (op->kind == OFR_OP_PREPROCESS) {
        const struct ofr_cuda_preprocess preprocess = {from, to, n, in->h, in->w, out->h, out->w};
        return ofr_cuda_preprocess_run(&preprocess, false, NULL);
    }
    if (op->kind == OFR_OP_MAXPOOL) {
        const struct ofr_cuda_maxpool pool = maxpool_of(problem);
        return ofr_cuda_maxpool_run(&pool, false, NULL);
    }
    const bool take = op->kind == OFR_OP_TAKE;
    const uint32_t first = !take ? 0 : op->token < 0 ? pixels - 1 : (uint32_t)op->token;
    const struct ofr_cuda_mean mean = {from, to, n, pixels, first, take ? 1 : pixels, c};
    return ofr_cuda_mean_run(&mean, false, NULL);
}

static int check_shape(struct tester *tester, const struct ofr_op *op, uint32_t n, struct ofr_tensor from,
                       struct ofr_tensor to, const char *kernel, struct ofr_error *err)
{
    struct ofr_problem problem;
    char sizes[96];
    snprintf(sizes, sizeof sizes, "%u x %u x %u x %u -> %u x %u", n, from.h, from.w, from.c, to.h, to.w);
    ofr_problem_init(&problem, op->kind, n, from.h);
    problem.op.kernel = op->kernel;
    problem.op.stride = op->stride;
    problem.op.pad = op->pad;
    problem.op.token = op->token;
    int code = in_and_out(&problem, from, to, err);
    if (!code)
        code = finish_one(tester, &problem, kernel, sizes, OFR_CPU_BOUND_ROUND, launch_shape(&problem), err);
    ofr_problem_release(&problem);
    return code;
}

static int check_shapes(struct tester *tester, struct ofr_error *err)
{
    const struct ofr_op preprocess = {.kind = OFR_OP_PREPROCESS}, mean = {.kind = OFR_OP_MEAN};
    const struct ofr_op maxpool = {.kind = OFR_OP_MAXPOOL, .kernel = 3, .stride = 2, .pad = 1};
    const struct ofr_op take = {.kind = OFR_OP_TAKE, .token = 3}, last = {.kind = OFR_OP_TAKE, .token = -1};
    int code = check_shape(tester, &preprocess, 3, (struct ofr_tensor){13, 7, 3, OFR_ELEMENT_U8},
                           TENSOR(31, 29, 3), "preprocess", err);
    if (!code)
        code = check_shape(tester, &maxpool, 3, TENSOR(15, 11, 17), TENSOR(8, 6, 17), "maxpool", err);
    if (!code)
        code = check_maxpool(tester, 5, TENSOR(15, 11, 64), TENSOR(8, 6, 64), err);
    if (!code)
        code = check_maxpool(tester, 3, TENSOR(5, 7, 250), TENSOR(3, 4, 250), err);
    if (!code)
        code = check_shape(tester, &mean, 3, TENSOR(7, 5, 77), TENSOR(1, 1, 77), "mean", err);
    if (!code)
        code = check_shape(tester, &take, 5, TENSOR(9, 1, 771), TENSOR(1, 1, 771), "take", err);
    return code ? code : check_shape(tester, &last, 5, TENSOR(9, 1, 33), TENSOR(1, 1, 33), "take", err);
}

static int check_text(struct tester *tester, struct ofr_error *err)
{
    static const uint32_t tokens[] = {37, 1, 64, 130, 257}, widths[] = {771, 5, 256, 1024, 1601};
    const int count = tester->small ? 1 : 5;
    int code = OFR_OK;
    for (int i = 0; i < count && !code; ++i) {
        code = check_attention(tester, 2, tokens[i], 3, false, err);
        if (!code)
            code = check_attention(tester, 3, tokens[i], 1, true, err);
    }
    for (int i = 0; i < count && !code; ++i) {
        code = check_norm(tester, 13, widths[i], true, err);
        if (!code)
            code = check_norm(tester, 7, widths[i], false, err);
    }
    for (int every = 0; every < 2 && !code; ++every)
        code = check_embed(tester, every, err);
    return code;
}

int ofr_check_kernels(char **argument, struct ofr_error *err)
{
    struct tester tester = {.small = argument[0] != NULL};
    if (tester.small && strcmp(argument[0], "small") != 0)
        return ofr_fail(err, OFR_E_USAGE, "found %s, expected small", argument[0]);
    OFR_CUDA_TRY(ofr_cuda_conv_prepare(), err);
    int code = ofr_cuda_linear_open(&tester.library, err);
    if (!code)
        code = ofr_cuda_memory_take(&tester.memory, OFR_CUDA_FOR_WORKSPACE, OFR_CUDA_WORKSPACE,
                                    &tester.workspace, err);
    if (!code)
        code = check_products(&tester, err);
    if (!code)
        code = check_text(&tester, err);
    if (!code)
        code = check_shapes(&tester, err);
    if (!code)
        code = ofr_check_ramps(tester.small, &tester.missed, err);
    ofr_cuda_linear_close(tester.library);
    ofr_cuda_memory_release(&tester.memory);
    return code || !tester.missed ? code
                                  : ofr_fail(err, OFR_E_GATE, "%u kernels miss their bound", tester.missed);
}
