/* Private to sweeps: the file that remembers finished runs, so that a sweep killed at any moment goes on.
 *
 * Concept. DIR/journal is a row of checksummed records (record.h): a head with the sweep's fingerprint, then one record
 * for every finished run, in the order they ended. A record is handed to the system before its run counts as finished,
 * and synced to the disk when a run ends, at most once a second, and when the journal is closed: a killed process loses
 * the runs in flight, a dead machine also those that ended after the last time. A record that is cut short or damaged
 * ends the journal; what follows is run again. Runs the machine failed (out of memory, input and output) are not kept:
 * resuming tries them again.
 *
 * The file is locked while it is open: two sweeps never write one folder.
 */
#ifndef OFR_SWEEP_JOURNAL_H
#define OFR_SWEEP_JOURNAL_H

#include "sim/sweep/record.h"
#include "sim/sweep/sweep.h"

struct ofr_journal;

/* What opening found. */
struct ofr_journal_state {
    uint64_t runs;    /* finished runs it holds */
    uint64_t dropped; /* bytes at its end that were no sound record */
};

/* Opens or creates the journal and fills `runs` with what it holds. A journal with runs is only taken up when
 * `resume`. Errors: OFR_E_INPUT when it belongs to another sweep, is in use, or resuming was not asked for. */
int ofr_journal_open(struct ofr_journal **out, const char *path, const struct ofr_sweep *sweep, bool resume,
                     struct ofr_sweep_runs *runs, struct ofr_journal_state *state, struct ofr_error *err);
int ofr_journal_append(struct ofr_journal *journal, const struct ofr_sweep_record *record,
                       struct ofr_error *err);
/* Everything to the disk; frees the journal. */
int ofr_journal_close(struct ofr_journal *journal, struct ofr_error *err);

/* Keeps a record's outcome among the runs; OFR_E_INPUT when it cannot be one of this sweep. */
int ofr_sweep_runs_keep(struct ofr_sweep_runs *runs, const struct ofr_sweep *sweep,
                        const struct ofr_sweep_record *record, struct ofr_error *err);
/* A failure that may not come again. */
bool ofr_sweep_is_machine(int code);

#endif
