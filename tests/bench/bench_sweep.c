/* How a sweep grows with threads: the demo's 1,000 configurations of 20,000 requests on one thread and on all processors,
 * in turn. Scaling is a matter of wall time, so that anything else that runs on the machine counts against it: the CPU time
 * beside it says what threads cost by themselves. */
#include "sim/base/processors.h"
#include "sim/sweep/drive.h"
#include "tests/support/bench.h"
#include "tests/support/files.h"

enum {
    REPETITIONS = 5
};

struct times {
    double wall_s, cpu_s; /* of the fastest repetition */
};

static struct ofr_error err = OFR_ERROR_INIT;

static void must(int rc)
{
    if (rc) {
        fprintf(stderr, "%s\n", err.text);
        exit(ofr_exit_status(rc));
    }
}

static void measure(const struct ofr_sweep *sweep, uint32_t threads, struct times *fastest)
{
    struct ofr_sweep_runs runs;
    struct ofr_sweep_results results;
    char folder[128];
    snprintf(folder, sizeof folder, "%s", files_path("sweep"));
    struct ofr_sweep_drive drive = {.folder = folder, .threads = threads};
    double wall_s = bench_seconds(CLOCK_MONOTONIC), cpu_s = bench_seconds(CLOCK_PROCESS_CPUTIME_ID);
    must(ofr_sweep_drive(sweep, &drive, &runs, &results, &err));
    wall_s = bench_seconds(CLOCK_MONOTONIC) - wall_s;
    cpu_s = bench_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_s;
    if (fastest->wall_s == 0.0 || wall_s < fastest->wall_s)
        *fastest = (struct times){wall_s, cpu_s};
    ofr_sweep_results_release(&results);
    ofr_sweep_runs_release(&runs, sweep);
    files_remove();
}

static void print(uint32_t threads, const struct times *times)
{
    printf("%-8u %10.3f %10.3f\n", threads, times->wall_s, times->cpu_s);
}

int main(void)
{
    const char *set[] = {"requests=20000"};
    struct ofr_sweep *sweep;
    struct times one = {0}, all = {0};
    uint32_t threads = ofr_processors();
    must(ofr_sweep_load(&sweep, OFR_TEST_SOURCE_DIR "/workloads/sweeps/demo.yaml", set, 1, &err));
    printf("sweep: 1,000 runs of 20,000 requests; the fastest of %d repetitions, in turn\n", REPETITIONS);
    printf("%-8s %10s %10s\n", "threads", "wall s", "CPU s");
    for (int i = 0; i < REPETITIONS; ++i) {
        measure(sweep, 1, &one);
        measure(sweep, threads, &all);
    }
    print(1, &one);
    print(threads, &all);
    ofr_sweep_free(sweep);
    double scaling = one.wall_s / all.wall_s;
    printf("%u threads are %.2f times as fast as one (bar %.2f), for %.3f times its CPU time\n", threads,
           scaling, 0.95 * threads, all.cpu_s / one.cpu_s);
    return scaling < 0.95 * threads;
}
