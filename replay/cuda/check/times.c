#include "replay/cuda/check/check_gpu.h"
#include "replay/cuda/state.h"

#include <cuda_runtime_api.h>
#include <stdlib.h>

static const uint32_t batches[] = {1, 2, 4, 8, 16, 32, 64};

enum {
    BATCHES = sizeof batches / sizeof *batches,
    THREE = 3,
};

static int median(const struct ofr_device_ops *ops, void *state, struct ofr_measure what, double *us,
                  struct ofr_error *err)
{
    int64_t sample[OFR_CHECK_SAMPLES];
    const int code = ops->measure(state, &what, sample, OFR_CHECK_SAMPLES, err);
    *us = code ? 0 : ofr_check_quantile_us(sample, OFR_CHECK_SAMPLES, .5);
    return code;
}

static int time_full(const struct ofr_device_ops *ops, void *state, const struct ofr_net *net,
                     struct ofr_error *err)
{
    int code = OFR_OK;
    for (uint32_t i = 0; i < BATCHES && !code; ++i) {
        double us, bytes, operations;
        ofr_net_work(net, batches[i], &bytes, &operations);
        code = median(ops, state, (struct ofr_measure){OFR_MEASURE_UNTIL, batches[i], net->sites, false}, &us,
                      err);
        if (!code)
            printf("full\t%s\t%u\t%.2f\tus\t%.0f\tbytes\t%.0f\toperations\n", net->name, batches[i], us,
                   bytes, operations);
        fflush(stdout);
    }
    return code;
}

/* Whether no site before has the same ramp. */
static bool is_first(const struct ofr_net *net, uint32_t site)
{
    uint32_t before = 0;
    while (before < site && !ofr_cuda_same_ramp(net, before, site))
        ++before;
    return before == site;
}

/* Every ramp alone; the first of its shape also in the whole network, in line and forked. */
static int time_ramps(const struct ofr_device_ops *ops, void *state, const struct ofr_net *net,
                      struct ofr_error *err)
{
    int code = OFR_OK;
    for (uint32_t site = 0; site < net->sites && !code; ++site) {
        const struct ofr_tensor *tensor = &net->tensor[net->site[site].tensor];
        double alone = 0, line = 0, delay = 0;
        code = median(ops, state, (struct ofr_measure){OFR_MEASURE_RAMP_ALONE, 1, site, false}, &alone, err);
        if (code)
            return code;
        printf("ramp\t%s\t%s\t%u x %u x %u\talone %.2f us", net->name, net->site[site].name, tensor->h,
               tensor->w, tensor->c, alone);
        if (is_first(net, site)) {
            code = median(ops, state, (struct ofr_measure){OFR_MEASURE_RAMP_ADD, 1, site, true}, &line, err);
            if (!code)
                code = median(ops, state, (struct ofr_measure){OFR_MEASURE_RAMP_DELAY, 1, site, false},
                              &delay, err);
            printf("\tin line adds %.2f us\tforked answers after %.2f us", line, delay);
        }
        printf("\n");
    }
    return code;
}

/* The whole pass with three ramps spread over the sites, against the pass without: both from one graph, by turns. */
static int time_three(struct ofr_cuda *cuda, uint32_t at, struct ofr_error *err)
{
    enum {
        ROUNDS = 12,
        REPLAYS = 10
    };
    const uint32_t sites = cuda->net->sites, parts = OFR_CUDA_RAMPS;
    const uint64_t three =
        (uint64_t)1 << sites / 4 | (uint64_t)1 << sites / 2 | (uint64_t)1 << (3 * (uint64_t)sites / 4);
    int64_t without[ROUNDS * REPLAYS], with[ROUNDS * REPLAYS];
    struct ofr_cuda_graph graph;
    int code = ofr_cuda_graph_init(cuda, &graph, &cuda->plan[at], 0, cuda->net->ops, parts, err);
    for (uint32_t i = 0; i < ROUNDS && !code; ++i) {
        code = ofr_cuda_graph_switch(cuda, &graph, 0, err);
        if (!code)
            code = ofr_cuda_graph_time(cuda, graph.exec, without + (size_t)i * REPLAYS, REPLAYS, err);
        if (!code)
            code = ofr_cuda_graph_switch(cuda, &graph, three, err);
        if (!code)
            code = ofr_cuda_graph_time(cuda, graph.exec, with + (size_t)i * REPLAYS, REPLAYS, err);
    }
    if (!code) {
        const double a = ofr_check_quantile_us(without, ROUNDS * REPLAYS, .5);
        const double b = ofr_check_quantile_us(with, ROUNDS * REPLAYS, .5);
        printf("three\t%s\t%u\tno ramps %.2f us\tthree forked %.2f us\t%+.2f %%\n", cuda->net->name,
               cuda->plan[at].batch, a, b, (b / a - 1) * 100);
    }
    ofr_cuda_graph_release(&graph);
    if (!code)
        code = ofr_cuda_graph_switch(cuda, NULL, 0, err);
    return code;
}

static int time_ways(const struct ofr_device_ops *ops, void *state, const struct ofr_net *net,
                     struct ofr_error *err)
{
    static const struct {
        const char *name;
        enum ofr_measure_kind kind;
    } ways[] = {{"decision to host", OFR_MEASURE_RELEASE},
                {"copy out", OFR_MEASURE_COPY_OUT},
                {"dispatch", OFR_MEASURE_DISPATCH},
                {"copy in", OFR_MEASURE_COPY_IN}};
    enum {
        MANY = 1000
    };
    int64_t sample[MANY];
    int code = OFR_OK;
    for (size_t i = 0; i < sizeof ways / sizeof *ways && !code; ++i) {
        const struct ofr_measure what = {ways[i].kind, 1, 0, false};
        code = ops->measure(state, &what, sample, MANY, err);
        if (!code)
            printf("%s\t%s\tp50 %.2f us\tp99 %.2f us\n", ways[i].name, net->name,
                   ofr_check_quantile_us(sample, MANY, .5), ofr_check_quantile_us(sample, MANY, .99));
    }
    return code;
}

static int time_all(const struct ofr_device_ops *ops, void *state, const struct ofr_net *net,
                    struct ofr_error *err)
{
    struct ofr_notes notes = OFR_NOTES_INIT;
    int code = ops->info(state, &notes, err);
    for (uint32_t i = 0; i < notes.count; ++i)
        printf("info\t%s\t%s\t%s\n", net->name, notes.item[i].name, notes.item[i].text);
    ofr_notes_release(&notes);
    if (!code)
        code = time_full(ops, state, net, err);
    if (!code)
        code = time_ramps(ops, state, net, err);
    for (uint32_t at = 0; at < BATCHES && !code; at += 4) /* batch 1 and 16 */
        code = time_three(state, at, err);
    return code ? code : time_ways(ops, state, net, err);
}

int ofr_check_time(char **argument, struct ofr_error *err)
{
    const struct ofr_net_options options = {0};
    struct ofr_check_net all;
    void *state = NULL;
    int32_t index;
    int code = ofr_check_net_init(&all, argument[0], &options, err);
    const struct ofr_device_setup setup = {
        .net = all.net, .weights = all.weights, .inputs = all.inputs, .batch = batches, .batches = BATCHES};
    const struct ofr_device_ops *ops = code ? NULL : ofr_device_find("cuda", &index, err);
    if (!code)
        code = ops ? ops->create(&state, &setup, err) : OFR_E_BUG;
    if (!code)
        code = time_all(ops, state, all.net, err);
    if (state)
        ops->destroy(state);
    ofr_check_net_release(&all);
    return code;
}
