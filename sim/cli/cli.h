/* The command line: verbs and their flags are rows of tables, read by one parser.
 *
 *   offramp VERB [SUB] [--flag value | --flag=value | --flag | --no-flag | -x value | -xvalue] ... POSITIONAL ... [--]
 *
 * A flag is a `struct offramp_option` row of the verb: the same types, units and range checks as in scenario files;
 * underscores in the row's name are dashes on the command line. Flags of a list type may be repeated.
 */
#ifndef OFR_CLI_CLI_H
#define OFR_CLI_CLI_H

#include "sim/base/component.h"
#include "sim/base/error.h"

#include <stdio.h>

enum {
    OFR_CLI_MOST_POSITIONALS = 64,
    OFR_CLI_FLAG_SIZE = 64
};

struct ofr_cli_verb;

/* One parsed command. Everything is borrowed for the call. */
struct ofr_cli_call {
    const struct ofr_cli_verb *verb;
    const void *values;            /* the verb's option struct, filled */
    const char *const *positional; /* [positionals] */
    uint32_t positionals;
    FILE *out;           /* results */
    FILE *chatter;       /* everything else */
    const char *command; /* the line as typed, quoted for a shell, for provenance */
    int argc;            /* arguments after the verb, for verbs that parse them themselves (`raw`) */
    char **argv;
};

struct ofr_cli_verb {
    const char *name;
    const char *help;     /* one line */
    const char *usage;    /* positional arguments, e.g. "SCENARIO.yaml"; "" = none */
    uint32_t least, most; /* positional arguments */
    const struct offramp_option *options;
    uint32_t option_count;
    size_t options_size;
    bool raw; /* `run` parses call->argv itself; options here are only for --help */
    const struct ofr_cli_verb *const
        *sub; /* NULL-terminated sub-verbs; `run`, if any, is for other arguments */
    int (*run)(const struct ofr_cli_call *call, struct ofr_error *err);
};

/* Every verb, NULL-terminated (verbs.c). */
extern const struct ofr_cli_verb *const ofr_cli_verbs[];

/* Parses and runs. Returns 0 or an error; `out` and `chatter` are usually stdout and stderr. */
int ofr_cli_main(int argc, char **argv, FILE *out, FILE *chatter, struct ofr_error *err);

/* Help of a verb: usage, flags, sub-verbs. `path` is how it is called, e.g. "trace import". */
void ofr_cli_help(FILE *out, const char *path, const struct ofr_cli_verb *verb);
/* How a row is written on the command line, without its dashes: "max-lateness". `out` has OFR_CLI_FLAG_SIZE bytes. */
void ofr_cli_flag_name(char *out, const struct offramp_option *option);
/* The one-letter form of a flag, e.g. 'o' of "out"; '\0' = it has none. */
char ofr_cli_flag_letter(const char *flag);
/* Parses arguments against a table: fills `values`, collects positionals. For sub-tables chosen late (importers). */
struct ofr_cli_parse {
    const struct offramp_option *options;
    uint32_t option_count;
    void *values;
    size_t options_size;
    const char *positional[OFR_CLI_MOST_POSITIONALS];
    uint32_t positionals;
};
int ofr_cli_parse(struct ofr_cli_parse *parse, int argc, char **argv, struct ofr_error *err);

/* Every verb with its flags, and every part with its options, as one JSON object. */
int ofr_cli_spec(FILE *out, struct ofr_error *err);

#endif
