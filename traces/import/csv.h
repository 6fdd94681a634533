/* Delimiter-separated text (RFC 4180): fields in quotes may hold delimiters, doubled quotes and line ends.
 *
 * Fields are split in place in the line of the text source; blanks around an unquoted field are not part of
 * it. The first record is the header. Lines without a single byte are passed over and counted.
 */
#ifndef OFR_IMPORT_CSV_H
#define OFR_IMPORT_CSV_H

#include "traces/import/text_source.h"

struct ofr_field {
    char *text; /* NUL-terminated, borrowed: valid until the next record */
    size_t length;
    int column; /* 1-based byte column where it begins */
};

struct ofr_csv {
    struct ofr_text *text; /* borrowed */
    char delimiter;
    struct ofr_field *field; /* owned; [count] of the current record */
    size_t count, capacity;
    size_t header_count;  /* fields of the first record */
    uint64_t line;        /* where the current record begins */
    uint64_t blank_lines; /* passed over so far */
    const char *problem;  /* what is wrong with the current record; NULL = nothing */
    int problem_column;
};

void ofr_csv_init(struct ofr_csv *csv, struct ofr_text *text, char delimiter);
void ofr_csv_release(struct ofr_csv *csv);

/* Reads the header; an empty file is an error that says what header was `expected`. */
int ofr_csv_header(struct ofr_csv *csv, const char *expected, struct ofr_error *err);
/* 1 = a record (look at `problem`: it may be malformed, or not as wide as the header), 0 = end, negative =
 * error. */
int ofr_csv_next(struct ofr_csv *csv, struct ofr_error *err);
/* Index of a column of the header just read, -1 when absent; a name that is there twice is an error. */
int ofr_csv_find(const struct ofr_csv *csv, const char *name, int *index, struct ofr_error *err);
/* As above, and absence is an error that names the columns there are. */
int ofr_csv_require(const struct ofr_csv *csv, const char *name, int *index, struct ofr_error *err);

#endif
