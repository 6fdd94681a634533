/* Threshold tuning on generated windows, 1 % of wrong exits allowed. "tune" is one call on a window already
 * in the tuner, as a policy that overwrites its ring of samples makes it: finding the cuts, placing every
 * sample, the search and the thresholds. "load + tune" copies every column in first. Unit: one tuning. */
#include "tests/support/bench.h"
#include "tests/support/tuner_cases.h"

enum method {
    GREEDY,
    EXACT,
    GRID
};

struct job {
    struct ofr_tuner *tuner;
    struct ofr_tuner_case kase;
    enum method method;
    bool load;
    struct ofr_tuner_result result;
};

static void tune(void *ctx, uint64_t n)
{
    struct job *job = ctx;
    int64_t allowed = ofr_tuner_max_wrong(0.01, job->kase.samples);
    for (uint64_t i = 0; i < n; ++i) {
        if (job->load)
            ofr_tuner_case_put(&job->kase, job->tuner);
        if (job->method == GREEDY)
            ofr_tuner_greedy(job->tuner, allowed, &job->result);
        else if (job->method == EXACT)
            ofr_tuner_exact(job->tuner, allowed, 0, &job->result);
        else
            ofr_tuner_grid(job->tuner, allowed, 0.05, 0, &job->result);
        BENCH_USE(job->result.wrong);
    }
}

static void load(void *ctx, uint64_t n)
{
    struct job *job = ctx;
    for (uint64_t i = 0; i < n; ++i)
        ofr_tuner_case_put(&job->kase, job->tuner);
}

/* One line: the window, the method, the bar in seconds. */
static void run(struct bench *bench, struct job *job, const char *name, enum method method, bool with_load,
                double bar, uint64_t n)
{
    job->method = method;
    job->load = with_load;
    bench_latency(bench, name, "tunings", bar, tune, job, n);
}

static void summarise(const struct job *job, const char *name)
{
    fprintf(stderr, "  %s: %.3f %% saved, %u wrong, %llu evaluations\n", name, job->result.improvement_pct,
            job->result.wrong, (unsigned long long)job->result.evaluations);
}

static bool window(struct job *job, uint32_t samples, uint32_t ramps, unsigned kind)
{
    struct ofr_error err = OFR_ERROR_INIT;
    if (ofr_tuner_create(&job->tuner, samples, ramps, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return false;
    }
    tuner_case_make(&job->kase, samples, ramps, kind, 1);
    ofr_tuner_case_put(&job->kase, job->tuner);
    return true;
}

static void release(struct job *job)
{
    ofr_tuner_case_release(&job->kase);
    ofr_tuner_free(job->tuner);
}

static void bench_small(struct bench *bench, unsigned kind, const char *name)
{
    struct job job;
    if (!window(&job, 512, 4, kind))
        return;
    printf("512 samples x 4 ramps, %s\n", name);
    bench_latency(bench, "load", "windows", 0, load, &job, 10000);
    run(bench, &job, "greedy", GREEDY, false, 20e-6, 4000);
    summarise(&job, "greedy");
    run(bench, &job, "load + greedy", GREEDY, true, 20e-6, 4000);
    run(bench, &job, "exact", EXACT, false, 1e-3, 2000);
    summarise(&job, "exact");
    run(bench, &job, "grid, step 0.05", GRID, false, 0, 3);
    summarise(&job, "grid");
    release(&job);
}

static void bench_large(struct bench *bench, unsigned kind, const char *name)
{
    struct job job;
    if (!window(&job, 2048, 6, kind))
        return;
    printf("2,048 samples x 6 ramps, %s\n", name);
    bench_latency(bench, "load", "windows", 0, load, &job, 2000);
    run(bench, &job, "greedy", GREEDY, false, 150e-6, 400);
    summarise(&job, "greedy");
    run(bench, &job, "load + greedy", GREEDY, true, 150e-6, 400);
    run(bench, &job, "exact", EXACT, false, 0, 2);
    summarise(&job, "exact");
    release(&job);
}

int main(void)
{
    struct bench bench = bench_begin("tuner", "one thread, 1 % of wrong exits allowed");
    bench_small(&bench, 0, "easy");
    bench_small(&bench, TUNER_HARD, "hard");
    bench_small(&bench, TUNER_HARD | TUNER_LOOSE, "hard, ramps independent");
    bench_large(&bench, 0, "easy");
    bench_large(&bench, TUNER_HARD, "hard");
    bench_large(&bench, TUNER_HARD | TUNER_LOOSE, "hard, ramps independent");
    return bench_end(&bench);
}
