#include "sim/cli/completion_internal.h"

#include "sim/cli/verbs.h"

#include <string.h>

static const char functions[] =
    "# fish completion for offramp. Made by `offramp help --completion fish`.\n"
    "function __offramp_is --description 'the line begins with these verbs'\n"
    "    set -l words (commandline -opc)\n"
    "    set -e words[1]\n"
    "    test (count $words) -ge (count $argv); or return 1\n"
    "    for i in (seq (count $argv))\n"
    "        test \"$words[$i]\" = $argv[$i]; or return 1\n"
    "    end\n"
    "end\n"
    "function __offramp_at --description 'these verbs and nothing behind them'\n"
    "    test (count (commandline -opc)) -eq (math (count $argv) + 1); and __offramp_is $argv\n"
    "end\n";

/* One argument of `complete`. */
static void put_quoted(FILE *out, const char *text)
{
    fputc('\'', out);
    for (; *text; ++text) {
        if (*text == '\'' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputc('\'', out);
}

static void put_word(FILE *out, const char *path, const char *word, const char *help)
{
    fprintf(out, "complete -c offramp -n '__offramp_at %s' -f -a %s -d ", path, word);
    put_quoted(out, help);
    fputc('\n', out);
}

static void put_flag(FILE *out, const struct ofr_command *command, const struct offramp_option *option)
{
    char flag[OFR_CLI_FLAG_SIZE], where[160];
    ofr_cli_flag_name(flag, option);
    fprintf(out, "complete -c offramp -n '__offramp_is %s' -l %s", command->path, flag);
    if (ofr_cli_flag_letter(flag))
        fprintf(out, " -s %c", ofr_cli_flag_letter(flag));
    snprintf(where, sizeof where, "%.80s --%s", command->path, flag);
    const struct ofr_completed *row = ofr_completed;
    while (row->where && strcmp(row->where, where) != 0)
        ++row;
    if (row->where || option->type == OFFRAMP_OPT_CHOICE) {
        fputs(" -x -a '", out);
        if (row->where)
            ofr_complete_names(out, row->names);
        else
            ofr_complete_choices(out, option);
        fputc('\'', out);
    } else if (option->type != OFFRAMP_OPT_BOOL) {
        fputs(" -r", out);
    }
    fputs(" -d ", out);
    put_quoted(out, option->help);
    fputc('\n', out);
}

static void put_command(FILE *out, const struct ofr_command *command)
{
    for (const struct ofr_cli_verb *const *sub = command->verb->sub; sub && *sub; ++sub)
        put_word(out, command->path, (*sub)->name, (*sub)->help);
    for (const struct ofr_completed *row = ofr_completed; row->where; ++row)
        if (strcmp(row->where, command->path) == 0) {
            fprintf(out, "complete -c offramp -n '__offramp_at %s' -f -a '", command->path);
            ofr_complete_names(out, row->names);
            fputs("'\n", out);
        }
    if (command->format)
        put_word(out, "trace import", command->format->name, command->format->help);
    ofr_each_flag(out, command, put_flag);
}

void ofr_completion_fish(FILE *out)
{
    fputs(functions, out);
    for (const struct ofr_cli_verb *const *verb = ofr_cli_verbs; *verb; ++verb)
        put_word(out, "", (*verb)->name, (*verb)->help);
    for (const struct ofr_cli_verb *const *verb = ofr_cli_verbs; *verb; ++verb)
        put_word(out, "help", (*verb)->name, (*verb)->help);
    fputs("complete -c offramp -n '__offramp_at help' -f -a 'scenario sweep-file ", out);
    for (const struct ofr_registry *registry = ofr_registries; registry->kind; ++registry) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "%.20s:", registry->kind);
        ofr_complete_parts(out, registry, prefix);
    }
    fputs("'\n", out);
    ofr_each_command(out, put_command);
}
