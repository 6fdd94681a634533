/* Pooling folded into the kernel before: what the sums say against the means of the twin's output. */
#include "replay/cuda/check.h"
#include "replay/cuda/check/problem.h"
#include "replay/cuda/model.h"
#include "replay/nets/half.h"

#include <cuda_runtime_api.h>
#include <math.h>
#include <stdlib.h>

enum {
    SITE = 37
};

static size_t values_of(const struct ofr_problem *problem)
{
    return (size_t)problem->n * ofr_cuda_pitch(problem->tensor[OFR_PROBLEM_OUT].c);
}

int ofr_problem_pooling(struct ofr_problem *problem, uint32_t copies, struct ofr_cuda_pooling *out,
                        struct ofr_error *err)
{
    const struct ofr_tensor *tensor = &problem->tensor[OFR_PROBLEM_OUT];
    const struct ofr_cuda_control control = {.active = (uint64_t)1 << SITE};
    void *device = NULL;
    *out = (struct ofr_cuda_pooling){
        .site = SITE, .copies = copies, .scale = ofr_cuda_pooling_scale(tensor->h * tensor->w)};
    int code = ofr_cuda_memory_take(&problem->memory, OFR_CUDA_FOR_RAMPS,
                                    copies * values_of(problem) * sizeof *out->sum, (void **)&out->sum, err);
    if (!code)
        code = ofr_cuda_memory_take(&problem->memory, OFR_CUDA_FOR_RAMPS, sizeof *out->control, &device, err);
    if (!code)
        OFR_CUDA_TRY(cudaMemcpy(device, &control, sizeof control, cudaMemcpyHostToDevice), err);
    out->control = device;
    return code;
}

static double mean_of(const struct ofr_problem *problem, uint32_t row, uint32_t channel)
{
    const struct ofr_tensor *tensor = &problem->tensor[OFR_PROBLEM_OUT];
    const size_t pixels = (size_t)tensor->h * tensor->w;
    const uint16_t *from =
        (const uint16_t *)problem->host[OFR_PROBLEM_OUT] + row * pixels * tensor->c + channel;
    double sum = 0;
    for (size_t pixel = 0; pixel < pixels && channel < tensor->c; ++pixel)
        sum += (double)ofr_half_to_float(from[pixel * tensor->c]);
    return sum / (double)pixels;
}

static double distance(const struct ofr_problem *problem, const int64_t *sum, uint32_t copies)
{
    const uint32_t pitch = ofr_cuda_pitch(problem->tensor[OFR_PROBLEM_OUT].c);
    const size_t values = values_of(problem);
    double worst = 0, largest = 0;
    for (size_t i = 0; i < values; ++i) {
        int64_t total = 0;
        for (uint32_t copy = 0; copy < copies; ++copy)
            total += sum[copy * values + i];
        const double wanted = mean_of(problem, (uint32_t)(i / pitch), (uint32_t)(i % pitch));
        worst = fmax(worst, fabs(ldexp((double)total, -OFR_CUDA_POOLING_BITS) - wanted));
        largest = fmax(largest, fabs(wanted));
    }
    return largest > 0 ? worst / largest : worst;
}

int ofr_problem_pooled(struct ofr_problem *problem, const struct ofr_cuda_pooling *pooling, double *worst,
                       struct ofr_error *err)
{
    const size_t bytes = pooling->copies * values_of(problem) * sizeof(int64_t);
    int64_t *sum = malloc(bytes);
    if (!sum)
        return ofr_fail_nomem(err, "sums");
    cudaError_t status = cudaDeviceSynchronize();
    if (status == cudaSuccess)
        status = cudaMemcpy(sum, pooling->sum, bytes, cudaMemcpyDeviceToHost);
    if (status == cudaSuccess)
        status = cudaMemset(pooling->sum, 0, bytes);
    if (status == cudaSuccess)
        *worst = fmax(*worst, distance(problem, sum, pooling->copies));
    free(sum);
    OFR_CUDA_TRY(status, err);
    return OFR_OK;
}
