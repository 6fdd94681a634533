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
    FILE_MAX = 4 << 20 /* what ofr_config_load reads */
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
    static const char *const known[] = {"rows", "exit", "agreement", "otherwise", NULL};
    if (node->kind != OFR_NODE_MAP)
        return ofr_node_fail(node, err, "a regime must be a map: {rows: [...]} or {exit: [...], ...}");
    struct ofr_node *rows = ofr_node_get(node, "rows");
    int code = rows ? read_rows(model, regime, rows, err) : read_exits(model, regime, node, err);
    return code ? code : ofr_node_reject_unused(node, known, err);
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
    int code = ofr_config_load(&config, path, err);
    if (!code)
        code = bind(model, ofr_config_root(config), err);
    ofr_config_free(config);
    if (code)
        ofr_exit_model_release(model);
    return code;
}

/* ---- writing ---- */

static void save_regime(FILE *out, const struct ofr_exit_model *model, const struct ofr_exit_regime *regime)
{
    uint32_t sites = model->head.sites.count;
    fputs("  - rows:\n", out);
    for (uint32_t i = 0; i < regime->rows; i++) {
        const uint16_t *value = regime->value + (size_t)i * (sites + 2);
        fprintf(out, "      - \"%u %u", value[0], value[1]);
        for (uint32_t k = 0; k < sites; k++) {
            size_t at = (size_t)i * sites + k;
            fprintf(out, " %u %.5g", value[2 + k], (double)regime->top1[at]);
            if (regime->entropy)
                fprintf(out, " %.4g", (double)regime->entropy[at]);
        }
        fputs("\"\n", out);
    }
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
