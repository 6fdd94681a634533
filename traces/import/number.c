#include "traces/import/number.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <time.h>

const char *ofr_number_text(enum ofr_number number)
{
    switch (number) {
#define X(name, text)                                                                                        \
    case OFR_NUMBER_##name:                                                                                  \
        return text;
        OFR_NUMBER_MAP(X)
#undef X
    }
    return "?";
}

/* Decimal notation taken apart: sign, digits around one point, power of ten. */
struct decimal {
    bool negative;
    const char *digits; /* may hold the point */
    const char *end;
    int64_t integer_digits; /* digits before the point */
    int64_t digit_count;
    int exponent;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && strncasecmp(text, word, length) == 0;
}

static bool is_not_finite(const char *text, size_t length)
{
    if (length > 0 && (*text == '-' || *text == '+')) {
        ++text;
        --length;
    }
    return is_word(text, length, "nan") || is_word(text, length, "inf") || is_word(text, length, "infinity");
}

static bool read_exponent(const char *at, const char *end, int *exponent)
{
    enum {
        EXPONENT_MAX = 100000 /* far outside int64 already */
    };
    bool negative = false;
    if (at < end && (*at == '-' || *at == '+'))
        negative = *at++ == '-';
    if (at == end)
        return false;
    int value = 0;
    for (; at < end && is_digit(*at); ++at)
        if (value < EXPONENT_MAX)
            value = value * 10 + (*at - '0');
    *exponent = negative ? -value : value;
    return at == end;
}

static enum ofr_number take_apart(struct decimal *out, const char *text, size_t length)
{
    const char *at = text, *end = text + length;
    *out = (struct decimal){.negative = false};
    if (length == 0)
        return OFR_NUMBER_EMPTY;
    if (is_not_finite(text, length))
        return OFR_NUMBER_NOT_FINITE;
    if (*at == '-' || *at == '+')
        out->negative = *at++ == '-';
    bool point = false;
    out->digits = at;
    for (; at < end && (is_digit(*at) || (*at == '.' && !point)); ++at) {
        if (*at == '.') {
            point = true;
            continue;
        }
        ++out->digit_count;
        out->integer_digits += !point;
    }
    out->end = at;
    if (out->digit_count == 0)
        return OFR_NUMBER_MALFORMED;
    if (at < end && (*at == 'e' || *at == 'E'))
        return read_exponent(at + 1, end, &out->exponent) ? OFR_NUMBER_OK : OFR_NUMBER_MALFORMED;
    return at == end ? OFR_NUMBER_OK : OFR_NUMBER_MALFORMED;
}

/* Value * 10^scale as sign and magnitude; *exact is false when digits were rounded away. */
static enum ofr_number scale_up(const struct decimal *decimal, int scale, uint64_t *magnitude, bool *exact)
{
    int64_t kept = decimal->integer_digits + decimal->exponent + scale; /* digits left of the new point */
    uint64_t value = 0;
    int64_t seen = 0;
    *exact = true;
    for (const char *at = decimal->digits; at < decimal->end; ++at) {
        if (*at == '.')
            continue;
        unsigned digit = (unsigned)(*at - '0');
        if (seen < kept) {
            if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
                __builtin_add_overflow(value, (uint64_t)digit, &value))
                return OFR_NUMBER_RANGE;
        } else {
            *exact = *exact && digit == 0;
            if (seen == kept && digit >= 5 && __builtin_add_overflow(value, (uint64_t)1, &value))
                return OFR_NUMBER_RANGE;
        }
        ++seen;
    }
    for (; value != 0 && seen < kept; ++seen)
        if (__builtin_mul_overflow(value, (uint64_t)10, &value))
            return OFR_NUMBER_RANGE;
    *magnitude = value;
    return OFR_NUMBER_OK;
}

enum ofr_number ofr_number_scaled(const char *text, size_t length, int scale, int64_t *out)
{
    struct decimal decimal;
    uint64_t magnitude = 0;
    bool exact;
    enum ofr_number number = take_apart(&decimal, text, length);
    if (number == OFR_NUMBER_OK)
        number = scale_up(&decimal, scale, &magnitude, &exact);
    if (number != OFR_NUMBER_OK)
        return number;
    if (magnitude > INT64_MAX)
        return OFR_NUMBER_RANGE;
    *out = decimal.negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return OFR_NUMBER_OK;
}

enum ofr_number ofr_number_time(const char *text, size_t length, int scale, int64_t *out)
{
    enum ofr_number number = ofr_number_scaled(text, length, scale, out);
    return number == OFR_NUMBER_OK && *out < 0 ? OFR_NUMBER_NEGATIVE : number;
}

enum ofr_number ofr_number_count(const char *text, size_t length, uint64_t max, uint64_t *out)
{
    struct decimal decimal;
    bool exact = true;
    enum ofr_number number = take_apart(&decimal, text, length);
    if (number == OFR_NUMBER_OK)
        number = scale_up(&decimal, 0, out, &exact);
    if (number != OFR_NUMBER_OK)
        return number;
    if (!exact)
        return OFR_NUMBER_FRACTION;
    if (decimal.negative && *out != 0)
        return OFR_NUMBER_NEGATIVE;
    return *out > max ? OFR_NUMBER_RANGE : OFR_NUMBER_OK;
}

/* Exactly `digits` digits; -1 when there are others. Moves *at. */
static int fixed(const char **at, const char *end, int digits)
{
    int value = 0;
    if (end - *at < digits)
        return -1;
    for (int i = 0; i < digits; ++i, ++*at) {
        if (!is_digit(**at))
            return -1;
        value = value * 10 + (**at - '0');
    }
    return value;
}

static bool literal(const char **at, const char *end, const char *accepted)
{
    if (*at == end || !strchr(accepted, **at))
        return false;
    ++*at;
    return true;
}

static bool read_date(const char **at, const char *end, struct tm *out)
{
    out->tm_year = fixed(at, end, 4) - 1900;
    bool ok = literal(at, end, "-");
    out->tm_mon = fixed(at, end, 2) - 1;
    ok = ok && literal(at, end, "-");
    out->tm_mday = fixed(at, end, 2);
    return ok && out->tm_year >= -1900 && out->tm_mon >= 0 && out->tm_mon < 12 && out->tm_mday >= 1;
}

static bool read_clock(const char **at, const char *end, struct tm *out)
{
    out->tm_hour = fixed(at, end, 2);
    bool ok = literal(at, end, ":");
    out->tm_min = fixed(at, end, 2);
    ok = ok && literal(at, end, ":");
    out->tm_sec = fixed(at, end, 2);
    return ok && out->tm_hour >= 0 && out->tm_hour < 24 && out->tm_min >= 0 && out->tm_min < 60 &&
           out->tm_sec >= 0 && out->tm_sec < 60;
}

static bool read_fraction(const char **at, const char *end, int64_t *ns)
{
    int64_t unit = 1000000000;
    *ns = 0;
    if (!literal(at, end, "."))
        return true;
    for (; *at < end && is_digit(**at); ++*at) {
        if (unit == 1)
            return false;
        unit /= 10;
        *ns += (**at - '0') * unit;
    }
    return unit < 1000000000;
}

static bool read_zone(const char **at, const char *end, int64_t *seconds)
{
    *seconds = 0;
    if (*at == end || literal(at, end, "Zz"))
        return true;
    int sign = **at == '-' ? -1 : 1;
    if (!literal(at, end, "+-"))
        return false;
    int hours = fixed(at, end, 2);
    literal(at, end, ":");
    int minutes = fixed(at, end, 2);
    *seconds = sign * (hours * 3600LL + minutes * 60LL);
    return hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60;
}

enum ofr_number ofr_number_datetime(const char *text, size_t length, int64_t *out)
{
    const char *at = text, *end = text + length;
    struct tm when = {.tm_isdst = 0};
    int64_t fraction = 0, zone = 0;
    if (length == 0)
        return OFR_NUMBER_EMPTY;
    if (!read_date(&at, end, &when) || !literal(&at, end, " T") || !read_clock(&at, end, &when) ||
        !read_fraction(&at, end, &fraction) || !read_zone(&at, end, &zone) || at != end)
        return OFR_NUMBER_NOT_TIME;
    int day = when.tm_mday;
    int64_t seconds = timegm(&when); /* carries 31 April over into May, which is how it is caught */
    if (when.tm_mday != day)
        return OFR_NUMBER_NOT_TIME;
    seconds -= zone;
    if (seconds < 0)
        return OFR_NUMBER_NEGATIVE;
    if (__builtin_mul_overflow(seconds, (int64_t)1000000000, out) ||
        __builtin_add_overflow(*out, fraction, out))
        return OFR_NUMBER_RANGE;
    return OFR_NUMBER_OK;
}
