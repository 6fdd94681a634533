#include "sim/base/config.h"
#include "sim/policy/plugin.h"
#include "sim/run/scenario.h"
#include "sim/run/scenario_tables.h"

#include <stdlib.h>
#include <string.h>

static void write_options(FILE *out, const char *indent, const struct offramp_option *options, uint32_t count,
                          const void *values)
{
    enum {
        LONGEST = OFFRAMP_MAX_SITES * 64
    };
    for (uint32_t i = 0; i < count; ++i) {
        char text[LONGEST];
        ofr_option_format(&options[i], values, text, sizeof text);
        fprintf(out, "%s%s: %s\n", indent, options[i].name, text);
    }
}

static void write_stream(FILE *out, const struct ofr_scenario_stream *stream)
{
    const struct ofr_component *component = &stream->ops->component;
    fprintf(out, "    - process: %s\n", component->name);
    write_options(out, "      ", ofr_section_stream.options, ofr_section_stream.option_count, stream);
    write_options(out, "      ", component->options, component->option_count, stream->options);
}

static void write_policy(FILE *out, const struct ofr_scenario *scenario)
{
    static const struct offramp_option path = {.name = "policy", .type = OFFRAMP_OPT_PATH};
    if (scenario->plugin)
        write_options(out, "  ", &path, 1, scenario->plugin->path);
    else
        fprintf(out, "  policy: %s\n", scenario->policy->name);
}

void ofr_scenario_write(FILE *out, const struct ofr_scenario *scenario)
{
    write_options(out, "", ofr_section_top.options, ofr_section_top.option_count, &scenario->top);
    fputs("model:\n", out);
    write_options(out, "  ", ofr_section_model.options, ofr_section_model.option_count, &scenario->model);
    fputs("arrivals:\n  streams:\n", out);
    for (uint32_t i = 0; i < scenario->streams; ++i)
        write_stream(out, &scenario->stream[i]);
    const struct ofr_component *batcher = &scenario->batcher->component;
    fprintf(out, "batching:\n  policy: %s\n", batcher->name);
    write_options(out, "  ", batcher->options, batcher->option_count, scenario->batcher_options);
    fputs("exits:\n", out);
    write_policy(out, scenario);
    write_options(out, "  ", ofr_section_exits.options, ofr_section_exits.option_count, &scenario->exits);
    write_options(out, "  ", scenario->policy->options, scenario->policy->option_count,
                  scenario->policy_options);
}

char *ofr_scenario_text(const struct ofr_scenario *scenario)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    ofr_scenario_write(out, scenario);
    if (fclose(out)) {
        free(text);
        return NULL;
    }
    return text;
}

static void help_section(FILE *out, const char *title, const struct ofr_section *section)
{
    fprintf(out, "%s\n", title);
    ofr_options_help(out, section->options, section->option_count);
    fputc('\n', out);
}

void ofr_scenario_help(FILE *out)
{
    help_section(out, "top level", &ofr_section_top);
    help_section(out, "model:", &ofr_section_model);
    fputs("arrivals: {process: NAME, options of the process}, {trace: FILE, ...} or {streams: [ ... ]}\n\n",
          out);
    help_section(out, "an entry of arrivals.streams: {process: NAME, options of the process, and",
                 &ofr_section_stream);
    fputs("batching: {policy: NAME, options of the batcher}\n\n", out);
    help_section(out, "exits: {policy: NAME, options of the policy, and", &ofr_section_exits);
}
