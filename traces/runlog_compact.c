#include "traces/runlog_compact.h"

#include "traces/runlog_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NOTE      "compact"
#define NOTE_TEXT "times rounded to multiples of "

static const int64_t largest_grain_ns = 1000000000; /* whatever a file says */

/* Added to the arrival of a request without an SLO: a deadline nobody lives to see costs nothing to store. */
#define NEVER_LATE_NS (INT64_C(1) << 61)

struct compactor {
    struct ofr_observer out;
    int64_t grain_ns;
    struct ofr_request_row *row; /* owned, [capacity] */
    uint32_t capacity;
    struct offramp_exit_config last; /* ramps of the decision kept last */
    bool decided;
    struct ofr_error *err;
};

/* The nearest multiple of the grain; a time that never came (negative) stays as it is. */
static int64_t cut(const struct compactor *compactor, int64_t time_ns)
{
    return time_ns < 0 ? time_ns
                       : (time_ns + compactor->grain_ns / 2) / compactor->grain_ns * compactor->grain_ns;
}

/* All times of a request; the order of any two stays, because rounding is monotone. */
static void cut_row(const struct compactor *compactor, struct ofr_request_row *row)
{
    int64_t budget_ns = row->deadline_ns < 0 ? NEVER_LATE_NS : row->deadline_ns - row->arrival_ns;
    int64_t *time[] = {&row->arrival_ns, &row->admitted_ns, &row->dispatched_ns, &row->released_ns,
                       &row->ended_ns};
    for (size_t i = 0; i < sizeof time / sizeof *time; ++i)
        *time[i] = cut(compactor, *time[i]);
    row->deadline_ns = row->arrival_ns + budget_ns;
}

static bool make_room(struct compactor *compactor, uint32_t count)
{
    if (count <= compactor->capacity)
        return true;
    struct ofr_request_row *grown = realloc(compactor->row, count * sizeof *grown);
    if (!grown) {
        ofr_fail_nomem(compactor->err, "a batch");
        return false;
    }
    compactor->row = grown;
    compactor->capacity = count;
    return true;
}

static void take_batch(void *state, const struct ofr_batch_row *batch, const struct ofr_request_row *rows,
                       uint32_t count)
{
    struct compactor *compactor = state;
    if (compactor->err->code || !make_room(compactor, count))
        return;
    struct ofr_batch_row own = *batch;
    own.dispatched_ns = cut(compactor, batch->dispatched_ns);
    own.ended_ns = cut(compactor, batch->ended_ns);
    for (uint32_t i = 0; i < count; ++i) {
        compactor->row[i] = rows[i];
        cut_row(compactor, &compactor->row[i]);
    }
    compactor->out.batch(compactor->out.state, &own, compactor->row, count);
}

static void take_lost(void *state, const struct ofr_request_row *row)
{
    struct compactor *compactor = state;
    struct ofr_request_row own = *row;
    cut_row(compactor, &own);
    compactor->out.lost(compactor->out.state, &own);
}

static void take_decision(void *state, const struct ofr_decision_row *decision)
{
    struct compactor *compactor = state;
    const struct offramp_exit_config *config = &decision->config;
    bool same = compactor->decided && config->ramps == compactor->last.ramps &&
                memcmp(config->site, compactor->last.site, config->ramps * sizeof *config->site) == 0;
    if (same)
        return;
    compactor->decided = true;
    compactor->last = *config;
    compactor->out.decision(compactor->out.state, decision);
}

/* Long notes that say nothing of the run itself: the profile has the kernels, and memory is the device's. */
static bool keeps(const char *note)
{
    return strcmp(note, "kernels") != 0 && strncmp(note, "memory.", 7) != 0;
}

static int copy_notes(struct ofr_notes *to, const struct ofr_notes *from, struct ofr_error *err)
{
    int rc = 0;
    for (uint32_t i = 0; i < from->count && !rc; ++i)
        if (keeps(from->item[i].name))
            rc = ofr_notes_set(to, from->item[i].name, from->item[i].text, err);
    return rc;
}

static int create(struct ofr_runlog_writer **writer, const struct ofr_runlog_reader *reader, const char *out,
                  int64_t grain_ns, struct ofr_error *err)
{
    struct ofr_runlog_head head = *ofr_runlog_head(reader);
    struct ofr_notes notes = OFR_NOTES_INIT;
    head.tables = 0;
    head.dense = true;
    int rc = copy_notes(&notes, ofr_runlog_provenance(reader), err);
    if (!rc)
        rc = ofr_notes_setf(&notes, err, NOTE, NOTE_TEXT "%" PRId64 " ns", grain_ns);
    if (!rc)
        rc = ofr_runlog_create(writer, out, &head, &notes, err);
    ofr_notes_release(&notes);
    return rc;
}

/* Notes that stand at the end of the file are known only when it has been read. */
static int finish(struct ofr_runlog_writer *writer, uint32_t known, const struct ofr_notes *notes,
                  struct ofr_error *err)
{
    for (uint32_t i = known; i < notes->count; ++i) {
        if (!keeps(notes->item[i].name))
            continue;
        int rc = ofr_runlog_note(writer, notes->item[i].name, notes->item[i].text, err);
        if (rc) {
            ofr_runlog_abort(writer);
            return rc;
        }
    }
    return ofr_runlog_finish(writer, err);
}

int ofr_runlog_compact(const char *in, const char *out, int64_t grain_ns, struct ofr_error *err)
{
    struct ofr_runlog_reader *reader = NULL;
    struct ofr_runlog_writer *writer = NULL;
    uint32_t known = 0; /* notes of the head */
    int rc = ofr_runlog_open(&reader, in, err);
    if (!rc && ofr_runlog_compact_grain_ns(ofr_runlog_provenance(reader)))
        rc = ofr_fail(err, OFR_E_INPUT, "%s: is compact already, expected a log with its own times", in);
    if (!rc)
        rc = create(&writer, reader, out, grain_ns, err);
    struct compactor compactor = {.grain_ns = grain_ns, .err = err};
    struct ofr_observer observer = {
        .state = &compactor, .batch = take_batch, .lost = take_lost, .decision = take_decision};
    if (!rc) {
        compactor.out = ofr_runlog_observer(writer);
        known = ofr_runlog_provenance(reader)->count;
        rc = ofr_runlog_replay(reader, &observer, err);
    }
    if (!rc)
        rc = err->code;
    if (!rc)
        rc = finish(writer, known, ofr_runlog_provenance(reader), err);
    else
        ofr_runlog_abort(writer);
    free(compactor.row);
    ofr_runlog_close(reader);
    return rc;
}

int64_t ofr_runlog_compact_grain_ns(const struct ofr_notes *provenance)
{
    const char *text = ofr_notes_get(provenance, NOTE);
    size_t length = strlen(NOTE_TEXT);
    int64_t grain_ns = text && strncmp(text, NOTE_TEXT, length) == 0 ? strtoll(text + length, NULL, 10) : 0;
    return grain_ns < 0 ? 0 : grain_ns < largest_grain_ns ? grain_ns : largest_grain_ns;
}
