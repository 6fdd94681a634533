/* The pieces under the importers: exact numbers and times, lines and fields, draws within a bin. */
#include "tests/support/import_fixture.h"
#include "traces/import/bins.h"

#include <inttypes.h>
#include <xxhash.h>

TestSuite(import_parse, .init = fixture_setup, .fini = fixture_teardown);

Test(import_parse, scaled)
{
    static const struct {
        const char *text;
        int scale;
        enum ofr_number number;
        int64_t value;
    } cases[] = {
        {"0.1", 9, OFR_NUMBER_OK, 100000000},
        {"0.07949090003967285", 9, OFR_NUMBER_OK, 79490900},
        {"0.04595", 6, OFR_NUMBER_OK, 45950},
        {"0.0000005", 6, OFR_NUMBER_OK, 1}, /* half a nanosecond */
        {"0.00000049", 6, OFR_NUMBER_OK, 0},
        {"-0.0000005", 6, OFR_NUMBER_OK, -1},
        {"1e3", 0, OFR_NUMBER_OK, 1000},
        {"1.25E-2", 3, OFR_NUMBER_OK, 13}, /* 12.5 */
        {"+7.", 0, OFR_NUMBER_OK, 7},
        {".5", 1, OFR_NUMBER_OK, 5},
        {"00012", 0, OFR_NUMBER_OK, 12},
        {"9223372036854775807", 0, OFR_NUMBER_OK, INT64_MAX},
        {"9223372036854775808", 0, OFR_NUMBER_RANGE, 0},
        {"9223372036.854775807", 9, OFR_NUMBER_OK, INT64_MAX},
        {"9223372036.8547758075", 9, OFR_NUMBER_RANGE, 0},
        {"1e99999999999999999999", 0, OFR_NUMBER_RANGE, 0},
        {"0e999999", 9, OFR_NUMBER_OK, 0},
        {"1e-99999999999", 9, OFR_NUMBER_OK, 0},
        {"", 0, OFR_NUMBER_EMPTY, 0},
        {"-", 0, OFR_NUMBER_MALFORMED, 0},
        {".", 0, OFR_NUMBER_MALFORMED, 0},
        {"1.2.3", 0, OFR_NUMBER_MALFORMED, 0},
        {"1e", 0, OFR_NUMBER_MALFORMED, 0},
        {"1 ", 0, OFR_NUMBER_MALFORMED, 0},
        {"0x10", 0, OFR_NUMBER_MALFORMED, 0},
        {"-NaN", 0, OFR_NUMBER_NOT_FINITE, 0},
        {"Infinity", 0, OFR_NUMBER_NOT_FINITE, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        int64_t value = 0;
        enum ofr_number number =
            ofr_number_scaled(cases[i].text, strlen(cases[i].text), cases[i].scale, &value);
        cr_assert_eq(number, cases[i].number, "%s: %s", cases[i].text, ofr_number_text(number));
        cr_assert_eq(value, cases[i].value, "%s: %" PRId64, cases[i].text, value);
    }
}

Test(import_parse, datetime)
{
    static const struct {
        const char *text;
        enum ofr_number number;
        int64_t value;
    } cases[] = {
        {"1970-01-01 00:00:00", OFR_NUMBER_OK, 0},
        {"2000-02-29T12:34:56.000000001Z", OFR_NUMBER_OK, INT64_C(951827696000000001)},
        {"2023-11-16 18:15:46.6805900", OFR_NUMBER_OK, INT64_C(1700158546680590000)},
        {"1970-01-01 01:00:00+01:00", OFR_NUMBER_OK, 0},
        {"1969-12-31 23:00:00-0130", OFR_NUMBER_OK, INT64_C(1800000000000)},
        {"1969-12-31 23:59:59", OFR_NUMBER_NEGATIVE, 0},
        {"1900-02-29 00:00:00", OFR_NUMBER_NOT_TIME, 0},
        {"2023-13-01 00:00:00", OFR_NUMBER_NOT_TIME, 0},
        {"2023-11-16 24:00:00", OFR_NUMBER_NOT_TIME, 0},
        {"2023-11-16 23:59:60", OFR_NUMBER_NOT_TIME, 0},
        {"2023-11-16 23:59:59.", OFR_NUMBER_NOT_TIME, 0},
        {"2023-11-16", OFR_NUMBER_NOT_TIME, 0},
        {"2023-11-16 23:59:59 UTC", OFR_NUMBER_NOT_TIME, 0},
        {"2300-01-01 00:00:00", OFR_NUMBER_RANGE, 0},
        {"", OFR_NUMBER_EMPTY, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        int64_t value = 0;
        enum ofr_number number = ofr_number_datetime(cases[i].text, strlen(cases[i].text), &value);
        cr_assert_eq(number, cases[i].number, "%s: %s", cases[i].text, ofr_number_text(number));
        if (number == OFR_NUMBER_OK)
            cr_assert_eq(value, cases[i].value, "%s: %" PRId64, cases[i].text, value);
    }
}

/* Lines over the edges of the buffers, from plain text and from two gzip members. */
Test(import_parse, lines_over_buffer_edges)
{
    enum {
        LINES = 30000
    };
    struct ofr_error err = OFR_ERROR_INIT;
    char *text = malloc(LINES * 64), *at = text;
    for (int i = 0; i < LINES; ++i)
        at += sprintf(at, "%d,%.*s%s", i, i % 50, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                      i % 2 ? "\r\n" : "\n");
    const char *plain = fixture_write("plain", text, (size_t)(at - text));
    const char *packed = fixture_path("packed");
    gzFile file = gzopen(packed, "wb");
    gzwrite(file, text, 100000);
    gzclose(file);
    file = gzopen(packed, "ab");
    gzwrite(file, text + 100000, (unsigned)(at - text) - 100000);
    gzclose(file);
    for (int which = 0; which < 2; ++which) {
        struct ofr_text *source = NULL;
        struct ofr_line line;
        int rc, count = 0;
        cr_assert_eq(ofr_text_open(&source, which ? packed : plain, &err), 0);
        while ((rc = ofr_text_line(source, &line, &err)) > 0) {
            cr_assert_eq(atoi(line.text), count);
            cr_assert_eq(line.number, (uint64_t)++count);
            cr_assert_null(strchr(line.text, '\r'));
        }
        cr_assert_eq(rc, 0, "%s", err.text);
        cr_assert_eq(count, LINES);
        if (!which)
            cr_assert_eq(ofr_text_hash(source), XXH64(text, (size_t)(at - text), 0));
        ofr_text_close(source);
    }
    free(text);
}

Test(import_parse, csv_fields)
{
    static const char text[] = "a,\"b\",c\n  1 ,\" 2 \",\n\"x\"\"y\",\"p,q\nr\" , \"\"\n";
    static const char *const expected[][3] = {{"a", "b", "c"}, {"1", " 2 ", ""}, {"x\"y", "p,q\nr", ""}};
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_text *source = NULL;
    struct ofr_csv csv;
    cr_assert_eq(ofr_text_open(&source, fixture_write("source", text, sizeof text - 1), &err), 0);
    ofr_csv_init(&csv, source, ',');
    for (size_t row = 0; row < 3; ++row) {
        cr_assert_eq(ofr_csv_next(&csv, &err), 1);
        cr_assert_null(csv.problem, "%s", csv.problem);
        cr_assert_eq(csv.count, 3);
        for (size_t i = 0; i < 3; ++i)
            cr_assert_str_eq(csv.field[i].text, expected[row][i]);
    }
    cr_assert_eq(csv.line, 3);
    cr_assert_eq(ofr_csv_next(&csv, &err), 0);
    ofr_csv_release(&csv);
    ofr_text_close(source);
}

static const struct ofr_bins *expand(struct ofr_bins *bins, uint64_t expected)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_random random;
    ofr_random_init(&random, 11, OFR_RANDOM_TEST, 0);
    cr_assert_eq(ofr_bins_expand(bins, expected, &random, &err), 0, "%s", err.text);
    for (size_t i = 0; i < bins->count; ++i) {
        cr_assert_geq(bins->time_ns[i], i ? bins->time_ns[i - 1] : 0);
        cr_assert_lt(bins->time_ns[i], bins->width_ns);
    }
    return bins;
}

Test(import_parse, bins)
{
    struct ofr_bins bins = {.within = OFR_WITHIN_EVEN, .width_ns = INT64_C(60000000000)};
    for (int within = OFR_WITHIN_EVEN; within <= OFR_WITHIN_BURST; ++within) {
        bins.within = (enum ofr_within_bin)within;
        cr_assert_eq(expand(&bins, 0)->count, 0);
        size_t count = expand(&bins, 10000)->count;
        double mean = 0;
        for (size_t i = 0; i < count; ++i)
            mean += (double)bins.time_ns[i] / 60e9 / (double)count;
        if (within == OFR_WITHIN_POISSON)
            cr_assert_lt(llabs((long long)count - 10000), 500); /* five deviations */
        else
            cr_assert_eq(count, 10000);
        cr_assert_float_eq(mean, within == OFR_WITHIN_BURST ? 0.0 : 0.5, 0.02);
    }
    struct ofr_random random;
    struct ofr_error err = OFR_ERROR_INIT;
    ofr_random_init(&random, 1, OFR_RANDOM_TEST, 0);
    cr_assert_eq(ofr_bins_expand(&bins, (uint64_t)OFR_BIN_COUNT_MAX + 1, &random, &err), OFR_E_INPUT);
    ofr_bins_release(&bins);
}
