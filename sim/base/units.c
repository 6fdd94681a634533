#include "sim/base/units.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide;

/* A decimal as written: digits * 10^exponent. */
struct decimal {
    wide digits;
    int exponent;
    const char *end; /* first character after it */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *read_exponent(const char *at, int *exponent)
{
    if (*at != 'e' && *at != 'E')
        return at;
    const char *digit = at + 1 + (at[1] == '+' || at[1] == '-');
    if (!is_digit(*digit))
        return at;
    int value = 0;
    for (; is_digit(*digit); ++digit)
        value = value < 10000 ? value * 10 + (*digit - '0') : value;
    *exponent += at[1] == '-' ? -value : value;
    return digit;
}

/* Digits, one point, an exponent; no sign. At most 36 digits that count. */
static bool read_decimal(const char *text, struct decimal *decimal)
{
    const char *at = text;
    bool point = false, any = false;
    int significant = 0;
    *decimal = (struct decimal){0};
    for (; is_digit(*at) || (*at == '.' && !point); ++at) {
        if (*at == '.') {
            point = true;
            continue;
        }
        any = true;
        significant += significant > 0 || *at != '0';
        if (significant > 36)
            return false;
        decimal->digits = decimal->digits * 10 + (wide)(unsigned)(*at - 0x30);
        decimal->exponent -= point;
    }
    decimal->end = read_exponent(at, &decimal->exponent);
    return any;
}

/* digits * 10^exponent * scale as an integer; false when it is none or does not fit 63 bits. */
static bool to_integer(struct decimal decimal, uint64_t scale, uint64_t limit, uint64_t *value)
{
    wide result = decimal.digits;
    while (result && result % 10 == 0 && decimal.exponent < 0) {
        result /= 10;
        decimal.exponent++;
    }
    if (result > ((wide)1 << 100))
        return false;
    result *= scale < (1U << 20) ? scale : 1;
    uint64_t rest = scale < (1U << 20) ? 1 : scale;
    while (rest > 1 && rest % 10 == 0) {
        rest /= 10;
        decimal.exponent++;
    }
    if (result && result > (~(wide)0) / rest)
        return false;
    result *= rest;
    for (; decimal.exponent < 0 && result; ++decimal.exponent) {
        if (result % 10)
            return false;
        result /= 10;
    }
    for (; decimal.exponent > 0 && result; --decimal.exponent) {
        if (result > limit)
            return false;
        result *= 10;
    }
    *value = (uint64_t)result;
    return result <= limit;
}

static uint64_t count_scale(const char *suffix)
{
    static const struct {
        const char *text;
        uint64_t scale;
    } known[] = {{"", 1}, {"k", 1000}, {"M", 1000000}, {"G", 1000000000}};
    for (size_t i = 0; i < sizeof known / sizeof *known; ++i)
        if (strcmp(suffix, known[i].text) == 0)
            return known[i].scale;
    return 0;
}

const char *ofr_read_count(const char *text, uint64_t *value)
{
    static const char expected[] = "a whole number such as 100000, 10k or 2M";
    struct decimal decimal;
    if (!read_decimal(text, &decimal))
        return expected;
    uint64_t scale = count_scale(decimal.end);
    return scale && to_integer(decimal, scale, UINT64_MAX, value) ? NULL : expected;
}

static const struct {
    const char *text;
    uint64_t ns;
} time_unit[] = {{"ns", 1},
                 {"us", 1000},
                 {"ms", 1000000},
                 {"s", 1000000000},
                 {"min", UINT64_C(60000000000)},
                 {"h", UINT64_C(3600000000000)}};

const char *ofr_read_time(const char *text, int64_t *value_ns)
{
    struct decimal decimal;
    if (strcmp(text, "none") == 0) {
        *value_ns = -1;
        return NULL;
    }
    if (!read_decimal(text, &decimal))
        return "a time with its unit (ns us ms s min h), e.g. 20ms";
    if (!*decimal.end)
        return "its unit with it (ns us ms s min h), e.g. 20ms";
    for (size_t i = 0; i < sizeof time_unit / sizeof *time_unit; ++i) {
        uint64_t value;
        if (strcmp(decimal.end, time_unit[i].text) != 0)
            continue;
        if (!to_integer(decimal, time_unit[i].ns, INT64_MAX, &value))
            return "a whole number of nanoseconds, below 292 years";
        *value_ns = (int64_t)value;
        return NULL;
    }
    return "a time with its unit (ns us ms s min h), e.g. 20ms";
}

/* A real as written, still decimal, so that units that are powers of ten cost no rounding. */
struct real {
    const char *text; /* sign, digits and point */
    int size;
    int exponent;
    const char *end; /* first character after it */
};

static bool split_real(const char *text, struct real *real)
{
    const char *at = text + (*text == '-' || *text == '+');
    bool point = false, any = false;
    for (; is_digit(*at) || (*at == '.' && !point); ++at) {
        point = point || *at == '.';
        any = any || *at != '.';
    }
    *real = (struct real){.text = text, .size = (int)(at - text)};
    real->end = read_exponent(at, &real->exponent);
    return any && at - text < 256;
}

/* The nearest double of real * 10^shift; false when there is no finite one, or it would vanish to 0. */
static bool to_double(const struct real *real, int shift, double *value)
{
    char text[300];
    snprintf(text, sizeof text, "%.*se%d", real->size, real->text, real->exponent + shift);
    *value = strtod_l(text, NULL, newlocale(LC_ALL_MASK, "C", (locale_t)0)); /* built in: nothing to free */
    return isfinite(*value) && (*value != 0.0 || strspn(real->text, "+-0.") >= (size_t)real->size);
}

static const struct {
    const char *text;
    int shift;
} rate_prefix[] = {{"", 0}, {"k", 3}, {"M", 6}, {"G", 9}};

static const struct {
    const char *text;
    double seconds;
} rate_period[] = {{"/s", 1.0}, {"/min", 60.0}, {"/h", 3600.0}};

/* Takes a rate's unit apart; false when it is none. */
static bool rate_unit(const char *unit, int *shift, double *seconds)
{
    const char *slash = strchr(unit, '/');
    *shift = -1;
    *seconds = 0.0;
    for (size_t i = 0; slash && i < sizeof rate_prefix / sizeof *rate_prefix; ++i)
        if (strlen(rate_prefix[i].text) == (size_t)(slash - unit) &&
            strncmp(unit, rate_prefix[i].text, (size_t)(slash - unit)) == 0)
            *shift = rate_prefix[i].shift;
    for (size_t i = 0; slash && i < sizeof rate_period / sizeof *rate_period; ++i)
        if (strcmp(slash, rate_period[i].text) == 0)
            *seconds = rate_period[i].seconds;
    return *shift >= 0 && *seconds > 0.0;
}

const char *ofr_read_rate(const char *text, double *per_s)
{
    struct real real;
    int shift;
    double seconds;
    if (!split_real(text, &real) || !rate_unit(real.end, &shift, &seconds))
        return "a rate with its unit, e.g. 900/s, 5k/s or 30/min";
    if (!to_double(&real, shift, per_s))
        return "a rate within the range of a double";
    *per_s /= seconds;
    return NULL;
}

/* A real that may carry one unit; `shift` is what the unit means. */
static const char *read_with(const char *text, const char *unit, int shift, double *value,
                             const char *expected)
{
    struct real real;
    if (!split_real(text, &real) || (*real.end && strcmp(real.end, unit) != 0))
        return expected;
    return to_double(&real, *real.end ? shift : 0, value) ? NULL : "a number within the range of a double";
}

const char *ofr_read_share(const char *text, double *value)
{
    return read_with(text, "%", -2, value, "a share such as 1% or 0.01");
}

const char *ofr_read_factor(const char *text, double *value)
{
    return read_with(text, "x", 0, value, "a factor such as 2x");
}

const char *ofr_read_real(const char *text, double *value)
{
    return read_with(text, "", 0, value, "a number without a unit");
}

const char *ofr_unit_of(const char *text)
{
    struct real real;
    return split_real(text, &real) ? real.end : "";
}

double ofr_unit_ns(const char *unit)
{
    for (size_t i = 0; i < sizeof time_unit / sizeof *time_unit; ++i)
        if (strcmp(unit, time_unit[i].text) == 0)
            return (double)time_unit[i].ns;
    return 0.0;
}

double ofr_unit_per_s(const char *unit)
{
    int shift;
    double seconds;
    if (!rate_unit(unit, &shift, &seconds))
        return 0.0;
    return pow(10.0, shift) / seconds;
}

const char *ofr_read_bool(const char *text, uint8_t *value)
{
    static const char *const word[] = {"false", "true", "no", "yes", "off", "on"};
    for (size_t i = 0; i < sizeof word / sizeof *word; ++i) {
        if (strcmp(text, word[i]) == 0) {
            *value = i & 1;
            return NULL;
        }
    }
    return "true or false";
}

void ofr_write_time(char *out, int64_t value_ns)
{
    if (value_ns < 0) {
        snprintf(out, OFR_UNIT_TEXT, "none");
        return;
    }
    size_t unit = value_ns == 0 ? 3 : 0;
    for (size_t i = 1; i <= 3 && value_ns; ++i)
        if ((uint64_t)value_ns % time_unit[i].ns == 0)
            unit = i;
    snprintf(out, OFR_UNIT_TEXT, "%" PRIu64 "%s", (uint64_t)value_ns / time_unit[unit].ns,
             time_unit[unit].text);
}

void ofr_write_real(char *out, double value)
{
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before = uselocale(c_locale);
    int digits = 1;
    for (; digits <= 17; ++digits) {
        snprintf(out, OFR_UNIT_TEXT, "%.*g", digits, value);
        if (strtod_l(out, NULL, c_locale) == value)
            break;
    }
    /* %g writes 600 with one digit as 6e+02: people read the plain form better where it stays short. */
    if (strchr(out, 'e') && fabs(value) >= 1.0 && fabs(value) < 1e15)
        snprintf(out, OFR_UNIT_TEXT, "%.0f", value);
    uselocale(before);
    freelocale(c_locale);
}

unsigned ofr_edit_distance(const char *a, const char *b)
{
    enum {
        LONGEST = 64
    };
    unsigned row[LONGEST + 1];
    size_t a_size = strlen(a), b_size = strlen(b);
    if (a_size > LONGEST || b_size > LONGEST)
        return LONGEST;
    for (unsigned j = 0; j <= b_size; ++j)
        row[j] = j;
    for (unsigned i = 1; i <= a_size; ++i) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= b_size; ++j) {
            unsigned change = diagonal + (a[i - 1] != b[j - 1]);
            unsigned skip = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < skip ? change : skip;
        }
    }
    return row[b_size];
}

const char *ofr_nearest(const char *word, const char *const *known)
{
    const char *best = NULL;
    unsigned least = 3;
    for (; known && *known; ++known) {
        unsigned distance = ofr_edit_distance(word, *known);
        if (distance < least && distance < strlen(*known) && distance < strlen(word)) {
            best = *known;
            least = distance;
        }
    }
    return best;
}
