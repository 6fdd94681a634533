/* Arrival processes: where requests come from, in time order.
 *
 * A process hands out arrivals in runs, so that the cost of the indirect call is shared. Times are integer
 * nanoseconds from the start of the run and never decrease.
 */
#ifndef OFR_WORKLOADS_ARRIVALS_H
#define OFR_WORKLOADS_ARRIVALS_H

#include "sim/base/component.h"
#include "sim/base/error.h"

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
    /* Required. Writes up to `max` arrivals; returns how many, 0 = no more will come, negative = error. */
    int (*next)(void *state, struct ofr_arrival *out, uint32_t max, struct ofr_error *err);
};

/* Every process, NULL-terminated; the order is the order of `offramp list arrivals`. */
extern const struct ofr_arrival_ops *const ofr_arrival_processes[];
const struct ofr_arrival_ops *ofr_arrival_find(const char *name); /* NULL when there is none of that name */

/* Several processes merged by time (ties: lower stream number first). Takes ownership of the sources on
 * success. */
struct ofr_arrival_source {
    const struct ofr_arrival_ops *ops;
    void *state;       /* owned */
    int64_t offset_ns; /* added to every time: the phase of a camera */
};
int ofr_arrivals_merge(struct ofr_arrival_source *out, const struct ofr_arrival_source *source,
                       uint32_t count, struct ofr_error *err);

#endif
