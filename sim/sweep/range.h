/* Quantities with units, and ranges of them.
 *
 * A quantity is a number in the unit it was written with: `2k/s`, `20ms`, `1%`, `2x`, `16`. A range is
 *   {from: Q, to: Q, step: Q}                      evenly, `to` included when a step ends there
 *   {from: Q, to: Q, count: N, scale: linear|log}  N values, both ends included
 * and, where points choose the values, {from: Q, to: Q, scale: linear|log, round: Q}.
 */
#ifndef OFR_SWEEP_RANGE_H
#define OFR_SWEEP_RANGE_H

#include "sim/base/config.h"

enum {
    OFR_RANGE_MOST = 1000000, /* values */
    OFR_AMOUNT_TEXT = 48,
};

enum ofr_amount_kind {
    OFR_AMOUNT_PLAIN,
    OFR_AMOUNT_TIME,    /* ns */
    OFR_AMOUNT_RATE,    /* 1/s */
    OFR_AMOUNT_PERCENT, /* per cent */
    OFR_AMOUNT_FACTOR,
};

struct ofr_amount {
    enum ofr_amount_kind kind;
    double value;
};

/* NULL, or static text saying what was expected. */
const char *ofr_amount_read(const char *text, struct ofr_amount *quantity);
/* As a scenario would have it, at most 12 significant digits (times: whole nanoseconds). */
void ofr_amount_write(char *out, size_t size, struct ofr_amount quantity);

struct ofr_range {
    enum ofr_amount_kind kind;
    double from, to, step; /* step 0 = none given */
    double round;          /* values are multiples of it; 0 = any */
    uint64_t count;        /* 0 = none given */
    bool log;
};

/* Reads a map of the form above. */
int ofr_range_read(struct ofr_range *range, struct ofr_node *map, struct ofr_error *err);
/* The value at share `u` of the range, 0..1, by its scale, rounded. */
struct ofr_amount ofr_range_at(const struct ofr_range *range, double u);

#endif
