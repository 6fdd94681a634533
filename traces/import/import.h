/* What all trace importers share: the row policy, the tally of data quality and the way to the trace file.
 *
 * Concept. An importer reads its format and hands rows to ofr_import_row in the source's own time. From
 * there on all formats are alike: times become relative to the first arrival (or to the first bin of a source
 * that counts), rows are checked for order or collected and sorted, counted, and written.
 *
 * Row policy. A row that cannot be taken as it stands is refused, never repaired. The first refused row ends
 * the import with file:line:column, unless the user asked to skip bad rows: then refusals are counted and the
 * first OFR_REFUSED_SHOWN line numbers kept. Damage to the file as a whole (gzip, NUL bytes, header) always
 * ends the import.
 *
 * Errors: OFR_E_INPUT, OFR_E_IO, OFR_E_NOMEM; on any of them no output file is made.
 */
#ifndef OFR_IMPORT_IMPORT_H
#define OFR_IMPORT_IMPORT_H

#include "sim/base/error.h"
#include "traces/import/csv.h"
#include "traces/import/number.h"
#include "traces/import/text_source.h"
#include "traces/trace.h"

#include <jansson.h>
#include <stdio.h>

enum {
    OFR_REFUSED_SHOWN = 8,
    OFR_SORT_ROWS_MAX = 1 << 27, /* rows sorted in memory (5 GiB); a longer source must come sorted */
};

/* What a look at the data says before anyone believes it. */
struct ofr_quality {
    uint64_t rows;             /* written */
    int64_t first_ns;          /* first arrival written; 0 unless the source counts by bins */
    int64_t span_ns;           /* first to last arrival written */
    int64_t origin_ns;         /* source time of arrival 0 */
    double rate_mean;          /* per second; rows over span, 0 when the span is 0 */
    double rate_peak;          /* per second; fullest whole second counted from arrival 0 */
    uint64_t unsorted;         /* rows that came before the row ahead of them in time */
    uint64_t equal;            /* rows with the very stamp of the row before, after sorting */
    uint64_t zeros;            /* values (tokens, durations) that are 0 */
    uint64_t missing;          /* values the source left blank; written as 0 */
    uint64_t left_out;         /* good rows left out because the user chose others */
    uint64_t blank_lines;      /* lines without a byte, passed over */
    uint64_t bins, empty_bins; /* sources that only count; 0 otherwise */
    uint64_t refused;
    uint64_t refused_line[OFR_REFUSED_SHOWN];
    char refused_why[256]; /* complaint about the first of them */
    char note[256];        /* what the importer chose or made up; "" = nothing */
};

enum ofr_import_order {
    OFR_IMPORT_SORTED,   /* the source promises time order; a row that breaks it is refused */
    OFR_IMPORT_UNSORTED, /* collected and sorted; equal stamps keep the order of the source */
};

struct ofr_import {
    const char *path;    /* of the source; borrowed */
    const void *options; /* the importer's own option struct; borrowed */
    bool skip_bad;
    struct ofr_text *text;       /* owned */
    struct ofr_sink *sink;       /* owned */
    struct ofr_notes provenance; /* for the header of the trace; importers may add to it */
    struct ofr_quality quality;
};

/* Says what the rows will hold. `columns` is a set of enum ofr_trace_columns. `rebase`: arrival 0 is the
 * first row; otherwise it is 0 of the source's time. Once, before the first row. */
int ofr_import_begin(struct ofr_import *import, uint32_t columns, enum ofr_import_order order, bool rebase,
                     struct ofr_error *err);
/* Takes a row, its arrival in source time, found at line:column. Refuses it (see above) when it breaks the
 * order. */
int ofr_import_row(struct ofr_import *import, const struct ofr_trace_row *row, uint64_t line, int column,
                   struct ofr_error *err);
/* Refuses the row at line:column. Returns 0 when bad rows are skipped, OFR_E_INPUT otherwise. */
int ofr_import_refuse(struct ofr_import *import, uint64_t line, int column, struct ofr_error *err,
                      const char *format, ...) __attribute__((format(printf, 5, 6)));
/* What the importer chose or made up, for the quality line. */
void ofr_import_note(struct ofr_import *import, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Next record of as many fields as the header has: 1, 0 = end, negative = error. Others are refused here. */
int ofr_import_record(struct ofr_import *import, struct ofr_csv *csv, struct ofr_error *err);

/* A field of the current record as a number. 1 = taken, 0 = the row has been refused and is to be left,
 * negative = error. `what` names the value in the complaint, e.g. "a token count". */
int ofr_import_count(struct ofr_import *import, const struct ofr_csv *csv, int column, const char *what,
                     uint32_t *out, struct ofr_error *err);
int ofr_import_time(struct ofr_import *import, const struct ofr_csv *csv, int column, const char *what,
                    int scale, int64_t *out, struct ofr_error *err);
int ofr_import_datetime(struct ofr_import *import, const struct ofr_csv *csv, int column, int64_t *out,
                        struct ofr_error *err);
/* As the ones above, and a blank field is a missing value: 0, counted. */
int ofr_import_count_or_blank(struct ofr_import *import, const struct ofr_csv *csv, int column,
                              const char *what, uint32_t *out, struct ofr_error *err);
int ofr_import_time_or_blank(struct ofr_import *import, const struct ofr_csv *csv, int column,
                             const char *what, int scale, int64_t *out, struct ofr_error *err);

/* A format that is a plain table: what columns it must have, and what to do with each record. `column[i]` is
 * the index of name[i]; `row` returns 0 (taken, refused or left out) or an error. */
enum {
    OFR_TABLE_COLUMNS_MAX = 8
};
struct ofr_import_table {
    const char *header;      /* as expected, for messages */
    const char *const *name; /* NULL-terminated; at most OFR_TABLE_COLUMNS_MAX */
    uint32_t columns;        /* set of enum ofr_trace_columns */
    enum ofr_import_order order;
    int (*row)(struct ofr_import *import, const struct ofr_csv *csv, const int *column,
               struct ofr_error *err);
};
int ofr_import_table_read(struct ofr_import *import, const struct ofr_import_table *table,
                          struct ofr_error *err);

/* The data-quality line (no newline), and the same as an object (new reference; NULL when out of memory). */
void ofr_quality_print(FILE *out, const struct ofr_quality *quality);
json_t *ofr_quality_json(const struct ofr_quality *quality);

#endif
