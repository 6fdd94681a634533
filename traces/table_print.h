/* Rows of any table of any of our files as CSV or JSON, exactly: integers in full, reals with as many digits
 * as bring them back to the bit. A column of several values a row becomes NAME.0, NAME.1, ... in CSV and a
 * list in JSON. NaN and infinities are `nan`, `inf` in CSV and null in JSON.
 *
 * JSON is one array, one object a line.
 */
#ifndef OFR_TRACES_TABLE_PRINT_H
#define OFR_TRACES_TABLE_PRINT_H

#include "traces/container.h"

#include <stdio.h>

enum ofr_print_format {
    OFR_PRINT_CSV,
    OFR_PRINT_JSON
};

/* `table` NULL = the first. At most `limit` rows; a partial file's whole chunks are printed and *partial set.
 * Errors: as container.h, and OFR_E_IO when `out` fails. */
int ofr_table_print(FILE *out, const char *path, enum ofr_file_kind kind, const char *table,
                    enum ofr_print_format format, uint64_t limit, bool *partial, struct ofr_error *err);

/* One value of a column, element `k` of the run at `values`. */
void ofr_value_print(FILE *out, enum ofr_type type, const void *values, size_t k,
                     enum ofr_print_format format);
/* A quoted JSON string (control characters escaped), for short names and texts. */
void ofr_json_text_print(FILE *out, const char *text, size_t size);
/* A CSV field as RFC 4180 has it: in quotes, with those inside doubled. Ends after `size` bytes or at a NUL. */
void ofr_csv_text_print(FILE *out, const char *text, size_t size);

#endif
