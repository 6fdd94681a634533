/* The common file format: what is written comes back, and damage of any kind is noticed. */
#include "tests/support/files.h"
#include "traces/container.h"
#include "traces/container_format.h"

#include <criterion/criterion.h>
#include <msgpack.h>
#include <signal.h>
#include <sys/resource.h>

enum {
    WIDE = 3
};

static void describe(struct ofr_file_head *head)
{
    memset(head, 0, sizeof *head);
    head->kind = OFR_FILE_TRACE;
    struct ofr_table *a = ofr_head_add_table(head, "a");
    ofr_table_add(a, "time", OFR_TYPE_I64, "ns", 1, OFR_ENCODING_DELTA);
    ofr_table_add(a, "wide", OFR_TYPE_U16, "", WIDE, OFR_ENCODING_PLANES);
    struct ofr_table *b = ofr_head_add_table(head, "b");
    ofr_table_add(b, "real", OFR_TYPE_F32, "nats", 1, OFR_ENCODING_RAW);
    ofr_table_add(b, "small", OFR_TYPE_U8, "", 1, OFR_ENCODING_DELTA);
    struct ofr_error err = OFR_ERROR_INIT;
    cr_assert_eq(ofr_notes_set(&head->meta, "site", "stem\nlayer1", &err), 0);
    cr_assert_eq(ofr_notes_set(&head->provenance, "tool", "test", &err), 0);
}

static int64_t time_of(uint64_t row)
{
    /* Ups, downs and both ends of the range: differences must wrap and come back. */
    static const int64_t odd[] = {0, INT64_MAX, INT64_MIN, -1, 7};
    return row % 97 < 5 ? odd[row % 97] : (int64_t)(row * row) - 5000;
}

static float real_of(uint64_t row)
{
    return 1.0f / (float)(row + 3);
}

static void write_a(struct ofr_container_writer *writer, uint64_t first, uint32_t rows)
{
    struct ofr_error err = OFR_ERROR_INIT;
    int64_t *time = malloc(rows * sizeof *time);
    uint16_t(*wide)[WIDE] = malloc(rows * sizeof *wide);
    for (uint32_t i = 0; i < rows; i++) {
        time[i] = time_of(first + i);
        for (uint32_t k = 0; k < WIDE; k++)
            wide[i][k] = (uint16_t)(259 * (first + i) + k);
    }
    const void *column[] = {time, wide};
    cr_assert_eq(ofr_container_write(writer, 0, rows, column, &err), 0, "%s", err.text);
    free(time);
    free(wide);
}

static void write_b(struct ofr_container_writer *writer, uint64_t first, uint32_t rows)
{
    struct ofr_error err = OFR_ERROR_INIT;
    float *real = malloc(rows * sizeof *real);
    uint8_t *small = malloc(rows);
    for (uint32_t i = 0; i < rows; i++) {
        real[i] = real_of(first + i);
        small[i] = (uint8_t)(first + 3 * i);
    }
    const void *column[] = {real, small};
    cr_assert_eq(ofr_container_write(writer, 1, rows, column, &err), 0, "%s", err.text);
    free(real);
    free(small);
}

/* Chunks of the given size, tables alternating, `chunks` of each. */
static void write_sample(const char *path, uint32_t rows, uint32_t chunks)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_file_head head;
    struct ofr_container_writer *writer;
    describe(&head);
    cr_assert_eq(ofr_container_create(&writer, path, &head, &err), 0, "%s", err.text);
    for (uint32_t i = 0; i < chunks; i++) {
        write_a(writer, (uint64_t)i * rows, rows);
        write_b(writer, (uint64_t)i * rows, rows);
    }
    cr_assert_eq(ofr_container_note(writer, "late", "known at the end", &err), 0);
    cr_assert_eq(ofr_container_finish(writer, &err), 0, "%s", err.text);
    ofr_head_release(&head);
}

/* Every row of a chunk is what write_sample wrote at its place; false otherwise. */
static bool chunk_matches(const struct ofr_chunk *chunk)
{
    bool same = true;
    for (uint32_t i = 0; i < chunk->rows; i++) {
        uint64_t row = chunk->first_row + i;
        if (chunk->table == 0) {
            same &= ((const int64_t *)chunk->column[0])[i] == time_of(row);
            for (uint32_t k = 0; k < WIDE; k++)
                same &= ((const uint16_t *)chunk->column[1])[i * WIDE + k] == (uint16_t)(259 * row + k);
        } else {
            same &= ((const float *)chunk->column[0])[i] == real_of(row);
            same &= ((const uint8_t *)chunk->column[1])[i] == (uint8_t)(chunk->first_row + 3 * i);
        }
    }
    return same;
}

/* Reads to the end. Returns the reader's last code; rows of both tables in rows[]. */
static int read_all(const char *path, uint64_t rows[2], bool *partial, struct ofr_error *err)
{
    struct ofr_container_reader *reader;
    rows[0] = rows[1] = 0;
    *partial = false;
    int rc = ofr_container_open(&reader, path, OFR_FILE_TRACE, err);
    if (rc)
        return rc;
    struct ofr_chunk chunk;
    while ((rc = ofr_container_next(reader, &chunk, err)) == 1) {
        cr_assert(chunk_matches(&chunk), "silently wrong rows");
        rows[chunk.table] += chunk.rows;
    }
    *partial = ofr_container_partial(reader);
    ofr_container_close(reader);
    return rc;
}

static void round_trip(uint32_t rows, uint32_t chunks)
{
    struct ofr_error err = OFR_ERROR_INIT;
    char *path = files_path("t.otrace");
    uint64_t got[2];
    bool partial;
    write_sample(path, rows, chunks);
    cr_assert_eq(read_all(path, got, &partial, &err), 0, "%s", err.text);
    cr_assert_eq(got[0], (uint64_t)rows * chunks);
    cr_assert_eq(got[1], (uint64_t)rows * chunks);
    cr_assert_not(partial);
    files_remove();
}

Test(container, round_trips)
{
    round_trip(0, 0);
    round_trip(1, 1);
    round_trip(1023, 2);
    round_trip(1025, 1);
    round_trip(OFR_CHUNK_ROWS, 1);
    round_trip(OFR_CHUNK_ROWS, 3);
}

Test(container, head_comes_back)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_container_reader *reader;
    struct ofr_chunk chunk;
    char *path = files_path("t.otrace");
    write_sample(path, 5, 1);
    cr_assert_eq(ofr_container_open(&reader, path, OFR_FILE_TRACE, &err), 0, "%s", err.text);
    const struct ofr_file_head *head = ofr_container_head(reader);
    cr_assert_eq(head->tables, 2);
    cr_assert_str_eq(head->table[0].column[1].name, "wide");
    cr_assert_eq(head->table[0].column[1].width, WIDE);
    cr_assert_str_eq(head->table[1].column[0].unit, "nats");
    cr_assert_str_eq(ofr_notes_get(&head->meta, "site"), "stem\nlayer1");
    cr_assert_null(ofr_notes_get(&head->provenance, "late"));
    while (ofr_container_next(reader, &chunk, &err) == 1)
        ;
    cr_assert_str_eq(ofr_notes_get(&head->provenance, "late"), "known at the end");
    ofr_container_close(reader);
    files_remove();
}

Test(container, rewinds_and_skips_unwanted)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_container_reader *reader;
    struct ofr_chunk chunk;
    char *path = files_path("t.otrace");
    write_sample(path, 100, 3);
    cr_assert_eq(ofr_container_open(&reader, path, OFR_FILE_TRACE, &err), 0);
    ofr_container_want(reader, 0, 0, false);
    for (int pass = 0; pass < 2; pass++) {
        int chunks = 0;
        for (; ofr_container_next(reader, &chunk, &err) == 1; chunks++)
            cr_assert(chunk.table == 1 || (!chunk.column[0] && chunk.column[1]));
        cr_assert_eq(chunks, 6);
        cr_assert_eq(ofr_container_rewind(reader, &err), 0);
    }
    ofr_container_close(reader);
    files_remove();
}

Test(container, same_input_same_bytes)
{
    char *a = files_path("a.otrace");
    char *b = files_path("b.otrace");
    write_sample(a, 1000, 2);
    write_sample(b, 1000, 2);
    size_t size_a, size_b;
    unsigned char *bytes_a = files_read(a, &size_a);
    unsigned char *bytes_b = files_read(b, &size_b);
    cr_assert_eq(size_a, size_b);
    cr_assert_eq(memcmp(bytes_a, bytes_b, size_a), 0);
    free(bytes_a);
    free(bytes_b);
    files_remove();
}

/* Each prefix is a clear error or partial with whole chunks only. */
Test(container, truncated_at_every_byte)
{
    char *path = files_path("t.otrace");
    write_sample(path, 11, 3);
    size_t size;
    unsigned char *bytes = files_read(path, &size);
    uint64_t rows[2], before = 0;
    bool partial;
    for (size_t cut = 0; cut < size; cut++) {
        struct ofr_error err = OFR_ERROR_INIT;
        files_write(path, bytes, cut);
        int rc = read_all(path, rows, &partial, &err);
        if (rc) {
            cr_assert_eq(rc, OFR_E_INPUT, "cut %zu: %s", cut, err.text);
            cr_assert_eq(before, 0, "cut %zu: error after whole chunks: %s", cut, err.text);
            continue;
        }
        cr_assert(partial, "cut %zu of %zu passes for whole", cut, size);
        cr_assert_eq(rows[0] % 11 + rows[1] % 11, 0);
        cr_assert_geq(rows[0] + rows[1], before);
        before = rows[0] + rows[1];
    }
    cr_assert_eq(before, 66);
    free(bytes);
    files_remove();
}

static void flip_every_byte(unsigned char mask)
{
    char *path = files_path("t.otrace");
    write_sample(path, 11, 2);
    size_t size;
    unsigned char *bytes = files_read(path, &size);
    for (size_t i = 0; i < size; i++) {
        struct ofr_error err = OFR_ERROR_INIT;
        uint64_t rows[2];
        bool partial;
        bytes[i] ^= mask;
        files_write(path, bytes, size);
        int rc = read_all(path, rows, &partial, &err);
        cr_assert(rc == OFR_E_INPUT || partial, "byte %zu: not noticed (%d %s)", i, rc, err.text);
        cr_assert(!rc || strlen(err.text) > strlen(path), "byte %zu: no message", i);
        bytes[i] ^= mask;
    }
    free(bytes);
    files_remove();
}

Test(container, flipped_bytes)
{
    static const unsigned char masks[] = {0x01, 0x10, 0x80, 0xff};
    for (size_t i = 0; i < sizeof masks; i++)
        flip_every_byte(masks[i]);
}

Test(container, lost_doubled_and_swapped_chunks)
{
    char *path = files_path("t.otrace");
    write_sample(path, 50, 2);
    size_t size;
    unsigned char *bytes = files_read(path, &size);
    size_t at[8], count = 0;
    for (size_t pos = 0, extent; pos < size && ofr_object_extent(bytes + pos, size - pos, &extent) == 1;
         pos += extent)
        at[count++] = pos;
    cr_assert_eq(count, 7); /* header, its checksum, four chunks, end */
    unsigned char *other = malloc(2 * size);
    size_t one = at[3] - at[2];
    uint64_t rows[2];
    bool partial;

    struct ofr_error err = OFR_ERROR_INIT; /* first chunk lost */
    memcpy(other, bytes, at[2]);
    memcpy(other + at[2], bytes + at[3], size - at[3]);
    files_write(path, other, size - one);
    cr_assert_eq(read_all(path, rows, &partial, &err), OFR_E_INPUT);
    cr_assert(strstr(err.text, "checksum"), "%s", err.text);

    ofr_error_clear(&err); /* first chunk twice */
    memcpy(other, bytes, at[3]);
    memcpy(other + at[3], bytes + at[2], size - at[2]);
    files_write(path, other, size + one);
    cr_assert_eq(read_all(path, rows, &partial, &err), OFR_E_INPUT);
    cr_assert(strstr(err.text, "checksum"), "%s", err.text);

    ofr_error_clear(&err); /* bytes after the end */
    memcpy(other, bytes, size);
    other[size] = 0;
    files_write(path, other, size + 1);
    cr_assert_eq(read_all(path, rows, &partial, &err), OFR_E_INPUT);
    cr_assert(strstr(err.text, "after the end"), "%s", err.text);
    free(bytes);
    free(other);
    files_remove();
}

static void expect_refusal(const void *bytes, size_t size, enum ofr_file_kind kind, const char *words)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_container_reader *reader;
    char *path = files_path("wrong");
    files_write(path, bytes, size);
    cr_assert_eq(ofr_container_open(&reader, path, kind, &err), OFR_E_INPUT);
    cr_assert(strstr(err.text, words), "'%s' not in '%s'", words, err.text);
    files_remove();
}

Test(container, foreign_files)
{
    expect_refusal("", 0, OFR_FILE_TRACE, "an empty file, expected a request trace (.otrace)");
    expect_refusal("\x1f\x8b\x08\x00\x00", 5, OFR_FILE_RECORDING, "a gzip file, expected an exit recording");
    expect_refusal("PK\x03\x04", 4, OFR_FILE_PROFILE, "a zip file");
    expect_refusal("\x93NUMPY\x01\x00", 8, OFR_FILE_RUNLOG, "a NumPy array, expected a run log (.olog)");
    expect_refusal("arrival,tokens\n1,2\n", 19, OFR_FILE_TRACE, "a text file");
    expect_refusal("\x00\x01\x02\x03", 4, OFR_FILE_TRACE, "no file of this format");
    expect_refusal("\x85\xa4kind\xa3", 7, OFR_FILE_TRACE, "ends inside its header");
    expect_refusal("\x85\xa4kind\xa5other\xa7version\x01\xc0\xc0\xc0\xc0\xc0\xc0", 27, OFR_FILE_TRACE,
                   "unknown to this version");
}

Test(container, other_kind_is_named)
{
    char *path = files_path("t.otrace");
    write_sample(path, 1, 1);
    size_t size;
    unsigned char *bytes = files_read(path, &size);
    expect_refusal(bytes, size, OFR_FILE_RECORDING,
                   "is a request trace (.otrace), expected an exit recording (.orec)");
    unsigned char *version = memmem(bytes, size, "version", 7);
    cr_assert_not_null(version);
    version[7] = 9;
    expect_refusal(bytes, size, OFR_FILE_TRACE, "found version 9, expected 1");
    free(bytes);
}

Test(container, missing_file_and_folder)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_container_reader *reader;
    cr_assert_eq(ofr_container_open(&reader, "/nonexistent/t.otrace", OFR_FILE_TRACE, &err), OFR_E_INPUT);
    cr_assert(strstr(err.text, "No such file"), "%s", err.text);
    ofr_error_clear(&err);
    cr_assert_eq(ofr_container_open(&reader, "/", OFR_FILE_TRACE, &err), OFR_E_INPUT);
    cr_assert(strstr(err.text, "directory"), "%s", err.text);
}

/* Valid header, then whatever `pack` adds, as a forger with the right tools would. */
static void forge(const char *path, void (*pack)(msgpack_packer *))
{
    write_sample(path, 1, 1);
    size_t size, extent, sum;
    unsigned char *bytes = files_read(path, &size);
    cr_assert_eq(ofr_object_extent(bytes, size, &extent), 1);
    cr_assert_eq(ofr_object_extent(bytes + extent, size - extent, &sum), 1);
    msgpack_sbuffer out;
    msgpack_packer packer;
    msgpack_sbuffer_init(&out);
    msgpack_packer_init(&packer, &out, msgpack_sbuffer_write);
    msgpack_sbuffer_write(&out, (const char *)bytes, extent + sum);
    pack(&packer);
    files_write(path, out.data, out.size);
    msgpack_sbuffer_destroy(&out);
    free(bytes);
}

static void expect_forgery(void (*pack)(msgpack_packer *), const char *words)
{
    struct ofr_error err = OFR_ERROR_INIT;
    char *path = files_path("t.otrace");
    uint64_t rows[2];
    bool partial;
    forge(path, pack);
    cr_assert_eq(read_all(path, rows, &partial, &err), OFR_E_INPUT);
    cr_assert(strstr(err.text, words), "'%s' not in '%s'", words, err.text);
    cr_assert(strstr(err.text, "offset "), "%s", err.text);
    files_remove();
}

static void pack_bins(msgpack_packer *packer, uint32_t bins)
{
    msgpack_pack_array(packer, bins);
    for (uint32_t i = 0; i < bins; i++) {
        msgpack_pack_bin(packer, 1);
        msgpack_pack_bin_body(packer, "x", 1);
    }
}

static void pack_chunk(msgpack_packer *packer, uint64_t table, uint64_t rows, uint32_t bins)
{
    msgpack_pack_array(packer, 4);
    msgpack_pack_uint64(packer, table);
    msgpack_pack_uint64(packer, rows);
    msgpack_pack_uint64(packer, 1);
    pack_bins(packer, bins);
}

static void many_rows(msgpack_packer *packer)
{
    pack_chunk(packer, 0, 1000000000000, 2);
}

static void no_rows(msgpack_packer *packer)
{
    pack_chunk(packer, 0, 0, 2);
}

static void unknown_table(msgpack_packer *packer)
{
    pack_chunk(packer, 7, 1, 2);
}

static void missing_column(msgpack_packer *packer)
{
    pack_chunk(packer, 0, 1, 1);
}

static void huge_array(msgpack_packer *packer)
{
    msgpack_pack_array(packer, UINT32_MAX);
}

static void huge_bin(msgpack_packer *packer)
{
    msgpack_pack_bin(packer, UINT32_MAX);
}

static void deep_nest(msgpack_packer *packer)
{
    for (int i = 0; i < 5000; i++)
        msgpack_pack_array(packer, 1);
    msgpack_pack_nil(packer);
}

static void a_number(msgpack_packer *packer)
{
    msgpack_pack_uint64(packer, 3);
}

static void a_float(msgpack_packer *packer)
{
    msgpack_pack_double(packer, 3.0);
}

Test(container, forged_records)
{
    expect_forgery(many_rows, "claims 1000000000000 rows, expected 1 to 65536");
    expect_forgery(no_rows, "claims 0 rows");
    expect_forgery(unknown_table, "table the header does not have");
    expect_forgery(missing_column, "one frame for each column");
    expect_forgery(huge_array, "damaged");
    expect_forgery(huge_bin, "damaged");
    expect_forgery(deep_nest, "damaged");
    expect_forgery(a_number, "neither a chunk nor the end");
    expect_forgery(a_float, "damaged");
}

Test(container, columns_are_checked)
{
    static const struct {
        struct ofr_column_need need;
        const char *words;
    } cases[] = {
        {{"absent", 1u << OFR_TYPE_I64, "ns", 1, false}, "has no column absent"},
        {{"time", 1u << OFR_TYPE_F32, "ns", 1, false}, "type i64"},
        {{"time", 1u << OFR_TYPE_I64, "us", 1, false}, "unit 'ns', expected 'us'"},
        {{"wide", 1u << OFR_TYPE_U16, "", 4, false}, "width 3, expected 4"},
    };
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_container_reader *reader;
    char *path = files_path("t.otrace");
    uint32_t table;
    int index;
    write_sample(path, 1, 1);
    cr_assert_eq(ofr_container_open(&reader, path, OFR_FILE_TRACE, &err), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ofr_error_clear(&err);
        cr_assert_eq(ofr_container_check(reader, "a", &cases[i].need, 1, true, &table, &index, &err),
                     OFR_E_INPUT);
        cr_assert(strstr(err.text, cases[i].words), "%s", err.text);
    }
    ofr_error_clear(&err);
    cr_assert_eq(ofr_container_check(reader, "c", NULL, 0, true, &table, &index, &err), OFR_E_INPUT);
    cr_assert(strstr(err.text, "no table c"), "%s", err.text);
    ofr_container_close(reader);
    files_remove();
}

/* A limit on the size of files stands for the full disk: the write fails half-way, not the open. */
Test(container, disk_full_leaves_the_old_file)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_file_head head;
    struct ofr_container_writer *writer;
    char *path = files_path("t.otrace");
    files_write(path, "old", 3);
    describe(&head);
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(ofr_container_create(&writer, path, &head, &err), 0, "%s", err.text);
    struct rlimit limit = {.rlim_cur = 4096, .rlim_max = RLIM_INFINITY};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    float real[2000];
    uint8_t small[2000] = {0};
    for (int i = 0; i < 2000; i++)
        real[i] = real_of((uint64_t)i);
    const void *column[] = {real, small};
    int rc = ofr_container_write(writer, 1, 2000, column, &err);
    cr_assert_eq(rc, OFR_E_IO, "%d %s", rc, err.text);
    cr_assert(strstr(err.text, path), "%s", err.text);
    struct ofr_error again = OFR_ERROR_INIT;
    cr_assert_eq(ofr_container_finish(writer, &again), OFR_E_IO);
    cr_assert_str_eq(again.text, err.text);
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_FSIZE, &limit);
    size_t size;
    unsigned char *bytes = files_read(path, &size);
    cr_assert_eq(size, 3);
    cr_assert_eq(memcmp(bytes, "old", 3), 0);
    cr_assert_eq(files_count(), 1, "a temporary file was left behind");
    free(bytes);
    ofr_head_release(&head);
    files_remove();
}

Test(container, full_device)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_file_head head;
    struct ofr_container_writer *writer;
    describe(&head);
    cr_assert_eq(ofr_container_create(&writer, "/dev/full", &head, &err), OFR_E_IO);
    cr_assert(strstr(err.text, "No space left"), "%s", err.text);
    ofr_head_release(&head);
}

Test(container, device_is_written_not_replaced)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_file_head head;
    struct ofr_container_writer *writer;
    describe(&head);
    cr_assert_eq(ofr_container_create(&writer, "/dev/null", &head, &err), 0, "%s", err.text);
    cr_assert_eq(ofr_container_finish(writer, &err), 0, "%s", err.text);
    struct stat st;
    cr_assert_eq(stat("/dev/null", &st), 0);
    cr_assert(S_ISCHR(st.st_mode));
    ofr_head_release(&head);
}

Test(container, unwritable_paths)
{
    static const char *const paths[] = {"/nonexistent/folder/t.otrace", "/proc/t.otrace", "/"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct ofr_error err = OFR_ERROR_INIT;
        struct ofr_file_head head;
        struct ofr_container_writer *writer;
        describe(&head);
        int rc = ofr_container_create(&writer, paths[i], &head, &err);
        cr_assert(rc == OFR_E_IO || rc == OFR_E_INPUT, "%s: %d", paths[i], rc);
        cr_assert(strstr(err.text, paths[i]), "%s", err.text);
        ofr_head_release(&head);
    }
}

Test(container, abort_leaves_nothing_and_link_is_followed)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_file_head head;
    struct ofr_container_writer *writer;
    char *path = files_path("t.otrace");
    describe(&head);
    cr_assert_eq(ofr_container_create(&writer, path, &head, &err), 0);
    write_a(writer, 0, 100);
    ofr_container_abort(writer);
    cr_assert_eq(files_count(), 0);
    ofr_head_release(&head);

    char *link = files_path("link");
    files_write(path, "old", 3);
    cr_assert_eq(symlink(path, link), 0);
    write_sample(link, 5, 1);
    struct stat st;
    cr_assert_eq(lstat(link, &st), 0);
    cr_assert(S_ISLNK(st.st_mode));
    uint64_t rows[2];
    bool partial;
    cr_assert_eq(read_all(path, rows, &partial, &err), 0, "%s", err.text);
    cr_assert_eq(rows[0], 5);
    files_remove();
}

Test(notes, texts_become_utf8_and_are_bounded)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_notes notes = OFR_NOTES_INIT;
    cr_assert_eq(ofr_notes_set(&notes, "a", "caf\xc3\xa9 \xff\xc3( \xed\xa0\x80", &err), 0);
    cr_assert_str_eq(ofr_notes_get(&notes, "a"), "caf\xc3\xa9 ?\?( ?\?\?");
    cr_assert_eq(ofr_notes_set(&notes, "a", "new", &err), 0);
    cr_assert_eq(notes.count, 1);
    cr_assert_str_eq(ofr_notes_get(&notes, "a"), "new");
    for (int i = 1; i < OFR_NOTES_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        cr_assert_eq(ofr_notes_set(&notes, name, "", &err), 0);
    }
    cr_assert_eq(ofr_notes_set(&notes, "one more", "", &err), OFR_E_INPUT);
    ofr_notes_release(&notes);
}
