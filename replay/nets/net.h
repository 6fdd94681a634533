/* Networks as data: a list of operators over tensors, in the order they run, with the sites at which ramps can
 * stand. One table per family (resnet.c, vgg.c, encoder.c, decoder.c) says what differs between its members;
 * a builder turns a row into the list. A device (replay/device.h) runs the list; it never asks which network
 * it is.
 *
 * Shapes. Every tensor has a batch dimension n that is not written down. Images are [n][h][w][c] (channels
 * last), sequences [n][h = tokens][1][c], vectors [n][1][1][c]. Activations and weights are f16; products are
 * accumulated and normalisations computed in f32, and a result is rounded to f16 once, when its operator
 * stores it. Inputs are u8 images or i32 token numbers.
 *
 * Operators (X-macro below): `in`, `add` and `out` are tensor numbers, -1 = none. A weight is named as in the
 * network's safetensors file; batch normalisation is folded into the convolution before it when weights are
 * loaded (weights.h), so that no device knows it.
 *
 *   PREPROCESS  u8 RGB [n][3][h0][w0] -> /255 -> bilinear to h x w, corners not aligned -> (x - mean) / std
 *   CONV        out = act(conv(in, kernel x kernel, stride, pad) + bias [+ add])
 *   MAXPOOL     kernel, stride, pad
 *   MEAN        mean over h and w -> vector
 *   TAKE        row `token` of a sequence (-1: the last) -> vector
 *   LINEAR      out = act(in . weight^T + bias [+ add]), over the last dimension; weight [c_out][c_in]
 *   EMBED       token table row + position table row [+ row 0 of the table `every`] -> sequence
 *   LAYERNORM   over c, eps; of in [+ add, which is stored to `sum` when sum >= 0]
 *   ATTENTION   in = q, k, v one after the other in c (3 x c_out); heads; causal or not; scale 1/sqrt(c/heads)
 *   FLATTEN     [n][h][w][c] seen as a vector; the weights that follow are permuted to match at load
 */
#ifndef OFR_REPLAY_NETS_NET_H
#define OFR_REPLAY_NETS_NET_H

#include "sim/base/error.h"
#include "traces/recording.h"

#include <stdbool.h>
#include <stdint.h>

#define OFR_OP_MAP(X)                                                                                        \
    X(PREPROCESS)                                                                                            \
    X(CONV)                                                                                                  \
    X(MAXPOOL)                                                                                               \
    X(MEAN)                                                                                                  \
    X(TAKE)                                                                                                  \
    X(LINEAR)                                                                                                \
    X(EMBED)                                                                                                 \
    X(LAYERNORM)                                                                                             \
    X(ATTENTION)                                                                                             \
    X(FLATTEN)

enum ofr_op_kind {
#define X(name) OFR_OP_##name,
    OFR_OP_MAP(X)
#undef X
    OFR_OPS
};

enum ofr_activation {
    OFR_ACT_NONE,
    OFR_ACT_RELU,
    OFR_ACT_GELU,      /* x/2 (1 + erf(x / sqrt 2)) */
    OFR_ACT_GELU_TANH, /* the tanh form, GPT-2's */
    OFR_ACT_TANH,
};

enum ofr_element {
    OFR_ELEMENT_F16,
    OFR_ELEMENT_U8,
    OFR_ELEMENT_I32,
};

/* What PREPROCESS takes off and divides by: ImageNet's, channel by channel. */
#define OFR_IMAGE_MEAN                                                                                       \
    {                                                                                                        \
        0.485f, 0.456f, 0.406f                                                                               \
    }
#define OFR_IMAGE_STD                                                                                        \
    {                                                                                                        \
        0.229f, 0.224f, 0.225f                                                                               \
    }

/* U8: planes, [n][c][h][w]; I32: [n][h]. */
struct ofr_tensor {
    uint32_t h, w, c;
    enum ofr_element element;
};

enum {
    OFR_WEIGHT_NAME_SIZE = 80
};

enum ofr_weight_kind {
    OFR_WEIGHT_CONV,              /* file: [rows][c_in][kernel][kernel] */
    OFR_WEIGHT_LINEAR,            /* file: [rows][columns] */
    OFR_WEIGHT_LINEAR_TRANSPOSED, /* file: [columns][rows] (GPT-2's Conv1D) */
    OFR_WEIGHT_TABLE,             /* file: [rows][columns]; no bias */
    OFR_WEIGHT_SCALE,             /* LAYERNORM: rows = 1; file: [columns], and a bias of as many */
};

/* A weight the network needs. `rows` x `columns` f16 values, row-major, as operators read them. */
struct ofr_weight {
    /* Stem: ".weight", ".bias" are added. "x.{a,b,c}" is x.a, x.b and x.c one below the other. */
    char name[OFR_WEIGHT_NAME_SIZE];
    char norm[OFR_WEIGHT_NAME_SIZE]; /* CONV: stem of the batch norm folded in; empty = none */
    enum ofr_weight_kind kind;
    uint32_t rows,
        columns;     /* CONV: rows = c_out, columns = kernel * kernel * c_in (kernel row, column, channel) */
    uint32_t kernel; /* CONV */
    uint32_t
        pixels; /* LINEAR after FLATTEN: h * w, the file's columns being [c][h * w] and ours [h * w][c] */
    bool bias;  /* the file has a bias; where it has none but operators want one, it is 0 */
};

struct ofr_op {
    enum ofr_op_kind kind;
    int32_t in, add, out, sum; /* tensors */
    int32_t weight;            /* index into net->weight; its bias comes with it; -1 = none */
    int32_t table;             /* EMBED: index of the position table; weight = the token table */
    int32_t every;             /* EMBED: index of a table whose row 0 every token gets; -1 = none */
    enum ofr_activation act;
    uint32_t kernel, stride, pad; /* CONV, MAXPOOL */
    uint32_t heads;               /* ATTENTION */
    bool causal;                  /* ATTENTION */
    int32_t token;                /* TAKE: which row; -1 = the last */
    float eps;                    /* LAYERNORM */
};

enum ofr_pooling {
    OFR_POOL_MEAN,  /* over h and w */
    OFR_POOL_FIRST, /* the first token */
    OFR_POOL_LAST,  /* the last token */
};

/* Where a ramp can stand: right after operator `op`, on its output. The ramp: pool -> linear [classes][c] ->
 * softmax -> arg-max, top probability, entropy. */
struct ofr_site {
    char name[OFR_NAME_SIZE];
    int32_t op; /* the tensor is complete once this operator has run */
    int32_t tensor;
    int32_t weight; /* [classes][c] and bias */
};

struct ofr_net {
    char name[OFR_NAME_SIZE]; /* "resnet50" */
    uint32_t classes;
    enum ofr_pooling pooling;  /* of every ramp */
    struct ofr_tensor *tensor; /* [tensors]; 0 is the input, the last the logits [classes] */
    struct ofr_weight *weight; /* [weights] */
    struct ofr_op *op;         /* [ops] in order */
    struct ofr_site *site;     /* [sites] shallow to deep */
    uint32_t tensors, weights, ops, sites;
};

/* What may differ from a family's row. 0 = as the row says. */
struct ofr_net_options {
    uint32_t classes;     /* 1000 for images, 2 for text */
    uint32_t image_size;  /* 224 (32 for the small ones); the input's u8 size is `source_size` */
    uint32_t source_size; /* u8 images as they come; 0 = image_size (then PREPROCESS only normalises) */
    uint32_t tokens;      /* 128 */
};

/* Builds a network by name ("resnet18", "vgg11", "bert-base", ...; ofr_net_names lists them). Owned; free with
 * ofr_net_free. Errors: OFR_E_INPUT for an unknown name (all known ones are listed) or an impossible option. */
int ofr_net_build(struct ofr_net **out, const char *name, const struct ofr_net_options *options,
                  struct ofr_error *err);
void ofr_net_free(struct ofr_net *net);   /* NULL is allowed */
extern const char *const ofr_net_names[]; /* NULL-terminated */

#define OFR_NOTE_INPUT "input" /* in profiles: the text of ofr_net_input_text */
enum {
    OFR_NET_INPUT_SIZE = 96
};
/* "32 x 32 x 3, 10 classes": what goes into a network and what may come out. */
void ofr_net_input_text(char out[static OFR_NET_INPUT_SIZE], const struct ofr_net *net);

/* Bytes every weight is read once and every activation is written and read once, and multiply-adds x 2, of one
 * pass over n inputs: the two ceilings of a device's time. */
void ofr_net_work(const struct ofr_net *net, uint32_t n, double *bytes, double *operations);

#endif
