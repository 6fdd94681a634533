/* Windows for the tuner's tests and benchmark: made from a seed, correlated over ramps, easy or hard. */
#ifndef OFR_TESTS_SUPPORT_TUNER_CASES_H
#define OFR_TESTS_SUPPORT_TUNER_CASES_H

#include "sim/engine/random.h"
#include "sim/policy/tuner_case.h"

#include <math.h>
#include <stdlib.h>

/* What kind of window: bits that may be combined. */
enum tuner_kind {
    TUNER_HARD = 1,     /* ramps are wrong more often, and surer of it */
    TUNER_TIES = 2,     /* confidences on a 0.01 grid */
    TUNER_RIGHT = 4,    /* every ramp agrees on every sample */
    TUNER_CONSTANT = 8, /* every confidence is the same */
    TUNER_LOOSE = 16,   /* ramps know little of each other */
    TUNER_BESIDE =
        32, /* ramps beside the backbone with delays of their own: savings need not fall with depth */
};

/* A window of n samples and R ramps in line between 15 % and 90 % of a 16.4 ms model, each ramp 0.18 ms. A
 * sample has a difficulty that all ramps see through noise that shrinks with depth; a ramp is wrong more
 * often the less sure it is. */
static inline void tuner_case_make(struct ofr_tuner_case *out, uint32_t n, uint32_t ramps, unsigned kind,
                                   uint64_t seed)
{
    struct ofr_random random;
    ofr_random_init(&random, seed, OFR_RANDOM_TEST, 0);
    *out = (struct ofr_tuner_case){.samples = n, .ramps = ramps, .shadow = -1};
    out->score = malloc(sizeof *out->score * n * ramps);
    out->agrees = malloc(sizeof *out->agrees * n * ramps);
    double until[OFR_TUNER_MAX_RAMPS + 1], add[OFR_TUNER_MAX_RAMPS], delay[OFR_TUNER_MAX_RAMPS];
    for (uint32_t k = 0; k < ramps; ++k) {
        out->ramp_id[k] = k;
        out->fixed[k] = NAN;
        until[k] = 16.4 * (0.15 + 0.75 * (k + ofr_random_uniform(&random)) / ramps);
        add[k] = 0.17 + 0.02 * ofr_random_uniform(&random);
        delay[k] = kind & TUNER_BESIDE ? 5.0 * ofr_random_uniform(&random) : add[k];
    }
    until[ramps] = 16.4;
    ofr_tuner_costs_from(&out->costs, ramps, until, add, delay);
    for (uint32_t i = 0; i < n; ++i) {
        double difficulty = ofr_random_normal(&random, kind & TUNER_HARD ? 0.3 : -0.6, 1.0);
        for (uint32_t k = 0; k < ramps; ++k) {
            double depth = (k + 1.0) / ramps;
            double noise = (kind & TUNER_LOOSE ? 1.0 : 0.35) * (1.2 - 0.8 * depth);
            double margin = fabs(2.2 * depth + 0.3 - difficulty + ofr_random_normal(&random, 0.0, noise));
            double conf = 1.0 / (1.0 + exp(-1.6 * margin));
            double p_wrong = (kind & TUNER_HARD ? 0.9 : 0.6) * (1.0 - conf) * (1.3 - depth);
            double scale = kind & TUNER_TIES ? 100.0 : 1e6;
            conf = (floor(conf * scale) + (kind & TUNER_TIES ? 0.0 : 0.5)) / scale;
            conf = kind & TUNER_CONSTANT ? 0.75 : conf;
            out->score[(size_t)k * n + i] = 1 - conf;
            out->agrees[(size_t)k * n + i] = kind & TUNER_RIGHT || ofr_random_uniform(&random) >= p_wrong;
        }
    }
}

#endif
