/* offramp workload arrivals | fit | generate: request traces from arrival processes, recordings from exit models. */
#include "sim/base/config.h"
#include "sim/base/version.h"
#include "sim/cli/progress.h"
#include "sim/cli/verbs.h"
#include "workloads/arrival_write.h"
#include "workloads/exit_model.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROW(section, member) .offset = offsetof(struct section, member)

static void show_progress(void *state, uint64_t done)
{
    ofr_progress_update(state, done);
}

/* ---- arrivals ---- */

struct arrivals_options {
    char out[OFFRAMP_TEXT_SIZE];
    char process[OFFRAMP_TEXT_SIZE];
    struct offramp_args set;
    uint64_t requests;
    int64_t duration_ns;
    uint64_t seed;
};

static const struct offramp_option arrivals_table[] = {
    {.name = "out", .type = OFFRAMP_OPT_TEXT, ROW(arrivals_options, out), .help = "trace to write (.otrace)"},
    {.name = "process",
     .type = OFFRAMP_OPT_TEXT,
     ROW(arrivals_options, process),
     .help = "arrival process; `offramp list arrivals` names them"},
    {.name = "set",
     .type = OFFRAMP_OPT_ARGS,
     ROW(arrivals_options, set),
     .fallback = "[]",
     .help = "an option of the process, KEY=VALUE; may be repeated; see `offramp help arrival:NAME`"},
    {.name = "requests",
     .type = OFFRAMP_OPT_COUNT,
     ROW(arrivals_options, requests),
     .fallback = "0",
     .max = 1e15,
     .help = "at most so many; 0 = as many as come"},
    {.name = "duration",
     .type = OFFRAMP_OPT_TIME,
     ROW(arrivals_options, duration_ns),
     .fallback = "none",
     .min = -1,
     .max = 9e18,
     .help = "only arrivals before this time"},
    {.name = "seed",
     .type = OFFRAMP_OPT_COUNT,
     ROW(arrivals_options, seed),
     .fallback = "1",
     .help = "of the process's random numbers"},
};

static const struct ofr_arrival_ops *find_process(const char *name, struct ofr_error *err)
{
    const struct ofr_arrival_ops *ops = ofr_arrival_find(name);
    if (!ops)
        ofr_fail(err, OFR_E_USAGE,
                 "--process: no arrival process is called '%.60s'; `offramp list arrivals` names them", name);
    return ops;
}

/* The process's options out of the --set flags; `values` has its options_size bytes. */
static int bind_sets(const struct ofr_component *component, const struct offramp_args *set, void *values,
                     struct ofr_error *err)
{
    const char *known[OFFRAMP_MAX_SITES + 1] = {NULL};
    struct ofr_config *config = NULL;
    int rc = ofr_config_parse(&config, "--set", "{}", 2, err);
    for (uint32_t i = 0; i < set->count && !rc; ++i)
        rc = ofr_config_set(config, set->item[i], err);
    for (uint32_t i = 0; i < component->option_count && i < OFFRAMP_MAX_SITES; ++i)
        known[i] = component->options[i].name;
    struct ofr_node *root = rc ? NULL : ofr_config_root(config);
    if (!rc)
        rc = ofr_options_bind(component->options, component->option_count, values, component->options_size,
                              root, err);
    if (!rc)
        rc = ofr_node_reject_unused(root, known, err);
    ofr_config_free(config);
    return rc;
}

/* Every option of the process as it was resolved, one note each. */
static int note_options(struct ofr_notes *notes, const struct ofr_component *component, const void *values,
                        struct ofr_error *err)
{
    int rc = OFR_OK;
    for (uint32_t i = 0; i < component->option_count && !rc; ++i) {
        char text[OFFRAMP_MAX_SITES * 64];
        ofr_option_format(&component->options[i], values, text, sizeof text);
        rc = ofr_notes_set(notes, component->options[i].name, text, err);
    }
    return rc;
}

static int note_arrivals(struct ofr_notes *notes, const struct ofr_cli_call *call,
                         const struct arrivals_options *options, struct ofr_error *err)
{
    int rc = ofr_notes_set(notes, "tool", "offramp " OFR_VERSION, err);
    if (!rc)
        rc = ofr_notes_set(notes, "command", call->command, err);
    if (!rc)
        rc = ofr_notes_set(notes, "process", options->process, err);
    return rc ? rc : ofr_notes_setf(notes, err, "seed", "%" PRIu64, options->seed);
}

static int write_arrivals(const struct ofr_cli_call *call, const struct ofr_arrival_source *source,
                          const void *values, struct ofr_error *err)
{
    const struct arrivals_options *options = call->values;
    struct ofr_notes notes = OFR_NOTES_INIT;
    struct ofr_progress progress;
    struct ofr_arrival_written written;
    struct ofr_arrival_write how = {.path = options->out,
                                    .requests = options->requests,
                                    .duration_ns = options->duration_ns,
                                    .provenance = &notes,
                                    .progress = show_progress,
                                    .progress_state = &progress};
    int rc = note_arrivals(&notes, call, options, err);
    if (!rc)
        rc = note_options(&notes, &source->ops->component, values, err);
    ofr_progress_begin(&progress, call->chatter, options->process, "requests", options->requests);
    if (!rc)
        rc = ofr_arrival_write(source, &how, &written, err);
    ofr_progress_end(&progress);
    ofr_notes_release(&notes);
    if (!rc)
        fprintf(call->chatter, "offramp: %s: %" PRIu64 " requests in %.3f s\n", options->out,
                written.requests, 1e-9 * (double)written.last_ns);
    return rc;
}

static int run_arrivals(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct arrivals_options *options = call->values;
    const struct ofr_arrival_ops *ops = find_process(options->process, err);
    if (!ops)
        return OFR_E_USAGE;
    void *values = calloc(1, ops->component.options_size);
    if (!values)
        return ofr_fail_nomem(err, "options");
    struct ofr_arrival_setup setup = {.seed = options->seed};
    struct ofr_arrival_source source = {.ops = ops};
    int rc = bind_sets(&ops->component, &options->set, values, err);
    bool ends = options->requests || options->duration_ns >= 0 || (ops->ends && ops->ends(values));
    if (!rc && !ends)
        rc = ofr_fail(err, OFR_E_USAGE, "nothing ends the trace: expected --requests or --duration");
    if (!rc)
        rc = ops->create(&source.state, &setup, values, err);
    if (!rc)
        rc = write_arrivals(call, &source, values, err);
    ops->destroy(source.state);
    free(values);
    return rc;
}

const struct ofr_cli_verb ofr_verb_workload_arrivals = {
    .name = "arrivals",
    .help = "write a request trace from an arrival process",
    .usage = "",
    .options = arrivals_table,
    .option_count = sizeof arrivals_table / sizeof *arrivals_table,
    .options_size = sizeof(struct arrivals_options),
    .run = run_arrivals,
};

/* ---- fit ---- */

struct fit_options {
    char out[OFFRAMP_TEXT_SIZE];
    uint64_t regimes, rows, seed;
    int32_t form, changes;
};

static const char *const fit_forms[] = {"runs", "difficulty", NULL}; /* as enum ofr_exit_form */
static const char *const fit_changes[] = {"gradual", "sudden", "auto", NULL};

static const struct offramp_option fit_table[] = {
    {.name = "out", .type = OFFRAMP_OPT_TEXT, ROW(fit_options, out), .help = "exit model to write (.yaml)"},
    {.name = "regimes",
     .type = OFFRAMP_OPT_COUNT,
     ROW(fit_options, regimes),
     .fallback = "0",
     .max = OFR_REGIMES_MAX,
     .help = "most regimes to tell apart; 0 = 8 in form runs, 24 in form difficulty"},
    {.name = "rows",
     .type = OFFRAMP_OPT_COUNT,
     ROW(fit_options, rows),
     .fallback = "0",
     .max = OFR_STEPS_MAX,
     .help =
         "samples kept in the model's tables, all regimes together; 0 = form runs: all, up to 131072; form "
         "difficulty: 8192"},
    {.name = "form",
     .type = OFFRAMP_OPT_CHOICE,
     ROW(fit_options, form),
     .fallback = "runs",
     .choices = fit_forms,
     .help = "what makes neighbours alike: runs of the recording's own samples, drawn anew, or a latent "
             "difficulty"},
    {.name = "changes",
     .type = OFFRAMP_OPT_CHOICE,
     ROW(fit_options, changes),
     .fallback = "auto",
     .choices = fit_changes,
     .help =
         "form difficulty: how it moves: AR(1) steps, the same value until the scene changes, or what the "
         "recording's own steps look like"},
    {.name = "seed",
     .type = OFFRAMP_OPT_COUNT,
     ROW(fit_options, seed),
     .fallback = "1",
     .help = "of the samples the report compares with"},
};

/* "-" where there is none: nothing varies, or the recording ends before the lag. */
static void print_correlation(FILE *out, const char *before, double value)
{
    if (isnan(value))
        fprintf(out, "%s-", before);
    else
        fprintf(out, "%s%.3f", before, value);
}

static void print_report(FILE *out, const struct ofr_exit_model *model, const struct ofr_exit_report *report)
{
    uint32_t rows = 0, runs = 0;
    for (uint32_t i = 0; i < model->regimes; ++i) {
        rows += model->regime[i].rows;
        runs += model->regime[i].runs;
    }
    fprintf(out, "%u regimes in %u stretches, %u rows", model->regimes, model->stretches, rows);
    if (runs)
        fprintf(out, ", %u runs\n\n", runs);
    else
        fprintf(out, ", %s changes, memory %.4f, persistence %.3f\n\n",
                model->head.changes ? "sudden" : "gradual", model->head.memory, model->head.persistence);
    fprintf(out, "%-14s %12s %12s %12s %16s %22s\n", "points off", "exit, worst", "agreement", "its gap",
            "given the score", "wrong exits in a row");
    for (uint32_t k = 0; k < report->sites; ++k)
        fprintf(out, "%-14s %12.2f %11.2f%% %12.2f %16.2f %15.1f / %.1f\n", model->head.sites.item[k],
                100 * report->marginal_gap[k], 100 * report->agreement[k], 100 * report->agreement_gap[k],
                100 * report->given_score_gap[k], report->burst[0][k], report->burst[1][k]);
    fprintf(out, "\nboth exit, worst pair: %.2f points (%s, %s); any exits, worst: %.2f points\n",
            100 * report->joint_gap, model->head.sites.item[report->joint_site[0]],
            model->head.sites.item[report->joint_site[1]], 100 * report->any_gap);
    fputs("autocorrelation of difficulty, recording / model:", out);
    for (int i = 0; i < 4; ++i) {
        fprintf(out, "%s lag %u", i ? "," : "", report->lag[i]);
        print_correlation(out, " ", report->autocorrelation[0][i]);
        print_correlation(out, " / ", report->autocorrelation[1][i]);
    }
    fputc('\n', out);
}

static int run_fit(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct fit_options *options = call->values;
    struct ofr_recording *recording = NULL;
    struct ofr_exit_model model = {0};
    struct ofr_exit_report report;
    struct ofr_exit_fit how = {.form = (enum ofr_exit_form)options->form,
                               .regimes = (uint32_t)options->regimes,
                               .rows = (uint32_t)options->rows};
    if (how.form == OFR_EXIT_RUNS && options->changes < 2)
        return ofr_fail(err, OFR_E_USAGE, "--changes: expected --form difficulty with it");
    int rc = ofr_recording_load(&recording, call->positional[0], err);
    if (!rc)
        rc = ofr_exit_model_fit(&model, recording, &how, err);
    if (!rc && options->changes < 2)
        model.head.changes = options->changes;
    if (!rc)
        rc = ofr_exit_model_report(&report, &model, recording, options->seed, err);
    if (!rc)
        rc = ofr_exit_model_save(&model, options->out, err);
    if (!rc)
        print_report(call->out, &model, &report);
    ofr_exit_model_release(&model);
    ofr_recording_free(recording);
    return rc;
}

const struct ofr_cli_verb ofr_verb_workload_fit = {
    .name = "fit",
    .help = "fit an exit model to a recording, and say what it keeps",
    .usage = "RECORDING.orec",
    .least = 1,
    .most = 1,
    .options = fit_table,
    .option_count = sizeof fit_table / sizeof *fit_table,
    .options_size = sizeof(struct fit_options),
    .run = run_fit,
};

/* ---- generate ---- */

struct generate_options {
    char out[OFFRAMP_TEXT_SIZE];
    uint64_t samples, seed;
};

static const struct offramp_option generate_table[] = {
    {.name = "out",
     .type = OFFRAMP_OPT_TEXT,
     ROW(generate_options, out),
     .help = "recording to write (.orec)"},
    {.name = "samples",
     .type = OFFRAMP_OPT_COUNT,
     ROW(generate_options, samples),
     .min = 1,
     .max = 1e12,
     .help = "how many"},
    {.name = "seed",
     .type = OFFRAMP_OPT_COUNT,
     ROW(generate_options, seed),
     .fallback = "1",
     .help = "of them"},
};

static int run_generate(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct generate_options *options = call->values;
    struct ofr_notes notes = OFR_NOTES_INIT;
    struct ofr_exit_model model = {0};
    int rc = ofr_exit_model_load(&model, call->positional[0], err);
    if (!rc)
        rc = ofr_notes_set(&notes, "tool", "offramp " OFR_VERSION, err);
    if (!rc)
        rc = ofr_notes_set(&notes, "command", call->command, err);
    if (!rc)
        rc = ofr_exit_model_generate(&model, options->seed, options->samples, options->out, &notes, err);
    ofr_notes_release(&notes);
    ofr_exit_model_release(&model);
    return rc;
}

const struct ofr_cli_verb ofr_verb_workload_generate = {
    .name = "generate",
    .help = "write a recording of any length from an exit model",
    .usage = "MODEL.yaml",
    .least = 1,
    .most = 1,
    .options = generate_table,
    .option_count = sizeof generate_table / sizeof *generate_table,
    .options_size = sizeof(struct generate_options),
    .run = run_generate,
};
