/* Executors: what runs a batch. One of the two things that differ between simulation and replay (the other is
 * the clock): the simulated executor takes times from a latency profile and answers from a recording, a real
 * one drives a device.
 *
 * A batch is submitted when its server is idle. The executor fills the batch's results - release time, exit,
 * answers per request, and the end of the batch - either before `submit` returns, with the (future) time at
 * which it ends, or later, in which case `poll` hands the batch back once it has ended. It never touches a batch
 * outside these two calls: the core may drop a batch that has not ended when the run is cut.
 *
 * Inputs ahead. While a batch runs, the inputs of requests that wait can travel to the device already. The core offers
 * them with `prepare`, one after the other in order of admission, whenever it has nothing else to do; which of them the
 * next batch will have it does not know. A row of a batch that has not travelled travels with the batch.
 */
#ifndef OFR_SERVE_EXECUTOR_H
#define OFR_SERVE_EXECUTOR_H

#include "sim/base/error.h"
#include "sim/model/profile.h"
#include "sim/model/terms.h"
#include "sim/offramp_policy.h"
#include "sim/serve/mode.h"
#include "sim/serve/places.h"
#include "traces/recording.h"

#include <stdint.h>

/* A formed batch. Arrays belong to the core and have room for max_batch requests (times ramps where said). */
struct ofr_batch {
    int64_t id;
    int64_t dispatched_ns; /* submitted: the server is busy from here */
    int64_t ended_ns;      /* result */
    int64_t notice_ns;     /* result, where the end is foretold: from the end to the loop acting on it */
    int64_t latest_ns;     /* given up when it cannot start by then */
    uint32_t size;         /* requests */
    uint32_t pad_to;       /* the batcher wants it run at this size at least */
    uint32_t padded;       /* result: profiled size it ran at */
    uint32_t queue_length; /* requests left waiting at dispatch */
    uint16_t server;
    uint8_t reason;                    /* enum ofr_reason */
    uint8_t cut;                       /* the run was cut while it ran */
    uint8_t stage;                     /* of the mode: whose queue it comes from, whose profile it runs at */
    struct offramp_exit_config config; /* in force at dispatch */
    uint32_t *slot;                    /* [size] request pool slots */
    uint32_t *sample;                  /* [size] rows of the recording */
    uint32_t *place;                   /* [size] where their inputs are that travelled ahead (places.h) */
    int64_t *released_ns;              /* result [size] */
    uint16_t *exit_ramp;         /* result [size]: column of config it left at; config.ramps = at none */
    uint16_t *answer;            /* result [size]: released class */
    uint16_t *final_answer;      /* result [size]: class of the full model */
    float *score;                /* result [size][config.ramps], only when the policy wants feedback */
    uint16_t *ramp_answer;       /* result [size][config.ramps], likewise */
    struct ofr_batch *next;      /* list the core keeps it in */
    struct ofr_batch *allocated; /* list of all batches of the run */
};

/* Rows a batch needs before the profile's own padding. */
static inline uint32_t ofr_batch_rows(const struct ofr_batch *batch)
{
    return batch->pad_to > batch->size ? batch->pad_to : batch->size;
}

struct ofr_executor_ops {
    const char *name;
    /* Required. Starts a batch at the smallest profiled size >= ofr_batch_rows(); its server is idle and its
     * size within the profile. `ended_ns` < 0 afterwards means that `poll` will hand it back. */
    int (*submit)(void *state, struct ofr_batch *batch, int64_t now_ns, struct ofr_error *err);
    /* Required when submit may leave batches unfinished. 1: `*batch` has ended; 0: none has; negative: the device
     * has failed. */
    int (*poll)(void *state, struct ofr_batch **batch, struct ofr_error *err);
    /* Both required where inputs travel ahead (setup->inputs_ahead of serve.h). `prepare` sends the input of a waiting
     * request on its way and says to which place, OFR_PLACE_NONE = no room before the next batch begins; the place is
     * then the request's until it is submitted with its batch (batch->place), or given back by `forget`. */
    int (*prepare)(void *state, uint32_t sample, uint32_t *place, struct ofr_error *err);
    void (*forget)(void *state, uint32_t place);
};

struct ofr_executor {
    const struct ofr_executor_ops *ops;
    void *state; /* borrowed */
};

/* How execution times vary around the profile's medians. */
enum ofr_noise {
    OFR_NOISE_NONE,    /* medians as they are */
    OFR_NOISE_SAMPLES, /* whole passes drawn from the profile's samples; parts scale along, or, in a profile
                              measured along the whole path, shift along */
    OFR_NOISE_EXPONENTIAL, /* exponential whole pass with the median as its mean: for queueing-theory checks
                            */
};

/* Batches run at these sizes take so many times as long as the profile says, in all their parts. */
struct ofr_pace {
    uint32_t count;
    uint32_t size[OFFRAMP_MAX_SITES];
    double factor[OFFRAMP_MAX_SITES]; /* > 0 */
};

struct ofr_sim_executor_setup {
    const struct ofr_profile *profile[OFR_MAX_STAGES]; /* of each stage; borrowed */
    const struct ofr_recording *recording; /* borrowed; NULL: every answer is 0 and no ramp may be active */
    enum ofr_noise noise;
    bool feedback;               /* fill score and ramp_answer */
    uint32_t max_batch;          /* of the batcher; read only where inputs travel ahead */
    bool inputs_ahead;           /* see ofr_profile_has_ahead; one server, one stage */
    uint32_t servers;            /* <= OFR_MAX_SERVERS */
    uint32_t without;            /* terms left out, see ofr_terms_read */
    int64_t notice_ns;           /* from the end of a batch without ramps to the loop acting on it */
    const struct ofr_pace *pace; /* borrowed; NULL = as the profile says */
    uint64_t seed;
    uint32_t noise_stream; /* execution times come from this stream of the seed */
};

struct ofr_sim_executor;
int ofr_sim_executor_create(struct ofr_sim_executor **out, const struct ofr_sim_executor_setup *setup,
                            struct ofr_error *err);
void ofr_sim_executor_destroy(struct ofr_sim_executor *executor); /* NULL is allowed */
/* From the end of such a batch, which the profile can run, to the loop acting on it. */
int64_t ofr_sim_executor_notice_ns(const struct ofr_sim_executor *executor, const struct ofr_batch *batch);
extern const struct ofr_executor_ops ofr_sim_executor_ops; /* state: struct ofr_sim_executor */

#endif
