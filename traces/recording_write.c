#include "traces/recording_format.h"
#include "traces/row_buffer.h"
#include "traces/site_names.h"

#include <stdlib.h>
#include <string.h>

enum {
    CHUNK_BYTES = 1 << 20
};

struct ofr_recording_writer {
    struct ofr_container_writer *file; /* owned */
    struct ofr_row_buffer samples, lengths;
    uint32_t columns;
    int index[OFR_SAMPLE_COLUMNS]; /* place of a column in the file; -1 = absent */
    bool has_lengths;
    uint32_t requests;
};

static void add_column(struct ofr_recording_writer *writer, struct ofr_table *table, int which,
                       const struct ofr_recording_layout *layout)
{
    static const struct {
        const char *name, *unit;
        uint32_t types, bit;
        bool per_site;
    } columns[OFR_SAMPLE_COLUMNS] = {
#define X(id, text, allowed, unit_name, site, column_bit)                                                    \
    [OFR_SAMPLE_##                                                                                           \
        id] = {.name = text, .unit = unit_name, .types = allowed, .bit = column_bit, .per_site = site},
        OFR_SAMPLE_COLUMN_MAP(X)
#undef X
    };
    writer->index[which] = -1;
    if (columns[which].bit && !(layout->columns & columns[which].bit))
        return;
    enum ofr_type type = layout->half ? OFR_TYPE_F16 : OFR_TYPE_F32;
    if (columns[which].types != OFR_REAL_TYPES)
        for (type = OFR_TYPE_U8; !(columns[which].types & 1u << type);)
            type = (enum ofr_type)(type + 1);
    writer->index[which] = (int)table->columns;
    ofr_table_add(table, columns[which].name, type, columns[which].unit,
                  columns[which].per_site ? layout->sites : 1, OFR_ENCODING_PLANES);
}

static int describe(struct ofr_recording_writer *writer, const struct ofr_recording_layout *layout,
                    struct ofr_file_head *head, struct ofr_error *err)
{
    if (strlen(layout->name) >= OFR_NAME_SIZE)
        return ofr_fail(err, OFR_E_INPUT, "found the recording name '%.60s', expected at most %d bytes",
                        layout->name, OFR_NAME_SIZE - 1);
    head->kind = OFR_FILE_RECORDING;
    int rc = ofr_site_names_set(&head->meta, layout->sites, layout->site_name, err);
    if (!rc)
        rc = ofr_notes_set(&head->meta, "name", layout->name, err);
    if (!rc)
        rc = ofr_notes_setf(&head->meta, err, "classes", "%u", layout->classes);
    if (!rc)
        rc = ofr_notes_set(&head->meta, "answers", layout->agreement ? "agreement" : "class", err);
    if (rc)
        return rc;
    struct ofr_table *table = ofr_head_add_table(head, OFR_SAMPLE_TABLE);
    for (int i = 0; i < OFR_SAMPLE_COLUMNS; i++)
        add_column(writer, table, i, layout);
    if (layout->lengths) {
        table = ofr_head_add_table(head, OFR_LENGTHS_TABLE);
        ofr_table_add(table, "request", OFR_TYPE_U32, "", 1, OFR_ENCODING_DELTA);
        ofr_table_add(table, "prompt_tokens", OFR_TYPE_U32, "tokens", 1, OFR_ENCODING_PLANES);
        ofr_table_add(table, "output_tokens", OFR_TYPE_U32, "tokens", 1, OFR_ENCODING_PLANES);
    }
    return OFR_OK;
}

static int open_file(struct ofr_recording_writer *writer, const char *path,
                     const struct ofr_recording_layout *layout, struct ofr_file_head *head,
                     const struct ofr_notes *provenance, struct ofr_error *err)
{
    int rc = describe(writer, layout, head, err);
    if (!rc)
        rc = ofr_notes_add_all(&head->provenance, provenance, err);
    if (!rc)
        rc = ofr_container_create(&writer->file, path, head, err);
    if (!rc)
        rc = ofr_row_buffer_init(&writer->samples, writer->file, head, 0, CHUNK_BYTES, err);
    if (!rc && layout->lengths)
        rc = ofr_row_buffer_init(&writer->lengths, writer->file, head, 1, CHUNK_BYTES, err);
    return rc;
}

int ofr_recording_create(struct ofr_recording_writer **out, const char *path,
                         const struct ofr_recording_layout *layout, const struct ofr_notes *provenance,
                         struct ofr_error *err)
{
    *out = NULL;
    struct ofr_recording_writer *writer = calloc(1, sizeof *writer);
    struct ofr_file_head *head = calloc(1, sizeof *head);
    int rc = writer && head ? OFR_OK : ofr_fail_nomem(err, "a recording writer");
    if (!rc) {
        writer->has_lengths = layout->lengths;
        rc = open_file(writer, path, layout, head, provenance, err);
        ofr_head_release(head);
    }
    free(head);
    if (rc) {
        ofr_recording_abort(writer);
        return rc;
    }
    *out = writer;
    return OFR_OK;
}

static const void *block_column(const struct ofr_recording_block *block, int which)
{
    const void *const columns[OFR_SAMPLE_COLUMNS] = {
        [OFR_SAMPLE_TOP1] = block->top1,
        [OFR_SAMPLE_ENTROPY] = block->entropy,
        [OFR_SAMPLE_ANSWER] = block->answer,
        [OFR_SAMPLE_FINAL_ANSWER] = block->final_answer,
        [OFR_SAMPLE_FINAL_TOP1] = block->final_top1,
        [OFR_SAMPLE_LABEL] = block->label,
        [OFR_SAMPLE_GROUP] = block->group,
        [OFR_SAMPLE_EPISODE] = block->episode,
        [OFR_SAMPLE_TOKENS] = block->tokens,
        [OFR_SAMPLE_REQUEST] = block->request,
        [OFR_SAMPLE_POSITION] = block->position,
    };
    return columns[which];
}

/* Rows first.. of the block, as many as the chunk still takes. */
static uint32_t take_rows(struct ofr_recording_writer *writer, const struct ofr_recording_block *block,
                          uint32_t first)
{
    struct ofr_row_buffer *rows = &writer->samples;
    uint32_t room = rows->capacity - rows->rows;
    uint32_t take = block->rows - first < room ? block->rows - first : room;
    for (int i = 0; i < OFR_SAMPLE_COLUMNS; i++) {
        if (writer->index[i] < 0)
            continue;
        uint32_t c = (uint32_t)writer->index[i];
        const unsigned char *from = block_column(block, i);
        memcpy(ofr_row_cell(rows, c), from + first * rows->bytes[c], take * rows->bytes[c]);
    }
    rows->rows += take;
    return take;
}

int ofr_recording_append(struct ofr_recording_writer *writer, const struct ofr_recording_block *block,
                         struct ofr_error *err)
{
    for (int i = 0; i < OFR_SAMPLE_COLUMNS; i++)
        if (writer->index[i] >= 0 && !block_column(block, i))
            return ofr_fail(err, OFR_E_BUG, "a block of samples lacks column %d of its layout", i);
    for (uint32_t first = 0; first < block->rows;) {
        first += take_rows(writer, block, first);
        int rc = writer->samples.rows == writer->samples.capacity
                     ? ofr_row_buffer_flush(&writer->samples, err)
                     : OFR_OK;
        if (rc)
            return rc;
    }
    return OFR_OK;
}

int ofr_recording_append_lengths(struct ofr_recording_writer *writer, uint32_t rows,
                                 const uint32_t *prompt_tokens, const uint32_t *output_tokens,
                                 struct ofr_error *err)
{
    if (!writer->has_lengths)
        return ofr_fail(err, OFR_E_BUG, "lengths of requests for a recording without them");
    for (uint32_t i = 0; i < rows; i++) {
        *(uint32_t *)ofr_row_cell(&writer->lengths, 0) = writer->requests++;
        *(uint32_t *)ofr_row_cell(&writer->lengths, 1) = prompt_tokens[i];
        *(uint32_t *)ofr_row_cell(&writer->lengths, 2) = output_tokens[i];
        int rc = ofr_row_done(&writer->lengths, err);
        if (rc)
            return rc;
    }
    return OFR_OK;
}

int ofr_recording_note(struct ofr_recording_writer *writer, const char *name, const char *text,
                       struct ofr_error *err)
{
    return ofr_container_note(writer->file, name, text, err);
}

int ofr_recording_finish(struct ofr_recording_writer *writer, struct ofr_error *err)
{
    int rc = ofr_row_buffer_flush(&writer->samples, err);
    if (!rc && writer->has_lengths)
        rc = ofr_row_buffer_flush(&writer->lengths, err);
    if (!rc) {
        rc = ofr_container_finish(writer->file, err);
        writer->file = NULL;
    }
    ofr_recording_abort(writer);
    return rc;
}

void ofr_recording_abort(struct ofr_recording_writer *writer)
{
    if (!writer)
        return;
    ofr_container_abort(writer->file);
    ofr_row_buffer_release(&writer->samples);
    ofr_row_buffer_release(&writer->lengths);
    free(writer);
}
