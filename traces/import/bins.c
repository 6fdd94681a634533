#include "traces/import/bins.h"

#include <inttypes.h>
#include <stdlib.h>

const char *const ofr_within_bin_choices[] = {"even", "uniform", "poisson", "burst", NULL};

static int reserve(struct ofr_bins *bins, size_t count, struct ofr_error *err)
{
    if (count > OFR_BIN_COUNT_MAX)
        return ofr_fail(err, OFR_E_INPUT, "found %llu arrivals in one bin, expected at most %d",
                        (unsigned long long)count, OFR_BIN_COUNT_MAX);
    if (count <= bins->capacity)
        return 0;
    size_t capacity = bins->capacity ? bins->capacity : 256;
    while (capacity < count)
        capacity *= 2;
    int64_t *time_ns = realloc(bins->time_ns, capacity * sizeof *time_ns);
    if (!time_ns)
        return ofr_fail_nomem(err, "the arrivals of a bin");
    bins->time_ns = time_ns;
    bins->capacity = capacity;
    return 0;
}

static int ascending(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static void even(struct ofr_bins *bins, uint64_t count)
{
    __extension__ typedef unsigned __int128 u128;
    for (uint64_t i = 0; i < count; ++i)
        bins->time_ns[i] = (int64_t)((u128)(2 * i + 1) * (u128)bins->width_ns / (2 * count));
    bins->count = count;
}

static void uniform(struct ofr_bins *bins, uint64_t count, struct ofr_random *random)
{
    for (uint64_t i = 0; i < count; ++i)
        bins->time_ns[i] = (int64_t)ofr_random_below(random, (uint64_t)bins->width_ns);
    qsort(bins->time_ns, count, sizeof *bins->time_ns, ascending);
    bins->count = count;
}

static int poisson(struct ofr_bins *bins, uint64_t expected, struct ofr_random *random, struct ofr_error *err)
{
    double width = (double)bins->width_ns, gap = width / (double)expected;
    double at = ofr_random_exponential(random, gap);
    for (; at < width; at += ofr_random_exponential(random, gap)) {
        int rc = reserve(bins, bins->count + 1, err);
        if (rc)
            return rc;
        bins->time_ns[bins->count++] = (int64_t)at;
    }
    return 0;
}

int ofr_bins_expand(struct ofr_bins *bins, uint64_t expected, struct ofr_random *random,
                    struct ofr_error *err)
{
    bins->count = 0;
    if (expected == 0)
        return 0;
    int rc = reserve(bins, expected, err);
    if (rc)
        return rc;
    switch (bins->within) {
    case OFR_WITHIN_EVEN:
        even(bins, expected);
        break;
    case OFR_WITHIN_UNIFORM:
        uniform(bins, expected, random);
        break;
    case OFR_WITHIN_POISSON:
        return poisson(bins, expected, random, err);
    case OFR_WITHIN_BURST:
        for (bins->count = 0; bins->count < expected; ++bins->count)
            bins->time_ns[bins->count] = 0;
        break;
    }
    return 0;
}

int ofr_bins_describe(const struct ofr_bins *bins, uint64_t seed, struct ofr_notes *notes,
                      struct ofr_error *err)
{
    int rc = ofr_notes_set(notes, "within_bin", ofr_within_bin_choices[bins->within], err);
    return rc ? rc : ofr_notes_setf(notes, err, "seed", "%" PRIu64, seed);
}

void ofr_bins_release(struct ofr_bins *bins)
{
    free(bins->time_ns);
    bins->time_ns = NULL;
}
