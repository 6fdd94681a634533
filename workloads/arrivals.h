/* Arrival processes: where requests come from, in time order.
 *
 * A process hands out arrivals in runs, so that the cost of the indirect call is shared. Times are integer
 * nanoseconds from the start of the run, never decrease and never pass 2^62 ns (146 years): a process that
 * would go there fails with OFR_E_INPUT.
 *
 * Determinism: same seed, stream and options give the same arrivals, in runs of whatever length they are
 * asked for. Each file of a process states its formula, its rounding and its source.
 *
 * To add a process: one file with an option table and an ofr_arrival_ops, one line in arrivals.c.
 */
#ifndef OFR_WORKLOADS_ARRIVALS_H
#define OFR_WORKLOADS_ARRIVALS_H

#include "sim/base/component.h"
#include "sim/base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct ofr_arrival {
    int64_t time_ns;
    uint32_t stream; /* which of the merged streams; 0 when there is one */
};

struct ofr_arrival_setup {
    uint64_t seed;   /* of the run; a process draws from the ARRIVALS stream number `stream` */
    uint32_t stream; /* number of the stream this process serves */
};

struct ofr_arrival_ops {
    struct ofr_component component; /* name, help, option table */
    /* Required. Errors: options that contradict each other, a trace that cannot be read (OFR_E_INPUT,
     * OFR_E_IO). */
    int (*create)(void **state, const struct ofr_arrival_setup *setup, const void *options,
                  struct ofr_error *err);
    void (*destroy)(void *state); /* Required; NULL is allowed. */
    /* Required. Writes up to `max` arrivals; returns how many, 0 = no more will come, negative = error;
     * arrivals before an error are handed out first, and the error is returned on every later call. */
    int (*next)(void *state, struct ofr_arrival *out, uint32_t max, struct ofr_error *err);
    /* Optional: whether a process with these options ends by itself. NULL: none of its processes does. */
    bool (*ends)(const void *options);
};

/* Every process, NULL-terminated; the order is the order of `offramp list arrivals`. */
extern const struct ofr_arrival_ops *const ofr_arrival_processes[];
const struct ofr_arrival_ops *ofr_arrival_find(const char *name); /* NULL when there is none of that name */

struct ofr_arrival_source {
    const struct ofr_arrival_ops *ops;
    void *state;       /* owned */
    int64_t offset_ns; /* added to every time: the phase of a camera; 0 .. 2^62 */
};

/* Merges 1 to 4096 processes by time; ties: lower stream number first, then earlier place in `source`. `out`
 * is one more process (its offset is 0). Takes ownership of the sources' states on success only. Errors:
 * OFR_E_INPUT for a count or an offset out of range; what a source reports comes out of `next`. */
int ofr_arrivals_merge(struct ofr_arrival_source *out, const struct ofr_arrival_source *source,
                       uint32_t count, struct ofr_error *err);

#endif
