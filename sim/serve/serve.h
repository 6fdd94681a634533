/* The one loop: arrivals -> queue -> batcher -> executor -> feedback -> policy -> log.
 *
 * Everything that decides runs here, in simulation and in replay alike; only the clock, the executor and the
 * controller (on whose time a policy thinks) differ, and all three are ops tables. The loop takes the earliest of the next arrival and the next event, lets
 * the clock advance to it and handles it. When nothing is left to happen at an instant, free servers look for
 * work: the last stage of the mode first, whose requests have come the longest way.
 *
 * Order within one instant (event classes below): batches end, their results reach the policy, its decisions
 * take effect, requests arrive, wake-up times come, servers look for work.
 *
 * Invariants checked while running, reported as OFR_E_BUG with time, entity and seed: I1 conservation of
 * requests, I2 the clock never runs back, I3 arrival <= admitted <= dispatched <= released <= batch end, I4
 * no idle server while requests wait unless the batcher said until when.
 */
#ifndef OFR_SERVE_SERVE_H
#define OFR_SERVE_SERVE_H

#include "sim/engine/clock.h"
#include "sim/serve/batcher.h"
#include "sim/serve/controller.h"
#include "sim/serve/executor.h"
#include "sim/serve/mode.h"
#include "traces/runlog.h"
#include "workloads/arrivals.h"

/* X(name, value): order of events at one instant, and why. */
#define OFR_EVENT_CLASS_MAP(X)                                                                               \
    X(COMPLETE, 0) /* first, so that whoever acts at this instant finds the server free */                   \
    X(FEEDBACK, 1) /* results of ended batches reach the policy */                                           \
    X(CONTROL, 2)  /* a decision takes effect before anything is dispatched at this instant */               \
    X(ARRIVAL, 3)  /* join the queue before servers look for work */                                         \
    X(TIMER, 4)    /* a time-out includes the request that arrives at that very instant */                   \
    X(STOP, 5)     /* the run ends after everything that happens at its last instant */

enum ofr_event_class {
#define X(name, value) OFR_EVENT_##name = value,
    OFR_EVENT_CLASS_MAP(X)
#undef X
};

enum {
    OFR_MAX_SERVERS = 256,
    OFR_MAX_OBSERVERS = 4,
};

/* How arrivals are given samples of the recording. */
enum ofr_sample_order {
    OFR_SAMPLES_SEQUENTIAL, /* in recorded order, from the beginning again at the end; stream i of n starts at
                               i/n */
    OFR_SAMPLES_RANDOM,     /* drawn uniformly with replacement */
};

/* One stage of the mode: its queue, and what its batches cost. Both are borrowed. */
struct ofr_serve_stage {
    void *batcher_state;
    const struct ofr_profile *profile; /* with the sites of the model */
};

struct ofr_serve_setup {
    struct ofr_clock clock;                       /* borrowed */
    struct ofr_executor executor;                 /* borrowed */
    struct ofr_controller controller;             /* borrowed; without ops: inline */
    struct ofr_arrival_source arrivals;           /* borrowed */
    const struct ofr_batcher_ops *batcher;        /* static */
    const struct ofr_mode_ops *mode;              /* static; NULL: release */
    struct ofr_serve_stage stage[OFR_MAX_STAGES]; /* [mode->stages] */
    uint32_t sites;                               /* of the model */
    const struct offramp_policy_ops *policy;      /* borrowed */
    void *policy_state;                           /* borrowed */
    const char *policy_file;                 /* of a plug-in, whose faults are not ours; NULL = built in */
    struct offramp_exit_config first_config; /* as the policy's create wrote it */
    struct ofr_observer observer[OFR_MAX_OBSERVERS]; /* borrowed */
    uint32_t observers;
    uint32_t servers;      /* 1..OFR_MAX_SERVERS */
    uint32_t streams;      /* number of arrival streams */
    const int64_t *slo_ns; /* [streams]; -1 = none; borrowed during the run */
    uint32_t samples;      /* rows of the recording; 1 when there is none */
    const uint16_t *label; /* [samples] or NULL; borrowed */
    enum ofr_sample_order sample_order;
    uint64_t requests;   /* stop offering after so many; 0 = no limit */
    int64_t duration_ns; /* offer no arrival at or after this time; -1 = no limit */
    int64_t feedback_ns; /* from the end of a batch to its results reaching the policy */
    const bool *stop; /* once true, whenever the clock has answered: no further arrival, the run ends when the
                             system is empty; read on the loop's thread; NULL = never */
    bool cut_at_duration; /* also end the run there: what is in the system is unfinished */
    bool
        inputs_ahead; /* inputs of waiting requests travel to the device meanwhile (executor.h); one server */
    uint64_t seed;
    void (*progress)(void *state, uint64_t offered, int64_t now_ns); /* every 2^16 requests; may be NULL */
    void *progress_state;
};

struct ofr_serve_result {
    uint64_t offered;
    uint64_t outcome[OFR_OUTCOMES];
    int64_t end_ns; /* time of the last event */
};

/* Runs to the end. Returns 0 or the first error; the observers then hold what happened until then. */
int ofr_serve_run(const struct ofr_serve_setup *setup, struct ofr_serve_result *result,
                  struct ofr_error *err);

#endif
