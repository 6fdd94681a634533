/* offramp list KIND, offramp help [VERB [SUB] | KIND:NAME | scenario]: both read the tables the parser uses. */
#include "sim/base/config.h"
#include "sim/base/json.h"
#include "sim/cli/completion.h"
#include "sim/cli/man_pages.h"
#include "sim/cli/registry.h"
#include "sim/cli/verbs.h"
#include "sim/policy/plugin.h"
#include "sim/policy/policies.h"
#include "sim/run/scenario.h"
#include "sim/sweep/sweep.h"

#include <string.h>

struct list_options {
    uint8_t json;
};

static const struct offramp_option list_table[] = {
    {.name = "json",
     .type = OFFRAMP_OPT_BOOL,
     .offset = offsetof(struct list_options, json),
     .fallback = "false",
     .help = "a JSON array of {name, help}"},
};

static int list_json(FILE *out, const struct ofr_registry *registry, struct ofr_error *err)
{
    struct ofr_component part;
    json_t *array = json_array();
    for (uint32_t i = 0; registry->at(i, &part); ++i)
        json_array_append_new(array, json_pack("{s:s, s:s}", "name", part.name, "help", part.help));
    int rc = ofr_json_write(out, array, err);
    json_decref(array);
    return rc;
}

static int list(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct list_options *options = call->values;
    const struct ofr_registry *registry = ofr_registry_find(call->positional[0]);
    if (!registry)
        return ofr_fail(err, OFR_E_USAGE,
                        "list: found '%s', expected one of: policies batchers arrivals formats modes terms",
                        call->positional[0]);
    if (options->json)
        return list_json(call->out, registry, err);
    struct ofr_component part;
    for (uint32_t i = 0; registry->at(i, &part); ++i)
        fprintf(call->out, "%-22s %s\n", part.name, part.help);
    return 0;
}

const struct ofr_cli_verb ofr_verb_list = {
    .name = "list",
    .help = "what there is: policies, batchers, arrivals, formats, modes, terms of the latency model",
    .usage = "policies|batchers|arrivals|formats|modes|terms",
    .least = 1,
    .most = 1,
    .options = list_table,
    .option_count = 1,
    .options_size = sizeof(struct list_options),
    .run = list,
};

/* ---- help ---- */

static void help_component(FILE *out, const char *kind, const struct ofr_component *part)
{
    fprintf(out, "%s %s: %s\n", kind, part->name, part->help);
    if (part->option_count)
        ofr_options_help(out, part->options, part->option_count);
}

/* A policy that is in a file. */
static int help_plugin(FILE *out, const char *path, struct ofr_error *err)
{
    struct ofr_plugin *plugin = NULL;
    int rc = ofr_plugin_open(&plugin, path, err);
    if (rc)
        return rc;
    struct ofr_component part = ofr_policy_component(plugin->ops);
    help_component(out, "policy", &part);
    ofr_plugin_close(plugin);
    return 0;
}

/* `topic` is KIND:NAME. */
static int help_part(FILE *out, const char *topic, struct ofr_error *err)
{
    const char *colon = strchr(topic, ':');
    const char *name = colon + 1;
    struct ofr_component part;
    char kind[32];
    bool fits = (size_t)snprintf(kind, sizeof kind, "%.*s", (int)(colon - topic), topic) < sizeof kind;
    const struct ofr_registry *registry = fits ? ofr_registry_find(kind) : NULL;
    if (!registry)
        return ofr_fail(
            err, OFR_E_USAGE,
            "help: found '%s', expected policy:NAME, batcher:NAME, arrival:NAME, format:NAME or mode:NAME",
            topic);
    if (registry->at == ofr_registry_policy_at && ofr_plugin_is_path(name))
        return help_plugin(out, name, err);
    for (uint32_t i = 0; registry->at(i, &part); ++i) {
        if (strcmp(part.name, name) != 0)
            continue;
        help_component(out, registry->kind, &part);
        return 0;
    }
    return ofr_fail(err, OFR_E_USAGE, "there is no %s '%s', see `offramp list %s`", registry->kind, name,
                    registry->plural);
}

static const struct ofr_cli_verb *find(const struct ofr_cli_verb *const *table, const char *name)
{
    while (table && *table && strcmp((*table)->name, name) != 0)
        ++table;
    return table ? *table : NULL;
}

static int help_verb(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct ofr_cli_verb *verb = find(ofr_cli_verbs, call->positional[0]);
    char path[64];
    snprintf(path, sizeof path, "%s", call->positional[0]);
    if (verb && call->positionals > 1) {
        verb = find(verb->sub, call->positional[1]);
        snprintf(path, sizeof path, "%.30s %.30s", call->positional[0], call->positional[1]);
    }
    if (!verb)
        return ofr_fail(err, OFR_E_USAGE, "help: there is no '%s', see `offramp --help`", path);
    ofr_cli_help(call->out, path, verb);
    return 0;
}

enum shell {
    SHELL_NONE,
    SHELL_BASH,
    SHELL_FISH
};

static const char *const shell_names[] = {"none", "bash", "fish", NULL};

struct help_options {
    uint8_t spec;
    int32_t completion; /* enum shell */
    char man_pages[OFFRAMP_TEXT_SIZE];
};

static const struct offramp_option help_table[] = {
    {.name = "spec",
     .type = OFFRAMP_OPT_BOOL,
     .offset = offsetof(struct help_options, spec),
     .fallback = "false",
     .help = "the whole command line and every part's options as one JSON object"},
    {.name = "completion",
     .type = OFFRAMP_OPT_CHOICE,
     .offset = offsetof(struct help_options, completion),
     .fallback = "none",
     .choices = shell_names,
     .help = "a script that completes verbs, flags and names; `source` it, or put it where the shell looks"},
    {.name = "man_pages",
     .type = OFFRAMP_OPT_TEXT,
     .offset = offsetof(struct help_options, man_pages),
     .fallback = "",
     .help = "write manual pages of every verb and of scenario files into this folder"},
};

static int help(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct help_options *options = call->values;
    if (options->spec)
        return ofr_cli_spec(call->out, err);
    if (*options->man_pages)
        return ofr_man_pages(options->man_pages, err);
    if (options->completion != SHELL_NONE) {
        (options->completion == SHELL_BASH ? ofr_completion_bash : ofr_completion_fish)(call->out);
        return 0;
    }
    if (call->positionals == 0) {
        for (const struct ofr_cli_verb *const *verb = ofr_cli_verbs; *verb; ++verb)
            fprintf(call->out, "offramp %-10s %s\n", (*verb)->name, (*verb)->help);
        fputs("\n`offramp help VERB`, `offramp help scenario`, `offramp help sweep-file`, `offramp help "
              "policy:NAME`\n",
              call->out);
        return 0;
    }
    if (strchr(call->positional[0], ':'))
        return help_part(call->out, call->positional[0], err);
    if (strcmp(call->positional[0], "scenario") == 0) {
        ofr_scenario_help(call->out);
        return 0;
    }
    if (strcmp(call->positional[0], "sweep-file") == 0) {
        ofr_sweep_help(call->out);
        return 0;
    }
    return help_verb(call, err);
}

const struct ofr_cli_verb ofr_verb_help = {
    .name = "help",
    .help = "help on a verb, on scenario or sweep files, or on one part (policy:NAME, batcher:NAME, ...)",
    .usage = "[VERB [SUB] | scenario | sweep-file | KIND:NAME]",
    .most = 2,
    .options = help_table,
    .option_count = sizeof help_table / sizeof *help_table,
    .options_size = sizeof(struct help_options),
    .run = help,
};
