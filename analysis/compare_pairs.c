/* Pairing by id, conservation, and differences per request. */
#include "analysis/compare_internal.h"

#include <gsl/gsl_sort.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool has(const struct ofr_run_data *run, uint64_t id)
{
    return id < run->slots && run->outcome[id] != OFR_OUTCOMES;
}

/* Compact logs have arrivals on a grain: half of it is how far one may be from the exact arrival. */
static bool same_work(const struct ofr_run_data *a, const struct ofr_run_data *b, uint64_t id)
{
    int64_t apart_ns = a->arrival_ns[id] - b->arrival_ns[id];
    int64_t allowed_ns = (a->grain_ns + b->grain_ns) / 2;
    return apart_ns <= allowed_ns && -apart_ns <= allowed_ns && a->sample[id] == b->sample[id];
}

/* Ids `with` has and `without` lacks; the first few go into `named`. */
static uint64_t count_missing(const struct ofr_run_data *without, const struct ofr_run_data *with,
                              uint64_t *named)
{
    uint64_t missing = 0;
    for (uint64_t id = 0; id < with->slots; ++id) {
        if (!has(with, id) || has(without, id))
            continue;
        if (missing < OFR_COMPARE_NAMED)
            named[missing] = id;
        missing++;
    }
    return missing;
}

static void complain(struct ofr_comparison *out, const struct ofr_run_data *without,
                     const struct ofr_run_data *with, uint64_t missing, const uint64_t *named)
{
    size_t used = strlen(out->complaint);
    used += (size_t)snprintf(out->complaint + used, sizeof out->complaint - used,
                             "%s%s lacks %" PRIu64 " of the %" PRIu64 " requests of %s (", used ? "; " : "",
                             without->path, missing, with->requests, with->path);
    for (uint64_t i = 0; i < missing && i < OFR_COMPARE_NAMED && used < sizeof out->complaint; ++i)
        used += (size_t)snprintf(out->complaint + used, sizeof out->complaint - used, "%s%" PRIu64,
                                 i ? ", " : "", named[i]);
    if (used < sizeof out->complaint)
        snprintf(out->complaint + used, sizeof out->complaint - used, "%s)",
                 missing > OFR_COMPARE_NAMED ? ", ..." : "");
}

/* Every run has to hold every request of the first run of A: gaps inside a run show against that one too. */
static void check_conservation(struct ofr_comparison *out, const struct ofr_run_set *a,
                               const struct ofr_run_set *b)
{
    uint64_t named[OFR_COMPARE_NAMED];
    const struct ofr_run_data *first = a->run[0];
    for (uint32_t i = 0; i < a->runs + b->runs; ++i) {
        const struct ofr_run_data *run = i < a->runs ? a->run[i] : b->run[i - a->runs];
        uint64_t *lacking = i < a->runs ? &out->missing_a : &out->missing_b;
        uint64_t missing = count_missing(run, first, named);
        if (missing && !*lacking)
            complain(out, run, first, missing, named);
        *lacking += missing;
        missing = count_missing(first, run, named);
        if (missing && !out->missing_a)
            complain(out, first, run, missing, named);
        out->missing_a += missing;
        out->doubled += run->doubled;
        uint64_t gaps = run->slots + run->doubled - run->requests;
        if (gaps && !out->complaint[0])
            snprintf(out->complaint, sizeof out->complaint,
                     "%s lacks %" PRIu64 " of its own %" PRIu64 " requests", run->path, gaps, run->slots);
        out->gaps += gaps;
    }
    if (out->doubled && !out->complaint[0])
        snprintf(out->complaint, sizeof out->complaint, "%" PRIu64 " requests stand in a log more than once",
                 out->doubled);
}

/* ---- differences ---- */

struct differences {
    double *abs_ns; /* [capacity], owned */
    uint64_t count, capacity;
    double sum_ns, sum_abs_ns, sum_a_ns;
    uint64_t within;
};

static void add_pairs(struct differences *d, const struct ofr_run_data *a, const struct ofr_run_data *b,
                      int compared)
{
    const int64_t *of_a = compare__column(a, compared), *of_b = compare__column(b, compared);
    uint64_t slots = a->slots < b->slots ? a->slots : b->slots;
    for (uint64_t id = 0; id < slots; ++id) {
        if (!has(a, id) || !has(b, id) || !same_work(a, b, id) || of_a[id] < 0 || of_b[id] < 0)
            continue;
        double difference = (double)(of_b[id] - of_a[id]);
        d->abs_ns[d->count++] = fabs(difference);
        d->sum_ns += difference;
        d->sum_abs_ns += fabs(difference);
        d->sum_a_ns += (double)of_a[id];
        d->within += fabs(difference) <= 0.01 * (double)of_a[id];
    }
}

static double nearest_rank(const double *sorted, uint64_t count, double p)
{
    uint64_t rank = (uint64_t)ceil(p * (double)count);
    return sorted[rank ? rank - 1 : 0];
}

static void summarise(struct ofr_paired *out, struct differences *d)
{
    *out = (struct ofr_paired){.pairs = d->count,
                               .bias_ns = NAN,
                               .mean_abs_ns = NAN,
                               .p50_abs_ns = NAN,
                               .p95_abs_ns = NAN,
                               .p99_abs_ns = NAN,
                               .max_abs_ns = NAN,
                               .mean_abs_pct = NAN,
                               .within_1pct = NAN};
    if (d->count == 0)
        return;
    gsl_sort(d->abs_ns, 1, d->count);
    out->bias_ns = d->sum_ns / (double)d->count;
    out->mean_abs_ns = d->sum_abs_ns / (double)d->count;
    out->p50_abs_ns = nearest_rank(d->abs_ns, d->count, 0.50);
    out->p95_abs_ns = nearest_rank(d->abs_ns, d->count, 0.95);
    out->p99_abs_ns = nearest_rank(d->abs_ns, d->count, 0.99);
    out->max_abs_ns = d->abs_ns[d->count - 1];
    out->mean_abs_pct = d->sum_a_ns > 0.0 ? d->sum_abs_ns / d->sum_a_ns * 100.0 : NAN;
    out->within_1pct = (double)d->within / (double)d->count;
}

static int compare_each(struct ofr_comparison *out, const struct ofr_run_set *a, const struct ofr_run_set *b,
                        int compared, struct ofr_error *err)
{
    struct differences d = {0};
    uint32_t rounds = a->runs > b->runs ? a->runs : b->runs;
    for (uint32_t i = 0; i < rounds; ++i)
        d.capacity += a->run[i % a->runs]->slots;
    d.abs_ns = calloc(d.capacity ? d.capacity : 1, sizeof *d.abs_ns);
    if (!d.abs_ns)
        return ofr_fail_nomem(err, "differences");
    for (uint32_t i = 0; i < rounds; ++i)
        add_pairs(&d, a->run[i % a->runs], b->run[i % b->runs], compared);
    summarise(&out->paired[compared], &d);
    free(d.abs_ns);
    return 0;
}

static void check_work(struct ofr_comparison *out, const struct ofr_run_set *a, const struct ofr_run_set *b)
{
    const struct ofr_run_data *first = a->run[0];
    for (uint32_t i = 0; i < a->runs + b->runs; ++i) {
        const struct ofr_run_data *run = i < a->runs ? a->run[i] : b->run[i - a->runs];
        uint64_t slots = run->slots < first->slots ? run->slots : first->slots;
        for (uint64_t id = 0; id < slots; ++id)
            out->different_work += has(run, id) && has(first, id) && !same_work(run, first, id);
    }
    out->paired_work = out->different_work == 0;
}

int compare__pairs(struct ofr_comparison *out, const struct ofr_run_set *a, const struct ofr_run_set *b,
                   struct ofr_error *err)
{
    check_conservation(out, a, b);
    check_work(out, a, b);
    for (int compared = 0; compared < OFR_COMPARED; ++compared) {
        int rc = compare_each(out, a, b, compared, err);
        if (rc)
            return rc;
    }
    return 0;
}
