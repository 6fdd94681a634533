/* The rules of shared tuner cases once more, slow and plain, to hold the tuner against: evaluation sample by
 * sample in doubles, brute force over every threshold that makes a difference, the full grid, and the hill
 * climb of the system the cases come from, with its slips. Nothing here uses the tuner. */
#ifndef OFR_TESTS_SUPPORT_TUNER_REFERENCE_H
#define OFR_TESTS_SUPPORT_TUNER_REFERENCE_H

#include "sim/policy/tuner_case.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reference {
    double threshold[OFR_TUNER_MAX_RAMPS];
    double acc, improvement_pct;
    uint32_t exits[OFR_TUNER_MAX_RAMPS + 1];
    uint32_t calls;
    bool feasible;
};

static inline double reference_round(double x, int digits)
{
    char text[64];
    snprintf(text, sizeof text, "%.*f", digits, x);
    return strtod(text, NULL);
}

static inline struct reference reference_evaluate(const struct ofr_tuner_case *kase, const double *threshold)
{
    struct reference out = {.feasible = false};
    uint32_t correct = 0;
    memcpy(out.threshold, threshold, kase->ramps * sizeof *threshold);
    for (uint32_t i = 0; i < kase->samples; ++i) {
        uint32_t at = kase->ramps;
        for (uint32_t k = kase->ramps; k-- > 0;)
            if (kase->score[(size_t)k * kase->samples + i] < threshold[k])
                at = k;
        out.exits[at]++;
        correct += at == kase->ramps || kase->agrees[(size_t)at * kase->samples + i];
    }
    double latency = 0.0;
    for (uint32_t k = 0; k <= kase->ramps; ++k)
        latency += (double)out.exits[k] / kase->samples * kase->costs.leave[k];
    out.improvement_pct = (kase->costs.vanilla - latency) / kase->costs.vanilla * 100;
    out.acc = reference_round((double)correct / kase->samples, 7);
    return out;
}

static inline bool reference_feasible(double acc, double budget)
{
    return fabs(1 - acc) < budget;
}

/* Best of all combinations of the candidates; fixed ramps have one. */
static inline struct reference reference_search(const struct ofr_tuner_case *kase, double budget,
                                                double *const *candidate, const uint32_t *candidates)
{
    uint32_t at[OFR_TUNER_MAX_RAMPS] = {0};
    struct reference best = {.improvement_pct = -INFINITY};
    for (;;) {
        double threshold[OFR_TUNER_MAX_RAMPS];
        for (uint32_t k = 0; k < kase->ramps; ++k)
            threshold[k] = isnan(kase->fixed[k]) ? candidate[k][at[k]] : kase->fixed[k];
        struct reference now = reference_evaluate(kase, threshold);
        if (reference_feasible(now.acc, budget) && now.improvement_pct > best.improvement_pct) {
            best = now;
            best.feasible = true;
        }
        uint32_t k = kase->ramps;
        while (k > 0 && (!isnan(kase->fixed[k - 1]) || ++at[k - 1] == candidates[k - 1]))
            at[--k] = 0;
        if (k == 0)
            return best;
    }
}

/* Every threshold that makes a difference: 0, and just above each score. */
static inline struct reference reference_brute(const struct ofr_tuner_case *kase, double budget)
{
    double *candidate[OFR_TUNER_MAX_RAMPS];
    uint32_t count[OFR_TUNER_MAX_RAMPS];
    for (uint32_t k = 0; k < kase->ramps; ++k) {
        candidate[k] = malloc((kase->samples + 1) * sizeof *candidate[k]);
        candidate[k][0] = 0.0;
        count[k] = 1;
        for (uint32_t i = 0; i < kase->samples; ++i) {
            double above = nextafter(kase->score[(size_t)k * kase->samples + i], 2.0);
            uint32_t c = 0;
            while (c < count[k] && candidate[k][c] != above)
                ++c;
            if (c == count[k] && above <= 1.0)
                candidate[k][count[k]++] = above;
        }
    }
    struct reference best = reference_search(kase, budget, candidate, count);
    for (uint32_t k = 0; k < kase->ramps; ++k)
        free(candidate[k]);
    return best;
}

static inline struct reference reference_grid(const struct ofr_tuner_case *kase, double budget, double step)
{
    double value[1024];
    double *candidate[OFR_TUNER_MAX_RAMPS];
    uint32_t count[OFR_TUNER_MAX_RAMPS], n = 0;
    for (; reference_round(n * step, 10) <= 1.0; ++n)
        value[n] = reference_round(n * step, 10);
    for (uint32_t k = 0; k < kase->ramps; ++k) {
        candidate[k] = value;
        count[k] = n;
    }
    return reference_search(kase, budget, candidate, count);
}

/* ---- the other system's hill climb ---- */

struct reference_direction {
    int choice; /* -1: none */
    struct reference next;
    bool positive[OFR_TUNER_MAX_RAMPS];
};

static inline struct reference_direction reference_explore(const struct ofr_tuner_case *kase, double budget,
                                                           const struct reference *now, const double *step,
                                                           uint32_t *calls)
{
    struct reference_direction out = {.choice = -1};
    struct reference first = {.feasible = false};
    double best = INFINITY;
    int first_positive = -1;
    uint32_t equal = 0;
    for (uint32_t k = 0; k < kase->ramps; ++k) {
        if (!isnan(kase->fixed[k]))
            continue;
        double threshold[OFR_TUNER_MAX_RAMPS];
        memcpy(threshold, now->threshold, sizeof threshold);
        threshold[k] = reference_round(threshold[k] + step[k], 4);
        struct reference tried = reference_evaluate(kase, threshold);
        ++*calls;
        if (!reference_feasible(tried.acc, budget))
            continue;
        bool same = tried.improvement_pct == now->improvement_pct;
        double score = fabs(tried.acc - now->acc) / fabs(tried.improvement_pct - now->improvement_pct);
        equal += same;
        if (!same && score < best) {
            best = score;
            out.choice = (int)k;
            out.next = tried;
        }
        out.positive[k] = same || tried.acc == now->acc;
        if (out.positive[k] && first_positive < 0) {
            first_positive = (int)k;
            first = tried;
        }
    }
    if (equal == kase->ramps) {
        out.choice = 0;
        out.next = *now;
    } else if (out.choice <= 0 && first_positive >= 0) {
        out.choice = first_positive;
        out.next = first;
    }
    return out;
}

static inline bool reference_halve(const struct ofr_tuner_case *kase, const struct reference *now,
                                   double *step)
{
    bool halved = false;
    for (uint32_t k = 0; k < kase->ramps; ++k)
        if (reference_round(step[k], 4) > 0.001 && now->threshold[k] <= 1) {
            step[k] /= 2;
            halved = true;
        }
    return halved;
}

static inline struct reference reference_greedy(const struct ofr_tuner_case *kase, double budget)
{
    double threshold[OFR_TUNER_MAX_RAMPS], step[OFR_TUNER_MAX_RAMPS];
    for (uint32_t k = 0; k < kase->ramps; ++k) {
        threshold[k] = isnan(kase->fixed[k]) ? 0.0 : kase->fixed[k];
        step[k] = isnan(kase->fixed[k]) ? 0.01 : 0.001;
    }
    struct reference now = reference_evaluate(kase, threshold);
    uint32_t calls = 1;
    for (;;) {
        struct reference_direction way = reference_explore(kase, budget, &now, step, &calls);
        if (way.choice >= 0 && now.threshold[way.choice] <= 1) {
            memcpy(threshold, now.threshold, sizeof threshold);
            threshold[way.choice] = reference_round(threshold[way.choice] + step[way.choice], 4);
            now = way.next;
            memcpy(now.threshold, threshold, sizeof threshold);
            for (uint32_t k = 0; k < kase->ramps; ++k)
                if ((int)k == way.choice || way.positive[k])
                    step[k] *= 2;
        } else if (!reference_halve(kase, &now, step)) {
            now.calls = calls;
            now.feasible = reference_feasible(now.acc, budget);
            return now;
        }
    }
}

#endif
