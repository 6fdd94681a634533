/* Sources that must be refused: every case states the code and the whole message behind the file's name, and
 * leaves no output behind.
 */
#include "tests/support/import_fixture.h"

#include <dirent.h>

TestSuite(import_bad, .init = fixture_setup, .fini = fixture_teardown);

struct bad {
    const char *format, *options, *text;
    const char *message; /* after the path of the source */
};

#define LLM   "TIMESTAMP,ContextTokens,GeneratedTokens\n"
#define F19   "HashOwner,HashApp,HashFunction,Trigger,1,2\n"
#define F21   "app,func,end_timestamp,duration\n"
#define CSV   "time=t unit=s"
#define BURST "within_bin=burst"

static const struct bad cases[] = {
    {"azure-llm", "", "",
     ":1: found an empty file, expected the header TIMESTAMP,ContextTokens,GeneratedTokens"},
    {"azure-llm", "", "\r\n\r\n",
     ":1: found an empty file, expected the header "
     "TIMESTAMP,ContextTokens,GeneratedTokens"},
    {"azure-llm", "", LLM, ": found no row to import (0 refused), expected at least one"},
    {"azure-llm", "", "TIMESTAMP,ContextTokens\n2023-11-16 18:15:46,1\n",
     ":1: found no column 'GeneratedTokens', expected it among 'TIMESTAMP' 'ContextTokens'"},
    {"azure-llm", "", LLM "2023-11-16 18:15:46,1\n", ":2: found 2 fields, expected 3"},
    {"azure-llm", "", LLM "2023-11-16 18:15:46,1,2,3\r\n", ":2: found 4 fields, expected 3"},
    {"azure-llm", "", LLM "2023-11-16 18:15:46,1,2\n2023-11-16 18:15:45.5,1,2",
     ":3:1: found a time 0.500000000 s before the row ahead of it, expected rows in time order"},
    {"azure-llm", "", LLM "2023-02-29 18:15:46,1,2\n",
     ":2:1: found '2023-02-29 18:15:46' (no such time), expected a time YYYY-MM-DD HH:MM:SS.fraction of 1970 "
     "to "
     "2262"},
    {"azure-llm", "", LLM "2023-11-16 18:15:46.1234567891,1,2\n",
     ":2:1: found '2023-11-16 18:15:46.1234567891' (no such time), expected a time YYYY-MM-DD "
     "HH:MM:SS.fraction of "
     "1970 to 2262"},
    {"azure-llm", "", LLM "2263-11-16 18:15:46,1,2\n",
     ":2:1: found '2263-11-16 18:15:46' (a number out of range), expected a time YYYY-MM-DD "
     "HH:MM:SS.fraction of "
     "1970 to 2262"},
    {"azure-llm", "", LLM "2023-11-16 18:15:46,-1,2\n",
     ":2:21: found '-1' (a negative number), expected a token count"},
    {"azure-llm", "", LLM "2023-11-16 18:15:46,,2\n", ":2:21: found '' (nothing), expected a token count"},
    {"azure-llm", "", LLM "2023-11-16 18:15:46,NaN,2\n",
     ":2:21: found 'NaN' (NaN or infinity), expected a token count"},
    {"azure-llm", "", LLM "2023-11-16 18:15:46,4294967296,2\n",
     ":2:21: found '4294967296' (a number out of range), expected a token count"},
    {"azure-llm", "", LLM "2023-11-16 18:15:46,6.5,2\n",
     ":2:21: found '6.5' (a fraction), expected a token count"},
    {"azure-llm", "", LLM "2023-11-16 18:15:46,\x01\xff,2\n",
     ":2:21: found '\\x01\\xff' (no number), expected a token count"},
    {"azure-functions-2021", "", F21 "a,f,nan,1\n",
     ":2:5: found 'nan' (NaN or infinity), expected an end time"},
    {"azure-functions-2021", "", F21 "a,f,1,-inf\n",
     ":2:7: found '-inf' (NaN or infinity), expected a duration"},
    {"azure-functions-2021", "", F21 "a,f,1,-0.5\n",
     ":2:7: found '-0.5' (a negative number), expected a duration"},
    {"azure-functions-2021", "", F21 "a,f,9300000000,1\n",
     ":2:5: found '9300000000' (a number out of range), expected an end time"},
    {"azure-functions-2021", "", F21 "a,f,9200000000,0\na,f,0,9200000000\n",
     ": found more than 292 years between two arrivals, expected fewer"},
    {"azure-functions-2019", BURST, "HashOwner,HashApp,HashFunction,Average,Count\no,a,f,1,1\n",
     ":1:32: found no minute column here, expected 1, 1_minute or minute_1 after the hashes"},
    {"azure-functions-2019", BURST, "HashOwner,HashApp,HashFunction,1,3\n",
     ":1:34: found the column '3', expected minute 2"},
    {"azure-functions-2019", BURST, "HashOwner,HashApp,1,2\n",
     ":1: found no column 'HashFunction', expected it among 'HashOwner' 'HashApp' '1' '2'"},
    {"azure-functions-2019", BURST, F19 "o,a,f,http,1,-2\n",
     ":2:14: found '-2' (a negative number), expected a count"},
    {"azure-functions-2019", BURST, F19 "o,a,f,http,1\n", ":2: found 5 fields, expected 6"},
    {"azure-functions-2019", BURST, F19 "o,a,f,http,67108865,0\n",
     ":2:12: found 67108865 invocations in one minute, expected at most 67108864"},
    {"azure-functions-2019", "within_bin=even function=zz", F19 "o,a,f,http,1,1\n",
     ": found no function 'zz' in 1 rows"},
    {"azure-functions-2019", "within_bin=even function=f", F19 "o,a,f,http,1,1\no,b,f,http,1,1\n",
     ":3: found the function a second time, first in row 1, expected it once; choose it by row:1 or row:2"},
    {"azure-functions-2019", BURST, F19 "o,a,f,http,0,0\n",
     ": found no row to import (0 refused), expected at least one"},
    {"mooncake", "", "", ": found no row to import (0 refused), expected at least one"},
    {"mooncake", "", "{\"timestamp\": 1, \"input_length\": 1}\n",
     ":1: found nothing for 'output_length', expected an integer"},
    {"mooncake", "", "{\"timestamp\": -1, \"input_length\": 1, \"output_length\": 1}\n",
     ":1: found -1 for 'timestamp', expected 0..9223372036854"},
    {"mooncake", "", "{\"timestamp\": 1.5, \"input_length\": 1, \"output_length\": 1}\n",
     ":1: found another kind of value for 'timestamp', expected an integer"},
    {"mooncake", "", "{\"timestamp\": 1, \"input_length\": 1, \"output_length\": 1, \"hash_ids\": 3}\n",
     ":1: 'hash_ids' is not a list of integers"},
    {"mooncake", "", "[1]\n", ":1:1: found no JSON object, expected {...}"},
    {"twitter-counts", BURST, "", ":1: found an empty file, expected counts between blanks"},
    {"twitter-counts", BURST, "1 2\n3 1.5 2", ":2:3: found '1.5' (a fraction), expected a count"},
    {"twitter-counts", BURST, "1 -2", ":1:3: found '-2' (a negative number), expected a count"},
    {"twitter-counts", BURST, "1 99999999", ":1:3: found a count of 99999999, expected at most 67108864"},
    {"twitter-counts", "within_bin=even from=5s", "1 2 3", ": found 3 seconds, expected more than `from`, 5"},
    {"twitter-arrivals", "", "timestamp_ms,kind\n1,update\n",
     ":2:3: found the kind 'update', expected create or delete"},
    {"twitter-arrivals", "", "timestamp_ms,kind,timestamp_ms\n1,create,2\n",
     ":1:19: found the column 'timestamp_ms' twice, expected it once"},
    {"csv", CSV, "a,b\n1,2\n", ":1: found no column 't', expected it among 'a' 'b'"},
    {"csv", CSV, "t\n1\n0.5\n",
     ":3:1: found a time 0.500000000 s before the row ahead of it, expected rows in time order"},
    {"csv", CSV, "t\n1e300\n", ":2:1: found '1e300' (a number out of range), expected a time"},
    {"csv", CSV, "t\n2023-11-16 18:15:46\n",
     ":2:1: found '2023-11-16 18:15:46' (no number), expected a time"},
    {"csv", "time=t unit=datetime", "t\n17\n",
     ":2:1: found '17' (no such time), expected a time YYYY-MM-DD HH:MM:SS.fraction of 1970 to 2262"},
    {"csv", CSV, "t,b\n1,\"open\n2,3\n", ":2:3: found a quote that is never closed"},
    {"csv", CSV, "t,b\n1,\"a\"b\n", ":2:6: found text after a closing quote"},
};

/* Nothing of the output, nor a temporary file beside it. */
static void expect_no_output(void)
{
    DIR *folder = opendir(fixture_folder);
    cr_assert_not_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        cr_assert_neq(strncmp(entry->d_name, "out", 3), 0, "left behind: %s", entry->d_name);
    closedir(folder);
}

static void expect_refused(const char *format, const char *options, const char *input, int code,
                           const char *message)
{
    struct ofr_quality quality;
    struct ofr_error err = OFR_ERROR_INIT;
    int rc = fixture_import(format, input, options, false, &quality, &err);
    size_t path = strlen(input);
    cr_assert_eq(rc, code, "%s: found code %d (%s)", message, rc, err.text);
    cr_assert_eq(err.code, code);
    cr_assert_eq(strncmp(err.text, input, path), 0, "%s", err.text);
    cr_assert_str_eq(err.text + path, message);
    cr_assert_null(strchr(err.text, '\n'));
    expect_no_output();
}

Test(import_bad, cases)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        const char *input = fixture_write("source", cases[i].text, strlen(cases[i].text));
        expect_refused(cases[i].format, cases[i].options, input, OFR_E_INPUT, cases[i].message);
    }
}

Test(import_bad, nul_byte)
{
    static const char text[] = "t\n1\n2\0 3\n";
    expect_refused("csv", CSV, fixture_write("source", text, sizeof text - 1), OFR_E_INPUT,
                   ":3:2: found a NUL byte, expected text");
    expect_refused("twitter-counts", BURST, fixture_write("source", "1 2\0 3", 6), OFR_E_INPUT,
                   ":1:3: found a NUL byte, expected text");
}

Test(import_bad, long_line)
{
    size_t size = OFR_TEXT_LINE_MAX + 10;
    char *text = malloc(size);
    memset(text, '1', size);
    memcpy(text, "t\n", 2);
    expect_refused("csv", CSV, fixture_write("source", text, size), OFR_E_INPUT,
                   ":2: found a line longer than 16 MiB, expected shorter lines");
    free(text);
}

/* A quote nobody closes swallows the file up to the bound, in one pass. */
Test(import_bad, endless_quote, .timeout = 20)
{
    size_t size = OFR_TEXT_LINE_MAX + 100;
    char *text = malloc(size);
    memset(text, '\n', size);
    memcpy(text, "t\n\"", 3);
    const char *input = fixture_write("source", text, size);
    struct ofr_quality quality;
    struct ofr_error err = OFR_ERROR_INIT;
    cr_assert_eq(fixture_import("csv", input, CSV, false, &quality, &err), OFR_E_INPUT);
    cr_assert_not_null(strstr(err.text, "longer than 16 MiB"), "%s", err.text);
    free(text);
}

/* Every cut of a gzip file, in header, data and trailer, is an error that says where. */
Test(import_bad, gzip_cut_everywhere)
{
    static const char text[] = LLM "2023-11-16 18:15:46,1,2\n2023-11-16 18:15:47,3,4\n";
    unsigned char packed[512];
    struct ofr_quality quality;
    size_t size = fixture_read(fixture_gzip("whole.gz", text, sizeof text - 1), packed, sizeof packed);
    for (size_t cut = 2; cut < size; ++cut) {
        struct ofr_error err = OFR_ERROR_INIT;
        char expected[128];
        const char *input = fixture_write("cut.gz", packed, cut);
        snprintf(expected, sizeof expected, ": offset %zu: gzip data is cut off, expected more bytes", cut);
        cr_assert_eq(fixture_import("azure-llm", input, "", false, &quality, &err), OFR_E_INPUT, "cut %zu",
                     cut);
        cr_assert_str_eq(err.text + strlen(input), expected);
        expect_no_output();
    }
}

Test(import_bad, gzip_damage)
{
    static const char text[] = LLM "2023-11-16 18:15:46,1,2\n2023-11-16 18:15:47,3,4\n";
    unsigned char packed[512];
    struct ofr_quality quality;
    size_t size = fixture_read(fixture_gzip("whole.gz", text, sizeof text - 1), packed, sizeof packed);
    packed[size - 6] ^= 0x40; /* in the checksum */
    struct ofr_error err = OFR_ERROR_INIT;
    cr_assert_eq(
        fixture_import("azure-llm", fixture_write("bad.gz", packed, size), "", false, &quality, &err),
        OFR_E_INPUT);
    cr_assert_not_null(strstr(err.text, "gzip data is damaged (incorrect data check)"), "%s", err.text);
    packed[size - 6] ^= 0x40;
    memcpy(packed + size, "tail", 4);
    char expected[200];
    snprintf(
        expected, sizeof expected,
        ": offset %zu: found bytes after the end of the gzip data, expected the end of the file or another "
        "gzip member",
        size);
    expect_refused("azure-llm", "", fixture_write("bad.gz", packed, size + 4), OFR_E_INPUT, expected);
}

Test(import_bad, missing_source_and_bad_usage)
{
    struct ofr_quality quality;
    struct ofr_error err = OFR_ERROR_INIT;
    cr_assert_eq(fixture_import("mooncake", "/nonexistent/x", "", false, &quality, &err), OFR_E_IO);
    cr_assert_str_eq(err.text, "cannot open /nonexistent/x: No such file or directory");
    const char *input = fixture_write("source", "t\n1\n", 4);
    ofr_error_clear(&err);
    cr_assert_eq(fixture_import("csv", input, CSV " delimiter=ab", false, &quality, &err), OFR_E_USAGE);
    ofr_error_clear(&err);
    cr_assert_eq(fixture_import("twitter-counts", input, BURST " from=1.5s", false, &quality, &err),
                 OFR_E_USAGE);
    ofr_error_clear(&err);
    cr_assert_eq(fixture_import("twitter-counts", input, BURST " from=3s to=3s", false, &quality, &err),
                 OFR_E_USAGE);
    ofr_error_clear(&err);
    cr_assert_eq(
        fixture_import("azure-functions-2019", input, BURST " function=row:0", false, &quality, &err),
        OFR_E_USAGE);
    expect_no_output();
}

/* An existing target survives a failed import as it was. */
Test(import_bad, target_is_kept)
{
    struct ofr_quality quality;
    struct ofr_error err = OFR_ERROR_INIT;
    unsigned char kept[8];
    fixture_write("out.otrace", "before", 6);
    const char *input = fixture_write("source", "t\n2\n1\n", 6);
    cr_assert_eq(fixture_import("csv", input, CSV, false, &quality, &err), OFR_E_INPUT);
    cr_assert_eq(fixture_read(fixture_path("out.otrace"), kept, sizeof kept), 6);
    cr_assert_eq(memcmp(kept, "before", 6), 0);
}

Test(import_bad, all_rows_refused)
{
    struct ofr_quality quality;
    struct ofr_error err = OFR_ERROR_INIT;
    const char *input = fixture_write("source", "t\nx\ny\n", 6);
    cr_assert_eq(fixture_import("csv", input, CSV, true, &quality, &err), OFR_E_INPUT);
    cr_assert_not_null(
        strstr(err.text, "found no row to import (2 refused, the first: found 'x' (no number)"), "%s",
        err.text);
    cr_assert_eq(quality.refused, 2);
    expect_no_output();
}
