/* offramp report: runs as a page with plots, as figures for papers, and as a timeline for a trace viewer. */
#include "analysis/report/draw.h"
#include "analysis/report/page.h"
#include "analysis/timeline.h"
#include "sim/cli/verbs.h"

struct options {
    char out[OFFRAMP_TEXT_SIZE], figures[OFFRAMP_TEXT_SIZE], trace[OFFRAMP_TEXT_SIZE];
};

static const struct offramp_option table[] = {
    {.name = "out",
     .type = OFFRAMP_OPT_TEXT,
     .offset = offsetof(struct options, out),
     .fallback = "",
     .help = "page to write (.html): plots with their numbers, no network needed"},
    {.name = "figures",
     .type = OFFRAMP_OPT_TEXT,
     .offset = offsetof(struct options, figures),
     .fallback = "",
     .help = "folder for the same plots as SVG and PNG, one column of a paper wide; made if it is not there"},
    {.name = "trace",
     .type = OFFRAMP_OPT_TEXT,
     .offset = offsetof(struct options, trace),
     .fallback = "",
     .help = "timeline to write, in the Chrome trace format (.json): one process per run, so that several "
             "overlay"},
};

/* Two runs of the same model are also compared. */
static int add_comparison(struct ofr_figures *figures, const struct ofr_run_set *set, struct ofr_error *err)
{
    struct ofr_run_set a = {.run = {set->run[0]}, .runs = 1}, b = {.run = {set->run[1]}, .runs = 1};
    struct ofr_comparison comparison;
    int rc = ofr_compare(&comparison, &a, &b, err);
    if (rc)
        return rc;
    rc = ofr_figures_of_comparison(figures, &comparison, set->run[0], set->run[1], err);
    ofr_comparison_release(&comparison);
    return rc;
}

static int write_plots(const struct options *options, const struct ofr_figures *figures,
                       const struct ofr_page_text *text, uint32_t texts, struct ofr_error *err)
{
    int rc = options->out[0] ? ofr_report_page(options->out, figures, text, texts, err) : 0;
    if (!rc && options->figures[0])
        rc = ofr_figures_draw(options->figures, figures, err);
    return rc;
}

static int plot_runs(const struct options *options, const struct ofr_run_set *set, struct ofr_error *err)
{
    struct ofr_figures figures = {0};
    struct ofr_report_run run[OFR_REPORT_MOST_RUNS];
    struct ofr_page_text text[OFR_REPORT_MOST_RUNS];
    ofr_report_runs(run, (const struct ofr_run_data *const *)set->run, set->runs);
    for (uint32_t i = 0; i < set->runs; ++i)
        text[i] = (struct ofr_page_text){run[i].label, set->run[i]->path, set->run[i]->scenario};
    int rc = ofr_figures_of_runs(&figures, run, set->runs, err);
    if (!rc && set->runs == 2)
        rc = add_comparison(&figures, set, err);
    if (!rc)
        rc = write_plots(options, &figures, text, set->runs, err);
    ofr_figures_release(&figures);
    return rc;
}

static int plot_sweep(const struct options *options, const char *path, struct ofr_error *err)
{
    struct ofr_sweep_data *data = NULL;
    struct ofr_figures figures = {0};
    int rc = ofr_sweep_data_load(&data, path, err);
    if (rc)
        return rc;
    const struct ofr_page_text text = {data->name, data->path, data->text};
    rc = ofr_figures_of_sweep(&figures, data, err);
    if (!rc)
        rc = write_plots(options, &figures, &text, 1, err);
    ofr_figures_release(&figures);
    ofr_sweep_data_free(data);
    return rc;
}

static int load_and_plot(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct options *options = call->values;
    struct ofr_run_set set = {0};
    int rc = 0;
    if (call->positionals > OFR_REPORT_MOST_RUNS)
        return ofr_fail(err, OFR_E_USAGE, "report: found %u runs, expected at most %d on one page",
                        call->positionals, OFR_REPORT_MOST_RUNS);
    for (uint32_t i = 0; i < call->positionals && !rc; ++i) {
        rc = ofr_run_data_load(&set.run[i], call->positional[i], err);
        set.runs += rc == 0;
        if (!rc && set.run[i]->sites != set.run[0]->sites)
            rc = ofr_fail(err, OFR_E_INPUT, "%s has %u ramp sites, %s has %u: not the same model",
                          set.run[0]->path, set.run[0]->sites, set.run[i]->path, set.run[i]->sites);
    }
    if (!rc)
        rc = plot_runs(options, &set, err);
    ofr_run_set_release(&set);
    return rc;
}

/* A sweep stands alone: its runs left no logs. */
static int check_sweeps(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct options *options = call->values;
    for (uint32_t i = 0; i < call->positionals; ++i) {
        if (!ofr_is_sweep_path(call->positional[i]))
            continue;
        if (call->positionals > 1)
            return ofr_fail(err, OFR_E_USAGE, "report: found the sweep %s among others, expected it alone",
                            call->positional[i]);
        if (options->trace[0])
            return ofr_fail(err, OFR_E_USAGE, "report: %s is a sweep, which has no timeline (--trace)",
                            call->positional[i]);
    }
    return 0;
}

static int make_plots(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct options *options = call->values;
    int rc = options->figures[0] ? ofr_figures_folder(options->figures, err) : 0;
    if (rc)
        return rc;
    return ofr_is_sweep_path(call->positional[0]) ? plot_sweep(options, call->positional[0], err)
                                                  : load_and_plot(call, err);
}

static int run(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct options *options = call->values;
    if (!options->out[0] && !options->figures[0] && !options->trace[0])
        return ofr_fail(
            err, OFR_E_USAGE,
            "report: expected -o PAGE.html, --figures FOLDER, --trace TIMELINE.json or several of them");
    int rc = check_sweeps(call, err);
    if (!rc && (options->out[0] || options->figures[0]))
        rc = make_plots(call, err);
    if (!rc && options->trace[0])
        rc = ofr_timeline_write(options->trace, call->positional, call->positionals, err);
    return rc;
}

const struct ofr_cli_verb ofr_verb_report = {
    .name = "report",
    .help = "run logs or a sweep as a page with plots (-o), as figures for a paper (--figures), as a "
            "timeline (--trace)",
    .usage = "RUN.olog ... | SWEEP-FOLDER",
    .least = 1,
    .most = OFR_CLI_MOST_POSITIONALS,
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .options_size = sizeof(struct options),
    .run = run,
};
