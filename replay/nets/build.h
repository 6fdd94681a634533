/* Private to replay/nets: what families build networks with.
 *
 * Every ofr_build_... appends to the network and returns the number of what it made (a tensor for operators). After
 * the first failure the builder keeps its error (`rc`) and appends nothing more, so that families check nothing.
 */
#ifndef OFR_REPLAY_NETS_BUILD_H
#define OFR_REPLAY_NETS_BUILD_H

#include "replay/nets/net.h"

struct ofr_build {
    struct ofr_net *net;            /* owned by the caller */
    struct ofr_net_options options; /* every field set */
    struct ofr_error *err;
    int rc;
};

/* One folder member = one family: a table of rows, each starting with its name. */
struct ofr_net_family {
    const void *row; /* [rows], each `row_size` bytes, the first member a const char *name */
    uint32_t rows;
    size_t row_size;
    enum ofr_pooling pooling;
    struct ofr_net_options (*defaults)(const void *row);
    void (*build)(struct ofr_build *build, const void *row);
};

extern const struct ofr_net_family ofr_family_resnet, ofr_family_vgg, ofr_family_encoder, ofr_family_decoder;

struct ofr_build_conv {
    uint32_t c_out, kernel, stride, pad;
    enum ofr_activation act;
    int32_t add; /* tensor; -1 = none */
    bool bias;
};

struct ofr_build_linear {
    uint32_t c_out;
    enum ofr_activation act;
    int32_t add;     /* tensor; -1 = none */
    uint32_t pixels; /* as in struct ofr_weight */
    bool transposed, no_bias;
};

/* Inputs with what turns them into tensor of f16: images -> PREPROCESS. */
int32_t ofr_build_image(struct ofr_build *build);
int32_t ofr_build_embed(struct ofr_build *build, uint32_t words, uint32_t positions, uint32_t c,
                        const char *word, const char *position, const char *every);
int32_t ofr_build_conv(struct ofr_build *build, int32_t in, const struct ofr_build_conv *conv,
                       const char *name, const char *norm);
int32_t ofr_build_maxpool(struct ofr_build *build, int32_t in, uint32_t kernel, uint32_t stride,
                          uint32_t pad);
int32_t ofr_build_mean(struct ofr_build *build, int32_t in);
int32_t ofr_build_flatten(struct ofr_build *build, int32_t in);
int32_t ofr_build_take(struct ofr_build *build, int32_t in, int32_t token);
int32_t ofr_build_linear(struct ofr_build *build, int32_t in, const struct ofr_build_linear *linear,
                         const char *name);
int32_t ofr_build_layernorm(struct ofr_build *build, int32_t in, float eps, const char *name);
int32_t ofr_build_attention(struct ofr_build *build, int32_t in, uint32_t heads, bool causal);
/* A site after the operator appended last, on its output. */
void ofr_build_site(struct ofr_build *build, const char *name);

/* `prefix` and `rest` in a buffer of OFR_WEIGHT_NAME_SIZE; too long is a bug. */
const char *ofr_build_name(struct ofr_build *build, char *out, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
