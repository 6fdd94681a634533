/* offramp verify: a log's own times through the decision core again (invariant I9). */
#include "replay/verify.h"
#include "sim/cli/file_verbs.h"
#include "sim/cli/verbs.h"

#include <inttypes.h>

#include "sim/base/json.h"

struct options {
    uint8_t json;
    struct offramp_args set;
};

static const struct offramp_option table[] = {
    {.name = "json",
     .type = OFFRAMP_OPT_BOOL,
     .offset = offsetof(struct options, json),
     .fallback = "false",
     .help = "as JSON"},
    {.name = "set",
     .type = OFFRAMP_OPT_ARGS,
     .offset = offsetof(struct options, set),
     .fallback = "[]",
     .help = "override a key of the log's scenario, KEY=VALUE: where its files are now; may be repeated"},
};

static json_t *report_json(const struct ofr_verify_report *report)
{
    json_t *object = json_object();
    json_object_set_new(object, "equal", json_boolean(!report->differs));
    json_object_set_new(object, "first_difference",
                        report->differs ? json_string(report->where) : json_null());
    json_object_set_new(object, "requests", ofr_json_count(report->requests));
    json_object_set_new(object, "batches", ofr_json_count(report->batches));
    json_object_set_new(object, "decisions", ofr_json_count(report->decisions));
    json_object_set_new(object, "instants", ofr_json_count(report->instants));
    return object;
}

static int run(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct options *options = call->values;
    struct ofr_verify_report report;
    int rc = ofr_verify_log(&report, call->positional[0], options->set.item, options->set.count, err);
    if (rc)
        return rc;
    if (options->json)
        rc = ofr_print_json(call->out, report_json(&report), err);
    else
        fprintf(call->out, "%s: %" PRIu64 " requests, %" PRIu64 " batches, %" PRIu64 " decisions equal%s\n",
                call->positional[0], report.requests, report.batches, report.decisions,
                report.differs ? " before the first difference" : "");
    return !rc && report.differs ? ofr_fail(err, OFR_E_GATE, "%s: %s", call->positional[0], report.where)
                                 : rc;
}

const struct ofr_cli_verb ofr_verb_verify = {
    .name = "verify",
    .help = "feed a log's own times through the decision core: every decision has to come out again",
    .usage = "RUN.olog",
    .least = 1,
    .most = 1,
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .options_size = sizeof(struct options),
    .run = run,
};
