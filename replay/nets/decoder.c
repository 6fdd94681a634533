/* GPT-2 in Hugging Face's layout for sequence classification (GPT2ForSequenceClassification): layers with the norm
 * before each branch, causal attention, weights as [in][out]; the last token is classified. Sites: every layer but
 * the last. The last norm is computed for that token only: same result, less work. */
#include "replay/nets/build.h"

#include <stdio.h>

struct row {
    const char *name;
    uint32_t layers, c, heads, words, positions;
};

static const struct row rows[] = {
    {"gpt2-medium", 24, 1024, 16, 50257, 1024},
    {"gpt2-tiny", 2, 64, 2, 50257, 1024}, /* for laptops, as bert-tiny */
};

static const float eps = 1e-5f;

static int32_t build_layer(struct ofr_build *build, int32_t in, const struct row *row, uint32_t layer)
{
    char name[OFR_WEIGHT_NAME_SIZE];
#define NAME(part) ofr_build_name(build, name, "transformer.h.%u." part, layer)
    int32_t at = ofr_build_layernorm(build, in, eps, NAME("ln_1"));
    struct ofr_build_linear qkv = {.c_out = 3 * row->c, .add = -1, .transposed = true};
    at = ofr_build_linear(build, at, &qkv, NAME("attn.c_attn"));
    at = ofr_build_attention(build, at, row->heads, true);
    struct ofr_build_linear back = {.c_out = row->c, .add = in, .transposed = true};
    int32_t middle = ofr_build_linear(build, at, &back, NAME("attn.c_proj"));
    at = ofr_build_layernorm(build, middle, eps, NAME("ln_2"));
    struct ofr_build_linear up = {
        .c_out = 4 * row->c, .act = OFR_ACT_GELU_TANH, .add = -1, .transposed = true};
    at = ofr_build_linear(build, at, &up, NAME("mlp.c_fc"));
    back.add = middle;
    return ofr_build_linear(build, at, &back, NAME("mlp.c_proj"));
#undef NAME
}

static void build_decoder(struct ofr_build *build, const void *which)
{
    const struct row *row = which;
    int32_t at = ofr_build_embed(build, row->words, row->positions, row->c, "transformer.wte",
                                 "transformer.wpe", NULL);
    for (uint32_t layer = 0; layer < row->layers; ++layer) {
        char site[32];
        snprintf(site, sizeof site, "layer.%u", layer);
        at = build_layer(build, at, row, layer);
        if (layer + 1 < row->layers)
            ofr_build_site(build, site);
    }
    at = ofr_build_layernorm(build, ofr_build_take(build, at, -1), eps, "transformer.ln_f");
    struct ofr_build_linear score = {.c_out = build->net->classes, .add = -1, .no_bias = true};
    ofr_build_linear(build, at, &score, "score");
}

static struct ofr_net_options defaults(const void *row)
{
    (void)row;
    return (struct ofr_net_options){.classes = 2, .tokens = 128};
}

const struct ofr_net_family ofr_family_decoder = {
    .row = rows,
    .rows = sizeof rows / sizeof rows[0],
    .row_size = sizeof rows[0],
    .pooling = OFR_POOL_LAST,
    .defaults = defaults,
    .build = build_decoder,
};
