/* Which ramps are active: budget, first placement, utilities and the latency loop that moves ramps (Apparate,
 * SOSP'24; "ramp adjustment"). Pure functions over costs and exit counts, so that each rule can be tested
 * alone.
 *
 * Times are ns. The *budget* bounds what the active ramps may add to an input that never exits, as a share of
 * the whole pass, and holds at every profiled batch size the batcher may use.
 */
#ifndef OFR_POLICY_RAMP_SET_H
#define OFR_POLICY_RAMP_SET_H

#include "sim/offramp_policy.h"

#include <string.h>

struct ofr_ramp_set {
    uint32_t ramps;
    uint16_t site[OFFRAMP_MAX_SITES]; /* [ramps] strictly ascending */
};

static inline bool ofr_ramp_set_same(const struct ofr_ramp_set *a, const struct ofr_ramp_set *b)
{
    return a->ramps == b->ramps && memcmp(a->site, b->site, a->ramps * sizeof *a->site) == 0;
}

/* Row of the latency view that serves a batch of so many rows: the first profiled size that holds them. */
uint32_t ofr_latency_row(const struct offramp_latency_view *latency, uint64_t rows);

/* The ramps that two sets have in common. */
void ofr_ramp_set_common(struct ofr_ramp_set *out, const struct ofr_ramp_set *a,
                         const struct ofr_ramp_set *b);

/* Mean costs over the batch sizes that occur. */
struct ofr_ramp_costs {
    uint32_t sites;
    double until_ns[OFFRAMP_MAX_SITES + 1]; /* [sites + 1]; last: full model */
    double add_ns[OFFRAMP_MAX_SITES];       /* [sites] what an active ramp adds to everything after it */
    double delay_ns[OFFRAMP_MAX_SITES];     /* [sites] from the site to the answer */
};

/* Costs at the mix of batch sizes given by weights [batch_count] (all 0: the smallest size). */
void ofr_ramp_costs_mix(struct ofr_ramp_costs *costs, const struct offramp_latency_view *latency,
                        const double *weight);

/* What the ramps of a set add to an input that leaves nowhere, as a share of the whole pass. */
double ofr_ramp_set_added(const struct ofr_ramp_set *set, const struct ofr_ramp_costs *costs);

/* Whether the set keeps the budget at every batch size up to the one that serves max_batch. */
bool ofr_ramp_set_fits(const struct ofr_ramp_set *set, const struct offramp_latency_view *latency,
                       uint32_t max_batch, double budget);

/* As many ramps as the budget allows, evenly spaced over the sites at which leaving beats the full model. May
 * be empty. `most` bounds their number. */
void ofr_ramp_set_even(struct ofr_ramp_set *set, const struct offramp_latency_view *latency,
                       uint32_t max_batch, double budget, uint32_t most);

/* Utility of each active ramp, ns per request: time saved by those who left there against the next way out,
 * less the time it cost those who passed. exits [ramps + 1] counts requests; the last ran to the end. */
void ofr_ramp_utilities(double *utility, const struct ofr_ramp_set *set, const struct ofr_ramp_costs *costs,
                        const uint32_t *exits);

/* The rules of one adjustment, under the same arguments as the policy has them. */
struct ofr_ramp_adjust {
    const struct offramp_latency_view *latency;
    const struct ofr_ramp_costs *costs;
    uint32_t max_batch;
    double budget;
    uint32_t most; /* ramps */
};

/* Some ramp has a negative utility: switches off all that do, and puts in the replacement with the best
 * positive bound. A candidate between two former ramps can exit at most what the removed ramp after it and
 * the removed ramps before it did. Returns false when no set that follows from the rule keeps a ramp. */
bool ofr_ramp_replace(struct ofr_ramp_set *next, const struct ofr_ramp_adjust *adjust,
                      const struct ofr_ramp_set *set, const double *utility, const uint32_t *exits);

/* All utilities are positive: adds the site before the ramp of highest utility if the budget allows,
 * otherwise moves the ramp of lowest utility one site earlier. Ramps whose earlier site is taken are passed
 * over. Returns false when nothing can be probed. */
bool ofr_ramp_probe(struct ofr_ramp_set *next, const struct ofr_ramp_adjust *adjust,
                    const struct ofr_ramp_set *set, const double *utility);

/* As ofr_ramp_probe to the other side: moves the ramp of lowest utility one site later. */
bool ofr_ramp_probe_later(struct ofr_ramp_set *next, const struct ofr_ramp_adjust *adjust,
                          const struct ofr_ramp_set *set, const double *utility);

#endif
