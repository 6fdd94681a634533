/* info, cut, merge, scale and print of the files. */
#include "tests/support/files.h"
#include "traces/atomic_file.h"
#include "traces/info_print.h"
#include "traces/profile_file.h"
#include "traces/recording_ops.h"
#include "traces/runlog_print.h"
#include "traces/table_print.h"
#include "traces/trace_ops.h"

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

static void write_trace(const char *path, const int64_t *arrival_ns, uint32_t rows, uint32_t columns)
{
    struct ofr_trace_writer *writer;
    struct ofr_notes notes = OFR_NOTES_INIT;
    OK(ofr_notes_set(&notes, "tool", "test", &err));
    OK(ofr_trace_create(&writer, path, columns, &notes, &err));
    for (uint32_t i = 0; i < rows; i++) {
        struct ofr_trace_row row = {.arrival_ns = arrival_ns[i],
                                    .duration_ns = i,
                                    .prompt_tokens = 10 + i,
                                    .output_tokens = 20 + i,
                                    .stream = i % 3};
        OK(ofr_trace_append(writer, &row, &err));
    }
    OK(ofr_trace_note(writer, "rows_refused", "0", &err));
    OK(ofr_trace_finish(writer, &err));
    ofr_notes_release(&notes);
}

/* Arrivals of a trace as text: "1 2 3". */
static char *arrivals(const char *path)
{
    static char text[4096];
    struct ofr_trace_reader *reader;
    struct ofr_trace_chunk chunk;
    size_t used = 0;
    text[0] = '\0';
    OK(ofr_trace_open(&reader, path, &err));
    while (ofr_trace_next(reader, &chunk, &err) == 1)
        for (uint32_t i = 0; i < chunk.rows && used < sizeof text; i++)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%lld", used ? " " : "",
                                     (long long)chunk.arrival_ns[i]);
    ofr_trace_close(reader);
    return text;
}

Test(trace_ops, info)
{
    static const int64_t times[] = {500000000, 1000000000, 1000000000, 1999999999, 4500000000};
    struct ofr_trace_info info;
    char *path = files_path("t.otrace");
    write_trace(path, times, 5, OFR_TRACE_PROMPT | OFR_TRACE_STREAM);
    OK(ofr_trace_info(&info, path, &err));
    cr_assert_eq(info.requests, 5);
    cr_assert_float_eq(info.span_s, 4.0, 1e-12);
    cr_assert_float_eq(info.rate_mean, 1.25, 1e-12);
    cr_assert_float_eq(info.rate_peak, 3.0, 1e-12);
    cr_assert_eq(info.equal_stamps, 1);
    cr_assert_eq(info.streams, 3);
    cr_assert_eq(info.prompt_tokens_sum, 60);
    cr_assert_eq(info.columns, OFR_TRACE_PROMPT | OFR_TRACE_STREAM);
    /* gaps 0.5 0 0.999999999 2.500000001: mean 1, sum of squares 0.25 + 1 + 0 + 2.25 */
    cr_assert_float_eq(info.interarrival_cv, sqrt(3.5 / 3.0), 1e-8);
    cr_assert_str_eq(ofr_notes_get(&info.provenance, "rows_refused"), "0");
    cr_assert_not(info.partial);
    ofr_trace_info_release(&info);
    files_remove();
}

Test(trace_ops, info_of_nothing)
{
    struct ofr_trace_info info;
    char *path = files_path("t.otrace");
    write_trace(path, NULL, 0, 0);
    OK(ofr_trace_info(&info, path, &err));
    cr_assert_eq(info.requests, 0);
    cr_assert_eq(info.rate_mean, 0.0);
    cr_assert(isnan(info.interarrival_cv));
    ofr_trace_info_release(&info);
    files_remove();
}

Test(trace_ops, cut)
{
    static const int64_t times[] = {0, 10, 19, 20, 20, 29, 30, 40};
    char *in = files_path("in.otrace");
    char *out = files_path("out.otrace");
    bool partial;
    write_trace(in, times, 8, 15);
    OK(ofr_trace_cut(in, out, &(struct ofr_trace_cut){.from_ns = 10, .to_ns = 30}, &partial, &err));
    cr_assert_str_eq(arrivals(out), "0 9 10 10 19");
    OK(ofr_trace_cut(in, out, &(struct ofr_trace_cut){.from_ns = 20, .to_ns = INT64_MAX, .keep_time = true},
                     &partial, &err));
    cr_assert_str_eq(arrivals(out), "20 20 29 30 40");
    OK(ofr_trace_cut(out, out, &(struct ofr_trace_cut){.from_ns = 29, .to_ns = 41}, &partial, &err));
    cr_assert_str_eq(arrivals(out), "0 1 11");
    struct ofr_trace_info info;
    OK(ofr_trace_info(&info, out, &err));
    cr_assert_str_eq(ofr_notes_get(&info.provenance, "tool"), "test");
    cr_assert_str_eq(ofr_notes_get(&info.provenance, "rows_refused"), "0");
    cr_assert_str_eq(ofr_notes_get(&info.provenance, "cut"), "from 20 ns to end, times kept");
    cr_assert_str_eq(ofr_notes_get(&info.provenance, "cut_2"), "from 29 ns to 41 ns");
    ofr_trace_info_release(&info);
    expect(ofr_trace_cut(in, out, &(struct ofr_trace_cut){.from_ns = 30, .to_ns = 30}, &partial, &err),
           OFR_E_USAGE, "expected 0 <= from < to");
    expect(ofr_trace_cut(in, out, &(struct ofr_trace_cut){.from_ns = 31, .to_ns = 40}, &partial, &err),
           OFR_E_USAGE, "no arrival from 31 ns to 40 ns");
    cr_assert_eq(files_count(), 2);
    files_remove();
}

Test(trace_ops, scale)
{
    static const int64_t times[] = {0, 3, 1000000000, 9007199254740993};
    char *in = files_path("in.otrace");
    char *out = files_path("out.otrace");
    double speed;
    write_trace(in, times, 4, 0);
    OK(ofr_trace_scale(in, out, 2.0, &err));
    cr_assert_str_eq(arrivals(out), "0 2 500000000 4503599627370497");
    OK(ofr_trace_scale(in, out, 1.0, &err));
    cr_assert_str_eq(arrivals(out), "0 3 1000000000 9007199254740993");
    OK(ofr_trace_scale(in, out, 0.5, &err));
    cr_assert_str_eq(arrivals(out), "0 6 2000000000 18014398509481986");
    OK(ofr_trace_speed_for(in, 4.0, &speed, &err));
    cr_assert_float_eq(speed, 9007199.254740993, 1e-3);
    expect(ofr_trace_scale(in, out, 0.0, &err), OFR_E_USAGE, "speed of 0");
    expect(ofr_trace_scale(in, out, NAN, &err), OFR_E_USAGE, "expected more than 0");
    expect(ofr_trace_scale(in, out, 1e-9, &err), OFR_E_INPUT, "292 years");
    expect(ofr_trace_speed_for(in, 0.0, &speed, &err), OFR_E_USAGE, "rate of 0/s");
    write_trace(in, times, 1, 0);
    expect(ofr_trace_speed_for(in, 5.0, &speed, &err), OFR_E_INPUT, "no mean rate");
    files_remove();
}

Test(trace_ops, merge)
{
    static const int64_t a[] = {1, 5, 5, 9}, b[] = {0, 5, 10}, c[] = {5};
    const char *in[] = {files_path("a"), files_path("b"), files_path("c"), files_path("d")};
    char *out = files_path("out.otrace");
    uint32_t left_out;
    write_trace(in[0], a, 4, OFR_TRACE_PROMPT | OFR_TRACE_OUTPUT);
    write_trace(in[1], b, 3, OFR_TRACE_PROMPT);
    write_trace(in[2], c, 1, OFR_TRACE_PROMPT | OFR_TRACE_STREAM);
    write_trace(in[3], NULL, 0, OFR_TRACE_PROMPT);
    OK(ofr_trace_merge(in, 4, out, &left_out, &err));
    cr_assert_eq(left_out, OFR_TRACE_OUTPUT);
    cr_assert_str_eq(arrivals(out), "0 1 5 5 5 5 9 10");
    struct ofr_trace_reader *reader;
    struct ofr_trace_chunk chunk;
    static const uint32_t streams[] = {1, 0, 0, 0, 1, 2, 0, 1}, prompts[] = {10, 10, 11, 12, 11, 10, 13, 12};
    OK(ofr_trace_open(&reader, out, &err));
    cr_assert_eq(ofr_trace_columns(reader), OFR_TRACE_PROMPT | OFR_TRACE_STREAM);
    cr_assert_eq(ofr_trace_next(reader, &chunk, &err), 1);
    cr_assert_eq(memcmp(chunk.stream, streams, sizeof streams), 0);
    cr_assert_eq(memcmp(chunk.prompt_tokens, prompts, sizeof prompts), 0);
    ofr_trace_close(reader);
    in[2] = "/nonexistent";
    expect(ofr_trace_merge(in, 4, out, NULL, &err), OFR_E_INPUT, "/nonexistent");
    files_remove();
}

/* Cut short: info, cut and print use the whole chunks; merge and scale refuse. */
Test(trace_ops, partial_inputs)
{
    char *path = files_path("t.otrace");
    char *out = files_path("out.otrace");
    int64_t *times = calloc(70000, sizeof *times);
    const char *in[] = {path};
    struct ofr_trace_info info;
    bool partial;
    write_trace(path, times, 70000, 0);
    size_t size;
    unsigned char *bytes = files_read(path, &size);
    files_write(path, bytes, size - 60);
    OK(ofr_trace_info(&info, path, &err));
    cr_assert(info.partial);
    cr_assert_eq(info.requests, 65536);
    ofr_trace_info_release(&info);
    OK(ofr_trace_cut(path, out, &(struct ofr_trace_cut){.to_ns = INT64_MAX}, &partial, &err));
    cr_assert(partial);
    OK(ofr_trace_info(&info, out, &err));
    cr_assert_not(info.partial);
    cr_assert_eq(info.requests, 65536);
    ofr_trace_info_release(&info);
    expect(ofr_trace_scale(path, out, 2.0, &err), OFR_E_INPUT, "cut short");
    expect(ofr_trace_merge(in, 1, out, NULL, &err), OFR_E_INPUT, "cut short");
    double speed;
    expect(ofr_trace_speed_for(path, 2.0, &speed, &err), OFR_E_INPUT, "cut short");
    free(bytes);
    free(times);
    files_remove();
}

static char *printed(const char *path, enum ofr_file_kind kind, const char *table,
                     enum ofr_print_format format, uint64_t limit)
{
    static char *text;
    size_t size;
    bool partial;
    free(text);
    FILE *out = open_memstream(&text, &size);
    OK(ofr_table_print(out, path, kind, table, format, limit, &partial, &err));
    fclose(out);
    return text;
}

Test(table_print, trace)
{
    static const int64_t times[] = {7, INT64_MAX};
    char *path = files_path("t.otrace");
    write_trace(path, times, 2, OFR_TRACE_PROMPT);
    cr_assert_str_eq(printed(path, OFR_FILE_TRACE, NULL, OFR_PRINT_CSV, UINT64_MAX),
                     "arrival_ns,prompt_tokens\n7,10\n9223372036854775807,11\n");
    cr_assert_str_eq(printed(path, OFR_FILE_TRACE, NULL, OFR_PRINT_JSON, UINT64_MAX),
                     "[\n{\"arrival_ns\":7,\"prompt_tokens\":10},\n"
                     "{\"arrival_ns\":9223372036854775807,\"prompt_tokens\":11}\n]\n");
    cr_assert_str_eq(printed(path, OFR_FILE_TRACE, NULL, OFR_PRINT_CSV, 1),
                     "arrival_ns,prompt_tokens\n7,10\n");
    cr_assert_str_eq(printed(path, OFR_FILE_TRACE, NULL, OFR_PRINT_JSON, 0), "[]\n");
    bool partial;
    expect(ofr_table_print(stderr, path, OFR_FILE_TRACE, "nope", OFR_PRINT_CSV, 1, &partial, &err),
           OFR_E_USAGE, "has no table nope, its first is requests");
    FILE *full = fopen("/dev/full", "w");
    expect(ofr_table_print(full, path, OFR_FILE_TRACE, NULL, OFR_PRINT_CSV, 1, &partial, &err), OFR_E_IO,
           "No space left");
    fclose(full);
    files_remove();
}

static const char *const sites[] = {"stem", "late"};

/* Six samples, two for each of three requests. */
static void write_recording(const char *path)
{
    static const uint16_t half[6][2] = {{0x3800, 0x3c00}, {0, 1},           {0x3bff, 0x3555},
                                        {0x3800, 0x3800}, {0x3800, 0x3800}, {0x3c00, 0}};
    static const uint16_t answer[6][2] = {{0, 1}, {1, 1}, {0, 0}, {1, 0}, {0, 0}, {1, 1}};
    static const uint16_t final[6] = {1, 1, 0, 0, 0, 1}, label[6] = {1, 0, 0, 0, 1, 1};
    static const uint32_t request[6] = {0, 0, 1, 1, 2, 2}, prompt[3] = {100, 200, 300}, output[3] = {2, 2, 2};
    struct ofr_recording_layout layout = {.name = "n",
                                          .sites = 2,
                                          .classes = 2,
                                          .site_name = sites,
                                          .half = true,
                                          .lengths = true,
                                          .columns = OFR_RECORDING_LABEL | OFR_RECORDING_REQUEST};
    struct ofr_recording_block block = {.rows = 6,
                                        .top1 = half,
                                        .answer = answer[0],
                                        .final_answer = final,
                                        .label = label,
                                        .request = request};
    struct ofr_recording_writer *writer;
    OK(ofr_recording_create(&writer, path, &layout, NULL, &err));
    OK(ofr_recording_append(writer, &block, &err));
    OK(ofr_recording_append_lengths(writer, 3, prompt, output, &err));
    OK(ofr_recording_finish(writer, &err));
}

Test(recording_ops, info)
{
    struct ofr_recording_info info;
    char *path = files_path("r.orec");
    write_recording(path);
    OK(ofr_recording_info(&info, path, &err));
    cr_assert_eq(info.samples, 6);
    cr_assert_eq(info.sites, 2);
    cr_assert_eq(info.classes, 2);
    cr_assert_str_eq(info.site_name[1], "late");
    cr_assert_float_eq(info.agreement_share[0], 4.0 / 6.0, 1e-12);
    cr_assert_float_eq(info.agreement_share[1], 1.0, 1e-12);
    cr_assert_float_eq(info.accuracy[2], 4.0 / 6.0, 1e-12);
    cr_assert_float_eq(info.accuracy[0], 2.0 / 6.0, 1e-12);
    cr_assert_float_eq(info.top1_mean[0], (0.5 + 0.0 + 0.99951171875 + 0.5 + 0.5 + 1.0) / 6.0, 1e-12);
    ofr_recording_info_release(&info);
    files_remove();
}

Test(recording_ops, cut_keeps_every_column)
{
    char *in = files_path("in.orec");
    char *out = files_path("out.orec");
    bool partial;
    write_recording(in);
    OK(ofr_recording_cut(in, out, 1, 2, false, &partial, &err));
    cr_assert_str_eq(printed(out, OFR_FILE_RECORDING, "samples", OFR_PRINT_CSV, UINT64_MAX),
                     "top1.0,top1.1,answer.0,answer.1,final_answer,label,request\n"
                     "0,5.96046448e-08,1,1,1,0,0\n0.999511719,0.333251953,0,0,0,0,1\n");
    cr_assert_str_eq(printed(out, OFR_FILE_RECORDING, "requests", OFR_PRINT_CSV, UINT64_MAX),
                     "request,prompt_tokens,output_tokens\n0,100,2\n1,200,2\n");
    cr_assert_str_eq(printed(out, OFR_FILE_RECORDING, NULL, OFR_PRINT_JSON, 1),
                     "[\n{\"top1\":[0,5.96046448e-08],\"answer\":[1,1],\"final_answer\":1,\"label\":0,"
                     "\"request\":0}\n]\n");
    struct ofr_recording *r;
    OK(ofr_recording_load(&r, out, &err));
    cr_assert_eq(r->samples, 2);
    cr_assert_str_eq(ofr_notes_get(&r->provenance, "cut"), "samples from 1, 2 of them");
    ofr_recording_free(r);
    OK(ofr_recording_cut(in, out, 4, UINT64_MAX, true, &partial, &err)); /* whole, begun elsewhere */
    char *turned = strdup(printed(out, OFR_FILE_RECORDING, "samples", OFR_PRINT_CSV, UINT64_MAX));
    OK(ofr_recording_cut(in, out, 4, 2, false, &partial, &err));
    size_t tail = strlen(printed(out, OFR_FILE_RECORDING, "samples", OFR_PRINT_CSV, UINT64_MAX));
    cr_assert_eq(
        strncmp(turned, printed(out, OFR_FILE_RECORDING, "samples", OFR_PRINT_CSV, UINT64_MAX), tail), 0,
        "%s", turned);
    OK(ofr_recording_cut(in, out, 0, 4, false, &partial, &err));
    cr_assert_str_eq(turned + tail,
                     strchr(printed(out, OFR_FILE_RECORDING, "samples", OFR_PRINT_CSV, UINT64_MAX), '\n') +
                         1);
    free(turned);
    OK(ofr_recording_cut(in, out, 5, 3, true, &partial, &err));
    OK(ofr_recording_load(&r, out, &err));
    cr_assert_eq(r->samples, 3);
    cr_assert_str_eq(ofr_notes_get(&r->provenance, "cut"),
                     "samples from 5, 3 of them, the first after the last");
    ofr_recording_free(r);
    cr_assert_str_eq(printed(out, OFR_FILE_RECORDING, "requests", OFR_PRINT_CSV, UINT64_MAX),
                     "request,prompt_tokens,output_tokens\n0,100,2\n2,300,2\n"); /* none of request 1 */
    OK(ofr_recording_cut(in, out, 5, UINT64_MAX, false, &partial, &err));
    OK(ofr_recording_load(&r, out, &err));
    cr_assert_str_eq(ofr_notes_get(&r->provenance, "cut"), "samples from 5 on");
    ofr_recording_free(r);
    expect(ofr_recording_cut(in, out, 6, 1, false, &partial, &err), OFR_E_USAGE,
           "has 6 samples, none from 6 on");
    cr_assert_eq(files_count(), 2);
    files_remove();
}

static void write_log(const char *path)
{
    const struct ofr_runlog_head head = {.scenario = "x: 1\n", .seed = 1, .sites = 2, .site_name = sites};
    struct ofr_runlog_writer *writer;
    OK(ofr_runlog_create(&writer, path, &head, NULL, &err));
    struct ofr_observer to = ofr_runlog_observer(writer);
    struct ofr_request_row row = {.id = 0,
                                  .arrival_ns = 5,
                                  .admitted_ns = 5,
                                  .dispatched_ns = 6,
                                  .released_ns = 8,
                                  .ended_ns = 9,
                                  .deadline_ns = -1,
                                  .batch = 0,
                                  .sample = 3,
                                  .exit_site = 1,
                                  .answer = 7,
                                  .outcome = OFR_OUTCOME_OK,
                                  .agrees = 1,
                                  .correct = 2};
    struct ofr_batch_row batch = {.id = 0,
                                  .dispatched_ns = 6,
                                  .ended_ns = 9,
                                  .size = 1,
                                  .padded = 2,
                                  .ramps = 1,
                                  .reason = OFR_REASON_TIMEOUT};
    struct ofr_decision_row decision = {.trigger = "start",
                                        .predicted_gain_pct = NAN,
                                        .config = {.ramps = 1, .site = {1}, .threshold = {0.1}}};
    to.decision(to.state, &decision);
    to.batch(to.state, &batch, &row, 1);
    row = (struct ofr_request_row){.id = 1,
                                   .arrival_ns = 7,
                                   .admitted_ns = -1,
                                   .dispatched_ns = -1,
                                   .released_ns = -1,
                                   .ended_ns = 7,
                                   .deadline_ns = 20,
                                   .batch = -1,
                                   .exit_site = OFR_EXIT_NONE,
                                   .outcome = OFR_OUTCOME_REJECTED};
    to.lost(to.state, &row);
    OK(ofr_runlog_finish(writer, &err));
}

static char *printed_log(const char *path, enum ofr_runlog_rows rows, enum ofr_print_format format,
                         uint64_t limit)
{
    static char *text;
    size_t size;
    bool partial;
    free(text);
    FILE *out = open_memstream(&text, &size);
    OK(ofr_runlog_print(out, path, rows, format, limit, &partial, &err));
    fclose(out);
    return text;
}

Test(runlog_print, rows)
{
    char *path = files_path("r.olog");
    write_log(path);
    cr_assert_str_eq(printed_log(path, OFR_RUNLOG_ROWS_REQUESTS, OFR_PRINT_CSV, 9),
                     "id,arrival_ns,admitted_ns,dispatched_ns,released_ns,ended_ns,deadline_ns,batch,sample,"
                     "stream,exit_site,answer,outcome,agrees,correct\n"
                     "0,5,5,6,8,9,,0,3,0,1,7,ok,1,\n1,7,,,,7,20,,0,0,,,rejected,0,0\n");
    cr_assert_str_eq(
        printed_log(path, OFR_RUNLOG_ROWS_BATCHES, OFR_PRINT_JSON, 9),
        "[\n{\"id\":0,\"dispatched_ns\":6,\"ended_ns\":9,\"size\":1,\"padded\":2,\"queue_length\":0,"
        "\"server\":0,\"ramps\":1,\"reason\":\"timeout\"}\n]\n");
    cr_assert_str_eq(printed_log(path, OFR_RUNLOG_ROWS_DECISIONS, OFR_PRINT_CSV, 9),
                     "decided_ns,applied_ns,cost_ns,evaluations,changed,trigger,predicted_gain_pct,criterion,"
                     "free_ramps,ramps,old_ramps\n0,0,0,0,0,start,,0,0,1=0.10000000000000001,\n");
    struct ofr_runlog_reader *reader;
    struct ofr_runlog_info info;
    OK(ofr_runlog_open(&reader, path, &err));
    OK(ofr_runlog_count(reader, &info, &err));
    cr_assert(info.requests == 2 && info.batches == 1 && info.decisions == 1);
    cr_assert(info.outcome[OFR_OUTCOME_OK] == 1 && info.outcome[OFR_OUTCOME_REJECTED] == 1);
    cr_assert_eq(info.reason[OFR_REASON_TIMEOUT], 1);
    cr_assert_eq(info.last_end_ns, 9);
    ofr_runlog_close(reader);
    files_remove();
}

static void expect_keys(json_t *object, const char *const *keys)
{
    for (; *keys; keys++)
        cr_assert_not_null(json_object_get(object, *keys), "no key %s", *keys);
}

static bool says(void (*print)(FILE *, const void *), const void *about, const char *words)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    print(out, about);
    fclose(out);
    bool found = strstr(text, words) != NULL;
    free(text);
    return found;
}

static void print_trace_info(FILE *out, const void *info)
{
    ofr_trace_info_text(out, info);
}

static void print_recording_info(FILE *out, const void *info)
{
    ofr_recording_info_text(out, info);
}

Test(info_print, trace)
{
    static const int64_t times[] = {0, 500000000, 2000000000};
    static const char *const keys[] = {
        "requests",     "span_s",  "rate_mean", "rate_peak",  "interarrival_cv",
        "equal_stamps", "columns", "partial",   "provenance", NULL};
    struct ofr_trace_info info;
    char *path = files_path("t.otrace");
    write_trace(path, times, 3, OFR_TRACE_PROMPT);
    OK(ofr_trace_info(&info, path, &err));
    json_t *object = ofr_trace_info_json(&info);
    expect_keys(object, keys);
    cr_assert_eq(json_integer_value(json_object_get(object, "requests")), 3);
    cr_assert_float_eq(json_real_value(json_object_get(object, "span_s")), 2.0, 0.0);
    cr_assert_float_eq(json_real_value(json_object_get(object, "rate_mean")), 1.5, 0.0);
    cr_assert_float_eq(json_real_value(json_object_get(object, "rate_peak")), 2.0, 0.0);
    cr_assert(json_is_null(json_object_get(object, "duration_s_mean")));
    json_decref(object);
    cr_assert(says(print_trace_info, &info, "1.5/s mean, 2/s in the fullest second"));
    cr_assert(says(print_trace_info, &info, "prompt         11 tokens mean"));
    ofr_trace_info_release(&info);
    files_remove();
}

Test(info_print, recording)
{
    static const char *const keys[] = {"name",  "samples",        "classes", "answers",    "columns",
                                       "sites", "final_accuracy", "partial", "provenance", NULL};
    struct ofr_recording_info info;
    char *path = files_path("r.orec");
    write_recording(path);
    OK(ofr_recording_info(&info, path, &err));
    json_t *object = ofr_recording_info_json(&info);
    expect_keys(object, keys);
    cr_assert_eq(json_array_size(json_object_get(object, "sites")), 2);
    json_decref(object);
    cr_assert(says(print_recording_info, &info, "late"));
    ofr_recording_info_release(&info);
    files_remove();
}

Test(info_print, runlog)
{
    static const char *const keys[] = {"seed",     "sites",   "requests",   "batches", "decisions",
                                       "scenario", "partial", "provenance", NULL};
    struct ofr_runlog_reader *reader;
    struct ofr_runlog_info info;
    char *path = files_path("r.olog");
    write_log(path);
    OK(ofr_runlog_open(&reader, path, &err));
    OK(ofr_runlog_count(reader, &info, &err));
    json_t *object = ofr_runlog_info_json(reader, &info);
    expect_keys(object, keys);
    cr_assert_eq(json_integer_value(json_object_get(json_object_get(object, "requests"), "rejected")), 1);
    json_decref(object);
    ofr_runlog_close(reader);
    files_remove();
}

static void print_profile_info(FILE *out, const void *profile)
{
    ofr_profile_info_text(out, profile);
}

Test(info_print, profile)
{
    static const char *const keys[] = {"model",      "sites",       "batches", "dispatch_us",
                                       "release_us", "feedback_us", NULL};
    struct ofr_profile_writer *writer;
    struct ofr_profile *profile;
    char *path = files_path("p.oprof");
    OK(ofr_profile_create(&writer, path, "net", 2, sites, NULL, &err));
    for (uint32_t site = 0; site <= 2; site++)
        OK(ofr_profile_append(
            writer, &(struct ofr_profile_row){4, site, OFR_QUANTITY_UNTIL, 1000 * (site + 1)}, &err));
    OK(ofr_profile_finish(writer, &err));
    OK(ofr_profile_load(&profile, path, &err));
    json_t *object = ofr_profile_info_json(profile);
    expect_keys(object, keys);
    json_t *batch = json_array_get(json_object_get(object, "batches"), 0);
    cr_assert_eq(json_integer_value(json_object_get(batch, "batch")), 4);
    cr_assert_eq(json_real_value(json_object_get(batch, "full_us")), 3.0);
    cr_assert_eq(json_array_size(json_object_get(batch, "until_us")), 2);
    json_decref(object);
    cr_assert(says(print_profile_info, profile, "3.000        0.750"));
    ofr_profile_free(profile);
    files_remove();
}

/* ---- printing into a file ---- */

static int print_lines(FILE *out, const void *state, struct ofr_error *error)
{
    const int *lines = state;
    for (int i = 0; i < *lines; i++)
        fprintf(out, "line %d\n", i);
    return *lines == 3 ? ofr_fail(error, OFR_E_INPUT, "three lines are no good") : 0;
}

/* Whole or not at all; the disk's own words, however long ago it spoke. */
Test(atomic, printing)
{
    static const int two = 2, three = 3, many = 100000;
    size_t size;
    const char *path = files_path("lines");
    OK(ofr_atomic_print(path, print_lines, &two, &err));
    expect(ofr_atomic_print(path, print_lines, &three, &err), OFR_E_INPUT, "three lines are no good");
    expect(ofr_atomic_print("/dev/full", print_lines, &three, &err), OFR_E_INPUT, "three lines are no good");
    expect(ofr_atomic_print("/dev/full", print_lines, &many, &err), OFR_E_IO,
           "cannot write /dev/full: No space left on device");
    expect(ofr_atomic_print("/dev/full", print_lines, &two, &err), OFR_E_IO,
           "cannot write /dev/full: No space left on device");
    expect(ofr_atomic_print(files_path("none/lines"), print_lines, &two, &err), OFR_E_IO, "none/lines");
    char *text = (char *)files_read(path, &size);
    cr_expect_str_eq(text, "line 0\nline 1\n");
    cr_expect_eq(files_count(), 1, "something was left behind");
    free(text);
    files_remove();
}
