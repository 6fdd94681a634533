/* Traces, recordings, profiles and run logs: what is written comes back; what makes no sense is refused. */
#include "sim/model/profile.h"
#include "tests/support/files.h"
#include "traces/container.h"
#include "traces/profile_file.h"
#include "traces/recording.h"
#include "traces/runlog_file.h"
#include "traces/trace.h"

#include <criterion/criterion.h>
#include <math.h>

static struct ofr_error err = OFR_ERROR_INIT;

#define OK(call) cr_assert_eq((call), 0, "%s", err.text)

static void expect(int got, int code, const char *words)
{
    cr_assert_eq(got, code, "%d, expected %d: %s", got, code, err.text);
    cr_assert(strstr(err.text, words), "'%s' not in '%s'", words, err.text);
    ofr_error_clear(&err);
}

/* Traces */

static struct ofr_trace_row trace_row(uint64_t i)
{
    return (struct ofr_trace_row){.arrival_ns = (int64_t)(i / 3 * 1000003),
                                  .duration_ns = (int64_t)(i * 7919 % 100000),
                                  .prompt_tokens = (uint32_t)(i * 31 % 4000),
                                  .output_tokens = (uint32_t)(i % 700),
                                  .stream = (uint32_t)(i % 5)};
}

static void write_trace(const char *path, uint64_t rows, uint32_t columns)
{
    struct ofr_trace_writer *writer;
    OK(ofr_trace_create(&writer, path, columns, NULL, &err));
    for (uint64_t i = 0; i < rows; i++) {
        struct ofr_trace_row row = trace_row(i);
        OK(ofr_trace_append(writer, &row, &err));
    }
    OK(ofr_trace_finish(writer, &err));
}

static bool trace_chunk_matches(const struct ofr_trace_chunk *chunk, uint64_t first, uint32_t columns)
{
    bool same = !chunk->duration_ns == !(columns & OFR_TRACE_DURATION) &&
                !chunk->prompt_tokens == !(columns & OFR_TRACE_PROMPT) &&
                !chunk->output_tokens == !(columns & OFR_TRACE_OUTPUT) &&
                !chunk->stream == !(columns & OFR_TRACE_STREAM);
    for (uint32_t i = 0; i < chunk->rows; i++) {
        struct ofr_trace_row row = trace_row(first + i);
        same &= chunk->arrival_ns[i] == row.arrival_ns;
        same &= !chunk->duration_ns || chunk->duration_ns[i] == row.duration_ns;
        same &= !chunk->prompt_tokens || chunk->prompt_tokens[i] == row.prompt_tokens;
        same &= !chunk->output_tokens || chunk->output_tokens[i] == row.output_tokens;
        same &= !chunk->stream || chunk->stream[i] == row.stream;
    }
    return same;
}

static void check_trace(uint64_t rows, uint32_t columns)
{
    char *path = files_path("t.otrace");
    struct ofr_trace_reader *reader;
    struct ofr_trace_chunk chunk;
    write_trace(path, rows, columns);
    OK(ofr_trace_open(&reader, path, &err));
    cr_assert_eq(ofr_trace_columns(reader), columns);
    for (int pass = 0; pass < 2; pass++) {
        uint64_t got = 0;
        int rc;
        for (; (rc = ofr_trace_next(reader, &chunk, &err)) == 1; got += chunk.rows)
            cr_assert(trace_chunk_matches(&chunk, got, columns));
        cr_assert_eq(rc, 0, "%s", err.text);
        cr_assert_eq(got, rows);
        OK(ofr_trace_rewind(reader, &err));
    }
    ofr_trace_close(reader);
    files_remove();
}

Test(trace, round_trips)
{
    check_trace(0, 0);
    check_trace(1, 15);
    check_trace(OFR_CHUNK_ROWS, OFR_TRACE_PROMPT | OFR_TRACE_OUTPUT);
    check_trace(OFR_CHUNK_ROWS + 1, OFR_TRACE_STREAM);
    check_trace(3 * OFR_CHUNK_ROWS, OFR_TRACE_DURATION);
}

Test(trace, bytes_are_compact)
{
    char *path = files_path("t.otrace");
    write_trace(path, 100000, 0);
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_lt(st.st_size, 100000, "a regular trace takes %lld bytes", (long long)st.st_size);
    files_remove();
}

Test(trace, writer_refuses_disorder_and_leaves_nothing)
{
    struct ofr_trace_writer *writer;
    OK(ofr_trace_create(&writer, files_path("t.otrace"), OFR_TRACE_DURATION, NULL, &err));
    struct ofr_trace_row row = {.arrival_ns = 10};
    OK(ofr_trace_append(writer, &row, &err));
    row.arrival_ns = 9;
    expect(ofr_trace_append(writer, &row, &err), OFR_E_INPUT, "row 1: arrival 9 ns is before the 10 ns");
    row = (struct ofr_trace_row){.arrival_ns = 10, .duration_ns = -1};
    expect(ofr_trace_append(writer, &row, &err), OFR_E_INPUT, "duration -1 ns is negative");
    ofr_trace_abort(writer);
    OK(ofr_trace_create(&writer, files_path("t.otrace"), 0, NULL, &err));
    row.arrival_ns = -5;
    expect(ofr_trace_append(writer, &row, &err), OFR_E_INPUT, "arrival -5 ns");
    ofr_trace_abort(writer);
    cr_assert_eq(files_count(), 0);
    files_remove();
}

/* The reader does not rely on the writer's care. */
static void write_raw_trace(const char *path, const int64_t *arrival, const int64_t *duration, uint32_t rows)
{
    struct ofr_container_writer *writer;
    struct ofr_file_head head = {.kind = OFR_FILE_TRACE};
    struct ofr_table *table = ofr_head_add_table(&head, "requests");
    ofr_table_add(table, "arrival_ns", OFR_TYPE_I64, "ns", 1, OFR_ENCODING_RAW);
    ofr_table_add(table, "duration_ns", OFR_TYPE_I64, "ns", 1, OFR_ENCODING_RAW);
    const void *column[] = {arrival, duration};
    OK(ofr_container_create(&writer, path, &head, &err));
    OK(ofr_container_write(writer, 0, rows, column, &err));
    OK(ofr_container_finish(writer, &err));
}

Test(trace, reader_refuses_disorder)
{
    static const int64_t arrivals[][3] = {{1, 3, 2}, {-1, 0, 1}, {1, 2, 3}};
    static const int64_t durations[][3] = {{1, 1, 1}, {1, 1, 1}, {1, -4, 1}};
    static const char *const words[] = {"row 2: found arrival 2 ns, expected 3", "row 0: found arrival -1 ns",
                                        "negative duration"};
    for (int i = 0; i < 3; i++) {
        struct ofr_trace_reader *reader;
        struct ofr_trace_chunk chunk;
        char *path = files_path("t.otrace");
        write_raw_trace(path, arrivals[i], durations[i], 3);
        OK(ofr_trace_open(&reader, path, &err));
        expect(ofr_trace_next(reader, &chunk, &err), OFR_E_INPUT, words[i]);
        cr_assert_not(ofr_trace_partial(reader));
        ofr_trace_close(reader);
    }
    files_remove();
}

Test(trace, truncated_yields_whole_chunks_then_error)
{
    struct ofr_trace_reader *reader;
    struct ofr_trace_chunk chunk;
    char *path = files_path("t.otrace");
    write_trace(path, 2 * OFR_CHUNK_ROWS, 0);
    size_t size;
    unsigned char *bytes = files_read(path, &size);
    files_write(path, bytes, size - 40);
    OK(ofr_trace_open(&reader, path, &err));
    cr_assert_eq(ofr_trace_next(reader, &chunk, &err), 1);
    expect(ofr_trace_next(reader, &chunk, &err), OFR_E_INPUT, "cut short");
    cr_assert(ofr_trace_partial(reader));
    ofr_trace_close(reader);
    free(bytes);
    files_remove();
}

Test(trace, without_arrivals_is_refused)
{
    struct ofr_container_writer *writer;
    struct ofr_trace_reader *reader;
    struct ofr_file_head head = {.kind = OFR_FILE_TRACE};
    char *path = files_path("t.otrace");
    struct ofr_table *table = ofr_head_add_table(&head, "requests");
    ofr_table_add(table, "stream", OFR_TYPE_U32, "", 1, OFR_ENCODING_RAW);
    OK(ofr_container_create(&writer, path, &head, &err));
    OK(ofr_container_finish(writer, &err));
    expect(ofr_trace_open(&reader, path, &err), OFR_E_INPUT, "no column arrival_ns");
    files_remove();
}

/* Halves */

/* By definition of the format: (-1)^s 2^(e-15) (1 + m/1024), without the 1 for e = 0. */
static double half_value(uint16_t half)
{
    int exponent = half >> 10 & 31;
    double mantissa = half & 1023;
    double value = exponent ? ldexp(1024.0 + mantissa, exponent - 25) : ldexp(mantissa, -24);
    if (exponent == 31)
        value = mantissa != 0.0 ? NAN : INFINITY;
    return half & 0x8000 ? -value : value;
}

Test(half, every_value_is_exact)
{
    for (uint32_t h = 0; h < 65536; h++) {
        double expected = half_value((uint16_t)h);
        float got = ofr_half_to_float((uint16_t)h);
        cr_assert(isnan(expected) ? isnan(got)
                                  : (double)got == expected && !signbit(got) == !signbit(expected),
                  "half 0x%04x is %a, got %a", h, expected, (double)got);
    }
}

/* Recordings */

enum {
    SITES = 3
};

static const char *const site_names[SITES] = {"stem", "layer 1", "layer2.0"};

struct sample_columns {
    uint16_t half[5000][SITES];
    float real[5000][SITES];
    uint16_t answer[5000][SITES];
    uint16_t final_answer[5000], label[5000], final_half[5000];
    float final_real[5000];
    uint32_t group[5000], tokens[5000], request[5000], position[5000];
    uint8_t episode[5000];
};

static struct sample_columns *make_samples(void)
{
    struct sample_columns *s = calloc(1, sizeof *s);
    for (uint32_t i = 0; i < 5000; i++) {
        for (uint32_t k = 0; k < SITES; k++) {
            s->half[i][k] = (uint16_t)((i * 131 + k * 977) % 0x3c01); /* 0 .. 1.0 */
            s->real[i][k] = (float)(i + k) / 6000.0f;
            s->answer[i][k] = (uint16_t)((i + k) % 10);
        }
        s->final_answer[i] = (uint16_t)(i % 10);
        s->label[i] = (uint16_t)(i % 7);
        s->final_half[i] = (uint16_t)(i % 0x3c01);
        s->final_real[i] = (float)i / 5000.0f;
        s->group[i] = i / 40;
        s->tokens[i] = i % 300;
        s->request[i] = i / 50;
        s->position[i] = i % 50;
        s->episode[i] = (uint8_t)(i / 1000);
    }
    return s;
}

static struct ofr_recording_block block_of(const struct sample_columns *s, uint32_t first, uint32_t rows,
                                           bool half)
{
    return (struct ofr_recording_block){
        .rows = rows,
        .top1 = half ? (const void *)s->half[first] : s->real[first],
        .entropy = half ? (const void *)s->half[first] : s->real[first],
        .final_top1 = half ? (const void *)&s->final_half[first] : &s->final_real[first],
        .answer = s->answer[first],
        .final_answer = &s->final_answer[first],
        .label = &s->label[first],
        .group = &s->group[first],
        .episode = &s->episode[first],
        .tokens = &s->tokens[first],
        .request = &s->request[first],
        .position = &s->position[first],
    };
}

static struct ofr_recording_layout layout_of(uint32_t columns, bool half)
{
    return (struct ofr_recording_layout){.name = "net-task-stream",
                                         .sites = SITES,
                                         .classes = 10,
                                         .site_name = site_names,
                                         .columns = columns,
                                         .half = half,
                                         .lengths = (columns & OFR_RECORDING_REQUEST) != 0};
}

static void write_recording(const char *path, uint32_t rows, uint32_t step, uint32_t columns, bool half)
{
    struct sample_columns *s = make_samples();
    struct ofr_recording_writer *writer;
    struct ofr_recording_layout layout = layout_of(columns, half);
    OK(ofr_recording_create(&writer, path, &layout, NULL, &err));
    for (uint32_t first = 0; first < rows; first += step) {
        struct ofr_recording_block block =
            block_of(s, first, rows - first < step ? rows - first : step, half);
        OK(ofr_recording_append(writer, &block, &err));
    }
    if (layout.lengths)
        OK(ofr_recording_append_lengths(writer, 100, s->tokens, s->position, &err));
    OK(ofr_recording_note(writer, "source", "unit test", &err));
    OK(ofr_recording_finish(writer, &err));
    free(s);
}

static void check_recording(uint32_t rows, uint32_t columns, bool half)
{
    char *path = files_path("r.orec");
    struct ofr_recording *r;
    struct sample_columns *s = make_samples();
    write_recording(path, rows, 777, columns, half);
    OK(ofr_recording_load(&r, path, &err));
    cr_assert_eq(r->samples, rows);
    cr_assert_eq(r->sites, SITES);
    cr_assert_eq(r->classes, 10);
    cr_assert_str_eq(r->name, "net-task-stream");
    cr_assert_str_eq(r->site_name[1], "layer 1");
    cr_assert_str_eq(ofr_notes_get(&r->provenance, "source"), "unit test");
    cr_assert_eq(rows && (columns & OFR_RECORDING_ENTROPY), r->entropy != NULL);
    cr_assert_eq(rows && (columns & OFR_RECORDING_LABEL), r->label != NULL);
    for (uint32_t i = 0; i < rows; i++) {
        for (uint32_t k = 0; k < SITES; k++) {
            float expected = half ? ofr_half_to_float(s->half[i][k]) : s->real[i][k];
            cr_assert_eq(r->top1[i * SITES + k], expected);
            cr_assert_eq(r->answer[i * SITES + k], s->answer[i][k]);
            cr_assert(!r->entropy || r->entropy[i * SITES + k] == expected);
        }
        cr_assert_eq(r->final_answer[i], s->final_answer[i]);
        cr_assert(!r->label || r->label[i] == s->label[i]);
        cr_assert(!r->final_top1 ||
                  r->final_top1[i] == (half ? ofr_half_to_float(s->final_half[i]) : s->final_real[i]));
    }
    ofr_recording_free(r);
    free(s);
    files_remove();
}

Test(recording, round_trips)
{
    check_recording(0, 0, true);
    check_recording(1, 0xff, true);
    check_recording(5000, 0, false);
    check_recording(5000, 0xff, true);
    check_recording(4999, OFR_RECORDING_ENTROPY | OFR_RECORDING_LABEL, false);
}

Test(recording, bytes_do_not_depend_on_blocks)
{
    char *a = files_path("a.orec");
    char *b = files_path("b.orec");
    write_recording(a, 5000, 1, 0xff, true);
    write_recording(b, 5000, 5000, 0xff, true);
    size_t size_a, size_b;
    unsigned char *bytes_a = files_read(a, &size_a);
    unsigned char *bytes_b = files_read(b, &size_b);
    cr_assert_eq(size_a, size_b);
    cr_assert_eq(memcmp(bytes_a, bytes_b, size_a), 0);
    free(bytes_a);
    free(bytes_b);
    files_remove();
}

static void expect_bad_sample(void (*spoil)(struct sample_columns *), bool half, const char *words)
{
    char *path = files_path("r.orec");
    struct sample_columns *s = make_samples();
    struct ofr_recording_writer *writer;
    struct ofr_recording *r;
    struct ofr_recording_layout layout = layout_of(OFR_RECORDING_ENTROPY | OFR_RECORDING_LABEL, half);
    spoil(s);
    OK(ofr_recording_create(&writer, path, &layout, NULL, &err));
    struct ofr_recording_block block = block_of(s, 0, 5000, half);
    OK(ofr_recording_append(writer, &block, &err));
    OK(ofr_recording_finish(writer, &err));
    expect(ofr_recording_load(&r, path, &err), OFR_E_INPUT, words);
    cr_assert_null(r);
    free(s);
    files_remove();
}

static void half_nan(struct sample_columns *s)
{
    s->half[4000][1] = 0x7e00;
}

static void above_one(struct sample_columns *s)
{
    s->real[10][0] = 1.0001f;
}

static void below_zero(struct sample_columns *s)
{
    s->real[4999][2] = -0.25f;
}

static void unknown_class(struct sample_columns *s)
{
    s->answer[3][2] = 10;
}

static void unknown_label(struct sample_columns *s)
{
    s->label[4999] = 65535;
}

Test(recording, bad_values_are_refused)
{
    expect_bad_sample(half_nan, true, "column top1");
    expect_bad_sample(above_one, false, "no probability from 0 to 1");
    expect_bad_sample(below_zero, false, "no probability");
    expect_bad_sample(unknown_class, true, "column answer");
    expect_bad_sample(unknown_label, true, "column label");
}

Test(recording, bad_layouts_are_refused)
{
    static const char *const broken[SITES] = {"a", "b\nc", "d"};
    struct ofr_recording_writer *writer;
    struct ofr_recording_layout layout = layout_of(0, true);
    layout.sites = 0;
    expect(ofr_recording_create(&writer, files_path("r"), &layout, NULL, &err), OFR_E_INPUT, "0 ramp sites");
    layout.sites = 65;
    expect(ofr_recording_create(&writer, files_path("r"), &layout, NULL, &err), OFR_E_INPUT, "65 ramp sites");
    layout = layout_of(0, true);
    layout.site_name = broken;
    expect(ofr_recording_create(&writer, files_path("r"), &layout, NULL, &err), OFR_E_INPUT, "site 1");
    cr_assert_eq(files_count(), 0);
    files_remove();
}

Test(recording, truncated_is_refused)
{
    struct ofr_recording *r;
    char *path = files_path("r.orec");
    write_recording(path, 100, 100, 0, true);
    size_t size;
    unsigned char *bytes = files_read(path, &size);
    files_write(path, bytes, size - 1);
    expect(ofr_recording_load(&r, path, &err), OFR_E_INPUT, "cut short");
    free(bytes);
    files_remove();
}

/* Profiles */

static const struct ofr_profile_row profile_rows[] = {
    {4, 3, OFR_QUANTITY_UNTIL, 900},    {1, 0, OFR_QUANTITY_UNTIL, 100},  {1, 1, OFR_QUANTITY_UNTIL, 250},
    {1, 1, OFR_QUANTITY_UNTIL, 150},    {1, 1, OFR_QUANTITY_UNTIL, 220},  {1, 2, OFR_QUANTITY_UNTIL, 300},
    {1, 3, OFR_QUANTITY_UNTIL, 420},    {1, 3, OFR_QUANTITY_UNTIL, 400},  {4, 0, OFR_QUANTITY_UNTIL, 200},
    {4, 1, OFR_QUANTITY_UNTIL, 500},    {4, 2, OFR_QUANTITY_UNTIL, 700},  {1, 1, OFR_QUANTITY_RAMP_ADD, 7},
    {4, 2, OFR_QUANTITY_RAMP_DELAY, 9}, {4, 0, OFR_QUANTITY_COPY_IN, 11}, {1, 0, OFR_QUANTITY_COPY_OUT, 12},
    {0, 0, OFR_QUANTITY_DISPATCH, 13},  {0, 0, OFR_QUANTITY_RELEASE, 14}, {0, 0, OFR_QUANTITY_FEEDBACK, 15},
};
enum {
    PROFILE_ROWS = sizeof profile_rows / sizeof *profile_rows
};

/* All rows but `skip`, with `extra` added when it is not NULL. */
static void write_profile(const char *path, int skip, const struct ofr_profile_row *extra)
{
    struct ofr_profile_writer *writer;
    OK(ofr_profile_create(&writer, path, "net", SITES, site_names, NULL, &err));
    for (int i = 0; i < PROFILE_ROWS; i++)
        if (i != skip)
            OK(ofr_profile_append(writer, &profile_rows[i], &err));
    if (extra)
        OK(ofr_profile_append(writer, extra, &err));
    OK(ofr_profile_finish(writer, &err));
}

Test(profile, medians_samples_and_defaults)
{
    struct ofr_profile *p;
    char *path = files_path("p.oprof");
    write_profile(path, -1, NULL);
    OK(ofr_profile_load(&p, path, &err));
    cr_assert_str_eq(p->model, "net");
    cr_assert_eq(p->sites, 3);
    cr_assert_eq(p->batches, 2);
    cr_assert_eq(p->batch[0], 1);
    cr_assert_eq(p->batch[1], 4);
    static const int64_t until[] = {100, 220, 300, 410, 200, 500, 700, 900};
    for (int i = 0; i < 8; i++)
        cr_assert_eq(p->until_ns[i], until[i]);
    cr_assert_eq(p->ramp_add_ns[1], 7);
    cr_assert_eq(p->ramp_add_ns[0], 0);
    cr_assert_eq(p->ramp_delay_ns[3 + 2], 9);
    cr_assert_eq(p->copy_in_ns[1], 11);
    cr_assert_eq(p->copy_in_ns[0], 0);
    cr_assert_eq(p->copy_out_ns[0], 12);
    cr_assert_eq(p->dispatch_ns, 13);
    cr_assert_eq(p->release_ns, 14);
    cr_assert_eq(p->feedback_ns, 15);
    cr_assert_eq(p->full_samples[0], 2);
    cr_assert_eq(p->full_sample_ns[0][0], 400);
    cr_assert_eq(p->full_sample_ns[0][1], 420);
    cr_assert_eq(p->full_samples[1], 0);
    ofr_profile_free(p);
    files_remove();
}

static void expect_bad_profile(int skip, const struct ofr_profile_row *extra, const char *words)
{
    struct ofr_profile *p;
    char *path = files_path("p.oprof");
    write_profile(path, skip, extra);
    expect(ofr_profile_load(&p, path, &err), OFR_E_INPUT, words);
    cr_assert_null(p);
    files_remove();
}

Test(profile, holes_and_backward_passes)
{
    expect_bad_profile(0, NULL, "batch size 4: found 0 ns until full model");
    expect_bad_profile(1, NULL, "batch size 1: found 0 ns until stem");
    expect_bad_profile(9, NULL, "batch size 4: found 0 ns until layer 1");
    expect_bad_profile(9, &(struct ofr_profile_row){4, 1, OFR_QUANTITY_UNTIL, 200}, "200 ns until layer 1");
    expect_bad_profile(10, &(struct ofr_profile_row){4, 2, OFR_QUANTITY_UNTIL, 900},
                       "900 ns until full model");
    expect_bad_profile(-1, &(struct ofr_profile_row){8, 1, OFR_QUANTITY_RAMP_ADD, 1},
                       "ramp_add for batch size 8, which has no measured pass");
    expect_bad_profile(-1, &(struct ofr_profile_row){2, 1, OFR_QUANTITY_RAMP_ADD, 1}, "batch size 2");
}

Test(profile, empty_is_refused)
{
    struct ofr_profile_writer *writer;
    struct ofr_profile *p;
    char *path = files_path("p.oprof");
    OK(ofr_profile_create(&writer, path, "net", SITES, site_names, NULL, &err));
    OK(ofr_profile_finish(writer, &err));
    expect(ofr_profile_load(&p, path, &err), OFR_E_INPUT, "no measured pass");
    files_remove();
}

Test(profile, bad_rows_are_refused)
{
    static const struct {
        struct ofr_profile_row row;
        const char *words;
    } cases[] = {
        {{1, 4, OFR_QUANTITY_UNTIL, 5}, "a site the model does not have (until, batch 1, site 4, 5 ns)"},
        {{1, 3, OFR_QUANTITY_RAMP_ADD, 5}, "a site the model does not have"},
        {{1, 1, OFR_QUANTITY_COPY_IN, 5}, "a site the model does not have"},
        {{0, 1, OFR_QUANTITY_UNTIL, 5}, "no batch size"},
        {{1, 0, OFR_QUANTITY_DISPATCH, 5}, "a batch size where none belongs"},
        {{1, 1, OFR_QUANTITY_UNTIL, -5}, "a negative time"},
        {{1, 1, OFR_QUANTITIES, 5}, "an unknown quantity"},
    };
    struct ofr_profile_writer *writer;
    OK(ofr_profile_create(&writer, files_path("p.oprof"), "net", SITES, site_names, NULL, &err));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect(ofr_profile_append(writer, &cases[i].row, &err), OFR_E_INPUT, cases[i].words);
    ofr_profile_abort(writer);
    files_remove();
}

Test(profile, many_chunks)
{
    struct ofr_profile_writer *writer;
    struct ofr_profile *p;
    char *path = files_path("p.oprof");
    OK(ofr_profile_create(&writer, path, "net", 1, site_names, NULL, &err));
    for (int64_t i = 0; i < 70001; i++)
        for (uint32_t site = 0; site < 2; site++)
            OK(ofr_profile_append(
                writer, &(struct ofr_profile_row){2, site, OFR_QUANTITY_UNTIL, 10 + site * 10 + i % 3},
                &err));
    OK(ofr_profile_finish(writer, &err));
    OK(ofr_profile_load(&p, path, &err));
    cr_assert_eq(p->until_ns[0], 11);
    cr_assert_eq(p->until_ns[1], 21);
    cr_assert_eq(p->full_samples[0], 70001);
    cr_assert_eq(p->full_sample_ns[0][70000], 22);
    ofr_profile_free(p);
    files_remove();
}
