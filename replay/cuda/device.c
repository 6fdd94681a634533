#include "replay/cuda/check.h"
#include "replay/cuda/state.h"
#include "sim/base/monotonic.h"

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)OFR_CUDA_MAX_SITES == (int)OFFRAMP_MAX_SITES, "sites of a pass's control");

static int find_device(struct ofr_cuda *cuda, struct ofr_error *err)
{
    int count = 0, major = 0, minor = 0, processors = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status == cudaErrorInsufficientDriver || status == cudaErrorNoDevice)
        return ofr_fail(err, OFR_E_DEVICE, "cuda: no usable driver or device: %s",
                        cudaGetErrorString(status));
    OFR_CUDA_TRY(status, err);
    if (cuda->index < 0 || cuda->index >= count)
        return ofr_fail(err, OFR_E_DEVICE, "cuda:%d: no such device, this machine has %d", cuda->index,
                        count);
    OFR_CUDA_TRY(cudaSetDevice(cuda->index), err);
    OFR_CUDA_TRY(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, cuda->index), err);
    OFR_CUDA_TRY(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, cuda->index), err);
    OFR_CUDA_TRY(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, cuda->index), err);
    if (major != 9 || minor != 0)
        return ofr_fail(err, OFR_E_DEVICE,
                        "cuda:%d: compute capability %d.%d, the kernels are Hopper's (9.0: H100, H200)",
                        cuda->index, major, minor);
    cuda->processors = (uint32_t)processors;
    return OFR_OK;
}

static int check_setup(const struct ofr_device_setup *setup, struct ofr_error *err)
{
    if (!setup->weights)
        return ofr_fail(err, OFR_E_USAGE, "cuda: needs weights");
    if (!setup->batches || setup->batch[setup->batches - 1] > OFR_CUDA_MAX_ROWS)
        return ofr_fail(err, OFR_E_USAGE, "cuda: batch sizes are 1 to %d", OFR_CUDA_MAX_ROWS);
    if (!setup->inputs.count || setup->inputs.bytes % 4)
        return ofr_fail(err, OFR_E_USAGE, "cuda: needs at least one input of a multiple of 4 bytes");
    return OFR_OK;
}

/* Where blocks of the backbone and of a ramp wait for the same processor, the backbone's go first: nodes of a graph keep
 * the priority of the stream they were captured on. */
static int open_streams(struct ofr_cuda *cuda, struct ofr_error *err)
{
    struct CUevent_st **event[] = {&cuda->copied, &cuda->forked, &cuda->joined};
    int least = 0, greatest = 0;
    OFR_CUDA_TRY(cudaDeviceGetStreamPriorityRange(&least, &greatest), err);
    OFR_CUDA_TRY(cudaStreamCreateWithPriority(&cuda->compute, cudaStreamNonBlocking, greatest), err);
    OFR_CUDA_TRY(cudaStreamCreateWithPriority(&cuda->copy, cudaStreamNonBlocking, least), err);
    OFR_CUDA_TRY(cudaStreamCreateWithPriority(&cuda->side, cudaStreamNonBlocking, least), err);
    for (size_t i = 0; i < sizeof event / sizeof *event; ++i)
        OFR_CUDA_TRY(cudaEventCreateWithFlags(event[i], cudaEventDisableTiming), err);
    OFR_CUDA_TRY(cudaEventCreate(&cuda->begin), err);
    OFR_CUDA_TRY(cudaEventCreate(&cuda->end), err);
    OFR_CUDA_TRY(ofr_cuda_conv_prepare(), err);
    OFR_CUDA_TRY(ofr_cuda_ramp_prepare(), err);
    return ofr_cuda_linear_open(&cuda->library, err);
}

static int take_lane(struct ofr_cuda *cuda, struct ofr_cuda_lane *lane, struct ofr_error *err)
{
    const size_t sites = cuda->net->sites, rows = cuda->stride, classes = cuda->net->classes;
    const struct {
        enum ofr_cuda_purpose purpose;
        size_t bytes;
        void *at;
    } want[] = {
        {OFR_CUDA_FOR_INPUTS, rows * cuda->input_bytes, &lane->in},
        {OFR_CUDA_FOR_INPUTS, sizeof *lane->control, &lane->control},
        {OFR_CUDA_FOR_LOGITS, (sites + 1) * rows * classes * sizeof(float), &lane->ramp_logits},
        {OFR_CUDA_FOR_LOGITS, rows * classes * sizeof(float), &lane->logits},
        {OFR_CUDA_FOR_CELLS, (sites + 1) * rows * sizeof(uint64_t), &lane->ramp_cell},
        {OFR_CUDA_FOR_CELLS, rows * sizeof(uint64_t), &lane->cell},
        {OFR_CUDA_FOR_CELLS, 64, &lane->ended},
    };
    int code = OFR_OK;
    for (size_t i = 0; i < sizeof want / sizeof *want && !code; ++i)
        code = ofr_cuda_memory_take(&cuda->memory, want[i].purpose, want[i].bytes, want[i].at, err);
    return code;
}

/* Where operators pool for ramps; the passes share it, for they run in order. */
static int take_pooled(struct ofr_cuda *cuda, struct ofr_error *err)
{
    const struct ofr_net *net = cuda->net;
    if (net->pooling != OFR_POOL_MEAN)
        return OFR_OK;
    cuda->pooled_sum = calloc(net->sites + 1, sizeof *cuda->pooled_sum);
    int code = cuda->pooled_sum ? OFR_OK : ofr_fail_nomem(err, "the ramps' sums");
    for (uint32_t i = 0; i < net->sites && !code; ++i) {
        const struct ofr_tensor *tensor = &net->tensor[net->site[i].tensor];
        const size_t values = (size_t)cuda->stride * ofr_cuda_pitch(tensor->c);
        const uint32_t copies = ofr_cuda_pooling_copies(tensor->h * tensor->w, tensor->c);
        code = ofr_cuda_memory_take(&cuda->memory, OFR_CUDA_FOR_RAMPS,
                                    copies * values * sizeof **cuda->pooled_sum,
                                    (void **)&cuda->pooled_sum[i], err);
    }
    return code;
}

static int take_memory(struct ofr_cuda *cuda, const struct ofr_device_setup *setup, struct ofr_error *err)
{
    struct ofr_cuda_memory *memory = &cuda->memory;
    const size_t rows = cuda->stride, pool = cuda->input_bytes * cuda->inputs;
    int code = ofr_cuda_memory_take(memory, OFR_CUDA_FOR_POOL, pool, &cuda->pool, err);
    if (code)
        return code;
    memcpy(cuda->pool, setup->inputs.data, pool);
    const struct {
        enum ofr_cuda_purpose purpose;
        size_t bytes;
        void *at;
    } want[] = {
        {OFR_CUDA_FOR_INPUTS, OFR_PLACES_PER_ROW * rows * cuda->input_bytes, &cuda->ahead},
        {OFR_CUDA_FOR_WORKSPACE, OFR_CUDA_WORKSPACE, &cuda->workspace},
        {OFR_CUDA_FOR_RAMPS, rows * ofr_cuda_ramp_sums(cuda->net->classes) * sizeof(uint64_t),
         &cuda->ramp_sum},
        {OFR_CUDA_FOR_RAMPS, sizeof(uint32_t), &cuda->head_count},
        {OFR_CUDA_FOR_CELLS, (rows + 2) * sizeof(uint64_t), &cuda->stamp},
        {OFR_CUDA_FOR_CELLS, 64, &cuda->call},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want && !code; ++i)
        code = ofr_cuda_memory_take(memory, want[i].purpose, want[i].bytes, want[i].at, err);
    for (uint32_t i = 0; i < OFR_CUDA_LANES && !code; ++i)
        code = take_lane(cuda, &cuda->lane[i], err);
    if (!code)
        code = take_pooled(cuda, err);
    return code ? code
                : ofr_cuda_model_init(&cuda->model, memory, cuda->net, setup->weights, cuda->stride, err);
}

static uint64_t sites_of(const struct offramp_exit_config *config)
{
    uint64_t sites = 0;
    for (uint32_t i = 0; i < config->ramps; ++i)
        sites |= (uint64_t)1 << config->site[i];
    return sites;
}

int ofr_cuda_copy_pass(struct ofr_cuda *cuda, const struct ofr_pass *pass, bool stamp,
                       struct CUstream_st *stream, struct ofr_error *err)
{
    struct ofr_cuda_lane *lane = &cuda->lane[pass->lane];
    struct ofr_cuda_copy_in *copy = &lane->copy;
    copy->pool = cuda->pool;
    copy->ahead = cuda->ahead;
    copy->in = lane->in;
    copy->bytes = (uint32_t)cuda->input_bytes;
    copy->to = lane->control;
    copy->stamp = stamp ? &cuda->stamp[cuda->stride] : NULL;
    copy->control.ticket = pass->ticket;
    copy->control.rows = pass->rows;
    copy->control.padded = pass->padded;
    copy->control.criterion = pass->config->criterion;
    copy->control.active = sites_of(pass->config);
    memset(copy->control.threshold, 0, sizeof copy->control.threshold);
    for (uint32_t i = 0; i < pass->config->ramps; ++i)
        copy->control.threshold[pass->config->site[i]] = pass->config->threshold[i];
    for (uint32_t i = 0; i < pass->padded; ++i) {
        const uint32_t row = i < pass->rows ? i : 0, place = pass->place ? pass->place[row] : OFR_PLACE_NONE;
        copy->from[i] = place ? OFR_CUDA_AHEAD | (place - 1) : pass->sample[row] % cuda->inputs;
    }
    OFR_CUDA_TRY(ofr_cuda_copy_in_run(copy, stream), err);
    return OFR_OK;
}

int ofr_cuda_batch(const struct ofr_cuda *cuda, uint32_t batch, uint32_t *at, struct ofr_error *err)
{
    for (*at = 0; *at < cuda->batches; ++*at)
        if (cuda->batch[*at] == batch)
            return OFR_OK;
    return ofr_fail(err, OFR_E_USAGE, "cuda: batch size %u is none this device was made for", batch);
}

/* Real inputs and control in every lane before anything is timed. */
static int first_inputs(struct ofr_cuda *cuda, struct ofr_error *err)
{
    const struct offramp_exit_config none = {0};
    uint32_t sample[OFR_CUDA_MAX_ROWS];
    int code = OFR_OK;
    for (uint32_t i = 0; i < cuda->stride; ++i)
        sample[i] = i;
    for (uint32_t i = 0; i < OFR_CUDA_LANES && !code; ++i) {
        const struct ofr_pass pass = {
            .lane = i, .rows = cuda->stride, .padded = cuda->stride, .sample = sample, .config = &none};
        code = ofr_cuda_copy_pass(cuda, &pass, false, cuda->compute, err);
    }
    return code;
}

static int make_graphs(struct ofr_cuda *cuda, struct ofr_error *err)
{
    const uint32_t parts = OFR_CUDA_RAMPS | OFR_CUDA_HEAD | (cuda->ramps_in_line ? OFR_CUDA_IN_LINE : 0);
    const double begin = ofr_monotonic_s();
    size_t before = 0, after = 0, all = 0;
    (void)cudaMemGetInfo(&before, &all);
    int code = first_inputs(cuda, err);
    for (uint32_t i = 0; i < cuda->batches && !code; ++i)
        code = ofr_cuda_plan_init(cuda, &cuda->plan[i], cuda->batch[i], err);
    cuda->tune_s = ofr_monotonic_s() - begin;
    for (uint32_t i = 0; i < cuda->batches && !code; ++i)
        for (uint32_t lane = 0; lane < OFR_CUDA_LANES && !code; ++lane)
            code = ofr_cuda_graph_init(cuda, &cuda->graph[i][lane], &cuda->plan[i], lane, cuda->net->ops,
                                       parts, err);
    if (code)
        return code;
    OFR_CUDA_TRY(cudaDeviceSynchronize(), err);
    (void)cudaMemGetInfo(&after, &all);
    cuda->other_bytes = before > after ? before - after : 0;
    return OFR_OK;
}

static void destroy(void *state)
{
    struct ofr_cuda *cuda = state;
    if (!cuda)
        return;
    (void)cudaDeviceSynchronize();
    for (uint32_t i = 0; cuda->graph && i < cuda->batches; ++i)
        for (uint32_t lane = 0; lane < OFR_CUDA_LANES; ++lane)
            ofr_cuda_graph_release(&cuda->graph[i][lane]);
    for (uint32_t i = 0; cuda->plan && i < cuda->batches; ++i)
        ofr_cuda_plan_release(&cuda->plan[i], cuda->net->ops);
    struct CUstream_st *stream[] = {cuda->compute, cuda->copy, cuda->side};
    struct CUevent_st *event[] = {cuda->copied, cuda->forked, cuda->joined, cuda->begin, cuda->end};
    for (size_t i = 0; i < sizeof event / sizeof *event; ++i)
        if (event[i])
            (void)cudaEventDestroy(event[i]);
    for (size_t i = 0; i < sizeof stream / sizeof *stream; ++i)
        if (stream[i])
            (void)cudaStreamDestroy(stream[i]);
    ofr_cuda_linear_close(cuda->library);
    ofr_cuda_model_release(&cuda->model);
    ofr_cuda_memory_release(&cuda->memory);
    ofr_cuda_observer_close(cuda->observer);
    ofr_cuda_choices_release(&cuda->choices);
    free(cuda->pooled_sum);
    free(cuda->graph);
    free(cuda->plan);
    free(cuda->batch);
    free(cuda);
}

static int create(void **state, const struct ofr_device_setup *setup, struct ofr_error *err)
{
    const double begin = ofr_monotonic_s();
    char bus[64] = "";
    int code = check_setup(setup, err);
    if (code)
        return code;
    struct ofr_cuda *cuda = calloc(1, sizeof *cuda);
    if (!cuda)
        return ofr_fail_nomem(err, "the CUDA device");
    cuda->net = setup->net;
    cuda->index = setup->index;
    cuda->ramps_in_line = setup->ramps_in_line;
    cuda->choices.given = setup->kernels;
    cuda->batches = setup->batches;
    cuda->stride = setup->batch[setup->batches - 1];
    cuda->inputs = setup->inputs.count;
    cuda->input_bytes = setup->inputs.bytes;
    cuda->batch = malloc(setup->batches * sizeof *cuda->batch);
    cuda->plan = calloc(setup->batches, sizeof *cuda->plan);
    cuda->graph = calloc(setup->batches, sizeof *cuda->graph);
    if (!cuda->batch || !cuda->plan || !cuda->graph)
        code = ofr_fail_nomem(err, "the CUDA device");
    else
        memcpy(cuda->batch, setup->batch, setup->batches * sizeof *cuda->batch);
    if (!code)
        code = find_device(cuda, err);
    if (!code)
        code = open_streams(cuda, err);
    if (!code)
        code = take_memory(cuda, setup, err);
    if (!code)
        code = make_graphs(cuda, err);
    if (code) {
        destroy(cuda);
        return code;
    }
    if (cudaDeviceGetPCIBusId(bus, sizeof bus, cuda->index) == cudaSuccess)
        cuda->observer = ofr_cuda_observer_open(bus);
    cuda->create_s = ofr_monotonic_s() - begin;
    *state = cuda;
    return OFR_OK;
}

static void lane_view(void *state, uint32_t lane, struct ofr_lane_view *out)
{
    const struct ofr_cuda *cuda = state;
    *out = (struct ofr_lane_view){
        .ramp = (_Atomic uint64_t *)cuda->lane[lane].ramp_cell,
        .full = (_Atomic uint64_t *)cuda->lane[lane].cell,
        .ended = (_Atomic uint32_t *)cuda->lane[lane].ended,
        .stride = cuda->stride,
    };
}

static int prepare(void *state, uint32_t sample, uint32_t place, struct ofr_error *err)
{
    struct ofr_cuda *cuda = state;
    const size_t bytes = cuda->input_bytes;
    OFR_CUDA_TRY(cudaSetDevice(cuda->index), err); /* of this thread */
    OFR_CUDA_TRY(cudaMemcpyAsync((char *)cuda->ahead + (place - 1) * bytes,
                                 (const char *)cuda->pool + sample % cuda->inputs * bytes, bytes,
                                 cudaMemcpyHostToDevice, cuda->copy),
                 err);
    return OFR_OK;
}

/* The pass waits for what is still travelling, if it wants any of it. */
static int wait_for_inputs(struct ofr_cuda *cuda, const struct ofr_pass *pass, struct ofr_error *err)
{
    bool wants = false;
    for (uint32_t i = 0; pass->place && i < pass->rows; ++i)
        wants |= pass->place[i] != OFR_PLACE_NONE;
    if (!wants)
        return OFR_OK;
    const cudaError_t status = cudaStreamQuery(cuda->copy);
    if (status != cudaErrorNotReady) {
        OFR_CUDA_TRY(status, err);
        return OFR_OK;
    }
    OFR_CUDA_TRY(cudaEventRecord(cuda->copied, cuda->copy), err);
    OFR_CUDA_TRY(cudaStreamWaitEvent(cuda->compute, cuda->copied, 0), err);
    return OFR_OK;
}

static int submit(void *state, const struct ofr_pass *pass, struct ofr_error *err)
{
    struct ofr_cuda *cuda = state;
    uint32_t at;
    const uint64_t active = sites_of(pass->config);
    int code = ofr_cuda_batch(cuda, pass->padded, &at, err);
    if (code)
        return code;
    OFR_CUDA_TRY(cudaSetDevice(cuda->index), err); /* of this thread */
    struct ofr_cuda_graph *graph = &cuda->graph[at][pass->lane];
    if (graph->active != active)
        code = ofr_cuda_graph_activate(graph, cuda->net->sites, active, err);
    if (!code)
        code = wait_for_inputs(cuda, pass, err);
    if (!code)
        code = ofr_cuda_copy_pass(cuda, pass, false, cuda->compute, err);
    if (code)
        return code;
    OFR_CUDA_TRY(cudaGraphLaunch(graph->exec, cuda->compute), err);
    return OFR_OK;
}

static int check(void *state, struct ofr_error *err)
{
    struct ofr_cuda *cuda = state;
    OFR_CUDA_TRY(cudaSetDevice(cuda->index), err);
    const cudaError_t status = cudaStreamQuery(cuda->compute);
    if (status == cudaErrorNotReady)
        return OFR_OK;
    OFR_CUDA_TRY(status, err);
    return OFR_OK;
}

static int info(void *state, struct ofr_notes *notes, struct ofr_error *err)
{
    const struct ofr_cuda *cuda = state;
    struct cudaDeviceProp properties;
    char driver[80];
    int api = 0, runtime = 0;
    OFR_CUDA_TRY(cudaGetDeviceProperties(&properties, cuda->index), err);
    OFR_CUDA_TRY(cudaDriverGetVersion(&api), err);
    OFR_CUDA_TRY(cudaRuntimeGetVersion(&runtime), err);
    ofr_cuda_observer_driver(cuda->observer, driver, sizeof driver);
    int code = ofr_notes_set(notes, "device", properties.name, err);
    if (!code)
        code = ofr_notes_setf(notes, err, "device.processors", "%u", cuda->processors);
    if (!code)
        code = ofr_notes_set(notes, "driver", driver, err);
    if (!code)
        code = ofr_notes_setf(notes, err, "driver.cuda", "%d.%d", api / 1000, api % 1000 / 10);
    if (!code)
        code = ofr_notes_setf(notes, err, "cuda.runtime", "%d.%d", runtime / 1000, runtime % 1000 / 10);
    if (!code)
        code = ofr_notes_setf(notes, err, "cublaslt", "%zu", cublasLtGetVersion());
    if (!code)
        code = ofr_notes_set(notes, "ramps", cuda->ramps_in_line ? "in line" : "forked", err);
    if (!code)
        code = ofr_notes_set(notes, OFR_NOTE_KERNELS, cuda->choices.text, err);
    if (!code)
        code = ofr_notes_set(notes, "kernels_from",
                             !cuda->choices.given    ? "chosen here"
                             : cuda->choices.refused ? "chosen here: the profile's do not fit"
                                                     : "the profile",
                             err);
    if (!code)
        code = ofr_notes_setf(notes, err, "create_s", "%.2f, of which %.2f choosing kernels", cuda->create_s,
                              cuda->tune_s);
    if (!code)
        code = ofr_cuda_memory_note(&cuda->memory, notes, err);
    return code ? code
                : ofr_notes_setf(notes, err, "memory.graphs_and_code_mib", "%.1f",
                                 (double)cuda->other_bytes / (1024. * 1024.));
}

static void observe(void *state, struct ofr_device_state *out)
{
    struct ofr_cuda *cuda = state;
    ofr_cuda_observe(cuda->observer, out);
}

static int logits(void *state, uint32_t lane, uint32_t site, float *out, uint32_t rows, struct ofr_error *err)
{
    struct ofr_cuda *cuda = state;
    const size_t classes = cuda->net->classes;
    if (lane >= OFR_CUDA_LANES || site > cuda->net->sites || rows > cuda->stride)
        return ofr_fail(err, OFR_E_USAGE, "cuda: no logits of lane %u, site %u, %u rows", lane, site, rows);
    const float *from = site == cuda->net->sites
                            ? cuda->lane[lane].logits
                            : cuda->lane[lane].ramp_logits + site * cuda->stride * classes;
    OFR_CUDA_TRY(cudaSetDevice(cuda->index), err);
    OFR_CUDA_TRY(cudaStreamSynchronize(cuda->compute), err);
    OFR_CUDA_TRY(cudaMemcpy(out, from, rows * classes * sizeof *out, cudaMemcpyDeviceToHost), err);
    return OFR_OK;
}

extern const struct ofr_device_ops ofr_device_cuda; /* replay/devices.c */
const struct ofr_device_ops ofr_device_cuda = {
    .name = "cuda",
    .help = "an NVIDIA GPU (Hopper): one CUDA graph per batch size, ramps on a forked branch",
    .lanes = OFR_CUDA_LANES,
    .settle_ns = 450000000, /* 0.2 to 0.3 s were seen (docs/how-far-to-trust.md) */
    .create = create,
    .destroy = destroy,
    .lane = lane_view,
    .submit = submit,
    .prepare = prepare,
    .check = check,
    .info = info,
    .observe = observe,
    .measure = ofr_cuda_measure,
    .logits = logits,
};
