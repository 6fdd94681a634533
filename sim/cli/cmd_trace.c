/* offramp trace info | cut | merge | scale | print. */
#include "sim/base/units.h"
#include "sim/cli/file_verbs.h"
#include "sim/cli/verbs.h"
#include "traces/info_print.h"
#include "traces/trace_ops.h"

static int run_info(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct ofr_json_option *options = call->values;
    struct ofr_trace_info info;
    int rc = ofr_trace_info(&info, call->positional[0], err);
    if (rc)
        return rc;
    ofr_warn_partial(call, call->positional[0], info.partial);
    if (options->json)
        rc = ofr_print_json(call->out, ofr_trace_info_json(&info), err);
    else
        ofr_trace_info_text(call->out, &info);
    ofr_trace_info_release(&info);
    return rc;
}

const struct ofr_cli_verb ofr_verb_trace_info = {
    .name = "info",
    .help = "requests, span, mean and peak rate, columns, where it comes from",
    .usage = "TRACE.otrace",
    .least = 1,
    .most = 1,
    .options = ofr_json_options,
    .option_count = 1,
    .options_size = sizeof(struct ofr_json_option),
    .run = run_info,
};

/* ---- cut ---- */

struct cut_options {
    char out[OFFRAMP_TEXT_SIZE];
    int64_t from_ns, to_ns;
    uint8_t keep_time;
};

static const struct offramp_option cut_table[] = {
    {.name = "out",
     .type = OFFRAMP_OPT_TEXT,
     .offset = offsetof(struct cut_options, out),
     .help = "trace to write (.otrace)"},
    {.name = "from",
     .type = OFFRAMP_OPT_TIME,
     .offset = offsetof(struct cut_options, from_ns),
     .fallback = "0s",
     .min = 0,
     .max = 9.2e18,
     .help = "first arrival kept"},
    {.name = "to",
     .type = OFFRAMP_OPT_TIME,
     .offset = offsetof(struct cut_options, to_ns),
     .fallback = "none",
     .min = -1,
     .max = 9.2e18,
     .help = "arrivals before this; none = to the end"},
    {.name = "keep_time",
     .type = OFFRAMP_OPT_BOOL,
     .offset = offsetof(struct cut_options, keep_time),
     .fallback = "false",
     .help = "leave arrivals as they are; otherwise --from becomes time 0"},
};

static int run_cut(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct cut_options *options = call->values;
    const struct ofr_trace_cut cut = {.from_ns = options->from_ns,
                                      .to_ns = options->to_ns < 0 ? INT64_MAX : options->to_ns,
                                      .keep_time = options->keep_time};
    bool partial = false;
    int rc = ofr_trace_cut(call->positional[0], options->out, &cut, &partial, err);
    ofr_warn_partial(call, call->positional[0], partial);
    return rc;
}

const struct ofr_cli_verb ofr_verb_trace_cut = {
    .name = "cut",
    .help = "keep a window of time",
    .usage = "TRACE.otrace",
    .least = 1,
    .most = 1,
    .options = cut_table,
    .option_count = sizeof cut_table / sizeof *cut_table,
    .options_size = sizeof(struct cut_options),
    .run = run_cut,
};

/* ---- scale ---- */

/* Texts, because neither has a default: which of them is given says what is wanted. */
struct scale_options {
    char out[OFFRAMP_TEXT_SIZE], speed[OFFRAMP_TEXT_SIZE], rate[OFFRAMP_TEXT_SIZE];
};

static const struct offramp_option scale_table[] = {
    {.name = "out",
     .type = OFFRAMP_OPT_TEXT,
     .offset = offsetof(struct scale_options, out),
     .help = "trace to write (.otrace)"},
    {.name = "speed",
     .type = OFFRAMP_OPT_TEXT,
     .offset = offsetof(struct scale_options, speed),
     .fallback = "",
     .help = "play it so many times as fast, e.g. 2x"},
    {.name = "rate",
     .type = OFFRAMP_OPT_TEXT,
     .offset = offsetof(struct scale_options, rate),
     .fallback = "",
     .help = "play it as fast as gives this mean rate, e.g. 900/s"},
};

static int run_scale(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct scale_options *options = call->values;
    const char *input = call->positional[0];
    double speed, rate;
    if (!options->speed[0] == !options->rate[0])
        return ofr_fail(err, OFR_E_USAGE,
                        "trace scale: expected either --speed (e.g. 2x) or --rate (e.g. 900/s)");
    const char *expected =
        options->rate[0] ? ofr_read_rate(options->rate, &rate) : ofr_read_factor(options->speed, &speed);
    if (expected)
        return ofr_fail(err, OFR_E_USAGE, "command line: %s: found '%.60s', expected %s",
                        options->rate[0] ? "rate" : "speed",
                        options->rate[0] ? options->rate : options->speed, expected);
    int rc = options->rate[0] ? ofr_trace_speed_for(input, rate, &speed, err) : OFR_OK;
    return rc ? rc : ofr_trace_scale(input, options->out, speed, err);
}

const struct ofr_cli_verb ofr_verb_trace_scale = {
    .name = "scale",
    .help = "stretch or squeeze time, by a factor or to a mean rate",
    .usage = "TRACE.otrace",
    .least = 1,
    .most = 1,
    .options = scale_table,
    .option_count = sizeof scale_table / sizeof *scale_table,
    .options_size = sizeof(struct scale_options),
    .run = run_scale,
};

/* ---- merge ---- */

static const struct offramp_option merge_table[] = {
    {.name = "out",
     .type = OFFRAMP_OPT_TEXT,
     .offset = offsetof(struct ofr_out_option, out),
     .help = "trace to write (.otrace)"},
};

static int run_merge(const struct ofr_cli_call *call, struct ofr_error *err)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } columns[] = {{OFR_TRACE_DURATION, "duration_ns"},
                   {OFR_TRACE_PROMPT, "prompt_tokens"},
                   {OFR_TRACE_OUTPUT, "output_tokens"}};
    const struct ofr_out_option *options = call->values;
    uint32_t left_out = 0;
    int rc = ofr_trace_merge(call->positional, call->positionals, options->out, &left_out, err);
    for (size_t i = 0; !rc && i < sizeof columns / sizeof *columns; ++i)
        if (left_out & columns[i].bit)
            fprintf(call->chatter, "offramp: column %s is left out: not all of the traces have it\n",
                    columns[i].name);
    return rc;
}

const struct ofr_cli_verb ofr_verb_trace_merge = {
    .name = "merge",
    .help = "one trace of several, by time; `stream` becomes the number of the file",
    .usage = "TRACE.otrace TRACE.otrace ...",
    .least = 1,
    .most = OFR_CLI_MOST_POSITIONALS,
    .options = merge_table,
    .option_count = 1,
    .options_size = sizeof(struct ofr_out_option),
    .run = run_merge,
};

/* ---- print ---- */

static int run_print(const struct ofr_cli_call *call, struct ofr_error *err)
{
    return ofr_print_verb(call, OFR_FILE_TRACE, err);
}

const struct ofr_cli_verb ofr_verb_trace_print = {
    .name = "print",
    .help = "the rows, exactly",
    .usage = "TRACE.otrace",
    .least = 1,
    .most = 1,
    .options = ofr_print_options,
    .option_count = OFR_PRINT_OPTIONS_NO_TABLE,
    .options_size = sizeof(struct ofr_print_options),
    .run = run_print,
};
