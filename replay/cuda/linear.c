#include "replay/cuda/linear.h"
#include "replay/cuda/shape.h"
#include "replay/nets/net.h"

#include <cublasLt.h>
#include <stdlib.h>

struct ofr_cuda_linear {
    void *library; /* borrowed */
    cublasLtMatmulDesc_t product;
    cublasLtMatrixLayout_t weight, in, out;
    cublasLtMatmulHeuristicResult_t candidate[OFR_CUDA_MAX_ALGORITHMS];
    uint32_t candidates;
};

static int fail(struct ofr_error *err, cublasStatus_t status, const char *what)
{
    return ofr_fail(err, OFR_E_DEVICE, "cuda: cuBLASLt: %s: %s", what, cublasLtGetStatusString(status));
}

int ofr_cuda_linear_open(void **library, struct ofr_error *err)
{
    cublasLtHandle_t handle = NULL;
    const cublasStatus_t status = cublasLtCreate(&handle);
    *library = handle;
    return status == CUBLAS_STATUS_SUCCESS ? OFR_OK : fail(err, status, "cublasLtCreate");
}

void ofr_cuda_linear_close(void *library)
{
    if (library)
        (void)cublasLtDestroy(library);
}

static bool is_product(const struct ofr_cuda_conv *conv)
{
    return conv->kernel == 1 && conv->stride == 1 && conv->pad == 0;
}

/* Whether the activation needs a kernel of its own. */
static bool acts_after(const struct ofr_cuda_conv *conv)
{
    return conv->act == OFR_ACT_GELU || conv->act == OFR_ACT_TANH;
}

static cublasLtEpilogue_t epilogue_of(const struct ofr_cuda_conv *conv)
{
    if (conv->act == OFR_ACT_RELU)
        return conv->bias ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_RELU;
    if (conv->act == OFR_ACT_GELU_TANH)
        return conv->bias ? CUBLASLT_EPILOGUE_GELU_BIAS : CUBLASLT_EPILOGUE_GELU;
    return conv->bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
}

/* The library's matrices are column-major: its out [out_c x rows] = weight^T [out_c x c] * in [c x rows]. */
static cublasStatus_t describe(struct ofr_cuda_linear *linear, const struct ofr_cuda_conv *conv)
{
    const uint64_t rows = (uint64_t)conv->n * conv->out_h * conv->out_w;
    const cublasOperation_t transpose = CUBLAS_OP_T;
    const cublasLtEpilogue_t epilogue = epilogue_of(conv);
    cublasStatus_t status = cublasLtMatmulDescCreate(&linear->product, CUBLAS_COMPUTE_32F, CUDA_R_32F);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = cublasLtMatmulDescSetAttribute(linear->product, CUBLASLT_MATMUL_DESC_TRANSA, &transpose,
                                                sizeof transpose);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = cublasLtMatmulDescSetAttribute(linear->product, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue,
                                                sizeof epilogue);
    if (status == CUBLAS_STATUS_SUCCESS && conv->bias)
        status = cublasLtMatmulDescSetAttribute(linear->product, CUBLASLT_MATMUL_DESC_BIAS_POINTER,
                                                &conv->bias, sizeof conv->bias);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = cublasLtMatrixLayoutCreate(&linear->weight, CUDA_R_16F, conv->c, conv->out_c, conv->c);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = cublasLtMatrixLayoutCreate(&linear->in, CUDA_R_16F, conv->c, rows, conv->c);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = cublasLtMatrixLayoutCreate(&linear->out, CUDA_R_16F, conv->out_c, rows, conv->out_c);
    return status;
}

static cublasStatus_t find_candidates(struct ofr_cuda_linear *linear)
{
    const size_t workspace = OFR_CUDA_WORKSPACE;
    int found = 0;
    cublasLtMatmulPreference_t preference = NULL;
    cublasStatus_t status = cublasLtMatmulPreferenceCreate(&preference);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                                      &workspace, sizeof workspace);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = cublasLtMatmulAlgoGetHeuristic(linear->library, linear->product, linear->weight, linear->in,
                                                linear->out, linear->out, preference, OFR_CUDA_MAX_ALGORITHMS,
                                                linear->candidate, &found);
    linear->candidates = status == CUBLAS_STATUS_SUCCESS ? (uint32_t)found : 0;
    if (preference)
        (void)cublasLtMatmulPreferenceDestroy(preference);
    return status == CUBLAS_STATUS_NOT_SUPPORTED ? CUBLAS_STATUS_SUCCESS : status;
}

int ofr_cuda_linear_plan(struct ofr_cuda_linear **out, void *library, const struct ofr_cuda_conv *conv,
                         struct ofr_error *err)
{
    *out = NULL;
    if (!is_product(conv))
        return OFR_OK;
    struct ofr_cuda_linear *linear = calloc(1, sizeof *linear);
    if (!linear)
        return ofr_fail_nomem(err, "a linear layer's plan");
    linear->library = library;
    cublasStatus_t status = describe(linear, conv);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = find_candidates(linear);
    if (status != CUBLAS_STATUS_SUCCESS || !linear->candidates) {
        ofr_cuda_linear_free(linear);
        return status == CUBLAS_STATUS_SUCCESS ? OFR_OK : fail(err, status, "planning a linear layer");
    }
    *out = linear;
    return OFR_OK;
}

void ofr_cuda_linear_free(struct ofr_cuda_linear *linear)
{
    if (!linear)
        return;
    if (linear->product)
        (void)cublasLtMatmulDescDestroy(linear->product);
    if (linear->weight)
        (void)cublasLtMatrixLayoutDestroy(linear->weight);
    if (linear->in)
        (void)cublasLtMatrixLayoutDestroy(linear->in);
    if (linear->out)
        (void)cublasLtMatrixLayoutDestroy(linear->out);
    free(linear);
}

uint32_t ofr_cuda_linear_algorithms(const struct ofr_cuda_linear *linear)
{
    return linear ? linear->candidates : 0;
}

int ofr_cuda_linear_run(const struct ofr_cuda_linear *linear, const struct ofr_cuda_conv *conv,
                        uint32_t algorithm, void *workspace, struct CUstream_st *stream)
{
    const float one = 1.f, zero = 0.f;
    const cublasLtMatmulHeuristicResult_t *candidate = &linear->candidate[algorithm];
    const int status = (int)cublasLtMatmul(
        linear->library, linear->product, &one, conv->weight, linear->weight, conv->in, linear->in,
        conv->add ? &one : &zero, conv->add ? conv->add : conv->out, linear->out, conv->out, linear->out,
        &candidate->algo, workspace, candidate->workspaceSize, stream);
    if (status || !acts_after(conv))
        return status;
    const struct ofr_cuda_activate activate = {
        conv->out, (uint64_t)conv->n * conv->out_h * conv->out_w * conv->out_c, conv->act};
    return ofr_cuda_activate_run(&activate, true, stream);
}
