#include "replay/nets/build.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct ofr_net_family *const families[] = {
    &ofr_family_resnet,
    &ofr_family_vgg,
    &ofr_family_encoder,
    &ofr_family_decoder,
};

enum {
    FAMILIES = sizeof families / sizeof families[0],
    MOST_PIXELS = 1024,
    MOST_CLASSES = 1 << 16, /* answers are 16 bits */
};

/* In the order of the families' tables. */
const char *const ofr_net_names[] = {
    "resnet18",   "resnet50",  "resnet101",   "resnet18-small",  "vgg11",
    "vgg11_bn",   "vgg13",     "vgg16",       "distilbert-base", "bert-base",
    "bert-large", "bert-tiny", "gpt2-medium", "gpt2-tiny",       NULL,
};

static const void *row_at(const struct ofr_net_family *family, uint32_t i)
{
    return (const char *)family->row + i * family->row_size;
}

static const struct ofr_net_family *find(const char *name, const void **row)
{
    for (uint32_t f = 0; f < FAMILIES; ++f) {
        for (uint32_t i = 0; i < families[f]->rows; ++i) {
            *row = row_at(families[f], i);
            if (strcmp(*(const char *const *)*row, name) == 0)
                return families[f];
        }
    }
    return NULL;
}

static int fail_unknown(const char *name, struct ofr_error *err)
{
    char known[512] = "";
    size_t length = 0;
    for (uint32_t i = 0; ofr_net_names[i] && length < sizeof known; ++i)
        length += (size_t)snprintf(known + length, sizeof known - length, " %s", ofr_net_names[i]);
    return ofr_fail(err, OFR_E_INPUT, "found no network '%.60s', expected one of:%s", name, known);
}

/* Takes one option over its default; `has` says whether the family knows it at all. */
static int take(uint32_t *value, uint32_t wanted, uint32_t least, uint32_t most, const char *name,
                const char *what, struct ofr_error *err)
{
    if (wanted == 0)
        return OFR_OK;
    if (*value == 0)
        return ofr_fail(err, OFR_E_INPUT, "%s: found %s, which this network does not have", name, what);
    if (wanted < least || wanted > most)
        return ofr_fail(err, OFR_E_INPUT, "%s: found %u as %s, expected %u to %u", name, wanted, what, least,
                        most);
    *value = wanted;
    return OFR_OK;
}

static int take_options(struct ofr_net_options *into, const char *name, const struct ofr_net_options *from,
                        struct ofr_error *err)
{
    static const struct ofr_net_options none;
    from = from ? from : &none;
    int rc = take(&into->classes, from->classes, 2, MOST_CLASSES, name, "classes", err);
    if (!rc)
        rc = take(&into->image_size, from->image_size, 1, MOST_PIXELS, name, "image size", err);
    into->source_size = into->image_size;
    if (!rc)
        rc = take(&into->source_size, from->source_size, 1, MOST_PIXELS, name, "source size", err);
    if (!rc)
        rc = take(&into->tokens, from->tokens, 1, 1 << 16, name, "tokens", err);
    return rc;
}

int ofr_net_build(struct ofr_net **out, const char *name, const struct ofr_net_options *options,
                  struct ofr_error *err)
{
    const void *row;
    *out = NULL;
    const struct ofr_net_family *family = find(name, &row);
    if (!family)
        return fail_unknown(name, err);
    struct ofr_build build = {.options = family->defaults(row), .err = err};
    build.rc = take_options(&build.options, name, options, err);
    if (build.rc)
        return build.rc;
    build.net = calloc(1, sizeof *build.net);
    if (!build.net)
        return ofr_fail_nomem(err, "a network");
    snprintf(build.net->name, sizeof build.net->name, "%s", name);
    build.net->classes = build.options.classes;
    build.net->pooling = family->pooling;
    family->build(&build, row);
    if (build.rc) {
        ofr_net_free(build.net);
        return build.rc;
    }
    *out = build.net;
    return OFR_OK;
}

void ofr_net_free(struct ofr_net *net)
{
    if (!net)
        return;
    free(net->tensor);
    free(net->weight);
    free(net->op);
    free(net->site);
    free(net);
}

static double elements(const struct ofr_net *net, int32_t tensor)
{
    const struct ofr_tensor *t = &net->tensor[tensor];
    return (double)t->h * t->w * t->c;
}

static double tensor_bytes(const struct ofr_net *net, int32_t tensor)
{
    static const double size[] = {[OFR_ELEMENT_F16] = 2.0, [OFR_ELEMENT_U8] = 1.0, [OFR_ELEMENT_I32] = 4.0};
    return tensor < 0 ? 0.0 : elements(net, tensor) * size[net->tensor[tensor].element];
}

/* Bytes of weights an operator reads for n inputs. Of a table only the rows of the tokens. */
static double weight_bytes(const struct ofr_net *net, const struct ofr_op *op, uint32_t n)
{
    if (op->kind == OFR_OP_EMBED)
        return (n + 1.0) * tensor_bytes(net, op->out);
    if (op->weight < 0)
        return 0.0;
    const struct ofr_weight *weight = &net->weight[op->weight];
    return 2.0 * weight->rows * weight->columns +
           2.0 * (weight->kind == OFR_WEIGHT_SCALE ? weight->columns : weight->rows);
}

static double multiply_adds(const struct ofr_net *net, const struct ofr_op *op)
{
    const struct ofr_tensor *out = &net->tensor[op->out];
    if (op->kind == OFR_OP_CONV || op->kind == OFR_OP_LINEAR)
        return elements(net, op->out) * net->weight[op->weight].columns;
    if (op->kind == OFR_OP_ATTENTION) /* scores and their mix; causal: only tokens up to this one */
        return op->causal ? (double)out->h * (out->h + 1.0) * out->c : 2.0 * out->h * (double)out->h * out->c;
    return 0.0;
}

void ofr_net_work(const struct ofr_net *net, uint32_t n, double *bytes, double *operations)
{
    *bytes = 0.0;
    *operations = 0.0;
    for (uint32_t i = 0; i < net->ops; ++i) {
        const struct ofr_op *op = &net->op[i];
        if (op->kind == OFR_OP_FLATTEN) /* the same bytes seen otherwise */
            continue;
        double moved = tensor_bytes(net, op->in) + tensor_bytes(net, op->add) + tensor_bytes(net, op->out) +
                       tensor_bytes(net, op->sum);
        *bytes += n * moved + weight_bytes(net, op, n);
        *operations += 2.0 * n * multiply_adds(net, op);
    }
}

void ofr_net_input_text(char out[static OFR_NET_INPUT_SIZE], const struct ofr_net *net)
{
    const struct ofr_tensor *input = &net->tensor[0];
    snprintf(out, OFR_NET_INPUT_SIZE, "%" PRIu32 " x %" PRIu32 " x %" PRIu32 ", %" PRIu32 " classes",
             input->h, input->w, input->c, net->classes);
}
