/* How fast files are read: a request trace in rows, an exit recording in decoded bytes. Both lie in the page
 * cache; what is measured is this library's work, decompression included. */
#include "tests/support/bench.h"
#include "tests/support/files.h"
#include "traces/recording.h"
#include "traces/trace.h"

#include <math.h>

enum {
    ROWS = 10000000,
    SAMPLES = 1000000,
    SITES = 12,
    BLOCK = 1000
};

static struct ofr_error err = OFR_ERROR_INIT;

static void must(int rc)
{
    if (rc) {
        fprintf(stderr, "%s\n", err.text);
        exit(ofr_exit_status(rc));
    }
}

/* Uniform over 0..1 exclusive; the stream only has to be irregular. */
static double draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return ((double)(*state >> 33) + 0.5) / 2147483648.0;
}

static void write_trace(const char *path)
{
    struct ofr_trace_writer *writer;
    uint64_t state = 1;
    int64_t now = 0;
    must(ofr_trace_create(&writer, path, OFR_TRACE_STREAM, NULL, &err));
    for (uint32_t i = 0; i < ROWS; i++) {
        now += (int64_t)(-1e6 * log(draw(&state)));
        struct ofr_trace_row row = {.arrival_ns = now, .stream = (uint32_t)(30.0 * draw(&state))};
        must(ofr_trace_append(writer, &row, &err));
    }
    must(ofr_trace_finish(writer, &err));
}

struct reading {
    const char *path;
    uint32_t columns;
};

static void read_trace(void *ctx, uint64_t n)
{
    const struct reading *reading = ctx;
    struct ofr_trace_reader *reader;
    struct ofr_trace_chunk chunk;
    uint64_t rows = 0;
    must(ofr_trace_open(&reader, reading->path, &err));
    ofr_trace_want(reader, reading->columns);
    int rc;
    for (; (rc = ofr_trace_next(reader, &chunk, &err)) == 1; rows += chunk.rows)
        BENCH_USE(chunk.arrival_ns[chunk.rows - 1]);
    must(rc);
    ofr_trace_close(reader);
    if (rows != n)
        exit(70);
}

/* Halves as a network gives them: mostly sure, some not. */
static uint16_t probability(uint64_t *state)
{
    double u = draw(state);
    double value = u < 0.6 ? 1.0 - 0.01 * draw(state) : 0.3 + 0.7 * draw(state);
    return (uint16_t)(value < 0.5 ? 0x3400 + (value - 0.25) * 4096.0 : 0x3800 + (value - 0.5) * 2048.0);
}

static void write_recording(const char *path)
{
    static uint16_t top1[BLOCK][SITES], entropy[BLOCK][SITES], answer[BLOCK][SITES], final[BLOCK];
    static const char *const names[SITES] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"};
    const struct ofr_recording_layout layout = {.name = "bench",
                                                .sites = SITES,
                                                .classes = 2,
                                                .site_name = names,
                                                .columns = OFR_RECORDING_ENTROPY,
                                                .half = true};
    const struct ofr_recording_block block = {
        .rows = BLOCK, .top1 = top1, .entropy = entropy, .answer = answer[0], .final_answer = final};
    struct ofr_recording_writer *writer;
    uint64_t state = 2;
    must(ofr_recording_create(&writer, path, &layout, NULL, &err));
    for (uint32_t first = 0; first < SAMPLES; first += BLOCK) {
        for (uint32_t i = 0; i < BLOCK; i++)
            for (uint32_t k = 0; k < SITES; k++) {
                top1[i][k] = probability(&state);
                entropy[i][k] = (uint16_t)(0x3c00 - (top1[i][k] >> 1) + (int)(64.0 * draw(&state)));
                answer[i][k] = draw(&state) < 0.3;
            }
        must(ofr_recording_append(writer, &block, &err));
    }
    must(ofr_recording_finish(writer, &err));
}

/* Bytes of the arrays a load fills. */
static uint64_t decoded_bytes(void)
{
    return (uint64_t)SAMPLES * (SITES * (2 * sizeof(float) + sizeof(uint16_t)) + sizeof(uint16_t));
}

static void read_recording(void *ctx, uint64_t n)
{
    const struct reading *reading = ctx;
    struct ofr_recording *recording;
    must(ofr_recording_load(&recording, reading->path, &err));
    BENCH_USE(recording->top1[SAMPLES - 1]);
    if (recording->samples != SAMPLES || n != decoded_bytes())
        exit(70);
    ofr_recording_free(recording);
}

static long long size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) ? 0 : (long long)st.st_size;
}

int main(void)
{
    struct reading arrivals = {.path = files_path("t.otrace")};
    struct reading all = {.path = arrivals.path, .columns = OFR_TRACE_STREAM};
    struct reading recording = {.path = files_path("r.orec")};
    write_trace(arrivals.path);
    write_recording(recording.path);
    struct bench bench = bench_begin("files", "one thread, files in the page cache");
    printf("trace: %d rows in %lld bytes; recording: %d samples x %d sites in %lld bytes\n", ROWS,
           size_of(arrivals.path), SAMPLES, SITES, size_of(recording.path));
    bench_rate(&bench, "trace, arrivals", "rows", 20e6, read_trace, &arrivals, ROWS);
    bench_rate(&bench, "trace, arrivals and streams", "rows", 20e6, read_trace, &all, ROWS);
    bench_rate(&bench, "recording, loaded", "bytes", 1e9, read_recording, &recording, decoded_bytes());
    files_remove();
    return bench_end(&bench);
}
