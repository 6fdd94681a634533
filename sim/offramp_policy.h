/* Exit policies: the interface every policy, built in or loaded from a shared object, implements.
 *
 * A policy decides which ramps are active and at which thresholds. It never touches a queue, a clock or a
 * device: it receives *feedback* about batches that have ended, and answers with *decisions* that take effect
 * at a later dispatch. The same object therefore drives the simulator (virtual time) and the replayer (real
 * time).
 *
 *   create ──► initial configuration ──► [ dispatch with it ] ──► feedback ──► decision ──► new configuration
 * ...
 *
 * Time: `now_ns` counts integer nanoseconds from the start of the run. Feedback of a batch arrives when the
 * batch has ended plus the profile's feedback transfer delay; a decision takes effect `cost_ns` later
 * (simulation) or when the call returned (replay), and never changes a batch already dispatched. All calls
 * for one policy object come from one thread at a time.
 *
 * A policy cannot see the future: before the feedback of a batch has been delivered it knows nothing of its
 * inputs. A policy that sets OFFRAMP_POLICY_HINDSIGHT is shown the recording when it is created, before the run it
 * is judged on; one that sets OFFRAMP_POLICY_ORACLE decides with every input's own answer. Every report says which.
 *
 * Plug-ins: a shared object that defines `const struct offramp_policy_ops offramp_policy` is a policy; a scenario names
 * it by its path (`exits: {policy: ./mine.so}`). `abi_version` must equal OFFRAMP_POLICY_ABI_VERSION. Structs only grow
 * at the end. The host checks hooks, flags, name and option table when it loads the object, and every configuration the
 * policy writes; what it cannot take ends the run with one line that names the file. Several runs may share one
 * loaded object, each with a `state` of its own, on different threads: keep nothing in static variables.
 * docs/write-a-policy.md is the tutorial, workloads/plugins/skeleton.c the policy to start from.
 */
#ifndef OFFRAMP_POLICY_H
#define OFFRAMP_POLICY_H

#include "offramp_option.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Goes up when a struct below changes otherwise than by growing at its end. */
#define OFFRAMP_POLICY_ABI_VERSION 1

/* How a ramp's output becomes the score that is compared with its threshold; exit when score < threshold
 * (strict). */
enum offramp_criterion {
    OFFRAMP_CRITERION_TOP1,    /* 1 - top softmax probability, 0..1 (Apparate) */
    OFFRAMP_CRITERION_ENTROPY, /* entropy of the softmax in nats, 0..ln(classes) (BranchyNet, DeeBERT) */
    OFFRAMP_CRITERION_AGREES,  /* 0 when the ramp's answer equals the full model's, else 1: oracle policies
                                  only */
    OFFRAMP_CRITERION_PATIENCE, /* 1 / (1 + n), where n active ramps in a row, this one the last, gave the answer of the
                                   active ramp before them: 1 at the first ramp, 1/2 after one agreement (PABEE) */
};

enum offramp_policy_flags {
    OFFRAMP_POLICY_FEEDBACK = 1u << 0,  /* wants feedback(); without it none is gathered */
    OFFRAMP_POLICY_ORACLE = 1u << 1,    /* uses knowledge no deployed policy has; reports say "oracle" */
    OFFRAMP_POLICY_HINDSIGHT = 1u << 2, /* create() is given the recording; reports say "hindsight" */
    OFFRAMP_POLICY_CASCADE = 1u << 3, /* one ramp behind which a second model waits: for mode cascade alone */
};

/* One exit configuration. Ramps are listed from shallow to deep, each site at most once. A batch keeps the
 * configuration it was dispatched with. */
struct offramp_exit_config {
    uint32_t ramps;                      /* number of active ramps, <= sites */
    int32_t criterion;                   /* enum offramp_criterion */
    bool free_ramps;                     /* ramps cost nothing (oracle without ramp cost); needs ORACLE */
    uint16_t site[OFFRAMP_MAX_SITES];    /* [ramps], strictly ascending, < sites */
    double threshold[OFFRAMP_MAX_SITES]; /* [ramps], >= 0; 0 never exits */
};

/* What the latency profile says, per profiled batch size. Borrowed; valid for the policy's life. */
struct offramp_latency_view {
    uint32_t sites;        /* ramp sites, shallow to deep */
    uint32_t batch_count;  /* profiled batch sizes, ascending */
    const uint32_t *batch; /* [batch_count] */
    const int64_t
        *until_ns; /* [batch_count][sites + 1] start of the pass to the site; last column: full model */
    const int64_t *ramp_add_ns;   /* [batch_count][sites] what an active ramp adds to everything after it */
    const int64_t *ramp_delay_ns; /* [batch_count][sites] from the site reached to the answer released */
};

/* What a policy with OFFRAMP_POLICY_HINDSIGHT knows before the run: what every ramp and the full model answer to every
 * sample, in recorded order. Arrays are row-major, borrowed, and valid during create(). */
struct offramp_hindsight {
    uint32_t size; /* sizeof this struct as the host knows it */
    uint32_t samples;
    uint32_t reach;    /* leading samples the run can come to; = samples unless it is known to end before */
    uint32_t sites;    /* as latency.sites */
    uint32_t classes;  /* 0 = unknown */
    const float *top1; /* [samples][sites] top softmax probability; the error score is 1.0f - top1 */
    const float *entropy;         /* [samples][sites] nats; NULL = not recorded */
    const uint16_t *answer;       /* [samples][sites] class the ramp chose */
    const uint16_t *final_answer; /* [samples] class the full model chose */
};

struct offramp_policy_setup {
    uint32_t size; /* sizeof this struct as the host knows it */
    struct offramp_latency_view latency;
    const char *const *site_names; /* [latency.sites], borrowed */
    uint32_t max_batch;            /* largest batch the batcher may form */
    void *host;
    void (*say)(void *host,
                const char *line); /* tells the user something once, e.g. that a budget pays for no
                                                  ramp; never NULL */
    uint64_t seed;                 /* of the policy's own random stream */
    const struct offramp_hindsight *hindsight; /* with OFFRAMP_POLICY_HINDSIGHT, else NULL */
};

/* Results of one ended batch. Everything is borrowed and valid during the call. Row r is the r-th request of
 * the batch in dispatch order; column k belongs to config->site[k]. Every active ramp reports every row, also
 * rows that had left earlier, because the batch always runs to its end. */
struct offramp_feedback {
    uint32_t size; /* sizeof this struct as the host knows it */
    int64_t now_ns, dispatched_ns, ended_ns;
    uint32_t rows;           /* requests in the batch */
    uint32_t padded_rows;    /* profiled batch size it ran at */
    uint32_t queue_length;   /* requests still waiting at dispatch */
    uint32_t in_flight_rows; /* dispatched, feedback not yet delivered; this batch not counted */
    const struct offramp_exit_config *config; /* the batch was dispatched with */
    const float *score;                       /* [rows][config->ramps] */
    const uint16_t *answer;                   /* [rows][config->ramps] class the ramp chose */
    const uint16_t *final_answer;             /* [rows] class the full model chose */
    const uint16_t *exit_ramp;                /* [rows] column it left at; config->ramps = ran to the end */
};

/* A change of configuration the policy asks for, and what the decision log keeps of it. The host hands it out with no
 * ramp, no prediction (NaN), no cost and nothing changed; a configuration keeps the first one's criterion. */
struct offramp_decision {
    struct offramp_exit_config config;
    char trigger[24];          /* why: "accuracy", "adjust", ... */
    double predicted_gain_pct; /* predicted mean latency change, per cent of vanilla; NaN = no prediction */
    int64_t cost_ns;           /* >= 0: modelled time the decision takes to compute (simulation) */
    uint32_t evaluations;      /* configurations evaluated on the way */
    bool changed; /* config differs from the one in force; false: time was spent, nothing changes */
};

struct offramp_policy_ops {
    uint32_t abi_version; /* OFFRAMP_POLICY_ABI_VERSION */
    uint32_t flags;       /* enum offramp_policy_flags */
    const char *name;
    const char *help; /* one line */
    const struct offramp_option *options;
    uint32_t option_count;
    size_t options_size;

    /* Required. Creates the policy from its parsed options (borrowed for the call) and writes the first
     * configuration (zeroed before). Returns 0, or -1 with one line in `why` (why_size bytes); what it
     * had made by then it has released, `destroy` is not called. */
    int (*create)(void **state, const struct offramp_policy_setup *setup, const void *options,
                  struct offramp_exit_config *first, char *why, size_t why_size);
    /* Required. NULL is allowed. */
    void (*destroy)(void *state);
    /* Required with OFFRAMP_POLICY_FEEDBACK. Takes one batch; returns true when it fills `decision`. */
    bool (*feedback)(void *state, const struct offramp_feedback *feedback, struct offramp_decision *decision);
};

#if defined(__GNUC__)
#define OFFRAMP_EXPORT __attribute__((visibility("default")))
#else
#define OFFRAMP_EXPORT
#endif

/* What a plug-in defines, and the only thing of it the host looks up. */
#ifdef __cplusplus
extern "C" {
#endif
extern OFFRAMP_EXPORT const struct offramp_policy_ops offramp_policy;
#ifdef __cplusplus
}
#endif

#endif
