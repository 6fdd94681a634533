#include "replay/control_cost.h"
#include "replay/median.h"
#include "replay/profiling_path.h"
#include "sim/base/monotonic.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* One quantity at one batch size and site. */
struct series {
    struct ofr_measure what;
    enum ofr_quantity quantity;
    bool per_batch;
    int64_t *value_ns; /* owned, [capacity of the job] */
};

struct job {
    const struct ofr_profiling *how;
    const struct ofr_net *net;
    void *device;
    struct ofr_profile_writer *writer; /* owned */
    struct series *series;             /* owned */
    uint32_t count;
    uint32_t chunk, taken, capacity; /* samples of each: a round, so far, at most */
    struct ofr_device_state before, after;
    double estimated_s, spent_s;
    struct ofr_profiling_path *path; /* owned; NULL: left out */
    struct ofr_control_cost control;
};

/* ---- what is measured ---- */

static void add(struct job *job, enum ofr_quantity quantity, enum ofr_measure_kind kind, uint32_t batch,
                uint32_t site, bool in_line)
{
    struct series *series = &job->series[job->count++];
    series->what = (struct ofr_measure){.kind = kind, .batch = batch, .site = site, .in_line = in_line};
    series->quantity = quantity;
    series->per_batch = true;
}

static void add_batch(struct job *job, uint32_t batch)
{
    bool in_line = job->how->setup->ramps_in_line;
    for (uint32_t site = 0; site <= job->net->sites; ++site)
        add(job, OFR_QUANTITY_UNTIL, OFR_MEASURE_UNTIL, batch, site, false);
    for (uint32_t site = 0; site < job->net->sites; ++site) {
        add(job, OFR_QUANTITY_RAMP_ADD, OFR_MEASURE_RAMP_ADD, batch, site, in_line);
        add(job, OFR_QUANTITY_RAMP_DELAY, OFR_MEASURE_RAMP_DELAY, batch, site, in_line);
        add(job, OFR_QUANTITY_RAMP_ALONE, OFR_MEASURE_RAMP_ALONE, batch, site, in_line);
        add(job, OFR_QUANTITY_RAMP_IN_LINE, OFR_MEASURE_RAMP_ADD, batch, site, true);
    }
    add(job, OFR_QUANTITY_COPY_IN, OFR_MEASURE_COPY_IN, batch, 0, in_line);
    add(job, OFR_QUANTITY_COPY_OUT, OFR_MEASURE_COPY_OUT, batch, 0, in_line);
}

static int make_series(struct job *job, struct ofr_error *err)
{
    const struct ofr_device_setup *setup = job->how->setup;
    size_t most = (size_t)setup->batches * (5 * (size_t)job->net->sites + 3) + 2;
    job->series = calloc(most, sizeof *job->series);
    if (!job->series)
        return ofr_fail_nomem(err, "a profile");
    for (uint32_t b = 0; b < setup->batches; ++b)
        add_batch(job, setup->batch[b]);
    add(job, OFR_QUANTITY_DISPATCH, OFR_MEASURE_DISPATCH, setup->batch[0], 0, setup->ramps_in_line);
    add(job, OFR_QUANTITY_RELEASE, OFR_MEASURE_RELEASE, setup->batch[0], 0, setup->ramps_in_line);
    job->series[job->count - 1].per_batch = job->series[job->count - 2].per_batch = false;
    for (uint32_t i = 0; i < job->count; ++i) {
        job->series[i].value_ns = calloc(job->capacity, sizeof *job->series[i].value_ns);
        if (!job->series[i].value_ns)
            return ofr_fail_nomem(err, "a profile");
    }
    return OFR_OK;
}

/* ---- measuring ---- */

/* Noise may make a difference of two passes negative; a time is none. */
static int measure_round(struct job *job, uint32_t at, struct ofr_error *err)
{
    for (uint32_t i = 0; i < job->count; ++i) {
        struct series *series = &job->series[i];
        int rc = job->how->ops->measure(job->device, &series->what, series->value_ns + at, job->chunk, err);
        if (rc)
            return rc;
        for (uint32_t k = at; k < at + job->chunk; ++k)
            series->value_ns[k] = series->value_ns[k] < 0 ? 0 : series->value_ns[k];
    }
    return job->how->ops->check(job->device, err);
}

static double median(const struct series *series, uint32_t count, double *sorted)
{
    for (uint32_t i = 0; i < count; ++i)
        sorted[i] = (double)series->value_ns[i];
    return ofr_median(sorted, count);
}

/* The first site whose median is not beyond its predecessor's; NULL when all are. */
static const struct series *out_of_order(const struct job *job, double *sorted)
{
    double before = 0.0;
    for (uint32_t i = 0; i < job->count; ++i) {
        const struct series *series = &job->series[i];
        if (series->quantity != OFR_QUANTITY_UNTIL)
            continue;
        double until = median(series, job->taken, sorted);
        if (series->what.site == 0)
            before = 0.0;
        if (llround(until) <= llround(before))
            return series;
        before = until;
    }
    return NULL;
}

static void say(const struct job *job, const char *format, double seconds)
{
    char line[128];
    snprintf(line, sizeof line, format, seconds);
    if (job->how->say)
        job->how->say(job->how->state, line);
}

/* From the first round that counts; the one before it paid for everything done once. */
static void estimate(struct job *job, double warm_up_s, double round_s)
{
    job->estimated_s = warm_up_s + OFR_PROFILING_ROUNDS * round_s;
    say(job, "profiling: estimated %.1f s", job->estimated_s);
}

static int measure_all(struct job *job, double *sorted, struct ofr_error *err)
{
    double began_s = ofr_monotonic_s();
    int rc = measure_round(job, 0, err);
    double warm_s = ofr_monotonic_s();
    const struct series *wrong = NULL;
    while (!rc && job->taken + job->chunk <= job->capacity) {
        uint32_t round = job->taken / job->chunk;
        if (round >= OFR_PROFILING_ROUNDS && round % OFR_PROFILING_ROUNDS == 0 &&
            !(wrong = out_of_order(job, sorted)))
            break;
        rc = measure_round(job, job->taken, err);
        job->taken += rc ? 0 : job->chunk;
        if (!rc && round == 0)
            estimate(job, warm_s - began_s, ofr_monotonic_s() - warm_s);
        if (job->how->progress)
            job->how->progress(job->how->state, round + 1, OFR_PROFILING_ROUNDS);
    }
    job->spent_s = ofr_monotonic_s() - began_s;
    if (!rc)
        say(job, "profiling: took %.1f s", job->spent_s);
    if (!rc && (wrong = out_of_order(job, sorted)))
        rc = ofr_fail(err, OFR_E_GATE,
                      "%s, batch size %" PRIu32 ": site %" PRIu32
                      " is not reached later than the one before in the median of %" PRIu32
                      " samples; the machine is too noisy, or take more --samples",
                      job->net->name, wrong->what.batch, wrong->what.site, job->taken);
    return rc;
}

/* ---- whole passes, and the policy's thread ---- */

/* The medians of one quantity as the policy's view has them: [batches][places]. */
static int64_t *medians(const struct job *job, enum ofr_quantity quantity, uint32_t places, double *sorted)
{
    int64_t *out = calloc((size_t)job->how->setup->batches * places + 1, sizeof *out);
    size_t at = 0;
    for (uint32_t i = 0; out && i < job->count; ++i)
        if (job->series[i].quantity == quantity)
            out[at++] = llround(median(&job->series[i], job->taken, sorted));
    return out;
}

static int measure_control(struct job *job, double *sorted, struct ofr_error *err)
{
    const struct ofr_device_setup *setup = job->how->setup;
    uint32_t sites = job->net->sites;
    int64_t *until_ns = medians(job, OFR_QUANTITY_UNTIL, sites + 1, sorted);
    int64_t *add_ns = medians(job, OFR_QUANTITY_RAMP_ADD, sites, sorted);
    int64_t *delay_ns = medians(job, OFR_QUANTITY_RAMP_DELAY, sites, sorted);
    struct offramp_latency_view latency = {.sites = sites,
                                           .batch_count = setup->batches,
                                           .batch = setup->batch,
                                           .until_ns = until_ns,
                                           .ramp_add_ns = add_ns,
                                           .ramp_delay_ns = delay_ns};
    int rc = until_ns && add_ns && delay_ns
                 ? ofr_control_cost_measure(&job->control, &latency, job->how->spin, err)
                 : ofr_fail_nomem(err, "a profile");
    free(until_ns);
    free(add_ns);
    free(delay_ns);
    return rc;
}

static int measure_path(struct job *job, double *sorted, struct ofr_error *err)
{
    const struct ofr_profiling *how = job->how;
    const struct ofr_path path = {.ops = how->ops,
                                  .device = job->device,
                                  .sites = job->net->sites,
                                  .inputs = how->setup->inputs.count,
                                  .spin = how->spin};
    double began_s = ofr_monotonic_s();
    if (how->path_samples == 0)
        return OFR_OK;
    const struct ofr_profiling_path_plan plan = {.samples = how->path_samples,
                                                 .rounds = OFR_PROFILING_PATH_ROUNDS};
    int rc = ofr_profiling_path_create(&job->path, &path, how->setup, &plan, err);
    for (uint32_t round = 0; round < OFR_PROFILING_PATH_ROUNDS && !rc; ++round) {
        rc = ofr_profiling_path_round(job->path, err);
        if (!rc && round == 0)
            say(job, "profiling: whole passes estimated %.1f s",
                OFR_PROFILING_PATH_ROUNDS * (ofr_monotonic_s() - began_s));
        if (how->progress)
            how->progress(how->state, round + 1, OFR_PROFILING_PATH_ROUNDS);
    }
    if (!rc)
        rc = measure_control(job, sorted, err);
    if (!rc)
        say(job, "profiling: whole passes took another %.1f s", ofr_monotonic_s() - began_s);
    job->spent_s += ofr_monotonic_s() - began_s;
    return rc;
}

/* ---- writing ---- */

/* What is known before anything is measured. */
static int describe(const struct job *job, struct ofr_notes *notes, struct ofr_error *err)
{
    char before[OFR_DEVICE_STATE_SIZE];
    ofr_device_state_text(before, &job->before);
    int rc = ofr_notes_add_all(notes, job->how->provenance, err);
    if (!rc)
        rc = job->how->ops->info(job->device, notes, err);
    if (!rc)
        rc = ofr_notes_set(
            notes, "ramps",
            job->how->setup->ramps_in_line ? "in line" : "on a forked branch where the device has one", err);
    if (!rc)
        rc = ofr_notes_set(notes, "clocks_before", before, err);
    return rc;
}

/* The file is begun before anything is measured: a path that cannot be written costs no minutes. */
static int begin_file(struct job *job, struct ofr_error *err)
{
    const char *name[OFFRAMP_MAX_SITES];
    struct ofr_notes notes = OFR_NOTES_INIT;
    for (uint32_t i = 0; i < job->net->sites; ++i)
        name[i] = job->net->site[i].name;
    int rc = describe(job, &notes, err);
    if (!rc)
        rc = ofr_profile_create(&job->writer, job->how->out, job->net->name, job->net->sites, name, &notes,
                                err);
    ofr_notes_release(&notes);
    return rc;
}

static int append_all(const struct job *job, struct ofr_error *err)
{
    for (uint32_t i = 0; i < job->count; ++i) {
        const struct series *series = &job->series[i];
        struct ofr_profile_row row = {.quantity = series->quantity, .site = series->what.site};
        row.batch = series->per_batch ? series->what.batch : 0;
        for (uint32_t k = 0; k < job->taken; ++k) {
            row.value_ns = series->value_ns[k];
            int rc = ofr_profile_append(job->writer, &row, err);
            if (rc)
                return rc;
        }
    }
    return OFR_OK;
}

static int append_control(const struct job *job, struct ofr_error *err)
{
    struct ofr_profile_row decide = {.quantity = OFR_QUANTITY_DECIDE, .value_ns = job->control.decide_ns};
    struct ofr_profile_row tune = {.quantity = OFR_QUANTITY_TUNE, .value_ns = job->control.tune_ns};
    int rc = decide.value_ns < 0 ? OFR_OK : ofr_profile_append(job->writer, &decide, err);
    return rc || tune.value_ns < 0 ? rc : ofr_profile_append(job->writer, &tune, err);
}

static int append_path(const struct job *job, struct ofr_error *err)
{
    if (!job->path)
        return OFR_OK;
    int rc = ofr_profiling_path_append(job->path, job->writer, err);
    return rc ? rc : append_control(job, err);
}

static int finish_file(struct job *job, struct ofr_error *err)
{
    char after[OFR_DEVICE_STATE_SIZE], measured[200];
    ofr_device_state_text(after, &job->after);
    snprintf(measured, sizeof measured,
             "%" PRIu32 " samples of each quantity in rounds of %" PRIu32
             ", one round before for warm-up, and %" PRIu32
             " of whole passes, waiting threads %s; took %.1f s",
             job->taken, job->chunk, job->how->path_samples, job->how->spin ? "spin" : "sleep", job->spent_s);
    int rc = append_all(job, err);
    if (!rc)
        rc = append_path(job, err);
    if (!rc)
        rc = ofr_profile_note(job->writer, "clocks_after", after, err);
    if (!rc)
        rc = ofr_profile_note(job->writer, "measured", measured, err);
    if (!rc) {
        rc = ofr_profile_finish(job->writer, err);
        job->writer = NULL;
    }
    return rc;
}

int ofr_profiling_run(const struct ofr_profiling *profiling, struct ofr_error *err)
{
    const struct ofr_device_ops *ops = profiling->ops;
    if (!ops->measure)
        return ofr_fail(err, OFR_E_USAGE, "device %s: found nothing to measure, expected one that computes",
                        ops->name);
    struct job job = {.how = profiling, .net = profiling->setup->net};
    job.chunk = (profiling->samples + OFR_PROFILING_ROUNDS - 1) / OFR_PROFILING_ROUNDS;
    job.capacity = job.chunk * OFR_PROFILING_ROUNDS * OFR_PROFILING_MORE;
    double *sorted = calloc(job.capacity, sizeof *sorted);
    int rc = sorted ? make_series(&job, err) : ofr_fail_nomem(err, "a profile");
    if (!rc)
        rc = ops->create(&job.device, profiling->setup, err);
    if (!rc) {
        ops->observe(job.device, &job.before);
        rc = begin_file(&job, err);
    }
    if (!rc)
        rc = measure_all(&job, sorted, err);
    if (!rc)
        rc = measure_path(&job, sorted, err);
    if (!rc) {
        ops->observe(job.device, &job.after);
        rc = finish_file(&job, err);
    }
    ofr_profile_abort(job.writer);
    ofr_profiling_path_destroy(job.path);
    ops->destroy(job.device);
    for (uint32_t i = 0; job.series && i < job.count; ++i)
        free(job.series[i].value_ns);
    free(job.series);
    free(sorted);
    return rc;
}
