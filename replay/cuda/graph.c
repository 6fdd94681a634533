#include "replay/cuda/check.h"
#include "replay/cuda/state.h"

#include <cuda_runtime_api.h>
#include <stdlib.h>

/* The one node a stream's next launch would depend on: the kernel captured last. */
static int last_node(struct CUstream_st *stream, struct CUgraphNode_st **node)
{
    enum cudaStreamCaptureStatus capturing;
    const cudaGraphNode_t *needed = NULL;
    size_t count = 0;
    const cudaError_t status =
        cudaStreamGetCaptureInfo(stream, &capturing, NULL, NULL, &needed, NULL, &count);
    if (status != cudaSuccess)
        return (int)status;
    if (count != 1)
        return (int)cudaErrorStreamCaptureInvalidated;
    *node = needed[0];
    return 0;
}

struct recording {
    const struct ofr_cuda_plan *plan;
    uint32_t lane, ops, parts;
    struct CUgraphNode_st **ramp;
};

static int record_ramp(const struct ofr_cuda *cuda, const struct recording *what, uint32_t site,
                       struct CUstream_st *stream)
{
    struct CUstream_st *on = what->parts & OFR_CUDA_IN_LINE ? stream : cuda->side;
    int status = 0;
    if (on != stream) /* depends on the operator, and on the ramp before it */
        status = (int)cudaStreamWaitEvent(on, cuda->forked, 0);
    struct ofr_cuda_ramp ramp = ofr_cuda_plan_ramp(cuda, what->plan, site, what->lane);
    ramp.stamp = what->parts & OFR_CUDA_STAMP ? cuda->stamp : NULL;
    if (!status && what->parts & OFR_CUDA_HOLLOW)
        status = ofr_cuda_echo_run(cuda->call, &cuda->stamp[0], 0, on);
    else if (!status)
        status = ofr_cuda_ramp_run(&ramp, &what->plan->shape[site], on);
    if (!status && what->ramp)
        status = last_node(on, &what->ramp[site]);
    return status;
}

/* The ramp of *site, if one waits there. */
static int record_waiting(const struct ofr_cuda *cuda, const struct recording *what, int32_t *site,
                          struct CUstream_st *stream)
{
    const int32_t of = *site;
    *site = -1;
    return of < 0 ? 0 : record_ramp(cuda, what, (uint32_t)of, stream);
}

/* A forked ramp is captured after the operator that follows its site: with several nodes behind a node, the first is
 * what a graph runs next to it, and only that one may start early. */
static int record_plan(const struct ofr_cuda *cuda, const void *context, struct CUstream_st *stream)
{
    const struct recording *what = context;
    const bool in_line = what->parts & OFR_CUDA_IN_LINE, at_once = what->parts & OFR_CUDA_RAMP_FIRST;
    bool overlap = false, forked = false;
    int status = 0;
    int32_t waiting = -1; /* site whose ramp is still to be captured */
    for (uint32_t i = 0; i < what->ops && !status; ++i) {
        const int32_t site = what->plan->step[i].site;
        const bool runs = what->plan->step[i].kind != OFR_OP_FLATTEN;
        if (runs) {
            status = ofr_cuda_step_run(cuda, what->plan, i, what->lane, overlap, stream);
            overlap = true;
        }
        if (runs && !status)
            status = record_waiting(cuda, what, &waiting, stream);
        if (site < 0 || !(what->parts & OFR_CUDA_RAMPS) || status)
            continue;
        waiting = site;
        overlap = !in_line; /* a ramp that is switched off lets nobody start early */
        forked = !in_line;
        if (forked)
            status = (int)cudaEventRecord(cuda->forked, stream);
        if (!status && (in_line || at_once))
            status = record_waiting(cuda, what, &waiting, stream);
    }
    if (!status)
        status = record_waiting(cuda, what, &waiting, stream);
    if (!status && forked) {
        status = (int)cudaEventRecord(cuda->joined, cuda->side);
        if (!status)
            status = (int)cudaStreamWaitEvent(stream, cuda->joined, 0);
    }
    if (!status && what->parts & OFR_CUDA_HEAD) {
        const struct ofr_cuda_head head = ofr_cuda_plan_head(cuda, what->plan, what->lane);
        status = ofr_cuda_head_run(&head, stream);
    }
    return status;
}

int ofr_cuda_graph_capture(struct ofr_cuda *cuda, struct CUgraphExec_st **exec, struct CUgraph_st **source,
                           int (*record)(const struct ofr_cuda *, const void *, struct CUstream_st *),
                           const void *what, struct ofr_error *err)
{
    cudaGraph_t graph = NULL;
    OFR_CUDA_TRY(cudaStreamBeginCapture(cuda->compute, cudaStreamCaptureModeThreadLocal), err);
    const int recorded = record(cuda, what, cuda->compute);
    const cudaError_t ended = cudaStreamEndCapture(cuda->compute, &graph);
    int code = OFR_OK;
    if (recorded)
        code = ofr_cuda_fail(err, recorded, "capturing a graph");
    else if (ended != cudaSuccess)
        code = ofr_cuda_fail(err, ended, "cudaStreamEndCapture");
    if (!code) {
        const cudaError_t status = cudaGraphInstantiate(exec, graph, 0);
        if (status != cudaSuccess)
            code = ofr_cuda_fail(err, status, "cudaGraphInstantiate");
    }
    if (source)
        *source = graph;
    else if (graph)
        (void)cudaGraphDestroy(graph);
    (void)cudaGetLastError();
    return code;
}

int ofr_cuda_graph_init(struct ofr_cuda *cuda, struct ofr_cuda_graph *graph, const struct ofr_cuda_plan *plan,
                        uint32_t lane, uint32_t ops, uint32_t parts, struct ofr_error *err)
{
    const uint32_t sites = cuda->net->sites;
    *graph = (struct ofr_cuda_graph){.ramp = calloc(sites + 1, sizeof *graph->ramp)};
    if (!graph->ramp)
        return ofr_fail_nomem(err, "a graph's ramps");
    const struct recording what = {plan, lane, ops, parts, graph->ramp};
    int code = ofr_cuda_graph_capture(cuda, &graph->exec, &graph->source, record_plan, &what, err);
    if (code)
        return code;
    for (uint32_t i = 0; i < sites; ++i)
        if (graph->ramp[i])
            graph->active |= (uint64_t)1 << i;
    code = ofr_cuda_graph_activate(graph, sites, 0, err);
    if (!code)
        OFR_CUDA_TRY(cudaGraphUpload(graph->exec, cuda->compute), err);
    return code;
}

int ofr_cuda_graph_activate(struct ofr_cuda_graph *graph, uint32_t sites, uint64_t active,
                            struct ofr_error *err)
{
    for (uint32_t i = 0; i < sites; ++i) {
        const uint64_t bit = (uint64_t)1 << i;
        if ((graph->active ^ active) & bit && graph->ramp[i])
            OFR_CUDA_TRY(cudaGraphNodeSetEnabled(graph->exec, graph->ramp[i], (active & bit) != 0), err);
    }
    graph->active = active;
    return OFR_OK;
}

int ofr_cuda_graph_switch(struct ofr_cuda *cuda, struct ofr_cuda_graph *graph, uint64_t active,
                          struct ofr_error *err)
{
    OFR_CUDA_TRY(cudaMemcpy(&cuda->lane[0].control->active, &active, sizeof active, cudaMemcpyHostToDevice),
                 err);
    return graph ? ofr_cuda_graph_activate(graph, cuda->net->sites, active, err) : OFR_OK;
}

void ofr_cuda_graph_release(struct ofr_cuda_graph *graph)
{
    if (graph->exec)
        (void)cudaGraphExecDestroy(graph->exec);
    if (graph->source)
        (void)cudaGraphDestroy(graph->source);
    free(graph->ramp);
    *graph = (struct ofr_cuda_graph){0};
}

int ofr_cuda_graph_time(struct ofr_cuda *cuda, struct CUgraphExec_st *exec, int64_t *sample_ns,
                        uint32_t count, struct ofr_error *err)
{
    OFR_CUDA_TRY(cudaGraphLaunch(exec, cuda->compute), err); /* warms up */
    for (uint32_t i = 0; i < count; ++i) {
        float ms = 0;
        OFR_CUDA_TRY(cudaEventRecord(cuda->begin, cuda->compute), err);
        OFR_CUDA_TRY(cudaGraphLaunch(exec, cuda->compute), err);
        OFR_CUDA_TRY(cudaEventRecord(cuda->end, cuda->compute), err);
        OFR_CUDA_TRY(cudaEventSynchronize(cuda->end), err);
        OFR_CUDA_TRY(cudaEventElapsedTime(&ms, cuda->begin, cuda->end), err);
        sample_ns[i] = (int64_t)((double)ms * 1e6);
    }
    return OFR_OK;
}
