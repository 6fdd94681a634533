#include "traces/import/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

void ofr_csv_init(struct ofr_csv *csv, struct ofr_text *text, char delimiter)
{
    *csv = (struct ofr_csv){.text = text, .delimiter = delimiter};
}

void ofr_csv_release(struct ofr_csv *csv)
{
    free(csv->field);
    csv->field = NULL;
}

/* Where the search for the end of a record stands; it goes on where it was when a line is joined, so that a
 * quote nobody closes costs one pass. */
struct scan {
    size_t at;
    bool quoted, field_start;
};

/* True when the record ends inside quotes, so that the next line belongs to it. */
static bool ends_quoted(const struct ofr_csv *csv, const struct ofr_line *line, struct scan *scan)
{
    if (scan->at == 0 && !memchr(line->text, '"', line->length))
        return false;
    for (; scan->at < line->length; ++scan->at) {
        char c = line->text[scan->at];
        if (scan->quoted) {
            scan->quoted = c != '"'; /* the second of a doubled quote opens again below */
            scan->field_start = !scan->quoted;
        } else if (c == '"' && scan->field_start) {
            scan->quoted = true;
        } else {
            scan->field_start = c == csv->delimiter || (scan->field_start && is_space(c));
        }
    }
    return scan->quoted;
}

static int add_field(struct ofr_csv *csv, char *text, size_t length, const char *line, struct ofr_error *err)
{
    if (csv->count == csv->capacity) {
        size_t capacity = csv->capacity ? csv->capacity * 2 : 64;
        struct ofr_field *field = realloc(csv->field, capacity * sizeof *field);
        if (!field)
            return ofr_fail_nomem(err, "fields");
        csv->field = field;
        csv->capacity = capacity;
    }
    csv->field[csv->count++] = (struct ofr_field){
        .text = text, .length = length, .column = ofr_text_place((uint64_t)(text - line) + 1)};
    return 0;
}

static void complain(struct ofr_csv *csv, const char *problem, int column)
{
    if (csv->problem)
        return;
    csv->problem = problem;
    csv->problem_column = column;
}

/* Field in quotes at `at` (on the opening quote), unquoted in place. Returns where the scan goes on. */
static char *quoted_field(struct ofr_csv *csv, const char *line, char *at, char *end, size_t *length)
{
    char *to = at, *from = at + 1;
    for (; from < end; ++from) {
        if (*from == '"') {
            if (from + 1 == end || from[1] != '"')
                break;
            ++from;
        }
        *to++ = *from;
    }
    *length = (size_t)(to - at);
    if (from == end)
        complain(csv, "found a quote that is never closed", ofr_text_place((uint64_t)(at - line) + 1));
    else
        ++from;
    while (from < end && is_space(*from) && *from != csv->delimiter)
        ++from;
    return from;
}

static char *bare_field(const struct ofr_csv *csv, char *at, char *end, size_t *length)
{
    char *stop = memchr(at, csv->delimiter, (size_t)(end - at));
    char *last = stop = stop ? stop : end;
    while (last > at && is_space(last[-1]))
        --last;
    *length = (size_t)(last - at);
    return stop;
}

static int split(struct ofr_csv *csv, const struct ofr_line *line, struct ofr_error *err)
{
    char *at = line->text, *end = line->text + line->length;
    for (;;) {
        size_t length = 0;
        while (at < end && is_space(*at) && *at != csv->delimiter)
            ++at;
        char *begin = at;
        at = at < end && *at == '"' ? quoted_field(csv, line->text, at, end, &length)
                                    : bare_field(csv, at, end, &length);
        if (at < end && *at != csv->delimiter) {
            complain(csv, "found text after a closing quote",
                     ofr_text_place((uint64_t)(at - line->text) + 1));
            at = bare_field(csv, at, end, &(size_t){0});
        }
        int rc = add_field(csv, begin, length, line->text, err);
        if (rc)
            return rc;
        bool last = at == end;
        begin[length] = '\0';
        if (last)
            return 0;
        ++at;
    }
}

int ofr_csv_next(struct ofr_csv *csv, struct ofr_error *err)
{
    struct ofr_line line;
    struct scan scan = {.field_start = true};
    int rc = ofr_text_line(csv->text, &line, err);
    for (; rc > 0 && line.length == 0; rc = ofr_text_line(csv->text, &line, err))
        ++csv->blank_lines;
    csv->count = 0;
    csv->line = line.number;
    csv->problem = NULL;
    if (rc <= 0)
        return rc;
    while (rc > 0 && ends_quoted(csv, &line, &scan))
        rc = ofr_text_join(csv->text, &line, err);
    if (rc < 0 || (rc = split(csv, &line, err)) != 0)
        return rc;
    if (csv->header_count > 0 && csv->count != csv->header_count)
        complain(csv, "wrong number of fields", 0);
    return 1;
}

int ofr_csv_header(struct ofr_csv *csv, const char *expected, struct ofr_error *err)
{
    int rc = ofr_csv_next(csv, err);
    if (rc == 0)
        return ofr_fail_at(err, OFR_E_INPUT, ofr_text_path(csv->text), 1, 0,
                           "found an empty file, expected the header %s", expected);
    if (rc > 0 && csv->problem)
        return ofr_fail_at(err, OFR_E_INPUT, ofr_text_path(csv->text), ofr_text_place(csv->line),
                           csv->problem_column, "%s, expected the header %s", csv->problem, expected);
    csv->header_count = csv->count;
    return rc < 0 ? rc : 0;
}

/* Names of the header, as many as fit, in quotes. */
static void list_columns(const struct ofr_csv *csv, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < csv->header_count; ++i) {
        char quoted[OFR_QUOTE_SIZE];
        ofr_quote(quoted, csv->field[i].text, csv->field[i].length);
        if (used + strlen(quoted) + 8 > size) {
            snprintf(out + used, size - used, " ...");
            return;
        }
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? " " : "", quoted);
    }
}

static int refuse_column(const struct ofr_csv *csv, const char *name, struct ofr_error *err)
{
    char there[400];
    list_columns(csv, there, sizeof there);
    return ofr_fail_at(err, OFR_E_INPUT, ofr_text_path(csv->text), ofr_text_place(csv->line), 0,
                       "found no column '%s', expected it among %s", name, there);
}

int ofr_csv_find(const struct ofr_csv *csv, const char *name, int *index, struct ofr_error *err)
{
    *index = -1;
    for (size_t i = 0; i < csv->header_count; ++i) {
        if (strcmp(csv->field[i].text, name) != 0)
            continue;
        if (*index >= 0)
            return ofr_fail_at(err, OFR_E_INPUT, ofr_text_path(csv->text), ofr_text_place(csv->line),
                               csv->field[i].column, "found the column '%s' twice, expected it once", name);
        *index = (int)i;
    }
    return 0;
}

int ofr_csv_require(const struct ofr_csv *csv, const char *name, int *index, struct ofr_error *err)
{
    int rc = ofr_csv_find(csv, name, index, err);
    return rc == 0 && *index < 0 ? refuse_column(csv, name, err) : rc;
}
