/* Inside the tuner: the window, its cuts, and the bit loops the searches share.
 *
 * A *cut* of a ramp is a place to put its threshold: the samples scoring below `limit`. Cuts are nested, and
 * `below` holds one bitset of samples for each. A *stop* is a sample at whose score a threshold may have to
 * stop: the wrong ones and, where a later way out is cheaper, every sample. Stops are sorted by score; all
 * stops of one score share the cut just below them.
 *
 * Bitsets have `words` words, a multiple of 4; the bits past the last sample are 0.
 */
#ifndef OFR_POLICY_TUNER_INTERNAL_H
#define OFR_POLICY_TUNER_INTERNAL_H

#include "sim/policy/tuner.h"

/* Hot functions are compiled for the plain and for a recent x86 and picked when the program starts; the loops
 * below become population-count and vector instructions there. Sanitizers do not mix with that. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) &&                 \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define OFR_TUNER_HOT __attribute__((target_clones("avx2", "default")))
#else
#define OFR_TUNER_HOT
#endif
#define OFR_TUNER_INLINE static inline __attribute__((always_inline))

struct tuner_stop {
    double score;
    uint32_t sample;
    uint32_t cut; /* largest cut that keeps the sample in */
};

struct tuner_ramp {
    double *score;     /* [64 * words of max_samples] owned; whole words are read */
    uint64_t *wrong;   /* bitset, owned: samples it does not agree on */
    double fixed;      /* threshold it is kept at; NaN = searched */
    double saving;     /* leaving here against running to the end */
    bool greedy_exits; /* no later way out is cheaper: a larger cut without wrong samples never hurts */
    uint32_t stops, cuts;
    bool open;               /* the last cut lets everything leave that may */
    struct tuner_stop *stop; /* [max_samples] owned */
    double *limit;           /* [max_cuts] owned */
    uint64_t *below;         /* [cuts][words] owned, room for pool_words */
    uint8_t *filled;         /* [max_cuts] owned: this cut's bitset is there */
};

/* A configuration under construction: level k has decided ramps 0..k-1. */
struct tuner_path {
    uint64_t *alive[OFR_TUNER_MAX_RAMPS + 1]; /* samples still running at level k; owned */
    uint32_t cut[OFR_TUNER_MAX_RAMPS];
    uint32_t exits[OFR_TUNER_MAX_RAMPS];
    uint32_t used[OFR_TUNER_MAX_RAMPS];      /* wrong exits at the ramp */
    double saved[OFR_TUNER_MAX_RAMPS + 1];   /* summed over samples, before level k */
    uint32_t wrong[OFR_TUNER_MAX_RAMPS + 1]; /* wrong exits before level k */
};

struct ofr_tuner {
    uint32_t max_samples, max_ramps, max_cuts;
    uint32_t samples, ramps, words;
    size_t pool_words; /* room of one ramp's `below` */
    double max_threshold;
    uint32_t effort;
    struct ofr_tuner_costs costs;
    struct tuner_ramp ramp[OFR_TUNER_MAX_RAMPS];
    bool thinned; /* more cuts than room: some were left out */
    struct tuner_path path;
    struct tuner_stop *sort;                 /* [max_samples] scratch of the sort, owned */
    double *nearest;                         /* [max_samples] scratch of the selection, owned */
    uint64_t *mask;                          /* bitset scratch, owned */
    uint64_t *reach[OFR_TUNER_MAX_RAMPS];    /* bitset scratch of the bound, owned */
    uint8_t by_saving[OFR_TUNER_MAX_RAMPS];  /* ramps, largest saving first */
    bool ordered;                            /* savings fall with depth: the usual case */
    uint32_t best_cut[OFR_TUNER_MAX_RAMPS];  /* best configuration so far */
    double best_saved;                       /* its saving summed over samples */
    bool found;                              /* there is one */
    uint64_t evaluations, nodes, node_limit; /* of the search under way */
    uint32_t allowed;                        /* its bound on wrong exits */
    double best_pct;                         /* grid: objective of the best */
};

/* tuner.c */
uint32_t ofr_tuner_words(uint32_t samples);
double ofr_tuner_improvement(const struct ofr_tuner *tuner, const uint32_t *exits);
/* Starts a search: empties the result and the counters; false when nothing is allowed (result is complete).
 */
bool ofr_tuner_start(struct ofr_tuner *tuner, int64_t max_wrong, struct ofr_tuner_result *result);
/* Turns the best cuts into thresholds and evaluates them into the result. */
void ofr_tuner_finish(struct ofr_tuner *tuner, struct ofr_tuner_result *result);

/* tuner_cuts.c */
void ofr_tuner_make_cuts(struct ofr_tuner *tuner); /* for `allowed` wrong exits */
/* Readies `below` of a ramp for its `cuts` ascending limits: whole when they are many, else cut by cut when
 * first asked for, because a search looks at few of them. */
void ofr_tuner_fill_below(struct ofr_tuner *tuner, struct tuner_ramp *ramp);
void ofr_tuner_fill_cut(const struct ofr_tuner *tuner, const struct tuner_ramp *ramp, uint32_t cut);

/* tuner_greedy.c, tuner_exact.c: search on prepared cuts, improving on the best so far. */
void ofr_tuner_climb(struct ofr_tuner *tuner);
void ofr_tuner_branch(struct ofr_tuner *tuner, uint64_t node_limit);

OFR_TUNER_INLINE bool tuner_has(const uint64_t *set, uint32_t i)
{
    return set[i >> 6] >> (i & 63) & 1;
}

OFR_TUNER_INLINE uint32_t tuner_count(const uint64_t *a, uint32_t words)
{
    uint32_t count = 0;
    for (uint32_t w = 0; w < words; ++w)
        count += (uint32_t)__builtin_popcountll(a[w]);
    return count;
}

OFR_TUNER_INLINE uint32_t tuner_count_and(const uint64_t *a, const uint64_t *b, uint32_t words)
{
    uint32_t count = 0;
    for (uint32_t w = 0; w < words; ++w)
        count += (uint32_t)__builtin_popcountll(a[w] & b[w]);
    return count;
}

OFR_TUNER_INLINE uint32_t tuner_count_and3(const uint64_t *a, const uint64_t *b, const uint64_t *c,
                                           uint32_t words)
{
    uint32_t count = 0;
    for (uint32_t w = 0; w < words; ++w)
        count += (uint32_t)__builtin_popcountll(a[w] & b[w] & c[w]);
    return count;
}

/* rest = a without b; returns how many left. */
OFR_TUNER_INLINE uint32_t tuner_split(uint64_t *rest, const uint64_t *a, const uint64_t *b, uint32_t words)
{
    uint32_t count = 0;
    for (uint32_t w = 0; w < words; ++w) {
        count += (uint32_t)__builtin_popcountll(a[w] & b[w]);
        rest[w] = a[w] & ~b[w];
    }
    return count;
}

OFR_TUNER_INLINE const uint64_t *tuner_below(const struct ofr_tuner *tuner, const struct tuner_ramp *ramp,
                                             uint32_t cut)
{
    if (!ramp->filled[cut])
        ofr_tuner_fill_cut(tuner, ramp, cut);
    return ramp->below + (size_t)cut * tuner->words;
}

OFR_TUNER_INLINE bool tuner_is_fixed(const struct tuner_ramp *ramp)
{
    return ramp->fixed == ramp->fixed;
}

/* The choices a ramp has for the samples still alive: one cut for each alive stop, just below it, until more
 * than `left` of the samples passed are wrong; then, if the ramp is open, everything. */
struct tuner_walk {
    uint32_t next; /* stop to look at */
    uint32_t passed;
    uint32_t cut, used; /* the choice: its cut and its wrong exits */
    bool ended;
};

OFR_TUNER_INLINE bool tuner_walk_next(const struct tuner_ramp *ramp, const uint64_t *alive, uint32_t left,
                                      struct tuner_walk *walk)
{
    uint32_t i = walk->next, passed = walk->passed;
    if (walk->ended || passed > left)
        return false;
    walk->used = passed;
    while (i < ramp->stops && !tuner_has(alive, ramp->stop[i].sample))
        ++i;
    if (i == ramp->stops) {
        walk->ended = true;
        walk->cut = ramp->cuts - 1;
        return ramp->open;
    }
    uint32_t cut = ramp->stop[i].cut;
    for (; i < ramp->stops && ramp->stop[i].cut == cut; ++i) {
        uint32_t sample = ramp->stop[i].sample;
        passed += tuner_has(alive, sample) && (ramp->greedy_exits || tuner_has(ramp->wrong, sample));
    }
    walk->cut = cut;
    walk->next = i;
    walk->passed = passed;
    return true;
}

/* The largest choice: what a ramp takes when it may spend `left` wrong exits. */
OFR_TUNER_INLINE void tuner_walk_last(const struct tuner_ramp *ramp, const uint64_t *alive, uint32_t left,
                                      struct tuner_walk *last)
{
    struct tuner_walk walk = {0};
    *last = walk;
    while (tuner_walk_next(ramp, alive, left, &walk))
        *last = walk;
}

/* The same where only wrong samples are stops: one pass without choices on the way. */
OFR_TUNER_INLINE void tuner_largest_cut(const struct tuner_ramp *ramp, const uint64_t *alive, uint32_t left,
                                        struct tuner_walk *last)
{
    const struct tuner_stop *stop = ramp->stop;
    uint32_t i = 0, passed = 0;
    while (i < ramp->stops && passed <= left)
        passed += tuner_has(alive, stop[i++].sample);
    *last = (struct tuner_walk){.cut = ramp->cuts - 1, .used = passed};
    if (passed <= left && ramp->open)
        return;
    last->cut = stop[i - 1].cut;
    for (; i > 0 && stop[i - 1].cut == last->cut; --i)
        last->used -= tuner_has(alive, stop[i - 1].sample);
}

/* Decides ramp k of the path: who leaves, who runs on. */
OFR_TUNER_INLINE void tuner_path_take(struct ofr_tuner *tuner, uint32_t k, uint32_t cut, uint32_t used)
{
    struct tuner_path *path = &tuner->path;
    const struct tuner_ramp *ramp = &tuner->ramp[k];
    path->cut[k] = cut;
    path->used[k] = used;
    path->exits[k] =
        tuner_split(path->alive[k + 1], path->alive[k], tuner_below(tuner, ramp, cut), tuner->words);
    path->saved[k + 1] = path->saved[k] + ramp->saving * path->exits[k];
    path->wrong[k + 1] = path->wrong[k] + used;
}

/* Counts the path as a configuration and keeps it when it saves more than the best. */
OFR_TUNER_INLINE bool tuner_path_offer(struct ofr_tuner *tuner)
{
    const struct tuner_path *path = &tuner->path;
    tuner->evaluations++;
    if (path->wrong[tuner->ramps] > tuner->allowed ||
        (tuner->found && path->saved[tuner->ramps] <= tuner->best_saved))
        return false;
    tuner->found = true;
    tuner->best_saved = path->saved[tuner->ramps];
    for (uint32_t k = 0; k < tuner->ramps; ++k)
        tuner->best_cut[k] = path->cut[k];
    return true;
}

#endif
