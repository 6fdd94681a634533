/* A run as a timeline in the Chrome trace format, which chrome://tracing and Perfetto show: one process per run, so
 * that a simulation and a replay lie under one another; one row per server with its batches; the queue, the active
 * ramps and the thresholds as counters.
 *
 * Source: Trace Event Format (complete events "X", counters "C", metadata "M"); times in microseconds.
 */
#ifndef OFR_ANALYSIS_TIMELINE_H
#define OFR_ANALYSIS_TIMELINE_H

#include "sim/base/error.h"

#include <stdint.h>

/* Writes the timelines of the logs to `path`, whole or not at all. Logs are streamed: memory does not grow with them.
 * Errors: OFR_E_INPUT for a file that is no whole run log, OFR_E_IO. */
int ofr_timeline_write(const char *path, const char *const *log, uint32_t logs, struct ofr_error *err);

#endif
