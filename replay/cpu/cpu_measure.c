/* Timing for `offramp profile`. The caller's thread computes, the worker being idle; only dispatch and release go
 * through the worker, as in a replay. */
#include "replay/cpu/cpu.h"
#include "sim/base/monotonic.h"

#include <omp.h>

/* Inputs of a pass that is only timed: rows 0 .. batch - 1, the ramp of one site or none. */
static struct ofr_cpu_pass *pass_for(struct ofr_cpu *device, const struct ofr_measure *what)
{
    struct ofr_cpu_pass *pass = &device->pass[0];
    pass->ticket = 1;
    pass->lane = 0;
    pass->rows = pass->padded = what->batch;
    for (uint32_t i = 0; i < what->batch; ++i) {
        pass->sample[i] = i;
        pass->place[i] = OFR_PLACE_NONE;
    }
    pass->config = (struct offramp_exit_config){.ramps = 1, .criterion = OFFRAMP_CRITERION_TOP1};
    pass->config.site[0] = (uint16_t)what->site;
    return pass;
}

static uint32_t ops_until(const struct ofr_cpu *device, uint32_t site)
{
    return site < device->net->sites ? (uint32_t)device->net->site[site].op + 1 : device->net->ops;
}

static int64_t time_once(struct ofr_cpu *device, const struct ofr_measure *what,
                         const struct ofr_cpu_pass *pass)
{
    uint32_t until = ops_until(device, what->site);
    int64_t begin_ns = ofr_monotonic_ns();
    switch (what->kind) {
    case OFR_MEASURE_UNTIL:
        ofr_cpu_plan_run(&device->plan, 0, until, what->batch);
        break;
    case OFR_MEASURE_COPY_IN:
        ofr_cpu_copy_in(device, pass);
        break;
    case OFR_MEASURE_COPY_OUT:
        ofr_cpu_copy_out(device, pass);
        break;
    default: /* a ramp in line: its own time, what it adds and what it delays are one and the same */
        ofr_cpu_plan_run(&device->plan, 0, until, what->batch);
        begin_ns = ofr_monotonic_ns();
        ofr_cpu_run_ramp(device, pass, 0);
    }
    return ofr_monotonic_ns() - begin_ns;
}

/* Both through the worker: a pass of one row with a ramp, watched as the executor watches it. */
static int64_t time_handover(struct ofr_cpu *device, const struct ofr_measure *what)
{
    uint32_t sample = 0;
    struct offramp_exit_config config = {.ramps = 1, .criterion = OFFRAMP_CRITERION_TOP1};
    config.site[0] = (uint16_t)what->site;
    uint32_t ticket = device->submitted + 2; /* never that of time_once */
    struct ofr_pass pass = {
        .ticket = ticket, .rows = 1, .padded = what->batch, .sample = &sample, .config = &config};
    _Atomic uint64_t *cell = device->lane[0].ramp + (size_t)what->site * device->stride;
    atomic_store_explicit(cell, 0, memory_order_relaxed);
    int64_t begin_ns = ofr_monotonic_ns();
    ofr_cpu_submit(device, &pass, NULL);
    while (!ofr_cell_is_of(atomic_load_explicit(cell, memory_order_acquire), ticket))
        ofr_patience(false, 1000);
    int64_t seen_ns = ofr_monotonic_ns();
    while (atomic_load_explicit(&device->lane[0].ended, memory_order_acquire) != ticket)
        ofr_patience(false, 1000);
    if (what->kind == OFR_MEASURE_DISPATCH)
        return atomic_load_explicit(&device->begun_ns, memory_order_relaxed) - begin_ns;
    /* The worker stamps after its store, so that a host that has already seen the cell may be earlier. */
    int64_t late_ns = seen_ns - atomic_load_explicit(&device->ramp_ns, memory_order_relaxed);
    return late_ns > 0 ? late_ns : 0;
}

int ofr_cpu_measure(void *state, const struct ofr_measure *what, int64_t *sample_ns, uint32_t count,
                    struct ofr_error *err)
{
    struct ofr_cpu *device = state;
    uint32_t most = what->kind == OFR_MEASURE_UNTIL ? device->net->sites : device->net->sites - 1;
    if (what->batch == 0 || what->batch > device->stride || what->site > most)
        return ofr_fail(err, OFR_E_BUG, "cpu: a measurement at batch %u, site %u was asked for", what->batch,
                        what->site);
    omp_set_num_threads((int)device->threads); /* of products this thread calls for */
    bool handover = what->kind == OFR_MEASURE_DISPATCH || what->kind == OFR_MEASURE_RELEASE;
    struct ofr_cpu_pass *pass = handover ? NULL : pass_for(device, what);
    if (pass) {
        ofr_cpu_copy_in(device, pass);
        ofr_cpu_plan_run(&device->plan, 0, ops_until(device, what->site), what->batch); /* caches */
    }
    for (uint32_t i = 0; i < count; ++i)
        sample_ns[i] = pass ? time_once(device, what, pass) : time_handover(device, what);
    return OFR_OK;
}
