/* Fuzzes the binary files. Half of the cases change bytes anywhere, which the checksums mostly catch; the other half
 * take a file apart, change headers, counts, frames and decoded values, and seal it again with right checksums, so
 * that what lies behind them is reached. */
#include "analysis/report/figures.h"
#include "sim/model/profile.h"
#include "sim/run/run.h"
#include "tests/fuzz/fuzz.h"
#include "traces/container_format.h"
#include "traces/profile_file.h"
#include "traces/recording.h"
#include "traces/runlog_file.h"
#include "traces/trace.h"

#include <math.h>
#include <msgpack.h>
#include <zstd.h>

static struct fuzz_bytes original, input;

static void need(bool good, const char *what)
{
    if (!good)
        fuzz_fail("the target itself", what);
}

/* ---- small files of each kind ---- */

static void make_trace(const char *path)
{
    struct ofr_trace_writer *writer = NULL;
    int rc = ofr_trace_create(&writer, path, OFR_TRACE_STREAM | OFR_TRACE_DURATION, NULL, NULL);
    for (int64_t i = 0; i < 20 && !rc; ++i)
        rc = ofr_trace_append(
            writer, &(struct ofr_trace_row){.arrival_ns = i * i * 1000, .duration_ns = i, .stream = 3}, NULL);
    need(!rc && !ofr_trace_finish(writer, NULL), path);
}

static void make_recording(const char *path)
{
    static const char *const site[] = {"a", "b"};
    static const uint16_t top1[] = {0x3c00, 0x3800, 0x3400, 0x3800, 0x3c00, 0x3a00};
    static const uint16_t answer[] = {0, 1, 2, 2, 1, 0}, final[] = {0, 2, 1};
    struct ofr_recording_layout layout = {.name = "m",
                                          .sites = 2,
                                          .classes = 3,
                                          .site_name = site,
                                          .half = true,
                                          .columns = OFR_RECORDING_ENTROPY | OFR_RECORDING_LABEL};
    struct ofr_recording_block block = {
        .rows = 3, .top1 = top1, .entropy = top1, .answer = answer, .final_answer = final, .label = final};
    struct ofr_recording_writer *writer = NULL;
    need(!ofr_recording_create(&writer, path, &layout, NULL, NULL) &&
             !ofr_recording_append(writer, &block, NULL) && !ofr_recording_finish(writer, NULL),
         path);
}

static void make_profile(const char *path)
{
    static const char *const site[] = {"a", "b"};
    struct ofr_profile_writer *writer = NULL;
    int rc = ofr_profile_create(&writer, path, "m", 2, site, NULL, NULL);
    for (uint32_t batch = 1; batch <= 4; batch *= 4)
        for (uint32_t k = 0; k <= 2; ++k) {
            struct ofr_profile_row row = {.batch = batch,
                                          .site = k,
                                          .quantity = OFR_QUANTITY_UNTIL,
                                          .value_ns = 1000 * (int64_t)(batch + k)};
            rc |= ofr_profile_append(writer, &row, NULL);
        }
    need(!rc && !ofr_profile_finish(writer, NULL), path);
}

static void make_log(const char *path)
{
    static const char *const site[] = {"a", "b"};
    struct ofr_runlog_head head = {.scenario = "name: s\n", .seed = 1, .sites = 2, .site_name = site};
    struct ofr_runlog_writer *writer = NULL;
    struct ofr_notes notes = OFR_NOTES_INIT;
    need(!ofr_notes_set(&notes, OFR_NOTE_SERVERS, "1", NULL) &&
             !ofr_notes_set(&notes, OFR_NOTE_MAX_BATCH, "2", NULL) &&
             !ofr_runlog_create(&writer, path, &head, &notes, NULL),
         path);
    ofr_notes_release(&notes);
    struct ofr_observer observer = ofr_runlog_observer(writer);
    for (int64_t i = 0; i < 4; ++i) {
        struct ofr_request_row row[2];
        for (int64_t k = 0; k < 2; ++k)
            row[k] = (struct ofr_request_row){.id = (uint64_t)(2 * i + k),
                                              .arrival_ns = 1000 * i,
                                              .admitted_ns = 1000 * i,
                                              .dispatched_ns = 1000 * i + 10,
                                              .released_ns = 1000 * i + 500,
                                              .ended_ns = 1000 * i + 600,
                                              .deadline_ns = -1,
                                              .batch = i,
                                              .exit_site = (uint16_t)k,
                                              .agrees = 1,
                                              .correct = 2};
        struct ofr_batch_row batch = {.id = i,
                                      .dispatched_ns = 1000 * i + 10,
                                      .ended_ns = 1000 * i + 600,
                                      .size = 2,
                                      .padded = 2,
                                      .ramps = 2};
        observer.batch(observer.state, &batch, row, 2);
    }
    need(!ofr_runlog_note(writer, OFR_NOTE_END_NS, "5000", NULL) && !ofr_runlog_finish(writer, NULL), path);
}

/* Two policies at two rates, two metrics. */
static void make_sweep(const char *path)
{
    static const char text[] = "name: s\npareto: [latency.p99, agreement]\nobjective: minimize latency.p99\n";
    static const uint64_t configuration[] = {0, 1, 2, 3};
    static const uint32_t failed[] = {0, 0, 0, 1};
    static const double mean[] = {1.0, 0.9, 2.0, 0.95, 3.0, 0.99, NAN, NAN};
    static const uint8_t feasible[] = {1, 1, 1, 0}, pareto[] = {1, 1, 1, 0}, best[] = {1, 0, 0, 0};
    static const char error[] = "\0\0\0\0\0\0bad", exits[] = "a\0a\0bbbb", rate[] = "1k/s2k/s1k/s2k/s";
    struct ofr_file_head *head = calloc(1, sizeof *head);
    head->kind = OFR_FILE_SWEEP;
    struct ofr_table *table = ofr_head_add_table(head, "configurations");
    ofr_table_add(table, "configuration", OFR_TYPE_U64, "", 1, OFR_ENCODING_DELTA);
    ofr_table_add(table, "failed", OFR_TYPE_U32, "", 1, OFR_ENCODING_DELTA);
    ofr_table_add(table, "mean", OFR_TYPE_F64, "", 2, OFR_ENCODING_PLANES);
    ofr_table_add(table, "low", OFR_TYPE_F64, "", 2, OFR_ENCODING_PLANES);
    ofr_table_add(table, "high", OFR_TYPE_F64, "", 2, OFR_ENCODING_PLANES);
    ofr_table_add(table, "feasible", OFR_TYPE_U8, "", 1, OFR_ENCODING_RAW);
    ofr_table_add(table, "pareto", OFR_TYPE_U8, "", 1, OFR_ENCODING_RAW);
    ofr_table_add(table, "best", OFR_TYPE_U8, "", 1, OFR_ENCODING_RAW);
    ofr_table_add(table, "error", OFR_TYPE_TEXT, "", 2, OFR_ENCODING_RAW);
    ofr_table_add(table, "exits", OFR_TYPE_TEXT, "", 2, OFR_ENCODING_RAW);
    ofr_table_add(table, "arrivals.rate", OFR_TYPE_TEXT, "", 4, OFR_ENCODING_RAW);
    const void *const column[] = {configuration, failed, mean,  mean,  mean, feasible,
                                  pareto,        best,   error, exits, rate};
    struct ofr_container_writer *writer = NULL;
    need(!ofr_notes_set(&head->meta, "name", "s", NULL) &&
             !ofr_notes_set(&head->meta, "metric.0", "latency_ms.p99", NULL) &&
             !ofr_notes_set(&head->meta, "metric.1", "agreement", NULL) &&
             !ofr_notes_set(&head->meta, "sweep", text, NULL) &&
             !ofr_container_create(&writer, path, head, NULL) &&
             !ofr_container_write(writer, 0, 4, column, NULL) && !ofr_container_finish(writer, NULL),
         path);
    ofr_head_release(head);
    free(head);
}

/* ---- readers ---- */

static int read_trace(const char *path, struct ofr_error *err)
{
    struct ofr_trace_reader *reader = NULL;
    struct ofr_trace_chunk chunk;
    int rc = ofr_trace_open(&reader, path, err);
    int64_t last_ns = 0;
    while (!rc && (rc = ofr_trace_next(reader, &chunk, err)) > 0) {
        for (uint32_t i = 0; i < chunk.rows; ++i) {
            if (chunk.arrival_ns[i] < last_ns)
                fuzz_fail("a trace that runs back was taken", path);
            last_ns = chunk.arrival_ns[i];
        }
        rc = 0;
    }
    ofr_trace_close(reader);
    return rc;
}

static int read_recording(const char *path, struct ofr_error *err)
{
    struct ofr_recording *recording = NULL;
    int rc = ofr_recording_load(&recording, path, err);
    for (size_t i = 0; !rc && i < (size_t)recording->samples * recording->sites; ++i)
        if (!(recording->top1[i] >= 0.0F && recording->top1[i] <= 1.0F))
            fuzz_fail("a probability outside of 0..1 was taken", path);
    ofr_recording_free(recording);
    return rc;
}

static int read_profile(const char *path, struct ofr_error *err)
{
    struct ofr_profile *profile = NULL;
    int rc = ofr_profile_load(&profile, path, err);
    ofr_profile_free(profile);
    return rc;
}

/* The summary indexes by what the log says: sizes, sites, outcomes. */
static int read_log(const char *path, struct ofr_error *err)
{
    struct ofr_summary summary;
    int rc = ofr_run_summary_of_log(&summary, path, err);
    if (!rc)
        ofr_summary_release(&summary);
    return rc;
}

/* Its figures index by what the file says: keys, values, metrics, goals. */
static int read_sweep(const char *path, struct ofr_error *err)
{
    struct ofr_sweep_data *data = NULL;
    struct ofr_figures figures = {0};
    int rc = ofr_sweep_data_load(&data, path, err);
    if (!rc)
        rc = ofr_figures_of_sweep(&figures, data, err);
    if (!rc && figures.count < 2)
        fuzz_fail("a sweep without figures was taken", path);
    ofr_figures_release(&figures);
    ofr_sweep_data_free(data);
    return rc;
}

/* ---- a file taken apart ---- */

enum {
    CHUNKS = 16
};

struct frame {
    unsigned char *at; /* owned */
    size_t size;
};

struct chunk {
    uint64_t table, rows;
    uint32_t frames;
    struct frame frame[OFR_COLUMNS_MAX];
};

static struct chunk chunk[CHUNKS];
static uint32_t chunks;
static struct fuzz_bytes header;
static uint64_t end_rows[OFR_TABLES_MAX];
static uint32_t end_tables;
static msgpack_unpacked end_mark;

static void take_chunk(const msgpack_object *record)
{
    struct chunk *to = &chunk[chunks++];
    *to = (struct chunk){.table = record->via.array.ptr[0].via.u64, .rows = record->via.array.ptr[1].via.u64};
    const msgpack_object_array *frames = &record->via.array.ptr[3].via.array;
    for (; to->frames < frames->size; ++to->frames) {
        struct frame *frame = &to->frame[to->frames];
        frame->size = frames->ptr[to->frames].via.bin.size;
        frame->at = malloc(frame->size + 1);
        memcpy(frame->at, frames->ptr[to->frames].via.bin.ptr, frame->size);
    }
}

static void take_apart(void)
{
    size_t at = 0, extent = 0;
    chunks = 0;
    for (int number = 0; at < original.size; ++number, at += extent) {
        need(ofr_object_extent(original.at + at, original.size - at, &extent) == 1, "extent");
        if (number == 0)
            fuzz_set(&header, original.at, extent);
        if (number < 2)
            continue;
        msgpack_unpacked record;
        msgpack_unpacked_init(&record);
        msgpack_unpack_next(&record, (const char *)original.at + at, extent, NULL);
        if (record.data.via.array.ptr[0].type == MSGPACK_OBJECT_NIL) {
            end_mark = record;
            const msgpack_object_array *rows = &record.data.via.array.ptr[1].via.array;
            for (end_tables = 0; end_tables < rows->size; ++end_tables)
                end_rows[end_tables] = rows->ptr[end_tables].via.u64;
            continue;
        }
        take_chunk(&record.data);
        msgpack_unpacked_destroy(&record);
    }
}

static void drop_parts(void)
{
    for (uint32_t i = 0; i < chunks; ++i)
        for (uint32_t k = 0; k < chunk[i].frames; ++k)
            free(chunk[i].frame[k].at);
    msgpack_unpacked_destroy(&end_mark);
}

static uint64_t some_number(uint64_t old)
{
    static const uint64_t edge[] = {0, 1, 65535, 65536, 65537, UINT32_MAX, 1000000000000, UINT64_MAX};
    return fuzz_below(2) ? edge[fuzz_below(8)] : old + fuzz_below(5) - 2;
}

/* Changes the values behind a frame, and sometimes their number. */
static void change_values(struct frame *frame)
{
    static unsigned char raw[FUZZ_ROOM], packed[2 * FUZZ_ROOM];
    size_t size = ZSTD_decompress(raw, sizeof raw, frame->at, frame->size);
    if (ZSTD_isError(size) || size == 0)
        return;
    for (uint32_t changes = 1 + fuzz_below(3); changes > 0; --changes)
        raw[fuzz_below((uint32_t)size)] = fuzz_below(2) ? (unsigned char)fuzz_below(256) : 0xff;
    if (fuzz_below(8) == 0)
        size = fuzz_below((uint32_t)size);
    frame->size = ZSTD_compress(packed, sizeof packed, raw, size, 3);
    frame->at = realloc(frame->at, frame->size + 1);
    memcpy(frame->at, packed, frame->size);
}

static void change_part(void)
{
    struct chunk *some = &chunk[fuzz_below(chunks)], other = chunk[0];
    struct frame *frame = &some->frame[fuzz_below(some->frames)];
    switch (fuzz_below(9)) {
    case 0:
        fuzz_mutate_once(&header, NULL, 0);
        break;
    case 1:
        some->rows = some_number(some->rows);
        break;
    case 2:
        some->table = some_number(some->table);
        break;
    case 3:
        frame->at[fuzz_below((uint32_t)frame->size)] ^= (unsigned char)(1u << fuzz_below(8));
        break;
    case 4:
        chunk[0] = *some; /* out of order */
        *some = other;
        break;
    case 5:
        end_rows[fuzz_below(end_tables)] = some_number(some->rows);
        break;
    default:
        change_values(frame);
    }
}

static void seal(void)
{
    msgpack_sbuffer out;
    msgpack_packer packer;
    struct ofr_checksum sum;
    msgpack_sbuffer_init(&out);
    msgpack_packer_init(&packer, &out, msgpack_sbuffer_write);
    sum.state = XXH64_createState();
    msgpack_sbuffer_write(&out, (const char *)header.at, header.size);
    sum.value = XXH64(header.at, header.size, 0);
    msgpack_pack_uint64(&packer, sum.value);
    for (uint32_t i = 0; i < chunks; ++i) {
        ofr_checksum_begin(&sum);
        ofr_checksum_number(&sum, chunk[i].table);
        ofr_checksum_number(&sum, chunk[i].rows);
        for (uint32_t k = 0; k < chunk[i].frames; ++k)
            ofr_checksum_bytes(&sum, chunk[i].frame[k].at, chunk[i].frame[k].size);
        msgpack_pack_array(&packer, 4);
        msgpack_pack_uint64(&packer, chunk[i].table);
        msgpack_pack_uint64(&packer, chunk[i].rows);
        msgpack_pack_uint64(&packer, ofr_checksum_end(&sum));
        msgpack_pack_array(&packer, chunk[i].frames);
        for (uint32_t k = 0; k < chunk[i].frames; ++k)
            msgpack_pack_bin_with_body(&packer, chunk[i].frame[k].at, chunk[i].frame[k].size);
    }
    ofr_checksum_begin(&sum);
    msgpack_pack_array(&packer, 4);
    msgpack_pack_nil(&packer);
    msgpack_pack_array(&packer, end_tables);
    for (uint32_t i = 0; i < end_tables; ++i) {
        ofr_checksum_number(&sum, end_rows[i]);
        msgpack_pack_uint64(&packer, end_rows[i]);
    }
    const msgpack_object *notes = &end_mark.data.via.array.ptr[3];
    for (uint32_t i = 0; i < notes->via.map.size; ++i) {
        const msgpack_object_kv *pair = &notes->via.map.ptr[i];
        ofr_checksum_bytes(&sum, pair->key.via.str.ptr, pair->key.via.str.size);
        ofr_checksum_bytes(&sum, pair->val.via.str.ptr, pair->val.via.str.size);
    }
    msgpack_pack_uint64(&packer, ofr_checksum_end(&sum));
    msgpack_pack_object(&packer, *notes);
    fuzz_set(&input, out.data, out.size);
    XXH64_freeState(sum.state);
    msgpack_sbuffer_destroy(&out);
}

/* ---- cases ---- */

static void run_file(uint64_t number, void (*make)(const char *),
                     int (*read)(const char *, struct ofr_error *))
{
    struct ofr_error err = OFR_ERROR_INIT;
    if (original.size == 0) {
        size_t size;
        make(files_path("whole"));
        unsigned char *bytes = files_read(files_path("whole"), &size);
        fuzz_set(&original, bytes, size);
        free(bytes);
        need(read(files_path("whole"), &err) == 0, err.text);
    }
    input = original;
    if (number % 2 == 0) {
        fuzz_mutate(&input, NULL, 0);
    } else {
        take_apart();
        /* Sealed without a change the file is the same: else this fuzzes nothing but checksums. */
        for (uint32_t changes = number == 1 ? 0 : 1 + fuzz_below(3); changes > 0; --changes)
            change_part();
        seal();
        drop_parts();
    }
    files_write(files_path("in"), input.at, input.size);
    int rc = read(files_path("in"), &err);
    fuzz_verdict(rc, &err);
    if (number == 1)
        need(rc == 0, err.text);
}

static void run_trace(uint64_t number)
{
    run_file(number, make_trace, read_trace);
}

static void run_recording(uint64_t number)
{
    run_file(number, make_recording, read_recording);
}

static void run_profile(uint64_t number)
{
    run_file(number, make_profile, read_profile);
}

static void run_log(uint64_t number)
{
    run_file(number, make_log, read_log);
}

static void run_sweep(uint64_t number)
{
    run_file(number, make_sweep, read_sweep);
}

int main(int argc, char **argv)
{
    static const struct fuzz_target targets[] = {{"trace", 3000, run_trace},
                                                 {"recording", 4000, run_recording},
                                                 {"profile", 3000, run_profile},
                                                 {"log", 6000, run_log},
                                                 {"sweep", 3000, run_sweep}};
    return fuzz_main(argc, argv, targets, sizeof targets / sizeof *targets);
}
