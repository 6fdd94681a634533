/* The null device: computes nothing. Without a profile a pass has ended before `submit` returns, so that a replay on
 * it shows what everything around a device costs; with one, a thread writes every cell when the profile says that a
 * device would have.
 *
 * Ramps answer class 0 with score 1 (never sure), the full model class 0. */
#include "replay/bell.h"
#include "replay/device.h"
#include "sim/base/monotonic.h"
#include "sim/model/profile.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    LANES = 2
};

struct lane {
    _Atomic uint64_t *ramp, *full; /* owned */
    _Atomic uint32_t ended;
};

/* A pass on its way to the thread. */
struct queued {
    uint32_t ticket, rows, padded;
    int64_t submitted_ns;
    struct offramp_exit_config config;
};

struct null_device {
    struct lane lane[LANES];
    uint32_t stride, sites;
    const struct ofr_profile *profile; /* NULL: no time at all */
    struct queued queued[LANES];       /* by lane */
    _Atomic bool quit;
    struct ofr_bell bell;
    pthread_t thread;
    bool running;
};

static void write_ramp(struct null_device *device, const struct queued *pass, uint32_t k)
{
    struct lane *lane = &device->lane[pass->ticket % LANES];
    uint64_t cell = ofr_cell_pack(1.0F, 0, pass->ticket, 1.0 < pass->config.threshold[k]);
    _Atomic uint64_t *row = lane->ramp + (size_t)pass->config.site[k] * device->stride;
    for (uint32_t i = 0; i < pass->rows; ++i)
        atomic_store_explicit(&row[i], cell, memory_order_release);
}

static void write_full(struct null_device *device, const struct queued *pass)
{
    struct lane *lane = &device->lane[pass->ticket % LANES];
    uint64_t cell = ofr_cell_pack(0.0F, 0, pass->ticket, false);
    for (uint32_t i = 0; i < pass->rows; ++i)
        atomic_store_explicit(&lane->full[i], cell, memory_order_release);
    atomic_store_explicit(&lane->ended, pass->ticket, memory_order_release);
}

static void wait_until(int64_t time_ns)
{
    enum {
        SPIN_NS = 100000
    };
    struct timespec ts = {.tv_sec = (time_ns - SPIN_NS) / 1000000000,
                          .tv_nsec = (time_ns - SPIN_NS) % 1000000000};
    if (time_ns - ofr_monotonic_ns() > SPIN_NS)
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
    while (ofr_monotonic_ns() < time_ns)
        ofr_pause();
}

/* The timeline of sim/model/profile.h, in real time. */
static void live_through(struct null_device *device, const struct queued *pass, int64_t start_ns)
{
    const struct ofr_profile *profile = device->profile;
    size_t b = (size_t)ofr_profile_batch_index(profile, pass->padded);
    const int64_t *until_ns = profile->until_ns + b * (profile->sites + 1);
    int64_t begun_ns = start_ns + profile->dispatch_ns + profile->copy_in_ns[b], added_ns = 0;
    for (uint32_t k = 0; k < pass->config.ramps; ++k) {
        size_t at = b * profile->sites + pass->config.site[k];
        wait_until(begun_ns + until_ns[pass->config.site[k]] + added_ns + profile->ramp_delay_ns[at] +
                   profile->release_ns);
        write_ramp(device, pass, k);
        added_ns += profile->ramp_add_ns[at];
    }
    wait_until(begun_ns + until_ns[profile->sites] + added_ns + profile->copy_out_ns[b]);
    write_full(device, pass);
}

static void *run(void *state)
{
    struct null_device *device = state;
    uint32_t ticket = 0;
    for (;;) {
        ofr_bell_wait(&device->bell);
        if (atomic_load_explicit(&device->quit, memory_order_acquire))
            return NULL;
        const struct queued *pass = &device->queued[++ticket % LANES];
        live_through(device, pass, pass->submitted_ns);
    }
}

static void destroy(void *state)
{
    struct null_device *device = state;
    if (!device)
        return;
    if (device->running) {
        atomic_store_explicit(&device->quit, true, memory_order_release);
        ofr_bell_ring(&device->bell);
        pthread_join(device->thread, NULL);
    }
    if (device->profile)
        ofr_bell_release(&device->bell);
    for (uint32_t i = 0; i < LANES; ++i) {
        free((void *)device->lane[i].ramp);
        free((void *)device->lane[i].full);
    }
    free(device);
}

static int fill(struct null_device *device, const struct ofr_device_setup *setup, struct ofr_error *err)
{
    device->stride = setup->batch[setup->batches - 1];
    device->sites = setup->net ? setup->net->sites : OFFRAMP_MAX_SITES;
    for (uint32_t i = 0; i < LANES; ++i) {
        device->lane[i].ramp = calloc((size_t)device->sites * device->stride, sizeof(uint64_t));
        device->lane[i].full = calloc(device->stride, sizeof(uint64_t));
        if (!device->lane[i].ramp || !device->lane[i].full)
            return ofr_fail_nomem(err, "the null device");
    }
    if (!setup->profile)
        return 0;
    device->profile = setup->profile;
    ofr_bell_init(&device->bell, false);
    if (pthread_create(&device->thread, NULL, run, device))
        return ofr_fail(err, OFR_E_NOMEM, "the null device cannot start its thread");
    device->running = true;
    return 0;
}

static int create(void **state, const struct ofr_device_setup *setup, struct ofr_error *err)
{
    *state = NULL;
    struct null_device *device = calloc(1, sizeof *device);
    if (!device)
        return ofr_fail_nomem(err, "the null device");
    int rc = fill(device, setup, err);
    if (rc) {
        destroy(device);
        return rc;
    }
    *state = device;
    return 0;
}

static void lane(void *state, uint32_t index, struct ofr_lane_view *out)
{
    struct null_device *device = state;
    struct lane *from = &device->lane[index];
    *out = (struct ofr_lane_view){
        .ramp = from->ramp, .full = from->full, .ended = &from->ended, .stride = device->stride};
}

static int submit(void *state, const struct ofr_pass *pass, struct ofr_error *err)
{
    struct null_device *device = state;
    (void)err;
    struct queued *queued = &device->queued[pass->lane];
    queued->ticket = pass->ticket;
    queued->rows = pass->rows;
    queued->padded = pass->padded;
    queued->config.ramps = pass->config->ramps;
    memcpy(queued->config.site, pass->config->site, pass->config->ramps * sizeof *pass->config->site);
    memcpy(queued->config.threshold, pass->config->threshold,
           pass->config->ramps * sizeof *pass->config->threshold);
    if (device->profile) {
        queued->submitted_ns = ofr_monotonic_ns();
        ofr_bell_ring(&device->bell);
        return 0;
    }
    for (uint32_t k = 0; k < queued->config.ramps; ++k)
        write_ramp(device, queued, k);
    write_full(device, queued);
    return 0;
}

static int check(void *state, struct ofr_error *err)
{
    (void)state;
    (void)err;
    return 0;
}

static int info(void *state, struct ofr_notes *notes, struct ofr_error *err)
{
    const struct null_device *device = state;
    return ofr_notes_set(notes, "device",
                         device->profile ? "null, in the time of the profile" : "null, in no time", err);
}

static void observe(void *state, struct ofr_device_state *out)
{
    (void)state;
    *out = (struct ofr_device_state){.sm_clock_mhz = __builtin_nan(""),
                                     .memory_clock_mhz = __builtin_nan(""),
                                     .temperature_c = __builtin_nan(""),
                                     .power_w = __builtin_nan("")};
}

extern const struct ofr_device_ops ofr_device_null;
const struct ofr_device_ops ofr_device_null = {
    .name = "null",
    .help = "computes nothing: what everything around a device costs",
    .lanes = LANES,
    .no_net = true,
    .create = create,
    .destroy = destroy,
    .lane = lane,
    .submit = submit,
    .check = check,
    .info = info,
    .observe = observe,
};
