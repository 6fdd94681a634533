/* Threshold-tuner cases: a window of samples with its costs as a JSON file (keys `n ramp_ids conf acc
 * latency_list`, optional `name shadow_ramp_idx fixed_ramps`; other keys are left alone).
 *
 * Ramps stand in line: leaving at a ramp costs the model up to there plus every active ramp up to and
 * including it. The score is `1 - conf` in doubles. A shadow ramp is left out altogether, of the search and
 * of the costs, as the system the format comes from does; a 0 stands for it among the thresholds of the file.
 *
 * Complaints name the file and the line and column (syntax) or the path of the key (contents), what was found
 * and what was expected.
 */
#ifndef OFR_POLICY_TUNER_CASE_H
#define OFR_POLICY_TUNER_CASE_H

#include "sim/policy/tuner.h"

struct ofr_tuner_case {
    char name[64];
    uint32_t samples;
    uint32_t ramps; /* active and not shadow */
    uint32_t ramp_id[OFR_TUNER_MAX_RAMPS];
    double fixed[OFR_TUNER_MAX_RAMPS]; /* threshold a ramp is kept at; NaN = searched */
    int32_t shadow;                    /* row of the shadow ramp in the file; -1 = none */
    struct ofr_tuner_costs costs;      /* ms */
    double *score;                     /* [ramps][samples] owned */
    uint8_t *agrees;                   /* [ramps][samples] owned */
};

/* Returns 0, OFR_E_INPUT, OFR_E_IO or OFR_E_NOMEM; on failure nothing is held. */
int ofr_tuner_case_load(struct ofr_tuner_case *out, const char *path, struct ofr_error *err);
void ofr_tuner_case_release(struct ofr_tuner_case *kase);
/* Puts the case into a tuner created for at least its size. */
void ofr_tuner_case_put(const struct ofr_tuner_case *kase, struct ofr_tuner *tuner);
/* Thresholds with the shadow ramp's 0 inserted, for the rows of the file. Returns how many. */
uint32_t ofr_tuner_case_thresholds(const struct ofr_tuner_case *kase, const struct ofr_tuner_result *result,
                                   double threshold[OFR_TUNER_MAX_RAMPS + 1]);

#endif
