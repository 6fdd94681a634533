/* ResNets in torchvision's layout: stem, four stages of basic (two 3x3) or bottleneck (1x1, 3x3, 1x1) blocks, mean,
 * fc. Sites: the stem after its pooling and every block but the last. */
#include "replay/nets/build.h"

#include <stdio.h>

struct row {
    const char *name;
    uint32_t blocks[4];
    bool bottleneck;
    uint32_t width; /* channels of the stem and the first stage */
    uint32_t classes, image_size;
};

static const struct row rows[] = {
    {"resnet18", {2, 2, 2, 2}, false, 64, 1000, 224},
    {"resnet50", {3, 4, 6, 3}, true, 64, 1000, 224},
    {"resnet101", {3, 4, 23, 3}, true, 64, 1000, 224},
    /* ResNet-18's sites in 1/16 of its weights at 32 pixels: real arithmetic where there is no GPU. */
    {"resnet18-small", {2, 2, 2, 2}, false, 16, 10, 32},
};

static int32_t conv_norm(struct ofr_build *build, int32_t in, const struct ofr_build_conv *conv,
                         const char *block, const char *name, const char *norm)
{
    char weight[OFR_WEIGHT_NAME_SIZE], folded[OFR_WEIGHT_NAME_SIZE];
    return ofr_build_conv(build, in, conv, ofr_build_name(build, weight, "%s%s", block, name),
                          ofr_build_name(build, folded, "%s%s", block, norm));
}

static int32_t build_block(struct ofr_build *build, int32_t in, bool bottleneck, uint32_t width,
                           uint32_t stride, bool widens, const char *block)
{
    uint32_t c_out = bottleneck ? 4 * width : width;
    int32_t skip = in, at = in;
    if (widens) {
        struct ofr_build_conv down = {.c_out = c_out, .kernel = 1, .stride = stride, .add = -1};
        skip = conv_norm(build, in, &down, block, "downsample.0", "downsample.1");
    }
    struct ofr_build_conv conv = {
        .c_out = width, .kernel = 3, .stride = stride, .pad = 1, .act = OFR_ACT_RELU, .add = -1};
    if (bottleneck) {
        struct ofr_build_conv narrow = {
            .c_out = width, .kernel = 1, .stride = 1, .act = OFR_ACT_RELU, .add = -1};
        at = conv_norm(build, at, &narrow, block, "conv1", "bn1");
        at = conv_norm(build, at, &conv, block, "conv2", "bn2");
        struct ofr_build_conv wide = {
            .c_out = c_out, .kernel = 1, .stride = 1, .act = OFR_ACT_RELU, .add = skip};
        return conv_norm(build, at, &wide, block, "conv3", "bn3");
    }
    at = conv_norm(build, at, &conv, block, "conv1", "bn1");
    conv.stride = 1;
    conv.add = skip;
    return conv_norm(build, at, &conv, block, "conv2", "bn2");
}

static void build_resnet(struct ofr_build *build, const void *which)
{
    const struct row *row = which;
    struct ofr_build_conv stem = {
        .c_out = row->width, .kernel = 7, .stride = 2, .pad = 3, .act = OFR_ACT_RELU, .add = -1};
    int32_t at = ofr_build_conv(build, ofr_build_image(build), &stem, "conv1", "bn1");
    at = ofr_build_maxpool(build, at, 3, 2, 1);
    ofr_build_site(build, "stem");
    for (uint32_t stage = 0; stage < 4; ++stage) {
        for (uint32_t i = 0; i < row->blocks[stage]; ++i) {
            char block[32], site[32];
            snprintf(block, sizeof block, "layer%u.%u.", stage + 1, i);
            snprintf(site, sizeof site, "layer%u.%u", stage + 1, i);
            bool first = i == 0;
            at = build_block(build, at, row->bottleneck, row->width << stage, first && stage > 0 ? 2 : 1,
                             first && (stage > 0 || row->bottleneck), block);
            if (stage < 3 || i + 1 < row->blocks[stage])
                ofr_build_site(build, site);
        }
    }
    at = ofr_build_mean(build, at);
    struct ofr_build_linear fc = {.c_out = build->net->classes, .add = -1};
    ofr_build_linear(build, at, &fc, "fc");
}

static struct ofr_net_options defaults(const void *which)
{
    const struct row *row = which;
    return (struct ofr_net_options){.classes = row->classes, .image_size = row->image_size};
}

const struct ofr_net_family ofr_family_resnet = {
    .row = rows,
    .rows = sizeof rows / sizeof rows[0],
    .row_size = sizeof rows[0],
    .pooling = OFR_POOL_MEAN,
    .defaults = defaults,
    .build = build_resnet,
};
