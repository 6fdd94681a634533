/* Numbers and times out of foreign text, exactly: no binary floating point on the way from decimal digits to
 * integer nanoseconds, so 0.1 s is 100,000,000 ns and a file read twice, or on another machine, gives the
 * same integers.
 */
#ifndef OFR_IMPORT_NUMBER_H
#define OFR_IMPORT_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/* X(name, text): why a field is not the number it should be. */
#define OFR_NUMBER_MAP(X)                                                                                    \
    X(OK, "fine")                                                                                            \
    X(EMPTY, "nothing")                                                                                      \
    X(NOT_FINITE, "NaN or infinity")                                                                         \
    X(MALFORMED, "no number")                                                                                \
    X(NOT_TIME, "no such time")                                                                              \
    X(NEGATIVE, "a negative number")                                                                         \
    X(FRACTION, "a fraction")                                                                                \
    X(RANGE, "a number out of range")

enum ofr_number {
#define X(name, text) OFR_NUMBER_##name,
    OFR_NUMBER_MAP(X)
#undef X
};

const char *ofr_number_text(enum ofr_number number);

/* Powers of ten from a unit to nanoseconds. */
enum {
    OFR_SCALE_NS = 0,
    OFR_SCALE_US = 3,
    OFR_SCALE_MS = 6,
    OFR_SCALE_S = 9,
};

/* text * 10^scale, rounded to the nearest integer, halves away from zero. Accepts [+-]digits[.digits][e[+-]n]
 * of any length. Blanks are not accepted. */
enum ofr_number ofr_number_scaled(const char *text, size_t length, int scale, int64_t *out);
/* As above, and less than zero is OFR_NUMBER_NEGATIVE. */
enum ofr_number ofr_number_time(const char *text, size_t length, int scale, int64_t *out);
/* Integer 0..max; `63.0` and `1e3` are integers, `6.5` is OFR_NUMBER_FRACTION. */
enum ofr_number ofr_number_count(const char *text, size_t length, uint64_t max, uint64_t *out);
/* YYYY-MM-DD HH:MM:SS[.fraction][Z|+HH:MM|-HH:MM] (or T between), 0 to 9 fraction digits, as nanoseconds
 * since 1970-01-01 UTC; without a zone it is taken as UTC. Before 1970 is OFR_NUMBER_NEGATIVE. */
enum ofr_number ofr_number_datetime(const char *text, size_t length, int64_t *out);

#endif
