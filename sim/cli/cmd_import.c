/* offramp trace import, recording import, profile import: what people have, into our formats. */
#include "sim/cli/verbs.h"
#include "traces/import/commands.h"

#include <stdlib.h>
#include <string.h>

static struct ofr_import_report report_of(const struct ofr_cli_call *call, bool json)
{
    return (struct ofr_import_report){.out = call->out, .chatter = call->chatter, .json = json};
}

/* ---- trace import FORMAT FILE: the format brings options of its own ---- */

struct trace_options {
    _Alignas(max_align_t) char out[OFFRAMP_TEXT_SIZE]; /* the format's own struct stands behind this one */
    uint8_t skip_bad, json;
};

static const struct offramp_option trace_table[] = {
    {.name = "out",
     .type = OFFRAMP_OPT_TEXT,
     .offset = offsetof(struct trace_options, out),
     .help = "trace to write (.otrace)"},
    {.name = "skip_bad",
     .type = OFFRAMP_OPT_BOOL,
     .offset = offsetof(struct trace_options, skip_bad),
     .fallback = "false",
     .help = "refuse malformed rows one by one, with their line numbers, instead of stopping at the first"},
    {.name = "json",
     .type = OFFRAMP_OPT_BOOL,
     .offset = offsetof(struct trace_options, json),
     .fallback = "false",
     .help = "what was found, as one JSON object"},
};

enum {
    TRACE_ROWS = sizeof trace_table / sizeof *trace_table,
    MOST_ROWS = 48
};

/* The common flags followed by the format's; both option structs in one block. */
static int parse_trace_flags(const struct ofr_cli_call *call, const struct ofr_component *format,
                             struct ofr_cli_parse *parse, struct offramp_option *rows, struct ofr_error *err)
{
    if (TRACE_ROWS + format->option_count > MOST_ROWS)
        return ofr_fail(err, OFR_E_BUG, "format %s has too many options", format->name);
    memcpy(rows, trace_table, sizeof trace_table);
    for (uint32_t i = 0; i < format->option_count; ++i) {
        rows[TRACE_ROWS + i] = format->options[i];
        rows[TRACE_ROWS + i].offset += sizeof(struct trace_options);
    }
    parse->options = rows;
    parse->option_count = TRACE_ROWS + format->option_count;
    parse->options_size = sizeof(struct trace_options) + format->options_size;
    parse->values = calloc(1, parse->options_size);
    if (!parse->values)
        return ofr_fail_nomem(err, "options");
    int rc = ofr_cli_parse(parse, call->argc - 1, call->argv + 1, err);
    if (!rc && parse->positionals != 1)
        rc = ofr_fail(err, OFR_E_USAGE, "trace import %s: found %u files, expected one", format->name,
                      parse->positionals);
    return rc;
}

static int import_trace(const struct ofr_cli_call *call, struct ofr_error *err)
{
    if (call->argc < 1 || call->argv[0][0] == '-')
        return ofr_fail(err, OFR_E_USAGE,
                        "trace import: expected FORMAT FILE -o TRACE.otrace; `offramp list formats` "
                        "names the formats");
    const struct ofr_importer *importer = ofr_importer_find(call->argv[0], err);
    if (!importer)
        return OFR_E_USAGE;
    struct offramp_option rows[MOST_ROWS];
    struct ofr_cli_parse parse = {0};
    int rc = parse_trace_flags(call, &importer->component, &parse, rows, err);
    if (!rc) {
        const struct trace_options *options = parse.values;
        struct ofr_import_request request = {.importer = importer,
                                             .input = parse.positional[0],
                                             .output = options->out,
                                             .options = options + 1,
                                             .skip_bad = options->skip_bad,
                                             .command = call->command};
        struct ofr_import_report report = report_of(call, options->json);
        rc = ofr_import_trace_command(&request, &report, err);
    }
    free(parse.values);
    return rc;
}

const struct ofr_cli_verb ofr_verb_trace_import = {
    .name = "import",
    .help = "read a foreign trace (gzip in place); `offramp help format:NAME` lists a format's own flags",
    .usage = "FORMAT FILE",
    .options = trace_table,
    .option_count = TRACE_ROWS,
    .options_size = sizeof(struct trace_options),
    .raw = true,
    .run = import_trace,
};

/* ---- recording import DIR ---- */

struct recording_options {
    char out[OFFRAMP_TEXT_SIZE];
    uint8_t json;
};

static const struct offramp_option recording_table[] = {
    {.name = "out",
     .type = OFFRAMP_OPT_TEXT,
     .offset = offsetof(struct recording_options, out),
     .help = "recording to write (.orec)"},
    {.name = "json",
     .type = OFFRAMP_OPT_BOOL,
     .offset = offsetof(struct recording_options, json),
     .fallback = "false",
     .help = "what was found, as one JSON object"},
};

static int import_recording(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct recording_options *options = call->values;
    struct ofr_import_report report = report_of(call, options->json);
    return ofr_import_recording_command(call->positional[0], options->out, call->command, &report, err);
}

const struct ofr_cli_verb ofr_verb_recording_import = {
    .name = "import",
    .help = "read a folder of .npy arrays and its meta.json",
    .usage = "FOLDER",
    .least = 1,
    .most = 1,
    .options = recording_table,
    .option_count = sizeof recording_table / sizeof *recording_table,
    .options_size = sizeof(struct recording_options),
    .run = import_recording,
};

/* ---- profile import FILE.tsv ---- */

struct profile_options {
    char out[OFFRAMP_TEXT_SIZE];
    char model[OFFRAMP_TEXT_SIZE];
    int64_t dispatch_ns, copy_in_ns, copy_out_ns, release_ns, feedback_ns;
    uint8_t list, json;
};

#define TERM(key, member, text)                                                                              \
    {                                                                                                        \
        .name = key, .type = OFFRAMP_OPT_TIME, .offset = offsetof(struct profile_options, member),           \
        .fallback = "0s", .min = 0, .max = 1e12, .help = text                                                \
    }

static const struct offramp_option profile_table[] = {
    {.name = "out",
     .type = OFFRAMP_OPT_TEXT,
     .offset = offsetof(struct profile_options, out),
     .fallback = "",
     .help = "profile to write (.oprof)"},
    {.name = "model",
     .type = OFFRAMP_OPT_TEXT,
     .offset = offsetof(struct profile_options, model),
     .fallback = "",
     .help = "rows of which model"},
    {.name = "list",
     .type = OFFRAMP_OPT_BOOL,
     .offset = offsetof(struct profile_options, list),
     .fallback = "false",
     .help = "print the models of the table and stop"},
    {.name = "json",
     .type = OFFRAMP_OPT_BOOL,
     .offset = offsetof(struct profile_options, json),
     .fallback = "false",
     .help = "what was found, as one JSON object"},
    TERM("dispatch", dispatch_ns, "measured time from the decision to dispatch to the first kernel"),
    TERM("copy_in", copy_in_ns, "measured copy to the device per batch"),
    TERM("copy_out", copy_out_ns, "measured copy from the device per batch"),
    TERM("release", release_ns, "measured time from a ramp's decision to the host seeing it"),
    TERM("feedback", feedback_ns, "measured time from a batch's end to its results reaching the controller"),
};

static int import_profile(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct profile_options *options = call->values;
    if (options->list)
        return ofr_profile_list(call->out, call->positional[0], err);
    if (!options->out[0] || !options->model[0])
        return ofr_fail(err, OFR_E_USAGE,
                        "profile import: expected --model NAME and -o PROFILE.oprof (or --list)");
    struct ofr_profile_request request = {.input = call->positional[0],
                                          .output = options->out,
                                          .model = options->model,
                                          .dispatch_ns = options->dispatch_ns,
                                          .copy_in_ns = options->copy_in_ns,
                                          .copy_out_ns = options->copy_out_ns,
                                          .release_ns = options->release_ns,
                                          .feedback_ns = options->feedback_ns,
                                          .command = call->command};
    struct ofr_import_report report = report_of(call, options->json);
    return ofr_import_profile_command(&request, &report, err);
}

const struct ofr_cli_verb ofr_verb_profile_import = {
    .name = "import",
    .help = "take a measured table: model, batch, index, site, until_ms, ramp_ms",
    .usage = "FILE.tsv",
    .least = 1,
    .most = 1,
    .options = profile_table,
    .option_count = sizeof profile_table / sizeof *profile_table,
    .options_size = sizeof(struct profile_options),
    .run = import_profile,
};
