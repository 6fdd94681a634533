/* Private to workloads/: what the arrival processes share.
 *
 * Renewal processes draw their gaps as doubles in nanoseconds and add them up in `struct ofr_arrival_clock`:
 * whole nanoseconds in an integer, the rest in a double below one. An arrival's time is the floor of the
 * exact sum of its gaps, so that truncation never adds up: what is cut off is carried into the next gap.
 */
#ifndef OFR_WORKLOADS_ARRIVAL_INTERNAL_H
#define OFR_WORKLOADS_ARRIVAL_INTERNAL_H

#include "workloads/arrivals.h"

#include <stdbool.h>

__extension__ typedef unsigned __int128 ofr_u128;

/* No arrival lies beyond 2^62 ns (146 years), so that a phase or an SLO can be added to any without overflow.
 */
#define OFR_ARRIVAL_LIMIT_NS ((int64_t)1 << 62)

/* Range of `rate` in every process: the clock's own tick at the top, one arrival in eleven days at the
 * bottom.
 */
#define OFR_ARRIVAL_RATE_MIN 1e-6
#define OFR_ARRIVAL_RATE_MAX 1e9

extern const struct ofr_arrival_ops ofr_arrival_fixed;
extern const struct ofr_arrival_ops ofr_arrival_poisson;
extern const struct ofr_arrival_ops ofr_arrival_gamma;
extern const struct ofr_arrival_ops ofr_arrival_weibull;
extern const struct ofr_arrival_ops ofr_arrival_mmpp;
extern const struct ofr_arrival_ops ofr_arrival_onoff;
extern const struct ofr_arrival_ops ofr_arrival_diurnal;
extern const struct ofr_arrival_ops ofr_arrival_hawkes;
extern const struct ofr_arrival_ops ofr_arrival_counts;
extern const struct ofr_arrival_ops ofr_arrival_servegen;
extern const struct ofr_arrival_ops ofr_arrival_trace;

struct ofr_arrival_clock {
    int64_t now_ns;
    double fraction; /* [0, 1) ns */
};

/* Moves on by gap_ns >= 0. False when the time would pass the limit; the clock then stays there, so that
 * every later call fails too. */
static inline bool ofr_arrival_clock_advance(struct ofr_arrival_clock *clock, double gap_ns)
{
    double step = clock->fraction + gap_ns;
    if (__builtin_expect(!(step < (double)(OFR_ARRIVAL_LIMIT_NS - clock->now_ns)), 0)) {
        *clock = (struct ofr_arrival_clock){.now_ns = OFR_ARRIVAL_LIMIT_NS};
        return false;
    }
    int64_t whole = (int64_t)step;
    clock->now_ns += whole;
    clock->fraction = step - (double)whole;
    return true;
}

/* What `next` returns after `done` arrivals when the following one lies beyond the limit: those first, the
 * error on the next call. */
int ofr_arrival_beyond_limit(uint32_t done, struct ofr_error *err);

/* Lists of numbers with units come as texts. Each fills out[list->count]; a rate may be 0. `name` is the
 * option's, for messages. */
int ofr_arrival_read_rates(const struct offramp_texts *list, const char *name, double *out,
                           struct ofr_error *err);
int ofr_arrival_read_times(const struct offramp_texts *list, const char *name, int64_t least_ns, int64_t *out,
                           struct ofr_error *err);

#endif
