/* The clock of a replay: the monotonic clock, with a note of every look at it. The loop's moments and what was there
 * to be taken at each go to the log (struct ofr_instant_row), so that `offramp verify` can lead it through them again.
 *
 * now/advance and the counting belong to the loop's thread; ofr_timing_stop may be called by any thread and by a
 * signal handler.
 */
#ifndef OFR_REPLAY_TIMING_H
#define OFR_REPLAY_TIMING_H

#include "analysis/histogram.h"
#include "replay/relay.h"
#include "sim/engine/clock.h"

#include <stdatomic.h>

struct ofr_timing {
    struct ofr_clock_monotonic monotonic;
    struct ofr_clock inner;
    struct ofr_relay *relay;    /* borrowed; NULL: nothing is noted */
    struct ofr_instant_row row; /* the present moment */
    bool begun;
    bool stop;                     /* for ofr_serve_setup.stop */
    _Atomic bool asked;            /* by ofr_timing_stop */
    struct ofr_histogram handling; /* ns from the clock's answer to the loop's next question */
};

/* `spin`: never sleep. Call it on the loop's thread; the time is 0 from here on, and again from `restart` on. */
void ofr_timing_init(struct ofr_timing *timing, struct ofr_clock *clock, bool spin);
void ofr_timing_restart(struct ofr_timing *timing, struct ofr_relay *relay);
/* Notes the last moment; before the relay is finished. */
void ofr_timing_end(struct ofr_timing *timing);
void ofr_timing_stop(struct ofr_timing *timing);

/* CLOCK_MONOTONIC in ns of the run; any thread. */
int64_t ofr_timing_read(const struct ofr_timing *timing);

#endif
