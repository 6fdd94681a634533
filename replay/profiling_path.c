#include "replay/profiling_path.h"

#include "replay/median.h"

#include <math.h>
#include <stdlib.h>

enum {
    RUNGS = 6
};

/* How long the device idles before a pass; rung 0: not at all, the next batch waits. Five steps up to where a GPU at a
 * few hundred requests a second finds itself. */
static const int64_t idle_ns[RUNGS] = {0, 20000, 100000, 500000, 2000000, 8000000};

/* Passes of one kind at one batch size. */
struct kind {
    struct ofr_path_ask ask;
    uint32_t rung;                  /* where no ramp is active */
    struct ofr_path_sample *sample; /* owned, [samples] */
};

struct ofr_profiling_path {
    struct ofr_path path;
    struct kind
        *kind; /* owned, [kinds]: of each batch size the rungs, the sites, all ramps at once, inputs ahead */
    uint32_t kinds, per_batch;
    uint32_t chunk, samples; /* of each kind: a round, so far */
    double *sorted;          /* owned, [most samples of anything] */
};

static int make_kind(struct ofr_profiling_path *path, uint32_t batch, int32_t site, uint32_t rung, bool ahead,
                     struct ofr_error *err)
{
    struct kind *kind = &path->kind[path->kinds++];
    kind->ask = (struct ofr_path_ask){.batch = batch, .site = site, .ahead = ahead, .passes = path->chunk};
    kind->rung = rung;
    kind->sample = calloc((size_t)path->chunk * OFR_PROFILING_PATH_ROUNDS, sizeof *kind->sample);
    return kind->sample ? OFR_OK : ofr_fail_nomem(err, "a profile");
}

static int make_kinds(struct ofr_profiling_path *path, const struct ofr_device_setup *setup,
                      struct ofr_error *err)
{
    int rc = OFR_OK;
    for (uint32_t b = 0; b < setup->batches && !rc; ++b) {
        for (uint32_t rung = 0; rung < RUNGS && !rc; ++rung)
            rc = make_kind(path, setup->batch[b], OFR_PATH_NO_RAMP, rung, false, err);
        for (uint32_t site = 0; site < path->path.sites && !rc; ++site)
            rc = make_kind(path, setup->batch[b], (int32_t)site, 0, false, err);
        if (!rc)
            rc = make_kind(path, setup->batch[b], OFR_PATH_ALL_RAMPS, 0, false, err);
        if (!rc && path->path.ops->prepare)
            rc = make_kind(path, setup->batch[b], OFR_PATH_NO_RAMP, 0, true, err);
    }
    return rc;
}

int ofr_profiling_path_create(struct ofr_profiling_path **out, const struct ofr_path *on,
                              const struct ofr_device_setup *setup, uint32_t samples, struct ofr_error *err)
{
    struct ofr_profiling_path *path = calloc(1, sizeof *path);
    *out = NULL;
    if (!path)
        return ofr_fail_nomem(err, "a profile");
    path->path = *on;
    path->per_batch = RUNGS + on->sites + 1 + (on->ops->prepare ? 1 : 0);
    path->chunk = (samples + OFR_PROFILING_PATH_ROUNDS - 1) / OFR_PROFILING_PATH_ROUNDS;
    path->kind = calloc((size_t)setup->batches * path->per_batch, sizeof *path->kind);
    path->sorted = calloc((size_t)setup->batches * path->chunk * OFR_PROFILING_PATH_ROUNDS, sizeof(double));
    int rc = path->kind && path->sorted ? make_kinds(path, setup, err) : ofr_fail_nomem(err, "a profile");
    if (rc)
        ofr_profiling_path_destroy(path);
    else
        *out = path;
    return rc;
}

void ofr_profiling_path_destroy(struct ofr_profiling_path *path)
{
    if (!path)
        return;
    for (uint32_t i = 0; i < path->kinds; ++i)
        free(path->kind[i].sample);
    free(path->kind);
    free(path->sorted);
    free(path);
}

/* What the passes of a kind took in the round just measured, median. */
static int64_t pass_of_round(const struct ofr_profiling_path *path, const struct kind *kind)
{
    for (uint32_t i = 0; i < path->chunk; ++i)
        path->sorted[i] = (double)kind->sample[path->samples + i].pass_ns;
    return llround(ofr_median(path->sorted, path->chunk));
}

static int measure_kind(struct ofr_profiling_path *path, struct kind *kind, struct ofr_error *err)
{
    return ofr_path_measure(&path->path, &kind->ask, kind->sample + path->samples, err);
}

/* All kinds of one batch size. That with inputs ahead is the last of them, and measured right after the one it is
 * compared with: the device's clock is then likelier the same for both. */
static int round_of_size(struct ofr_profiling_path *path, struct kind *kind, struct ofr_error *err)
{
    uint32_t ahead = kind[path->per_batch - 1].ask.ahead ? path->per_batch - 1 : 0;
    int rc = measure_kind(path, &kind[0], err);
    if (!rc && ahead)
        rc = measure_kind(path, &kind[ahead], err);
    int64_t pass_ns = rc ? 0 : pass_of_round(path, &kind[0]);
    for (uint32_t i = 1; i < path->per_batch && !rc; ++i) {
        if (i == ahead)
            continue;
        kind[i].ask.period_ns = kind[i].rung ? pass_ns + idle_ns[kind[i].rung] : 0;
        rc = measure_kind(path, &kind[i], err);
    }
    return rc;
}

int ofr_profiling_path_round(struct ofr_profiling_path *path, struct ofr_error *err)
{
    int rc = OFR_OK;
    for (uint32_t i = 0; i < path->kinds && !rc; i += path->per_batch)
        rc = round_of_size(path, &path->kind[i], err);
    path->samples += rc ? 0 : path->chunk;
    return rc;
}

/* ---- writing ---- */

/* How long the device idled on this rung indeed, over all batch sizes. Noise may make it negative; a time is none. */
static int64_t idled(const struct ofr_profiling_path *path, uint32_t rung)
{
    uint32_t count = 0;
    for (uint32_t i = rung; i < path->kinds; i += path->per_batch)
        for (uint32_t k = 0; k < path->samples; ++k)
            path->sorted[count++] = (double)path->kind[i].sample[k].idle_ns;
    int64_t median_ns = llround(ofr_median(path->sorted, count));
    return median_ns > 0 ? median_ns : 0;
}

static int append(struct ofr_profile_writer *writer, enum ofr_quantity quantity, uint32_t batch,
                  uint32_t place, int64_t value_ns, struct ofr_error *err)
{
    struct ofr_profile_row row = {
        .quantity = quantity, .batch = batch, .site = place, .value_ns = value_ns > 0 ? value_ns : 0};
    return ofr_profile_append(writer, &row, err);
}

static int append_pass(struct ofr_profile_writer *writer, const struct kind *kind, uint32_t k, uint32_t rung,
                       uint32_t sites, struct ofr_error *err)
{
    const struct ofr_path_sample *sample = &kind->sample[k];
    uint32_t batch = kind->ask.batch;
    if (kind->ask.ahead)
        return append(writer, OFR_QUANTITY_AHEAD, batch, 0, sample->pass_ns, err);
    if (kind->ask.site >= 0) {
        int rc =
            append(writer, OFR_QUANTITY_RAMP_PASS, batch, (uint32_t)kind->ask.site, sample->pass_ns, err);
        return rc ? rc
                  : append(writer, OFR_QUANTITY_SEEN, batch, (uint32_t)kind->ask.site, sample->seen_ns, err);
    }
    if (kind->ask.site == OFR_PATH_ALL_RAMPS)
        return append(writer, OFR_QUANTITY_RAMPS_PASS, batch, 0, sample->pass_ns, err);
    int rc = append(writer, OFR_QUANTITY_PASS, batch, rung, sample->pass_ns, err);
    if (rc || rung)
        return rc;
    rc = append(writer, OFR_QUANTITY_SEEN, batch, sites, sample->seen_ns, err);
    if (!rc)
        rc = append(writer, OFR_QUANTITY_NOTICE, 0, 0, sample->idle_ns, err);
    return rc ? rc : append(writer, OFR_QUANTITY_REPLY, 0, 0, sample->reply_ns, err);
}

/* A rung on which the device did not idle longer than on the one before says nothing: it is left out. The first, which is
 * all that ramps are measured on, always stays. */
int ofr_profiling_path_append(const struct ofr_profiling_path *path, struct ofr_profile_writer *writer,
                              struct ofr_error *err)
{
    int32_t kept[RUNGS];
    int64_t before_ns = -1;
    int32_t rungs = 0;
    int rc = OFR_OK;
    for (uint32_t rung = 0; rung < RUNGS && !rc; ++rung) {
        int64_t own_ns = idled(path, rung);
        kept[rung] = own_ns > before_ns ? rungs++ : -1;
        if (kept[rung] >= 0)
            rc = append(writer, OFR_QUANTITY_IDLE, 0, (uint32_t)kept[rung], before_ns = own_ns, err);
    }
    for (uint32_t i = 0; i < path->kinds && !rc; ++i) {
        const struct kind *kind = &path->kind[i];
        for (uint32_t k = 0; k < path->samples && kept[kind->rung] >= 0 && !rc; ++k)
            rc = append_pass(writer, kind, k, (uint32_t)kept[kind->rung], path->path.sites, err);
    }
    return rc;
}
