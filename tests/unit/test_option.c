/* Options from text: every type, its units, its limits, and the way back. */
#include "sim/base/config.h"
#include "sim/base/units.h"

#include <criterion/criterion.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct values {
    uint64_t count;
    int64_t time_ns;
    double real;
    uint8_t flag;
    int32_t choice;
    char text[OFFRAMP_TEXT_SIZE];
    struct offramp_reals reals;
    struct offramp_texts texts;
};

static const char *const colours[] = {"red", "green", "blue", NULL};

#define ROW(type_, member_) .name = "x", .type = type_, .offset = offsetof(struct values, member_)

static const struct offramp_option count_any = {ROW(OFFRAMP_OPT_COUNT, count)};
static const struct offramp_option count_row = {ROW(OFFRAMP_OPT_COUNT, count), .min = 1, .max = 256};
static const struct offramp_option time_any = {ROW(OFFRAMP_OPT_TIME, time_ns)};
static const struct offramp_option time_row = {ROW(OFFRAMP_OPT_TIME, time_ns), .min = 0, .max = 1e9};
static const struct offramp_option time_none = {ROW(OFFRAMP_OPT_TIME, time_ns), .min = -1, .max = 9e18};
static const struct offramp_option rate_any = {ROW(OFFRAMP_OPT_RATE, real)};
static const struct offramp_option rate_row = {ROW(OFFRAMP_OPT_RATE, real), .min = 1, .max = 1e6};
static const struct offramp_option share_any = {ROW(OFFRAMP_OPT_SHARE, real)};
static const struct offramp_option share_row = {ROW(OFFRAMP_OPT_SHARE, real), .min = 0, .max = 0.5};
static const struct offramp_option factor_any = {ROW(OFFRAMP_OPT_FACTOR, real)};
static const struct offramp_option factor_row = {ROW(OFFRAMP_OPT_FACTOR, real), .min = 0.5, .max = 8};
static const struct offramp_option real_any = {ROW(OFFRAMP_OPT_REAL, real)};
static const struct offramp_option real_row = {ROW(OFFRAMP_OPT_REAL, real), .min = -2, .max = 2};
static const struct offramp_option bool_row = {ROW(OFFRAMP_OPT_BOOL, flag)};
static const struct offramp_option choice_row = {ROW(OFFRAMP_OPT_CHOICE, choice), .choices = colours};
static const struct offramp_option text_row = {ROW(OFFRAMP_OPT_TEXT, text)};
static const struct offramp_option reals_row = {ROW(OFFRAMP_OPT_REALS, reals), .min = 0, .max = 1};
static const struct offramp_option texts_row = {ROW(OFFRAMP_OPT_TEXTS, texts)};

Test(option, counts_are_exact)
{
    static const struct {
        const char *text;
        uint64_t value;
    } good[] = {
        {"0", 0},
        {"100000", 100000},
        {"10k", 10000},
        {"2M", 2000000},
        {"3G", 3000000000},
        {"1e6", 1000000},
        {"1.5k", 1500},
        {"2.50e2", 250},
        {"007", 7},
        {"9007199254740993", 9007199254740993}, /* 2^53 + 1: no double holds it */
        {"18446744073709551615", 18446744073709551615u} /* 2^64 - 1 */,
        {"18446744073709551.615k", 18446744073709551615u},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; ++i) {
        struct values values = {0};
        struct ofr_error err = OFR_ERROR_INIT;
        cr_expect_eq(ofr_option_parse(&count_any, good[i].text, &values, NULL, &err), 0, "%s", err.text);
        cr_expect_eq(values.count, good[i].value, "%s", good[i].text);
    }
}

Test(option, times_are_exact)
{
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {
        {"0s", 0},
        {"0ns", 0},
        {"1ns", 1},
        {"1.5us", 1500},
        {"0.3us", 300},
        {"20ms", 20000000},
        {"0.1s", 100000000},
        {"1e-9s", 1},
        {"1.000000001s", 1000000001},
        {"10min", 600000000000},
        {"2h", 7200000000000},
        {"0.0000000000025h", 9}, /* 3.6e12 ns in an hour */
        {"9223372036854775807ns", INT64_MAX},
        {"9223372036.854775807s", INT64_MAX},
        {"123456789.123456789s", 123456789123456789},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; ++i) {
        struct values values = {0};
        struct ofr_error err = OFR_ERROR_INIT;
        cr_expect_eq(ofr_option_parse(&time_any, good[i].text, &values, NULL, &err), 0, "%s", err.text);
        cr_expect_eq(values.time_ns, good[i].value, "%s", good[i].text);
    }
    struct values values = {0};
    cr_expect_eq(ofr_option_parse(&time_none, "none", &values, NULL, NULL), 0);
    cr_expect_eq(values.time_ns, -1);
}

Test(option, reals_are_the_nearest_double)
{
    static const struct {
        const struct offramp_option *option;
        const char *text;
        double value;
    } good[] = {
        {&rate_any, "900/s", 900},       {&rate_any, "5k/s", 5000},    {&rate_any, "1.5M/s", 1.5e6},
        {&rate_any, "30/min", 0.5},      {&rate_any, "7.2k/h", 2},     {&rate_any, "0.1/s", 0.1},
        {&rate_any, "0/s", 0},           {&share_any, "1%", 0.01},     {&share_any, "0.7%", 0.007},
        {&share_any, "0.01", 0.01},      {&share_any, "100%", 1},      {&share_any, "0", 0},
        {&factor_any, "2x", 2},          {&factor_any, "2", 2},        {&factor_any, "0.5x", 0.5},
        {&real_any, "0.25", 0.25},       {&real_any, "-1e-3", -0.001}, {&real_any, "+3", 3},
        {&real_any, ".5", 0.5},          {&real_any, "1e308", 1e308},  {&real_any, "-0", 0},
        {&real_any, "4.9e-324", 5e-324}, {&real_any, "0.1", 0.1},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; ++i) {
        struct values values = {.real = 77};
        struct ofr_error err = OFR_ERROR_INIT;
        cr_expect_eq(ofr_option_parse(good[i].option, good[i].text, &values, NULL, &err), 0, "%s", err.text);
        cr_expect(values.real == good[i].value, "%s is %.17g", good[i].text, values.real);
    }
}

/* What must be refused, and the whole line that says so. */
Test(option, bad_values)
{
    static const struct {
        const struct offramp_option *option;
        const char *text, *expected;
    } bad[] = {
        {&count_any, "", "a whole number such as 100000, 10k or 2M"},
        {&count_any, "abc", "a whole number such as 100000, 10k or 2M"},
        {&count_any, "1.5", "a whole number such as 100000, 10k or 2M"},
        {&count_any, "0x10", "a whole number such as 100000, 10k or 2M"},
        {&count_any, "10K", "a whole number such as 100000, 10k or 2M"},
        {&count_any, "10 000", "a whole number such as 100000, 10k or 2M"},
        {&count_any, "nan", "a whole number such as 100000, 10k or 2M"},
        {&count_any, "18446744073709551616", "a whole number such as 100000, 10k or 2M"},
        {&count_any, "1e999999999", "a whole number such as 100000, 10k or 2M"},
        {&count_any, "-5", "0 or more"},
        {&count_row, "0", "1 to 256"},
        {&count_row, "257", "1 to 256"},
        {&count_row, "-1", "1 to 256"},
        {&time_any, "20", "its unit with it (ns us ms s min h), e.g. 20ms"},
        {&time_any, "0", "its unit with it (ns us ms s min h), e.g. 20ms"},
        {&time_any, "20 parsecs", "a time with its unit (ns us ms s min h), e.g. 20ms"},
        {&time_any, "ms", "a time with its unit (ns us ms s min h), e.g. 20ms"},
        {&time_any, "20MS", "a time with its unit (ns us ms s min h), e.g. 20ms"},
        {&time_any, "20msx", "a time with its unit (ns us ms s min h), e.g. 20ms"},
        {&time_any, "nans", "a time with its unit (ns us ms s min h), e.g. 20ms"},
        {&time_any, "infs", "a time with its unit (ns us ms s min h), e.g. 20ms"},
        {&time_any, "0.3ns", "a whole number of nanoseconds, below 292 years"},
        {&time_any, "1.0000000001s", "a whole number of nanoseconds, below 292 years"},
        {&time_any, "9223372036854775808ns", "a whole number of nanoseconds, below 292 years"},
        {&time_any, "1e30h", "a whole number of nanoseconds, below 292 years"},
        {&time_any, "none", "0s or more"},
        {&time_any, "-5ms", "0ms or more"},
        {&time_row, "none", "0s to 1s"},
        {&time_row, "5min", "0min to 0.0166666666666667min"},
        {&time_row, "1001ms", "0ms to 1000ms"},
        {&time_row, "1000000001ns", "0ns to 1000000000ns"},
        {&time_none, "-1s", "none, or 0s or more"},
        {&time_none, "None", "a time with its unit (ns us ms s min h), e.g. 20ms"},
        {&rate_any, "900", "a rate with its unit, e.g. 900/s, 5k/s or 30/min"},
        {&rate_any, "900/day", "a rate with its unit, e.g. 900/s, 5k/s or 30/min"},
        {&rate_any, "900rps", "a rate with its unit, e.g. 900/s, 5k/s or 30/min"},
        {&rate_any, "nan/s", "a rate with its unit, e.g. 900/s, 5k/s or 30/min"},
        {&rate_any, "inf/s", "a rate with its unit, e.g. 900/s, 5k/s or 30/min"},
        {&rate_any, "0x1/s", "a rate with its unit, e.g. 900/s, 5k/s or 30/min"},
        {&rate_any, "1e308G/s", "a rate within the range of a double"},
        {&rate_any, "1e-400/s", "a rate within the range of a double"},
        {&rate_any, "-1/s", "0/s or more"},
        {&rate_row, "0/s", "1/s to 1000000/s"},
        {&rate_row, "1e4k/s", "0.001k/s to 1000k/s"},
        {&rate_row, "30/min", "60/min to 60000000/min"},
        {&share_any, "101%", "0% to 100%"},
        {&share_any, "1.5", "0 to 1"},
        {&share_any, "-1%", "0% to 100%"},
        {&share_any, "1 percent", "a share such as 1% or 0.01"},
        {&share_any, "nan", "a share such as 1% or 0.01"},
        {&share_row, "60%", "0% to 50%"},
        {&factor_any, "-2x", "0x or more"},
        {&factor_any, "2X", "a factor such as 2x"},
        {&factor_any, "x", "a factor such as 2x"},
        {&factor_row, "16", "0.5x to 8x"},
        {&real_any, "nan", "a number without a unit"},
        {&real_any, "-inf", "a number without a unit"},
        {&real_any, "0x1p3", "a number without a unit"},
        {&real_any, "1,5", "a number without a unit"},
        {&real_any, "1e400", "a number within the range of a double"},
        {&real_any, "5ms", "a number without a unit"},
        {&real_any, "", "a number without a unit"},
        {&real_row, "2.0001", "-2 to 2"},
        {&bool_row, "1", "true or false"},
        {&bool_row, "True", "true or false"},
        {&bool_row, "", "true or false"},
        {&choice_row, "grene", "one of: red green blue; did you mean 'green'?"},
        {&choice_row, "ultraviolet", "one of: red green blue"},
        {&choice_row, "", "one of: red green blue"},
        {&reals_row, "2", "0 to 1"},
        {&reals_row, "half", "a number without a unit"},
        {&texts_row, "0123456789-0123456789-0123456789-0123456789-0123", "at most 47 characters"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        struct values values = {0};
        struct ofr_error err = OFR_ERROR_INIT;
        char line[256];
        snprintf(line, sizeof line, "here: x: found '%s', expected %s", bad[i].text, bad[i].expected);
        cr_expect_eq(ofr_option_parse(bad[i].option, bad[i].text, &values, "here", &err), OFR_E_INPUT,
                     "'%s' was taken", bad[i].text);
        cr_expect_str_eq(err.text, line);
    }
}

Test(option, a_message_is_one_short_line)
{
    struct values values = {0};
    struct ofr_error err = OFR_ERROR_INIT;
    char text[3000];
    memset(text, 'a', sizeof text);
    text[3] = '\n';
    text[sizeof text - 1] = '\0';
    ofr_option_parse(&text_row, text, &values, NULL, &err);
    cr_expect_null(strchr(err.text, '\n'));
    cr_expect_not_null(strstr(err.text, "expected at most 1023 characters"), "%s", err.text);
}

static void back_and_forth(const struct offramp_option *option, const struct values *values)
{
    char text[8192], yaml[8300];
    struct values back = {0};
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_config *config = NULL;
    int length = ofr_option_format(option, values, text, sizeof text);
    cr_assert_eq((size_t)length, strlen(text), "length of %s", text);
    int size = snprintf(yaml, sizeof yaml, "x: %s\n", text);
    cr_assert_eq(ofr_config_parse(&config, "t", yaml, (size_t)size, &err), 0, "%s", err.text);
    cr_assert_eq(ofr_options_bind(option, 1, &back, sizeof back, ofr_config_root(config), &err), 0, "%s",
                 err.text);
    cr_expect(memcmp(&back, values, sizeof back) == 0, "%s", text);
    ofr_config_free(config);
    char tight[2] = {'?', '?'};
    cr_expect_eq(ofr_option_format(option, values, tight, 1), length, "length of %s when cut", text);
    cr_expect_eq(tight[0], '\0');
    cr_expect_eq(tight[1], '?');
}

Test(option, numbers_read_back)
{
    static const uint64_t counts[] = {0, 1, 1000, UINT64_MAX};
    static const int64_t times_ns[] = {0, 1, 1500, 20000000, 1234567890123, INT64_MAX, -1};
    static const double reals[] = {0, 0.1, 1.0 / 3, 0.007, 5e-324, 0.30000000000000004, 1};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; ++i)
        back_and_forth(&count_any, &(struct values){.count = counts[i]});
    for (size_t i = 0; i < sizeof times_ns / sizeof *times_ns; ++i)
        back_and_forth(&time_none, &(struct values){.time_ns = times_ns[i]});
    for (size_t i = 0; i < sizeof reals / sizeof *reals; ++i) {
        back_and_forth(&rate_any, &(struct values){.real = reals[i]});
        back_and_forth(&share_any, &(struct values){.real = reals[i]});
        back_and_forth(&factor_any, &(struct values){.real = reals[i]});
        back_and_forth(&real_any, &(struct values){.real = -reals[i] * 1e300});
    }
    back_and_forth(&bool_row, &(struct values){.flag = 1});
    back_and_forth(&choice_row, &(struct values){.choice = 2});
    back_and_forth(&reals_row, &(struct values){.reals = {.count = 3, .item = {0.1, 0, 1}}});
    back_and_forth(&reals_row, &(struct values){0});
}

Test(option, texts_read_back)
{
    static const char *const texts[] = {
        "",
        "plain",
        "a b",
        "it's",
        "say \"x\"",
        "back\\slash",
        "a: b",
        "# no",
        "- item",
        "[1, 2]",
        "{a: 1}",
        "*alias",
        "&anchor",
        "!tag",
        "%directive",
        "@at",
        "`tick",
        "?",
        "null",
        "~",
        "true",
        "tab\there",
        "line\nline\r\n",
        " padded ",
        "\x01\x1f\x7f",
        "\u00e4\u20ac\U0001F600",
        "nel\xc2\x85.",
        "\u2028\u2029\ufeff",
        "---",
        "...",
        "a#b",
        "a #b",
        ",",
        "0x10",
        "1:30",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; ++i) {
        struct values values = {.texts.count = 2};
        strcpy(values.texts.item[0], texts[i]);
        strcpy(values.texts.item[1], "second");
        back_and_forth(&texts_row, &values);
        values = (struct values){0};
        strcpy(values.text, texts[i]);
        back_and_forth(&text_row, &values);
    }
    struct values longest = {0};
    memset(longest.text, '\x01', OFFRAMP_TEXT_SIZE - 1);
    back_and_forth(&text_row, &longest);
}

Test(option, a_locale_with_commas_changes_nothing)
{
    if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "fr_FR.UTF-8")) {
        fprintf(stderr, "SKIPPED: no locale with a decimal comma is installed\n");
        return;
    }
    struct values values = {0};
    char text[64];
    cr_expect_eq(ofr_option_parse(&real_any, "1.5", &values, NULL, NULL), 0);
    cr_expect(values.real == 1.5);
    ofr_option_format(&real_any, &values, text, sizeof text);
    cr_expect_str_eq(text, "1.5");
}

Test(option, nearest_names)
{
    static const char *const known[] = {"accuracy_loss", "ramp_budget", "cv", "mode", NULL};
    cr_expect_str_eq(ofr_nearest("acuracy_loss", known), "accuracy_loss");
    cr_expect_str_eq(ofr_nearest("ramp_bugdet", known), "ramp_budget");
    cr_expect_str_eq(ofr_nearest("modes", known), "mode");
    cr_expect_null(ofr_nearest("xy", known)); /* two edits of a two-letter word are another word */
    cr_expect_null(ofr_nearest("threshold", known));
    cr_expect_null(ofr_nearest("", known));
    cr_expect_null(ofr_nearest("mode", NULL));
}

/* `none` stands for -1 inside, and nothing but `none` may read as it. */
Test(option, rates_may_be_none)
{
    const struct offramp_option row = {.name = "rate",
                                       .type = OFFRAMP_OPT_RATE,
                                       .offset = offsetof(struct values, real),
                                       .min = -1,
                                       .max = 1e9};
    struct values values = {0};
    char text[64];
    cr_expect_eq(ofr_option_parse(&row, "none", &values, NULL, NULL), 0);
    cr_expect(values.real == -1.0);
    ofr_option_format(&row, &values, text, sizeof text);
    cr_expect_str_eq(text, "none");
    cr_expect_eq(ofr_option_parse(&row, "0/s", &values, NULL, NULL), 0);
    cr_expect(values.real == 0.0);
    struct ofr_error err = OFR_ERROR_INIT;
    cr_expect_eq(ofr_option_parse(&row, "-1/s", &values, NULL, &err), OFR_E_INPUT);
    cr_expect_str_eq(err.text, "rate: found '-1/s', expected none, or 0/s to 1000000000/s");
}

/* Also the longest values there can be, each byte of which becomes an escape. */
Test(option, a_whole_table_reads_back)
{
    static const struct offramp_option rows[] = {
        {.name = "text", .type = OFFRAMP_OPT_TEXT, .offset = offsetof(struct values, text)},
        {.name = "texts", .type = OFFRAMP_OPT_TEXTS, .offset = offsetof(struct values, texts)},
        {.name = "count", .type = OFFRAMP_OPT_COUNT, .offset = offsetof(struct values, count)},
    };
    struct values values = {.count = 12, .texts.count = OFFRAMP_MAX_SITES}, back;
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_config *config = NULL;
    char *text = NULL;
    size_t size = 0;
    memset(values.text, '\x01', OFFRAMP_TEXT_SIZE - 1);
    for (uint32_t i = 0; i < OFFRAMP_MAX_SITES; ++i)
        memset(values.texts.item[i], '\x02', sizeof values.texts.item[i] - 1);
    FILE *out = open_memstream(&text, &size);
    fputs("map:\n", out);
    cr_assert_eq(ofr_options_write(out, "  ", rows, 3, &values), 0);
    fclose(out);
    cr_assert_eq(ofr_config_parse(&config, "t", text, size, &err), 0, "%s", err.text);
    struct ofr_node *map = ofr_node_get(ofr_config_root(config), "map");
    cr_assert_eq(ofr_options_bind(rows, 3, &back, sizeof back, map, &err), 0, "%s", err.text);
    cr_expect(memcmp(&back, &values, sizeof back) == 0);
    ofr_config_free(config);
    free(text);
}

/* Bound from `text`; the value it gave, or -1 with the message in err. */
static double bind_with_alias(const char *text, struct ofr_error *err)
{
    static const struct offramp_option row = {.name = "max_batch",
                                              .type = OFFRAMP_OPT_COUNT,
                                              .offset = offsetof(struct values, count),
                                              .fallback = "3",
                                              .alias = "max_batch_size"};
    struct ofr_config *config = NULL;
    struct values values;
    cr_assert_eq(ofr_config_parse(&config, "f", text, strlen(text), err), 0);
    int rc = ofr_options_bind(&row, 1, &values, sizeof values, ofr_config_root(config), err);
    ofr_config_free(config);
    return rc ? -1.0 : (double)values.count;
}

Test(option, an_alias_is_the_same_key)
{
    struct ofr_error err = OFR_ERROR_INIT;
    cr_expect(bind_with_alias("{max_batch: 8}", &err) == 8.0);
    cr_expect(bind_with_alias("{max_batch_size: 8}", &err) == 8.0);
    cr_expect(bind_with_alias("{}", &err) == 3.0);
    cr_expect(bind_with_alias("{max_batch: 8, max_batch_size: 8}", &err) == -1.0);
    cr_expect_str_eq(err.text,
                     "f:1:32: found both 'max_batch' and 'max_batch_size', two names of one option");
}
