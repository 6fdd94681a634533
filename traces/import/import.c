#include "traces/import/import.h"

#include "traces/import/sink.h"

#include <stdarg.h>
#include <string.h>

int ofr_import_begin(struct ofr_import *import, uint32_t columns, enum ofr_import_order order, bool rebase,
                     struct ofr_error *err)
{
    return ofr_sink_begin(import->sink, columns, order, rebase, err);
}

int ofr_import_row(struct ofr_import *import, const struct ofr_trace_row *row, uint64_t line, int column,
                   struct ofr_error *err)
{
    int64_t ahead_ns = 0;
    int rc = ofr_sink_row(import->sink, row, &ahead_ns, err);
    if (rc <= 0)
        return rc;
    return ofr_import_refuse(import, line, column, err,
                             "found a time %.9f s before the row ahead of it, expected rows in time order",
                             (double)ahead_ns / 1e9);
}

int ofr_import_refuse(struct ofr_import *import, uint64_t line, int column, struct ofr_error *err,
                      const char *format, ...)
{
    struct ofr_quality *quality = &import->quality;
    char why[sizeof quality->refused_why];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    ofr_plain_text(why);
    if (!import->skip_bad)
        return ofr_fail_at(err, OFR_E_INPUT, import->path, ofr_text_place(line), column, "%s", why);
    if (quality->refused == 0)
        memcpy(quality->refused_why, why, sizeof why);
    if (quality->refused < OFR_REFUSED_SHOWN)
        quality->refused_line[quality->refused] = line;
    ++quality->refused;
    return 0;
}

void ofr_import_note(struct ofr_import *import, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(import->quality.note, sizeof import->quality.note, format, args);
    va_end(args);
}

int ofr_import_record(struct ofr_import *import, struct ofr_csv *csv, struct ofr_error *err)
{
    for (;;) {
        int rc = ofr_csv_next(csv, err);
        if (rc <= 0 || !csv->problem)
            return rc;
        if (csv->count != csv->header_count && csv->problem_column == 0)
            rc = ofr_import_refuse(import, csv->line, 0, err, "found %zu fields, expected %zu", csv->count,
                                   csv->header_count);
        else
            rc = ofr_import_refuse(import, csv->line, csv->problem_column, err, "%s", csv->problem);
        if (rc)
            return rc;
    }
}

static int refuse_field(struct ofr_import *import, const struct ofr_csv *csv, int column, const char *what,
                        enum ofr_number number, struct ofr_error *err)
{
    const struct ofr_field *field = &csv->field[column];
    char quoted[OFR_QUOTE_SIZE];
    return ofr_import_refuse(import, csv->line, field->column, err, "found %s (%s), expected %s",
                             ofr_quote(quoted, field->text, field->length), ofr_number_text(number), what);
}

int ofr_import_count(struct ofr_import *import, const struct ofr_csv *csv, int column, const char *what,
                     uint32_t *out, struct ofr_error *err)
{
    uint64_t value = 0;
    const struct ofr_field *field = &csv->field[column];
    enum ofr_number number = ofr_number_count(field->text, field->length, UINT32_MAX, &value);
    if (number != OFR_NUMBER_OK)
        return refuse_field(import, csv, column, what, number, err);
    *out = (uint32_t)value;
    return 1;
}

int ofr_import_time(struct ofr_import *import, const struct ofr_csv *csv, int column, const char *what,
                    int scale, int64_t *out, struct ofr_error *err)
{
    const struct ofr_field *field = &csv->field[column];
    enum ofr_number number = ofr_number_time(field->text, field->length, scale, out);
    return number == OFR_NUMBER_OK ? 1 : refuse_field(import, csv, column, what, number, err);
}

int ofr_import_datetime(struct ofr_import *import, const struct ofr_csv *csv, int column, int64_t *out,
                        struct ofr_error *err)
{
    const struct ofr_field *field = &csv->field[column];
    enum ofr_number number = ofr_number_datetime(field->text, field->length, out);
    if (number == OFR_NUMBER_OK)
        return 1;
    return refuse_field(import, csv, column, "a time YYYY-MM-DD HH:MM:SS.fraction of 1970 to 2262", number,
                        err);
}

static bool is_missing(struct ofr_import *import, const struct ofr_csv *csv, int column)
{
    if (csv->field[column].length > 0)
        return false;
    ++import->quality.missing;
    return true;
}

int ofr_import_count_or_blank(struct ofr_import *import, const struct ofr_csv *csv, int column,
                              const char *what, uint32_t *out, struct ofr_error *err)
{
    *out = 0;
    return is_missing(import, csv, column) ? 1 : ofr_import_count(import, csv, column, what, out, err);
}

int ofr_import_time_or_blank(struct ofr_import *import, const struct ofr_csv *csv, int column,
                             const char *what, int scale, int64_t *out, struct ofr_error *err)
{
    *out = 0;
    return is_missing(import, csv, column) ? 1 : ofr_import_time(import, csv, column, what, scale, out, err);
}

static int read_records(struct ofr_import *import, const struct ofr_import_table *table, struct ofr_csv *csv,
                        struct ofr_error *err)
{
    int column[OFR_TABLE_COLUMNS_MAX];
    int rc = ofr_csv_header(csv, table->header, err);
    for (int i = 0; rc == 0 && table->name[i]; ++i)
        rc = ofr_csv_require(csv, table->name[i], &column[i], err);
    if (rc == 0)
        rc = ofr_import_begin(import, table->columns, table->order, true, err);
    if (rc)
        return rc;
    while ((rc = ofr_import_record(import, csv, err)) > 0)
        if ((rc = table->row(import, csv, column, err)) < 0)
            return rc;
    return rc;
}

int ofr_import_table_read(struct ofr_import *import, const struct ofr_import_table *table,
                          struct ofr_error *err)
{
    struct ofr_csv csv;
    ofr_csv_init(&csv, import->text, ',');
    int rc = read_records(import, table, &csv, err);
    import->quality.blank_lines = csv.blank_lines;
    ofr_csv_release(&csv);
    return rc;
}
