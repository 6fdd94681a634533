/* A smaller log of the same run: what tells when a request arrived, left and ended, and what was decided, without the
 * tables only `verify` needs, and with times that a comparison does not need to the nanosecond on a coarser grain. */
#ifndef OFR_TRACES_RUNLOG_COMPACT_H
#define OFR_TRACES_RUNLOG_COMPACT_H

#include "sim/base/error.h"

#include <stdint.h>

/* Copies `in` to `out`. Arrivals stay exact, so that requests pair with those of other runs; how long after the last
 * arrival of its batch a batch was dispatched, how long it took, when its answers left, and how late a request was let
 * in are rounded to multiples of `grain_ns` (>= 1); lost requests stay as they are. Of the decisions those stay that change
 * the ramps; thresholds between them are gone. A request without an SLO gets a deadline 73 years after its arrival. The order of times is kept. Errors: those
 * of reading and writing; a log cut short is refused. */
int ofr_runlog_compact(const char *in, const char *out, int64_t grain_ns, struct ofr_error *err);

#endif
