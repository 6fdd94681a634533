/* Ramps, head and copy-in: what ends in the host's memory. Logits against the twin; the cell against the verdict on the
 * device's own logits, so that a near tie cannot be taken for an error. */
#include "replay/cuda/check.h"
#include "replay/cuda/check/check_gpu.h"
#include "replay/cuda/check/problem.h"
#include "replay/cuda/ends.h"
#include "replay/cuda/model.h"
#include "replay/cuda/ramp.h"

#include <cuda_runtime_api.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SCORE_BOUND 2e-5 /* absolute: f32 exp and log in another order */

enum {
    PROCESSORS = 132,
    TICKET = 40000, /* past the 15 bits a cell keeps */
};

struct size {
    uint32_t n, h, w, c, classes;
    enum ofr_pooling pooling;
};

struct bench {
    struct ofr_problem problem;
    struct ofr_cuda_ramp ramp;
    struct ofr_cuda_control control; /* host's copy */
    struct ofr_cuda_control *device_control;
    float *wanted, *found; /* [n][classes], owned */
    int64_t *pooled;       /* [copies][n][c], owned; NULL: the ramp pools */
};

static int take(struct bench *bench, size_t bytes, bool pinned, void *out, struct ofr_error *err)
{
    return ofr_cuda_memory_take(&bench->problem.memory, pinned ? OFR_CUDA_FOR_CELLS : OFR_CUDA_FOR_RAMPS,
                                bytes, out, err);
}

/* The reference: what ofr_cpu_ramp says of the f16 values. */
static int reference(struct bench *bench, const struct size *size, struct ofr_error *err)
{
    const struct ofr_problem *problem = &bench->problem;
    const struct ofr_tensor *tensor = &problem->tensor[OFR_PROBLEM_IN];
    const size_t values = (size_t)size->n * size->h * size->w * size->c,
                 weights = (size_t)size->classes * size->c;
    float *all = malloc((values + weights + size->classes + size->c) * sizeof *all);
    if (!all)
        return ofr_fail_nomem(err, "a reference");
    float *weight = all + values, *bias = weight + weights, *pooled = bias + size->classes;
    for (size_t i = 0; i < values; ++i)
        all[i] = ofr_half_to_float(((const uint16_t *)problem->host[OFR_PROBLEM_IN])[i]);
    for (size_t i = 0; i < weights; ++i)
        weight[i] = ofr_half_to_float(problem->value[0][i]);
    for (size_t i = 0; i < size->classes; ++i)
        bias[i] = ofr_half_to_float(problem->bias[0][i]);
    ofr_cpu_ramp(all, tensor, size->pooling, size->n, weight, bias, size->classes, pooled, bench->wanted);
    free(all);
    return OFR_OK;
}

static int make(struct bench *bench, const struct size *size, enum offramp_criterion criterion,
                struct ofr_error *err)
{
    struct ofr_problem *problem = &bench->problem;
    struct ofr_cuda_ramp *ramp = &bench->ramp;
    const uint32_t n = size->n, pixels = size->h * size->w, classes = size->classes;
    ofr_problem_init(problem, OFR_OP_MEAN, n, size->c);
    bench->wanted = malloc((size_t)n * classes * sizeof(float));
    bench->found = malloc((size_t)n * classes * sizeof(float));
    int code = bench->wanted && bench->found ? OFR_OK : ofr_fail_nomem(err, "logits");
    if (!code)
        code = ofr_problem_tensor(problem, OFR_PROBLEM_IN,
                                  (struct ofr_tensor){size->h, size->w, size->c, OFR_ELEMENT_F16}, 0, err);
    if (!code)
        code = ofr_problem_weight(problem, 0, OFR_WEIGHT_LINEAR, classes, 1, size->c, classes, err);
    if (!code)
        code = reference(bench, size, err);
    bench->control = (struct ofr_cuda_control){TICKET, n, n, (int32_t)criterion, 0, {0}};
    bench->control.threshold[1] = criterion == OFFRAMP_CRITERION_ENTROPY ? 1.5 : .6;
    *ramp = (struct ofr_cuda_ramp){.in = problem->device[OFR_PROBLEM_IN],
                                   .weight = problem->device_value[0],
                                   .bias = problem->device_bias[0],
                                   .n = n,
                                   .pixels = pixels,
                                   .first_pixel = size->pooling == OFR_POOL_LAST ? pixels - 1 : 0,
                                   .pooled = size->pooling == OFR_POOL_MEAN ? pixels : 1,
                                   .c = ofr_cuda_pitch(size->c),
                                   .classes = classes,
                                   .site = 1,
                                   .sums = ofr_cuda_ramp_sums(classes)};
    if (!code)
        code = take(bench, sizeof bench->control, false, &bench->device_control, err);
    if (!code)
        code = take(bench, (size_t)n * classes * sizeof(float), false, &ramp->logits, err);
    if (!code)
        code = take(bench, n * sizeof(uint64_t), true, &ramp->cell, err);
    if (!code)
        code =
            take(bench, (size_t)n * ofr_cuda_ramp_sums(classes) * sizeof(uint64_t), false, &ramp->sum, err);
    ramp->control = bench->device_control;
    if (!code)
        OFR_CUDA_TRY(
            cudaMemcpy(bench->device_control, &bench->control, sizeof bench->control, cudaMemcpyHostToDevice),
            err);
    return code;
}

/* Weights as every ramp but the token's wants them. */
static int pack(struct bench *bench, const struct size *size, struct ofr_error *err)
{
    const size_t bytes = (size_t)ofr_cuda_pitch(size->classes) * ofr_cuda_pitch(size->c) * sizeof(uint16_t);
    uint16_t *host = malloc(bytes);
    void *device = NULL;
    int code = host ? take(bench, bytes, false, &device, err) : ofr_fail_nomem(err, "weights");
    if (!code) {
        ofr_cuda_ramp_pack(host, bench->problem.value[0], size->classes, size->c);
        const cudaError_t status = cudaMemcpy(device, host, bytes, cudaMemcpyHostToDevice);
        code = status == cudaSuccess ? OFR_OK : ofr_cuda_fail(err, status, "cudaMemcpy");
    }
    free(host);
    bench->ramp.weight = device;
    bench->ramp.packed = true;
    return code;
}

/* Has the pixels pooled before, with an eighth of every sum in each copy but one. */
static int fold(struct bench *bench, const struct size *size, uint32_t copies, struct ofr_error *err)
{
    const uint32_t pixels = bench->ramp.pooled, c = bench->ramp.c;
    const size_t values = (size_t)size->n * c;
    bench->pooled = calloc(copies * values, sizeof *bench->pooled);
    if (!bench->pooled)
        return ofr_fail_nomem(err, "sums");
    for (size_t row = 0; row < size->n; ++row)
        for (uint32_t i = 0; i < size->c; ++i) {
            double sum = 0;
            for (uint32_t pixel = 0; pixel < pixels; ++pixel)
                sum += (double)ofr_half_to_float(
                    ((const uint16_t *)bench->problem
                         .host[OFR_PROBLEM_IN])[(row * bench->ramp.pixels + pixel) * size->c + i]);
            const int64_t mean = (int64_t)ldexp(sum / pixels, OFR_CUDA_POOLING_BITS);
            for (uint32_t copy = 1; copy < copies; ++copy)
                bench->pooled[copy * values + row * c + i] = mean / 8;
            bench->pooled[row * c + i] = mean - (copies - 1) * (mean / 8);
        }
    bench->ramp.copies = copies;
    return take(bench, copies * values * sizeof *bench->pooled, false, &bench->ramp.pooled_sum, err);
}

/* Sets the pooled sums; or finds them left zero, else an error of the kernel. */
static int pooled_before(struct bench *bench, struct ofr_error *err)
{
    const size_t bytes = (size_t)bench->ramp.copies * bench->ramp.n * bench->ramp.c * sizeof *bench->pooled;
    if (bench->pooled)
        OFR_CUDA_TRY(cudaMemcpy(bench->ramp.pooled_sum, bench->pooled, bytes, cudaMemcpyHostToDevice), err);
    return OFR_OK;
}

static int pooled_after(struct bench *bench, double *worst, struct ofr_error *err)
{
    const size_t values = (size_t)bench->ramp.copies * bench->ramp.n * bench->ramp.c;
    int64_t *left = bench->pooled ? malloc(values * sizeof *left) : NULL;
    if (!bench->pooled)
        return OFR_OK;
    if (!left)
        return ofr_fail_nomem(err, "sums");
    const cudaError_t status =
        cudaMemcpy(left, bench->ramp.pooled_sum, values * sizeof *left, cudaMemcpyDeviceToHost);
    for (size_t i = 0; i < values && status == cudaSuccess; ++i)
        if (left[i] != 0)
            *worst = INFINITY;
    free(left);
    OFR_CUDA_TRY(status, err);
    return OFR_OK;
}

static void release(struct bench *bench)
{
    free(bench->pooled);
    free(bench->wanted);
    free(bench->found);
    ofr_problem_release(&bench->problem);
}

/* Whether the cell says of the found logits what it should. */
static bool cell_is_right(const struct bench *bench, uint32_t row)
{
    const uint32_t classes = bench->ramp.classes;
    const struct ofr_cpu_verdict verdict = ofr_cpu_judge(bench->found + (size_t)row * classes, classes);
    const uint64_t cell = ((volatile const uint64_t *)bench->ramp.cell)[row];
    const float score = ofr_cell_score(cell);
    const bool entropy = bench->control.criterion == OFFRAMP_CRITERION_ENTROPY;
    const double off = fabs((double)score - (double)(entropy ? verdict.entropy : verdict.top));
    return ofr_cell_is_of(cell, TICKET) && ofr_cell_answer(cell) == verdict.answer && off <= SCORE_BOUND &&
           ofr_cell_exits(cell) == ((double)score < bench->control.threshold[1]);
}

/* Fetches the logits; the largest difference over the largest value, or infinity where a cell is wrong. */
static int judge(struct bench *bench, double *worst, struct ofr_error *err)
{
    const size_t values = (size_t)bench->ramp.n * bench->ramp.classes;
    double off = 0, largest = 0;
    OFR_CUDA_TRY(cudaDeviceSynchronize(), err);
    OFR_CUDA_TRY(cudaMemcpy(bench->found, bench->ramp.logits, values * sizeof(float), cudaMemcpyDeviceToHost),
                 err);
    for (size_t i = 0; i < values; ++i) {
        off = isfinite(bench->found[i]) ? fmax(off, fabs((double)bench->found[i] - (double)bench->wanted[i]))
                                        : INFINITY;
        largest = fmax(largest, fabs((double)bench->wanted[i]));
    }
    *worst = fmax(*worst, off / largest);
    for (uint32_t row = 0; row < bench->ramp.n; ++row)
        if (!cell_is_right(bench, row))
            *worst = INFINITY;
    return OFR_OK;
}

static int forget(struct bench *bench, struct ofr_error *err)
{
    const size_t values = (size_t)bench->ramp.n * bench->ramp.classes;
    memset(bench->ramp.cell, 0, bench->ramp.n * sizeof(uint64_t));
    OFR_CUDA_TRY(cudaMemset(bench->ramp.logits, 0xff, values * sizeof(float)), err);
    return OFR_OK;
}

/* Every shape twice: what a run leaves behind (counters) must not disturb the next. */
static int run_shapes(struct bench *bench, double *worst, uint32_t *ways, struct ofr_error *err)
{
    struct ofr_cuda_ramp_shape shape[OFR_CUDA_RAMP_MAX_SHAPES];
    const uint32_t shapes = ofr_cuda_ramp_shapes(&bench->ramp, PROCESSORS, shape);
    int code = OFR_OK;
    for (uint32_t i = 0; i < 2 * shapes && !code; ++i) {
        code = forget(bench, err);
        if (!code)
            code = pooled_before(bench, err);
        if (!code)
            OFR_CUDA_TRY(ofr_cuda_ramp_run(&bench->ramp, &shape[i / 2], NULL), err);
        if (!code)
            code = judge(bench, worst, err);
        if (!code)
            code = pooled_after(bench, worst, err);
    }
    *ways = shapes;
    return code;
}

static void print(const char *kernel, const struct size *size, uint32_t ways, double worst, uint32_t *missed)
{
    const bool good = ways > 0 && worst <= (double)OFR_CPU_BOUND_ROUND;
    *missed += !good;
    printf("kernel\t%s\t%u x %u x %u x %u -> %u\t%u ways\t%.2e\tbound %.0e\t%s\n", kernel, size->n, size->h,
           size->w, size->c, size->classes, ways, worst, (double)OFR_CPU_BOUND_ROUND, good ? "ok" : "MISSED");
    fflush(stdout);
}

enum way {
    TOKEN,
    ITSELF,
    BEFORE,
    BEFORE_IN_COPIES,
    WAYS
};

static int check_ramp(const struct size *size, enum offramp_criterion criterion, enum way way,
                      uint32_t *missed, struct ofr_error *err)
{
    const bool entropy = criterion == OFFRAMP_CRITERION_ENTROPY;
    static const char *const name[WAYS][2] = {
        {"ramp of a token, top", "ramp of a token, entropy"},
        {"ramp, top", "ramp, entropy"},
        {"ramp, pooled before, top", "ramp, pooled before, entropy"},
        {"ramp, pooled before in copies, top", "ramp, pooled before in copies, entropy"}};
    struct bench bench = {0};
    double worst = 0;
    uint32_t ways = 0;
    int code = make(&bench, size, criterion, err);
    if (!code && way != TOKEN)
        code = pack(&bench, size, err);
    if (!code && way >= BEFORE)
        code = fold(&bench, size, way == BEFORE ? 1 : OFR_CUDA_POOLING_COPIES, err);
    if (!code)
        code = run_shapes(&bench, &worst, &ways, err);
    if (!code)
        print(name[way][entropy], size, ways, worst, missed);
    release(&bench);
    return code;
}

/* The head on f16 logits: the same arithmetic from the softmax on, and the end mark after everything else. */
static int check_head(uint32_t n, uint32_t classes, uint32_t *missed, struct ofr_error *err)
{
    struct bench bench = {0};
    const struct size size = {n, 1, 1, classes, classes, OFR_POOL_FIRST};
    uint32_t *ended = NULL, *count = NULL;
    double worst = 0;
    int code = make(&bench, &size, OFFRAMP_CRITERION_ENTROPY, err);
    if (!code)
        code = take(&bench, 64, true, &ended, err);
    if (!code)
        code = take(&bench, sizeof *count, false, &count, err);
    bench.control.threshold[1] = 0; /* the full model always answers; it does not exit */
    for (size_t i = 0; i < (size_t)n * classes && !code; ++i)
        bench.wanted[i] = ofr_half_to_float(((const uint16_t *)bench.problem.host[OFR_PROBLEM_IN])[i]);
    const struct ofr_cuda_head head = {.in = bench.ramp.in,
                                       .n = n,
                                       .classes = classes,
                                       .pitch = ofr_cuda_pitch(classes),
                                       .control = bench.device_control,
                                       .logits = bench.ramp.logits,
                                       .cell = bench.ramp.cell,
                                       .ended = ended,
                                       .count = count};
    for (int again = 0; again < 2 && !code; ++again) {
        *ended = 0;
        code = forget(&bench, err);
        if (!code)
            OFR_CUDA_TRY(ofr_cuda_head_run(&head, NULL), err);
        if (!code)
            code = judge(&bench, &worst, err);
        if (!code && *(volatile uint32_t *)ended != TICKET)
            worst = INFINITY;
    }
    if (!code)
        print("head", &size, 1, worst, missed);
    release(&bench);
    return code;
}

/* Inputs by number out of a pool, or from where some have travelled ahead, and the control beside them. */
static int check_copy(uint32_t bytes, uint32_t *missed, struct ofr_error *err)
{
    enum {
        COUNT = 9,
        PLACES = 3, /* behind the pool, in the same block */
        ROWS = 5
    };
    static const uint32_t at[ROWS] = {8, 0, COUNT + 2, 3,
                                      COUNT}; /* where the rows' inputs lie in the block */
    struct ofr_cuda_memory memory = {0};
    uint8_t *pool = NULL, *in = NULL, found[ROWS * 4096];
    struct ofr_cuda_control *to = NULL, control;
    int code = ofr_cuda_memory_take(&memory, OFR_CUDA_FOR_POOL, (size_t)(COUNT + PLACES) * bytes,
                                    (void **)&pool, err);
    if (!code)
        code = ofr_cuda_memory_take(&memory, OFR_CUDA_FOR_INPUTS, (size_t)ROWS * bytes, (void **)&in, err);
    if (!code)
        code = ofr_cuda_memory_take(&memory, OFR_CUDA_FOR_INPUTS, sizeof control, (void **)&to, err);
    for (uint32_t i = 0; i < (COUNT + PLACES) * bytes && !code; ++i)
        pool[i] = (uint8_t)(i * 2654435761u >> 24);
    struct ofr_cuda_copy_in copy = {.pool = pool,
                                    .ahead = pool + (size_t)COUNT * bytes,
                                    .in = in,
                                    .bytes = bytes,
                                    .to = to,
                                    .control = {TICKET, 3, ROWS, 1, 5, {0}},
                                    .from = {8, 0, OFR_CUDA_AHEAD | 2, 3, OFR_CUDA_AHEAD | 0}};
    copy.control.threshold[7] = .25;
    if (!code)
        OFR_CUDA_TRY(ofr_cuda_copy_in_run(&copy, NULL), err);
    if (!code)
        OFR_CUDA_TRY(cudaMemcpy(found, in, (size_t)ROWS * bytes, cudaMemcpyDeviceToHost), err);
    if (!code)
        OFR_CUDA_TRY(cudaMemcpy(&control, to, sizeof control, cudaMemcpyDeviceToHost), err);
    bool same = !code && memcmp(&control, &copy.control, sizeof control) == 0;
    for (uint32_t i = 0; i < ROWS && same; ++i)
        same = memcmp(found + (size_t)i * bytes, pool + (size_t)at[i] * bytes, bytes) == 0;
    if (!code)
        printf("kernel\tcopy-in\t%d of %d, %u bytes\t1 ways\t%s\tbound same\t%s\n", ROWS, COUNT, bytes,
               same ? "same" : "differs", same ? "ok" : "MISSED");
    *missed += !code && !same;
    ofr_cuda_memory_release(&memory);
    return code;
}

int ofr_check_ramps(bool small, uint32_t *missed, struct ofr_error *err)
{
    static const struct size sizes[] = {
        {3, 5, 3, 33, 7, OFR_POOL_MEAN}, /* the first two are what `small` runs */
        {7, 5, 1, 33, 3, OFR_POOL_LAST},      {1, 17, 13, 96, 1000, OFR_POOL_MEAN},
        {1, 61, 59, 64, 1001, OFR_POOL_MEAN}, {1, 7, 7, 2048, 1000, OFR_POOL_MEAN},
        {1, 28, 29, 256, 43, OFR_POOL_MEAN},  {13, 9, 7, 512, 999, OFR_POOL_MEAN},
        {1, 37, 1, 768, 2, OFR_POOL_FIRST},   {5, 130, 1, 1024, 2, OFR_POOL_LAST},
        {31, 11, 1, 771, 65, OFR_POOL_LAST},  {1, 2, 1, 8, 2, OFR_POOL_MEAN},
    };
    const size_t count = small ? 2 : sizeof sizes / sizeof *sizes;
    int code = OFR_OK;
    for (size_t i = 0; i < count && !code; ++i) {
        const bool mean = sizes[i].pooling == OFR_POOL_MEAN, token = !mean && sizes[i].classes <= 32;
        const enum way end = !mean                                       ? BEFORE
                             : sizes[i].c > OFR_CUDA_POOLING_MOST_COPIED ? BEFORE_IN_COPIES
                                                                         : WAYS;
        for (enum way way = token ? TOKEN : ITSELF; way < end && !code; ++way) {
            code = check_ramp(&sizes[i], OFFRAMP_CRITERION_TOP1, way, missed, err);
            if (!code && !small)
                code = check_ramp(&sizes[i], OFFRAMP_CRITERION_ENTROPY, way, missed, err);
        }
    }
    if (!code)
        code = check_head(5, 11, missed, err);
    if (!code && !small)
        code = check_head(3, 1001, missed, err);
    if (!code)
        code = check_copy(3072, missed, err);
    return code ? code : check_copy(148, missed, err);
}
