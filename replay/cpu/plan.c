#include "replay/cpu/cpu.h"

#include "traces/half.h"

#include <stdlib.h>
#include <string.h>

static size_t elements(const struct ofr_net *net, int32_t tensor)
{
    const struct ofr_tensor *t = &net->tensor[tensor];
    return (size_t)t->h * t->w * t->c;
}

static bool reads(const struct ofr_op *op, int32_t tensor)
{
    return op->in == tensor || op->add == tensor;
}

/* Last operator that reads the tensor, under its own name or, through FLATTEN, another's. */
static uint32_t last_use(const struct ofr_net *net, int32_t tensor)
{
    uint32_t last = 0;
    for (uint32_t i = 0; i < net->ops; ++i) {
        const struct ofr_op *op = &net->op[i];
        if (!reads(op, tensor) && op->out != tensor && op->sum != tensor)
            continue;
        uint32_t use = op->kind == OFR_OP_FLATTEN && op->in == tensor ? last_use(net, op->out) : i;
        last = use > last ? use : last;
    }
    return last;
}

struct slots {
    size_t *size;   /* [slots] floats for one input */
    uint32_t *busy; /* [slots] until this operator, included */
    uint32_t count;
};

/* Puts a tensor made by operator `at` into a slot that is free by then, or a new one. */
static void place(struct ofr_cpu_plan *plan, struct slots *slots, int32_t tensor, uint32_t at)
{
    size_t size = elements(plan->net, tensor);
    uint32_t best = slots->count;
    for (uint32_t s = 0; s < slots->count; ++s)
        if (slots->busy[s] < at && (best == slots->count || slots->size[s] > slots->size[best]))
            best = s;
    if (best == slots->count) {
        slots->count++;
        slots->size[best] = 0;
    }
    slots->size[best] = size > slots->size[best] ? size : slots->size[best];
    slots->busy[best] = last_use(plan->net, tensor);
    plan->slot_of[tensor] = (int32_t)best;
}

static int place_all(struct ofr_cpu_plan *plan, struct slots *slots, uint32_t batch, struct ofr_error *err)
{
    const struct ofr_net *net = plan->net;
    plan->slot_of[0] = -1;
    for (uint32_t i = 0; i < net->ops; ++i) {
        const struct ofr_op *op = &net->op[i];
        if (op->kind == OFR_OP_FLATTEN)
            plan->slot_of[op->out] = plan->slot_of[op->in];
        else
            place(plan, slots, op->out, i);
        if (op->sum >= 0)
            place(plan, slots, op->sum, i);
    }
    plan->slot = calloc(slots->count, sizeof *plan->slot);
    for (uint32_t s = 0; plan->slot && s < slots->count; ++s) {
        plan->slot[s] = calloc(slots->size[s] * batch, sizeof(float));
        if (!plan->slot[s])
            return ofr_fail_nomem(err, "activations");
        plan->slots++;
        plan->activation_bytes += slots->size[s] * batch * sizeof(float);
    }
    return plan->slot ? OFR_OK : ofr_fail_nomem(err, "activations");
}

static int make_slots(struct ofr_cpu_plan *plan, uint32_t batch, struct ofr_error *err)
{
    uint32_t most = plan->net->tensors;
    struct slots slots = {.size = calloc(most, sizeof *slots.size), .busy = calloc(most, sizeof *slots.busy)};
    plan->slot_of = calloc(most, sizeof *plan->slot_of);
    int rc = slots.size && slots.busy && plan->slot_of ? place_all(plan, &slots, batch, err)
                                                       : ofr_fail_nomem(err, "activations");
    free(slots.size);
    free(slots.busy);
    return rc;
}

static float *widen(struct ofr_cpu_plan *plan, const uint16_t *half, size_t count)
{
    float *value = half ? malloc(count * sizeof *value) : NULL;
    if (value) {
        ofr_halves_to_floats(half, count, value);
        plan->weight_bytes += count * sizeof *value;
    }
    return value;
}

static int take_weights(struct ofr_cpu_plan *plan, const struct ofr_weights *weights, struct ofr_error *err)
{
    const struct ofr_net *net = plan->net;
    plan->value = calloc(net->weights, sizeof *plan->value);
    plan->bias = calloc(net->weights, sizeof *plan->bias);
    if (!plan->value || !plan->bias)
        return ofr_fail_nomem(err, "weights");
    for (uint32_t i = 0; i < net->weights; ++i) {
        const struct ofr_weight *weight = &net->weight[i];
        uint32_t biases = weight->kind == OFR_WEIGHT_SCALE ? weight->columns : weight->rows;
        plan->value[i] = widen(plan, weights->value[i], (size_t)weight->rows * weight->columns);
        plan->bias[i] = widen(plan, weights->bias[i], biases);
        if (!plan->value[i] || (weights->bias[i] && !plan->bias[i]))
            return ofr_fail_nomem(err, "weights");
    }
    return OFR_OK;
}

static int take_buffers(struct ofr_cpu_plan *plan, uint32_t batch, struct ofr_error *err)
{
    const struct ofr_net *net = plan->net;
    size_t widest = 1;
    for (uint32_t i = 0; i < net->tensors; ++i)
        widest = net->tensor[i].c > widest ? net->tensor[i].c : widest;
    plan->input = calloc(elements(net, 0) * batch, sizeof(int32_t)); /* u8 inputs need less */
    plan->pooled = calloc(widest, sizeof *plan->pooled);
    plan->task = calloc(net->ops, sizeof *plan->task);
    plan->activation_bytes += (elements(net, 0) * batch + widest) * sizeof(float);
    return plan->input && plan->pooled && plan->task ? OFR_OK : ofr_fail_nomem(err, "activations");
}

const float *ofr_cpu_plan_tensor(const struct ofr_cpu_plan *plan, int32_t tensor)
{
    return plan->slot[plan->slot_of[tensor]];
}

static void bind_task(struct ofr_cpu_plan *plan, uint32_t i)
{
    const struct ofr_net *net = plan->net;
    const struct ofr_op *op = &net->op[i];
    struct ofr_cpu_task *task = &plan->task[i];
    *task = (struct ofr_cpu_task){.op = op, .from = net->tensor[op->in], .to = net->tensor[op->out]};
    task->in = plan->slot_of[op->in] < 0 ? plan->input : plan->slot[plan->slot_of[op->in]];
    task->add = op->add >= 0 ? plan->slot[plan->slot_of[op->add]] : NULL;
    task->sum = op->sum >= 0 ? plan->slot[plan->slot_of[op->sum]] : NULL;
    task->out = plan->slot[plan->slot_of[op->out]];
    if (op->weight >= 0) {
        task->weight = plan->value[op->weight];
        task->bias = plan->bias[op->weight];
        task->columns = net->weight[op->weight].columns;
        task->words = net->weight[op->weight].rows;
    }
    if (op->kind == OFR_OP_EMBED) {
        task->table = plan->value[op->table];
        task->every = op->every >= 0 ? plan->value[op->every] : NULL;
    }
}

/* Convolutions for one batch size; `b` counts down from the largest, which gives the others its weights. */
static int make_products(struct ofr_cpu_plan *plan, uint32_t b, struct ofr_error *err)
{
    const uint32_t ops = plan->net->ops, last = plan->batches - 1;
    for (uint32_t i = 0; i < ops; ++i) {
        struct ofr_cpu_product *product = &plan->product[(size_t)b * ops + i];
        if (plan->net->op[i].kind != OFR_OP_CONV)
            continue;
        plan->task[i].n = plan->batch[b];
        int rc = ofr_cpu_product_init(product, &plan->engine, &plan->task[i],
                                      b == last ? NULL : &plan->product[(size_t)last * ops + i], err);
        if (rc)
            return rc;
        plan->weight_bytes += product->bytes;
    }
    return OFR_OK;
}

static int take_products(struct ofr_cpu_plan *plan, const uint32_t *batch, uint32_t batches,
                         struct ofr_error *err)
{
    plan->batches = batches;
    plan->batch = calloc(batches, sizeof *plan->batch);
    plan->product = calloc((size_t)batches * plan->net->ops, sizeof *plan->product);
    if (!plan->batch || !plan->product)
        return ofr_fail_nomem(err, "a network's products");
    memcpy(plan->batch, batch, batches * sizeof *batch);
    int rc = ofr_cpu_engine_init(&plan->engine, err);
    for (uint32_t b = batches; !rc && b-- > 0;)
        rc = make_products(plan, b, err);
    return rc;
}

int ofr_cpu_plan_init(struct ofr_cpu_plan *plan, const struct ofr_net *net, const struct ofr_weights *weights,
                      const uint32_t *batch, uint32_t batches, struct ofr_error *err)
{
    const uint32_t largest = batch[batches - 1];
    *plan = (struct ofr_cpu_plan){.net = net};
    int rc = take_weights(plan, weights, err);
    if (!rc)
        rc = make_slots(plan, largest, err);
    if (!rc)
        rc = take_buffers(plan, largest, err);
    for (uint32_t i = 0; !rc && i < net->ops; ++i)
        bind_task(plan, i);
    return rc ? rc : take_products(plan, batch, batches, err);
}

void ofr_cpu_plan_release(struct ofr_cpu_plan *plan)
{
    for (uint32_t i = 0; plan->net && i < plan->net->weights; ++i) {
        if (plan->value)
            free(plan->value[i]);
        if (plan->bias)
            free(plan->bias[i]);
    }
    for (uint32_t s = 0; s < plan->slots; ++s)
        free(plan->slot[s]);
    for (size_t i = 0; plan->product && i < (size_t)plan->batches * plan->net->ops; ++i)
        ofr_cpu_product_release(&plan->product[i]);
    ofr_cpu_engine_release(&plan->engine);
    free(plan->product);
    free(plan->batch);
    free(plan->value);
    free(plan->bias);
    free(plan->slot);
    free(plan->slot_of);
    free(plan->input);
    free(plan->pooled);
    free(plan->task);
    *plan = (struct ofr_cpu_plan){0};
}

void ofr_cpu_plan_run(struct ofr_cpu_plan *plan, uint32_t from, uint32_t to, uint32_t n)
{
    uint32_t b = 0;
    while (b + 1 < plan->batches && plan->batch[b] != n)
        ++b;
    for (uint32_t i = from; i < to; ++i) {
        struct ofr_cpu_task *task = &plan->task[i];
        bool prepared = task->op->kind == OFR_OP_CONV && plan->batch[b] == n;
        task->n = n;
        task->product = prepared ? &plan->product[(size_t)b * plan->net->ops + i] : NULL;
        ofr_cpu_fast[task->op->kind](task);
    }
}
