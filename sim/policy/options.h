/* Rows of the option tables that several policies share: one key, one range, one default. `OPTIONS` is the policy's own
 * struct, in which the member has the key's name. */
#ifndef OFR_POLICY_OPTIONS_H
#define OFR_POLICY_OPTIONS_H

#include "sim/model/criterion.h"
#include "sim/offramp_policy.h"

/* double: 0.0001..0.5 */
#define OFR_ACCURACY_LOSS_ROW(OPTIONS, HELP)                                                                 \
    {                                                                                                        \
        .name = "accuracy_loss", .type = OFFRAMP_OPT_SHARE, .offset = offsetof(OPTIONS, accuracy_loss),      \
        .fallback = "1%", .min = 0.0001, .max = 0.5, .help = (HELP)                                          \
    }

/* double: 0.0001..1 */
#define OFR_RAMP_BUDGET_ROW(OPTIONS)                                                                         \
    {                                                                                                        \
        .name = "ramp_budget", .type = OFFRAMP_OPT_SHARE, .offset = offsetof(OPTIONS, ramp_budget),          \
        .fallback = "2%", .min = 0.0001, .max = 1,                                                           \
        .help = "what active ramps may add to an input that never exits, at every batch size"                \
    }

/* uint64_t: 1..64 */
#define OFR_MAX_RAMPS_ROW(OPTIONS)                                                                           \
    {                                                                                                        \
        .name = "max_ramps", .type = OFFRAMP_OPT_COUNT, .offset = offsetof(OPTIONS, max_ramps),              \
        .fallback = "64", .min = 1, .max = 64,                                                               \
        .help = "most ramps active at once, whatever the budget allows"                                      \
    }

/* int32_t: top1 or entropy */
#define OFR_CRITERION_ROW(OPTIONS, FALLBACK)                                                                 \
    {                                                                                                        \
        .name = "criterion", .type = OFFRAMP_OPT_CHOICE, .offset = offsetof(OPTIONS, criterion),             \
        .fallback = (FALLBACK), .choices = ofr_criterion_choices,                                            \
        .help = "error score: 1 - top softmax probability, or entropy in nats"                               \
    }

/* double: 0.0001..1 */
#define OFR_TUNE_SHARE_ROW(OPTIONS)                                                                          \
    {                                                                                                        \
        .name = "tune_share", .type = OFFRAMP_OPT_SHARE, .offset = offsetof(OPTIONS, tune_share),            \
        .fallback = "10%", .min = 0.0001, .max = 1,                                                          \
        .help = "leading share of the samples tuned on; 100% = hindsight of the whole run"                   \
    }

/* uint64_t: 1..65536; the profile may end below */
#define OFR_TUNE_BATCH_ROW(OPTIONS, HELP)                                                                    \
    {                                                                                                        \
        .name = "tune_batch", .type = OFFRAMP_OPT_COUNT, .offset = offsetof(OPTIONS, tune_batch),            \
        .fallback = "1", .min = 1, .max = 65536, .help = (HELP)                                              \
    }

/* struct offramp_texts: the ramps of a policy that does not choose them */
#define OFR_RAMPS_ROW(OPTIONS, HELP)                                                                         \
    {                                                                                                        \
        .name = "ramps", .type = OFFRAMP_OPT_TEXTS, .offset = offsetof(OPTIONS, ramps), .fallback = "[]",    \
        .help = (HELP)                                                                                       \
    }

#endif
