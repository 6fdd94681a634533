#include "sim/cli/file_verbs.h"

#include "sim/base/json.h"

#define JSON_ROW(type_name)                                                                                  \
    {                                                                                                        \
        .name = "json", .type = OFFRAMP_OPT_BOOL, .offset = offsetof(type_name, json), .fallback = "false",  \
        .help = "as JSON"                                                                                    \
    }

const struct offramp_option ofr_json_options[1] = {JSON_ROW(struct ofr_json_option)};

const struct offramp_option ofr_print_options[OFR_PRINT_OPTIONS_ALL] = {
    {.name = "csv",
     .type = OFFRAMP_OPT_BOOL,
     .offset = offsetof(struct ofr_print_options, csv),
     .fallback = "false",
     .help = "as comma-separated values (the default)"},
    JSON_ROW(struct ofr_print_options),
    {.name = "limit",
     .type = OFFRAMP_OPT_COUNT,
     .offset = offsetof(struct ofr_print_options, limit),
     .fallback = "0",
     .help = "at most so many rows; 0 = all"},
    {.name = "table",
     .type = OFFRAMP_OPT_TEXT,
     .offset = offsetof(struct ofr_print_options, table),
     .fallback = "",
     .help = "which table of the file; the first when not given"},
};

int ofr_print_choice(const struct ofr_print_options *options, enum ofr_print_format *format, uint64_t *limit,
                     struct ofr_error *err)
{
    if (options->csv && options->json)
        return ofr_fail(err, OFR_E_USAGE, "found both --csv and --json, expected one of them");
    *format = options->json ? OFR_PRINT_JSON : OFR_PRINT_CSV;
    *limit = options->limit ? options->limit : UINT64_MAX;
    return OFR_OK;
}

int ofr_print_verb(const struct ofr_cli_call *call, enum ofr_file_kind kind, struct ofr_error *err)
{
    const struct ofr_print_options *options = call->values;
    const char *path = call->positional[0];
    enum ofr_print_format format = OFR_PRINT_CSV;
    uint64_t limit = 0;
    bool partial = false;
    int rc = ofr_print_choice(options, &format, &limit, err);
    if (!rc)
        rc = ofr_table_print(call->out, path, kind, options->table[0] ? options->table : NULL, format, limit,
                             &partial, err);
    ofr_warn_partial(call, path, partial);
    return rc;
}

void ofr_warn_partial(const struct ofr_cli_call *call, const char *path, bool partial)
{
    if (partial)
        fprintf(call->chatter, "offramp: %s: the file is cut short; used its whole chunks\n", path);
}

int ofr_print_json(FILE *out, json_t *json, struct ofr_error *err)
{
    if (!json)
        return ofr_fail_nomem(err, "the output");
    int rc = ofr_json_write(out, json, err);
    json_decref(json);
    return rc;
}
