/* guard: bank. Keeps account of wrong exits as a bank keeps money, so that the constraint holds over the run
 * and not only on average over windows.
 *
 *   credit = accuracy_loss * inputs fed back - wrong exits so far
 *
 * Three loops, from fast to slow:
 *   gate    before every batch: exits are closed unless the credit covers what is in flight and could all be
 * wrong, or a burst of errors half as long again as the longest seen lately price   after every batch: how
 * much saving a wrong exit has to bring (a step of the ladder), in proportion to how far the credit is from
 * its target. Correlated errors (their variance per block above their mean) and more requests in flight ask
 * for a larger target ladder  at inputs 64, 161, 306, ... (each interval half as long again, up to 16,384):
 * thresholds for every price, from a memory that spans a long time (exit_memory.h)
 *
 * The gate makes the constraint a matter of accounting, not of statistics: while no more wrong exits can be
 * in flight than the reserve covers, every prefix of the run meets it, whatever the inputs. The memory leaves
 * out most inputs while the price is high: trouble is met by the price, not learnt. Evidence:
 * docs/accuracy-guard.md.
 */
#include "sim/policy/guard.h"
#include "sim/policy/ladder.h"

#include <math.h>
#include <stdlib.h>

enum {
    MEMORY_RECORDS = 4096,
    MEMORY_MOST_STRIDE = 4,
    FIRST_PERIOD = 64,
    LAST_PERIOD = 8192,
    MOVED_FRESH = 1024, /* inputs all remembered after the ramps moved */
    BLOCK = 256,        /* inputs over which the variance of errors is taken */
    BURST = 32,         /* inputs over which bursts of errors are counted */
    TROUBLE_EVERY = 16  /* while the price is high, one input in so many is remembered */
};

static const double period_growth = 1.5;
static const double burst_factor = 1.5;
static const double burst_memory = 10000.0; /* inputs after which a burst counts 1/e */
static const double batch_fade = 0.999;     /* per batch, of the largest batch size seen lately */
static const double first_burst = 16.0;
static const double least_reserve = 4.0; /* wrong exits */
static const double proportional_gain = 2.0;
static const double most_push = 3.0;    /* natural log of price */
static const double trouble_push = 1.5; /* from this push on the price counts as high */
static const double target_scale = 5.0;
static const double target_most = 0.1;    /* of all wrong exits the constraint has allowed so far */
static const double ladder_most = 0.25;   /* wrong exits among the records at the ladder's end */
static const double move_at_least = 0.05; /* natural log of price: smaller changes are not worth a decision */

struct bank {
    struct ofr_guard_setup setup;
    struct ofr_exit_memory memory;  /* owned */
    struct ofr_exit_memory shelved; /* what was remembered under the set before this one; owned */
    struct ofr_ladder *ladder;      /* owned */
    struct ofr_ramp_set set, shelved_set;
    bool tuned_early; /* the latency loop has had its tuning round since the ramps moved */
    uint32_t fresh;   /* inputs remembered since the ramps moved */
    double saving[OFFRAMP_MAX_SITES];
    double added; /* what the ramps cost who runs to the end, share of the whole pass */
    bool have_ladder, open;
    uint64_t fed, next_tune;
    double period;
    uint64_t wrong; /* exits */

    uint8_t recent[BURST]; /* ring of errors */
    uint32_t recent_at, recent_wrong;
    double next_rows; /* largest batch, fading: what the next dispatch may hold */
    double burst;     /* largest recent_wrong, fading */
    double burst_fade;

    uint32_t block_rows, block_wrong;
    double block_mean, block_variance; /* of errors per block */

    double anchor, push; /* natural logs of price */
    double log_price;    /* in force */
};

static void destroy(void *state)
{
    struct bank *bank = state;
    if (!bank)
        return;
    ofr_exit_memory_release(&bank->memory);
    ofr_exit_memory_release(&bank->shelved);
    ofr_ladder_free(bank->ladder);
    free(bank);
}

static void *create(const struct ofr_guard_setup *setup)
{
    struct bank *bank = calloc(1, sizeof *bank);
    if (!bank)
        return NULL;
    bank->setup = *setup;
    uint32_t records = setup->window ? setup->window : MEMORY_RECORDS;
    bank->ladder = ofr_ladder_create(records);
    bool made = ofr_exit_memory_init(&bank->memory, records, MEMORY_MOST_STRIDE, setup->sites) == 0 &&
                ofr_exit_memory_init(&bank->shelved, records, MEMORY_MOST_STRIDE, setup->sites) == 0;
    if (!made || !bank->ladder) {
        destroy(bank);
        return NULL;
    }
    bank->period = FIRST_PERIOD;
    bank->next_tune = FIRST_PERIOD;
    bank->burst = first_burst;
    bank->burst_fade = exp(-1.0 / burst_memory);
    bank->block_mean = bank->block_variance = setup->accuracy_loss * BLOCK;
    return bank;
}

/* Puts away what was remembered under the old set and goes on with the new one: with what it remembers when it
 * is the set before the old one (a trial that failed), else with a copy as far as ramps are shared. */
static void move_memory(struct bank *bank, const struct ofr_ramp_set *set)
{
    struct ofr_exit_memory old = bank->memory;
    struct ofr_ramp_set old_set = bank->set, stay;
    bank->memory = bank->shelved;
    bank->shelved = old;
    bank->set = *set;
    bool back = ofr_ramp_set_same(set, &bank->shelved_set);
    bank->fresh = back ? MOVED_FRESH : 0;
    ofr_ramp_set_common(&stay, set, &old_set);
    if (!back && stay.ramps > 0)
        ofr_exit_memory_copy(&bank->memory, &old);
    else if (!back)
        ofr_exit_memory_clear(&bank->memory);
    bank->shelved_set = old_set;
}

static void ramps(void *state, const struct ofr_ramp_set *set, const struct ofr_ramp_costs *costs)
{
    struct bank *bank = state;
    if (!bank->fed) {
        bank->set = *set;
        bank->fresh = MOVED_FRESH;
    } else if (!ofr_ramp_set_same(set, &bank->set)) {
        move_memory(bank, set);
        bank->tuned_early = false;
        bank->period = FIRST_PERIOD;
        bank->next_tune = bank->fed + (bank->fresh ? 0 : FIRST_PERIOD);
    }
    ofr_guard_savings(bank->saving, set, costs);
    bank->added = ofr_ramp_set_added(set, costs);
}

/* How much more errors vary from block to block than independent ones would; at least 1. */
static double overdispersion(const struct bank *bank)
{
    return fmax(1.0, bank->block_variance / fmax(bank->block_mean, 0.5));
}

static double credit(const struct bank *bank)
{
    return bank->setup.accuracy_loss * (double)bank->fed - (double)bank->wrong;
}

/* Wrong exits that must stay covered: a burst, but never more than are in flight. */
static double reserve(const struct bank *bank, double in_flight)
{
    return fmin(fmax(1.0 + burst_factor * bank->burst, least_reserve), in_flight);
}

static double target(const struct bank *bank, double in_flight)
{
    double wanted = target_scale * sqrt(sqrt(overdispersion(bank))) * sqrt(in_flight);
    return fmin(wanted, 1.0 + target_most * bank->setup.accuracy_loss * (double)bank->fed);
}

static void end_block(struct bank *bank)
{
    bank->block_mean += (bank->block_wrong - bank->block_mean) / 16.0;
    double off = bank->block_wrong - bank->block_mean;
    bank->block_variance += (off * off - bank->block_variance) / 16.0;
    bank->block_rows = bank->block_wrong = 0;
}

static void count_error(struct bank *bank, uint8_t wrong)
{
    bank->recent_wrong += wrong;
    bank->recent_wrong -= bank->recent[bank->recent_at];
    bank->recent[bank->recent_at] = wrong;
    bank->recent_at = (bank->recent_at + 1) % BURST;
    if (bank->recent_wrong > bank->burst)
        bank->burst = bank->recent_wrong;
}

static void remember(struct bank *bank, const struct offramp_feedback *feedback, uint32_t row)
{
    bool trouble = bank->push >= trouble_push && bank->memory.count >= BLOCK;
    if (bank->fresh < MOVED_FRESH)
        bank->fresh++;
    else if ((trouble && bank->fed % TROUBLE_EVERY != 0) || !ofr_exit_memory_takes(&bank->memory))
        return;
    size_t at = (size_t)row * feedback->config->ramps;
    ofr_exit_memory_add(&bank->memory, &bank->set, feedback->score + at, feedback->answer + at,
                        feedback->final_answer[row]);
}

static void feed(void *state, const struct offramp_feedback *feedback, bool same_ramps)
{
    struct bank *bank = state;
    for (uint32_t row = 0; row < feedback->rows; ++row) {
        uint8_t wrong = ofr_guard_row_wrong(feedback, row);
        bank->wrong += wrong;
        bank->block_wrong += wrong;
        bank->fed++;
        bank->block_rows++;
        bank->burst *= bank->burst_fade;
        count_error(bank, wrong);
        if (bank->block_rows == BLOCK)
            end_block(bank);
        if (same_ramps)
            remember(bank, feedback, row);
    }
}

static void tune(struct bank *bank, struct ofr_guard_verdict *verdict)
{
    double records = bank->memory.count;
    ofr_ladder_build(bank->ladder, &bank->memory, &bank->set, bank->saving, ladder_most * records + 4.0);
    double price = ofr_ladder_price_at(bank->ladder, bank->setup.accuracy_loss * records);
    bank->anchor = price > 1e6 ? 0.0 : log(price / 10.0);
    bank->have_ladder = true;
    bank->period = fmin(bank->period * period_growth + 1.0, LAST_PERIOD);
    bank->next_tune = bank->fed + (uint64_t)bank->period;
    verdict->evaluations = ofr_ladder_steps(bank->ladder);
    verdict->tune_records = records * bank->set.ramps;
    verdict->trigger = "ladder";
}

/* Thresholds of a step, and what it promises. */
static void apply_step(struct bank *bank, uint32_t number, struct ofr_guard_verdict *verdict)
{
    const struct ofr_ladder_step *step = ofr_ladder_step(bank->ladder, number);
    for (uint32_t k = 0; k < bank->set.ramps; ++k)
        verdict->threshold[k] =
            fmin(ofr_ladder_threshold(bank->ladder, number, bank->set.site[k]), bank->setup.max_threshold);
    verdict->predicted_gain_pct =
        100.0 * (step->saved / fmax(1.0, ofr_ladder_records(bank->ladder)) - bank->added);
    verdict->changed = true;
}

static void close_exits(struct bank *bank, struct ofr_guard_verdict *verdict)
{
    if (bank->open) {
        memset(verdict->threshold, 0, sizeof verdict->threshold);
        verdict->changed = true;
        verdict->predicted_gain_pct = 0.0;
        verdict->trigger = "credit";
    }
    bank->open = false;
}

static void decide(void *state, const struct offramp_feedback *feedback, bool tune_now,
                   struct ofr_guard_verdict *verdict)
{
    struct bank *bank = state;
    bank->next_rows = fmax((double)feedback->rows, bank->next_rows * batch_fade);
    double in_flight = (double)feedback->in_flight_rows + bank->next_rows;
    bool early = tune_now && !bank->tuned_early && bank->memory.count >= BLOCK;
    bool tuned = bank->set.ramps > 0 && (bank->fed >= bank->next_tune || early);
    bank->tuned_early |= early;
    if (tuned)
        tune(bank, verdict);
    if (!bank->have_ladder)
        return;
    double kept = reserve(bank, in_flight);
    if (credit(bank) < kept) {
        close_exits(bank, verdict);
        return;
    }
    double push = proportional_gain * (1.0 - (credit(bank) - kept) / (target(bank, in_flight) + 1e-9));
    bank->push = fmin(fmax(push, -most_push), most_push);
    double log_price = bank->anchor + bank->push;
    if (bank->open && !tuned && fabs(log_price - bank->log_price) < move_at_least)
        return;
    bank->log_price = log_price;
    if (!tuned)
        verdict->trigger = bank->open ? "price" : "open";
    bank->open = true;
    apply_step(bank, ofr_ladder_at_price(bank->ladder, 10.0 * exp(log_price)), verdict);
}

extern const struct ofr_guard_ops ofr_guard_bank;
const struct ofr_guard_ops ofr_guard_bank = {
    .name = "bank",
    .help = "keeps account of wrong exits over the whole run; moves along a ladder of thresholds after every "
            "batch",
    .create = create,
    .destroy = destroy,
    .ramps = ramps,
    .feed = feed,
    .decide = decide,
};
