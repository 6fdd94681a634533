/* Request traces (.otrace): arrivals in time order, with what the source knew of each request. */
#ifndef OFR_TRACES_TRACE_H
#define OFR_TRACES_TRACE_H

#include "sim/base/error.h"

#include <stdint.h>

struct ofr_trace_reader;

/* A run of rows; pointers are borrowed and valid until the next call on the same reader. Columns the file
 * does not have are NULL. */
struct ofr_trace_chunk {
    uint32_t rows;
    const int64_t *arrival_ns;  /* from the start of the trace, non-decreasing */
    const int64_t *duration_ns; /* execution time the source recorded */
    const uint32_t *prompt_tokens;
    const uint32_t *output_tokens;
    const uint32_t *stream; /* source of the request: function, client, camera */
};

/* Streams in constant memory. `path` is kept in messages. */
int ofr_trace_open(struct ofr_trace_reader **out, const char *path, struct ofr_error *err);
/* 1 = `chunk` holds rows, 0 = end, negative = error. A truncated file yields its whole chunks, then
 * OFR_E_INPUT. */
int ofr_trace_next(struct ofr_trace_reader *reader, struct ofr_trace_chunk *chunk, struct ofr_error *err);
int ofr_trace_rewind(struct ofr_trace_reader *reader, struct ofr_error *err);
void ofr_trace_close(struct ofr_trace_reader *reader); /* NULL is allowed */

#endif
