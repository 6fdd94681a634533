#include "replay/cuda/model.h"
#include "replay/cuda/attention.h"
#include "replay/cuda/check.h"
#include "replay/cuda/layernorm.h"
#include "replay/cuda/ramp_token.h"

#include <cuda_runtime_api.h>
#include <stdlib.h>
#include <string.h>

static int check_op(const struct ofr_net *net, uint32_t at, struct ofr_error *err)
{
    const struct ofr_op *op = &net->op[at];
    const struct ofr_tensor *in = &net->tensor[op->in], *out = &net->tensor[op->out];
    if (op->kind == OFR_OP_FLATTEN && in->c % 8)
        return ofr_fail(err, OFR_E_INPUT, "%s: operator %u: cuda flattens multiples of 8 channels, not %u",
                        net->name, at, in->c);
    if (op->kind == OFR_OP_ATTENTION && out->c != op->heads * OFR_CUDA_HEAD_SIZE)
        return ofr_fail(err, OFR_E_INPUT, "%s: operator %u: cuda attends with heads of %d channels, not %u",
                        net->name, at, OFR_CUDA_HEAD_SIZE, op->heads ? out->c / op->heads : 0);
    if (op->kind == OFR_OP_LAYERNORM && in->c > OFR_CUDA_LAYERNORM_MAX_C)
        return ofr_fail(err, OFR_E_INPUT, "%s: operator %u: cuda normalises at most %d channels, not %u",
                        net->name, at, OFR_CUDA_LAYERNORM_MAX_C, in->c);
    return OFR_OK;
}

static int check_net(const struct ofr_net *net, struct ofr_error *err)
{
    int code = OFR_OK;
    for (uint32_t i = 0; i < net->ops && !code; ++i)
        code = check_op(net, i, err);
    for (uint32_t i = 0; i < net->sites && !code; ++i)
        if (net->tensor[net->site[i].tensor].c > OFR_CUDA_RAMP_MAX_C)
            code = ofr_fail(err, OFR_E_INPUT, "%s: site %s: cuda ramps take at most %d channels", net->name,
                            net->site[i].name, OFR_CUDA_RAMP_MAX_C);
    if (!code && net->sites > OFR_CUDA_MAX_SITES)
        code = ofr_fail(err, OFR_E_INPUT, "%s: more than %d sites", net->name, OFR_CUDA_MAX_SITES);
    return code;
}

/* A row of a weight is `groups` runs of `length` values, each padded to 8 on the device. */
static void pack(uint16_t *to, const uint16_t *from, uint32_t rows, uint32_t groups, uint32_t length)
{
    const uint32_t pitch = ofr_cuda_pitch(length);
    for (size_t run = 0; run < (size_t)rows * groups; ++run)
        memcpy(to + run * pitch, from + run * length, length * sizeof *to);
}

/* Channels a weight's row is made of: those of its operator's input. */
static uint32_t run_length(const struct ofr_net *net, uint32_t weight)
{
    for (uint32_t i = 0; i < net->ops; ++i)
        if (net->op[i].kind == OFR_OP_CONV && net->op[i].weight == (int32_t)weight)
            return net->tensor[net->op[i].in].c;
    return net->weight[weight].columns;
}

/* Takes memory for packed weights and copies them there. `host` may be NULL: out of memory. Frees it. */
static int upload_packed(struct ofr_cuda_memory *memory, uint16_t *host, size_t bytes, void **out,
                         struct ofr_error *err)
{
    if (!host)
        return ofr_fail_nomem(err, "packed weights");
    int code = ofr_cuda_memory_take(memory, OFR_CUDA_FOR_WEIGHTS, bytes, out, err);
    if (!code) {
        const cudaError_t status = cudaMemcpy(*out, host, bytes, cudaMemcpyHostToDevice);
        if (status != cudaSuccess)
            code = ofr_cuda_fail(err, status, "cudaMemcpy");
    }
    free(host);
    return code;
}

static int upload(struct ofr_cuda_memory *memory, const uint16_t *from, uint32_t rows, uint32_t groups,
                  uint32_t length, void **out, struct ofr_error *err)
{
    const uint32_t padded = ofr_cuda_pitch(rows);
    const size_t bytes = (size_t)padded * groups * ofr_cuda_pitch(length) * sizeof(uint16_t);
    uint16_t *host = calloc(1, bytes);
    if (host)
        pack(host, from, rows, groups, length);
    return upload_packed(memory, host, bytes, out, err);
}

bool ofr_cuda_ramps_packed(const struct ofr_net *net)
{
    return net->pooling == OFR_POOL_MEAN || net->classes > OFR_CUDA_RAMP_TOKEN_CLASSES;
}

void ofr_cuda_ramp_pack(uint16_t *to, const uint16_t *from, uint32_t classes, uint32_t c)
{
    const size_t pitch = ofr_cuda_pitch(classes);
    memset(to, 0, pitch * ofr_cuda_pitch(c) * sizeof *to);
    for (size_t k = 0; k < classes; ++k)
        for (size_t i = 0; i < c; ++i)
            to[(i / 8 * pitch + k) * 8 + i % 8] = from[k * c + i];
}

static int upload_ramp(struct ofr_cuda_memory *memory, const uint16_t *from, uint32_t classes, uint32_t c,
                       void **out, struct ofr_error *err)
{
    const size_t bytes = (size_t)ofr_cuda_pitch(classes) * ofr_cuda_pitch(c) * sizeof(uint16_t);
    uint16_t *host = malloc(bytes);
    if (host)
        ofr_cuda_ramp_pack(host, from, classes, c);
    return upload_packed(memory, host, bytes, out, err);
}

static bool is_packed(const struct ofr_net *net, uint32_t weight)
{
    for (uint32_t i = 0; i < net->sites; ++i)
        if (net->site[i].weight == (int32_t)weight)
            return ofr_cuda_ramps_packed(net);
    return false;
}

static int upload_all(struct ofr_cuda_model *model, struct ofr_cuda_memory *memory,
                      const struct ofr_weights *weights, struct ofr_error *err)
{
    const struct ofr_net *net = model->net;
    int code = OFR_OK;
    for (uint32_t i = 0; i < net->weights && !code; ++i) {
        const struct ofr_weight *weight = &net->weight[i];
        const uint32_t length = run_length(net, i);
        if (is_packed(net, i))
            code =
                upload_ramp(memory, weights->value[i], weight->rows, weight->columns, &model->weight[i], err);
        else
            code = upload(memory, weights->value[i], weight->rows, weight->columns / length, length,
                          &model->weight[i], err);
        if (!code && weights->bias[i]) /* of a layer norm: as long as its one row */
            code = upload(memory, weights->bias[i], 1, 1, weight->rows == 1 ? weight->columns : weight->rows,
                          &model->bias[i], err);
    }
    return code;
}

struct slot {
    size_t bytes;
    int32_t free_after; /* operator after which it is free; INT32_MAX = never */
};

static int32_t last_reader(const struct ofr_net *net, int32_t tensor)
{
    int32_t last = -1;
    for (uint32_t i = 0; i < net->sites; ++i)
        if (net->site[i].tensor == tensor)
            return INT32_MAX;
    for (uint32_t i = 0; i < net->ops; ++i) {
        const struct ofr_op *op = &net->op[i];
        if (op->in != tensor && op->add != tensor)
            continue;
        last = (int32_t)i;
        if (op->kind == OFR_OP_FLATTEN) { /* the same memory under another name */
            const int32_t later = last_reader(net, op->out);
            last = later > last ? later : last;
        }
    }
    return tensor == (int32_t)net->tensors - 1 ? INT32_MAX : last;
}

static size_t tensor_bytes(const struct ofr_tensor *tensor, uint32_t batch)
{
    return (size_t)tensor->h * tensor->w * ofr_cuda_pitch(tensor->c) * sizeof(uint16_t) * batch;
}

/* Gives tensor `of`, written by operator `at`, the free slot that fits best, or grows or adds one. */
static void place(const struct ofr_net *net, int32_t of, uint32_t at, uint32_t batch, struct slot *slot,
                  uint32_t *slots, int32_t *slot_of)
{
    const size_t bytes = tensor_bytes(&net->tensor[of], batch);
    int32_t best = -1;
    for (uint32_t i = 0; i < *slots; ++i) {
        if (slot[i].free_after >= (int32_t)at)
            continue;
        if (best < 0 ||
            (slot[best].bytes < bytes ? slot[i].bytes > slot[best].bytes
                                      : slot[i].bytes >= bytes && slot[i].bytes < slot[best].bytes))
            best = (int32_t)i;
    }
    if (best < 0) {
        best = (int32_t)(*slots)++;
        slot[best].bytes = 0;
    }
    slot[best].bytes = slot[best].bytes < bytes ? bytes : slot[best].bytes;
    slot[best].free_after = last_reader(net, of);
    if (slot[best].free_after < (int32_t)at)
        slot[best].free_after = (int32_t)at;
    slot_of[of] = best;
}

static int place_all(struct ofr_cuda_model *model, struct ofr_cuda_memory *memory, uint32_t batch,
                     struct slot *slot, int32_t *slot_of, void **address, struct ofr_error *err)
{
    const struct ofr_net *net = model->net;
    uint32_t slots = 0;
    for (uint32_t i = 0; i < net->tensors; ++i)
        slot_of[i] = -1;
    for (uint32_t i = 0; i < net->ops; ++i) {
        const struct ofr_op *op = &net->op[i];
        if (op->kind == OFR_OP_FLATTEN) {
            slot_of[op->out] = slot_of[op->in];
            continue;
        }
        place(net, op->out, i, batch, slot, &slots, slot_of);
        if (op->kind == OFR_OP_LAYERNORM && op->sum >= 0)
            place(net, op->sum, i, batch, slot, &slots, slot_of);
    }
    int code = OFR_OK;
    for (uint32_t i = 0; i < slots && !code; ++i)
        code = ofr_cuda_memory_take(memory, OFR_CUDA_FOR_ACTIVATIONS, slot[i].bytes, &address[i], err);
    for (uint32_t i = 0; i < net->tensors && !code; ++i)
        model->tensor[i] = slot_of[i] < 0 ? NULL : address[slot_of[i]];
    return code;
}

int ofr_cuda_model_init(struct ofr_cuda_model *model, struct ofr_cuda_memory *memory,
                        const struct ofr_net *net, const struct ofr_weights *weights, uint32_t max_batch,
                        struct ofr_error *err)
{
    *model = (struct ofr_cuda_model){.net = net};
    int code = check_net(net, err);
    if (code)
        return code;
    model->weight = calloc(net->weights + 1, sizeof *model->weight);
    model->bias = calloc(net->weights + 1, sizeof *model->bias);
    model->tensor = calloc(net->tensors, sizeof *model->tensor);
    struct slot *slot = calloc(net->tensors, sizeof *slot);
    int32_t *slot_of = calloc(net->tensors, sizeof *slot_of);
    void **address = calloc(net->tensors, sizeof *address);
    if (!model->weight || !model->bias || !model->tensor || !slot || !slot_of || !address)
        code = ofr_fail_nomem(err, "a network's places in device memory");
    if (!code)
        code = upload_all(model, memory, weights, err);
    if (!code)
        code = place_all(model, memory, max_batch, slot, slot_of, address, err);
    free(slot);
    free(slot_of);
    free(address);
    return code;
}

void ofr_cuda_model_release(struct ofr_cuda_model *model)
{
    free(model->weight);
    free(model->bias);
    free(model->tensor);
    *model = (struct ofr_cuda_model){0};
}
