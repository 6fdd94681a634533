/* The tuner's window, its rules of evaluation, and the way from a chosen configuration to thresholds. */
#include "sim/policy/tuner_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Room for one ramp's cuts. Windows up to about 8,000 samples fit with a cut for every sample. */
static const size_t POOL_BYTES = 8u << 20;

uint32_t ofr_tuner_words(uint32_t samples)
{
    return (samples + 255) / 256 * 4;
}

/* A cut for every score and one for everything, or the finest grid, 0.001; a row more for the samples in
 * none. */
static uint32_t cuts_for(uint32_t max_samples)
{
    return (max_samples > 1000 ? max_samples : 1000) + 3;
}

static size_t words_for_cuts(uint32_t max_samples)
{
    size_t words = ofr_tuner_words(max_samples);
    size_t all = words * cuts_for(max_samples);
    return all < POOL_BYTES / 8 ? all : POOL_BYTES / 8;
}

static bool allocate_ramp(struct ofr_tuner *tuner, struct tuner_ramp *ramp)
{
    ramp->score = calloc((size_t)64 * ofr_tuner_words(tuner->max_samples), sizeof *ramp->score);
    ramp->wrong = calloc(ofr_tuner_words(tuner->max_samples), sizeof *ramp->wrong);
    ramp->stop = calloc(tuner->max_samples, sizeof *ramp->stop);
    ramp->limit = calloc(tuner->max_cuts, sizeof *ramp->limit);
    ramp->below = malloc(tuner->pool_words * sizeof *ramp->below);
    ramp->filled = calloc(tuner->max_cuts, 1);
    ramp->fixed = NAN;
    return ramp->score && ramp->wrong && ramp->stop && ramp->limit && ramp->below && ramp->filled;
}

static bool allocate(struct ofr_tuner *tuner)
{
    size_t words = ofr_tuner_words(tuner->max_samples);
    bool ok = true;
    tuner->sort = calloc(tuner->max_samples, sizeof *tuner->sort);
    tuner->nearest = calloc(tuner->max_samples, sizeof *tuner->nearest);
    tuner->mask = calloc(words, sizeof *tuner->mask);
    ok = tuner->sort && tuner->nearest && tuner->mask;
    for (uint32_t k = 0; ok && k < tuner->max_ramps; ++k) {
        tuner->reach[k] = calloc(words, sizeof **tuner->reach);
        ok = allocate_ramp(tuner, &tuner->ramp[k]) && tuner->reach[k];
    }
    for (uint32_t k = 0; ok && k <= tuner->max_ramps; ++k)
        ok = (tuner->path.alive[k] = calloc(words, sizeof **tuner->path.alive)) != NULL;
    return ok;
}

int ofr_tuner_create(struct ofr_tuner **out, uint32_t max_samples, uint32_t max_ramps, struct ofr_error *err)
{
    *out = NULL;
    if (max_samples < 1 || max_samples > OFR_TUNER_MAX_SAMPLES || max_ramps < 1 ||
        max_ramps > OFR_TUNER_MAX_RAMPS)
        return ofr_fail(err, OFR_E_USAGE,
                        "tuner: found a window of %u samples x %u ramps, expected 1..%d x 1..%d", max_samples,
                        max_ramps, OFR_TUNER_MAX_SAMPLES, OFR_TUNER_MAX_RAMPS);
    struct ofr_tuner *tuner = calloc(1, sizeof *tuner);
    if (!tuner)
        return ofr_fail_nomem(err, "tuner");
    tuner->max_samples = max_samples;
    tuner->max_ramps = max_ramps;
    tuner->max_cuts = cuts_for(max_samples);
    tuner->pool_words = words_for_cuts(max_samples);
    tuner->max_threshold = 1.0;
    tuner->effort = 1;
    tuner->costs.vanilla = 1.0;
    if (!allocate(tuner)) {
        ofr_tuner_free(tuner);
        return ofr_fail_nomem(err, "tuner");
    }
    ofr_tuner_window(tuner, max_samples, max_ramps);
    *out = tuner;
    return 0;
}

void ofr_tuner_free(struct ofr_tuner *tuner)
{
    if (!tuner)
        return;
    for (uint32_t k = 0; k < tuner->max_ramps; ++k) {
        struct tuner_ramp *ramp = &tuner->ramp[k];
        free(ramp->score);
        free(ramp->wrong);
        free(ramp->stop);
        free(ramp->limit);
        free(ramp->below);
        free(ramp->filled);
        free(tuner->reach[k]);
    }
    for (uint32_t k = 0; k <= tuner->max_ramps; ++k)
        free(tuner->path.alive[k]);
    free(tuner->sort);
    free(tuner->nearest);
    free(tuner->mask);
    free(tuner);
}

static uint32_t clamp(uint32_t value, uint32_t max)
{
    return value < 1 ? 1 : value > max ? max : value;
}

void ofr_tuner_window(struct ofr_tuner *tuner, uint32_t samples, uint32_t ramps)
{
    tuner->samples = clamp(samples, tuner->max_samples);
    tuner->ramps = clamp(ramps, tuner->max_ramps);
    tuner->words = ofr_tuner_words(tuner->samples);
    for (uint32_t k = 0; k < tuner->ramps; ++k)
        tuner->ramp[k].fixed = NAN;
    uint64_t *all = tuner->path.alive[0];
    memset(all, 0, tuner->words * sizeof *all);
    memset(all, 0xff, tuner->samples / 64 * sizeof *all);
    if (tuner->samples % 64)
        all[tuner->samples / 64] = ((uint64_t)1 << tuner->samples % 64) - 1;
}

void ofr_tuner_set(struct ofr_tuner *tuner, uint32_t ramp, uint32_t sample, double score, bool agrees)
{
    uint64_t bit = (uint64_t)1 << sample % 64;
    uint64_t *word = &tuner->ramp[ramp].wrong[sample / 64];
    tuner->ramp[ramp].score[sample] = score;
    *word = agrees ? *word & ~bit : *word | bit;
}

OFR_TUNER_HOT static void load_wrong(struct ofr_tuner *tuner, uint64_t *wrong, const uint8_t *agrees)
{
    uint32_t whole = tuner->samples / 64;
    for (uint32_t w = 0; w < whole; ++w) {
        uint64_t bits = 0;
        for (uint32_t b = 0; b < 64; ++b)
            bits |= (uint64_t)(agrees[64 * w + b] == 0) << b;
        wrong[w] = bits;
    }
    if (tuner->samples % 64)
        wrong[whole] = 0;
    for (uint32_t i = 64 * whole; i < tuner->samples; ++i)
        wrong[whole] |= (uint64_t)(agrees[i] == 0) << i % 64;
}

void ofr_tuner_column(struct ofr_tuner *tuner, uint32_t ramp, const double *score, const uint8_t *agrees)
{
    memcpy(tuner->ramp[ramp].score, score, tuner->samples * sizeof *score);
    load_wrong(tuner, tuner->ramp[ramp].wrong, agrees);
}

void ofr_tuner_column_float(struct ofr_tuner *tuner, uint32_t ramp, const float *score, const uint8_t *agrees)
{
    double *out = tuner->ramp[ramp].score;
    for (uint32_t i = 0; i < tuner->samples; ++i)
        out[i] = (double)score[i];
    load_wrong(tuner, tuner->ramp[ramp].wrong, agrees);
}

void ofr_tuner_set_costs(struct ofr_tuner *tuner, const struct ofr_tuner_costs *costs)
{
    tuner->costs = *costs;
}

void ofr_tuner_fix(struct ofr_tuner *tuner, uint32_t ramp, double threshold)
{
    tuner->ramp[ramp].fixed = threshold;
}

void ofr_tuner_set_max_threshold(struct ofr_tuner *tuner, double max_threshold)
{
    tuner->max_threshold = max_threshold;
}

void ofr_tuner_set_effort(struct ofr_tuner *tuner, uint32_t effort)
{
    tuner->effort = effort;
}

void ofr_tuner_costs_from(struct ofr_tuner_costs *costs, uint32_t ramps, const double *until,
                          const double *add, const double *delay)
{
    double added = 0.0;
    for (uint32_t k = 0; k < ramps; ++k) {
        costs->leave[k] = until[k] + (added + delay[k]);
        added += add[k];
    }
    costs->leave[ramps] = until[ramps] + added;
    costs->vanilla = until[ramps];
}

/* ---- rules ---- */

double ofr_tuner_acc(uint32_t wrong, uint32_t samples)
{
    double share = (double)(samples - wrong) / (double)samples;
    double scaled = share * 1e7;
    double whole = nearbyint(scaled);
    /* The product itself is rounded: at a tie its lost part decides, as it does in exact decimal. */
    double lost = fma(share, 1e7, -scaled);
    if (fabs(scaled - whole) == 0.5 && lost != 0.0)
        whole = lost > 0.0 ? ceil(scaled) : floor(scaled);
    return whole / 1e7;
}

static bool allowed(uint32_t wrong, uint32_t samples, double budget)
{
    return fabs(1.0 - ofr_tuner_acc(wrong, samples)) < budget;
}

int64_t ofr_tuner_max_wrong(double budget, uint32_t samples)
{
    if (!(budget > 0.0))
        return -1;
    double share = budget < 1.0 ? budget : 1.0;
    int64_t wrong = (int64_t)(share * (double)samples) + 1;
    wrong = wrong < (int64_t)samples ? wrong : (int64_t)samples;
    while (wrong >= 0 && !allowed((uint32_t)wrong, samples, budget))
        --wrong;
    return wrong;
}

double ofr_tuner_improvement(const struct ofr_tuner *tuner, const uint32_t *exits)
{
    double latency = 0.0;
    for (uint32_t k = 0; k <= tuner->ramps; ++k)
        latency += (double)exits[k] / (double)tuner->samples * tuner->costs.leave[k];
    return (tuner->costs.vanilla - latency) / tuner->costs.vanilla * 100.0;
}

static void fill_rates(const struct ofr_tuner *tuner, struct ofr_tuner_result *result)
{
    result->acc = ofr_tuner_acc(result->wrong, tuner->samples);
    result->improvement_pct = ofr_tuner_improvement(tuner, result->exits);
}

void ofr_tuner_evaluate(const struct ofr_tuner *tuner, const double *threshold,
                        struct ofr_tuner_result *result)
{
    *result = (struct ofr_tuner_result){.feasible = true, .complete = true, .ramps = tuner->ramps};
    memcpy(result->threshold, threshold, tuner->ramps * sizeof *threshold);
    for (uint32_t i = 0; i < tuner->samples; ++i) {
        uint32_t k = 0;
        while (k < tuner->ramps && !(tuner->ramp[k].score[i] < threshold[k]))
            ++k;
        result->exits[k]++;
        result->wrong += k < tuner->ramps && tuner_has(tuner->ramp[k].wrong, i);
    }
    result->evaluations = 1;
    fill_rates(tuner, result);
}

/* ---- search, before and after ---- */

/* Savings, their order, and at which ramps leaving early never hurts. */
static void rank_savings(struct ofr_tuner *tuner)
{
    double later = 0.0; /* most any way out below can save */
    tuner->ordered = true;
    for (uint32_t k = tuner->ramps; k-- > 0;) {
        struct tuner_ramp *ramp = &tuner->ramp[k];
        ramp->saving = tuner->costs.leave[tuner->ramps] - tuner->costs.leave[k];
        ramp->greedy_exits = ramp->saving >= later;
        tuner->ordered &= ramp->greedy_exits;
        later = ramp->saving > later ? ramp->saving : later;
    }
    for (uint32_t k = 0; k < tuner->ramps; ++k) {
        uint32_t at = k;
        for (; at > 0 && tuner->ramp[tuner->by_saving[at - 1]].saving < tuner->ramp[k].saving; --at)
            tuner->by_saving[at] = tuner->by_saving[at - 1];
        tuner->by_saving[at] = (uint8_t)k;
    }
}

bool ofr_tuner_start(struct ofr_tuner *tuner, int64_t max_wrong, struct ofr_tuner_result *result)
{
    tuner->found = false;
    tuner->thinned = false;
    tuner->evaluations = 0;
    tuner->nodes = 0;
    tuner->node_limit = UINT64_MAX;
    tuner->path.saved[0] = 0.0;
    tuner->path.wrong[0] = 0;
    if (max_wrong >= 0) {
        tuner->allowed = max_wrong < (int64_t)tuner->samples ? (uint32_t)max_wrong : tuner->samples;
        rank_savings(tuner);
        return true;
    }
    ofr_tuner_finish(tuner, result);
    result->complete = true;
    return false;
}

/* Thresholds when nothing is feasible: none leaves but at fixed ramps. */
static void give_up(struct ofr_tuner *tuner, struct ofr_tuner_result *result)
{
    double threshold[OFR_TUNER_MAX_RAMPS];
    for (uint32_t k = 0; k < tuner->ramps; ++k)
        threshold[k] = tuner_is_fixed(&tuner->ramp[k]) ? tuner->ramp[k].fixed : 0.0;
    ofr_tuner_evaluate(tuner, threshold, result);
    result->feasible = false;
}

/* Largest score among the samples of a set; the set is not empty. */
OFR_TUNER_HOT static double largest_in(const struct tuner_ramp *ramp, const uint64_t *alive,
                                       const uint64_t *below, uint32_t words)
{
    double largest = -INFINITY;
    for (uint32_t w = 0; w < words; ++w)
        for (uint64_t set = alive[w] & below[w]; set; set &= set - 1) {
            double score = ramp->score[64 * w + (uint32_t)__builtin_ctzll(set)];
            largest = score > largest ? score : largest;
        }
    return largest;
}

/* Smallest score above `low`; INFINITY when there is none. */
OFR_TUNER_HOT static double next_above(const double *score, uint32_t n, double low)
{
    double lane[4] = {INFINITY, INFINITY, INFINITY, INFINITY};
    uint32_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (uint32_t j = 0; j < 4; ++j) {
            double above = score[i + j] > low ? score[i + j] : INFINITY;
            lane[j] = above < lane[j] ? above : lane[j];
        }
    for (; i < n; ++i)
        lane[0] = score[i] > low && score[i] < lane[0] ? score[i] : lane[0];
    double a = lane[0] < lane[1] ? lane[0] : lane[1];
    double b = lane[2] < lane[3] ? lane[2] : lane[3];
    return a < b ? a : b;
}

static double threshold_above(const struct ofr_tuner *tuner, const struct tuner_ramp *ramp, double low)
{
    double high = next_above(ramp->score, tuner->samples, low);
    if (high == INFINITY)
        return nextafter(low, INFINITY);
    high = high < tuner->max_threshold ? high : tuner->max_threshold;
    double middle = low + (high - low) / 2;
    return middle > low ? middle : high;
}

static double threshold_of(const struct ofr_tuner *tuner, uint32_t k)
{
    const struct tuner_ramp *ramp = &tuner->ramp[k];
    if (tuner_is_fixed(ramp))
        return ramp->fixed;
    if (tuner->path.exits[k] == 0)
        return 0.0;
    const uint64_t *below = tuner_below(tuner, ramp, tuner->best_cut[k]);
    return threshold_above(tuner, ramp, largest_in(ramp, tuner->path.alive[k], below, tuner->words));
}

void ofr_tuner_finish(struct ofr_tuner *tuner, struct ofr_tuner_result *result)
{
    struct tuner_path *path = &tuner->path;
    if (!tuner->found) {
        give_up(tuner, result);
        result->evaluations += tuner->evaluations;
        return;
    }
    *result = (struct ofr_tuner_result){.feasible = true, .complete = !tuner->thinned, .ramps = tuner->ramps};
    for (uint32_t k = 0; k < tuner->ramps; ++k) {
        const uint64_t *below = tuner_below(tuner, &tuner->ramp[k], tuner->best_cut[k]);
        tuner_path_take(tuner, k, tuner->best_cut[k], 0);
        result->wrong += tuner_count_and3(path->alive[k], below, tuner->ramp[k].wrong, tuner->words);
        result->exits[k] = path->exits[k];
        result->threshold[k] = threshold_of(tuner, k);
    }
    result->exits[tuner->ramps] = tuner_count(path->alive[tuner->ramps], tuner->words);
    result->evaluations = tuner->evaluations;
    fill_rates(tuner, result);
}
