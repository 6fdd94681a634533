#include "replay/nets/weights.h"

#include "replay/nets/half.h"
#include "replay/nets/safetensors.h"
#include "sim/base/processors.h"
#include "sim/engine/random.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t bias_count(const struct ofr_weight *weight)
{
    if (weight->kind == OFR_WEIGHT_TABLE)
        return 0;
    return weight->kind == OFR_WEIGHT_SCALE ? weight->columns : weight->rows;
}

/* All arrays, zeroed. */
static int allocate(struct ofr_weights **out, const struct ofr_net *net, struct ofr_error *err)
{
    struct ofr_weights *weights = calloc(1, sizeof *weights);
    bool good = weights != NULL;
    if (good) {
        weights->weights = net->weights;
        weights->value = calloc(net->weights, sizeof *weights->value);
        weights->bias = calloc(net->weights, sizeof *weights->bias);
        good = weights->value && weights->bias;
    }
    for (uint32_t i = 0; good && i < net->weights; ++i) {
        const struct ofr_weight *weight = &net->weight[i];
        uint32_t biases = bias_count(weight);
        weights->value[i] = calloc((size_t)weight->rows * weight->columns, sizeof(uint16_t));
        weights->bias[i] = biases ? calloc(biases, sizeof(uint16_t)) : NULL;
        good = weights->value[i] && (!biases || weights->bias[i]);
    }
    if (!good) {
        ofr_weights_free(weights);
        return ofr_fail_nomem(err, "a network's weights");
    }
    *out = weights;
    return OFR_OK;
}

void ofr_weights_free(struct ofr_weights *weights)
{
    if (!weights)
        return;
    for (uint32_t i = 0; i < weights->weights; ++i) {
        if (weights->value)
            free(weights->value[i]);
        if (weights->bias)
            free(weights->bias[i]);
    }
    free(weights->value);
    free(weights->bias);
    free(weights);
}

/* ---- random ---- */

/* A branch added to a residual contributes this share of a deviation, so that even 50 sums stay of order one. */
static const double branch_share = 0.25;

static double deviation_of(const struct ofr_net *net, uint32_t index)
{
    const struct ofr_weight *weight = &net->weight[index];
    if (weight->kind == OFR_WEIGHT_TABLE)
        return 0.5;
    double gain = 1.0;
    for (uint32_t i = 0; i < net->ops; ++i) {
        const struct ofr_op *op = &net->op[i];
        if (op->weight == (int32_t)index)
            gain = op->add >= 0 ? branch_share : op->act == OFR_ACT_NONE ? 1.0 : sqrt(2.0);
    }
    return gain / sqrt(weight->columns);
}

/* Values are drawn in pieces, each from a stream of its own, so that threads can share the work (VGG-16 has 138
 * million) and give the same values however many they are. */
enum {
    PIECE = 1 << 20,
    MOST_THREADS = 16
};

struct draw {
    const struct ofr_net *net;
    struct ofr_weights *weights;
    uint64_t seed;
    uint32_t *first; /* [weights + 1] number of the first piece of each weight; borrowed */
    atomic_uint next;
};

static void draw_piece(const struct draw *draw, uint32_t piece)
{
    uint32_t i = 0;
    while (draw->first[i + 1] <= piece)
        ++i;
    const struct ofr_weight *weight = &draw->net->weight[i];
    size_t count = (size_t)weight->rows * weight->columns;
    size_t begin = (size_t)(piece - draw->first[i]) * PIECE,
           end = begin + PIECE < count ? begin + PIECE : count;
    bool scale = weight->kind == OFR_WEIGHT_SCALE;
    double deviation = deviation_of(draw->net, i);
    struct ofr_random random;
    ofr_random_init(&random, draw->seed, OFR_RANDOM_WORKLOAD, piece);
    for (size_t k = begin; k < end; ++k)
        draw->weights->value[i][k] =
            ofr_half_from_float(scale ? 1.0f : (float)ofr_random_normal(&random, 0.0, deviation));
}

static void *draw_pieces(void *state)
{
    struct draw *draw = state;
    uint32_t pieces = draw->first[draw->net->weights], piece;
    while ((piece = atomic_fetch_add(&draw->next, 1)) < pieces)
        draw_piece(draw, piece);
    return NULL;
}

int ofr_weights_random(struct ofr_weights **out, const struct ofr_net *net, uint64_t seed,
                       struct ofr_error *err)
{
    *out = NULL;
    struct draw draw = {.net = net, .seed = seed};
    int rc = allocate(&draw.weights, net, err);
    if (rc)
        return rc;
    draw.first = calloc((size_t)net->weights + 1, sizeof *draw.first);
    if (!draw.first) {
        ofr_weights_free(draw.weights);
        return ofr_fail_nomem(err, "a network's weights");
    }
    for (uint32_t i = 0; i < net->weights; ++i) {
        size_t count = (size_t)net->weight[i].rows * net->weight[i].columns;
        draw.first[i + 1] = draw.first[i] + (uint32_t)((count + PIECE - 1) / PIECE);
    }
    pthread_t thread[MOST_THREADS];
    uint32_t threads = ofr_processors(), started = 0;
    threads = threads < MOST_THREADS ? threads : MOST_THREADS;
    while (started + 1 < threads && pthread_create(&thread[started], NULL, draw_pieces, &draw) == 0)
        ++started;
    draw_pieces(&draw);
    while (started > 0)
        pthread_join(thread[--started], NULL);
    free(draw.first);
    snprintf(draw.weights->source, sizeof draw.weights->source, "seed %" PRIu64, seed);
    *out = draw.weights;
    return OFR_OK;
}

/* ---- from a file ---- */

struct load {
    const struct ofr_safetensors *file;
    const char *path;
    struct ofr_error *err;
};

static int find(const struct load *load, const char *stem, const char *what, struct ofr_safetensor *out)
{
    char name[2 * OFR_WEIGHT_NAME_SIZE];
    snprintf(name, sizeof name, "%s.%s", stem, what);
    return ofr_safetensors_find(load->file, name, out, load->err);
}

static int need_shape(const struct load *load, const char *stem, const char *what,
                      const struct ofr_safetensor *tensor, uint32_t dimensions, const uint64_t *shape)
{
    char found[96] = "", expected[96] = "";
    bool same = tensor->dimensions == dimensions;
    for (uint32_t i = 0; i < tensor->dimensions; ++i)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%" PRIu64, i ? " x " : "",
                 tensor->shape[i]);
    for (uint32_t i = 0; i < dimensions; ++i) {
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%s%" PRIu64,
                 i ? " x " : "", shape[i]);
        same = same && tensor->shape[i] == shape[i];
    }
    return same ? OFR_OK
                : ofr_fail(load->err, OFR_E_INPUT, "%s: tensor '%s.%s': found the shape %s, expected %s",
                           load->path, stem, what, found, expected);
}

static int find_vector(const struct load *load, const char *stem, const char *what, uint32_t count,
                       struct ofr_safetensor *out)
{
    uint64_t shape[1] = {count};
    int rc = find(load, stem, what, out);
    return rc ? rc : need_shape(load, stem, what, out, 1, shape);
}

static int put(const struct load *load, const char *stem, uint16_t *at, float value)
{
    *at = ofr_half_from_float(value);
    if ((*at & 0x7c00u) == 0x7c00u)
        return ofr_fail(load->err, OFR_E_INPUT,
                        "%s: tensor '%s': found %g, expected what a 16-bit float holds", load->path, stem,
                        (double)value);
    return OFR_OK;
}

/* Where element (row, column) of ours lies in the file's tensor of `rows` rows. */
static uint64_t place(const struct ofr_weight *weight, uint64_t rows, uint64_t row, uint64_t column)
{
    uint64_t columns = weight->columns, pixels = weight->kernel * weight->kernel;
    if (weight->kind == OFR_WEIGHT_LINEAR_TRANSPOSED)
        return column * rows + row;
    if (weight->kind == OFR_WEIGHT_LINEAR)
        pixels = weight->pixels;
    if (pixels <= 1)
        return row * columns + column;
    uint64_t c = columns / pixels; /* ours [pixels][c], the file's [c][pixels] */
    return row * columns + column % c * pixels + column / c;
}

static int find_value(const struct load *load, const struct ofr_weight *weight, uint32_t rows,
                      const char *stem, struct ofr_safetensor *out)
{
    uint64_t shape[4] = {rows, weight->columns};
    uint32_t dimensions = 2;
    if (weight->kind == OFR_WEIGHT_CONV) {
        dimensions = 4;
        shape[1] = weight->columns / (weight->kernel * weight->kernel);
        shape[2] = shape[3] = weight->kernel;
    } else if (weight->kind == OFR_WEIGHT_LINEAR_TRANSPOSED) {
        shape[0] = weight->columns;
        shape[1] = rows;
    } else if (weight->kind == OFR_WEIGHT_SCALE) {
        dimensions = 1;
        shape[0] = weight->columns;
    }
    int rc = find(load, stem, "weight", out);
    return rc ? rc : need_shape(load, stem, "weight", out, dimensions, shape);
}

/* Batch norm after a convolution: y = (x - mean) / sqrt(var + eps) * gamma + beta, per output channel; as a factor and
 * an offset, in f32, for the convolution's weights and bias. */
static int fold(const struct load *load, const struct ofr_weight *weight, float *factor, float *offset)
{
    struct ofr_safetensor gamma, beta, mean, variance;
    int rc = find_vector(load, weight->norm, "weight", weight->rows, &gamma);
    if (!rc)
        rc = find_vector(load, weight->norm, "bias", weight->rows, &beta);
    if (!rc)
        rc = find_vector(load, weight->norm, "running_mean", weight->rows, &mean);
    if (!rc)
        rc = find_vector(load, weight->norm, "running_var", weight->rows, &variance);
    for (uint32_t r = 0; !rc && r < weight->rows; ++r) {
        float spread = ofr_safetensor_element(&variance, r);
        if (!(spread >= 0.0f))
            return ofr_fail(load->err, OFR_E_INPUT,
                            "%s: tensor '%s.running_var': found %g, expected no less than 0", load->path,
                            weight->norm, (double)spread);
        factor[r] = ofr_safetensor_element(&gamma, r) / sqrtf(spread + 1e-5f);
        offset[r] =
            ofr_safetensor_element(&beta, r) + (offset[r] - ofr_safetensor_element(&mean, r)) * factor[r];
    }
    return rc;
}

/* One part of a weight: `rows` rows from the tensor `stem`. */
static int load_part(const struct load *load, const struct ofr_weight *weight, const char *stem,
                     uint32_t rows, uint16_t *value, uint16_t *bias)
{
    struct ofr_safetensor tensor, biases;
    uint32_t offsets = weight->kind == OFR_WEIGHT_SCALE ? weight->columns : rows;
    float *factor = malloc((rows + (size_t)offsets) * sizeof *factor), *offset = factor + rows;
    if (!factor)
        return ofr_fail_nomem(load->err, stem);
    int rc = find_value(load, weight, rows, stem, &tensor);
    if (!rc && weight->bias)
        rc = find_vector(load, stem, "bias", offsets, &biases);
    for (uint32_t r = 0; !rc && r < rows; ++r)
        factor[r] = 1.0f;
    for (uint32_t r = 0; !rc && r < offsets; ++r)
        offset[r] = weight->bias ? ofr_safetensor_element(&biases, r) : 0.0f;
    if (!rc && weight->norm[0])
        rc = fold(load, weight, factor, offset);
    for (uint32_t r = 0; !rc && r < rows; ++r)
        for (uint32_t k = 0; !rc && k < weight->columns; ++k)
            rc = put(load, stem, &value[(size_t)r * weight->columns + k],
                     ofr_safetensor_element(&tensor, place(weight, rows, r, k)) * factor[r]);
    for (uint32_t r = 0; !rc && bias && r < offsets; ++r)
        rc = put(load, stem, &bias[r], offset[r]);
    free(factor);
    return rc;
}

/* Loads the parts "x.{a,b,c}" stands for one below the other. */
static int load_weight(const struct load *load, const struct ofr_weight *weight, uint16_t *value,
                       uint16_t *bias)
{
    const char *open = strchr(weight->name, '{');
    if (!open)
        return load_part(load, weight, weight->name, weight->rows, value, bias);
    uint32_t parts = 1, rows;
    for (const char *at = open; *at; ++at)
        parts += *at == ',';
    rows = weight->rows / parts;
    const char *at = open + 1;
    for (uint32_t p = 0; p < parts; ++p) {
        char stem[OFR_WEIGHT_NAME_SIZE];
        size_t length = strcspn(at, ",}");
        snprintf(stem, sizeof stem, "%.*s%.*s", (int)(open - weight->name), weight->name, (int)length, at);
        int rc =
            load_part(load, weight, stem, rows, value + (size_t)p * rows * weight->columns, bias + p * rows);
        if (rc)
            return rc;
        at += length + 1;
    }
    return OFR_OK;
}

int ofr_weights_load(struct ofr_weights **out, const struct ofr_net *net, const char *path,
                     struct ofr_error *err)
{
    struct ofr_safetensors *file;
    struct ofr_weights *weights = NULL;
    *out = NULL;
    int rc = ofr_safetensors_open(&file, path, err);
    if (rc)
        return rc;
    struct load load = {.file = file, .path = path, .err = err};
    rc = allocate(&weights, net, err);
    for (uint32_t i = 0; !rc && i < net->weights; ++i)
        rc = load_weight(&load, &net->weight[i], weights->value[i], weights->bias[i]);
    if (rc) {
        ofr_weights_free(weights);
    } else {
        const char *name = strrchr(path, '/');
        snprintf(weights->source, sizeof weights->source, "%.128s, xxh3 %016" PRIx64, name ? name + 1 : path,
                 ofr_safetensors_hash(file));
        *out = weights;
    }
    ofr_safetensors_close(file);
    return rc;
}
