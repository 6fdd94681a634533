#include "sim/model/profile_path.h"

#include <gsl/gsl_statistics_double.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Samples sorted by quantity, batch, site and value: what belongs together is a run of rows. */
struct build {
    const char *path;
    struct ofr_profile_samples samples;
    struct ofr_profile *profile;     /* owned until the load has succeeded */
    double *values;                  /* owned; room for the longest run */
    struct ofr_profile_row *of_path; /* owned, [path_rows]; those of the path as the file has them */
    size_t path_rows;
};

static int compare(const void *a, const void *b)
{
    const struct ofr_profile_row *x = a;
    const struct ofr_profile_row *y = b;
    if (x->quantity != y->quantity)
        return x->quantity < y->quantity ? -1 : 1;
    if (x->batch != y->batch)
        return x->batch < y->batch ? -1 : 1;
    if (x->site != y->site)
        return x->site < y->site ? -1 : 1;
    return (x->value_ns > y->value_ns) - (x->value_ns < y->value_ns);
}

static size_t run_length(const struct build *build, size_t first)
{
    const struct ofr_profile_row *row = build->samples.row;
    size_t last = first + 1;
    while (last < build->samples.count && row[last].quantity == row[first].quantity &&
           row[last].batch == row[first].batch && row[last].site == row[first].site)
        last++;
    return last - first;
}

/* Batch sizes are those that have an `until`; rows are sorted, so they come ascending. */
static int collect_batches(struct build *build, struct ofr_error *err)
{
    const struct ofr_profile_samples *samples = &build->samples;
    struct ofr_profile *profile = build->profile;
    profile->batch = calloc(samples->count + 1, sizeof *profile->batch);
    if (!profile->batch)
        return ofr_fail_nomem(err, "a profile");
    for (size_t i = 0; i < samples->count && samples->row[i].quantity == OFR_QUANTITY_UNTIL; i++)
        if (!profile->batches || profile->batch[profile->batches - 1] != samples->row[i].batch)
            profile->batch[profile->batches++] = samples->row[i].batch;
    if (!profile->batches)
        return ofr_fail(err, OFR_E_INPUT, "%s: has no measured pass of the model (quantity until)",
                        build->path);
    return OFR_OK;
}

static int allocate(struct build *build, struct ofr_error *err)
{
    struct ofr_profile *p = build->profile;
    size_t sites = p->sites;
    size_t batches = p->batches;
    p->until_ns = calloc(batches * (sites + 1), sizeof *p->until_ns);
    p->ramp_add_ns = calloc(batches * sites, sizeof *p->ramp_add_ns);
    p->ramp_delay_ns = calloc(batches * sites, sizeof *p->ramp_delay_ns);
    p->copy_in_ns = calloc(batches, sizeof *p->copy_in_ns);
    p->copy_out_ns = calloc(batches, sizeof *p->copy_out_ns);
    p->full_samples = calloc(batches, sizeof *p->full_samples);
    p->full_sample_ns = calloc(batches, sizeof *p->full_sample_ns);
    build->values = calloc(build->samples.count + 1, sizeof *build->values);
    bool ok = p->until_ns && p->ramp_add_ns && p->ramp_delay_ns && p->copy_in_ns && p->copy_out_ns &&
              p->full_samples && p->full_sample_ns && build->values;
    return ok ? OFR_OK : ofr_fail_nomem(err, "a profile");
}

static int64_t median(struct build *build, size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++)
        build->values[i] = (double)build->samples.row[first + i].value_ns;
    return llround(gsl_stats_median_from_sorted_data(build->values, 1, count));
}

/* Where the median of a run belongs; NULL = nowhere. */
static int64_t *place(struct ofr_profile *p, const struct ofr_profile_row *row, uint32_t b)
{
    switch (row->quantity) {
    case OFR_QUANTITY_UNTIL:
        return &p->until_ns[b * (p->sites + 1) + row->site];
    case OFR_QUANTITY_RAMP_ADD:
        return &p->ramp_add_ns[b * p->sites + row->site];
    case OFR_QUANTITY_RAMP_DELAY:
        return &p->ramp_delay_ns[b * p->sites + row->site];
    case OFR_QUANTITY_COPY_IN:
        return &p->copy_in_ns[b];
    case OFR_QUANTITY_COPY_OUT:
        return &p->copy_out_ns[b];
    case OFR_QUANTITY_DISPATCH:
        return &p->dispatch_ns;
    case OFR_QUANTITY_RELEASE:
        return &p->release_ns;
    case OFR_QUANTITY_FEEDBACK:
        return &p->feedback_ns;
    default: /* measured beside, no part of the timeline */
        return NULL;
    }
}

static int keep_full_samples(struct build *build, uint32_t b, size_t first, size_t count,
                             struct ofr_error *err)
{
    struct ofr_profile *p = build->profile;
    p->full_sample_ns[b] = calloc(count, sizeof **p->full_sample_ns);
    if (!p->full_sample_ns[b])
        return ofr_fail_nomem(err, "a profile's samples");
    p->full_samples[b] = (uint32_t)count;
    for (size_t i = 0; i < count; i++)
        p->full_sample_ns[b][i] = build->samples.row[first + i].value_ns;
    return OFR_OK;
}

static int take_run(struct build *build, size_t first, size_t count, struct ofr_error *err)
{
    const struct ofr_profile_row *row = &build->samples.row[first];
    struct ofr_profile *p = build->profile;
    int32_t b = row->batch ? ofr_profile_batch_index(p, row->batch) : 0;
    if (row->batch && (b < 0 || p->batch[b] != row->batch))
        return ofr_fail(err, OFR_E_INPUT, "%s: has %s for batch size %" PRIu32 ", which has no measured pass",
                        build->path, ofr_quantity_name((int)row->quantity), row->batch);
    int64_t *place_ns = place(p, row, (uint32_t)b); /* NULL: beside the timeline, or of the path */
    if (place_ns)
        *place_ns = median(build, first, count);
    bool full = row->quantity == OFR_QUANTITY_UNTIL && row->site == p->sites;
    return full && count > 1 ? keep_full_samples(build, (uint32_t)b, first, count, err) : OFR_OK;
}

static const char *site_name(const struct ofr_profile *p, uint32_t site)
{
    return site == p->sites ? "full model" : p->site_name[site];
}

/* Every pass is there and runs forward. An absent time is 0, so a hole shows here too. */
static int check_until(const struct build *build, struct ofr_error *err)
{
    const struct ofr_profile *p = build->profile;
    for (uint32_t b = 0; b < p->batches; b++) {
        int64_t before = 0;
        for (uint32_t s = 0; s <= p->sites; s++) {
            int64_t until = p->until_ns[b * (p->sites + 1) + s];
            if (until <= before)
                return ofr_fail(err, OFR_E_INPUT,
                                "%s: batch size %" PRIu32 ": found %" PRId64
                                " ns until %s, expected more than %" PRId64 " ns (0 ns = not measured)",
                                build->path, p->batch[b], until, site_name(p, s), before);
            before = until;
        }
    }
    return OFR_OK;
}

static int keep_kernels(struct build *build, struct ofr_error *err)
{
    const char *kernels = ofr_notes_get(&build->samples.provenance, "kernels");
    build->profile->kernels = kernels ? strdup(kernels) : NULL;
    return kernels && !build->profile->kernels ? ofr_fail_nomem(err, "a profile") : OFR_OK;
}

static int keep_path_rows(struct build *build, struct ofr_error *err)
{
    const struct ofr_profile_samples *samples = &build->samples;
    size_t count = 0;
    for (size_t i = 0; i < samples->count; i++)
        count += ofr_profile__of_path(samples->row[i].quantity);
    build->of_path = calloc(count + 1, sizeof *build->of_path);
    if (!build->of_path)
        return ofr_fail_nomem(err, "a profile's samples");
    for (size_t i = 0; i < samples->count; i++)
        if (ofr_profile__of_path(samples->row[i].quantity))
            build->of_path[build->path_rows++] = samples->row[i];
    return OFR_OK;
}

static int build_profile(struct build *build, struct ofr_error *err)
{
    struct ofr_profile_samples *samples = &build->samples;
    int rc = keep_path_rows(build, err);
    if (rc)
        return rc;
    if (samples->count)
        qsort(samples->row, samples->count, sizeof *samples->row, compare);
    strcpy(build->profile->model, samples->model);
    build->profile->sites = samples->sites;
    build->profile->site_name = samples->site_name;
    samples->site_name = NULL; /* transferred */
    rc = keep_kernels(build, err);
    if (!rc)
        rc = collect_batches(build, err);
    if (!rc)
        rc = allocate(build, err);
    for (size_t first = 0, count; !rc && first < samples->count; first += count) {
        count = run_length(build, first);
        rc = take_run(build, first, count, err);
    }
    if (!rc)
        rc = check_until(build, err);
    return rc ? rc
              : ofr_profile__take_path(build->profile, build->of_path, build->path_rows, build->path, err);
}

int ofr_profile_load(struct ofr_profile **out, const char *path, struct ofr_error *err)
{
    *out = NULL;
    struct build build = {.path = path};
    int rc = ofr_profile_samples_load(&build.samples, path, err);
    if (rc)
        return rc;
    build.profile = calloc(1, sizeof *build.profile);
    rc = build.profile ? build_profile(&build, err) : ofr_fail_nomem(err, "a profile");
    free(build.values);
    free(build.of_path);
    ofr_profile_samples_release(&build.samples);
    if (rc) {
        ofr_profile_free(build.profile);
        return rc;
    }
    *out = build.profile;
    return OFR_OK;
}

void ofr_profile_free(struct ofr_profile *profile)
{
    if (!profile)
        return;
    ofr_profile__free_path(profile);
    for (uint32_t b = 0; profile->full_sample_ns && b < profile->batches; b++)
        free(profile->full_sample_ns[b]);
    free(profile->full_sample_ns);
    free(profile->full_samples);
    free(profile->kernels);
    free(profile->site_name);
    free(profile->batch);
    free(profile->until_ns);
    free(profile->ramp_add_ns);
    free(profile->ramp_delay_ns);
    free(profile->copy_in_ns);
    free(profile->copy_out_ns);
    free(profile);
}
