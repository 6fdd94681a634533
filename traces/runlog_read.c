#include "traces/runlog_file.h"
#include "traces/runlog_format.h"
#include "traces/site_names.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct table {
    struct ofr_chunk chunk;
    uint32_t next;  /* row of the chunk to be handed out next */
    uint32_t index; /* of the table in the file */
    int column[OFR_COLUMNS_MAX];
};

struct ofr_runlog_reader {
    struct ofr_container_reader *file; /* owned */
    struct ofr_runlog_head about;
    char (*site_name)[OFR_NAME_SIZE]; /* owned */
    const char **names;               /* owned: the same as pointers */
    struct table table[OFR_LOG_TABLES];
    uint64_t handed_out;              /* requests */
    bool ended;                       /* no more chunks */
    struct ofr_request_row *requests; /* owned; of the event handed out */
    uint32_t room;
    struct ofr_batch_row batch;
    struct ofr_decision_row decision;
};

static int fail(const struct ofr_runlog_reader *reader, struct ofr_error *err, uint64_t offset,
                const char *found)
{
    return ofr_fail(err, OFR_E_INPUT, "%s: offset %" PRIu64 ": %s", ofr_container_path(reader->file), offset,
                    found);
}

static int check_table(struct ofr_runlog_reader *reader, int which, const char *name,
                       const struct ofr_column_need *needs, uint32_t count, struct ofr_error *err)
{
    struct table *table = &reader->table[which];
    return ofr_container_check(reader->file, name, needs, count, true, &table->index, table->column, err);
}

static int check_tables(struct ofr_runlog_reader *reader, uint32_t sites, struct ofr_error *err)
{
#define X(id, name, type, unit, width, encoding) {name, 1u << (type), unit, width, false},
    static const struct ofr_column_need requests[] = {OFR_LOG_REQUEST_MAP(X)};
    struct ofr_column_need batches[] = {OFR_LOG_BATCH_MAP(X)};
    const struct ofr_column_need decisions[] = {OFR_LOG_DECISION_MAP(X)};
#undef X
    batches[OFR_LOG_BATCH_CUT].optional = true; /* logs of version 0.1.0 have none */
    int rc = check_table(reader, OFR_LOG_REQUESTS, "requests", requests, OFR_LOG_REQUEST_COLUMNS, err);
    if (!rc)
        rc = check_table(reader, OFR_LOG_BATCHES, "batches", batches, OFR_LOG_BATCH_COLUMNS, err);
    if (!rc)
        rc = check_table(reader, OFR_LOG_DECISIONS, "decisions", decisions, OFR_LOG_DECISION_COLUMNS, err);
    return rc;
}

static int read_head(struct ofr_runlog_reader *reader, struct ofr_error *err)
{
    const struct ofr_file_head *head = ofr_container_head(reader->file);
    const char *seed = ofr_notes_get(&head->meta, OFR_LOG_NOTE_SEED);
    char *end = NULL;
    errno = 0;
    reader->about.scenario = ofr_notes_get(&head->meta, OFR_LOG_NOTE_SCENARIO);
    reader->about.seed = seed ? strtoull(seed, &end, 10) : 0;
    if (!reader->about.scenario || !seed || end == seed || *end || errno)
        return fail(reader, err, 0, "the header has no scenario and seed");
    int rc = ofr_site_names_get(&head->meta, ofr_container_path(reader->file), &reader->about.sites,
                                &reader->site_name, err);
    if (rc)
        return rc;
    reader->names = calloc(reader->about.sites, sizeof *reader->names);
    if (!reader->names)
        return ofr_fail_nomem(err, "a run log");
    for (uint32_t i = 0; i < reader->about.sites; i++)
        reader->names[i] = reader->site_name[i];
    reader->about.site_name = reader->names;
    return check_tables(reader, reader->about.sites, err);
}

int ofr_runlog_open(struct ofr_runlog_reader **out, const char *path, struct ofr_error *err)
{
    *out = NULL;
    struct ofr_runlog_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return ofr_fail_nomem(err, "a run log");
    int rc = ofr_container_open(&reader->file, path, OFR_FILE_RUNLOG, err);
    if (!rc)
        rc = read_head(reader, err);
    if (rc) {
        ofr_runlog_close(reader);
        return rc;
    }
    *out = reader;
    return OFR_OK;
}

void ofr_runlog_close(struct ofr_runlog_reader *reader)
{
    if (!reader)
        return;
    ofr_container_close(reader->file);
    free(reader->site_name);
    free(reader->names);
    free(reader->requests);
    free(reader);
}

const struct ofr_runlog_head *ofr_runlog_head(const struct ofr_runlog_reader *reader)
{
    return &reader->about;
}

const struct ofr_notes *ofr_runlog_provenance(const struct ofr_runlog_reader *reader)
{
    return &ofr_container_head(reader->file)->provenance;
}

bool ofr_runlog_partial(const struct ofr_runlog_reader *reader)
{
    return ofr_container_partial(reader->file);
}

static uint32_t left(const struct table *table)
{
    return table->chunk.rows - table->next;
}

static const void *cell(const struct table *table, uint32_t row, int column, size_t bytes)
{
    return (const unsigned char *)table->chunk.column[table->column[column]] + row * bytes;
}

#define DEFINE_GET(name, type)                                                                               \
    static type name(const struct table *table, uint32_t row, int column)                                    \
    {                                                                                                        \
        type value;                                                                                          \
        memcpy(&value, cell(table, row, column, sizeof value), sizeof value);                                \
        return value;                                                                                        \
    }

DEFINE_GET(get_i64, int64_t)
DEFINE_GET(get_u64, uint64_t)
DEFINE_GET(get_u32, uint32_t)
DEFINE_GET(get_u16, uint16_t)
DEFINE_GET(get_u8, uint8_t)
DEFINE_GET(get_f64, double)

static int64_t plus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int64_t minus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static void get_request(const struct table *t, uint32_t row, int64_t dispatched_ns, int64_t ended_ns,
                        struct ofr_request_row *out)
{
    int64_t arrival = minus(dispatched_ns, get_i64(t, row, OFR_LOG_REQUEST_ARRIVAL));
    *out = (struct ofr_request_row){
        .id = get_u64(t, row, OFR_LOG_REQUEST_ID),
        .arrival_ns = arrival,
        .admitted_ns = plus(get_i64(t, row, OFR_LOG_REQUEST_ADMITTED), arrival),
        .dispatched_ns = plus(get_i64(t, row, OFR_LOG_REQUEST_DISPATCHED), dispatched_ns),
        .released_ns = minus(ended_ns, get_i64(t, row, OFR_LOG_REQUEST_RELEASED)),
        .ended_ns = plus(get_i64(t, row, OFR_LOG_REQUEST_ENDED), ended_ns),
        .deadline_ns = plus(get_i64(t, row, OFR_LOG_REQUEST_DEADLINE), arrival),
        .batch = get_i64(t, row, OFR_LOG_REQUEST_BATCH),
        .sample = get_u32(t, row, OFR_LOG_REQUEST_SAMPLE),
        .stream = get_u16(t, row, OFR_LOG_REQUEST_STREAM),
        .exit_site = get_u16(t, row, OFR_LOG_REQUEST_EXIT_SITE),
        .answer = get_u16(t, row, OFR_LOG_REQUEST_ANSWER),
        .outcome = get_u8(t, row, OFR_LOG_REQUEST_OUTCOME),
        .agrees = get_u8(t, row, OFR_LOG_REQUEST_AGREES),
        .correct = get_u8(t, row, OFR_LOG_REQUEST_CORRECT),
    };
}

static void get_batch(const struct table *t, uint32_t row, struct ofr_batch_row *out)
{
    int64_t dispatched = get_i64(t, row, OFR_LOG_BATCH_DISPATCHED);
    *out = (struct ofr_batch_row){
        .id = get_i64(t, row, OFR_LOG_BATCH_ID),
        .dispatched_ns = dispatched,
        .ended_ns = plus(get_i64(t, row, OFR_LOG_BATCH_ENDED), dispatched),
        .size = get_u32(t, row, OFR_LOG_BATCH_SIZE),
        .padded = get_u32(t, row, OFR_LOG_BATCH_PADDED),
        .queue_length = get_u32(t, row, OFR_LOG_BATCH_QUEUE_LENGTH),
        .server = get_u16(t, row, OFR_LOG_BATCH_SERVER),
        .ramps = get_u16(t, row, OFR_LOG_BATCH_RAMPS),
        .reason = get_u8(t, row, OFR_LOG_BATCH_REASON),
        .cut = t->column[OFR_LOG_BATCH_CUT] < 0 ? 0 : get_u8(t, row, OFR_LOG_BATCH_CUT),
    };
}

static int get_decision(struct ofr_runlog_reader *reader, uint32_t row, struct ofr_error *err)
{
    const struct table *t = &reader->table[OFR_LOG_DECISIONS];
    struct ofr_decision_row *out = &reader->decision;
    uint32_t sites = reader->about.sites;
    *out = (struct ofr_decision_row){
        .decided_ns = get_i64(t, row, OFR_LOG_DECISION_DECIDED),
        .applied_ns = get_i64(t, row, OFR_LOG_DECISION_APPLIED),
        .cost_ns = get_i64(t, row, OFR_LOG_DECISION_COST),
        .evaluations = get_u32(t, row, OFR_LOG_DECISION_EVALUATIONS),
        .changed = get_u8(t, row, OFR_LOG_DECISION_CHANGED),
        .predicted_gain_pct = get_f64(t, row, OFR_LOG_DECISION_GAIN),
        .config = {.ramps = get_u32(t, row, OFR_LOG_DECISION_RAMPS),
                   .criterion = get_u8(t, row, OFR_LOG_DECISION_CRITERION),
                   .free_ramps = get_u8(t, row, OFR_LOG_DECISION_FREE_RAMPS) != 0},
    };
    if (out->config.ramps > sites)
        return fail(reader, err, t->chunk.offset, "found a decision with more ramps than sites");
    memcpy(out->trigger, cell(t, row, OFR_LOG_DECISION_TRIGGER, sizeof out->trigger), sizeof out->trigger);
    out->trigger[sizeof out->trigger - 1] = '\0';
    const void *site = cell(t, row, OFR_LOG_DECISION_SITE, sites * sizeof(uint16_t));
    const void *threshold = cell(t, row, OFR_LOG_DECISION_THRESHOLD, sites * sizeof(double));
    memcpy(out->config.site, site, out->config.ramps * sizeof(uint16_t));
    memcpy(out->config.threshold, threshold, out->config.ramps * sizeof(double));
    return OFR_OK;
}

static int which_table(const struct ofr_runlog_reader *reader, uint32_t index)
{
    for (int i = 0; i < OFR_LOG_TABLES; i++)
        if (reader->table[i].index == index)
            return i;
    return -1;
}

/* Reads one more chunk of the group at hand. 1 = more rows, 0 = end. */
static int read_chunk(struct ofr_runlog_reader *reader, struct ofr_error *err)
{
    struct ofr_chunk chunk;
    const struct table *batches = &reader->table[OFR_LOG_BATCHES];
    int rc = ofr_container_next(reader->file, &chunk, err);
    reader->ended = rc == 0;
    /* A file cut between a batch and its requests loses both. */
    if (reader->ended && left(batches) && !ofr_container_partial(reader->file))
        return fail(reader, err, batches->chunk.offset, "found a batch without requests");
    if (rc != 1)
        return rc;
    int which = which_table(reader, chunk.table);
    if (which < 0)
        return 1;
    if (left(&reader->table[which]) || (which == OFR_LOG_DECISIONS && left(batches)))
        return fail(reader, err, chunk.offset, "found a group of rows out of order");
    reader->table[which].chunk = chunk;
    reader->table[which].next = 0;
    return 1;
}

static int grow(struct ofr_runlog_reader *reader, uint32_t rows, struct ofr_error *err)
{
    if (rows <= reader->room)
        return OFR_OK;
    struct ofr_request_row *grown = realloc(reader->requests, rows * sizeof *grown);
    if (!grown)
        return ofr_fail_nomem(err, "a batch of requests");
    reader->requests = grown;
    reader->room = rows;
    return OFR_OK;
}

/* Whoever observes a run counts by these. */
static bool within_range(const struct ofr_runlog_reader *reader, const struct ofr_request_row *row)
{
    bool answered = row->outcome == OFR_OUTCOME_OK || row->outcome == OFR_OUTCOME_LATE;
    bool onward = row->outcome == OFR_OUTCOME_ONWARD && row->batch != OFR_BATCH_NONE;
    return (row->outcome < OFR_OUTCOMES || onward) && row->agrees <= 1 && row->correct <= 2 &&
           (row->exit_site <= reader->about.sites || (!answered && row->exit_site == OFR_EXIT_NONE));
}

static int take_requests(struct ofr_runlog_reader *reader, uint32_t rows, struct ofr_error *err)
{
    struct table *t = &reader->table[OFR_LOG_REQUESTS];
    int rc = grow(reader, rows, err);
    if (rc)
        return rc;
    const struct ofr_batch_row *batch = &reader->batch;
    for (uint32_t i = 0; i < rows; i++) {
        get_request(t, t->next, batch->dispatched_ns, batch->ended_ns, &reader->requests[i]);
        if (reader->requests[i].batch != batch->id)
            return fail(reader, err, t->chunk.offset, "found a request outside its batch");
        if (!within_range(reader, &reader->requests[i]))
            return fail(reader, err, t->chunk.offset, "found an outcome, exit or answer out of range");
        t->next++;
    }
    reader->handed_out += rows;
    return 1;
}

static int take_batch(struct ofr_runlog_reader *reader, struct ofr_runlog_event *event, struct ofr_error *err)
{
    struct table *batches = &reader->table[OFR_LOG_BATCHES];
    if (!left(batches))
        return fail(reader, err, reader->table[OFR_LOG_REQUESTS].chunk.offset,
                    "found a request without its batch");
    get_batch(batches, batches->next++, &reader->batch);
    if (reader->batch.size < 1 || reader->batch.size > left(&reader->table[OFR_LOG_REQUESTS]))
        return fail(reader, err, batches->chunk.offset,
                    "found a batch with more or fewer requests than its size");
    if (reader->batch.reason >= OFR_REASONS)
        return fail(reader, err, batches->chunk.offset, "found a batch of unknown reason");
    *event = (struct ofr_runlog_event){
        .kind = OFR_RUNLOG_BATCH, .batch = &reader->batch, .requests = reader->batch.size};
    int rc = take_requests(reader, reader->batch.size, err);
    event->request = reader->requests;
    return rc;
}

static int take_lost(struct ofr_runlog_reader *reader, struct ofr_runlog_event *event, struct ofr_error *err)
{
    reader->batch = (struct ofr_batch_row){.id = OFR_BATCH_NONE};
    int rc = take_requests(reader, 1, err);
    *event = (struct ofr_runlog_event){.kind = OFR_RUNLOG_LOST, .request = reader->requests, .requests = 1};
    return rc;
}

static int take_decision(struct ofr_runlog_reader *reader, struct ofr_runlog_event *event,
                         struct ofr_error *err)
{
    *event = (struct ofr_runlog_event){.kind = OFR_RUNLOG_DECISION, .decision = &reader->decision};
    int rc = get_decision(reader, reader->table[OFR_LOG_DECISIONS].next++, err);
    return rc ? rc : 1;
}

/* The decision at hand took effect before the next request. */
static bool decision_due(const struct ofr_runlog_reader *reader)
{
    const struct table *t = &reader->table[OFR_LOG_DECISIONS];
    return left(t) && get_u64(t, t->next, OFR_LOG_DECISION_BEFORE) <= reader->handed_out;
}

int ofr_runlog_next(struct ofr_runlog_reader *reader, struct ofr_runlog_event *event, struct ofr_error *err)
{
    struct table *requests = &reader->table[OFR_LOG_REQUESTS];
    while (!decision_due(reader) && !left(requests) && !reader->ended) {
        int rc = read_chunk(reader, err);
        if (rc < 0)
            return rc;
    }
    if (decision_due(reader))
        return take_decision(reader, event, err);
    if (!left(requests))
        return ofr_container_partial(reader->file) ? ofr_container_fail_partial(reader->file, err) : 0;
    if (get_i64(requests, requests->next, OFR_LOG_REQUEST_BATCH) == OFR_BATCH_NONE)
        return take_lost(reader, event, err);
    return take_batch(reader, event, err);
}

int ofr_runlog_replay(struct ofr_runlog_reader *reader, const struct ofr_observer *observer,
                      struct ofr_error *err)
{
    struct ofr_runlog_event event;
    int rc;
    while ((rc = ofr_runlog_next(reader, &event, err)) == 1) {
        if (event.kind == OFR_RUNLOG_BATCH)
            observer->batch(observer->state, event.batch, event.request, event.requests);
        else if (event.kind == OFR_RUNLOG_LOST)
            observer->lost(observer->state, event.request);
        else
            observer->decision(observer->state, event.decision);
    }
    return rc;
}
