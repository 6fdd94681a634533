/* Simulated requests a second, end to end: arrivals, batching, execution, summary. Real profile (ResNet-18 on an H200, 8
 * ramp sites) and recording; Poisson arrivals; one server. The load is given per row as a share of what the GPU does at
 * batch 16 (26 k requests/s). Also the peak memory after each run: it must not grow with the number of requests. */
#include "sim/base/config.h"
#include "sim/run/run.h"
#include "tests/support/bench.h"

#include <string.h>
#include <sys/resource.h>

#ifndef OFR_TEST_SOURCE_DIR
#define OFR_TEST_SOURCE_DIR "."
#endif

struct world {
    const char *exits;
    double rate;
    struct ofr_scenario *scenario;
    struct ofr_inputs inputs;
};

static struct ofr_scenario *make_scenario(const struct world *world, uint64_t requests)
{
    char text[2048];
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_config *config = NULL;
    struct ofr_scenario *scenario = NULL;
    snprintf(
        text, sizeof text,
        "requests: %llu\nslo: 20ms\n"
        "model: {profile: %s/workloads/data/h200-resnet18.oprof, ramp: 4us,\n"
        "        recording: %s/workloads/data/resnet18-vehicle-video.orec}\n"
        "arrivals: {process: poisson, rate: %.0f/s}\nbatching: {policy: fifo, max_batch: 16}\nexits: %s\n",
        (unsigned long long)requests, OFR_TEST_SOURCE_DIR, OFR_TEST_SOURCE_DIR, world->rate, world->exits);
    int rc = ofr_config_parse(&config, "bench", text, strlen(text), &err);
    if (!rc)
        rc = ofr_scenario_bind(&scenario, config, &err);
    ofr_config_free(config);
    if (rc) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return scenario;
}

static void simulate(void *ctx, uint64_t n)
{
    struct world *world = ctx;
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_run_options options = {0};
    struct ofr_run run;
    world->scenario->top.requests = n;
    if (ofr_run_simulate(&run, world->scenario, &world->inputs, &options, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    ofr_run_release(&run);
}

static void measure(struct bench *bench, const char *name, const char *exits, double rate, double bar)
{
    struct world world = {.exits = exits, .rate = rate};
    struct ofr_error err = OFR_ERROR_INIT;
    world.scenario = make_scenario(&world, 1);
    if (ofr_inputs_load(&world.inputs, world.scenario, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    bench_rate(bench, name, "requests", bar, simulate, &world, 2000000);
    ofr_inputs_release(&world.inputs);
    ofr_scenario_free(world.scenario);
}

static long peak_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

int main(int argc, char **argv)
{
    if (argc > 1) { /* one long run: requests simulated, peak memory */
        struct world world = {.exits = "vanilla", .rate = 18000};
        struct ofr_error err = OFR_ERROR_INIT;
        world.scenario = make_scenario(&world, 1);
        if (ofr_inputs_load(&world.inputs, world.scenario, &err))
            return 1;
        uint64_t n = strtoull(argv[1], NULL, 10);
        double start = bench_seconds(CLOCK_PROCESS_CPUTIME_ID);
        simulate(&world, n);
        double seconds = bench_seconds(CLOCK_PROCESS_CPUTIME_ID) - start;
        printf("%llu requests, vanilla fifo: %.1f CPU s, %.2f M requests/s, peak memory %ld KiB\n",
               (unsigned long long)n, seconds, 1e-6 * (double)n / seconds, peak_kib());
        ofr_inputs_release(&world.inputs);
        ofr_scenario_free(world.scenario);
        return 0;
    }
    struct bench bench = bench_begin("simulation", "one thread, 8 ramp sites, fifo up to batch 16");
    measure(&bench, "vanilla, load 70 %", "vanilla", 18000, 10e6);
    measure(&bench, "vanilla, load 40 %", "vanilla", 10000, 0);
    measure(&bench, "vanilla, load 4 % (batch 1)", "vanilla", 1000, 0);
    measure(&bench, "static, 3 ramps, load 70 %", "{policy: static, ramps: [1, 3, 5], thresholds: 0.02}",
            18000, 0);
    measure(&bench, "apparate, load 70 %", "apparate", 18000, 5e6);
    measure(&bench, "apparate, load 4 % (batch 1)", "apparate", 1000, 0);
    printf("peak memory %ld KiB\n", peak_kib());
    return bench_end(&bench);
}
