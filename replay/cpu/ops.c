#include "replay/cpu/ops.h"

#include "replay/nets/half.h"
#include "traces/half.h"

#include <stdlib.h>

ofr_cpu_function *const ofr_cpu_plain[OFR_OPS] = {
    [OFR_OP_PREPROCESS] = ofr_cpu_preprocess,
    [OFR_OP_CONV] = ofr_cpu_conv,
    [OFR_OP_MAXPOOL] = ofr_cpu_maxpool,
    [OFR_OP_MEAN] = ofr_cpu_mean,
    [OFR_OP_TAKE] = ofr_cpu_take,
    [OFR_OP_LINEAR] = ofr_cpu_linear,
    [OFR_OP_EMBED] = ofr_cpu_embed,
    [OFR_OP_LAYERNORM] = ofr_cpu_layernorm,
    [OFR_OP_ATTENTION] = ofr_cpu_attention,
    [OFR_OP_FLATTEN] = ofr_cpu_flatten,
};

ofr_cpu_function *const ofr_cpu_fast[OFR_OPS] = {
    [OFR_OP_PREPROCESS] = ofr_cpu_preprocess,
    [OFR_OP_CONV] = ofr_cpu_fast_conv,
    [OFR_OP_MAXPOOL] = ofr_cpu_maxpool,
    [OFR_OP_MEAN] = ofr_cpu_mean,
    [OFR_OP_TAKE] = ofr_cpu_take,
    [OFR_OP_LINEAR] = ofr_cpu_fast_linear,
    [OFR_OP_EMBED] = ofr_cpu_embed,
    [OFR_OP_LAYERNORM] = ofr_cpu_layernorm,
    [OFR_OP_ATTENTION] = ofr_cpu_attention,
    [OFR_OP_FLATTEN] = ofr_cpu_flatten,
};

/* ---- twins ---- */

/* f32 copies of what an operator touches, freed together. */
struct twin {
    const struct ofr_net *net;
    void *owned[8];
    uint32_t count;
    bool failed;
};

static float *take(struct twin *twin, size_t floats)
{
    float *memory = calloc(floats ? floats : 1, sizeof *memory);
    if (!memory)
        twin->failed = true;
    else
        twin->owned[twin->count++] = memory;
    return memory;
}

static float *widen(struct twin *twin, const uint16_t *half, size_t count)
{
    float *copy = half ? take(twin, count) : NULL;
    if (copy)
        ofr_halves_to_floats(half, count, copy);
    return copy;
}

static size_t elements(const struct twin *twin, int32_t tensor, uint32_t n)
{
    const struct ofr_tensor *t = &twin->net->tensor[tensor];
    return (size_t)n * t->h * t->w * t->c;
}

static float *value(struct twin *twin, const struct ofr_weights *weights, int32_t index)
{
    if (index < 0)
        return NULL;
    const struct ofr_weight *weight = &twin->net->weight[index];
    return widen(twin, weights->value[index], (size_t)weight->rows * weight->columns);
}

static void narrow(const float *from, size_t count, uint16_t *half)
{
    for (size_t i = 0; i < count; ++i)
        half[i] = ofr_half_from_float(from[i]);
}

static void prepare(struct twin *twin, struct ofr_cpu_task *task, const struct ofr_weights *weights,
                    void *const *tensor)
{
    const struct ofr_op *op = task->op;
    const struct ofr_net *net = twin->net;
    task->in = task->from.element == OFR_ELEMENT_F16
                   ? widen(twin, tensor[op->in], elements(twin, op->in, task->n))
                   : tensor[op->in];
    task->add = op->add >= 0 ? widen(twin, tensor[op->add], elements(twin, op->add, task->n)) : NULL;
    task->out = take(twin, elements(twin, op->out, task->n));
    task->sum = op->sum >= 0 ? take(twin, elements(twin, op->sum, task->n)) : NULL;
    if (op->weight >= 0) {
        const struct ofr_weight *weight = &net->weight[op->weight];
        task->columns = weight->columns;
        task->words = weight->rows;
        task->weight = value(twin, weights, op->weight);
        task->bias = widen(twin, weights->bias[op->weight],
                           weight->kind == OFR_WEIGHT_SCALE ? weight->columns : weight->rows);
    }
    if (op->kind == OFR_OP_EMBED) {
        task->table = value(twin, weights, op->table);
        task->every = value(twin, weights, op->every);
    }
}

int ofr_cpu_twin(const struct ofr_net *net, const struct ofr_weights *weights, const struct ofr_op *op,
                 uint32_t n, void *const *tensor, struct ofr_error *err)
{
    struct twin twin = {.net = net};
    struct ofr_cpu_task task = {.op = op, .from = net->tensor[op->in], .to = net->tensor[op->out], .n = n};
    prepare(&twin, &task, weights, tensor);
    if (!twin.failed) {
        ofr_cpu_plain[op->kind](&task);
        narrow(task.out, elements(&twin, op->out, n), tensor[op->out]);
        if (task.sum)
            narrow(task.sum, elements(&twin, op->sum, n), tensor[op->sum]);
    }
    for (uint32_t i = 0; i < twin.count; ++i)
        free(twin.owned[i]);
    return twin.failed ? ofr_fail_nomem(err, "an operator's twin") : OFR_OK;
}
