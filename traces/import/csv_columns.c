/* Any delimiter-separated table with a header: the user says which column is what, and in which unit.
 */
#include "traces/import/importers.h"

#include <string.h>

enum {
    UNIT_DATETIME = 4
};

static const char *const time_units[] = {"s", "ms", "us", "ns", "datetime", NULL};
static const char *const duration_units[] = {"s", "ms", "us", "ns", NULL};
static const int unit_scale[] = {OFR_SCALE_S, OFR_SCALE_MS, OFR_SCALE_US, OFR_SCALE_NS};

struct options {
    char time[OFFRAMP_TEXT_SIZE];
    int32_t unit;
    char prompt[OFFRAMP_TEXT_SIZE], output[OFFRAMP_TEXT_SIZE], duration[OFFRAMP_TEXT_SIZE];
    int32_t duration_unit;
    char stream[OFFRAMP_TEXT_SIZE], delimiter[OFFRAMP_TEXT_SIZE];
    uint8_t sort;
};

#define COLUMN_ROW(member, text)                                                                             \
    {                                                                                                        \
        .name = #member, .type = OFFRAMP_OPT_TEXT, .offset = offsetof(struct options, member),               \
        .fallback = "", .help = text                                                                         \
    }

static const struct offramp_option option_rows[] = {
    {.name = "time",
     .type = OFFRAMP_OPT_TEXT,
     .offset = offsetof(struct options, time),
     .help = "column of the arrival"},
    {.name = "unit",
     .type = OFFRAMP_OPT_CHOICE,
     .offset = offsetof(struct options, unit),
     .choices = time_units,
     .help = "unit of the arrival: s, ms, us, ns or datetime (YYYY-MM-DD HH:MM:SS.fraction)"},
    COLUMN_ROW(prompt, "column of the prompt tokens"),
    COLUMN_ROW(output, "column of the output tokens"),
    COLUMN_ROW(duration, "column of the execution time"),
    {.name = "duration_unit",
     .type = OFFRAMP_OPT_CHOICE,
     .offset = offsetof(struct options, duration_unit),
     .fallback = "ms",
     .choices = duration_units,
     .help = "unit of the execution time: s, ms, us or ns"},
    COLUMN_ROW(stream, "column of the number of the request's source"),
    {.name = "delimiter",
     .type = OFFRAMP_OPT_TEXT,
     .offset = offsetof(struct options, delimiter),
     .fallback = ",",
     .help = "one character between fields, or `tab`"},
    {.name = "sort",
     .type = OFFRAMP_OPT_BOOL,
     .offset = offsetof(struct options, sort),
     .fallback = "false",
     .help = "accept rows that are not in time order, and sort them"},
};

struct columns {
    int time, prompt, output, duration, stream; /* -1 = not asked for */
};

static int take_row(struct ofr_import *import, const struct ofr_csv *csv, const struct columns *columns,
                    struct ofr_error *err)
{
    const struct options *options = import->options;
    struct ofr_trace_row row = {0};
    int rc = options->unit == UNIT_DATETIME
                 ? ofr_import_datetime(import, csv, columns->time, &row.arrival_ns, err)
                 : ofr_import_time(import, csv, columns->time, "a time", unit_scale[options->unit],
                                   &row.arrival_ns, err);
    if (rc > 0 && columns->prompt >= 0)
        rc =
            ofr_import_count_or_blank(import, csv, columns->prompt, "a token count", &row.prompt_tokens, err);
    if (rc > 0 && columns->output >= 0)
        rc =
            ofr_import_count_or_blank(import, csv, columns->output, "a token count", &row.output_tokens, err);
    if (rc > 0 && columns->duration >= 0)
        rc = ofr_import_time_or_blank(import, csv, columns->duration, "a duration",
                                      unit_scale[options->duration_unit], &row.duration_ns, err);
    if (rc > 0 && columns->stream >= 0)
        rc = ofr_import_count(import, csv, columns->stream, "a stream number", &row.stream, err);
    if (rc <= 0)
        return rc;
    return ofr_import_row(import, &row, csv->line, csv->field[columns->time].column, err);
}

static int find_columns(const struct ofr_csv *csv, const struct options *options, struct columns *columns,
                        uint32_t *present, struct ofr_error *err)
{
    struct {
        const char *name;
        int *index;
        uint32_t flag;
    } wanted[] = {
        {options->time, &columns->time, 0},
        {options->prompt, &columns->prompt, OFR_TRACE_PROMPT},
        {options->output, &columns->output, OFR_TRACE_OUTPUT},
        {options->duration, &columns->duration, OFR_TRACE_DURATION},
        {options->stream, &columns->stream, OFR_TRACE_STREAM},
    };
    *present = 0;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; ++i) {
        *wanted[i].index = -1;
        if (i > 0 && wanted[i].name[0] == '\0')
            continue;
        int rc = ofr_csv_require(csv, wanted[i].name, wanted[i].index, err);
        if (rc)
            return rc;
        *present |= wanted[i].flag;
    }
    return 0;
}

static int read_rows(struct ofr_import *import, struct ofr_csv *csv, struct ofr_error *err)
{
    const struct options *options = import->options;
    struct columns columns;
    uint32_t present = 0;
    int rc = ofr_csv_header(csv, "(names of the columns)", err);
    if (rc == 0)
        rc = find_columns(csv, options, &columns, &present, err);
    if (rc == 0)
        rc = ofr_import_begin(import, present, options->sort ? OFR_IMPORT_UNSORTED : OFR_IMPORT_SORTED, true,
                              err);
    if (rc)
        return rc;
    while ((rc = ofr_import_record(import, csv, err)) > 0)
        if ((rc = take_row(import, csv, &columns, err)) < 0)
            return rc;
    return rc;
}

static int parse_delimiter(const char *text, char *out, struct ofr_error *err)
{
    if (strcmp(text, "tab") == 0 || strcmp(text, "\\t") == 0) {
        *out = '\t';
        return 0;
    }
    if (text[0] == '\0' || text[1] != '\0' || strchr("\"\r\n", text[0]))
        return ofr_fail(err, OFR_E_USAGE, "delimiter: found '%s', expected one character or `tab`", text);
    *out = text[0];
    return 0;
}

static int run(struct ofr_import *import, struct ofr_error *err)
{
    const struct options *options = import->options;
    struct ofr_csv csv;
    char delimiter = ',';
    int rc = parse_delimiter(options->delimiter, &delimiter, err);
    if (rc)
        return rc;
    ofr_csv_init(&csv, import->text, delimiter);
    rc = read_rows(import, &csv, err);
    import->quality.blank_lines = csv.blank_lines;
    ofr_csv_release(&csv);
    return rc;
}

const struct ofr_importer ofr_importer_csv = {
    .component = {.name = "csv",
                  .help = "any table with a header: name the columns and the unit of the time",
                  .options = option_rows,
                  .option_count = sizeof option_rows / sizeof option_rows[0],
                  .options_size = sizeof(struct options)},
    .run = run,
};
