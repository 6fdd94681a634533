#include "traces/table_print.h"

#include "traces/recording.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static void print_real(FILE *out, double value, int digits, enum ofr_print_format format)
{
    if (format == OFR_PRINT_JSON && !isfinite(value))
        fputs("null", out);
    else
        fprintf(out, "%.*g", digits, value);
}

static uint64_t load(const void *values, size_t k, size_t bytes)
{
    uint64_t value = 0;
    memcpy(&value, (const unsigned char *)values + k * bytes, bytes); /* little-endian */
    return value;
}

static double load_real(enum ofr_type type, const void *values, size_t k)
{
    double wide;
    float narrow;
    if (type == OFR_TYPE_F16)
        return (double)ofr_half_to_float((uint16_t)load(values, k, 2));
    if (type == OFR_TYPE_F32) {
        memcpy(&narrow, (const unsigned char *)values + k * sizeof narrow, sizeof narrow);
        return (double)narrow;
    }
    memcpy(&wide, (const unsigned char *)values + k * sizeof wide, sizeof wide);
    return wide;
}

void ofr_value_print(FILE *out, enum ofr_type type, const void *values, size_t k,
                     enum ofr_print_format format)
{
    const struct ofr_column single = {.type = type, .width = 1};
    switch (type) {
    case OFR_TYPE_F16:
    case OFR_TYPE_F32:
        print_real(out, load_real(type, values, k), 9, format);
        break;
    case OFR_TYPE_F64:
        print_real(out, load_real(type, values, k), 17, format);
        break;
    case OFR_TYPE_I64:
        fprintf(out, "%" PRId64, (int64_t)load(values, k, 8));
        break;
    default:
        fprintf(out, "%" PRIu64, load(values, k, ofr_column_bytes(&single)));
        break;
    }
}

void ofr_json_text_print(FILE *out, const char *text, size_t size)
{
    fputc('"', out);
    for (size_t i = 0; i < size && text[i]; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20)
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

void ofr_csv_text_print(FILE *out, const char *text, size_t size)
{
    fputc('"', out);
    for (size_t i = 0; i < size && text[i]; i++) {
        if (text[i] == '"')
            fputc('"', out);
        fputc(text[i], out);
    }
    fputc('"', out);
}

struct printer {
    FILE *out;
    const struct ofr_table *table;
    enum ofr_print_format format;
    uint64_t rows, limit;
};

static void print_csv_header(const struct printer *printer)
{
    for (uint32_t c = 0; c < printer->table->columns; c++) {
        const struct ofr_column *column = &printer->table->column[c];
        bool list = column->width > 1 && column->type != OFR_TYPE_TEXT;
        for (uint32_t k = 0; k < (list ? column->width : 1); k++) {
            fprintf(printer->out, "%s%s", c || k ? "," : "", column->name);
            if (list)
                fprintf(printer->out, ".%" PRIu32, k);
        }
    }
    fputc('\n', printer->out);
}

/* Values of one column in one row, separated by commas. */
static void print_cell(const struct printer *printer, const struct ofr_column *column, const void *values,
                       uint32_t row)
{
    if (column->type == OFR_TYPE_TEXT) {
        const char *text = (const char *)values + (size_t)row * column->width;
        if (printer->format == OFR_PRINT_CSV)
            ofr_csv_text_print(printer->out, text, column->width);
        else
            ofr_json_text_print(printer->out, text, column->width);
        return;
    }
    for (uint32_t k = 0; k < column->width; k++) {
        if (k)
            fputc(',', printer->out);
        ofr_value_print(printer->out, column->type, values, (size_t)row * column->width + k, printer->format);
    }
}

static void print_csv_row(const struct printer *printer, const struct ofr_chunk *chunk, uint32_t row)
{
    for (uint32_t c = 0; c < printer->table->columns; c++) {
        if (c)
            fputc(',', printer->out);
        print_cell(printer, &printer->table->column[c], chunk->column[c], row);
    }
    fputc('\n', printer->out);
}

static void print_json_row(const struct printer *printer, const struct ofr_chunk *chunk, uint32_t row)
{
    fputs(printer->rows ? ",\n{" : "\n{", printer->out);
    for (uint32_t c = 0; c < printer->table->columns; c++) {
        const struct ofr_column *column = &printer->table->column[c];
        bool list = column->width > 1 && column->type != OFR_TYPE_TEXT;
        fputs(c ? "," : "", printer->out);
        ofr_json_text_print(printer->out, column->name, sizeof column->name);
        fputs(list ? ":[" : ":", printer->out);
        print_cell(printer, column, chunk->column[c], row);
        fputs(list ? "]" : "", printer->out);
    }
    fputc('}', printer->out);
}

static void print_chunk(struct printer *printer, const struct ofr_chunk *chunk)
{
    for (uint32_t i = 0; i < chunk->rows && printer->rows < printer->limit; i++, printer->rows++)
        if (printer->format == OFR_PRINT_CSV)
            print_csv_row(printer, chunk, i);
        else
            print_json_row(printer, chunk, i);
}

static int print_rows(struct printer *printer, struct ofr_container_reader *file, uint32_t table,
                      struct ofr_error *err)
{
    struct ofr_chunk chunk;
    int rc = 1;
    if (printer->format == OFR_PRINT_CSV)
        print_csv_header(printer);
    else
        fputc('[', printer->out);
    while (printer->rows < printer->limit && !ferror(printer->out) &&
           (rc = ofr_container_next(file, &chunk, err)) == 1)
        if (chunk.table == table)
            print_chunk(printer, &chunk);
    if (printer->format == OFR_PRINT_JSON)
        fputs(printer->rows ? "\n]\n" : "]\n", printer->out);
    if (rc < 0)
        return rc;
    return fflush(printer->out) || ferror(printer->out) ? ofr_fail_errno(err, "cannot write", "the output")
                                                        : OFR_OK;
}

int ofr_table_print(FILE *out, const char *path, enum ofr_file_kind kind, const char *table,
                    enum ofr_print_format format, uint64_t limit, bool *partial, struct ofr_error *err)
{
    struct ofr_container_reader *file;
    *partial = false;
    int rc = ofr_container_open(&file, path, kind, err);
    if (rc)
        return rc;
    const struct ofr_file_head *head = ofr_container_head(file);
    int index = table ? ofr_head_find(head, table) : 0;
    if (index < 0) {
        rc = ofr_fail(err, OFR_E_USAGE, "%s: has no table %s, its first is %s", path, table,
                      head->table[0].name);
    } else {
        struct printer printer = {.out = out, .table = &head->table[index], .format = format, .limit = limit};
        rc = print_rows(&printer, file, (uint32_t)index, err);
        *partial = ofr_container_partial(file);
    }
    ofr_container_close(file);
    return rc;
}
