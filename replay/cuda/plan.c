#include "replay/cuda/check.h"
#include "replay/cuda/state.h"

#include <cuda_runtime_api.h>
#include <stdlib.h>

static void *place(const struct ofr_cuda *cuda, int32_t tensor)
{
    return tensor < 0 ? NULL : cuda->model.tensor[tensor];
}

static void plan_conv(const struct ofr_cuda *cuda, const struct ofr_op *op, uint32_t batch,
                      struct ofr_cuda_conv *conv)
{
    const struct ofr_tensor *in = &cuda->net->tensor[op->in], *out = &cuda->net->tensor[op->out];
    const bool linear = op->kind == OFR_OP_LINEAR;
    *conv = (struct ofr_cuda_conv){
        .in = place(cuda, op->in),
        .weight = cuda->model.weight[op->weight],
        .bias = cuda->model.bias[op->weight],
        .add = place(cuda, op->add),
        .out = place(cuda, op->out),
        .n = linear ? batch * in->h * in->w : batch,
        .h = linear ? 1 : in->h,
        .w = linear ? 1 : in->w,
        .c = ofr_cuda_pitch(in->c),
        .out_h = linear ? 1 : out->h,
        .out_w = linear ? 1 : out->w,
        .out_c = ofr_cuda_pitch(out->c),
        .kernel = linear ? 1 : op->kernel,
        .stride = linear ? 1 : op->stride,
        .pad = linear ? 0 : op->pad,
        .act = (int32_t)op->act,
    };
}

static void plan_norm(const struct ofr_cuda *cuda, const struct ofr_op *op, uint32_t batch,
                      struct ofr_cuda_layernorm *norm)
{
    const struct ofr_tensor *in = &cuda->net->tensor[op->in];
    *norm = (struct ofr_cuda_layernorm){
        .in = place(cuda, op->in),
        .add = place(cuda, op->add),
        .out = place(cuda, op->out),
        .sum = place(cuda, op->sum),
        .scale = cuda->model.weight[op->weight],
        .shift = cuda->model.bias[op->weight],
        .rows = batch * in->h * in->w,
        .c = in->c,
        .pitch = ofr_cuda_pitch(in->c),
        .eps = op->eps,
    };
}

static void plan_mean(const struct ofr_cuda *cuda, const struct ofr_op *op, uint32_t batch,
                      struct ofr_cuda_mean *mean)
{
    const struct ofr_tensor *in = &cuda->net->tensor[op->in];
    const bool take = op->kind == OFR_OP_TAKE;
    *mean = (struct ofr_cuda_mean){
        .in = place(cuda, op->in),
        .out = place(cuda, op->out),
        .n = batch,
        .pixels = in->h * in->w,
        .first = !take           ? 0
                 : op->token < 0 ? in->h * in->w - 1
                                 : (uint32_t)op->token,
        .pooled = take ? 1 : in->h * in->w,
        .c = ofr_cuda_pitch(in->c),
    };
}

static void plan_ends(const struct ofr_cuda *cuda, const struct ofr_op *op, uint32_t batch,
                      struct ofr_cuda_step *step)
{
    const struct ofr_tensor *in = &cuda->net->tensor[op->in], *out = &cuda->net->tensor[op->out];
    if (op->kind == OFR_OP_PREPROCESS) {
        step->of.preprocess = (struct ofr_cuda_preprocess){.out = place(cuda, op->out),
                                                           .n = batch,
                                                           .source_h = in->h,
                                                           .source_w = in->w,
                                                           .h = out->h,
                                                           .w = out->w};
        return;
    }
    step->of.embed = (struct ofr_cuda_embed){
        .table = cuda->model.weight[op->weight],
        .place = cuda->model.weight[op->table],
        .every = op->every < 0 ? NULL : cuda->model.weight[op->every],
        .out = place(cuda, op->out),
        .n = batch,
        .tokens = out->h,
        .c = ofr_cuda_pitch(out->c),
        .words = cuda->net->weight[op->weight].rows,
    };
}

static void plan_step(const struct ofr_cuda *cuda, const struct ofr_op *op, uint32_t batch,
                      struct ofr_cuda_step *step)
{
    const struct ofr_tensor *in = &cuda->net->tensor[op->in], *out = &cuda->net->tensor[op->out];
    switch (op->kind) {
    case OFR_OP_CONV:
    case OFR_OP_LINEAR:
        plan_conv(cuda, op, batch, &step->of.conv);
        return;
    case OFR_OP_MAXPOOL:
        step->of.maxpool = (struct ofr_cuda_maxpool){.in = place(cuda, op->in),
                                                     .out = place(cuda, op->out),
                                                     .n = batch,
                                                     .h = in->h,
                                                     .w = in->w,
                                                     .c = ofr_cuda_pitch(in->c),
                                                     .out_h = out->h,
                                                     .out_w = out->w,
                                                     .kernel = op->kernel,
                                                     .stride = op->stride,
                                                     .pad = op->pad};
        return;
    case OFR_OP_MEAN:
    case OFR_OP_TAKE:
        plan_mean(cuda, op, batch, &step->of.mean);
        return;
    case OFR_OP_LAYERNORM:
        plan_norm(cuda, op, batch, &step->of.layernorm);
        return;
    case OFR_OP_ATTENTION:
        step->of.attention = (struct ofr_cuda_attention){.in = place(cuda, op->in),
                                                         .out = place(cuda, op->out),
                                                         .n = batch,
                                                         .tokens = in->h,
                                                         .heads = op->heads,
                                                         .causal = op->causal};
        return;
    case OFR_OP_PREPROCESS:
    case OFR_OP_EMBED:
        plan_ends(cuda, op, batch, step);
        return;
    case OFR_OP_FLATTEN: /* the same memory */
    case OFR_OPS:
        return;
    }
}

int ofr_cuda_plan_init(struct ofr_cuda *cuda, struct ofr_cuda_plan *plan, uint32_t batch,
                       struct ofr_error *err)
{
    const struct ofr_net *net = cuda->net;
    *plan = (struct ofr_cuda_plan){.batch = batch};
    plan->step = calloc(net->ops, sizeof *plan->step);
    plan->shape = calloc(net->sites + 1, sizeof *plan->shape);
    plan->folded = calloc(net->sites + 1, sizeof *plan->folded);
    if (!plan->step || !plan->shape || !plan->folded)
        return ofr_fail_nomem(err, "a plan");
    int code = OFR_OK;
    for (uint32_t i = 0; i < net->ops && !code; ++i) {
        struct ofr_cuda_step *step = &plan->step[i];
        step->kind = net->op[i].kind;
        step->from_input = net->op[i].in == 0;
        step->site = -1;
        step->algorithm = -1;
        plan_step(cuda, &net->op[i], batch, step);
        if (step->kind == OFR_OP_CONV || step->kind == OFR_OP_LINEAR)
            code = ofr_cuda_linear_plan(&step->linear, cuda->library, &step->of.conv, err);
    }
    for (uint32_t i = 0; i < net->sites; ++i)
        plan->step[net->site[i].op].site = (int32_t)i;
    return code ? code : ofr_cuda_tune(cuda, plan, err);
}

void ofr_cuda_plan_release(struct ofr_cuda_plan *plan, uint32_t ops)
{
    for (uint32_t i = 0; plan->step && i < ops; ++i)
        ofr_cuda_linear_free(plan->step[i].linear);
    free(plan->step);
    free(plan->shape);
    free(plan->folded);
    *plan = (struct ofr_cuda_plan){0};
}

void ofr_cuda_plan_fold(const struct ofr_cuda *cuda, struct ofr_cuda_plan *plan, uint32_t site)
{
    const struct ofr_tensor *tensor = &cuda->net->tensor[cuda->net->site[site].tensor];
    struct ofr_cuda_step *step = &plan->step[cuda->net->site[site].op];
    const uint32_t pixels = tensor->h * tensor->w;
    const bool conv = step->kind == OFR_OP_CONV && step->algorithm < 0;
    if (!cuda->pooled_sum ||
        !(conv || (step->kind == OFR_OP_MAXPOOL && ofr_cuda_maxpool_pools(&step->of.maxpool))))
        return;
    *(conv ? &step->of.conv.pooling : &step->of.maxpool.pooling) =
        (struct ofr_cuda_pooling){.sum = cuda->pooled_sum[site],
                                  .site = site,
                                  .copies = ofr_cuda_pooling_copies(pixels, tensor->c),
                                  .scale = ofr_cuda_pooling_scale(pixels)};
    plan->folded[site] = true;
}

static int run_first(const struct ofr_cuda *cuda, const struct ofr_cuda_step *step, uint32_t lane,
                     bool overlap, struct CUstream_st *stream)
{
    if (step->kind == OFR_OP_PREPROCESS) {
        struct ofr_cuda_preprocess preprocess = step->of.preprocess;
        preprocess.in = cuda->lane[lane].in;
        return ofr_cuda_preprocess_run(&preprocess, overlap, stream);
    }
    struct ofr_cuda_embed embed = step->of.embed;
    embed.in = cuda->lane[lane].in;
    return ofr_cuda_embed_run(&embed, overlap, stream);
}

static int run_conv(const struct ofr_cuda *cuda, const struct ofr_cuda_step *step, uint32_t lane,
                    bool overlap, struct CUstream_st *stream)
{
    struct ofr_cuda_conv conv = step->of.conv;
    conv.pooling.control = cuda->lane[lane].control;
    return ofr_cuda_conv_run(&conv, &step->tile, overlap, stream);
}

static int run_maxpool(const struct ofr_cuda *cuda, const struct ofr_cuda_step *step, uint32_t lane,
                       bool overlap, struct CUstream_st *stream)
{
    struct ofr_cuda_maxpool maxpool = step->of.maxpool;
    maxpool.pooling.control = cuda->lane[lane].control;
    return ofr_cuda_maxpool_run(&maxpool, overlap, stream);
}

int ofr_cuda_step_run(const struct ofr_cuda *cuda, const struct ofr_cuda_plan *plan, uint32_t at,
                      uint32_t lane, bool overlap, struct CUstream_st *stream)
{
    const struct ofr_cuda_step *step = &plan->step[at];
    switch (step->kind) {
    case OFR_OP_CONV:
    case OFR_OP_LINEAR:
        if (step->algorithm >= 0)
            return ofr_cuda_linear_run(step->linear, &step->of.conv, (uint32_t)step->algorithm,
                                       cuda->workspace, stream);
        return run_conv(cuda, step, lane, overlap, stream);
    case OFR_OP_MAXPOOL:
        return run_maxpool(cuda, step, lane, overlap, stream);
    case OFR_OP_MEAN:
    case OFR_OP_TAKE:
        return ofr_cuda_mean_run(&step->of.mean, overlap, stream);
    case OFR_OP_LAYERNORM:
        return ofr_cuda_layernorm_run(&step->of.layernorm, overlap, stream);
    case OFR_OP_ATTENTION:
        return ofr_cuda_attention_run(&step->of.attention, overlap, stream);
    case OFR_OP_PREPROCESS:
    case OFR_OP_EMBED:
        return run_first(cuda, step, lane, overlap, stream);
    case OFR_OP_FLATTEN:
    case OFR_OPS:
        break;
    }
    return 0;
}

struct ofr_cuda_ramp ofr_cuda_plan_ramp(const struct ofr_cuda *cuda, const struct ofr_cuda_plan *plan,
                                        uint32_t site, uint32_t lane)
{
    const struct ofr_net *net = cuda->net;
    const struct ofr_site *of = &net->site[site];
    const struct ofr_tensor *tensor = &net->tensor[of->tensor];
    const struct ofr_cuda_lane *to = &cuda->lane[lane];
    const uint32_t pixels = tensor->h * tensor->w;
    return (struct ofr_cuda_ramp){
        .in = cuda->model.tensor[of->tensor],
        .weight = cuda->model.weight[of->weight],
        .bias = cuda->model.bias[of->weight],
        .n = plan->batch,
        .pixels = pixels,
        .first_pixel = net->pooling == OFR_POOL_LAST ? pixels - 1 : 0,
        .pooled = net->pooling == OFR_POOL_MEAN ? pixels : 1,
        .c = ofr_cuda_pitch(tensor->c),
        .classes = net->classes,
        .site = site,
        .packed = ofr_cuda_ramps_packed(net),
        .control = to->control,
        .logits = to->ramp_logits + (size_t)site * cuda->stride * net->classes,
        .cell = to->ramp_cell + (size_t)site * cuda->stride,
        .pooled_sum = plan->folded[site] ? cuda->pooled_sum[site] : NULL,
        .copies = ofr_cuda_pooling_copies(pixels, tensor->c),
        .sum = cuda->ramp_sum,
        .sums = ofr_cuda_ramp_sums(net->classes),
    };
}

struct ofr_cuda_head ofr_cuda_plan_head(const struct ofr_cuda *cuda, const struct ofr_cuda_plan *plan,
                                        uint32_t lane)
{
    const struct ofr_net *net = cuda->net;
    const struct ofr_cuda_lane *to = &cuda->lane[lane];
    return (struct ofr_cuda_head){
        .in = cuda->model.tensor[net->tensors - 1],
        .n = plan->batch,
        .classes = net->classes,
        .pitch = ofr_cuda_pitch(net->classes),
        .control = to->control,
        .logits = to->logits,
        .cell = to->cell,
        .ended = to->ended,
        .count = cuda->head_count,
    };
}
