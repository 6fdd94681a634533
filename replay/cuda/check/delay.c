/* What three forked ramps cost a pass, and which of their parts does: the fork, their blocks, their length. */
#include "replay/cuda/check/check_gpu.h"
#include "replay/cuda/state.h"

#include <stdlib.h>
#include <string.h>

enum {
    ROUNDS = 12,
    REPLAYS = 10
};

struct variant {
    const char *name;
    uint32_t parts;
    bool least; /* blocks: the shape with the fewest */
};

static uint64_t three_of(uint32_t sites)
{
    return (uint64_t)1 << sites / 4 | (uint64_t)1 << sites / 2 | (uint64_t)1 << (3 * (uint64_t)sites / 4);
}

/* Gives every site the shape of the fewest blocks. */
static void take_least(const struct ofr_cuda *cuda, struct ofr_cuda_plan *plan)
{
    for (uint32_t site = 0; site < cuda->net->sites; ++site) {
        struct ofr_cuda_ramp_shape shape[OFR_CUDA_RAMP_MAX_SHAPES];
        const struct ofr_cuda_ramp ramp = ofr_cuda_plan_ramp(cuda, plan, site, 0);
        const uint32_t shapes = ofr_cuda_ramp_shapes(&ramp, cuda->processors, shape);
        uint32_t least = 0;
        for (uint32_t i = 1; i < shapes; ++i)
            if (ofr_cuda_ramp_blocks(&ramp, &shape[i]) < ofr_cuda_ramp_blocks(&ramp, &shape[least]))
                least = i;
        plan->shape[site] = shape[least];
    }
}

/* Medians of a pass without the ramps and with three of them, from one graph, by turns. */
static int time_variant(struct ofr_cuda *cuda, const struct ofr_cuda_plan *plan,
                        const struct variant *variant, struct ofr_error *err)
{
    const uint32_t sites = cuda->net->sites;
    int64_t sample[2][ROUNDS * REPLAYS];
    struct ofr_cuda_graph graph;
    int code = ofr_cuda_graph_init(cuda, &graph, plan, 0, cuda->net->ops, variant->parts, err);
    for (uint32_t i = 0; i < 2 * ROUNDS && !code; ++i) {
        const uint64_t active = i % 2 ? three_of(sites) : 0;
        code = variant->parts & OFR_CUDA_RAMPS && !(variant->parts & OFR_CUDA_HOLLOW)
                   ? ofr_cuda_graph_switch(cuda, &graph, active, err)
                   : ofr_cuda_graph_activate(&graph, sites, active, err); /* nobody takes the sums away */
        if (!code)
            code = ofr_cuda_graph_time(cuda, graph.exec, sample[i % 2] + (size_t)(i / 2) * REPLAYS, REPLAYS,
                                       err);
    }
    if (!code) {
        const double without = ofr_check_quantile_us(sample[0], ROUNDS * REPLAYS, .5);
        const double with = ofr_check_quantile_us(sample[1], ROUNDS * REPLAYS, .5);
        printf("delay\t%s\t%u\t%s\tnone on %.2f us\tthree on %.2f us\t%+.2f us\t%+.2f %%\n", cuda->net->name,
               plan->batch, variant->name, without, with, with - without, (with / without - 1) * 100);
    }
    ofr_cuda_graph_release(&graph);
    return code ? code : ofr_cuda_graph_switch(cuda, NULL, 0, err);
}

static void print_shapes(const struct ofr_cuda *cuda, const struct ofr_cuda_plan *plan)
{
    for (uint32_t site = 0; site < cuda->net->sites; ++site) {
        const struct ofr_cuda_ramp ramp = ofr_cuda_plan_ramp(cuda, plan, site, 0);
        const struct ofr_cuda_ramp_shape *shape = &plan->shape[site];
        if (three_of(cuda->net->sites) >> site & 1)
            printf("delay\t%s\t%u\t%s\tclasses %u, vectors %u, shares %u, rows %u, threads %u\t%u blocks\n",
                   cuda->net->name, plan->batch, cuda->net->site[site].name, shape->classes, shape->vectors,
                   shape->shares, shape->rows, shape->threads, ofr_cuda_ramp_blocks(&ramp, shape));
    }
}

int ofr_check_delays(struct ofr_cuda *cuda, struct ofr_error *err)
{
    static const struct variant variants[] = {
        {"no ramp captured", 0, false},
        {"forked", OFR_CUDA_RAMPS, false},
        {"forked, captured first", OFR_CUDA_RAMPS | OFR_CUDA_RAMP_FIRST, false},
        {"forked, empty kernels", OFR_CUDA_RAMPS | OFR_CUDA_HOLLOW, false},
        {"in line", OFR_CUDA_RAMPS | OFR_CUDA_IN_LINE, false},
        {"in line, empty kernels", OFR_CUDA_RAMPS | OFR_CUDA_IN_LINE | OFR_CUDA_HOLLOW, false},
        {"forked, fewest blocks", OFR_CUDA_RAMPS, true},
    };
    struct ofr_cuda_plan *plan = &cuda->plan[0];
    int code = OFR_OK;
    print_shapes(cuda, plan);
    for (size_t i = 0; i < sizeof variants / sizeof *variants && !code; ++i) {
        if (variants[i].least)
            take_least(cuda, plan);
        code = time_variant(cuda, plan, &variants[i], err);
    }
    return code;
}
