/* Text encoders in Hugging Face's layout for sequence classification (BertForSequenceClassification,
 * DistilBertForSequenceClassification): embeddings, layers with the norm after each sum, a head on the first token.
 * Sites: every layer but the last. */
#include "replay/nets/build.h"

#include <stdio.h>

/* Names below a layer's stem; the head's hidden layer and its activation. */
struct naming {
    const char *embeddings, *layer;
    const char *qkv, *attention_out, *attention_norm, *up, *down, *out_norm;
    const char *hidden;
    enum ofr_activation hidden_act;
    bool types; /* has token types; all tokens are of type 0 */
};

static const struct naming bert = {"bert.embeddings",
                                   "bert.encoder.layer",
                                   "attention.self.{query,key,value}",
                                   "attention.output.dense",
                                   "attention.output.LayerNorm",
                                   "intermediate.dense",
                                   "output.dense",
                                   "output.LayerNorm",
                                   "bert.pooler.dense",
                                   OFR_ACT_TANH,
                                   true};
static const struct naming distilbert = {"distilbert.embeddings",
                                         "distilbert.transformer.layer",
                                         "attention.{q_lin,k_lin,v_lin}",
                                         "attention.out_lin",
                                         "sa_layer_norm",
                                         "ffn.lin1",
                                         "ffn.lin2",
                                         "output_layer_norm",
                                         "pre_classifier",
                                         OFR_ACT_RELU,
                                         false};

struct row {
    const char *name;
    const struct naming *naming;
    uint32_t layers, c, heads, words;
};

static const struct row rows[] = {
    {"distilbert-base", &distilbert, 6, 768, 12, 30522},
    {"bert-base", &bert, 12, 768, 12, 30522},
    {"bert-large", &bert, 24, 1024, 16, 30522},
    /* Small enough to be followed by hand and by a laptop. */
    {"bert-tiny", &bert, 2, 128, 2, 30522},
};

static const float eps = 1e-12f;

static int32_t build_layer(struct ofr_build *build, int32_t in, const struct row *row, uint32_t layer)
{
    const struct naming *naming = row->naming;
    char stem[OFR_WEIGHT_NAME_SIZE], name[OFR_WEIGHT_NAME_SIZE];
    ofr_build_name(build, stem, "%s.%u", naming->layer, layer);
#define NAME(part) ofr_build_name(build, name, "%.40s.%s", stem, naming->part)
    struct ofr_build_linear qkv = {.c_out = 3 * row->c, .add = -1};
    int32_t at = ofr_build_linear(build, in, &qkv, NAME(qkv));
    at = ofr_build_attention(build, at, row->heads, false);
    struct ofr_build_linear back = {.c_out = row->c, .add = in};
    at = ofr_build_linear(build, at, &back, NAME(attention_out));
    int32_t middle = ofr_build_layernorm(build, at, eps, NAME(attention_norm));
    struct ofr_build_linear up = {.c_out = 4 * row->c, .act = OFR_ACT_GELU, .add = -1};
    at = ofr_build_linear(build, middle, &up, NAME(up));
    back.add = middle;
    at = ofr_build_linear(build, at, &back, NAME(down));
    return ofr_build_layernorm(build, at, eps, NAME(out_norm));
#undef NAME
}

static void build_encoder(struct ofr_build *build, const void *which)
{
    const struct row *row = which;
    const char *stem = row->naming->embeddings;
    char word[OFR_WEIGHT_NAME_SIZE], position[OFR_WEIGHT_NAME_SIZE], every[OFR_WEIGHT_NAME_SIZE];
    ofr_build_name(build, word, "%s.word_embeddings", stem);
    ofr_build_name(build, position, "%s.position_embeddings", stem);
    ofr_build_name(build, every, "%s.token_type_embeddings", stem);
    int32_t at =
        ofr_build_embed(build, row->words, 512, row->c, word, position, row->naming->types ? every : NULL);
    at = ofr_build_layernorm(build, at, eps, ofr_build_name(build, word, "%s.LayerNorm", stem));
    for (uint32_t layer = 0; layer < row->layers; ++layer) {
        char site[32];
        snprintf(site, sizeof site, "layer.%u", layer);
        at = build_layer(build, at, row, layer);
        if (layer + 1 < row->layers)
            ofr_build_site(build, site);
    }
    struct ofr_build_linear hidden = {.c_out = row->c, .act = row->naming->hidden_act, .add = -1};
    at = ofr_build_linear(build, ofr_build_take(build, at, 0), &hidden, row->naming->hidden);
    struct ofr_build_linear last = {.c_out = build->net->classes, .add = -1};
    ofr_build_linear(build, at, &last, "classifier");
}

static struct ofr_net_options defaults(const void *row)
{
    (void)row;
    return (struct ofr_net_options){.classes = 2, .tokens = 128};
}

const struct ofr_net_family ofr_family_encoder = {
    .row = rows,
    .rows = sizeof rows / sizeof rows[0],
    .row_size = sizeof rows[0],
    .pooling = OFR_POOL_FIRST,
    .defaults = defaults,
    .build = build_encoder,
};
