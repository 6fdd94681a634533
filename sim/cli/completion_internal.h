/* Private to shell completion: the walks over the tables that every shell's script is written by. */
#ifndef OFR_CLI_COMPLETION_INTERNAL_H
#define OFR_CLI_COMPLETION_INTERNAL_H

#include "sim/cli/completion.h"

#include "sim/cli/cli.h"
#include "sim/cli/registry.h"

#include <stdbool.h>

/* Flags, arguments and scenario keys whose values are names of parts. */
struct ofr_completed {
    const char *where; /* "verb --flag", "verb" for its first argument, or a scenario key */
    const char *names; /* `plural` of a registry, "devices", "networks" or "kinds" */
    bool list;         /* several, separated by commas */
};
extern const struct ofr_completed ofr_completed[]; /* ends with `where` NULL */

/* Each word with a blank behind it. */
void ofr_complete_parts(FILE *out, const struct ofr_registry *registry, const char *prefix);
void ofr_complete_names(FILE *out, const char *names);
void ofr_complete_choices(FILE *out, const struct offramp_option *option); /* of a choice or a bool */

struct ofr_command {
    const char *path; /* "trace import csv" */
    const struct ofr_cli_verb *verb;
    const struct ofr_component *format; /* of `trace import FORMAT`, whose flags follow the verb's; or NULL */
};

typedef void ofr_command_visitor(FILE *out, const struct ofr_command *command);
typedef void ofr_flag_visitor(FILE *out, const struct ofr_command *command,
                              const struct offramp_option *flag);
typedef void ofr_key_visitor(FILE *out, const char *section, const struct offramp_option *option);

void ofr_each_command(FILE *out, ofr_command_visitor *visit); /* verbs before their sub-verbs */
void ofr_each_flag(FILE *out, const struct ofr_command *command, ofr_flag_visitor *visit);
void ofr_each_key(FILE *out, ofr_key_visitor *visit); /* what --set takes; some keys more than once */

#endif
