#include "sim/cli/completion_internal.h"

#include "replay/device.h"
#include "replay/nets/net.h"
#include "sim/cli/verbs.h"
#include "sim/run/scenario_tables.h"

#include <string.h>

const struct ofr_completed ofr_completed[] = {
    {"sim --beside", "policies", true},
    {"replay --device", "devices", false},
    {"replay --net", "networks", false},
    {"profile --device", "devices", false},
    {"profile", "networks", false},
    {"workload arrivals --process", "arrivals", false},
    {"list", "kinds", false},
    {"exits", "policies", false},
    {"exits.policy", "policies", false},
    {"batching", "batchers", false},
    {"batching.policy", "batchers", false},
    {"arrivals.process", "arrivals", false},
    {NULL, NULL, false},
};

void ofr_complete_parts(FILE *out, const struct ofr_registry *registry, const char *prefix)
{
    struct ofr_component part;
    for (uint32_t i = 0; registry->at(i, &part); ++i)
        fprintf(out, "%s%s ", prefix, part.name);
}

void ofr_complete_names(FILE *out, const char *names)
{
    const struct ofr_registry *registry = ofr_registry_find(names);
    if (registry)
        ofr_complete_parts(out, registry, "");
    for (registry = ofr_registries; strcmp(names, "kinds") == 0 && registry->kind; ++registry)
        fprintf(out, "%s ", registry->plural);
    for (int i = 0; strcmp(names, "networks") == 0 && ofr_net_names[i]; ++i)
        fprintf(out, "%s ", ofr_net_names[i]);
    for (int i = 0; strcmp(names, "devices") == 0 && ofr_devices[i]; ++i)
        fprintf(out, strcmp(ofr_devices[i]->name, "cuda") == 0 ? "%s:0 " : "%s ", ofr_devices[i]->name);
}

void ofr_complete_choices(FILE *out, const struct offramp_option *option)
{
    for (int i = 0; option->type == OFFRAMP_OPT_CHOICE && option->choices[i]; ++i)
        fprintf(out, "%s ", option->choices[i]);
    if (option->type == OFFRAMP_OPT_BOOL)
        fputs("true false ", out);
}

static void each_command(FILE *out, const char *path, const struct ofr_cli_verb *verb,
                         ofr_command_visitor *visit)
{
    char name[96];
    visit(out, &(struct ofr_command){.path = path, .verb = verb});
    for (const struct ofr_cli_verb *const *sub = verb->sub; sub && *sub; ++sub) {
        snprintf(name, sizeof name, "%.40s %.40s", path, (*sub)->name);
        each_command(out, name, *sub, visit);
    }
    struct ofr_component format;
    const struct ofr_registry *formats = verb == &ofr_verb_trace_import ? ofr_registry_find("format") : NULL;
    for (uint32_t i = 0; formats && formats->at(i, &format); ++i) {
        snprintf(name, sizeof name, "%.40s %.40s", path, format.name);
        visit(out, &(struct ofr_command){.path = name, .verb = verb, .format = &format});
    }
}

void ofr_each_command(FILE *out, ofr_command_visitor *visit)
{
    for (const struct ofr_cli_verb *const *verb = ofr_cli_verbs; *verb; ++verb)
        each_command(out, (*verb)->name, *verb, visit);
}

void ofr_each_flag(FILE *out, const struct ofr_command *command, ofr_flag_visitor *visit)
{
    for (uint32_t i = 0; i < command->verb->option_count; ++i)
        visit(out, command, &command->verb->options[i]);
    for (uint32_t i = 0; command->format && i < command->format->option_count; ++i)
        visit(out, command, &command->format->options[i]);
}

void ofr_each_key(FILE *out, ofr_key_visitor *visit)
{
    static const struct ofr_section *const sections[] = {&ofr_section_top, &ofr_section_model,
                                                         &ofr_section_exits};
    static const struct {
        const char *kind, *section;
    } parts[] = {{"policy", "exits"}, {"batcher", "batching"}, {"arrival", "arrivals"}};
    struct ofr_component part;
    for (size_t s = 0; s < sizeof sections / sizeof *sections; ++s)
        for (uint32_t i = 0; i < sections[s]->option_count; ++i)
            visit(out, sections[s]->name, &sections[s]->options[i]);
    for (size_t p = 0; p < sizeof parts / sizeof *parts; ++p) {
        const struct ofr_registry *registry = ofr_registry_find(parts[p].kind);
        for (uint32_t i = 0; registry && registry->at(i, &part); ++i)
            for (uint32_t k = 0; k < part.option_count; ++k)
                visit(out, parts[p].section, &part.options[k]);
    }
}
