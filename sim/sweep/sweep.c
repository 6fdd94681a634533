#include "sim/sweep/sweep.h"

#include "sim/base/units.h"
#include "sim/sweep/keys.h"
#include "traces/notes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROW(member) .offset = offsetof(struct ofr_sweep_top, member)

static const struct offramp_option top_table[] = {
    {.name = "name",
     .type = OFFRAMP_OPT_TEXT,
     ROW(name),
     .fallback = "sweep",
     .help = "what reports call the sweep"},
    {.name = "replications",
     .type = OFFRAMP_OPT_COUNT,
     ROW(replications),
     .fallback = "1",
     .min = 1,
     .max = 100000,
     .help = "runs of every configuration; replication r uses the scenario's seed + r"},
    {.name = "confidence",
     .type = OFFRAMP_OPT_SHARE,
     ROW(confidence),
     .fallback = "95%",
     .min = 0.5,
     .max = 0.9999,
     .help = "of the intervals over replications (Student's t)"},
    {.name = "metrics",
     .type = OFFRAMP_OPT_TEXTS,
     ROW(metrics),
     .fallback = "[]",
     .help = "numbers of the summary to keep, e.g. latency.p99; left out: a usual set"},
    {.name = "constraints",
     .type = OFFRAMP_OPT_TEXTS,
     ROW(constraints),
     .fallback = "[]",
     .help = "what a configuration has to hold, e.g. agreement >= 99%"},
    {.name = "objective",
     .type = OFFRAMP_OPT_TEXT,
     ROW(objective),
     .fallback = "",
     .help = "picks the best configuration: minimize METRIC or maximize METRIC"},
    {.name = "pareto",
     .type = OFFRAMP_OPT_TEXTS,
     ROW(pareto),
     .fallback = "[]",
     .help =
         "metrics of the Pareto front, each with minimize or maximize in front where that is not plain; left "
         "out: latency.p99, agreement, throughput, or with a search capacity, agreement"},
};
enum {
    TOP_ROWS = sizeof top_table / sizeof *top_table
};

struct capacity_options {
    char key[OFFRAMP_TEXT_SIZE], meets[OFFRAMP_TEXT_SIZE], from[OFFRAMP_TEXT_SIZE], to[OFFRAMP_TEXT_SIZE],
        round[OFFRAMP_TEXT_SIZE];
    double tolerance;
};

#define CAPACITY(member) .type = OFFRAMP_OPT_TEXT, .offset = offsetof(struct capacity_options, member)

static const struct offramp_option capacity_table[] = {
    {.name = "key",
     CAPACITY(key),
     .fallback = "arrivals.rate",
     .help = "what is raised as far as it will go"},
    {.name = "from", CAPACITY(from), .alias = "low", .help = "the search starts here"},
    {.name = "to", CAPACITY(to), .alias = "high", .help = "and ends here"},
    {.name = "round",
     CAPACITY(round),
     .fallback = "",
     .help = "values between are multiples of this: 1 for a key that takes whole numbers"},
    {.name = "meets",
     CAPACITY(meets),
     .fallback = "ok_share >= 99%",
     .help = "the condition: the default is the SLO at p99 of all requests offered"},
    {.name = "tolerance",
     .type = OFFRAMP_OPT_SHARE,
     .offset = offsetof(struct capacity_options, tolerance),
     .fallback = "0.2%",
     .min = 1e-6,
     .max = 0.5,
     .help = "the search ends when its bracket is this narrow, relative to the value"},
};
enum {
    CAPACITY_ROWS = sizeof capacity_table / sizeof *capacity_table
};

void ofr_sweep_help(FILE *out)
{
    fputs("scenario: BASE.yaml, or a map with a scenario's sections\n\ntop level\n", out);
    ofr_options_help(out, top_table, TOP_ROWS);
    fputs(
        "\naxes: {KEY: [value, ...] | {from: .., to: .., step: ..} | {from: .., to: .., count: N, scale: "
        "log}, ...}\n"
        "  every combination; KEY is any key of a scenario (arrivals.rate, exits, arrivals.streams.0.rate)\n"
        "\npoints: {method: sobol | halton | niederreiter | latin-hypercube, count: N, seed: 1,\n"
        "         keys: {KEY: {from: .., to: .., scale: log, round: ..} | [value, ...], ...}}\n"
        "\ncapacity: for every configuration, the highest value of a key that meets a condition\n",
        out);
    ofr_options_help(out, capacity_table, CAPACITY_ROWS);
}

/* ---- parts of the file ---- */

static int load_scenario(struct ofr_sweep *sweep, struct ofr_node *root, const char *const *set,
                         uint32_t sets, struct ofr_error *err)
{
    struct ofr_node *node = ofr_node_get(root, "scenario");
    if (!node || node->kind == OFR_NODE_LIST)
        return ofr_node_fail(node ? node : root, err,
                             "expected scenario: BASE.yaml, or a map with a scenario's sections");
    int rc;
    if (node->kind == OFR_NODE_SCALAR) {
        char path[OFFRAMP_TEXT_SIZE];
        rc = ofr_path_of_node(path, sizeof path, node, err);
        if (!rc)
            rc = ofr_config_load(&sweep->base, path, err);
    } else {
        rc = ofr_config_copy(&sweep->base, node, err);
    }
    for (uint32_t i = 0; i < sets && !rc; ++i)
        rc = ofr_config_set(sweep->base, set[i], err);
    if (rc)
        return rc;
    sweep->scenario = ofr_config_root(sweep->base);
    return ofr_paths_make_absolute(sweep->scenario, NULL, err);
}

static int read_axes(struct ofr_sweep *sweep, struct ofr_node *root, struct ofr_error *err)
{
    struct ofr_node *axes = ofr_node_get(root, "axes");
    struct ofr_node *points = ofr_node_get(root, "points");
    uint32_t keys = 0;
    if (axes && axes->kind != OFR_NODE_MAP)
        return ofr_node_fail(axes, err, "axes must be a map {KEY: values, ...}");
    sweep->axis = calloc((axes ? axes->children : 0) + 1, sizeof *sweep->axis);
    if (!sweep->axis)
        return ofr_fail_nomem(err, "axes");
    int rc = axes ? ofr_paths_make_absolute(axes, NULL, err) : 0;
    for (uint32_t i = 0; axes && i < axes->children && !rc; ++i)
        rc = ofr_axis_read(&sweep->axis[sweep->axes++], axes->child[i], err);
    if (!rc && points)
        rc = ofr_paths_make_absolute(points, NULL, err);
    if (!rc && points)
        rc = ofr_axis_read_points(&sweep->axis[sweep->axes++], points, err);
    double configurations = 1.0;
    for (uint32_t i = 0; i < sweep->axes && !rc; ++i) {
        keys += sweep->axis[i].keys;
        configurations *= sweep->axis[i].points;
    }
    if (!rc && keys > OFR_SWEEP_MOST_AXES)
        rc = ofr_node_fail(root, err, "found %u keys that vary, at most %d may", keys, OFR_SWEEP_MOST_AXES);
    if (!rc && configurations * (double)sweep->top.replications > OFR_SWEEP_MOST_RUNS)
        rc = ofr_node_fail(root, err, "found %.0f runs, expected at most %d",
                           configurations * (double)sweep->top.replications, OFR_SWEEP_MOST_RUNS);
    sweep->configurations = rc ? 0 : (uint64_t)configurations;
    sweep->runs = sweep->configurations * sweep->top.replications;
    return rc;
}

/* A key no scenario has is a slip of the pen; one that stands twice, or holds an earlier one, would win unseen. */
static int check_key(const struct ofr_sweep *sweep, const struct ofr_node *root, const char *key,
                     const struct ofr_node *node, const char **seen, uint32_t *count, struct ofr_error *err)
{
    size_t length = strlen(key);
    for (uint32_t i = 0; i < *count; ++i) {
        if (strcmp(seen[i], key) == 0)
            return ofr_node_fail(node, err, "key '%s' is varied twice", key);
        if (strncmp(seen[i], key, length) == 0 && seen[i][length] == '.')
            return ofr_node_fail(node, err, "key '%s' would undo '%s', expected it before that", key,
                                 seen[i]);
    }
    if (strlen(key) >= OFR_COLUMN_NAME)
        return ofr_node_fail(node, err, "found a key of more than %d characters", OFR_COLUMN_NAME - 1);
    seen[(*count)++] = key;
    bool plugins = ofr_keys_have_plugins(sweep->scenario) || ofr_keys_have_plugins(root);
    return ofr_key_check(key, node, plugins, err);
}

static int check_keys(const struct ofr_sweep *sweep, const struct ofr_node *root, struct ofr_error *err)
{
    const char *seen[OFR_SWEEP_MOST_AXES + 1];
    uint32_t count = 0;
    int rc = 0;
    for (uint32_t i = 0; i < sweep->axes; ++i)
        for (uint32_t k = 0; k < sweep->axis[i].keys && !rc; ++k)
            rc = check_key(sweep, root, sweep->axis[i].key[k], sweep->axis[i].value[k], seen, &count, err);
    if (!rc && sweep->capacity.node) /* is put in last */
        rc = check_key(sweep, root, sweep->capacity.key, sweep->capacity.node, seen, &count, err);
    return rc;
}

/* Complains about a text of the file where it stands. */
static int fail_text(struct ofr_node *map, const char *key, int32_t code, const struct ofr_error *own,
                     struct ofr_error *err)
{
    if (code >= 0)
        return 0;
    if (code != OFR_E_INPUT)
        return ofr_fail(err, code, "%s", own->text);
    const struct ofr_node *node = ofr_node_get(map, key);
    return ofr_node_fail(node ? node : map, err, "%s", own->text);
}

/* What is searched, from `from` to `to` by `round`. */
static int read_search(struct ofr_range *range, const struct capacity_options *options,
                       const struct ofr_node *node, struct ofr_error *err)
{
    struct ofr_amount from = {0}, to = {0}, round = {0};
    const char *expected = ofr_amount_read(options->from, &from);
    if (!expected)
        expected = ofr_amount_read(options->to, &to);
    if (expected)
        return ofr_node_fail(node, err, "from, to: expected %s", expected);
    if (from.kind != to.kind || from.value <= 0.0 || to.value <= from.value)
        return ofr_node_fail(node, err,
                             "expected `from` above 0 and `to` above `from`, in the same kind of unit");
    *range = (struct ofr_range){.kind = from.kind, .from = from.value, .to = to.value, .log = true};
    if (!options->round[0])
        return 0;
    expected = ofr_amount_read(options->round, &round);
    if (expected)
        return ofr_node_fail(node, err, "round: found '%.60s', expected %s", options->round, expected);
    if (round.kind != from.kind || round.value <= 0.0)
        return ofr_node_fail(node, err,
                             "round: found '%.60s', expected one above 0, in the same kind of unit as `from`",
                             options->round);
    range->round = round.value;
    return 0;
}

static int read_capacity(struct ofr_sweep *sweep, struct ofr_node *root, struct ofr_error *err)
{
    struct ofr_sweep_capacity *capacity = &sweep->capacity;
    struct ofr_node *node = ofr_node_get(root, "capacity");
    static const char *const known[] = {"key", "from", "to", "round", "meets", "tolerance", NULL};
    struct capacity_options options;
    if (!node)
        return 0;
    if (node->kind != OFR_NODE_MAP)
        return ofr_node_fail(node, err, "capacity must be a map {from: .., to: .., meets: ..}");
    int rc = ofr_options_bind(capacity_table, CAPACITY_ROWS, &options, sizeof options, node, err);
    if (!rc)
        rc = ofr_node_reject_unused(node, known, err);
    if (!rc)
        rc = read_search(&capacity->range, &options, node, err);
    if (rc)
        return rc;
    capacity->node = node;
    capacity->start = ofr_node_scalar(node, options.from);
    if (!capacity->start)
        return ofr_fail_nomem(err, "a search");
    snprintf(capacity->key, sizeof capacity->key, "%s", options.key);
    capacity->tolerance = options.tolerance;
    rc = ofr_metric_add(sweep->metric, &sweep->metrics, "capacity", err);
    if (rc >= 0)
        rc = ofr_metric_add(sweep->metric, &sweep->metrics, "capacity_inside", err);
    if (rc < 0)
        return rc;
    struct ofr_error own = OFR_ERROR_INIT;
    rc = ofr_constraint_read(&capacity->meets, options.meets, sweep->metric, &sweep->metrics, &own);
    return fail_text(node, "meets", rc, &own, err);
}

static int read_kept(struct ofr_sweep *sweep, struct ofr_node *root, struct ofr_error *err)
{
    static const char *const usual[] = {"latency.mean", "latency.p50", "latency.p95",
                                        "latency.p99",  "throughput",  "goodput",
                                        "ok_share",     "agreement",   "busy"};
    struct ofr_error own = OFR_ERROR_INIT;
    const struct offramp_texts *metrics = &sweep->top.metrics;
    int32_t rc = 0;
    for (uint32_t i = 0; i < metrics->count && rc >= 0; ++i)
        rc = ofr_metric_add(sweep->metric, &sweep->metrics, metrics->item[i], &own);
    for (size_t i = 0; !metrics->count && i < sizeof usual / sizeof *usual && rc >= 0; ++i)
        rc = ofr_metric_add(sweep->metric, &sweep->metrics, usual[i], &own);
    return fail_text(root, "metrics", rc, &own, err);
}

static int read_constraints(struct ofr_sweep *sweep, struct ofr_node *root, struct ofr_error *err)
{
    struct ofr_error own = OFR_ERROR_INIT;
    int rc = 0;
    for (uint32_t i = 0; i < sweep->top.constraints.count && rc >= 0; ++i)
        rc = ofr_constraint_read(&sweep->constraint[sweep->constraints++], sweep->top.constraints.item[i],
                                 sweep->metric, &sweep->metrics, &own);
    return fail_text(root, "constraints", rc, &own, err);
}

/* The front's goals, and the objective. */
static int read_goals(struct ofr_sweep *sweep, struct ofr_node *root, struct ofr_error *err)
{
    static const char *const plain[] = {"latency.p99", "agreement", "throughput"};
    static const char *const search[] = {"capacity", "agreement"};
    const struct offramp_texts *pareto = &sweep->top.pareto;
    const char *const *usual = sweep->capacity.node ? search : plain;
    size_t usuals = sweep->capacity.node ? 2 : 3;
    struct ofr_error own = OFR_ERROR_INIT;
    int rc = 0;
    for (uint32_t i = 0; i < (pareto->count ? pareto->count : usuals) && rc >= 0; ++i)
        rc = ofr_goal_read(&sweep->pareto[sweep->paretos++], pareto->count ? pareto->item[i] : usual[i],
                           sweep->metric, &sweep->metrics, &own);
    rc = fail_text(root, "pareto", rc, &own, err);
    sweep->objective.metric = -1;
    if (rc || !sweep->top.objective[0])
        return rc;
    rc = ofr_goal_read(&sweep->objective, sweep->top.objective, sweep->metric, &sweep->metrics, &own);
    return fail_text(root, "objective", rc, &own, err);
}

/* ---- the resolved file ---- */

static void write_part(FILE *out, const char *name, const struct ofr_node *node)
{
    if (!node)
        return;
    fprintf(out, "%s:", name);
    ofr_node_write(out, node, 2);
}

static int write_text(struct ofr_sweep *sweep, struct ofr_node *root, struct ofr_error *err)
{
    size_t size = 0;
    FILE *out = open_memstream(&sweep->text, &size);
    if (!out)
        return ofr_fail_nomem(err, "the resolved sweep");
    int rc = ofr_options_write(out, "", top_table, TOP_ROWS, &sweep->top);
    write_part(out, "scenario", sweep->scenario);
    write_part(out, "axes", ofr_node_get(root, "axes"));
    write_part(out, "points", ofr_node_get(root, "points"));
    write_part(out, "capacity", ofr_node_get(root, "capacity"));
    return fclose(out) || !sweep->text || rc ? ofr_fail_nomem(err, "the resolved sweep") : 0;
}

/* The results keep the text as a note: what no note can hold had better be refused before anything runs. */
static int check_text(const struct ofr_sweep *sweep, const struct ofr_node *root, struct ofr_error *err)
{
    size_t size = strlen(sweep->text);
    return size > OFR_NOTE_TEXT_MAX
               ? ofr_node_fail(root, err, "found a sweep of %zu bytes with its scenario, expected at most %d",
                               size, OFR_NOTE_TEXT_MAX)
               : 0;
}

static int reject_unknown(struct ofr_node *root, struct ofr_error *err)
{
    const char *known[TOP_ROWS + 5];
    uint32_t count = 0;
    for (; count < TOP_ROWS; ++count)
        known[count] = top_table[count].name;
    known[count++] = "scenario";
    known[count++] = "axes";
    known[count++] = "points";
    known[count++] = "capacity";
    known[count] = NULL;
    return ofr_node_reject_unused(root, known, err);
}

static int read_file(struct ofr_sweep *sweep, const char *const *set, uint32_t sets, struct ofr_error *err)
{
    struct ofr_node *root = ofr_config_root(sweep->file);
    if (root->kind != OFR_NODE_MAP)
        return ofr_node_fail(root, err, "a sweep file must be a map {scenario: .., axes: .., ...}");
    int rc = ofr_options_bind(top_table, TOP_ROWS, &sweep->top, sizeof sweep->top, root, err);
    if (!rc)
        rc = load_scenario(sweep, root, set, sets, err);
    if (!rc)
        rc = read_axes(sweep, root, err);
    if (!rc)
        rc = read_capacity(sweep, root, err);
    if (!rc)
        rc = check_keys(sweep, root, err);
    if (!rc)
        rc = read_kept(sweep, root, err);
    if (!rc)
        rc = read_constraints(sweep, root, err);
    if (!rc)
        rc = read_goals(sweep, root, err);
    if (!rc)
        rc = reject_unknown(root, err);
    if (!rc)
        rc = write_text(sweep, root, err);
    if (!rc)
        rc = check_text(sweep, root, err);
    if (!rc)
        rc = ofr_paths_fingerprint(&sweep->fingerprint, sweep->text, root, sweep->scenario, err);
    return rc;
}

int ofr_sweep_load(struct ofr_sweep **out, const char *path, const char *const *set, uint32_t sets,
                   struct ofr_error *err)
{
    struct ofr_sweep *sweep = calloc(1, sizeof *sweep);
    if (!sweep)
        return ofr_fail_nomem(err, "a sweep");
    int rc = ofr_config_load(&sweep->file, path, err);
    if (!rc)
        rc = read_file(sweep, set, sets, err);
    if (rc)
        ofr_sweep_free(sweep);
    else
        *out = sweep;
    return rc;
}

void ofr_sweep_free(struct ofr_sweep *sweep)
{
    if (!sweep)
        return;
    for (uint32_t i = 0; i < sweep->axes; ++i)
        ofr_axis_release(&sweep->axis[i]);
    free(sweep->axis);
    ofr_node_free(sweep->capacity.start);
    free(sweep->text);
    ofr_config_free(sweep->base);
    ofr_config_free(sweep->file);
    free(sweep);
}

void ofr_sweep_place(const struct ofr_sweep *sweep, uint64_t configuration, uint32_t *point)
{
    for (uint32_t i = sweep->axes; i-- > 0;) {
        point[i] = (uint32_t)(configuration % sweep->axis[i].points);
        configuration /= sweep->axis[i].points;
    }
}

int ofr_sweep_runs_init(struct ofr_sweep_runs *runs, const struct ofr_sweep *sweep, struct ofr_error *err)
{
    *runs = (struct ofr_sweep_runs){.value = malloc(sweep->runs * sweep->metrics * sizeof *runs->value),
                                    .error = calloc(sweep->runs, sizeof *runs->error),
                                    .code = malloc(sweep->runs)};
    if (!runs->value || !runs->error || !runs->code) {
        ofr_sweep_runs_release(runs, sweep);
        return ofr_fail_nomem(err, "results");
    }
    memset(runs->code, 1, sweep->runs);
    for (uint64_t i = 0; i < sweep->runs * sweep->metrics; ++i)
        runs->value[i] = NAN;
    return 0;
}

void ofr_sweep_runs_release(struct ofr_sweep_runs *runs, const struct ofr_sweep *sweep)
{
    for (uint64_t i = 0; runs->error && i < sweep->runs; ++i)
        free(runs->error[i]);
    free(runs->error);
    free(runs->value);
    free(runs->code);
    *runs = (struct ofr_sweep_runs){0};
}
