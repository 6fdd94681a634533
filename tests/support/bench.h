/* How a benchmark program measures and reports: header-only, one include.
 *
 * A benchmark states its work and its bar, runs the work once to warm up and then BENCH_REPETITIONS times,
 * and reports minimum, median and maximum over the repetitions in CPU time of the process (all threads). The
 * median is held against the bar. `work` does all of its `n` units on each call and may keep state in `ctx`.
 *
 *     static void work(void *ctx, uint64_t n);
 *     struct bench bench = bench_begin("engine", "one thread, events through the queue");
 *     bench_rate(&bench, "hold, 64 pending", "events", 18e6, work, &state, 2000000);
 *     bench_latency(&bench, "tune, greedy", "tunings", 20e-6, work, &state, 1000);
 *     return bench_end(&bench);
 */
#ifndef OFR_TESTS_SUPPORT_BENCH_H
#define OFR_TESTS_SUPPORT_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    BENCH_REPETITIONS = 9 /* odd: the median is one of them */
};

typedef void (*bench_work)(void *ctx, uint64_t n);

struct bench {
    int bars;
    int missed;
};

/* Keeps the compiler from dropping the computation of a value. */
#define BENCH_USE(value) __asm__ volatile("" : : "g"(value) : "memory")

static inline double bench_seconds(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static inline int bench__compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* CPU seconds a unit, sorted ascending. */
static inline void bench__measure(bench_work work, void *ctx, uint64_t n, double seconds[BENCH_REPETITIONS])
{
    work(ctx, n);
    for (int i = 0; i < BENCH_REPETITIONS; i++) {
        double start = bench_seconds(CLOCK_PROCESS_CPUTIME_ID);
        work(ctx, n);
        seconds[i] = (bench_seconds(CLOCK_PROCESS_CPUTIME_ID) - start) / (double)n;
    }
    qsort(seconds, BENCH_REPETITIONS, sizeof *seconds, bench__compare);
}

static inline bool bench__verdict(struct bench *bench, double bar, bool pass)
{
    printf("  %s\n", bar <= 0.0 ? "no bar" : pass ? "pass" : "MISSED");
    fflush(stdout);
    bench->bars += bar > 0.0 ? 1 : 0;
    bench->missed += pass ? 0 : 1;
    return pass;
}

static inline struct bench bench_begin(const char *name, const char *conditions)
{
    printf("%s: %s; CPU time, %d repetitions after one warm-up\n", name, conditions, BENCH_REPETITIONS);
    printf("%-36s %-12s %10s %10s %10s %10s %10s\n", "work", "unit", "n", "min", "median", "max", "bar");
    return (struct bench){0};
}

/* Units a CPU second, in millions; passes when the median reaches `bar` (units a second; 0 for no bar). */
static inline bool bench_rate(struct bench *bench, const char *name, const char *unit, double bar,
                              bench_work work, void *ctx, uint64_t n)
{
    double seconds[BENCH_REPETITIONS];
    bench__measure(work, ctx, n, seconds);
    double median = 1.0 / seconds[BENCH_REPETITIONS / 2];
    printf("%-36s M %-10s %10llu %10.3f %10.3f %10.3f %10.3f", name, unit, (unsigned long long)n,
           1e-6 / seconds[BENCH_REPETITIONS - 1], 1e-6 * median, 1e-6 / seconds[0], 1e-6 * bar);
    return bench__verdict(bench, bar, median >= bar);
}

/* CPU microseconds a unit; passes when the median is at most `bar` (seconds; 0 for no bar). */
static inline bool bench_latency(struct bench *bench, const char *name, const char *unit, double bar,
                                 bench_work work, void *ctx, uint64_t n)
{
    double seconds[BENCH_REPETITIONS];
    bench__measure(work, ctx, n, seconds);
    double median = seconds[BENCH_REPETITIONS / 2];
    printf("%-36s us %-9s %10llu %10.3f %10.3f %10.3f %10.3f", name, unit, (unsigned long long)n,
           1e6 * seconds[0], 1e6 * median, 1e6 * seconds[BENCH_REPETITIONS - 1], 1e6 * bar);
    return bench__verdict(bench, bar, bar <= 0.0 || median <= bar);
}

/* Prints the count of missed bars; the program's exit status: 1 if any. */
static inline int bench_end(const struct bench *bench)
{
    printf("%d of %d bars reached\n", bench->bars - bench->missed, bench->bars);
    return bench->missed ? 1 : 0;
}

#endif
