/* Azure Functions invocation trace 2021: one invocation a row, in seconds; the row tells when it ended and
 * how long it took, so the arrival is the difference. Not in time order. An invocation may have begun before
 * the trace did.
 */
#include "traces/import/importers.h"

enum {
    APP,
    FUNC,
    END,
    DURATION
};

static int take_row(struct ofr_import *import, const struct ofr_csv *csv, const int *column,
                    struct ofr_error *err)
{
    struct ofr_trace_row row = {0};
    int64_t end_ns = 0;
    int rc = ofr_import_time(import, csv, column[END], "an end time", OFR_SCALE_S, &end_ns, err);
    if (rc > 0)
        rc = ofr_import_time(import, csv, column[DURATION], "a duration", OFR_SCALE_S, &row.duration_ns, err);
    if (rc <= 0)
        return rc;
    row.arrival_ns = end_ns - row.duration_ns;
    return ofr_import_row(import, &row, csv->line, csv->field[column[END]].column, err);
}

static const char *const names[] = {"app", "func", "end_timestamp", "duration", NULL};

static const struct ofr_import_table table = {
    .header = "app,func,end_timestamp,duration",
    .name = names,
    .columns = OFR_TRACE_DURATION,
    .order = OFR_IMPORT_UNSORTED,
    .row = take_row,
};

static int run(struct ofr_import *import, struct ofr_error *err)
{
    ofr_import_note(import, "arrival = end - duration");
    return ofr_import_table_read(import, &table, err);
}

const struct ofr_importer ofr_importer_azure_functions_2021 = {
    .component = {.name = "azure-functions-2021",
                  .help = "Azure Functions invocation trace 2021: app,func,end_timestamp,duration"},
    .run = run,
};
