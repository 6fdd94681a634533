/* Twitter sample stream, one message a row: timestamp_ms,kind with kind `create` or `delete`. Not in time
 * order. The kind is kept as the stream: 0 create, 1 delete.
 */
#include "traces/import/importers.h"

#include <string.h>

enum {
    KIND_CREATE,
    KIND_DELETE,
    KIND_ALL
};

static const char *const kind_choices[] = {"create", "delete", "all", NULL};

struct options {
    int32_t kind;
};

static const struct offramp_option option_rows[] = {
    {.name = "kind",
     .type = OFFRAMP_OPT_CHOICE,
     .offset = offsetof(struct options, kind),
     .fallback = "all",
     .choices = kind_choices,
     .help = "which messages to take: create, delete or all"},
};

static int take_row(struct ofr_import *import, const struct ofr_csv *csv, const int *column,
                    struct ofr_error *err)
{
    const struct options *options = import->options;
    const struct ofr_field *kind = &csv->field[column[1]];
    struct ofr_trace_row row = {0};
    char quoted[OFR_QUOTE_SIZE];
    int rc = ofr_import_time(import, csv, column[0], "a time", OFR_SCALE_MS, &row.arrival_ns, err);
    if (rc <= 0)
        return rc;
    if (strcmp(kind->text, kind_choices[KIND_CREATE]) == 0)
        row.stream = KIND_CREATE;
    else if (strcmp(kind->text, kind_choices[KIND_DELETE]) == 0)
        row.stream = KIND_DELETE;
    else
        return ofr_import_refuse(import, csv->line, kind->column, err,
                                 "found the kind %s, expected create or delete",
                                 ofr_quote(quoted, kind->text, kind->length));
    if (options->kind != KIND_ALL && (uint32_t)options->kind != row.stream) {
        ++import->quality.left_out;
        return 0;
    }
    return ofr_import_row(import, &row, csv->line, csv->field[column[0]].column, err);
}

static const char *const names[] = {"timestamp_ms", "kind", NULL};

static const struct ofr_import_table table = {
    .header = "timestamp_ms,kind",
    .name = names,
    .columns = OFR_TRACE_STREAM,
    .order = OFR_IMPORT_UNSORTED,
    .row = take_row,
};

static int run(struct ofr_import *import, struct ofr_error *err)
{
    ofr_import_note(import, "stream: 0 create, 1 delete");
    return ofr_import_table_read(import, &table, err);
}

const struct ofr_importer ofr_importer_twitter_arrivals = {
    .component = {.name = "twitter-arrivals",
                  .help = "times of messages: timestamp_ms,kind",
                  .options = option_rows,
                  .option_count = sizeof option_rows / sizeof option_rows[0],
                  .options_size = sizeof(struct options)},
    .run = run,
};
