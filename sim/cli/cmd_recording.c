/* offramp recording info | cut | print. */
#include "sim/cli/file_verbs.h"
#include "sim/cli/verbs.h"
#include "traces/info_print.h"
#include "traces/recording_ops.h"

static int run_info(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct ofr_json_option *options = call->values;
    struct ofr_recording_info info;
    int rc = ofr_recording_info(&info, call->positional[0], err);
    if (rc)
        return rc;
    ofr_warn_partial(call, call->positional[0], info.partial);
    if (options->json)
        rc = ofr_print_json(call->out, ofr_recording_info_json(&info), err);
    else
        ofr_recording_info_text(call->out, &info);
    ofr_recording_info_release(&info);
    return rc;
}

const struct ofr_cli_verb ofr_verb_recording_info = {
    .name = "info",
    .help = "samples, sites, how often each ramp agrees with the full model",
    .usage = "RECORDING.orec",
    .least = 1,
    .most = 1,
    .options = ofr_json_options,
    .option_count = 1,
    .options_size = sizeof(struct ofr_json_option),
    .run = run_info,
};

struct cut_options {
    char out[OFFRAMP_TEXT_SIZE];
    uint64_t from, count;
    uint8_t wrap;
};

static const struct offramp_option cut_table[] = {
    {.name = "out",
     .type = OFFRAMP_OPT_TEXT,
     .offset = offsetof(struct cut_options, out),
     .help = "recording to write (.orec)"},
    {.name = "from",
     .type = OFFRAMP_OPT_COUNT,
     .offset = offsetof(struct cut_options, from),
     .fallback = "0",
     .help = "first sample kept, counted from 0"},
    {.name = "count",
     .type = OFFRAMP_OPT_COUNT,
     .offset = offsetof(struct cut_options, count),
     .fallback = "0",
     .help = "how many samples; 0 = to the end"},
    {.name = "wrap",
     .type = OFFRAMP_OPT_BOOL,
     .offset = offsetof(struct cut_options, wrap),
     .fallback = "false",
     .help = "go on with the first sample after the last: the whole recording, begun elsewhere"},
};

static int run_cut(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct cut_options *options = call->values;
    bool partial = false;
    int rc = ofr_recording_cut(call->positional[0], options->out, options->from,
                               options->count ? options->count : UINT64_MAX, options->wrap, &partial, err);
    ofr_warn_partial(call, call->positional[0], partial);
    return rc;
}

const struct ofr_cli_verb ofr_verb_recording_cut = {
    .name = "cut",
    .help = "keep a run of samples, with every column",
    .usage = "RECORDING.orec",
    .least = 1,
    .most = 1,
    .options = cut_table,
    .option_count = sizeof cut_table / sizeof *cut_table,
    .options_size = sizeof(struct cut_options),
    .run = run_cut,
};

static int run_print(const struct ofr_cli_call *call, struct ofr_error *err)
{
    return ofr_print_verb(call, OFR_FILE_RECORDING, err);
}

const struct ofr_cli_verb ofr_verb_recording_print = {
    .name = "print",
    .help = "the rows, exactly; --table requests shows lengths of generative recordings",
    .usage = "RECORDING.orec",
    .least = 1,
    .most = 1,
    .options = ofr_print_options,
    .option_count = OFR_PRINT_OPTIONS_ALL,
    .options_size = sizeof(struct ofr_print_options),
    .run = run_print,
};
