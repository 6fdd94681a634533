/* How long batches of one size took: where requests of two sets differ because passes do. */
#include "analysis/compare_internal.h"

#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const ofr_pass_names[] = {
#define X(name, text) text,
    OFR_PASS_MAP(X)
#undef X
        NULL};

/* The sizes, as the device ran them, at which 1 % or more of the set's requests were served, and the most used; 0 =
 * none was. */
static int used_sizes(struct ofr_comparison *out, const struct ofr_run_set *set, struct ofr_error *err)
{
    uint32_t largest = 0;
    uint64_t all = 0;
    for (uint32_t i = 0; i < set->runs; ++i)
        for (uint64_t k = 0; k < set->run[i]->batches; ++k)
            largest = set->run[i]->batch[k].padded > largest ? set->run[i]->batch[k].padded : largest;
    uint64_t *served = calloc((size_t)largest + 1, sizeof *served);
    if (!served)
        return ofr_fail_nomem(err, "the batches of a set");
    for (uint32_t i = 0; i < set->runs; ++i)
        for (uint64_t k = 0; k < set->run[i]->batches; ++k) {
            served[set->run[i]->batch[k].padded] += set->run[i]->batch[k].size;
            all += set->run[i]->batch[k].size;
        }
    out->pass_size = 0;
    for (uint32_t size = 1; size <= largest; ++size) {
        if (served[size] > served[out->pass_size])
            out->pass_size = size;
        if (served[size] * 100 >= all && all && out->size_passes < OFR_COMPARE_SIZES)
            out->size_pass[out->size_passes++] =
                (struct ofr_pass_size){.size = size, .share = (double)served[size] / (double)all};
    }
    free(served);
    return 0;
}

/* Mean, p10 and p90 of one run's passes at a size in ms, by nearest rank; NaN when it had none. */
static int passes_of(const struct ofr_run_data *run, uint32_t size, double out[OFR_PASSES],
                     struct ofr_error *err)
{
    double *took_ms = calloc(run->batches + 1, sizeof *took_ms);
    size_t count = 0;
    if (!took_ms)
        return ofr_fail_nomem(err, "the passes of a run");
    for (uint64_t k = 0; k < run->batches; ++k)
        if (run->batch[k].padded == size && !run->batch[k].cut)
            took_ms[count++] = (double)(run->batch[k].ended_ns - run->batch[k].dispatched_ns) / 1e6;
    gsl_sort(took_ms, 1, count);
    double sum_ms = 0.0;
    for (size_t k = 0; k < count; ++k)
        sum_ms += took_ms[k];
    out[OFR_PASS_MEAN] = count ? sum_ms / (double)count : NAN;
    out[OFR_PASS_P10] = count ? took_ms[(count + 9) / 10 - 1] : NAN;
    out[OFR_PASS_P90] = count ? took_ms[(count * 9 + 9) / 10 - 1] : NAN;
    free(took_ms);
    return 0;
}

/* Means over the runs of a set that had passes of the size. */
static int compare_size(struct ofr_difference out[OFR_PASSES], uint32_t size, const struct ofr_run_set *a,
                        const struct ofr_run_set *b, struct ofr_error *err)
{
    double of[2][OFR_PASSES][OFR_COMPARE_MOST_RUNS];
    uint32_t runs[2] = {0, 0};
    for (uint32_t i = 0; i < a->runs + b->runs; ++i) {
        int side = i < a->runs ? 0 : 1;
        double of_run[OFR_PASSES] = {0};
        int rc = passes_of(side ? b->run[i - a->runs] : a->run[i], size, of_run, err);
        if (rc)
            return rc;
        if (isnan(of_run[OFR_PASS_MEAN]))
            continue;
        for (int k = 0; k < OFR_PASSES; ++k)
            of[side][k][runs[side]] = of_run[k];
        runs[side]++;
    }
    for (int side = 0; side < 2; ++side)
        for (int k = 0; runs[side] == 0 && k < OFR_PASSES; ++k)
            of[side][k][0] = NAN;
    for (int k = 0; k < OFR_PASSES; ++k)
        out[k] = compare__difference(of[0][k], runs[0] ? runs[0] : 1, of[1][k], runs[1] ? runs[1] : 1);
    return 0;
}

int compare__passes(struct ofr_comparison *out, const struct ofr_run_set *a, const struct ofr_run_set *b,
                    struct ofr_error *err)
{
    int rc = used_sizes(out, a, err);
    for (uint32_t i = 0; !rc && i < out->size_passes; ++i) {
        struct ofr_difference pass[OFR_PASSES];
        rc = compare_size(pass, out->size_pass[i].size, a, b, err);
        if (rc)
            break;
        out->size_pass[i].mean = pass[OFR_PASS_MEAN];
        if (out->size_pass[i].size == out->pass_size)
            memcpy(out->pass, pass, sizeof pass);
    }
    return rc;
}
