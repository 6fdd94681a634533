/* The file all of Offramp's binary formats share: a described header, then chunks of columns.
 *
 * A file is a sequence of msgpack objects:
 *
 *   header   {"kind": "offramp.trace", "version": 1, "tables": [...], "meta": {...}, "provenance": {...}}
 *   checksum XXH64 of the header's bytes
 *   chunk    [table, rows, checksum, [bin, bin, ...]]                   any number, tables in any order
 *   end      [nil, [rows of table 0, ...], checksum, {late provenance}]
 *
 * Each `bin` holds one column of the chunk: its encoded values as one zstd frame. The checksum of a chunk is
 * the XXH64 of its table, row count and frames, seeded with the checksum before it, so that chunks cannot be
 * lost, doubled or reordered unseen; it covers the frames whole, so they carry none of their own. Numbers are
 * little-endian. No time of creation is stored: the same input gives the same bytes.
 *
 * Encodings. `raw`: the values as they are. `planes`: all first bytes, then all second bytes, ...: the high
 * bytes of small numbers become runs. `delta`: differences to the row before (the first row to 0, in each
 * chunk), as planes.
 *
 * Memory is constant: a chunk has at most OFR_CHUNK_ROWS rows and OFR_CHUNK_BYTES decoded bytes, and the
 * reader believes no size before it has checked it against these. A file cut short is readable up to its last
 * whole chunk: the reader then says `partial`.
 *
 * Errors: OFR_E_INPUT `PATH: offset N: found, expected`; OFR_E_IO; OFR_E_NOMEM. One reader or writer belongs
 * to one thread at a time.
 */
#ifndef OFR_TRACES_CONTAINER_H
#define OFR_TRACES_CONTAINER_H

#include "sim/base/error.h"
#include "traces/notes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OFR_CHUNK_ROWS = 65536,
    OFR_CHUNK_BYTES = 64 << 20,
    OFR_TABLES_MAX = 8,
    OFR_COLUMNS_MAX = 32,
    OFR_WIDTH_MAX = 1024, /* elements of one column in one row */
    OFR_COLUMN_NAME = 32,
    OFR_UNIT_NAME = 16,
};

/* X(name, value, kind as stored, what it is, usual extension, version) */
#define OFR_FILE_KIND_MAP(X)                                                                                 \
    X(TRACE, 0, "offramp.trace", "a request trace", ".otrace", 1)                                            \
    X(RECORDING, 1, "offramp.recording", "an exit recording", ".orec", 1)                                    \
    X(PROFILE, 2, "offramp.profile", "a latency profile", ".oprof", 1)                                       \
    X(RUNLOG, 3, "offramp.runlog", "a run log", ".olog", 1)                                                  \
    X(SWEEP, 4, "offramp.sweep", "the results of a sweep", ".osweep", 1)

enum ofr_file_kind {
#define X(name, value, stored, text, extension, version) OFR_FILE_##name = value,
    OFR_FILE_KIND_MAP(X)
#undef X
    OFR_FILE_KINDS
};

/* X(name, value, stored, bytes of one element) */
#define OFR_TYPE_MAP(X)                                                                                      \
    X(U8, 0, "u8", 1)                                                                                        \
    X(U16, 1, "u16", 2)                                                                                      \
    X(U32, 2, "u32", 4)                                                                                      \
    X(U64, 3, "u64", 8)                                                                                      \
    X(I64, 4, "i64", 8)                                                                                      \
    X(F16, 5, "f16", 2)                                                                                      \
    X(F32, 6, "f32", 4)                                                                                      \
    X(F64, 7, "f64", 8)                                                                                      \
    X(TEXT, 8, "text", 1) /* `width` bytes, padded with NUL */

enum ofr_type {
#define X(name, value, stored, bytes) OFR_TYPE_##name = value,
    OFR_TYPE_MAP(X)
#undef X
    OFR_TYPES
};

/* X(name, value, stored) */
#define OFR_ENCODING_MAP(X)                                                                                  \
    X(RAW, 0, "raw")                                                                                         \
    X(PLANES, 1, "planes")                                                                                   \
    X(DELTA, 2, "delta") /* integer types of width 1 */

enum ofr_encoding {
#define X(name, value, stored) OFR_ENCODING_##name = value,
    OFR_ENCODING_MAP(X)
#undef X
    OFR_ENCODINGS
};

struct ofr_column {
    char name[OFR_COLUMN_NAME];
    char unit[OFR_UNIT_NAME]; /* "ns", "nats", ...; "" = a plain number */
    enum ofr_type type;
    enum ofr_encoding encoding;
    uint32_t width; /* elements in one row, 1..OFR_WIDTH_MAX */
};

struct ofr_table {
    char name[OFR_COLUMN_NAME];
    uint32_t columns;
    struct ofr_column column[OFR_COLUMNS_MAX];
};

struct ofr_file_head {
    enum ofr_file_kind kind;
    uint32_t version; /* set by the writer */
    bool dense;       /* writing: packed harder, at a twentieth of the speed */
    uint32_t tables;
    struct ofr_table table[OFR_TABLES_MAX];
    struct ofr_notes meta;       /* what the kind defines: names of sites, the scenario, ... */
    struct ofr_notes provenance; /* tool, command, seed, source and its hash, device, libraries, ... */
};

/* Appends a column to a table, or a table to a head; the caller keeps to the maxima above. */
void ofr_table_add(struct ofr_table *table, const char *name, enum ofr_type type, const char *unit,
                   uint32_t width, enum ofr_encoding encoding);
struct ofr_table *ofr_head_add_table(struct ofr_file_head *head, const char *name);
int ofr_table_find(const struct ofr_table *table, const char *column); /* -1 = has none */
int ofr_head_find(const struct ofr_file_head *head, const char *table);
size_t ofr_column_bytes(const struct ofr_column *column); /* of one row */
size_t ofr_table_bytes(const struct ofr_table *table);    /* of one row, all columns */
/* Most rows a chunk of this table may hold, 1..OFR_CHUNK_ROWS. */
uint32_t ofr_table_chunk_rows(const struct ofr_table *table);
void ofr_head_release(struct ofr_file_head *head); /* its notes */

const char *ofr_file_kind_text(enum ofr_file_kind kind); /* "a request trace (.otrace)" */
const char *ofr_type_name(enum ofr_type type);
const char *ofr_encoding_name(enum ofr_encoding encoding);

/* Writing. */

struct ofr_container_writer;

/* Creates the file (see atomic_file.h) and writes its header. `head` is borrowed for the call. */
int ofr_container_create(struct ofr_container_writer **out, const char *path,
                         const struct ofr_file_head *head, struct ofr_error *err);
/* Writes one chunk; column[c] points to `rows` * width elements, borrowed for the call. 0 rows write nothing.
 * More than ofr_table_chunk_rows are OFR_E_BUG. */
int ofr_container_write(struct ofr_container_writer *writer, uint32_t table, uint32_t rows,
                        const void *const *column, struct ofr_error *err);
/* Provenance known only at the end (hash of the source, rows refused, state of the device after the run). */
int ofr_container_note(struct ofr_container_writer *writer, const char *name, const char *text,
                       struct ofr_error *err);
/* Both free the writer. Finish makes the file appear; after a failure of any call nothing is left behind.
 * NULL is allowed for abort. */
int ofr_container_finish(struct ofr_container_writer *writer, struct ofr_error *err);
void ofr_container_abort(struct ofr_container_writer *writer);

/* Reading. */

struct ofr_container_reader;

struct ofr_chunk {
    uint32_t table;
    uint32_t rows;
    uint64_t first_row; /* number of its first row in the table */
    uint64_t offset;    /* of the chunk in the file, for messages */
    /* [columns of the table]; NULL for columns that were not wanted. Valid until the next chunk of the same
     * table is read. */
    const void *column[OFR_COLUMNS_MAX];
};

/* Opens a file and reads its header; any other kind than `kind` is refused by name. */
int ofr_container_open(struct ofr_container_reader **out, const char *path, enum ofr_file_kind kind,
                       struct ofr_error *err);
/* Kind, tables, meta and provenance; late provenance is added when the end has been read. Borrowed. */
const struct ofr_file_head *ofr_container_head(const struct ofr_container_reader *reader);
const char *ofr_container_path(const struct ofr_container_reader *reader);
/* Whether a column is decoded; all are at first. */
void ofr_container_want(struct ofr_container_reader *reader, uint32_t table, uint32_t column, bool want);
/* 1 = `chunk` holds rows; 0 = end (look at ofr_container_partial); negative = error, after which the reader
 * can only be rewound or closed. */
int ofr_container_next(struct ofr_container_reader *reader, struct ofr_chunk *chunk, struct ofr_error *err);
/* The file ended before its end mark. Known once ofr_container_next has returned 0. */
bool ofr_container_partial(const struct ofr_container_reader *reader);
/* Complaint about a partial file, for callers that need the whole: fills `err`, returns OFR_E_INPUT. */
int ofr_container_fail_partial(const struct ofr_container_reader *reader, struct ofr_error *err);
/* Rows read so far of one table. */
uint64_t ofr_container_rows(const struct ofr_container_reader *reader, uint32_t table);
int ofr_container_rewind(struct ofr_container_reader *reader, struct ofr_error *err);
void ofr_container_close(struct ofr_container_reader *reader); /* NULL is allowed */

/* What a kind demands of a column. */
struct ofr_column_need {
    const char *name;
    uint32_t types; /* set of 1u << enum ofr_type */
    const char *unit;
    uint32_t width; /* 0 = any */
    bool optional;
};

/* Checks one table against `count` needs and finds the place of each: index[i] = column, -1 = absent. A
 * column that is absent, of another type, unit or width is OFR_E_INPUT. Columns nobody named are allowed;
 * they are marked unwanted when `only_needed`. */
int ofr_container_check(struct ofr_container_reader *reader, const char *table,
                        const struct ofr_column_need *need, uint32_t count, bool only_needed,
                        uint32_t *table_out, int *index, struct ofr_error *err);

#endif
