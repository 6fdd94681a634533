/* offramp replay: a scenario in real time on a device. */
#include "analysis/summary_print.h"
#include "replay/replay.h"
#include "sim/base/json.h"
#include "sim/base/version.h"
#include "sim/cli/device_options.h"
#include "sim/cli/file_verbs.h"
#include "sim/cli/progress.h"
#include "sim/cli/verbs.h"
#include "sim/policy/policies.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

struct options {
    char device[OFFRAMP_TEXT_SIZE], log[OFFRAMP_TEXT_SIZE];
    char net[OFFRAMP_TEXT_SIZE];
    struct ofr_device_options on;
    int32_t exits, pace;
    uint8_t json, ramps_in_line;
    int64_t max_lateness_ns, min_duration_ns, settle_most_ns, load_ns;
    uint64_t min_requests, warm_passes, settled_passes;
    double settle_spread;
    struct offramp_args set;
};

static const char *const exits[] = {"recorded", "computed", NULL};
static const char *const paces[] = {"none", "profile", NULL};

#define ROW(member) .offset = offsetof(struct options, member)

static const struct offramp_option table[] = {
    {.name = "device",
     .type = OFFRAMP_OPT_TEXT,
     ROW(device),
     .fallback = NULL,
     .help = "what runs the batches: null, or NAME:NUMBER of another device of this build"},
    {.name = "exits",
     .type = OFFRAMP_OPT_CHOICE,
     ROW(exits),
     .fallback = "recorded",
     .choices = exits,
     .help = "who decides that a request leaves: the recording, or what the device computes"},
    {.name = "net",
     .type = OFFRAMP_OPT_TEXT,
     ROW(net),
     .fallback = "",
     .help = "network the device runs; the profile's model when left out"},
    OFR_DEVICE_ROWS(struct options, on, "answers there are; 0 = the recording's, or the network's own"),
    {.name = "ramps_in_line",
     .type = OFFRAMP_OPT_BOOL,
     ROW(ramps_in_line),
     .fallback = "false",
     .help = "ramps on the backbone instead of a branch beside it"},
    {.name = "json",
     .type = OFFRAMP_OPT_BOOL,
     ROW(json),
     .fallback = "false",
     .help = "the summary as one JSON object"},
    {.name = "log", .type = OFFRAMP_OPT_TEXT, ROW(log), .fallback = "", .help = "write a run log (.olog)"},
    {.name = "set",
     .type = OFFRAMP_OPT_ARGS,
     ROW(set),
     .fallback = "[]",
     .help = "override a key of the scenario, KEY=VALUE; may be repeated"},
    {.name = "max_lateness",
     .type = OFFRAMP_OPT_TIME,
     ROW(max_lateness_ns),
     .fallback = "none",
     .min = -1,
     .max = 1e15,
     .help = "the run is INVALID when 1 % of the requests are let in later; none = 100us, 1ms on the cpu"},
    {.name = "min_duration",
     .type = OFFRAMP_OPT_TIME,
     ROW(min_duration_ns),
     .fallback = "0s",
     .min = 0,
     .max = 9e18,
     .help = "a shorter run is INVALID"},
    {.name = "min_requests",
     .type = OFFRAMP_OPT_COUNT,
     ROW(min_requests),
     .fallback = "0",
     .help = "a run that offers fewer requests is INVALID"},
    {.name = "warm_up",
     .type = OFFRAMP_OPT_COUNT,
     ROW(warm_passes),
     .fallback = "20",
     .min = 0,
     .max = 1000000,
     .help = "passes at every batch size before the run"},
    {.name = "settled",
     .type = OFFRAMP_OPT_COUNT,
     ROW(settled_passes),
     .fallback = "10",
     .min = 0,
     .max = 64,
     .help = "and then until so many in a row lie within --spread of their median; 0 = do not ask"},
    {.name = "spread",
     .type = OFFRAMP_OPT_SHARE,
     ROW(settle_spread),
     .fallback = "5%",
     .min = 0,
     .max = 1,
     .help = "see --settled"},
    {.name = "warm_up_most",
     .type = OFFRAMP_OPT_TIME,
     ROW(settle_most_ns),
     .fallback = "2s",
     .min = 0,
     .max = 9e18,
     .help = "longest warm-up of one batch size"},
    {.name = "warm_up_load",
     .type = OFFRAMP_OPT_TIME,
     ROW(load_ns),
     .fallback = "none",
     .min = -1,
     .max = 9e18,
     .help =
         "and then batches of the largest size for so long, so that the device has settled to a load; none = "
         "450ms on cuda, 0s elsewhere"},
    {.name = "pace",
     .type = OFFRAMP_OPT_CHOICE,
     ROW(pace),
     .fallback = "none",
     .choices = paces,
     .help = "null device: the time a pass takes"},
};

static void show_progress(void *state, uint64_t offered, int64_t now_ns)
{
    (void)now_ns;
    ofr_progress_update(state, offered);
}

static void say(void *state, const char *line)
{
    fprintf(state, "offramp: %s\n", line);
}

/* ---- printing ---- */

static json_t *spread_us(const struct ofr_histogram *histogram)
{
    static const struct {
        const char *key;
        double p;
    } rank[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}};
    json_t *object = json_object();
    for (size_t i = 0; i < sizeof rank / sizeof *rank; ++i)
        json_object_set_new(object, rank[i].key,
                            ofr_json_real(1e-3 * ofr_histogram_percentile(histogram, rank[i].p)));
    json_object_set_new(object, "max", ofr_json_real(histogram->count ? 1e-3 * (double)histogram->max : NAN));
    return object;
}

static json_t *report_json(const struct ofr_replay_report *report)
{
    json_t *object = json_object();
    json_object_set_new(object, "device", json_string(report->device));
    json_object_set_new(object, "exits", json_string(report->exits));
    json_object_set_new(object, "valid", json_boolean(!report->invalid[0]));
    json_object_set_new(object, "invalid_because",
                        report->invalid[0] ? json_string(report->invalid) : json_null());
    json_object_set_new(object, "lateness_us", spread_us(&report->lateness));
    json_object_set_new(object, "lateness_bound_us", ofr_json_real(1e-3 * (double)report->lateness_ns));
    json_object_set_new(object, "loop_us", spread_us(&report->handling));
    json_object_set_new(object, "loop_us_per_request",
                        ofr_json_real(1e-3 * (double)report->handling.sum / (double)report->lateness.count));
    json_object_set_new(object, "passes", ofr_json_count(report->counts.passes));
    json_object_set_new(object, "near_threshold", ofr_json_count(report->counts.near));
    json_object_set_new(object, "differing_exits", ofr_json_count(report->counts.differs));
    json_object_set_new(object, "relay_stalls", ofr_json_count(report->stalls));
    json_t *notes = json_object();
    for (uint32_t i = 0; i < report->notes.count; ++i)
        json_object_set_new(notes, report->notes.item[i].name, json_string(report->notes.item[i].text));
    json_object_set_new(object, "notes", notes);
    return object;
}

static void report_text(FILE *out, const struct ofr_replay_report *report)
{
    fprintf(out, "\nreplay on %s, exits %s: %s%s\n", report->device, report->exits,
            report->invalid[0] ? "INVALID: " : "VALID", report->invalid);
    fprintf(out, "let in late  p50 %.1f us, p99 %.1f us, max %.1f us; the bound of p99 is %.1f us\n",
            1e-3 * ofr_histogram_percentile(&report->lateness, 0.5),
            1e-3 * ofr_histogram_percentile(&report->lateness, 0.99), 1e-3 * (double)report->lateness.max,
            1e-3 * (double)report->lateness_ns);
    for (uint32_t i = 0; i < report->notes.count; ++i)
        fprintf(out, "%-12s %s\n", report->notes.item[i].name, report->notes.item[i].text);
}

static int print(const struct ofr_cli_call *call, const struct ofr_scenario *scenario,
                 const struct ofr_inputs *inputs, const struct ofr_run *run,
                 const struct ofr_replay_report *report, struct ofr_error *err)
{
    const struct options *options = call->values;
    const char **names = calloc(inputs->profile->sites + 1, sizeof *names);
    if (!names)
        return ofr_fail_nomem(err, "site names");
    for (uint32_t site = 0; site < inputs->profile->sites; ++site)
        names[site] = inputs->profile->site_name[site];
    struct ofr_summary_title title = {
        .scenario = scenario->top.name,
        .policy = scenario->policy->name,
        .knowledge = ofr_policy_knowledge(scenario->policy->flags),
        .seed = scenario->top.seed,
        .site_names = names,
    };
    int rc = 0;
    if (options->json) {
        json_t *object = ofr_summary_json(&run->summary, &title);
        json_object_set_new(object, "replay", report_json(report));
        rc = ofr_print_json(call->out, object, err);
    } else {
        ofr_summary_text(call->out, &run->summary, &title);
        report_text(call->out, report);
    }
    free(names);
    return rc;
}

/* ---- running ---- */

static struct ofr_replay_options replay_options(const struct options *options, uint64_t seed)
{
    return (struct ofr_replay_options){
        .device = options->device,
        .exits = (enum ofr_replay_exits)options->exits,
        .spin = (enum ofr_replay_spin)options->on.spin,
        .paced = options->pace == 1,
        .lateness_ns = options->max_lateness_ns,
        .min_duration_ns = options->min_duration_ns,
        .min_requests = options->min_requests,
        .warm_up = {.passes = (uint32_t)options->warm_passes,
                    .settled = (uint32_t)options->settled_passes,
                    .spread = options->settle_spread,
                    .most_ns = options->settle_most_ns,
                    .load_ns = options->load_ns},
        .catch_signals = true,
        .model = ofr_device_model_options(&options->on, options->net, seed),
        .threads = (uint32_t)options->on.threads,
        .ramps_in_line = options->ramps_in_line != 0,
    };
}

static int replay(const struct ofr_cli_call *call, const struct ofr_scenario *scenario,
                  const struct ofr_inputs *inputs, struct ofr_error *err)
{
    const struct options *options = call->values;
    struct ofr_replay_options how = replay_options(options, scenario->top.seed);
    struct ofr_notes notes = OFR_NOTES_INIT;
    struct ofr_progress progress;
    struct ofr_replay_report report;
    struct ofr_run run;
    ofr_progress_begin(&progress, call->chatter, scenario->policy->name, "requests", scenario->top.requests);
    struct ofr_run_options how_to_run = {.log_path = options->log[0] ? options->log : NULL,
                                         .provenance = &notes,
                                         .progress = show_progress,
                                         .progress_state = &progress,
                                         .say = say,
                                         .say_state = call->chatter};
    int rc = ofr_notes_set(&notes, "tool", "offramp " OFR_VERSION, err);
    if (!rc)
        rc = ofr_notes_set(&notes, "command", call->command, err);
    if (!rc) {
        rc = ofr_replay_run(&run, &report, scenario, inputs, &how_to_run, &how, err);
        ofr_progress_end(&progress);
        if (!rc) {
            rc = print(call, scenario, inputs, &run, &report, err);
            ofr_run_release(&run);
        }
        if (!rc && report.invalid[0])
            rc = ofr_fail(err, OFR_E_GATE, "the replay is INVALID: %s", report.invalid);
        ofr_replay_report_release(&report);
    }
    ofr_notes_release(&notes);
    return rc;
}

static int run(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct options *options = call->values;
    struct ofr_scenario *scenario = NULL;
    struct ofr_inputs inputs = {0};
    int rc = ofr_scenario_load(&scenario, call->positional[0], options->set.item, options->set.count, err);
    if (!rc)
        rc = ofr_inputs_load(&inputs, scenario, err);
    if (!rc)
        rc = replay(call, scenario, &inputs, err);
    ofr_inputs_release(&inputs);
    ofr_scenario_free(scenario);
    return rc;
}

const struct ofr_cli_verb ofr_verb_replay = {
    .name = "replay",
    .help = "run a scenario in real time on a device",
    .usage = "SCENARIO.yaml",
    .least = 1,
    .most = 1,
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .options_size = sizeof(struct options),
    .run = run,
};
