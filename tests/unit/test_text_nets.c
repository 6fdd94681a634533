/* Text networks against a longhand implementation: BERT and GPT-2 written down once more from their papers, in double
 * precision, weights found by their names, nothing shared with the operators. */
#include "replay/device.h"
#include "replay/model.h"

#include <criterion/criterion.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

enum {
    TOKENS = 5,
    WIDEST = 4 * 128, /* bert-tiny's inner layer */
};

typedef double rows[TOKENS][WIDEST];

struct paper {
    const struct ofr_replay_model *model;
    uint32_t c, heads;
    bool causal, tanh_gelu;
};

static uint32_t find(const struct paper *paper, const char *name)
{
    for (uint32_t i = 0; i < paper->model->net->weights; ++i)
        if (strcmp(paper->model->net->weight[i].name, name) == 0)
            return i;
    cr_assert_fail("no weight %s", name);
    return 0;
}

static double value(const struct paper *paper, uint32_t weight, size_t row, size_t column)
{
    size_t columns = paper->model->net->weight[weight].columns;
    return (double)ofr_half_to_float(paper->model->weights->value[weight][row * columns + column]);
}

static double bias(const struct paper *paper, uint32_t weight, size_t i)
{
    return (double)ofr_half_to_float(paper->model->weights->bias[weight][i]);
}

static void linear(const struct paper *paper, const char *name, rows in, rows out)
{
    uint32_t w = find(paper, name);
    const struct ofr_weight *weight = &paper->model->net->weight[w];
    for (int t = 0; t < TOKENS; ++t)
        for (uint32_t o = 0; o < weight->rows; ++o) {
            out[t][o] = bias(paper, w, o);
            for (uint32_t i = 0; i < weight->columns; ++i)
                out[t][o] += value(paper, w, o, i) * in[t][i];
        }
}

static void norm(const struct paper *paper, const char *name, double eps, rows in, rows out)
{
    uint32_t w = find(paper, name), c = paper->c;
    for (int t = 0; t < TOKENS; ++t) {
        double mean = 0, square = 0;
        for (uint32_t i = 0; i < c; ++i)
            mean += in[t][i] / c;
        for (uint32_t i = 0; i < c; ++i)
            square += (in[t][i] - mean) * (in[t][i] - mean) / c;
        for (uint32_t i = 0; i < c; ++i)
            out[t][i] = (in[t][i] - mean) / sqrt(square + eps) * value(paper, w, 0, i) + bias(paper, w, i);
    }
}

static void attention(const struct paper *paper, rows qkv, rows out)
{
    uint32_t c = paper->c, width = c / paper->heads;
    for (uint32_t h = 0; h < paper->heads; ++h)
        for (int t = 0; t < TOKENS; ++t) {
            double weight[TOKENS] = {0}, sum = 0;
            int keys = paper->causal ? t + 1 : TOKENS;
            for (int k = 0; k < keys; ++k) {
                for (uint32_t i = h * width; i < (h + 1) * width; ++i)
                    weight[k] += qkv[t][i] * qkv[k][c + i];
                weight[k] = exp(weight[k] / sqrt(width));
                sum += weight[k];
            }
            for (uint32_t i = h * width; i < (h + 1) * width; ++i) {
                out[t][i] = 0;
                for (int k = 0; k < keys; ++k)
                    out[t][i] += weight[k] / sum * qkv[k][2 * c + i];
            }
        }
}

static void gelu(const struct paper *paper, rows x)
{
    for (int t = 0; t < TOKENS; ++t)
        for (uint32_t i = 0; i < 4 * paper->c; ++i) {
            double v = x[t][i];
            x[t][i] = paper->tanh_gelu ? 0.5 * v * (1 + tanh(sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)))
                                       : 0.5 * v * erfc(-v / sqrt(2));
        }
}

static void add(const struct paper *paper, rows to, rows from)
{
    for (int t = 0; t < TOKENS; ++t)
        for (uint32_t i = 0; i < paper->c; ++i)
            to[t][i] += from[t][i];
}

static void ramp(const struct paper *paper, uint32_t site, const double *vector, double logits[2])
{
    char name[32];
    snprintf(name, sizeof name, "ramp.%u", site);
    uint32_t w = find(paper, name);
    for (uint32_t o = 0; o < 2; ++o) {
        logits[o] = bias(paper, w, o);
        for (uint32_t i = 0; i < paper->c; ++i)
            logits[o] += value(paper, w, o, i) * vector[i];
    }
}

static void embed(const struct paper *paper, const char *words, const char *places, const char *types, rows x)
{
    const int32_t *token = paper->model->inputs.data;
    for (int t = 0; t < TOKENS; ++t)
        for (uint32_t i = 0; i < paper->c; ++i)
            x[t][i] = value(paper, find(paper, words), (size_t)token[t], i) +
                      value(paper, find(paper, places), (size_t)t, i) +
                      (types ? value(paper, find(paper, types), 0, i) : 0);
}

static void bert(const struct paper *paper, double logits[2][2])
{
    static rows x, y, z, inner;
    char name[4][96];
    embed(paper, "bert.embeddings.word_embeddings", "bert.embeddings.position_embeddings",
          "bert.embeddings.token_type_embeddings", y);
    norm(paper, "bert.embeddings.LayerNorm", 1e-12, y, x);
    for (int layer = 0; layer < 2; ++layer) {
        static const char *const part[] = {"attention.self.{query,key,value}", "attention.output.dense",
                                           "attention.output.LayerNorm", "intermediate.dense"};
        for (int i = 0; i < 4; ++i)
            snprintf(name[i], sizeof name[i], "bert.encoder.layer.%d.%s", layer, part[i]);
        linear(paper, name[0], x, inner);
        attention(paper, inner, y);
        linear(paper, name[1], y, z);
        add(paper, z, x);
        norm(paper, name[2], 1e-12, z, x);
        linear(paper, name[3], x, inner);
        gelu(paper, inner);
        snprintf(name[0], sizeof name[0], "bert.encoder.layer.%d.output.dense", layer);
        linear(paper, name[0], inner, z);
        add(paper, z, x);
        snprintf(name[0], sizeof name[0], "bert.encoder.layer.%d.output.LayerNorm", layer);
        norm(paper, name[0], 1e-12, z, x);
        if (layer == 0)
            ramp(paper, 0, x[0], logits[0]);
    }
    linear(paper, "bert.pooler.dense", x, y);
    for (uint32_t i = 0; i < paper->c; ++i)
        y[0][i] = tanh(y[0][i]);
    linear(paper, "classifier", y, z);
    memcpy(logits[1], z[0], sizeof logits[1]);
}

static void gpt2(const struct paper *paper, double logits[2][2])
{
    static rows x, y, z, inner;
    char name[6][64];
    embed(paper, "transformer.wte", "transformer.wpe", NULL, x);
    for (int layer = 0; layer < 2; ++layer) {
        static const char *const part[] = {"ln_1", "attn.c_attn", "attn.c_proj",
                                           "ln_2", "mlp.c_fc",    "mlp.c_proj"};
        for (int i = 0; i < 6; ++i)
            snprintf(name[i], sizeof name[i], "transformer.h.%d.%s", layer, part[i]);
        norm(paper, name[0], 1e-5, x, y);
        linear(paper, name[1], y, inner);
        attention(paper, inner, y);
        linear(paper, name[2], y, z);
        add(paper, x, z);
        norm(paper, name[3], 1e-5, x, y);
        linear(paper, name[4], y, inner);
        gelu(paper, inner);
        linear(paper, name[5], inner, z);
        add(paper, x, z);
        if (layer == 0)
            ramp(paper, 0, x[TOKENS - 1], logits[0]);
    }
    norm(paper, "transformer.ln_f", 1e-5, x, y);
    linear(paper, "score", y, z);
    memcpy(logits[1], z[TOKENS - 1], sizeof logits[1]);
}

static void compute(const struct ofr_replay_model *model, float found[2][2])
{
    struct ofr_error err = OFR_ERROR_INIT;
    int32_t index;
    uint32_t one = 1, sample = 0;
    void *device;
    const struct ofr_device_ops *ops = ofr_device_find("cpu", &index, &err);
    struct ofr_device_setup setup = {
        .net = model->net, .weights = model->weights, .inputs = model->inputs, .batch = &one, .batches = 1};
    cr_assert_eq(ops->create(&device, &setup, &err), 0, "%s", err.text);
    struct offramp_exit_config config = {.ramps = 1};
    struct ofr_pass pass = {
        .ticket = 1, .lane = 1, .rows = 1, .padded = 1, .sample = &sample, .config = &config};
    cr_assert_eq(ops->submit(device, &pass, &err), 0);
    struct ofr_lane_view view;
    ops->lane(device, 1, &view);
    while (atomic_load_explicit(view.ended, memory_order_acquire) != 1)
        sched_yield();
    for (uint32_t site = 0; site < 2; ++site)
        cr_assert_eq(ops->logits(device, 1, site, found[site], 1, &err), 0);
    ops->destroy(device);
}

static void check(const char *name, uint32_t c, bool is_gpt2)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_replay_model model;
    struct ofr_replay_model_options options = {
        .net = name, .weights = "", .images = "", .tokens = TOKENS, .seed = 3};
    cr_assert_eq(ofr_replay_model_load(&model, &options, NULL, NULL, &err), 0, "%s", err.text);
    struct paper paper = {.model = &model, .c = c, .heads = 2, .causal = is_gpt2, .tanh_gelu = is_gpt2};
    double wanted[2][2];
    float found[2][2];
    if (is_gpt2)
        gpt2(&paper, wanted);
    else
        bert(&paper, wanted);
    compute(&model, found);
    for (int site = 0; site < 2; ++site)
        for (int o = 0; o < 2; ++o)
            cr_expect_float_eq((double)found[site][o], wanted[site][o], 1e-4 * (1 + fabs(wanted[site][o])),
                               "%s site %d: %g, longhand %g", name, site, (double)found[site][o],
                               wanted[site][o]);
    ofr_replay_model_release(&model);
}

/* Falls when an operator, its order, a residual, a mask, the pooling or a head differs from the paper's. */
Test(text_nets, bert_is_what_its_paper_says)
{
    check("bert-tiny", 128, false);
}

Test(text_nets, gpt2_is_what_its_paper_says)
{
    check("gpt2-tiny", 64, true);
}
