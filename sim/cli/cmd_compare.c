/* offramp compare: two runs, or two sets of runs, side by side. */
#include "analysis/compare.h"
#include "sim/base/json.h"
#include "sim/cli/verbs.h"

struct options {
    uint8_t json;
    char gate[OFFRAMP_TEXT_SIZE];
};

static const struct offramp_option table[] = {
    {.name = "gate",
     .type = OFFRAMP_OPT_TEXT,
     .offset = offsetof(struct options, gate),
     .fallback = "",
     .help = "bounds that have to hold, e.g. p50=1%,p99=3%,throughput=0.5%,exit_rate=0.3%; exit status 1 "
             "when one "
             "does not"},
    {.name = "json",
     .type = OFFRAMP_OPT_BOOL,
     .offset = offsetof(struct options, json),
     .fallback = "false",
     .help = "everything that was found, as one JSON object"},
};

static int print(const struct ofr_cli_call *call, const struct ofr_comparison *comparison,
                 const struct ofr_run_set *a, const struct ofr_run_set *b, struct ofr_error *err)
{
    const struct options *options = call->values;
    struct ofr_gates gates;
    int rc = ofr_compare_gates(&gates, comparison, options->gate, err);
    if (!rc && options->json) {
        json_t *json = ofr_comparison_json(comparison, a, b, &gates);
        rc = ofr_json_write(call->out, json, err);
        json_decref(json);
    } else if (!rc) {
        ofr_comparison_text(call->out, comparison, a, b, &gates);
    }
    return rc ? rc : ofr_compare_verdict(comparison, &gates, err);
}

static int run(const struct ofr_cli_call *call, struct ofr_error *err)
{
    struct ofr_run_set a = {0}, b = {0};
    struct ofr_comparison comparison;
    int rc = ofr_run_set_load(&a, call->positional[0], err);
    if (!rc)
        rc = ofr_run_set_load(&b, call->positional[1], err);
    if (!rc)
        rc = ofr_compare(&comparison, &a, &b, err);
    if (!rc) {
        rc = print(call, &comparison, &a, &b, err);
        ofr_comparison_release(&comparison);
    }
    ofr_run_set_release(&a);
    ofr_run_set_release(&b);
    return rc;
}

const struct ofr_cli_verb ofr_verb_compare = {
    .name = "compare",
    .help = "two run logs, or two sets of them, side by side: A is the reference, B is held against it",
    .usage = "A B   (each a .olog, a folder of them, or several separated by commas)",
    .least = 2,
    .most = 2,
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .options_size = sizeof(struct options),
    .run = run,
};
