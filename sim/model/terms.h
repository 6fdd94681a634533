/* Terms of the latency model: what besides the kernels' own times a simulation takes into account, each measured and
 * kept in the profile (profile.h). `model.without` in a scenario leaves terms out, so that a comparison with a real
 * run shows what each is worth.
 *
 * A term whose quantities a profile lacks counts for nothing.
 */
#ifndef OFR_MODEL_TERMS_H
#define OFR_MODEL_TERMS_H

#include "sim/base/error.h"
#include "sim/offramp_option.h"

#include <stdbool.h>
#include <stdint.h>

/* X(NAME, text, what it stands for) */
#define OFR_TERM_MAP(X)                                                                                      \
    X(DISPATCH, "dispatch", "from the decision to dispatch to the first kernel")                             \
    X(COPIES, "copies", "inputs to the device, results to the host")                                         \
    X(AHEAD, "ahead", "inputs of requests that wait travel while another batch runs")                        \
    X(RELEASE, "release", "from a ramp's decision to the host seeing it")                                    \
    X(LAUNCH, "launch", "what a whole pass takes beyond the sum of its parts")                               \
    X(RAMPS, "ramps", "what ramps beside the backbone add and wait in a whole pass, beyond each by itself")  \
    X(ANSWERS, "answers", "the full model's answers are seen before the batch has ended")                    \
    X(NOTICE, "notice", "from the end of a batch to the loop acting on it")                                  \
    X(CLOCK, "clock", "a pass is slower until the device has settled to a load")                             \
    X(START, "start", "from the beginning of a run to the loop's first dispatch")                            \
    X(IDLE, "idle", "how much slower a pass is after its device has idled")                                  \
    X(JITTER, "jitter", "passes vary; needs noise: samples")                                                 \
    X(RUNS, "runs", "a slow pass is likelier after a slow one")                                              \
    X(FEEDBACK, "feedback", "results on their way to the policy and its answer back")                        \
    X(CONTROL, "control", "the time the policy takes to decide")

enum ofr_term {
#define X(name, text, help) OFR_TERM_##name,
    OFR_TERM_MAP(X)
#undef X
    OFR_TERMS
};

extern const char *const ofr_term_names[]; /* [OFR_TERMS], NULL-terminated */
extern const char *const ofr_term_help[];  /* [OFR_TERMS] */

/* A set of terms, bit `1u << term` each. Errors: OFR_E_INPUT naming a word that is none and those that are. */
int ofr_terms_read(uint32_t *out, const struct offramp_texts *names, struct ofr_error *err);

static inline bool ofr_term_on(uint32_t without, enum ofr_term term)
{
    return !(without >> term & 1);
}

/* What a term adds to a time: 0 where it is left out. */
static inline int64_t ofr_term_ns(uint32_t without, enum ofr_term term, int64_t time_ns)
{
    return ofr_term_on(without, term) ? time_ns : 0;
}

#endif
