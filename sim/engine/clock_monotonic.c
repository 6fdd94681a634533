/* The sleep is a futex wait with an absolute CLOCK_MONOTONIC deadline: the same timer as
 * clock_nanosleep(TIMER_ABSTIME), but another thread can end it. */
#include "sim/engine/clock.h"

#include <linux/futex.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    NS_PER_S = 1000000000
};

/* The futex word. A waker only needs the kernel when it finds SLEEPING. */
enum wake_state {
    WAKE_IDLE,
    WAKE_RAISED,
    WAKE_SLEEPING,
};

static int64_t read_monotonic(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static int64_t monotonic_now(void *state)
{
    const struct ofr_clock_monotonic *clock = state;
    return read_monotonic() - clock->epoch_ns;
}

/* True once per raise. Acquire: what the waker published before is visible after. */
static bool take_wake(struct ofr_clock_monotonic *clock)
{
    uint32_t raised = WAKE_RAISED;
    return __atomic_compare_exchange_n(&clock->wake, &raised, WAKE_IDLE, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

/* Returns at deadline_ns of the run, when woken, or for no reason (signals): the caller looks at the clock.
 */
static void sleep_until(struct ofr_clock_monotonic *clock, int64_t deadline_ns)
{
    uint32_t idle = WAKE_IDLE;
    if (!__atomic_compare_exchange_n(&clock->wake, &idle, WAKE_SLEEPING, false, __ATOMIC_RELAXED,
                                     __ATOMIC_RELAXED))
        return;
    int64_t at_ns = 0;
    if (__builtin_add_overflow(deadline_ns, clock->epoch_ns, &at_ns))
        at_ns = INT64_MAX;
    struct timespec ts = {.tv_sec = at_ns / NS_PER_S, .tv_nsec = at_ns % NS_PER_S};
    syscall(SYS_futex, &clock->wake, FUTEX_WAIT_BITSET_PRIVATE, WAKE_SLEEPING, &ts, NULL,
            FUTEX_BITSET_MATCH_ANY);
    uint32_t sleeping = WAKE_SLEEPING;
    __atomic_compare_exchange_n(&clock->wake, &sleeping, WAKE_IDLE, false, __ATOMIC_RELAXED,
                                __ATOMIC_RELAXED);
}

static int64_t monotonic_advance(void *state, int64_t target_ns)
{
    struct ofr_clock_monotonic *clock = state;
    int64_t now_ns = monotonic_now(clock);
    while (now_ns < target_ns) {
        if (take_wake(clock))
            return monotonic_now(clock); /* never before what the waker saw */
        if (target_ns - now_ns > clock->spin_ns)
            sleep_until(clock, target_ns - clock->spin_ns);
        now_ns = monotonic_now(clock);
    }
    return now_ns;
}

static const struct ofr_clock_ops monotonic_ops = {
    .name = "monotonic",
    .now = monotonic_now,
    .advance = monotonic_advance,
};

void ofr_clock_monotonic_init(struct ofr_clock *clock, struct ofr_clock_monotonic *state, int64_t spin_ns)
{
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    state->spin_ns = spin_ns < 0 ? OFR_CLOCK_SPIN_DEFAULT_NS : spin_ns;
    state->wake = WAKE_IDLE;
    ofr_clock_monotonic_restart(state);
    clock->ops = &monotonic_ops;
    clock->state = state;
}

void ofr_clock_monotonic_restart(struct ofr_clock_monotonic *state)
{
    state->epoch_ns = read_monotonic();
}

void ofr_clock_monotonic_wake(struct ofr_clock_monotonic *state)
{
    if (__atomic_exchange_n(&state->wake, WAKE_RAISED, __ATOMIC_RELEASE) == WAKE_SLEEPING)
        syscall(SYS_futex, &state->wake, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
