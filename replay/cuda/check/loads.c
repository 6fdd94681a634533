/* How pass times move once a load sets in: after half a second of rest batches of one size follow each other along the
 * path of a replay, without a pause or so that they keep the device busy a part of the time. */
#include "replay/cuda/check/check_gpu.h"
#include "replay/path.h"

#include <stdlib.h>
#include <time.h>

enum {
    BIN_NS = 20000000,
    PASSES_MOST = 1 << 14
};

/* Batches of `batch`, which keep the device busy the `share` of the time. */
struct load {
    uint32_t batch;
    int32_t site;
    double share;
};

static const struct load loads[] = {
    {16, OFR_PATH_NO_RAMP, 1.0}, {16, OFR_PATH_ALL_RAMPS, 1.0}, {16, OFR_PATH_NO_RAMP, 0.8},
    {16, OFR_PATH_NO_RAMP, 0.6}, {16, OFR_PATH_NO_RAMP, 0.4},   {16, OFR_PATH_NO_RAMP, 0.2},
    {4, OFR_PATH_NO_RAMP, 1.0},  {4, OFR_PATH_NO_RAMP, 0.8},    {4, OFR_PATH_NO_RAMP, 0.6},
    {4, OFR_PATH_NO_RAMP, 0.4},  {4, OFR_PATH_NO_RAMP, 0.2},    {1, OFR_PATH_NO_RAMP, 1.0},
    {1, OFR_PATH_NO_RAMP, 0.8},  {1, OFR_PATH_NO_RAMP, 0.6},    {1, OFR_PATH_NO_RAMP, 0.4},
    {1, OFR_PATH_NO_RAMP, 0.2},
};

static void print_load(const struct load *load, const char *net, const struct ofr_path_sample *sample,
                       uint32_t passes)
{
    int64_t at_ns = 0, sum_ns = 0, seen_ns = 0;
    for (uint32_t i = 0, count = 0; i < passes; ++i) {
        at_ns += sample[i].idle_ns + sample[i].pass_ns;
        sum_ns += sample[i].pass_ns;
        seen_ns += sample[i].seen_ns;
        count++;
        if (i + 1 < passes &&
            (at_ns + sample[i + 1].idle_ns) / BIN_NS == (at_ns - sample[i].pass_ns) / BIN_NS)
            continue;
        printf("load\t%s\t%u\t%s\t%.1f\t%.0f ms\t%u passes\t%.2f us\tseen %.2f us\n", net, load->batch,
               load->site == OFR_PATH_ALL_RAMPS ? "all ramps" : "no ramp", load->share,
               (double)((at_ns - sample[i].pass_ns) / BIN_NS * BIN_NS) / 1e6, count,
               (double)sum_ns / 1e3 / count, (double)seen_ns / 1e3 / count);
        sum_ns = seen_ns = count = 0;
    }
}

static int one_load(const struct ofr_path *path, const struct load *load, const char *net, double seconds,
                    struct ofr_path_sample *sample, struct ofr_error *err)
{
    const struct timespec rest = {0, 500000000};
    struct ofr_path_ask ask = {.batch = load->batch, .site = load->site, .passes = 20};
    int rc = ofr_path_measure(path, &ask, sample, NULL, err);
    const double pass_ns = rc ? 1 : (double)sample[19].pass_ns;
    ask.period_ns = load->share < 1.0 ? (int64_t)(pass_ns / load->share) : 0;
    ask.passes = (uint32_t)(seconds * 1e9 * load->share / pass_ns);
    ask.passes = ask.passes < 20 ? 20 : ask.passes > PASSES_MOST ? PASSES_MOST : ask.passes;
    nanosleep(&rest, NULL);
    if (!rc)
        rc = ofr_path_measure(path, &ask, sample, NULL, err);
    if (!rc)
        print_load(load, net, sample, ask.passes);
    return rc;
}

int ofr_check_loads(char **argument, struct ofr_error *err)
{
    static const uint32_t batches[] = {1, 4, 16};
    const struct ofr_net_options options = {0};
    const double seconds = strtod(argument[1], NULL);
    struct ofr_path_sample *sample = calloc(PASSES_MOST, sizeof *sample);
    struct ofr_check_net all;
    void *state = NULL;
    int32_t index;
    int rc = ofr_check_net_init(&all, argument[0], &options, err);
    const struct ofr_device_setup setup = {
        .net = all.net, .weights = all.weights, .inputs = all.inputs, .batch = batches, .batches = 3};
    if (!rc && !(seconds > 0 && seconds <= 30))
        rc = ofr_fail(err, OFR_E_USAGE, "loads: expected at most 30 s, found '%s'", argument[1]);
    const struct ofr_device_ops *ops = rc ? NULL : ofr_device_find("cuda", &index, err);
    if (!rc)
        rc = !sample ? ofr_fail_nomem(err, "passes") : ops ? ops->create(&state, &setup, err) : OFR_E_BUG;
    const struct ofr_path path = {.ops = ops,
                                  .device = state,
                                  .sites = rc ? 0 : all.net->sites,
                                  .inputs = all.inputs.count,
                                  .spin = true};
    for (size_t i = 0; i < sizeof loads / sizeof *loads && !rc; ++i)
        rc = one_load(&path, &loads[i], argument[0], seconds, sample, err);
    if (state)
        ops->destroy(state);
    ofr_check_net_release(&all);
    free(sample);
    return rc;
}
