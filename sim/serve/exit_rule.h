/* The exit rule, shared by every executor: a request leaves at the first active ramp, in order, whose score is below
 * its threshold (strictly; a threshold of 0 never lets anyone leave). */
#ifndef OFR_SERVE_EXIT_RULE_H
#define OFR_SERVE_EXIT_RULE_H

#include "sim/model/criterion.h"

/* Compared in double: a threshold is one, and a score of single precision is exact in it. */
static inline bool ofr_exit_below(float score, double threshold)
{
    return (double)score < threshold;
}

/* Patience: how many ramps in a row, back from column k, answered as the active ramp before them. */
static inline float ofr_exit_patience(const struct offramp_exit_config *config,
                                      const struct ofr_recording *recording, uint32_t sample, uint32_t k)
{
    const uint16_t *answer = recording->answer + (size_t)sample * recording->sites;
    uint32_t first = k;
    while (first > 0 && answer[config->site[first - 1]] == answer[config->site[first]])
        --first;
    return 1.0F / (float)(1 + k - first);
}

/* Score of the ramp in column k of the configuration, from a recording. */
static inline float ofr_exit_score(const struct offramp_exit_config *config,
                                   const struct ofr_recording *recording, uint32_t sample, uint32_t k)
{
    if (config->criterion == OFFRAMP_CRITERION_PATIENCE)
        return ofr_exit_patience(config, recording, sample, k);
    return ofr_criterion_score(config->criterion, recording, sample, config->site[k]);
}

/* The column a sample leaves at; config->ramps = it runs to the end. */
static inline uint32_t ofr_exit_find(const struct offramp_exit_config *config,
                                     const struct ofr_recording *recording, uint32_t sample)
{
    uint32_t k = 0;
    while (k < config->ramps &&
           !ofr_exit_below(ofr_exit_score(config, recording, sample, k), config->threshold[k]))
        ++k;
    return k;
}

/* The class that the ramp in column k chose, from a recording. */
static inline uint16_t ofr_exit_answer(const struct offramp_exit_config *config,
                                       const struct ofr_recording *recording, uint32_t sample, uint32_t k)
{
    return recording->answer[(size_t)sample * recording->sites + config->site[k]];
}

#endif
