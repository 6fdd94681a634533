/* Azure LLM inference traces (2023 and later): one request a row, wall clock of the arrival, tokens in and
 * out. Found in time order.
 */
#include "traces/import/importers.h"

static int take_row(struct ofr_import *import, const struct ofr_csv *csv, const int *column,
                    struct ofr_error *err)
{
    struct ofr_trace_row row = {0};
    int rc = ofr_import_datetime(import, csv, column[0], &row.arrival_ns, err);
    if (rc > 0)
        rc = ofr_import_count(import, csv, column[1], "a token count", &row.prompt_tokens, err);
    if (rc > 0)
        rc = ofr_import_count(import, csv, column[2], "a token count", &row.output_tokens, err);
    if (rc <= 0)
        return rc;
    return ofr_import_row(import, &row, csv->line, csv->field[column[0]].column, err);
}

static const char *const names[] = {"TIMESTAMP", "ContextTokens", "GeneratedTokens", NULL};

static const struct ofr_import_table table = {
    .header = "TIMESTAMP,ContextTokens,GeneratedTokens",
    .name = names,
    .columns = OFR_TRACE_PROMPT | OFR_TRACE_OUTPUT,
    .order = OFR_IMPORT_SORTED,
    .row = take_row,
};

static int run(struct ofr_import *import, struct ofr_error *err)
{
    return ofr_import_table_read(import, &table, err);
}

const struct ofr_importer ofr_importer_azure_llm = {
    .component = {.name = "azure-llm",
                  .help = "Azure LLM inference trace: TIMESTAMP,ContextTokens,GeneratedTokens"},
    .run = run,
};
