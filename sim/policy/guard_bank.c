/* guard: bank. Keeps account of wrong exits as a bank keeps money, so that the constraint holds over the run
 * and not only on average over windows.
 *
 *   credit = accuracy_loss * inputs fed back - wrong exits so far
 *
 * Three loops, from fast to slow:
 *   gate    before every batch: exits are closed unless the credit covers what is in flight and could all be
 *           wrong, or a burst of errors half as long again as the longest seen lately
 *   price   after every batch: how much saving a wrong exit has to bring (a step of the ladder), in proportion
 *           to how far the credit is from its target. Correlated errors (their variance per block above their
 *           mean) and more requests in flight ask for a larger target
 *   ladder  at inputs 64, 161, 306, ... (each interval half as long again, up to 8,192): thresholds for every
 *           price, from a memory that spans a long time (exit_memory.h)
 *
 * The gate makes the constraint a matter of accounting, not of statistics: while no more wrong exits can be
 * in flight than the reserve covers, every prefix of the run meets it, whatever the inputs.
 *
 * Memory and ladder belong to a set of ramps. Those of the set before the present one are kept: a trial
 * (ramp_loop.h) takes turns between two sets, and each goes on where it stopped. Evidence:
 * docs/accuracy-guard.md.
 */
#include "sim/policy/guard.h"
#include "sim/policy/ladder.h"

#include <math.h>
#include <stdlib.h>

enum {
    MEMORY_RECORDS = 8192,
    MEMORY_MOST_STRIDE = 4,
    FIRST_PERIOD = 64,
    LAST_PERIOD = 8192,
    MOVED_FRESH = 1024, /* inputs all remembered after the ramps moved */
    BLOCK = 256,        /* inputs over which the variance of errors is taken */
    BURST = 32          /* inputs over which bursts of errors are counted */
};

static const double period_growth = 1.5;
static const double burst_factor = 1.5;
static const double burst_memory = 3000.0; /* inputs after which a burst counts 1/e */
static const double batch_fade = 0.999;    /* per batch, of the largest batch size seen lately */
static const double first_burst = 4.0;
static const double least_reserve = 4.0; /* wrong exits */
static const double proportional_gain = 1.4;
static const double lowest_push = -3.0; /* natural log of price */
static const double target_scale = 3.5;
static const double target_most = 0.1;    /* of all wrong exits the constraint has allowed so far */
static const double ladder_most = 0.25;   /* wrong exits among the records at the ladder's end */
static const double move_at_least = 0.05; /* natural log of price: smaller changes are not worth a decision */

/* What is known of a set of ramps. */
struct book {
    struct ofr_ramp_set set;
    struct ofr_exit_memory memory; /* owned */
    struct ofr_ladder *ladder;     /* owned */
    bool have_ladder;
    double anchor;  /* natural log of the price at which the constraint is met on the memory */
    uint32_t fresh; /* inputs remembered since the ramps moved */
    uint64_t next_tune;
    double period;
};

struct bank {
    struct ofr_guard_setup setup;
    struct book book;    /* of the present set */
    struct book shelved; /* of the set before it */
    bool tuned_early;    /* the latency loop has had its tuning round since the ramps moved */
    bool moved;          /* since the last decision: thresholds have to be set anew */
    double saving[OFFRAMP_MAX_SITES];
    double added; /* what the ramps cost who runs to the end, share of the whole pass */
    bool open;
    uint64_t fed;
    uint64_t wrong; /* exits */

    uint8_t recent[BURST]; /* ring of errors */
    uint32_t recent_at, recent_wrong;
    double next_rows; /* largest batch, fading: what the next dispatch may hold */
    double burst;     /* largest recent_wrong, fading */
    double burst_fade;

    uint32_t block_rows, block_wrong;
    double block_mean, block_variance; /* of errors per block */

    double log_price; /* natural log of the price in force */
};

static void free_book(struct book *book)
{
    ofr_exit_memory_release(&book->memory);
    ofr_ladder_free(book->ladder);
}

static int make_book(struct book *book, uint32_t records, uint32_t sites)
{
    book->ladder = ofr_ladder_create(records);
    return book->ladder ? ofr_exit_memory_init(&book->memory, records, MEMORY_MOST_STRIDE, sites) : -1;
}

static void destroy(void *state)
{
    struct bank *bank = state;
    if (!bank)
        return;
    free_book(&bank->book);
    free_book(&bank->shelved);
    free(bank);
}

static void *create(const struct ofr_guard_setup *setup)
{
    struct bank *bank = calloc(1, sizeof *bank);
    if (!bank)
        return NULL;
    bank->setup = *setup;
    uint32_t records = setup->window ? setup->window : MEMORY_RECORDS;
    if (make_book(&bank->book, records, setup->sites) || make_book(&bank->shelved, records, setup->sites)) {
        destroy(bank);
        return NULL;
    }
    bank->burst = first_burst;
    bank->burst_fade = exp(-1.0 / burst_memory);
    bank->block_mean = bank->block_variance = setup->accuracy_loss * BLOCK;
    return bank;
}

/* Begins the book of a set, with what another knows of the ramps they share. */
static void begin_book(struct book *book, const struct ofr_ramp_set *set, const struct book *other,
                       uint64_t fed)
{
    struct ofr_ramp_set stay;
    ofr_ramp_set_common(&stay, set, &other->set);
    book->set = *set;
    book->have_ladder = false;
    book->fresh = 0;
    book->period = FIRST_PERIOD;
    if (stay.ramps > 0) {
        ofr_exit_memory_copy(&book->memory, &other->memory);
        book->next_tune = fed; /* their thresholds are in force: what holds them must not pause */
    } else {
        ofr_exit_memory_clear(&book->memory);
        book->next_tune = fed + FIRST_PERIOD;
    }
}

static void turn_to(struct bank *bank, const struct ofr_ramp_set *set)
{
    struct book old = bank->book;
    bank->book = bank->shelved;
    bank->shelved = old;
    bank->moved = true;
    bank->tuned_early = false;
    if (!ofr_ramp_set_same(set, &bank->book.set))
        begin_book(&bank->book, set, &bank->shelved, bank->fed);
}

static void ramps(void *state, const struct ofr_ramp_set *set, const struct ofr_ramp_costs *costs)
{
    struct bank *bank = state;
    if (!bank->fed) {
        begin_book(&bank->book, set, &bank->shelved, 0);
        bank->book.fresh = MOVED_FRESH;
    } else if (!ofr_ramp_set_same(set, &bank->book.set)) {
        turn_to(bank, set);
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
    double wanted = target_scale * sqrt(sqrt(overdispersion(bank) * in_flight));
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
    struct book *book = &bank->book;
    if (book->fresh < MOVED_FRESH)
        book->fresh++;
    else if (!ofr_exit_memory_takes(&book->memory))
        return;
    size_t at = (size_t)row * feedback->config->ramps;
    ofr_exit_memory_add(&book->memory, &book->set, feedback->score + at, feedback->answer + at,
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
    struct book *book = &bank->book;
    double records = book->memory.count;
    ofr_ladder_build(book->ladder, &book->memory, &book->set, bank->saving, ladder_most * records + 4.0);
    double price = ofr_ladder_price_at(book->ladder, bank->setup.accuracy_loss * records);
    book->anchor = price > 1e6 ? 0.0 : log(price / 10.0);
    book->have_ladder = true;
    book->period = fmin(book->period * period_growth + 1.0, LAST_PERIOD);
    book->next_tune = bank->fed + (uint64_t)book->period;
    verdict->evaluations = ofr_ladder_steps(book->ladder);
    verdict->tune_records = records * book->set.ramps;
    verdict->trigger = "ladder";
}

/* Thresholds of a step, and what it promises. */
static void apply_step(struct bank *bank, uint32_t number, struct ofr_guard_verdict *verdict)
{
    const struct book *book = &bank->book;
    const struct ofr_ladder_step *step = ofr_ladder_step(book->ladder, number);
    for (uint32_t k = 0; k < book->set.ramps; ++k)
        verdict->threshold[k] =
            fmin(ofr_ladder_threshold(book->ladder, number, book->set.site[k]), bank->setup.max_threshold);
    verdict->predicted_gain_pct =
        100.0 * (step->saved / fmax(1.0, ofr_ladder_records(book->ladder)) - bank->added);
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
    struct book *book = &bank->book;
    bank->next_rows = fmax((double)feedback->rows, bank->next_rows * batch_fade);
    double in_flight = (double)feedback->in_flight_rows + bank->next_rows;
    bool early = tune_now && !bank->tuned_early && book->memory.count >= BLOCK;
    bool tuned = book->set.ramps > 0 && (bank->fed >= book->next_tune || early);
    bank->tuned_early |= early;
    if (tuned)
        tune(bank, verdict);
    if (!book->have_ladder)
        return;
    double kept = reserve(bank, in_flight);
    if (credit(bank) < kept) {
        close_exits(bank, verdict);
        return;
    }
    double push = proportional_gain * (1.0 - (credit(bank) - kept) / (target(bank, in_flight) + 1e-9));
    double log_price = book->anchor + fmax(push, lowest_push);
    if (bank->open && !tuned && !bank->moved && fabs(log_price - bank->log_price) < move_at_least)
        return;
    bank->log_price = log_price;
    if (!tuned)
        verdict->trigger = bank->open ? "price" : "open";
    bank->open = true;
    bank->moved = false;
    apply_step(bank, ofr_ladder_at_price(book->ladder, 10.0 * exp(log_price)), verdict);
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
