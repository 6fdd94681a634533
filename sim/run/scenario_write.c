#include "sim/base/config.h"
#include "sim/policy/plugin.h"
#include "sim/run/scenario.h"
#include "sim/run/scenario_tables.h"

#include <stdlib.h>
#include <string.h>

static int write_section(FILE *out, const char *indent, const struct ofr_section *section, const void *values)
{
    return ofr_options_write(out, indent, section->options, section->option_count, values);
}

static int write_stream(FILE *out, const struct ofr_scenario_stream *stream)
{
    const struct ofr_component *component = &stream->ops->component;
    fprintf(out, "    - process: %s\n", component->name);
    int rc = write_section(out, "      ", &ofr_section_stream, stream);
    return rc ? rc
              : ofr_options_write(out, "      ", component->options, component->option_count,
                                  stream->options);
}

static int write_batching(FILE *out, const struct ofr_scenario *scenario)
{
    const struct ofr_component *batcher = &scenario->batcher->component;
    fprintf(out, "batching:\n  policy: %s\n", batcher->name);
    return ofr_options_write(out, "  ", batcher->options, batcher->option_count, scenario->batcher_options);
}

static int write_exits(FILE *out, const struct ofr_scenario *scenario)
{
    static const struct offramp_option path = {.name = "policy", .type = OFFRAMP_OPT_PATH};
    int rc = 0;
    fputs("exits:\n", out);
    if (scenario->plugin)
        rc = ofr_options_write(out, "  ", &path, 1, scenario->plugin->path);
    else
        fprintf(out, "  policy: %s\n", scenario->policy->name);
    if (!rc)
        rc = write_section(out, "  ", &ofr_section_exits, &scenario->exits);
    return rc ? rc
              : ofr_options_write(out, "  ", scenario->policy->options, scenario->policy->option_count,
                                  scenario->policy_options);
}

static int write_scenario(FILE *out, const struct ofr_scenario *scenario)
{
    int rc = write_section(out, "", &ofr_section_top, &scenario->top);
    fputs("model:\n", out);
    if (!rc)
        rc = write_section(out, "  ", &ofr_section_model, &scenario->model);
    fputs("arrivals:\n  streams:\n", out);
    for (uint32_t i = 0; i < scenario->streams && !rc; ++i)
        rc = write_stream(out, &scenario->stream[i]);
    if (!rc)
        rc = write_batching(out, scenario);
    return rc ? rc : write_exits(out, scenario);
}

char *ofr_scenario_text(const struct ofr_scenario *scenario)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    int rc = write_scenario(out, scenario);
    if (!fclose(out) && !rc)
        return text;
    free(text);
    return NULL;
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
