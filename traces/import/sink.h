/* Private to the importers: the way of a row from the source's time to the trace file.
 *
 * Sorted rows pass straight through in constant memory. Unsorted ones are held, sorted by (time, place in the
 * source) when the source ends, and then take the same way. The file appears only in ofr_sink_commit.
 */
#ifndef OFR_IMPORT_SINK_H
#define OFR_IMPORT_SINK_H

#include "traces/import/import.h"

struct ofr_sink;

/* `source` (for messages), `path` and `quality` are borrowed; `quality` is kept up to date. */
int ofr_sink_create(struct ofr_sink **out, const char *source, const char *path, struct ofr_quality *quality,
                    struct ofr_error *err);
void ofr_sink_free(struct ofr_sink *sink); /* NULL is allowed; what was not committed is dropped */

int ofr_sink_begin(struct ofr_sink *sink, uint32_t columns, enum ofr_import_order order, bool rebase,
                   struct ofr_error *err);
/* 0 = taken; 1 = before the row ahead of it, by *early_ns; negative = error. */
int ofr_sink_row(struct ofr_sink *sink, const struct ofr_trace_row *row, int64_t *early_ns,
                 struct ofr_error *err);
/* Writes what is held. Afterwards `quality` is complete. No row at all is an error. */
int ofr_sink_flush(struct ofr_sink *sink, struct ofr_error *err);
/* Makes the file appear, with `provenance` (borrowed). */
int ofr_sink_commit(struct ofr_sink *sink, const struct ofr_notes *provenance, struct ofr_error *err);

#endif
