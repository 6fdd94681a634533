/* Where the time goes: operators of one batch size by themselves, and parts of a ramp left out one by one. */
#include "replay/cuda/check.h"
#include "replay/cuda/check/check_gpu.h"
#include "replay/cuda/state.h"

#include <cuda_runtime_api.h>
#include <stdlib.h>
#include <string.h>

enum {
    IN_A_ROW = 24,
    REPLAYS = 9,
    MOST_GROUPS = 96
};

typedef int record_fn(const struct ofr_cuda *, const void *, struct CUstream_st *);

/* One of IN_A_ROW, by a graph of them; negative where it cannot be captured. */
static int time_row(struct ofr_cuda *cuda, record_fn *record, const void *what, double *us,
                    struct ofr_error *err)
{
    struct CUgraphExec_st *exec = NULL;
    int64_t sample[REPLAYS];
    int code = ofr_cuda_graph_capture(cuda, &exec, NULL, record, what, err);
    if (!code)
        code = ofr_cuda_graph_time(cuda, exec, sample, REPLAYS, err);
    if (exec)
        (void)cudaGraphExecDestroy(exec);
    *us = code ? -1 : ofr_check_quantile_us(sample, REPLAYS, .5) / IN_A_ROW;
    return code;
}

/* ---- operators ---- */

struct group {
    const struct ofr_cuda_plan *plan;
    uint32_t member[IN_A_ROW], members, count;
};

static bool is_product(const struct ofr_cuda_step *step)
{
    return step->kind == OFR_OP_CONV || step->kind == OFR_OP_LINEAR;
}

static bool alike(const struct ofr_cuda_step *a, const struct ofr_cuda_step *b)
{
    const struct ofr_cuda_conv *x = &a->of.conv, *y = &b->of.conv;
    if (a->kind != b->kind || a->algorithm != b->algorithm || memcmp(&a->tile, &b->tile, sizeof a->tile) != 0)
        return false;
    return !is_product(a) ||
           (x->h == y->h && x->c == y->c && x->out_c == y->out_c && x->kernel == y->kernel &&
            x->stride == y->stride && x->act == y->act && !x->add == !y->add);
}

static int record_group(const struct ofr_cuda *cuda, const void *context, struct CUstream_st *stream)
{
    const struct group *group = context;
    int status = 0;
    for (uint32_t i = 0; i < IN_A_ROW && !status; ++i)
        status = ofr_cuda_step_run(cuda, group->plan, group->member[i % group->members], 0, i > 0, stream);
    return status;
}

static const char *kind_name(enum ofr_op_kind kind)
{
    static const char *const names[] = {
#define X(name) #name,
        OFR_OP_MAP(X)
#undef X
    };
    return kind < OFR_OPS ? names[kind] : "?";
}

static void print_group(const struct ofr_cuda *cuda, const struct group *group, double us)
{
    const struct ofr_cuda_step *step = &group->plan->step[group->member[0]];
    const struct ofr_cuda_conv *conv = &step->of.conv;
    printf("step\t%s\t%u\t%s\tx %u\t%.2f us\t", cuda->net->name, group->plan->batch, kind_name(step->kind),
           group->count, us);
    if (!is_product(step)) {
        printf("\n");
        return;
    }
    const double rows = (double)conv->n * conv->out_h * conv->out_w;
    const double operations = 2. * rows * conv->out_c * conv->kernel * conv->kernel * conv->c;
    printf("%.0f x %u -> %u, %u x %u / %u, act %d%s\t%.0f TFLOP/s\t", rows, conv->c, conv->out_c,
           conv->kernel, conv->kernel, conv->stride, conv->act, conv->add ? ", add" : "",
           operations / us * 1e-6);
    if (step->algorithm >= 0)
        printf("cuBLASLt %d\n", step->algorithm);
    else
        printf("tile %u x %u / %u\n", step->tile.rows, step->tile.columns, step->tile.split);
}

static int time_steps(struct ofr_cuda *cuda, struct ofr_error *err)
{
    const struct ofr_cuda_plan *plan = &cuda->plan[0];
    bool *done = calloc(cuda->net->ops, sizeof *done);
    double sum = 0;
    int code = done ? OFR_OK : ofr_fail_nomem(err, "operators");
    for (uint32_t i = 0; i < cuda->net->ops && !code; ++i) {
        struct group group = {.plan = plan};
        double us;
        if (done[i] || plan->step[i].kind == OFR_OP_FLATTEN)
            continue;
        for (uint32_t j = i; j < cuda->net->ops; ++j) {
            if (done[j] || !alike(&plan->step[i], &plan->step[j]))
                continue;
            done[j] = true;
            ++group.count;
            if (group.members < IN_A_ROW)
                group.member[group.members++] = j;
        }
        code = time_row(cuda, record_group, &group, &us, err);
        if (!code)
            print_group(cuda, &group, us);
        sum += us * group.count;
    }
    if (!code)
        printf("step\t%s\t%u\tsum\t\t%.2f us\n", cuda->net->name, plan->batch, sum);
    free(done);
    return code;
}

/* ---- ramps ---- */

struct trial {
    struct ofr_cuda_ramp ramp;
    struct ofr_cuda_ramp_shape shape;
};

static int record_trial(const struct ofr_cuda *cuda, const void *context, struct CUstream_st *stream)
{
    const struct trial *trial = context;
    int status = 0;
    (void)cuda;
    for (uint32_t i = 0; i < IN_A_ROW && !status; ++i)
        status = ofr_cuda_ramp_run(&trial->ramp, &trial->shape, stream);
    return status;
}

/* A kernel that does nothing: what a node of a graph takes anyway. */
static int record_nothing(const struct ofr_cuda *cuda, const void *context, struct CUstream_st *stream)
{
    int status = 0;
    (void)context;
    for (uint32_t i = 0; i < IN_A_ROW && !status; ++i)
        status = ofr_cuda_echo_run(cuda->call, &cuda->stamp[0], 0, stream);
    return status;
}

/* The best shape of a ramp, and its time. `site`: prints all of them; NULL: quietly. */
static int best_of(struct ofr_cuda *cuda, const struct ofr_cuda_ramp *ramp, const char *site,
                   struct trial *best, double *us, struct ofr_error *err)
{
    struct ofr_cuda_ramp_shape shape[OFR_CUDA_RAMP_MAX_SHAPES];
    const uint32_t shapes = ofr_cuda_ramp_shapes(ramp, cuda->processors, shape);
    int code = OFR_OK;
    *us = 1e30;
    for (uint32_t i = 0; i < shapes && !code; ++i) {
        const struct trial trial = {*ramp, shape[i]};
        double now;
        code = time_row(cuda, record_trial, &trial, &now, err);
        if (!code && site)
            printf(
                "shape\t%s\t%s\tclasses %u, vectors %u, shares %u, rows %u, threads %u\t%u blocks\t%.2f us\n",
                cuda->net->name, site, shape[i].classes, shape[i].vectors, shape[i].shares, shape[i].rows,
                shape[i].threads, ofr_cuda_ramp_blocks(ramp, &shape[i]), now);
        if (!code && now < *us) {
            *us = now;
            *best = trial;
        }
    }
    return code;
}

static int dissect(struct ofr_cuda *cuda, uint32_t site, struct ofr_error *err)
{
    const struct ofr_cuda_ramp whole = ofr_cuda_plan_ramp(cuda, &cuda->plan[0], site, 0);
    struct trial best;
    double us;
    int code = best_of(cuda, &whole, cuda->net->site[site].name, &best, &us, err);
    const struct ofr_cuda_ramp_shape shape = best.shape;
    if (code)
        return code;
    printf("anatomy\t%s\t%s\t%u x %u -> %u\twhole %.2f us (classes %u, vectors %u, shares %u, threads %u: %u "
           "blocks)",
           cuda->net->name, cuda->net->site[site].name, whole.pooled, whole.c, whole.classes, us,
           shape.classes, shape.vectors, shape.shares, shape.threads, ofr_cuda_ramp_blocks(&whole, &shape));
    struct trial no_host = {whole, shape}, no_pool = {whole, shape}, few = {whole, shape};
    no_host.ramp.cell = cuda->workspace;
    no_pool.ramp.pooled = 1;
    few.ramp.classes = 2;
    const struct {
        const char *name;
        const struct trial *trial;
    } parts[] = {{"cell on the device", &no_host}, {"one pixel", &no_pool}, {"two classes", &few}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts && !code; ++i) {
        code = time_row(cuda, record_trial, parts[i].trial, &us, err);
        printf("\t%s %.2f us", parts[i].name, us);
    }
    struct ofr_cuda_ramp least = whole;
    least.pooled = 1;
    least.classes = 2;
    if (!code)
        code = best_of(cuda, &least, NULL, &best, &us, err);
    printf("\tone pixel, two classes, best shape %.2f us\n", us);
    return code;
}

static int dissect_all(struct ofr_cuda *cuda, struct ofr_error *err)
{
    double us;
    int code = time_row(cuda, record_nothing, NULL, &us, err);
    printf("anatomy\t%s\tan empty kernel %.2f us\n", cuda->net->name, us);
    uint32_t width = 0, channels = 0;
    for (uint32_t site = 0; site < cuda->net->sites && !code; ++site) {
        const struct ofr_tensor *tensor = &cuda->net->tensor[cuda->net->site[site].tensor];
        if (tensor->h == width && tensor->c == channels)
            continue;
        width = tensor->h;
        channels = tensor->c;
        code = dissect(cuda, site, err);
    }
    return code;
}

/* ---- both ---- */

static int with_device(const char *name, uint32_t batch, int (*run)(struct ofr_cuda *, struct ofr_error *),
                       struct ofr_error *err)
{
    const struct ofr_net_options options = {0};
    struct ofr_check_net all;
    void *state = NULL;
    int32_t index;
    int code = ofr_check_net_init(&all, name, &options, err);
    const struct ofr_device_setup setup = {
        .net = all.net, .weights = all.weights, .inputs = all.inputs, .batch = &batch, .batches = 1};
    const struct ofr_device_ops *ops = code ? NULL : ofr_device_find("cuda", &index, err);
    if (!code)
        code = ops ? ops->create(&state, &setup, err) : OFR_E_BUG;
    if (!code)
        code = run(state, err);
    if (state)
        ops->destroy(state);
    ofr_check_net_release(&all);
    return code;
}

int ofr_check_steps(char **argument, struct ofr_error *err)
{
    return with_device(argument[0], (uint32_t)strtoul(argument[1], NULL, 10), time_steps, err);
}

int ofr_check_delay(char **argument, struct ofr_error *err)
{
    return with_device(argument[0], (uint32_t)strtoul(argument[1], NULL, 10), ofr_check_delays, err);
}

int ofr_check_anatomy(char **argument, struct ofr_error *err)
{
    return with_device(argument[0], 1, dissect_all, err);
}
