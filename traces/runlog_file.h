/* Run logs on disk (.olog): the rows of runlog.h in the order the decision core sent them.
 *
 * The writer is an observer: hang it into a run and finish it afterwards. The reader hands out the same calls
 * again, so whatever observes a run (the summary) can be fed from its log and gives the same result.
 *
 * Stored compactly: times of a request relative to its batch, batches relative to each other. Reading
 * restores every field exactly. Memory is constant.
 */
#ifndef OFR_TRACES_RUNLOG_FILE_H
#define OFR_TRACES_RUNLOG_FILE_H

#include "sim/base/error.h"
#include "traces/notes.h"
#include "traces/runlog.h"

struct ofr_runlog_head {
    const char *scenario; /* resolved scenario text */
    uint64_t seed;
    uint32_t sites;               /* <= OFFRAMP_MAX_SITES */
    const char *const *site_name; /* [sites], no line break */
    uint32_t tables;              /* set of enum ofr_runlog_tables beside the rows of every run */
    bool dense;                   /* writing: a tenth smaller, written at a twentieth of the speed */
};

enum ofr_runlog_tables {
    OFR_RUNLOG_INSTANTS = 1u << 0,
    OFR_RUNLOG_RESULTS = 1u << 1,
};

struct ofr_runlog_writer;

/* Everything is copied; `provenance` may be NULL. */
int ofr_runlog_create(struct ofr_runlog_writer **out, const char *path, const struct ofr_runlog_head *head,
                      const struct ofr_notes *provenance, struct ofr_error *err);
/* Hooks for a run; `writer` is borrowed until the run ends. A failure is kept and reported by finish. */
struct ofr_observer ofr_runlog_observer(struct ofr_runlog_writer *writer);
/* Rows of the tables only some logs have; a log without the table ignores them. As the observer's hooks: a failure
 * is reported by finish. Results of a batch come before the batch. */
void ofr_runlog_instant(struct ofr_runlog_writer *writer, const struct ofr_instant_row *row);
void ofr_runlog_results(struct ofr_runlog_writer *writer, const struct ofr_results_row *row);
/* Facts known at the end of the run (device state, why a run is invalid). */
int ofr_runlog_note(struct ofr_runlog_writer *writer, const char *name, const char *text,
                    struct ofr_error *err);
/* Both free the writer; NULL is allowed for abort. After a failure nothing is left behind. */
int ofr_runlog_finish(struct ofr_runlog_writer *writer, struct ofr_error *err);
void ofr_runlog_abort(struct ofr_runlog_writer *writer);

struct ofr_runlog_reader;

enum ofr_runlog_event_kind {
    OFR_RUNLOG_BATCH,    /* batch and its requests */
    OFR_RUNLOG_LOST,     /* one request */
    OFR_RUNLOG_DECISION, /* decision */
};

/* Pointers are borrowed and valid until the next call on the same reader. */
struct ofr_runlog_event {
    enum ofr_runlog_event_kind kind;
    const struct ofr_batch_row *batch;
    const struct ofr_request_row *request; /* [requests] */
    uint32_t requests;
    const struct ofr_decision_row *decision;
};

int ofr_runlog_open(struct ofr_runlog_reader **out, const char *path, struct ofr_error *err);
const struct ofr_runlog_head *ofr_runlog_head(const struct ofr_runlog_reader *reader); /* borrowed */
const struct ofr_notes *ofr_runlog_provenance(const struct ofr_runlog_reader *reader);
/* 1 = event, 0 = end, negative = error. A truncated log yields its whole chunks, then OFR_E_INPUT. */
int ofr_runlog_next(struct ofr_runlog_reader *reader, struct ofr_runlog_event *event, struct ofr_error *err);
/* The error just returned means no more than that the file was cut short. */
bool ofr_runlog_partial(const struct ofr_runlog_reader *reader);
/* Sends all (remaining) rows to an observer. Returns 0 or an error as ofr_runlog_next. */
int ofr_runlog_replay(struct ofr_runlog_reader *reader, const struct ofr_observer *observer,
                      struct ofr_error *err);
void ofr_runlog_close(struct ofr_runlog_reader *reader); /* NULL is allowed */

/* The tables only some logs have, read by themselves, row by row. */
struct ofr_runlog_rows_reader;

/* `table` is one of enum ofr_runlog_tables. A log without it opens and has no rows. */
int ofr_runlog_rows_open(struct ofr_runlog_rows_reader **out, const char *path, enum ofr_runlog_tables table,
                         struct ofr_error *err);
bool ofr_runlog_rows_present(const struct ofr_runlog_rows_reader *reader); /* the log has the table */
/* 1 = a row, 0 = end, negative = error. The results row has one request; its arrays are valid until the next call
 * and have room for all sites. */
int ofr_runlog_rows_instant(struct ofr_runlog_rows_reader *reader, struct ofr_instant_row *row,
                            struct ofr_error *err);
int ofr_runlog_rows_result(struct ofr_runlog_rows_reader *reader, struct ofr_results_row *row,
                           struct ofr_error *err);
void ofr_runlog_rows_close(struct ofr_runlog_rows_reader *reader); /* NULL is allowed */

#endif
