/* From the window to the cuts worth trying.
 *
 * Of the first ramp only the scores of its w + 1 smallest wrong samples matter, where w wrong exits are
 * allowed: above, the bound is broken whatever else happens. At a later ramp wrong samples may have left
 * before; those that cannot have (outside the union of the earlier ramps' largest cuts) bound it the same
 * way. So only the stops below that score are sorted, and the samples are then placed between them: the
 * window is never sorted as a whole. */
#include "sim/policy/tuner_internal.h"

#include <math.h>
#include <string.h>

enum {
    RUN = 12,      /* stops sorted by insertion before runs are merged */
    FEW_CUTS = 64, /* up to which comparing with every cut is faster than finding the cut */
    BUCKETS = 512  /* to find a sample's cut: more than most ramps have cuts */
};

static bool precedes(const struct tuner_stop *a, const struct tuner_stop *b)
{
    return a->score < b->score;
}

static void sort_run(struct tuner_stop *stop, uint32_t n)
{
    for (uint32_t i = 1; i < n; ++i) {
        struct tuner_stop item = stop[i];
        uint32_t at = i;
        for (; at > 0 && precedes(&item, &stop[at - 1]); --at)
            stop[at] = stop[at - 1];
        stop[at] = item;
    }
}

static void merge(struct tuner_stop *out, const struct tuner_stop *a, uint32_t na, const struct tuner_stop *b,
                  uint32_t nb)
{
    while (na && nb) {
        bool second = precedes(b, a);
        *out++ = second ? *b : *a;
        b += second;
        nb -= second;
        a += !second;
        na -= !second;
    }
    memcpy(out, na ? a : b, (na + nb) * sizeof *out);
}

/* Stable merge sort without allocation: equal scores stay in the order of samples. */
static void sort_stops(struct tuner_stop *stop, uint32_t n, struct tuner_stop *spare)
{
    struct tuner_stop *from = stop, *to = spare;
    for (uint32_t i = 0; i < n; i += RUN)
        sort_run(stop + i, n - i < RUN ? n - i : RUN);
    for (uint32_t width = RUN; width < n; width *= 2) {
        for (uint32_t i = 0; i < n; i += 2 * width) {
            uint32_t na = n - i < width ? n - i : width;
            uint32_t nb = n - i - na < width ? n - i - na : width;
            merge(to + i, from + i, na, from + i + na, nb);
        }
        struct tuner_stop *swap = from;
        from = to;
        to = swap;
    }
    if (from != stop)
        memcpy(stop, from, n * sizeof *stop);
}

/* Score of the wrong sample at which the bound is broken for sure: the (allowed + 1)th smallest of those that
 * cannot have left earlier; max_threshold when there are not so many (`*open`). */
static double highest_limit(struct ofr_tuner *tuner, const struct tuner_ramp *ramp, bool *open)
{
    double *nearest = tuner->nearest; /* ascending, the smallest scores so far */
    uint32_t held = 0, wanted = tuner->allowed + 1;
    for (uint32_t w = 0; w < tuner->words; ++w)
        for (uint64_t set = ramp->wrong[w] & tuner->path.alive[0][w] & ~tuner->mask[w]; set; set &= set - 1) {
            double score = ramp->score[64 * w + (uint32_t)__builtin_ctzll(set)];
            if (!(score < tuner->max_threshold) || (held == wanted && score >= nearest[held - 1]))
                continue;
            uint32_t at = held < wanted ? held++ : held - 1;
            for (; at > 0 && nearest[at - 1] > score; --at)
                nearest[at] = nearest[at - 1];
            nearest[at] = score;
        }
    *open = held < wanted;
    return *open ? tuner->max_threshold : nearest[held - 1];
}

/* Stops below the highest limit, or at it unless the ramp is open. */
static void gather_stops(struct ofr_tuner *tuner, struct tuner_ramp *ramp, double highest)
{
    uint32_t n = 0;
    for (uint32_t w = 0; w < tuner->words; ++w) {
        uint64_t set = tuner->path.alive[0][w];
        for (set &= ramp->greedy_exits ? ramp->wrong[w] : set; set; set &= set - 1) {
            uint32_t sample = 64 * w + (uint32_t)__builtin_ctzll(set);
            double score = ramp->score[sample];
            ramp->stop[n] = (struct tuner_stop){.score = score, .sample = sample};
            n += score < highest || (score == highest && !ramp->open);
        }
    }
    ramp->stops = n;
    sort_stops(ramp->stop, n, tuner->sort);
}

/* One cut below each distinct stop. When they are more than there is room for, neighbouring stops share the
 * lowest cut of their group: never wrong, but some optima are out of reach. */
static void number_cuts(struct ofr_tuner *tuner, struct tuner_ramp *ramp, double highest)
{
    uint32_t distinct = 0;
    for (uint32_t i = 0; i < ramp->stops; ++i)
        distinct += i == 0 || ramp->stop[i].score != ramp->stop[i - 1].score;
    uint32_t room = (uint32_t)(tuner->pool_words / tuner->words) - 2;
    uint32_t group = (distinct + room - 1) / room;
    tuner->thinned |= group > 1;
    uint32_t seen = 0;
    ramp->cuts = 0;
    for (uint32_t i = 0; i < ramp->stops; ++i) {
        bool fresh = i == 0 || ramp->stop[i].score != ramp->stop[i - 1].score;
        if (fresh && seen++ % group == 0)
            ramp->limit[ramp->cuts++] = ramp->stop[i].score;
        ramp->stop[i].cut = ramp->cuts - 1;
    }
    if (ramp->open)
        ramp->limit[ramp->cuts++] = highest;
}

/* Bucket of a score on an even division of [0, last limit); monotone, NaN in the last one. */
OFR_TUNER_INLINE uint32_t bucket_of(double score, double scale)
{
    double at = score * scale;
    at = at < (double)BUCKETS ? at : (double)BUCKETS;
    return (uint32_t)(int32_t)(at > 0.0 ? at : 0.0);
}

/* first[b] = how many limits lie in buckets before b: where the search of a score in b starts. */
static void fill_buckets(uint32_t *first, const struct tuner_ramp *ramp, double scale)
{
    uint32_t cut = 0;
    for (uint32_t b = 0; b <= BUCKETS; ++b) {
        while (cut < ramp->cuts && bucket_of(ramp->limit[cut], scale) < b)
            ++cut;
        first[b] = cut;
    }
}

/* Many cuts: sets each sample in the first cut that has it (row `cuts` takes those no cut has), then each cut
 * takes over what the one before holds. */
OFR_TUNER_HOT static void place_samples(struct tuner_ramp *ramp, uint32_t samples, uint32_t words)
{
    uint32_t first[BUCKETS + 1];
    uint32_t cuts = ramp->cuts;
    double last = ramp->limit[cuts - 1];
    double scale = last > 0.0 ? BUCKETS / last : 0.0;
    fill_buckets(first, ramp, scale);
    memset(ramp->below, 0, (size_t)(cuts + 1) * words * sizeof *ramp->below);
    for (uint32_t i = 0; i < samples; ++i) {
        double score = ramp->score[i];
        uint32_t cut = first[bucket_of(score, scale)];
        while (cut < cuts && !(ramp->limit[cut] > score))
            ++cut;
        ramp->below[(size_t)cut * words + i / 64] |= (uint64_t)1 << i % 64;
    }
    for (uint32_t cut = 1; cut < cuts; ++cut) {
        uint64_t *set = ramp->below + (size_t)cut * words;
        for (uint32_t w = 0; w < words; ++w)
            set[w] |= set[w - (size_t)words];
    }
}

typedef double lanes __attribute__((vector_size(32)));
typedef int64_t lane_bits __attribute__((vector_size(32)));

/* Few cuts: compares every score with the limit, four at a time. `all` masks what lies past the window. */
OFR_TUNER_HOT static void compare_samples(uint64_t *set, const double *score, double x, const uint64_t *all,
                                          uint32_t words)
{
    lanes limit = {x, x, x, x};
    for (uint32_t w = 0; w < words; ++w) {
        lane_bits bit = {1, 2, 4, 8}, found = {0, 0, 0, 0};
        for (uint32_t i = 0; i < 64; i += 4, bit <<= 4) {
            lanes four;
            memcpy(&four, score + 64 * (size_t)w + i, sizeof four);
            found |= (four < limit) & bit;
        }
        set[w] = (uint64_t)(found[0] | found[1] | found[2] | found[3]) & all[w];
    }
}

void ofr_tuner_fill_cut(const struct ofr_tuner *tuner, const struct tuner_ramp *ramp, uint32_t cut)
{
    compare_samples(ramp->below + (size_t)cut * tuner->words, ramp->score, ramp->limit[cut],
                    tuner->path.alive[0], tuner->words);
    ramp->filled[cut] = 1;
}

void ofr_tuner_fill_below(struct ofr_tuner *tuner, struct tuner_ramp *ramp)
{
    bool many = ramp->cuts > FEW_CUTS;
    memset(ramp->filled, many, ramp->cuts);
    if (many)
        place_samples(ramp, tuner->samples, tuner->words);
}

static void make_cuts(struct ofr_tuner *tuner, struct tuner_ramp *ramp)
{
    if (tuner_is_fixed(ramp)) {
        ramp->stops = 0;
        ramp->open = true;
        ramp->limit[0] = ramp->fixed;
        ramp->cuts = 1;
    } else {
        double highest = highest_limit(tuner, ramp, &ramp->open);
        gather_stops(tuner, ramp, highest);
        number_cuts(tuner, ramp, highest);
    }
    ofr_tuner_fill_below(tuner, ramp);
}

void ofr_tuner_make_cuts(struct ofr_tuner *tuner)
{
    memset(tuner->mask, 0, tuner->words * sizeof *tuner->mask);
    for (uint32_t k = 0; k < tuner->ramps; ++k) {
        struct tuner_ramp *ramp = &tuner->ramp[k];
        make_cuts(tuner, ramp);
        const uint64_t *top = tuner_below(tuner, ramp, ramp->cuts - 1);
        for (uint32_t w = 0; w < tuner->words; ++w)
            tuner->mask[w] |= top[w];
    }
}
