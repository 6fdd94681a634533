/* Trace importers on small sources made by hand, and on the real ones where they are. */
#include "tests/support/import_fixture.h"

#include <inttypes.h>

TestSuite(import, .init = fixture_setup, .fini = fixture_teardown);

/* Imports text and expects exactly `count` arrivals. The rows are the caller's to free. */
static struct trace_rows import_text(const char *format, const char *text, const char *options, size_t count,
                                     struct ofr_quality *quality)
{
    struct ofr_error err = OFR_ERROR_INIT;
    const char *input = fixture_write("source", text, strlen(text));
    cr_assert_eq(fixture_import(format, input, options, false, quality, &err), 0, "%s", err.text);
    struct trace_rows rows = fixture_trace(fixture_path("out.otrace"));
    cr_assert_eq(rows.count, count, "found %zu rows", rows.count);
    cr_assert_eq(quality->rows, count);
    return rows;
}

static void expect_arrivals(const struct trace_rows *rows, const int64_t *arrival_ns)
{
    for (size_t i = 0; i < rows->count; ++i)
        cr_assert_eq(rows->row[i].arrival_ns, arrival_ns[i], "row %zu: found %" PRId64 ", expected %" PRId64,
                     i, rows->row[i].arrival_ns, arrival_ns[i]);
}

static bool same_rows(const struct trace_rows *a, const struct trace_rows *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; ++i)
        same = a->row[i].arrival_ns == b->row[i].arrival_ns && a->row[i].stream == b->row[i].stream;
    return same;
}

Test(import, azure_llm)
{
    struct ofr_quality quality;
    const char *text = "\xef\xbb\xbfTIMESTAMP,ContextTokens,GeneratedTokens\r\n"
                       "2023-11-16 23:59:59.9999999,374,44\r\n"
                       "2023-11-17 00:00:00.0000001,0,109\r\n"
                       "2023-11-17 00:00:00.0000001,1,2\r\n"
                       "2023-11-17 00:00:02,5,7";
    struct trace_rows rows = import_text("azure-llm", text, "", 4, &quality);
    expect_arrivals(&rows, (int64_t[]){0, 200, 200, 2000000100});
    cr_assert_eq(rows.columns, OFR_TRACE_PROMPT | OFR_TRACE_OUTPUT);
    cr_assert_eq(rows.row[0].prompt_tokens, 374);
    cr_assert_eq(rows.row[3].output_tokens, 7);
    cr_assert_eq(quality.span_ns, 2000000100);
    cr_assert_eq(quality.origin_ns, INT64_C(1700179199999999900));
    cr_assert_eq(quality.equal, 1);
    cr_assert_eq(quality.zeros, 1);
    cr_assert_eq(quality.rate_peak, 3.0);
    cr_assert_float_eq(quality.rate_mean, 4 / 2.0000001, 1e-9);
    free(rows.row);
}

Test(import, azure_functions_2021)
{
    struct ofr_quality quality;
    const char *text = "app,func,end_timestamp,duration\n"
                       "a,f,2.5,1\n"
                       "a,g,1.0000000004,1\n"
                       "b,f,0.9,1.4\n"
                       "b,h,2,0";
    struct trace_rows rows = import_text("azure-functions-2021", text, "", 4, &quality);
    expect_arrivals(&rows, (int64_t[]){0, 500000000, 2000000000, 2500000000});
    cr_assert_eq(rows.columns, OFR_TRACE_DURATION);
    cr_assert_eq(rows.row[0].duration_ns, 1400000000);
    cr_assert_eq(rows.row[3].duration_ns, 0);
    cr_assert_eq(quality.origin_ns, -500000000);
    cr_assert_eq(quality.unsorted, 2);
    cr_assert_eq(quality.zeros, 1);
    free(rows.row);
}

Test(import, mooncake)
{
    struct ofr_quality quality;
    const char *text =
        "{\"timestamp\": 3000, \"input_length\": 6758, \"output_length\": 500, \"hash_ids\": [0, 1]}\n\n"
        "{\"timestamp\": 3000, \"input_length\": 1, \"output_length\": 0, \"hash_ids\": []}\n"
        "{\"output_length\": 2, \"timestamp\": 6000, \"input_length\": 9}";
    struct trace_rows rows = import_text("mooncake", text, "", 3, &quality);
    expect_arrivals(&rows, (int64_t[]){0, 0, 3000000000});
    cr_assert_eq(rows.row[0].prompt_tokens, 6758);
    cr_assert_eq(rows.row[2].output_tokens, 2);
    cr_assert_eq(quality.blank_lines, 1);
    cr_assert_eq(quality.zeros, 1);
    free(rows.row);
}

Test(import, twitter_arrivals)
{
    struct ofr_quality quality;
    const char *text = "timestamp_ms,kind\n1007,create\n1000,delete\n1007,delete\n1001,create\n";
    struct trace_rows rows = import_text("twitter-arrivals", text, "", 4, &quality);
    expect_arrivals(&rows, (int64_t[]){0, 1000000, 7000000, 7000000});
    cr_assert_eq(rows.columns, OFR_TRACE_STREAM);
    static const uint32_t streams[] = {1, 0, 0, 1};
    for (size_t i = 0; i < 4; ++i)
        cr_assert_eq(rows.row[i].stream, streams[i], "row %zu", i);
    cr_assert_eq(quality.unsorted, 2);
    free(rows.row);
    rows = import_text("twitter-arrivals", text, "kind=create", 2, &quality);
    expect_arrivals(&rows, (int64_t[]){0, 6000000});
    cr_assert_eq(quality.left_out, 2);
    free(rows.row);
}

Test(import, twitter_counts)
{
    struct ofr_quality quality;
    const char *text = "2 0 1\n4 ";
    struct trace_rows rows = import_text("twitter-counts", text, "within_bin=even", 7, &quality);
    expect_arrivals(
        &rows, (int64_t[]){250000000, 750000000, 2500000000, 3125000000, 3375000000, 3625000000, 3875000000});
    cr_assert_eq(quality.bins, 4);
    cr_assert_eq(quality.empty_bins, 1);
    cr_assert_eq(quality.rate_peak, 4.0);
    free(rows.row);
    rows = import_text("twitter-counts", text, "within_bin=burst from=2s to=3s", 1, &quality);
    expect_arrivals(&rows, (int64_t[]){0});
    cr_assert_eq(quality.bins, 1);
    free(rows.row);
}

static const char *const functions = "HashOwner,HashApp,HashFunction,Trigger,480,481\n"
                                     "o,a,f,http,1,2\n"
                                     "o,a,g,timer,0,1\n"
                                     "o,b,f,http,3,0\n";

Test(import, azure_functions_2019_sum)
{
    struct ofr_quality quality;
    struct trace_rows rows = import_text("azure-functions-2019", functions, "within_bin=even", 7, &quality);
    expect_arrivals(&rows, (int64_t[]){7500000000, 22500000000, 37500000000, 52500000000, 70000000000,
                                       90000000000, 110000000000});
    cr_assert_eq(rows.columns, 0);
    cr_assert_str_eq(quality.note, "all 3 rows summed; times inside a minute made up: even, seed 1");
    free(rows.row);
}

Test(import, azure_functions_2019_one)
{
    struct ofr_quality quality;
    struct trace_rows rows =
        import_text("azure-functions-2019", functions, "within_bin=burst function=g", 1, &quality);
    expect_arrivals(&rows, (int64_t[]){60000000000});
    cr_assert_eq(quality.left_out, 2);
    free(rows.row);
    rows = import_text("azure-functions-2019", functions, "within_bin=burst function=row:3", 3, &quality);
    expect_arrivals(&rows, (int64_t[]){0, 0, 0});
    free(rows.row);
}

Test(import, azure_functions_2019_each)
{
    struct ofr_quality quality;
    struct trace_rows rows =
        import_text("azure-functions-2019", functions, "within_bin=even per_function=true", 7, &quality);
    expect_arrivals(&rows, (int64_t[]){10000000000, 30000000000, 30000000000, 50000000000, 75000000000,
                                       90000000000, 105000000000});
    static const uint32_t streams[] = {3, 1, 3, 3, 1, 2, 1};
    for (size_t i = 0; i < 7; ++i)
        cr_assert_eq(rows.row[i].stream, streams[i], "row %zu", i);
    free(rows.row);
}

Test(import, azure_functions_2019_other_names)
{
    struct ofr_quality quality;
    const char *text = "HashFunction,HashOwner,HashApp,1_minute,2_minute\nf,o,a,0,1\n";
    struct trace_rows rows = import_text("azure-functions-2019", text, "within_bin=burst", 1, &quality);
    expect_arrivals(&rows, (int64_t[]){60000000000});
    free(rows.row);
    text = "HashFunction,HashApp,HashOwner,minute_1,minute_2\nf,o,a,2,0\n";
    rows = import_text("azure-functions-2019", text, "within_bin=burst", 2, &quality);
    free(rows.row);
}

Test(import, draws_keep_to_the_seed)
{
    struct ofr_quality quality;
    const char *uniform = "within_bin=uniform seed=7";
    struct trace_rows first = import_text("twitter-counts", "500", uniform, 500, &quality);
    struct trace_rows again = import_text("twitter-counts", "500", uniform, 500, &quality);
    struct trace_rows other =
        import_text("twitter-counts", "500", "within_bin=uniform seed=8", 500, &quality);
    cr_assert(same_rows(&first, &again));
    cr_assert_not(same_rows(&first, &other));
    free(first.row);
    free(again.row);
    free(other.row);
}

/* A function's own draws do not change with what is imported beside it. */
Test(import, function_draws_stand_alone)
{
    struct ofr_quality quality;
    struct trace_rows all =
        import_text("azure-functions-2019", functions, "within_bin=uniform per_function=true", 7, &quality);
    struct trace_rows one =
        import_text("azure-functions-2019", functions, "within_bin=uniform function=row:3", 3, &quality);
    size_t found = 0;
    for (size_t i = 0; i < all.count; ++i)
        if (all.row[i].stream == 3)
            cr_assert_eq(all.row[i].arrival_ns, one.row[found++].arrival_ns);
    cr_assert_eq(found, 3);
    free(all.row);
    free(one.row);
}

/* 400 seconds of mean 25: the count is Poisson, so its deviation is 100. */
Test(import, poisson_draws_the_count)
{
    struct ofr_quality quality;
    struct ofr_error err = OFR_ERROR_INIT;
    char text[400 * 3 + 1] = "";
    for (int i = 0; i < 400; ++i)
        strcat(text, "25 ");
    const char *input = fixture_write("source", text, strlen(text));
    cr_assert_eq(fixture_import("twitter-counts", input, "within_bin=poisson", false, &quality, &err), 0);
    cr_assert_neq(quality.rows, 10000);
    cr_assert_lt(llabs((long long)quality.rows - 10000), 400);
}

Test(import, csv_units)
{
    struct ofr_quality quality;
    const char *text = "id;\"when, really\";dur;who\n"
                       "a;1.5;2;4\n"
                       "\"b \"\"quoted\"\"\nline\";2.25;;5\n"
                       "c; 1e1 ;3.5;0\n";
    const char *input = fixture_write("source", text, strlen(text));
    struct ofr_error err = OFR_ERROR_INIT;
    static _Alignas(16) char values[OFR_OPTIONS_MAX];
    fixture_options(&ofr_importer_csv.component, values,
                    "time=x unit=ms duration=dur duration_unit=us stream=who delimiter=;");
    fixture_set(&ofr_importer_csv.component.options[0], values, "when, really");
    struct ofr_import_request request = {.importer = &ofr_importer_csv,
                                         .input = input,
                                         .output = fixture_path("out.otrace"),
                                         .options = values};
    cr_assert_eq(ofr_import_trace(&request, &quality, &err), 0, "%s", err.text);
    struct trace_rows rows = fixture_trace(request.output);
    cr_assert_eq(rows.count, 3);
    expect_arrivals(&rows, (int64_t[]){0, 750000, 8500000});
    cr_assert_eq(rows.row[2].duration_ns, 3500);
    cr_assert_eq(rows.row[1].stream, 5);
    cr_assert_eq(quality.missing, 1);
    free(rows.row);
}

Test(import, csv_sort_and_datetime)
{
    struct ofr_quality quality;
    const char *text = "t,p,o\n"
                       "2024-02-29T12:00:01+01:00,63.0,1e2\n"
                       "2024-02-29 11:00:00Z,,0\n";
    const char *options = "time=t unit=datetime prompt=p output=o sort=true";
    struct trace_rows rows = import_text("csv", text, options, 2, &quality);
    expect_arrivals(&rows, (int64_t[]){0, 1000000000});
    cr_assert_eq(rows.row[1].prompt_tokens, 63);
    cr_assert_eq(rows.row[1].output_tokens, 100);
    cr_assert_eq(quality.missing, 1);
    cr_assert_eq(quality.unsorted, 1);
    free(rows.row);
}

Test(import, skip_bad_counts_and_places)
{
    struct ofr_quality quality;
    struct ofr_error err = OFR_ERROR_INIT;
    const char *text = "t,p\n1,1\n2\n3,x\n2,2\n0,5\n4,4\n-1,1\nnan,1\n";
    const char *input = fixture_write("source", text, strlen(text));
    cr_assert_eq(fixture_import("csv", input, "time=t unit=s prompt=p", true, &quality, &err), 0, "%s",
                 err.text);
    cr_assert_eq(quality.rows, 3);
    cr_assert_eq(quality.refused, 5);
    static const uint64_t lines[] = {3, 4, 6, 8, 9};
    for (size_t i = 0; i < 5; ++i)
        cr_assert_eq(quality.refused_line[i], lines[i]);
    cr_assert_str_eq(quality.refused_why, "found 1 fields, expected 2");
    cr_assert_eq(quality.unsorted, 1);
}

/* A second that cannot be read is left empty; the others keep their places. */
Test(import, skip_bad_keeps_time)
{
    struct ofr_quality quality;
    struct ofr_error err = OFR_ERROR_INIT;
    const char *input = fixture_write("source", "1 x 1", 5);
    cr_assert_eq(fixture_import("twitter-counts", input, "within_bin=burst", true, &quality, &err), 0);
    cr_assert_eq(quality.span_ns, 2000000000);
    cr_assert_eq(quality.refused, 1);
}

Test(import, gzip_gives_the_same_rows)
{
    struct ofr_quality plain, packed;
    struct ofr_error err = OFR_ERROR_INIT;
    size_t size = strlen(functions);
    const char *options = "within_bin=uniform";
    struct trace_rows rows = import_text("azure-functions-2019", functions, options, 7, &plain);
    const char *input = fixture_gzip("source.gz", functions, size);
    cr_assert_eq(fixture_import("azure-functions-2019", input, options, false, &packed, &err), 0, "%s",
                 err.text);
    struct trace_rows again = fixture_trace(fixture_path("out.otrace"));
    cr_assert(same_rows(&again, &rows));
    free(rows.row);
    free(again.row);
}

Test(import, provenance_is_recorded)
{
    struct ofr_quality quality;
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_trace_reader *reader = NULL;
    struct ofr_trace_chunk chunk;
    struct trace_rows rows = import_text("twitter-counts", "1 2", "within_bin=uniform seed=9", 3, &quality);
    free(rows.row);
    cr_assert_eq(ofr_trace_open(&reader, fixture_path("out.otrace"), &err), 0);
    while (ofr_trace_next(reader, &chunk, &err) > 0)
        ;
    const struct ofr_notes *notes = ofr_trace_provenance(reader);
    cr_assert_str_eq(ofr_notes_get(notes, "command"), "test");
    cr_assert_str_eq(ofr_notes_get(notes, "source_format"), "twitter-counts");
    cr_assert_str_eq(ofr_notes_get(notes, "within_bin"), "uniform");
    cr_assert_str_eq(ofr_notes_get(notes, "seed"), "9");
    cr_assert_eq(strlen(ofr_notes_get(notes, "source_xxh64")), 16);
    ofr_trace_close(reader);
}

Test(import, quality_in_words_and_json)
{
    struct ofr_quality quality;
    char *line = NULL;
    size_t size = 0;
    struct trace_rows rows = import_text("twitter-counts", "2 0 2", "within_bin=burst", 4, &quality);
    free(rows.row);
    FILE *out = open_memstream(&line, &size);
    ofr_quality_print(out, &quality);
    fclose(out);
    cr_assert_str_eq(
        line, "4 rows, span 2.000 s, rate mean 2/s peak 2/s, 0 unsorted, 2 equal stamps, 0 zero values, "
              "0 missing values, 0 refused, 1 of 3 bins empty; times inside a second made up: burst, "
              "seed 1");
    json_t *object = ofr_quality_json(&quality);
    cr_assert_not_null(object);
    cr_assert_eq(json_integer_value(json_object_get(object, "requests")), 4);
    cr_assert_eq(json_integer_value(json_object_get(object, "empty_bins")), 1);
    json_decref(object);
    free(line);
}

Test(import, table_lists_the_formats)
{
    static const char *const expected[] = {"azure-llm",
                                           "azure-functions-2019",
                                           "azure-functions-2021",
                                           "mooncake",
                                           "twitter-counts",
                                           "twitter-arrivals",
                                           "csv",
                                           NULL};
    const struct ofr_importer *const *importers = ofr_importers();
    for (size_t i = 0; expected[i] || importers[i]; ++i)
        cr_assert_str_eq(importers[i]->component.name, expected[i]);
    struct ofr_error err = OFR_ERROR_INIT;
    cr_assert_null(ofr_importer_find("azure", &err));
    cr_assert_eq(err.code, OFR_E_USAGE);
}

/* Figures of the real sources, computed from them by another program. */
static const struct {
    const char *file, *format, *options;
    uint64_t rows;
    int64_t span_ns; /* -1 = depends on draws */
    double peak;     /* 0 = not stated */
    uint64_t unsorted, equal, zeros, empty_bins, tokens_in, tokens_out;
} real[] = {
    {"traces/azure_llm_2023/AzureLLMInferenceTrace_conv.csv.gz", "azure-llm", "", 19366, 3501721937000, 16, 0,
     0, 0, 0, 22361870, 4088665},
    {"traces/azure_llm_2023/AzureLLMInferenceTrace_code_first30min.csv.gz", "azure-llm", "", 5740,
     1788410675000, 67, 0, 0, 0, 0, 11638599, 157030},
    {"traces/azure_functions_2021/Azure2021_first199.csv.gz", "azure-functions-2021", "", 199, 1200013307154,
     0, 0, 0, 8, 0, 0, 0},
    {"traces/mooncake/conversation_trace_first30min.jsonl.gz", "mooncake", "", 5719, 1797000000000, 23, 0,
     5119, 0, 0, 73604194, 1977204},
    {"traces/twitter_2018/arrivals_20180425_0731.csv.gz", "twitter-arrivals", "", 6909, 60032000000, 0, 2768,
     2560, 0, 0, 0, 0},
    {"traces/twitter_2018/arrivals_20180425_0731.csv.gz", "twitter-arrivals", "kind=create", 2901, -1, 0, 0,
     0, 0, 0, 0, 0},
    {"traces/twitter_2018/workload_day01to11.txt.gz", "twitter-counts", "within_bin=even from=0s to=3600s",
     167273, -1, 0, 0, 0, 0, 0, 0, 0},
    {"traces/azure_functions_2019/invocations_500_part_a.csv.gz", "azure-functions-2019",
     "within_bin=uniform", 2608175, -1, 0, 0, 0, 0, 0, 0, 0},
    {"traces/azure_functions_2019/invocations_500_part_a.csv.gz", "azure-functions-2019",
     "within_bin=uniform per_function=true", 2608175, -1, 0, 0, 0, 0, 0, 0, 0},
    {"traces/azure_functions_2019/invocations_500_part_a.csv.gz", "azure-functions-2019",
     "within_bin=even function=356fb240eee5a79d78a8b70e13e377847c489b5791627fa7014624041b9ac409", 142, -1, 0,
     0, 0, 0, 0, 0, 0},
    {"traces/azure_functions_2019/invitro_1350_inv_20220612.csv.gz", "azure-functions-2019",
     "within_bin=burst", 996503, -1, 0, 0, 0, 0, 0, 0, 0},
    {"traces/azure_functions_2019/invitro_1250_inv_20220327.csv.gz", "azure-functions-2019",
     "within_bin=even function=row:7", 29, -1, 0, 0, 0, 0, 0, 0, 0},
};

static void check_real(size_t k)
{
    struct ofr_quality quality;
    struct ofr_error err = OFR_ERROR_INIT;
    const char *path = fixture_shared(real[k].file);
    uint64_t tokens_in = 0, tokens_out = 0;
    if (!path)
        return;
    cr_assert_eq(fixture_import(real[k].format, path, real[k].options, false, &quality, &err), 0, "%s",
                 err.text);
    struct trace_rows rows = fixture_trace(fixture_path("out.otrace"));
    cr_assert_eq(rows.count, real[k].rows, "%s: found %zu rows", real[k].file, rows.count);
    for (size_t i = 0; i < rows.count; ++i) {
        tokens_in += rows.row[i].prompt_tokens;
        tokens_out += rows.row[i].output_tokens;
    }
    cr_assert_eq(tokens_in, real[k].tokens_in);
    cr_assert_eq(tokens_out, real[k].tokens_out);
    free(rows.row);
    if (real[k].span_ns < 0)
        return;
    cr_assert_eq(quality.span_ns, real[k].span_ns, "%s: found %" PRId64, real[k].file, quality.span_ns);
    cr_assert(real[k].peak <= 0 || quality.rate_peak == real[k].peak, "%s: peak %g", real[k].file,
              quality.rate_peak);
    cr_assert_eq(quality.unsorted, real[k].unsorted, "%s: found %" PRIu64, real[k].file, quality.unsorted);
    cr_assert_eq(quality.equal, real[k].equal);
    cr_assert_eq(quality.zeros, real[k].zeros);
}

Test(import, real_sources)
{
    for (size_t k = 0; k < sizeof real / sizeof real[0]; ++k)
        check_real(k);
}
