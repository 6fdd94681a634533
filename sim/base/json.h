/* Results as JSON, the same bytes every time: keys in the order they were put, integers as integers, reals in the
 * fewest digits that read back to the same double (jansson alone writes 0.1 as 0.10000000000000001). */
#ifndef OFR_BASE_JSON_H
#define OFR_BASE_JSON_H

#include "sim/base/error.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

/* New references, NULL when out of memory. A real that is no finite number becomes null; a count above INT64_MAX, which
 * jansson cannot hold, a text of its digits. */
json_t *ofr_json_real(double value);
json_t *ofr_json_count(uint64_t value);

/* Writes the value, two spaces of indentation a level (lists of plain values on one line), and a line end. NULL counts
 * as out of memory. Returns 0, OFR_E_NOMEM, or OFR_E_IO when the stream has failed. */
int ofr_json_write(FILE *out, const json_t *value, struct ofr_error *err);

#endif
