/* A ladder of thresholds: from "nobody exits" upwards, each step lowers thresholds further where that saves
 * most per additional wrong exit. Built once per tuning from the exit memory; afterwards a guard moves along
 * it at the cost of a comparison, which is what lets it react after every batch.
 *
 * A step's *price* is what its last move saved per wrong exit it added, in units of a whole pass; prices
 * never rise along the ladder. Asking for a price is asking for the trade-off at which an agreement budget is
 * worth spending.
 */
#ifndef OFR_POLICY_LADDER_H
#define OFR_POLICY_LADDER_H

#include "sim/policy/exit_memory.h"

enum {
    OFR_LADDER_STEPS = 512
};

struct ofr_ladder_step {
    uint8_t cut[OFFRAMP_MAX_SITES]; /* [ramps] scores in bins below it exit; 0 = never */
    double price;                   /* saving per wrong exit of the move that led here; whole passes */
    double saved;                   /* share of the whole pass saved by all records together */
    uint32_t wrong;                 /* wrong exits among the records */
};

struct ofr_ladder;

/* For memories of up to `capacity` records. NULL when out of memory. Owned. */
struct ofr_ladder *ofr_ladder_create(uint32_t capacity);
void ofr_ladder_free(struct ofr_ladder *ladder); /* NULL is allowed */

/* Builds the ladder of a ramp set over a memory. saving[k] = share of the whole pass saved by leaving at ramp k. Ends once
 * more than `most_wrong` records exit wrongly. */
void ofr_ladder_build(struct ofr_ladder *ladder, const struct ofr_exit_memory *memory,
                      const struct ofr_ramp_set *set, const double *saving, double most_wrong);

uint32_t ofr_ladder_steps(const struct ofr_ladder *ladder);   /* >= 1 after building; step 0 exits nobody */
uint32_t ofr_ladder_records(const struct ofr_ladder *ladder); /* records it was built from */
const struct ofr_ladder_step *ofr_ladder_step(const struct ofr_ladder *ladder, uint32_t step);
/* The step before the first that makes more wrong exits among the records. */
uint32_t ofr_ladder_within(const struct ofr_ladder *ladder, double wrong);
/* Price at which as many wrong exits are made as `wrong` allows among the records. */
double ofr_ladder_price_at(const struct ofr_ladder *ladder, double wrong);
/* Highest step whose price is at least this. */
uint32_t ofr_ladder_at_price(const struct ofr_ladder *ladder, double price);
/* Threshold of a step at a site; 0 where the ladder's set has no ramp. */
double ofr_ladder_threshold(const struct ofr_ladder *ladder, uint32_t step, uint16_t site);

#endif
