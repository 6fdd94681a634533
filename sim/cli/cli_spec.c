/* The command line described for programs: from the tables the parser reads. */
#include "sim/base/json.h"
#include "sim/cli/cli.h"
#include "sim/cli/registry.h"

static const char *const type_name[] = {
    [OFFRAMP_OPT_COUNT] = "count", [OFFRAMP_OPT_TIME] = "time",     [OFFRAMP_OPT_RATE] = "rate",
    [OFFRAMP_OPT_SHARE] = "share", [OFFRAMP_OPT_FACTOR] = "factor", [OFFRAMP_OPT_REAL] = "real",
    [OFFRAMP_OPT_BOOL] = "bool",   [OFFRAMP_OPT_CHOICE] = "choice", [OFFRAMP_OPT_TEXT] = "text",
    [OFFRAMP_OPT_PATH] = "path",   [OFFRAMP_OPT_REALS] = "reals",   [OFFRAMP_OPT_TEXTS] = "texts",
    [OFFRAMP_OPT_ARGS] = "args",
};

static json_t *option_json(const struct offramp_option *option)
{
    json_t *object = json_pack("{s:s, s:s, s:s?, s:s}", "name", option->name, "type", type_name[option->type],
                               "default", option->fallback, "help", option->help);
    json_t *choices = option->choices ? json_array() : NULL;
    for (int i = 0; choices && option->choices[i]; ++i)
        json_array_append_new(choices, json_string(option->choices[i]));
    if (choices)
        json_object_set_new(object, "choices", choices);
    return object;
}

static json_t *options_json(const struct offramp_option *options, uint32_t count)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < count; ++i)
        json_array_append_new(array, option_json(&options[i]));
    return array;
}

static json_t *verb_json(const struct ofr_cli_verb *verb);

static json_t *verbs_json(const struct ofr_cli_verb *const *table)
{
    json_t *array = json_array();
    for (; *table; ++table)
        json_array_append_new(array, verb_json(*table));
    return array;
}

static json_t *verb_json(const struct ofr_cli_verb *verb)
{
    if (verb->sub && verb->run)
        return json_pack("{s:s, s:s, s:s, s:o, s:o}", "name", verb->name, "help", verb->help, "usage",
                         verb->usage, "flags", options_json(verb->options, verb->option_count), "verbs",
                         verbs_json(verb->sub));
    if (verb->sub)
        return json_pack("{s:s, s:s, s:o}", "name", verb->name, "help", verb->help, "verbs",
                         verbs_json(verb->sub));
    return json_pack("{s:s, s:s, s:s, s:o}", "name", verb->name, "help", verb->help, "usage", verb->usage,
                     "flags", options_json(verb->options, verb->option_count));
}

static json_t *parts_json(const struct ofr_registry *registry)
{
    json_t *array = json_array();
    struct ofr_component part;
    for (uint32_t i = 0; registry->at(i, &part); ++i)
        json_array_append_new(array, json_pack("{s:s, s:s, s:o}", "name", part.name, "help", part.help,
                                               "options", options_json(part.options, part.option_count)));
    return array;
}

int ofr_cli_spec(FILE *out, struct ofr_error *err)
{
    json_t *object = json_pack("{s:o}", "verbs", verbs_json(ofr_cli_verbs));
    for (const struct ofr_registry *registry = ofr_registries; object && registry->kind; ++registry)
        json_object_set_new(object, registry->plural, parts_json(registry));
    int rc = ofr_json_write(out, object, err);
    json_decref(object);
    return rc;
}
