#include "sim/cli/device_options.h"

#include "sim/base/version.h"

#include <inttypes.h>
#include <stdio.h>

const char *const ofr_spin_choices[] = {"auto", "always", "never", NULL};

struct ofr_replay_model_options ofr_device_model_options(const struct ofr_device_options *on, const char *net,
                                                         uint64_t seed)
{
    return (struct ofr_replay_model_options){.net = net,
                                             .weights = on->weights,
                                             .images = on->images,
                                             .image_size = (uint32_t)on->image_size,
                                             .tokens = (uint32_t)on->tokens,
                                             .classes = (uint32_t)on->classes,
                                             .seed = seed};
}

int ofr_device_describe(struct ofr_notes *notes, const char *command, const struct ofr_device_options *on,
                        const struct ofr_replay_model *model, struct ofr_error *err)
{
    char input[OFR_NET_INPUT_SIZE];
    ofr_net_input_text(input, model->net);
    int rc = ofr_notes_set(notes, "tool", "offramp " OFR_VERSION, err);
    if (!rc)
        rc = ofr_notes_set(notes, "command", command, err);
    if (!rc)
        rc = ofr_notes_set(notes, "weights", model->weights->source, err);
    if (!rc)
        rc = ofr_notes_setf(notes, err, "inputs", "%" PRIu32 ", %s", model->inputs.count,
                            on->images[0] ? on->images : "random");
    if (!rc)
        rc = ofr_notes_set(notes, OFR_NOTE_INPUT, input, err);
    return rc;
}

void ofr_device_say(void *state, const char *line)
{
    struct ofr_device_chatter *chatter = state;
    fprintf(chatter->out, "offramp: %s\n", line);
}

void ofr_device_progress(void *state, uint64_t round, uint64_t rounds)
{
    struct ofr_device_chatter *chatter = state;
    (void)rounds;
    ofr_progress_update(&chatter->progress, round);
}
