#include "traces/row_buffer.h"
#include "traces/runlog_file.h"
#include "traces/runlog_format.h"
#include "traces/site_names.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct ofr_runlog_writer {
    struct ofr_container_writer *file; /* owned */
    struct ofr_row_buffer table[OFR_LOG_TABLES];
    struct ofr_row_buffer instants, results; /* without columns when the log has none */
    uint64_t requests;                       /* rows so far */
    uint32_t sites;
    struct ofr_error failed; /* hooks cannot report: finish does */
};

static void describe(struct ofr_file_head *head, uint32_t sites, uint32_t tables)
{
    struct ofr_table *table = ofr_head_add_table(head, "requests");
#define X(id, name, type, unit, width, encoding) ofr_table_add(table, name, type, unit, width, encoding);
    OFR_LOG_REQUEST_MAP(X)
    table = ofr_head_add_table(head, "batches");
    OFR_LOG_BATCH_MAP(X)
    table = ofr_head_add_table(head, "decisions");
    OFR_LOG_DECISION_MAP(X)
    if (tables & OFR_RUNLOG_INSTANTS) {
        table = ofr_head_add_table(head, "instants");
        OFR_LOG_INSTANT_MAP(X)
    }
    if (tables & OFR_RUNLOG_RESULTS) {
        table = ofr_head_add_table(head, "results");
        OFR_LOG_RESULT_MAP(X)
    }
#undef X
}

static int add_buffer(struct ofr_row_buffer *buffer, struct ofr_runlog_writer *writer,
                      const struct ofr_file_head *head, const char *table, struct ofr_error *err)
{
    int index = ofr_head_find(head, table);
    return index < 0 ? OFR_OK
                     : ofr_row_buffer_init(buffer, writer->file, head, (uint32_t)index, OFR_CHUNK_BYTES, err);
}

static int open_file(struct ofr_runlog_writer *writer, const char *path, const struct ofr_runlog_head *about,
                     struct ofr_file_head *head, const struct ofr_notes *provenance, struct ofr_error *err)
{
    head->kind = OFR_FILE_RUNLOG;
    head->dense = about->dense;
    int rc = ofr_site_names_set(&head->meta, about->sites, about->site_name, err);
    if (rc)
        return rc;
    describe(head, about->sites, about->tables);
    rc = ofr_notes_setf(&head->meta, err, OFR_LOG_NOTE_SEED, "%" PRIu64, about->seed);
    if (!rc)
        rc = ofr_notes_set(&head->meta, OFR_LOG_NOTE_SCENARIO, about->scenario, err);
    if (!rc)
        rc = ofr_notes_add_all(&head->provenance, provenance, err);
    if (!rc)
        rc = ofr_container_create(&writer->file, path, head, err);
    for (uint32_t i = 0; !rc && i < OFR_LOG_TABLES; i++)
        rc = ofr_row_buffer_init(&writer->table[i], writer->file, head, i, OFR_CHUNK_BYTES, err);
    if (!rc)
        rc = add_buffer(&writer->instants, writer, head, "instants", err);
    if (!rc)
        rc = add_buffer(&writer->results, writer, head, "results", err);
    return rc;
}

int ofr_runlog_create(struct ofr_runlog_writer **out, const char *path, const struct ofr_runlog_head *head,
                      const struct ofr_notes *provenance, struct ofr_error *err)
{
    *out = NULL;
    struct ofr_runlog_writer *writer = calloc(1, sizeof *writer);
    struct ofr_file_head *file_head = calloc(1, sizeof *file_head);
    int rc = writer && file_head ? OFR_OK : ofr_fail_nomem(err, "a run log");
    if (!rc) {
        writer->sites = head->sites;
        rc = open_file(writer, path, head, file_head, provenance, err);
        ofr_head_release(file_head);
    }
    free(file_head);
    if (rc) {
        ofr_runlog_abort(writer);
        return rc;
    }
    *out = writer;
    return OFR_OK;
}

/* Writes the group gathered so far: decisions, batches, requests. */
static void flush(struct ofr_runlog_writer *writer)
{
    for (int i = OFR_LOG_TABLES - 1; i >= 0 && !writer->failed.code; i--)
        ofr_row_buffer_flush(&writer->table[i], &writer->failed);
}

/* Makes room for `rows` more rows of one table in the group. */
static bool reserve(struct ofr_runlog_writer *writer, int table, uint32_t rows)
{
    struct ofr_row_buffer *buffer = &writer->table[table];
    if (!writer->failed.code && rows > buffer->capacity)
        ofr_fail(&writer->failed, OFR_E_BUG, "a batch of %" PRIu32 " requests, a run log takes %" PRIu32,
                 rows, buffer->capacity);
    if (!writer->failed.code && rows > buffer->capacity - buffer->rows)
        flush(writer);
    return !writer->failed.code;
}

static void put(struct ofr_row_buffer *buffer, uint32_t column, uint64_t value)
{
    memcpy(ofr_row_cell(buffer, column), &value, buffer->bytes[column]); /* little-endian: the low bytes */
}

static uint64_t minus(int64_t a, int64_t b)
{
    return (uint64_t)a - (uint64_t)b;
}

static void put_request(struct ofr_runlog_writer *writer, const struct ofr_request_row *row,
                        int64_t dispatched_ns, int64_t ended_ns)
{
    struct ofr_row_buffer *to = &writer->table[OFR_LOG_REQUESTS];
    put(to, OFR_LOG_REQUEST_ID, row->id);
    put(to, OFR_LOG_REQUEST_BATCH, (uint64_t)row->batch);
    put(to, OFR_LOG_REQUEST_ARRIVAL, minus(dispatched_ns, row->arrival_ns));
    put(to, OFR_LOG_REQUEST_ADMITTED, minus(row->admitted_ns, row->arrival_ns));
    put(to, OFR_LOG_REQUEST_DISPATCHED, minus(row->dispatched_ns, dispatched_ns));
    put(to, OFR_LOG_REQUEST_RELEASED, minus(ended_ns, row->released_ns));
    put(to, OFR_LOG_REQUEST_ENDED, minus(row->ended_ns, ended_ns));
    put(to, OFR_LOG_REQUEST_DEADLINE, minus(row->deadline_ns, row->arrival_ns));
    put(to, OFR_LOG_REQUEST_SAMPLE, row->sample);
    put(to, OFR_LOG_REQUEST_STREAM, row->stream);
    put(to, OFR_LOG_REQUEST_EXIT_SITE, row->exit_site);
    put(to, OFR_LOG_REQUEST_ANSWER, row->answer);
    put(to, OFR_LOG_REQUEST_OUTCOME, row->outcome);
    put(to, OFR_LOG_REQUEST_AGREES, row->agrees);
    put(to, OFR_LOG_REQUEST_CORRECT, row->correct);
    to->rows++;
    writer->requests++;
}

static void on_batch(void *state, const struct ofr_batch_row *batch, const struct ofr_request_row *rows,
                     uint32_t count)
{
    struct ofr_runlog_writer *writer = state;
    if (count != batch->size && !writer->failed.code)
        ofr_fail(&writer->failed, OFR_E_BUG,
                 "batch %" PRId64 " of size %" PRIu32 " with %" PRIu32 " requests", batch->id, batch->size,
                 count);
    /* Both first: a group must not end between a batch and its requests. */
    if (!reserve(writer, OFR_LOG_BATCHES, 1) || !reserve(writer, OFR_LOG_REQUESTS, count))
        return;
    struct ofr_row_buffer *to = &writer->table[OFR_LOG_BATCHES];
    put(to, OFR_LOG_BATCH_ID, (uint64_t)batch->id);
    put(to, OFR_LOG_BATCH_DISPATCHED, (uint64_t)batch->dispatched_ns);
    put(to, OFR_LOG_BATCH_ENDED, minus(batch->ended_ns, batch->dispatched_ns));
    put(to, OFR_LOG_BATCH_SIZE, batch->size);
    put(to, OFR_LOG_BATCH_PADDED, batch->padded);
    put(to, OFR_LOG_BATCH_QUEUE_LENGTH, batch->queue_length);
    put(to, OFR_LOG_BATCH_SERVER, batch->server);
    put(to, OFR_LOG_BATCH_RAMPS, batch->ramps);
    put(to, OFR_LOG_BATCH_REASON, batch->reason);
    put(to, OFR_LOG_BATCH_CUT, batch->cut);
    to->rows++;
    for (uint32_t i = 0; i < count; i++)
        put_request(writer, &rows[i], batch->dispatched_ns, batch->ended_ns);
}

static void on_lost(void *state, const struct ofr_request_row *row)
{
    struct ofr_runlog_writer *writer = state;
    if (row->batch != OFR_BATCH_NONE && !writer->failed.code)
        ofr_fail(&writer->failed, OFR_E_BUG, "request %" PRIu64 " lost in batch %" PRId64, row->id,
                 row->batch);
    if (reserve(writer, OFR_LOG_REQUESTS, 1))
        put_request(writer, row, 0, 0);
}

static void on_decision(void *state, const struct ofr_decision_row *decision)
{
    struct ofr_runlog_writer *writer = state;
    const struct offramp_exit_config *config = &decision->config;
    if (config->ramps > writer->sites && !writer->failed.code)
        ofr_fail(&writer->failed, OFR_E_BUG, "a decision for %" PRIu32 " ramps on %" PRIu32 " sites",
                 config->ramps, writer->sites);
    if (!reserve(writer, OFR_LOG_DECISIONS, 1))
        return;
    struct ofr_row_buffer *to = &writer->table[OFR_LOG_DECISIONS];
    put(to, OFR_LOG_DECISION_BEFORE, writer->requests);
    put(to, OFR_LOG_DECISION_DECIDED, (uint64_t)decision->decided_ns);
    put(to, OFR_LOG_DECISION_APPLIED, (uint64_t)decision->applied_ns);
    put(to, OFR_LOG_DECISION_COST, (uint64_t)decision->cost_ns);
    put(to, OFR_LOG_DECISION_EVALUATIONS, decision->evaluations);
    put(to, OFR_LOG_DECISION_CHANGED, decision->changed);
    put(to, OFR_LOG_DECISION_RAMPS, config->ramps);
    put(to, OFR_LOG_DECISION_CRITERION, (uint64_t)config->criterion);
    put(to, OFR_LOG_DECISION_FREE_RAMPS, config->free_ramps);
    memcpy(ofr_row_cell(to, OFR_LOG_DECISION_TRIGGER), decision->trigger, sizeof decision->trigger);
    memcpy(ofr_row_cell(to, OFR_LOG_DECISION_GAIN), &decision->predicted_gain_pct, sizeof(double));
    uint16_t *site = ofr_row_cell(to, OFR_LOG_DECISION_SITE);
    double *threshold = ofr_row_cell(to, OFR_LOG_DECISION_THRESHOLD);
    for (uint32_t i = 0; i < writer->sites; i++) {
        site[i] = i < config->ramps ? config->site[i] : 0;
        threshold[i] = i < config->ramps ? config->threshold[i] : 0.0;
    }
    to->rows++;
}

struct ofr_observer ofr_runlog_observer(struct ofr_runlog_writer *writer)
{
    return (struct ofr_observer){
        .state = writer, .batch = on_batch, .lost = on_lost, .decision = on_decision};
}

void ofr_runlog_instant(struct ofr_runlog_writer *writer, const struct ofr_instant_row *row)
{
    struct ofr_row_buffer *to = &writer->instants;
    if (!to->columns || writer->failed.code)
        return;
    put(to, OFR_LOG_INSTANT_NOW, (uint64_t)row->now_ns);
    put(to, OFR_LOG_INSTANT_ENDED, row->ended);
    put(to, OFR_LOG_INSTANT_ANSWERED, row->answered);
    put(to, OFR_LOG_INSTANT_STOP, row->stop);
    ofr_row_done(to, &writer->failed);
}

void ofr_runlog_results(struct ofr_runlog_writer *writer, const struct ofr_results_row *row)
{
    struct ofr_row_buffer *to = &writer->results;
    for (uint32_t i = 0; i < row->rows && to->columns && !writer->failed.code; i++) {
        float *score = ofr_row_cell(to, OFR_LOG_RESULT_SCORE);
        uint16_t *answer = ofr_row_cell(to, OFR_LOG_RESULT_ANSWER);
        put(to, OFR_LOG_RESULT_FINAL, row->final_answer[i]);
        for (uint32_t k = 0; k < writer->sites; k++) {
            score[k] = k < row->ramps ? row->score[(size_t)i * row->ramps + k] : 0.0F;
            answer[k] = k < row->ramps ? row->answer[(size_t)i * row->ramps + k] : 0;
        }
        ofr_row_done(to, &writer->failed);
    }
}

int ofr_runlog_note(struct ofr_runlog_writer *writer, const char *name, const char *text,
                    struct ofr_error *err)
{
    return ofr_container_note(writer->file, name, text, err);
}

int ofr_runlog_finish(struct ofr_runlog_writer *writer, struct ofr_error *err)
{
    flush(writer);
    if (writer->instants.columns && !writer->failed.code)
        ofr_row_buffer_flush(&writer->instants, &writer->failed);
    if (writer->results.columns && !writer->failed.code)
        ofr_row_buffer_flush(&writer->results, &writer->failed);
    int rc = writer->failed.code;
    if (rc) {
        ofr_fail(err, rc, "%s", writer->failed.text);
    } else {
        rc = ofr_container_finish(writer->file, err);
        writer->file = NULL;
    }
    ofr_runlog_abort(writer);
    return rc;
}

void ofr_runlog_abort(struct ofr_runlog_writer *writer)
{
    if (!writer)
        return;
    ofr_container_abort(writer->file);
    for (int i = 0; i < OFR_LOG_TABLES; i++)
        ofr_row_buffer_release(&writer->table[i]);
    ofr_row_buffer_release(&writer->instants);
    ofr_row_buffer_release(&writer->results);
    free(writer);
}
