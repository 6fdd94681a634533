#include "sim/model/profile_path.h"

#include "sim/model/busy_share.h"
#include "sim/model/middle.h"

#include <gsl/gsl_statistics_double.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* Samples of one quantity, batch size and place, in file order. */
struct bin {
    int64_t *value_ns; /* owned */
    uint32_t count;
};

/* All bins: for each batch size `stride` of them (rungs, ramps' passes, sites seen, and what is there once), then what
 * knows no size. */
struct bins {
    struct bin *bin; /* owned, [count] */
    size_t count, stride;
    double *scratch; /* owned; room for the values of any bin, or of two that every size has */
};

enum {
    RUNGS = OFR_PROFILE_RUNGS_MAX,
    ONCE = 5, /* quantities of a batch size that have one place */
    LAST = OFR_QUANTITY_START - OFR_QUANTITY_NOTICE + 1
};

static size_t bin_of(const struct bins *bins, const struct ofr_profile *profile, enum ofr_quantity quantity,
                     uint32_t b, uint32_t place)
{
    size_t shared = bins->stride * profile->batches, own = bins->stride * b;
    switch (quantity) {
    case OFR_QUANTITY_PASS:
        return own + place;
    case OFR_QUANTITY_RAMP_PASS:
        return own + RUNGS + place;
    case OFR_QUANTITY_SEEN:
        return own + RUNGS + profile->sites + place;
    case OFR_QUANTITY_RAMPS_PASS:
    case OFR_QUANTITY_AHEAD:
    case OFR_QUANTITY_COLD:
    case OFR_QUANTITY_SETTLED:
        return own + RUNGS + 2 * (size_t)profile->sites + 1 + (size_t)(quantity - OFR_QUANTITY_RAMPS_PASS);
    case OFR_QUANTITY_NOTICE_RAMPS:
        return own + RUNGS + 2 * (size_t)profile->sites + ONCE;
    case OFR_QUANTITY_IDLE:
        return shared + place;
    default:
        return shared + RUNGS + (size_t)(quantity - OFR_QUANTITY_NOTICE);
    }
}

static struct bin *find_bin(const struct bins *bins, const struct ofr_profile *profile,
                            enum ofr_quantity quantity, uint32_t b, uint32_t place)
{
    return &bins->bin[bin_of(bins, profile, quantity, b, place)];
}

/* The bin of a row; NULL, reported, when its batch size has no measured pass. */
static struct bin *row_bin(const struct bins *bins, const struct ofr_profile *profile,
                           const struct ofr_profile_row *row, const char *path, struct ofr_error *err)
{
    int32_t b = row->batch ? ofr_profile_batch_index(profile, row->batch) : 0;
    if (row->batch && (b < 0 || profile->batch[b] != row->batch)) {
        ofr_fail(err, OFR_E_INPUT, "%s: has %s for batch size %" PRIu32 ", which has no measured pass", path,
                 ofr_quantity_name((int)row->quantity), row->batch);
        return NULL;
    }
    return find_bin(bins, profile, row->quantity, (uint32_t)b, row->site);
}

/* Sums and products of times stay far within 64 bits. */
static int within_reason(const struct ofr_profile_row *row, const char *path, struct ofr_error *err)
{
    const int64_t most_ns = INT64_C(3600000000000);
    if (row->value_ns <= most_ns)
        return OFR_OK;
    return ofr_fail(err, OFR_E_INPUT,
                    "%s: %s, batch size %" PRIu32 ": found %" PRId64 " ns, expected at most an hour", path,
                    ofr_quantity_name((int)row->quantity), row->batch, row->value_ns);
}

static int fill_bins(struct bins *bins, const struct ofr_profile *profile, const struct ofr_profile_row *row,
                     size_t count, const char *path, struct ofr_error *err)
{
    for (size_t i = 0; i < count; ++i) {
        struct bin *bin = row_bin(bins, profile, &row[i], path, err);
        if (!bin || within_reason(&row[i], path, err))
            return err->code;
        bin->count++;
    }
    for (size_t i = 0; i < bins->count; ++i) {
        struct bin *bin = &bins->bin[i];
        bin->value_ns = bin->count ? malloc(bin->count * sizeof *bin->value_ns) : NULL;
        if (bin->count && !bin->value_ns)
            return ofr_fail_nomem(err, "a profile's samples");
        bin->count = 0;
    }
    for (size_t i = 0; i < count; ++i) {
        struct bin *bin = row_bin(bins, profile, &row[i], path, err);
        bin->value_ns[bin->count++] = row[i].value_ns;
    }
    return OFR_OK;
}

/* -1 for an empty bin. */
static int64_t middle(const struct bins *bins, const struct bin *bin)
{
    double *sorted = bins->scratch;
    if (!bin->count)
        return -1;
    for (uint32_t i = 0; i < bin->count; ++i)
        sorted[i] = (double)bin->value_ns[i];
    return llround(ofr_middle(sorted, bin->count));
}

static int missing(const char *path, enum ofr_quantity quantity, uint32_t batch, uint32_t place,
                   struct ofr_error *err)
{
    return ofr_fail(err, OFR_E_INPUT,
                    "%s: was measured along the whole path, but has no %s for batch size %" PRIu32
                    ", place %" PRIu32,
                    path, ofr_quantity_name((int)quantity), batch, place);
}

/* Middles of one quantity at every size and place. */
static int take_middles(const struct bins *bins, const struct ofr_profile *profile,
                        enum ofr_quantity quantity, uint32_t places, int64_t *out, const char *path,
                        struct ofr_error *err)
{
    for (uint32_t b = 0; b < profile->batches; ++b)
        for (uint32_t place = 0; place < places; ++place) {
            int64_t value_ns = middle(bins, find_bin(bins, profile, quantity, b, place));
            if (value_ns < 0)
                return missing(path, quantity, profile->batch[b], place, err);
            out[(size_t)b * places + place] = value_ns;
        }
    return OFR_OK;
}

/* Idle times are the rungs there are, ascending. */
static int take_rungs(const struct bins *bins, struct ofr_profile *profile, const char *path,
                      struct ofr_error *err)
{
    struct ofr_profile_path *out = &profile->path;
    int64_t before_ns = -1;
    for (out->rungs = 0; out->rungs < RUNGS; ++out->rungs) {
        int64_t idle_ns = middle(bins, find_bin(bins, profile, OFR_QUANTITY_IDLE, 0, out->rungs));
        if (idle_ns < 0)
            break;
        if (idle_ns <= before_ns)
            return ofr_fail(err, OFR_E_INPUT,
                            "%s: rung %" PRIu32 ": found %" PRId64
                            " ns of idling, expected more than %" PRId64 " ns",
                            path, out->rungs, idle_ns, before_ns);
        out->idle_ns[out->rungs] = before_ns = idle_ns;
    }
    return out->rungs ? OFR_OK : missing(path, OFR_QUANTITY_IDLE, 0, 0, err);
}

/* Correlation of passes that followed each other, over all sizes. */
static double correlation(const struct bins *bins, const struct ofr_profile *profile)
{
    double *value = bins->scratch;
    double sum = 0.0, weight = 0.0;
    for (uint32_t b = 0; b < profile->batches; ++b) {
        const struct ofr_profile_draws *draws = &profile->path.draws[(size_t)b * profile->path.rungs];
        if (draws->count <= 2)
            continue;
        for (uint32_t i = 0; i < draws->count; ++i)
            value[i] = (double)draws->sample_ns[i];
        if (gsl_stats_variance(value, 1, draws->count) > 0.0) {
            sum += draws->count * gsl_stats_lag1_autocorrelation(value, 1, draws->count);
            weight += draws->count;
        }
    }
    return weight > 0.0 && sum > 0.0 ? sum / weight : 0.0;
}

/* The samples of whole passes change hands. */
static void keep_draws(const struct bins *bins, struct ofr_profile *profile)
{
    struct ofr_profile_path *out = &profile->path;
    for (uint32_t b = 0; b < profile->batches; ++b)
        for (uint32_t rung = 0; rung < out->rungs; ++rung) {
            struct bin *bin = find_bin(bins, profile, OFR_QUANTITY_PASS, b, rung);
            out->draws[(size_t)b * out->rungs + rung] =
                (struct ofr_profile_draws){.sample_ns = bin->value_ns, .count = bin->count};
            bin->value_ns = NULL;
        }
    out->follows = correlation(bins, profile);
}

static int allocate(struct ofr_profile *profile, struct ofr_error *err)
{
    struct ofr_profile_path *out = &profile->path;
    size_t batches = profile->batches, sites = profile->sites;
    out->pass_ns = calloc(batches * out->rungs, sizeof *out->pass_ns);
    out->draws = calloc(batches * out->rungs, sizeof *out->draws);
    out->ramp_pass_ns = calloc(batches * sites + 1, sizeof *out->ramp_pass_ns);
    out->seen_ns = calloc(batches * (sites + 1), sizeof *out->seen_ns);
    out->launch_ns = calloc(batches, sizeof *out->launch_ns);
    out->late_ns = calloc(batches * sites + 1, sizeof *out->late_ns);
    out->add_ns = calloc(batches * sites + 1, sizeof *out->add_ns);
    out->answers_ns = calloc(batches, sizeof *out->answers_ns);
    out->further = calloc(batches, sizeof *out->further);
    bool made = out->pass_ns && out->draws && out->ramp_pass_ns && out->seen_ns && out->launch_ns &&
                out->late_ns && out->add_ns && out->answers_ns && out->further;
    return made ? OFR_OK : ofr_fail_nomem(err, "a profile");
}

/* What the path says beyond the parts, which `model.ramp` and its like may replace later. */
static void set_against_parts(struct ofr_profile *profile, uint32_t b)
{
    struct ofr_profile_path *out = &profile->path;
    uint32_t sites = profile->sites;
    const int64_t *until_ns = profile->until_ns + (size_t)b * (sites + 1);
    const int64_t *seen_ns = out->seen_ns + (size_t)b * (sites + 1);
    int64_t pass_ns = out->pass_ns[(size_t)b * out->rungs];
    int64_t start_ns = profile->dispatch_ns + profile->copy_in_ns[b];
    out->launch_ns[b] = pass_ns - (start_ns + until_ns[sites] + profile->copy_out_ns[b]);
    out->answers_ns[b] = seen_ns[sites] < pass_ns ? pass_ns - seen_ns[sites] : 0;
    start_ns += out->launch_ns[b];
    for (uint32_t site = 0; site < sites; ++site) {
        size_t at = (size_t)b * sites + site;
        int64_t parts_ns = start_ns + until_ns[site] + profile->ramp_delay_ns[at] + profile->release_ns;
        out->late_ns[at] = seen_ns[site] - parts_ns;
        out->add_ns[at] = out->ramp_pass_ns[at] > pass_ns ? out->ramp_pass_ns[at] - pass_ns : 0;
    }
}

/* What every further ramp adds to the dearest one, as a share of what it adds by itself: 1 where they add up, 0 where
 * they hide behind each other. */
static double further_ramps(const struct ofr_profile *profile, uint32_t b, int64_t ramps_pass_ns)
{
    const struct ofr_profile_path *path = &profile->path;
    double sum_ns = 0.0, most_ns = 0.0;
    for (uint32_t site = 0; site < profile->sites; ++site) {
        double add_ns = (double)path->add_ns[(size_t)b * profile->sites + site];
        sum_ns += add_ns;
        most_ns = add_ns > most_ns ? add_ns : most_ns;
    }
    double all_ns = (double)(ramps_pass_ns - path->pass_ns[(size_t)b * path->rungs]);
    if (ramps_pass_ns < 0 || sum_ns <= most_ns)
        return 1.0;
    double share = (all_ns - most_ns) / (sum_ns - most_ns);
    return share < 0.0 ? 0.0 : share;
}

/* A quantity that is there for every size, or for none: whether it is. */
static bool every_size(const struct bins *bins, const struct ofr_profile *profile, enum ofr_quantity quantity)
{
    bool known = false;
    for (uint32_t b = 0; b < profile->batches; ++b)
        known = known || find_bin(bins, profile, quantity, b, 0)->count > 0;
    return known;
}

/* What a pass saves whose inputs have travelled ahead: at every size, or at none. */
static int take_ahead(const struct bins *bins, struct ofr_profile *profile, const char *path,
                      struct ofr_error *err)
{
    struct ofr_profile_path *out = &profile->path;
    if (!every_size(bins, profile, OFR_QUANTITY_AHEAD))
        return OFR_OK;
    out->ahead_ns = calloc(profile->batches, sizeof *out->ahead_ns);
    if (!out->ahead_ns)
        return ofr_fail_nomem(err, "a profile");
    int rc = take_middles(bins, profile, OFR_QUANTITY_AHEAD, 1, out->ahead_ns, path, err);
    for (uint32_t b = 0; b < profile->batches && !rc; ++b) {
        int64_t pass_ns = out->pass_ns[(size_t)b * out->rungs];
        out->ahead_ns[b] = pass_ns > out->ahead_ns[b] ? pass_ns - out->ahead_ns[b] : 0;
    }
    return rc;
}

/* No device is ten times as fast when it is cold, or eleven times as slow. */
static int believable(double slower, uint32_t batch, const char *path, struct ofr_error *err)
{
    if (slower > -0.9 && slower <= 10.0)
        return OFR_OK;
    return ofr_fail(err, OFR_E_INPUT,
                    "%s: batch size %" PRIu32
                    ": found passes %g times as long on a cold device as on a settled one, "
                    "expected between 0.1 and 11 times",
                    path, batch, 1.0 + slower);
}

/* A time of every round; false when one of them is none. */
static bool take_times(const struct bin *bin, uint32_t rounds, double *out)
{
    bool times = bin->count == rounds && rounds > 0;
    for (uint32_t i = 0; i < rounds && times; ++i) {
        out[i] = (double)bin->value_ns[i];
        times = bin->value_ns[i] > 0;
    }
    return times;
}

/* How much slower a cold device is, and how fast it settles. */
static int take_settling(const struct bins *bins, struct ofr_profile *profile, const char *path,
                         struct ofr_error *err)
{
    struct ofr_profile_path *out = &profile->path;
    if (!every_size(bins, profile, OFR_QUANTITY_COLD))
        return OFR_OK;
    out->settle_ns = (double)middle(bins, find_bin(bins, profile, OFR_QUANTITY_SETTLING, 0, 0));
    if (out->settle_ns <= 0.0)
        return missing(path, OFR_QUANTITY_SETTLING, 0, 0, err);
    out->slower = calloc(profile->batches, sizeof *out->slower);
    if (!out->slower)
        return ofr_fail_nomem(err, "a profile");
    for (uint32_t b = 0; b < profile->batches; ++b) {
        const struct bin *cold = find_bin(bins, profile, OFR_QUANTITY_COLD, b, 0);
        const struct bin *settled = find_bin(bins, profile, OFR_QUANTITY_SETTLED, b, 0);
        uint32_t rounds = cold->count;
        double *cold_ns = bins->scratch, *settled_ns = cold_ns + rounds;
        if (!take_times(cold, rounds, cold_ns))
            return missing(path, OFR_QUANTITY_COLD, profile->batch[b], 0, err);
        if (!take_times(settled, rounds, settled_ns))
            return missing(path, OFR_QUANTITY_SETTLED, profile->batch[b], 0, err);
        out->slower[b] = ofr_busy_share_slower(cold_ns, settled_ns, rounds);
        if (believable(out->slower[b], profile->batch[b], path, err))
            return err->code;
    }
    return OFR_OK;
}

/* What the loop takes longer to notice the end of a batch whose ramps it had to read. */
static int take_notice(const struct bins *bins, struct ofr_profile *profile, const char *path,
                       struct ofr_error *err)
{
    struct ofr_profile_path *out = &profile->path;
    int64_t notice_ns = middle(bins, find_bin(bins, profile, OFR_QUANTITY_NOTICE, 0, 0));
    out->notice_ns = notice_ns > 0 ? notice_ns : 0;
    out->notice_ramps_ns = calloc(profile->batches, sizeof *out->notice_ramps_ns);
    if (!out->notice_ramps_ns)
        return ofr_fail_nomem(err, "a profile");
    if (!every_size(bins, profile, OFR_QUANTITY_NOTICE_RAMPS))
        return OFR_OK;
    int rc = take_middles(bins, profile, OFR_QUANTITY_NOTICE_RAMPS, 1, out->notice_ramps_ns, path, err);
    for (uint32_t b = 0; b < profile->batches && !rc; ++b) {
        int64_t more_ns = out->notice_ramps_ns[b] - out->notice_ns;
        out->notice_ramps_ns[b] = more_ns > 0 ? more_ns : 0;
    }
    return rc;
}

static int build_path(const struct bins *bins, struct ofr_profile *profile, const char *path,
                      struct ofr_error *err)
{
    struct ofr_profile_path *out = &profile->path;
    int rc = take_rungs(bins, profile, path, err);
    if (!rc)
        rc = allocate(profile, err);
    if (!rc)
        rc = take_middles(bins, profile, OFR_QUANTITY_PASS, out->rungs, out->pass_ns, path, err);
    if (!rc)
        rc =
            take_middles(bins, profile, OFR_QUANTITY_RAMP_PASS, profile->sites, out->ramp_pass_ns, path, err);
    if (!rc)
        rc = take_middles(bins, profile, OFR_QUANTITY_SEEN, profile->sites + 1, out->seen_ns, path, err);
    if (!rc)
        rc = take_ahead(bins, profile, path, err);
    if (!rc)
        rc = take_settling(bins, profile, path, err);
    if (!rc)
        rc = take_notice(bins, profile, path, err);
    if (rc)
        return rc;
    keep_draws(bins, profile);
    for (uint32_t b = 0; b < profile->batches; ++b) {
        set_against_parts(profile, b);
        out->further[b] =
            further_ramps(profile, b, middle(bins, find_bin(bins, profile, OFR_QUANTITY_RAMPS_PASS, b, 0)));
    }
    int64_t start_ns = middle(bins, find_bin(bins, profile, OFR_QUANTITY_START, 0, 0));
    out->start_ns = start_ns > 0 ? start_ns : 0;
    int64_t reply_ns = middle(bins, find_bin(bins, profile, OFR_QUANTITY_REPLY, 0, 0));
    out->reply_ns = reply_ns > out->notice_ns ? reply_ns - out->notice_ns : 0;
    out->decide_ns = middle(bins, find_bin(bins, profile, OFR_QUANTITY_DECIDE, 0, 0));
    out->tune_ns = middle(bins, find_bin(bins, profile, OFR_QUANTITY_TUNE, 0, 0));
    return OFR_OK;
}

int ofr_profile__take_path(struct ofr_profile *profile, const struct ofr_profile_row *row, size_t count,
                           const char *path, struct ofr_error *err)
{
    struct bins bins = {.stride = RUNGS + 2 * (size_t)profile->sites + 1 + ONCE};
    profile->path.decide_ns = profile->path.tune_ns = -1;
    if (count == 0)
        return OFR_OK;
    bins.count = bins.stride * profile->batches + RUNGS + LAST;
    bins.bin = calloc(bins.count, sizeof *bins.bin);
    bins.scratch = malloc(count * sizeof *bins.scratch);
    int rc = bins.bin && bins.scratch ? fill_bins(&bins, profile, row, count, path, err)
                                      : ofr_fail_nomem(err, "a profile");
    if (!rc)
        rc = build_path(&bins, profile, path, err);
    for (size_t i = 0; bins.bin && i < bins.count; ++i)
        free(bins.bin[i].value_ns);
    free(bins.bin);
    free(bins.scratch);
    return rc;
}

void ofr_profile__free_path(struct ofr_profile *profile)
{
    struct ofr_profile_path *path = &profile->path;
    for (size_t i = 0; path->draws && i < (size_t)profile->batches * path->rungs; ++i)
        free(path->draws[i].sample_ns);
    free(path->draws);
    free(path->pass_ns);
    free(path->ramp_pass_ns);
    free(path->seen_ns);
    free(path->launch_ns);
    free(path->late_ns);
    free(path->add_ns);
    free(path->answers_ns);
    free(path->further);
    free(path->ahead_ns);
    free(path->slower);
    free(path->notice_ramps_ns);
}
