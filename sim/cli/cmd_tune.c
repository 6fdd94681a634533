/* offramp tune: the threshold tuner alone, on a window of samples read from a file. */
#include "sim/cli/cli.h"
#include "sim/cli/verbs.h"
#include "sim/policy/tuner_report.h"

struct options {
    double budget, step;
    uint64_t limit;
    int32_t method;
    uint8_t json;
};

static const char *const methods[] = {"greedy", "exact", "grid", NULL}; /* as enum ofr_tuner_method */

static const struct offramp_option table[] = {
    {.name = "budget",
     .type = OFFRAMP_OPT_SHARE,
     .offset = offsetof(struct options, budget),
     .fallback = "1%",
     .max = 1,
     .help = "accuracy loss the thresholds must stay below: share of wrong exits"},
    {.name = "method",
     .type = OFFRAMP_OPT_CHOICE,
     .offset = offsetof(struct options, method),
     .fallback = "greedy",
     .choices = methods,
     .help = "greedy hill climb, exact optimum, or the full grid"},
    {.name = "step",
     .type = OFFRAMP_OPT_REAL,
     .offset = offsetof(struct options, step),
     .fallback = "0.05",
     .min = 0.001,
     .max = 1,
     .help = "grid: distance of neighbouring thresholds"},
    {.name = "limit",
     .type = OFFRAMP_OPT_COUNT,
     .offset = offsetof(struct options, limit),
     .fallback = "0",
     .max = 1e15,
     .help = "stop after so many tree nodes (exact) or configurations (grid) with the best found; 0 = never"},
    {.name = "json",
     .type = OFFRAMP_OPT_BOOL,
     .offset = offsetof(struct options, json),
     .fallback = "no",
     .help = "thresholds, latency_improvement_pct, acc, exit_rate, evaluations and us as one JSON object"},
};

static int run(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct options *options = call->values;
    const struct ofr_tuner_job job = {.method = (enum ofr_tuner_method)options->method,
                                      .budget = options->budget,
                                      .step = options->step,
                                      .limit = options->limit};
    struct ofr_tuner_case kase;
    struct ofr_tuner_report report;
    int code = ofr_tuner_case_load(&kase, call->positional[0], err);
    if (code)
        return code;
    code = ofr_tuner_run(&report, &kase, &job, err);
    if (!code && options->json)
        ofr_tuner_report_json(call->out, &kase, &report);
    else if (!code)
        ofr_tuner_report_text(call->out, &kase, &report);
    ofr_tuner_case_release(&kase);
    return code;
}

const struct ofr_cli_verb ofr_verb_tune = {
    .name = "tune",
    .help = "the threshold tuner alone, on a window of samples",
    .usage = "CASE.json",
    .least = 1,
    .most = 1,
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .options_size = sizeof(struct options),
    .run = run,
};
