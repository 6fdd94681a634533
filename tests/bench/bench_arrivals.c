/* Cost of an arrival, by process and merged. */
#include "sim/base/config.h"
#include "tests/support/bench.h"
#include "traces/trace.h"
#include "workloads/arrivals.h"

#include <string.h>
#include <unistd.h>

enum {
    RUN = 256,
    ROWS = 1 << 20
};

static void fail(const struct ofr_error *err)
{
    fprintf(stderr, "bench_arrivals: %s\n", err->text);
    exit(ofr_exit_status(err->code));
}

static struct ofr_arrival_source create(const char *process, const char *yaml, uint32_t stream)
{
    static union {
        max_align_t align;
        unsigned char bytes[OFR_OPTIONS_MAX];
    } values;
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_config *config = NULL;
    struct ofr_arrival_source source = {.ops = ofr_arrival_find(process)};
    const struct ofr_component *component = &source.ops->component;
    struct ofr_arrival_setup setup = {.seed = 1, .stream = stream};
    if (ofr_config_parse(&config, "bench", yaml, strlen(yaml), &err) ||
        ofr_options_bind(component->options, component->option_count, &values, component->options_size,
                         ofr_config_root(config), &err) ||
        source.ops->create(&source.state, &setup, &values, &err))
        fail(&err);
    ofr_config_free(config);
    return source;
}

static void draw(void *ctx, uint64_t n)
{
    struct ofr_arrival_source *source = ctx;
    struct ofr_arrival out[RUN];
    struct ofr_error err = OFR_ERROR_INIT;
    for (uint64_t done = 0; done < n; done += RUN) {
        if (source->ops->next(source->state, out, RUN, &err) < 0)
            fail(&err);
        BENCH_USE(out[RUN - 1].time_ns);
    }
}

static void measure(struct bench *bench, const char *name, struct ofr_arrival_source source, double bar,
                    uint64_t n)
{
    bench_rate(bench, name, "arrivals", bar, draw, &source, n);
    source.ops->destroy(source.state);
}

static struct ofr_arrival_source merge(uint32_t count)
{
    struct ofr_arrival_source *source = calloc(count, sizeof *source), merged;
    struct ofr_error err = OFR_ERROR_INIT;
    for (uint32_t i = 0; i < count; i++)
        source[i] = create("poisson", "{rate: 30/s}", i);
    if (ofr_arrivals_merge(&merged, source, count, &err))
        fail(&err);
    free(source);
    return merged;
}

static void write_trace(const char *path)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_trace_writer *writer;
    if (ofr_trace_create(&writer, path, 0, NULL, &err))
        fail(&err);
    for (int64_t i = 0; i < ROWS; i++) {
        struct ofr_trace_row row = {.arrival_ns = i * 1000 + i * i % 977};
        if (ofr_trace_append(writer, &row, &err))
            fail(&err);
    }
    if (ofr_trace_finish(writer, &err))
        fail(&err);
}

static void measure_trace(struct bench *bench)
{
    char path[] = "/tmp/ofr_bench_XXXXXX", yaml[128];
    int fd = mkstemp(path);
    if (fd < 0 || close(fd)) {
        perror(path);
        exit(3);
    }
    write_trace(path);
    snprintf(yaml, sizeof yaml, "{trace: %s, loop: true}", path);
    measure(bench, "trace, looped", create("trace", yaml, 0), 20e6, 1 << 23);
    snprintf(yaml, sizeof yaml, "{trace: %s, loop: true, speed: 3.3x}", path);
    measure(bench, "trace, looped, speed 3.3x", create("trace", yaml, 0), 20e6, 1 << 23);
    unlink(path);
}

int main(void)
{
    struct bench bench = bench_begin("arrivals", "one thread, 256 arrivals a call");
    measure(&bench, "fixed", create("fixed", "{rate: 29.97/s}", 0), 0, 1 << 24);
    measure(&bench, "poisson", create("poisson", "{rate: 900/s}", 0), 100e6, 1 << 24);
    measure(&bench, "gamma, cv 0.5", create("gamma", "{rate: 900/s, cv: 0.5}", 0), 0, 1 << 22);
    measure(&bench, "gamma, cv 4", create("gamma", "{rate: 900/s, cv: 4}", 0), 0, 1 << 22);
    measure(&bench, "merge of 30 poisson", merge(30), 0, 1 << 22);
    measure(&bench, "merge of 4096 poisson", merge(4096), 0, 1 << 22);
    measure_trace(&bench);
    return bench_end(&bench);
}
