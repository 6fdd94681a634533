/* Options of the verbs that run a network on a device (cmd_replay.c, cmd_profile_measure.c, cmd_profile_probe.c): what it
 * runs, and how its threads wait.
 */
#ifndef OFR_CLI_DEVICE_OPTIONS_H
#define OFR_CLI_DEVICE_OPTIONS_H

#include "replay/model.h"
#include "sim/cli/cli.h"
#include "sim/cli/progress.h"
#include "traces/notes.h"

#include <stdint.h>
#include <stdio.h>

struct ofr_device_options {
    char weights[OFFRAMP_TEXT_SIZE], images[OFFRAMP_TEXT_SIZE];
    uint64_t image_size, tokens, classes, threads;
    int32_t spin; /* enum ofr_replay_spin */
};

extern const char *const ofr_spin_choices[]; /* as enum ofr_replay_spin */

#define OFR_DEVICE_ROW_(of, member, key) .name = #key, .offset = offsetof(of, member.key)
#define OFR_DEVICE_COUNT_(of, member, key, most, text)                                                       \
    {                                                                                                        \
        OFR_DEVICE_ROW_(of, member, key), .type = OFFRAMP_OPT_COUNT, .fallback = "0", .max = (most),         \
                                          .help = text                                                       \
    }
#define OFR_DEVICE_TEXT_(of, member, key, text)                                                              \
    {                                                                                                        \
        OFR_DEVICE_ROW_(of, member, key), .type = OFFRAMP_OPT_TEXT, .fallback = "", .help = text             \
    }

/* Rows of an option table for the member `member`, a struct ofr_device_options, of the type `of`; what 0
 * classes mean is the verb's own. */
#define OFR_DEVICE_ROWS(of, member, classes_text)                                                            \
    OFR_DEVICE_TEXT_(of, member, weights,                                                                    \
                     "its weights, a safetensors file; without, random ones: times are real, answers mean "  \
                     "nothing"),                                                                             \
        OFR_DEVICE_TEXT_(of, member, images,                                                                 \
                         "its inputs, a .npy file of u8 images or token numbers; without, random ones"),     \
        OFR_DEVICE_COUNT_(of, member, image_size, 1024, "side of the images the network sees; 0 = its own"), \
        OFR_DEVICE_COUNT_(of, member, tokens, 65536, "tokens of an input; 0 = the network's own"),           \
        OFR_DEVICE_COUNT_(of, member, classes, 65536, classes_text),                                         \
        OFR_DEVICE_COUNT_(of, member, threads, 1024,                                                         \
                          "cpu: threads of one product; 0 = all processors but one"),                        \
    {                                                                                                        \
        OFR_DEVICE_ROW_(of, member, spin), .type = OFFRAMP_OPT_CHOICE, .fallback = "auto",                   \
                                           .choices = ofr_spin_choices,                                      \
                                           .help = "whether waiting threads keep their processors; auto "    \
                                                   "= with 8 processors or more"                             \
    }

/* For ofr_replay_model_load; `on` and `net` are borrowed. */
struct ofr_replay_model_options ofr_device_model_options(const struct ofr_device_options *on, const char *net,
                                                         uint64_t seed);

/* What a profile says of the program and of what it ran: tool, command, weights, inputs, input. */
int ofr_device_describe(struct ofr_notes *notes, const char *command, const struct ofr_device_options *on,
                        const struct ofr_replay_model *model, struct ofr_error *err);

/* What measuring says while it goes on, for `say` and `progress` of profiling.h and probing.h; their state. */
struct ofr_device_chatter {
    FILE *out;
    struct ofr_progress progress;
};
void ofr_device_say(void *state, const char *line);
void ofr_device_progress(void *state, uint64_t round, uint64_t rounds);

#endif
