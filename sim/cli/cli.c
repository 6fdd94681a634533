#include "sim/cli/cli.h"

#include "sim/base/config.h"
#include "sim/base/units.h"
#include "sim/cli/version.h"

#include <stdlib.h>
#include <string.h>

enum {
    MOST_FLAGS = 64,
    FLAG_SIZE = OFR_CLI_FLAG_SIZE
};

/* ---- flags ---- */

static void dashed(char *out, const char *name)
{
    size_t i = 0;
    for (; name[i] && i + 1 < FLAG_SIZE; ++i)
        out[i] = name[i] == '_' ? '-' : name[i];
    out[i] = '\0';
}

static bool is_list(const struct offramp_option *option)
{
    return option->type == OFFRAMP_OPT_REALS || option->type == OFFRAMP_OPT_TEXTS ||
           option->type == OFFRAMP_OPT_ARGS;
}

void ofr_cli_flag_name(char *out, const struct offramp_option *option)
{
    dashed(out, option->name);
}

/* Short forms every verb shares. */
static const struct {
    char letter;
    const char *flag;
} short_forms[] = {{'o', "out"}, {'j', "jobs"}};

static const char *long_of(char letter)
{
    for (size_t i = 0; i < sizeof short_forms / sizeof *short_forms; ++i)
        if (short_forms[i].letter == letter)
            return short_forms[i].flag;
    return NULL;
}

char ofr_cli_flag_letter(const char *flag)
{
    for (size_t i = 0; i < sizeof short_forms / sizeof *short_forms; ++i)
        if (strcmp(short_forms[i].flag, flag) == 0)
            return short_forms[i].letter;
    return '\0';
}

static const struct offramp_option *find_flag(const struct ofr_cli_parse *parse, const char *name,
                                              size_t size)
{
    for (uint32_t i = 0; i < parse->option_count; ++i) {
        char flag[FLAG_SIZE];
        dashed(flag, parse->options[i].name);
        if (strlen(flag) == size && memcmp(flag, name, size) == 0)
            return &parse->options[i];
    }
    return NULL;
}

static int unknown_flag(const struct ofr_cli_parse *parse, const char *name, size_t size,
                        struct ofr_error *err)
{
    char found[FLAG_SIZE], flag[MOST_FLAGS][FLAG_SIZE];
    const char *known[MOST_FLAGS + 1] = {NULL};
    snprintf(found, sizeof found, "%.*s", (int)size, name);
    for (uint32_t i = 0; i < parse->option_count; ++i) {
        dashed(flag[i], parse->options[i].name);
        known[i] = flag[i];
    }
    const char *near = ofr_nearest(found, known);
    if (near)
        return ofr_fail(err, OFR_E_USAGE, "unknown flag --%s, did you mean --%s?", found, near);
    return ofr_fail(err, OFR_E_USAGE, "unknown flag --%s, see --help", found);
}

struct cursor {
    int argc;
    char **argv;
    int at;
    bool given[MOST_FLAGS];
};

static int set_flag(struct ofr_cli_parse *parse, struct cursor *cursor, const struct offramp_option *option,
                    const char *text, struct ofr_error *err)
{
    size_t row = (size_t)(option - parse->options);
    char where[FLAG_SIZE + 4] = "--";
    dashed(where + 2, option->name);
    if (cursor->given[row] && !is_list(option))
        return ofr_fail(err, OFR_E_USAGE, "%s is given twice", where);
    if (!cursor->given[row] && is_list(option))
        *(uint32_t *)((char *)parse->values + option->offset) = 0;
    cursor->given[row] = true;
    int rc = ofr_option_parse(option, text, parse->values, "command line", err);
    if (rc == OFR_E_INPUT && err)
        err->code = OFR_E_USAGE;
    return rc;
}

/* The value of a flag: after '=', or the next argument. */
static const char *value_of(struct cursor *cursor, const char *equals)
{
    if (equals)
        return equals + 1;
    return cursor->at + 1 < cursor->argc ? cursor->argv[++cursor->at] : NULL;
}

/* The row a long flag names; *off when it was written --no-NAME. */
static const struct offramp_option *named_row(const struct ofr_cli_parse *parse, const char *name,
                                              size_t size, bool *off)
{
    const struct offramp_option *option = find_flag(parse, name, size);
    *off = false;
    if (option || size <= 3 || memcmp(name, "no-", 3) != 0)
        return option;
    option = find_flag(parse, name + 3, size - 3);
    *off = option && option->type == OFFRAMP_OPT_BOOL;
    return *off ? option : NULL;
}

static int long_flag(struct ofr_cli_parse *parse, struct cursor *cursor, const char *name,
                     struct ofr_error *err)
{
    const char *equals = strchr(name, '=');
    size_t size = equals ? (size_t)(equals - name) : strlen(name);
    bool off;
    const struct offramp_option *option = named_row(parse, name, size, &off);
    if (!option)
        return unknown_flag(parse, name, size, err);
    if (off && equals)
        return ofr_fail(err, OFR_E_USAGE, "--%.*s takes no value", (int)size, name);
    if (option->type == OFFRAMP_OPT_BOOL && !equals)
        return set_flag(parse, cursor, option, off ? "false" : "true", err);
    const char *text = value_of(cursor, equals);
    if (!text)
        return ofr_fail(err, OFR_E_USAGE, "--%.*s needs a value: %s", (int)size, name, option->help);
    return set_flag(parse, cursor, option, text, err);
}

/* `-o FILE` or `-oFILE`. */
static int short_flag(struct ofr_cli_parse *parse, struct cursor *cursor, const char *argument,
                      struct ofr_error *err)
{
    const char *name = long_of(argument[1]);
    const struct offramp_option *option = name ? find_flag(parse, name, strlen(name)) : NULL;
    if (!option) {
        bool off;
        size_t size = strcspn(argument + 1, "=");
        const char *hint =
            named_row(parse, argument + 1, size, &off) ? ", did you mean two dashes?" : ", see --help";
        return ofr_fail(err, OFR_E_USAGE, "unknown flag %.60s%s", argument, hint);
    }
    return argument[2] ? set_flag(parse, cursor, option, argument + 2, err)
                       : long_flag(parse, cursor, name, err);
}

static int take_argument(struct ofr_cli_parse *parse, struct cursor *cursor, bool *flags_over,
                         struct ofr_error *err)
{
    const char *argument = cursor->argv[cursor->at];
    if (!*flags_over && strcmp(argument, "--") == 0) {
        *flags_over = true;
        return 0;
    }
    if (!*flags_over && strncmp(argument, "--", 2) == 0)
        return long_flag(parse, cursor, argument + 2, err);
    if (!*flags_over && argument[0] == '-' && argument[1])
        return short_flag(parse, cursor, argument, err);
    if (parse->positionals == OFR_CLI_MOST_POSITIONALS)
        return ofr_fail(err, OFR_E_USAGE, "more than %d arguments", OFR_CLI_MOST_POSITIONALS);
    parse->positional[parse->positionals++] = argument;
    return 0;
}

static int fill_defaults(struct ofr_cli_parse *parse, const struct cursor *cursor, struct ofr_error *err)
{
    for (uint32_t i = 0; i < parse->option_count; ++i) {
        const struct offramp_option *option = &parse->options[i];
        char flag[FLAG_SIZE];
        if (cursor->given[i] || (option->fallback && is_list(option)))
            continue;
        dashed(flag, option->name);
        if (!option->fallback)
            return ofr_fail(err, OFR_E_USAGE, "--%s is missing: %s", flag, option->help);
        if (ofr_option_parse(option, option->fallback, parse->values, NULL, err))
            return ofr_fail(err, OFR_E_BUG, "default of --%s is bad", flag);
    }
    return 0;
}

int ofr_cli_parse(struct ofr_cli_parse *parse, int argc, char **argv, struct ofr_error *err)
{
    struct cursor cursor = {.argc = argc, .argv = argv};
    bool flags_over = false;
    if (parse->option_count > MOST_FLAGS)
        return ofr_fail(err, OFR_E_BUG, "a verb has more than %d flags", MOST_FLAGS);
    parse->positionals = 0;
    if (parse->values)
        memset(parse->values, 0, parse->options_size);
    for (; cursor.at < argc; ++cursor.at) {
        int rc = take_argument(parse, &cursor, &flags_over, err);
        if (rc)
            return rc;
    }
    return fill_defaults(parse, &cursor, err);
}

/* ---- help ---- */

static void help_flag(FILE *out, const struct offramp_option *option)
{
    char flag[FLAG_SIZE], left[FLAG_SIZE + 24], short_form[8] = "";
    dashed(flag, option->name);
    if (ofr_cli_flag_letter(flag))
        snprintf(short_form, sizeof short_form, "-%c, ", ofr_cli_flag_letter(flag));
    snprintf(left, sizeof left, "%s--%s%s", short_form, flag,
             option->type == OFFRAMP_OPT_BOOL ? "" : " VALUE");
    fprintf(out, "  %-26s %s", left, option->help);
    if (option->type == OFFRAMP_OPT_CHOICE) {
        fputs(" (", out);
        for (int i = 0; option->choices[i]; ++i)
            fprintf(out, "%s%s", i ? " | " : "", option->choices[i]);
        fputc(')', out);
    }
    if (!option->fallback)
        fputs(" [required]", out);
    else if (*option->fallback && option->type != OFFRAMP_OPT_BOOL && strcmp(option->fallback, "[]") != 0)
        fprintf(out, " [%s]", option->fallback);
    fputc('\n', out);
}

void ofr_cli_help(FILE *out, const char *path, const struct ofr_cli_verb *verb)
{
    fprintf(out, "offramp %s: %s\n\n", path, verb->help);
    if (verb->sub) {
        for (const struct ofr_cli_verb *const *sub = verb->sub; *sub; ++sub)
            fprintf(out, "  offramp %s %-10s %s\n", path, (*sub)->name, (*sub)->help);
        if (!verb->run)
            return;
        fputc('\n', out);
    }
    fprintf(out, "usage: offramp %s %s%s\n", path, verb->option_count ? "[flags] " : "", verb->usage);
    if (verb->option_count)
        fputc('\n', out);
    for (uint32_t i = 0; i < verb->option_count; ++i)
        help_flag(out, &verb->options[i]);
}

static void help_all(FILE *out)
{
    fputs("offramp: simulate and replay early-exit model serving\n\n", out);
    for (const struct ofr_cli_verb *const *verb = ofr_cli_verbs; *verb; ++verb)
        fprintf(out, "  offramp %-10s %s\n", (*verb)->name, (*verb)->help);
    fputs("\n`offramp VERB --help` explains a verb; results go to stdout, everything else to stderr\n"
          "exit status: 0 fine, 1 a gate failed, 2 usage or bad input, 3 the machine failed, 70 internal "
          "error\n",
          out);
}

/* ---- dispatch ---- */

static const struct ofr_cli_verb *find_verb(const struct ofr_cli_verb *const *table, const char *name)
{
    for (; *table; ++table)
        if (strcmp((*table)->name, name) == 0)
            return *table;
    return NULL;
}

static int unknown_verb(const struct ofr_cli_verb *const *table, const char *path, const char *name,
                        struct ofr_error *err)
{
    enum {
        MOST_VERBS = 64
    };
    const char *known[MOST_VERBS + 1] = {NULL};
    char list[OFR_ERROR_TEXT / 2] = "";
    size_t used = 0;
    for (size_t i = 0; table[i] && i < MOST_VERBS; ++i) {
        known[i] = table[i]->name;
        if (used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, " %s", known[i]);
    }
    const char *near = ofr_nearest(name, known);
    if (near)
        return ofr_fail(err, OFR_E_USAGE, "there is no '%s%.60s', did you mean '%s%s'?", path, name, path,
                        near);
    return ofr_fail(err, OFR_E_USAGE, "there is no '%s%.60s', expected one of:%s", path, name, list);
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; ++i)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

/* One argument as a shell reads it back. */
static void write_quoted(FILE *out, const char *argument)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-=:,+@%";
    if (*argument && strspn(argument, plain) == strlen(argument)) {
        fputs(argument, out);
        return;
    }
    fputc('\'', out);
    for (; *argument; ++argument) {
        if (*argument == '\'')
            fputs("'\\''", out);
        else
            fputc(*argument, out);
    }
    fputc('\'', out);
}

/* The command line as files keep it: without the folder its program lies in, for they are read elsewhere. Owned; NULL when
 * out of memory. */
static char *join(int argc, char **argv)
{
    char *line = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&line, &size);
    if (!out)
        return NULL;
    for (int i = 0; i < argc; ++i) {
        const char *folder = i == 0 ? strrchr(argv[0], '/') : NULL;
        if (i)
            fputc(' ', out);
        write_quoted(out, folder ? folder + 1 : argv[i]);
    }
    if (fclose(out)) {
        free(line);
        return NULL;
    }
    return line;
}

static int check_count(const struct ofr_cli_verb *verb, const char *path, uint32_t count,
                       struct ofr_error *err)
{
    if (count >= verb->least && count <= verb->most)
        return 0;
    return ofr_fail(err, OFR_E_USAGE, "%s: found %u arguments, expected %s", path, count,
                    verb->usage[0] ? verb->usage : "none");
}

struct command {
    const struct ofr_cli_verb *verb;
    char path[64];
    int argc; /* what is left */
    char **argv;
};

static int find_command(struct command *command, int argc, char **argv, struct ofr_error *err)
{
    const struct ofr_cli_verb *const *table = ofr_cli_verbs;
    char before[64] = "";
    command->verb = NULL;
    while (table && argc > 0 && argv[0][0] != '-') {
        const struct ofr_cli_verb *found = find_verb(table, argv[0]);
        if (!found && command->verb && command->verb->run)
            break; /* an argument of the verb itself */
        command->verb = found;
        if (!command->verb)
            return unknown_verb(table, before, argv[0], err);
        snprintf(command->path, sizeof command->path, "%s%s", before, argv[0]);
        snprintf(before, sizeof before, "%.60s ", command->path);
        table = command->verb->sub;
        --argc, ++argv;
    }
    command->argc = argc;
    command->argv = argv;
    return 0;
}

static int run_command(const struct command *command, char *line, FILE *out, FILE *chatter,
                       struct ofr_error *err)
{
    const struct ofr_cli_verb *verb = command->verb;
    struct ofr_cli_parse parse = {
        .options = verb->options, .option_count = verb->option_count, .options_size = verb->options_size};
    parse.values = calloc(1, verb->options_size ? verb->options_size : 1);
    int rc = parse.values && line ? 0 : ofr_fail_nomem(err, "the command line");
    if (!rc && !verb->raw)
        rc = ofr_cli_parse(&parse, command->argc, command->argv, err);
    if (!rc && !verb->raw)
        rc = check_count(verb, command->path, parse.positionals, err);
    struct ofr_cli_call call = {.verb = verb,
                                .values = parse.values,
                                .positional = parse.positional,
                                .positionals = parse.positionals,
                                .out = out,
                                .chatter = chatter,
                                .command = line,
                                .argc = command->argc,
                                .argv = command->argv};
    if (!rc)
        rc = verb->run(&call, err);
    free(parse.values);
    return rc;
}

int ofr_cli_main(int argc, char **argv, FILE *out, FILE *chatter, struct ofr_error *err)
{
    struct command command;
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        ofr_cli_version(out);
        return 0;
    }
    int rc = find_command(&command, argc - 1, argv + 1, err);
    if (rc)
        return rc;
    bool help = wants_help(command.argc, command.argv);
    if (!command.verb) {
        if (help)
            help_all(out);
        return help ? 0
                    : ofr_fail(err, OFR_E_USAGE, "found no verb, expected e.g. `offramp sim SCENARIO.yaml`");
    }
    if (help && (!command.verb->sub || command.verb->run)) {
        ofr_cli_help(out, command.path, command.verb);
        return 0;
    }
    if (command.verb->sub && !command.verb->run) {
        if (help)
            ofr_cli_help(out, command.path, command.verb);
        return help ? 0
                    : ofr_fail(err, OFR_E_USAGE, "%s: found no sub-verb, see `offramp %s --help`",
                               command.path, command.path);
    }
    char *line = join(argc, argv);
    rc = run_command(&command, line, out, chatter, err);
    free(line);
    return rc;
}
