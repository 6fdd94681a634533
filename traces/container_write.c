#include "traces/atomic_file.h"
#include "traces/codec.h"
#include "traces/container_format.h"

#include <msgpack.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum {
    DENSE_LEVEL = 19,
    COMPRESSION_LEVEL = 3 /* part of what makes the same input the same bytes */
};

struct ofr_container_writer {
    struct ofr_atomic_file *file;
    struct ofr_file_head head; /* tables only; notes stay with the caller */
    struct ofr_notes late;
    struct ofr_checksum sum;
    ZSTD_CCtx *zstd;
    uint64_t rows[OFR_TABLES_MAX];
    unsigned char *encoded, *frames; /* owned: one column; all frames of a chunk */
    size_t encoded_size, frames_size;
    size_t frame[OFR_COLUMNS_MAX]; /* bytes of each frame of the chunk being written */
    msgpack_sbuffer out;
    msgpack_packer packer;
    struct ofr_error failed; /* first failure: every later call repeats it */
};

static void pack_text(msgpack_packer *packer, const char *text)
{
    size_t size = strlen(text);
    msgpack_pack_str(packer, size);
    msgpack_pack_str_body(packer, text, size);
}

static void pack_notes(msgpack_packer *packer, const struct ofr_notes *notes)
{
    msgpack_pack_map(packer, notes->count);
    for (uint32_t i = 0; i < notes->count; i++) {
        pack_text(packer, notes->item[i].name);
        pack_text(packer, notes->item[i].text);
    }
}

static void pack_column(msgpack_packer *packer, const struct ofr_column *column)
{
    msgpack_pack_map(packer, 5);
    pack_text(packer, "name");
    pack_text(packer, column->name);
    pack_text(packer, "type");
    pack_text(packer, ofr_type_name(column->type));
    pack_text(packer, "unit");
    pack_text(packer, column->unit);
    pack_text(packer, "width");
    msgpack_pack_uint32(packer, column->width);
    pack_text(packer, "encoding");
    pack_text(packer, ofr_encoding_name(column->encoding));
}

static void pack_tables(msgpack_packer *packer, const struct ofr_file_head *head)
{
    msgpack_pack_array(packer, head->tables);
    for (uint32_t i = 0; i < head->tables; i++) {
        const struct ofr_table *table = &head->table[i];
        msgpack_pack_map(packer, 2);
        pack_text(packer, "name");
        pack_text(packer, table->name);
        pack_text(packer, "columns");
        msgpack_pack_array(packer, table->columns);
        for (uint32_t c = 0; c < table->columns; c++)
            pack_column(packer, &table->column[c]);
    }
}

static int keep_failure(struct ofr_container_writer *writer, struct ofr_error *err)
{
    return ofr_fail(err, writer->failed.code, "%s", writer->failed.text);
}

/* Writes what has been packed. The packer's own failures (no memory) show as a missing buffer. */
static int flush(struct ofr_container_writer *writer)
{
    if (!writer->out.data)
        return ofr_fail_nomem(&writer->failed, "an output buffer");
    int rc = ofr_atomic_write(writer->file, writer->out.data, writer->out.size, &writer->failed);
    msgpack_sbuffer_clear(&writer->out);
    return rc;
}

/* "kind" comes first: with the byte before it, it is what the format is recognised by. */
static int write_header(struct ofr_container_writer *writer, const struct ofr_file_head *head)
{
    msgpack_packer *packer = &writer->packer;
    msgpack_pack_map(packer, 5);
    pack_text(packer, "kind");
    pack_text(packer, ofr_file_kind_stored(head->kind));
    pack_text(packer, "version");
    msgpack_pack_uint32(packer, ofr_file_kind_version(head->kind));
    pack_text(packer, "tables");
    pack_tables(packer, head);
    pack_text(packer, "meta");
    pack_notes(packer, &head->meta);
    pack_text(packer, "provenance");
    pack_notes(packer, &head->provenance);
    if (!writer->out.data)
        return ofr_fail_nomem(&writer->failed, "a file header");
    writer->sum.value = XXH64(writer->out.data, writer->out.size, 0);
    msgpack_pack_uint64(packer, writer->sum.value);
    return flush(writer);
}

static int check_head(const char *path, const struct ofr_file_head *head, struct ofr_error *err)
{
    if (head->tables < 1 || head->tables > OFR_TABLES_MAX)
        return ofr_fail(err, OFR_E_BUG, "%s: %u tables", path, head->tables);
    for (uint32_t i = 0; i < head->tables; i++) {
        const char *fault = ofr_table_fault(&head->table[i]);
        if (fault)
            return ofr_fail(err, OFR_E_BUG, "%s: table %s has %s", path, head->table[i].name, fault);
    }
    return OFR_OK;
}

static int prepare(struct ofr_container_writer *writer, bool dense, struct ofr_error *err)
{
    writer->sum.state = XXH64_createState();
    writer->zstd = ZSTD_createCCtx();
    if (!writer->sum.state || !writer->zstd)
        return ofr_fail_nomem(err, "a file writer");
    ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_compressionLevel, dense ? DENSE_LEVEL : COMPRESSION_LEVEL);
    return OFR_OK;
}

int ofr_container_create(struct ofr_container_writer **out, const char *path,
                         const struct ofr_file_head *head, struct ofr_error *err)
{
    *out = NULL;
    int rc = check_head(path, head, err);
    if (rc)
        return rc;
    struct ofr_container_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return ofr_fail_nomem(err, "a file writer");
    writer->head = *head;
    writer->head.meta = writer->head.provenance = (struct ofr_notes)OFR_NOTES_INIT;
    msgpack_sbuffer_init(&writer->out);
    msgpack_packer_init(&writer->packer, &writer->out, msgpack_sbuffer_write);
    if (!(rc = prepare(writer, head->dense, err)) && !(rc = ofr_atomic_open(&writer->file, path, err)) &&
        (rc = write_header(writer, head)))
        keep_failure(writer, err);
    if (rc) {
        ofr_container_abort(writer);
        return rc;
    }
    *out = writer;
    return OFR_OK;
}

static int reserve(unsigned char **buffer, size_t *size, size_t need, struct ofr_error *err)
{
    if (need <= *size)
        return OFR_OK;
    unsigned char *grown = realloc(*buffer, need);
    if (!grown)
        return ofr_fail_nomem(err, "a chunk of rows");
    *buffer = grown;
    *size = need;
    return OFR_OK;
}

/* Compresses one column behind the frames before it. */
static int compress_column(struct ofr_container_writer *writer, const struct ofr_column *column,
                           uint32_t rows, const void *values, size_t used, size_t *frame)
{
    size_t bytes = (size_t)rows * ofr_column_bytes(column);
    size_t bound = ZSTD_compressBound(bytes);
    const void *source = values;
    if (reserve(&writer->frames, &writer->frames_size, used + bound, &writer->failed))
        return writer->failed.code;
    if (column->encoding != OFR_ENCODING_RAW) {
        if (reserve(&writer->encoded, &writer->encoded_size, bytes, &writer->failed))
            return writer->failed.code;
        ofr_codec_encode(column, rows, values, writer->encoded);
        source = writer->encoded;
    }
    *frame = ZSTD_compress2(writer->zstd, writer->frames + used, bound, source, bytes);
    if (ZSTD_isError(*frame))
        return ofr_fail(&writer->failed, OFR_E_NOMEM, "cannot compress column %s: %s", column->name,
                        ZSTD_getErrorName(*frame));
    return OFR_OK;
}

static void pack_chunk(struct ofr_container_writer *writer, uint32_t table, uint32_t rows)
{
    uint32_t columns = writer->head.table[table].columns;
    const unsigned char *frame = writer->frames;
    ofr_checksum_begin(&writer->sum);
    ofr_checksum_number(&writer->sum, table);
    ofr_checksum_number(&writer->sum, rows);
    for (uint32_t c = 0; c < columns; frame += writer->frame[c++])
        ofr_checksum_bytes(&writer->sum, frame, writer->frame[c]);
    msgpack_pack_array(&writer->packer, 4);
    msgpack_pack_uint32(&writer->packer, table);
    msgpack_pack_uint32(&writer->packer, rows);
    msgpack_pack_uint64(&writer->packer, ofr_checksum_end(&writer->sum));
    msgpack_pack_array(&writer->packer, columns);
    frame = writer->frames;
    for (uint32_t c = 0; c < columns; frame += writer->frame[c++]) {
        msgpack_pack_bin(&writer->packer, writer->frame[c]);
        msgpack_pack_bin_body(&writer->packer, frame, writer->frame[c]);
    }
}

static int write_chunk(struct ofr_container_writer *writer, uint32_t table, uint32_t rows,
                       const void *const *column)
{
    const struct ofr_table *shape = &writer->head.table[table];
    size_t used = 0;
    for (uint32_t c = 0; c < shape->columns; c++) {
        int rc = compress_column(writer, &shape->column[c], rows, column[c], used, &writer->frame[c]);
        if (rc)
            return rc;
        used += writer->frame[c];
    }
    pack_chunk(writer, table, rows);
    writer->rows[table] += rows;
    return flush(writer);
}

int ofr_container_write(struct ofr_container_writer *writer, uint32_t table, uint32_t rows,
                        const void *const *column, struct ofr_error *err)
{
    if (!writer->failed.code && rows) {
        if (table >= writer->head.tables || rows > ofr_table_chunk_rows(&writer->head.table[table]))
            ofr_fail(&writer->failed, OFR_E_BUG, "chunk of %u rows for table %u", rows, table);
        else
            write_chunk(writer, table, rows, column);
    }
    return writer->failed.code ? keep_failure(writer, err) : OFR_OK;
}

int ofr_container_note(struct ofr_container_writer *writer, const char *name, const char *text,
                       struct ofr_error *err)
{
    return ofr_notes_set(&writer->late, name, text, err);
}

static int write_end(struct ofr_container_writer *writer)
{
    ofr_checksum_begin(&writer->sum);
    for (uint32_t i = 0; i < writer->head.tables; i++)
        ofr_checksum_number(&writer->sum, writer->rows[i]);
    for (uint32_t i = 0; i < writer->late.count; i++) {
        ofr_checksum_bytes(&writer->sum, writer->late.item[i].name, strlen(writer->late.item[i].name));
        ofr_checksum_bytes(&writer->sum, writer->late.item[i].text, strlen(writer->late.item[i].text));
    }
    msgpack_pack_array(&writer->packer, 4);
    msgpack_pack_nil(&writer->packer);
    msgpack_pack_array(&writer->packer, writer->head.tables);
    for (uint32_t i = 0; i < writer->head.tables; i++)
        msgpack_pack_uint64(&writer->packer, writer->rows[i]);
    msgpack_pack_uint64(&writer->packer, ofr_checksum_end(&writer->sum));
    pack_notes(&writer->packer, &writer->late);
    return flush(writer);
}

int ofr_container_finish(struct ofr_container_writer *writer, struct ofr_error *err)
{
    int rc = writer->failed.code ? writer->failed.code : write_end(writer);
    if (rc) {
        keep_failure(writer, err);
    } else {
        struct ofr_atomic_file *file = writer->file;
        writer->file = NULL;
        rc = ofr_atomic_commit(file, err);
    }
    ofr_container_abort(writer);
    return rc;
}

void ofr_container_abort(struct ofr_container_writer *writer)
{
    if (!writer)
        return;
    ofr_atomic_abort(writer->file);
    ofr_notes_release(&writer->late);
    XXH64_freeState(writer->sum.state);
    ZSTD_freeCCtx(writer->zstd);
    msgpack_sbuffer_destroy(&writer->out);
    free(writer->encoded);
    free(writer->frames);
    free(writer);
}
