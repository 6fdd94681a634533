/* What the parts of the CUDA device share.
 *
 *   memory.c   what is taken, and for what          linear.c   cuBLASLt
 *   model.c    weights and tensors in memory        conv.cu, attention.cu, layernorm.cu, shape.cu, ramp.cu, ends.cu
 *   plan.c     the network at one batch size: a list of kernel calls
 *   tune.c     times the ways in which a call can be made, keeps the fastest
 *   graph.c    a plan as a CUDA graph, ramps on a forked branch
 *   measure.c  what `profile` wants to know         observe.c  clocks and temperature
 *   device.c   the ops table: create, submit, ...
 *
 * Streams. Passes run in order on `compute`, each with a kernel before it that gathers its inputs. Inputs that travel
 * ahead do so on `copy`, by the copy engine, while a pass runs; the pass that wants them waits for an event when `copy`
 * has not ended by its submission. `side` exists only while a graph is captured: it is the ramps' branch.
 */
#ifndef OFR_REPLAY_CUDA_STATE_H
#define OFR_REPLAY_CUDA_STATE_H

#include "replay/cuda/attention.h"
#include "replay/cuda/choices.h"
#include "replay/cuda/conv.h"
#include "replay/cuda/ends.h"
#include "replay/cuda/layernorm.h"
#include "replay/cuda/linear.h"
#include "replay/cuda/memory.h"
#include "replay/cuda/model.h"
#include "replay/cuda/ramp.h"
#include "replay/cuda/shape.h"
#include "replay/device.h"

struct CUstream_st;
struct CUevent_st;
struct CUgraphExec_st;
struct CUgraph_st;
struct CUgraphNode_st;

enum {
    OFR_CUDA_LANES = 2
};

/* One operator at one batch size. */
struct ofr_cuda_step {
    enum ofr_op_kind kind;
    bool from_input; /* reads the lane's input: its `in` is filled in per lane */
    int32_t site;    /* that its output completes; -1 = none */
    union {
        struct ofr_cuda_conv conv; /* CONV, LINEAR */
        struct ofr_cuda_preprocess preprocess;
        struct ofr_cuda_maxpool maxpool;
        struct ofr_cuda_mean mean; /* MEAN, TAKE */
        struct ofr_cuda_embed embed;
        struct ofr_cuda_layernorm layernorm;
        struct ofr_cuda_attention attention;
    } of;
    struct ofr_cuda_linear *linear; /* owned; NULL = the library cannot do it */
    int32_t algorithm;              /* >= 0: the library's; -1: own kernel with `tile` */
    struct ofr_cuda_tile tile;
};

struct ofr_cuda_plan {
    uint32_t batch;
    struct ofr_cuda_step *step;        /* [net->ops], owned */
    struct ofr_cuda_ramp_shape *shape; /* [net->sites], owned */
    bool *folded;                      /* [net->sites], owned: the site's operator pools */
};

struct ofr_cuda_lane {
    void *in;
    struct ofr_cuda_control *control;
    float *ramp_logits, *logits;  /* [sites][stride][classes], [stride][classes] */
    uint64_t *ramp_cell, *cell;   /* pinned: [sites][stride], [stride] */
    uint32_t *ended;              /* pinned */
    struct ofr_cuda_copy_in copy; /* the next pass's arguments */
};

struct ofr_cuda_graph {
    struct CUgraph_st *source; /* owned; its nodes name the ramps */
    struct CUgraphExec_st *exec;
    struct CUgraphNode_st **ramp; /* [sites], owned */
    uint64_t active;              /* sites whose ramps are on */
};

struct ofr_cuda {
    const struct ofr_net *net; /* borrowed */
    int32_t index;
    bool ramps_in_line;
    uint32_t batches, stride;
    uint32_t *batch; /* [batches], owned */
    uint32_t processors;
    struct ofr_cuda_memory memory;
    struct ofr_cuda_model model;
    struct ofr_cuda_lane lane[OFR_CUDA_LANES];
    struct ofr_cuda_plan *plan;                     /* [batches], owned */
    struct ofr_cuda_graph (*graph)[OFR_CUDA_LANES]; /* [batches], owned */
    void *pool;                                     /* pinned inputs */
    void *ahead;                                    /* [places] inputs that have travelled ahead, device */
    uint32_t inputs;
    size_t input_bytes;
    void *library, *workspace; /* cuBLASLt */
    uint64_t *ramp_sum;
    int64_t *
        *pooled_sum; /* [sites], owned: device, of struct ofr_cuda_pooling; NULL where ramps pool nothing */
    uint32_t *head_count;
    uint64_t *stamp; /* pinned [stride + 2]: ramps', start of copy-in, start of head; what measure reads */
    uint32_t *call;  /* pinned: of the echo */
    struct CUstream_st *compute, *copy, *side;
    struct CUevent_st *copied, *forked, *joined, *begin, *end;
    struct ofr_cuda_observer *observer; /* owned; NULL where the driver's library is missing */
    struct ofr_cuda_choices choices;    /* of kernels */
    double tune_s, create_s;
    size_t other_bytes; /* device memory the driver and libraries took for graphs and code */
};

/* plan.c */
int ofr_cuda_plan_init(struct ofr_cuda *cuda, struct ofr_cuda_plan *plan, uint32_t batch,
                       struct ofr_error *err);
void ofr_cuda_plan_release(struct ofr_cuda_plan *plan, uint32_t ops);
/* Launches operator `at`; returns a CUDA or cuBLASLt status, 0 = fine. FLATTEN launches nothing. */
int ofr_cuda_step_run(const struct ofr_cuda *cuda, const struct ofr_cuda_plan *plan, uint32_t at,
                      uint32_t lane, bool overlap, struct CUstream_st *stream);
/* Arguments of the ramp at `site`, and of the head. */
struct ofr_cuda_ramp ofr_cuda_plan_ramp(const struct ofr_cuda *cuda, const struct ofr_cuda_plan *plan,
                                        uint32_t site, uint32_t lane);
struct ofr_cuda_head ofr_cuda_plan_head(const struct ofr_cuda *cuda, const struct ofr_cuda_plan *plan,
                                        uint32_t lane);

/* Lets the site's operator pool where it can. Once it is known how the operator runs, and before its ramp is tuned. */
void ofr_cuda_plan_fold(const struct ofr_cuda *cuda, struct ofr_cuda_plan *plan, uint32_t site);

/* tune.c: chooses tile or algorithm of every step and the shape of every ramp. */
int ofr_cuda_tune(struct ofr_cuda *cuda, struct ofr_cuda_plan *plan, struct ofr_error *err);
/* Whether the outputs of sites `a` and `b` have one shape (height, width, channels), so that their ramps do the same. */
bool ofr_cuda_same_ramp(const struct ofr_net *net, uint32_t a, uint32_t b);

/* graph.c */
enum ofr_cuda_part {
    OFR_CUDA_RAMPS = 1 << 0,   /* every site's, switched off */
    OFR_CUDA_IN_LINE = 1 << 1, /* on the backbone */
    OFR_CUDA_HEAD = 1 << 2,
    OFR_CUDA_STAMP = 1 << 3,  /* ramps note the time */
    OFR_CUDA_HOLLOW = 1 << 4, /* an empty kernel for every ramp: what its fork costs */
    OFR_CUDA_RAMP_FIRST =
        1 << 5, /* forked ramps captured before the operator that follows: what that costs */
};
/* Captures operators [0, ops) of a plan with the parts asked for. */
int ofr_cuda_graph_init(struct ofr_cuda *cuda, struct ofr_cuda_graph *graph, const struct ofr_cuda_plan *plan,
                        uint32_t lane, uint32_t ops, uint32_t parts, struct ofr_error *err);
/* Captures what `record` launches on the stream it is given. `source`: gets the graph itself, NULL = not wanted. */
int ofr_cuda_graph_capture(struct ofr_cuda *cuda, struct CUgraphExec_st **exec, struct CUgraph_st **source,
                           int (*record)(const struct ofr_cuda *, const void *, struct CUstream_st *),
                           const void *what, struct ofr_error *err);
/* Switches exactly these sites' ramps on. */
int ofr_cuda_graph_activate(struct ofr_cuda_graph *graph, uint32_t sites, uint64_t active,
                            struct ofr_error *err);
/* The same, and tells the operators that pool for these ramps, as a pass on lane 0 would. NULL: no graph. While nothing
 * runs. */
int ofr_cuda_graph_switch(struct ofr_cuda *cuda, struct ofr_cuda_graph *graph, uint64_t active,
                          struct ofr_error *err);
void ofr_cuda_graph_release(struct ofr_cuda_graph *graph);
/* Device time of `count` replays, ns each. */
int ofr_cuda_graph_time(struct ofr_cuda *cuda, struct CUgraphExec_st *exec, int64_t *sample_ns,
                        uint32_t count, struct ofr_error *err);

/* device.c: the pass's control, its samples and the copy; the lane is the pass's. */
int ofr_cuda_copy_pass(struct ofr_cuda *cuda, const struct ofr_pass *pass, bool stamp,
                       struct CUstream_st *stream, struct ofr_error *err);
/* Position of a batch size among those of the device. Errors: OFR_E_USAGE naming it. */
int ofr_cuda_batch(const struct ofr_cuda *cuda, uint32_t batch, uint32_t *at, struct ofr_error *err);

/* measure.c */
int ofr_cuda_measure(void *state, const struct ofr_measure *what, int64_t *sample_ns, uint32_t count,
                     struct ofr_error *err);

/* observe.c: NULL when the driver's management library cannot be loaded. */
struct ofr_cuda_observer *ofr_cuda_observer_open(const char *bus);
void ofr_cuda_observer_close(struct ofr_cuda_observer *observer); /* NULL is allowed */
void ofr_cuda_observe(struct ofr_cuda_observer *observer,
                      struct ofr_device_state *out); /* NULL: all unknown */
/* Driver version, or "unknown". */
void ofr_cuda_observer_driver(struct ofr_cuda_observer *observer, char *out, size_t size);

#endif
