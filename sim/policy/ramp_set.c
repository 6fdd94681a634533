#include "sim/policy/ramp_set.h"

#include <math.h>
#include <string.h>

void ofr_ramp_set_common(struct ofr_ramp_set *out, const struct ofr_ramp_set *a, const struct ofr_ramp_set *b)
{
    out->ramps = 0;
    for (uint32_t i = 0, j = 0; i < a->ramps && j < b->ramps;) {
        if (a->site[i] == b->site[j])
            out->site[out->ramps++] = a->site[i];
        bool first = a->site[i] <= b->site[j];
        j += a->site[i] >= b->site[j];
        i += first;
    }
}

void ofr_ramp_costs_mix(struct ofr_ramp_costs *costs, const struct offramp_latency_view *latency,
                        const double *weight)
{
    uint32_t sites = latency->sites;
    double total = 0.0;
    memset(costs, 0, sizeof *costs);
    costs->sites = sites;
    for (uint32_t b = 0; b < latency->batch_count; ++b)
        total += weight[b];
    for (uint32_t b = 0; b < latency->batch_count; ++b) {
        double share = total > 0.0 ? weight[b] / total : (b == 0 ? 1.0 : 0.0);
        if (share == 0.0)
            continue;
        for (uint32_t k = 0; k <= sites; ++k)
            costs->until_ns[k] += share * (double)latency->until_ns[(size_t)b * (sites + 1) + k];
        for (uint32_t k = 0; k < sites; ++k) {
            costs->add_ns[k] += share * (double)latency->ramp_add_ns[(size_t)b * sites + k];
            costs->delay_ns[k] += share * (double)latency->ramp_delay_ns[(size_t)b * sites + k];
        }
    }
}

uint32_t ofr_latency_row(const struct offramp_latency_view *latency, uint64_t rows)
{
    uint32_t row = 0;
    while (row + 1 < latency->batch_count && latency->batch[row] < rows)
        ++row;
    return row;
}

double ofr_ramp_set_added(const struct ofr_ramp_set *set, const struct ofr_ramp_costs *costs)
{
    double added_ns = 0.0;
    for (uint32_t k = 0; k < set->ramps; ++k)
        added_ns += costs->add_ns[set->site[k]];
    return added_ns / costs->until_ns[costs->sites];
}

/* Number of profiled sizes in use: all below max_batch and the one that serves it. */
static uint32_t sizes_in_use(const struct offramp_latency_view *latency, uint32_t max_batch)
{
    uint32_t count = 0;
    while (count < latency->batch_count && (count == 0 || latency->batch[count - 1] < max_batch))
        ++count;
    return count;
}

bool ofr_ramp_set_fits(const struct ofr_ramp_set *set, const struct offramp_latency_view *latency,
                       uint32_t max_batch, double budget)
{
    uint32_t sites = latency->sites;
    uint32_t sizes = sizes_in_use(latency, max_batch);
    for (uint32_t b = 0; b < sizes; ++b) {
        int64_t added_ns = 0;
        for (uint32_t k = 0; k < set->ramps; ++k)
            added_ns += latency->ramp_add_ns[(size_t)b * sites + set->site[k]];
        if ((double)added_ns > budget * (double)latency->until_ns[(size_t)b * (sites + 1) + sites])
            return false;
    }
    return true;
}

/* Sites at which leaving beats the full model at every size in use: a prefix, as times grow with depth. */
static uint32_t useful_sites(const struct offramp_latency_view *latency, uint32_t max_batch)
{
    uint32_t sites = latency->sites;
    uint32_t sizes = sizes_in_use(latency, max_batch);
    uint32_t useful = 0;
    for (uint32_t k = 0; k < sites; ++k) {
        bool beats = true;
        for (uint32_t b = 0; b < sizes; ++b) {
            const int64_t *until_ns = latency->until_ns + (size_t)b * (sites + 1);
            beats &= until_ns[k] + latency->ramp_delay_ns[(size_t)b * sites + k] < until_ns[sites];
        }
        if (beats)
            useful = k + 1;
    }
    return useful;
}

static void place_even(struct ofr_ramp_set *set, uint32_t useful, uint32_t ramps)
{
    set->ramps = ramps;
    for (uint32_t i = 0; i < ramps; ++i)
        set->site[i] = (uint16_t)((2 * i + 1) * useful / (2 * ramps));
}

void ofr_ramp_set_even(struct ofr_ramp_set *set, const struct offramp_latency_view *latency,
                       uint32_t max_batch, double budget, uint32_t most)
{
    uint32_t useful = useful_sites(latency, max_batch);
    uint32_t ramps = useful < most ? useful : most;
    for (; ramps > 0; --ramps) {
        place_even(set, useful, ramps);
        if (ofr_ramp_set_fits(set, latency, max_batch, budget))
            return;
    }
    set->ramps = 0;
}

/* When the answer of active ramp k is out; k = ramps: the full model. */
static double way_out_ns(const struct ofr_ramp_set *set, const struct ofr_ramp_costs *costs, uint32_t k)
{
    double ns = 0.0;
    for (uint32_t j = 0; j < k; ++j)
        ns += costs->add_ns[set->site[j]];
    if (k == set->ramps)
        return ns + costs->until_ns[costs->sites];
    return ns + costs->until_ns[set->site[k]] + costs->delay_ns[set->site[k]];
}

void ofr_ramp_utilities(double *utility, const struct ofr_ramp_set *set, const struct ofr_ramp_costs *costs,
                        const uint32_t *exits)
{
    double total = 0.0;
    for (uint32_t k = 0; k <= set->ramps; ++k)
        total += exits[k];
    double passed = total;
    for (uint32_t k = 0; k < set->ramps; ++k) {
        passed -= exits[k];
        double saved_ns = way_out_ns(set, costs, k + 1) - way_out_ns(set, costs, k);
        utility[k] = total > 0.0 ? (exits[k] * saved_ns - passed * costs->add_ns[set->site[k]]) / total : 0.0;
    }
}

static void insert(struct ofr_ramp_set *set, uint16_t site)
{
    uint32_t at = set->ramps++;
    for (; at > 0 && set->site[at - 1] > site; --at)
        set->site[at] = set->site[at - 1];
    set->site[at] = site;
}

static bool holds(const struct ofr_ramp_set *set, uint32_t site)
{
    for (uint32_t k = 0; k < set->ramps; ++k)
        if (set->site[k] == site)
            return true;
    return false;
}

/* ---- replacement ---- */

/* The old set, cut at its ramps: what a candidate site may hope for. */
struct survey {
    const struct ofr_ramp_adjust *adjust;
    const struct ofr_ramp_set *set;
    const struct ofr_ramp_set *kept;
    const double *utility;
    const uint32_t *exits;
    double total;
};

/* Upper bound of a candidate's utility in ns per request. */
static double bound_ns(const struct survey *survey, uint32_t site)
{
    const struct ofr_ramp_costs *costs = survey->adjust->costs;
    double at_most = 0.0, gone = 0.0;
    bool follower = false;
    for (uint32_t k = 0; k < survey->set->ramps; ++k) {
        bool removed = survey->utility[k] < 0.0;
        bool before = survey->set->site[k] < site;
        if (removed && (before || !follower))
            at_most += survey->exits[k];
        if (!removed && before)
            gone += survey->exits[k];
        follower |= !before;
    }
    double next_ns = costs->until_ns[costs->sites];
    for (uint32_t k = survey->kept->ramps; k-- > 0 && survey->kept->site[k] > site;)
        next_ns = costs->until_ns[survey->kept->site[k]] + costs->delay_ns[survey->kept->site[k]];
    double saved_ns = next_ns - costs->until_ns[site] - costs->delay_ns[site];
    double passed = survey->total - gone - at_most;
    return (at_most * saved_ns - passed * costs->add_ns[site]) / survey->total;
}

/* First site after the earliest removed ramp; sites when none was removed. */
static uint32_t earliest_removed(const struct survey *survey)
{
    for (uint32_t k = 0; k < survey->set->ramps; ++k)
        if (survey->utility[k] < 0.0)
            return survey->set->site[k] + 1U;
    return survey->adjust->costs->sites;
}

static bool affordable(const struct survey *survey, uint32_t site)
{
    struct ofr_ramp_set with = *survey->kept;
    insert(&with, (uint16_t)site);
    return with.ramps <= survey->adjust->most &&
           ofr_ramp_set_fits(&with, survey->adjust->latency, survey->adjust->max_batch,
                             survey->adjust->budget);
}

/* Middle of every interval, then the middle of its later half and so on; the best positive bound of the first
 * round that has one. Returns the site or -1. */
static int32_t best_candidate(const struct survey *survey)
{
    uint32_t first = earliest_removed(survey);
    uint32_t sites = survey->adjust->costs->sites;
    for (uint32_t round = 1; round < sites + 1; round *= 2) {
        int32_t best = -1;
        double best_ns = 0.0;
        for (uint32_t begin = first; begin < sites;) {
            uint32_t end = begin;
            while (end < sites && !holds(survey->set, end))
                ++end;
            uint32_t width = end - begin;
            uint32_t site = end - (width + 2 * round - 1) / (2 * round);
            if (width > 0 && site < end && affordable(survey, site) && bound_ns(survey, site) > best_ns) {
                best = (int32_t)site;
                best_ns = bound_ns(survey, site);
            }
            begin = end + 1;
        }
        if (best >= 0)
            return best;
    }
    return -1;
}

bool ofr_ramp_replace(struct ofr_ramp_set *next, const struct ofr_ramp_adjust *adjust,
                      const struct ofr_ramp_set *set, const double *utility, const uint32_t *exits)
{
    struct ofr_ramp_set kept = {0};
    struct survey survey = {.adjust = adjust, .set = set, .kept = &kept, .utility = utility, .exits = exits};
    for (uint32_t k = 0; k < set->ramps; ++k)
        if (utility[k] >= 0.0)
            kept.site[kept.ramps++] = set->site[k];
    for (uint32_t k = 0; k <= set->ramps; ++k)
        survey.total += exits[k];
    int32_t site = survey.total > 0.0 ? best_candidate(&survey) : -1;
    *next = kept;
    if (site >= 0)
        insert(next, (uint16_t)site);
    return next->ramps > 0;
}

/* ---- probing ---- */

/* The ramp of highest (sign 1) or lowest (sign -1) utility whose earlier site is free; -1 = none. */
static int32_t pick(const struct ofr_ramp_set *set, const double *utility, double sign)
{
    int32_t best = -1;
    for (uint32_t k = 0; k < set->ramps; ++k) {
        bool room = set->site[k] > 0 && !holds(set, set->site[k] - 1U);
        if (room && (best < 0 || sign * utility[k] > sign * utility[best]))
            best = (int32_t)k;
    }
    return best;
}

bool ofr_ramp_probe(struct ofr_ramp_set *next, const struct ofr_ramp_adjust *adjust,
                    const struct ofr_ramp_set *set, const double *utility)
{
    int32_t high = pick(set, utility, 1.0);
    if (high >= 0 && set->ramps < adjust->most) {
        *next = *set;
        insert(next, (uint16_t)(set->site[high] - 1));
        if (ofr_ramp_set_fits(next, adjust->latency, adjust->max_batch, adjust->budget))
            return true;
    }
    int32_t low = pick(set, utility, -1.0);
    if (low < 0)
        return false;
    *next = *set;
    next->site[low]--;
    return ofr_ramp_set_fits(next, adjust->latency, adjust->max_batch, adjust->budget);
}

bool ofr_ramp_probe_later(struct ofr_ramp_set *next, const struct ofr_ramp_adjust *adjust,
                          const struct ofr_ramp_set *set, const double *utility)
{
    int32_t low = -1;
    for (uint32_t k = 0; k < set->ramps; ++k) {
        uint32_t site = set->site[k] + 1U;
        bool room = site < adjust->costs->sites && !holds(set, site) &&
                    adjust->costs->until_ns[site] + adjust->costs->delay_ns[site] <
                        adjust->costs->until_ns[adjust->costs->sites];
        if (room && (low < 0 || utility[k] < utility[low]))
            low = (int32_t)k;
    }
    if (low < 0)
        return false;
    *next = *set;
    next->site[low]++;
    return ofr_ramp_set_fits(next, adjust->latency, adjust->max_batch, adjust->budget);
}
