#include "sim/policy/ramp_choice.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    THIN = 4096,      /* samples on which sets are compared */
    ALL_SETS = 400,   /* as many are all tried */
    MOST_SETS = 4000, /* compared at most */
    FINALISTS = 6
};

/* A set of sites as bits; OFFRAMP_MAX_SITES is 64. */
struct tried {
    uint64_t sites;
    double pct;
};

struct search {
    const struct ofr_ramp_choice *choice;
    struct ofr_tuner *tuner;
    uint32_t samples;    /* of the thinned window */
    int64_t allowance;   /* in it */
    float *score;        /* [sites][samples] */
    uint8_t *agrees;     /* [sites][samples] */
    struct tried *tried; /* [MOST_SETS] */
    uint32_t count;
};

static void to_set(struct ofr_ramp_set *set, uint64_t sites)
{
    set->ramps = 0;
    for (; sites; sites &= sites - 1)
        set->site[set->ramps++] = (uint16_t)__builtin_ctzll(sites);
}

static bool keeps_budget(const struct search *search, uint64_t sites)
{
    const struct ofr_ramp_choice *choice = search->choice;
    struct ofr_ramp_set set;
    to_set(&set, sites);
    return set.ramps <= choice->most &&
           ofr_ramp_set_fits(&set, choice->latency, choice->max_batch, choice->budget);
}

/* ---- one set ---- */

static void fill_columns(struct search *search, uint32_t stride)
{
    const struct ofr_hindsight_window *window = search->choice->window;
    for (uint32_t site = 0; site < window->sites; ++site)
        for (uint32_t i = 0; i < search->samples; ++i) {
            size_t at = (size_t)site * search->samples + i;
            search->score[at] = ofr_hindsight_score(window, i * stride, site);
            search->agrees[at] = ofr_hindsight_agrees(window, i * stride, site);
        }
}

static double tune(struct search *search, uint64_t sites)
{
    const struct ofr_ramp_choice *choice = search->choice;
    struct ofr_ramp_set set;
    struct ofr_tuner_costs costs;
    struct ofr_tuner_result result;
    to_set(&set, sites);
    ofr_hindsight_costs(&costs, choice->latency, choice->tune_batch, &set);
    ofr_tuner_window(search->tuner, search->samples, set.ramps);
    for (uint32_t k = 0; k < set.ramps; ++k) {
        size_t at = (size_t)set.site[k] * search->samples;
        ofr_tuner_column_float(search->tuner, k, search->score + at, search->agrees + at);
    }
    ofr_tuner_set_costs(search->tuner, &costs);
    ofr_tuner_greedy(search->tuner, search->allowance, &result);
    return result.improvement_pct;
}

/* What a set saves; no set is tuned twice, and none once MOST_SETS have been. */
static double value_of(struct search *search, uint64_t sites)
{
    if (sites == 0)
        return 0.0;
    for (uint32_t i = 0; i < search->count; ++i)
        if (search->tried[i].sites == sites)
            return search->tried[i].pct;
    if (search->count == MOST_SETS)
        return -100.0;
    double pct = tune(search, sites);
    search->tried[search->count++] = (struct tried){.sites = sites, .pct = pct};
    return pct;
}

/* ---- which sets ---- */

/* Tries every set that keeps the budget and adds to `sites` only from `from` on; false once there are too many. */
static bool list_sets(struct search *search, uint64_t sites, uint32_t from, uint32_t *count)
{
    for (uint32_t site = from; site < search->choice->window->sites; ++site) {
        uint64_t with = sites | (uint64_t)1 << site;
        if (!keeps_budget(search, with))
            continue;
        if (++*count > ALL_SETS || !list_sets(search, with, site + 1, count))
            return false;
    }
    return true;
}

static void try_all(struct search *search, uint64_t sites, uint32_t from)
{
    for (uint32_t site = from; site < search->choice->window->sites; ++site) {
        uint64_t with = sites | (uint64_t)1 << site;
        if (!keeps_budget(search, with))
            continue;
        value_of(search, with);
        try_all(search, with, site + 1);
    }
}

/* The best set one step away, or the same when none is better. */
static uint64_t better_neighbour(struct search *search, uint64_t sites)
{
    uint32_t all = search->choice->window->sites;
    uint64_t best = sites;
    double most = value_of(search, sites) + 1e-9;
    for (uint32_t out = 0; out <= all; ++out) { /* all = none is taken out */
        if (out < all && !(sites >> out & 1))
            continue;
        uint64_t without = out < all ? sites & ~((uint64_t)1 << out) : sites;
        for (uint32_t in = 0; in <= all; ++in) { /* all = none is put in */
            uint64_t next = in < all ? without | (uint64_t)1 << in : without;
            if (next == sites || !keeps_budget(search, next))
                continue;
            double pct = value_of(search, next);
            if (pct > most) {
                most = pct + 1e-9;
                best = next;
            }
        }
    }
    return best;
}

static void climb(struct search *search, uint64_t sites)
{
    for (uint64_t next; (next = better_neighbour(search, sites)) != sites; sites = next)
        ;
}

/* As many ramps as the budget pays for, packed to the front. */
static uint64_t packed(const struct search *search)
{
    uint64_t sites = 0;
    for (uint32_t site = 0; site < search->choice->window->sites; ++site)
        if (keeps_budget(search, sites | (uint64_t)1 << site))
            sites |= (uint64_t)1 << site;
    return sites;
}

static void climb_from_starts(struct search *search)
{
    const struct ofr_ramp_choice *choice = search->choice;
    struct ofr_ramp_set even;
    uint64_t sites = 0;
    ofr_ramp_set_even(&even, choice->latency, choice->max_batch, choice->budget, choice->most);
    for (uint32_t k = 0; k < even.ramps; ++k)
        sites |= (uint64_t)1 << even.site[k];
    climb(search, 0);
    climb(search, sites);
    climb(search, packed(search));
}

/* ---- the whole ---- */

static int open_search(struct search *search, const struct ofr_ramp_choice *choice)
{
    const struct ofr_hindsight_window *window = choice->window;
    uint32_t stride = (window->samples + THIN - 1) / THIN;
    search->choice = choice;
    search->samples = (window->samples + stride - 1) / stride;
    search->allowance = choice->allowance * search->samples / window->samples;
    size_t cells = (size_t)window->sites * search->samples;
    search->score = malloc(cells * sizeof *search->score);
    search->agrees = malloc(cells);
    search->tried = malloc(MOST_SETS * sizeof *search->tried);
    if (!search->score || !search->agrees || !search->tried ||
        ofr_tuner_create(&search->tuner, search->samples, window->sites, NULL))
        return -1;
    ofr_tuner_set_max_threshold(search->tuner, window->scale);
    fill_columns(search, stride);
    return 0;
}

static void close_search(struct search *search)
{
    ofr_tuner_free(search->tuner);
    free(search->score);
    free(search->agrees);
    free(search->tried);
}

static int by_value(const void *a, const void *b)
{
    const struct tried *first = a, *second = b;
    if (first->pct != second->pct)
        return first->pct < second->pct ? 1 : -1;
    return first->sites < second->sites ? -1 : first->sites > second->sites;
}

/* Tunes the best sets on the whole window. */
static int pick(struct search *search, struct ofr_ramp_chosen *chosen, char *why, size_t why_size)
{
    const struct ofr_ramp_choice *choice = search->choice;
    qsort(search->tried, search->count, sizeof *search->tried, by_value);
    for (uint32_t i = 0; i < search->count && i < FINALISTS; ++i) {
        struct ofr_ramp_set set;
        struct ofr_tuner_costs costs;
        struct ofr_tuner_result result;
        double threshold[OFFRAMP_MAX_SITES];
        to_set(&set, search->tried[i].sites);
        ofr_hindsight_costs(&costs, choice->latency, choice->tune_batch, &set);
        if (ofr_hindsight_tune_each(threshold, choice->window, &costs, &set, choice->allowance,
                                    OFR_HINDSIGHT_EXACT, 1.0, why, why_size))
            return -1;
        ofr_hindsight_evaluate(&result, choice->window, &costs, &set, threshold);
        if (result.improvement_pct <= chosen->improvement_pct)
            continue;
        chosen->set = set;
        chosen->improvement_pct = result.improvement_pct;
        memcpy(chosen->threshold, threshold, set.ramps * sizeof *threshold);
    }
    return 0;
}

int ofr_ramp_choose(struct ofr_ramp_chosen *chosen, const struct ofr_ramp_choice *choice, char *why,
                    size_t why_size)
{
    struct search search = {0};
    uint32_t count = 0;
    *chosen = (struct ofr_ramp_chosen){0};
    if (open_search(&search, choice)) {
        close_search(&search);
        snprintf(why, why_size, "out of memory");
        return -1;
    }
    chosen->all = list_sets(&search, 0, 0, &count);
    if (chosen->all)
        try_all(&search, 0, 0);
    else
        climb_from_starts(&search);
    chosen->sets = search.count;
    int rc = pick(&search, chosen, why, why_size);
    close_search(&search);
    return rc;
}
