/* offramp log info | print | compact. */
#include "sim/cli/file_verbs.h"
#include "sim/cli/verbs.h"
#include "traces/info_print.h"
#include "traces/runlog_compact.h"
#include "traces/runlog_print.h"

static int run_info(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct ofr_json_option *options = call->values;
    struct ofr_runlog_reader *reader;
    struct ofr_runlog_info info;
    int rc = ofr_runlog_open(&reader, call->positional[0], err);
    if (rc)
        return rc;
    rc = ofr_runlog_count(reader, &info, err);
    ofr_warn_partial(call, call->positional[0], !rc && info.partial);
    if (!rc && options->json)
        rc = ofr_print_json(call->out, ofr_runlog_info_json(reader, &info), err);
    else if (!rc)
        ofr_runlog_info_text(call->out, reader, &info);
    ofr_runlog_close(reader);
    return rc;
}

const struct ofr_cli_verb ofr_verb_log_info = {
    .name = "info",
    .help = "requests by outcome, batches by reason, the scenario it ran",
    .usage = "RUN.olog",
    .least = 1,
    .most = 1,
    .options = ofr_json_options,
    .option_count = 1,
    .options_size = sizeof(struct ofr_json_option),
    .run = run_info,
};

struct print_options {
    struct ofr_print_options print; /* `table` of it is unused: a log's tables are known */
    int32_t table;
};

static const char *const tables[] = {"requests", "batches", "decisions", NULL};

static const struct offramp_option print_table[] = {
    {.name = "table",
     .type = OFFRAMP_OPT_CHOICE,
     .offset = offsetof(struct print_options, table),
     .fallback = "requests",
     .choices = tables,
     .help = "which rows"},
    {.name = "csv",
     .type = OFFRAMP_OPT_BOOL,
     .offset = offsetof(struct print_options, print.csv),
     .fallback = "false",
     .help = "as comma-separated values (the default)"},
    {.name = "json",
     .type = OFFRAMP_OPT_BOOL,
     .offset = offsetof(struct print_options, print.json),
     .fallback = "false",
     .help = "as JSON"},
    {.name = "limit",
     .type = OFFRAMP_OPT_COUNT,
     .offset = offsetof(struct print_options, print.limit),
     .fallback = "0",
     .help = "at most so many rows; 0 = all"},
};

static int run_print(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct print_options *options = call->values;
    enum ofr_print_format format = OFR_PRINT_CSV;
    uint64_t limit = 0;
    bool partial = false;
    int rc = ofr_print_choice(&options->print, &format, &limit, err);
    if (!rc)
        rc = ofr_runlog_print(call->out, call->positional[0], (enum ofr_runlog_rows)options->table, format,
                              limit, &partial, err);
    ofr_warn_partial(call, call->positional[0], partial);
    return rc;
}

const struct ofr_cli_verb ofr_verb_log_print = {
    .name = "print",
    .help = "the rows, exactly",
    .usage = "RUN.olog",
    .least = 1,
    .most = 1,
    .options = print_table,
    .option_count = sizeof print_table / sizeof *print_table,
    .options_size = sizeof(struct print_options),
    .run = run_print,
};

struct compact_options {
    char out[OFFRAMP_TEXT_SIZE];
    int64_t grain_ns;
};

static const struct offramp_option compact_table[] = {
    {.name = "out",
     .type = OFFRAMP_OPT_TEXT,
     .offset = offsetof(struct compact_options, out),
     .help = "log to write (.olog)"},
    {.name = "grain",
     .type = OFFRAMP_OPT_TIME,
     .offset = offsetof(struct compact_options, grain_ns),
     .fallback = "512ns",
     .min = 1,
     .max = 1e9,
     .help = "times are rounded to multiples of this"},
};

static int run_compact(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct compact_options *options = call->values;
    return ofr_runlog_compact(call->positional[0], options->out, options->grain_ns, err);
}

const struct ofr_cli_verb ofr_verb_log_compact = {
    .name = "compact",
    .help = "a smaller log to compare with: without what only `verify` needs, times on a coarser grain",
    .usage = "RUN.olog",
    .least = 1,
    .most = 1,
    .options = compact_table,
    .option_count = sizeof compact_table / sizeof *compact_table,
    .options_size = sizeof(struct compact_options),
    .run = run_compact,
};
