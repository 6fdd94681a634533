#include "replay/nets/build.h"

#include "sim/offramp_option.h"
#include "sim/offramp_policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Arrays grow by doubling: capacity is the next power of two of the count. */
static void *append(struct ofr_build *build, void **array, uint32_t *count, size_t size)
{
    if (build->rc)
        return NULL;
    if ((*count & (*count - 1)) == 0) {
        void *grown = realloc(*array, (*count ? 2 * (size_t)*count : 1) * size);
        if (!grown) {
            build->rc = ofr_fail_nomem(build->err, "a network");
            return NULL;
        }
        *array = grown;
    }
    void *item = (char *)*array + *count * size;
    memset(item, 0, size);
    ++*count;
    return item;
}

const char *ofr_build_name(struct ofr_build *build, char *out, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int length = vsnprintf(out, OFR_WEIGHT_NAME_SIZE, format, list);
    va_end(list);
    if (length >= OFR_WEIGHT_NAME_SIZE && !build->rc)
        build->rc = ofr_fail(build->err, OFR_E_BUG, "the name %s... is too long", out);
    return out;
}

static int32_t add_tensor(struct ofr_build *build, uint32_t h, uint32_t w, uint32_t c,
                          enum ofr_element element)
{
    struct ofr_net *net = build->net;
    struct ofr_tensor *tensor = append(build, (void **)&net->tensor, &net->tensors, sizeof *tensor);
    if (!tensor)
        return 0;
    *tensor = (struct ofr_tensor){.h = h, .w = w, .c = c, .element = element};
    return (int32_t)net->tensors - 1;
}

/* Copies, so that appending a tensor does not move it under the caller. */
static struct ofr_tensor tensor_of(const struct ofr_build *build, int32_t tensor)
{
    return build->rc ? (struct ofr_tensor){1, 1, 1, OFR_ELEMENT_F16} : build->net->tensor[tensor];
}

static int32_t add_weight(struct ofr_build *build, const struct ofr_weight *weight, const char *name,
                          const char *norm)
{
    struct ofr_net *net = build->net;
    struct ofr_weight *item = append(build, (void **)&net->weight, &net->weights, sizeof *item);
    if (!item)
        return -1;
    *item = *weight;
    ofr_build_name(build, item->name, "%s", name);
    ofr_build_name(build, item->norm, "%s", norm);
    return (int32_t)net->weights - 1;
}

static int32_t add_op(struct ofr_build *build, const struct ofr_op *op)
{
    struct ofr_net *net = build->net;
    struct ofr_op *item = append(build, (void **)&net->op, &net->ops, sizeof *item);
    if (item)
        *item = *op;
    return op->out;
}

/* An operator with nothing but its input and output. */
static struct ofr_op plain(enum ofr_op_kind kind, int32_t in, int32_t out)
{
    return (struct ofr_op){
        .kind = kind, .in = in, .out = out, .add = -1, .sum = -1, .weight = -1, .table = -1, .every = -1};
}

int32_t ofr_build_image(struct ofr_build *build)
{
    uint32_t source = build->options.source_size, size = build->options.image_size;
    int32_t in = add_tensor(build, source, source, 3, OFR_ELEMENT_U8);
    int32_t out = add_tensor(build, size, size, 3, OFR_ELEMENT_F16);
    struct ofr_op op = plain(OFR_OP_PREPROCESS, in, out);
    return add_op(build, &op);
}

static int32_t add_table(struct ofr_build *build, uint32_t rows, uint32_t c, const char *name)
{
    struct ofr_weight table = {.kind = OFR_WEIGHT_TABLE, .rows = rows, .columns = c};
    return add_weight(build, &table, name, "");
}

int32_t ofr_build_embed(struct ofr_build *build, uint32_t words, uint32_t positions, uint32_t c,
                        const char *word, const char *position, const char *every)
{
    uint32_t tokens = build->options.tokens;
    if (tokens > positions && !build->rc)
        build->rc = ofr_fail(build->err, OFR_E_INPUT, "%s: found %u tokens, expected at most %u",
                             build->net->name, tokens, positions);
    int32_t in = add_tensor(build, tokens, 1, 1, OFR_ELEMENT_I32);
    struct ofr_op op = plain(OFR_OP_EMBED, in, add_tensor(build, tokens, 1, c, OFR_ELEMENT_F16));
    op.weight = add_table(build, words, c, word);
    op.table = add_table(build, positions, c, position);
    if (every)
        op.every = add_table(build, 2, c, every);
    return add_op(build, &op);
}

static uint32_t extent(uint32_t in, uint32_t kernel, uint32_t stride, uint32_t pad)
{
    return in + 2 * pad < kernel ? 0 : (in + 2 * pad - kernel) / stride + 1;
}

static void need_room(struct ofr_build *build, uint32_t h)
{
    if (h == 0 && !build->rc)
        build->rc = ofr_fail(build->err, OFR_E_INPUT, "%s: images of %u pixels are too small for it",
                             build->net->name, build->options.image_size);
}

int32_t ofr_build_conv(struct ofr_build *build, int32_t in, const struct ofr_build_conv *conv,
                       const char *name, const char *norm)
{
    struct ofr_tensor from = tensor_of(build, in);
    uint32_t h = extent(from.h, conv->kernel, conv->stride, conv->pad);
    uint32_t w = extent(from.w, conv->kernel, conv->stride, conv->pad);
    need_room(build, h);
    struct ofr_weight weight = {.kind = OFR_WEIGHT_CONV,
                                .rows = conv->c_out,
                                .columns = conv->kernel * conv->kernel * from.c,
                                .kernel = conv->kernel,
                                .bias = conv->bias};
    struct ofr_op op = plain(OFR_OP_CONV, in, add_tensor(build, h, w, conv->c_out, OFR_ELEMENT_F16));
    op.weight = add_weight(build, &weight, name, norm);
    op.add = conv->add;
    op.act = conv->act;
    op.kernel = conv->kernel;
    op.stride = conv->stride;
    op.pad = conv->pad;
    return add_op(build, &op);
}

int32_t ofr_build_maxpool(struct ofr_build *build, int32_t in, uint32_t kernel, uint32_t stride, uint32_t pad)
{
    struct ofr_tensor from = tensor_of(build, in);
    uint32_t h = extent(from.h, kernel, stride, pad), w = extent(from.w, kernel, stride, pad);
    need_room(build, h);
    struct ofr_op op = plain(OFR_OP_MAXPOOL, in, add_tensor(build, h, w, from.c, OFR_ELEMENT_F16));
    op.kernel = kernel;
    op.stride = stride;
    op.pad = pad;
    return add_op(build, &op);
}

int32_t ofr_build_mean(struct ofr_build *build, int32_t in)
{
    struct ofr_op op =
        plain(OFR_OP_MEAN, in, add_tensor(build, 1, 1, tensor_of(build, in).c, OFR_ELEMENT_F16));
    return add_op(build, &op);
}

int32_t ofr_build_flatten(struct ofr_build *build, int32_t in)
{
    struct ofr_tensor from = tensor_of(build, in);
    struct ofr_op op =
        plain(OFR_OP_FLATTEN, in, add_tensor(build, 1, 1, from.h * from.w * from.c, OFR_ELEMENT_F16));
    return add_op(build, &op);
}

int32_t ofr_build_take(struct ofr_build *build, int32_t in, int32_t token)
{
    struct ofr_op op =
        plain(OFR_OP_TAKE, in, add_tensor(build, 1, 1, tensor_of(build, in).c, OFR_ELEMENT_F16));
    op.token = token;
    return add_op(build, &op);
}

int32_t ofr_build_linear(struct ofr_build *build, int32_t in, const struct ofr_build_linear *linear,
                         const char *name)
{
    struct ofr_tensor from = tensor_of(build, in);
    struct ofr_weight weight = {.kind = linear->transposed ? OFR_WEIGHT_LINEAR_TRANSPOSED : OFR_WEIGHT_LINEAR,
                                .rows = linear->c_out,
                                .columns = from.c,
                                .pixels = linear->pixels,
                                .bias = !linear->no_bias};
    struct ofr_op op =
        plain(OFR_OP_LINEAR, in, add_tensor(build, from.h, from.w, linear->c_out, OFR_ELEMENT_F16));
    op.weight = add_weight(build, &weight, name, "");
    op.add = linear->add;
    op.act = linear->act;
    return add_op(build, &op);
}

int32_t ofr_build_layernorm(struct ofr_build *build, int32_t in, float eps, const char *name)
{
    struct ofr_tensor from = tensor_of(build, in);
    struct ofr_weight weight = {.kind = OFR_WEIGHT_SCALE, .rows = 1, .columns = from.c, .bias = true};
    struct ofr_op op =
        plain(OFR_OP_LAYERNORM, in, add_tensor(build, from.h, from.w, from.c, OFR_ELEMENT_F16));
    op.weight = add_weight(build, &weight, name, "");
    op.eps = eps;
    return add_op(build, &op);
}

int32_t ofr_build_attention(struct ofr_build *build, int32_t in, uint32_t heads, bool causal)
{
    struct ofr_tensor from = tensor_of(build, in);
    struct ofr_op op =
        plain(OFR_OP_ATTENTION, in, add_tensor(build, from.h, from.w, from.c / 3, OFR_ELEMENT_F16));
    op.heads = heads;
    op.causal = causal;
    return add_op(build, &op);
}

void ofr_build_site(struct ofr_build *build, const char *name)
{
    struct ofr_net *net = build->net;
    char stem[OFR_WEIGHT_NAME_SIZE];
    if (!build->rc && net->sites == OFFRAMP_MAX_SITES)
        build->rc =
            ofr_fail(build->err, OFR_E_BUG, "%s has more than %d sites", net->name, OFFRAMP_MAX_SITES);
    struct ofr_site *site = append(build, (void **)&net->site, &net->sites, sizeof *site);
    if (!site)
        return;
    snprintf(site->name, sizeof site->name, "%s", name);
    site->op = (int32_t)net->ops - 1;
    site->tensor = net->op[site->op].out;
    struct ofr_weight weight = {.kind = OFR_WEIGHT_LINEAR,
                                .rows = net->classes,
                                .columns = net->tensor[site->tensor].c,
                                .bias = true};
    site->weight = add_weight(build, &weight, ofr_build_name(build, stem, "ramp.%u", net->sites - 1), "");
}
