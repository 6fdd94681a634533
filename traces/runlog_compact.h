/* A smaller log of the same run: what tells when a request arrived, left and ended, and what was decided, without the
 * tables only `verify` needs, and with times that a comparison does not need to the nanosecond on a coarser grain. */
#ifndef OFR_TRACES_RUNLOG_COMPACT_H
#define OFR_TRACES_RUNLOG_COMPACT_H

#include "sim/base/error.h"
#include "traces/notes.h"

#include <stdint.h>

/* Copies `in` to `out` with all times rounded to the nearest multiple of `grain_ns` (>= 1): their order is kept, and
 * what stands between two of them (a latency, say) moves by at most one grain, 0 on average. Of the decisions those
 * stay that change the ramps; thresholds between them are gone. A request without an SLO gets a deadline 73 years after
 * its arrival, one with an SLO keeps it. Errors: those of reading and writing; a log cut short is
 * refused, and one that is compact already: it would be on two grains. */
int ofr_runlog_compact(const char *in, const char *out, int64_t grain_ns, struct ofr_error *err);
/* The grain a log with these notes was written on; 0 = its times are exact. Arrivals of the same work differ by at most
 * half of it from the exact ones. */
int64_t ofr_runlog_compact_grain_ns(const struct ofr_notes *provenance);

#endif
