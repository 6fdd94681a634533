/* Scenarios: everything one run needs, read from a YAML file (DESIGN: scenario files), checked, with defaults
 * filled in. The sections and their keys are option tables; `offramp help scenario` prints them.
 *
 *   name, requests, duration, end, slo, servers, seed          top level
 *   model:    profile, recording, noise, samples, ramp, ...    what runs and how long it takes
 *   arrivals: process + its options | trace + its options | streams: [ ... ]
 *   batching: policy + the batcher's options
 *   exits:    policy + mode + the policy's options; a policy with a '/' in its name is a shared object (plugin.h)
 */
#ifndef OFR_RUN_SCENARIO_H
#define OFR_RUN_SCENARIO_H

#include "sim/offramp_policy.h"
#include "sim/serve/batcher.h"
#include "sim/serve/executor.h"
#include "workloads/arrivals.h"

#include <stdio.h>

struct ofr_config;
struct ofr_plugin;

/* Top-level values; times in ns. */
struct ofr_scenario_top {
    char name[OFFRAMP_TEXT_SIZE];
    uint64_t requests;   /* 0 = as many as arrive */
    int64_t duration_ns; /* -1 = no limit */
    int32_t end;         /* enum ofr_scenario_end */
    int64_t slo_ns;      /* -1 = none */
    uint64_t servers;
    uint64_t seed;
};

enum ofr_scenario_end {
    OFR_END_DRAIN, /* serve what is in the system to the end */
    OFR_END_CUT,   /* stop at `duration`: the rest is unfinished */
};

struct ofr_scenario_model {
    char profile[OFFRAMP_TEXT_SIZE];
    char recording[OFFRAMP_TEXT_SIZE];     /* empty = none: only policies without ramps */
    char first_profile[OFFRAMP_TEXT_SIZE]; /* empty = the model up to its ramp; mode cascade alone */
    char times[OFFRAMP_TEXT_SIZE];         /* empty = those of the profile; not in mode cascade */
    int32_t noise;                         /* enum ofr_noise */
    uint64_t noise_stream;                 /* of the seed */
    int32_t samples;                       /* enum ofr_sample_order */
    struct offramp_texts without;          /* names of terms left out */
    uint32_t without_terms;                /* the same as a set, see ofr_terms_read */
    struct offramp_texts pace_text;        /* SIZE=FACTOR */
    struct ofr_pace pace;                  /* the same, read */
    /* Replace what the profile says; -1 = keep. */
    int64_t ramp_ns, dispatch_ns, copy_in_ns, copy_out_ns, release_ns, feedback_ns;
};

/* One entry of arrivals.streams, or the only one. */
struct ofr_scenario_stream {
    const struct ofr_arrival_ops *ops; /* static */
    void *options;                     /* owned, ops->component.options_size bytes; NULL when that is 0 */
    uint64_t count;                    /* how many streams like this */
    int64_t spread_ns;                 /* their starts are spread over so long */
    int32_t phases;                    /* 0 even, 1 random */
    int64_t slo_ns;                    /* -1 = none */
    uint64_t priority;                 /* 0 = the batcher's default */
    int64_t timeout_ns;                /* -1 = none */
};

struct ofr_scenario_exits {
    int32_t mode; /* index in ofr_modes */
};

struct ofr_scenario {
    struct ofr_scenario_top top;
    struct ofr_scenario_model model;
    struct ofr_scenario_stream *stream; /* [streams], owned */
    uint32_t streams;
    const struct ofr_batcher_ops *batcher; /* static */
    void *batcher_options;                 /* owned */
    struct ofr_scenario_exits exits;
    const struct offramp_policy_ops *policy; /* static, or the plug-in's */
    void *policy_options;                    /* owned */
    struct ofr_plugin *plugin;               /* owned; NULL = a built-in policy */
};

/* Reads `path`, applies `set` assignments (`a.b=c`) in order, binds and checks. Owned; free with
 * ofr_scenario_free. Errors: OFR_E_INPUT with file:line:column. */
int ofr_scenario_load(struct ofr_scenario **out, const char *path, const char *const *set, uint32_t sets,
                      struct ofr_error *err);
/* Binds an already read tree. */
int ofr_scenario_bind(struct ofr_scenario **out, struct ofr_config *config, struct ofr_error *err);
void ofr_scenario_free(struct ofr_scenario *scenario); /* NULL is allowed */

/* A copy that runs another policy with its default options: the vanilla run beside a run. `policy` is a name, or the
 * path of a plug-in as seen from the working folder. Owned. */
int ofr_scenario_with_policy(struct ofr_scenario **out, const struct ofr_scenario *scenario,
                             const char *policy, struct ofr_error *err);

/* The resolved scenario: every key, defaults included, as YAML that reads back to the same scenario. The caller frees it;
 * NULL when out of memory. */
char *ofr_scenario_text(const struct ofr_scenario *scenario);

/* The sections and their keys, for `offramp help scenario`. */
void ofr_scenario_help(FILE *out);

#endif
