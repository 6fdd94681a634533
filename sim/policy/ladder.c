#include "sim/policy/ladder.h"

#include <stdlib.h>

/* Wrong exits added to those counted when moves are compared: a move may add none at all, and few may be luck. */
static const double wrong_floor = 1.0;
static const double highest_price = 1e9;

struct gain {
    double saved;
    int32_t wrong;
};

struct ofr_ladder {
    struct ofr_ramp_set set;
    uint32_t ramps, steps, records, capacity;
    double saving[OFFRAMP_MAX_SITES + 1]; /* last in use: 0, running to the end */
    struct ofr_ladder_step step[OFR_LADDER_STEPS];
    /* While building: what lowering ramp k's exit over bin b would change, given where records leave now. */
    struct gain gain[OFFRAMP_MAX_SITES][OFR_SCORE_BINS];
    uint32_t start[OFFRAMP_MAX_SITES]
                  [OFR_SCORE_BINS + 1]; /* records by bin: order[k][start[b]..start[b + 1]) */
    uint32_t *order[OFFRAMP_MAX_SITES]; /* [capacity] each, one block, owned by order[0] */
    uint8_t *leaves;                    /* [capacity] ramp a record leaves at; owned */
};

struct ofr_ladder *ofr_ladder_create(uint32_t capacity)
{
    struct ofr_ladder *ladder = calloc(1, sizeof *ladder);
    if (!ladder)
        return NULL;
    ladder->capacity = capacity;
    ladder->leaves = malloc(capacity);
    ladder->order[0] = malloc((size_t)capacity * OFFRAMP_MAX_SITES * sizeof **ladder->order);
    if (!ladder->leaves || !ladder->order[0]) {
        ofr_ladder_free(ladder);
        return NULL;
    }
    for (uint32_t k = 1; k < OFFRAMP_MAX_SITES; ++k)
        ladder->order[k] = ladder->order[0] + (size_t)capacity * k;
    return ladder;
}

void ofr_ladder_free(struct ofr_ladder *ladder)
{
    if (!ladder)
        return;
    free(ladder->order[0]);
    free(ladder->leaves);
    free(ladder);
}

static uint8_t bin_of(const struct ofr_ladder *ladder, const struct ofr_exit_memory *memory, uint32_t record,
                      uint32_t ramp)
{
    return memory->bin[(size_t)record * OFFRAMP_MAX_SITES + ladder->set.site[ramp]];
}

static int32_t is_wrong(const struct ofr_ladder *ladder, const struct ofr_exit_memory *memory,
                        uint32_t record, uint32_t ramp)
{
    return (int32_t)(memory->wrong[record] >> ladder->set.site[ramp] & 1);
}

/* Sorts the records of one ramp by bin (counting sort) and sums their gains, everyone running to the end. */
static void load_ramp(struct ofr_ladder *ladder, const struct ofr_exit_memory *memory, uint32_t ramp)
{
    uint32_t *start = ladder->start[ramp];
    struct gain *gain = ladder->gain[ramp];
    memset(start, 0, sizeof ladder->start[ramp]);
    memset(gain, 0, sizeof ladder->gain[ramp]);
    for (uint32_t i = 0; i < memory->count; ++i) {
        uint8_t bin = bin_of(ladder, memory, i, ramp);
        start[bin + 1]++;
        gain[bin].saved += ladder->saving[ramp];
        gain[bin].wrong += is_wrong(ladder, memory, i, ramp);
    }
    uint32_t at[OFR_SCORE_BINS];
    for (uint32_t b = 0; b < OFR_SCORE_BINS; ++b) {
        at[b] = start[b];
        start[b + 1] += start[b];
    }
    for (uint32_t i = 0; i < memory->count; ++i)
        ladder->order[ramp][at[bin_of(ladder, memory, i, ramp)]++] = i;
}

struct move {
    uint32_t ramp, cut;
    double price, saved;
    int32_t wrong;
};

/* The raise of one ramp's cut that saves most per wrong exit added; cut 0 = there is none that saves. */
static struct move best_move(const struct ofr_ladder *ladder, const uint8_t *cut)
{
    struct move best = {.price = -1.0};
    for (uint32_t k = 0; k < ladder->ramps; ++k) {
        double saved = 0.0;
        int32_t wrong = 0;
        for (uint32_t b = cut[k]; b < OFR_BIN_NEVER; ++b) {
            saved += ladder->gain[k][b].saved;
            wrong += ladder->gain[k][b].wrong;
            double per = (wrong > 0 ? (double)wrong : 0.0) + wrong_floor;
            bool moves = ladder->start[k][b + 1] > ladder->start[k][b];
            if (moves && saved > 1e-9 && saved > best.price * per)
                best = (struct move){
                    .ramp = k, .cut = b + 1, .price = saved / per, .saved = saved, .wrong = wrong};
        }
    }
    return best;
}

/* A record leaves at `ramp` from now on: what other ramps could still gain from it changes. */
static void settle(struct ofr_ladder *ladder, const struct ofr_exit_memory *memory, uint32_t record,
                   uint32_t ramp)
{
    uint32_t was = ladder->leaves[record];
    if (was <= ramp)
        return;
    ladder->leaves[record] = (uint8_t)ramp;
    double was_saved = ladder->saving[was];
    int32_t was_wrong = was < ladder->ramps ? is_wrong(ladder, memory, record, was) : 0;
    for (uint32_t k = 0; k < was && k < ladder->ramps; ++k) {
        struct gain *gain = &ladder->gain[k][bin_of(ladder, memory, record, k)];
        uint32_t before =
            k < ramp ? ramp : k; /* before: it gains over `ramp`; from there on: nothing is left */
        gain->saved -= ladder->saving[before] - was_saved;
        gain->wrong -= is_wrong(ladder, memory, record, before) - was_wrong;
    }
}

static void take(struct ofr_ladder *ladder, const struct ofr_exit_memory *memory, const struct move *move)
{
    const struct ofr_ladder_step *last = &ladder->step[ladder->steps - 1];
    struct ofr_ladder_step *step = &ladder->step[ladder->steps++];
    *step = *last;
    for (uint32_t q = ladder->start[move->ramp][last->cut[move->ramp]];
         q < ladder->start[move->ramp][move->cut]; ++q)
        settle(ladder, memory, ladder->order[move->ramp][q], move->ramp);
    step->cut[move->ramp] = (uint8_t)move->cut;
    step->price = move->price < last->price ? move->price : last->price;
    step->saved += move->saved;
    step->wrong = (uint32_t)((int32_t)step->wrong + move->wrong);
}

void ofr_ladder_build(struct ofr_ladder *ladder, const struct ofr_exit_memory *memory,
                      const struct ofr_ramp_set *set, const double *saving, double most_wrong)
{
    ladder->set = *set;
    ladder->ramps = set->ramps;
    ladder->records = memory->count;
    ladder->steps = 1;
    ladder->step[0] = (struct ofr_ladder_step){.price = highest_price};
    memcpy(ladder->saving, saving, ladder->ramps * sizeof *saving);
    ladder->saving[ladder->ramps] = 0.0;
    memset(ladder->leaves, (int)ladder->ramps, memory->count);
    for (uint32_t k = 0; k < ladder->ramps; ++k)
        load_ramp(ladder, memory, k);
    while (ladder->steps < OFR_LADDER_STEPS && ladder->step[ladder->steps - 1].wrong <= most_wrong) {
        struct move move = best_move(ladder, ladder->step[ladder->steps - 1].cut);
        if (move.price < 0.0)
            break;
        take(ladder, memory, &move);
    }
}

uint32_t ofr_ladder_steps(const struct ofr_ladder *ladder)
{
    return ladder->steps;
}

uint32_t ofr_ladder_records(const struct ofr_ladder *ladder)
{
    return ladder->records;
}

const struct ofr_ladder_step *ofr_ladder_step(const struct ofr_ladder *ladder, uint32_t step)
{
    return &ladder->step[step];
}

uint32_t ofr_ladder_within(const struct ofr_ladder *ladder, double wrong)
{
    uint32_t at = 0;
    while (at + 1 < ladder->steps && ladder->step[at + 1].wrong <= wrong)
        ++at;
    return at;
}

double ofr_ladder_price_at(const struct ofr_ladder *ladder, double wrong)
{
    uint32_t at = ofr_ladder_within(ladder, wrong);
    return ladder->step[at + 1 < ladder->steps ? at + 1 : at].price;
}

uint32_t ofr_ladder_at_price(const struct ofr_ladder *ladder, double price)
{
    uint32_t low = 0, high = ladder->steps - 1;
    while (low < high) {
        uint32_t middle = (low + high + 1) / 2;
        if (ladder->step[middle].price >= price)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

double ofr_ladder_threshold(const struct ofr_ladder *ladder, uint32_t step, uint16_t site)
{
    for (uint32_t k = 0; k < ladder->ramps; ++k)
        if (ladder->set.site[k] == site)
            return ofr_score_bin_edge(ladder->step[step].cut[k]);
    return 0.0;
}
