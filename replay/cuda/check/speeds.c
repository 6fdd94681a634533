/* Whether passes come in several speeds, and whether the SM's clock does: back-to-back passes of one batch size, without
 * and with three ramps, the clock marked between them, and the driver asked for clocks, power and reasons for throttling
 * beside them. Nothing runs beside the passes: one idle thread on one SM makes them 7 to 26 % slower, because a block of
 * the large products no longer fits there. */
#include "replay/bell.h"
#include "replay/cuda/check.h"
#include "replay/cuda/check/check_gpu.h"
#include "replay/cuda/check/mark.h"
#include "replay/cuda/state.h"
#include "replay/median.h"
#include "sim/base/monotonic.h"
#include "sim/model/profile.h"

#include <cuda_runtime_api.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum {
    PASSES_MOST = 1 << 16,
    LOOKS_MOST = 1 << 12,
    LOOK_NS = 10000000,
    BIN_NS = 10000000,
    DEVICES_MOST = 64,
    BETWEEN_BYTES = 37 << 20,
};

#define LEVEL_S 0.2 /* of load, after as long a load before it */

struct pass_row {
    int64_t begin_ns, took_ns;
};

struct look {
    int64_t at_ns;
    struct ofr_device_state state;
};

/* One stretch of passes and what was seen beside it. */
struct stretch {
    const struct ofr_device_ops *ops;
    struct ofr_cuda *cuda;
    struct offramp_exit_config config;
    uint32_t batch, ticket;
    struct pass_row *pass; /* owned [PASSES_MOST] */
    uint32_t passes;
    struct look *look; /* owned [LOOKS_MOST] */
    uint32_t looks;
    struct ofr_check_mark *mark; /* mapped [PASSES_MOST + 1], the device's; i is before pass i */
    _Atomic bool quit;
};

static void *ask_driver(void *context)
{
    struct stretch *of = context;
    const struct timespec pause = {0, LOOK_NS};
    while (!atomic_load(&of->quit) && of->looks < LOOKS_MOST) {
        struct look *look = &of->look[of->looks++];
        look->at_ns = ofr_monotonic_ns();
        of->ops->observe(of->cuda, &look->state);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static int one_pass(struct stretch *of, struct ofr_error *err)
{
    uint32_t sample[OFR_CUDA_MAX_ROWS];
    struct ofr_lane_view view;
    const uint32_t ticket = ++of->ticket, lane = ticket % of->ops->lanes;
    for (uint32_t i = 0; i < of->batch; ++i)
        sample[i] = ticket + i;
    const struct ofr_pass pass = {.ticket = ticket,
                                  .lane = lane,
                                  .rows = of->batch,
                                  .padded = of->batch,
                                  .sample = sample,
                                  .config = &of->config};
    struct pass_row *row = &of->pass[of->passes++];
    of->ops->lane(of->cuda, lane, &view);
    row->begin_ns = ofr_monotonic_ns();
    int code = of->ops->submit(of->cuda, &pass, err);
    for (uint32_t looks = 1; !code && atomic_load_explicit(view.ended, memory_order_acquire) != ticket;
         ++looks) {
        ofr_pause();
        if (looks % 4194304 == 0)
            code = of->ops->check(of->cuda, err);
    }
    row->took_ns = ofr_monotonic_ns() - row->begin_ns;
    if (!code)
        OFR_CUDA_TRY(ofr_check_mark_run(&of->mark[of->passes], of->cuda->compute), err);
    return code;
}

static int run_passes(struct stretch *of, double seconds, struct ofr_error *err)
{
    const int64_t end_ns = ofr_monotonic_ns() + (int64_t)(seconds * 1e9);
    int code = OFR_OK;
    of->passes = 0;
    OFR_CUDA_TRY(ofr_check_mark_run(&of->mark[0], of->cuda->compute), err);
    while (!code && ofr_monotonic_ns() < end_ns && of->passes < PASSES_MOST)
        code = one_pass(of, err);
    OFR_CUDA_TRY(cudaStreamSynchronize(of->cuda->compute), err);
    return code;
}

/* ---- what comes out ---- */

static double median(double *value, uint32_t count)
{
    return count ? ofr_median(value, count) : NAN;
}

/* From the mark before the pass to the one behind; NaN where two SMs took them. */
static double clock_mhz(const struct stretch *of, uint32_t pass)
{
    const struct ofr_check_mark *from = &of->mark[pass], *to = from + 1;
    if (from->sm != to->sm || to->timer_ns <= from->timer_ns)
        return NAN;
    return 1e3 * (double)(to->cycles - from->cycles) / (double)(to->timer_ns - from->timer_ns);
}

/* Slope of log pass time over log clock, and their correlation. */
struct fit {
    double n, x, y, xx, xy, yy;
};

static void fit_add(struct fit *fit, double mhz, double us)
{
    if (isnan(mhz) || isnan(us))
        return;
    const double x = log(mhz), y = log(us);
    fit->n += 1;
    fit->x += x;
    fit->y += y;
    fit->xx += x * x;
    fit->xy += x * y;
    fit->yy += y * y;
}

static void print_look(const struct stretch *of, int64_t from_ns, int64_t to_ns)
{
    for (uint32_t i = 0; i < of->looks; ++i) {
        const struct look *look = &of->look[i];
        if (look->at_ns < from_ns || look->at_ns >= to_ns)
            continue;
        printf("\tdriver: %.0f MHz, memory %.0f MHz, %.0f C, %.0f W, %s", look->state.sm_clock_mhz,
               look->state.memory_clock_mhz, look->state.temperature_c, look->state.power_w,
               look->state.throttle ? look->state.throttle_text : "no throttling");
        return;
    }
}

/* Medians of the passes that began in each BIN_NS. */
static void print_bins(const struct stretch *of, struct fit *fit)
{
    static double us[PASSES_MOST], mhz[PASSES_MOST];
    const int64_t begin_ns = of->pass[0].begin_ns;
    uint32_t i = 0;
    while (i < of->passes) {
        const int64_t bin = (of->pass[i].begin_ns - begin_ns) / BIN_NS;
        uint32_t count = 0, clocks = 0;
        for (; i < of->passes && (of->pass[i].begin_ns - begin_ns) / BIN_NS == bin; ++i) {
            us[count++] = (double)of->pass[i].took_ns / 1e3;
            mhz[clocks] = clock_mhz(of, i);
            clocks += isnan(mhz[clocks]) ? 0 : 1;
        }
        const double middle_us = median(us, count), middle_mhz = median(mhz, clocks);
        fit_add(fit, middle_mhz, middle_us);
        printf("bin\t%s\t%u\t%u ramps\t%.0f ms\t%u passes\t%.1f us\t%.1f MHz", of->cuda->net->name, of->batch,
               of->config.ramps, (double)(bin * BIN_NS) / 1e6, count, middle_us, middle_mhz);
        print_look(of, begin_ns + bin * BIN_NS, begin_ns + (bin + 1) * BIN_NS);
        printf("\n");
    }
}

static void print_stretch(const struct stretch *of)
{
    static int64_t took_ns[PASSES_MOST];
    static const double quantile[] = {.05, .25, .5, .75, .95};
    struct fit fit = {0};
    print_bins(of, &fit);
    for (uint32_t i = 0; i < of->passes; ++i)
        took_ns[i] = of->pass[i].took_ns;
    printf("speeds\t%s\t%u\t%u ramps\t%u passes", of->cuda->net->name, of->batch, of->config.ramps,
           of->passes);
    for (size_t i = 0; i < sizeof quantile / sizeof *quantile; ++i)
        printf("\tp%.0f %.1f us", 100 * quantile[i], ofr_check_quantile_us(took_ns, of->passes, quantile[i]));
    const double xx = fit.n * fit.xx - fit.x * fit.x, yy = fit.n * fit.yy - fit.y * fit.y;
    const double xy = fit.n * fit.xy - fit.x * fit.y;
    if (xx > 0 && yy > 0)
        printf("\t1 %% of clock is %+.2f %% of time, correlation %+.3f", xy / xx, xy / sqrt(xx * yy));
    printf("\n");
    fflush(stdout);
}

/* ---- the same device made anew ---- */

/* A stretch without ramps: median pass and clock, clocks in bins are left to `speeds`. */
static int print_level(struct stretch *of, uint32_t device, const char *when, struct ofr_error *err)
{
    static double us[PASSES_MOST], mhz[PASSES_MOST];
    uint32_t clocks = 0;
    const int code = run_passes(of, LEVEL_S, err);
    if (code)
        return code;
    for (uint32_t i = 0; i < of->passes; ++i) {
        us[i] = (double)of->pass[i].took_ns / 1e3;
        mhz[clocks] = clock_mhz(of, i);
        clocks += isnan(mhz[clocks]) ? 0 : 1;
    }
    printf("level\t%s\t%u\tdevice %u\t%s\t%u passes\t%.2f us\t%.1f MHz\n", of->cuda->net->name, of->batch,
           device, when, of->passes, median(us, of->passes), median(mhz, clocks));
    fflush(stdout);
    return OFR_OK;
}

static int one_device(struct stretch *of, const struct ofr_device_setup *setup, uint32_t device,
                      struct ofr_error *err)
{
    const struct timespec rest = {0, 200000000};
    void *state = NULL, *mark = NULL;
    int code = of->ops->create(&state, setup, err);
    of->cuda = state;
    if (!code)
        code = ofr_cuda_memory_take(&of->cuda->memory, OFR_CUDA_FOR_CELLS,
                                    (PASSES_MOST + 1) * sizeof *of->mark, &mark, err);
    of->mark = mark;
    if (!code)
        code = run_passes(of, LEVEL_S, err); /* warms up */
    if (!code)
        code = print_level(of, device, "first", err);
    nanosleep(&rest, NULL);
    if (!code)
        code = run_passes(of, LEVEL_S, err);
    if (!code)
        code = print_level(of, device, "again", err);
    of->ops->destroy(state);
    return code;
}

/* Blocks of memory that are kept between one device and the next give it other memory than the one before had. */
static int each_device(struct stretch *of, const struct ofr_device_setup *setup, uint32_t devices,
                       struct ofr_error *err)
{
    void *between[DEVICES_MOST] = {NULL};
    int code = OFR_OK;
    for (uint32_t i = 0; i < devices && !code; ++i) {
        code = one_device(of, setup, i, err);
        if (!code && i % 2) /* every second one may get the same memory again */
            OFR_CUDA_TRY(cudaMalloc(&between[i], BETWEEN_BYTES), err);
    }
    for (uint32_t i = 0; i < devices; ++i)
        (void)cudaFree(between[i]);
    return code;
}

static bool has_size(const struct ofr_profile *profile, uint32_t batch)
{
    const int32_t index = ofr_profile_batch_index(profile, batch);
    return index >= 0 && profile->batch[index] == batch;
}

int ofr_check_levels(char **argument, struct ofr_error *err)
{
    const struct ofr_net_options options = {.classes = 2};
    const uint32_t batch = (uint32_t)strtoul(argument[0], NULL, 10);
    const uint32_t devices = (uint32_t)strtoul(argument[1], NULL, 10);
    struct stretch of = {.batch = batch};
    struct ofr_profile *profile = NULL;
    struct ofr_check_net all = {.net = NULL};
    int32_t index;
    int code = ofr_profile_load(&profile, argument[2], err);
    if (!code && (!has_size(profile, batch) || !devices || devices > DEVICES_MOST))
        code = ofr_fail(err, OFR_E_USAGE, "levels: expected a batch size of %s and at most %d devices",
                        argument[2], DEVICES_MOST);
    if (!code)
        code = ofr_check_net_init(&all, profile->model, &options, err);
    const struct ofr_device_setup setup = {.net = all.net,
                                           .weights = all.weights,
                                           .inputs = all.inputs,
                                           .batch = code ? NULL : profile->batch,
                                           .batches = code ? 0 : profile->batches,
                                           .kernels = code ? NULL : profile->kernels};
    of.ops = code ? NULL : ofr_device_find("cuda", &index, err);
    of.pass = calloc(PASSES_MOST, sizeof *of.pass);
    if (!code)
        code = !of.pass ? ofr_fail_nomem(err, "passes")
               : of.ops ? each_device(&of, &setup, devices, err)
                        : OFR_E_BUG;
    free(of.pass);
    ofr_check_net_release(&all);
    ofr_profile_free(profile);
    return code;
}

/* ---- one device ---- */

static int one_stretch(struct stretch *of, double seconds, struct ofr_error *err)
{
    pthread_t thread;
    int code = run_passes(of, .2, err); /* warms up */
    atomic_store(&of->quit, false);
    of->looks = 0;
    const bool asking = !code && pthread_create(&thread, NULL, ask_driver, of) == 0;
    if (!code)
        code = run_passes(of, seconds, err);
    atomic_store(&of->quit, true);
    if (asking)
        pthread_join(thread, NULL);
    if (!code)
        print_stretch(of);
    return code;
}

static int run_all(const struct ofr_device_ops *ops, void *state, uint32_t batch, double seconds,
                   struct ofr_error *err)
{
    struct stretch of = {.ops = ops, .cuda = state, .batch = batch};
    void *mark = NULL;
    of.pass = calloc(PASSES_MOST, sizeof *of.pass);
    of.look = calloc(LOOKS_MOST, sizeof *of.look);
    int code = of.pass && of.look ? OFR_OK : ofr_fail_nomem(err, "passes");
    if (!code)
        code = ofr_cuda_memory_take(&of.cuda->memory, OFR_CUDA_FOR_CELLS, (PASSES_MOST + 1) * sizeof *of.mark,
                                    &mark, err);
    of.mark = mark;
    for (uint32_t ramps = 0; ramps <= 3 && !code; ramps += 3) {
        of.config.ramps = ramps;
        for (uint32_t k = 0; k < ramps; ++k)
            of.config.site[k] = (uint16_t)((k + 1) * of.cuda->net->sites / 4);
        code = one_stretch(&of, seconds, err);
    }
    free(of.pass);
    free(of.look);
    return code;
}

int ofr_check_speeds(char **argument, struct ofr_error *err)
{
    const struct ofr_net_options options = {0};
    const uint32_t batch = (uint32_t)strtoul(argument[1], NULL, 10);
    const double seconds = strtod(argument[2], NULL);
    struct ofr_check_net all;
    void *state = NULL;
    int32_t index;
    int code = ofr_check_net_init(&all, argument[0], &options, err);
    const struct ofr_device_setup setup = {
        .net = all.net, .weights = all.weights, .inputs = all.inputs, .batch = &batch, .batches = 1};
    if (!code && (!batch || !(seconds > 0) || seconds > 30))
        code =
            ofr_fail(err, OFR_E_USAGE, "speeds: expected a batch size and at most 30 s, found '%s' and '%s'",
                     argument[1], argument[2]);
    const struct ofr_device_ops *ops = code ? NULL : ofr_device_find("cuda", &index, err);
    if (!code)
        code = ops ? ops->create(&state, &setup, err) : OFR_E_BUG;
    if (!code)
        code = run_all(ops, state, batch, seconds, err);
    if (state)
        ops->destroy(state);
    ofr_check_net_release(&all);
    return code;
}
