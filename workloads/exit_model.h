/* Exit models: made-up recordings of any length that behave like a real one, or as one says.
 *
 * Concept. Each sample has a regime and a latent difficulty. The regime is the level: it changes after the
 * stretches of a schedule, either in the order given or as a semi-Markov chain drawn from it (after a stretch
 * of regime r comes one that follows some stretch of r in the schedule, each equally likely, with its
 * length). The difficulty is standard normal,
 *
 *     d(t) = sqrt(w) x(t) + sqrt(1 - w) e(t),    x(t) = phi x(t - 1) + sqrt(1 - phi^2) n(t),
 *
 * AR(1) plus noise, with autocorrelation w phi^h at lag h (`persistence` w, `memory` phi). With `changes:
 * sudden` x keeps its value with probability phi and is drawn anew otherwise, as from scene to scene of a
 * video: the same autocorrelation, but what holds for a sample holds for the whole scene. What a regime makes
 * of the difficulty is either
 *
 *   rows   a table of whole samples in order of difficulty: d picks the one at quantile P(d), so that marginals
 *          and everything that hangs together between sites (scores, answers, joint exits) are kept; this is
 *          what a fit makes; or
 *   exits  for every site k the probability to exit at `threshold`, and how often an answer agrees with the
 *          full model's when it exits and when it does not. Then z_k = loading * d + sqrt(1 - loading^2) e_k,
 *          the score is logistic(logit(threshold) + spread * (z_k - P^-1(exit_k))), and one uniform draw a
 *          sample decides about agreement at all sites, so that sites err together.
 *
 * Files: YAML, see docs/workloads.md. A model is immutable; any number of samplers may draw from it.
 */
#ifndef OFR_WORKLOADS_EXIT_MODEL_H
#define OFR_WORKLOADS_EXIT_MODEL_H

#include "sim/engine/random.h"
#include "sim/offramp_option.h"
#include "traces/recording.h"

enum {
    OFR_REGIMES_MAX = 64,
    OFR_STRETCHES_MAX = 1 << 16,
};

/* The values of a model file that are plain options. */
struct ofr_exit_model_head {
    char name[OFFRAMP_TEXT_SIZE];
    struct offramp_texts sites;
    uint64_t classes; /* 0 = unknown */
    int32_t order;    /* 0 recorded, 1 random */
    int32_t changes;  /* 0 gradual, 1 sudden */
    int32_t answers;  /* 0 class, 1 agreement */
    uint8_t entropy;  /* rows have it */
    double memory, persistence;
    double threshold, spread, loading; /* of `exits` regimes */
};

struct ofr_exit_regime {
    uint32_t rows;   /* 0: the probabilities below */
    float *top1;     /* owned; [rows][sites] */
    float *entropy;  /* owned; [rows][sites]; NULL without */
    uint16_t *value; /* owned; [rows][2 + sites]: final answer, label (UINT16_MAX = none), answers */
    double exit[OFFRAMP_MAX_SITES], agreement[OFFRAMP_MAX_SITES], otherwise[OFFRAMP_MAX_SITES];
};

struct ofr_stretch_of_regime {
    uint32_t regime;
    uint64_t samples;
};

struct ofr_exit_model {
    struct ofr_exit_model_head head;
    struct ofr_exit_regime *regime; /* owned; [regimes] */
    uint32_t regimes;
    struct ofr_stretch_of_regime *schedule; /* owned; [stretches] */
    uint32_t stretches;
    bool labels; /* every row has one */
};

/* Errors: OFR_E_INPUT with file:line:column, OFR_E_IO, OFR_E_NOMEM; then nothing is left of `model`. */
int ofr_exit_model_load(struct ofr_exit_model *model, const char *path, struct ofr_error *err);
int ofr_exit_model_save(const struct ofr_exit_model *model, const char *path, struct ofr_error *err);
void ofr_exit_model_release(struct ofr_exit_model *model);

/* Allocates the tables of a regime. */
int ofr_exit_regime_alloc(struct ofr_exit_regime *regime, uint32_t rows, uint32_t sites, bool entropy,
                          struct ofr_error *err);

/* One sample; arrays are the caller's, [sites]. */
struct ofr_exit_sample {
    float top1[OFFRAMP_MAX_SITES], entropy[OFFRAMP_MAX_SITES];
    uint16_t answer[OFFRAMP_MAX_SITES];
    uint16_t final_answer, label; /* label UINT16_MAX = none */
    uint8_t regime;
};

struct ofr_exit_sampler {
    const struct ofr_exit_model *model; /* borrowed */
    struct ofr_random random;
    double level; /* x of the AR(1) */
    uint32_t stretch;
    uint64_t left; /* samples of the stretch */
};

void ofr_exit_sampler_init(struct ofr_exit_sampler *sampler, const struct ofr_exit_model *model,
                           uint64_t seed);
void ofr_exit_sampler_next(struct ofr_exit_sampler *sampler, struct ofr_exit_sample *sample);

/* Writes `samples` of them to a recording, in constant memory. */
int ofr_exit_model_generate(const struct ofr_exit_model *model, uint64_t seed, uint64_t samples,
                            const char *path, const struct ofr_notes *provenance, struct ofr_error *err);

/* Fits a model with up to `regimes` regimes and `rows` rows to a recording; deterministic.
 *
 * Difficulty of a sample: the mean over sites of the normal score of its error score, plus the share of sites
 * that disagree. Regimes: blocks of samples, clustered by their mean normal scores and disagreement at every
 * site (k-means); the schedule is the blocks' order. Rows: of every regime, evenly spaced in order of
 * difficulty. Memory and persistence: least squares on the autocorrelation of difficulty within stretches
 * (Nelder and Mead's simplex, GSL). Changes: sudden when the steps
 * of difficulty have a kurtosis above 6 (a Gaussian AR(1) has 3). */
int ofr_exit_model_fit(struct ofr_exit_model *model, const struct ofr_recording *recording, uint32_t regimes,
                       uint32_t rows, struct ofr_error *err);

/* How well a model keeps a recording, from as many samples drawn with `seed`. Thresholds are the deciles of
 * each site's error score in the recording; gaps are differences of probabilities. */
struct ofr_exit_report {
    uint32_t sites;
    double marginal_gap[OFFRAMP_MAX_SITES];    /* largest over the deciles: P(score < t) */
    double agreement[OFFRAMP_MAX_SITES];       /* of the recording */
    double agreement_gap[OFFRAMP_MAX_SITES];   /* of the overall share */
    double given_score_gap[OFFRAMP_MAX_SITES]; /* P(agrees | tenth of the score), mean over the tenths */
    double joint_gap;                          /* P(exit at both), largest over pairs of sites and deciles */
    uint32_t joint_site[2];
    double any_gap; /* P(exit anywhere), the same decile at every site; largest */
    uint32_t lag[4];
    double autocorrelation[2][4]; /* of difficulty: recording, model */
};
int ofr_exit_model_report(struct ofr_exit_report *report, const struct ofr_exit_model *model,
                          const struct ofr_recording *recording, uint64_t seed, struct ofr_error *err);

/* Shared by fit and report: difficulty of every sample. Owned, [samples]; NULL when out of memory. */
double *ofr_exit_difficulty(const float *top1, const uint8_t *agrees, uint32_t samples, uint32_t sites);

#endif
