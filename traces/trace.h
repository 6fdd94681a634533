/* Request traces (.otrace): arrivals in time order, with what the source knew of each request. */
#ifndef OFR_TRACES_TRACE_H
#define OFR_TRACES_TRACE_H

#include "sim/base/error.h"
#include "traces/notes.h"

#include <stdint.h>

/* Columns beside the arrival, which every trace has. */
enum ofr_trace_columns {
    OFR_TRACE_DURATION = 1u << 0,
    OFR_TRACE_PROMPT = 1u << 1,
    OFR_TRACE_OUTPUT = 1u << 2,
    OFR_TRACE_STREAM = 1u << 3,
};

struct ofr_trace_reader;

/* A run of rows; pointers are borrowed and valid until the next call on the same reader. Columns the file
 * does not have are NULL. */
struct ofr_trace_chunk {
    uint32_t rows;
    const int64_t *arrival_ns;  /* from the start of the trace, non-decreasing, >= 0 */
    const int64_t *duration_ns; /* execution time the source recorded, >= 0 */
    const uint32_t *prompt_tokens;
    const uint32_t *output_tokens;
    const uint32_t *stream; /* source of the request: function, client, camera */
};

/* Streams in constant memory. `path` is kept in messages. */
int ofr_trace_open(struct ofr_trace_reader **out, const char *path, struct ofr_error *err);
/* Set of enum ofr_trace_columns the file has. */
uint32_t ofr_trace_columns(const struct ofr_trace_reader *reader);
/* Reads only the columns of the set from now on; the others are NULL. At first all are read. */
void ofr_trace_want(struct ofr_trace_reader *reader, uint32_t columns);
const struct ofr_notes *ofr_trace_provenance(const struct ofr_trace_reader *reader);
/* 1 = `chunk` holds rows, 0 = end, negative = error. A truncated file yields its whole chunks, then
 * OFR_E_INPUT. */
int ofr_trace_next(struct ofr_trace_reader *reader, struct ofr_trace_chunk *chunk, struct ofr_error *err);
/* The error just returned means no more than that the file was cut short. */
bool ofr_trace_partial(const struct ofr_trace_reader *reader);
int ofr_trace_rewind(struct ofr_trace_reader *reader, struct ofr_error *err);
void ofr_trace_close(struct ofr_trace_reader *reader); /* NULL is allowed */

/* Writing: rows are appended in time order; the file appears when it is finished. */

struct ofr_trace_writer;

struct ofr_trace_row {
    int64_t arrival_ns;
    int64_t duration_ns; /* columns the writer was not opened with are ignored */
    uint32_t prompt_tokens, output_tokens, stream;
};

/* `columns` is a set of enum ofr_trace_columns; `provenance` is borrowed for the call and may be NULL. */
int ofr_trace_create(struct ofr_trace_writer **out, const char *path, uint32_t columns,
                     const struct ofr_notes *provenance, struct ofr_error *err);
/* A time before the row ahead, or below 0, is OFR_E_INPUT. */
int ofr_trace_append(struct ofr_trace_writer *writer, const struct ofr_trace_row *row, struct ofr_error *err);
/* Provenance known only at the end, e.g. "source_xxh64". */
int ofr_trace_note(struct ofr_trace_writer *writer, const char *name, const char *text,
                   struct ofr_error *err);
/* Both free the writer; NULL is allowed for abort. After a failure nothing is left behind. */
int ofr_trace_finish(struct ofr_trace_writer *writer, struct ofr_error *err);
void ofr_trace_abort(struct ofr_trace_writer *writer);

#endif
