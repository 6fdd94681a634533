/* Numbers with units, as users write them. Independent of the locale. Every function reads the whole text;
 * returns NULL when it did, else static text saying what was expected. */
#ifndef OFR_BASE_UNITS_H
#define OFR_BASE_UNITS_H

#include <stdint.h>

const char *ofr_read_count(const char *text, uint64_t *value);  /* 100000, 10k, 2M, 1e6; exact */
const char *ofr_read_time(const char *text, int64_t *value_ns); /* 20ms, 1.5us, 10min, none (-1); exact */
const char *ofr_read_rate(const char *text, double *per_s);     /* 900/s, 5k/s, 30/min */
const char *ofr_read_share(const char *text, double *value);    /* 1%, 0.01 */
const char *ofr_read_factor(const char *text, double *value);   /* 2x, 2 */
const char *ofr_read_real(const char *text, double *value);     /* 0.25, 1e-3 */
const char *ofr_read_bool(const char *text, uint8_t *value);    /* true false yes no on off */

enum {
    OFR_UNIT_TEXT = 40
};

/* What follows the number: its unit as written, "" when there is none. Borrowed. */
const char *ofr_unit_of(const char *text);
double ofr_unit_ns(const char *unit);    /* nanoseconds of a time's unit; 0 = there is no such unit */
double ofr_unit_per_s(const char *unit); /* 1/s of a rate's unit such as k/min; 0 = there is none */

/* The shortest text that reads back to the same value. */
void ofr_write_time(char *out, int64_t value_ns);
void ofr_write_real(char *out, double value);

/* Number of edits between two words, for "did you mean". */
unsigned ofr_edit_distance(const char *a, const char *b);
/* The name of a NULL-terminated list (may be NULL) that `word` most likely means; NULL when none is near. */
const char *ofr_nearest(const char *word, const char *const *known);

#endif
