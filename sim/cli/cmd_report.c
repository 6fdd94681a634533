/* offramp report: runs as a timeline for a trace viewer. */
#include "analysis/timeline.h"
#include "sim/cli/verbs.h"

struct options {
    char trace[OFFRAMP_TEXT_SIZE];
};

static const struct offramp_option table[] = {
    {.name = "trace",
     .type = OFFRAMP_OPT_TEXT,
     .offset = offsetof(struct options, trace),
     .help = "timeline to write, in the Chrome trace format (.json): one process per run, so that several "
             "overlay"},
};

static int run(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct options *options = call->values;
    return ofr_timeline_write(options->trace, call->positional, call->positionals, err);
}

const struct ofr_cli_verb ofr_verb_report = {
    .name = "report",
    .help = "run logs as a timeline for a trace viewer",
    .usage = "RUN.olog ...",
    .least = 1,
    .most = OFR_CLI_MOST_POSITIONALS,
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .options_size = sizeof(struct options),
    .run = run,
};
