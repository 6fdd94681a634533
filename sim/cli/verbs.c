#include "sim/cli/verbs.h"

static const struct ofr_cli_verb *const trace_verbs[] = {
    &ofr_verb_trace_import,
    NULL,
};

static const struct ofr_cli_verb *const recording_verbs[] = {
    &ofr_verb_recording_import,
    NULL,
};

static const struct ofr_cli_verb *const profile_verbs[] = {
    &ofr_verb_profile_import,
    NULL,
};

static const struct ofr_cli_verb trace = {.name = "trace", .help = "request traces", .sub = trace_verbs};
static const struct ofr_cli_verb recording = {
    .name = "recording", .help = "exit recordings", .sub = recording_verbs};
static const struct ofr_cli_verb profile = {
    .name = "profile", .help = "latency profiles", .sub = profile_verbs};

const struct ofr_cli_verb *const ofr_cli_verbs[] = {
    &ofr_verb_sim, &ofr_verb_tune, &trace, &recording, &profile, &ofr_verb_list, &ofr_verb_help, NULL,
};
