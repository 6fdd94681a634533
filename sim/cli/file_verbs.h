/* Shared by the verbs that look into files (cmd_trace.c, cmd_recording.c, cmd_profile.c, cmd_log.c). */
#ifndef OFR_CLI_FILE_VERBS_H
#define OFR_CLI_FILE_VERBS_H

#include "sim/cli/cli.h"
#include "traces/table_print.h"

#include <jansson.h>

/* Options of a verb whose only choice is `--json`. */
struct ofr_json_option {
    uint8_t json;
};
extern const struct offramp_option ofr_json_options[1];

/* Options of a verb that writes one file and has no more to choose. */
struct ofr_out_option {
    char out[OFFRAMP_TEXT_SIZE];
};

/* Options of `print`, with and without `--table`. */
struct ofr_print_options {
    uint8_t csv, json;
    uint64_t limit;
    char table[OFFRAMP_TEXT_SIZE]; /* "" = the first */
};
enum {
    OFR_PRINT_OPTIONS_ALL = 4,
    OFR_PRINT_OPTIONS_NO_TABLE = 3
};
extern const struct offramp_option ofr_print_options[OFR_PRINT_OPTIONS_ALL];

/* Format and limit the options ask for; both formats at once are OFR_E_USAGE. */
int ofr_print_choice(const struct ofr_print_options *options, enum ofr_print_format *format, uint64_t *limit,
                     struct ofr_error *err);
/* `print` of any kind of file. */
int ofr_print_verb(const struct ofr_cli_call *call, enum ofr_file_kind kind, struct ofr_error *err);
/* Tells the user that a file was cut short and its whole chunks used. */
void ofr_warn_partial(const struct ofr_cli_call *call, const char *path, bool partial);
/* Writes and releases `json` (NULL = out of memory). */
int ofr_print_json(FILE *out, json_t *json, struct ofr_error *err);

#endif
