/* The cpu device: real arithmetic on the host's processors (ops.h says with what).
 *
 * One worker thread runs passes in order of submission: inputs are gathered, operators run in f32, a ramp is computed
 * right after its site, and every cell is written as soon as it is known. There is no side branch: a ramp is always
 * on the backbone, whatever `ramps_in_line` says. oneDNN spreads one product over `threads` threads; by default
 * one processor is left to the replay's own threads. */
#include "replay/cpu/cpu.h"

#include "sim/base/monotonic.h"
#include "sim/base/processors.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- one pass ---- */

void ofr_cpu_copy_in(struct ofr_cpu *device, const struct ofr_cpu_pass *pass)
{
    const struct ofr_device_inputs *inputs = &device->inputs;
    for (uint32_t i = 0; i < pass->padded; ++i) {
        uint32_t row = i < pass->rows ? i : 0, place = pass->place[row];
        const char *from = place == OFR_PLACE_NONE ? (const char *)inputs->data +
                                                         pass->sample[row] % inputs->count * inputs->bytes
                                                   : device->ahead + (place - 1) * inputs->bytes;
        memcpy((char *)device->plan.input + i * inputs->bytes, from, inputs->bytes);
    }
}

/* On the caller's thread, while the worker computes. */
static int prepare(void *state, uint32_t sample, uint32_t place, struct ofr_error *err)
{
    struct ofr_cpu *device = state;
    const struct ofr_device_inputs *inputs = &device->inputs;
    (void)err;
    memcpy(device->ahead + (place - 1) * inputs->bytes,
           (const char *)inputs->data + sample % inputs->count * inputs->bytes, inputs->bytes);
    return OFR_OK;
}

static void write_cells(const struct ofr_cpu *device, const struct ofr_cpu_pass *pass, const float *logits,
                        _Atomic uint64_t *cell, double threshold)
{
    for (uint32_t i = 0; i < pass->rows; ++i) {
        struct ofr_cpu_verdict verdict =
            ofr_cpu_judge(logits + (size_t)i * device->net->classes, device->net->classes);
        float score = pass->config.criterion == OFFRAMP_CRITERION_ENTROPY ? verdict.entropy : verdict.top;
        uint64_t word = ofr_cell_pack(score, verdict.answer, pass->ticket, (double)score < threshold);
        atomic_store_explicit(&cell[i], word, memory_order_release);
    }
}

static float *logits_of(const struct ofr_cpu *device, uint32_t lane, uint32_t site)
{
    return device->lane[lane].logits + (size_t)site * device->stride * device->net->classes;
}

void ofr_cpu_run_ramp(struct ofr_cpu *device, const struct ofr_cpu_pass *pass, uint32_t k)
{
    const struct ofr_net *net = device->net;
    uint32_t site = pass->config.site[k];
    const struct ofr_site *at = &net->site[site];
    float *logits = logits_of(device, pass->lane, site);
    ofr_cpu_ramp(ofr_cpu_plan_tensor(&device->plan, at->tensor), &net->tensor[at->tensor], net->pooling,
                 pass->padded, device->plan.value[at->weight], device->plan.bias[at->weight], net->classes,
                 device->plan.pooled, logits);
    write_cells(device, pass, logits, device->lane[pass->lane].ramp + (size_t)site * device->stride,
                pass->config.threshold[k]);
}

void ofr_cpu_copy_out(struct ofr_cpu *device, const struct ofr_cpu_pass *pass)
{
    struct ofr_cpu_lane *lane = &device->lane[pass->lane];
    const struct ofr_net *net = device->net;
    float *logits = logits_of(device, pass->lane, net->sites);
    memcpy(logits, ofr_cpu_plan_tensor(&device->plan, (int32_t)net->tensors - 1),
           (size_t)pass->padded * net->classes * sizeof *logits);
    write_cells(device, pass, logits, lane->full, 0.0);
    atomic_store_explicit(&lane->ended, pass->ticket, memory_order_release);
}

static void run_pass(struct ofr_cpu *device, const struct ofr_cpu_pass *pass)
{
    uint32_t next = 0;
    atomic_store_explicit(&device->begun_ns, ofr_monotonic_ns(), memory_order_relaxed);
    ofr_cpu_copy_in(device, pass);
    for (uint32_t k = 0; k < pass->config.ramps; ++k) {
        uint32_t until = (uint32_t)device->net->site[pass->config.site[k]].op + 1;
        ofr_cpu_plan_run(&device->plan, next, until, pass->padded);
        ofr_cpu_run_ramp(device, pass, k);
        if (k == 0)
            atomic_store_explicit(&device->ramp_ns, ofr_monotonic_ns(), memory_order_relaxed);
        next = until;
    }
    ofr_cpu_plan_run(&device->plan, next, device->net->ops, pass->padded);
    ofr_cpu_copy_out(device, pass);
}

/* Each ring of the bell is one pass; the last is the order to stop, after the passes before it. */
static void *work(void *state)
{
    struct ofr_cpu *device = state;
    omp_set_num_threads((int)device->threads); /* of products this thread calls for */
    for (uint32_t number = 0;; ++number) {
        ofr_bell_wait(&device->bell);
        if (atomic_load_explicit(&device->quit, memory_order_acquire) && number == device->submitted)
            return NULL;
        run_pass(device, &device->pass[device->order[number % OFR_CPU_LANES]]);
    }
}

int ofr_cpu_submit(void *state, const struct ofr_pass *pass, struct ofr_error *err)
{
    struct ofr_cpu *device = state;
    (void)err;
    struct ofr_cpu_pass *to = &device->pass[pass->lane];
    to->ticket = pass->ticket;
    to->lane = pass->lane;
    to->rows = pass->rows;
    to->padded = pass->padded;
    memcpy(to->sample, pass->sample, pass->rows * sizeof *to->sample);
    for (uint32_t i = 0; i < pass->rows; ++i)
        to->place[i] = pass->place ? pass->place[i] : OFR_PLACE_NONE;
    to->config = *pass->config;
    device->order[device->submitted++ % OFR_CPU_LANES] = pass->lane;
    ofr_bell_ring(&device->bell);
    return OFR_OK;
}

/* ---- life ---- */

static void destroy(void *state)
{
    struct ofr_cpu *device = state;
    if (!device)
        return;
    if (device->running) {
        atomic_store_explicit(&device->quit, true, memory_order_release);
        ofr_bell_ring(&device->bell);
        pthread_join(device->thread, NULL);
    }
    if (device->bell_made)
        ofr_bell_release(&device->bell);
    for (uint32_t i = 0; i < OFR_CPU_LANES; ++i) {
        free((void *)device->lane[i].ramp);
        free((void *)device->lane[i].full);
        free(device->lane[i].logits);
        free(device->pass[i].sample);
        free(device->pass[i].place);
    }
    free(device->ahead);
    ofr_cpu_plan_release(&device->plan);
    free(device);
}

static int make_lanes(struct ofr_cpu *device, struct ofr_error *err)
{
    size_t sites = device->net->sites, stride = device->stride;
    for (uint32_t i = 0; i < OFR_CPU_LANES; ++i) {
        struct ofr_cpu_lane *lane = &device->lane[i];
        lane->ramp = calloc((sites + 1) * stride, sizeof *lane->ramp);
        lane->full = calloc(stride, sizeof *lane->full);
        lane->logits = calloc((sites + 1) * stride * device->net->classes, sizeof *lane->logits);
        device->pass[i].sample = calloc(stride, sizeof *device->pass[i].sample);
        device->pass[i].place = calloc(stride, sizeof *device->pass[i].place);
        if (!lane->ramp || !lane->full || !lane->logits || !device->pass[i].sample || !device->pass[i].place)
            return ofr_fail_nomem(err, "the cpu device");
    }
    device->ahead = calloc(OFR_PLACES_PER_ROW * stride, device->inputs.bytes);
    return device->ahead ? OFR_OK : ofr_fail_nomem(err, "the cpu device");
}

static uint32_t default_threads(void)
{
    uint32_t processors = ofr_processors();
    return processors > 2 ? processors - 1 : 1;
}

static int check_setup(const struct ofr_device_setup *setup, struct ofr_error *err)
{
    if (!setup->net || !setup->weights)
        return ofr_fail(err, OFR_E_INPUT, "cpu: found no network, expected one with weights");
    if (!setup->inputs.data || setup->inputs.count == 0)
        return ofr_fail(err, OFR_E_INPUT, "cpu: found no inputs for %s, expected at least one",
                        setup->net->name);
    return OFR_OK;
}

static int fill(struct ofr_cpu *device, const struct ofr_device_setup *setup, struct ofr_error *err)
{
    device->net = setup->net;
    device->inputs = setup->inputs;
    device->stride = setup->batch[setup->batches - 1];
    device->threads = setup->threads ? setup->threads : default_threads();
    /* oneDNN settles a product's threads when it is made: as many as the calling thread may use then. */
    int before = omp_get_max_threads();
    omp_set_num_threads((int)device->threads);
    int rc = ofr_cpu_plan_init(&device->plan, setup->net, setup->weights, setup->batch, setup->batches, err);
    omp_set_num_threads(before);
    if (!rc)
        rc = make_lanes(device, err);
    if (rc)
        return rc;
    ofr_bell_init(&device->bell, false);
    device->bell_made = true;
    if (pthread_create(&device->thread, NULL, work, device))
        return ofr_fail(err, OFR_E_NOMEM, "the cpu device cannot start its thread");
    device->running = true;
    return OFR_OK;
}

static int create(void **state, const struct ofr_device_setup *setup, struct ofr_error *err)
{
    *state = NULL;
    int rc = check_setup(setup, err);
    if (rc)
        return rc;
    struct ofr_cpu *device = calloc(1, sizeof *device);
    if (!device)
        return ofr_fail_nomem(err, "the cpu device");
    rc = fill(device, setup, err);
    if (rc) {
        destroy(device);
        return rc;
    }
    *state = device;
    return OFR_OK;
}

static void lane(void *state, uint32_t index, struct ofr_lane_view *out)
{
    struct ofr_cpu *device = state;
    struct ofr_cpu_lane *from = &device->lane[index];
    *out = (struct ofr_lane_view){
        .ramp = from->ramp, .full = from->full, .ended = &from->ended, .stride = device->stride};
}

static int check(void *state, struct ofr_error *err)
{
    (void)state;
    (void)err;
    return OFR_OK;
}

/* ---- facts ---- */

/* The text behind `name` in /proc/cpuinfo's first block; "unknown" where there is none. */
static void cpu_fact(const char *name, char *out, size_t size)
{
    char line[256];
    snprintf(out, size, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, name, strlen(name)) != 0 || !colon || !colon[1])
            continue;
        line[strcspn(line, "\n")] = '\0';
        snprintf(out, size, "%s", colon + 2);
        break;
    }
    if (file)
        fclose(file);
}

static int info(void *state, struct ofr_notes *notes, struct ofr_error *err)
{
    const struct ofr_cpu *device = state;
    char name[128];
    cpu_fact("model name", name, sizeof name);
    int rc = ofr_notes_setf(notes, err, "device", "cpu, %s, %u of %u processors", name, device->threads,
                            ofr_processors());
    if (!rc)
        rc = ofr_notes_setf(notes, err, "libraries", "oneDNN %d.%d.%d", dnnl_version()->major,
                            dnnl_version()->minor, dnnl_version()->patch);
    if (!rc)
        rc = ofr_notes_setf(notes, err, "memory", "weights %.1f MiB, activations %.1f MiB",
                            (double)device->plan.weight_bytes / 1048576.0,
                            (double)device->plan.activation_bytes / 1048576.0);
    return rc;
}

static void observe(void *state, struct ofr_device_state *out)
{
    char text[64], *end;
    (void)state;
    *out = (struct ofr_device_state){.memory_clock_mhz = __builtin_nan(""),
                                     .temperature_c = __builtin_nan(""),
                                     .power_w = __builtin_nan("")};
    cpu_fact("cpu MHz", text, sizeof text);
    out->sm_clock_mhz = strtod(text, &end);
    if (end == text)
        out->sm_clock_mhz = __builtin_nan("");
}

static int logits(void *state, uint32_t index, uint32_t site, float *out, uint32_t rows,
                  struct ofr_error *err)
{
    const struct ofr_cpu *device = state;
    if (index >= OFR_CPU_LANES || site > device->net->sites || rows > device->stride)
        return ofr_fail(err, OFR_E_BUG, "cpu: logits of lane %u, site %u, %u rows asked for", index, site,
                        rows);
    memcpy(out, logits_of(device, index, site), (size_t)rows * device->net->classes * sizeof *out);
    return OFR_OK;
}

extern const struct ofr_device_ops ofr_device_cpu;
const struct ofr_device_ops ofr_device_cpu = {
    .name = "cpu",
    .help = "real arithmetic on the host's processors",
    .lanes = OFR_CPU_LANES,
    .create = create,
    .destroy = destroy,
    .lane = lane,
    .submit = ofr_cpu_submit,
    .prepare = prepare,
    .check = check,
    .info = info,
    .observe = observe,
    .measure = ofr_cpu_measure,
    .logits = logits,
};
