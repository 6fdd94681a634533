#include "sim/base/error.h"
#include "sim/engine/clock.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

static const int64_t MS = 1000000;

Test(clock_virtual, jumps_exactly_to_the_target)
{
    struct ofr_clock_virtual state;
    struct ofr_clock clock;
    ofr_clock_virtual_init(&clock, &state, 5);
    cr_assert_str_eq(clock.ops->name, "virtual");
    cr_assert_eq(ofr_clock_now(&clock), 5);
    cr_assert_eq(ofr_clock_advance(&clock, 5), 5);
    cr_assert_eq(ofr_clock_advance(&clock, INT64_MAX - 1), INT64_MAX - 1);
    cr_assert_eq(ofr_clock_now(&clock), INT64_MAX - 1);
}

/* I2. Fails when virtual_advance() does not compare the target with its own time. */
Test(clock_virtual, never_runs_back)
{
    struct ofr_clock_virtual state;
    struct ofr_clock clock;
    struct ofr_error err = OFR_ERROR_INIT;
    int64_t now_ns = -1;
    ofr_clock_virtual_init(&clock, &state, 0);
    cr_assert_eq(ofr_clock_advance_checked(&clock, 1000, &now_ns, &err), OFR_OK);
    cr_assert_eq(now_ns, 1000);
    cr_assert_eq(ofr_clock_advance(&clock, 999), OFR_CLOCK_BACK);
    cr_assert_eq(ofr_clock_now(&clock), 1000);
    cr_assert_eq(ofr_clock_advance_checked(&clock, 999, &now_ns, &err), OFR_E_BUG);
    cr_assert_eq(now_ns, 1000);
    cr_assert(strstr(err.text, "1000 ns") && strstr(err.text, "999 ns"), "%s", err.text);
}

/* I2 in real time. Fails when a late target is answered with the target instead of the present. */
Test(clock_monotonic, never_runs_back)
{
    struct ofr_clock_monotonic state;
    struct ofr_clock clock;
    ofr_clock_monotonic_init(&clock, &state, -1);
    int64_t last_ns = ofr_clock_now(&clock);
    cr_assert_geq(last_ns, 0);
    for (int64_t i = 0; i < 2000; i++) {
        int64_t now_ns = ofr_clock_advance(&clock, i * 1000 - 500000);
        cr_assert_geq(now_ns, last_ns);
        last_ns = now_ns;
    }
}

/* Deadlines are absolute: 20 steps of 2 ms with 1 ms of work in each end at 40 ms, not at 60 ms. Fails when
 * the sleep is relative to its start (sleep_until() without the epoch or without an absolute timer). */
static int deadlines_met(void)
{
    struct ofr_clock_monotonic state;
    struct ofr_clock clock;
    ofr_clock_monotonic_init(&clock, &state, -1);
    cr_assert_eq(state.spin_ns, OFR_CLOCK_SPIN_DEFAULT_NS);
    int on_time = 0;
    for (int64_t i = 1; i <= 20; i++) {
        int64_t now_ns = ofr_clock_advance(&clock, 2 * MS * i);
        cr_assert_geq(now_ns, 2 * MS * i, "left %lld ns early", (long long)(2 * MS * i - now_ns));
        on_time += now_ns - 2 * MS * i < MS;
        nanosleep(&(struct timespec){.tv_nsec = (long)MS}, NULL);
    }
    return on_time;
}

/* A loaded machine can make one attempt late; a relative sleep makes every attempt late. */
Test(clock_monotonic, deadlines_are_absolute)
{
    int most = 0;
    for (int attempt = 0; attempt < 25 && most < 10; attempt++) {
        int on_time = deadlines_met();
        most = on_time > most ? on_time : most;
    }
    cr_assert_geq(most, 10, "at most %d of 20 deadlines were met within 1 ms", most);
}

/* Spinning alone must do too, for threads that may not sleep. */
Test(clock_monotonic, spins_when_told_never_to_sleep)
{
    struct ofr_clock_monotonic state;
    struct ofr_clock clock;
    ofr_clock_monotonic_init(&clock, &state, INT64_MAX);
    cr_assert_geq(ofr_clock_advance(&clock, 3 * MS), 3 * MS);
    ofr_clock_monotonic_restart(&state);
    cr_assert_lt(ofr_clock_now(&clock), 3 * MS);
}

struct waker {
    struct ofr_clock_monotonic *clock;
    int news;
};

static void *wake_later(void *arg)
{
    struct waker *waker = arg;
    nanosleep(&(struct timespec){.tv_nsec = (long)(10 * MS)}, NULL);
    waker->news = 1;
    ofr_clock_monotonic_wake(waker->clock);
    return NULL;
}

/* A wake ends a sleep, and a spin, long before the deadline; INT64_MAX waits for nothing else. Fails (by
 * running into ctest's time limit) when wake() does not enter the kernel for a sleeper. */
Test(clock_monotonic, another_thread_ends_the_wait, .timeout = 10)
{
    const int64_t spins_ns[] = {0, INT64_MAX};
    for (int i = 0; i < 2; i++) {
        struct ofr_clock_monotonic state;
        struct ofr_clock clock;
        ofr_clock_monotonic_init(&clock, &state, spins_ns[i]);
        struct waker waker = {.clock = &state};
        pthread_t thread;
        cr_assert_eq(pthread_create(&thread, NULL, wake_later, &waker), 0);
        int64_t now_ns = ofr_clock_advance(&clock, INT64_MAX);
        cr_assert_eq(waker.news, 1);
        cr_assert_geq(now_ns, 9 * MS);
        pthread_join(thread, NULL);
    }
}

/* A wake between two advances ends the second at once, and only that one. */
Test(clock_monotonic, a_wake_is_neither_lost_nor_doubled)
{
    struct ofr_clock_monotonic state;
    struct ofr_clock clock;
    ofr_clock_monotonic_init(&clock, &state, -1);
    ofr_clock_monotonic_wake(&state);
    ofr_clock_monotonic_wake(&state);
    int64_t target_ns = ofr_clock_now(&clock) + 3600000 * MS;
    cr_assert_lt(ofr_clock_advance(&clock, target_ns), target_ns);
    target_ns = ofr_clock_now(&clock) + 5 * MS;
    cr_assert_geq(ofr_clock_advance(&clock, target_ns), target_ns);
}
