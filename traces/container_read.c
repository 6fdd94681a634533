#include "traces/codec.h"
#include "traces/container_format.h"
#include "traces/container_header.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

enum {
    FIRST_BUFFER = 1 << 20
};

struct column_state {
    unsigned char *values; /* owned; the decoded column of the last chunk */
    size_t size;
    bool unwanted;
};

struct table_state {
    uint64_t rows;
    struct column_state column[OFR_COLUMNS_MAX];
};

struct ofr_container_reader {
    int fd;
    char *path; /* owned */
    struct ofr_file_head head;
    struct table_state table[OFR_TABLES_MAX];
    struct ofr_checksum sum;
    uint64_t header_sum, first_record; /* where rewind goes back to */
    ZSTD_DCtx *zstd;
    msgpack_zone zone;
    unsigned char *buffer; /* owned; bytes begin..end of it are the file from `offset` on */
    size_t size, begin, end;
    uint64_t offset;
    unsigned char *encoded; /* owned: a decompressed column before decoding */
    size_t encoded_size;
    bool eof, done, partial;
};

static int fail(const struct ofr_container_reader *reader, struct ofr_error *err, const char *found)
{
    return ofr_fail(err, OFR_E_INPUT, "%s: offset %" PRIu64 ": %s", reader->path, reader->offset, found);
}

static int fail_read(const struct ofr_container_reader *reader, struct ofr_error *err)
{
    bool theirs = errno == ENOENT || errno == ENOTDIR || errno == EISDIR || errno == ENAMETOOLONG;
    return ofr_fail(err, theirs ? OFR_E_INPUT : OFR_E_IO, "cannot read %s: %s", reader->path,
                    strerror(errno));
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

/* Reads more of the file behind what is buffered; sets eof when there is no more. */
static int fill(struct ofr_container_reader *reader, struct ofr_error *err)
{
    if (reader->begin) {
        memmove(reader->buffer, reader->buffer + reader->begin, reader->end - reader->begin);
        reader->end -= reader->begin;
        reader->begin = 0;
    }
    if (reader->end == reader->size) {
        size_t more = reader->size ? 2 * reader->size : FIRST_BUFFER;
        int rc = reserve(&reader->buffer, &reader->size, more, err);
        if (rc)
            return rc;
    }
    ssize_t got;
    do
        got = read(reader->fd, reader->buffer + reader->end, reader->size - reader->end);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return fail_read(reader, err);
    reader->eof = got == 0;
    reader->end += (size_t)got;
    return OFR_OK;
}

/* Makes the next object whole in the buffer. 1 = there, 0 = the file ends before its end, negative = error.
 */
static int next_extent(struct ofr_container_reader *reader, size_t *extent, struct ofr_error *err)
{
    for (;;) {
        size_t have = reader->end - reader->begin;
        int known = ofr_object_extent(reader->buffer + reader->begin, have, extent);
        if (known == 1)
            return 1;
        if (known < 0)
            return fail(reader, err, "found bytes that are no record of this format, the file is damaged");
        if (reader->eof)
            return 0;
        int rc = fill(reader, err);
        if (rc)
            return rc;
    }
}

static void consume(struct ofr_container_reader *reader, size_t extent)
{
    reader->begin += extent;
    reader->offset += extent;
}

/* The next object, unpacked; its texts and frames point into the buffer. As next_extent. */
static int next_object(struct ofr_container_reader *reader, msgpack_object *object, size_t *extent,
                       struct ofr_error *err)
{
    int rc = next_extent(reader, extent, err);
    if (rc != 1)
        return rc;
    msgpack_zone_clear(&reader->zone);
    size_t at = 0;
    const char *bytes = (const char *)reader->buffer + reader->begin;
    msgpack_unpack_return got = msgpack_unpack(bytes, *extent, &at, &reader->zone, object);
    /* Objects are bounded, so that msgpack's "no memory" is its answer to lists nested too deep. */
    if (got != MSGPACK_UNPACK_SUCCESS || at != *extent)
        return fail(reader, err, "found a record that cannot be unpacked, the file is damaged");
    return 1;
}

static int fail_short_header(const struct ofr_container_reader *reader, struct ofr_error *err)
{
    return ofr_fail(err, OFR_E_INPUT, "%s: offset %zu: the file ends inside its header", reader->path,
                    reader->end - reader->begin + (size_t)reader->offset);
}

static int read_header_sum(struct ofr_container_reader *reader, uint64_t sum, struct ofr_error *err)
{
    msgpack_object object;
    size_t extent;
    int rc = next_object(reader, &object, &extent, err);
    if (rc <= 0)
        return rc ? rc : fail_short_header(reader, err);
    if (object.type != MSGPACK_OBJECT_POSITIVE_INTEGER || object.via.u64 != sum)
        return fail(reader, err, "the header does not match its checksum, the file is damaged");
    consume(reader, extent);
    reader->header_sum = reader->sum.value = sum;
    reader->first_record = reader->offset;
    return OFR_OK;
}

static int read_header(struct ofr_container_reader *reader, enum ofr_file_kind kind, struct ofr_error *err)
{
    msgpack_object object;
    size_t extent;
    do {
        int rc = fill(reader, err);
        if (rc)
            return rc;
    } while (!reader->eof && reader->end < OFR_MAGIC_BYTES);
    int rc = ofr_header_recognise(reader->path, reader->buffer, reader->end, kind, err);
    if (rc)
        return rc;
    rc = next_object(reader, &object, &extent, err);
    if (rc <= 0)
        return rc ? rc : fail_short_header(reader, err);
    uint64_t sum = XXH64(reader->buffer + reader->begin, extent, 0);
    rc = ofr_header_parse(reader->path, &object, kind, &reader->head, err);
    if (rc)
        return rc;
    consume(reader, extent);
    return read_header_sum(reader, sum, err);
}

static int prepare(struct ofr_container_reader *reader, const char *path, struct ofr_error *err)
{
    reader->path = strdup(path);
    reader->sum.state = XXH64_createState();
    reader->zstd = ZSTD_createDCtx();
    if (!reader->path || !reader->sum.state || !reader->zstd)
        return ofr_fail_nomem(err, "a file reader");
    reader->fd = open(path, O_RDONLY | O_CLOEXEC);
    return reader->fd < 0 ? fail_read(reader, err) : OFR_OK;
}

int ofr_container_open(struct ofr_container_reader **out, const char *path, enum ofr_file_kind kind,
                       struct ofr_error *err)
{
    *out = NULL;
    struct ofr_container_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return ofr_fail_nomem(err, "a file reader");
    reader->fd = -1;
    if (!msgpack_zone_init(&reader->zone, MSGPACK_ZONE_CHUNK_SIZE)) {
        free(reader);
        return ofr_fail_nomem(err, "a file reader");
    }
    int rc = prepare(reader, path, err);
    if (!rc)
        rc = read_header(reader, kind, err);
    if (rc) {
        ofr_container_close(reader);
        return rc;
    }
    *out = reader;
    return OFR_OK;
}

void ofr_container_close(struct ofr_container_reader *reader)
{
    if (!reader)
        return;
    if (reader->fd >= 0)
        close(reader->fd);
    for (uint32_t t = 0; t < OFR_TABLES_MAX; t++)
        for (uint32_t c = 0; c < OFR_COLUMNS_MAX; c++)
            free(reader->table[t].column[c].values);
    ofr_head_release(&reader->head);
    XXH64_freeState(reader->sum.state);
    ZSTD_freeDCtx(reader->zstd);
    msgpack_zone_destroy(&reader->zone);
    free(reader->buffer);
    free(reader->encoded);
    free(reader->path);
    free(reader);
}

const struct ofr_file_head *ofr_container_head(const struct ofr_container_reader *reader)
{
    return &reader->head;
}

const char *ofr_container_path(const struct ofr_container_reader *reader)
{
    return reader->path;
}

void ofr_container_want(struct ofr_container_reader *reader, uint32_t table, uint32_t column, bool want)
{
    reader->table[table].column[column].unwanted = !want;
}

bool ofr_container_partial(const struct ofr_container_reader *reader)
{
    return reader->partial;
}

int ofr_container_fail_partial(const struct ofr_container_reader *reader, struct ofr_error *err)
{
    return fail(reader, err, "the file is cut short here, after its last whole chunk");
}

uint64_t ofr_container_rows(const struct ofr_container_reader *reader, uint32_t table)
{
    return reader->table[table].rows;
}

int ofr_container_rewind(struct ofr_container_reader *reader, struct ofr_error *err)
{
    if (lseek(reader->fd, (off_t)reader->first_record, SEEK_SET) < 0)
        return ofr_fail_errno(err, "cannot read again", reader->path);
    for (uint32_t t = 0; t < OFR_TABLES_MAX; t++)
        reader->table[t].rows = 0;
    reader->begin = reader->end = 0;
    reader->offset = reader->first_record;
    reader->sum.value = reader->header_sum;
    reader->eof = reader->done = reader->partial = false;
    return OFR_OK;
}

/* A record: [table or nil, rows or totals, checksum, frames or notes]. */
static bool is_record(const msgpack_object *object)
{
    if (object->type != MSGPACK_OBJECT_ARRAY || object->via.array.size != 4)
        return false;
    const msgpack_object *part = object->via.array.ptr;
    if (part[2].type != MSGPACK_OBJECT_POSITIVE_INTEGER)
        return false;
    if (part[0].type == MSGPACK_OBJECT_NIL)
        return part[1].type == MSGPACK_OBJECT_ARRAY && part[3].type == MSGPACK_OBJECT_MAP;
    return part[0].type == MSGPACK_OBJECT_POSITIVE_INTEGER &&
           part[1].type == MSGPACK_OBJECT_POSITIVE_INTEGER && part[3].type == MSGPACK_OBJECT_ARRAY;
}

static bool all_of_type(const msgpack_object_array *array, msgpack_object_type type)
{
    for (uint32_t i = 0; i < array->size; i++)
        if (array->ptr[i].type != type)
            return false;
    return true;
}

static int fail_checksum(const struct ofr_container_reader *reader, struct ofr_error *err)
{
    return fail(reader, err, "the record does not match its checksum, the file is damaged");
}

/* What the chunk claims, against the header and the limits, before anything is decoded. */
static int check_chunk(struct ofr_container_reader *reader, const msgpack_object *part, struct ofr_error *err)
{
    uint64_t table = part[0].via.u64;
    uint64_t rows = part[1].via.u64;
    const msgpack_object_array *frames = &part[3].via.array;
    if (table >= reader->head.tables)
        return fail(reader, err, "found a chunk of a table the header does not have");
    uint32_t most = ofr_table_chunk_rows(&reader->head.table[table]);
    if (rows < 1 || rows > most)
        return ofr_fail(err, OFR_E_INPUT,
                        "%s: offset %" PRIu64 ": found a chunk that claims %" PRIu64
                        " rows, expected 1 to %" PRIu32,
                        reader->path, reader->offset, rows, most);
    if (frames->size != reader->head.table[table].columns || !all_of_type(frames, MSGPACK_OBJECT_BIN))
        return fail(reader, err, "found a chunk without one frame for each column");
    ofr_checksum_begin(&reader->sum);
    ofr_checksum_number(&reader->sum, table);
    ofr_checksum_number(&reader->sum, rows);
    for (uint32_t c = 0; c < frames->size; c++)
        ofr_checksum_bytes(&reader->sum, frames->ptr[c].via.bin.ptr, frames->ptr[c].via.bin.size);
    return ofr_checksum_end(&reader->sum) == part[2].via.u64 ? OFR_OK : fail_checksum(reader, err);
}

static int decode_column(struct ofr_container_reader *reader, const struct ofr_column *column,
                         struct column_state *state, uint32_t rows, const msgpack_object_bin *frame,
                         struct ofr_error *err)
{
    size_t bytes = (size_t)rows * ofr_column_bytes(column);
    bool raw = column->encoding == OFR_ENCODING_RAW;
    int rc = reserve(&state->values, &state->size, bytes, err);
    if (!rc && !raw)
        rc = reserve(&reader->encoded, &reader->encoded_size, bytes, err);
    if (rc)
        return rc;
    unsigned char *target = raw ? state->values : reader->encoded;
    size_t got = ZSTD_decompressDCtx(reader->zstd, target, bytes, frame->ptr, frame->size);
    if (ZSTD_isError(got) || got != bytes)
        return ofr_fail(err, OFR_E_INPUT, "%s: offset %" PRIu64 ": column %s: found %s, expected %zu bytes",
                        reader->path, reader->offset, column->name,
                        ZSTD_isError(got) ? ZSTD_getErrorName(got) : "fewer", bytes);
    if (!raw)
        ofr_codec_decode(column, rows, reader->encoded, state->values);
    return OFR_OK;
}

static int read_chunk(struct ofr_container_reader *reader, const msgpack_object *part,
                      struct ofr_chunk *chunk, struct ofr_error *err)
{
    int rc = check_chunk(reader, part, err);
    if (rc)
        return rc;
    chunk->table = (uint32_t)part[0].via.u64;
    chunk->rows = (uint32_t)part[1].via.u64;
    chunk->offset = reader->offset;
    struct table_state *state = &reader->table[chunk->table];
    const struct ofr_table *table = &reader->head.table[chunk->table];
    for (uint32_t c = 0; c < table->columns; c++) {
        chunk->column[c] = NULL;
        if (state->column[c].unwanted)
            continue;
        rc = decode_column(reader, &table->column[c], &state->column[c], chunk->rows,
                           &part[3].via.array.ptr[c].via.bin, err);
        if (rc)
            return rc;
        chunk->column[c] = state->column[c].values;
    }
    chunk->first_row = state->rows;
    state->rows += chunk->rows;
    return 1;
}

/* Checksum of the end mark: totals and late notes. -1 when they are not what they should be. */
static int sum_end(struct ofr_container_reader *reader, const msgpack_object *part)
{
    const msgpack_object_array *totals = &part[1].via.array;
    const msgpack_object_map *late = &part[3].via.map;
    if (totals->size != reader->head.tables || !all_of_type(totals, MSGPACK_OBJECT_POSITIVE_INTEGER))
        return -1;
    ofr_checksum_begin(&reader->sum);
    for (uint32_t i = 0; i < totals->size; i++)
        ofr_checksum_number(&reader->sum, totals->ptr[i].via.u64);
    for (uint32_t i = 0; i < late->size; i++) {
        const msgpack_object *key = &late->ptr[i].key;
        const msgpack_object *val = &late->ptr[i].val;
        if (key->type != MSGPACK_OBJECT_STR || val->type != MSGPACK_OBJECT_STR)
            return -1;
        ofr_checksum_bytes(&reader->sum, key->via.str.ptr, key->via.str.size);
        ofr_checksum_bytes(&reader->sum, val->via.str.ptr, val->via.str.size);
    }
    return ofr_checksum_end(&reader->sum) == part[2].via.u64 ? 0 : -1;
}

/* Nothing may follow the end mark. */
static int check_last(struct ofr_container_reader *reader, struct ofr_error *err)
{
    while (!reader->eof && reader->begin == reader->end) {
        int rc = fill(reader, err);
        if (rc)
            return rc;
    }
    return reader->begin == reader->end ? OFR_OK : fail(reader, err, "found bytes after the end of the file");
}

static int read_end(struct ofr_container_reader *reader, const msgpack_object *part, size_t extent,
                    struct ofr_error *err)
{
    if (sum_end(reader, part))
        return fail_checksum(reader, err);
    for (uint32_t i = 0; i < reader->head.tables; i++)
        if (part[1].via.array.ptr[i].via.u64 != reader->table[i].rows)
            return ofr_fail(err, OFR_E_INPUT,
                            "%s: offset %" PRIu64 ": found %" PRIu64 " rows of table %s, expected %" PRIu64,
                            reader->path, reader->offset, reader->table[i].rows, reader->head.table[i].name,
                            part[1].via.array.ptr[i].via.u64);
    int rc = ofr_header_notes(&part[3], &reader->head.provenance, reader->path, err);
    if (rc)
        return rc;
    consume(reader, extent);
    reader->done = true;
    return check_last(reader, err);
}

int ofr_container_next(struct ofr_container_reader *reader, struct ofr_chunk *chunk, struct ofr_error *err)
{
    msgpack_object object;
    size_t extent;
    if (reader->done)
        return 0;
    int rc = next_object(reader, &object, &extent, err);
    if (rc < 0)
        return rc;
    if (rc == 0) {
        reader->done = reader->partial = true;
        return 0;
    }
    if (!is_record(&object))
        return fail(reader, err, "found a record that is neither a chunk nor the end");
    if (object.via.array.ptr[0].type == MSGPACK_OBJECT_NIL)
        return read_end(reader, object.via.array.ptr, extent, err);
    rc = read_chunk(reader, object.via.array.ptr, chunk, err);
    if (rc == 1)
        consume(reader, extent);
    return rc;
}
