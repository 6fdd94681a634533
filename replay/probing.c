#include "replay/probing.h"

#include "replay/profiling_path.h"
#include "sim/base/monotonic.h"
#include "sim/model/middle.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Devices of one kind are not as far apart. */
#define LEAST_PACE 0.01
#define MOST_PACE  100.0

struct job {
    const struct ofr_probing *how;
    void *device;
    struct ofr_device_state before, after;
    struct ofr_profiling_path *path; /* owned */
    double *slower;                  /* owned, [batches] */
    double *pace;                    /* [batches], the caller's */
    uint64_t passes;                 /* that followed each other, over all sizes */
    double spent_s;
    struct ofr_profile_writer *writer; /* owned */
};

/* ---- measuring ---- */

/* Of a profile that does not say how its device settles, nothing is corrected for. */
static int begin_path(struct job *job, struct ofr_error *err)
{
    const struct ofr_probing *how = job->how;
    const struct ofr_profile *profile = how->profile;
    const struct ofr_path on = {.ops = how->ops,
                                .device = job->device,
                                .sites = profile->sites,
                                .inputs = how->setup->inputs.count,
                                .spin = how->spin};
    job->slower = calloc(profile->batches, sizeof *job->slower);
    if (!job->slower)
        return ofr_fail_nomem(err, "a probe");
    for (uint32_t b = 0; profile->path.slower && b < profile->batches; ++b)
        job->slower[b] = profile->path.slower[b];
    const struct ofr_profiling_path_plan plan = {.samples = how->samples,
                                                 .rounds = OFR_PROBING_ROUNDS,
                                                 .slower = job->slower,
                                                 .settle_ns = profile->path.settle_ns};
    return ofr_profiling_path_create(&job->path, &on, how->setup, &plan, err);
}

static int find_pace(struct job *job, struct ofr_error *err)
{
    const struct ofr_profile_path *path = &job->how->profile->path;
    job->passes = 0;
    for (uint32_t b = 0; b < job->how->profile->batches; ++b) {
        double *pass_ns;
        const uint32_t count = ofr_profiling_path_passes(job->path, b, &pass_ns);
        if (!pass_ns)
            return ofr_fail_nomem(err, "a probe");
        job->passes += count;
        job->pace[b] = ofr_middle(pass_ns, count) / (double)path->pass_ns[(size_t)b * path->rungs];
        free(pass_ns);
        if (job->pace[b] < LEAST_PACE || job->pace[b] > MOST_PACE)
            return ofr_fail(err, OFR_E_INPUT,
                            "%s: batch size %" PRIu32
                            ": found passes %g times as long here as there, expected %g to "
                            "%g times: another network, or another kind of device",
                            job->how->path, job->how->profile->batch[b], job->pace[b], LEAST_PACE, MOST_PACE);
    }
    return OFR_OK;
}

static int measure(struct job *job, struct ofr_error *err)
{
    const struct ofr_probing *how = job->how;
    const double began_s = ofr_monotonic_s();
    char line[64];
    int rc = begin_path(job, err);
    for (uint32_t round = 0; round < OFR_PROBING_ROUNDS && !rc; ++round) {
        rc = ofr_profiling_path_round(job->path, err);
        if (!rc &&
            (round == 0 || round == OFR_PROBING_ROUNDS - 1)) /* another kind of device is told at once */
            rc = find_pace(job, err);
        if (how->progress)
            how->progress(how->state, round + 1, OFR_PROBING_ROUNDS);
    }
    job->spent_s = ofr_monotonic_s() - began_s;
    snprintf(line, sizeof line, "probing: took %.1f s", job->spent_s);
    if (!rc && how->say)
        how->say(how->state, line);
    return rc;
}

/* ---- writing ---- */

static int note_pace(const struct job *job, struct ofr_error *err)
{
    const struct ofr_profile *profile = job->how->profile;
    char text[64 * 24] = "";
    size_t used = 0;
    for (uint32_t b = 0; b < profile->batches && used < sizeof text; ++b)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%" PRIu32 "=%.5f", b ? ", " : "",
                                 profile->batch[b], job->pace[b]);
    return ofr_profile_note(job->writer, "pace", text, err);
}

/* What it was before: file, and what that file says of itself, or, where that was probed itself, of its origin. */
static int note_origin(const struct job *job, struct ofr_notes *notes, struct ofr_error *err)
{
    static const char *const kept[][2] = {{"ramps", "ramps"},
                                          {"device", "profiled_device"},
                                          {"command", "profiled_command"},
                                          {"measured", "profiled"}};
    int rc = ofr_notes_set(notes, "profile", job->how->path, err);
    for (size_t i = 0; i < sizeof kept / sizeof *kept && !rc; ++i) {
        const char *text = ofr_notes_get(&job->how->rows->provenance, kept[i][1]);
        if (!text)
            text = ofr_notes_get(&job->how->rows->provenance, kept[i][0]);
        if (text)
            rc = ofr_notes_set(notes, kept[i][1], text, err);
    }
    return rc;
}

/* The file is begun before anything is measured: a path that cannot be written costs no time. */
static int begin_file(struct job *job, struct ofr_error *err)
{
    const struct ofr_probing *how = job->how;
    const char *name[OFFRAMP_MAX_SITES];
    struct ofr_notes notes = OFR_NOTES_INIT;
    char before[OFR_DEVICE_STATE_SIZE];
    ofr_device_state_text(before, &job->before);
    for (uint32_t i = 0; i < how->rows->sites; ++i)
        name[i] = how->rows->site_name[i];
    int rc = ofr_notes_add_all(&notes, how->provenance, err);
    if (!rc)
        rc = how->ops->info(job->device, &notes, err);
    if (!rc)
        rc = note_origin(job, &notes, err);
    if (!rc)
        rc = ofr_notes_set(&notes, "clocks_before", before, err);
    if (!rc)
        rc =
            ofr_profile_create(&job->writer, how->out, how->rows->model, how->rows->sites, name, &notes, err);
    ofr_notes_release(&notes);
    return rc;
}

/* Whether ofr_profiling_path_append writes this in place of the profile's row. */
static bool is_anew(const struct ofr_profile_row *row, uint32_t sites)
{
    switch (row->quantity) {
    case OFR_QUANTITY_PASS:
    case OFR_QUANTITY_IDLE:
    case OFR_QUANTITY_NOTICE:
    case OFR_QUANTITY_REPLY:
    case OFR_QUANTITY_START:
        return true;
    case OFR_QUANTITY_SEEN:
        return row->site == sites;
    default:
        return false;
    }
}

static int append_kept(const struct job *job, struct ofr_error *err)
{
    const struct ofr_profile *profile = job->how->profile;
    const struct ofr_profile_samples *rows = job->how->rows;
    for (size_t i = 0; i < rows->count; ++i) {
        struct ofr_profile_row row = rows->row[i];
        if (is_anew(&row, rows->sites))
            continue;
        if (row.batch)
            row.value_ns =
                llround(job->pace[ofr_profile_batch_index(profile, row.batch)] * (double)row.value_ns);
        int rc = ofr_profile_append(job->writer, &row, err);
        if (rc)
            return rc;
    }
    return OFR_OK;
}

static int finish_file(struct job *job, struct ofr_error *err)
{
    char after[OFR_DEVICE_STATE_SIZE], measured[320];
    ofr_device_state_text(after, &job->after);
    snprintf(
        measured, sizeof measured,
        "%" PRIu64
        " whole passes without ramps that followed each other, in %d rounds over all batch sizes, and passes "
        "after idling; waiting threads %s; took %.1f s; the rest is the profile's, times the pace of the "
        "batch size",
        job->passes, OFR_PROBING_ROUNDS, job->how->spin ? "spin" : "sleep", job->spent_s);
    int rc = append_kept(job, err);
    if (!rc)
        rc = ofr_profiling_path_append(job->path, job->writer, err);
    if (!rc)
        rc = ofr_profile_note(job->writer, "clocks_after", after, err);
    if (!rc)
        rc = ofr_profile_note(job->writer, "measured", measured, err);
    if (!rc)
        rc = note_pace(job, err);
    if (!rc) {
        rc = ofr_profile_finish(job->writer, err);
        job->writer = NULL;
    }
    return rc;
}

int ofr_probing_run(const struct ofr_probing *probing, double *pace, struct ofr_error *err)
{
    const struct ofr_device_ops *ops = probing->ops;
    struct job job = {.how = probing, .pace = pace};
    if (!ops->measure)
        return ofr_fail(err, OFR_E_USAGE, "device %s: found nothing to measure, expected one that computes",
                        ops->name);
    int rc = ops->create(&job.device, probing->setup, err);
    if (!rc) {
        ops->observe(job.device, &job.before);
        rc = begin_file(&job, err);
    }
    if (!rc)
        rc = measure(&job, err);
    if (!rc) {
        ops->observe(job.device, &job.after);
        rc = finish_file(&job, err);
    }
    ofr_profile_abort(job.writer);
    ofr_profiling_path_destroy(job.path);
    ops->destroy(job.device);
    free(job.slower);
    return rc;
}
