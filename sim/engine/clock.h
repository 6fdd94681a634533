/* The clock of a run: one seam between simulated time and real time.
 *
 * Concept. All times are integer nanoseconds since the start of the run (int64_t, suffix _ns). The serving
 * loop asks the clock to advance to the time of the next event and then handles that event; it never learns
 * which clock it has. A virtual clock jumps, a monotonic clock sleeps.
 *
 * Ordering. A clock never runs back (invariant I2). A virtual clock asked for a time before its own stays
 * where it is and answers OFR_CLOCK_BACK: the caller has a bug. For a monotonic clock a target in the past is
 * no bug, only lateness: it answers the present time at once.
 *
 * What advance() answers, for target t:
 *   virtual      t                 always, or OFR_CLOCK_BACK
 *   monotonic    >= t              the target was reached (the difference is the lateness)
 *                < t               another thread called ofr_clock_monotonic_wake(): look for its news, then
 * ask again
 *
 * Threads. now() and advance() belong to the thread that owns the clock; only ofr_clock_monotonic_wake() may
 * be called from any thread. Ownership: a struct ofr_clock borrows its state, which must outlive it; neither
 * holds memory, so there is nothing to release.
 */
#ifndef OFR_ENGINE_CLOCK_H
#define OFR_ENGINE_CLOCK_H

#include <stdint.h>

struct ofr_error;

/* Answer of advance() when the target lies before the present of a virtual clock; no valid time equals it. */
#define OFR_CLOCK_BACK INT64_MIN

/* Spinning covers what a sleeping thread needs to be scheduled again; 50 us holds on an idle Linux machine.
 */
#define OFR_CLOCK_SPIN_DEFAULT_NS INT64_C(50000)

struct ofr_clock_ops {
    const char *name;
    int64_t (*now)(void *state);                        /* required; ns since the start */
    int64_t (*advance)(void *state, int64_t target_ns); /* required; see "What advance() answers" */
};

struct ofr_clock {
    const struct ofr_clock_ops *ops; /* static */
    void *state;                     /* borrowed */
};

static inline int64_t ofr_clock_now(const struct ofr_clock *clock)
{
    return clock->ops->now(clock->state);
}

static inline int64_t ofr_clock_advance(const struct ofr_clock *clock, int64_t target_ns)
{
    return clock->ops->advance(clock->state, target_ns);
}

/* As ofr_clock_advance, for callers that report: stores the answer in *now_ns and returns 0, or leaves
 * *now_ns and returns OFR_E_BUG naming both times when the clock would have run back. */
int ofr_clock_advance_checked(const struct ofr_clock *clock, int64_t target_ns, int64_t *now_ns,
                              struct ofr_error *err);

/* Simulated time: stands still until advanced, then stands exactly at the target. */
struct ofr_clock_virtual {
    int64_t now_ns;
};

void ofr_clock_virtual_init(struct ofr_clock *clock, struct ofr_clock_virtual *state, int64_t start_ns);

/* Real time: CLOCK_MONOTONIC since an epoch. Deadlines are absolute, so lateness of one does not shift the
 * next. The thread sleeps until spin_ns before the deadline and spins for the rest. */
struct ofr_clock_monotonic {
    int64_t epoch_ns; /* CLOCK_MONOTONIC at time 0 of the run */
    int64_t spin_ns;  /* INT64_MAX: never sleep */
    uint32_t wake;    /* futex word, private to clock_monotonic.c */
};

/* Starts the clock at time 0 now. A negative spin_ns means OFR_CLOCK_SPIN_DEFAULT_NS. Call it on the thread
 * that will advance the clock: it sets that thread's timer slack to the minimum, without which Linux may
 * lengthen every sleep by 50 us. */
void ofr_clock_monotonic_init(struct ofr_clock *clock, struct ofr_clock_monotonic *state, int64_t spin_ns);

/* Makes the present time 0 again, for instance after a warm-up. Never during an advance. */
void ofr_clock_monotonic_restart(struct ofr_clock_monotonic *state);

/* Ends the owner's present advance early, or its next one if it is not advancing; several calls before that
 * count once. Publish the news (release) before calling. Any thread; lock-free; a system call only if the
 * owner sleeps. */
void ofr_clock_monotonic_wake(struct ofr_clock_monotonic *state);

#endif
