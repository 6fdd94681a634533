/* VGGs in torchvision's layout: 3x3 convolutions with bias, max pooling between widths, three linear layers. Sites:
 * after the ReLU of every convolution but the last, as relu1, relu2, ...
 *
 * torchvision pools adaptively to 7 x 7 before the classifier, which at 224 pixels changes nothing. Here the
 * classifier takes what is there, so that other image sizes have a smaller classifier of their own. */
#include "replay/nets/build.h"

#include <stdio.h>

enum {
    VGG_STEPS = 24
};

/* Channels of each convolution; 0 = max pooling, closed by a negative number. */
struct row {
    const char *name;
    int32_t step[VGG_STEPS];
    bool norm;
};

#define VGG11                                                                                                \
    {                                                                                                        \
        64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0, -1                                             \
    }

static const struct row rows[] = {
    {"vgg11", VGG11, false},
    {"vgg11_bn", VGG11, true},
    {"vgg13", {64, 64, 0, 128, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0, -1}, false},
    {"vgg16", {64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0, -1}, false},
};

static int32_t build_classifier(struct ofr_build *build, int32_t at)
{
    uint32_t pixels = build->rc ? 1 : build->net->tensor[at].h * build->net->tensor[at].w;
    struct ofr_build_linear hidden = {.c_out = 4096, .act = OFR_ACT_RELU, .add = -1, .pixels = pixels};
    at = ofr_build_linear(build, ofr_build_flatten(build, at), &hidden, "classifier.0");
    hidden.pixels = 0;
    at = ofr_build_linear(build, at, &hidden, "classifier.3");
    struct ofr_build_linear last = {.c_out = build->net->classes, .add = -1};
    return ofr_build_linear(build, at, &last, "classifier.6");
}

static void build_vgg(struct ofr_build *build, const void *which)
{
    const struct row *row = which;
    uint32_t layer = 0, convolutions = 0,
             convolution = 0; /* `layer` counts as torchvision's `features` does */
    for (uint32_t i = 0; row->step[i] >= 0; ++i)
        convolutions += row->step[i] > 0;
    int32_t at = ofr_build_image(build);
    for (uint32_t i = 0; row->step[i] >= 0; ++i) {
        if (row->step[i] == 0) {
            at = ofr_build_maxpool(build, at, 2, 2, 0);
            layer += 1;
            continue;
        }
        char name[32], norm[32], site[32];
        snprintf(name, sizeof name, "features.%u", layer);
        snprintf(norm, sizeof norm, "features.%u", layer + 1);
        struct ofr_build_conv conv = {.c_out = (uint32_t)row->step[i],
                                      .kernel = 3,
                                      .stride = 1,
                                      .pad = 1,
                                      .act = OFR_ACT_RELU,
                                      .add = -1,
                                      .bias = true};
        at = ofr_build_conv(build, at, &conv, name, row->norm ? norm : "");
        layer += row->norm ? 3 : 2;
        snprintf(site, sizeof site, "relu%u", ++convolution);
        if (convolution < convolutions)
            ofr_build_site(build, site);
    }
    build_classifier(build, at);
}

static struct ofr_net_options defaults(const void *row)
{
    (void)row;
    return (struct ofr_net_options){.classes = 1000, .image_size = 224};
}

const struct ofr_net_family ofr_family_vgg = {
    .row = rows,
    .rows = sizeof rows / sizeof rows[0],
    .row_size = sizeof rows[0],
    .pooling = OFR_POOL_MEAN,
    .defaults = defaults,
    .build = build_vgg,
};
