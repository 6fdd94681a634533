#include "sim/cli/completion_internal.h"

#include "sim/cli/verbs.h"

/* completion.bash: what uses the functions written here. */
__asm__(
    ".pushsection .rodata\n.global ofr_completion_code\nofr_completion_code:\n.incbin \"" OFR_COMPLETION_CODE
    "\"\n.byte 0\n.popsection\n");
extern const char ofr_completion_code[];

static void bash_subs(FILE *out, const struct ofr_command *command)
{
    if (command->verb == &ofr_verb_trace_import && !command->format) {
        fprintf(out, "        '%s') echo '", command->path);
        ofr_complete_names(out, "formats");
        fputs("' ;;\n", out);
    }
    if (!command->verb->sub)
        return;
    fprintf(out, "        '%s') echo '", command->path);
    for (const struct ofr_cli_verb *const *sub = command->verb->sub; *sub; ++sub)
        fprintf(out, "%s ", (*sub)->name);
    fputs("' ;;\n", out);
}

static void bash_flag(FILE *out, const struct ofr_command *command, const struct offramp_option *option)
{
    (void)command;
    char flag[OFR_CLI_FLAG_SIZE];
    ofr_cli_flag_name(flag, option);
    fprintf(out, "--%s ", flag);
}

static void bash_valued_flag(FILE *out, const struct ofr_command *command,
                             const struct offramp_option *option)
{
    if (option->type != OFFRAMP_OPT_BOOL)
        bash_flag(out, command, option);
}

static void bash_flags(FILE *out, const struct ofr_command *command)
{
    fprintf(out, "        '%s') echo '", command->path);
    ofr_each_flag(out, command, bash_flag);
    fputs("' ;;\n", out);
}

static void bash_valued(FILE *out, const struct ofr_command *command)
{
    fprintf(out, "        '%s') echo '", command->path);
    ofr_each_flag(out, command, bash_valued_flag);
    fputs("' ;;\n", out);
}

static void bash_choice(FILE *out, const struct ofr_command *command, const struct offramp_option *option)
{
    char flag[OFR_CLI_FLAG_SIZE];
    if (option->type != OFFRAMP_OPT_CHOICE)
        return;
    ofr_cli_flag_name(flag, option);
    fprintf(out, "        '%s --%s') echo '", command->path, flag);
    ofr_complete_choices(out, option);
    fputs("' ;;\n", out);
}

static void bash_choices(FILE *out, const struct ofr_command *command)
{
    ofr_each_flag(out, command, bash_choice);
}

/* A shell function that answers by its first argument. */
static void bash_cases(FILE *out, const char *function, ofr_command_visitor *visit)
{
    fprintf(out, "%s() {\n    case $1 in\n", function);
    ofr_each_command(out, visit);
    fputs("    esac\n}\n", out);
}

static void bash_named(FILE *out)
{
    fputs("_offramp_named() {\n    case $1 in\n", out);
    for (const struct ofr_completed *row = ofr_completed; row->where; ++row) {
        fprintf(out, "        '%s') echo '", row->where);
        ofr_complete_names(out, row->names);
        fputs("' ;;\n", out);
    }
    fputs("    esac\n}\n_offramp_listed() {\n    case $1 in\n", out);
    for (const struct ofr_completed *row = ofr_completed; row->where; ++row)
        if (row->list)
            fprintf(out, "        '%s') return 0 ;;\n", row->where);
    fputs("    esac\n    return 1\n}\n", out);
}

static void put_key(FILE *out, const char *section, const struct offramp_option *option)
{
    fprintf(out, "%s%s%s= ", section, *section ? "." : "", option->name);
}

static void bash_key(FILE *out, const char *section, const struct offramp_option *option)
{
    if (option->type != OFFRAMP_OPT_CHOICE && option->type != OFFRAMP_OPT_BOOL)
        return;
    fprintf(out, "        '%s%s%s') echo '", section, *section ? "." : "", option->name);
    ofr_complete_choices(out, option);
    fputs("' ;;\n", out);
}

static void bash_keys(FILE *out)
{
    fputs("_offramp_keys() {\n    echo 'exits= exits.policy= batching= batching.policy= arrivals.process= '\n"
          "    echo '",
          out);
    ofr_each_key(out, put_key);
    fputs("'\n}\n_offramp_key() {\n    _offramp_named \"$1\"\n    case $1 in\n", out);
    ofr_each_key(out, bash_key);
    fputs("    esac\n}\n", out);
}

static void bash_top(FILE *out)
{
    fputs("_offramp_verbs() {\n    case $1 in\n        '') echo '", out);
    for (const struct ofr_cli_verb *const *verb = ofr_cli_verbs; *verb; ++verb)
        fprintf(out, "%s ", (*verb)->name);
    fputs("' ;;\n    esac\n    _offramp_subs \"$1\"\n}\n_offramp_topics() {\n    echo '", out);
    for (const struct ofr_registry *registry = ofr_registries; registry->kind; ++registry) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "%.20s:", registry->kind);
        ofr_complete_parts(out, registry, prefix);
    }
    fputs("'\n}\n", out);
}

void ofr_completion_bash(FILE *out)
{
    fputs("# bash completion for offramp. Made by `offramp help --completion bash`.\n", out);
    bash_top(out);
    bash_cases(out, "_offramp_subs", bash_subs);
    bash_cases(out, "_offramp_flags", bash_flags);
    bash_cases(out, "_offramp_valued", bash_valued);
    bash_cases(out, "_offramp_choices", bash_choices);
    bash_named(out);
    bash_keys(out);
    fputs(ofr_completion_code, out);
}
