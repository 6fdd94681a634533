#include "replay/cuda/check/problem.h"
#include "replay/cuda/check.h"
#include "replay/cuda/model.h"
#include "replay/nets/half.h"

#include <cuda_runtime_api.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void ofr_problem_init(struct ofr_problem *problem, enum ofr_op_kind kind, uint32_t n, uint64_t seed)
{
    *problem = (struct ofr_problem){
        .n = n,
        .op = {.kind = kind,
               .in = OFR_PROBLEM_IN,
               .add = -1,
               .out = OFR_PROBLEM_OUT,
               .sum = -1,
               .weight = -1,
               .table = -1,
               .every = -1},
        .net = {.name = "problem", .tensors = OFR_PROBLEM_TENSORS, .weights = OFR_PROBLEM_WEIGHTS, .ops = 1},
    };
    problem->net.tensor = problem->tensor;
    problem->net.weight = problem->weight;
    problem->net.op = &problem->op;
    problem->given = (struct ofr_weights){problem->value, problem->bias, OFR_PROBLEM_WEIGHTS, "random"};
    ofr_random_init(&problem->random, seed, OFR_RANDOM_TEST, 0);
}

static uint16_t *random_halves(struct ofr_random *random, size_t count, double deviation)
{
    uint16_t *half = malloc((count + 1) * sizeof *half);
    for (size_t i = 0; half && i < count; ++i)
        half[i] = ofr_half_from_float((float)ofr_random_normal(random, 0., deviation));
    return half;
}

/* Copies `runs` runs of `length` values, each padded to 8 with zeros; `spare` more runs of zeros follow. */
static int upload(struct ofr_problem *problem, const uint16_t *from, size_t runs, uint32_t length,
                  size_t spare, void **out, struct ofr_error *err)
{
    const uint32_t pitch = ofr_cuda_pitch(length);
    const size_t bytes = (runs + spare) * pitch * sizeof *from;
    uint16_t *padded = calloc(1, bytes);
    if (!padded)
        return ofr_fail_nomem(err, "padded values");
    for (size_t i = 0; i < runs; ++i)
        memcpy(padded + i * pitch, from + i * length, length * sizeof *from);
    int code = ofr_cuda_memory_take(&problem->memory, OFR_CUDA_FOR_ACTIVATIONS, bytes, out, err);
    if (!code) {
        const cudaError_t status = cudaMemcpy(*out, padded, bytes, cudaMemcpyHostToDevice);
        if (status != cudaSuccess)
            code = ofr_cuda_fail(err, status, "cudaMemcpy");
    }
    free(padded);
    return code;
}

static int raw_tensor(struct ofr_problem *problem, int at, size_t values, uint32_t words,
                      struct ofr_error *err)
{
    const bool image = problem->tensor[at].element == OFR_ELEMENT_U8;
    const size_t bytes = values * (image ? 1 : sizeof(int32_t));
    problem->host[at] = malloc(bytes);
    if (!problem->host[at])
        return ofr_fail_nomem(err, "inputs");
    for (size_t i = 0; i < values; ++i)
        if (image)
            ((uint8_t *)problem->host[at])[i] = (uint8_t)ofr_random_below(&problem->random, 256);
        else
            ((int32_t *)problem->host[at])[i] = (int32_t)ofr_random_below(&problem->random, words);
    const int code =
        ofr_cuda_memory_take(&problem->memory, OFR_CUDA_FOR_INPUTS, bytes, &problem->device[at], err);
    if (code)
        return code;
    OFR_CUDA_TRY(cudaMemcpy(problem->device[at], problem->host[at], bytes, cudaMemcpyHostToDevice), err);
    return OFR_OK;
}

int ofr_problem_tensor(struct ofr_problem *problem, int at, struct ofr_tensor tensor, uint32_t words,
                       struct ofr_error *err)
{
    const size_t runs = (size_t)problem->n * tensor.h * tensor.w, values = runs * tensor.c;
    problem->tensor[at] = tensor;
    if (at == OFR_PROBLEM_ADD)
        problem->op.add = at;
    if (at == OFR_PROBLEM_SUM)
        problem->op.sum = at;
    if (tensor.element != OFR_ELEMENT_F16)
        return raw_tensor(problem, at, values, words, err);
    problem->host[at] = random_halves(&problem->random, values, 1.);
    if (!problem->host[at])
        return ofr_fail_nomem(err, "a tensor");
    return upload(problem, problem->host[at], runs, tensor.c, 0, &problem->device[at], err);
}

int ofr_problem_weight(struct ofr_problem *problem, int at, enum ofr_weight_kind kind, uint32_t rows,
                       uint32_t groups, uint32_t length, uint32_t biases, struct ofr_error *err)
{
    const size_t runs = (size_t)rows * groups, columns = (size_t)groups * length;
    const bool product = kind == OFR_WEIGHT_CONV || kind == OFR_WEIGHT_LINEAR;
    problem->weight[at] = (struct ofr_weight){.kind = kind, .rows = rows, .columns = (uint32_t)columns};
    problem->value[at] =
        random_halves(&problem->random, runs * length, product ? 1. / sqrt((double)columns) : 1.);
    if (!problem->value[at])
        return ofr_fail_nomem(err, "a weight");
    int code = upload(problem, problem->value[at], runs, length,
                      (size_t)(ofr_cuda_pitch(rows) - rows) * groups, &problem->device_value[at], err);
    if (code || !biases)
        return code;
    problem->bias[at] = random_halves(&problem->random, biases, 1.);
    if (!problem->bias[at])
        return ofr_fail_nomem(err, "a bias");
    return upload(problem, problem->bias[at], 1, biases, 0, &problem->device_bias[at], err);
}

int ofr_problem_twin(struct ofr_problem *problem, struct ofr_error *err)
{
    return ofr_cpu_twin(&problem->net, &problem->given, &problem->op, problem->n, problem->host, err);
}

static size_t padded_bytes(const struct ofr_problem *problem, int at)
{
    const struct ofr_tensor *tensor = &problem->tensor[at];
    return (size_t)problem->n * tensor->h * tensor->w * ofr_cuda_pitch(tensor->c) * sizeof(uint16_t);
}

int ofr_problem_poison(struct ofr_problem *problem, struct ofr_error *err)
{
    static const int written[] = {OFR_PROBLEM_OUT, OFR_PROBLEM_SUM};
    for (int i = 0; i < 2; ++i)
        if (problem->device[written[i]]) /* all ones: no number */
            OFR_CUDA_TRY(cudaMemset(problem->device[written[i]], 0xff, padded_bytes(problem, written[i])),
                         err);
    return OFR_OK;
}

static double distance(const uint16_t *found, const uint16_t *wanted, size_t runs, uint32_t length)
{
    const uint32_t pitch = ofr_cuda_pitch(length);
    double worst = 0, largest = 0;
    for (size_t run = 0; run < runs; ++run)
        for (uint32_t i = 0; i < pitch; ++i) {
            const double x = (double)ofr_half_to_float(found[run * pitch + i]);
            const double y = i < length ? (double)ofr_half_to_float(wanted[run * length + i]) : 0;
            if (!isfinite(x) || (i >= length && x != 0))
                return INFINITY;
            worst = fmax(worst, fabs(x - y));
            largest = fmax(largest, fabs(y));
        }
    return largest > 0 ? worst / largest : worst;
}

int ofr_problem_distance(struct ofr_problem *problem, double *worst, struct ofr_error *err)
{
    OFR_CUDA_TRY(cudaDeviceSynchronize(), err);
    for (int at = OFR_PROBLEM_OUT; at <= OFR_PROBLEM_SUM; ++at) {
        if (!problem->device[at])
            continue;
        const struct ofr_tensor *tensor = &problem->tensor[at];
        const size_t bytes = padded_bytes(problem, at);
        uint16_t *found = malloc(bytes);
        if (!found)
            return ofr_fail_nomem(err, "results");
        const cudaError_t status = cudaMemcpy(found, problem->device[at], bytes, cudaMemcpyDeviceToHost);
        if (status == cudaSuccess)
            *worst = fmax(*worst, distance(found, problem->host[at],
                                           (size_t)problem->n * tensor->h * tensor->w, tensor->c));
        free(found);
        OFR_CUDA_TRY(status, err);
    }
    return OFR_OK;
}

void ofr_problem_release(struct ofr_problem *problem)
{
    for (int i = 0; i < OFR_PROBLEM_TENSORS; ++i)
        free(problem->host[i]);
    for (int i = 0; i < OFR_PROBLEM_WEIGHTS; ++i) {
        free(problem->value[i]);
        free(problem->bias[i]);
    }
    ofr_cuda_memory_release(&problem->memory);
}
