/* What varies in a sweep: axes of one key, and points over several keys at once. */
#ifndef OFR_SWEEP_AXES_H
#define OFR_SWEEP_AXES_H

#include "sim/sweep/range.h"

/* One or more keys that take their values together. */
struct ofr_axis {
    uint32_t keys;
    uint32_t points;
    const char **key;        /* owned [keys]; names borrowed from the sweep's tree */
    struct ofr_node **value; /* owned [points][keys], nodes owned */
};

/* An axis of one key: a list of values (any YAML) or a range. */
int ofr_axis_read(struct ofr_axis *axis, struct ofr_node *node, struct ofr_error *err);
/* `points: {method: sobol|halton|niederreiter|latin-hypercube, count: N, seed: n, keys: {KEY: range or list, ...}}` */
int ofr_axis_read_points(struct ofr_axis *axis, struct ofr_node *node, struct ofr_error *err);
/* Where in [0, 1) a point at share `u`, 0..1, of cell number `cell` of `count` equal cells is: below 1, also where the
 * quotient would round to it. */
double ofr_points_in_cell(uint64_t cell, uint64_t count, double u);
/* A value in one line: a scalar's text, or a list or map as YAML. Owned; NULL when out of memory. */
char *ofr_axis_value_text(const struct ofr_axis *axis, uint32_t point, uint32_t k);
void ofr_axis_release(struct ofr_axis *axis);

#endif
