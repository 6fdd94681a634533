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
 *   runs   a table of whole samples (`rows`) and runs of consecutive samples of a recording, each sample the row
 *          that stands for it: the regime plays its runs in an order drawn anew, each once before any comes
 *          again, and goes on with the one it was in when a stretch ended. A block bootstrap within regimes
 *          (Kuensch 1989), so that what neighbouring samples have in common is the recording's own, whatever
 *          its law; difficulty has no part in it. This is what a fit makes; or
 *   rows   the same table without runs, in order of difficulty: d picks the row at quantile P(d), so that
 *          marginals and everything that hangs together between sites (scores, answers, joint exits) are kept; or
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
    OFR_STEPS_MAX = 1 << 17, /* samples in the runs of a regime; of all regimes in a fit */
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
    uint32_t runs;   /* 0: difficulty picks the row */
    uint32_t *start; /* owned; [runs + 1] where each run begins in `step` */
    uint32_t *step;  /* owned; [start[runs]] rows in order of time */
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

/* Allocates the tables of a regime; the second those of its runs, `steps` samples in all. */
int ofr_exit_regime_alloc(struct ofr_exit_regime *regime, uint32_t rows, uint32_t sites, bool entropy,
                          struct ofr_error *err);
int ofr_exit_regime_alloc_runs(struct ofr_exit_regime *regime, uint32_t runs, uint32_t steps,
                               struct ofr_error *err);

/* One sample; arrays are the caller's, [sites]. */
struct ofr_exit_sample {
    float top1[OFFRAMP_MAX_SITES], entropy[OFFRAMP_MAX_SITES];
    uint16_t answer[OFFRAMP_MAX_SITES];
    uint16_t final_answer, label; /* label UINT16_MAX = none */
    uint8_t regime;
};

/* Where a regime is in its runs. */
struct ofr_exit_deck {
    uint32_t *order; /* [runs] numbers of runs as shuffled last; borrowed from the sampler */
    uint32_t dealt;  /* of them played or begun; 0: to be shuffled */
    uint32_t at;     /* next step of the run begun last */
};

struct ofr_exit_sampler {
    const struct ofr_exit_model *model; /* borrowed */
    struct ofr_random random;
    double level; /* x of the AR(1) */
    uint32_t stretch;
    uint64_t left;              /* samples of the stretch */
    struct ofr_exit_deck *deck; /* owned; [regimes] */
    uint32_t *order;            /* owned; of all decks */
};

/* Errors: OFR_E_NOMEM; then there is nothing to release. */
int ofr_exit_sampler_init(struct ofr_exit_sampler *sampler, const struct ofr_exit_model *model, uint64_t seed,
                          struct ofr_error *err);
void ofr_exit_sampler_release(struct ofr_exit_sampler *sampler);
void ofr_exit_sampler_next(struct ofr_exit_sampler *sampler, struct ofr_exit_sample *sample);

/* Writes `samples` of them to a recording, in constant memory. */
int ofr_exit_model_generate(const struct ofr_exit_model *model, uint64_t seed, uint64_t samples,
                            const char *path, const struct ofr_notes *provenance, struct ofr_error *err);

/* What carries the likeness of neighbouring samples in a fitted model. */
enum ofr_exit_form {
    OFR_EXIT_RUNS,      /* runs of the recording's own samples */
    OFR_EXIT_DIFFICULTY /* the latent difficulty */
};

struct ofr_exit_fit {
    enum ofr_exit_form form;
    uint32_t regimes; /* most of them; 0 = 8 for runs, 24 for difficulty; runs: at most one for 8 blocks */
    uint32_t rows;    /* most of them, all regimes together; 0 = 131,072 for runs, 8,192 for difficulty */
};

/* Fits a model to a recording; deterministic.
 *
 * Regimes: blocks of samples (runs: a sixteenth of the recording, 250 to 1,000 samples; difficulty: 250), clustered
 * by mean error score and disagreement at every site (k-means); the schedule is the blocks' order.
 *
 * Runs: every block is one of its regime; of recordings of more than 131,072 samples every n-th, so that about as many
 * are kept in all and never more in one regime. Rows:
 * those samples; with fewer rows the ones that stand for the others by tree-structured vector quantisation of normal
 * scores and disagreement at all sites (exit_model_internal.h).
 *
 * Difficulty of a sample: the mean over sites of the normal score of its error score, plus the share of sites
 * that disagree. Rows: of every regime, evenly spaced in order of difficulty. Memory and persistence: least squares on
 * the autocorrelation of difficulty within stretches (Nelder and Mead's simplex, GSL). Changes: sudden when the steps
 * of difficulty have a kurtosis above 6 (a Gaussian AR(1) has 3). */
int ofr_exit_model_fit(struct ofr_exit_model *model, const struct ofr_recording *recording,
                       const struct ofr_exit_fit *how, struct ofr_error *err);

/* How well a model keeps a recording, from as many samples drawn with `seed`. Thresholds are the deciles of
 * each site's error score in the recording; gaps are differences of probabilities. */
struct ofr_exit_report {
    uint32_t sites;
    double marginal_gap[OFFRAMP_MAX_SITES];    /* largest over the deciles: P(score < t) */
    double agreement[OFFRAMP_MAX_SITES];       /* of the recording */
    double agreement_gap[OFFRAMP_MAX_SITES];   /* of the overall share */
    double given_score_gap[OFFRAMP_MAX_SITES]; /* P(agrees | tenth of the score), mean over the tenths */
    /* inputs in a row that exit wrongly, mean: recording, model; at the score below which 1 % of the recording's do;
     * 0 = none does */
    double burst[2][OFFRAMP_MAX_SITES];
    double joint_gap; /* P(exit at both), largest over pairs of sites and deciles */
    uint32_t joint_site[2];
    double any_gap; /* P(exit anywhere), the same decile at every site; largest */
    uint32_t lag[4];
    /* of difficulty: recording, model; NaN = nothing varies, or too few samples */
    double autocorrelation[2][4];
};
int ofr_exit_model_report(struct ofr_exit_report *report, const struct ofr_exit_model *model,
                          const struct ofr_recording *recording, uint64_t seed, struct ofr_error *err);

/* Shared by fit and report: difficulty of every sample. Owned, [samples]; NULL when out of memory. With `normal`,
 * [samples][2 * sites], the normal score of each site's error score goes into its first half of a row. */
double *ofr_exit_difficulty(const float *top1, const uint8_t *agrees, uint32_t samples, uint32_t sites,
                            float *normal);

#endif
