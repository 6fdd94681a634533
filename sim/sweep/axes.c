#include "sim/sweep/axes.h"

#include "sim/engine/random.h"

#include <gsl/gsl_qrng.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- axes ---- */

static int make_axis(struct ofr_axis *axis, uint32_t keys, uint64_t points, struct ofr_error *err)
{
    *axis = (struct ofr_axis){.keys = keys, .points = (uint32_t)points};
    axis->key = calloc(keys, sizeof *axis->key);
    axis->value = calloc(points * keys, sizeof(struct ofr_node *));
    return axis->key && axis->value ? 0 : ofr_fail_nomem(err, "an axis");
}

void ofr_axis_release(struct ofr_axis *axis)
{
    for (size_t i = 0; axis->value && i < (size_t)axis->points * axis->keys; ++i)
        ofr_node_free(axis->value[i]);
    free(axis->key);
    free(axis->value);
    *axis = (struct ofr_axis){0};
}

/* What is wrong with a key of an axis is wrong where the axis stands. */
static void stand_under(struct ofr_node *value, const struct ofr_node *axis)
{
    value->key_line = axis->key_line;
    value->key_column = axis->key_column;
}

static int put_value(struct ofr_node **to, const struct ofr_node *place, struct ofr_amount quantity,
                     struct ofr_error *err)
{
    char text[OFR_AMOUNT_TEXT];
    ofr_amount_write(text, sizeof text, quantity);
    *to = ofr_node_scalar(place, text);
    return *to ? 0 : ofr_fail_nomem(err, "an axis");
}

static int read_range_axis(struct ofr_axis *axis, struct ofr_node *node, struct ofr_error *err)
{
    struct ofr_range range;
    int rc = ofr_range_read(&range, node, err);
    if (rc)
        return rc;
    uint64_t count = range.count;
    if (range.step > 0.0)
        count = (uint64_t)floor((range.to - range.from) / range.step * (1.0 + 1e-12) + 1e-9) + 1;
    if (!count)
        return ofr_node_fail(node, err, "found a range with neither step nor count");
    rc = make_axis(axis, 1, count, err);
    for (uint64_t i = 0; i < count && !rc; ++i) {
        struct ofr_amount value = {.kind = range.kind, .value = range.from + (double)i * range.step};
        if (range.step <= 0.0)
            value = ofr_range_at(&range, count > 1 ? (double)i / (double)(count - 1) : 0.0);
        rc = put_value(&axis->value[i], node, value, err);
    }
    return rc;
}

int ofr_axis_read(struct ofr_axis *axis, struct ofr_node *node, struct ofr_error *err)
{
    int rc = 0;
    node->used = true;
    if (node->kind == OFR_NODE_MAP) {
        rc = read_range_axis(axis, node, err);
    } else if (node->kind == OFR_NODE_LIST && node->children) {
        rc = make_axis(axis, 1, node->children, err);
        for (uint32_t i = 0; i < node->children && !rc; ++i) {
            axis->value[i] = ofr_node_copy(node->child[i]);
            rc = axis->value[i] ? 0 : ofr_fail_nomem(err, "an axis");
            if (!rc)
                stand_under(axis->value[i], node);
        }
    } else {
        return ofr_node_fail(node, err,
                             "axis %s: expected a list of values or a range {from: .., to: .., step: ..}",
                             node->key);
    }
    if (rc)
        ofr_axis_release(axis);
    else
        axis->key[0] = node->key;
    return rc;
}

char *ofr_axis_value_text(const struct ofr_axis *axis, uint32_t point, uint32_t k)
{
    const struct ofr_node *node = axis->value[(size_t)point * axis->keys + k];
    char *text = NULL;
    size_t size = 0;
    if (node->kind == OFR_NODE_SCALAR)
        return strdup(node->text);
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    ofr_node_write_line(out, node);
    if (!fclose(out))
        return text;
    free(text);
    return NULL;
}

/* ---- points ---- */

static const char *const methods[] = {"sobol", "halton", "niederreiter", "latin-hypercube", NULL};
enum {
    LATIN_HYPERCUBE = 3
};

struct points_options {
    int32_t method;
    uint64_t count, seed;
};

static const struct offramp_option points_table[] = {
    {.name = "method",
     .type = OFFRAMP_OPT_CHOICE,
     .offset = offsetof(struct points_options, method),
     .fallback = "sobol",
     .choices = methods,
     .help = "how points are placed"},
    {.name = "count",
     .type = OFFRAMP_OPT_COUNT,
     .offset = offsetof(struct points_options, count),
     .min = 1,
     .max = OFR_RANGE_MOST,
     .help = "how many points"},
    {.name = "seed",
     .type = OFFRAMP_OPT_COUNT,
     .offset = offsetof(struct points_options, seed),
     .fallback = "1",
     .help = "of latin-hypercube"},
};

double ofr_points_in_cell(uint64_t cell, uint64_t count, double u)
{
    return fmin(((double)cell + u) / (double)count, nextafter(1.0, 0.0));
}

/* u[points][keys] in [0, 1). */
static int place_points(double *u, uint32_t keys, const struct points_options *options,
                        const struct ofr_node *node, struct ofr_error *err)
{
    if (options->method == LATIN_HYPERCUBE) {
        for (uint32_t k = 0; k < keys;
             ++k) { /* each key: one point in each of `count` equal cells, shuffled */
            struct ofr_random random;
            ofr_random_init(&random, options->seed, OFR_RANDOM_ANALYSIS, k);
            for (uint64_t i = 0; i < options->count; ++i) {
                uint64_t j = ofr_random_below(&random, i + 1);
                u[i * keys + k] = u[j * keys + k];
                u[j * keys + k] = ofr_points_in_cell(i, options->count, ofr_random_uniform(&random));
            }
        }
        return 0;
    }
    const gsl_qrng_type *const type[] = {gsl_qrng_sobol, gsl_qrng_halton, gsl_qrng_niederreiter_2};
    static const uint32_t most[] = {40, 1229, 12};
    if (keys > most[options->method])
        return ofr_node_fail(node, err, "found %u keys, %s takes at most %u", keys, methods[options->method],
                             most[options->method]);
    gsl_qrng *sequence = gsl_qrng_alloc(type[options->method], keys);
    if (!sequence)
        return ofr_fail_nomem(err, "points");
    for (uint64_t i = 0; i < options->count; ++i)
        gsl_qrng_get(sequence, u + i * keys);
    gsl_qrng_free(sequence);
    return 0;
}

/* Values of key k for every point. */
static int fill_key(struct ofr_axis *axis, uint32_t k, struct ofr_node *node, const double *u,
                    struct ofr_error *err)
{
    struct ofr_range range = {0};
    axis->key[k] = node->key;
    node->used = true;
    bool list = node->kind == OFR_NODE_LIST && node->children;
    if (!list && node->kind != OFR_NODE_MAP)
        return ofr_node_fail(node, err, "points: expected {from: .., to: ..} or a list to pick from");
    int rc = list ? 0 : ofr_range_read(&range, node, err);
    if (!rc && (range.step > 0.0 || range.count))
        rc = ofr_node_fail(node, err,
                           "points choose the values themselves: expected no step or count, perhaps `round`");
    for (uint32_t i = 0; i < axis->points && !rc; ++i) {
        double at = u[(size_t)i * axis->keys + k];
        struct ofr_node **to = &axis->value[(size_t)i * axis->keys + k];
        if (list)
            *to = ofr_node_copy(node->child[(uint32_t)(at * node->children)]);
        else
            rc = put_value(to, node, ofr_range_at(&range, at), err);
        if (*to)
            stand_under(*to, node);
        else
            rc = ofr_fail_nomem(err, "points");
    }
    return rc;
}

int ofr_axis_read_points(struct ofr_axis *axis, struct ofr_node *node, struct ofr_error *err)
{
    static const char *const known[] = {"method", "count", "seed", "keys", NULL};
    struct points_options options;
    if (node->kind != OFR_NODE_MAP)
        return ofr_node_fail(node, err, "points must be a map {method: .., count: .., keys: {..}}");
    int rc = ofr_options_bind(points_table, 3, &options, sizeof options, node, err);
    struct ofr_node *keys = ofr_node_get(node, "keys");
    if (!rc)
        rc = ofr_node_reject_unused(node, known, err);
    if (!rc && (!keys || keys->kind != OFR_NODE_MAP || !keys->children))
        rc = ofr_node_fail(node, err, "points need keys: {KEY: {from: .., to: ..}, ...}");
    if (rc)
        return rc;
    double *u = calloc(options.count * keys->children, sizeof *u);
    rc = u ? make_axis(axis, keys->children, options.count, err) : ofr_fail_nomem(err, "points");
    if (!rc)
        rc = place_points(u, keys->children, &options, node, err);
    for (uint32_t k = 0; !rc && k < keys->children; ++k)
        rc = fill_key(axis, k, keys->child[k], u, err);
    free(u);
    if (rc)
        ofr_axis_release(axis);
    return rc;
}
