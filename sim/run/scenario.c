#include "sim/run/scenario.h"

#include "sim/base/config.h"
#include "sim/base/units.h"
#include "sim/policy/plugin.h"
#include "sim/policy/policies.h"
#include "sim/run/scenario_tables.h"
#include "sim/serve/executor.h"
#include "sim/serve/mode.h"
#include "sim/serve/serve.h"

#include <stdlib.h>
#include <string.h>

/* ---- components: a name under `policy`, `process` or `trace`, and the options of what it names ---- */

struct picked {
    struct ofr_component component;
    const void *ops;
    struct ofr_plugin *plugin; /* the ops are in it; owned by whoever picked; NULL = they are static */
};

/* One line naming everything a table has. */
static void join(char *out, size_t size, const char *name)
{
    size_t used = strlen(out);
    if (used + strlen(name) + 2 < size) {
        if (used)
            out[used++] = ' ';
        strcpy(out + used, name);
    }
}

static int pick_batcher(const struct ofr_node *node, struct picked *picked, struct ofr_error *err)
{
    const struct ofr_batcher_ops *ops = ofr_batcher_find(node->text);
    if (ops) {
        *picked = (struct picked){.component = ops->component, .ops = ops};
        return 0;
    }
    char known[512] = "";
    for (const struct ofr_batcher_ops *const *each = ofr_batchers; *each; ++each)
        join(known, sizeof known, (*each)->component.name);
    return ofr_node_fail(node, err, "no batcher is called '%s', expected one of: %s", node->text, known);
}

static int pick_arrivals(const struct ofr_node *node, struct picked *picked, struct ofr_error *err)
{
    const struct ofr_arrival_ops *ops = ofr_arrival_find(node->text);
    if (ops) {
        *picked = (struct picked){.component = ops->component, .ops = ops};
        return 0;
    }
    char known[512] = "";
    for (const struct ofr_arrival_ops *const *each = ofr_arrival_processes; *each; ++each)
        join(known, sizeof known, (*each)->component.name);
    return ofr_node_fail(node, err, "no arrival process is called '%s', expected one of: %s", node->text,
                         known);
}

/* A plug-in's options stand among the section's own keys. */
static int check_keys(const struct ofr_plugin *plugin, struct ofr_error *err)
{
    static const struct offramp_option policy = {.name = "policy"};
    const struct ofr_section *section = &ofr_section_exits;
    for (uint32_t i = 0; i < plugin->ops->option_count; ++i) {
        const struct offramp_option *row = &plugin->ops->options[i];
        bool taken = ofr_options_share_name(row, &policy);
        for (uint32_t j = 0; j < section->option_count && !taken; ++j)
            taken = ofr_options_share_name(row, &section->options[j]);
        if (taken)
            return ofr_fail(err, OFR_E_INPUT, "%s: option %s has the name of a key every policy has",
                            plugin->path, row->name);
    }
    return 0;
}

static int pick_plugin(const char *path, struct picked *picked, struct ofr_error *err)
{
    *picked = (struct picked){0};
    int rc = ofr_plugin_open(&picked->plugin, path, err);
    if (!rc)
        rc = check_keys(picked->plugin, err);
    if (rc) {
        ofr_plugin_close(picked->plugin);
        picked->plugin = NULL;
        return rc;
    }
    picked->ops = picked->plugin->ops;
    picked->component = ofr_policy_component(picked->ops);
    return 0;
}

static int pick_policy(const struct ofr_node *node, struct picked *picked, struct ofr_error *err)
{
    if (ofr_plugin_is_path(node->text)) {
        struct ofr_error own = OFR_ERROR_INIT;
        char path[2 * OFFRAMP_TEXT_SIZE];
        ofr_node_path(node, node->text, path, sizeof path);
        int rc = pick_plugin(path, picked, &own);
        return rc == OFR_E_INPUT ? ofr_node_fail(node, err, "policy: %s", own.text)
                                 : (rc ? ofr_fail(err, rc, "%s", own.text) : 0);
    }
    const struct offramp_policy_ops *ops = ofr_policy_find(node->text);
    if (ops) {
        *picked = (struct picked){.component = ofr_policy_component(ops), .ops = ops};
        return 0;
    }
    char known[512] = "";
    for (const struct offramp_policy_ops *const *each = ofr_policies; *each; ++each)
        join(known, sizeof known, (*each)->name);
    return ofr_node_fail(
        node, err,
        "no exit policy is called '%s', expected one of: %s, or a shared object by its path, "
        "as in ./mine.so",
        node->text, known);
}

/* Binds the options of a component from `map`; *values is owned by the caller, NULL for a component without
 * any. */
static int bind_component(const struct ofr_component *component, struct ofr_node *map, void **values,
                          struct ofr_error *err)
{
    *values = NULL;
    if (component->options_size == 0)
        return 0;
    *values = calloc(1, component->options_size);
    if (!*values)
        return ofr_fail_nomem(err, "options");
    return ofr_options_bind(component->options, component->option_count, *values, component->options_size,
                            map, err);
}

/* Complains about keys of `map` that neither the section's rows nor the component's know. */
static int reject_unused(const struct ofr_node *map, const char *selector, const struct ofr_section *section,
                         const struct ofr_component *component, struct ofr_error *err)
{
    const char *known[128];
    uint32_t count = 0;
    if (selector)
        known[count++] = selector;
    for (uint32_t i = 0; section && i < section->option_count && count < 127; ++i)
        known[count++] = section->options[i].name;
    for (uint32_t i = 0; component && i < component->option_count && count < 127; ++i)
        known[count++] = component->options[i].name;
    known[count] = NULL;
    return ofr_node_reject_unused(map, known, err);
}

static int expect_map(const struct ofr_node *node, const char *what, struct ofr_error *err)
{
    if (node->kind != OFR_NODE_MAP)
        return ofr_node_fail(node, err, "%s must be a map {key: value, ...}", what);
    return 0;
}

static struct ofr_node *selector_of(struct ofr_node *map, const char *key, struct ofr_error *err)
{
    struct ofr_node *node = ofr_node_get(map, key);
    if (node && node->kind != OFR_NODE_SCALAR) {
        ofr_node_fail(node, err, "%s must be a name", key);
        return NULL;
    }
    return node;
}

/* ---- sections ---- */

static int bind_section(const struct ofr_section *section, void *values, size_t size, struct ofr_node *map,
                        struct ofr_error *err)
{
    return ofr_options_bind(section->options, section->option_count, values, size, map, err);
}

static int bind_top(struct ofr_scenario *scenario, struct ofr_node *root, struct ofr_error *err)
{
    struct ofr_scenario_top *top = &scenario->top;
    int rc = bind_section(&ofr_section_top, top, sizeof *top, root, err);
    if (rc)
        return rc;
    if (top->end == OFR_END_CUT && top->duration_ns < 0)
        return ofr_node_fail(root, err, "end: cut needs a duration");
    return 0;
}

static int bind_terms(struct ofr_scenario_model *model, struct ofr_node *map, struct ofr_error *err)
{
    struct ofr_error own = OFR_ERROR_INIT;
    if (ofr_terms_read(&model->without_terms, &model->without, &own))
        return ofr_node_fail(ofr_node_get(map, "without"), err, "without: %s", own.text);
    return 0;
}

static bool has_pace(const struct ofr_pace *pace, uint32_t size)
{
    for (uint32_t i = 0; i < pace->count; ++i)
        if (pace->size[i] == size)
            return true;
    return false;
}

static int bind_pace(struct ofr_scenario_model *model, struct ofr_node *map, struct ofr_error *err)
{
    struct ofr_pace *pace = &model->pace;
    for (pace->count = 0; pace->count < model->pace_text.count; ++pace->count) {
        char size[sizeof *model->pace_text.item];
        uint64_t rows = 0;
        double *factor = &pace->factor[pace->count];
        snprintf(size, sizeof size, "%s", model->pace_text.item[pace->count]);
        char *equals = strchr(size, '=');
        if (equals)
            *equals = '\0';
        if (!equals || ofr_read_count(size, &rows) || rows == 0 || rows > UINT32_MAX ||
            ofr_read_real(equals + 1, factor) || !(*factor > 0.0 && *factor <= 1000.0))
            return ofr_node_fail(ofr_node_get(map, "pace"), err,
                                 "pace: found '%.40s', expected SIZE=FACTOR such as 16=1.02",
                                 model->pace_text.item[pace->count]);
        pace->size[pace->count] = (uint32_t)rows;
        if (has_pace(pace, pace->size[pace->count]))
            return ofr_node_fail(ofr_node_get(map, "pace"), err,
                                 "pace: found the size %u twice, expected one factor for each size",
                                 pace->size[pace->count]);
    }
    return 0;
}

static int bind_model(struct ofr_scenario *scenario, struct ofr_node *root, struct ofr_error *err)
{
    struct ofr_node *map = ofr_node_get(root, ofr_section_model.name);
    if (!map)
        return ofr_node_fail(root, err,
                             "the scenario has no section 'model', expected model: {profile: FILE, ...}");
    int rc = expect_map(map, "model", err);
    if (!rc)
        rc = bind_section(&ofr_section_model, &scenario->model, sizeof scenario->model, map, err);
    if (!rc)
        rc = bind_terms(&scenario->model, map, err);
    if (!rc)
        rc = bind_pace(&scenario->model, map, err);
    return rc ? rc : reject_unused(map, NULL, &ofr_section_model, NULL, err);
}

static int bind_stream(struct ofr_scenario_stream *stream, int64_t slo_ns, struct ofr_node *map, bool listed,
                       struct ofr_error *err)
{
    int rc = expect_map(map, "arrivals", err);
    if (rc)
        return rc;
    struct ofr_node trace = {.kind = OFR_NODE_SCALAR, .text = "trace"};
    struct ofr_node *process = selector_of(map, "process", err);
    if (!process && !err->code && ofr_node_get(map, "trace"))
        process = &trace;
    if (!process)
        return err->code ? err->code
                         : ofr_node_fail(map, err, "arrivals need a process: NAME or a trace: FILE");
    struct picked picked = {0};
    rc = pick_arrivals(process, &picked, err);
    if (rc)
        return rc;
    stream->ops = picked.ops;
    stream->count = 1;
    stream->slo_ns = slo_ns;
    stream->timeout_ns = -1;
    if (listed)
        rc = bind_section(&ofr_section_stream, stream, sizeof *stream, map, err);
    stream->ops = picked.ops;
    if (listed && !rc && !ofr_node_get(map, "slo"))
        stream->slo_ns = slo_ns;
    if (!rc)
        rc = bind_component(&picked.component, map, &stream->options, err);
    return rc ? rc
              : reject_unused(map, "process", listed ? &ofr_section_stream : NULL, &picked.component, err);
}

static int bind_arrivals(struct ofr_scenario *scenario, struct ofr_node *root, struct ofr_error *err)
{
    struct ofr_node *map = ofr_node_get(root, "arrivals");
    if (!map)
        return ofr_node_fail(root, err,
                             "the scenario has no section 'arrivals', expected e.g. "
                             "arrivals: {process: poisson, rate: 900/s}");
    int rc = expect_map(map, "arrivals", err);
    if (rc)
        return rc;
    struct ofr_node *list = ofr_node_get(map, "streams");
    if (list && (list->kind != OFR_NODE_LIST || list->children == 0))
        return ofr_node_fail(list, err,
                             "streams must be a list of arrival processes with at least one entry");
    scenario->streams = list ? list->children : 1;
    scenario->stream = calloc(scenario->streams, sizeof *scenario->stream);
    if (!scenario->stream)
        return ofr_fail_nomem(err, "arrival streams");
    if (!list)
        return bind_stream(&scenario->stream[0], scenario->top.slo_ns, map, false, err);
    for (uint32_t i = 0; i < scenario->streams && !rc; ++i)
        rc = bind_stream(&scenario->stream[i], scenario->top.slo_ns, list->child[i], true, err);
    return rc ? rc : reject_unused(map, "streams", NULL, NULL, err);
}

/* batching and exits look alike: `policy: NAME`, the section's own keys, the component's options. A plain
 * name stands for {policy: NAME}. */
static int bind_policy_section(const struct ofr_section *section, void *values, size_t size,
                               struct ofr_node *root, const char *fallback,
                               int (*pick)(const struct ofr_node *, struct picked *, struct ofr_error *),
                               struct picked *picked, void **options, struct ofr_error *err)
{
    struct ofr_node *map = ofr_node_get(root, section->name);
    struct ofr_node plain = {.kind = OFR_NODE_SCALAR, .text = (char *)fallback};
    struct ofr_node *name = NULL;
    if (map && map->kind == OFR_NODE_SCALAR) {
        name = map;
        map = NULL;
    } else if (map) {
        int rc = expect_map(map, section->name, err);
        name = rc ? NULL : selector_of(map, "policy", err);
        if (err->code)
            return err->code;
        if (!name)
            return ofr_node_fail(map, err, "section '%s' does not say which policy", section->name);
    }
    int rc = pick(name ? name : &plain, picked, err);
    if (!rc)
        rc = bind_section(section, values, size, map, err);
    if (!rc)
        rc = bind_component(&picked->component, map, options, err);
    return rc || !map ? rc : reject_unused(map, "policy", section, &picked->component, err);
}

/* Where the scenario says how exits work: its mode, or else its policy. */
static const struct ofr_node *exits_node(struct ofr_node *root)
{
    struct ofr_node *map = ofr_node_get(root, ofr_section_exits.name);
    if (!map || map->kind != OFR_NODE_MAP)
        return map ? map : root;
    const struct ofr_node *mode = ofr_node_get(map, "mode");
    return mode ? mode : ofr_node_get(map, "policy");
}

/* Not every policy runs in every mode. */
static int check_mode(const struct ofr_scenario *scenario, struct ofr_node *root, struct ofr_error *err)
{
    const struct ofr_mode_ops *mode = ofr_modes[scenario->exits.mode];
    int32_t fits = ofr_mode_for(scenario->policy, scenario->exits.mode);
    if (fits != scenario->exits.mode)
        return ofr_node_fail(exits_node(root), err, "policy %s does not run in mode %s, expected mode: %s",
                             scenario->policy->name, mode->name,
                             fits < 0 ? "none, it fits no mode" : ofr_mode_names[fits]);
    if (scenario->model.first_profile[0] && mode->stages == 1)
        return ofr_node_fail(ofr_node_get(ofr_node_get(root, ofr_section_model.name), "first_profile"), err,
                             "first_profile: mode %s has no first model, expected mode: cascade", mode->name);
    if (scenario->model.times[0] && mode->stages > 1)
        return ofr_node_fail(ofr_node_get(ofr_node_get(root, ofr_section_model.name), "times"), err,
                             "times: mode %s runs two models, expected one of a single stage", mode->name);
    return 0;
}

static int bind_parts(struct ofr_scenario *scenario, struct ofr_node *root, struct ofr_error *err)
{
    struct picked picked = {0};
    char none;
    int rc = bind_policy_section(&ofr_section_batching, &none, 0, root, "fifo", pick_batcher, &picked,
                                 &scenario->batcher_options, err);
    if (rc)
        return rc;
    scenario->batcher = picked.ops;
    picked = (struct picked){0};
    rc = bind_policy_section(&ofr_section_exits, &scenario->exits, sizeof scenario->exits, root, "vanilla",
                             pick_policy, &picked, &scenario->policy_options, err);
    scenario->policy = picked.ops;
    scenario->plugin = picked.plugin;
    if (rc)
        return rc;
    rc = check_mode(scenario, root, err);
    if (rc)
        return rc;
    const char *known[32];
    uint32_t count = 0;
    for (uint32_t i = 0; i < ofr_section_top.option_count; ++i)
        known[count++] = ofr_section_top.options[i].name;
    known[count++] = "model";
    known[count++] = "arrivals";
    known[count++] = "batching";
    known[count++] = "exits";
    known[count] = NULL;
    return ofr_node_reject_unused(root, known, err);
}

int ofr_scenario_bind(struct ofr_scenario **out, struct ofr_config *config, struct ofr_error *err)
{
    struct ofr_scenario *scenario = calloc(1, sizeof *scenario);
    if (!scenario)
        return ofr_fail_nomem(err, "a scenario");
    struct ofr_node *root = ofr_config_root(config);
    int rc = expect_map(root, "a scenario", err);
    if (!rc)
        rc = bind_top(scenario, root, err);
    if (!rc)
        rc = bind_model(scenario, root, err);
    if (!rc)
        rc = bind_arrivals(scenario, root, err);
    if (!rc)
        rc = bind_parts(scenario, root, err);
    if (rc) {
        ofr_scenario_free(scenario);
        return rc;
    }
    *out = scenario;
    return 0;
}

int ofr_scenario_load(struct ofr_scenario **out, const char *path, const char *const *set, uint32_t sets,
                      struct ofr_error *err)
{
    struct ofr_config *config = NULL;
    int rc = ofr_config_load(&config, path, err);
    for (uint32_t i = 0; i < sets && !rc; ++i)
        rc = ofr_config_set(config, set[i], err);
    if (!rc)
        rc = ofr_scenario_bind(out, config, err);
    ofr_config_free(config);
    return rc;
}

void ofr_scenario_free(struct ofr_scenario *scenario)
{
    if (!scenario)
        return;
    for (uint32_t i = 0; i < scenario->streams && scenario->stream; ++i)
        free(scenario->stream[i].options);
    free(scenario->stream);
    free(scenario->batcher_options);
    free(scenario->policy_options);
    ofr_plugin_close(scenario->plugin);
    free(scenario);
}

/* ---- copies ---- */

static void *copy_bytes(const void *from, size_t size)
{
    void *to = from && size ? malloc(size) : NULL;
    if (to)
        memcpy(to, from, size);
    return to;
}

static bool copy_streams(struct ofr_scenario *to, const struct ofr_scenario *from)
{
    to->stream = calloc(from->streams, sizeof *to->stream);
    if (!to->stream)
        return false;
    for (uint32_t i = 0; i < from->streams; ++i) {
        size_t size = from->stream[i].ops->component.options_size;
        to->stream[i] = from->stream[i];
        to->stream[i].options = copy_bytes(from->stream[i].options, size);
        if (size && !to->stream[i].options)
            return false;
    }
    return true;
}

static int pick_named(const char *policy, struct picked *picked, struct ofr_error *err)
{
    if (ofr_plugin_is_path(policy))
        return pick_plugin(policy, picked, err);
    const struct offramp_policy_ops *ops = ofr_policy_find(policy);
    if (!ops)
        return ofr_fail(err, OFR_E_USAGE, "no exit policy is called '%s', see `offramp list policies`",
                        policy);
    *picked = (struct picked){.component = ofr_policy_component(ops), .ops = ops};
    return 0;
}

int ofr_scenario_with_policy(struct ofr_scenario **out, const struct ofr_scenario *scenario,
                             const char *policy, struct ofr_error *err)
{
    struct picked picked;
    int rc = pick_named(policy, &picked, err);
    if (rc)
        return rc;
    int32_t mode = ofr_mode_for(picked.ops, scenario->exits.mode);
    if (mode >= 0 && scenario->model.times[0] && ofr_modes[mode]->stages > 1) {
        ofr_plugin_close(picked.plugin);
        return ofr_fail(err, OFR_E_INPUT, "policy %s: mode %s runs two models, model.times is of one", policy,
                        ofr_mode_names[mode]);
    }
    struct ofr_scenario *copy = mode < 0 ? NULL : calloc(1, sizeof *copy);
    if (!copy) {
        ofr_plugin_close(picked.plugin);
        return mode < 0 ? ofr_fail(err, OFR_E_INPUT, "policy %s: runs in none of the modes there are", policy)
                        : ofr_fail_nomem(err, "a scenario");
    }
    *copy = *scenario;
    copy->policy = picked.ops;
    copy->plugin = picked.plugin;
    copy->policy_options = NULL;
    copy->exits.mode = mode;
    if (ofr_modes[copy->exits.mode]->stages == 1)
        copy->model.first_profile[0] = '\0';
    size_t batcher_size = scenario->batcher->component.options_size;
    copy->batcher_options = copy_bytes(scenario->batcher_options, batcher_size);
    bool complete = copy_streams(copy, scenario) && (!batcher_size || copy->batcher_options);
    rc = complete ? bind_component(&picked.component, NULL, &copy->policy_options, err)
                  : ofr_fail_nomem(err, "a scenario");
    if (rc) {
        ofr_scenario_free(copy);
        return rc;
    }
    *out = copy;
    return 0;
}
