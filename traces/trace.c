#include "traces/trace.h"

#include "traces/container.h"
#include "traces/row_buffer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARRIVAL,
    DURATION,
    PROMPT,
    OUTPUT,
    STREAM,
    COLUMNS
};

static const struct ofr_column_need needs[COLUMNS] = {
    [ARRIVAL] = {"arrival_ns", 1u << OFR_TYPE_I64, "ns", 1, false},
    [DURATION] = {"duration_ns", 1u << OFR_TYPE_I64, "ns", 1, true},
    [PROMPT] = {"prompt_tokens", 1u << OFR_TYPE_U32, "tokens", 1, true},
    [OUTPUT] = {"output_tokens", 1u << OFR_TYPE_U32, "tokens", 1, true},
    [STREAM] = {"stream", 1u << OFR_TYPE_U32, "", 1, true},
};

static const enum ofr_type types[COLUMNS] = {OFR_TYPE_I64, OFR_TYPE_I64, OFR_TYPE_U32, OFR_TYPE_U32,
                                             OFR_TYPE_U32};

/* The bit of enum ofr_trace_columns of an optional column. */
static uint32_t bit(int column)
{
    return column == ARRIVAL ? 0 : 1u << (column - 1);
}

struct ofr_trace_reader {
    struct ofr_container_reader *file; /* owned */
    uint32_t table;
    int index[COLUMNS];
    int64_t last_ns; /* of the chunk before */
};

int ofr_trace_open(struct ofr_trace_reader **out, const char *path, struct ofr_error *err)
{
    *out = NULL;
    struct ofr_trace_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return ofr_fail_nomem(err, "a trace reader");
    int rc = ofr_container_open(&reader->file, path, OFR_FILE_TRACE, err);
    if (!rc)
        rc = ofr_container_check(reader->file, "requests", needs, COLUMNS, true, &reader->table,
                                 reader->index, err);
    if (rc) {
        ofr_trace_close(reader);
        return rc;
    }
    *out = reader;
    return OFR_OK;
}

void ofr_trace_close(struct ofr_trace_reader *reader)
{
    if (!reader)
        return;
    ofr_container_close(reader->file);
    free(reader);
}

uint32_t ofr_trace_columns(const struct ofr_trace_reader *reader)
{
    uint32_t columns = 0;
    for (int i = 0; i < COLUMNS; i++)
        columns |= reader->index[i] >= 0 ? bit(i) : 0;
    return columns;
}

void ofr_trace_want(struct ofr_trace_reader *reader, uint32_t columns)
{
    for (int i = ARRIVAL + 1; i < COLUMNS; i++)
        if (reader->index[i] >= 0)
            ofr_container_want(reader->file, reader->table, (uint32_t)reader->index[i],
                               (columns & bit(i)) != 0);
}

const struct ofr_notes *ofr_trace_provenance(const struct ofr_trace_reader *reader)
{
    return &ofr_container_head(reader->file)->provenance;
}

bool ofr_trace_partial(const struct ofr_trace_reader *reader)
{
    return ofr_container_partial(reader->file);
}

int ofr_trace_rewind(struct ofr_trace_reader *reader, struct ofr_error *err)
{
    reader->last_ns = 0;
    return ofr_container_rewind(reader->file, err);
}

/* The loops look at every row without branching on it, so that they cost next to nothing. */
static bool ordered(const int64_t *values, uint32_t rows, int64_t before)
{
    bool bad = values[0] < before;
    for (uint32_t i = 1; i < rows; i++)
        bad |= values[i] < values[i - 1];
    return !bad;
}

static bool any_negative(const int64_t *values, uint32_t rows)
{
    int64_t all = 0;
    for (uint32_t i = 0; i < rows; i++)
        all |= values[i];
    return all < 0;
}

static int fail_order(const struct ofr_trace_reader *reader, const struct ofr_chunk *raw,
                      const int64_t *arrival, struct ofr_error *err)
{
    int64_t before = reader->last_ns;
    uint32_t i = 0;
    for (; i + 1 < raw->rows && arrival[i] >= before; i++)
        before = arrival[i];
    return ofr_fail(err, OFR_E_INPUT,
                    "%s: offset %" PRIu64 ": row %" PRIu64 ": found arrival %" PRId64 " ns, expected %" PRId64
                    " or later",
                    ofr_container_path(reader->file), raw->offset, raw->first_row + i, arrival[i], before);
}

static int check_chunk(struct ofr_trace_reader *reader, const struct ofr_chunk *raw,
                       const struct ofr_trace_chunk *chunk, struct ofr_error *err)
{
    if (!ordered(chunk->arrival_ns, chunk->rows, reader->last_ns))
        return fail_order(reader, raw, chunk->arrival_ns, err);
    if (chunk->duration_ns && any_negative(chunk->duration_ns, chunk->rows))
        return ofr_fail(err, OFR_E_INPUT, "%s: offset %" PRIu64 ": found a negative duration",
                        ofr_container_path(reader->file), raw->offset);
    reader->last_ns = chunk->arrival_ns[chunk->rows - 1];
    return 1;
}

static const void *column(const struct ofr_trace_reader *reader, const struct ofr_chunk *raw, int which)
{
    return reader->index[which] < 0 ? NULL : raw->column[reader->index[which]];
}

int ofr_trace_next(struct ofr_trace_reader *reader, struct ofr_trace_chunk *chunk, struct ofr_error *err)
{
    struct ofr_chunk raw;
    int rc;
    while ((rc = ofr_container_next(reader->file, &raw, err)) == 1 && raw.table != reader->table)
        ;
    if (rc == 0 && ofr_container_partial(reader->file))
        return ofr_container_fail_partial(reader->file, err);
    if (rc != 1)
        return rc;
    *chunk = (struct ofr_trace_chunk){
        .rows = raw.rows,
        .arrival_ns = column(reader, &raw, ARRIVAL),
        .duration_ns = column(reader, &raw, DURATION),
        .prompt_tokens = column(reader, &raw, PROMPT),
        .output_tokens = column(reader, &raw, OUTPUT),
        .stream = column(reader, &raw, STREAM),
    };
    return check_chunk(reader, &raw, chunk, err);
}

struct ofr_trace_writer {
    struct ofr_container_writer *file; /* owned */
    char *path;                        /* owned, for messages */
    struct ofr_row_buffer rows;
    int index[COLUMNS];
    int64_t last_ns;
    uint64_t count;
};

static void describe(struct ofr_trace_writer *writer, uint32_t columns, struct ofr_file_head *head)
{
    struct ofr_table *table = ofr_head_add_table(head, "requests");
    for (int i = 0; i < COLUMNS; i++) {
        writer->index[i] = -1;
        if (i != ARRIVAL && !(columns & bit(i)))
            continue;
        writer->index[i] = (int)table->columns;
        ofr_table_add(table, needs[i].name, types[i], needs[i].unit, 1,
                      i == ARRIVAL ? OFR_ENCODING_DELTA : OFR_ENCODING_PLANES);
    }
}

int ofr_trace_create(struct ofr_trace_writer **out, const char *path, uint32_t columns,
                     const struct ofr_notes *provenance, struct ofr_error *err)
{
    *out = NULL;
    struct ofr_trace_writer *writer = calloc(1, sizeof *writer);
    struct ofr_file_head *head = calloc(1, sizeof *head);
    int rc = OFR_OK;
    if (!writer || !head || !(writer->path = strdup(path)))
        rc = ofr_fail_nomem(err, "a trace writer");
    if (!rc) {
        head->kind = OFR_FILE_TRACE;
        describe(writer, columns, head);
        if (provenance)
            head->provenance = *provenance; /* borrowed */
        rc = ofr_container_create(&writer->file, path, head, err);
    }
    if (!rc)
        rc = ofr_row_buffer_init(&writer->rows, writer->file, head, 0, OFR_CHUNK_BYTES, err);
    free(head);
    if (rc) {
        ofr_trace_abort(writer);
        return rc;
    }
    *out = writer;
    return OFR_OK;
}

static void put_u32(struct ofr_trace_writer *writer, int which, uint32_t value)
{
    if (writer->index[which] >= 0)
        *(uint32_t *)ofr_row_cell(&writer->rows, (uint32_t)writer->index[which]) = value;
}

int ofr_trace_append(struct ofr_trace_writer *writer, const struct ofr_trace_row *row, struct ofr_error *err)
{
    if (row->arrival_ns < writer->last_ns)
        return ofr_fail(err, OFR_E_INPUT,
                        "%s: row %" PRIu64 ": arrival %" PRId64 " ns is before the %" PRId64
                        " ns of the row ahead",
                        writer->path, writer->count, row->arrival_ns, writer->last_ns);
    bool timed = writer->index[DURATION] >= 0;
    if (timed && row->duration_ns < 0)
        return ofr_fail(err, OFR_E_INPUT, "%s: row %" PRIu64 ": duration %" PRId64 " ns is negative",
                        writer->path, writer->count, row->duration_ns);
    *(int64_t *)ofr_row_cell(&writer->rows, (uint32_t)writer->index[ARRIVAL]) = row->arrival_ns;
    if (timed)
        *(int64_t *)ofr_row_cell(&writer->rows, (uint32_t)writer->index[DURATION]) = row->duration_ns;
    put_u32(writer, PROMPT, row->prompt_tokens);
    put_u32(writer, OUTPUT, row->output_tokens);
    put_u32(writer, STREAM, row->stream);
    writer->last_ns = row->arrival_ns;
    writer->count++;
    return ofr_row_done(&writer->rows, err);
}

int ofr_trace_note(struct ofr_trace_writer *writer, const char *name, const char *text, struct ofr_error *err)
{
    return ofr_container_note(writer->file, name, text, err);
}

int ofr_trace_finish(struct ofr_trace_writer *writer, struct ofr_error *err)
{
    int rc = ofr_row_buffer_flush(&writer->rows, err);
    if (!rc) {
        rc = ofr_container_finish(writer->file, err);
        writer->file = NULL;
    }
    ofr_trace_abort(writer);
    return rc;
}

void ofr_trace_abort(struct ofr_trace_writer *writer)
{
    if (!writer)
        return;
    ofr_container_abort(writer->file);
    ofr_row_buffer_release(&writer->rows);
    free(writer->path);
    free(writer);
}
