#include "traces/profile_file.h"

#include "traces/container.h"
#include "traces/row_buffer.h"
#include "traces/site_names.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH,
    SITE,
    QUANTITY,
    VALUE,
    COLUMNS
};

static const struct ofr_column_need needs[COLUMNS] = {
    [BATCH] = {"batch", 1u << OFR_TYPE_U32, "", 1, false},
    [SITE] = {"site", 1u << OFR_TYPE_U32, "", 1, false},
    [QUANTITY] = {"quantity", 1u << OFR_TYPE_U8, "", 1, false},
    [VALUE] = {"value_ns", 1u << OFR_TYPE_I64, "ns", 1, false},
};

static const struct {
    const char *name;
    bool per_batch;
    enum ofr_quantity_places places;
} quantities[OFR_QUANTITIES] = {
#define X(id, value, text, batch, places) [value] = {text, batch, places},
    OFR_QUANTITY_MAP(X)
#undef X
};

const char *ofr_quantity_name(int quantity)
{
    return quantity >= 0 && quantity < OFR_QUANTITIES ? quantities[quantity].name : "?";
}

static uint32_t places_of(enum ofr_quantity quantity, uint32_t sites)
{
    switch (quantities[quantity].places) {
    case OFR_PLACES_SITES:
        return sites;
    case OFR_PLACES_FULL:
        return sites + 1;
    case OFR_PLACES_RUNGS:
        return OFR_PROFILE_RUNGS_MAX;
    default:
        return 1;
    }
}

/* What is wrong with a row, or NULL. */
static const char *row_fault(const struct ofr_profile_row *row, uint32_t sites)
{
    if ((unsigned)row->quantity >= OFR_QUANTITIES)
        return "an unknown quantity";
    if (row->value_ns < 0)
        return "a negative time";
    if (quantities[row->quantity].per_batch != (row->batch != 0))
        return row->batch ? "a batch size where none belongs" : "no batch size";
    if (row->site < places_of(row->quantity, sites))
        return NULL;
    return quantities[row->quantity].places == OFR_PLACES_RUNGS ? "a rung beyond the last one"
                                                                : "a site the model does not have";
}

static int fail_row(struct ofr_error *err, const char *path, uint64_t number,
                    const struct ofr_profile_row *row, const char *fault)
{
    return ofr_fail(err, OFR_E_INPUT,
                    "%s: row %" PRIu64 ": found %s (%s, batch %" PRIu32 ", site %" PRIu32 ", %" PRId64 " ns)",
                    path, number, fault, ofr_quantity_name((int)row->quantity), row->batch, row->site,
                    row->value_ns);
}

struct ofr_profile_writer {
    struct ofr_container_writer *file; /* owned */
    char *path;                        /* owned, for messages */
    struct ofr_row_buffer rows;
    uint32_t sites;
    uint64_t count;
};

static int open_file(struct ofr_profile_writer *writer, struct ofr_file_head *head, const char *model,
                     const char *const *site_name, const struct ofr_notes *provenance, struct ofr_error *err)
{
    if (!*model || strlen(model) >= OFR_NAME_SIZE)
        return ofr_fail(err, OFR_E_INPUT, "found the model name '%.60s', expected 1 to %d bytes", model,
                        OFR_NAME_SIZE - 1);
    head->kind = OFR_FILE_PROFILE;
    struct ofr_table *table = ofr_head_add_table(head, "samples");
    ofr_table_add(table, needs[BATCH].name, OFR_TYPE_U32, "", 1, OFR_ENCODING_DELTA);
    ofr_table_add(table, needs[SITE].name, OFR_TYPE_U32, "", 1, OFR_ENCODING_DELTA);
    ofr_table_add(table, needs[QUANTITY].name, OFR_TYPE_U8, "", 1, OFR_ENCODING_RAW);
    ofr_table_add(table, needs[VALUE].name, OFR_TYPE_I64, "ns", 1, OFR_ENCODING_DELTA);
    int rc = ofr_notes_set(&head->meta, "model", model, err);
    if (!rc)
        rc = ofr_site_names_set(&head->meta, writer->sites, site_name, err);
    if (!rc)
        rc = ofr_notes_add_all(&head->provenance, provenance, err);
    if (!rc)
        rc = ofr_container_create(&writer->file, writer->path, head, err);
    return rc ? rc : ofr_row_buffer_init(&writer->rows, writer->file, head, 0, OFR_CHUNK_BYTES, err);
}

int ofr_profile_create(struct ofr_profile_writer **out, const char *path, const char *model, uint32_t sites,
                       const char *const *site_name, const struct ofr_notes *provenance,
                       struct ofr_error *err)
{
    *out = NULL;
    struct ofr_profile_writer *writer = calloc(1, sizeof *writer);
    struct ofr_file_head *head = calloc(1, sizeof *head);
    int rc = OFR_OK;
    if (!writer || !head || !(writer->path = strdup(path)))
        rc = ofr_fail_nomem(err, "a profile writer");
    if (!rc) {
        writer->sites = sites;
        rc = open_file(writer, head, model, site_name, provenance, err);
        ofr_head_release(head);
    }
    free(head);
    if (rc) {
        ofr_profile_abort(writer);
        return rc;
    }
    *out = writer;
    return OFR_OK;
}

int ofr_profile_append(struct ofr_profile_writer *writer, const struct ofr_profile_row *row,
                       struct ofr_error *err)
{
    const char *fault = row_fault(row, writer->sites);
    if (fault)
        return fail_row(err, writer->path, writer->count, row, fault);
    *(uint32_t *)ofr_row_cell(&writer->rows, BATCH) = row->batch;
    *(uint32_t *)ofr_row_cell(&writer->rows, SITE) = row->site;
    *(uint8_t *)ofr_row_cell(&writer->rows, QUANTITY) = (uint8_t)row->quantity;
    *(int64_t *)ofr_row_cell(&writer->rows, VALUE) = row->value_ns;
    writer->count++;
    return ofr_row_done(&writer->rows, err);
}

int ofr_profile_note(struct ofr_profile_writer *writer, const char *name, const char *text,
                     struct ofr_error *err)
{
    return ofr_container_note(writer->file, name, text, err);
}

int ofr_profile_finish(struct ofr_profile_writer *writer, struct ofr_error *err)
{
    int rc = ofr_row_buffer_flush(&writer->rows, err);
    if (!rc) {
        rc = ofr_container_finish(writer->file, err);
        writer->file = NULL;
    }
    ofr_profile_abort(writer);
    return rc;
}

void ofr_profile_abort(struct ofr_profile_writer *writer)
{
    if (!writer)
        return;
    ofr_container_abort(writer->file);
    ofr_row_buffer_release(&writer->rows);
    free(writer->path);
    free(writer);
}

static int take_chunk(struct ofr_profile_samples *samples, const struct ofr_chunk *chunk, const int *index,
                      const char *path, struct ofr_error *err)
{
    if (samples->count > OFR_PROFILE_ROWS_MAX - chunk->rows)
        return ofr_fail(err, OFR_E_INPUT, "%s: offset %" PRIu64 ": found more than %d samples", path,
                        chunk->offset, OFR_PROFILE_ROWS_MAX);
    size_t rows = samples->count + chunk->rows;
    struct ofr_profile_row *grown = realloc(samples->row, rows * sizeof *grown);
    if (!grown)
        return ofr_fail_nomem(err, "a profile's samples");
    samples->row = grown;
    for (uint32_t i = 0; i < chunk->rows; i++) {
        struct ofr_profile_row *row = &samples->row[samples->count];
        row->batch = ((const uint32_t *)chunk->column[index[BATCH]])[i];
        row->site = ((const uint32_t *)chunk->column[index[SITE]])[i];
        row->quantity = (enum ofr_quantity)((const uint8_t *)chunk->column[index[QUANTITY]])[i];
        row->value_ns = ((const int64_t *)chunk->column[index[VALUE]])[i];
        const char *fault = row_fault(row, samples->sites);
        if (fault)
            return fail_row(err, path, samples->count, row, fault);
        samples->count++;
    }
    return OFR_OK;
}

static int read_rows(struct ofr_profile_samples *samples, struct ofr_container_reader *file,
                     struct ofr_error *err)
{
    struct ofr_chunk chunk;
    uint32_t table;
    int index[COLUMNS];
    int rc = ofr_container_check(file, "samples", needs, COLUMNS, true, &table, index, err);
    if (rc)
        return rc;
    while ((rc = ofr_container_next(file, &chunk, err)) == 1)
        if (chunk.table == table && (rc = take_chunk(samples, &chunk, index, ofr_container_path(file), err)))
            return rc;
    if (rc == 0 && ofr_container_partial(file))
        return ofr_container_fail_partial(file, err);
    return rc;
}

int ofr_profile_samples_load(struct ofr_profile_samples *out, const char *path, struct ofr_error *err)
{
    struct ofr_container_reader *file;
    *out = (struct ofr_profile_samples){0};
    int rc = ofr_container_open(&file, path, OFR_FILE_PROFILE, err);
    if (rc)
        return rc;
    const struct ofr_file_head *head = ofr_container_head(file);
    const char *model = ofr_notes_get(&head->meta, "model");
    if (!model || !*model || strlen(model) >= OFR_NAME_SIZE)
        rc = ofr_fail(err, OFR_E_INPUT, "%s: offset 0: the header has no model name of 1 to %d bytes", path,
                      OFR_NAME_SIZE - 1);
    else
        strcpy(out->model, model);
    if (!rc)
        rc = ofr_site_names_get(&head->meta, path, &out->sites, &out->site_name, err);
    if (!rc)
        rc = read_rows(out, file, err);
    if (!rc)
        rc = ofr_notes_add_all(&out->provenance, &head->provenance, err);
    ofr_container_close(file);
    if (rc)
        ofr_profile_samples_release(out);
    return rc;
}

void ofr_profile_samples_release(struct ofr_profile_samples *samples)
{
    free(samples->site_name);
    free(samples->row);
    ofr_notes_release(&samples->provenance);
    *samples = (struct ofr_profile_samples){0};
}
