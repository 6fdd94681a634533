/* What `profile` wants to know. Stretches of device work are timed by events around a replay; what crosses to the host
 * is timed by stamps of the device's global timer, whose offset to CLOCK_MONOTONIC comes from an exchange of calls and
 * answers: of many, the one with the shortest round trip, whose middle is the moment of the answer. The offset is
 * then wrong by half that round trip at most. */
#include "replay/cuda/check.h"
#include "replay/cuda/state.h"
#include "sim/base/monotonic.h"

#include <cuda_runtime_api.h>
#include <stdlib.h>
#include <time.h>

enum {
    EXCHANGES = 400
};

/* What to add to the device's timer to have the host's. */
static int exchange(struct ofr_cuda *cuda, int64_t *offset_ns, struct ofr_error *err)
{
    _Atomic uint32_t *call = (_Atomic uint32_t *)cuda->call;
    _Atomic uint64_t *answer = (_Atomic uint64_t *)&cuda->stamp[0];
    int64_t shortest = INT64_MAX;
    atomic_store(call, 0);
    atomic_store(answer, 0);
    OFR_CUDA_TRY(ofr_cuda_echo_run(cuda->call, &cuda->stamp[0], EXCHANGES, cuda->compute), err);
    uint64_t before = 0;
    for (uint32_t i = 1; i <= EXCHANGES; ++i) {
        uint64_t seen;
        const int64_t asked = ofr_monotonic_ns();
        atomic_store_explicit(call, i, memory_order_release);
        do {
            seen = atomic_load_explicit(answer, memory_order_acquire);
        } while (seen == before && ofr_monotonic_ns() - asked < 1000000000);
        const int64_t answered = ofr_monotonic_ns();
        if (seen == before)
            return ofr_fail(err, OFR_E_DEVICE, "cuda: the device does not answer within a second");
        before = seen;
        if (answered - asked < shortest) {
            shortest = answered - asked;
            *offset_ns = asked + shortest / 2 - (int64_t)seen;
        }
    }
    OFR_CUDA_TRY(cudaStreamSynchronize(cuda->compute), err);
    return OFR_OK;
}

static uint32_t parts_of(const struct ofr_measure *what)
{
    return OFR_CUDA_RAMPS | (what->in_line ? OFR_CUDA_IN_LINE : 0);
}

/* Operators that have run once the site is complete; all of them for the full model. */
static uint32_t ops_until(const struct ofr_cuda *cuda, uint32_t site)
{
    return site == cuda->net->sites ? cuda->net->ops : (uint32_t)cuda->net->site[site].op + 1;
}

static int measure_until(struct ofr_cuda *cuda, const struct ofr_cuda_plan *plan, uint32_t site,
                         int64_t *sample_ns, uint32_t count, struct ofr_error *err)
{
    struct ofr_cuda_graph graph;
    int code = ofr_cuda_graph_init(cuda, &graph, plan, 0, ops_until(cuda, site), 0, err);
    if (!code)
        code = ofr_cuda_graph_time(cuda, graph.exec, sample_ns, count, err);
    ofr_cuda_graph_release(&graph);
    return code;
}

enum {
    RAMPS_IN_A_ROW = 16
};

struct ramps {
    const struct ofr_cuda_plan *plan;
    uint32_t site;
};

static int record_ramps(const struct ofr_cuda *cuda, const void *context, struct CUstream_st *stream)
{
    const struct ramps *what = context;
    const struct ofr_cuda_ramp ramp = ofr_cuda_plan_ramp(cuda, what->plan, what->site, 0);
    int status = 0;
    for (uint32_t i = 0; i < RAMPS_IN_A_ROW && !status; ++i)
        status = ofr_cuda_ramp_run(&ramp, &what->plan->shape[what->site], stream);
    return status;
}

/* One of many in a row, launch included. */
static int measure_ramp(struct ofr_cuda *cuda, const struct ofr_cuda_plan *plan, uint32_t site,
                        int64_t *sample_ns, uint32_t count, struct ofr_error *err)
{
    const struct ramps what = {plan, site};
    struct CUgraphExec_st *exec = NULL;
    int code = ofr_cuda_graph_capture(cuda, &exec, NULL, record_ramps, &what, err);
    if (!code)
        code = ofr_cuda_graph_time(cuda, exec, sample_ns, count, err);
    if (exec)
        (void)cudaGraphExecDestroy(exec);
    for (uint32_t i = 0; i < count && !code; ++i)
        sample_ns[i] /= RAMPS_IN_A_ROW;
    return code;
}

/* Alternates the graph with and without the ramps `active`; samples are the differences. */
static int alternate(struct ofr_cuda *cuda, struct ofr_cuda_graph *graph, uint64_t active, int64_t *sample_ns,
                     uint32_t count, struct ofr_error *err)
{
    int64_t *with = malloc(count * sizeof *with);
    int code = with ? OFR_OK : ofr_fail_nomem(err, "samples");
    enum {
        BLOCK = 8
    };
    for (uint32_t done = 0; done < count && !code; done += BLOCK) {
        const uint32_t some = count - done < BLOCK ? count - done : BLOCK;
        code = ofr_cuda_graph_switch(cuda, graph, 0, err);
        if (!code)
            code = ofr_cuda_graph_time(cuda, graph->exec, sample_ns + done, some, err);
        if (!code)
            code = ofr_cuda_graph_switch(cuda, graph, active, err);
        if (!code)
            code = ofr_cuda_graph_time(cuda, graph->exec, with + done, some, err);
    }
    for (uint32_t i = 0; i < count && !code; ++i)
        sample_ns[i] = with[i] - sample_ns[i];
    free(with);
    return code;
}

static int measure_difference(struct ofr_cuda *cuda, const struct ofr_cuda_plan *plan,
                              const struct ofr_measure *what, int64_t *sample_ns, uint32_t count,
                              struct ofr_error *err)
{
    const bool delay = what->kind == OFR_MEASURE_RAMP_DELAY; /* the pass ends where the ramp does */
    struct ofr_cuda_graph graph;
    int code = ofr_cuda_graph_init(cuda, &graph, plan, 0,
                                   delay ? ops_until(cuda, what->site) : cuda->net->ops, parts_of(what), err);
    if (!code)
        code = alternate(cuda, &graph, (uint64_t)1 << what->site, sample_ns, count, err);
    ofr_cuda_graph_release(&graph);
    return code;
}

static int submit_one(struct ofr_cuda *cuda, uint32_t batch, bool stamp, struct ofr_error *err)
{
    const struct offramp_exit_config none = {0};
    uint32_t sample[OFR_CUDA_MAX_ROWS];
    for (uint32_t i = 0; i < batch; ++i)
        sample[i] = i;
    const struct ofr_pass pass = {
        .ticket = 1, .rows = batch, .padded = batch, .sample = sample, .config = &none};
    return ofr_cuda_copy_pass(cuda, &pass, stamp, cuda->compute, err);
}

static int measure_copy(struct ofr_cuda *cuda, uint32_t batch, int64_t *sample_ns, uint32_t count,
                        struct ofr_error *err)
{
    int code = submit_one(cuda, batch, false, err);
    for (uint32_t i = 0; i < count && !code; ++i) {
        float ms = 0;
        OFR_CUDA_TRY(cudaEventRecord(cuda->begin, cuda->compute), err);
        code = submit_one(cuda, batch, false, err);
        OFR_CUDA_TRY(cudaEventRecord(cuda->end, cuda->compute), err);
        OFR_CUDA_TRY(cudaEventSynchronize(cuda->end), err);
        OFR_CUDA_TRY(cudaEventElapsedTime(&ms, cuda->begin, cuda->end), err);
        sample_ns[i] = (int64_t)((double)ms * 1e6);
    }
    return code;
}

static int measure_dispatch(struct ofr_cuda *cuda, uint32_t batch, int64_t *sample_ns, uint32_t count,
                            struct ofr_error *err)
{
    int64_t offset;
    int code = exchange(cuda, &offset, err);
    for (uint32_t i = 0; i < count && !code; ++i) {
        const int64_t begin = ofr_monotonic_ns();
        code = submit_one(cuda, batch, true, err);
        OFR_CUDA_TRY(cudaStreamSynchronize(cuda->compute), err);
        sample_ns[i] = (int64_t)cuda->stamp[cuda->stride] + offset - begin;
    }
    return code;
}

/* Waits for the word to leave 0; the host's time when it did. */
static int wait_for(const _Atomic uint64_t *word, int64_t *seen_ns, struct ofr_error *err)
{
    const int64_t begin = ofr_monotonic_ns();
    do {
        *seen_ns = ofr_monotonic_ns();
        if (*seen_ns - begin > 1000000000)
            return ofr_fail(err, OFR_E_DEVICE, "cuda: no answer within a second");
    } while (atomic_load_explicit(word, memory_order_acquire) == 0);
    return OFR_OK;
}

/* The time from the stamp taken as the cell is written, to the host's sight of it. */
static int measure_release(struct ofr_cuda *cuda, const struct ofr_cuda_plan *plan, uint32_t site,
                           int64_t *sample_ns, uint32_t count, struct ofr_error *err)
{
    int64_t offset, seen;
    struct ofr_cuda_ramp ramp = ofr_cuda_plan_ramp(cuda, plan, site, 0);
    _Atomic uint64_t *cell = (_Atomic uint64_t *)ramp.cell;
    int code = submit_one(cuda, plan->batch, false, err);
    if (!code)
        code = exchange(cuda, &offset, err);
    ramp.stamp = cuda->stamp;
    for (uint32_t i = 0; i < count && !code; ++i) {
        atomic_store(cell, 0);
        OFR_CUDA_TRY(ofr_cuda_ramp_run(&ramp, &plan->shape[site], cuda->compute), err);
        code = wait_for(cell, &seen, err);
        OFR_CUDA_TRY(cudaStreamSynchronize(cuda->compute), err);
        sample_ns[i] = seen - ((int64_t)cuda->stamp[0] + offset);
    }
    return code;
}

/* From the head's start, the answers ready, to the host's sight of the end mark. */
static int measure_copy_out(struct ofr_cuda *cuda, const struct ofr_cuda_plan *plan, int64_t *sample_ns,
                            uint32_t count, struct ofr_error *err)
{
    int64_t offset, seen = 0;
    struct ofr_cuda_head head = ofr_cuda_plan_head(cuda, plan, 0);
    _Atomic uint64_t *ended =
        (_Atomic uint64_t *)head.ended; /* its word is the low half of eight free bytes */
    int code = submit_one(cuda, plan->batch, false, err);
    if (!code)
        code = exchange(cuda, &offset, err);
    head.stamp = &cuda->stamp[cuda->stride + 1];
    for (uint32_t i = 0; i < count && !code; ++i) {
        atomic_store(ended, 0);
        OFR_CUDA_TRY(ofr_cuda_head_run(&head, cuda->compute), err);
        code = wait_for(ended, &seen, err);
        OFR_CUDA_TRY(cudaStreamSynchronize(cuda->compute), err);
        sample_ns[i] = seen - ((int64_t)cuda->stamp[cuda->stride + 1] + offset);
    }
    return code;
}

int ofr_cuda_measure(void *state, const struct ofr_measure *what, int64_t *sample_ns, uint32_t count,
                     struct ofr_error *err)
{
    struct ofr_cuda *cuda = state;
    uint32_t at;
    int code = ofr_cuda_batch(cuda, what->batch, &at, err);
    if (!code && (what->site > cuda->net->sites ||
                  (what->site == cuda->net->sites &&
                   (what->kind == OFR_MEASURE_RAMP_ALONE || what->kind == OFR_MEASURE_RAMP_ADD ||
                    what->kind == OFR_MEASURE_RAMP_DELAY || what->kind == OFR_MEASURE_RELEASE))))
        code = ofr_fail(err, OFR_E_USAGE, "cuda: no ramp at site %u", what->site);
    if (code)
        return code;
    const struct ofr_cuda_plan *plan = &cuda->plan[at];
    OFR_CUDA_TRY(cudaSetDevice(cuda->index), err);
    OFR_CUDA_TRY(cudaStreamSynchronize(cuda->compute), err);
    code = ofr_cuda_graph_switch(cuda, NULL, 0, err);
    if (code)
        return code;
    switch (what->kind) {
    case OFR_MEASURE_UNTIL:
        return measure_until(cuda, plan, what->site, sample_ns, count, err);
    case OFR_MEASURE_RAMP_ALONE:
        return measure_ramp(cuda, plan, what->site, sample_ns, count, err);
    case OFR_MEASURE_RAMP_ADD:
    case OFR_MEASURE_RAMP_DELAY:
        return measure_difference(cuda, plan, what, sample_ns, count, err);
    case OFR_MEASURE_COPY_IN:
        return measure_copy(cuda, what->batch, sample_ns, count, err);
    case OFR_MEASURE_COPY_OUT:
        return measure_copy_out(cuda, plan, sample_ns, count, err);
    case OFR_MEASURE_DISPATCH:
        return measure_dispatch(cuda, what->batch, sample_ns, count, err);
    case OFR_MEASURE_RELEASE:
        return measure_release(cuda, plan, what->site, sample_ns, count, err);
    }
    return ofr_fail(err, OFR_E_BUG, "cuda: unknown measurement");
}
