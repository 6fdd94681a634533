/* offramp sweep: many runs of one scenario with some of its keys varied. */
#include "sim/base/json.h"
#include "sim/base/processors.h"
#include "sim/cli/cli.h"
#include "sim/cli/file_verbs.h"
#include "sim/cli/progress.h"
#include "sim/cli/verbs.h"
#include "sim/sweep/drive.h"
#include "sim/sweep/journal.h"

#include <inttypes.h>

struct options {
    char out[OFFRAMP_TEXT_SIZE];
    uint64_t jobs;
    uint8_t resume, json;
    uint64_t rows;
    struct offramp_args set;
};

#define ROW(member) .offset = offsetof(struct options, member)

static const struct offramp_option table[] = {
    {.name = "out",
     .type = OFFRAMP_OPT_TEXT,
     ROW(out),
     .help = "folder to make: journal, results.csv, runs.csv, results.osweep, sweep.yaml"},
    {.name = "jobs",
     .type = OFFRAMP_OPT_COUNT,
     ROW(jobs),
     .fallback = "0",
     .max = 4096,
     .help = "threads; 0 = as many as this process may have processors, or 1 as one of several ranks"},
    {.name = "resume",
     .type = OFFRAMP_OPT_BOOL,
     ROW(resume),
     .fallback = "false",
     .help = "go on with the sweep in the folder; without one there, begin"},
    {.name = "set",
     .type = OFFRAMP_OPT_ARGS,
     ROW(set),
     .fallback = "[]",
     .help = "override a key of the base scenario, KEY=VALUE; may be repeated"},
    {.name = "rows",
     .type = OFFRAMP_OPT_COUNT,
     ROW(rows),
     .fallback = "40",
     .max = 1e6,
     .help = "at most so many configurations of the Pareto front are printed"},
    {.name = "json",
     .type = OFFRAMP_OPT_BOOL,
     ROW(json),
     .fallback = "false",
     .help = "the best configuration and the whole Pareto front as one JSON object"},
};

static void show_progress(void *state, uint64_t done, uint64_t to_do)
{
    struct ofr_progress *progress = state;
    progress->total = to_do;
    ofr_progress_update(progress, done);
}

static void say(void *state, const char *line)
{
    fprintf(state, "offramp: %s\n", line);
}

static int print(const struct ofr_cli_call *call, const struct ofr_sweep_results *results,
                 struct ofr_error *err)
{
    const struct options *options = call->values;
    if (options->json)
        return ofr_print_json(call->out, ofr_sweep_results_json(results), err);
    ofr_sweep_results_text(call->out, results, options->rows);
    return 0;
}

/* The files and tables are there; the exit status still says that something is missing from them. */
static int complain(const struct ofr_sweep_results *results, struct ofr_error *err)
{
    const struct ofr_sweep *sweep = results->sweep;
    uint64_t first = sweep->runs, machine = 0;
    for (uint64_t run = sweep->runs; run-- > 0;) {
        first = results->runs->code[run] ? run : first;
        machine += ofr_sweep_is_machine(results->runs->code[run]);
    }
    if (first == sweep->runs)
        return 0;
    return ofr_fail(err, machine ? OFR_E_IO : OFR_E_GATE,
                    "%" PRIu64 " of %" PRIu64 " configurations failed, %" PRIu64 " first: %s%s",
                    results->broken, sweep->configurations, first / sweep->top.replications,
                    results->runs->error[first],
                    machine ? " (--resume tries again what the machine failed)" : "");
}

/* Does the sweep, or leads the ranks that do. */
static int lead(const struct ofr_cli_call *call, const struct ofr_sweep *sweep,
                const struct ofr_ranks_ops *ranks, uint32_t threads, struct ofr_error *err)
{
    const struct options *options = call->values;
    struct ofr_sweep_runs runs;
    struct ofr_sweep_results results;
    struct ofr_progress progress;
    struct ofr_sweep_drive drive = {.folder = options->out,
                                    .threads = threads,
                                    .ranks = ranks,
                                    .resume = options->resume,
                                    .progress = show_progress,
                                    .progress_state = &progress,
                                    .say = say,
                                    .say_state = call->chatter};
    ofr_progress_begin(&progress, call->chatter, sweep->top.name, "runs", 0);
    int rc = ofr_sweep_drive(sweep, &drive, &runs, &results, err);
    ofr_progress_end(&progress);
    if (rc)
        return rc;
    fprintf(call->chatter, "offramp: %s: %" PRIu64 " runs in %.3g s\n", options->out, sweep->runs,
            ofr_progress_elapsed_s(&progress));
    rc = print(call, &results, err);
    if (!rc)
        rc = complain(&results, err);
    ofr_sweep_results_release(&results);
    ofr_sweep_runs_release(&runs, sweep);
    return rc;
}

static int run_alone(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct options *options = call->values;
    struct ofr_sweep *sweep = NULL;
    int rc = ofr_sweep_load(&sweep, call->positional[0], options->set.item, options->set.count, err);
    if (!rc)
        rc = lead(call, sweep, NULL, options->jobs ? (uint32_t)options->jobs : ofr_processors(), err);
    ofr_sweep_free(sweep);
    return rc;
}

/* Rank 0 speaks for all: the others end well and say nothing. */
static int run_as_rank(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct options *options = call->values;
    const struct ofr_ranks_ops *ops = &ofr_ranks_mpi;
    struct ofr_ranks ranks;
    struct ofr_sweep *sweep = NULL;
    struct ofr_error own = OFR_ERROR_INIT;
    int rc = ops->begin(&ranks, err);
    if (rc)
        return rc;
    uint32_t threads = options->jobs ? (uint32_t)options->jobs : ranks.size > 1 ? 1 : ofr_processors();
    int read = ofr_sweep_load(&sweep, call->positional[0], options->set.item, options->set.count, &own);
    rc = ops->agree(&ranks, read, own.text, sweep ? sweep->fingerprint : 0, err);
    if (!rc && ranks.rank == 0) {
        rc = lead(call, sweep, ops, threads, err);
        ops->dismiss(&ranks);
    } else if (!rc) {
        rc = ofr_sweep_follow(sweep, ops, threads, err);
    }
    if (ranks.rank)
        rc = 0;
    ofr_sweep_free(sweep);
    ops->end();
    return rc;
}

static int run(const struct ofr_cli_call *call, struct ofr_error *err)
{
    if (!ofr_ranks_launched())
        return run_alone(call, err);
    if (!&ofr_ranks_mpi)
        return ofr_fail(
            err, OFR_E_USAGE,
            "sweep: found ranks of a parallel program, but this one was built without MPI: expected to be "
            "started by itself, or built with OFFRAMP_MPI=ON");
    return run_as_rank(call, err);
}

static int run_print(const struct ofr_cli_call *call, struct ofr_error *err)
{
    return ofr_print_verb(call, OFR_FILE_SWEEP, err);
}

static const struct ofr_cli_verb print_verb = {
    .name = "print",
    .help = "the rows of a results file, exactly; tables: configurations, runs",
    .usage = "RESULTS.osweep",
    .least = 1,
    .most = 1,
    .options = ofr_print_options,
    .option_count = OFR_PRINT_OPTIONS_ALL,
    .options_size = sizeof(struct ofr_print_options),
    .run = run_print,
};

static const struct ofr_cli_verb *const sub[] = {&print_verb, NULL};

const struct ofr_cli_verb ofr_verb_sweep = {
    .name = "sweep",
    .help = "simulate many configurations of a scenario: table, Pareto front, capacity",
    .usage = "SWEEP.yaml",
    .least = 1,
    .most = 1,
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .options_size = sizeof(struct options),
    .sub = sub,
    .run = run,
};
