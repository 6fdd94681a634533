#include "replay/model.h"

#include "sim/engine/random.h"
#include "traces/import/npy.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    RANDOM_INPUTS = 64,
    CHANNELS = 3
};

static size_t input_bytes(const struct ofr_net *net)
{
    const struct ofr_tensor *tensor = &net->tensor[0];
    return (size_t)tensor->h * tensor->w * tensor->c * (tensor->element == OFR_ELEMENT_U8 ? 1 : 4);
}

/* Token numbers the network knows. */
static uint32_t vocabulary(const struct ofr_net *net)
{
    for (uint32_t i = 0; i < net->ops; ++i)
        if (net->op[i].kind == OFR_OP_EMBED && net->op[i].weight >= 0)
            return net->weight[net->op[i].weight].rows;
    return 1;
}

static int make_random(struct ofr_replay_model *model, uint64_t seed, struct ofr_error *err)
{
    struct ofr_random random;
    ofr_random_init(&random, seed, OFR_RANDOM_WORKLOAD, 1);
    model->inputs = (struct ofr_device_inputs){.count = RANDOM_INPUTS, .bytes = input_bytes(model->net)};
    size_t bytes = RANDOM_INPUTS * model->inputs.bytes;
    model->input = malloc(bytes);
    if (!model->input)
        return ofr_fail_nomem(err, "inputs");
    if (model->net->tensor[0].element == OFR_ELEMENT_U8)
        for (size_t i = 0; i < bytes; ++i)
            ((uint8_t *)model->input)[i] = (uint8_t)ofr_random_below(&random, 256);
    else
        for (size_t i = 0; i < bytes / sizeof(int32_t); ++i)
            ((int32_t *)model->input)[i] = (int32_t)ofr_random_below(&random, vocabulary(model->net));
    return 0;
}

/* Copies rows of the file into what a device takes. */
static int take_rows(struct ofr_replay_model *model, const struct ofr_npy *npy, const char *path,
                     struct ofr_error *err)
{
    bool images = model->net->tensor[0].element == OFR_ELEMENT_U8;
    size_t elements = input_bytes(model->net) / (images ? 1 : sizeof(int32_t));
    if (ofr_npy_is_real(npy) || (images && npy->type != OFR_NPY_U8))
        return ofr_fail(err, OFR_E_INPUT, "%s: expected %s", path,
                        images ? "u8 images" : "whole token numbers");
    if (npy->shape[0] == 0 || npy->shape[0] > UINT32_MAX || npy->shape[1] != elements)
        return ofr_fail(err, OFR_E_INPUT,
                        "%s: found %" PRIu64 " inputs of %" PRIu64 " elements, network %s takes %zu", path,
                        npy->shape[0], npy->shape[1], model->net->name, elements);
    size_t count = (size_t)npy->shape[0] * elements;
    model->inputs =
        (struct ofr_device_inputs){.count = (uint32_t)npy->shape[0], .bytes = input_bytes(model->net)};
    model->input = malloc(count * (images ? 1 : sizeof(int32_t)));
    if (!model->input)
        return ofr_fail_nomem(err, "inputs");
    int64_t most = images ? 255 : (int64_t)vocabulary(model->net) - 1;
    for (size_t i = 0; i < count; ++i) {
        int64_t value = ofr_npy_integer(npy, i);
        if (value < 0 || value > most)
            return ofr_fail(err, OFR_E_INPUT, "%s: element %zu is %" PRId64 ", expected 0 to %" PRId64, path,
                            i, value, most);
        if (images)
            ((uint8_t *)model->input)[i] = (uint8_t)value;
        else
            ((int32_t *)model->input)[i] = (int32_t)value;
    }
    return 0;
}

/* Side of square images with so many elements; 0 = they are not. */
static uint32_t side_of(uint64_t elements)
{
    uint32_t side = (uint32_t)lround(sqrt((double)elements / CHANNELS));
    return (uint64_t)side * side * CHANNELS == elements ? side : 0;
}

static int build_net(struct ofr_replay_model *model, const struct ofr_replay_model_options *options,
                     const struct ofr_profile *profile, const struct ofr_recording *recording,
                     uint64_t elements, struct ofr_error *err)
{
    const char *name = options->net[0] ? options->net : profile->model;
    struct ofr_net_options how = {
        .classes = options->classes, .image_size = options->image_size, .tokens = options->tokens};
    if (!how.classes && recording && recording->classes >= 2)
        how.classes = recording->classes;
    /* Whether it takes images is known once it is built. */
    int rc = ofr_net_build(&model->net, name, &how, err);
    uint32_t side = elements ? side_of(elements) : 0;
    if (!rc && side && model->net->tensor[0].element == OFR_ELEMENT_U8 &&
        input_bytes(model->net) != elements) {
        how.source_size = side;
        ofr_net_free(model->net);
        model->net = NULL;
        rc = ofr_net_build(&model->net, name, &how, err);
    }
    if (!rc && profile && model->net->sites != profile->sites)
        rc = ofr_fail(err, OFR_E_INPUT,
                      "network %s has %" PRIu32 " ramp sites, the profile (of %s) has %" PRIu32, name,
                      model->net->sites, profile->model, profile->sites);
    return rc;
}

int ofr_replay_model_load(struct ofr_replay_model *model, const struct ofr_replay_model_options *options,
                          const struct ofr_profile *profile, const struct ofr_recording *recording,
                          struct ofr_error *err)
{
    struct ofr_npy npy = {.data = NULL};
    *model = (struct ofr_replay_model){.net = NULL};
    bool images = options->images && options->images[0];
    int rc = images ? ofr_npy_load_rows(&npy, options->images, err) : 0;
    if (!rc)
        rc = build_net(model, options, profile, recording, images ? npy.shape[1] : 0, err);
    if (!rc)
        rc = images ? take_rows(model, &npy, options->images, err) : make_random(model, options->seed, err);
    ofr_npy_release(&npy);
    if (!rc)
        rc = options->weights && options->weights[0]
                 ? ofr_weights_load(&model->weights, model->net, options->weights, err)
                 : ofr_weights_random(&model->weights, model->net, options->seed, err);
    model->inputs.data = model->input;
    return rc;
}

void ofr_replay_model_release(struct ofr_replay_model *model)
{
    ofr_net_free(model->net);
    ofr_weights_free(model->weights);
    free(model->input);
    *model = (struct ofr_replay_model){.net = NULL};
}
