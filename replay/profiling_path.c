#include "replay/profiling_path.h"

#include "replay/median.h"
#include "replay/profiling_settle.h"

#include <math.h>
#include <stdlib.h>

enum {
    RUNGS = 6,
    TURN_KEPT = 3,     /* of the batches with ramps, and of as many without, that take turns */
    LOAD_SAMPLES = 3,  /* so many times the samples of a round are kept of a load's end */
    PAIRS = 4,         /* of moments with and without inputs ahead, in a round */
    LONG_NS = 4000000, /* sixteen passes this long take longer than a moment should: one pair has to do */
    WHOLE_LOAD = 90    /* samples from which on rests and loads are as long as a GPU takes to settle */
};

/* How long the device idles before a pass; rung 0: not at all, the next batch waits. Five steps up to where a GPU at a
 * few hundred requests a second finds itself. */
static const int64_t idle_ns[RUNGS] = {0, 20000, 100000, 500000, 2000000, 8000000};

struct kept {
    struct ofr_path_sample sample;
    double share; /* of its time that the device was busy before */
};

/* Passes of one kind at one batch size. */
struct kind {
    struct ofr_path_ask ask;
    uint32_t rung;     /* where no ramp is active */
    struct kept *kept; /* owned, [capacity] */
    uint32_t count, capacity;
};

struct ofr_profiling_path {
    struct ofr_path path;
    struct ofr_profiling_path_plan plan;
    struct kind
        *kind; /* owned, [kinds]: of each batch size the rungs, the sites, all ramps at once, inputs ahead */
    uint32_t kinds, per_batch;
    uint32_t chunk; /* samples of each kind in a round */
    struct ofr_settle settle;
    struct ofr_path_sample *sample; /* owned, of one measurement */
    double *share;                  /* owned, likewise */
    double *sorted;                 /* owned, [most samples of anything] */
};

static int make_kind(struct ofr_profiling_path *path, uint32_t batch, int32_t site, uint32_t rung, bool ahead,
                     struct ofr_error *err)
{
    struct kind *kind = &path->kind[path->kinds++];
    kind->ask = (struct ofr_path_ask){.batch = batch, .site = site, .ahead = ahead, .passes = path->chunk};
    kind->rung = rung;
    kind->capacity = path->chunk * path->plan.rounds * LOAD_SAMPLES;
    kind->kept = calloc(kind->capacity, sizeof *kind->kept);
    return kind->kept ? OFR_OK : ofr_fail_nomem(err, "a profile");
}

/* Ramps take turns with none: the device's speed, which changes, is then the same for both. The first batch of a turn in
 * each lane pays for the change and is left out. Inputs travel ahead where they can, as for a busy server. */
static int make_turns(struct ofr_profiling_path *path, uint32_t batch, int32_t site, struct ofr_error *err)
{
    int rc = make_kind(path, batch, site, 0, false, err);
    struct kind *kind = &path->kind[path->kinds - 1];
    kind->ask.turns = path->path.ops->lanes + TURN_KEPT;
    kind->ask.ahead = path->path.ops->prepare != NULL;
    /* One more of each than needed: a turn is shorter where the policy's answer comes late. */
    kind->ask.passes = 2 * kind->ask.turns * ((path->chunk + TURN_KEPT - 1) / TURN_KEPT + 1);
    return rc;
}

static int make_kinds(struct ofr_profiling_path *path, const struct ofr_device_setup *setup,
                      struct ofr_error *err)
{
    int rc = OFR_OK;
    for (uint32_t b = 0; b < setup->batches && !rc; ++b) {
        for (uint32_t rung = 0; rung < RUNGS && !rc; ++rung)
            rc = make_kind(path, setup->batch[b], OFR_PATH_NO_RAMP, rung, false, err);
        if (path->plan.slower)
            continue;
        for (uint32_t site = 0; site < path->path.sites && !rc; ++site)
            rc = make_turns(path, setup->batch[b], (int32_t)site, err);
        if (!rc)
            rc = make_turns(path, setup->batch[b], OFR_PATH_ALL_RAMPS, err);
        if (!rc && path->path.ops->prepare)
            rc = make_kind(path, setup->batch[b], OFR_PATH_NO_RAMP, 0, true, err);
    }
    return rc;
}

/* Inputs ahead and no ramps. */
static bool is_ahead(const struct kind *kind)
{
    return kind->ask.ahead && !kind->ask.turns;
}

static uint32_t kinds_of_a_size(const struct ofr_profiling_path *path)
{
    return path->plan.slower ? RUNGS : RUNGS + path->path.sites + 1 + (path->path.ops->prepare ? 1 : 0);
}

int ofr_profiling_path_create(struct ofr_profiling_path **out, const struct ofr_path *on,
                              const struct ofr_device_setup *setup,
                              const struct ofr_profiling_path_plan *plan, struct ofr_error *err)
{
    struct ofr_profiling_path *path = calloc(1, sizeof *path);
    *out = NULL;
    if (!path)
        return ofr_fail_nomem(err, "a profile");
    path->path = *on;
    path->plan = *plan;
    path->per_batch = kinds_of_a_size(path);
    path->chunk = (plan->samples + plan->rounds - 1) / plan->rounds;
    size_t one =
        2 * (size_t)(on->ops->lanes + TURN_KEPT) * (path->chunk + 1); /* passes of a measurement, at most */
    path->kind = calloc((size_t)setup->batches * path->per_batch, sizeof *path->kind);
    path->sample = calloc(one, sizeof *path->sample);
    path->share = calloc(one, sizeof *path->share);
    path->sorted = calloc((size_t)setup->batches * one * plan->rounds, sizeof(double));
    int rc = path->kind && path->sample && path->share && path->sorted ? make_kinds(path, setup, err)
                                                                       : ofr_fail_nomem(err, "a profile");
    if (!rc)
        rc = ofr_settle_init(&path->settle, &path->path, setup->batch, setup->batches,
                             fmin(1.0, (double)plan->samples / WHOLE_LOAD), err);
    path->settle.rests = !plan->slower;
    if (plan->settle_ns > 0.0)
        path->settle.constant_ns = plan->settle_ns;
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
        free(path->kind[i].kept);
    ofr_settle_release(&path->settle);
    free(path->kind);
    free(path->sample);
    free(path->share);
    free(path->sorted);
    free(path);
}

static void keep(struct kind *kind, const struct ofr_path_sample *sample, double share)
{
    if (kind->count < kind->capacity)
        kind->kept[kind->count++] = (struct kept){.sample = *sample, .share = share};
}

/* The end of a load: a quarter of it, but no more than is wanted. After a rest it is what settled means. */
static void keep_end(struct ofr_profiling_path *path, struct kind *kind)
{
    const struct ofr_settle *settle = &path->settle;
    uint32_t most = path->chunk * LOAD_SAMPLES, count = settle->passes / 4;
    count = count < most ? count : most;
    for (uint32_t i = settle->passes - count; i < settle->passes; ++i)
        keep(kind, &settle->sample[i], settle->rests ? 1.0 : settle->share[i]);
}

/* As long as it would have taken at another speed. */
static struct ofr_path_sample at_speed(const struct ofr_path_sample *of, double factor)
{
    struct ofr_path_sample sample = *of;
    sample.pass_ns = llround(factor * (double)sample.pass_ns);
    sample.seen_ns = llround(factor * (double)sample.seen_ns);
    return sample;
}

/* Inputs ahead save less than the device's speed may change by between two loads: moments with and without take turns. */
static int measure_ahead(struct ofr_profiling_path *path, struct kind *kind, uint32_t size, double load_ns,
                         struct ofr_error *err)
{
    const struct ofr_settle *settle = &path->settle;
    const uint32_t pairs = load_ns < LONG_NS ? PAIRS : 1;
    const uint32_t most = (path->chunk * LOAD_SAMPLES + pairs - 1) / pairs;
    for (uint32_t pair = 0; pair < pairs; ++pair) {
        int rc = ofr_settle_moment(&path->settle, size, false, err);
        const double without_ns = rc ? 0.0 : ofr_settle_median(&path->settle);
        if (!rc)
            rc = ofr_settle_moment(&path->settle, size, true, err);
        if (rc)
            return rc;
        uint32_t count = settle->passes / 2 < most ? settle->passes / 2 : most;
        for (uint32_t i = settle->passes - count; i < settle->passes; ++i) {
            struct ofr_path_sample sample =
                at_speed(&settle->sample[i], without_ns > 0.0 ? load_ns / without_ns : 1.0);
            keep(kind, &sample, 1.0);
        }
    }
    return OFR_OK;
}

static bool counts(const struct ofr_profiling_path *path, const struct ofr_path_sample *sample, bool ramps)
{
    return sample->ramps == ramps && sample->turn >= path->path.ops->lanes;
}

static double median_without(struct ofr_profiling_path *path, uint32_t passes)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < passes; ++i)
        if (counts(path, &path->sample[i], false))
            path->sorted[count++] = (double)path->sample[i].pass_ns;
    return count ? ofr_median(path->sorted, count) : 0.0;
}

/* With ramps, by turns: what they add to those without in the same run, added to a pass of the load before, `load_ns`. */
static int measure_turns(struct ofr_profiling_path *path, struct kind *kind, double load_ns,
                         struct ofr_error *err)
{
    int rc = ofr_settle_measure(&path->settle, &kind->ask, path->sample, NULL, err);
    if (rc)
        return rc;
    const double without_ns = median_without(path, kind->ask.passes);
    const int64_t shift_ns = without_ns > 0.0 ? llround(load_ns - without_ns) : 0;
    for (uint32_t i = 0; i < kind->ask.passes; ++i) {
        struct ofr_path_sample sample = path->sample[i];
        sample.pass_ns += shift_ns;
        sample.seen_ns += shift_ns;
        if (counts(path, &sample, true))
            keep(kind, &sample, 1.0);
    }
    return OFR_OK;
}

/* What needs a busy device, of one batch size. */
static int busy_kinds(struct ofr_profiling_path *path, uint32_t size, struct ofr_error *err)
{
    struct kind *kind = &path->kind[(size_t)size * path->per_batch], *last = kind + path->per_batch - 1;
    int rc = ofr_settle_load(&path->settle, size, err);
    if (rc)
        return rc;
    double load_ns = path->settle.size[size].settled_ns[path->settle.rounds];
    keep_end(path, kind);
    if (is_ahead(last))
        rc = measure_ahead(path, last, size, load_ns, err);
    for (uint32_t i = RUNGS; i < path->per_batch && !is_ahead(&kind[i]) && !rc; ++i)
        rc = measure_turns(path, &kind[i], load_ns, err);
    return rc;
}

/* Passes after idling, of one batch size. */
static int idle_kinds(struct ofr_profiling_path *path, uint32_t size, struct ofr_error *err)
{
    struct kind *kind = &path->kind[(size_t)size * path->per_batch];
    int64_t pass_ns = llround(path->settle.size[size].settled_ns[path->settle.rounds]);
    for (uint32_t i = 1; i < RUNGS; ++i) {
        kind[i].ask.period_ns = pass_ns + idle_ns[i];
        int rc = ofr_settle_measure(&path->settle, &kind[i].ask, path->sample, path->share, err);
        if (rc)
            return rc;
        for (uint32_t k = 0; k < kind[i].ask.passes; ++k)
            keep(&kind[i], &path->sample[k], path->share[k]);
    }
    return OFR_OK;
}

int ofr_profiling_path_round(struct ofr_profiling_path *path, struct ofr_error *err)
{
    int rc = path->settle.rests || path->settle.rounds ? OFR_OK : ofr_settle_warm(&path->settle, err);
    for (uint32_t size = 0; size < path->settle.sizes && !rc; ++size)
        rc = busy_kinds(path, size, err);
    for (uint32_t size = 0; size < path->settle.sizes && !rc; ++size)
        rc = idle_kinds(path, size, err);
    path->settle.rounds++;
    return rc;
}

/* ---- writing ---- */

/* How long the device idled on this rung indeed, over all batch sizes. Noise may make it negative; a time is none. */
static int64_t idled(const struct ofr_profiling_path *path, uint32_t rung)
{
    uint32_t count = 0;
    for (uint32_t i = rung; i < path->kinds; i += path->per_batch)
        for (uint32_t k = 0; k < path->kind[i].count; ++k)
            path->sorted[count++] = (double)path->kind[i].kept[k].sample.idle_ns;
    int64_t median_ns = count ? llround(ofr_median(path->sorted, count)) : 0;
    return median_ns > 0 ? median_ns : 0;
}

static int append(struct ofr_profile_writer *writer, enum ofr_quantity quantity, uint32_t batch,
                  uint32_t place, int64_t value_ns, struct ofr_error *err)
{
    struct ofr_profile_row row = {
        .quantity = quantity, .batch = batch, .site = place, .value_ns = value_ns > 0 ? value_ns : 0};
    return ofr_profile_append(writer, &row, err);
}

/* `sample` is of a settled device. */
static int append_pass(struct ofr_profile_writer *writer, const struct kind *kind,
                       const struct ofr_path_sample *sample, uint32_t rung, uint32_t sites,
                       struct ofr_error *err)
{
    uint32_t batch = kind->ask.batch;
    if (is_ahead(kind))
        return append(writer, OFR_QUANTITY_AHEAD, batch, 0, sample->pass_ns, err);
    if (kind->ask.site >= 0) {
        int rc =
            append(writer, OFR_QUANTITY_RAMP_PASS, batch, (uint32_t)kind->ask.site, sample->pass_ns, err);
        return rc ? rc
                  : append(writer, OFR_QUANTITY_SEEN, batch, (uint32_t)kind->ask.site, sample->seen_ns, err);
    }
    if (kind->ask.site == OFR_PATH_ALL_RAMPS) {
        int rc = append(writer, OFR_QUANTITY_RAMPS_PASS, batch, 0, sample->pass_ns, err);
        return rc ? rc : append(writer, OFR_QUANTITY_NOTICE_RAMPS, batch, 0, sample->idle_ns, err);
    }
    int rc = append(writer, OFR_QUANTITY_PASS, batch, rung, sample->pass_ns, err);
    if (rc || rung)
        return rc;
    rc = append(writer, OFR_QUANTITY_SEEN, batch, sites, sample->seen_ns, err);
    if (!rc)
        rc = append(writer, OFR_QUANTITY_NOTICE, 0, 0, sample->idle_ns, err);
    return rc ? rc : append(writer, OFR_QUANTITY_REPLY, 0, 0, sample->reply_ns, err);
}

/* The sample as it would have been on a settled device. */
static struct ofr_path_sample settled(const struct ofr_profiling_path *path, uint32_t i, uint32_t k)
{
    const struct kept *kept = &path->kind[i].kept[k];
    const uint32_t size = i / path->per_batch;
    double slower = path->plan.slower ? path->plan.slower[size] : ofr_settle_slower(&path->settle, size);
    double factor = 1.0 + slower * (1.0 - kept->share);
    return at_speed(&kept->sample, 1.0 / factor);
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
        for (uint32_t k = 0; k < kind->count && kept[kind->rung] >= 0 && !rc; ++k) {
            struct ofr_path_sample sample = settled(path, i, k);
            rc = append_pass(writer, kind, &sample, (uint32_t)kept[kind->rung], path->path.sites, err);
        }
    }
    return rc ? rc : ofr_settle_append(&path->settle, writer, err);
}

uint32_t ofr_profiling_path_passes(const struct ofr_profiling_path *path, uint32_t at, double **pass_ns)
{
    const struct kind *kind = &path->kind[(size_t)at * path->per_batch];
    *pass_ns = calloc(kind->count, sizeof **pass_ns);
    for (uint32_t i = 0; *pass_ns && i < kind->count; ++i)
        (*pass_ns)[i] = (double)settled(path, at * path->per_batch, i).pass_ns;
    return kind->count;
}
