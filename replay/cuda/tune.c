/* Every way to make a call is timed as a graph of several such calls, over the weights of all operators of the same
 * shape: what lies in the cache is then about what lies there in a pass. */
#include "replay/cuda/check.h"
#include "replay/cuda/state.h"

#include <cuda_runtime_api.h>
#include <stdlib.h>
#include <string.h>

enum {
    LEAST_CALLS = 8,
    MOST_CALLS = 24,
    OPS_BESIDE = 8,
    REPLAYS = 3,
    MAX_WAYS = OFR_CUDA_MAX_TILES + OFR_CUDA_MAX_ALGORITHMS,
};

struct way {
    int32_t algorithm; /* as in struct ofr_cuda_step */
    struct ofr_cuda_tile tile;
};

struct trial {
    const struct ofr_cuda_plan *plan;
    uint32_t member[MOST_CALLS], members, calls;
};

static bool same_shape(const struct ofr_cuda_step *a, const struct ofr_cuda_step *b)
{
    struct ofr_cuda_conv x = a->of.conv, y = b->of.conv;
    const bool alike = !x.bias == !y.bias && !x.add == !y.add;
    x.in = x.weight = x.bias = x.add = y.in = y.weight = y.bias = y.add = NULL;
    x.out = y.out = NULL;
    return alike && memcmp(&x, &y, sizeof x) == 0;
}

static bool is_conv(const struct ofr_cuda_step *step)
{
    return step->kind == OFR_OP_CONV || step->kind == OFR_OP_LINEAR;
}

static int record_steps(const struct ofr_cuda *cuda, const void *context, struct CUstream_st *stream)
{
    const struct trial *trial = context;
    int status = 0;
    for (uint32_t i = 0; i < trial->calls && !status; ++i)
        status = ofr_cuda_step_run(cuda, trial->plan, trial->member[i % trial->members], 0, i > 0, stream);
    return status;
}

/* Shortest of a few replays; a way that fails is no way (*ns stays). */
static int time_it(struct ofr_cuda *cuda,
                   int (*record)(const struct ofr_cuda *, const void *, struct CUstream_st *),
                   const void *what, int64_t *ns, struct ofr_error *err)
{
    struct CUgraphExec_st *exec = NULL;
    int64_t sample[REPLAYS];
    struct ofr_error refused = OFR_ERROR_INIT;
    if (ofr_cuda_graph_capture(cuda, &exec, NULL, record, what, &refused))
        return OFR_OK;
    const int code = ofr_cuda_graph_time(cuda, exec, sample, REPLAYS, err);
    (void)cudaGraphExecDestroy(exec);
    for (uint32_t i = 0; i < REPLAYS && !code; ++i)
        *ns = sample[i] < *ns ? sample[i] : *ns;
    return code;
}

/* Whether the operator is to pool for a ramp of few rows, which the library's kernels cannot. */
static bool shall_pool(const struct ofr_cuda *cuda, const struct ofr_cuda_step *step)
{
    return cuda->pooled_sum && step->site >= 0 && step->of.conv.n <= OFR_CUDA_RAMP_CLASSES_ROWS &&
           step->kind == OFR_OP_CONV;
}

static uint32_t list_ways(const struct ofr_cuda *cuda, const struct ofr_cuda_step *step, struct way *way)
{
    struct ofr_cuda_tile tile[OFR_CUDA_MAX_TILES];
    const uint32_t tiles = ofr_cuda_conv_tiles(&step->of.conv, cuda->processors, tile);
    const uint32_t algorithms = shall_pool(cuda, step) ? 0 : ofr_cuda_linear_algorithms(step->linear);
    for (uint32_t i = 0; i < tiles; ++i)
        way[i] = (struct way){-1, tile[i]};
    for (uint32_t i = 0; i < algorithms; ++i)
        way[tiles + i] = (struct way){(int32_t)i, {0}};
    return tiles + algorithms;
}

static void set_way(struct ofr_cuda_plan *plan, const struct trial *group, const struct way *way)
{
    for (uint32_t i = 0; i < group->members; ++i) {
        plan->step[group->member[i]].algorithm = way->algorithm;
        plan->step[group->member[i]].tile = way->tile;
    }
}

/* Chooses for operator `first` and gives all later ones of its shape the same. */
static int tune_group(struct ofr_cuda *cuda, struct ofr_cuda_plan *plan, uint32_t first, bool *done,
                      struct ofr_error *err)
{
    struct trial group = {.plan = plan};
    struct way way[MAX_WAYS];
    const struct ofr_cuda_step *model = &plan->step[first];
    for (uint32_t i = first; i < cuda->net->ops && group.members < MOST_CALLS; ++i)
        if (is_conv(&plan->step[i]) && same_shape(model, &plan->step[i]) &&
            ofr_cuda_linear_algorithms(model->linear) == ofr_cuda_linear_algorithms(plan->step[i].linear)) {
            done[i] = true;
            group.member[group.members++] = i;
        }
    group.calls = group.members < LEAST_CALLS ? LEAST_CALLS : group.members;
    const uint32_t ways = list_ways(cuda, model, way);
    int64_t best = INT64_MAX;
    uint32_t fastest = 0;
    const bool given = ofr_cuda_choices_next(&cuda->choices, ways, &fastest);
    for (uint32_t i = 0; i < ways && !given; ++i) {
        int64_t ns = best;
        set_way(plan, &group, &way[i]);
        const int code = time_it(cuda, record_steps, &group, &ns, err);
        if (code)
            return code;
        fastest = ns < best ? i : fastest;
        best = ns < best ? ns : best;
    }
    if (best == INT64_MAX && !given)
        return ofr_fail(err, OFR_E_DEVICE, "cuda: %s: no kernel runs operator %u", cuda->net->name, first);
    set_way(plan, &group, &way[fastest]);
    return ofr_cuda_choices_add(&cuda->choices, fastest, ways, err);
}

struct ramp_trial {
    const struct ofr_cuda_plan *plan;
    uint32_t site;
    const struct ofr_cuda_ramp_shape *shape;
};

static int record_ramps(const struct ofr_cuda *cuda, const void *context, struct CUstream_st *stream)
{
    const struct ramp_trial *trial = context;
    const struct ofr_cuda_ramp ramp = ofr_cuda_plan_ramp(cuda, trial->plan, trial->site, 0);
    int status = 0;
    for (uint32_t i = 0; i < LEAST_CALLS && !status; ++i)
        status = ofr_cuda_ramp_run(&ramp, trial->shape, stream);
    return status;
}

/* The site's operator and some that follow, with the ramp beside them. */
static int record_beside(const struct ofr_cuda *cuda, const void *context, struct CUstream_st *stream)
{
    const struct ramp_trial *trial = context;
    const struct ofr_cuda_ramp ramp = ofr_cuda_plan_ramp(cuda, trial->plan, trial->site, 0);
    const uint32_t first = (uint32_t)cuda->net->site[trial->site].op;
    const uint32_t end = first + OPS_BESIDE < cuda->net->ops ? first + OPS_BESIDE : cuda->net->ops;
    int status = ofr_cuda_step_run(cuda, trial->plan, first, 0, false, stream);
    if (!status)
        status = (int)cudaEventRecord(cuda->forked, stream);
    for (uint32_t i = first + 1; i < end && !status; ++i) {
        status = ofr_cuda_step_run(cuda, trial->plan, i, 0, true, stream);
        if (status || i > first + 1)
            continue;
        status = (int)cudaStreamWaitEvent(cuda->side, cuda->forked, 0);
        if (!status)
            status = ofr_cuda_ramp_run(&ramp, trial->shape, cuda->side);
        if (!status)
            status = (int)cudaEventRecord(cuda->joined, cuda->side);
    }
    return status ? status : (int)cudaStreamWaitEvent(stream, cuda->joined, 0);
}

bool ofr_cuda_same_ramp(const struct ofr_net *net, uint32_t a, uint32_t b)
{
    const struct ofr_tensor *x = &net->tensor[net->site[a].tensor];
    const struct ofr_tensor *y = &net->tensor[net->site[b].tensor];
    return x->h == y->h && x->w == y->w && x->c == y->c;
}

/* One input's answer shall come soon: there the fastest ramp is chosen. Many inputs fill the device: there it is the one
 * that lets the operators beside it end soonest. */
static int tune_ramp(struct ofr_cuda *cuda, struct ofr_cuda_plan *plan, uint32_t site, struct ofr_error *err)
{
    for (uint32_t i = 0; i < site; ++i)
        if (ofr_cuda_same_ramp(cuda->net, i, site)) {
            plan->shape[site] = plan->shape[i];
            return OFR_OK;
        }
    struct ofr_cuda_ramp_shape shape[OFR_CUDA_RAMP_MAX_SHAPES];
    const struct ofr_cuda_ramp ramp = ofr_cuda_plan_ramp(cuda, plan, site, 0);
    const uint32_t shapes = ofr_cuda_ramp_shapes(&ramp, cuda->processors, shape);
    int64_t best = INT64_MAX;
    uint32_t fastest = 0;
    const bool alone =
        ramp.n <= OFR_CUDA_RAMP_CLASSES_ROWS || (uint32_t)cuda->net->site[site].op + 1 >= cuda->net->ops;
    const bool given = ofr_cuda_choices_next(&cuda->choices, shapes, &fastest);
    for (uint32_t i = 0; i < shapes && !given; ++i) {
        int64_t ns = best;
        const struct ramp_trial trial = {plan, site, &shape[i]};
        const int code = time_it(cuda, alone ? record_ramps : record_beside, &trial, &ns, err);
        if (code)
            return code;
        fastest = ns < best ? i : fastest;
        best = ns < best ? ns : best;
    }
    if (best == INT64_MAX && !given)
        return ofr_fail(err, OFR_E_DEVICE, "cuda: %s: no kernel runs the ramp at %s", cuda->net->name,
                        cuda->net->site[site].name);
    plan->shape[site] = shape[fastest];
    return ofr_cuda_choices_add(&cuda->choices, fastest, shapes, err);
}

/* Runs the network once in ways that always work, so that what is timed works on real values. */
static int fill(struct ofr_cuda *cuda, struct ofr_cuda_plan *plan, struct ofr_error *err)
{
    for (uint32_t i = 0; i < cuda->net->ops; ++i) {
        struct way way[MAX_WAYS];
        struct ofr_cuda_step *step = &plan->step[i];
        if (is_conv(step) && list_ways(cuda, step, way))
            step->tile = way[0].tile;
        OFR_CUDA_TRY(ofr_cuda_step_run(cuda, plan, i, 0, false, cuda->compute), err);
    }
    OFR_CUDA_TRY(cudaStreamSynchronize(cuda->compute), err);
    return OFR_OK;
}

int ofr_cuda_tune(struct ofr_cuda *cuda, struct ofr_cuda_plan *plan, struct ofr_error *err)
{
    bool *done = calloc(cuda->net->ops, sizeof *done);
    if (!done)
        return ofr_fail_nomem(err, "a plan");
    int code = fill(cuda, plan, err);
    if (!code)
        code = ofr_cuda_choices_begin(&cuda->choices, plan->batch, err);
    for (uint32_t i = 0; i < cuda->net->ops && !code; ++i)
        if (is_conv(&plan->step[i]) && !done[i])
            code = tune_group(cuda, plan, i, done, err);
    for (uint32_t i = 0; i < cuda->net->sites; ++i)
        ofr_cuda_plan_fold(cuda, plan, i);
    for (uint32_t i = 0; i < cuda->net->sites && !code; ++i)
        code = tune_ramp(cuda, plan, i, err);
    free(done);
    return code;
}
