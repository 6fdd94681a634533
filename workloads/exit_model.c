#include "workloads/exit_model.h"

#include "sim/base/config.h"
#include "sim/base/units.h"
#include "traces/atomic_file.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define KIND             "offramp.exit-model"
#define ROW(member_name) .offset = offsetof(struct ofr_exit_model_head, member_name)

static const char *const order_choices[] = {"recorded", "random", NULL};
static const char *const change_choices[] = {"gradual", "sudden", NULL};
static const char *const answer_choices[] = {"class", "agreement", NULL};

static const struct offramp_option head_table[] = {
    {.name = "name",
     .type = OFFRAMP_OPT_TEXT,
     ROW(name),
     .fallback = "model",
     .help = "of the recording made"},
    {.name = "sites", .type = OFFRAMP_OPT_TEXTS, ROW(sites), .help = "names, shallow to deep"},
    {.name = "classes",
     .type = OFFRAMP_OPT_COUNT,
     ROW(classes),
     .fallback = "2",
     .max = 65534,
     .help = "answers there are; 0 = unknown"},
    {.name = "order",
     .type = OFFRAMP_OPT_CHOICE,
     ROW(order),
     .fallback = "recorded",
     .choices = order_choices,
     .help = "the schedule over and over, or a semi-Markov chain of its stretches"},
    {.name = "changes",
     .type = OFFRAMP_OPT_CHOICE,
     ROW(changes),
     .fallback = "gradual",
     .choices = change_choices,
     .help = "of the difficulty's memory: AR(1) steps, or the same value until it is drawn anew"},
    {.name = "answers",
     .type = OFFRAMP_OPT_CHOICE,
     ROW(answers),
     .fallback = "class",
     .choices = answer_choices,
     .help = "what answers are"},
    {.name = "entropy", .type = OFFRAMP_OPT_BOOL, ROW(entropy), .fallback = "false", .help = "rows have it"},
    {.name = "memory",
     .type = OFFRAMP_OPT_REAL,
     ROW(memory),
     .fallback = "0",
     .min = 0,
     .max = 0.999999,
     .help = "phi, from one sample to the next"},
    {.name = "persistence",
     .type = OFFRAMP_OPT_SHARE,
     ROW(persistence),
     .fallback = "0",
     .max = 1,
     .help = "w, share of the difficulty's variance that has memory"},
    {.name = "threshold",
     .type = OFFRAMP_OPT_REAL,
     ROW(threshold),
     .fallback = "0.1",
     .min = 0.0001,
     .max = 0.9999,
     .help = "error score the exit probabilities are for"},
    {.name = "spread",
     .type = OFFRAMP_OPT_REAL,
     ROW(spread),
     .fallback = "2",
     .min = 0.01,
     .max = 100,
     .help = "of the score's logit"},
    {.name = "loading",
     .type = OFFRAMP_OPT_REAL,
     ROW(loading),
     .fallback = "0.8",
     .min = 0,
     .max = 1,
     .help = "correlation of a site's latent score with the difficulty"},
};

enum {
    HEAD_ROWS = sizeof head_table / sizeof *head_table,
    ROW_TEXT = OFFRAMP_MAX_SITES * 40 + 32,
    FILE_MAX = 64 << 20
};

#define REGIME_ROW(key, text)                                                                                \
    {                                                                                                        \
        .name = #key, .type = OFFRAMP_OPT_REALS, .offset = offsetof(struct regime_options, key), .min = 0,   \
        .max = 1, .help = text                                                                               \
    }

struct regime_options {
    struct offramp_reals exit, agreement, otherwise;
};

static const struct offramp_option regime_table[] = {
    REGIME_ROW(exit, "probability of a score below the threshold, for each site"),
    REGIME_ROW(agreement, "agreement of those, for each site"),
    REGIME_ROW(otherwise, "agreement of the others, for each site"),
};

void ofr_exit_model_release(struct ofr_exit_model *model)
{
    for (uint32_t i = 0; i < model->regimes && model->regime; i++) {
        free(model->regime[i].top1);
        free(model->regime[i].entropy);
        free(model->regime[i].value);
        free(model->regime[i].start);
        free(model->regime[i].step);
    }
    free(model->regime);
    free(model->schedule);
    *model = (struct ofr_exit_model){0};
}

int ofr_exit_regime_alloc(struct ofr_exit_regime *regime, uint32_t rows, uint32_t sites, bool entropy,
                          struct ofr_error *err)
{
    regime->rows = rows;
    regime->top1 = calloc((size_t)rows * sites, sizeof *regime->top1);
    regime->value = calloc((size_t)rows * (sites + 2), sizeof *regime->value);
    regime->entropy = entropy ? calloc((size_t)rows * sites, sizeof *regime->entropy) : NULL;
    if (!regime->top1 || !regime->value || (entropy && !regime->entropy))
        return ofr_fail_nomem(err, "the rows of an exit model");
    return OFR_OK;
}

int ofr_exit_regime_alloc_runs(struct ofr_exit_regime *regime, uint32_t runs, uint32_t steps,
                               struct ofr_error *err)
{
    regime->runs = runs;
    regime->start = calloc((size_t)runs + 1, sizeof *regime->start);
    regime->step = calloc((size_t)steps + 1, sizeof *regime->step);
    return regime->start && regime->step ? OFR_OK : ofr_fail_nomem(err, "the runs of an exit model");
}

/* ---- reading ---- */

static int read_token(char **rest, double max, double *value)
{
    char *token = strtok_r(NULL, " ", rest);
    return token && !ofr_read_real(token, value) && *value >= 0 && *value <= max ? 0 : -1;
}

/* `final label` and for every site `answer top1 [entropy]`; a label of 65535 is none. */
static int read_row(struct ofr_exit_model *model, struct ofr_exit_regime *regime, uint32_t row,
                    const struct ofr_node *node, struct ofr_error *err)
{
    uint32_t sites = model->head.sites.count;
    char text[ROW_TEXT], *rest = text;
    uint16_t *value = regime->value + (size_t)row * (sites + 2);
    double number = 0;
    int bad = node->kind != OFR_NODE_SCALAR || strlen(node->text) + 1 >= sizeof text;
    snprintf(text, sizeof text, "%s", bad ? "" : node->text);
    for (uint32_t i = 0; i < 2 && !bad; i++) {
        char *token = i == 0 ? strtok_r(text, " ", &rest) : strtok_r(NULL, " ", &rest);
        bad = !token || ofr_read_real(token, &number) || number < 0 || number > UINT16_MAX;
        value[i] = (uint16_t)(bad ? 0 : number);
    }
    for (uint32_t k = 0; k < sites && !bad; k++) {
        size_t at = (size_t)row * sites + k;
        bad = read_token(&rest, UINT16_MAX, &number);
        value[2 + k] = (uint16_t)(bad ? 0 : number);
        bad = bad || read_token(&rest, 1, &number);
        regime->top1[at] = (float)number;
        if (!bad && regime->entropy) {
            bad = read_token(&rest, 1e6, &number);
            regime->entropy[at] = (float)number;
        }
    }
    if (bad || strtok_r(NULL, " ", &rest))
        return ofr_node_fail(node, err, "a row must be: final label, and for each of %u sites answer top1%s",
                             sites, regime->entropy ? " entropy" : "");
    model->labels = model->labels && value[1] != UINT16_MAX;
    return OFR_OK;
}

static int read_rows(struct ofr_exit_model *model, struct ofr_exit_regime *regime, struct ofr_node *list,
                     struct ofr_error *err)
{
    if (list->kind != OFR_NODE_LIST || list->children == 0)
        return ofr_node_fail(list, err, "rows must be a list with at least one entry");
    int code =
        ofr_exit_regime_alloc(regime, list->children, model->head.sites.count, model->head.entropy, err);
    for (uint32_t i = 0; i < list->children && !code; i++)
        code = read_row(model, regime, i, list->child[i], err);
    return code;
}

/* `row` or `first-last`. */
static int read_rows_of_run(char *token, uint32_t rows, uint64_t *first, uint64_t *last)
{
    char *dash = strchr(token, '-');
    if (dash)
        *dash = '\0';
    if (ofr_read_count(token, first) || ofr_read_count(dash ? dash + 1 : token, last))
        return -1;
    return *first <= *last && *last < rows ? 0 : -1;
}

/* Rows, one a sample, to `out` (NULL: counted only). Returns how many; 0 = it is none. */
static uint64_t scan_run(const struct ofr_node *node, uint32_t rows, uint32_t *out)
{
    uint64_t count = 0, first, last;
    char *text = node->kind == OFR_NODE_SCALAR ? strdup(node->text) : NULL, *rest = NULL;
    for (char *token = text ? strtok_r(text, " ", &rest) : NULL; token; token = strtok_r(NULL, " ", &rest)) {
        if (read_rows_of_run(token, rows, &first, &last) || count + (last - first) >= OFR_STEPS_MAX) {
            count = 0;
            break;
        }
        for (uint64_t row = first; out && row <= last; row++)
            out[count + row - first] = (uint32_t)row;
        count += last - first + 1;
    }
    free(text);
    return count;
}

static int read_runs(struct ofr_exit_regime *regime, const struct ofr_node *list, struct ofr_error *err)
{
    uint64_t steps = 0;
    if (list->kind != OFR_NODE_LIST || list->children == 0)
        return ofr_node_fail(list, err, "runs must be a list with at least one entry");
    for (uint32_t i = 0; i < list->children; i++) {
        uint64_t count = scan_run(list->child[i], regime->rows, NULL);
        steps += count;
        if (count == 0 || steps > OFR_STEPS_MAX)
            return ofr_node_fail(
                list->child[i], err,
                "a run must be rows, 0 to %u: `row` or `first-last` with spaces between, %d samples "
                "in all runs at most",
                regime->rows - 1, OFR_STEPS_MAX);
    }
    int code = ofr_exit_regime_alloc_runs(regime, list->children, (uint32_t)steps, err);
    for (uint32_t i = 0; i < list->children && !code; i++)
        regime->start[i + 1] = regime->start[i] + (uint32_t)scan_run(list->child[i], regime->rows,
                                                                     regime->step + regime->start[i]);
    return code;
}

static int take_reals(const struct offramp_reals *reals, const char *name, uint32_t sites, double *out,
                      const struct ofr_node *node, struct ofr_error *err)
{
    if (reals->count != 1 && reals->count != sites)
        return ofr_node_fail(node, err, "%s: found %u values, expected 1 or one for each of %u sites", name,
                             reals->count, sites);
    for (uint32_t k = 0; k < sites; k++)
        out[k] = reals->item[reals->count == 1 ? 0 : k];
    return OFR_OK;
}

static int read_exits(struct ofr_exit_model *model, struct ofr_exit_regime *regime, struct ofr_node *node,
                      struct ofr_error *err)
{
    struct regime_options options;
    uint32_t sites = model->head.sites.count;
    if (model->head.classes == 1)
        return ofr_node_fail(node, err, "classes: found 1, expected 2 or more to disagree in");
    int code = ofr_options_bind(regime_table, 3, &options, sizeof options, node, err);
    if (!code)
        code = take_reals(&options.exit, "exit", sites, regime->exit, node, err);
    if (!code)
        code = take_reals(&options.agreement, "agreement", sites, regime->agreement, node, err);
    return code ? code : take_reals(&options.otherwise, "otherwise", sites, regime->otherwise, node, err);
}

static int read_regime(struct ofr_exit_model *model, struct ofr_exit_regime *regime, struct ofr_node *node,
                       struct ofr_error *err)
{
    static const char *const with_rows[] = {"rows", "runs", NULL};
    static const char *const with_exits[] = {"exit", "agreement", "otherwise", NULL};
    if (node->kind != OFR_NODE_MAP)
        return ofr_node_fail(node, err, "a regime must be a map: {rows: [...]} or {exit: [...], ...}");
    struct ofr_node *rows = ofr_node_get(node, "rows"), *runs = rows ? ofr_node_get(node, "runs") : NULL;
    int code = rows ? read_rows(model, regime, rows, err) : read_exits(model, regime, node, err);
    if (!code && runs)
        code = read_runs(regime, runs, err);
    return code ? code : ofr_node_reject_unused(node, rows ? with_rows : with_exits, err);
}

static int read_regimes(struct ofr_exit_model *model, struct ofr_node *root, struct ofr_error *err)
{
    struct ofr_node *list = ofr_node_get(root, "regimes");
    if (!list || list->kind != OFR_NODE_LIST || list->children < 1 || list->children > OFR_REGIMES_MAX)
        return ofr_node_fail(list ? list : root, err, "expected `regimes`, a list of 1 to %d",
                             OFR_REGIMES_MAX);
    model->regime = calloc(list->children, sizeof *model->regime);
    if (!model->regime)
        return ofr_fail_nomem(err, "an exit model");
    model->regimes = list->children;
    model->labels = true;
    int code = OFR_OK;
    for (uint32_t i = 0; i < model->regimes && !code; i++)
        code = read_regime(model, &model->regime[i], list->child[i], err);
    return code;
}

/* Regime and samples in turn; without a schedule the first regime holds for ever. */
static int read_schedule(struct ofr_exit_model *model, struct ofr_node *root, struct ofr_error *err)
{
    struct ofr_node *list = ofr_node_get(root, "schedule");
    uint32_t count = list ? list->children : 2;
    if (list && (list->kind != OFR_NODE_LIST || count < 2 || count % 2 || count > 2 * OFR_STRETCHES_MAX))
        return ofr_node_fail(list, err, "schedule must be a list: regime, samples, regime, samples, ...");
    model->schedule = calloc(count / 2, sizeof *model->schedule);
    if (!model->schedule)
        return ofr_fail_nomem(err, "an exit model");
    model->stretches = count / 2;
    model->schedule[0].samples = 1;
    for (uint32_t i = 0; list && i < count; i++) {
        const struct ofr_node *node = list->child[i];
        uint64_t value = 0;
        uint64_t least = i % 2, most = i % 2 ? (uint64_t)1 << 48 : model->regimes - 1;
        if (node->kind != OFR_NODE_SCALAR || ofr_read_count(node->text, &value) || value < least ||
            value > most)
            return ofr_node_fail(node, err, "expected %s, %" PRIu64 " to %" PRIu64,
                                 i % 2 ? "a number of samples" : "a regime", least, most);
        if (i % 2)
            model->schedule[i / 2].samples = value;
        else
            model->schedule[i / 2].regime = (uint32_t)value;
    }
    return OFR_OK;
}

static int read_kind(struct ofr_node *root, struct ofr_error *err)
{
    struct ofr_node *kind = root->kind == OFR_NODE_MAP ? ofr_node_get(root, "kind") : NULL;
    if (!kind || kind->kind != OFR_NODE_SCALAR || strcmp(kind->text, KIND) != 0)
        return ofr_node_fail(kind ? kind : root, err, "expected an exit model, kind: " KIND);
    struct ofr_node *version = ofr_node_get(root, "version");
    if (!version || version->kind != OFR_NODE_SCALAR || strcmp(version->text, "1") != 0)
        return ofr_node_fail(version ? version : root, err, "expected version: 1");
    return OFR_OK;
}

static int check_head(const struct ofr_exit_model *model, const struct ofr_node *root, struct ofr_error *err)
{
    if (model->head.sites.count < 1)
        return ofr_node_fail(root, err, "sites: found none, expected 1 to %d", OFFRAMP_MAX_SITES);
    if (strlen(model->head.name) >= OFR_NAME_SIZE)
        return ofr_node_fail(root, err, "name: expected at most %d characters", OFR_NAME_SIZE - 1);
    return OFR_OK;
}

static int bind(struct ofr_exit_model *model, struct ofr_node *root, struct ofr_error *err)
{
    const char *known[HEAD_ROWS + 5] = {"kind", "version", "regimes", "schedule"};
    for (int i = 0; i < HEAD_ROWS; i++)
        known[4 + i] = head_table[i].name;
    int code = read_kind(root, err);
    if (!code)
        code = ofr_options_bind(head_table, HEAD_ROWS, &model->head, sizeof model->head, root, err);
    if (!code)
        code = check_head(model, root, err);
    if (!code)
        code = read_regimes(model, root, err);
    if (!code)
        code = read_schedule(model, root, err);
    return code ? code : ofr_node_reject_unused(root, known, err);
}

int ofr_exit_model_load(struct ofr_exit_model *model, const char *path, struct ofr_error *err)
{
    struct ofr_config *config = NULL;
    *model = (struct ofr_exit_model){0};
    int code = ofr_config_load_most(&config, path, FILE_MAX, "an exit model", err);
    if (!code)
        code = bind(model, ofr_config_root(config), err);
    ofr_config_free(config);
    if (code)
        ofr_exit_model_release(model);
    return code;
}

/* ---- writing ---- */

/* Rows that follow each other as `first-last`. */
static void save_run(FILE *out, const uint32_t *step, uint32_t count)
{
    fputs("      - \"", out);
    for (uint32_t i = 0, j; i < count; i = j) {
        for (j = i + 1; j < count && step[j] == step[j - 1] + 1;)
            j++;
        fprintf(out, i ? " %u" : "%u", step[i]);
        if (j > i + 1)
            fprintf(out, "-%u", step[j - 1]);
    }
    fputs("\"\n", out);
}

/* The shortest decimal that reads back to the same float: scores are compared with thresholds that stand on the same
 * binary grid. */
static void save_float(FILE *out, float value)
{
    char text[32];
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    fprintf(out, " %s", text);
}

static void save_regime(FILE *out, const struct ofr_exit_model *model, const struct ofr_exit_regime *regime)
{
    uint32_t sites = model->head.sites.count;
    fputs("  - rows:\n", out);
    for (uint32_t i = 0; i < regime->rows; i++) {
        const uint16_t *value = regime->value + (size_t)i * (sites + 2);
        fprintf(out, "      - \"%u %u", value[0], value[1]);
        for (uint32_t k = 0; k < sites; k++) {
            size_t at = (size_t)i * sites + k;
            fprintf(out, " %u", value[2 + k]);
            save_float(out, regime->top1[at]);
            if (regime->entropy)
                save_float(out, regime->entropy[at]);
        }
        fputs("\"\n", out);
    }
    if (regime->runs > 0)
        fputs("    runs:\n", out);
    for (uint32_t i = 0; i < regime->runs; i++)
        save_run(out, regime->step + regime->start[i], regime->start[i + 1] - regime->start[i]);
}

static void save(FILE *out, const struct ofr_exit_model *model)
{
    fputs("# What a recording's exits are like; see docs/workloads.md. Made by `offramp workload fit`.\n"
          "kind: " KIND "\nversion: 1\n",
          out);
    for (int i = 0; i < HEAD_ROWS; i++) {
        char text[OFFRAMP_MAX_SITES * 64];
        ofr_option_format(&head_table[i], &model->head, text, sizeof text);
        fprintf(out, "%s: %s\n", head_table[i].name, text);
    }
    fputs("schedule: [", out);
    for (uint32_t i = 0; i < model->stretches; i++)
        fprintf(out, "%s%u, %" PRIu64, i ? ", " : "", model->schedule[i].regime, model->schedule[i].samples);
    fputs("]\nregimes:\n", out);
    for (uint32_t i = 0; i < model->regimes; i++)
        save_regime(out, model, &model->regime[i]);
}

int ofr_exit_model_save(const struct ofr_exit_model *model, const char *path, struct ofr_error *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return ofr_fail_nomem(err, "an exit model");
    save(out, model);
    struct ofr_atomic_file *file = NULL;
    int code = fclose(out) ? ofr_fail_nomem(err, "an exit model") : OFR_OK;
    if (!code && size > FILE_MAX)
        code = ofr_fail(err, OFR_E_INPUT, "%s: the model has %zu bytes, expected at most %d: keep fewer rows",
                        path, size, FILE_MAX);
    if (!code)
        code = ofr_atomic_open(&file, path, err);
    if (!code)
        code = ofr_atomic_write(file, text, size, err);
    if (!code)
        code = ofr_atomic_commit(file, err);
    else
        ofr_atomic_abort(file);
    free(text);
    return code;
}
