/* What the CUDA kernels offer for every network, batch size and site: decided on the host, so tested without a GPU. */
#include "replay/cuda/conv.h"
#include "replay/cuda/model.h"
#include "replay/cuda/ramp.h"

#include <criterion/criterion.h>

enum {
    PROCESSORS = 132,
    BATCHES = 7
};

static const uint32_t batches[BATCHES] = {1, 2, 4, 8, 16, 32, 64};

static struct ofr_net *build(const char *name)
{
    const struct ofr_net_options options = {0};
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_net *net = NULL;
    cr_assert_eq(ofr_net_build(&net, name, &options, &err), 0, "%s", err.text);
    return net;
}

static bool is_power_of_two(uint32_t number)
{
    return number && (number & (number - 1)) == 0;
}

/* A shape that a launch, the sums' counts or the parts' places could not bear. */
static void expect_sound(const struct ofr_cuda_ramp *ramp, const struct ofr_cuda_ramp_shape *shape,
                         uint32_t processors, const char *where)
{
    const uint32_t groups = (ramp->n + shape->rows - 1) / shape->rows;
    const uint32_t blocks = ofr_cuda_ramp_blocks(ramp, shape) / groups; /* of a row */
    cr_expect(is_power_of_two(shape->rows) && shape->rows <= 8 && shape->rows < 2 * ramp->n + 1,
              "%s: rows %u of %u", where, shape->rows, ramp->n);
    cr_expect(blocks >= 1 && blocks <= OFR_CUDA_RAMP_MAX_BLOCKS, "%s: %u blocks a row", where, blocks);
    if (shape->threads == 0) {
        cr_expect(!ramp->packed && ramp->pooled == 1, "%s: a token's way", where);
        return;
    }
    cr_expect(shape->threads == 128 || shape->threads == 256, "%s: threads %u", where, shape->threads);
    cr_expect(shape->classes == 0 || shape->classes * blocks >= ramp->classes, "%s: %u classes in %u blocks",
              where, shape->classes, blocks);
    if (shape->vectors == 0) {
        cr_expect(ramp->pooled_sum && shape->classes, "%s: nobody pools", where);
        return;
    }
    cr_expect(is_power_of_two(shape->vectors) && shape->vectors <= 8, "%s: vectors %u", where,
              shape->vectors);
    cr_expect(!shape->classes || blocks <= processors, "%s: %u blocks wait for each other on %u processors",
              where, blocks, processors);
    cr_expect(8 * shape->vectors * blocks >= ramp->c * shape->shares, "%s: %u channels in %u blocks", where,
              ramp->c, blocks);
}

static void expect_ways(const struct ofr_cuda_ramp *ramp, const char *net, const char *site)
{
    static const uint32_t processors[] = {PROCESSORS, 78, 16}; /* and of smaller devices, or a slice of one */
    for (size_t i = 0; i < sizeof processors / sizeof *processors; ++i) {
        struct ofr_cuda_ramp_shape shape[OFR_CUDA_RAMP_MAX_SHAPES];
        const uint32_t shapes = ofr_cuda_ramp_shapes(ramp, processors[i], shape);
        cr_expect_gt(shapes, 0, "%s, %s, batch %u, %u processors", net, site, ramp->n, processors[i]);
        cr_expect_leq(shapes, OFR_CUDA_RAMP_MAX_SHAPES);
        for (uint32_t k = 0; k < shapes; ++k)
            expect_sound(ramp, &shape[k], processors[i], site);
    }
}

/* Falls when a site is left without a way, or gets one that reads or writes past what there is, or whose blocks would wait
 * for blocks that cannot run: with the pixels pooled before, and by the ramp itself. */
Test(cuda_shapes, every_ramp_has_a_way)
{
    static int64_t sum;
    for (const char *const *name = ofr_net_names; *name; ++name) {
        struct ofr_net *net = build(*name);
        const uint32_t folded = net->pooling == OFR_POOL_MEAN;
        for (uint32_t i = 0; i < net->sites * (folded + 1); ++i)
            for (uint32_t b = 0; b < BATCHES; ++b) {
                const struct ofr_site *site = &net->site[i % net->sites];
                const struct ofr_tensor *tensor = &net->tensor[site->tensor];
                const uint32_t pixels = tensor->h * tensor->w;
                const struct ofr_cuda_ramp ramp = {.n = batches[b],
                                                   .pixels = pixels,
                                                   .pooled = folded ? pixels : 1,
                                                   .pooled_sum = i < net->sites ? NULL : &sum,
                                                   .copies = ofr_cuda_pooling_copies(pixels, tensor->c),
                                                   .packed = ofr_cuda_ramps_packed(net),
                                                   .c = ofr_cuda_pitch(tensor->c),
                                                   .classes = net->classes};
                expect_ways(&ramp, *name, site->name);
            }
        ofr_net_free(net);
    }
}

/* Falls when a layer is left without a tile, or a split has less than one step of the inner dimension. */
Test(cuda_shapes, every_product_has_a_tile)
{
    for (const char *const *name = ofr_net_names; *name; ++name) {
        struct ofr_net *net = build(*name);
        for (uint32_t i = 0; i < net->ops; ++i)
            for (uint32_t b = 0; b < BATCHES; ++b) {
                const struct ofr_op *op = &net->op[i];
                const struct ofr_tensor *in = &net->tensor[op->in], *out = &net->tensor[op->out];
                if (op->kind != OFR_OP_CONV)
                    continue;
                struct ofr_cuda_tile tile[OFR_CUDA_MAX_TILES];
                const struct ofr_cuda_conv conv = {.n = batches[b],
                                                   .h = in->h,
                                                   .w = in->w,
                                                   .c = ofr_cuda_pitch(in->c),
                                                   .out_h = out->h,
                                                   .out_w = out->w,
                                                   .out_c = ofr_cuda_pitch(out->c),
                                                   .kernel = op->kernel,
                                                   .stride = op->stride,
                                                   .pad = op->pad};
                const uint32_t tiles = ofr_cuda_conv_tiles(&conv, PROCESSORS, tile);
                cr_expect_gt(tiles, 0, "%s, operator %u, batch %u", *name, i, batches[b]);
                for (uint32_t k = 0; k < tiles; ++k)
                    cr_expect(tile[k].split == 1 ||
                                  conv.kernel * conv.kernel * conv.c > 64 * (tile[k].split - 1),
                              "%s, operator %u: %u blocks share too little", *name, i, tile[k].split);
            }
        ofr_net_free(net);
    }
}
