/* What a device runs in a replay: a network, its weights, and inputs for requests to draw from. */
#ifndef OFR_REPLAY_MODEL_H
#define OFR_REPLAY_MODEL_H

#include "replay/device.h"
#include "sim/model/profile.h"

struct ofr_replay_model_options {
    const char *net; /* name; "" = the profile's model */
    const char
        *weights; /* safetensors file; "" = random from the seed: times are real, answers mean nothing */
    const char *images;  /* .npy file of inputs, the first dimension counts them; "" = random from the seed */
    uint32_t image_size; /* 0 = the network's own */
    uint32_t tokens;     /* likewise */
    uint32_t classes;    /* 0 = the recording's, or the network's own */
    uint64_t seed;
};

struct ofr_replay_model {
    struct ofr_net *net;         /* owned */
    struct ofr_weights *weights; /* owned */
    void *input;                 /* owned: [inputs.count][inputs.bytes] */
    struct ofr_device_inputs inputs;
};

/* Errors: OFR_E_INPUT when network, weights, inputs, profile and recording do not fit each other. Release in any
 * case. `profile` (then `net` is given) and
 * `recording` may be NULL. */
int ofr_replay_model_load(struct ofr_replay_model *model, const struct ofr_replay_model_options *options,
                          const struct ofr_profile *profile, const struct ofr_recording *recording,
                          struct ofr_error *err);
void ofr_replay_model_release(struct ofr_replay_model *model);

#endif
