/* A device that has no memory left, and one that is lost while a pass runs: each has to be told in one line, and the
 * device still to be destroyed. The second is brought about by a kernel that writes where nothing is, after which the
 * driver refuses everything, as it does for a device that fell off the bus. Last in its process for that reason. */
#include "replay/cuda/check.h"
#include "replay/cuda/check/check_gpu.h"
#include "replay/cuda/state.h"

#include <cuda_runtime_api.h>
#include <string.h>

static int expect(const char *what, int code, const struct ofr_error *told, const char *words,
                  struct ofr_error *err)
{
    const bool good = code == OFR_E_DEVICE && strstr(told->text, words) && !strchr(told->text, '\n');
    printf("failure\t%s\t%s\t%s\n", what, told->text, good ? "ok" : "MISSED");
    return good ? OFR_OK : ofr_fail(err, OFR_E_GATE, "%s: found code %d, %s", what, code, told->text);
}

static int out_of_memory(const struct ofr_device_ops *ops, const struct ofr_device_setup *setup,
                         struct ofr_error *err)
{
    struct ofr_error told = OFR_ERROR_INIT;
    void *hoard = NULL, *state = NULL;
    size_t left = 0, all = 0;
    OFR_CUDA_TRY(cudaMemGetInfo(&left, &all), err);
    OFR_CUDA_TRY(cudaMalloc(&hoard, left - ((size_t)64 << 20)), err);
    const int code = ops->create(&state, setup, &told);
    const int judged = expect("out of memory", code, &told, "out of device memory", err);
    ops->destroy(state);
    OFR_CUDA_TRY(cudaFree(hoard), err);
    return judged;
}

static int lost(const struct ofr_device_ops *ops, const struct ofr_device_setup *setup, struct ofr_error *err)
{
    struct ofr_error told = OFR_ERROR_INIT;
    void *state = NULL;
    int code = ops->create(&state, setup, err);
    if (!code)
        code = ofr_check_pass(ops, state, setup->net, 1, 1, 0, err);
    if (code) {
        ops->destroy(state);
        return code;
    }
    const struct ofr_cuda *cuda = state;
    (void)ofr_cuda_echo_run((const uint32_t *)4096, (uint64_t *)4096, 1, cuda->compute);
    code = ofr_check_pass(ops, state, setup->net, 2, 1, 0, &told);
    ops->destroy(state);
    return expect("lost", code, &told, "cuda: ", err);
}

int ofr_check_failures(char **argument, struct ofr_error *err)
{
    static const uint32_t batch = 1;
    const struct ofr_net_options options = {.classes = 10, .image_size = 32};
    struct ofr_check_net all;
    int32_t index;
    (void)argument;
    int code = ofr_check_net_init(&all, "resnet18", &options, err);
    const struct ofr_device_setup setup = {
        .net = all.net, .weights = all.weights, .inputs = all.inputs, .batch = &batch, .batches = 1};
    const struct ofr_device_ops *ops = code ? NULL : ofr_device_find("cuda", &index, err);
    if (!code)
        code = ops ? out_of_memory(ops, &setup, err) : OFR_E_BUG;
    if (!code)
        code = lost(ops, &setup, err);
    ofr_check_net_release(&all);
    return code;
}
