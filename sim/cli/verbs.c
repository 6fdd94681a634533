#include "sim/cli/verbs.h"

static const struct ofr_cli_verb *const trace_verbs[] = {
    &ofr_verb_trace_import,
    &ofr_verb_trace_info,
    &ofr_verb_trace_cut,
    &ofr_verb_trace_merge,
    &ofr_verb_trace_scale,
    &ofr_verb_trace_print,
    NULL,
};

static const struct ofr_cli_verb *const recording_verbs[] = {
    &ofr_verb_recording_import,
    &ofr_verb_recording_info,
    &ofr_verb_recording_cut,
    &ofr_verb_recording_print,
    NULL,
};

static const struct ofr_cli_verb *const log_verbs[] = {
    &ofr_verb_log_info,
    &ofr_verb_log_print,
    &ofr_verb_log_compact,
    NULL,
};

static const struct ofr_cli_verb *const workload_verbs[] = {
    &ofr_verb_workload_arrivals,
    &ofr_verb_workload_fit,
    &ofr_verb_workload_generate,
    NULL,
};

static const struct ofr_cli_verb trace = {.name = "trace", .help = "request traces", .sub = trace_verbs};
static const struct ofr_cli_verb recording = {
    .name = "recording", .help = "exit recordings", .sub = recording_verbs};

static const struct ofr_cli_verb run_log = {.name = "log", .help = "run logs", .sub = log_verbs};

static const struct ofr_cli_verb workload = {
    .name = "workload", .help = "made-up traces and recordings", .sub = workload_verbs};

const struct ofr_cli_verb *const ofr_cli_verbs[] = {
    &ofr_verb_sim,    &ofr_verb_replay, &ofr_verb_sweep, &ofr_verb_verify, &ofr_verb_compare,
    &ofr_verb_report, &ofr_verb_tune,   &trace,          &recording,       &ofr_verb_profile,
    &run_log,         &workload,        &ofr_verb_list,  &ofr_verb_help,   NULL,
};
