/* Private to the cpu device: its state, shared by cpu.c (passes) and cpu_measure.c (timing), and plan.c (memory). */
#ifndef OFR_REPLAY_CPU_CPU_H
#define OFR_REPLAY_CPU_CPU_H

#include "replay/bell.h"
#include "replay/cpu/product.h"
#include "replay/device.h"

#include <pthread.h>

enum {
    OFR_CPU_LANES = 2
};

/* A network ready to run: weights in f32, one task per operator, memory for everything. */
struct ofr_cpu_plan {
    const struct ofr_net *net; /* borrowed */
    float **value, **bias;     /* [weights], owned */
    float **slot;              /* [slots], owned: activations whose lives do not overlap share one */
    uint32_t slots;
    int32_t *slot_of;         /* [tensors] owned; -1 = the input */
    void *input;              /* owned: n inputs of the largest batch */
    float *pooled;            /* owned */
    uint32_t *batch, batches; /* owned: sizes passes run at, ascending */
    struct ofr_cpu_engine engine;
    struct ofr_cpu_product *product; /* [batches][ops], owned; the last batch's hold the weights */
    struct ofr_cpu_task *task;       /* [ops], owned; n is set for each pass */
    size_t weight_bytes, activation_bytes;
};

/* Errors: OFR_E_NOMEM. Release also after a failure. */
int ofr_cpu_plan_init(struct ofr_cpu_plan *plan, const struct ofr_net *net, const struct ofr_weights *weights,
                      const uint32_t *batch, uint32_t batches, struct ofr_error *err);
void ofr_cpu_plan_release(struct ofr_cpu_plan *plan);
/* Runs operators [from, to) over n inputs, n one of the batch sizes. */
void ofr_cpu_plan_run(struct ofr_cpu_plan *plan, uint32_t from, uint32_t to, uint32_t n);
const float *ofr_cpu_plan_tensor(const struct ofr_cpu_plan *plan, int32_t tensor); /* not the input */

struct ofr_cpu_lane {
    _Atomic uint64_t *ramp, *full; /* owned */
    float *logits;                 /* owned, [sites + 1][stride][classes]; the last is the full model's */
    _Atomic uint32_t ended;
};

/* A pass as the worker sees it. */
struct ofr_cpu_pass {
    uint32_t ticket, lane, rows, padded;
    uint32_t *sample; /* [stride], owned */
    uint32_t *place;  /* [stride], owned; see struct ofr_pass */
    struct offramp_exit_config config;
};

struct ofr_cpu {
    struct ofr_cpu_plan plan;
    const struct ofr_net *net;
    struct ofr_device_inputs inputs;
    struct ofr_cpu_lane lane[OFR_CPU_LANES];
    struct ofr_cpu_pass pass[OFR_CPU_LANES]; /* by lane */
    char *ahead;                             /* [places] inputs that have travelled ahead, owned */
    uint32_t stride, threads;
    uint32_t submitted;            /* passes handed over; the worker takes them in order */
    uint32_t order[OFR_CPU_LANES]; /* lanes in order of submission, a ring */
    _Atomic bool quit;
    struct ofr_bell bell;
    pthread_t thread;
    bool running, bell_made;
    /* For measuring dispatch and release: when the worker began its last pass and wrote its first ramp cell. */
    _Atomic int64_t begun_ns, ramp_ns;
};

void ofr_cpu_copy_in(struct ofr_cpu *device, const struct ofr_cpu_pass *pass);
/* Column k of the pass's configuration, its site's tensor being ready. */
void ofr_cpu_run_ramp(struct ofr_cpu *device, const struct ofr_cpu_pass *pass, uint32_t k);
void ofr_cpu_copy_out(struct ofr_cpu *device, const struct ofr_cpu_pass *pass);
int ofr_cpu_submit(void *state, const struct ofr_pass *pass, struct ofr_error *err);
int ofr_cpu_measure(void *state, const struct ofr_measure *what, int64_t *sample_ns, uint32_t count,
                    struct ofr_error *err);

#endif
