/* Azure Functions trace 2019: one function a row, one minute a column, invocations in that minute.
 *
 * Columns are told by their names, so both the original (HashOwner,HashApp,HashFunction,Trigger,1,2,...) and
 * the samples of the invitro loader (HashFunction,...,1_minute,... or minute_1,...) are taken, whole days or
 * parts of one. Time 0 is the start of the first minute column. One series of counts is kept for the sum, or
 * for one function, or one for each function (per_function).
 */
#include "traces/import/bins.h"
#include "traces/import/importers.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_NS (60 * INT64_C(1000000000))

enum {
    CELLS_MAX = 1 << 28,   /* counts held for per_function (1 GiB) */
    MINUTES_MAX = 1 << 20, /* columns; two years */
};

struct options {
    int32_t within_bin;
    uint64_t seed;
    char function[OFFRAMP_TEXT_SIZE];
    uint8_t per_function;
};

static const struct offramp_option option_rows[] = {
    OFR_BINS_OPTIONS(struct options),
    {.name = "function",
     .type = OFFRAMP_OPT_TEXT,
     .offset = offsetof(struct options, function),
     .fallback = "",
     .help =
         "one function: its HashFunction, or row:N for the N-th row after the header; default: all, summed"},
    {.name = "per_function",
     .type = OFFRAMP_OPT_BOOL,
     .offset = offsetof(struct options, per_function),
     .fallback = "false",
     .help = "draw the arrivals of each function by itself and keep its row number as the stream"},
};

/* Counts of one function, or of all together. */
struct series {
    uint32_t row;    /* 1-based; 0 for the sum */
    uint32_t *count; /* owned; [minutes] */
    struct ofr_random random;
};

struct table {
    struct ofr_import *import;
    const struct options *options;
    uint64_t wanted_row; /* of row:N; 0 = none */
    int function_column, minute_column;
    size_t minutes;
    uint32_t row; /* records after the header so far, refused ones too */
    uint32_t taken;
    uint32_t *cell;        /* owned; [minutes] of the record at hand */
    struct series *series; /* owned; [count] */
    size_t count, capacity;
    struct ofr_bins bins;
    struct ofr_trace_row *arrival; /* owned; of one minute, all series */
    size_t arrivals, arrival_capacity;
};

/* Number of a minute column: `N`, `N_minute` or `minute_N`; -1 for other names. */
static int64_t minute_of(const struct ofr_field *field)
{
    const char *at = field->text;
    size_t length = field->length;
    uint64_t minute = 0;
    if (length > 7 && strncmp(at, "minute_", 7) == 0) {
        at += 7;
        length -= 7;
    } else if (length > 7 && strcmp(at + length - 7, "_minute") == 0) {
        length -= 7;
    }
    if (length == 0 || length > 9 || strspn(at, "0123456789") < length)
        return -1;
    return ofr_number_count(at, length, INT32_MAX, &minute) == OFR_NUMBER_OK ? (int64_t)minute : -1;
}

static bool is_label(const char *name)
{
    return strcmp(name, "HashOwner") == 0 || strcmp(name, "HashApp") == 0 ||
           strcmp(name, "HashFunction") == 0 || strcmp(name, "Trigger") == 0;
}

/* Every column from the first minute on has to be the minute after the one before. */
static int check_minutes(struct table *table, const struct ofr_csv *csv, struct ofr_error *err)
{
    int64_t first = 0;
    for (size_t i = (size_t)table->minute_column; i < csv->header_count; ++i) {
        const struct ofr_field *field = &csv->field[i];
        int64_t minute = minute_of(field);
        char quoted[OFR_QUOTE_SIZE];
        if (i == (size_t)table->minute_column)
            first = minute;
        if (minute < 0 || minute != first + (int64_t)(i - (size_t)table->minute_column))
            return ofr_fail_at(err, OFR_E_INPUT, table->import->path, ofr_text_place(csv->line),
                               field->column, "found the column %s, expected minute %" PRId64,
                               ofr_quote(quoted, field->text, field->length),
                               first + (int64_t)(i - (size_t)table->minute_column));
    }
    table->minutes = csv->header_count - (size_t)table->minute_column;
    if (table->minutes > MINUTES_MAX)
        return ofr_fail_at(err, OFR_E_INPUT, table->import->path, ofr_text_place(csv->line), 0,
                           "found %zu minute columns, expected at most %d", table->minutes, MINUTES_MAX);
    return 0;
}

static int read_header(struct table *table, struct ofr_csv *csv, struct ofr_error *err)
{
    int rc = ofr_csv_header(csv, "HashOwner,HashApp,HashFunction[,Trigger],1,2,...", err);
    if (rc == 0)
        rc = ofr_csv_require(csv, "HashFunction", &table->function_column, err);
    if (rc)
        return rc;
    size_t i = 0;
    while (i < csv->header_count && is_label(csv->field[i].text))
        ++i;
    if (i == csv->header_count || minute_of(&csv->field[i]) < 0)
        return ofr_fail_at(err, OFR_E_INPUT, table->import->path, ofr_text_place(csv->line),
                           i < csv->header_count ? csv->field[i].column : 0,
                           "found no minute column here, expected 1, 1_minute or minute_1 after the hashes");
    table->minute_column = (int)i;
    if (table->function_column > table->minute_column)
        return ofr_fail_at(err, OFR_E_INPUT, table->import->path, ofr_text_place(csv->line), 0,
                           "found HashFunction after the minutes, expected it before them");
    return check_minutes(table, csv, err);
}

static int add_series(struct table *table, uint32_t row, struct ofr_error *err)
{
    if ((table->count + 1) * table->minutes > CELLS_MAX)
        return ofr_fail(err, OFR_E_INPUT,
                        "%s: found more than %d counts (functions times minutes), expected fewer with "
                        "per_function; choose one function, or their sum",
                        table->import->path, CELLS_MAX);
    if (table->count == table->capacity) {
        size_t capacity = table->capacity ? table->capacity * 2 : 16;
        struct series *series = realloc(table->series, capacity * sizeof *series);
        if (!series)
            return ofr_fail_nomem(err, "the functions");
        table->series = series;
        table->capacity = capacity;
    }
    struct series *series = &table->series[table->count];
    *series = (struct series){.row = row, .count = calloc(table->minutes, sizeof *series->count)};
    if (!series->count)
        return ofr_fail_nomem(err, "the counts of a function");
    ofr_random_init(&series->random, table->options->seed, OFR_RANDOM_WORKLOAD, row);
    ++table->count;
    return 0;
}

/* The counts of the record at hand. 1 = taken, 0 = refused, negative = error. */
static int read_cells(struct table *table, const struct ofr_csv *csv, struct ofr_error *err)
{
    for (size_t i = 0; i < table->minutes; ++i) {
        int rc = ofr_import_count(table->import, csv, table->minute_column + (int)i, "a count",
                                  &table->cell[i], err);
        if (rc <= 0)
            return rc;
    }
    return 1;
}

static int add_cells(struct table *table, struct series *series, const struct ofr_csv *csv,
                     struct ofr_error *err)
{
    for (size_t i = 0; i < table->minutes; ++i) {
        uint64_t sum = (uint64_t)series->count[i] + table->cell[i];
        if (sum > OFR_BIN_COUNT_MAX)
            return ofr_fail_at(err, OFR_E_INPUT, table->import->path, ofr_text_place(csv->line),
                               csv->field[(size_t)table->minute_column + i].column,
                               "found %" PRIu64 " invocations in one minute, expected at most %d", sum,
                               OFR_BIN_COUNT_MAX);
        series->count[i] = (uint32_t)sum;
    }
    return 0;
}

static bool is_wanted(const struct table *table, const struct ofr_csv *csv)
{
    if (table->wanted_row > 0)
        return table->row == table->wanted_row;
    return table->options->function[0] == '\0' ||
           strcmp(csv->field[table->function_column].text, table->options->function) == 0;
}

static int take_record(struct table *table, const struct ofr_csv *csv, struct ofr_error *err)
{
    bool summed = table->options->function[0] == '\0' && !table->options->per_function;
    bool one = table->options->function[0] != '\0';
    if (!is_wanted(table, csv)) {
        ++table->import->quality.left_out;
        return 0;
    }
    int rc = read_cells(table, csv, err);
    if (rc <= 0)
        return rc;
    ++table->taken;
    if (one && table->count > 0)
        return ofr_fail_at(
            err, OFR_E_INPUT, table->import->path, ofr_text_place(csv->line), 0,
            "found the function a second time, first in row %u, expected it once; choose it by "
            "row:%u or row:%u",
            table->series[0].row, table->series[0].row, table->row);
    if (!summed || table->count == 0)
        if ((rc = add_series(table, summed ? 0 : table->row, err)) != 0)
            return rc;
    return add_cells(table, &table->series[table->count - 1], csv, err);
}

static int read_table(struct table *table, struct ofr_csv *csv, struct ofr_error *err)
{
    int rc = read_header(table, csv, err);
    if (rc)
        return rc;
    table->cell = malloc(table->minutes * sizeof *table->cell);
    if (!table->cell)
        return ofr_fail_nomem(err, "a row of counts");
    uint64_t refused = table->import->quality.refused;
    while ((rc = ofr_import_record(table->import, csv, err)) > 0) {
        /* a row refused for its width still has its number */
        table->row += 1 + (uint32_t)(table->import->quality.refused - refused);
        if ((rc = take_record(table, csv, err)) < 0)
            return rc;
        refused = table->import->quality.refused;
    }
    if (rc == 0 && table->count == 0 && table->options->function[0] != '\0' && table->row > 0)
        return ofr_fail(err, OFR_E_INPUT, "%s: found no function '%.80s' in %u rows", table->import->path,
                        table->options->function, table->row);
    return rc;
}

static int add_arrival(struct table *table, int64_t arrival_ns, uint32_t stream, struct ofr_error *err)
{
    if (table->arrivals == table->arrival_capacity) {
        size_t capacity = table->arrival_capacity ? table->arrival_capacity * 2 : 1024;
        struct ofr_trace_row *arrival = realloc(table->arrival, capacity * sizeof *arrival);
        if (!arrival)
            return ofr_fail_nomem(err, "the arrivals of a minute");
        table->arrival = arrival;
        table->arrival_capacity = capacity;
    }
    table->arrival[table->arrivals++] = (struct ofr_trace_row){.arrival_ns = arrival_ns, .stream = stream};
    return 0;
}

static int by_time_then_row(const void *left, const void *right)
{
    const struct ofr_trace_row *a = left, *b = right;
    if (a->arrival_ns != b->arrival_ns)
        return a->arrival_ns < b->arrival_ns ? -1 : 1;
    return (a->stream > b->stream) - (a->stream < b->stream);
}

static int draw_series(struct table *table, struct series *series, size_t minute, struct ofr_error *err)
{
    int rc = ofr_bins_expand(&table->bins, series->count[minute], &series->random, err);
    for (size_t i = 0; rc == 0 && i < table->bins.count; ++i)
        rc = add_arrival(table, (int64_t)minute * MINUTE_NS + table->bins.time_ns[i], series->row, err);
    return rc;
}

static int draw_minute(struct table *table, size_t minute, struct ofr_error *err)
{
    int rc = 0;
    uint64_t invocations = 0;
    table->arrivals = 0;
    for (size_t i = 0; rc == 0 && i < table->count; ++i) {
        invocations += table->series[i].count[minute];
        if (invocations > OFR_BIN_COUNT_MAX)
            return ofr_fail(err, OFR_E_INPUT,
                            "%s: found more than %d invocations in one minute, expected fewer",
                            table->import->path, OFR_BIN_COUNT_MAX);
        rc = draw_series(table, &table->series[i], minute, err);
    }
    ++table->import->quality.bins;
    table->import->quality.empty_bins += invocations == 0;
    if (table->count > 1 && table->arrivals > 1)
        qsort(table->arrival, table->arrivals, sizeof *table->arrival, by_time_then_row);
    for (size_t i = 0; rc == 0 && i < table->arrivals; ++i)
        rc = ofr_import_row(table->import, &table->arrival[i], 0, 0, err);
    return rc;
}

static void note_choice(const struct table *table)
{
    char what[120];
    if (table->options->function[0] != '\0' && table->count == 1)
        snprintf(what, sizeof what, "row %u alone", table->series[0].row);
    else if (table->options->per_function)
        snprintf(what, sizeof what, "%zu functions, each its own stream", table->count);
    else
        snprintf(what, sizeof what, "all %u rows summed", table->taken);
    ofr_import_note(table->import, "%s; times inside a minute made up: %s, seed %" PRIu64, what,
                    ofr_within_bin_choices[table->options->within_bin], table->options->seed);
}

static int run_table(struct table *table, struct ofr_csv *csv, struct ofr_error *err)
{
    int rc = read_table(table, csv, err);
    if (rc)
        return rc;
    note_choice(table);
    rc = ofr_bins_describe(&table->bins, table->options->seed, &table->import->provenance, err);
    if (rc == 0)
        rc = ofr_import_begin(table->import, table->options->per_function ? OFR_TRACE_STREAM : 0,
                              OFR_IMPORT_SORTED, false, err);
    for (size_t minute = 0; rc == 0 && table->count > 0 && minute < table->minutes; ++minute)
        rc = draw_minute(table, minute, err);
    return rc;
}

static void release(struct table *table)
{
    for (size_t i = 0; i < table->count; ++i)
        free(table->series[i].count);
    free(table->series);
    free(table->cell);
    free(table->arrival);
    ofr_bins_release(&table->bins);
}

static int choose_row(struct table *table, struct ofr_error *err)
{
    const char *text = table->options->function;
    if (strncmp(text, "row:", 4) != 0)
        return 0;
    if (ofr_number_count(text + 4, strlen(text + 4), UINT32_MAX, &table->wanted_row) != OFR_NUMBER_OK ||
        table->wanted_row == 0)
        return ofr_fail(err, OFR_E_USAGE, "function: found '%.80s', expected row:N with N from 1", text);
    return 0;
}

static int run(struct ofr_import *import, struct ofr_error *err)
{
    const struct options *options = import->options;
    struct table table = {
        .import = import,
        .options = options,
        .bins = {.within = (enum ofr_within_bin)options->within_bin, .width_ns = MINUTE_NS}};
    struct ofr_csv csv;
    int rc = choose_row(&table, err);
    if (rc)
        return rc;
    ofr_csv_init(&csv, import->text, ',');
    rc = run_table(&table, &csv, err);
    import->quality.blank_lines = csv.blank_lines;
    ofr_csv_release(&csv);
    release(&table);
    return rc;
}

const struct ofr_importer ofr_importer_azure_functions_2019 = {
    .component = {.name = "azure-functions-2019",
                  .help = "Azure Functions trace 2019: invocations per function and minute",
                  .options = option_rows,
                  .option_count = sizeof option_rows / sizeof option_rows[0],
                  .options_size = sizeof(struct options)},
    .run = run,
};
